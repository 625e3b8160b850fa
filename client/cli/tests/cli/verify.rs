//! `boop verify` over the shared vectors and over bad input.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cases::{codes, expected, run_of, set, to_base64, to_pem, verify};
use crate::run::{boop, boop_with_input, vectors};

const REPORT: &str = "snp/genoa-v3-vcek-b";
const DOCUMENT: &str = "nitro/prod-2021-03-minimal";

#[test]
fn every_genuine_vector_gets_its_stated_verdict_at_its_time() {
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let mut cases = 0;
    for (kind, file) in [("snp", "report"), ("nitro", "document")] {
        for case in genuine(&folder.join(kind)) {
            let expected = expected(&case);
            let evidence = case.join(expected[file].as_str().expect("a file"));

            let run = verify(&evidence, &expected, &["--json"]);

            let accept = expected["verdict"] == "accept";
            assert_eq!(run.code, Some(i32::from(!accept)), "{case:?}: {run:?}");
            let verdict = run.json();
            assert_eq!(verdict["accepted"], accept, "{case:?}");
            assert_eq!(verdict["authentic"], expected["authentic"], "{case:?}");
            let stated = codes(&expected["reject_reasons"]);
            assert_eq!(codes(&verdict["reasons"]), stated, "{case:?}");
            assert_eq!(
                codes(&verdict["flags"]),
                codes(&expected["flags"]),
                "{case:?}"
            );
            cases += 1;
        }
    }
    assert!(cases > 30, "the vectors are complete: {cases}");
}

#[test]
fn a_genuine_report_reads_as_words() {
    let Some((run, expected)) = run_of(REPORT, "report", &[]) else {
        return;
    };

    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.out.starts_with("accepted: authentic and allowed"),
        "{run:?}"
    );
    for words in [
        "platform       AMD SEV-SNP, report version 3",
        "product        Genoa",
        "signed by      VCEK",
        "firmware       boot loader ",
        "debug          off",
        "judged         by p0 at 2026-06-01T00:00:00Z (as asked)",
        "took the certificate",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    let measurement = expected["decoded"]["measurement"].as_str().expect("text");
    assert!(run.out.contains(measurement), "{}", run.out);
    assert!(!run.out.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn the_json_of_a_verdict_has_its_fields() {
    let Some((run, _)) = run_of(REPORT, "report", &["--json"]) else {
        return;
    };

    let verdict = run.json();
    assert_eq!(verdict["policy"], "p0");
    assert_eq!(verdict["bound"], false);
    assert_eq!(verdict["judged_at"], "2026-06-01T00:00:00Z");
    assert_eq!(verdict["facts"]["platform"], "sev-snp");
    assert_eq!(verdict["facts"]["product"], "Genoa");
    assert_eq!(verdict["facts"]["signed_by"], "vcek");
    assert_eq!(verdict["facts"]["debug"], false);
    assert_eq!(verdict["binding"], Value::Null);
    let steps = verdict["steps"].as_array().expect("a list");
    assert!(steps.len() > 15, "{}", steps.len());
    for step in steps {
        for field in ["name", "level", "outcome", "title", "detail", "why"] {
            assert!(step[field].is_string(), "{field}: {step}");
        }
    }
}

#[test]
fn report_data_binds_a_report_and_other_data_refuses_it() {
    let Some((run, _)) = run_of(REPORT, "report", &["--json"]) else {
        return;
    };
    let data = run.json()["facts"]["report_data"]
        .as_str()
        .expect("text")
        .to_owned();
    let wrong = "00".repeat(64);

    let (bound, _) = run_of(REPORT, "report", &["--json", "--report-data", &data]).expect("here");
    let (other, _) = run_of(REPORT, "report", &["--json", "--report-data", &wrong]).expect("here");

    assert_eq!(
        (bound.code, &bound.json()["bound"]),
        (Some(0), &Value::Bool(true))
    );
    assert_eq!(other.code, Some(1));
    assert_eq!(
        codes(&other.json()["reasons"]),
        set(&["report-data-mismatch"])
    );
}

#[test]
fn a_report_without_its_certificate_is_refused_and_told_what_is_missing() {
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let report = fs::read(folder.join(REPORT).join("report.bin")).expect("here");

    let run = boop_with_input(["verify", "-", "--at", "2026-06-01T00:00:00Z"], &report);

    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("endorsement-key-missing"), "{run:?}");
    assert!(run.out.contains("give one with --vek"), "{run:?}");
}

#[test]
fn certificates_are_read_as_der_and_as_pem() {
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let case = folder.join(REPORT);
    let scratch = tempfile::tempdir().expect("a folder");
    let report = scratch.path().join("report.bin");
    fs::copy(case.join("report.bin"), &report).expect("copied");
    let pem = scratch.path().join("vcek.pem");
    let der = fs::read(case.join("vek.der")).expect("here");
    fs::write(&pem, to_pem(&der)).expect("written");
    let intermediate = folder.join("snp/roots/genoa-ask.der");

    for vek in [case.join("vek.der"), pem] {
        let run = boop([
            "verify".as_ref(),
            report.as_os_str(),
            "--vek".as_ref(),
            vek.as_os_str(),
            "--intermediate".as_ref(),
            intermediate.as_os_str(),
            "--at".as_ref(),
            "2026-06-01T00:00:00Z".as_ref(),
        ]);

        assert_eq!(run.code, Some(0), "{run:?}");
    }
}

#[test]
fn a_document_past_its_time_says_so_and_names_the_time() {
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let document = folder.join(DOCUMENT).join("document.cbor");

    let run = boop(["verify".as_ref(), document.as_os_str()]);

    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("certificate-outside-validity"), "{run:?}");
    assert!(
        run.out
            .contains("this one holds with --at 2021-03-17T22:01:55Z"),
        "{run:?}"
    );
}

#[test]
fn a_document_is_read_as_base64_and_from_a_pipe() {
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let case = folder.join(DOCUMENT);
    let document = fs::read(case.join("document.cbor")).expect("here");
    let at = expected(&case)["verify_time"]
        .as_str()
        .expect("text")
        .to_owned();

    for input in [document.clone(), to_base64(&document).into_bytes()] {
        let run = boop_with_input(["verify", "-", "--at", &at], &input);

        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.out.contains("AWS Nitro Enclaves"), "{run:?}");
    }
}

#[test]
fn a_nonce_must_be_the_documents() {
    let Some((right, _)) = run_of("nitro/prod-2022-11-nonce32", "document", &["--json"]) else {
        return;
    };
    let nonce = right.json()["facts"]["nonce"]
        .as_str()
        .expect("text")
        .to_owned();
    let with = |nonce: &str| {
        let arguments = ["--json", "--nonce", nonce];
        run_of("nitro/prod-2022-11-nonce32", "document", &arguments)
            .expect("here")
            .0
    };

    let (answered, wrong) = (with(&nonce), with("0011223344556677"));

    assert_eq!(
        (answered.code, &answered.json()["bound"]),
        (Some(0), &Value::Bool(true))
    );
    assert_eq!(wrong.code, Some(1));
    assert_eq!(codes(&wrong.json()["reasons"]), set(&["nonce-mismatch"]));
}

#[test]
fn simulated_evidence_needs_its_roots_and_the_flag() {
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let scratch = tempfile::tempdir().expect("a folder");
    let roots = scratch.path().join("roots.toml");
    let hex_of = |path: &str| hex::encode(fs::read(folder.join(path)).expect("a root"));
    let text = format!(
        "genoa = \"{}\"\nturin = \"{}\"\nnitro = \"{}\"\n",
        hex_of("snp/roots/synthetic/genoa-ark.der"),
        hex_of("snp/roots/synthetic/turin-ark.der"),
        hex_of("nitro/roots/synthetic-root.der"),
    );
    fs::write(&roots, text).expect("written");
    let roots = roots.to_str().expect("text");
    let ask = folder.join("snp/roots/synthetic/genoa-ask.der");
    let ask = ask.to_str().expect("text");

    for (case, file, more) in [
        ("nitro/syn-baseline", "document", &[][..]),
        (
            "snp/syn-baseline-genoa-v3",
            "report",
            &["--intermediate", ask][..],
        ),
    ] {
        let refused = run_of(case, file, &[more, &["--json"]].concat())
            .expect("here")
            .0;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert_eq!(refused.json()["authentic"], false);

        let flags = [
            more,
            &["--json", "--roots", roots, "--danger-simulated-tee"],
        ]
        .concat();
        let accepted = run_of(case, file, &flags).expect("here").0;
        assert_eq!(accepted.code, Some(0), "{accepted:?}");
        assert_eq!(accepted.json()["simulated"], true);
    }
}

#[test]
fn input_that_is_no_evidence_is_refused_with_a_precise_line() {
    let scratch = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    };
    let empty = file("empty", b"");
    let garbage = file("garbage", b"this is no evidence");
    let missing = scratch.path().join("missing");
    let cases = [
        (empty.as_path(), "is empty"),
        (
            garbage.as_path(),
            "is neither an SEV-SNP report, nor a Nitro document, nor a TSM report, a CMW or an",
        ),
        (missing.as_path(), "cannot read"),
        (
            scratch.path(),
            "is a folder without a file outblob; a folder must be an entry of configfs-tsm",
        ),
    ];

    for (path, line) in cases {
        let run = boop(["verify".as_ref(), path.as_os_str()]);

        assert_eq!(run.code, Some(2), "{run:?}");
        assert_eq!(run.out, "");
        assert!(run.err.starts_with("boop: "), "{run:?}");
        assert!(run.err.contains(line), "{run:?}");
        assert!(run.err.contains(path.to_str().expect("text")), "{run:?}");
        assert_eq!(run.err.lines().count(), 1, "{run:?}");
    }
}

#[test]
fn a_report_that_was_cut_is_refused_by_its_length() {
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let mut report = fs::read(folder.join(REPORT).join("report.bin")).expect("here");
    report.pop();

    let run = boop_with_input(["verify", "-"], &report);

    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.out
            .contains("malformed-report-length - The report does not have 1184 bytes."),
        "{run:?}"
    );
}

#[test]
fn arguments_that_do_not_fit_are_usage_errors() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("x");
    let report = [&[2][..], &[0; 1183]].concat();
    fs::write(&path, report).expect("written");
    let path = path.to_str().expect("text");
    let cases: [(&[&str], &str); 13] = [
        (&["verify", path, "--at", "yesterday"], "is no time such as"),
        (
            &["verify", path, "--nonce", "xyz"],
            "--nonce is not hexadecimal",
        ),
        (
            &["verify", path, "--nonce", ""],
            "boop: --nonce has 0 bytes; a nonce of fewer than 8 bytes can be guessed\n",
        ),
        (
            &["verify", path, "--nonce", "00112233445566"],
            "boop: --nonce has 7 bytes; a nonce of fewer than 8 bytes can be guessed\n",
        ),
        (
            &["verify", path, "--report-data", "00"],
            "has 1 bytes; that of an SEV-SNP report has 64",
        ),
        (
            &["verify", path, "--report-data", ""],
            "--report-data is empty",
        ),
        (
            &["verify", path, "--nonce", "0011223344556677"],
            "an SEV-SNP report has no nonce",
        ),
        (
            &["verify", path, "--policy", "p9"],
            "p9 is neither a policy (p0, strict, cloud-vlek, development) nor a file",
        ),
        (&["verify", path, "--roots", path], "--danger-simulated-tee"),
        (
            &["verify", "ftp://127.0.0.1:1"],
            "is neither an https:// address nor an http:// one of this machine",
        ),
        (&["verify"], "required arguments were not provided"),
        (
            &["verify", path, "--danger-simulated-tee"],
            "needs --roots or --network",
        ),
        (
            &["verify", path, "--network", "/nowhere.toml"],
            "cannot read /nowhere.toml",
        ),
    ];

    for (arguments, line) in cases {
        let run = boop(arguments);

        assert_eq!(run.code, Some(2), "{arguments:?}: {run:?}");
        assert!(run.err.contains(line), "{arguments:?}: {run:?}");
    }
}

#[test]
fn a_gateway_that_is_not_there_is_an_error_that_names_it() {
    let run = boop(["verify", "https://127.0.0.1:1"]);

    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("cannot connect to 127.0.0.1:1"), "{run:?}");
}

fn genuine(folder: &Path) -> Vec<PathBuf> {
    let index = fs::read(folder.join("index.json")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("json");
    let ids = index.as_array().expect("a list").iter();
    ids.map(|entry| folder.join(entry["id"].as_str().expect("an id")))
        .filter(|case| expected(case)["group"] == "genuine")
        .collect()
}

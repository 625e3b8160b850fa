//! What `boop verify` prints and writes.

use std::fs;
use std::path::Path;

use boop_appraisal::results::{EarKey, TrustworthinessTier, verify_ear_cwt, verify_ear_jwt};
use boop_verifier::UnixTime;
use rcgen::KeyPair;

use crate::cases::{expected, run_of};
use crate::run::{boop, boop_with_input, vectors};

const REPORT: &str = "snp/genoa-v3-vcek-b";
const DOCUMENT: &str = "nitro/prod-2025-12-indefinite";
const MAKE_A_KEY: &str =
    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ear-key.pem";

#[test]
fn an_explanation_shows_each_check_with_its_reason() {
    let Some((run, _)) = run_of(REPORT, "report", &["--explain"]) else {
        return;
    };

    assert_eq!(run.code, Some(0), "{run:?}");
    for words in [
        "Authentic: Did genuine hardware make it?",
        "Acceptable: Does the policy allow what it says?",
        "Bound: Does it belong to this conversation?",
        "pass  the chain ends at a pinned root",
        "open  the program is the expected one",
        "why       Anyone can make a chain with the right names",
        "compared  ",
        "Debug allowed (bit 19): no",
        "Floor of the policy: none",
        "subject    CN=SEV-VCEK",
        "What this verdict proves",
        "WHICH program runs",
        "The same again, offline",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    assert!(!run.out.contains("FAIL  "), "{}", run.out);
    for line in run.out.lines() {
        let long = line.chars().count() > 100;
        assert!(!long || line.contains("boop verify"), "{line}");
    }
}

#[test]
fn an_explanation_names_what_each_pcr_covers_and_the_whole_chain() {
    let Some((run, _)) = run_of(DOCUMENT, "document", &["--explain"]) else {
        return;
    };

    assert_eq!(run.code, Some(0), "{run:?}");
    for words in [
        "The whole enclave image",
        "The IAM role of the parent instance.",
        "root of the vendor, built in",
        "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
}

#[test]
fn every_number_of_a_step_is_counted_once() {
    let Some((run, _)) = run_of(REPORT, "report", &["--explain"]) else {
        return;
    };

    let numbers = run.out.lines().filter_map(|line| {
        let (number, rest) = line.trim_start().split_once(". ")?;
        let step = ["pass  ", "FAIL  ", "open  "]
            .iter()
            .any(|word| rest.starts_with(word));
        number.parse::<usize>().ok().filter(|_| step)
    });
    let numbers: Vec<usize> = numbers.collect();

    assert!(numbers.len() > 15);
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
}

#[test]
fn a_page_is_whole_and_loads_nothing() {
    let scratch = tempfile::tempdir().expect("a folder");
    for (case, file, code) in [
        (REPORT, "report", 0),
        (DOCUMENT, "document", 0),
        ("snp/milan-v2-vcek-b-debug", "report", 1),
        ("nitro/debug-2025-12-indefinite", "document", 1),
    ] {
        let path = scratch.path().join("page.html");
        let arguments = ["--html", text(&path)];
        let Some((run, _)) = run_of(case, file, &arguments) else {
            return;
        };

        let page = fs::read_to_string(&path).expect("written");

        assert_eq!(run.code, Some(code), "{run:?}");
        assert_whole(&page);
        for foreign in [
            "src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "<img",
        ] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("default-src 'none'"));
        let verdict = if code == 0 {
            "<h1>Accepted</h1>"
        } else {
            "<h1>Refused</h1>"
        };
        assert!(page.contains(verdict));
    }
}

#[test]
fn a_page_names_the_bytes_and_the_command_that_gives_it_again() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("page.html");
    let Some((run, _)) = run_of(REPORT, "report", &["--html", text(&path), "--json"]) else {
        return;
    };

    let mut page = fs::read_to_string(&path).expect("written");
    for markup in ["<wbr>", "<span class=\"option\">", "</span>"] {
        page = page.replace(markup, "");
    }

    let verdict = run.json();
    let inputs = verdict["inputs"].as_array().expect("a list");
    assert_eq!(inputs.len(), 3, "{inputs:?}");
    for input in inputs {
        assert!(
            page.contains(input["sha256"].as_str().expect("text")),
            "{input}"
        );
    }
    assert!(
        page.contains("vek.der --policy p0 --at 2026-06-01T00:00:00Z"),
        "{page}"
    );
    assert!(page.contains(concat!("boop ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn what_a_hostile_document_says_stays_text() {
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let case = folder.join(DOCUMENT);
    let mut document = fs::read(case.join("document.cbor")).expect("here");
    let (run, _) = run_of(DOCUMENT, "document", &["--json"]).expect("here");
    let module = run.json()["facts"]["module_id"]
        .as_str()
        .expect("text")
        .to_owned();
    let hostile = format!(
        "{:x<1$}",
        "<script>alert(1)</script>\u{1b}[2J",
        module.len()
    );
    let start = document
        .windows(module.len())
        .position(|window| window == module.as_bytes())
        .expect("the document names its module");
    document[start..start + module.len()].copy_from_slice(hostile.as_bytes());
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("page.html");
    let at = expected(&case)["verify_time"]
        .as_str()
        .expect("a time")
        .to_owned();

    for more in [&["--explain"][..], &[]] {
        let arguments = ["verify", "-", "--at", &at, "--html", text(&path)];
        let run = boop_with_input([&arguments[..], more].concat(), &document);

        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(!run.out.contains('\u{1b}'), "{}", run.out);
        let page = fs::read_to_string(&path).expect("written");
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
            "{page}"
        );
        assert!(!page.contains("<script") && !page.contains('\u{1b}'));
        assert_whole(&page);
    }
}

#[test]
fn a_signed_result_is_a_jwt_or_a_cwt_that_the_public_key_verifies() {
    let scratch = tempfile::tempdir().expect("a folder");
    let key = scratch.path().join("key.pem");
    let pem = KeyPair::generate().expect("a key on p-256").serialize_pem();
    fs::write(&key, &pem).expect("written");
    let public = EarKey::from_pkcs8_pem(&pem).expect("a key").public_key();
    let Some((jwt, _)) = run_of(REPORT, "report", &["--ear", "--ear-key", text(&key)]) else {
        return;
    };
    let refused = ["--ear=jwt", "--ear-key", text(&key), "--policy", "strict"];
    let (refused, _) = run_of(REPORT, "report", &refused).expect("here");

    let accepted = verify_ear_jwt(jwt.out.trim_end(), &public).expect("it verifies");
    let not = verify_ear_jwt(refused.out.trim_end(), &public).expect("it verifies");

    assert_eq!((jwt.code, refused.code), (Some(0), Some(1)));
    assert!(accepted.submodule.findings.accepted);
    assert!(!not.submodule.findings.accepted);
    assert!(!not.submodule.findings.reasons.is_empty());

    let case = vectors("attestation").expect("here").join(REPORT);
    let cwt = crate::run::boop_bytes([
        "verify",
        text(&case.join("report.bin")),
        "--at",
        "2026-06-01T00:00:00Z",
        "--ear=cwt",
        "--ear-key",
        text(&key),
    ]);
    let accepted = verify_ear_cwt(&cwt, &public).expect("it verifies");
    assert!(accepted.submodule.findings.accepted);
}

#[test]
fn a_signed_result_about_another_time_says_so_and_does_not_affirm() {
    let scratch = tempfile::tempdir().expect("a folder");
    let key = scratch.path().join("key.pem");
    let pem = KeyPair::generate().expect("a key on p-256").serialize_pem();
    fs::write(&key, &pem).expect("written");
    let public = EarKey::from_pkcs8_pem(&pem).expect("a key").public_key();
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let report = folder.join(REPORT).join("report.bin");
    let now = ["verify", text(&report), "--ear", "--ear-key", text(&key)];
    let then = [&now[..], &["--at", "2026-06-01T00:00:00Z"]].concat();
    let result = |arguments: &[&str]| {
        let run = boop(arguments);
        assert_eq!(run.code, Some(0), "{run:?}");
        verify_ear_jwt(run.out.trim_end(), &public).expect("it verifies")
    };

    let (now, then) = (result(&now), result(&then));

    assert_eq!(now.status, TrustworthinessTier::Affirming);
    assert_eq!(then.status, TrustworthinessTier::Warning);
    let judged_at = then.submodule.findings.judged_at;
    assert_eq!(judged_at, Some(UnixTime(1_780_272_000)));
    assert_ne!(Some(then.issued_at), judged_at);
}

#[test]
fn a_signed_result_needs_a_key_and_says_how_to_make_one() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("key.pem");
    fs::write(&path, "no key").expect("written");
    let path = text(&path);

    let without = boop(["verify", "x", "--ear"]);
    let broken = boop(["verify", "x", "--ear", "--ear-key", path]);

    assert_eq!((without.code, broken.code), (Some(2), Some(2)));
    assert_eq!(
        without.err,
        format!("boop: --ear needs --ear-key FILE; make one: {MAKE_A_KEY}\n")
    );
    let start = format!("boop: {path} cannot sign; make a key: {MAKE_A_KEY}: ");
    assert!(broken.err.starts_with(&start), "{}", broken.err);
}

#[test]
fn a_policy_is_shown_and_can_be_given_as_a_file() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("mine.toml");
    let shown = boop(["verify", "--show-policy", "--policy", "strict"]);
    fs::write(
        &path,
        shown.out.replace("name = \"strict\"", "name = \"mine\""),
    )
    .expect("written");

    let mine = boop(["verify", "--show-policy", "--policy", text(&path)]);
    let p0 = boop(["verify", "--show-policy"]);

    assert_eq!(
        (shown.code, mine.code, p0.code),
        (Some(0), Some(0), Some(0)),
        "{mine:?}"
    );
    assert!(mine.out.contains("name = \"mine\""));
    assert!(p0.out.starts_with("# p0 is built in."), "{}", p0.out);
    assert!(p0.out.contains("name = \"p0\""));
    let Some((run, _)) = run_of(REPORT, "report", &["--policy", text(&path), "--json"]) else {
        return;
    };
    let verdict = run.json();
    assert_eq!((run.code, &verdict["policy"]), (Some(1), &"mine".into()));
    let reasons = verdict["reasons"].to_string();
    assert!(reasons.contains("binding-missing"), "{reasons}");
}

#[test]
fn a_policy_with_a_missing_field_is_an_error_that_names_it() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("mine.toml");
    let shown = boop(["verify", "--show-policy", "--policy", "strict"]).out;
    let cut: Vec<&str> = shown
        .lines()
        .filter(|line| !line.starts_with("vmpl"))
        .collect();
    fs::write(&path, cut.join("\n")).expect("written");

    let run = boop(["verify", "x", "--policy", text(&path)]);

    assert_eq!(run.code, Some(2));
    assert!(
        run.err
            .starts_with(&format!("boop: policy {}: ", path.display())),
        "{}",
        run.err
    );
    assert!(run.err.contains("snp.vmpl: missing"), "{}", run.err);
}

#[test]
fn simulated_roots_need_the_flag_whatever_the_policy_says() {
    let Some((run, _)) = run_of(
        "nitro/syn-baseline",
        "document",
        &["--policy", "development", "--json"],
    ) else {
        return;
    };

    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.json()["reasons"].to_string().contains("untrusted-root"),
        "{run:?}"
    );
}

#[test]
fn every_reason_and_flag_is_listed_with_its_meaning() {
    let run = boop(["verify", "--list-reasons"]);

    assert_eq!(run.code, Some(0));
    for reason in boop_verifier::Reason::ALL {
        assert!(run.out.contains(&format!("\n  {reason}\n")), "{reason}");
    }
    for flag in [
        "id-block-present",
        "cose-tag-18",
        "nonce-null",
        "alias-check-not-complete",
    ] {
        assert!(run.out.contains(&format!("\n  {flag}\n")), "{flag}");
    }
}

#[test]
fn options_that_exclude_each_other_are_usage_errors() {
    let cases: [(&[&str], &str); 6] = [
        (&["x", "--json", "--explain"], "cannot be used with"),
        (&["x", "--json", "--ear"], "cannot be used with"),
        (&["x", "--ear-key", "k"], "--ear"),
        (&["x", "--ear=xml"], "invalid value 'xml'"),
        (&["x", "--list-reasons"], "cannot be used with"),
        (
            &["x", "--show-policy"],
            "boop: --show-policy prints the policy alone; leave the evidence out\n",
        ),
    ];

    for (arguments, line) in cases {
        let run = boop([&["verify"], arguments].concat());

        assert_eq!(run.code, Some(2), "{arguments:?}: {run:?}");
        assert!(run.err.contains(line), "{arguments:?}: {run:?}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let nowhere = "/nowhere/at/all/page.html";
    for option in ["--html", "--cmw"] {
        let Some((run, _)) = run_of(REPORT, "report", &[option, nowhere]) else {
            return;
        };

        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(
            run.err
                .starts_with(&format!("boop: cannot write {nowhere}")),
            "{run:?}"
        );
    }
}

/// Checks that each element that is opened is closed in its turn, and that no bare sign is left.
fn assert_whole(page: &str) {
    const EMPTY: [&str; 3] = ["!doctype", "meta", "wbr"];
    let (style, rest) = page
        .split_once("<style>")
        .and_then(|(head, rest)| rest.split_once("</style>").map(|(_, body)| (head, body)))
        .expect("a style");
    let mut open: Vec<&str> = vec![];
    for part in [style, rest] {
        for piece in part.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').expect("a tag ends");
            assert!(!text.contains('>'), "{text}");
            let name = tag.split([' ', '\n']).next().expect("a name");
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{tag}"),
                None if EMPTY.contains(&name) => {}
                None => open.push(name),
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

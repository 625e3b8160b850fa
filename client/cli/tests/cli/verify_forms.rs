//! Each form in which evidence arrives is found and judged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use boop_wire::binding::{Binding, BoundKeys, PlatformKind, Purpose, Role};
use boop_wire::codec::to_canonical;
use boop_wire::evidence::{Certificate, EvidenceBundle};
use boop_wire::{Digest, InstanceId, NetworkId};
use serde_json::Value;

use crate::cases::{expected, to_base64, to_pem};
use crate::run::{Run, boop, boop_with_input, vectors};
use crate::serve::serve;

const REPORT: &str = "snp/genoa-v3-vcek-b";
const DOCUMENT: &str = "nitro/prod-2025-12-indefinite";

#[test]
fn a_report_is_judged_in_each_form() {
    let Some(case) = Files::of(REPORT, "report") else {
        return;
    };
    let table = case.read("cert-table.bin");
    let extended = [&case.evidence[..], &table].concat();
    let tsm = format!(
        "{{\"provider\":\"sev_guest\\n\",\"outblob\":\"{}\",\"auxblob\":\"{}\"}}",
        to_base64(&case.evidence),
        to_base64(&table)
    );
    let forms = [
        (
            extended.clone(),
            "SEV-SNP report with its certificate table",
        ),
        (
            to_base64(&extended).into(),
            "SEV-SNP report with its certificate table",
        ),
        (
            hex::encode(&extended).into(),
            "SEV-SNP report with its certificate table",
        ),
        (tsm.into(), "TSM report"),
    ];

    for (bytes, form) in forms {
        let verdict = case.accepted(&bytes);

        assert_eq!(verdict["form"], form);
        assert_eq!(verdict["facts"]["platform"], "sev-snp");
    }
}

#[test]
fn a_document_is_judged_in_each_form() {
    let Some(case) = Files::of(DOCUMENT, "document") else {
        return;
    };
    let url_safe = to_base64(&case.evidence)
        .replace('+', "-")
        .replace('/', "_");

    for bytes in [
        case.evidence.clone(),
        to_base64(&case.evidence).into(),
        url_safe.trim_end_matches('=').into(),
        hex::encode(&case.evidence).into(),
    ] {
        let verdict = case.accepted(&bytes);

        assert_eq!(verdict["form"], "Nitro document");
        assert_eq!(verdict["facts"]["platform"], "nitro");
    }
}

#[test]
fn a_cmw_carries_everything_over_a_gap() {
    for (name, file, form) in [
        (REPORT, "report", "evidence.cmw"),
        (REPORT, "report", "evidence.cbor"),
        (DOCUMENT, "document", "evidence.cmw"),
        (DOCUMENT, "document", "evidence.CBOR"),
    ] {
        let Some(case) = Files::of(name, file) else {
            return;
        };
        let scratch = tempfile::tempdir().expect("a folder");
        let carried = scratch.path().join(form);

        let written = case.run(&case.path, &["--cmw", text(&carried), "--json"]);
        let judged = case.run(&carried, &["--json"]);

        assert_eq!(
            (written.code, judged.code),
            (Some(0), Some(0)),
            "{judged:?}"
        );
        assert_eq!(judged.json()["facts"], written.json()["facts"]);
        let cbor = form.to_lowercase().ends_with(".cbor");
        let expected = if cbor { "CMW in CBOR" } else { "CMW in JSON" };
        assert_eq!(judged.json()["form"], expected);
    }
}

#[test]
fn a_bundle_whose_evidence_does_not_cover_its_binding_is_refused() {
    let Some(case) = Files::of(REPORT, "report") else {
        return;
    };
    let bundle = EvidenceBundle {
        platform: PlatformKind::Snp,
        evidence: case.evidence.clone(),
        endorsements: vec![Certificate(case.read("vek.der"))],
        binding: to_canonical(&binding()),
    };
    let bytes = to_canonical(&bundle);
    let arguments = ["verify", "-", "--at", &case.at];

    let run = boop_with_input([&arguments[..], &["--json"]].concat(), &bytes);
    let zeros = "00".repeat(64);
    let twice = boop_with_input(
        [&arguments[..], &["--report-data", &zeros]].concat(),
        &bytes,
    );

    assert_eq!(run.code, Some(1), "{run:?}");
    let verdict = run.json();
    assert_eq!(verdict["form"], "evidence bundle");
    assert_eq!(verdict["authentic"], true);
    assert_eq!(verdict["binding"]["role"], "gateway");
    assert_eq!(
        verdict["reasons"],
        serde_json::json!(["binding-consistent"])
    );
    assert_eq!(
        (twice.code, twice.err.as_str()),
        (
            Some(2),
            "boop: --report-data goes with bare evidence; a bundle's follows from its binding\n"
        )
    );
}

#[test]
fn an_entry_of_configfs_tsm_is_judged_as_a_folder() {
    let Some(case) = Files::of(REPORT, "report") else {
        return;
    };
    let entry = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| {
        fs::write(entry.path().join(name), bytes).expect("written");
    };
    put("outblob", &case.evidence);
    put("auxblob", &case.read("cert-table.bin"));
    put("provider", b"sev_guest\n");

    let run = case.run(entry.path(), &["--json"]);
    put("provider", b"tdx_guest\n");
    let foreign = case.run(entry.path(), &[]);
    put("provider", b"sev_guest\n");
    put("auxblob", b"");
    let bare = case.run(entry.path(), &["--json"]);

    assert_eq!(run.code, Some(0), "{run:?}");
    let verdict = run.json();
    assert_eq!(verdict["form"], "entry of configfs-tsm");
    let inputs = verdict["inputs"].as_array().expect("a list");
    let digests: Vec<&Value> = inputs.iter().map(|input| &input["sha256"]).collect();
    assert!(digests.len() > 3, "{digests:?}");
    assert_eq!(foreign.code, Some(2));
    assert!(foreign.err.contains("tdx_guest"), "{foreign:?}");
    assert_eq!(bare.code, Some(1));
    assert_eq!(
        bare.json()["reasons"],
        serde_json::json!(["endorsement-key-missing"])
    );
}

#[test]
fn an_address_of_this_machine_is_asked_and_its_connection_believed_in_nothing() {
    let Some(case) = Files::of(DOCUMENT, "document") else {
        return;
    };
    let files = BTreeMap::from([("/evidence".to_owned(), case.evidence.clone())]);
    let server = serve(files);
    let at = |path: &str| case.run(Path::new(&format!("http://{server}{path}")), &[]);

    let (found, missing) = (at("/evidence"), at("/nothing"));

    assert_eq!(found.code, Some(0), "{found:?}");
    assert!(
        found
            .out
            .contains("the connection that it came over proves nothing")
    );
    assert_eq!(missing.code, Some(2));
    assert_eq!(
        missing.err,
        format!("boop: http://{server}/nothing answers with status 404\n")
    );
}

#[test]
fn missing_certificates_are_fetched_kept_and_used_offline() {
    let Some(case) = Files::of(REPORT, "report") else {
        return;
    };
    let scratch = tempfile::tempdir().expect("a folder");
    let report = scratch.path().join("report.bin");
    fs::write(&report, &case.evidence).expect("written");
    let cache = scratch.path().join("cache");
    let chip = hex::encode(&case.evidence[0x1a0..0x1e0]);
    let chain = [("genoa-ask"), ("genoa-ark")]
        .map(|name| to_pem(&case.read(&format!("../roots/{name}.der"))))
        .concat();
    let server = serve(BTreeMap::from([
        (format!("/vcek/v1/Genoa/{chip}"), case.read("vek.der")),
        ("/vcek/v1/Genoa/cert_chain".to_owned(), chain.into_bytes()),
    ]));
    let address = format!("http://{server}");
    let kept = ["--cache", text(&cache), "--json"];
    let asked = [&kept[..], &["--kds-url", &address]].concat();

    let alone = case.run(&report, &["--json"]);
    let fetched = case.run(&report, &asked);
    let offline = case.run(&report, &kept);

    assert_eq!(alone.code, Some(1), "{alone:?}");
    assert_eq!(
        (fetched.code, offline.code),
        (Some(0), Some(0)),
        "{fetched:?}{offline:?}"
    );
    let notes = fetched.json()["notes"].to_string();
    assert!(notes.contains("no revocation list"), "{notes}");
    assert_eq!(offline.json()["facts"], fetched.json()["facts"]);
}

#[test]
fn a_key_service_that_does_not_answer_is_an_error_and_no_verdict() {
    let Some(case) = Files::of(REPORT, "report") else {
        return;
    };
    let server = serve(BTreeMap::new());
    let scratch = tempfile::tempdir().expect("a folder");
    let report = scratch.path().join("report.bin");
    fs::write(&report, &case.evidence).expect("written");

    let run = case.run(&report, &["--kds-url", &format!("http://{server}")]);

    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.err
            .contains("cannot fetch the certificate of the key: key server knows no such chip"),
        "{run:?}"
    );
}

#[test]
fn certificates_beside_what_brings_its_own_are_refused() {
    let Some(case) = Files::of(DOCUMENT, "document") else {
        return;
    };
    for (option, value) in [
        ("--vek", Some("vek.der")),
        ("--intermediate", Some("ask.der")),
        ("--crl", Some("x.crl")),
        ("--kds", None),
        ("--kds-url", Some("http://127.0.0.1:1")),
        ("--cache", Some("cache")),
    ] {
        let arguments: Vec<&str> = [option].into_iter().chain(value).collect();

        let run = case.run(&case.path, &arguments);

        assert_eq!(run.code, Some(2), "{run:?}");
        assert_eq!(
            run.err,
            format!(
                "boop: {option} goes with a report; a Nitro document brings its certificates\n"
            )
        );
    }
}

/// A binding that no evidence of the vectors is bound to.
fn binding() -> Binding {
    Binding {
        purpose: Purpose::Challenge,
        network: NetworkId::new([1; 32]),
        manifest: Digest::new([2; 32]),
        role: Role::Gateway,
        party: None,
        platform: PlatformKind::Snp,
        config: Digest::new([3; 32]),
        instance: InstanceId::new([4; 16]),
        lease: 0,
        keys: BoundKeys {
            identity: [5; 32],
            tls_spki: Digest::new([6; 32]),
            hpke: [7; 32],
            setup: None,
        },
        challenge: [8; 32],
        made_at_ms: 1_780_272_000_000,
        checkpoint: None,
    }
}

/// A case of the vectors in memory.
struct Files {
    folder: PathBuf,
    path: PathBuf,
    evidence: Vec<u8>,
    at: String,
}

impl Files {
    fn of(name: &str, file: &str) -> Option<Self> {
        let folder = vectors("attestation")?.join(name);
        let expected = expected(&folder);
        let path = folder.join(expected[file].as_str().expect("a file"));
        Some(Self {
            evidence: fs::read(&path).expect("here"),
            at: expected["verify_time"].as_str().expect("a time").to_owned(),
            path,
            folder,
        })
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).expect("here")
    }

    fn run(&self, path: &Path, more: &[&str]) -> Run {
        boop([&["verify", text(path), "--at", &self.at][..], more].concat())
    }

    /// Judges bytes from a pipe, which must be accepted.
    fn accepted(&self, bytes: &[u8]) -> Value {
        let run = boop_with_input(["verify", "-", "--at", &self.at, "--json"], bytes);
        assert_eq!(run.code, Some(0), "{run:?}");
        run.json()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

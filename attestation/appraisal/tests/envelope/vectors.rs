//! Recorded evidence of the shared vectors, through every form.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use boop_appraisal::envelope::{cmw, open, wrap};
use boop_verifier::{Endorsements, EvidenceKind, Expected, Policy, Roots, UnixTime};
use serde_json::{Value, json};

use crate::samples::{Blob, report, tsm_cbor, vectors};

#[test]
fn a_recorded_host_table_becomes_a_verdict_in_every_form() {
    let Some(folder) = vectors() else { return };
    let read = |file: &str| std::fs::read(folder.join("snp/genoa-v3-vcek-b").join(file)).unwrap();
    let (report, table, vek) = (read("report.bin"), read("cert-table.bin"), read("vek.der"));
    let extended = [&report[..], &table].concat();
    let tsm = tsm_cbor(&[
        ("auxblob", Blob::Bytes(&table)),
        ("outblob", Blob::Bytes(&report)),
        ("provider", Blob::Text("sev_guest")),
    ]);
    let from_host = open(&extended).unwrap();
    let wrapped = wrap(&from_host.evidence, &from_host.endorsements);
    let forms = [
        extended.clone(),
        STANDARD.encode(&extended).into_bytes(),
        tsm,
        cmw::to_cbor(&wrapped),
        cmw::to_json(&wrapped).unwrap().into_bytes(),
    ];

    for bytes in forms {
        let opened = open(&bytes).unwrap();

        assert_eq!(opened.evidence, report);
        assert_eq!(opened.endorsements.leaf.as_deref(), Some(&vek[..]));
        let ask = std::fs::read(folder.join("snp/roots/genoa-ask.der")).ok();
        assert_eq!(opened.endorsements.intermediate, ask);
        let verdict = boop_verifier::verify(
            &opened.evidence,
            &opened.endorsements,
            &Roots::vendor(),
            UnixTime(1_780_272_000),
            &Policy::p0(),
            &Expected::nothing(),
        );
        assert!(verdict.accepted, "{}", verdict.summary());
    }
}

#[test]
fn published_certificates_find_their_places_by_what_they_are() {
    let Some(folder) = vectors() else { return };
    let read = |file: &str| std::fs::read(folder.join("snp").join(file)).unwrap();
    let (report, vek) = (
        read("genoa-v3-vcek-b/report.bin"),
        read("genoa-v3-vcek-b/vek.der"),
    );
    let chain = read("roots/genoa-vcek-cert_chain.pem");
    let list = read("roots/crl/genoa-2024-10-23-revokes-0x20001.crl");
    let item = |media_type: &str, value: &[u8]| json!([media_type, URL_SAFE_NO_PAD.encode(value)]);
    let text = json!({
        "report": item("application/vnd.confidential-ai.sev-snp-report", &report),
        "one": item("application/pem-certificate-chain", &chain),
        "two": item("application/pkix-cert", &vek),
        "three": item("application/pkix-crl", &list),
        "four": item("application/pkix-cert", &read("roots/genoa-ark.der")),
    });

    let opened = open(text.to_string().as_bytes()).unwrap();

    let expected = Endorsements {
        leaf: Some(vek),
        intermediate: Some(read("roots/genoa-ask.der")),
        crl: Some(list),
    };
    assert_eq!(opened.endorsements, expected);
    let note = "a root from the host proves nothing: ignored";
    assert_eq!(opened.notes, [note, note]);
}

#[test]
fn a_root_is_never_wrapped() {
    let Some(folder) = vectors() else { return };
    let root = std::fs::read(folder.join("snp/roots/genoa-ark.der")).unwrap();
    let endorsements = Endorsements {
        leaf: Some(b"\x30leaf".to_vec()),
        intermediate: Some(root),
        crl: None,
    };

    let wrapped = wrap(&report(), &endorsements);

    let opened = open(&cmw::to_cbor(&wrapped)).unwrap();
    assert_eq!(opened.endorsements.intermediate, None);
    assert_eq!(opened.endorsements.leaf, endorsements.leaf);
}

#[test]
fn every_vector_comes_back_whole_from_a_wrapper() {
    let Some(folder) = vectors() else { return };
    let mut cases = 0;
    for (kind, file) in [("snp", "report"), ("nitro", "document")] {
        let index = std::fs::read(folder.join(kind).join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        for entry in index.as_array().unwrap() {
            let case = folder.join(kind).join(entry["id"].as_str().unwrap());
            let expected = std::fs::read(case.join("expected.json")).unwrap();
            let expected: Value = serde_json::from_slice(&expected).unwrap();
            let named = |name: &str| expected[name].as_str().map(|file| case.join(file));
            let read = |name: &str| named(name).and_then(|path| std::fs::read(path).ok());
            let Some(evidence) = read(file) else { continue };
            let Ok(parsed) = boop_verifier::parse(&evidence) else {
                continue;
            };
            let endorsements = Endorsements {
                leaf: read("endorsement_key"),
                intermediate: read("intermediate").filter(|_| parsed.kind() == EvidenceKind::Snp),
                crl: read("crl"),
            };

            let opened = open(&cmw::to_cbor(&wrap(&evidence, &endorsements))).unwrap();

            assert_eq!(opened.evidence, evidence, "{case:?}");
            assert_eq!(opened.endorsements, endorsements, "{case:?}");
            cases += 1;
        }
    }
    assert!(cases > 100, "the vectors are complete: {cases}");
}

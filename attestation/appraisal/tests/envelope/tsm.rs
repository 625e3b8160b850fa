//! TSM reports: JSON, CBOR and files.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use boop_appraisal::envelope::{EnvelopeError, Form, Opened, TsmError, open, open_tsm};
use boop_verifier::Endorsements;
use serde_json::json;

use crate::samples::{Blob, VCEK, report, table, tsm_cbor, tsm_json};

#[test]
fn tsm_reports_are_read_from_json_cbor_and_files() {
    let report = report();
    let table = table(&[(VCEK, b"\x30leaf")]);
    let in_json = |encode: &dyn Fn(&[u8]) -> String| {
        let report = json!({
            "auxblob": encode(&table), "outblob": encode(&report), "provider": "sev_guest\n",
        });
        report.to_string().into_bytes()
    };
    let cbor = tsm_cbor(&[
        ("auxblob", Blob::Bytes(&table)),
        ("outblob", Blob::Bytes(&report)),
        ("provider", Blob::Text("sev_guest")),
    ]);
    let (aux, out) = (STANDARD.encode(&table), STANDARD.encode(&report));
    let cbor_of_texts = tsm_cbor(&[
        ("provider", Blob::Text("sev_guest")),
        ("auxblob", Blob::Text(&aux)),
        ("outblob", Blob::Text(&out)),
    ]);

    let opened = [
        open(&in_json(&|bytes| STANDARD.encode(bytes))),
        open(&in_json(&|bytes| URL_SAFE_NO_PAD.encode(bytes))),
        open(&cbor),
        open(&cbor_of_texts),
        open_tsm(&report, &table, "sev_guest\n"),
    ];

    for opened in opened {
        let expected = Opened {
            form: Form::TsmReport,
            evidence: report.clone(),
            endorsements: Endorsements {
                leaf: Some(b"\x30leaf".to_vec()),
                ..Endorsements::default()
            },
            notes: vec![],
        };
        assert_eq!(opened, Ok(expected));
    }
}

#[test]
fn what_a_tsm_report_says_besides_is_noted_and_left_out() {
    let out = STANDARD.encode(report());
    let text = json!({"provider": "sev_guest", "outblob": out, "manifestblob": "AA", "a": [1]});

    let opened = open(text.to_string().as_bytes()).unwrap();

    let notes = [
        "member \"manifestblob\" of the tsm report: ignored",
        "member \"a\" of the tsm report: ignored",
    ];
    assert_eq!(opened.notes, notes);
}

#[test]
fn broken_tsm_reports_are_refused_by_what_is_wrong() {
    let out = STANDARD.encode(report());
    let json_cases = [
        (json!({"provider": "sev_guest"}), TsmError::NoReport),
        (
            json!({"provider": "sev_guest", "outblob": ""}),
            TsmError::NoReport,
        ),
        (json!({"outblob": out}), TsmError::NoProvider),
        (
            json!({"outblob": "?", "provider": "x"}),
            TsmError::Blob { member: "outblob" },
        ),
        (
            json!({"outblob": out, "auxblob": 1, "provider": "x"}),
            TsmError::Blob { member: "auxblob" },
        ),
        (
            json!({"outblob": out, "provider": "tdx_guest"}),
            TsmError::Provider {
                provider: "tdx_guest".into(),
            },
        ),
    ];
    for (report, error) in json_cases {
        let refused = open(report.to_string().as_bytes());
        assert_eq!(refused, Err(error.into()), "{report}");
    }
    let good = tsm_cbor(&[
        ("outblob", Blob::Bytes(b"x")),
        ("provider", Blob::Text("sev_guest")),
    ]);
    let twice = tsm_cbor(&[
        ("outblob", Blob::Bytes(b"x")),
        ("outblob", Blob::Bytes(b"y")),
    ]);
    let cbor_cases: [(&[u8], TsmError); 4] = [
        (&good[..good.len() - 1], TsmError::Cbor),
        (
            &[&good[..], b"\x00"].concat(),
            TsmError::TrailingBytes { bytes: 1 },
        ),
        (&twice, TsmError::Duplicate { member: "outblob" }),
        (
            &tsm_cbor(&[("provider", Blob::Text("sev_guest"))]),
            TsmError::NoReport,
        ),
    ];
    for (bytes, error) in cbor_cases {
        assert_eq!(open(bytes), Err(error.into()));
    }
    let document = [0x84, 0x44, 0xa1, 1, 0x38, 0x22];
    let disguised = [
        open(tsm_json(&document).as_bytes()),
        open(&tsm_cbor(&[
            ("outblob", Blob::Bytes(&document)),
            ("provider", Blob::Text("sev_guest")),
        ])),
        open_tsm(&document, b"", "sev_guest"),
        open_tsm(b"what is this", b"", "sev_guest"),
    ];
    for refused in disguised {
        assert_eq!(refused, Err(TsmError::Outblob.into()));
    }
    let in_cmw = json!({"x": ["application/vnd.veraison.tsm-report+json", "AA", 4]});
    let refused = open(in_cmw.to_string().as_bytes());
    assert_eq!(refused, Err(TsmError::Json.into()));
    let other = open_tsm(&report(), b"", "arm_cca_guest");
    let provider = "arm_cca_guest".into();
    assert_eq!(other, Err(TsmError::Provider { provider }.into()));
    assert_eq!(open_tsm(b"", b"", "sev_guest"), Err(EnvelopeError::Empty));
}

//! Conceptual message wrappers: what comes back, and what is refused.

use boop_appraisal::envelope::cmw::{
    self, Cmw, CmwError, Collection, ContentType, Indicator, Label, Record, Tag,
};
use boop_appraisal::envelope::{EnvelopeError, Form, Opened, Place, open, wrap};
use serde_json::{Value, json};

use crate::samples::{endorsements, report};

#[test]
fn wrapped_evidence_and_endorsements_come_back_from_both_encodings() {
    for evidence in [report(), vec![0x84, 0x40, 0xa0, 0x40, 0x40]] {
        let endorsements = endorsements();
        let wrapped = wrap(&evidence, &endorsements);
        let json = cmw::to_json(&wrapped).unwrap();
        let cbor = cmw::to_cbor(&wrapped);

        assert_eq!(cmw::from_json(json.as_bytes()), Ok(wrapped.clone()));
        assert_eq!(cmw::from_cbor(&cbor), Ok(wrapped));
        for (bytes, form) in [(json.as_bytes(), Form::CmwJson), (&cbor, Form::CmwCbor)] {
            let expected = Opened {
                form,
                evidence: evidence.clone(),
                endorsements: endorsements.clone(),
                notes: vec![],
            };
            assert_eq!(open(bytes), Ok(expected));
        }
    }
}

#[test]
fn the_written_collection_has_its_documented_shape() {
    let wrapped = wrap(&[0x84, 0x40, 0xa0, 0x40, 0x40], &endorsements());

    let json: Value = serde_json::from_str(&cmw::to_json(&wrapped).unwrap()).unwrap();

    let expected = json!({
        "__cmwc_t": "tag:boop.network,2026:evidence",
        "evidence": ["application/cose; cose-type=\"cose-sign1\"", "hECgQEA", 4],
        "vek": ["application/pkix-cert", "MGxlYWY", 2],
        "intermediate": ["application/pkix-cert", "MGlzc3Vlcg", 2],
        "crl": ["application/pkix-crl", "MGxpc3Q", 2],
    });
    assert_eq!(json, expected);
}

#[test]
fn records_and_tags_alone_are_read() {
    let document = vec![0x84, 0x40, 0xa0, 0x40, 0x40];
    let record = |content_type, indicator| {
        cmw::to_cbor(&Cmw::Record(Record {
            content_type,
            value: document.clone(),
            indicator,
        }))
    };
    let octets = || ContentType::Media("application/octet-stream".into());
    let tag = cmw::to_cbor(&Cmw::Tag(Tag {
        format: 18,
        value: document.clone(),
    }));

    assert_eq!(tag[..5], [0xda, 0x63, 0x74, 0x01, 0x13]);
    let read = [
        tag.clone(),
        record(ContentType::Format(18), None),
        record(ContentType::Media("application/cose".into()), None),
        record(octets(), Some(Indicator::EVIDENCE)),
        cmw::to_json(&cmw::from_cbor(&tag).unwrap())
            .unwrap()
            .into_bytes(),
    ];
    for bytes in read {
        assert_eq!(open(&bytes).unwrap().evidence, document);
    }
    let silent = open(&record(octets(), None));
    assert_eq!(silent, Err(EnvelopeError::EvidenceCount { found: 0 }));
}

#[test]
fn items_of_unknown_types_are_noted_and_left_out() {
    let text = json!({
        "a": ["application/eat+cwt", "AA"],
        "b": {"c": ["application/cose", "hECgQEA"]},
    });

    let opened = open(text.to_string().as_bytes()).unwrap();

    assert_eq!(
        opened.notes,
        ["item \"a\" of type application/eat+cwt: ignored"]
    );
}

#[test]
fn exactly_one_piece_of_evidence_is_asked_for() {
    let one = json!(["application/cose", "hECgQEA"]);
    for (text, found) in [
        (json!({"x": ["text/plain", "AA"]}), 0),
        (json!({"x": one, "y": {"z": one}}), 2),
    ] {
        let refused = open(text.to_string().as_bytes());
        assert_eq!(refused, Err(EnvelopeError::EvidenceCount { found }));
    }
}

#[test]
fn items_that_contradict_themselves_or_each_other_are_refused() {
    let one = json!(["application/cose", "hECgQEA"]);
    let label = "\"x\"".to_string();
    let content = |media_type: &str| EnvelopeError::Content {
        label: label.clone(),
        media_type: media_type.into(),
    };
    let indicator = |media_type: &str| EnvelopeError::Indicator {
        label: label.clone(),
        media_type: media_type.into(),
    };
    let cases = [
        (
            json!({"x": ["application/cose", "AgAAAA"]}),
            content("application/cose"),
        ),
        (
            json!({"x": ["application/vnd.confidential-ai.sev-snp-report", "hECgQEA"]}),
            content("application/vnd.confidential-ai.sev-snp-report"),
        ),
        (
            json!({"e": one, "x": ["application/pkix-cert", "AAAA"]}),
            content("application/pkix-cert"),
        ),
        (
            json!({"e": one, "x": ["application/pkix-cert", "MAA"]}),
            content("application/pkix-cert"),
        ),
        (
            json!({"e": one, "x": ["application/pem-certificate-chain", "AAAA"]}),
            content("application/pem-certificate-chain"),
        ),
        (
            json!({"x": ["application/cose", "hECgQEA", 8]}),
            indicator("application/cose"),
        ),
        (
            json!({"e": one, "x": ["application/pkix-crl", "MAA", 4]}),
            indicator("application/pkix-crl"),
        ),
        (
            json!({
                "e": one,
                "x": ["application/pkix-crl", "MAA"],
                "y": ["application/pkix-crl", "MAE"],
            }),
            EnvelopeError::Contradiction {
                place: Place::RevocationList,
            },
        ),
    ];
    for (text, error) in cases {
        assert_eq!(open(text.to_string().as_bytes()), Err(error), "{text}");
    }
}

#[test]
fn json_that_is_no_wrapper_is_refused_by_what_is_wrong() {
    let nested = |depth| "{\"a\":".repeat(depth) + r#"["a/b","AA"]"# + &"}".repeat(depth);
    let many: serde_json::Map<String, Value> = (0..=cmw::ITEMS_MAX)
        .map(|number| (number.to_string(), json!(["a/b", "AA"])))
        .collect();
    let many = Value::Object(many).to_string();
    let cases = [
        ("{", CmwError::Json),
        (r#"{"a": ["a/b","AA"], "a": ["a/b","AA"]}"#, CmwError::Json),
        (r#"["a/b","AA"] x"#, CmwError::Json),
        ("{}", CmwError::EmptyCollection),
        (r#"{"__cmwc_t": "tag:x,2026:y"}"#, CmwError::EmptyCollection),
        (
            r#"{"__cmwc_t": 1, "a": ["a/b","AA"]}"#,
            CmwError::CollectionType,
        ),
        (
            r#"{"__cmwc_t": "y", "a": ["a/b","AA"]}"#,
            CmwError::CollectionType,
        ),
        (r#"{"a": "b"}"#, CmwError::Shape),
        (r#"["a/b"]"#, CmwError::Shape),
        (r#"["a/b","AA",4,5]"#, CmwError::Shape),
        (r#"[18,"AA"]"#, CmwError::ContentType),
        (r#"["cose","AA"]"#, CmwError::ContentType),
        (r#"["a/b",1]"#, CmwError::Value),
        (r#"["a/b","AA=="]"#, CmwError::Value),
        (r#"["a/b","A+A"]"#, CmwError::Value),
        (r#"["a/b","AA",0]"#, CmwError::Indicator),
        (r#"["a/b","AA",32]"#, CmwError::Indicator),
        (r#"["a/b","AA",4.0]"#, CmwError::Indicator),
        (r#"["a/b","AA",null]"#, CmwError::Indicator),
        (many.as_str(), CmwError::TooManyItems),
        (&nested(cmw::DEPTH_MAX + 1), CmwError::TooDeep),
    ];
    for (text, error) in cases {
        assert_eq!(cmw::from_json(text.as_bytes()), Err(error), "{text}");
    }
    assert!(cmw::from_json(nested(cmw::DEPTH_MAX).as_bytes()).is_ok());
}

#[test]
fn cbor_that_is_no_wrapper_is_refused_by_what_is_wrong() {
    let record = b"\x82\x63a/b\x41\x00";
    let collection = |key: &[u8], value: &[u8]| [b"\xa1", key, value].concat();
    let twice = [b"\xa2\x61x", &record[..], b"\x61x", record].concat();
    let deep = [&b"\xa1\x01".repeat(cmw::DEPTH_MAX + 1)[..], record].concat();
    let many = [
        &b"\xb1"[..],
        &(0..17)
            .flat_map(|n| [&[n][..], record].concat())
            .collect::<Vec<_>>(),
    ]
    .concat();
    let label = Label::Text("x".into());
    let cases: Vec<(Vec<u8>, CmwError)> = vec![
        (vec![], CmwError::Cbor),
        (record[..6].to_vec(), CmwError::Cbor),
        (
            [&record[..], b"\x00"].concat(),
            CmwError::TrailingBytes { bytes: 1 },
        ),
        (b"\x9f\x63a/b\x41\x00\xff".to_vec(), CmwError::Cbor),
        (b"\xbf\x61x\x82\x63a/b\x41\x00\xff".to_vec(), CmwError::Cbor),
        (b"\x82\x63a/b\x5f\x41\x00\xff".to_vec(), CmwError::Cbor),
        (b"\xfb\x3f\xf0\0\0\0\0\0\0".to_vec(), CmwError::Shape),
        (b"\x81\x63a/b".to_vec(), CmwError::Shape),
        (b"\x82\x63a/b\x61x".to_vec(), CmwError::Value),
        (b"\x82\x41a\x41\x00".to_vec(), CmwError::ContentType),
        (b"\x82\x19\xff\xff\x41\x00".to_vec(), CmwError::ContentType),
        (b"\x83\x63a/b\x41\x00\x00".to_vec(), CmwError::Indicator),
        (
            b"\x83\x63a/b\x41\x00\xf9\x3c\x00".to_vec(),
            CmwError::Indicator,
        ),
        (b"\xc1\x41\x00".to_vec(), CmwError::TagNumber { tag: 1 }),
        (b"\xa0".to_vec(), CmwError::EmptyCollection),
        (collection(b"\xf6", record), CmwError::Label),
        (
            collection(b"\x68__cmwc_t", b"\x01"),
            CmwError::CollectionType,
        ),
        (
            collection(b"\x68__cmwc_t", b"\x61x"),
            CmwError::CollectionType,
        ),
        (collection(b"\x61x", b"\x01"), CmwError::Shape),
        (twice, CmwError::DuplicateLabel { label }),
        (deep, CmwError::TooDeep),
        (many, CmwError::TooManyItems),
    ];
    for (bytes, error) in cases {
        let text = hex::encode(&bytes);
        assert_eq!(cmw::from_cbor(&bytes), Err(error), "{text}");
    }
}

#[test]
fn the_example_of_the_rfc_has_its_published_bytes() {
    let record = Cmw::Record(Record {
        content_type: ContentType::Format(30_001),
        value: vec![0x23, 0x47, 0xda, 0x55],
        indicator: None,
    });
    let tag = Cmw::Tag(Tag {
        format: 30_001,
        value: vec![0x23, 0x47, 0xda, 0x55],
    });

    assert_eq!(
        cmw::to_cbor(&record),
        hex::decode("82197531442347da55").unwrap()
    );
    assert_eq!(
        cmw::to_cbor(&tag),
        hex::decode("da637476a7442347da55").unwrap()
    );
    assert_eq!(cmw::from_cbor(&cmw::to_cbor(&tag)), Ok(tag));
    assert_eq!(cmw::to_json(&record), Err(CmwError::NotJson));
}

#[test]
fn labels_that_are_numbers_have_no_json() {
    let collection = Cmw::Collection(Collection {
        collection_type: Some("1.2.3".into()),
        items: vec![(
            Label::Number(-1),
            Cmw::Record(Record {
                content_type: ContentType::Media("a/b".into()),
                value: vec![],
                indicator: None,
            }),
        )],
    });

    let cbor = cmw::to_cbor(&collection);

    assert_eq!(cmw::from_cbor(&cbor), Ok(collection.clone()));
    assert_eq!(cmw::to_json(&collection), Err(CmwError::NotJson));
}

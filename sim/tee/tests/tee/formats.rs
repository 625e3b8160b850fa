//! Simulated evidence beside the recorded: the same fields in the same places.

use std::fs;
use std::path::PathBuf;

use boop_tee::{ChipModel, NitroRequest, SnpRequest, nitro_pcrs};
use minicbor::Decoder;
use minicbor::data::Type;

use crate::{NOW_MS, chip};

const BODY_BYTES: usize = 0x2a0;
const CHIP_ID: core::ops::Range<usize> = 0x1a0..0x1e0;

#[test]
fn reports_equal_the_recorded_ones_but_for_chip_and_signature() {
    let Some(vectors) = vectors() else { return };
    for (model, case) in [
        (ChipModel::GenoaV3, "syn-baseline-genoa-v3"),
        (ChipModel::TurinV5, "syn-baseline-turin-v5"),
    ] {
        let recorded = fs::read(vectors.join("snp").join(case).join("report.bin")).unwrap();
        let request = SnpRequest {
            report_data: recorded[0x50..0x90].try_into().unwrap(),
            measurement: recorded[0x90..0xc0].try_into().unwrap(),
            host_data: recorded[0xc0..0xe0].try_into().unwrap(),
            report_id: recorded[0x140..0x160].try_into().unwrap(),
            policy: 0x3_0000,
            vmpl: 0,
            guest_svn: 0,
        };

        let mut report = chip(model).snp_report(&request).unwrap();
        report[CHIP_ID].copy_from_slice(&recorded[CHIP_ID]);

        assert_eq!(report.len(), recorded.len());
        assert_eq!(
            hex::encode(&report[..BODY_BYTES]),
            hex::encode(&recorded[..BODY_BYTES])
        );
        for padding in [0x2d0..0x2e8, 0x318..0x4a0] {
            assert!(report[padding].iter().all(|byte| *byte == 0));
        }
    }
}

#[test]
fn document_has_the_shape_of_a_recent_genuine_one() {
    let Some(vectors) = vectors() else { return };
    let case = vectors.join("nitro/prod-2026-01-indefinite/document.cbor");
    let request = NitroRequest {
        pcrs: nitro_pcrs(&[1; 48], &[2; 32], "i-1"),
        user_data: Some(vec![3; 20]),
        nonce: None,
        public_key: None,
        timestamp_ms: NOW_MS,
    };

    let document = chip(ChipModel::Nitro).nitro_document(&request).unwrap();

    assert_eq!(shape(&document), shape(&fs::read(case).unwrap()));
}

/// Returns the header of a document and the name and type of each field, in order.
fn shape(document: &[u8]) -> (Vec<u8>, Vec<(String, Type)>) {
    let mut outer = Decoder::new(document);
    assert_eq!(outer.array().unwrap(), Some(4));
    let header = outer.bytes().unwrap().to_vec();
    assert_eq!(outer.map().unwrap(), Some(0));
    let mut payload = Decoder::new(outer.bytes().unwrap());
    assert_eq!(outer.bytes().unwrap().len(), 96);
    assert_eq!(outer.position(), document.len());

    assert_eq!(payload.map().unwrap(), None);
    let mut fields = Vec::new();
    while payload.datatype().unwrap() != Type::Break {
        let name = payload.str().unwrap().to_owned();
        fields.push((name, payload.datatype().unwrap()));
        payload.skip().unwrap();
    }
    (header, fields)
}

fn vectors() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = std::env::var_os("BOOP_VECTORS").map_or_else(beside, PathBuf::from);
    let folder = folder.join("attestation");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing",
        folder.display()
    );
    eprintln!("the attestation vectors are not present; formats are not compared");
    None
}

//! Claims of EAT attestation results, in JSON and in CBOR. Their signatures are checked before.

use boop_appraisal::results::Ear;

pub(crate) fn run(data: &[u8]) {
    if let Ok(ear) = Ear::from_cbor(data) {
        hold(&ear);
    }
    let claims = serde_json::from_slice(data);
    if let Some(ear) = claims.ok().and_then(|claims| Ear::from_json(&claims).ok()) {
        hold(&ear);
    }
}

fn hold(ear: &Ear) {
    let cbor = Ear::from_cbor(&ear.to_cbor());
    assert_eq!(cbor.as_ref(), Ok(ear), "cbor changes a result");
    let json = Ear::from_json(&ear.to_json());
    assert_eq!(json.as_ref(), Ok(ear), "json changes a result");
}

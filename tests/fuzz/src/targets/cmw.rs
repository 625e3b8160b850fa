//! Conceptual message wrappers, in JSON and in CBOR.

use boop_appraisal::envelope::CmwError;
use boop_appraisal::envelope::cmw::{Cmw, from_cbor, from_json, to_cbor, to_json};

pub(crate) fn json(data: &[u8]) {
    let Ok(wrapper) = from_json(data) else { return };
    let again = through_json(&wrapper).expect("what came as json goes as json");
    assert_eq!(again, wrapper, "json changes a wrapper");
    through_cbor(&wrapper);
}

pub(crate) fn cbor(data: &[u8]) {
    let Ok(wrapper) = from_cbor(data) else { return };
    through_cbor(&wrapper);
    // A content format becomes a media type on the way; that form then stays.
    let again = through_json(&wrapper);
    assert!(matches!(again, Ok(_) | Err(CmwError::NotJson)), "{again:?}");
}

fn through_json(wrapper: &Cmw) -> Result<Cmw, CmwError> {
    let text = to_json(wrapper)?;
    let again = from_json(text.as_bytes()).expect("what is written can be read");
    assert_eq!(to_json(&again), Ok(text), "json is not stable");
    Ok(again)
}

fn through_cbor(wrapper: &Cmw) {
    let bytes = to_cbor(wrapper);
    assert_eq!(
        from_cbor(&bytes).as_ref(),
        Ok(wrapper),
        "cbor changes a wrapper"
    );
}

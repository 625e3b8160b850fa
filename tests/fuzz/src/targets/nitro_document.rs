//! Nitro documents: COSE, the CBOR of the payload, and the chain that they bring along.

use boop_verifier::{Endorsements, Evidence, nitro::Document, parse};

use crate::fixture::DOCUMENT;
use crate::invariants::judge;

pub(crate) fn run(data: &[u8]) {
    let parsed = Document::parse(data);
    if let Ok(evidence) = parse(data) {
        assert_eq!(evidence.as_bytes(), data);
        if matches!(evidence, Evidence::Nitro(_)) {
            assert!(parsed.is_ok());
        }
    }
    let Ok(document) = parsed else { return };
    assert_eq!(document.as_bytes(), data);
    let payload = document.payload_bytes();
    let found = data.windows(payload.len().max(1));
    assert!(payload.is_empty() || found.into_iter().any(|part| part == payload));
    let is_fixture =
        Document::parse(DOCUMENT).is_ok_and(|genuine| genuine.payload_bytes() == payload);
    judge(
        &Evidence::Nitro(document),
        &Endorsements::default(),
        is_fixture,
    );
}

//! Envelopes of every form, and the evidence inside.

use std::fmt::Write as _;

use boop_appraisal::envelope::cmw::to_cbor;
use boop_appraisal::envelope::{Form, Opened, open, wrap};
use boop_verifier::parse;

pub(crate) fn run(data: &[u8]) {
    let Ok(opened) = open(data) else { return };
    assert_eq!(open(data).as_ref(), Ok(&opened));
    assert!(
        opened.evidence.len() <= data.len(),
        "opening does not make evidence"
    );
    for note in &opened.notes {
        assert!(!note.contains(char::is_control), "a note is one plain line");
    }
    as_text(data, &opened);
    wrapped(&opened);
}

/// Hexadecimal text of binary evidence holds the same.
fn as_text(data: &[u8], opened: &Opened) {
    let was_text = opened.notes.iter().any(|note| note.starts_with("decoded"));
    match opened.form {
        Form::SnpReport | Form::SnpExtended | Form::NitroDocument if !was_text => {}
        _ => return,
    }
    let mut text = String::new();
    for byte in data {
        write!(text, "{byte:02x}").expect("a text takes any words");
    }
    let again = open(text.as_bytes()).expect("a text of an envelope is one");
    assert_eq!(again.form, opened.form);
    assert_eq!(again.evidence, opened.evidence);
    assert_eq!(again.endorsements, opened.endorsements);
}

/// Evidence that was wrapped comes out as it was.
fn wrapped(opened: &Opened) {
    let Opened {
        evidence,
        endorsements,
        ..
    } = opened;
    if parse(evidence).is_err() {
        return;
    }
    let again = open(&to_cbor(&wrap(evidence, endorsements))).expect("what is wrapped opens");
    assert_eq!(again.evidence, *evidence);
    assert_eq!(again.endorsements.crl, endorsements.crl);
    let found = [&again.endorsements.leaf, &again.endorsements.intermediate];
    let given = [&endorsements.leaf, &endorsements.intermediate];
    for (found, given) in found.into_iter().zip(given) {
        assert!(found.is_none() || found == given, "a certificate changed");
    }
}

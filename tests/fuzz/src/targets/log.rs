//! The formats of a log, and a note's around them.

use core::fmt::Display;

use boop_proof::cose::CoseReceipt;
use boop_proof::policy::{POLICY_BYTES_MAX, Policy};
use boop_proof::witness::AddCheckpoint;
use boop_proof::{Note, ProofText};

/// Reads what asks a witness to cosign.
pub(super) fn add_checkpoint(input: &[u8]) {
    prints_the_same(input, AddCheckpoint::parse);
}

/// Reads a note.
pub(super) fn note(input: &[u8]) {
    prints_the_same(input, Note::parse);
}

/// Reads a proof with a checkpoint.
pub(super) fn proof(input: &[u8]) {
    prints_the_same(input, ProofText::parse);
}

/// Reads a policy; comments and blanks are no part of it, so it is never printed.
pub(super) fn policy(input: &[u8]) {
    let Ok(read) = Policy::parse(input) else {
        return;
    };
    let commented = [b"# a comment\n\n", input].concat();
    if commented.len() <= POLICY_BYTES_MAX {
        assert_eq!(Policy::parse(&commented), Ok(read));
    }
}

/// Reads a COSE receipt.
pub(super) fn cose(input: &[u8]) {
    if let Ok(read) = CoseReceipt::parse(input) {
        assert_eq!(read.to_bytes(), input);
    }
}

/// What is read from text prints to that text, and to no other.
fn prints_the_same<T: Display, E>(input: &[u8], parse: impl Fn(&str) -> Result<T, E>) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(read) = parse(text) {
        assert_eq!(read.to_string(), text);
    }
}

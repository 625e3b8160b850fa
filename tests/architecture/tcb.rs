//! What the measured binary links is what `enclave/TCB.md` says.

use std::fs;

use boop_xtask::tcb;

use crate::sources::assert_none;

/// The packages that the measured binary may link, ours included.
const LINKED_MAX: usize = 80;

#[test]
fn the_measured_binary_links_what_its_document_lists() {
    let document = fs::read_to_string(tcb::document()).expect("enclave/TCB.md can be read");
    let listed = tcb::listed(&document).expect("enclave/TCB.md has its table");
    let linked = tcb::linked().expect("cargo knows the tree");

    let differences = tcb::differences(&listed, &linked);

    let rule = "enclave/TCB.md differs; if you mean it, run `cargo xtask tcb --write` and say \
                in the new row what the package is for";
    assert_none(rule, &differences);
}

#[test]
fn the_measured_binary_stays_small() {
    let linked = tcb::linked().expect("cargo knows the tree");

    assert!(linked.len() <= LINKED_MAX, "{} packages", linked.len());
}

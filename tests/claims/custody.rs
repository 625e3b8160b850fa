//! Area `custody`: who opens a store, and what a host gets from an old, a cut or a foreign one.
//!
//! Checks are not switched off in the parties: a control hands the adversary what the check
//! depends on, so that the same attempt succeeds.

mod burglar;
mod canaries;
mod clone;
mod custodian;
mod damage;
mod day;
mod recovery;
mod refresh;
mod rollback;
mod shares;

use crate::claim::Try;

/// All of them. A claim is a module beside these and a line here.
pub(crate) const CLAIMS: &[(&str, Try)] = &[
    ("custodian", custodian::claim),
    ("rollback", rollback::claim),
    ("canaries", canaries::claim),
    ("damage", damage::claim),
    ("clone", clone::claim),
    ("refresh", refresh::claim),
    ("recovery", recovery::claim),
];

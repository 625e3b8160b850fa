//! The cases: which evidence, under which policy, and what a verifier has to say.

mod nitro;
mod snp;

use boop_platform::EvidenceKind;

use crate::chip::ChipModel;
use crate::forge::Change;

/// One piece of evidence and the answer to it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) id: &'static str,
    pub(super) model: ChipModel,
    pub(super) changes: Vec<Change>,
    pub(super) policy: Policy,
    pub(super) bound: Bound,
    /// Whether the verifier trusts the simulated roots; otherwise those of the vendors.
    pub(super) trusts_simulated: bool,
    pub(super) authentic: bool,
    /// Why it is refused; empty when it is accepted.
    pub(super) reasons: &'static [&'static str],
    pub(super) flags: &'static [&'static str],
}

/// What a case is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// P0 or N0.
    Plain,
    /// A policy file.
    File(&'static str),
}

/// What the verifier of a case expects to be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Nothing,
    /// The data that evidence carries unless a fault changes it.
    Data,
    /// The data and the nonce.
    Both,
}

impl Case {
    /// Expects plain acceptance of evidence with these changes.
    fn accepted(id: &'static str, model: ChipModel, changes: &[Change]) -> Self {
        Self {
            id,
            model,
            changes: changes.to_vec(),
            policy: Policy::Plain,
            bound: Bound::Nothing,
            trusts_simulated: true,
            authentic: true,
            reasons: &[],
            flags: &[],
        }
    }

    /// Expects refusal because the vendor's hardware did not make this.
    fn forged(
        id: &'static str,
        model: ChipModel,
        changes: &[Change],
        reasons: &'static [&'static str],
    ) -> Self {
        Self {
            authentic: false,
            reasons,
            ..Self::accepted(id, model, changes)
        }
    }

    /// Expects refusal because of what the evidence says.
    fn unwanted(
        id: &'static str,
        model: ChipModel,
        changes: &[Change],
        reasons: &'static [&'static str],
    ) -> Self {
        Self {
            reasons,
            ..Self::accepted(id, model, changes)
        }
    }

    fn flags(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }

    fn under(self, policy: &'static str) -> Self {
        let policy = Policy::File(policy);
        Self { policy, ..self }
    }

    fn bound(self, bound: Bound) -> Self {
        Self { bound, ..self }
    }

    fn under_vendor_roots(self) -> Self {
        Self {
            trusts_simulated: false,
            ..self
        }
    }
}

/// Returns the cases of a platform.
pub(super) fn all(kind: EvidenceKind) -> Vec<Case> {
    match kind {
        EvidenceKind::Snp => snp::cases(),
        EvidenceKind::Nitro => nitro::cases(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::forge::{Fault, Oddity};

    #[test]
    fn every_fault_and_every_oddity_has_a_case() {
        let cases: Vec<_> = [EvidenceKind::Snp, EvidenceKind::Nitro].map(all).concat();
        let shown: BTreeSet<_> = cases.iter().flat_map(|case| &case.changes).collect();

        for fault in Fault::ALL {
            assert!(shown.contains(&Change::Fault(*fault)), "{fault:?}");
        }
        for oddity in Oddity::ALL {
            assert!(shown.contains(&Change::Oddity(*oddity)), "{oddity:?}");
        }
    }

    #[test]
    fn cases_have_names_of_their_own_and_changes_that_their_models_can_have() {
        for kind in [EvidenceKind::Snp, EvidenceKind::Nitro] {
            let cases = all(kind);
            let names: BTreeSet<_> = cases.iter().map(|case| case.id).collect();

            assert_eq!(names.len(), cases.len());
            for case in &cases {
                let mut changes = case.changes.iter();
                assert!(
                    changes.all(|change| change.applies_to(case.model)),
                    "{}",
                    case.id
                );
                assert_eq!(case.model.platform(), kind, "{}", case.id);
            }
        }
    }
}

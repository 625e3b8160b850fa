//! What a manifest must say to mean one thing, whoever approves it [EVI-4].
//!
//! A list that names something twice, a number of approvers that nobody can reach, or a processor
//! that the verifier does not know would be read by somebody in another way than it was meant.

use alloc::string::String;

use boop_verifier::Product;
use boop_wire::PartyIndex;
use boop_wire::manifest::{ApproverKind, Machine, Manifest};

use super::APPROVERS_MAX;

/// What is wrong with the form of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// There are more approvers than are looked at.
    #[error("{found} approvers are more than {APPROVERS_MAX}")]
    TooManyApprovers {
        /// How many there are.
        found: usize,
    },
    /// Two approvers have one key.
    #[error("approvers {first} and {second} have the same key")]
    ApproverTwice {
        /// One, by its place.
        first: usize,
        /// The other.
        second: usize,
    },
    /// A party's operator has no key, or more than one.
    #[error("the operator of party {party} has {found} keys, not 1")]
    OperatorKeys {
        /// Whose.
        party: PartyIndex,
        /// How many.
        found: usize,
    },
    /// A number of approvers is zero, or more than there are.
    #[error("{name} asks for {needed} of {there}")]
    Threshold {
        /// Which.
        name: &'static str,
        /// How many it asks for.
        needed: u8,
        /// How many there are.
        there: usize,
    },
    /// Changing who approves takes fewer than all operators.
    #[error("thresholds.governance asks for {needed} operators, not for all")]
    Governance {
        /// How many it asks for.
        needed: u8,
    },
    /// The verifier knows no such processor, so nothing would be checked.
    #[error("there is no processor {product:?}")]
    UnknownProduct {
        /// What it is called.
        product: String,
    },
    /// Two floors of one processor leave open which of them counts.
    #[error("{product:?} has two floors")]
    TwoFloors {
        /// Which.
        product: String,
    },
    /// A processor is banned and has a floor.
    #[error("{product:?} is banned and has a floor")]
    BannedAndListed {
        /// Which.
        product: String,
    },
    /// A release ends before it begins.
    #[error("release {place} ends before it begins")]
    Window {
        /// Its place in the list.
        place: usize,
    },
    /// A release's measurement is revoked.
    #[error("release {place} is revoked and listed")]
    ReleaseRevokedAndListed {
        /// Its place in the list.
        place: usize,
    },
    /// A machine is revoked and may hold a role.
    #[error("a machine is revoked and listed: {chip}")]
    MachineRevokedAndListed {
        /// Its id, in hexadecimal.
        chip: String,
    },
}

/// Checks the form of a manifest.
pub(super) fn check_form(manifest: &Manifest) -> Result<(), FormError> {
    check_approvers(manifest)?;
    check_thresholds(manifest)?;
    check_products(manifest)?;
    check_revoked(manifest)
}

fn check_approvers(manifest: &Manifest) -> Result<(), FormError> {
    let approvers = &manifest.approvers;
    let found = approvers.len();
    if found > APPROVERS_MAX {
        return Err(FormError::TooManyApprovers { found });
    }
    for (second, approver) in approvers.iter().enumerate() {
        let first = approvers.iter().position(|it| it.key == approver.key);
        if let Some(first) = first.filter(|first| *first < second) {
            return Err(FormError::ApproverTwice { first, second });
        }
    }
    for party in PartyIndex::ALL {
        let found = count(manifest, ApproverKind::Operator(party));
        if found != 1 {
            return Err(FormError::OperatorKeys { party, found });
        }
    }
    Ok(())
}

fn check_thresholds(manifest: &Manifest) -> Result<(), FormError> {
    let thresholds = &manifest.thresholds;
    let operators = PartyIndex::COUNT;
    let signers = count(manifest, ApproverKind::ReleaseSigner);
    let reviewers = count(manifest, ApproverKind::Reviewer);
    for (name, needed, there) in [
        ("thresholds.operators", thresholds.operators, operators),
        (
            "thresholds.release_signers",
            thresholds.release_signers,
            signers,
        ),
        ("thresholds.reviewers", thresholds.reviewers, reviewers),
        ("thresholds.restriction", thresholds.restriction, operators),
        ("thresholds.governance", thresholds.governance, operators),
    ] {
        if needed == 0 || usize::from(needed) > there {
            return Err(FormError::Threshold {
                name,
                needed,
                there,
            });
        }
    }
    let needed = thresholds.governance;
    if usize::from(needed) < operators {
        return Err(FormError::Governance { needed });
    }
    Ok(())
}

fn count(manifest: &Manifest, kind: ApproverKind) -> usize {
    let of_kind = manifest.approvers.iter().filter(|it| it.kind == kind);
    of_kind.count()
}

fn check_products(manifest: &Manifest) -> Result<(), FormError> {
    let floors = manifest.tcb_floors.iter().map(|floor| &floor.product);
    let unknown = |name: &&String| {
        let known = Product::ALL.iter();
        !known.map(|it| it.as_str()).any(|it| it == name.as_str())
    };
    if let Some(product) = floors
        .clone()
        .chain(&manifest.banned_products)
        .find(unknown)
    {
        let product = product.clone();
        return Err(FormError::UnknownProduct { product });
    }
    for (place, product) in floors.enumerate() {
        let before = &manifest.tcb_floors[..place];
        if before.iter().any(|floor| floor.product == *product) {
            let product = product.clone();
            return Err(FormError::TwoFloors { product });
        }
        if manifest.banned_products.contains(product) {
            let product = product.clone();
            return Err(FormError::BannedAndListed { product });
        }
    }
    Ok(())
}

fn check_revoked(manifest: &Manifest) -> Result<(), FormError> {
    for (place, release) in manifest.releases.iter().enumerate() {
        if release
            .not_after_ms
            .is_some_and(|end| end <= release.not_before_ms)
        {
            return Err(FormError::Window { place });
        }
        if manifest.revoked.measurements.contains(&release.measurement) {
            return Err(FormError::ReleaseRevokedAndListed { place });
        }
    }
    let revoked = |it: &&Machine| manifest.revoked.chips.iter().any(|chip| chip.0 == it.chip);
    match machines(manifest).find(revoked) {
        Some(machine) => Err(FormError::MachineRevokedAndListed {
            chip: hex::encode(&machine.chip),
        }),
        None => Ok(()),
    }
}

fn machines(manifest: &Manifest) -> impl Iterator<Item = &Machine> {
    let parties = manifest.parties.iter().map(|entry| &entry.machine);
    parties
        .chain(&manifest.gateways)
        .chain([&manifest.ledger.machine])
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use boop_wire::manifest::{ChipId, Measurement};

    use super::*;
    use crate::manifest::samples::{floor, genesis};

    #[test]
    fn the_sample_has_a_good_form() {
        assert_eq!(check_form(&genesis()), Ok(()));
    }

    /// What is told, and the edit that provokes it.
    type Case = (FormError, fn(&mut Manifest));

    #[test]
    fn approvers_are_distinct_and_each_party_has_one_operator() {
        let cases: &[Case] = &[
            (FormError::TooManyApprovers { found: 33 }, |m| {
                while m.approvers.len() < 33 {
                    m.approvers.push(m.approvers[4].clone());
                }
            }),
            (
                FormError::ApproverTwice {
                    first: 1,
                    second: 4,
                },
                |m| {
                    m.approvers[4].key = m.approvers[1].key;
                },
            ),
            (operator_keys(2, 0), |m| drop(m.approvers.remove(2))),
            (operator_keys(0, 2), |m| {
                m.approvers[4].kind = m.approvers[0].kind;
            }),
        ];
        refuses(cases);
    }

    #[test]
    fn a_threshold_can_be_met_and_is_not_zero() {
        let cases: &[Case] = &[
            (threshold("thresholds.operators", 0, 3), |m| {
                m.thresholds.operators = 0
            }),
            (threshold("thresholds.release_signers", 2, 1), |m| {
                m.thresholds.release_signers = 2
            }),
            (threshold("thresholds.reviewers", 1, 0), |m| {
                drop(m.approvers.pop())
            }),
            (threshold("thresholds.restriction", 4, 3), |m| {
                m.thresholds.restriction = 4
            }),
            (threshold("thresholds.governance", 0, 3), |m| {
                m.thresholds.governance = 0
            }),
            (FormError::Governance { needed: 2 }, |m| {
                m.thresholds.governance = 2
            }),
        ];
        refuses(cases);
    }

    #[test]
    fn a_processor_is_known_and_listed_once_or_banned() {
        let product = |name: &str| String::from(name);
        let unknown = |name| FormError::UnknownProduct {
            product: product(name),
        };
        let two = FormError::TwoFloors {
            product: product("Genoa"),
        };
        let banned = FormError::BannedAndListed {
            product: product("Turin"),
        };
        let cases: &[Case] = &[
            (unknown("genoa"), |m| {
                m.tcb_floors[0].product = "genoa".into()
            }),
            (unknown("Rome"), |m| m.banned_products.push("Rome".into())),
            (two, |m| m.tcb_floors.push(floor("Genoa"))),
            (banned, |m| m.banned_products.push("Turin".into())),
        ];
        refuses(cases);
    }

    #[test]
    fn what_is_revoked_is_not_listed_and_a_release_has_some_time() {
        let machine = |mark: u8, bytes| FormError::MachineRevokedAndListed {
            chip: hex::encode(vec![mark; bytes]),
        };
        let cases: &[Case] = &[
            (FormError::Window { place: 1 }, |m| {
                m.releases[1].not_before_ms = 5;
                m.releases[1].not_after_ms = Some(5);
            }),
            (FormError::ReleaseRevokedAndListed { place: 0 }, |m| {
                m.revoked.measurements.push(Measurement([11; 48]))
            }),
            (machine(2, 64), |m| {
                m.revoked.chips.push(ChipId(vec![2; 64]))
            }),
            (machine(5, 48), |m| {
                m.revoked.chips.push(ChipId(vec![5; 48]))
            }),
            (machine(6, 64), |m| {
                m.revoked.chips.push(ChipId(vec![6; 64]))
            }),
        ];
        refuses(cases);
    }

    fn operator_keys(party: u8, found: usize) -> FormError {
        let party = PartyIndex::new(party).unwrap();
        FormError::OperatorKeys { party, found }
    }

    const fn threshold(name: &'static str, needed: u8, there: usize) -> FormError {
        FormError::Threshold {
            name,
            needed,
            there,
        }
    }

    #[track_caller]
    fn refuses(cases: &[Case]) {
        for (error, edit) in cases {
            let mut manifest = genesis();
            edit(&mut manifest);

            assert_eq!(check_form(&manifest), Err(error.clone()));
        }
    }
}

//! What must differ among the three parties, or breaking one breaks two.
//!
//! Three parties protect a palm as long as nobody has two of them. So no two share an operator, a
//! custodian or a machine, and no maker of hardware stands behind all three. What a manifest does
//! not say, such as whose building a machine stands in, cannot be checked here.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use boop_wire::PartyIndex;
use boop_wire::binding::PlatformKind;
use boop_wire::manifest::{Approvers, Machine, Manifest};

/// A rule about what must differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiversityRule {
    /// Each party has an operator of its own, with a name.
    ThreeOperators,
    /// Each party has a custodian of its own.
    ThreeCustodians,
    /// Each party has a machine of its own.
    ThreeMachines,
    /// Every machine is named by an id that hardware can show.
    KnownMachines,
    /// The parties do not all run on one kind of hardware.
    MixedPlatforms,
    /// At most one party runs on AWS, who could break all Nitro enclaves at once.
    OnePartyOnAws,
    /// Keys of approvers, custodians and ledger are different keys.
    KeysApart,
    /// Gateways and ledger run on other machines than the parties.
    PartiesAlone,
}

impl DiversityRule {
    /// Every rule, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::ThreeOperators,
        Self::ThreeCustodians,
        Self::ThreeMachines,
        Self::KnownMachines,
        Self::MixedPlatforms,
        Self::OnePartyOnAws,
        Self::KeysApart,
        Self::PartiesAlone,
    ];

    /// Returns the name by which scripts know the rule.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThreeOperators => "three-operators",
            Self::ThreeCustodians => "three-custodians",
            Self::ThreeMachines => "three-machines",
            Self::KnownMachines => "known-machines",
            Self::MixedPlatforms => "mixed-platforms",
            Self::OnePartyOnAws => "one-party-on-aws",
            Self::KeysApart => "keys-apart",
            Self::PartiesAlone => "parties-alone",
        }
    }
}

/// Who runs on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// A party.
    Party(PartyIndex),
    /// The gateway at this place of the list.
    Gateway(usize),
    /// The ledger.
    Ledger,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Party(index) => write!(f, "party {index}"),
            Self::Gateway(place) => write!(f, "gateway {place}"),
            Self::Ledger => f.write_str("the ledger"),
        }
    }
}

/// Something that does not differ as it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// A party's operator has no name.
    #[error("the operator of party {party} has no name")]
    UnnamedOperator {
        /// Whose.
        party: PartyIndex,
    },
    /// Two parties are run by one operator; letter case and blanks make no difference.
    #[error("parties {first} and {second} have the same operator")]
    SharedOperator {
        /// One.
        first: PartyIndex,
        /// The other.
        second: PartyIndex,
    },
    /// Two parties' keys lie with one custodian.
    #[error("parties {first} and {second} have the same custodian key")]
    SharedCustodian {
        /// One.
        first: PartyIndex,
        /// The other.
        second: PartyIndex,
    },
    /// Two parties run on one machine.
    #[error("parties {first} and {second} run on the same machine")]
    SharedMachine {
        /// One.
        first: PartyIndex,
        /// The other.
        second: PartyIndex,
    },
    /// A machine's id is all zeros or of another length than its hardware's.
    #[error("the machine of {member} is not named by an id of its hardware")]
    UnknownMachine {
        /// Who runs on it.
        member: Member,
    },
    /// All parties run on the same kind of hardware.
    #[error("all parties run on the same kind of hardware")]
    OnePlatform,
    /// Two parties run on AWS.
    #[error("parties {first} and {second} both run on AWS Nitro")]
    TwoOnAws {
        /// One.
        first: PartyIndex,
        /// The other.
        second: PartyIndex,
    },
    /// A custodian's key also signs the log.
    #[error("the custodian of party {party} has the ledger's key")]
    CustodianIsLedger {
        /// Whose custodian.
        party: PartyIndex,
    },
    /// An approver's key is a custodian's.
    #[error("the custodian of party {party} has the key of an approver")]
    CustodianIsApprover {
        /// Whose custodian.
        party: PartyIndex,
    },
    /// An approver's key also signs the log.
    #[error("the ledger has the key of an approver")]
    LedgerIsApprover,
    /// A gateway or the ledger runs on a party's machine.
    #[error("{member} runs on the machine of party {party}")]
    BesideParty {
        /// Who.
        member: Member,
        /// Whose machine.
        party: PartyIndex,
    },
}

impl Breach {
    /// Returns the rule that does not hold.
    pub const fn rule(&self) -> DiversityRule {
        match self {
            Self::UnnamedOperator { .. } | Self::SharedOperator { .. } => {
                DiversityRule::ThreeOperators
            }
            Self::SharedCustodian { .. } => DiversityRule::ThreeCustodians,
            Self::SharedMachine { .. } => DiversityRule::ThreeMachines,
            Self::UnknownMachine { .. } => DiversityRule::KnownMachines,
            Self::OnePlatform => DiversityRule::MixedPlatforms,
            Self::TwoOnAws { .. } => DiversityRule::OnePartyOnAws,
            Self::CustodianIsLedger { .. }
            | Self::CustodianIsApprover { .. }
            | Self::LedgerIsApprover => DiversityRule::KeysApart,
            Self::BesideParty { .. } => DiversityRule::PartiesAlone,
        }
    }

    /// Says whether the breach is told but refuses nothing: the kind of hardware in a simulated
    /// network, where all of it is software, and a neighbour of a party, which has the party's
    /// memory only if it breaks the hardware.
    pub const fn is_warning(&self, simulated: bool) -> bool {
        match self.rule() {
            DiversityRule::MixedPlatforms | DiversityRule::OnePartyOnAws => simulated,
            DiversityRule::PartiesAlone => true,
            DiversityRule::ThreeOperators
            | DiversityRule::ThreeCustodians
            | DiversityRule::ThreeMachines
            | DiversityRule::KnownMachines
            | DiversityRule::KeysApart => false,
        }
    }
}

/// Returns everything that does not differ as it must, rule by rule. Without approvers, their
/// keys are not compared.
pub fn diversity_breaches(manifest: &Manifest, approvers: Option<&Approvers>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    operators(manifest, &mut breaches);
    let custodian = |party: PartyIndex| manifest.party(party).map(|entry| entry.custodian);
    breaches.extend(
        pairs_with_same(custodian).map(|(first, second)| Breach::SharedCustodian { first, second }),
    );
    machines(manifest, &mut breaches);
    platforms(manifest, &mut breaches);
    keys(manifest, approvers, &mut breaches);
    neighbours(manifest, &mut breaches);
    breaches
}

fn operators(manifest: &Manifest, breaches: &mut Vec<Breach>) {
    let folded = |party: PartyIndex| {
        let words = manifest.party(party)?.operator.split_whitespace();
        let name: String = words
            .flat_map(str::chars)
            .flat_map(char::to_lowercase)
            .collect();
        Some(name)
    };
    let unnamed = |party: &PartyIndex| folded(*party).is_some_and(|name| name.is_empty());
    breaches.extend(
        PartyIndex::ALL
            .into_iter()
            .filter(unnamed)
            .map(|party| Breach::UnnamedOperator { party }),
    );
    breaches.extend(
        pairs_with_same(folded).map(|(first, second)| Breach::SharedOperator { first, second }),
    );
}

fn machines(manifest: &Manifest, breaches: &mut Vec<Breach>) {
    let chip = |party: PartyIndex| manifest.party(party).map(|entry| &entry.machine.chip);
    breaches.extend(
        pairs_with_same(chip).map(|(first, second)| Breach::SharedMachine { first, second }),
    );
    let unknown = members(manifest).filter(|(_, machine)| {
        let length = match machine.platform {
            PlatformKind::Snp => 64,
            PlatformKind::Nitro => 48,
        };
        machine.chip.len() != length || machine.chip.iter().all(|byte| *byte == 0)
    });
    breaches.extend(unknown.map(|(member, _)| Breach::UnknownMachine { member }));
}

fn platforms(manifest: &Manifest, breaches: &mut Vec<Breach>) {
    let kind = |party: PartyIndex| manifest.party(party).map(|entry| entry.machine.platform);
    let [zero, one, two] = PartyIndex::ALL.map(kind);
    if zero.is_some() && zero == one && one == two {
        breaches.push(Breach::OnePlatform);
    }
    let on_aws = |party| kind(party).filter(|kind| *kind == PlatformKind::Nitro);
    breaches
        .extend(pairs_with_same(on_aws).map(|(first, second)| Breach::TwoOnAws { first, second }));
}

fn keys(manifest: &Manifest, approvers: Option<&Approvers>, breaches: &mut Vec<Breach>) {
    let approves = |key: &[u8; 32]| {
        approvers.is_some_and(|approvers| approvers.keys.iter().any(|it| it.0 == *key))
    };
    for party in PartyIndex::ALL {
        let Some(entry) = manifest.party(party) else {
            continue;
        };
        if entry.custodian == manifest.ledger.key {
            breaches.push(Breach::CustodianIsLedger { party });
        }
        if approves(&entry.custodian) {
            breaches.push(Breach::CustodianIsApprover { party });
        }
    }
    if approves(&manifest.ledger.key) {
        breaches.push(Breach::LedgerIsApprover);
    }
}

fn neighbours(manifest: &Manifest, breaches: &mut Vec<Breach>) {
    let of_parties: BTreeMap<&[u8], PartyIndex> = PartyIndex::ALL
        .into_iter()
        .filter_map(|party| Some((manifest.party(party)?.machine.chip.as_slice(), party)))
        .collect();
    let beside = members(manifest).filter_map(|(member, machine)| {
        let party = *of_parties.get(machine.chip.as_slice())?;
        match member {
            Member::Party(_) => None,
            Member::Gateway(_) | Member::Ledger => Some(Breach::BesideParty { member, party }),
        }
    });
    breaches.extend(beside);
}

fn members(manifest: &Manifest) -> impl Iterator<Item = (Member, &Machine)> {
    let parties = PartyIndex::ALL
        .into_iter()
        .filter_map(|party| Some((Member::Party(party), &manifest.party(party)?.machine)));
    let gateways = manifest.gateways.iter().enumerate();
    parties
        .chain(gateways.map(|(place, machine)| (Member::Gateway(place), machine)))
        .chain(core::iter::once((Member::Ledger, &manifest.ledger.machine)))
}

/// Returns the pairs of parties that have something, and the same.
fn pairs_with_same<T: PartialEq>(
    of: impl Fn(PartyIndex) -> Option<T>,
) -> impl Iterator<Item = (PartyIndex, PartyIndex)> {
    let [zero, one, two] = PartyIndex::ALL;
    [(zero, one), (zero, two), (one, two)]
        .into_iter()
        .filter(move |(first, second)| of(*first).is_some_and(|it| Some(it) == of(*second)))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;

    use boop_wire::manifest::ApproverKey;

    use super::*;
    use crate::manifest::samples::{approvers, genesis, signed};
    use crate::manifest::{ManifestError, VerifiedManifest};

    const ZERO: PartyIndex = PartyIndex::ALL[0];
    const ONE: PartyIndex = PartyIndex::ALL[1];
    const TWO: PartyIndex = PartyIndex::ALL[2];

    #[test]
    fn a_network_as_it_should_be_breaks_no_rule() {
        assert_eq!(diversity_breaches(&genesis(), Some(&approvers(2))), []);
    }

    #[test]
    fn no_process_accepts_parties_that_do_not_differ_but_in_a_simulated_network() {
        let mut manifest = genesis();
        manifest.parties[2].operator = manifest.parties[1].operator.clone();
        let verify = |manifest: &Manifest| {
            let verified = VerifiedManifest::verify(signed(manifest, 2), &approvers(2));
            verified.map(drop)
        };

        let (first, second) = (ONE, TWO);
        let breach = Breach::SharedOperator { first, second };
        assert_eq!(verify(&manifest), Err(ManifestError::Diversity(breach)));
        manifest.simulated = true;
        assert_eq!(verify(&manifest), Ok(()));
        // A neighbour of a party is told, and refuses nothing.
        let mut beside = genesis();
        beside.ledger.machine = beside.parties[0].machine.clone();
        assert_eq!(verify(&beside), Ok(()));
    }

    #[test]
    fn an_operator_without_a_name_or_with_two_parties_is_refused() {
        let mut manifest = genesis();
        manifest.parties[0].operator = " ".into();
        manifest.parties[1].operator = "Acme  Ltd".into();
        manifest.parties[2].operator = "acme ltd ".into();

        let (first, second) = (ONE, TWO);
        refuses(
            &manifest,
            &[
                Breach::UnnamedOperator { party: ZERO },
                Breach::SharedOperator { first, second },
            ],
        );
    }

    #[test]
    fn a_custodian_or_a_machine_of_two_parties_is_refused() {
        let mut manifest = genesis();
        manifest.parties[2].custodian = manifest.parties[0].custodian;
        manifest.parties[1].machine = manifest.parties[0].machine.clone();

        refuses(
            &manifest,
            &[
                Breach::SharedCustodian {
                    first: ZERO,
                    second: TWO,
                },
                Breach::SharedMachine {
                    first: ZERO,
                    second: ONE,
                },
            ],
        );
    }

    #[test]
    fn a_machine_without_an_id_of_its_hardware_is_refused() {
        let mut manifest = genesis();
        manifest.parties[0].machine.chip = vec![0; 64];
        manifest.gateways[0].chip = vec![1; 48];
        manifest.ledger.machine.chip.pop();

        let [party, gateway] = [Member::Party(ZERO), Member::Gateway(0)];
        refuses(
            &manifest,
            &[party, gateway, Member::Ledger].map(|member| Breach::UnknownMachine { member }),
        );
    }

    #[test]
    fn all_on_one_platform_is_refused_and_warned_of_when_simulated() {
        let mut manifest = genesis();
        manifest.parties[2].machine.platform = PlatformKind::Snp;
        manifest.parties[2].machine.chip = vec![77; 64];

        refuses(&manifest, &[Breach::OnePlatform]);
        assert!(Breach::OnePlatform.is_warning(true));
    }

    #[test]
    fn two_on_aws_are_refused_and_warned_of_when_simulated() {
        let mut manifest = genesis();
        manifest.parties[0].machine.platform = PlatformKind::Nitro;
        manifest.parties[0].machine.chip = vec![77; 48];

        let (first, second) = (ZERO, TWO);
        let breach = Breach::TwoOnAws { first, second };
        assert!(breach.is_warning(true));
        refuses(&manifest, &[breach]);
    }

    #[test]
    fn one_key_in_two_hands_is_refused() {
        let mut manifest = genesis();
        manifest.parties[1].custodian = manifest.ledger.key;
        let approvers = Approvers {
            keys: vec![
                ApproverKey(manifest.ledger.key),
                ApproverKey(manifest.parties[2].custodian),
            ],
            needed: 1,
        };

        assert_eq!(
            diversity_breaches(&manifest, Some(&approvers)),
            [
                Breach::CustodianIsLedger { party: ONE },
                Breach::CustodianIsApprover { party: ONE },
                Breach::CustodianIsApprover { party: TWO },
                Breach::LedgerIsApprover,
            ]
        );
        refuses(&manifest, &[Breach::CustodianIsLedger { party: ONE }]);
    }

    #[test]
    fn a_neighbour_of_a_party_is_warned_of() {
        let mut manifest = genesis();
        manifest.gateways[0] = manifest.parties[1].machine.clone();
        manifest.ledger.machine = manifest.parties[2].machine.clone();

        let breaches = diversity_breaches(&manifest, None);

        assert!(breaches.iter().all(|breach| breach.is_warning(false)));
        assert_eq!(
            breaches,
            [(Member::Gateway(0), ONE), (Member::Ledger, TWO)]
                .map(|(member, party)| Breach::BesideParty { member, party })
        );
        assert_eq!(
            breaches[1].to_string(),
            "the ledger runs on the machine of party 2"
        );
    }

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let mut names = DiversityRule::ALL.map(DiversityRule::name).to_vec();
        names.sort_unstable();
        names.dedup();

        assert_eq!(names.len(), DiversityRule::ALL.len());
    }

    #[track_caller]
    fn refuses(manifest: &Manifest, expected: &[Breach]) {
        let breaches = diversity_breaches(manifest, None);

        assert_eq!(breaches, expected);
        assert!(breaches.iter().all(|breach| !breach.is_warning(false)));
    }
}

//! The AR4SI trustworthiness vector, draft-ietf-rats-ar4si section 2.3, and how the steps of a
//! verdict fill it.
//!
//! | aspect | value | when |
//! |---|---|---|
//! | all but the first | 1, unknown elements | the evidence could not be read |
//! | all but the first | 99, validation failed | the evidence is not authentic |
//! | `instance-identity` | 97, not recognised | `module-id` failed |
//! | | 2, recognised | `certified-chip` or `module-id` passed |
//! | `configuration` | 96, unsupportable | debug mode, or a step of the configuration failed |
//! | | 2, approved | `debug` and `host-data` passed |
//! | | 3, no known vulnerabilities | `debug` passed |
//! | `executables` | 33, not recognised | `measurement` failed |
//! | | 3, only approved ones at boot | `measurement` passed |
//! | `hardware` | 96, contraindicated | simulated, or a step of trust failed |
//! | | 32, known vulnerabilities | a step of the firmware failed, or the tier is `warning` |
//! | | 2, genuine | otherwise |
//! | `runtime-opaque` | 96, visible to the host | simulated, or debug mode |
//! | | 2, encrypted and opaque | `debug` passed |
//!
//! Steps of the configuration: `migration`, `guest-policy`, `platform-state`, `privilege`,
//! `host-data`, `id-block`. Steps of trust: `platform-kind`, `product-trust`, `signing-key`,
//! `revocation-demand`. Steps of the firmware: `firmware-floor`, `firmware-order`, `mitigations`.
//!
//! The first line that applies counts. What no line names is left out: there is no assertion.
//! `file-system`, `storage-opaque` and `sourced-data` are never asserted.
//!
//! The status is the worst of the vector and the tier of the verdict, and `contraindicated` for
//! whatever is refused. Debug mode and simulation are contraindicated even where the policy
//! accepts them: a result travels to parties that never agreed to either. Unreadable evidence has
//! the status `none`. So `affirming` and `warning` always mean accepted. A result that was issued
//! at another time than the evidence was judged for is no better than `warning`.

use boop_verifier::{Outcome, StepName, Tier, Verdict};

/// The four tiers of AR4SI, the better first; `None` is no assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrustworthinessTier {
    /// Nothing is asserted.
    None,
    /// The verifier affirms trust.
    Affirming,
    /// The verifier warns.
    Warning,
    /// The verifier says not to trust.
    Contraindicated,
}

impl TrustworthinessTier {
    /// Gives the name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Affirming => "affirming",
            Self::Warning => "warning",
            Self::Contraindicated => "contraindicated",
        }
    }

    /// Gives the number in CBOR.
    pub fn number(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Affirming => 2,
            Self::Warning => 32,
            Self::Contraindicated => 96,
        }
    }

    pub(super) fn from_str(name: &str) -> Option<Self> {
        TIERS.into_iter().find(|tier| tier.as_str() == name)
    }

    pub(super) fn from_number(number: i64) -> Option<Self> {
        TIERS.into_iter().find(|tier| tier.number() == number)
    }

    /// Finds the tier of a value in a vector.
    fn of(value: i8) -> Self {
        match value {
            -1..=1 => Self::None,
            2..=31 | -32..=-2 => Self::Affirming,
            32..=95 | -96..=-33 => Self::Warning,
            96..=127 | -128..=-97 => Self::Contraindicated,
        }
    }
}

const TIERS: [TrustworthinessTier; 4] = [
    TrustworthinessTier::None,
    TrustworthinessTier::Affirming,
    TrustworthinessTier::Warning,
    TrustworthinessTier::Contraindicated,
];

/// An aspect of trustworthiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// Which instance it is.
    InstanceIdentity,
    /// How it is configured.
    Configuration,
    /// What it runs.
    Executables,
    /// Files it has.
    FileSystem,
    /// Hardware and firmware.
    Hardware,
    /// Whether its memory is hidden from the host.
    RuntimeOpaque,
    /// Whether its storage is hidden.
    StorageOpaque,
    /// Where its data comes from.
    SourcedData,
}

impl Claim {
    /// All aspects, by their number.
    pub const ALL: [Self; 8] = [
        Self::InstanceIdentity,
        Self::Configuration,
        Self::Executables,
        Self::FileSystem,
        Self::Hardware,
        Self::RuntimeOpaque,
        Self::StorageOpaque,
        Self::SourcedData,
    ];

    /// Gives the name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InstanceIdentity => "instance-identity",
            Self::Configuration => "configuration",
            Self::Executables => "executables",
            Self::FileSystem => "file-system",
            Self::Hardware => "hardware",
            Self::RuntimeOpaque => "runtime-opaque",
            Self::StorageOpaque => "storage-opaque",
            Self::SourcedData => "sourced-data",
        }
    }

    /// Gives the number in CBOR.
    pub fn number(self) -> u8 {
        match self {
            Self::InstanceIdentity => 0,
            Self::Configuration => 1,
            Self::Executables => 2,
            Self::FileSystem => 3,
            Self::Hardware => 4,
            Self::RuntimeOpaque => 5,
            Self::StorageOpaque => 6,
            Self::SourcedData => 7,
        }
    }
}

/// A trustworthiness vector: the aspects about which something is asserted, by their number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustVector(Vec<(Claim, i8)>);

impl TrustVector {
    /// Fills the vector from a verdict.
    pub fn of(verdict: &Verdict) -> Self {
        let values = if verdict.facts.is_none() {
            [None, Some(1), Some(1), Some(1), Some(1)]
        } else if verdict.authentic {
            authentic(verdict)
        } else {
            [None, Some(99), Some(99), Some(99), Some(99)]
        };
        let claims = [
            Claim::InstanceIdentity,
            Claim::Configuration,
            Claim::Executables,
            Claim::Hardware,
            Claim::RuntimeOpaque,
        ];
        let claims = claims.into_iter().zip(values);
        Self(
            claims
                .filter_map(|(claim, value)| Some((claim, value?)))
                .collect(),
        )
    }

    /// Takes values as they were read; aspects in the order of their numbers.
    pub(super) fn from_values(mut values: Vec<(Claim, i8)>) -> Self {
        values.sort_unstable_by_key(|(claim, _)| *claim);
        Self(values)
    }

    /// Gives the value of an aspect, if something is asserted about it.
    pub fn value(&self, claim: Claim) -> Option<i8> {
        self.0
            .iter()
            .find_map(|(name, value)| (*name == claim).then_some(*value))
    }

    /// Gives the asserted aspects by their number.
    pub fn values(&self) -> &[(Claim, i8)] {
        &self.0
    }

    /// Gives the worst tier that a value reaches.
    pub fn worst(&self) -> TrustworthinessTier {
        let tiers = self
            .0
            .iter()
            .map(|(_, value)| TrustworthinessTier::of(*value));
        tiers.max().unwrap_or(TrustworthinessTier::None)
    }
}

/// Finds the status of a verdict whose vector is given.
pub(super) fn status(verdict: &Verdict, vector: &TrustVector) -> TrustworthinessTier {
    if verdict.facts.is_none() {
        return TrustworthinessTier::None;
    }
    if !verdict.accepted || verdict.simulated || is_debug(verdict) {
        return TrustworthinessTier::Contraindicated;
    }
    let tier = match verdict.tier {
        Some(Tier::Affirming) => TrustworthinessTier::Affirming,
        // An accepted verdict states its tier; should it not, the worse one is assumed.
        Some(Tier::Warning) | None => TrustworthinessTier::Warning,
    };
    tier.max(vector.worst())
}

/// Says whether the host can read the memory, whatever the policy says about it.
fn is_debug(verdict: &Verdict) -> bool {
    verdict.facts.as_ref().is_some_and(|facts| facts.debug)
}

/// Gives identity, configuration, executables, hardware and opacity of authentic evidence.
fn authentic(verdict: &Verdict) -> [Option<i8>; 5] {
    use StepName as Name;

    let ended = |name: StepName, outcome: Outcome| {
        let mut steps = verdict.steps.iter();
        steps.any(|step| step.name == name && step.outcome == outcome)
    };
    let failed = |names: &[StepName]| names.iter().any(|name| ended(*name, Outcome::Fail));
    let passed = |name: StepName| ended(name, Outcome::Pass) && !failed(&[name]);
    let first = |rules: &[(bool, i8)]| {
        let mut rules = rules.iter();
        rules.find_map(|(applies, value)| applies.then_some(*value))
    };
    let configuration = [
        Name::Migration,
        Name::GuestPolicy,
        Name::PlatformState,
        Name::Privilege,
        Name::HostData,
        Name::IdBlock,
    ];
    let distrusted = [
        Name::PlatformKind,
        Name::ProductTrust,
        Name::SigningKey,
        Name::RevocationDemand,
    ];
    let vulnerable = [Name::FirmwareFloor, Name::FirmwareOrder, Name::Mitigations];
    let is_warning = verdict.tier == Some(Tier::Warning);
    [
        first(&[
            (failed(&[Name::ModuleId]), 97),
            (passed(Name::CertifiedChip) || passed(Name::ModuleId), 2),
        ]),
        first(&[
            (is_debug(verdict) || failed(&configuration), 96),
            (passed(Name::Debug) && passed(Name::HostData), 2),
            (passed(Name::Debug), 3),
        ]),
        first(&[
            (failed(&[Name::Measurement]), 33),
            (passed(Name::Measurement), 3),
        ]),
        first(&[
            (verdict.simulated || failed(&distrusted), 96),
            (failed(&vulnerable) || is_warning, 32),
            (true, 2),
        ]),
        first(&[
            (verdict.simulated || is_debug(verdict), 96),
            (passed(Name::Debug), 2),
        ]),
    ]
}

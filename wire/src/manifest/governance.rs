//! Who may change a network's rules, how many of them must agree, and how long the rest can see
//! it coming.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::id::PartyIndex;

/// Somebody who may approve the next version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ApproverEntry {
    /// For people.
    #[n(0)]
    pub name: String,
    /// Ed25519 key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// As what.
    #[n(2)]
    pub kind: ApproverKind,
}

/// As what somebody approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum ApproverKind {
    /// The operator of a party.
    #[n(0)]
    Operator(#[n(0)] PartyIndex),
    /// Whoever answers for the code of a release.
    #[n(1)]
    ReleaseSigner,
    /// Whoever reviews for those outside.
    #[n(2)]
    Reviewer,
}

impl ApproverEntry {
    /// Returns the least set that a manifest may name: the operators of the three parties, in
    /// order, a release signer and a reviewer.
    pub fn least([zero, one, two, signer, reviewer]: [[u8; 32]; 5]) -> Vec<Self> {
        let operators = PartyIndex::ALL.into_iter().zip([zero, one, two]);
        let operators = operators.map(|(party, key)| Self {
            name: format!("operator {party}"),
            key,
            kind: ApproverKind::Operator(party),
        });
        let others = [
            Self {
                name: String::from("release signer"),
                key: signer,
                kind: ApproverKind::ReleaseSigner,
            },
            Self {
                name: String::from("reviewer"),
                key: reviewer,
                kind: ApproverKind::Reviewer,
            },
        ];
        operators.chain(others).collect()
    }
}

/// How many approvers of each kind a new version needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Thresholds {
    /// Operators, of a version that may add trust.
    #[n(0)]
    pub operators: u8,
    /// Release signers, of the same.
    #[n(1)]
    pub release_signers: u8,
    /// Reviewers, of the same.
    #[n(2)]
    pub reviewers: u8,
    /// Operators, of a version that only removes trust.
    #[n(3)]
    pub restriction: u8,
    /// Operators, of a version that changes who approves or how.
    #[n(4)]
    pub governance: u8,
}

impl Thresholds {
    /// Two operators, a release signer and a reviewer; one operator to restrict; all three to
    /// change who approves.
    pub const DESIGN: Self = Self {
        operators: 2,
        release_signers: 1,
        reviewers: 1,
        restriction: 1,
        governance: 3,
    };
}

/// How long a new version waits after it was made, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Delays {
    /// One that may add trust.
    #[n(0)]
    pub ordinary_s: u32,
    /// One that only removes trust.
    #[n(1)]
    pub restriction_s: u32,
    /// One that changes who approves or how.
    #[n(2)]
    pub governance_s: u32,
}

impl Delays {
    /// Three days for everybody to look; a restriction counts at once.
    pub const DESIGN: Self = Self {
        ordinary_s: 72 * 60 * 60,
        restriction_s: 0,
        governance_s: 72 * 60 * 60,
    };

    /// None, for a network whose parties are run by one person.
    pub const NONE: Self = Self {
        ordinary_s: 0,
        restriction_s: 0,
        governance_s: 0,
    };
}

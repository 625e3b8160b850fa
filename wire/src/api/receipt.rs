//! Receipts: what a vendor or a user keeps, to check it offline whenever they like.

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::evidence::EvidenceBundle;
use crate::id::UserId;
use crate::job::{AgreedOutcome, AuthContext};
use crate::ledger::Receipt;

/// All that a vendor, or anyone it shows it to, needs to check one authentication offline.
/// It names the user by the vendor's pairwise id alone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AuthReceipt {
    /// What was asked.
    #[n(0)]
    pub context: AuthContext,
    /// What the three parties signed.
    #[n(1)]
    pub outcome: AgreedOutcome,
    /// Boot evidence of the parties, in order: whose keys those are.
    #[n(2)]
    pub parties: Vec<EvidenceBundle>,
    /// The authentication's entry in the log.
    #[n(3)]
    pub authentication: Receipt,
    /// The payment's entry, if money moved.
    #[n(4)]
    pub payment: Option<Receipt>,
}

/// All that a user needs to check the enrolment offline.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnrolReceipt {
    /// Who was enrolled.
    #[n(0)]
    pub user: UserId,
    /// What the three parties signed.
    #[n(1)]
    pub outcome: AgreedOutcome,
    /// Boot evidence of the parties, in order.
    #[n(2)]
    pub parties: Vec<EvidenceBundle>,
    /// The registration's entry in the log.
    #[n(3)]
    pub registration: Receipt,
}

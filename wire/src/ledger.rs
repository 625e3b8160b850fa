//! The ledger's words: log entries, their openings, receipts, and what the gateway may ask.
//!
//! A leaf of the log holds no personal data: it is a kind, a time and a commitment. The opening
//! (salt and detail) stays in the ledger's store and in the receipt of whoever it concerns;
//! destroying the salt erases the detail while every proof stays valid.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::{digest_of, to_canonical};
use crate::custody::{CustodyEvent, CustodyReport};
use crate::evidence::EvidenceBundle;
use crate::id::{AccountId, ContextId, Digest, PairwiseId, RequestId};
use crate::id::{TransactionId, UserId, VendorId};
use crate::job::{AgreedOutcome, AuthContext};
use crate::publication::Publication;
use crate::refusal::Refusal;

/// Largest amount of one movement, in the smallest unit: 10^15, so that sums stay far below 2^63.
pub const AMOUNT_MAX: u64 = 1_000_000_000_000_000;
/// Largest encoded request or response of the ledger, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// A three-letter currency code, ISO 4217, upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Currency(#[cbor(n(0), with = "minicbor::bytes")] [u8; 3]);

impl Currency {
    /// Returns the currency of a three-letter upper-case code.
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Self(bytes))
    }

    /// Returns the code.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("???")
    }
}

/// What kind of event an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum EntryKind {
    /// A palm was enrolled.
    #[n(0)]
    Registration,
    /// A palm was recognised or not, for a vendor.
    #[n(1)]
    Authentication,
    /// Money moved from a user to a vendor.
    #[n(2)]
    Payment,
    /// Money was put on a user's account.
    #[n(3)]
    Credit,
    /// A custodian releases a party's key.
    #[n(4)]
    KeyRelease,
    /// A measured process joined the network.
    #[n(5)]
    Boot,
    /// A user's consents changed.
    #[n(6)]
    Consent,
    /// A custodian destroys a party's key.
    #[n(7)]
    KeyDestruction,
    /// The head of a party's store, as its custodian has it on record.
    #[n(8)]
    Anchor,
    /// A version of the manifest was published.
    #[n(9)]
    Manifest,
}

/// A leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// Format version, 1.
    #[n(0)]
    pub version: u8,
    /// What happened.
    #[n(1)]
    pub kind: EntryKind,
    /// When the ledger accepted it, Unix milliseconds.
    #[n(2)]
    pub time_ms: u64,
    /// Whether simulated hardware took part.
    #[n(3)]
    pub simulated: bool,
    /// [`Opening::commitment`] of what happened.
    #[n(4)]
    pub commitment: Digest,
}

impl Entry {
    /// Returns the bytes that the log hashes as a leaf.
    pub fn leaf(&self) -> Vec<u8> {
        to_canonical(self)
    }
}

/// What an entry commits to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Opening {
    /// Random; its destruction erases the detail.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub salt: [u8; 32],
    /// What happened.
    #[n(1)]
    pub detail: Detail,
}

impl Opening {
    /// Returns the hiding and binding commitment to the detail.
    pub fn commitment(&self) -> Digest {
        digest_of("ledger-commitment", self)
    }
}

/// The facts of an event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Detail {
    /// See [`EntryKind::Registration`].
    #[n(0)]
    Registration {
        /// Who was enrolled.
        #[n(0)]
        user: UserId,
        /// The signed outcome's digest.
        #[n(1)]
        outcome: Digest,
    },
    /// See [`EntryKind::Authentication`].
    #[n(1)]
    Authentication {
        /// For whom.
        #[n(0)]
        vendor: VendorId,
        /// In which context.
        #[n(1)]
        context: ContextId,
        /// Whether a record matched.
        #[n(2)]
        matched: bool,
        /// The signed outcome's digest.
        #[n(3)]
        outcome: Digest,
    },
    /// See [`EntryKind::Payment`].
    #[n(2)]
    Payment(#[n(0)] Payment),
    /// See [`EntryKind::Credit`].
    #[n(3)]
    Credit(#[n(0)] Credit),
    /// See [`EntryKind::KeyRelease`], [`EntryKind::KeyDestruction`] and [`EntryKind::Anchor`].
    #[n(4)]
    Custody(#[n(0)] CustodyReport),
    /// See [`EntryKind::Boot`].
    #[n(5)]
    Boot {
        /// Digest of the process's binding.
        #[n(0)]
        binding: Digest,
    },
    /// See [`EntryKind::Consent`].
    #[n(6)]
    Consent {
        /// Whose consent.
        #[n(0)]
        user: UserId,
        /// Digest of the new consent record.
        #[n(1)]
        record: Digest,
    },
    /// See [`EntryKind::Manifest`].
    #[n(7)]
    Manifest(#[n(0)] Publication),
}

impl Detail {
    /// Returns the kind of entry that records this detail.
    pub const fn kind(&self) -> EntryKind {
        match self {
            Self::Registration { .. } => EntryKind::Registration,
            Self::Authentication { .. } => EntryKind::Authentication,
            Self::Payment(_) => EntryKind::Payment,
            Self::Credit(_) => EntryKind::Credit,
            Self::Custody(report) => match report.event {
                CustodyEvent::Released { .. } => EntryKind::KeyRelease,
                CustodyEvent::Destroyed { .. } => EntryKind::KeyDestruction,
                CustodyEvent::Anchored { .. } => EntryKind::Anchor,
            },
            Self::Boot { .. } => EntryKind::Boot,
            Self::Consent { .. } => EntryKind::Consent,
            Self::Manifest(_) => EntryKind::Manifest,
        }
    }
}

/// A payment from a user's account to a vendor's. The vendor sees it, so it names neither the
/// user nor the account that pays.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Payment {
    /// `SHA-256(vendor_id || context_id)`; names the payment for ever.
    #[n(0)]
    pub transaction: TransactionId,
    /// The vendor that is paid.
    #[n(1)]
    pub vendor: VendorId,
    /// The context that was paid for.
    #[n(2)]
    pub context: ContextId,
    /// Who pays, as the vendor knows the user.
    #[n(3)]
    pub payer: PairwiseId,
    /// The account that is paid.
    #[n(4)]
    pub payee: AccountId,
    /// In the currency's smallest unit; above zero.
    #[n(5)]
    pub amount: u64,
    /// The currency.
    #[n(6)]
    pub currency: Currency,
    /// Digest of the three parties' outcome that authorised it.
    #[n(7)]
    pub outcome: Digest,
}

/// Money put on a user's account by the operator.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Credit {
    /// Chosen by the caller; repeating it changes nothing.
    #[n(0)]
    pub transaction: TransactionId,
    /// The account that is credited.
    #[n(1)]
    pub account: AccountId,
    /// In the currency's smallest unit; above zero.
    #[n(2)]
    pub amount: u64,
    /// The currency.
    #[n(3)]
    pub currency: Currency,
}

/// An entry with everything needed to check that the log contains it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Receipt {
    /// The leaf.
    #[n(0)]
    pub entry: Entry,
    /// What it commits to.
    #[n(1)]
    pub opening: Opening,
    /// Position in the log.
    #[n(2)]
    pub index: u64,
    /// Inclusion proof in the tree of the checkpoint, leaf to root (RFC 6962 §2.1.1).
    #[n(3)]
    pub proof: Vec<Digest>,
    /// A signed note (C2SP tlog-checkpoint): origin, size, root, signatures.
    #[n(4)]
    pub checkpoint: String,
}

/// What the gateway asks of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[expect(
    clippy::large_enum_variant,
    reason = "requests are decoded, answered and dropped"
)]
pub enum LedgerRequest {
    /// Records an event that moves no money. Repeating the id gives the stored answer.
    #[n(0)]
    Record {
        /// Names the event; the same id with another detail is a conflict.
        #[n(0)]
        id: Digest,
        /// What happened.
        #[n(1)]
        detail: Detail,
    },
    /// Holds the amount and captures it in one step.
    #[n(1)]
    Pay {
        /// The payment.
        #[n(0)]
        payment: Payment,
        /// The agreed outcome that authorises it, in full.
        #[n(1)]
        outcome: AgreedOutcome,
        /// What the parties were asked: the outcome's subject is its digest, so amount, currency
        /// and payee are those that the scanner showed.
        #[n(2)]
        context: AuthContext,
        /// Who pays: [`user_account`] of it is debited. It must fit the payment's payer, and
        /// does not enter the log.
        #[n(3)]
        user: UserId,
    },
    /// Puts money on an account.
    #[n(2)]
    Credit(#[n(0)] Credit),
    /// Asks for an account's balance.
    #[n(3)]
    Balance {
        /// Which account.
        #[n(0)]
        account: AccountId,
        /// In which currency.
        #[n(1)]
        currency: Currency,
    },
    /// Asks for an account's transactions in a span of time.
    #[n(4)]
    History {
        /// Which account.
        #[n(0)]
        account: AccountId,
        /// From this Unix millisecond on.
        #[n(1)]
        from_ms: u64,
        /// Before this Unix millisecond.
        #[n(2)]
        to_ms: u64,
    },
    /// Asks what became of a transaction.
    #[n(5)]
    Transaction {
        /// Which one.
        #[n(0)]
        transaction: TransactionId,
    },
    /// Asks for the newest checkpoint.
    #[n(6)]
    Checkpoint,
    /// Shows the parties' boot evidence. The ledger judges it and then knows whose signatures
    /// may move money; the gateway's word is not enough.
    #[n(7)]
    Introduce {
        /// One bundle for each party, in order.
        #[n(0)]
        parties: Vec<EvidenceBundle>,
    },
}

/// What the ledger answers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum LedgerResponse {
    /// The entry is durable and included.
    #[n(0)]
    Recorded(#[n(0)] Receipt),
    /// A balance, in the smallest unit.
    #[n(1)]
    Balance {
        /// What may be spent now: posted credits less debits and holds.
        #[n(0)]
        available: i64,
        /// What is posted.
        #[n(1)]
        posted: i64,
    },
    /// Receipts of an account's transactions, oldest first, at most 100.
    #[n(2)]
    History(#[n(0)] Vec<Receipt>),
    /// The transaction is settled, or was refused for want of funds.
    #[n(3)]
    Transaction {
        /// Whether money moved.
        #[n(0)]
        success: bool,
        /// The receipt, if it did.
        #[n(1)]
        receipt: Option<Receipt>,
    },
    /// The newest signed checkpoint.
    #[n(4)]
    Checkpoint(#[n(0)] String),
    /// The request was refused; nothing changed.
    #[n(5)]
    Refused(#[n(0)] Refusal),
    /// The parties' keys are known now.
    #[n(6)]
    Introduced,
}

/// The request behind a registration entry's id.
pub fn registration_id(request: RequestId) -> Digest {
    digest_of("registration-entry", &request)
}

/// Returns the account of a user. A user id is random, so the account does not tell it.
pub fn user_account(user: UserId) -> AccountId {
    AccountId::new(*digest_of("user-account", &user).as_bytes())
}

/// Returns the account of a vendor.
pub fn vendor_account(vendor: &VendorId) -> AccountId {
    AccountId::new(*digest_of("vendor-account", vendor).as_bytes())
}

/// A request with the number that its reply repeats, on the session of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LedgerCall {
    /// Chosen by the gateway, one after the other.
    #[n(0)]
    pub number: u64,
    /// What is asked.
    #[n(1)]
    pub request: LedgerRequest,
}

/// The reply to the [`LedgerCall`] of the same number.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LedgerReply {
    /// The call's number.
    #[n(0)]
    pub number: u64,
    /// What is answered.
    #[n(1)]
    pub response: LedgerResponse,
}

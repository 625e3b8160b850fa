//! Why a receipt does not hold.

use boop_channel::JudgeError;
use boop_proof::checkpoint::CheckpointOpenError;
use boop_proof::verify::ProofError;
use boop_wire::PartyIndex;
use boop_wire::codec::CodecError;
use boop_wire::ledger::EntryKind;

/// Why a receipt does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The bytes are not a receipt.
    #[error("the bytes are not a receipt: {0}")]
    Encoding(CodecError),
    /// The manifest names a log or key that no checkpoint could be checked against.
    #[error("the manifest's log name or key cannot be used")]
    LogKey,
    /// The checkpoint is not the log's.
    #[error("the checkpoint is not the log's: {0}")]
    Checkpoint(CheckpointOpenError),
    /// The log of the checkpoint does not contain the entry.
    #[error("the log does not contain the entry: {0}")]
    Inclusion(ProofError),
    /// The entry is of a format that is not known.
    #[error("the entry has version {found}, not 1")]
    EntryVersion {
        /// The version it names.
        found: u8,
    },
    /// The entry commits to something else than the opening.
    #[error("the entry's commitment does not open to the detail")]
    Commitment,
    /// The entry names another kind of event than its detail.
    #[error("the entry is of kind {found:?}, its detail of kind {expected:?}")]
    Kind {
        /// What the entry names.
        found: EntryKind,
        /// What the detail is, or what the receipt needs.
        expected: EntryKind,
    },
    /// A field of the detail is not what the rest of the receipt says.
    #[error("the {field} in the entry's detail is not the receipt's")]
    Detail {
        /// The field.
        field: &'static str,
    },
    /// Simulated hardware took part and the entry does not say so.
    #[error("simulated hardware took part and the entry does not say so")]
    SimulatedNotStated,
    /// There is not evidence of three parties.
    #[error("the receipt has evidence of {found} parties, not 3")]
    PartyCount {
        /// How many there are.
        found: usize,
    },
    /// A party's evidence was not accepted for the time of the entry.
    #[error("the evidence of party {party} was not accepted: {source}")]
    Party {
        /// Which party.
        party: PartyIndex,
        /// Why.
        source: JudgeError,
    },
    /// The outcome is of another network.
    #[error("the outcome is of another network")]
    Network,
    /// The outcome answers something else than what was asked.
    #[error("the outcome is about another subject")]
    Subject,
    /// There are not three signatures.
    #[error("the outcome has {found} signatures, not 3")]
    SignatureCount {
        /// How many there are.
        found: usize,
    },
    /// A party did not sign the outcome.
    #[error("the signature of party {0} does not verify")]
    Signature(PartyIndex),
    /// The parties decided something that this kind of receipt cannot be about.
    #[error("the parties' decision is not one of this kind of receipt")]
    Decision,
    /// The receipt is about something else than what was asked.
    #[error("the {field} of the receipt is not what was asked")]
    NotAsked {
        /// The field.
        field: &'static str,
    },
    /// A success came without a receipt, or with one that proves no success.
    #[error("the success is not backed by a receipt: {0}")]
    Unbacked(&'static str),
}

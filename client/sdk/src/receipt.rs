//! Checking receipts offline: nothing but the receipt, the manifest and roots is needed [LED-4].
//!
//! ```text
//!  manifest --> log key --> checkpoint --> inclusion --> entry --> opening --> detail
//!     |                                                     |                     |
//!     '--> parties' evidence, judged at the entry's time    |                     |
//!                '--> identity keys --> three signatures on the outcome <---------'
//!                                              '--> digest of what was asked
//! ```
//!
//! The checks are pure functions. Each leaves a line in a [`Trail`], so that a reader sees what
//! was compared, up to the first check that failed.

mod entry;
mod error;
mod outcome;
mod trail;

use boop_channel::{JudgeError, Trust};
use boop_proof::{KeyName, VerifierKey, key::KeyType};
use boop_wire::api::{AuthReceipt, EnrolReceipt};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::id::{ContextId, TerminalId, TransactionId, VendorId};
use boop_wire::job::{AuthContext, ContextKind, Decision, Subject};
use boop_wire::ledger::{Currency, Receipt};
use boop_wire::{Digest, NetworkId, PairwiseId, PartyIndex, UserId};

pub use entry::{Included, check_entry};
pub use error::ReceiptError;
pub use outcome::check_outcome;
pub use trail::{ReceiptCheck, Trail, TrailStep};

use crate::connection::judge_party;

/// Largest encoded receipt, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 256 * 1024;

/// What a vendor asked for; the receipt must be about that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedContext {
    /// The vendor.
    pub vendor: VendorId,
    /// The vendor's id for it.
    pub context: ContextId,
    /// Where.
    pub terminal: TerminalId,
    /// What for.
    pub kind: ContextKind,
    /// The name shown to the customer; none leaves it to the gateway.
    pub payee: Option<String>,
    /// Attributes that were required, in any order.
    pub attributes_required: Vec<String>,
    /// Attributes that were welcome, in any order.
    pub attributes_optional: Vec<String>,
}

/// An authentication receipt that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// What was asked.
    pub context: AuthContext,
    /// Whether exactly one record matched.
    pub matched: bool,
    /// Whose, as this vendor knows the user.
    pub who: Option<PairwiseId>,
    /// Digest of the outcome that the parties signed.
    pub outcome: Digest,
    /// Number of templates that were searched.
    pub searched: u64,
    /// When the ledger accepted it, Unix milliseconds.
    pub time_ms: u64,
    /// Position in the log.
    pub index: u64,
    /// Whether simulated hardware took part.
    pub simulated: bool,
    /// The payment, if money moved.
    pub payment: Option<VerifiedPayment>,
}

/// A payment that the log contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPayment {
    /// Names the payment for ever.
    pub transaction: TransactionId,
    /// In the currency's smallest unit.
    pub amount: u64,
    /// The currency.
    pub currency: Currency,
    /// Position in the log.
    pub index: u64,
}

/// An enrolment receipt that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEnrolment {
    /// Who was enrolled.
    pub user: UserId,
    /// Digest of the outcome that the parties signed.
    pub outcome: Digest,
    /// When the ledger accepted it, Unix milliseconds.
    pub time_ms: u64,
    /// Position in the log.
    pub index: u64,
    /// Whether simulated hardware took part.
    pub simulated: bool,
}

/// What receipts are held against once evidence has been judged.
#[derive(Debug, Clone)]
pub struct ReceiptBasis {
    /// The network.
    pub network: NetworkId,
    /// The key that signs the log's checkpoints, under the log's name.
    pub log: VerifierKey,
}

/// The parties' identity keys, in order, and whether simulated hardware holds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartyIdentities {
    /// Ed25519 keys.
    pub keys: [[u8; 32]; PartyIndex::COUNT],
    /// Whether the evidence of any of them ends at a simulated root.
    pub simulated: bool,
}

impl ReceiptBasis {
    /// Takes network and log key from the manifest.
    ///
    /// # Errors
    /// If the manifest names a log or key that no checkpoint could be checked against.
    pub fn of(trust: &Trust) -> Result<Self, ReceiptError> {
        let ledger = &trust.manifest().manifest().ledger;
        let log = KeyName::new(&ledger.origin)
            .and_then(|name| VerifierKey::new(name, KeyType::Ed25519, &ledger.key))
            .map_err(|_| ReceiptError::LogKey)?;
        Ok(Self {
            network: trust.manifest().network(),
            log,
        })
    }
}

/// Checks an authentication receipt against the manifest and what was asked.
///
/// # Errors
/// The first check that fails.
pub fn verify_auth_receipt(
    receipt: &AuthReceipt,
    trust: &Trust,
    expected: Option<&ExpectedContext>,
) -> Result<VerifiedReceipt, ReceiptError> {
    trace_auth_receipt(receipt, trust, expected, &mut Trail::default())
}

/// Does what [`verify_auth_receipt`] does, and writes down each check.
///
/// # Errors
/// The first check that fails.
pub fn trace_auth_receipt(
    receipt: &AuthReceipt,
    trust: &Trust,
    expected: Option<&ExpectedContext>,
    trail: &mut Trail,
) -> Result<VerifiedReceipt, ReceiptError> {
    let basis = ReceiptBasis::of(trust)?;
    let time_ms = check_entry(&receipt.authentication, &basis.log, trail)?.time_ms;
    let identities = judge_parties(&receipt.parties, trust, time_ms, trail)?;
    check_auth_receipt(receipt, &basis, &identities, expected, trail)
}

/// Checks an authentication receipt, given keys from evidence that was judged already.
///
/// # Errors
/// The first check that fails.
pub fn check_auth_receipt(
    receipt: &AuthReceipt,
    basis: &ReceiptBasis,
    identities: &PartyIdentities,
    expected: Option<&ExpectedContext>,
    trail: &mut Trail,
) -> Result<VerifiedReceipt, ReceiptError> {
    let AuthReceipt {
        context, outcome, ..
    } = receipt;
    let included = check_entry(&receipt.authentication, &basis.log, &mut Trail::default())?;
    let subject = Subject::Identify(context.clone()).digest();
    check_outcome(outcome, subject, basis.network, &identities.keys, trail)?;
    outcome::check_context(context, expected, trail)?;
    let who = outcome::authenticated(&outcome.outcome.decision, trail)?;
    entry::check_authentication(&receipt.authentication, context, &outcome.outcome, trail)?;
    entry::check_simulated(&receipt.authentication, identities.simulated, trail)?;
    let payment = check_payment(receipt, basis, identities.simulated, trail)?;
    Ok(VerifiedReceipt {
        context: context.clone(),
        matched: who.is_some(),
        who,
        outcome: outcome.outcome.digest(),
        searched: outcome.outcome.searched,
        time_ms: included.time_ms,
        index: included.index,
        simulated: receipt.authentication.entry.simulated,
        payment,
    })
}

/// Checks an enrolment receipt against the manifest and the user it should be about.
///
/// # Errors
/// The first check that fails.
pub fn verify_enrol_receipt(
    receipt: &EnrolReceipt,
    trust: &Trust,
    expected: Option<UserId>,
) -> Result<VerifiedEnrolment, ReceiptError> {
    trace_enrol_receipt(receipt, trust, expected, &mut Trail::default())
}

/// Does what [`verify_enrol_receipt`] does, and writes down each check.
///
/// # Errors
/// The first check that fails.
pub fn trace_enrol_receipt(
    receipt: &EnrolReceipt,
    trust: &Trust,
    expected: Option<UserId>,
    trail: &mut Trail,
) -> Result<VerifiedEnrolment, ReceiptError> {
    let basis = ReceiptBasis::of(trust)?;
    let time_ms = check_entry(&receipt.registration, &basis.log, trail)?.time_ms;
    let identities = judge_parties(&receipt.parties, trust, time_ms, trail)?;
    check_enrol_receipt(receipt, &basis, &identities, expected, trail)
}

/// Checks an enrolment receipt, given keys from evidence that was judged already.
///
/// # Errors
/// The first check that fails.
pub fn check_enrol_receipt(
    receipt: &EnrolReceipt,
    basis: &ReceiptBasis,
    identities: &PartyIdentities,
    expected: Option<UserId>,
    trail: &mut Trail,
) -> Result<VerifiedEnrolment, ReceiptError> {
    let EnrolReceipt { user, outcome, .. } = receipt;
    let included = check_entry(&receipt.registration, &basis.log, &mut Trail::default())?;
    let subject = Subject::Enrol { user: *user }.digest();
    check_outcome(outcome, subject, basis.network, &identities.keys, trail)?;
    outcome::check_user(*user, expected, trail)?;
    let decided = Decision::Enrolled { user: *user };
    let result = if outcome.outcome.decision == decided {
        Ok("the parties enrolled this user".into())
    } else {
        Err(ReceiptError::Decision)
    };
    trail.note(ReceiptCheck::Decision, result)?;
    entry::check_registration(&receipt.registration, *user, &outcome.outcome, trail)?;
    entry::check_simulated(&receipt.registration, identities.simulated, trail)?;
    Ok(VerifiedEnrolment {
        user: *user,
        outcome: outcome.outcome.digest(),
        time_ms: included.time_ms,
        index: included.index,
        simulated: receipt.registration.entry.simulated,
    })
}

/// A payment must be there exactly if one was asked for and the entry is given.
fn check_payment(
    receipt: &AuthReceipt,
    basis: &ReceiptBasis,
    simulated: bool,
    trail: &mut Trail,
) -> Result<Option<VerifiedPayment>, ReceiptError> {
    let Some(entry) = &receipt.payment else {
        return Ok(None);
    };
    let included = check_entry(entry, &basis.log, trail)?;
    let payment = entry::check_payment(entry, &receipt.context, &receipt.outcome.outcome, trail)?;
    entry::check_simulated(entry, simulated, trail)?;
    Ok(Some(VerifiedPayment {
        transaction: payment.transaction,
        amount: payment.amount,
        currency: payment.currency,
        index: included.index,
    }))
}

/// Judges the parties' evidence at the time at which the log accepted what they signed.
fn judge_parties(
    bundles: &[EvidenceBundle],
    trust: &Trust,
    time_ms: u64,
    trail: &mut Trail,
) -> Result<PartyIdentities, ReceiptError> {
    let judged = judge_all(bundles, trust, time_ms);
    let detail = judged.as_ref().map_err(Clone::clone).map(|identities| {
        let simulated = if identities.simulated {
            ", on simulated hardware"
        } else {
            ""
        };
        format!("evidence of three parties, judged at {time_ms} ms{simulated}")
    });
    trail.note(ReceiptCheck::Parties, detail)?;
    judged
}

fn judge_all(
    bundles: &[EvidenceBundle],
    trust: &Trust,
    time_ms: u64,
) -> Result<PartyIdentities, ReceiptError> {
    let found = bundles.len();
    let [zero, one, two] = bundles else {
        return Err(ReceiptError::PartyCount { found });
    };
    let judge = |party, bundle: &EvidenceBundle| {
        let judged = under_its_version(trust, bundle)
            .and_then(|trust| judge_party(&trust, party, bundle, time_ms));
        judged.map_err(|source| ReceiptError::Party { party, source })
    };
    let [first, second, third] = PartyIndex::ALL;
    let judged = [judge(first, zero)?, judge(second, one)?, judge(third, two)?];
    Ok(PartyIdentities {
        simulated: judged.iter().any(|party| party.verdict.simulated),
        keys: judged.map(|party| party.binding.keys.identity),
    })
}

/// Returns what was believed under the version that evidence names: a receipt is held against the
/// rules of its time.
fn under_its_version(trust: &Trust, bundle: &EvidenceBundle) -> Result<Trust, JudgeError> {
    let binding = bundle.binding().map_err(|_| JudgeError::Malformed)?;
    trust.under(binding.manifest).ok_or(JudgeError::Manifest)
}

/// Returns the id of the payment for a context: `SHA-256(vendor_id || context_id)`.
pub fn transaction_of(vendor: &VendorId, context: &ContextId) -> TransactionId {
    let bytes = [vendor.as_str().as_bytes(), context.as_str().as_bytes()].concat();
    TransactionId::new(*boop_wire::codec::plain_digest(&bytes).as_bytes())
}

/// Returns the text of a receipt as it travels: base64url without padding.
pub fn encode_receipt<T: minicbor::Encode<()>>(receipt: &T) -> String {
    crate::text::encode(receipt)
}

/// Reads an authentication receipt as it travels.
///
/// # Errors
/// [`ReceiptError::Encoding`] if the text is not one.
pub fn decode_auth_receipt(text: &str) -> Result<AuthReceipt, ReceiptError> {
    crate::text::decode(text, RECEIPT_BYTES_MAX).map_err(ReceiptError::Encoding)
}

/// Reads an enrolment receipt as it travels.
///
/// # Errors
/// [`ReceiptError::Encoding`] if the text is not one.
pub fn decode_enrol_receipt(text: &str) -> Result<EnrolReceipt, ReceiptError> {
    crate::text::decode(text, RECEIPT_BYTES_MAX).map_err(ReceiptError::Encoding)
}

/// The kinds of receipt, as a file may hold either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyReceipt {
    /// Of an authentication or payment.
    Authentication(Box<AuthReceipt>),
    /// Of an enrolment.
    Enrolment(Box<EnrolReceipt>),
}

impl AnyReceipt {
    /// Reads a file: canonical bytes, or their base64url text.
    ///
    /// # Errors
    /// [`ReceiptError::Encoding`] if it is neither kind of receipt.
    pub fn read(bytes: &[u8]) -> Result<Self, ReceiptError> {
        use boop_wire::codec::from_canonical_max;

        let text = std::str::from_utf8(bytes).map(str::trim);
        if let Ok(text) = text
            && text.is_ascii()
        {
            return decode_auth_receipt(text)
                .map(|receipt| Self::Authentication(Box::new(receipt)))
                .or_else(|_| {
                    let receipt = decode_enrol_receipt(text)?;
                    Ok(Self::Enrolment(Box::new(receipt)))
                });
        }
        from_canonical_max(bytes, RECEIPT_BYTES_MAX)
            .map(|receipt| Self::Authentication(Box::new(receipt)))
            .or_else(|_| {
                let receipt =
                    from_canonical_max(bytes, RECEIPT_BYTES_MAX).map_err(ReceiptError::Encoding)?;
                Ok(Self::Enrolment(Box::new(receipt)))
            })
    }

    /// Returns the main entry.
    pub fn entry(&self) -> &Receipt {
        match self {
            Self::Authentication(receipt) => &receipt.authentication,
            Self::Enrolment(receipt) => &receipt.registration,
        }
    }
}

#[cfg(test)]
mod tests;

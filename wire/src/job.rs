//! What clients ask of the parties, sealed per party, and what the parties sign in answer.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::{digest_of, domain_separated, to_canonical};
use crate::id::{ContextId, Digest, NetworkId, PairwiseId, PartyIndex, RequestId};
use crate::id::{TerminalId, UserId, VendorId};
use crate::ledger::Currency;
use crate::refusal::Refusal;
use crate::session::Signature;

/// Largest encoded call or answer between gateway and party, in bytes.
pub const CALL_BYTES_MAX: usize = 64 * 1024;
/// Longest life of a sealed capture, in milliseconds.
pub const CAPTURE_LIFE_MS_MAX: u64 = 5 * 60 * 1000;
/// Most attributes that one context may ask for.
pub const ATTRIBUTES_MAX: usize = 32;

/// Which hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
#[cfg_attr(feature = "api", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "api", serde(rename_all = "lowercase"))]
pub enum PalmSide {
    /// The left palm.
    #[n(0)]
    Left,
    /// The right palm.
    #[n(1)]
    Right,
}

/// What a vendor asks for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum ContextKind {
    /// Pay this much.
    #[n(0)]
    Payment {
        /// In the currency's smallest unit; above zero.
        #[n(0)]
        amount: u64,
        /// The currency.
        #[n(1)]
        currency: Currency,
    },
    /// Come in.
    #[n(1)]
    Entrance,
    /// Be recognised as a member.
    #[n(2)]
    Membership,
}

/// One authentication as a vendor opened it and as the scanner showed it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AuthContext {
    /// Who asks.
    #[n(0)]
    pub vendor: VendorId,
    /// The vendor's own id for it.
    #[n(1)]
    pub context: ContextId,
    /// Where.
    #[n(2)]
    pub terminal: TerminalId,
    /// What for.
    #[n(3)]
    pub kind: ContextKind,
    /// The name shown to the customer.
    #[n(4)]
    pub payee: String,
    /// Attributes without which the vendor refuses.
    #[n(5)]
    pub attributes_required: Vec<String>,
    /// Attributes the vendor would like.
    #[n(6)]
    pub attributes_optional: Vec<String>,
    /// When the context ends, Unix milliseconds.
    #[n(7)]
    pub expires_at_ms: u64,
}

/// What a capture is for. Its digest is inside every box, so that no one between scanner and
/// party can use the capture for anything else: another amount, another payee, another user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Subject {
    /// Enrols a palm.
    #[n(0)]
    Enrol {
        /// The user whose palm it is.
        #[n(0)]
        user: UserId,
    },
    /// Recognises a palm.
    #[n(1)]
    Identify(#[n(0)] AuthContext),
}

impl Subject {
    /// Returns the digest that boxes and outcomes carry.
    pub fn digest(&self) -> Digest {
        digest_of("subject", self)
    }
}

/// Returns the user of an enrolment that names none: the first half of a digest of its request, so
/// that whoever seals the capture knows for whom.
pub fn generated_user(request: RequestId) -> UserId {
    let digest = digest_of("generated-user", &request);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    UserId::new(bytes)
}

/// Public facts about a sealed capture; the HPKE info, so a box opens in this context alone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BoxInfo {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The manifest that the scanner verified.
    #[n(1)]
    pub manifest: Digest,
    /// For which party.
    #[n(2)]
    pub party: PartyIndex,
    /// The request.
    #[n(3)]
    pub request: RequestId,
    /// [`Subject::digest`].
    #[n(4)]
    pub subject: Digest,
    /// Which hand was shown.
    #[n(5)]
    pub side: PalmSide,
    /// When the capture is no longer good, Unix milliseconds.
    #[n(6)]
    pub expires_at_ms: u64,
}

impl BoxInfo {
    /// Returns the bytes for HPKE's `info`.
    pub fn to_info(&self) -> Vec<u8> {
        domain_separated("palm-box", &to_canonical(self))
    }
}

/// The plaintext of a box.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct BoxContent {
    /// Commitments to all three shares, in party order; the parties compare them.
    #[n(0)]
    pub commitments: Vec<Digest>,
    /// This party's share.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub share: Vec<u8>,
}

impl core::fmt::Debug for BoxContent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BoxContent([secret])")
    }
}

impl Drop for BoxContent {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.share);
    }
}

/// A share, sealed to one party's attested key (RFC 9180, base mode).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SealedBox {
    /// Encapsulated key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub enc: [u8; 32],
    /// Sealed [`BoxContent`].
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ciphertext: Vec<u8>,
}

/// One capture on its way: three boxes, and what they are for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Capture {
    /// Chosen by the scanner.
    #[n(0)]
    pub request: RequestId,
    /// Which hand.
    #[n(1)]
    pub side: PalmSide,
    /// When the capture is no longer good, Unix milliseconds.
    #[n(2)]
    pub expires_at_ms: u64,
    /// 0 to 100, as the scanner judged it.
    #[n(3)]
    pub quality: u8,
    /// One box for each party, in order.
    #[n(4)]
    pub boxes: Vec<SealedBox>,
}

/// From the gateway to one party.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartyCall {
    /// The request; also names the answer.
    #[n(0)]
    pub request: RequestId,
    /// What is asked.
    #[n(1)]
    pub subject: Subject,
    /// Which hand was shown.
    #[n(2)]
    pub side: PalmSide,
    /// When the capture is no longer good, Unix milliseconds.
    #[n(3)]
    pub expires_at_ms: u64,
    /// This party's box.
    #[n(4)]
    pub sealed: SealedBox,
}

/// From one party to the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[expect(
    clippy::large_enum_variant,
    reason = "a word is decoded, handed on and dropped"
)]
pub enum PartyWord {
    /// To a call.
    #[n(0)]
    Answer(#[n(0)] PartyAnswer),
    /// How far the party is with its records.
    #[n(1)]
    Progress(#[n(0)] Progress),
    /// The party is asked to leave: it finishes what runs, and another instance comes after it.
    #[n(2)]
    Leaving,
}

/// How many of a party's records are read, or prepared for searches together with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(feature = "api", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "api", serde(deny_unknown_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Records that are done.
    #[n(0)]
    pub done: u64,
    /// Records that there are.
    #[n(1)]
    pub of: u64,
}

/// What became of a gateway's call.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartyAnswer {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// What became of it.
    #[n(1)]
    pub result: PartyResult,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[expect(
    clippy::large_enum_variant,
    reason = "an answer is decoded, compared and dropped"
)]
pub enum PartyResult {
    /// The parties decided; this one signed.
    #[n(0)]
    Decided {
        /// What was found; vendors get to see it.
        #[n(0)]
        outcome: SignedOutcome,
        /// Who matched, if one record did. For gateway and ledger, which debits the account; it
        /// stays out of every receipt.
        #[n(1)]
        user: Option<UserId>,
    },
    /// This party turned it down; nothing was decided.
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

/// What the three found out, the same for each.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Outcome {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The request.
    #[n(1)]
    pub request: RequestId,
    /// [`Subject::digest`] of what was asked.
    #[n(2)]
    pub subject: Digest,
    /// The answer.
    #[n(3)]
    pub decision: Decision,
    /// Number of templates that were searched.
    #[n(4)]
    pub searched: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Decision {
    /// The palm is enrolled now.
    #[n(0)]
    Enrolled {
        /// As whom.
        #[n(0)]
        user: UserId,
    },
    /// The palm belongs to somebody already; who, is not said.
    #[n(1)]
    AlreadyEnrolled,
    /// One record matches.
    #[n(2)]
    Matched {
        /// Whose, as the vendor that asked knows the user.
        #[n(0)]
        who: PairwiseId,
        /// Which of the user's palms.
        #[n(1)]
        side: PalmSide,
    },
    /// No record matches.
    #[n(3)]
    NotMatched,
    /// More than one record matches; none is named.
    #[n(4)]
    Ambiguous,
}

/// Returns the id by which one vendor knows a user, the same every time.
///
/// A user id is 128 random bits that no vendor is told, so nobody without it can compute this id,
/// and the ids that two vendors have of one user cannot be linked.
pub fn pairwise_id(user: UserId, vendor: &VendorId) -> PairwiseId {
    let pair = PairwiseUser { user, vendor };
    PairwiseId::new(*digest_of("pairwise-user", &pair).as_bytes())
}

/// What a pairwise id is the digest of.
#[derive(Encode)]
struct PairwiseUser<'a> {
    #[n(0)]
    user: UserId,
    #[n(1)]
    vendor: &'a VendorId,
}

impl Outcome {
    /// Returns the bytes that a party signs.
    pub fn signed_bytes(&self, party: PartyIndex) -> Vec<u8> {
        let mut bytes = to_canonical(self);
        bytes.push(party.get());
        domain_separated("outcome", &bytes)
    }

    /// Returns the digest that ledger entries carry.
    pub fn digest(&self) -> Digest {
        digest_of("outcome", self)
    }
}

/// An outcome under one party's identity key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedOutcome {
    /// What was found.
    #[n(0)]
    pub outcome: Outcome,
    /// Who signs.
    #[n(1)]
    pub party: PartyIndex,
    /// Over [`Outcome::signed_bytes`].
    #[n(2)]
    pub signature: Signature,
}

/// An outcome under all three identity keys.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AgreedOutcome {
    /// What was found.
    #[n(0)]
    pub outcome: Outcome,
    /// One signature for each party, in order.
    #[n(1)]
    pub signatures: Vec<Signature>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_vendors_know_one_user_by_different_ids() {
        let [first, second] = ["ven_1", "ven_2"].map(|vendor| vendor.parse().unwrap());
        let user = UserId::new([1; 16]);

        let id = pairwise_id(user, &first);

        assert_eq!(id, pairwise_id(user, &first));
        assert_ne!(id, pairwise_id(user, &second));
        assert_ne!(id, pairwise_id(UserId::new([2; 16]), &first));
    }

    #[test]
    fn a_pairwise_id_is_the_published_digest() {
        let id = pairwise_id(UserId::new([1; 16]), &"ven_1".parse().unwrap());

        let mut pair = Vec::from([0x82, 0x50]);
        pair.extend([1; 16]);
        pair.extend(b"\x65ven_1");
        let digest = crate::codec::plain_digest(&domain_separated("pairwise-user", &pair));
        assert_eq!(id.as_bytes(), digest.as_bytes());
    }
}

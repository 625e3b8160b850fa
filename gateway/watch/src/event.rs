//! What doors see, and about whom.

use core::fmt;

use boop_wire::{Digest, Refusal};
use serde::Serialize;

/// Who or what an event is about, as a keyed hash.
///
/// The caller makes it: HMAC-SHA-256 of the kind and the name under a key that it draws anew each
/// day and then forgets. An address is hashed as the door counts it, an IPv6 customer as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Pseudonym(Digest);

impl Pseudonym {
    /// Wraps a keyed hash.
    pub const fn new(keyed_hash: Digest) -> Self {
        Self(keyed_hash)
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whom a rule watches, and a door slows down or blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "pseudonym")]
pub enum Subject {
    /// Whoever holds the administrator's token.
    Administrator,
    /// A network address.
    Address(Pseudonym),
    /// A palm-vein scanner.
    Scanner(Pseudonym),
    /// A user with a session of their own.
    User(Pseudonym),
    /// A vendor.
    Vendor(Pseudonym),
}

/// Something that a door saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// What.
    pub what: What,
}

/// What a door saw.
///
/// An `asker` is who proved to be the caller, or else the address: never whom a caller only claims
/// to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A scanner's capture was turned down.
    CaptureRefused {
        /// Which scanner.
        scanner: Pseudonym,
        /// Why.
        fault: CaptureFault,
    },
    /// A scanner's capture matched.
    CaptureMatched {
        /// Which scanner.
        scanner: Pseudonym,
        /// Whom.
        who: Pseudonym,
    },
    /// An enrolment was turned down, because the palm is enrolled already.
    AlreadyEnrolled {
        /// Which scanner.
        scanner: Pseudonym,
    },
    /// A palm was enrolled.
    Enrolled {
        /// Which scanner.
        scanner: Pseudonym,
    },
    /// A context ended.
    ContextEnded {
        /// Whose.
        vendor: Pseudonym,
        /// How.
        ending: Ending,
    },
    /// A login failed: the first message of a socket, an API key or token that nobody has, a
    /// request for a token.
    LoginFailed {
        /// From where.
        address: Pseudonym,
        /// Who the caller claimed to be, if anybody.
        claimed: Option<Subject>,
        /// What was shown as a proof, so that the same wrong key again is still one.
        key: Pseudonym,
    },
    /// A login was good: a socket's, or a token that was given out. A request with a key or token
    /// that the door knows already is [`What::Served`].
    LoginGood {
        /// Who.
        principal: Subject,
        /// From where.
        address: Pseudonym,
    },
    /// A proof that may be used once was used again: a DPoP proof or a client's assertion.
    ProofReplayed {
        /// Whose.
        principal: Subject,
    },
    /// A token came with another key or certificate than it is bound to, or with none.
    TokenMisused {
        /// Whose token.
        principal: Subject,
    },
    /// A request was answered as it was asked.
    Served {
        /// Who asked.
        asker: Subject,
    },
    /// A request named something that is not there, or is not the asker's.
    Missed {
        /// Who asked.
        asker: Subject,
        /// For what.
        target: Pseudonym,
    },
    /// A message does not read, is too large or holds a value that it may not.
    Malformed {
        /// Who sent it.
        asker: Subject,
    },
}

/// Why a capture was turned down, as far as a rule needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureFault {
    /// No enrolled palm matches, or more than one.
    NotMatched,
    /// It is not good enough.
    Quality,
    /// It was made or used for something else: the parties know its request, or its boxes do not
    /// open in this context, or are not of one capture.
    Replayed,
    /// It is past its time.
    Expired,
    /// It does not read.
    Malformed,
}

impl CaptureFault {
    /// Returns the fault behind a refusal; nothing where the fault is ours, or no capture's.
    pub const fn of(refusal: Refusal) -> Option<Self> {
        match refusal {
            Refusal::UserNotFound | Refusal::Ambiguous => Some(Self::NotMatched),
            Refusal::QualityTooLow => Some(Self::Quality),
            Refusal::Replayed | Refusal::SealedBoxInvalid | Refusal::SharesInconsistent => {
                Some(Self::Replayed)
            }
            Refusal::Expired => Some(Self::Expired),
            Refusal::Malformed | Refusal::TooLarge | Refusal::Invalid => Some(Self::Malformed),
            Refusal::Unexpected
            | Refusal::EvidenceRefused
            | Refusal::WrongRole
            | Refusal::WrongNetwork
            | Refusal::WrongSession
            | Refusal::BadSignature
            | Refusal::PartyUnavailable
            | Refusal::DeadlineExceeded
            | Refusal::ProtocolAborted
            | Refusal::StateDiverged
            | Refusal::UserExists
            | Refusal::Unauthenticated
            | Refusal::Forbidden
            | Refusal::NotFound
            | Refusal::Conflict
            | Refusal::InsufficientFunds
            | Refusal::Busy
            | Refusal::Internal
            | Refusal::ScannerUnavailable
            | Refusal::UnknownTerminal
            | Refusal::ContextExpired
            | Refusal::NotConsented
            | Refusal::MissingAttributes
            | Refusal::KeyNotReleased
            | Refusal::StoreDamaged
            | Refusal::Stale
            | Refusal::SecondLockMissing
            | Refusal::StoreRolledBack
            | Refusal::Draining
            | Refusal::LedgerUnavailable
            | Refusal::CustodianBehind
            | Refusal::ManifestUnlogged
            | Refusal::ManifestTooEarly => None,
        }
    }
}

/// How a context ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Money moved.
    Paid,
    /// A palm matched where nothing is to pay: an entrance, a membership.
    Admitted,
    /// A payment that was not made: no match, too little money, cancelled, its time over.
    Unpaid,
    /// A context with nothing to pay whose palm did not match, or never came.
    Left,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_a_capture_has_its_class_and_others_have_none() {
        let of = |wanted| {
            let all = Refusal::ALL.iter().copied();
            all.filter(move |refusal| CaptureFault::of(*refusal) == Some(wanted))
                .collect::<Vec<_>>()
        };

        assert_eq!(
            of(CaptureFault::NotMatched),
            [Refusal::UserNotFound, Refusal::Ambiguous]
        );
        assert_eq!(of(CaptureFault::Quality), [Refusal::QualityTooLow]);
        assert_eq!(
            of(CaptureFault::Replayed),
            [
                Refusal::SealedBoxInvalid,
                Refusal::Replayed,
                Refusal::SharesInconsistent
            ]
        );
        assert_eq!(of(CaptureFault::Expired), [Refusal::Expired]);
        assert_eq!(
            of(CaptureFault::Malformed),
            [Refusal::Malformed, Refusal::TooLarge, Refusal::Invalid]
        );
        let ours = Refusal::ALL.iter().filter(|refusal| refusal.retryable());
        for refusal in ours {
            assert_eq!(CaptureFault::of(*refusal), None, "{refusal}");
        }
    }
}

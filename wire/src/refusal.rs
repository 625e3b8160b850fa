//! Refusals: the closed set of codes that cross a trust edge. Detail stays on the side that
//! knows it.

use core::fmt;

use minicbor::{Decode, Encode};

macro_rules! refusals {
    ($($(#[$doc:meta])* $number:literal $name:ident $code:literal $retry:literal,)+) => {
        /// Why a request was turned down. Codes are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(index_only)]
        pub enum Refusal {
            $($(#[$doc])* #[n($number)] $name,)+
        }

        impl Refusal {
            /// Every refusal there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// Tells whether the same request may succeed if it is repeated as it is.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retry,)+ }
            }
        }
    };
}

refusals! {
    /// The bytes are not a message of the protocol.
    0 Malformed "malformed" false,
    /// The message is longer than its kind may be.
    1 TooLarge "too-large" false,
    /// The message may not come now, or not from this peer.
    2 Unexpected "unexpected" false,
    /// The evidence was not accepted.
    3 EvidenceRefused "evidence-refused" false,
    /// The evidence is of another role or party than this edge expects.
    4 WrongRole "wrong-role" false,
    /// The message belongs to another network or manifest.
    5 WrongNetwork "wrong-network" false,
    /// The proof is not of this session.
    6 WrongSession "wrong-session" false,
    /// A signature does not verify.
    7 BadSignature "bad-signature" false,
    /// The sealed box does not open with this key in this context.
    8 SealedBoxInvalid "sealed-box-invalid" false,
    /// The capture or message is past its time.
    9 Expired "expired" false,
    /// The capture was used before, in another context.
    10 Replayed "replayed" false,
    /// The three shares are not of one capture.
    11 SharesInconsistent "shares-inconsistent" false,
    /// A party is not there or left in the middle.
    12 PartyUnavailable "party-unavailable" true,
    /// The work was not done by its deadline.
    13 DeadlineExceeded "deadline-exceeded" true,
    /// A party deviated from the protocol, or a message was damaged.
    14 ProtocolAborted "protocol-aborted" true,
    /// The parties' stores differ.
    15 StateDiverged "state-diverged" false,
    /// The palm is enrolled already.
    16 UserExists "user-exists" false,
    /// No enrolled palm matches.
    17 UserNotFound "user-not-found" false,
    /// More than one enrolled palm matches.
    18 Ambiguous "ambiguous" false,
    /// The capture is not good enough.
    19 QualityTooLow "quality-too-low" false,
    /// The caller did not prove who it is.
    20 Unauthenticated "unauthenticated" false,
    /// The caller may not do this.
    21 Forbidden "forbidden" false,
    /// There is no such thing.
    22 NotFound "not-found" false,
    /// The id is taken by something else.
    23 Conflict "conflict" false,
    /// The account has too little.
    24 InsufficientFunds "insufficient-funds" false,
    /// A field holds a value that it may not.
    25 Invalid "invalid" false,
    /// Too many requests, connections or bytes for now.
    26 Busy "busy" true,
    /// The program failed in a way that it does not explain to others.
    27 Internal "internal" true,
    /// There is no scanner at this terminal now.
    28 ScannerUnavailable "scanner-unavailable" true,
    /// The terminal is not known.
    29 UnknownTerminal "unknown-terminal" false,
    /// The context's time is over.
    30 ContextExpired "context-expired" false,
    /// The user did not consent to what is asked.
    31 NotConsented "not-consented" false,
    /// Attributes that the vendor requires are not there.
    32 MissingAttributes "missing-attributes" false,
    /// The key was not released.
    33 KeyNotReleased "key-not-released" true,
    /// The store's bytes are not what was sealed.
    34 StoreDamaged "store-damaged" false,
    /// Evidence or checkpoint is too old.
    35 Stale "stale" true,
    /// No peer keeps the second secret that the store needs.
    36 SecondLockMissing "second-lock-missing" false,
    /// The store is older than what its custodian has on record.
    37 StoreRolledBack "store-rolled-back" false,
    /// A party is about to leave, or left, for another instance to take its place.
    38 Draining "draining" true,
    /// What has to be in the ledger first cannot be put there now.
    39 LedgerUnavailable "ledger-unavailable" true,
    /// The ledger knows more than the custodian does: an old copy of its files was put in place.
    40 CustodianBehind "custodian-behind" false,
    /// The manifest is not in the ledger, or another one is in its place.
    41 ManifestUnlogged "manifest-unlogged" true,
    /// The manifest's delay has not passed.
    42 ManifestTooEarly "manifest-too-early" true,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(feature = "api")]
impl serde::Serialize for Refusal {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

#[cfg(feature = "api")]
impl<'de> serde::Deserialize<'de> for Refusal {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <alloc::string::String as serde::Deserialize>::deserialize(d)?;
        let found = Self::ALL.iter().find(|refusal| refusal.code() == text);
        found
            .copied()
            .ok_or_else(|| serde::de::Error::custom("unknown refusal code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        for (position, refusal) in Refusal::ALL.iter().enumerate() {
            let code = refusal.code();
            assert!(
                code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{code}"
            );
            let first = Refusal::ALL.iter().position(|other| other.code() == code);
            assert_eq!(first, Some(position));
        }
    }
}

//! Ids: fixed-length byte strings, short names and the party index, each a type of its own.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};

/// Longest name of a vendor, context, terminal or scanner, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not hexadecimal of the id's length.
    #[error("expected {expected} hexadecimal digits")]
    NotHex {
        /// Number of digits the id has.
        expected: usize,
    },
    /// The name is empty, too long or holds a character that names may not have.
    #[error("expected 1 to 64 letters, digits, '_', '-' or '.'")]
    NotAName,
    /// The party index is not 0, 1 or 2.
    #[error("expected a party index of 0, 1 or 2")]
    NotAParty,
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Wraps the bytes.
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| IdError::NotHex { expected: 2 * $len })?;
                Ok(Self(bytes))
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                let bytes = d.bytes()?;
                let bytes = bytes.try_into().map_err(|_| decode::Error::message("id length"))?;
                Ok(Self(bytes))
            }
        }

        #[cfg(feature = "api")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        #[cfg(feature = "api")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let pattern = alloc::format!("^[0-9a-fA-F]{{{}}}$", 2 * $len);
                crate::api::text_schema(&pattern)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(IdError::NotAName) }
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                e.str(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                d.str()?.parse().map_err(|_| decode::Error::message("name"))
            }
        }

        #[cfg(feature = "api")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        #[cfg(feature = "api")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                crate::api::text_schema("^[A-Za-z0-9_.-]{1,64}$")
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

bytes_id!(
    /// SHA-256 of something, under the domain that its field names.
    Digest, 32
);
bytes_id!(
    /// SHA-256 of the genesis manifest: the name of a network.
    NetworkId, 32
);
bytes_id!(
    /// A user inside the network. Vendors never see it.
    UserId, 16
);
bytes_id!(
    /// A user as one vendor knows it: [`pairwise_id`](crate::job::pairwise_id).
    PairwiseId, 32
);
bytes_id!(
    /// One request of a client; repeating it gives the same answer.
    RequestId, 16
);
bytes_id!(
    /// One life of a measured process, drawn at boot.
    InstanceId, 16
);
bytes_id!(
    /// A payment: `SHA-256(vendor_id || context_id)`.
    TransactionId, 32
);
bytes_id!(
    /// An account of the ledger.
    AccountId, 32
);
name_id!(
    /// A vendor, `ven_…`.
    VendorId
);
name_id!(
    /// An authentication context, chosen by the vendor.
    ContextId
);
name_id!(
    /// A till, door or gate, to which one scanner is bound.
    TerminalId
);
name_id!(
    /// A palm-vein scanner.
    ScannerId
);

impl PairwiseId {
    /// Returns the `user_id` of the public API: `usr_` and the first 32 hexadecimal digits.
    pub fn to_user_text(&self) -> String {
        let (half, _) = self.0.split_at(16);
        alloc::format!("usr_{}", hex::encode(half))
    }
}

/// Which of the three parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyIndex(u8);

impl PartyIndex {
    /// Number of parties.
    pub const COUNT: usize = 3;
    /// Every party, in order.
    pub const ALL: [Self; Self::COUNT] = [Self(0), Self(1), Self(2)];

    /// Returns party `index`, if there is one.
    pub const fn new(index: u8) -> Option<Self> {
        if index < 3 { Some(Self(index)) } else { None }
    }

    /// Returns the index, below [`Self::COUNT`].
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Returns the index for use with slices.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }

    /// Returns the party after this one, cyclically.
    pub const fn next(self) -> Self {
        Self((self.0 + 1) % 3)
    }

    /// Returns the party before this one, cyclically.
    pub const fn previous(self) -> Self {
        Self((self.0 + 2) % 3)
    }

    /// Returns the two other parties, in order of index.
    pub const fn others(self) -> [Self; 2] {
        match self.0 {
            0 => [Self(1), Self(2)],
            1 => [Self(0), Self(2)],
            _ => [Self(0), Self(1)],
        }
    }
}

impl fmt::Display for PartyIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for PartyIndex {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse()
            .ok()
            .and_then(Self::new)
            .ok_or(IdError::NotAParty)
    }
}

impl<C> Encode<C> for PartyIndex {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u8(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for PartyIndex {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::new(d.u8()?).ok_or_else(|| decode::Error::message("party index"))
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{CodecError, from_canonical, to_canonical};

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = UserId::new([7; 16]);

        assert_eq!(alloc::format!("{id}").parse(), Ok(id));
        assert_eq!(
            "zz".parse::<UserId>(),
            Err(IdError::NotHex { expected: 32 })
        );
    }

    #[test]
    fn an_id_of_another_length_is_not_decoded() {
        let bytes = to_canonical(&Digest::new([0; 32]));

        assert_eq!(from_canonical::<UserId>(&bytes), Err(CodecError::Malformed));
    }

    #[test]
    fn names_hold_only_plain_characters() {
        assert!("ven_live_1".parse::<VendorId>().is_ok());
        for bad in ["", "a b", "é", &"x".repeat(65)] {
            assert_eq!(bad.parse::<VendorId>(), Err(IdError::NotAName));
        }
    }

    #[test]
    fn a_vendor_names_a_user_by_half_of_the_pairwise_id() {
        let mut bytes = [0xab; 32];
        bytes[16..].fill(0xcd);

        let text = PairwiseId::new(bytes).to_user_text();

        assert_eq!(text, alloc::format!("usr_{}", "ab".repeat(16)));
    }

    #[test]
    fn there_are_three_parties_in_a_ring() {
        let [zero, one, two] = PartyIndex::ALL;

        assert_eq!((zero.next(), two.next(), zero.previous()), (one, zero, two));
        assert_eq!(one.others(), [zero, two]);
        assert_eq!(PartyIndex::new(3), None);
        assert_eq!("3".parse::<PartyIndex>(), Err(IdError::NotAParty));
    }
}

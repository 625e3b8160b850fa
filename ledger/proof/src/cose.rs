//! Receipts in COSE (RFC 9942), the second envelope of a proof, for those who speak COSE and not
//! C2SP [LED-6].
//!
//! ```text
//!  18([ << { 1: -8 EdDSA, 4: key id, 15: { 1: origin, 2: size },
//!           395: 1 RFC9162_SHA256 } >>,
//!       { 396: { -1: [ << [size, index, [hash, ..]] >> ] } }      inclusion
//!       { 396: { -2: [ << [older, newer, [hash, ..]] >> ] } }     consistency
//!       null, signature ])
//! ```
//!
//! The signed payload is the root that the proof leads to, and never comes along: whoever checks
//! has computed it. A root does not tell how many leaves are under it, so the (newer) size is
//! signed too, as the subject, in decimal. A receipt has one proof and one encoding (RFC 8949
//! §4.2.1); others are refused. A checkpoint under the same key is text, which no `Sig_structure`
//! is: its first byte is 0x84.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::convert::Infallible;

use minicbor::data::{Tag, Type};
use minicbor::decode::Error as DecodeError;
use minicbor::encode::Error as EncodeError;
use minicbor::{Decoder, Encoder};

use crate::hash::{HASH_BYTES, Hash};
use crate::key::{KEY_ID_BYTES, KeyType, SignerKey, VerifierKey};
use crate::verify::{ProofError, root_of_inclusion, verify_consistency};

/// Longest receipt that is read: 63 levels of a tree, and what is around them.
pub const COSE_BYTES_MAX: usize = 4096;
/// Hashes of the longest proof: of consistency between two trees of up to 2^63 leaves.
const PATH_MAX: u64 = 65;

const COSE_SIGN1: Tag = Tag::new(18);
/// Labels of headers (IANA "COSE Header Parameters").
const ALGORITHM: i64 = 1;
const KEY_ID: i64 = 4;
const CLAIMS: i64 = 15;
const STRUCTURE: i64 = 395;
const PROOFS: i64 = 396;
/// `EdDSA` (RFC 9053 §2.2), here always with Ed25519.
const EDDSA: i64 = -8;
/// `iss` and `sub` (RFC 8392 §4).
const ISSUER: i64 = 1;
const SUBJECT: i64 = 2;
/// `RFC9162_SHA256` (RFC 9942 §5).
const RFC9162_SHA256: i64 = 1;
const INCLUSION: i64 = -1;
const CONSISTENCY: i64 = -2;
const SIGNATURE_BYTES: usize = 64;

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoseProof {
    /// A leaf is in a tree.
    Inclusion {
        /// Leaves of the tree.
        size: u64,
        /// Which leaf.
        index: u64,
        /// From the leaf to the root.
        path: Vec<Hash>,
    },
    /// A tree is the beginning of another.
    Consistency {
        /// Leaves of the older tree.
        from: u64,
        /// Leaves of the newer one.
        to: u64,
        /// From the older root to the newer.
        path: Vec<Hash>,
    },
}

/// A proof with a log's signature over the root that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoseReceipt {
    /// Name of the log, as in its checkpoints.
    pub origin: String,
    /// Key id of the log, as in its checkpoints.
    pub key_id: [u8; KEY_ID_BYTES],
    /// What is proved.
    pub proof: CoseProof,
    /// Ed25519, over the `Sig_structure` of RFC 9052 §4.4.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// The bytes are no receipt in its one encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a receipt of RFC 9942 in its one encoding")]
pub struct NotCose;

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoseError {
    /// It proves the other thing.
    #[error("the receipt proves something else")]
    Kind,
    /// The key is a witness's: cosignatures are for checkpoints alone.
    #[error("the key is for cosignatures")]
    Cosigner,
    /// It is of another log or key.
    #[error("the receipt is of another log or key")]
    OtherLog,
    /// The older tree has another size.
    #[error("the receipt begins with a tree of {found} leaves")]
    OlderSize {
        /// Its size.
        found: u64,
    },
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The log signed another root.
    #[error("the log's signature is not over the root that the proof leads to")]
    Signature,
}

impl CoseReceipt {
    /// Signs a proof that leads to `root`, which must be of a checkpoint of this log.
    ///
    /// # Errors
    /// [`CoseError::Cosigner`] if the key is for cosignatures.
    pub fn sign(key: &SignerKey, proof: CoseProof, root: &Hash) -> Result<Self, CoseError> {
        let public = key.verifier();
        if public.kind() != KeyType::Ed25519 {
            return Err(CoseError::Cosigner);
        }
        let mut receipt = Self {
            origin: public.name().as_str().into(),
            key_id: public.id(),
            proof,
            signature: [0; SIGNATURE_BYTES],
        };
        receipt.signature = key.sign_bytes(&receipt.signed(root));
        Ok(receipt)
    }

    /// Checks that `leaf` is in the log, and returns the root of the tree that has it.
    ///
    /// # Errors
    /// [`CoseError`] says which check failed.
    pub fn verify_inclusion(&self, leaf: &Hash, key: &VerifierKey) -> Result<Hash, CoseError> {
        let CoseProof::Inclusion { size, index, path } = &self.proof else {
            return Err(CoseError::Kind);
        };
        let root = root_of_inclusion(leaf, *index, *size, path)?;
        self.verify_root(&root, key)?;
        Ok(root)
    }

    /// Checks that the tree of so many leaves under `old` is the beginning of the one under `new`.
    ///
    /// # Errors
    /// [`CoseError`] says which check failed.
    pub fn verify_consistency(
        &self,
        (size, old): (u64, &Hash),
        new: &Hash,
        key: &VerifierKey,
    ) -> Result<(), CoseError> {
        let CoseProof::Consistency { from, to, path } = &self.proof else {
            return Err(CoseError::Kind);
        };
        if *from != size {
            return Err(CoseError::OlderSize { found: *from });
        }
        verify_consistency(*from, *to, old, new, path)?;
        self.verify_root(new, key)
    }

    fn verify_root(&self, root: &Hash, key: &VerifierKey) -> Result<(), CoseError> {
        if key.kind() != KeyType::Ed25519 {
            return Err(CoseError::Cosigner);
        }
        if (self.origin.as_str(), self.key_id) != (key.name().as_str(), key.id()) {
            return Err(CoseError::OtherLog);
        }
        let verified = key.verify_bytes(&self.signed(root), &self.signature);
        verified.map_err(|_| CoseError::Signature)
    }

    /// Returns the bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoded(|out| {
            out.tag(COSE_SIGN1)?.array(4)?.bytes(&self.protected())?;
            let (label, first, second, path) = self.proof.parts();
            let proof = encoded(|out| {
                out.array(3)?.u64(first)?.u64(second)?;
                out.array(path.len() as u64)?;
                for hash in path {
                    out.bytes(hash.as_bytes())?;
                }
                Ok(())
            });
            out.map(1)?.i64(PROOFS)?.map(1)?.i64(label)?;
            out.array(1)?.bytes(&proof)?;
            out.null()?.bytes(&self.signature)?;
            Ok(())
        })
    }

    /// Reads a receipt.
    ///
    /// # Errors
    /// If the bytes are anything else, or say it in another way.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotCose> {
        if bytes.len() > COSE_BYTES_MAX {
            return Err(NotCose);
        }
        let read = read(bytes).map_err(|_| NotCose)?;
        // What encodes differently was written in a way that is not the one.
        match read.to_bytes() == bytes {
            true => Ok(read),
            false => Err(NotCose),
        }
    }

    fn protected(&self) -> Vec<u8> {
        encoded(|out| {
            out.map(4)?.i64(ALGORITHM)?.i64(EDDSA)?;
            out.i64(KEY_ID)?.bytes(&self.key_id)?;
            out.i64(CLAIMS)?.map(2)?.i64(ISSUER)?.str(&self.origin)?;
            out.i64(SUBJECT)?
                .str(&self.proof.signed_size().to_string())?;
            out.i64(STRUCTURE)?.i64(RFC9162_SHA256)?;
            Ok(())
        })
    }

    /// Returns the `Sig_structure` of RFC 9052 §4.4 around a root.
    fn signed(&self, root: &Hash) -> Vec<u8> {
        encoded(|out| {
            out.array(4)?.str("Signature1")?.bytes(&self.protected())?;
            out.bytes(&[])?.bytes(root.as_bytes())?;
            Ok(())
        })
    }
}

impl CoseProof {
    /// Returns the size of the tree whose root is signed.
    pub const fn signed_size(&self) -> u64 {
        match self {
            Self::Inclusion { size, .. } => *size,
            Self::Consistency { to, .. } => *to,
        }
    }

    fn parts(&self) -> (i64, u64, u64, &[Hash]) {
        match self {
            Self::Inclusion { size, index, path } => (INCLUSION, *size, *index, path),
            Self::Consistency { from, to, path } => (CONSISTENCY, *from, *to, path),
        }
    }
}

fn read(bytes: &[u8]) -> Result<CoseReceipt, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    demand(decoder.tag()? == COSE_SIGN1)?;
    demand(decoder.array()? == Some(4))?;
    let (origin, key_id) = read_protected(decoder.bytes()?)?;
    demand(decoder.map()? == Some(1) && decoder.i64()? == PROOFS)?;
    demand(decoder.map()? == Some(1))?;
    let label = decoder.i64()?;
    demand(decoder.array()? == Some(1))?;
    let (first, second, path) = read_proof(decoder.bytes()?)?;
    let proof = match label {
        INCLUSION => CoseProof::Inclusion {
            size: first,
            index: second,
            path,
        },
        CONSISTENCY => CoseProof::Consistency {
            from: first,
            to: second,
            path,
        },
        _ => return Err(DecodeError::message("another kind of proof")),
    };
    demand(decoder.datatype()? == Type::Null)?;
    decoder.null()?;
    let signature = decoder.bytes()?.try_into();
    demand(decoder.position() == bytes.len())?;
    Ok(CoseReceipt {
        origin,
        key_id,
        proof,
        signature: signature.map_err(|_| DecodeError::message("no signature"))?,
    })
}

fn read_protected(bytes: &[u8]) -> Result<(String, [u8; KEY_ID_BYTES]), DecodeError> {
    let mut decoder = Decoder::new(bytes);
    demand(decoder.map()? == Some(4))?;
    demand(decoder.i64()? == ALGORITHM && decoder.i64()? == EDDSA)?;
    demand(decoder.i64()? == KEY_ID)?;
    let key_id = decoder.bytes()?.try_into();
    demand(decoder.i64()? == CLAIMS && decoder.map()? == Some(2))?;
    demand(decoder.i64()? == ISSUER)?;
    let origin = decoder.str()?.into();
    // That it is the proof's size shows when all of it is written again.
    demand(decoder.i64()? == SUBJECT)?;
    decoder.str()?;
    demand(decoder.i64()? == STRUCTURE && decoder.i64()? == RFC9162_SHA256)?;
    demand(decoder.position() == bytes.len())?;
    let key_id = key_id.map_err(|_| DecodeError::message("no key id"))?;
    Ok((origin, key_id))
}

fn read_proof(bytes: &[u8]) -> Result<(u64, u64, Vec<Hash>), DecodeError> {
    let mut decoder = Decoder::new(bytes);
    demand(decoder.array()? == Some(3))?;
    let (first, second) = (decoder.u64()?, decoder.u64()?);
    let hashes = decoder.array()?.filter(|hashes| *hashes <= PATH_MAX);
    let hashes = hashes.ok_or_else(|| DecodeError::message("too many hashes"))?;
    let hash = |_| {
        let bytes: &[u8; HASH_BYTES] = decoder
            .bytes()?
            .try_into()
            .map_err(|_| DecodeError::message("no hash"))?;
        Ok(Hash(*bytes))
    };
    let path = (0..hashes).map(hash).collect::<Result<_, DecodeError>>()?;
    demand(decoder.position() == bytes.len())?;
    Ok((first, second, path))
}

fn demand(holds: bool) -> Result<(), DecodeError> {
    match holds {
        true => Ok(()),
        false => Err(DecodeError::message("not the one form")),
    }
}

fn encoded(
    write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), EncodeError<Infallible>>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Encoder::new(&mut bytes)).expect("a vector takes every write");
    bytes
}

#[cfg(test)]
mod tests;

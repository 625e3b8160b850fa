//! A file that a custodian signed.

use boop_channel::verify_signature;
use boop_wire::codec::{
    CodecError, domain_separated, from_canonical, from_canonical_max, to_canonical,
};
use boop_wire::session::Signature;
use minicbor::{Decode, Encode};

use crate::token::{Token, TokenError};

/// Largest file, in bytes: the data keys of a token and a register, some 16 KB each.
const SIGNED_BYTES_MAX: usize = 64 * 1024;

#[derive(Encode, Decode)]
struct Signed {
    /// Canonical CBOR.
    #[cbor(n(0), with = "minicbor::bytes")]
    content: Vec<u8>,
    /// Whose signature it is.
    #[cbor(n(1), with = "minicbor::bytes")]
    key: [u8; 32],
    /// Over the content, under the domain of its purpose.
    #[n(2)]
    signature: Signature,
}

/// Why a signed file does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// It does not decode.
    #[error("the file is damaged, or something else")]
    Malformed(#[from] CodecError),
    /// Somebody else has signed it.
    #[error("the file is signed by {found}, and not by this party's custodian")]
    OtherSigner {
        /// Whose key it names, in hexadecimal.
        found: String,
    },
    /// The signature does not fit the content.
    #[error("the file was changed after it was signed")]
    Altered,
}

/// Has a token sign a file.
///
/// # Errors
/// If the token fails.
pub fn sign<T: Encode<()>>(
    purpose: &str,
    content: &T,
    token: &dyn Token,
) -> Result<Vec<u8>, TokenError> {
    let content = to_canonical(content);
    let signature = token.sign(&domain_separated(purpose, &content))?;
    Ok(to_canonical(&Signed {
        content,
        key: token.public_key(),
        signature,
    }))
}

/// Opens a file that the custodian with this key signed.
///
/// # Errors
/// If it did not, or the content is not a `T`.
pub fn open_signed<T: Encode<()> + for<'b> Decode<'b, ()>>(
    purpose: &str,
    file: &[u8],
    custodian: &[u8; 32],
) -> Result<T, SignedError> {
    let signed: Signed = from_canonical_max(file, SIGNED_BYTES_MAX)?;
    if signed.key != *custodian {
        let found = hex::encode(signed.key);
        return Err(SignedError::OtherSigner { found });
    }
    let bytes = domain_separated(purpose, &signed.content);
    if !verify_signature(custodian, &bytes, &signed.signature) {
        return Err(SignedError::Altered);
    }
    Ok(from_canonical(&signed.content)?)
}

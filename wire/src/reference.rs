//! A context as something to show: the text of a QR code that leads to an open context.

use minicbor::{Decode, Encode};

use crate::id::{ContextId, Digest, NetworkId, TerminalId, VendorId};
use crate::session::Signature;

/// What stands before the base64url of a [`SignedReference`] in a QR code.
pub const REFERENCE_PREFIX: &str = "boop:context:";

/// Names an open context. It gives no right to anything: whoever reads it learns where a palm may
/// be shown, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ContextReference {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// Whose context.
    #[n(1)]
    pub vendor: VendorId,
    /// The context.
    #[n(2)]
    pub context: ContextId,
    /// Where the palm is read.
    #[n(3)]
    pub terminal: TerminalId,
    /// `Subject::digest` of the context, as it will stand in capture and outcome.
    #[n(4)]
    pub subject: Digest,
    /// When the context ends, Unix milliseconds.
    #[n(5)]
    pub expires_at_ms: u64,
}

/// A reference with the signature of the gateway's identity key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedReference {
    /// The reference.
    #[n(0)]
    pub reference: ContextReference,
    /// By the key that the gateway's evidence vouches for.
    #[n(1)]
    pub signature: Signature,
}

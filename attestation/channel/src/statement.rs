//! What an identity key signs for others than the ledger: session proofs, over one TLS connection
//! [SES-3], and references to open contexts.

use boop_wire::codec::{domain_separated, to_canonical};
use boop_wire::reference::{ContextReference, SignedReference};
use boop_wire::session::{ProofStatement, Signature};

use crate::keys::{LocalKeys, verify_signature};

const PURPOSE: &str = "session-proof";
const REFERENCE_PURPOSE: &str = "context-reference";

/// The proof is not by the bound identity key over this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof is not of this connection, end and evidence")]
pub struct ProofError;

/// Signs a statement about a connection.
pub fn sign_statement(keys: &LocalKeys, statement: &ProofStatement) -> Signature {
    keys.sign(PURPOSE, &to_canonical(statement))
}

/// Signs a reference to an open context.
pub fn sign_reference(keys: &LocalKeys, reference: ContextReference) -> SignedReference {
    SignedReference {
        signature: keys.sign(REFERENCE_PURPOSE, &to_canonical(&reference)),
        reference,
    }
}

/// Tells whether a reference is signed by the identity key of a gateway's verified evidence.
pub fn is_signed_by(identity: &[u8; 32], signed: &SignedReference) -> bool {
    let bytes = domain_separated(REFERENCE_PURPOSE, &to_canonical(&signed.reference));
    verify_signature(identity, &bytes, &signed.signature)
}

/// Checks a statement that the verifier has put together from its own view of the connection.
///
/// # Errors
/// If the signature does not verify.
pub fn verify_statement(
    identity: &[u8; 32],
    statement: &ProofStatement,
    signature: &Signature,
) -> Result<(), ProofError> {
    let bytes = domain_separated(PURPOSE, &to_canonical(statement));
    if verify_signature(identity, &bytes, signature) {
        Ok(())
    } else {
        Err(ProofError)
    }
}

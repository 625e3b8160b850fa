//! Session proofs: the identity key's signature over one TLS connection [SES-3].

use boop_wire::codec::{domain_separated, to_canonical};
use boop_wire::session::{ProofStatement, Signature};

use crate::keys::{LocalKeys, verify_signature};

const PURPOSE: &str = "session-proof";

/// The proof is not by the bound identity key over this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof is not of this connection, end and evidence")]
pub struct ProofError;

/// Signs a statement about a connection.
pub fn sign_statement(keys: &LocalKeys, statement: &ProofStatement) -> Signature {
    keys.sign(PURPOSE, &to_canonical(statement))
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

//! What a gateway shows on every connection: its evidence, and that this connection is its own
//! [SES-5].

use boop_channel::{JudgeError, Judged, ProofError, Trust, verify_statement};
use boop_wire::Digest;
use boop_wire::api::{AttestationResponse, HttpProof, MEDIA_BUNDLE, MEDIA_PROOF};
use boop_wire::binding::{Binding, Role};
use boop_wire::codec::CodecError;
use boop_wire::evidence::{BUNDLE_BYTES_MAX, EvidenceBundle};
use boop_wire::session::{ProofStatement, Side};

use crate::text;

/// Path that answers with evidence.
pub const ATTESTATION_PATH: &str = "/.well-known/attestation";
/// Context of the TLS exporter whose value a gateway signs.
pub(crate) const EXPORTER_CONTEXT: &[u8] = b"proof";
/// Largest encoded session proof, in bytes.
const PROOF_BYTES_MAX: usize = 256;

/// Why a connection is not one to the process that its evidence speaks of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// A member of the answer is of another media type.
    #[error("the {member} is of media type {found:?}")]
    MediaType {
        /// Which member.
        member: &'static str,
        /// The type it names.
        found: String,
    },
    /// A member of the answer does not decode.
    #[error("the {member} does not decode")]
    Encoding {
        /// Which member.
        member: &'static str,
        /// Why.
        source: CodecError,
    },
    /// The evidence was not accepted.
    #[error("the gateway's evidence was not accepted: {0}")]
    Judge(#[from] JudgeError),
    /// The TLS certificate holds another key than the evidence vouches for.
    #[error("the TLS key {found} is not the one in the evidence, {expected}")]
    TlsKey {
        /// SHA-256 of the certificate's SubjectPublicKeyInfo.
        found: Digest,
        /// The evidence's.
        expected: Digest,
    },
    /// The identity key did not sign this connection.
    #[error("the proof is not of this connection")]
    Proof(#[from] ProofError),
}

/// Evidence of a gateway together with the connection on which it came. Nothing is verified yet.
#[derive(Debug, Clone)]
pub struct GatewayEvidence {
    /// The evidence.
    pub bundle: EvidenceBundle,
    /// The proof over the connection.
    pub proof: HttpProof,
    /// The client's nonce.
    pub nonce: [u8; 32],
    /// Exporter value of the connection.
    pub exporter: [u8; 32],
    /// SHA-256 of the SubjectPublicKeyInfo in the server's certificate.
    pub tls_spki: Digest,
}

/// What the client saw of the TLS connection itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TlsFacts {
    pub(crate) spki: Digest,
    pub(crate) exporter: [u8; 32],
}

impl GatewayEvidence {
    /// Reads the answer to a request with `nonce` on the connection with `tls`.
    pub(crate) fn read(
        response: &AttestationResponse,
        nonce: [u8; 32],
        tls: TlsFacts,
    ) -> Result<Self, AttestationError> {
        Ok(Self {
            bundle: member("bundle", &response.bundle, MEDIA_BUNDLE, BUNDLE_BYTES_MAX)?,
            proof: member("proof", &response.proof, MEDIA_PROOF, PROOF_BYTES_MAX)?,
            nonce,
            exporter: tls.exporter,
            tls_spki: tls.spki,
        })
    }

    /// Judges the evidence as a gateway's, and the connection as that gateway's.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn judge(&self, trust: &Trust, now_ms: u64) -> Result<Judged, AttestationError> {
        let expect = boop_channel::Expectation::boot(Role::Gateway, None);
        let judged = trust.judge(&self.bundle, &expect, now_ms)?;
        self.check_tls_key(&judged.binding)?;
        self.check_proof(&judged.binding)?;
        Ok(judged)
    }

    /// Checks that the TLS certificate holds the key that the binding names.
    ///
    /// # Errors
    /// [`AttestationError::TlsKey`] if it holds another.
    pub fn check_tls_key(&self, binding: &Binding) -> Result<(), AttestationError> {
        let expected = binding.keys.tls_spki;
        if self.tls_spki == expected {
            Ok(())
        } else {
            Err(AttestationError::TlsKey {
                found: self.tls_spki,
                expected,
            })
        }
    }

    /// Checks that the binding's identity key signed this very connection and nonce.
    ///
    /// # Errors
    /// [`AttestationError::Proof`] if it did not.
    pub fn check_proof(&self, binding: &Binding) -> Result<(), AttestationError> {
        let statement = ProofStatement {
            network: binding.network,
            manifest: binding.manifest,
            side: Side::Server,
            exporter: self.exporter,
            own: self.bundle.binding_digest(),
            peer: None,
            own_nonce: self.proof.nonce,
            peer_nonce: self.nonce,
        };
        verify_statement(&binding.keys.identity, &statement, &self.proof.signature)?;
        Ok(())
    }
}

fn member<T>(
    member: &'static str,
    (media, value): &(String, String),
    expected: &str,
    max: usize,
) -> Result<T, AttestationError>
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
{
    if media != expected {
        let found = media.chars().take(80).collect();
        return Err(AttestationError::MediaType { member, found });
    }
    text::decode(value, max).map_err(|source| AttestationError::Encoding { member, source })
}

#[cfg(test)]
mod tests;

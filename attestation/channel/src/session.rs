//! The attested session as a state machine: bytes in, bytes out [SES-2], [SES-4].
//!
//! ```text
//!  Handshake --TLS done: send Offer--> Offered --peer's Offer judged: send Proof--> Proving
//!                                                  --peer's Proof verified--> Established
//!  any error --> Failed, for good
//! ```

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_wire::binding::Role;
use boop_wire::codec::{CodecError, domain_digest, from_canonical_max, to_canonical};
use boop_wire::evidence::{BUNDLE_BYTES_MAX, EvidenceBundle};
use boop_wire::frame::{FrameBuffer, FrameTooLarge, put_frame};
use boop_wire::session::{Offer, Proof, ProofStatement, Side};
use boop_wire::{Digest, PartyIndex, Refusal};

use crate::keys::{KeyError, LocalKeys};
use crate::statement::{ProofError, sign_statement, verify_statement};
use crate::tls::{Tls, TlsError};
use crate::trust::{Expectation, JudgeError, Judged, Trust};

/// Largest message of an established session, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;

/// Why a session did not open, or ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// TLS failed.
    #[error("the TLS connection failed")]
    Tls(#[from] TlsError),
    /// A key of our own cannot be used.
    #[error("a local key cannot be used")]
    Key(#[from] KeyError),
    /// A message is longer than may be.
    #[error("a message is too large")]
    TooLarge(#[from] FrameTooLarge),
    /// A message of the opening does not decode.
    #[error("a message of the opening is malformed")]
    Malformed(#[from] CodecError),
    /// The peer showed no evidence.
    #[error("the peer showed no evidence")]
    NoEvidence,
    /// The peer's evidence was not accepted.
    #[error("the peer's evidence was not accepted")]
    Evidence(#[from] JudgeError),
    /// The peer's TLS key is not the one that its evidence vouches for.
    #[error("the TLS key is not the attested one")]
    TlsKey,
    /// The peer's proof is not of this connection.
    #[error("the peer's proof is not of this session")]
    Proof(#[from] ProofError),
    /// A message came, or was to be sent, when it may not.
    #[error("not now")]
    Unexpected,
}

impl SessionError {
    /// Returns the code that may be logged or sent across the edge.
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Tls(_) | Self::Proof(_) | Self::TlsKey => Refusal::WrongSession,
            Self::Key(_) => Refusal::Internal,
            Self::TooLarge(_) => Refusal::TooLarge,
            Self::Malformed(_) => Refusal::Malformed,
            Self::NoEvidence => Refusal::EvidenceRefused,
            Self::Evidence(error) => error.refusal(),
            Self::Unexpected => Refusal::Unexpected,
        }
    }
}

/// The far end of an established session.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The evidence that was accepted.
    pub evidence: EvidenceBundle,
    /// What its evidence vouches for.
    pub judged: Judged,
    /// Names this connection to both ends and to nobody else.
    pub edge: Digest,
}

impl Peer {
    /// Returns the peer's role.
    pub const fn role(&self) -> Role {
        self.judged.binding.role
    }

    /// Returns which party the peer is, if it is one.
    pub const fn party(&self) -> Option<PartyIndex> {
        self.judged.binding.party
    }
}

enum Stage {
    Handshake,
    Offered,
    Proving {
        evidence: EvidenceBundle,
        peer: Judged,
        statement: ProofStatement,
    },
    Established(Peer),
    Failed,
}

/// One end of an attested session.
pub struct Session {
    side: Side,
    tls: Tls,
    keys: Arc<LocalKeys>,
    evidence: EvidenceBundle,
    trust: Arc<Trust>,
    expect: Expectation,
    nonce: [u8; 32],
    stage: Stage,
    frames: FrameBuffer,
    inbox: VecDeque<Vec<u8>>,
    output: Vec<u8>,
}

/// What a process brings to a session.
pub struct Local {
    /// Its keys.
    pub keys: Arc<LocalKeys>,
    /// Its boot evidence over them.
    pub evidence: EvidenceBundle,
    /// What it believes.
    pub trust: Arc<Trust>,
}

impl Session {
    /// Starts a session on one end of a byte stream; `nonce` is 32 fresh random bytes.
    ///
    /// # Errors
    /// If the local TLS key cannot be used.
    pub fn new(
        side: Side,
        local: Local,
        expect: Expectation,
        nonce: [u8; 32],
    ) -> Result<Self, SessionError> {
        let tls = Tls::new(side, &local.keys)?;
        let mut session = Self {
            side,
            tls,
            keys: local.keys,
            evidence: local.evidence,
            trust: local.trust,
            expect,
            nonce,
            stage: Stage::Handshake,
            frames: FrameBuffer::new(MESSAGE_BYTES_MAX),
            inbox: VecDeque::new(),
            output: Vec::new(),
        };
        session.tls.take_output(&mut session.output);
        Ok(session)
    }

    /// Takes bytes from the wire at `now_ms` (Unix milliseconds).
    ///
    /// # Errors
    /// Whatever ends the session; bytes for the wire (a TLS alert) may still be ready.
    pub fn receive(&mut self, bytes: &[u8], now_ms: u64) -> Result<(), SessionError> {
        let result = self.try_receive(bytes, now_ms);
        if result.is_err() {
            self.stage = Stage::Failed;
        }
        self.tls.take_output(&mut self.output);
        result
    }

    /// Sends a message to the established peer.
    ///
    /// # Errors
    /// If the session is not established, or the message too large.
    pub fn send(&mut self, message: &[u8]) -> Result<(), SessionError> {
        match self.stage {
            Stage::Established(_) => self.send_frame(message),
            Stage::Handshake | Stage::Offered | Stage::Proving { .. } | Stage::Failed => {
                Err(SessionError::Unexpected)
            }
        }
    }

    /// Takes the bytes that are ready for the wire.
    pub fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.output)
    }

    /// Takes the next message of the established peer.
    pub fn next_message(&mut self) -> Option<Vec<u8>> {
        self.inbox.pop_front()
    }

    /// Returns the peer, once the session is established.
    pub const fn peer(&self) -> Option<&Peer> {
        match &self.stage {
            Stage::Established(peer) => Some(peer),
            Stage::Handshake | Stage::Offered | Stage::Proving { .. } | Stage::Failed => None,
        }
    }

    /// Derives 32 secret bytes that only the two ends of this session know.
    ///
    /// # Errors
    /// If the session is not established.
    pub fn export(&self, purpose: &str) -> Result<[u8; 32], SessionError> {
        if self.peer().is_none() {
            return Err(SessionError::Unexpected);
        }
        Ok(self.tls.export(purpose.as_bytes())?)
    }

    fn try_receive(&mut self, bytes: &[u8], now_ms: u64) -> Result<(), SessionError> {
        if matches!(self.stage, Stage::Failed) {
            return Err(SessionError::Unexpected);
        }
        let plaintext = self.tls.receive(bytes)?;
        self.frames.push(&plaintext);
        if matches!(self.stage, Stage::Handshake) && !self.tls.handshaking() {
            let offer = Offer {
                nonce: self.nonce,
                evidence: Some(self.evidence.clone()),
            };
            self.send_frame(&to_canonical(&offer))?;
            self.stage = Stage::Offered;
        }
        while let Some(frame) = self.frames.take()? {
            self.handle_frame(frame, now_ms)?;
        }
        Ok(())
    }

    fn handle_frame(&mut self, frame: Vec<u8>, now_ms: u64) -> Result<(), SessionError> {
        match core::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Offered => {
                let offer: Offer = from_canonical_max(&frame, BUNDLE_BYTES_MAX + 64)?;
                self.stage = self.accept_offer(offer, now_ms)?;
            }
            Stage::Proving {
                evidence,
                peer,
                statement,
            } => {
                let proof: Proof = from_canonical_max(&frame, 128)?;
                let signature = proof.signature.ok_or(ProofError)?;
                verify_statement(&peer.binding.keys.identity, &statement, &signature)?;
                let edge = domain_digest("session-edge", &self.tls.export(b"edge")?);
                self.stage = Stage::Established(Peer {
                    evidence,
                    judged: peer,
                    edge,
                });
            }
            established @ Stage::Established(_) => {
                self.stage = established;
                self.inbox.push_back(frame);
            }
            Stage::Handshake | Stage::Failed => return Err(SessionError::Unexpected),
        }
        Ok(())
    }

    fn accept_offer(&mut self, offer: Offer, now_ms: u64) -> Result<Stage, SessionError> {
        let bundle = offer.evidence.ok_or(SessionError::NoEvidence)?;
        let peer = self.trust.judge(&bundle, &self.expect, now_ms)?;
        if self.tls.peer_spki() != Some(peer.binding.keys.tls_spki) {
            return Err(SessionError::TlsKey);
        }
        let exporter = self.tls.export(b"proof")?;
        let network = self.trust.manifest().network();
        let own = self.evidence.binding_digest();
        let ours = ProofStatement {
            network,
            manifest: self.evidence.binding()?.manifest,
            side: self.side,
            exporter,
            own,
            peer: Some(peer.digest),
            own_nonce: self.nonce,
            peer_nonce: offer.nonce,
        };
        let theirs = ProofStatement {
            network,
            manifest: peer.binding.manifest,
            side: self.side.other(),
            exporter,
            own: peer.digest,
            peer: Some(own),
            own_nonce: offer.nonce,
            peer_nonce: self.nonce,
        };
        let proof = Proof {
            signature: Some(sign_statement(&self.keys, &ours)),
        };
        self.send_frame(&to_canonical(&proof))?;
        Ok(Stage::Proving {
            evidence: bundle,
            peer,
            statement: theirs,
        })
    }

    fn send_frame(&mut self, message: &[u8]) -> Result<(), SessionError> {
        let mut framed = Vec::with_capacity(message.len() + 4);
        put_frame(&mut framed, message, MESSAGE_BYTES_MAX)?;
        self.tls.send(&framed)?;
        self.tls.take_output(&mut self.output);
        Ok(())
    }
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session")
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}

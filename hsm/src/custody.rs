//! The rules of release: who gets a key, in what order things become durable, what is refused
//! [KEY-1], [KEY-3], and which heads of the store are put on record [KEY-7].
//!
//! ```text
//!  New --Begin(our party)--> Challenged --Prove(evidence over the challenge)--> Over
//!  New --Anchor(a newer head)--> Over
//!  New --BeginNext(our party)--> Challenged, for the key of the next epoch
//!  New --Retire(the present epoch)--> Over
//!  anything else, at any time: refused, Over
//! ```

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use boop_channel::setup::{NotPublic, SetupPublic};
use boop_channel::{Expectation, JudgeError, Trust, verify_signature};
use boop_wire::binding::{Binding, Purpose, Role};
use boop_wire::codec::{CodecError, from_canonical_max, plain_digest};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::release::{
    RELEASE_BYTES_MAX, ReleaseAnswer, ReleaseContext, ReleaseRequest, ReleasedKey, SignedAnchor,
    SignedRetirement,
};
use boop_wire::session::Signature;
use boop_wire::{InstanceId, PartyIndex, Refusal};

use crate::audit::{Audit, AuditError, Outcome, Record};
use crate::rate::Rate;
use crate::register::{MoveError, Register, RegisterError};
use crate::token::{KeyName, Token, TokenError};

/// Connections in a minute that are listened to; each may cost a verification and a line of
/// the audit.
const ATTEMPTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(240).expect("240 is not zero");

/// What a custodian is told about its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustodySettings {
    /// Whose key it keeps.
    pub party: PartyIndex,
    /// Epoch of the first key, under which the leases of all are counted.
    pub epoch: u32,
    /// Most releases in a minute.
    pub releases_per_minute: NonZeroU32,
}

/// The manifest names another custodian for the party.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the token's key is {found}, and the manifest names another one for this party")]
pub struct WrongKey {
    /// The token's public key, in hexadecimal.
    pub found: String,
}

/// Why a key was not released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The message does not decode.
    #[error("the message does not decode")]
    Malformed(#[from] CodecError),
    /// The message may not come now.
    #[error("the message may not come now")]
    Unexpected,
    /// The message announces more than it may.
    #[error("the message is too large")]
    TooLarge,
    /// This custodian keeps the key of another party.
    #[error("this custodian keeps no key of party {asked}")]
    WrongParty {
        /// The party that was asked for.
        asked: PartyIndex,
    },
    /// The evidence was not accepted.
    #[error("the evidence was not accepted")]
    Evidence(#[from] JudgeError),
    /// The evidence is over another setup key, or over none.
    #[error("the setup key is not the attested one")]
    SetupKey,
    /// The bytes are no setup key of the kind that was asked for.
    #[error("the setup key is none")]
    NotPublic(#[from] NotPublic),
    /// Enough for this minute.
    #[error("too many requests in this minute")]
    Busy,
    /// The token failed.
    #[error("the token failed")]
    Token(#[from] TokenError),
    /// The release cannot be put on record, so it does not happen.
    #[error("the release cannot be put on record")]
    Audit(#[from] AuditError),
    /// The register failed.
    #[error("the register failed")]
    Register(#[from] RegisterError),
    /// The head of a store is of another network, party or epoch than this custodian's.
    #[error("the head is of another store")]
    OtherStore,
    /// The head is not signed by the instance that has the newest lease.
    #[error("the head is not signed by the instance with the newest lease")]
    Signature,
    /// The head is not put on record.
    #[error("the head is not put on record")]
    Move(MoveError),
}

impl ReleaseError {
    /// Returns the code that may cross the trust edge.
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Malformed(CodecError::TooLong { .. }) | Self::TooLarge => Refusal::TooLarge,
            Self::Malformed(CodecError::Malformed | CodecError::NotCanonical) => Refusal::Malformed,
            Self::Unexpected => Refusal::Unexpected,
            Self::WrongParty { .. } => Refusal::WrongRole,
            Self::Evidence(error) => error.refusal(),
            Self::SetupKey => Refusal::EvidenceRefused,
            Self::Busy => Refusal::Busy,
            Self::NotPublic(_) | Self::Token(TokenError::Seal(_) | TokenError::SetupKind) => {
                Refusal::Invalid
            }
            Self::OtherStore => Refusal::WrongNetwork,
            Self::Signature => Refusal::BadSignature,
            Self::Move(MoveError::Lease) => Refusal::Stale,
            Self::Move(MoveError::Diverged) => Refusal::StateDiverged,
            Self::Move(MoveError::NotNewer) => Refusal::Invalid,
            Self::Token(_)
            | Self::Audit(_)
            | Self::Register(_)
            | Self::Move(MoveError::Register(_)) => Refusal::Internal,
        }
    }
}

/// Keeps one party's key.
pub struct Custody {
    settings: CustodySettings,
    trust: Trust,
    token: Box<dyn Token>,
    audit: Audit,
    register: Register,
    attempts: Mutex<Rate>,
    releases: Mutex<Rate>,
}

impl Custody {
    /// Puts a custodian together.
    ///
    /// # Errors
    /// If the token is not the one that the manifest names for this party.
    pub fn new(
        settings: CustodySettings,
        trust: Trust,
        token: Box<dyn Token>,
        audit: Audit,
        register: Register,
    ) -> Result<Arc<Self>, WrongKey> {
        let found = token.public_key();
        let entry = trust.manifest().manifest().party(settings.party);
        if entry.is_none_or(|entry| entry.custodian != found) {
            return Err(WrongKey {
                found: hex::encode(found),
            });
        }
        Ok(Arc::new(Self {
            settings,
            trust,
            token,
            audit,
            register,
            attempts: Mutex::new(Rate::new(ATTEMPTS_PER_MINUTE)),
            releases: Mutex::new(Rate::new(settings.releases_per_minute)),
        }))
    }

    /// Tells whether a new connection is listened to in this minute.
    pub(crate) fn admits_attempt(&self, now_ms: u64) -> bool {
        admit(&self.attempts, now_ms)
    }

    fn prove(
        &self,
        evidence: &EvidenceBundle,
        setup: &[u8],
        (challenge, epoch): ([u8; 32], u32),
        now_ms: u64,
    ) -> Result<ReleasedKey, ReleaseError> {
        let expect = Expectation {
            purpose: Purpose::KeyRelease,
            role: Role::Party,
            party: Some(self.settings.party),
            challenge,
        };
        let judged = self.trust.judge(evidence, &expect, now_ms)?;
        self.grant(&judged.binding, setup, epoch, now_ms)
    }

    /// Releases the key to the process of a binding that was judged. The lease and the audit line
    /// are durable before the key is returned.
    pub(crate) fn grant(
        &self,
        binding: &Binding,
        setup: &[u8],
        epoch: u32,
        now_ms: u64,
    ) -> Result<ReleasedKey, ReleaseError> {
        if binding.keys.setup != Some(plain_digest(setup)) {
            return Err(ReleaseError::SetupKey);
        }
        let setup = SetupPublic::parse(self.token.mechanism().setup_kind(), setup)?;
        if !admit(&self.releases, now_ms) {
            return Err(ReleaseError::Busy);
        }
        let (network, party) = (self.trust.manifest().network(), self.settings.party);
        if self.token.oldest_epoch() < self.present() {
            // The custodian ended between putting on record that an epoch is over and destroying
            // its key.
            self.token.destroy_before(self.present())?;
        }
        let name = KeyName::first(network, party, epoch);
        self.token.prepare(&name, now_ms)?;
        // Peers compare leases whatever the epoch, so one counter serves all.
        let lease = self.token.raise_lease(self.settings.epoch)?;
        let anchor = self.register.lease(epoch, lease, binding.keys.identity)?;
        let context = ReleaseContext {
            network,
            party,
            epoch,
            instance: binding.instance,
            lease,
            anchor,
        };
        let wrapped = self.token.wrap_data_key(epoch, &setup, &context)?;
        let mut released = ReleasedKey {
            enc: wrapped.ephemeral,
            ciphertext: wrapped.ciphertext,
            context,
            signature: Signature([0; 64]),
            mechanism: wrapped.mechanism,
        };
        released.signature = self.token.sign(&released.signed_bytes())?;
        let context = &released.context;
        self.audit.append(&Record {
            at_ms: now_ms,
            party: context.party,
            epoch,
            instance: Some(context.instance),
            outcome: Outcome::Released {
                lease: context.lease,
                mechanism: released.mechanism,
            },
        })?;
        tracing::info!(
            event = "key-released",
            party = context.party.get(),
            epoch,
            lease = context.lease,
            instance = %context.instance,
            mechanism = released.mechanism.name(),
        );
        Ok(released)
    }

    /// Returns the present epoch: the oldest whose key is not destroyed.
    fn present(&self) -> u32 {
        let first = self.token.oldest_epoch().max(self.settings.epoch);
        self.register
            .present()
            .map_or(first, |known| known.max(first))
    }

    /// Ends the present epoch [REF-5]: the head of the next one is on record before the key is
    /// destroyed, and that is durable before it is signed.
    fn retire(&self, asked: &SignedRetirement, now_ms: u64) -> Result<Signature, ReleaseError> {
        let what = &asked.what;
        let (network, party) = (self.trust.manifest().network(), self.settings.party);
        if (what.network, what.party) != (network, party) {
            return Err(ReleaseError::OtherStore);
        }
        let again = self.register.has_retired(what);
        let identity = again.or_else(|| self.register.identity(what.epoch, what.lease));
        let identity = identity.ok_or(ReleaseError::Move(MoveError::Lease))?;
        if !verify_signature(&identity, &what.asked_bytes(), &asked.signature) {
            return Err(ReleaseError::Signature);
        }
        if again.is_none() {
            self.register.retire(what).map_err(ReleaseError::Move)?;
        }
        self.token.destroy_before(self.present())?;
        let signature = self.token.sign(&what.done_bytes())?;
        self.audit.append(&Record {
            at_ms: now_ms,
            party,
            epoch: what.epoch,
            instance: None,
            outcome: Outcome::Retired {
                lease: what.lease,
                version: what.next.version,
            },
        })?;
        tracing::info!(
            event = "key-destroyed",
            party = party.get(),
            epoch = what.epoch
        );
        Ok(signature)
    }

    /// Puts a newer head of the store on record, and signs that it is there.
    fn anchor(&self, asked: &SignedAnchor, now_ms: u64) -> Result<Signature, ReleaseError> {
        let what = &asked.what;
        let (party, epoch) = (self.settings.party, self.present());
        let network = self.trust.manifest().network();
        if (what.network, what.party, what.epoch) != (network, party, epoch) {
            return Err(ReleaseError::OtherStore);
        }
        let identity = self.register.identity(epoch, what.lease);
        let identity = identity.ok_or(ReleaseError::Move(MoveError::Lease))?;
        if !verify_signature(&identity, &what.asked_bytes(), &asked.signature) {
            return Err(ReleaseError::Signature);
        }
        self.register.advance(what).map_err(ReleaseError::Move)?;
        let signature = self.token.sign(&what.done_bytes())?;
        self.audit.append(&Record {
            at_ms: now_ms,
            party,
            epoch,
            instance: None,
            outcome: Outcome::Anchored {
                lease: what.lease,
                version: what.to.version,
            },
        })?;
        Ok(signature)
    }

    /// Puts a refusal on record and returns its code.
    pub(crate) fn refuse(
        &self,
        error: &ReleaseError,
        claimed: Option<InstanceId>,
        now_ms: u64,
    ) -> Refusal {
        let refusal = error.refusal();
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(
            event = "key-refused",
            party = self.settings.party.get(),
            refusal = refusal.code(),
            %error,
            cause,
        );
        let appended = self.audit.append(&Record {
            at_ms: now_ms,
            party: self.settings.party,
            epoch: self.present(),
            instance: claimed,
            outcome: Outcome::Refused(refusal),
        });
        if let Err(error) = appended {
            tracing::error!(event = "audit-failed", %error);
        }
        refusal
    }
}

impl std::fmt::Debug for Custody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Custody")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn admit(rate: &Mutex<Rate>, now_ms: u64) -> bool {
    rate.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .admit(now_ms)
}

/// One connection's way to a key, without the connection.
#[derive(Debug)]
pub struct Conversation {
    custody: Arc<Custody>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Challenged([u8; 32], u32),
    Over,
}

impl Conversation {
    /// Starts with the first request.
    pub const fn new(custody: Arc<Custody>) -> Self {
        Self {
            custody,
            state: State::New,
        }
    }

    /// Tells whether the last answer has been given.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Answers a message; `fresh` is 32 random bytes, the challenge if one is due.
    pub fn handle(&mut self, frame: &[u8], fresh: [u8; 32], now_ms: u64) -> ReleaseAnswer {
        let state = std::mem::replace(&mut self.state, State::Over);
        let request: ReleaseRequest = match from_canonical_max(frame, RELEASE_BYTES_MAX) {
            Ok(request) => request,
            Err(error) => return self.refuse(&error.into(), None, now_ms),
        };
        match (state, request) {
            (
                State::New,
                request @ (ReleaseRequest::Begin { party } | ReleaseRequest::BeginNext { party }),
            ) => {
                if party != self.custody.settings.party {
                    return self.refuse(&ReleaseError::WrongParty { asked: party }, None, now_ms);
                }
                let present = self.custody.present();
                let epoch = match request {
                    ReleaseRequest::BeginNext { .. } => present.saturating_add(1),
                    _ => present,
                };
                self.state = State::Challenged(fresh, epoch);
                ReleaseAnswer::Challenge {
                    challenge: fresh,
                    mechanism: self.custody.token.mechanism(),
                }
            }
            (State::Challenged(challenge, epoch), ReleaseRequest::Prove { evidence, setup }) => {
                let asked = (challenge, epoch);
                match self.custody.prove(&evidence, &setup, asked, now_ms) {
                    Ok(released) => ReleaseAnswer::Released(released),
                    Err(error) => {
                        let claimed = evidence.binding().ok().map(|binding| binding.instance);
                        self.refuse(&error, claimed, now_ms)
                    }
                }
            }
            (State::New, ReleaseRequest::Anchor(asked)) => {
                match self.custody.anchor(&asked, now_ms) {
                    Ok(signature) => ReleaseAnswer::Anchored { signature },
                    Err(error) => self.refuse(&error, None, now_ms),
                }
            }
            (State::New, ReleaseRequest::Retire(asked)) => {
                match self.custody.retire(&asked, now_ms) {
                    Ok(signature) => ReleaseAnswer::Retired { signature },
                    Err(error) => self.refuse(&error, None, now_ms),
                }
            }
            (State::New | State::Over, ReleaseRequest::Prove { .. })
            | (
                State::Challenged(..) | State::Over,
                ReleaseRequest::Anchor(_)
                | ReleaseRequest::Retire(_)
                | ReleaseRequest::Begin { .. }
                | ReleaseRequest::BeginNext { .. },
            ) => self.refuse(&ReleaseError::Unexpected, None, now_ms),
        }
    }

    fn refuse(
        &self,
        error: &ReleaseError,
        claimed: Option<InstanceId>,
        now_ms: u64,
    ) -> ReleaseAnswer {
        ReleaseAnswer::Refused {
            refusal: self.custody.refuse(error, claimed, now_ms),
        }
    }
}

#[cfg(test)]
mod tests;

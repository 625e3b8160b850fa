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

mod conversation;
mod following;
mod recording;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use boop_channel::setup::{NotPublic, SetupPublic};
use boop_channel::{Expectation, JudgeError, Trust, verify_signature};
use boop_daemon::LiveTrust;
use boop_wire::binding::{Binding, PlatformKind, Purpose, Role};
use boop_wire::codec::{CodecError, plain_digest};
use boop_wire::custody::CustodyEvent;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::release::{ReleaseContext, ReleasedKey, SignedAnchor, SignedRetirement};
use boop_wire::session::Signature;
use boop_wire::{InstanceId, NetworkId, PartyIndex, Refusal};

use crate::audit::{Audit, AuditError, Outcome, Record};
use crate::ledger::{Ledger, LedgerError};
use crate::rate::Rate;
use crate::register::{MoveError, Register, RegisterError};
use crate::token::{KeyName, Recipient, Token, TokenError};
pub use conversation::Conversation;
pub use following::{NextError, follow};

/// Connections in a minute that are listened to; each may cost a verification and a line of
/// the audit.
const ATTEMPTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(240).expect("240 is not zero");

/// Attempts to reach the ledger before a key is released or destroyed.
const ATTEMPTS: u32 = 12;
/// Time between two heads in the ledger.
const HEADS_EVERY_MS: u64 = 60 * 60 * 1000;

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

/// Why a token is not the one for a party.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitToken {
    /// The manifest names another custodian for the party.
    #[error("the token's key is {found}, and the manifest names another one for this party")]
    WrongKey {
        /// The token's public key, in hexadecimal.
        found: String,
    },
    /// The token reads evidence of another hardware than the party's.
    #[error("AWS KMS reads documents of AWS Nitro, and the party's machine gives other evidence")]
    OtherPlatform,
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
    /// The ledger does not have it, so it does not happen.
    #[error("the ledger has no record of it")]
    Ledger(#[from] LedgerError),
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
            Self::Ledger(LedgerError::Unlogged { .. }) => Refusal::ManifestUnlogged,
            Self::Ledger(LedgerError::TooEarly { .. }) => Refusal::ManifestTooEarly,
            Self::Ledger(LedgerError::Refused(Refusal::Conflict))
            | Self::Register(
                RegisterError::Behind
                | RegisterError::OldCopy { .. }
                | RegisterError::Missing { .. },
            ) => Refusal::CustodianBehind,
            Self::Ledger(_) => Refusal::LedgerUnavailable,
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
    trust: Arc<LiveTrust>,
    token: Box<dyn Token>,
    records: Records,
    recording: Mutex<()>,
    /// Set once the log is known to have this manifest.
    published: OnceLock<()>,
    attempts: Mutex<Rate>,
    releases: Mutex<Rate>,
    /// When a head was last put into the ledger.
    head_reported_ms: Mutex<Option<u64>>,
}

/// Where a custodian puts on record what it does.
#[derive(Debug)]
pub struct Records {
    /// Its own file, a line for each.
    pub audit: Audit,
    /// The newest lease and head.
    pub register: Register,
    /// The public log; none where there is no network around it, as in a simulation.
    pub ledger: Option<Ledger>,
}

impl Custody {
    /// Puts a custodian together.
    ///
    /// # Errors
    /// If the token is not the one that the manifest names for this party, or not for its machine.
    pub fn new(
        settings: CustodySettings,
        trust: Arc<LiveTrust>,
        token: Box<dyn Token>,
        records: Records,
    ) -> Result<Arc<Self>, UnfitToken> {
        check_fit(&*token, settings.party, &trust.now())?;
        Ok(Arc::new(Self {
            settings,
            trust,
            token,
            records,
            head_reported_ms: Mutex::new(None),
            recording: Mutex::new(()),
            published: OnceLock::new(),
            attempts: Mutex::new(Rate::new(ATTEMPTS_PER_MINUTE)),
            releases: Mutex::new(Rate::new(settings.releases_per_minute)),
        }))
    }

    fn network(&self) -> NetworkId {
        self.trust.now().manifest().network()
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
        let trust = self.trust.now();
        let judged = trust.judge(evidence, &expect, now_ms)?;
        // Where sessions may still name the version before, keys are given under the newest alone.
        if judged.binding.manifest != trust.manifest().digest() {
            return Err(JudgeError::Manifest.into());
        }
        let shown = (setup, evidence.evidence.as_slice());
        self.grant(&judged.binding, shown, epoch, now_ms)
    }

    /// Releases the key to the process of a binding that was judged. The lease and the audit line
    /// are durable before the key is returned.
    pub(crate) fn grant(
        &self,
        binding: &Binding,
        (setup, evidence): (&[u8], &[u8]),
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
        self.check_published(now_ms)?;
        let (network, party) = (self.network(), self.settings.party);
        self.destroy_what_is_over()?;
        let name = KeyName::first(network, party, epoch);
        self.token.prepare(&name, now_ms)?;
        let (lease, anchor) = self.put_on_record(|register| {
            // Peers compare leases whatever the epoch, so one counter serves all.
            let lease = self.token.raise_lease(self.settings.epoch)?;
            Ok((lease, register.lease(epoch, lease, binding.keys.identity)?))
        })?;
        let (instance, mechanism) = (binding.instance, self.token.mechanism());
        let released = CustodyEvent::Released {
            epoch,
            lease,
            instance,
            mechanism,
        };
        self.report(released, ATTEMPTS)?;
        let context = ReleaseContext {
            network,
            party,
            epoch,
            instance: binding.instance,
            lease,
            anchor,
        };
        let recipient = Recipient {
            setup: &setup,
            evidence,
        };
        let wrapped = self.token.wrap_data_key(epoch, &recipient, &context)?;
        let mut released = ReleasedKey {
            enc: wrapped.ephemeral,
            ciphertext: wrapped.ciphertext,
            context,
            signature: Signature([0; 64]),
            mechanism: wrapped.mechanism,
        };
        released.signature = self.token.sign(&released.signed_bytes())?;
        self.note_release(&released, now_ms)?;
        Ok(released)
    }

    /// Writes a release into the audit, and then into the log.
    fn note_release(&self, released: &ReleasedKey, now_ms: u64) -> Result<(), AuditError> {
        let context = &released.context;
        self.records.audit.append(&Record {
            at_ms: now_ms,
            party: context.party,
            epoch: context.epoch,
            instance: Some(context.instance),
            outcome: Outcome::Released {
                lease: context.lease,
                mechanism: released.mechanism,
            },
        })?;
        tracing::info!(
            event = "key-released",
            party = context.party.get(),
            epoch = context.epoch,
            lease = context.lease,
            instance = %context.instance,
            mechanism = released.mechanism.name(),
        );
        Ok(())
    }

    /// Makes good an end between putting on record that an epoch is over and destroying its key.
    fn destroy_what_is_over(&self) -> Result<(), TokenError> {
        let present = self.present();
        if self.token.oldest_epoch() < present {
            self.token.destroy_before(present)?;
        }
        Ok(())
    }

    /// Returns the present epoch: the oldest whose key is not destroyed.
    fn present(&self) -> u32 {
        let first = self.token.oldest_epoch().max(self.settings.epoch);
        self.records
            .register
            .present()
            .map_or(first, |known| known.max(first))
    }

    /// Ends the present epoch [REF-5]: the head of the next one is on record before the key is
    /// destroyed, and that is durable before it is signed.
    fn retire(&self, asked: &SignedRetirement, now_ms: u64) -> Result<Signature, ReleaseError> {
        let what = &asked.what;
        let (network, party) = (self.network(), self.settings.party);
        if (what.network, what.party) != (network, party) {
            return Err(ReleaseError::OtherStore);
        }
        let again = self.records.register.has_retired(what);
        let identity = again.or_else(|| self.records.register.identity(what.epoch, what.lease));
        let identity = identity.ok_or(ReleaseError::Move(MoveError::Lease))?;
        if !verify_signature(&identity, &what.asked_bytes(), &asked.signature) {
            return Err(ReleaseError::Signature);
        }
        if again.is_none() {
            self.put_on_record(|register| register.retire(what).map_err(ReleaseError::Move))?;
        }
        let destroyed = CustodyEvent::Destroyed {
            epoch: what.epoch,
            next: what.next,
        };
        self.report(destroyed, ATTEMPTS)?;
        self.token.destroy_before(self.present())?;
        let signature = self.token.sign(&what.done_bytes())?;
        self.records.audit.append(&Record {
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
        let network = self.network();
        if (what.network, what.party, what.epoch) != (network, party, epoch) {
            return Err(ReleaseError::OtherStore);
        }
        let identity = self.records.register.identity(epoch, what.lease);
        let identity = identity.ok_or(ReleaseError::Move(MoveError::Lease))?;
        if !verify_signature(&identity, &what.asked_bytes(), &asked.signature) {
            return Err(ReleaseError::Signature);
        }
        self.put_on_record(|register| register.advance(what).map_err(ReleaseError::Move))?;
        self.report_head(epoch, what.to, now_ms)?;
        let signature = self.token.sign(&what.done_bytes())?;
        self.records.audit.append(&Record {
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
        let appended = self.records.audit.append(&Record {
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

/// Checks that a token is the one that the manifest names for a party, and one for its machine.
fn check_fit(token: &dyn Token, party: PartyIndex, trust: &Trust) -> Result<(), UnfitToken> {
    let found = token.public_key();
    let entry = trust.manifest().manifest().party(party);
    let Some(entry) = entry.filter(|entry| entry.custodian == found) else {
        return Err(UnfitToken::WrongKey {
            found: hex::encode(found),
        });
    };
    let reads_documents = token.mechanism().is_recipients();
    match reads_documents && entry.machine.platform != PlatformKind::Nitro {
        true => Err(UnfitToken::OtherPlatform),
        false => Ok(()),
    }
}

fn admit(rate: &Mutex<Rate>, now_ms: u64) -> bool {
    rate.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .admit(now_ms)
}

#[cfg(test)]
mod tests;

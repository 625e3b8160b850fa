//! The rules of release: who gets a key, in what order things become durable, what is refused
//! [KEY-1], [KEY-3].
//!
//! ```text
//!  New --Begin(our party)--> Challenged --Prove(evidence over the challenge)--> Over
//!  anything else, at any time: refused, Over
//! ```

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use boop_channel::{Expectation, JudgeError, Trust};
use boop_wire::binding::{Binding, Purpose, Role};
use boop_wire::codec::{CodecError, from_canonical_max, plain_digest};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::release::{
    RELEASE_BYTES_MAX, ReleaseAnswer, ReleaseContext, ReleaseRequest, ReleasedKey,
};
use boop_wire::{InstanceId, PartyIndex, Refusal};

use crate::audit::{Audit, AuditError, Outcome, Record};
use crate::rate::Rate;
use crate::token::{Token, TokenError};

/// Connections in a minute that are listened to; each may cost a verification and a line of
/// the audit.
const ATTEMPTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(240).expect("240 is not zero");

/// What a custodian is told about its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustodySettings {
    /// Whose key it keeps.
    pub party: PartyIndex,
    /// Epoch of the key.
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
    /// Enough for this minute.
    #[error("too many requests in this minute")]
    Busy,
    /// The token failed.
    #[error("the token failed")]
    Token(#[from] TokenError),
    /// The release cannot be put on record, so it does not happen.
    #[error("the release cannot be put on record")]
    Audit(#[from] AuditError),
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
            Self::Token(TokenError::Seal(_)) => Refusal::Invalid,
            Self::Token(_) | Self::Audit(_) => Refusal::Internal,
        }
    }
}

/// Keeps one party's key.
pub struct Custody {
    settings: CustodySettings,
    trust: Trust,
    token: Box<dyn Token>,
    audit: Audit,
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
        setup: &[u8; 32],
        challenge: [u8; 32],
        now_ms: u64,
    ) -> Result<ReleasedKey, ReleaseError> {
        let expect = Expectation {
            purpose: Purpose::KeyRelease,
            role: Role::Party,
            party: Some(self.settings.party),
            challenge,
        };
        let judged = self.trust.judge(evidence, &expect, now_ms)?;
        self.grant(&judged.binding, setup, now_ms)
    }

    /// Releases the key to the process of a binding that was judged. The lease and the audit line
    /// are durable before the key is returned.
    fn grant(
        &self,
        binding: &Binding,
        setup: &[u8; 32],
        now_ms: u64,
    ) -> Result<ReleasedKey, ReleaseError> {
        if binding.keys.setup != Some(plain_digest(setup)) {
            return Err(ReleaseError::SetupKey);
        }
        if !admit(&self.releases, now_ms) {
            return Err(ReleaseError::Busy);
        }
        let epoch = self.settings.epoch;
        let context = ReleaseContext {
            network: self.trust.manifest().network(),
            party: self.settings.party,
            epoch,
            instance: binding.instance,
            lease: self.token.raise_lease(epoch)?,
        };
        let sealed = self.token.wrap_data_key(epoch, setup, &context)?;
        let signed = ReleasedKey::signed_bytes(&context, &sealed.enc, &sealed.ciphertext);
        let signature = self.token.sign(&signed)?;
        self.audit.append(&Record {
            at_ms: now_ms,
            party: context.party,
            epoch,
            instance: Some(context.instance),
            outcome: Outcome::Released {
                lease: context.lease,
            },
        })?;
        tracing::info!(
            event = "key-released",
            party = context.party.get(),
            epoch,
            lease = context.lease,
            instance = %context.instance,
        );
        Ok(ReleasedKey {
            enc: sealed.enc,
            ciphertext: sealed.ciphertext,
            context,
            signature,
        })
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
            epoch: self.settings.epoch,
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
    Challenged([u8; 32]),
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
            (State::New, ReleaseRequest::Begin { party }) => {
                if party != self.custody.settings.party {
                    return self.refuse(&ReleaseError::WrongParty { asked: party }, None, now_ms);
                }
                self.state = State::Challenged(fresh);
                ReleaseAnswer::Challenge { challenge: fresh }
            }
            (State::Challenged(challenge), ReleaseRequest::Prove { evidence, setup }) => {
                match self.custody.prove(&evidence, &setup, challenge, now_ms) {
                    Ok(released) => ReleaseAnswer::Released(released),
                    Err(error) => {
                        let claimed = evidence.binding().ok().map(|binding| binding.instance);
                        self.refuse(&error, claimed, now_ms)
                    }
                }
            }
            (State::New | State::Over, ReleaseRequest::Prove { .. })
            | (State::Challenged(_) | State::Over, ReleaseRequest::Begin { .. }) => {
                self.refuse(&ReleaseError::Unexpected, None, now_ms)
            }
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
mod tests {
    use boop_channel::seal::{OpeningKey, SealError};
    use boop_channel::verify_signature;
    use boop_wire::Digest;
    use boop_wire::codec::{domain_separated, to_canonical};

    use super::*;
    use crate::testing::{NOW_MS, World, binding, bundle};

    const FRESH: [u8; 32] = [0x5a; 32];

    #[test]
    fn a_token_that_the_manifest_does_not_name_is_refused() {
        let world = World::new(30);
        let (trust, other) = (world.trust(), world.another_token());
        let found = hex::encode(other.public_key());

        let error = Custody::new(world.settings, trust, Box::new(other), world.audit());

        assert_eq!(error.unwrap_err(), WrongKey { found });
    }

    #[test]
    fn a_granted_key_is_signed_and_opens_for_the_attested_setup_key() {
        let world = World::new(30);
        let custody = world.custody();
        let setup = OpeningKey::from_seed(&[7; 32]);

        let released = world.grant(&custody, &setup).unwrap();

        let ReleasedKey {
            enc,
            ciphertext,
            context,
            signature,
        } = released;
        let signed = ReleasedKey::signed_bytes(&context, &enc, &ciphertext);
        assert!(verify_signature(&world.custodian_key, &signed, &signature));
        let info = domain_separated("key-release-info", &to_canonical(&context));
        assert_eq!(setup.open(&info, &enc, &ciphertext).unwrap().len(), 32);
        assert_eq!(context.instance, binding(&world.trust()).instance);
        assert_eq!(context.lease, 1);
    }

    #[test]
    fn each_release_has_the_next_lease_and_a_line_on_record() {
        let world = World::new(30);
        let custody = world.custody();
        let setup = OpeningKey::from_seed(&[7; 32]);

        let leases = [(); 3].map(|()| world.grant(&custody, &setup).unwrap().context.lease);

        assert_eq!(leases, [1, 2, 3]);
        let lines = world.audit_lines();
        assert_eq!(lines.len(), 3);
        assert!(lines[2].contains(r#""event":"released""#) && lines[2].contains(r#""lease":3"#));
    }

    #[test]
    fn a_setup_key_that_is_not_attested_gets_nothing() {
        let world = World::new(30);
        let custody = world.custody();
        let mut bound = binding(&world.trust());

        for setup in [None, Some(plain_digest(&[1; 32]))] {
            bound.keys.setup = setup;
            assert_eq!(
                custody.grant(&bound, &[2; 32], NOW_MS),
                Err(ReleaseError::SetupKey)
            );
        }
        assert_eq!(custody.token.raise_lease(0), Ok(1));
    }

    #[test]
    fn a_setup_key_of_low_order_gets_nothing() {
        let world = World::new(30);
        let custody = world.custody();
        let mut bound = binding(&world.trust());
        bound.keys.setup = Some(plain_digest(&[0; 32]));

        let error = custody.grant(&bound, &[0; 32], NOW_MS).unwrap_err();

        assert_eq!(
            error,
            ReleaseError::Token(TokenError::Seal(SealError::RecipientKey))
        );
        assert_eq!(error.refusal(), Refusal::Invalid);
        assert_eq!(world.audit_lines(), Vec::<String>::new());
    }

    #[test]
    fn more_releases_than_a_minute_allows_are_refused_as_busy() {
        let world = World::new(2);
        let custody = world.custody();
        let setup = OpeningKey::from_seed(&[7; 32]);
        world.grant(&custody, &setup).unwrap();
        world.grant(&custody, &setup).unwrap();

        let error = world.grant(&custody, &setup).unwrap_err();

        assert_eq!(error, ReleaseError::Busy);
        assert_eq!(error.refusal(), Refusal::Busy);
    }

    #[test]
    fn only_so_many_connections_are_listened_to_in_a_minute() {
        let world = World::new(30);
        let custody = world.custody();

        let admitted = (0..300).filter(|_| custody.admits_attempt(NOW_MS)).count();

        assert_eq!(admitted, 240);
        assert!(custody.admits_attempt(NOW_MS + 60_000));
    }

    #[test]
    fn another_party_is_refused_by_role() {
        let world = World::new(30);
        let begin = ReleaseRequest::Begin {
            party: PartyIndex::ALL[0],
        };

        assert_eq!(answer_to(&world, &[begin]), refused(Refusal::WrongRole));
        assert!(world.audit_lines()[0].contains(r#""refusal":"wrong-role""#));
    }

    #[test]
    fn a_proof_without_a_challenge_and_a_second_beginning_are_unexpected() {
        let world = World::new(30);
        let begin = ReleaseRequest::Begin {
            party: world.settings.party,
        };
        let prove = prove(bundle(&binding(&world.trust())));

        for requests in [&[prove][..], &[begin.clone(), begin]] {
            assert_eq!(answer_to(&world, requests), refused(Refusal::Unexpected));
        }
    }

    #[test]
    fn nothing_is_answered_but_unexpected_after_the_end() {
        let world = World::new(30);
        let begin = ReleaseRequest::Begin {
            party: world.settings.party,
        };
        let mut conversation = Conversation::new(world.custody());
        conversation.handle(&[0xff], FRESH, NOW_MS);
        assert!(conversation.is_over());

        let answer = conversation.handle(&to_canonical(&begin), FRESH, NOW_MS);

        assert_eq!(answer, refused(Refusal::Unexpected));
    }

    #[test]
    fn bytes_that_are_no_request_are_malformed_and_too_many_too_large() {
        let world = World::new(30);
        let mut conversation = Conversation::new(world.custody());
        assert_eq!(
            conversation.handle(b"\xff", FRESH, NOW_MS),
            refused(Refusal::Malformed)
        );

        let mut conversation = Conversation::new(world.custody());
        assert_eq!(
            conversation.handle(&vec![0; RELEASE_BYTES_MAX + 1], FRESH, NOW_MS),
            refused(Refusal::TooLarge)
        );
    }

    #[test]
    fn claims_that_do_not_fit_the_release_are_refused_before_any_signature_is_checked() {
        let world = World::new(30);
        let good = {
            let mut bound = binding(&world.trust());
            bound.challenge = FRESH;
            bound
        };
        let change = |change: &dyn Fn(&mut Binding)| {
            let mut bound = good.clone();
            change(&mut bound);
            bound
        };
        let cases = [
            (change(&|b| b.challenge = [0; 32]), Refusal::EvidenceRefused),
            (
                change(&|b| b.purpose = Purpose::Boot),
                Refusal::EvidenceRefused,
            ),
            (
                change(&|b| b.party = Some(PartyIndex::ALL[0])),
                Refusal::WrongRole,
            ),
            (change(&|b| b.role = Role::Gateway), Refusal::WrongRole),
            (
                change(&|b| b.manifest = Digest::new([9; 32])),
                Refusal::WrongNetwork,
            ),
            (change(&|b| b.made_at_ms = 0), Refusal::Stale),
            (change(&|_| ()), Refusal::Malformed),
        ];

        for (bound, refusal) in cases {
            let begin = ReleaseRequest::Begin {
                party: world.settings.party,
            };
            let answer = answer_to(&world, &[begin, prove(bundle(&bound))]);
            assert_eq!(answer, refused(refusal), "{bound:?}");
        }
        let instance = good.instance.to_string();
        assert!(
            world
                .audit_lines()
                .iter()
                .all(|line| line.contains(&instance))
        );
    }

    impl World {
        fn grant(
            &self,
            custody: &Custody,
            setup: &OpeningKey,
        ) -> Result<ReleasedKey, ReleaseError> {
            let mut bound = binding(&self.trust());
            bound.keys.setup = Some(plain_digest(setup.public()));
            custody.grant(&bound, setup.public(), NOW_MS)
        }
    }

    fn prove(evidence: EvidenceBundle) -> ReleaseRequest {
        ReleaseRequest::Prove {
            evidence,
            setup: [7; 32],
        }
    }

    fn refused(refusal: Refusal) -> ReleaseAnswer {
        ReleaseAnswer::Refused { refusal }
    }

    /// Returns the answer to the last of the requests, all on one connection.
    fn answer_to(world: &World, requests: &[ReleaseRequest]) -> ReleaseAnswer {
        let mut conversation = Conversation::new(world.custody());
        let mut last = None;
        for request in requests {
            last = Some(conversation.handle(&to_canonical(request), FRESH, NOW_MS));
        }
        last.unwrap()
    }
}

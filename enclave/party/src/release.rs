//! Getting the data key from the custodian, through the host [KEY-2].
//!
//! ```text
//!  Begin -> Challenge -> evidence over challenge and setup key -> Released -> key, lease
//! ```

use alloc::vec::Vec;

use boop_channel::setup::{Floor, SetupKey, WrappedKey};
use boop_channel::verify_signature;
use boop_wire::codec::{from_canonical_max, plain_digest, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::frame::{FrameBuffer, put_frame};
use boop_wire::release::{
    Anchor, RELEASE_BYTES_MAX, ReleaseAnswer, ReleaseContext, ReleaseRequest, ReleasedKey,
    WrapMechanism,
};
use boop_wire::{Digest, InstanceId, NetworkId, PartyIndex, Refusal};
use zeroize::Zeroizing;

/// A key release on its way.
pub(crate) struct Release {
    seed: Zeroizing<[u8; 32]>,
    frames: FrameBuffer,
    expected: Expected,
    /// Made once the custodian has said how it wraps, for that mechanism alone.
    setup: Option<(WrapMechanism, SetupKey)>,
}

/// For whom the key must have been wrapped.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) network: NetworkId,
    pub(crate) party: PartyIndex,
    pub(crate) instance: InstanceId,
    pub(crate) custodian: [u8; 32],
    /// Which mechanisms are good enough.
    pub(crate) floor: Floor,
    /// Which epoch's key is asked for.
    pub(crate) epoch: Epoch,
}

/// An epoch as a party without a store can name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Epoch {
    /// The oldest whose key is not destroyed; the custodian knows which.
    Present,
    /// The one after, which must be this.
    Next(u32),
}

/// What the party must do next.
pub(crate) enum Step {
    /// Wait for more bytes.
    Wait,
    /// Make evidence over this challenge and the setup key.
    Prove { challenge: [u8; 32], setup: Named },
    /// The key is here.
    Done(Leased),
}

/// What evidence says of a setup key.
pub(crate) struct Named {
    pub(crate) digest: Digest,
    /// The key itself, for evidence that somebody besides the custodian reads.
    pub(crate) public_key: Option<Vec<u8>>,
}

/// A released key.
pub(crate) struct Leased {
    pub(crate) key: Zeroizing<[u8; 32]>,
    pub(crate) epoch: u32,
    pub(crate) lease: u64,
    /// The newest head of the store that the custodian has on record.
    pub(crate) anchor: Option<Anchor>,
}

impl Release {
    /// Starts a release; the setup key is made of `seed`, fresh randomness.
    pub(crate) fn new(seed: &[u8; 32], expected: Expected) -> Self {
        let frames = FrameBuffer::new(RELEASE_BYTES_MAX);
        Self {
            seed: Zeroizing::new(*seed),
            frames,
            expected,
            setup: None,
        }
    }

    /// Returns the first bytes for the custodian.
    pub(crate) fn begin(&self) -> Result<Vec<u8>, Refusal> {
        let party = self.expected.party;
        framed(&match self.expected.epoch {
            Epoch::Present => ReleaseRequest::Begin { party },
            Epoch::Next(_) => ReleaseRequest::BeginNext { party },
        })
    }

    /// Returns the bytes that answer the challenge.
    pub(crate) fn prove(&self, evidence: EvidenceBundle) -> Result<Vec<u8>, Refusal> {
        let (_, setup) = self.setup.as_ref().ok_or(Refusal::Unexpected)?;
        framed(&ReleaseRequest::Prove {
            evidence,
            setup: setup.public().as_bytes().to_vec(),
        })
    }

    /// Takes bytes of the custodian.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        if bytes.len() > RELEASE_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        self.frames.push(bytes);
        let Some(frame) = self.frames.take().map_err(|_| Refusal::TooLarge)? else {
            return Ok(Step::Wait);
        };
        let answer: ReleaseAnswer =
            from_canonical_max(&frame, RELEASE_BYTES_MAX).map_err(|_| Refusal::Malformed)?;
        match answer {
            ReleaseAnswer::Challenge { .. } if self.setup.is_some() => Err(Refusal::Unexpected),
            ReleaseAnswer::Challenge {
                challenge,
                mechanism,
            } => self.challenged(challenge, mechanism),
            ReleaseAnswer::Released(released) => self.accept(&released).map(Step::Done),
            ReleaseAnswer::Refused { refusal: _ } => Err(Refusal::KeyNotReleased),
            ReleaseAnswer::Anchored { .. } | ReleaseAnswer::Retired { .. } => {
                Err(Refusal::Unexpected)
            }
        }
    }

    fn challenged(
        &mut self,
        challenge: [u8; 32],
        mechanism: WrapMechanism,
    ) -> Result<Step, Refusal> {
        if mechanism.is_dangerous() && self.expected.floor == Floor::Sound {
            return Err(Refusal::Invalid);
        }
        // A seed in 2^32 makes no key; the next try has another.
        let setup = SetupKey::make(mechanism.setup_kind(), &self.seed);
        let setup = setup.map_err(|_| Refusal::Internal)?;
        let (_, setup) = self.setup.insert((mechanism, setup));
        let setup = setup.public();
        let named = Named {
            digest: plain_digest(setup.as_bytes()),
            public_key: mechanism.is_recipients().then(|| setup.spki()).flatten(),
        };
        Ok(Step::Prove {
            challenge,
            setup: named,
        })
    }

    fn accept(&self, released: &ReleasedKey) -> Result<Leased, Refusal> {
        let context = &released.context;
        let expected = ReleaseContext {
            network: self.expected.network,
            party: self.expected.party,
            epoch: match self.expected.epoch {
                Epoch::Present => context.epoch,
                Epoch::Next(epoch) => epoch,
            },
            instance: self.expected.instance,
            lease: context.lease,
            anchor: context.anchor,
        };
        if *context != expected {
            return Err(Refusal::WrongSession);
        }
        let signed = released.signed_bytes();
        if !verify_signature(&self.expected.custodian, &signed, &released.signature) {
            return Err(Refusal::BadSignature);
        }
        let wrapped = WrappedKey {
            mechanism: released.mechanism,
            ephemeral: released.enc.clone(),
            ciphertext: released.ciphertext.clone(),
        };
        let (mechanism, setup) = self.setup.as_ref().ok_or(Refusal::Unexpected)?;
        if released.mechanism != *mechanism {
            return Err(Refusal::Invalid);
        }
        let key = setup
            .unwrap_key(&wrapped, context, self.expected.floor)
            .map_err(|_| Refusal::SealedBoxInvalid)?;
        Ok(Leased {
            key,
            epoch: context.epoch,
            lease: context.lease,
            anchor: context.anchor,
        })
    }
}

fn framed(request: &ReleaseRequest) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    put_frame(&mut bytes, &to_canonical(request), RELEASE_BYTES_MAX)
        .map_err(|_| Refusal::TooLarge)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use boop_channel::seal::seal;
    use boop_wire::codec::domain_separated;
    use boop_wire::session::Signature;
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    const KEY: [u8; 32] = [0x6b; 32];

    #[test]
    fn a_key_that_the_custodian_wrapped_for_this_instance_is_taken() {
        let (mut release, setup) = challenged(WrapMechanism::Hpke);

        let Ok(Step::Done(leased)) = give(&mut release, &answer(&setup, &context())) else {
            panic!("the key is not taken");
        };

        assert_eq!(*leased.key, KEY);
        assert_eq!(leased.lease, 4);
    }

    #[test]
    fn an_answer_by_another_mechanism_than_the_challenge_named_is_refused() {
        let (mut release, setup) = challenged(WrapMechanism::Hpke);
        let mut released = answer(&setup, &context());
        for mechanism in WrapMechanism::OF_TOKENS {
            released.mechanism = mechanism;
            sign(&mut released);
            assert_eq!(refused(&mut release, &released), Refusal::Invalid);
        }
    }

    #[test]
    fn a_mechanism_changed_on_the_way_is_not_what_was_signed() {
        let (mut release, setup) = challenged(WrapMechanism::Hpke);
        let mut released = answer(&setup, &context());
        released.mechanism = WrapMechanism::EcdhPlain;

        assert_eq!(refused(&mut release, &released), Refusal::BadSignature);
    }

    #[test]
    fn a_dangerous_mechanism_is_refused_before_there_is_evidence_for_it() {
        let mut release = Release::new(&[7; 32], expected());
        let challenge = challenge(WrapMechanism::DangerRsaOaepSha1);

        assert_eq!(
            outcome(give_answer(&mut release, &challenge)),
            Refusal::Invalid
        );
    }

    #[test]
    fn an_answer_to_an_earlier_instance_or_setup_key_is_of_no_use() {
        let (_, setup) = challenged(WrapMechanism::Hpke);
        let replayed = answer(&setup, &context());
        let mut again = Release::new(&[8; 32], expected());
        give_answer(&mut again, &challenge(WrapMechanism::Hpke)).unwrap_or(Step::Wait);
        assert_eq!(refused(&mut again, &replayed), Refusal::SealedBoxInvalid);

        let mut other = Release::new(&[7; 32], expected());
        other.expected.instance = InstanceId::new([9; 16]);
        give_answer(&mut other, &challenge(WrapMechanism::Hpke)).unwrap_or(Step::Wait);
        assert_eq!(refused(&mut other, &replayed), Refusal::WrongSession);
    }

    #[test]
    fn a_key_of_another_party_network_or_epoch_is_refused() {
        let (mut release, setup) = challenged(WrapMechanism::Hpke);
        let mut cases = vec![context(); 2];
        cases[0].party = PartyIndex::ALL[2];
        cases[1].network = NetworkId::new([2; 32]);
        for case in cases {
            let released = answer(&setup, &case);
            assert_eq!(refused(&mut release, &released), Refusal::WrongSession);
        }
        release.expected.epoch = Epoch::Next(1);
        for epoch in [0, 2] {
            let case = ReleaseContext { epoch, ..context() };
            let released = answer(&setup, &case);
            assert_eq!(refused(&mut release, &released), Refusal::WrongSession);
        }
    }

    #[test]
    fn an_answer_before_the_challenge_and_a_second_challenge_are_refused() {
        let (mut release, setup) = challenged(WrapMechanism::Hpke);
        let released = answer(&setup, &context());
        let mut early = Release::new(&[7; 32], expected());

        assert_eq!(refused(&mut early, &released), Refusal::Unexpected);
        let second = give_answer(&mut release, &challenge(WrapMechanism::Hpke));
        assert_eq!(outcome(second), Refusal::Unexpected);
    }

    /// Returns a release that knows how its key will be wrapped, and its setup key.
    fn challenged(mechanism: WrapMechanism) -> (Release, [u8; 32]) {
        let mut release = Release::new(&[7; 32], expected());
        let Ok(Step::Prove { .. }) = give_answer(&mut release, &challenge(mechanism)) else {
            panic!("the challenge is refused");
        };
        let public = SetupKey::x25519(&[7; 32]).public().as_bytes().to_vec();
        (release, public.try_into().unwrap())
    }

    fn challenge(mechanism: WrapMechanism) -> ReleaseAnswer {
        ReleaseAnswer::Challenge {
            challenge: [1; 32],
            mechanism,
        }
    }

    fn custodian() -> SigningKey {
        SigningKey::from_bytes(&[3; 32])
    }

    fn expected() -> Expected {
        Expected {
            network: context().network,
            party: context().party,
            instance: context().instance,
            custodian: custodian().verifying_key().to_bytes(),
            epoch: Epoch::Present,
            floor: Floor::Sound,
        }
    }

    fn context() -> ReleaseContext {
        ReleaseContext {
            network: NetworkId::new([1; 32]),
            party: PartyIndex::ALL[1],
            epoch: 0,
            instance: InstanceId::new([3; 16]),
            lease: 4,
            anchor: None,
        }
    }

    fn answer(setup: &[u8; 32], context: &ReleaseContext) -> ReleasedKey {
        let info = domain_separated("key-release-info", &to_canonical(context));
        let sealed = seal(setup, &info, &KEY, [5; 32]).unwrap();
        let mut released = ReleasedKey {
            enc: sealed.enc.to_vec(),
            ciphertext: sealed.ciphertext,
            context: context.clone(),
            signature: Signature([0; 64]),
            mechanism: WrapMechanism::Hpke,
        };
        sign(&mut released);
        released
    }

    fn sign(released: &mut ReleasedKey) {
        released.signature = Signature(custodian().sign(&released.signed_bytes()).to_bytes());
    }

    fn give(release: &mut Release, released: &ReleasedKey) -> Result<Step, Refusal> {
        give_answer(release, &ReleaseAnswer::Released(released.clone()))
    }

    fn give_answer(release: &mut Release, answer: &ReleaseAnswer) -> Result<Step, Refusal> {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, &to_canonical(answer), RELEASE_BYTES_MAX).unwrap();
        release.receive(&bytes)
    }

    fn refused(release: &mut Release, released: &ReleasedKey) -> Refusal {
        outcome(give(release, released))
    }

    fn outcome(step: Result<Step, Refusal>) -> Refusal {
        step.err().expect("it is refused")
    }
}

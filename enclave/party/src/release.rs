//! Getting the data key from the custodian, through the host [KEY-2].
//!
//! ```text
//!  Begin -> Challenge -> evidence over challenge and setup key -> Released -> key, lease
//! ```

use alloc::vec::Vec;

use boop_channel::seal::OpeningKey;
use boop_channel::verify_signature;
use boop_wire::codec::{domain_separated, from_canonical_max, plain_digest, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::frame::{FrameBuffer, put_frame};
use boop_wire::release::{
    Anchor, RELEASE_BYTES_MAX, ReleaseAnswer, ReleaseContext, ReleaseRequest, ReleasedKey,
};
use boop_wire::{Digest, InstanceId, NetworkId, PartyIndex, Refusal};
use zeroize::Zeroizing;

/// The epoch of the key that is asked for; refresh raises it.
const EPOCH: u32 = 0;

/// A key release on its way.
pub(crate) struct Release {
    setup: OpeningKey,
    frames: FrameBuffer,
    expected: Expected,
    challenged: bool,
}

/// For whom the key must have been wrapped.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) network: NetworkId,
    pub(crate) party: PartyIndex,
    pub(crate) instance: InstanceId,
    pub(crate) custodian: [u8; 32],
}

/// What the party must do next.
pub(crate) enum Step {
    /// Wait for more bytes.
    Wait,
    /// Make evidence over this challenge and the setup key's digest.
    Prove { challenge: [u8; 32], setup: Digest },
    /// The key is here.
    Done(Leased),
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
    /// Starts a release with a setup key made from fresh randomness.
    pub(crate) fn new(seed: &[u8; 32], expected: Expected) -> Self {
        let setup = OpeningKey::from_seed(seed);
        let frames = FrameBuffer::new(RELEASE_BYTES_MAX);
        Self {
            setup,
            frames,
            expected,
            challenged: false,
        }
    }

    /// Returns the first bytes for the custodian.
    pub(crate) fn begin(&self) -> Result<Vec<u8>, Refusal> {
        framed(&ReleaseRequest::Begin {
            party: self.expected.party,
        })
    }

    /// Returns the bytes that answer the challenge.
    pub(crate) fn prove(&self, evidence: EvidenceBundle) -> Result<Vec<u8>, Refusal> {
        framed(&ReleaseRequest::Prove {
            evidence,
            setup: *self.setup.public(),
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
            ReleaseAnswer::Challenge { .. } if self.challenged => Err(Refusal::Unexpected),
            ReleaseAnswer::Challenge { challenge } => {
                self.challenged = true;
                Ok(Step::Prove {
                    challenge,
                    setup: plain_digest(self.setup.public()),
                })
            }
            ReleaseAnswer::Released(released) => self.accept(&released).map(Step::Done),
            ReleaseAnswer::Refused { refusal: _ } => Err(Refusal::KeyNotReleased),
            ReleaseAnswer::Anchored { .. } => Err(Refusal::Unexpected),
        }
    }

    fn accept(&self, released: &ReleasedKey) -> Result<Leased, Refusal> {
        let context = &released.context;
        let expected = ReleaseContext {
            network: self.expected.network,
            party: self.expected.party,
            epoch: EPOCH,
            instance: self.expected.instance,
            lease: context.lease,
            anchor: context.anchor,
        };
        if *context != expected {
            return Err(Refusal::WrongSession);
        }
        let signed = ReleasedKey::signed_bytes(context, &released.enc, &released.ciphertext);
        if !verify_signature(&self.expected.custodian, &signed, &released.signature) {
            return Err(Refusal::BadSignature);
        }
        let info = domain_separated("key-release-info", &to_canonical(context));
        let opened = self
            .setup
            .open(&info, &released.enc, &released.ciphertext)
            .map_err(|_| Refusal::SealedBoxInvalid)?;
        let key = <[u8; 32]>::try_from(opened.as_slice()).map_err(|_| Refusal::Malformed)?;
        Ok(Leased {
            key: Zeroizing::new(key),
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

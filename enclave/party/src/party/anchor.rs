//! Heads on record at the custodian: a store that was set back does not open [KEY-7].

use alloc::vec::Vec;

use boop_abi::{FarEnd, StreamId, ToHost};
use boop_channel::verify_signature;
use boop_wire::Refusal;
use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::frame::{FrameBuffer, put_frame};
use boop_wire::release::{
    Anchor, AnchorMove, RELEASE_BYTES_MAX, ReleaseAnswer, ReleaseRequest, SignedAnchor,
};

use super::{Party, Store};
use crate::limits::ANCHOR_PAUSE_MS;
use crate::platform::Platform;
use crate::vault::Vault;

/// What is on record, and what is on its way there.
#[derive(Default)]
pub(crate) struct Anchors {
    epoch: u32,
    recorded: Option<Anchor>,
    under_way: Option<UnderWay>,
    after_ms: u64,
}

struct UnderWay {
    stream: StreamId,
    frames: FrameBuffer,
    what: AnchorMove,
}

impl Anchors {
    /// Begins with what the custodian told with the key.
    pub(super) fn new(epoch: u32, recorded: Option<Anchor>) -> Self {
        Self {
            epoch,
            recorded,
            ..Self::default()
        }
    }

    pub(super) fn owns(&self, stream: StreamId) -> bool {
        self.under_way
            .as_ref()
            .is_some_and(|one| one.stream == stream)
    }

    /// Forgets the request whose stream is over; it is made again.
    pub(super) fn lose(&mut self, now_ms: u64) {
        self.under_way = None;
        self.after_ms = now_ms + ANCHOR_PAUSE_MS;
    }

    /// Tells whether a store holds all that is on record of it.
    pub(super) fn holds(&self, vault: &Vault) -> bool {
        self.recorded.is_none_or(|recorded| {
            vault.version() >= recorded.version && vault.root_at(recorded.version) == recorded.root
        })
    }

    /// Takes the custodian's answer, once it is whole.
    fn answered(&mut self, bytes: &[u8], custodian: &[u8; 32]) -> Result<bool, Refusal> {
        let Some(one) = &mut self.under_way else {
            return Err(Refusal::Unexpected);
        };
        one.frames.push(bytes);
        let Some(frame) = one.frames.take().map_err(|_| Refusal::TooLarge)? else {
            return Ok(false);
        };
        match from_canonical_max(&frame, RELEASE_BYTES_MAX).map_err(|_| Refusal::Malformed)? {
            ReleaseAnswer::Anchored { signature } => {
                if !verify_signature(custodian, &one.what.done_bytes(), &signature) {
                    return Err(Refusal::BadSignature);
                }
                self.recorded = Some(one.what.to);
                Ok(true)
            }
            ReleaseAnswer::Refused { refusal } => Err(refusal),
            ReleaseAnswer::Challenge { .. } | ReleaseAnswer::Released(_) => {
                Err(Refusal::Unexpected)
            }
        }
    }
}

impl<P: Platform> Party<P> {
    /// Has the custodian put the newest confirmed head on record, one request at a time.
    pub(super) fn anchor_store(&mut self) {
        let Store::Open(vault) = &self.store else {
            return;
        };
        let recorded = self.anchors.recorded.map_or(0, |anchor| anchor.version);
        let due = vault.confirmed() > recorded && self.now_ms >= self.anchors.after_ms;
        if !due || self.anchors.under_way.is_some() {
            return;
        }
        let Some(network) = &self.network else { return };
        let head = vault.head_at(vault.confirmed());
        let what = AnchorMove {
            network: network.trust.manifest().network(),
            party: self.config.index,
            epoch: self.anchors.epoch,
            lease: self.lease,
            from: self.anchors.recorded,
            to: Anchor {
                version: head.version,
                root: head.root,
            },
        };
        let signature = self.keys.sign_separated(&what.asked_bytes());
        let request = ReleaseRequest::Anchor(SignedAnchor {
            what: what.clone(),
            signature,
        });
        let mut bytes = Vec::new();
        if put_frame(&mut bytes, &to_canonical(&request), RELEASE_BYTES_MAX).is_err() {
            return self.stop(Refusal::Internal);
        }
        let stream = self.open_stream(FarEnd::Custodian);
        self.out.push(ToHost::StreamData { stream, bytes });
        self.anchors.after_ms = self.now_ms + ANCHOR_PAUSE_MS;
        self.anchors.under_way = Some(UnderWay {
            stream,
            frames: FrameBuffer::new(RELEASE_BYTES_MAX),
            what,
        });
    }

    /// Takes the custodian's answer. An instance with a newer lease ends this one.
    pub(super) fn anchor_data(&mut self, stream: StreamId, bytes: &[u8]) {
        let manifest = self.network.as_ref().map(|one| one.trust.manifest());
        let entry = manifest.and_then(|manifest| manifest.manifest().party(self.config.index));
        let Some(custodian) = entry.map(|entry| entry.custodian) else {
            return;
        };
        match self.anchors.answered(bytes, &custodian) {
            Ok(false) => {}
            Ok(true) => {
                self.anchors.under_way = None;
                self.out.push(ToHost::CloseStream { stream });
            }
            Err(refusal) => {
                self.anchors.lose(self.now_ms);
                self.refuse_stream(stream, refusal);
                if refusal == Refusal::Stale {
                    self.stop(Refusal::Stale);
                }
            }
        }
    }
}

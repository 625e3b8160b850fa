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
use crate::limits::{ANCHOR_PAUSE_MS, CUSTODIAN_MS_MAX};
use crate::platform::Platform;
use crate::vault::Vault;

/// What is on record, and what is on its way there.
#[derive(Default)]
pub(crate) struct Anchors {
    epoch: u32,
    recorded: Option<Anchor>,
    /// What was asked for. It is asked for again, as it was, until it is answered: the custodian
    /// may have it on record already.
    asked: Option<AnchorMove>,
    under_way: Option<UnderWay>,
    after_ms: u64,
}

struct UnderWay {
    stream: StreamId,
    frames: FrameBuffer,
    since_ms: u64,
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

    /// Returns the newest version on record.
    pub(super) fn version(&self) -> u64 {
        self.recorded.map_or(0, |recorded| recorded.version)
    }

    /// Forgets the stream of a request, which is made again on another.
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
                let asked = self.asked.take().ok_or(Refusal::Unexpected)?;
                if !verify_signature(custodian, &asked.done_bytes(), &signature) {
                    self.asked = Some(asked);
                    return Err(Refusal::BadSignature);
                }
                self.recorded = Some(asked.to);
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
        if let Some(one) = &self.anchors.under_way {
            let stream = one.stream;
            if self.now_ms >= one.since_ms + CUSTODIAN_MS_MAX {
                self.anchors.lose(self.now_ms);
                self.refuse_stream(stream, Refusal::DeadlineExceeded);
            }
            return;
        }
        let Some(what) = self.next_anchor() else {
            return;
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
        self.anchors.asked = Some(what);
        self.anchors.under_way = Some(UnderWay {
            stream,
            frames: FrameBuffer::new(RELEASE_BYTES_MAX),
            since_ms: self.now_ms,
        });
    }

    /// Returns what to ask for now. A store that lost what is on record ends the party.
    fn next_anchor(&mut self) -> Option<AnchorMove> {
        let Store::Open(vault) = &self.store else {
            return None;
        };
        let due =
            vault.confirmed() > self.anchors.version() && self.now_ms >= self.anchors.after_ms;
        if !due {
            return None;
        }
        if !self.anchors.holds(vault) {
            self.stop(Refusal::StoreRolledBack);
            return None;
        }
        if let Some(asked) = &self.anchors.asked {
            return Some(asked.clone());
        }
        let head = vault.head_at(vault.confirmed());
        Some(AnchorMove {
            network: self.network.as_ref()?.trust.manifest().network(),
            party: self.config.index,
            epoch: self.anchors.epoch,
            lease: self.lease,
            from: self.anchors.recorded,
            to: Anchor {
                version: head.version,
                root: head.root,
            },
        })
    }

    /// Takes the custodian's answer. Nothing that is not signed ends more than the request.
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
            }
        }
    }
}

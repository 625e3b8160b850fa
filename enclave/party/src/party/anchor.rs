//! Heads on record at the custodian: a store that was set back does not open [KEY-7].

use alloc::vec::Vec;

use boop_abi::{FarEnd, StreamId, ToHost};
use boop_channel::verify_signature;
use boop_wire::Refusal;
use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::frame::{FrameBuffer, put_frame};
use boop_wire::release::{
    Anchor, AnchorMove, RELEASE_BYTES_MAX, ReleaseAnswer, ReleaseRequest, Retirement, SignedAnchor,
    SignedRetirement,
};

use super::{Party, Store};
use crate::limits::{ANCHOR_PAUSE_MS, CUSTODIAN_MS_MAX};
use crate::platform::Platform;
use crate::vault::Vault;

/// What is on record, and what is on its way there.
#[derive(Default)]
pub(crate) struct Anchors {
    epoch: u32,
    lease: u64,
    recorded: Option<Anchor>,
    /// What was asked for. It is asked for again, as it was, until it is answered: the custodian
    /// may have it on record already.
    asked: Option<Asked>,
    under_way: Option<UnderWay>,
    after_ms: u64,
}

/// What the custodian is asked.
#[derive(Debug, Clone)]
enum Asked {
    /// To put a newer head on record.
    Move(AnchorMove),
    /// To destroy the key of the epoch before [REF-5].
    Retire(Retirement),
}

struct UnderWay {
    stream: StreamId,
    frames: FrameBuffer,
    since_ms: u64,
}

impl Anchors {
    /// Begins with what the custodian told with the key.
    pub(super) fn new(epoch: u32, lease: u64, recorded: Option<Anchor>) -> Self {
        Self {
            epoch,
            lease,
            recorded,
            ..Self::default()
        }
    }

    pub(super) const fn lease(&self) -> u64 {
        self.lease
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
    fn answered(&mut self, bytes: &[u8], custodian: &[u8; 32]) -> Result<Option<Asked>, Refusal> {
        let Some(one) = &mut self.under_way else {
            return Err(Refusal::Unexpected);
        };
        one.frames.push(bytes);
        let Some(frame) = one.frames.take().map_err(|_| Refusal::TooLarge)? else {
            return Ok(None);
        };
        match from_canonical_max(&frame, RELEASE_BYTES_MAX).map_err(|_| Refusal::Malformed)? {
            ReleaseAnswer::Anchored { signature } | ReleaseAnswer::Retired { signature } => {
                let asked = self.asked.take().ok_or(Refusal::Unexpected)?;
                if !verify_signature(custodian, &asked.done_bytes(), &signature) {
                    self.asked = Some(asked);
                    return Err(Refusal::BadSignature);
                }
                self.recorded = Some(asked.head());
                Ok(Some(asked))
            }
            ReleaseAnswer::Refused { refusal } => Err(refusal),
            ReleaseAnswer::Challenge { .. } | ReleaseAnswer::Released(_) => {
                Err(Refusal::Unexpected)
            }
        }
    }
}

impl Asked {
    fn done_bytes(&self) -> Vec<u8> {
        match self {
            Self::Move(what) => what.done_bytes(),
            Self::Retire(what) => what.done_bytes(),
        }
    }

    /// Returns what is on record afterwards.
    const fn head(&self) -> Anchor {
        match self {
            Self::Move(what) => what.to,
            Self::Retire(what) => what.next,
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
        let sign = |bytes: Vec<u8>| self.keys.sign_separated(&bytes);
        let request = match what.clone() {
            Asked::Move(what) => ReleaseRequest::Anchor(SignedAnchor {
                signature: sign(what.asked_bytes()),
                what,
            }),
            Asked::Retire(what) => ReleaseRequest::Retire(SignedRetirement {
                signature: sign(what.asked_bytes()),
                what,
            }),
        };
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
    fn next_anchor(&mut self) -> Option<Asked> {
        let Store::Open(vault) = &self.store else {
            return None;
        };
        // Heads of the new epoch wait until the custodian has ended the one before.
        let ending = self.epochs.old.is_some();
        let newer = !ending && vault.confirmed() > self.anchors.version();
        if self.now_ms < self.anchors.after_ms || !(ending || newer) {
            return None;
        }
        if !self.anchors.holds(vault) {
            self.stop(Refusal::StoreRolledBack);
            return None;
        }
        if let Some(asked) = &self.anchors.asked {
            return Some(asked.clone());
        }
        if ending {
            return self.retirement().map(Asked::Retire);
        }
        let head = vault.head_at(vault.confirmed());
        Some(Asked::Move(AnchorMove {
            network: self.network.as_ref()?.trust.manifest().network(),
            party: self.config.index,
            epoch: self.anchors.epoch,
            lease: self.anchors.lease,
            from: self.anchors.recorded,
            to: Anchor {
                version: head.version,
                root: head.root,
            },
        }))
    }

    /// Takes the custodian's answer. Nothing that is not signed ends more than the request.
    pub(super) fn anchor_data(&mut self, stream: StreamId, bytes: &[u8]) {
        let manifest = self.network.as_ref().map(|one| one.trust.manifest());
        let entry = manifest.and_then(|manifest| manifest.manifest().party(self.config.index));
        let Some(custodian) = entry.map(|entry| entry.custodian) else {
            return;
        };
        match self.anchors.answered(bytes, &custodian) {
            Ok(None) => {}
            Ok(Some(asked)) => {
                self.anchors.under_way = None;
                self.out.push(ToHost::CloseStream { stream });
                match asked {
                    Asked::Move(_) => {}
                    Asked::Retire(_) => self.epoch_retired(),
                }
            }
            Err(refusal) => {
                self.anchors.lose(self.now_ms);
                self.refuse_stream(stream, refusal);
            }
        }
    }
}

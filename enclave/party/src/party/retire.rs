//! The end of an epoch that all three have left: secrets, key and blobs are destroyed [REF-5].

use boop_abi::{Slot, ToHost};
use boop_wire::release::{Anchor, Retirement};

use super::{Party, Store};
use crate::limits::BLOBS_AHEAD;
use crate::platform::Platform;
use crate::vault::{ESCROW_SLOT, HEAD_SLOT, Sealer, place};

/// An epoch that this party has left.
pub(crate) struct Old {
    epoch: u32,
    /// The lease that this instance has of it.
    lease: u64,
    stage: Stage,
}

enum Stage {
    /// The others may still need what is kept for them. What seals it in the new epoch.
    Left(Sealer),
    /// All three have left it.
    Settled(Sealer),
    /// What is kept for the peers is written anew.
    Moving,
    /// The custodian is asked to destroy the key.
    Asking,
}

/// Blobs that are deleted, the head last of all: while it is there, some may be left.
pub(crate) struct Erasure {
    epoch: u32,
    next: u64,
    last: u64,
    tail: [bool; 2],
}

impl Old {
    pub(super) const fn new(epoch: u32, lease: u64, escrow: Sealer) -> Self {
        Self {
            epoch,
            lease,
            stage: Stage::Left(escrow),
        }
    }

    /// Notes that all three have left it.
    pub(super) fn settle(&mut self) {
        if let Stage::Left(sealer) = core::mem::replace(&mut self.stage, Stage::Moving) {
            self.stage = Stage::Settled(sealer);
        }
    }
}

impl<P: Platform> Party<P> {
    /// Has what is kept for the peers written under the new key, before the old one is destroyed.
    pub(super) fn end_old_epoch(&mut self) {
        let (Some(old), Some(escrow)) = (&mut self.epochs.old, &mut self.escrow) else {
            return;
        };
        if !escrow.is_written() {
            return;
        }
        match core::mem::replace(&mut old.stage, Stage::Asking) {
            Stage::Settled(sealer) => {
                old.stage = Stage::Moving;
                escrow.advance(sealer);
                self.write_escrow();
            }
            left @ Stage::Left(_) => old.stage = left,
            Stage::Moving | Stage::Asking => {}
        }
    }

    /// Returns what the custodian is to be asked.
    pub(super) fn retirement(&self) -> Option<Retirement> {
        let old = self.epochs.old.as_ref()?;
        let Store::Open(vault) = &self.store else {
            return None;
        };
        let head = vault.head_at(vault.confirmed());
        match old.stage {
            Stage::Asking => Some(Retirement {
                network: self.network_id()?,
                party: self.config.index,
                epoch: old.epoch,
                lease: old.lease,
                next: Anchor {
                    version: head.version,
                    root: head.root,
                },
            }),
            Stage::Left(_) | Stage::Settled(_) | Stage::Moving => None,
        }
    }

    /// The key is destroyed: the blobs that it opened are of no use.
    pub(super) fn epoch_retired(&mut self) {
        if let Some(old) = self.epochs.old.take() {
            self.begin_erasing(old.epoch);
        }
    }

    /// Asks whether a blob is left of the epoch before, whose key is destroyed.
    pub(super) fn look_for_old_epoch(&mut self) {
        let before = self.epochs.current.checked_sub(1);
        if let Some(before) = before.filter(|_| self.epochs.old.is_none()) {
            self.epochs.asked_old = true;
            let slot = place(before, HEAD_SLOT);
            self.out.push(ToHost::BlobGet { slot });
        }
    }

    /// Takes the answer to that.
    pub(super) fn old_head_read(&mut self, exists: bool) {
        self.epochs.asked_old = false;
        if let Some(before) = self.epochs.current.checked_sub(1).filter(|_| exists) {
            self.begin_erasing(before);
        }
    }

    /// Tells whether the host answers for a blob of the epoch before.
    pub(super) fn reads_old(&self, epoch: u32) -> bool {
        self.epochs.asked_old && epoch.checked_add(1) == Some(self.epochs.current)
    }

    fn begin_erasing(&mut self, epoch: u32) {
        let Store::Open(vault) = &self.store else {
            return;
        };
        // One more than there are: a record may have been taken back.
        self.epochs.erasure = Some(Erasure {
            epoch,
            next: 1,
            last: vault.version() + 1,
            tail: [false; 2],
        });
        self.erase_on();
    }

    /// Deletes more, some blobs at a time.
    pub(super) fn erase_on(&mut self) {
        while let Some(slot) = self.next_erased() {
            self.epochs.erasing.insert(slot);
            self.out.push(ToHost::BlobDelete { slot });
        }
    }

    fn next_erased(&mut self) -> Option<Slot> {
        let under_way = self.epochs.erasing.len() as u64;
        let erasure = self.epochs.erasure.as_mut()?;
        let slot = match erasure.tail {
            _ if under_way >= BLOBS_AHEAD => return None,
            [false, _] if erasure.next <= erasure.last => {
                erasure.next += 1;
                Slot(erasure.next - 1)
            }
            [false, _] => {
                erasure.tail[0] = true;
                ESCROW_SLOT
            }
            [true, false] if under_way == 0 => {
                erasure.tail[1] = true;
                HEAD_SLOT
            }
            [true, _] => return None,
        };
        Some(place(erasure.epoch, slot))
    }
}

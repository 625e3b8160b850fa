//! Reading the sealed store at start, writing to it, and agreeing on it with the peers [STO-3].

use boop_abi::{Event, Phase, Slot, ToHost};
use boop_wire::{PartyIndex, Refusal};

use super::{Party, Store};
use crate::peers::{Agreement, Join};
use crate::platform::Platform;
use crate::vault::{HEAD_SLOT, Head, StoredHead, Vault, open_head};

impl<P: Platform> Party<P> {
    pub(super) fn read_head(&mut self) {
        self.out.push(ToHost::BlobGet { slot: HEAD_SLOT });
    }

    pub(super) fn blob_read(&mut self, slot: Slot, bytes: Option<&[u8]>) {
        let store = core::mem::replace(&mut self.store, Store::Locked);
        let Store::Opening { mut vault, head } = store else {
            self.store = store;
            return self.stop(Refusal::Unexpected);
        };
        let result = match head {
            None => read_head_blob(&mut vault, slot, bytes),
            Some(head) => read_record_blob(&mut vault, slot, bytes).map(|()| head),
        };
        let head = match result {
            Ok(head) => head,
            Err(refusal) => return self.stop(refusal),
        };
        if vault.version() < head.version {
            let next = Slot(vault.version() + 1);
            self.store = Store::Opening {
                vault,
                head: Some(head),
            };
            self.out.push(ToHost::BlobGet { slot: next });
        } else if vault.head() == head {
            self.store = Store::Open(vault);
            self.set_phase(Phase::Opened);
        } else {
            self.stop(Refusal::StoreDamaged);
        }
    }

    pub(super) fn blob_done(&mut self, slot: Slot) {
        if !self.writes.remove(&slot) {
            return self.stop(Refusal::Unexpected);
        }
        self.write_done(slot);
        if self.writes.is_empty() {
            self.review_agreement();
        }
    }

    /// Asks the host to write a blob; [`Self::blob_done`] follows.
    pub(crate) fn write_blob(&mut self, slot: Slot, bytes: alloc::vec::Vec<u8>) {
        self.writes.insert(slot);
        self.out.push(ToHost::BlobPut { slot, bytes });
    }

    /// Writes the head of the open store, or stops.
    pub(crate) fn write_head(&mut self, head: Head, confirmed: u64) {
        let Some(salt) = self.random() else { return };
        let Store::Open(vault) = &self.store else {
            return;
        };
        match vault.seal_head(StoredHead { head, confirmed }, salt) {
            Ok(blob) => self.write_blob(HEAD_SLOT, blob),
            Err(_) => self.stop(Refusal::Internal),
        }
    }

    /// Notes durably that all three have what this party has.
    pub(crate) fn confirm_head(&mut self) {
        let Store::Open(vault) = &mut self.store else {
            return;
        };
        let head = vault.head();
        vault.confirm(head.version);
        self.write_head(head, head.version);
    }

    /// Tells the peers the other edges and the own head.
    pub(crate) fn announce(&mut self) {
        if let Store::Open(vault) = &self.store {
            let head = vault.head();
            self.peers.announce(head, &mut self.out);
        }
        self.review_agreement();
    }

    /// Takes a neighbour's announcement. One that changes nothing leaves the session as it is;
    /// any other means that the three are forming anew.
    pub(super) fn take_join(&mut self, from: PartyIndex, join: Join) {
        let Store::Open(vault) = &self.store else {
            return;
        };
        let head = vault.head();
        let changed = self.peers.announced_edge(from) != Some(join.edge) || head != join.head;
        if self.work.in_session() && changed {
            self.leave_serving();
            self.peers.forget_joins();
            self.peers.note(from, join);
            return self.announce();
        }
        self.peers.note(from, join);
        if join.asks {
            self.peers.reply(from, head, &mut self.out);
        }
        self.review_agreement();
    }

    /// Serves once all three agree. Heads are compared here while the three form; afterwards each
    /// job's preface compares them.
    ///
    /// A newest record that a neighbour does not have and that is not confirmed was signed by
    /// nobody: it is taken back. A neighbour without a confirmed one keeps the network closed.
    pub(crate) fn review_agreement(&mut self) {
        let Store::Open(vault) = &self.store else {
            return;
        };
        if self.work.in_session() || self.work.busy() || !self.writes.is_empty() {
            return;
        }
        let (own, confirmed) = (vault.head(), vault.confirmed());
        match self.peers.agreement(own) {
            Agreement::Pending => self.leave_serving(),
            // All three have it, so it may be signed for from now on.
            Agreement::Agreed { .. } if confirmed < own.version => self.confirm_head(),
            Agreement::Agreed { session } => {
                self.work.join(session);
                self.set_phase(Phase::Serving);
                self.begin_next();
            }
            Agreement::HeadsDiffer { theirs } => {
                self.leave_serving();
                let one_ahead = theirs.version + 1 == own.version;
                let same_before = self.open_root_at(theirs.version) == Some(theirs.root);
                if one_ahead && same_before && confirmed < own.version {
                    self.take_back_newest();
                } else if theirs.version != own.version + 1 {
                    self.out
                        .push(ToHost::Event(Event::JobRefused(Refusal::StateDiverged)));
                }
            }
        }
    }

    fn take_back_newest(&mut self) {
        let Store::Open(vault) = &mut self.store else {
            return;
        };
        let Some(slot) = vault.pop() else { return };
        let (head, confirmed) = (vault.head(), vault.confirmed());
        self.write_head(head, confirmed);
        self.writes.insert(slot);
        self.out.push(ToHost::BlobDelete { slot });
        self.peers.announce(head, &mut self.out);
    }

    /// Stops serving until the three have formed again.
    pub(crate) fn leave_serving(&mut self) {
        self.work.leave();
        if self.phase() == Phase::Serving {
            self.set_phase(Phase::Opened);
        }
    }

    fn open_root_at(&self, version: u64) -> Option<boop_wire::Digest> {
        match &self.store {
            Store::Open(vault) => Some(vault.root_at(version)),
            Store::Locked | Store::Opening { .. } => None,
        }
    }
}

/// Reads the head; without one the store is new.
fn read_head_blob(vault: &mut Vault, slot: Slot, bytes: Option<&[u8]>) -> Result<Head, Refusal> {
    if slot != HEAD_SLOT {
        return Err(Refusal::Unexpected);
    }
    let Some(blob) = bytes else {
        return Ok(vault.head());
    };
    let stored = open_head(vault.sealer(), blob).map_err(|_| Refusal::StoreDamaged)?;
    if stored.confirmed > stored.head.version {
        return Err(Refusal::StoreDamaged);
    }
    vault.confirm(stored.confirmed);
    Ok(stored.head)
}

fn read_record_blob(vault: &mut Vault, slot: Slot, bytes: Option<&[u8]>) -> Result<(), Refusal> {
    if slot.0 != vault.version() + 1 {
        return Err(Refusal::Unexpected);
    }
    let blob = bytes.ok_or(Refusal::StoreDamaged)?;
    let record = vault
        .open_record(slot, blob)
        .map_err(|_| Refusal::StoreDamaged)?;
    vault.push(&record);
    Ok(())
}

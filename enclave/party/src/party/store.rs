//! Reading the sealed store at start, writing to it, and agreeing on it with the peers [STO-3].

use alloc::vec::Vec;

use boop_abi::{Event, Phase, Slot, ToHost};
use boop_wire::codec::to_canonical;
use boop_wire::job::{PartyWord, Progress};
use boop_wire::{PartyIndex, Refusal};

use super::opening::Opening;
use super::{Party, Store};
use crate::link::Link;
use crate::peers::{Agreement, Join};
use crate::platform::Platform;
use crate::vault::{ESCROW_SLOT, HEAD_SLOT, Head, StoredHead, Vault};

impl<P: Platform> Party<P> {
    pub(super) fn blob_read(&mut self, slot: Slot, bytes: Option<&[u8]>) {
        match core::mem::replace(&mut self.store, Store::Locked) {
            Store::Keyed(keyed) => {
                if let Err(refusal) = self.take_first_blobs(keyed, slot, bytes) {
                    self.stop(refusal);
                }
            }
            Store::Opening(mut opening) => match opening.take(slot, bytes) {
                Ok(asked) => self.read_on(opening, asked),
                Err(refusal) => self.stop(refusal),
            },
            other @ (Store::Locked | Store::Open(_)) => {
                self.store = other;
                self.stop(Refusal::Unexpected);
            }
        }
    }

    /// Asks for blobs, or opens the store once all are there.
    pub(super) fn read_on(&mut self, opening: Opening, ask: Vec<Slot>) {
        let ask = ask.into_iter().map(|slot| ToHost::BlobGet { slot });
        self.out.extend(ask);
        if let Some((done, of)) = opening.progress() {
            self.note_progress(Progress { done, of });
        }
        match opening.finish() {
            Ok(Store::Open(vault)) => self.opened(vault),
            Ok(store) => self.store = store,
            Err(refusal) => self.stop(refusal),
        }
    }

    /// Goes on with an open store, unless more of it is on record: the peers hear of its head.
    pub(super) fn opened(&mut self, mut vault: Vault) {
        if !self.anchors.holds(&vault) {
            return self.stop(Refusal::StoreRolledBack);
        }
        // What is on record was confirmed, also where the head's blob is from before that.
        vault.confirm(vault.confirmed().max(self.anchors.version()));
        self.store = Store::Open(vault);
        self.set_phase(Phase::Opened);
        self.announce();
    }

    /// Tells host and gateways how far the reading or the preparation of the store is.
    pub(crate) fn note_progress(&mut self, progress: Progress) {
        let Progress { done, of } = progress;
        self.out.push(ToHost::Event(Event::Progress { done, of }));
        self.progress = Some(progress);
        for link in self.gateways.values_mut() {
            tell_progress(link, progress, &mut self.out);
        }
    }

    pub(super) fn blob_done(&mut self, slot: Slot) {
        if !self.writes.remove(&slot) {
            return self.stop(Refusal::Unexpected);
        }
        if slot == ESCROW_SLOT {
            self.escrow_written();
        } else {
            self.write_done(slot);
        }
        if self.writes.is_empty() {
            self.review_agreement();
        }
    }

    /// Asks the host to write a blob; [`Self::blob_done`] follows.
    pub(crate) fn write_blob(&mut self, slot: Slot, bytes: Vec<u8>) {
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
        let moved = self.peers.announced_edge(from) != Some(join.edge);
        if moved {
            self.work.forget_messages(from);
        }
        if self.work.in_session() && (moved || head != join.head) {
            self.leave_serving();
            // First, or the jobs that end would find the old agreement.
            self.peers.forget_joins();
            self.peers.note(from, join);
            self.drop_jobs(Refusal::PartyUnavailable);
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
                self.tell_preparation();
                self.review_readiness();
                self.begin_next();
            }
            Agreement::HeadsDiffer { theirs } => {
                self.leave_serving();
                let one_ahead = theirs.version.checked_add(1) == Some(own.version);
                let same_before = self.open_root_at(theirs.version) == Some(theirs.root);
                if one_ahead && same_before && confirmed < own.version {
                    self.take_back_newest();
                } else if own.version.checked_add(1) != Some(theirs.version) {
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
        self.work.prepared.forget();
        let (head, confirmed) = (vault.head(), vault.confirmed());
        self.write_head(head, confirmed);
        self.writes.insert(slot);
        self.out.push(ToHost::BlobDelete { slot });
        self.peers.announce(head, &mut self.out);
    }

    /// Stops serving until the three have formed again.
    pub(crate) fn leave_serving(&mut self) {
        self.leave_preparing(Refusal::PartyUnavailable);
        self.work.leave();
        if self.phase() == Phase::Serving {
            self.set_phase(Phase::Opened);
        }
    }

    fn open_root_at(&self, version: u64) -> Option<boop_wire::Digest> {
        match &self.store {
            Store::Open(vault) => Some(vault.root_at(version)),
            Store::Locked | Store::Keyed(_) | Store::Opening(_) => None,
        }
    }
}

/// Tells a gateway, once there is a session with it, how far this party is.
pub(super) fn tell_progress(link: &mut Link, progress: Progress, out: &mut Vec<ToHost>) {
    if link.peer().is_some() {
        let word = to_canonical(&PartyWord::Progress(progress));
        // A gateway that cannot be told is found out when its stream ends.
        let _ = link.send(&word, out);
    }
}

//! Reading the sealed store at start, writing to it, and agreeing on it with the peers [STO-3].

use alloc::vec::Vec;

use boop_abi::{Event, Phase, Slot, ToHost};
use boop_wire::codec::to_canonical;
use boop_wire::job::{PartyWord, Progress};
use boop_wire::{PartyIndex, Refusal};

use super::opening::Opening;
use super::{Party, Store};
use crate::link::Link;
use crate::peers::{Agreement, Join, Stand, Standing};
use crate::platform::Platform;
use crate::vault::{ESCROW_SLOT, HEAD_SLOT, Head, Vault, place, placed};

impl<P: Platform> Party<P> {
    pub(super) fn blob_read(&mut self, slot: Slot, bytes: Option<&[u8]>) {
        let (epoch, slot) = placed(slot);
        if slot == HEAD_SLOT && self.reads_old(epoch) {
            return self.old_head_read(bytes.is_some());
        }
        match core::mem::replace(&mut self.store, Store::Locked) {
            Store::Keyed(keyed) => {
                if let Err(refusal) = self.take_first_blobs(keyed, (epoch, slot), bytes) {
                    self.stop(refusal);
                }
            }
            Store::Opening(mut opening) if epoch == self.epochs.current => {
                match opening.take(slot, bytes) {
                    Ok(asked) => self.read_on(opening, asked),
                    Err(refusal) => self.stop(refusal),
                }
            }
            other @ (Store::Locked | Store::Opening(_) | Store::Lost(_) | Store::Open(_)) => {
                self.store = other;
                self.stop(Refusal::Unexpected);
            }
        }
    }

    /// Asks for blobs, or opens the store once all are there.
    pub(super) fn read_on(&mut self, opening: Opening, ask: Vec<Slot>) {
        ask.into_iter().for_each(|slot| self.ask_blob(slot));
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
        if self.phase() == Phase::Leased {
            self.enter(Phase::Joined);
        }
        self.look_for_old_epoch();
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

    pub(super) fn blob_done(&mut self, place: Slot) {
        if self.epochs.writes.remove(&place) {
            return self.next_written(placed(place).1);
        }
        if self.epochs.erasing.remove(&place) {
            return self.erase_on();
        }
        if !self.writes.remove(&place) {
            return self.stop(Refusal::Unexpected);
        }
        match placed(place).1 {
            ESCROW_SLOT => {
                self.escrow_written();
                self.restore_on(None);
            }
            slot if matches!(self.store, Store::Lost(_)) => self.restore_on(Some(slot)),
            slot => self.write_done(slot),
        }
        if self.writes.is_empty() {
            self.review_agreement();
        }
    }

    /// Asks the host for a blob of the epoch that is served.
    pub(super) fn ask_blob(&mut self, slot: Slot) {
        let slot = place(self.epochs.current, slot);
        self.out.push(ToHost::BlobGet { slot });
    }

    /// Asks the host to write a blob; [`Self::blob_done`] follows.
    pub(crate) fn write_blob(&mut self, slot: Slot, bytes: Vec<u8>) {
        self.write_blob_of(self.epochs.current, slot, bytes);
    }

    pub(super) fn write_blob_of(&mut self, epoch: u32, slot: Slot, bytes: Vec<u8>) {
        let slot = place(epoch, slot);
        self.writes.insert(slot);
        self.out.push(ToHost::BlobPut { slot, bytes });
    }

    /// Writes the head of the open store, or stops.
    pub(crate) fn write_head(&mut self, head: Head, confirmed: u64) {
        let Some(salt) = self.random() else { return };
        let Store::Open(vault) = &self.store else {
            return;
        };
        match vault.seal_head(head, confirmed, salt) {
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

    /// Tells the peers the other edges and how the own store stands, unless that is about to
    /// change: then they are told afterwards [REF-4].
    pub(crate) fn announce(&mut self) {
        if let Some(stand) = self.stand() {
            self.peers.announce(stand, &mut self.out);
        }
        self.review_agreement();
    }

    /// Leaves the session and tells the peers how the own store stands.
    pub(crate) fn form_anew(&mut self) {
        self.leave_serving();
        self.peers.forget_joins();
        self.announce();
    }

    fn stand(&self) -> Option<Stand> {
        let (head, lost) = match &self.store {
            Store::Open(vault) => (vault.head(), false),
            Store::Lost(lost) => (lost.head()?, true),
            Store::Locked | Store::Keyed(_) | Store::Opening(_) => return None,
        };
        (!self.work.refreshes() && !self.epochs.moves()).then(|| Stand {
            epoch: self.epochs.current,
            head,
            prepared: self.epochs.prepared_head(),
            lost,
        })
    }

    /// Takes a neighbour's announcement. One that changes nothing leaves the session as it is;
    /// any other means that the three are forming anew.
    pub(super) fn take_join(&mut self, from: PartyIndex, join: Join) {
        let head = match &self.store {
            Store::Open(vault) => Some(vault.head()),
            Store::Lost(lost) => lost.head(),
            Store::Locked | Store::Keyed(_) | Store::Opening(_) => return,
        };
        let same = |stand: &Stand| (self.epochs.current, head) == (stand.epoch, Some(stand.head));
        let moved = self.peers.announced_edge(from) != Some(join.edge);
        if moved {
            self.work.forget_messages(from);
        }
        if self.work.in_session() && (moved || !same(&join.stand)) {
            self.leave_serving();
            // First, or the jobs that end would find the old agreement.
            self.peers.forget_joins();
            self.peers.note(from, join);
            self.drop_jobs(Refusal::PartyUnavailable);
            return self.announce();
        }
        self.peers.note(from, join);
        if let Some(stand) = self.stand().filter(|_| join.asks) {
            self.peers.reply(from, stand, &mut self.out);
        }
        self.review_agreement();
    }

    /// Serves once all three agree. Heads are compared here while the three form; afterwards each
    /// job's preface compares them.
    ///
    /// A newest record that a neighbour does not have and that is not confirmed was signed by
    /// nobody: it is taken back. A neighbour without a confirmed one keeps the network closed.
    pub(crate) fn review_agreement(&mut self) {
        if self.work.in_session() || self.work.busy() || !self.writes.is_empty() {
            return;
        }
        let Some(stand) = self.stand() else { return };
        let (own, confirmed) = (stand.head, self.confirmed());
        match self.peers.agreement(stand) {
            Agreement::Pending => {
                self.leave_restoring();
                self.leave_serving();
            }
            Agreement::Restores {
                session,
                lost,
                head,
            } => self.restore(session, lost, head),
            // Nobody has a record.
            Agreement::Agreed { .. } if stand.lost => self.begin_empty(),
            // All three have it, so it may be signed for from now on.
            Agreement::Agreed { .. } if confirmed < own.version => self.confirm_head(),
            Agreement::Agreed { .. } if self.note_recoveries() => {}
            Agreement::Agreed { session } => {
                self.leave_restoring();
                self.work.join(session);
                self.resume_closing();
                self.epochs.joined();
                self.tell_preparation();
                self.review_readiness();
                self.begin_next();
            }
            Agreement::Apart(Standing::Same | Standing::Restores | Standing::Wait) => {
                self.leave_serving();
            }
            Agreement::Apart(Standing::Commit) => self.commit_epoch(),
            Agreement::Apart(Standing::Drop) => self.drop_epoch(),
            Agreement::Apart(Standing::Diverged) => {
                self.leave_serving();
                self.out
                    .push(ToHost::Event(Event::JobRefused(Refusal::StateDiverged)));
            }
            Agreement::Apart(Standing::HeadsDiffer { theirs }) => {
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
        let slot = place(self.epochs.current, slot);
        self.writes.insert(slot);
        self.out.push(ToHost::BlobDelete { slot });
        if let Some(stand) = self.stand() {
            self.peers.announce(stand, &mut self.out);
        }
    }

    /// Stops serving until the three have formed again.
    pub(crate) fn leave_serving(&mut self) {
        self.leave_preparing(Refusal::PartyUnavailable);
        self.leave_refreshing(Refusal::PartyUnavailable);
        self.work.leave();
        self.take_no_calls();
    }

    /// Turns calls away until the three are together again.
    pub(crate) fn take_no_calls(&mut self) {
        if self.ready {
            self.ready = false;
            self.out.push(ToHost::Event(Event::Ready(false)));
        }
    }

    fn open_root_at(&self, version: u64) -> Option<boop_wire::Digest> {
        match &self.store {
            Store::Open(vault) => Some(vault.root_at(version)),
            Store::Locked | Store::Keyed(_) | Store::Lost(_) | Store::Opening(_) => None,
        }
    }

    fn confirmed(&self) -> u64 {
        match &self.store {
            Store::Open(vault) => vault.confirmed(),
            Store::Locked | Store::Keyed(_) | Store::Lost(_) | Store::Opening(_) => 0,
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

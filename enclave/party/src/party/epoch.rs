//! From one epoch to the next: its key and second secret [REF-1], and going over once all three
//! have everything on disk [REF-4].
//!
//! ```text
//!  asked --key released, secret kept by both--> ready --job, records, head--> prepared
//!     --all three prepared--> committed: this epoch is served
//!     --another has not prepared it--> dropped: ready again
//! ```

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use boop_abi::{Slot, ToHost};
use boop_mpc::EpochKey;
use boop_wire::{PartyIndex, Refusal};

use super::anchor::Anchors;
use super::opening::Opening;
use super::retire::{Erasure, Old};
use super::{Party, Store};
use crate::limits::REFRESH_PAUSE_MS;
use crate::peers::PeerMessage;
use crate::platform::Platform;
use crate::release::Leased;
use crate::secret::Secret;
use crate::vault::{
    EPOCH_MAX, HEAD_SLOT, Head, Origin, Renewal, Sealer, StoredHead, open_head, place, seal_head,
};

/// The epoch that is served, and those beside it.
#[derive(Default)]
pub(crate) struct Epochs {
    pub(crate) current: u32,
    /// Whether this party, as party 0, is to refresh.
    wanted: bool,
    after_ms: u64,
    /// Who told that it is ready, in this session.
    told: [bool; PartyIndex::COUNT],
    pub(super) next: Option<Next>,
    /// Whether the head of the next epoch was asked for, at the start.
    pub(super) asked_next: bool,
    /// Blobs of the next epoch on their way to the disk.
    pub(crate) writes: BTreeSet<Slot>,
    step: Step,
    pub(super) old: Option<Old>,
    /// Whether the head of the epoch before was asked for, at the start.
    pub(super) asked_old: bool,
    pub(super) erasure: Option<Erasure>,
    /// Blobs of an epoch that is over, on their way off the disk.
    pub(super) erasing: BTreeSet<Slot>,
}

/// What becomes of a prepared epoch, until it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Step {
    #[default]
    None,
    Commits,
    Drops,
}

/// The next epoch, as far as it is.
#[derive(Default)]
pub(crate) struct Next {
    leased: Option<Leased>,
    /// What each peer says that it keeps, once it says so.
    answers: [Option<Option<Secret>>; PartyIndex::COUNT],
    kept: [bool; PartyIndex::COUNT],
    /// The blob of its head, found at the start and not opened yet.
    found: Option<Vec<u8>>,
    prepared: Option<Prepared>,
}

/// An epoch all of whose records are on disk.
struct Prepared {
    stored: StoredHead,
    /// What the shares in memory are refreshed by; without it they are read from the disk.
    key: Option<EpochKey>,
}

impl Next {
    /// A refresh came as far as this head before the party ended.
    pub(super) fn found(head: &[u8]) -> Self {
        Self {
            found: Some(head.to_vec()),
            ..Self::default()
        }
    }

    fn is_ready(&self, me: PartyIndex) -> bool {
        let kept = me.others().iter().all(|party| self.kept[party.as_usize()]);
        kept && self.leased.is_some() && self.found.is_none() && self.prepared.is_none()
    }
}

impl Epochs {
    /// Begins with the epoch that the custodian says is the present one.
    pub(super) fn new(current: u32) -> Self {
        Self {
            current,
            ..Self::default()
        }
    }

    /// Returns the number of the next epoch.
    pub(crate) fn upcoming(&self) -> u32 {
        self.current.saturating_add(1)
    }

    /// Tells whether the head of the next epoch has yet to be read, or to be opened.
    pub(super) fn reads_next(&self) -> bool {
        let found = self.next.as_ref().is_some_and(|next| next.found.is_some());
        self.asked_next || found
    }

    /// Tells whether the custodian is to be asked for the next key.
    pub(super) fn needs_key(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.leased.is_none())
    }

    /// Tells whether this party goes over, or drops what it prepared, just now.
    pub(super) fn moves(&self) -> bool {
        self.step != Step::None
    }

    /// Returns the head of the next epoch, if all of it is on disk.
    pub(super) fn prepared_head(&self) -> Option<Head> {
        let prepared = self.next.as_ref()?.prepared.as_ref()?;
        Some(prepared.stored.head)
    }

    /// Notes that the three have formed, with the same epoch.
    pub(super) fn joined(&mut self) {
        self.told = [false; PartyIndex::COUNT];
        self.after_ms = 0;
        if let Some(old) = &mut self.old {
            old.settle();
        }
    }
}

impl<P: Platform> Party<P> {
    /// Takes an operator's word, through the host, that the records are to be refreshed.
    pub(super) fn refresh_wanted(&mut self) {
        if self.config.index == PartyIndex::ALL[0] {
            self.epochs.wanted = true;
        }
    }

    /// As party 0, has all three make ready for the next epoch, if it is wanted.
    pub(super) fn renew_epoch(&mut self) {
        let due = self.epochs.wanted && self.may_renew() && self.now_ms >= self.epochs.after_ms;
        if due {
            self.epochs.after_ms = self.now_ms + REFRESH_PAUSE_MS;
            let epoch = self.epochs.upcoming();
            self.make_ready();
            self.tell_all(&PeerMessage::Renew { epoch });
        }
    }

    /// Tells whether nothing of an earlier refresh is left to do.
    fn may_renew(&self) -> bool {
        let epochs = &self.epochs;
        let calm = epochs.old.is_none() && epochs.prepared_head().is_none() && !epochs.moves();
        calm && self.work.in_session() && !self.work.refreshes() && epochs.current < EPOCH_MAX
    }

    /// Asks for what the next epoch needs, as far as it is not here.
    fn make_ready(&mut self) {
        let me = self.config.index;
        let next = self.epochs.next.get_or_insert_default();
        if !next.is_ready(me) {
            self.share_with_both(self.epochs.upcoming());
        }
    }

    /// Makes ready because party 0 says so, and tells it once that is done.
    pub(super) fn renewal_asked(&mut self, from: PartyIndex, epoch: u32) {
        if from != PartyIndex::ALL[0] || epoch != self.epochs.upcoming() || !self.may_renew() {
            return;
        }
        self.make_ready();
        if self.is_ready() {
            self.tell(from, &PeerMessage::Ready { epoch });
        }
    }

    /// Takes a peer's word that it is ready.
    pub(super) fn peer_ready(&mut self, from: PartyIndex, epoch: u32) {
        if epoch == self.epochs.upcoming() {
            self.epochs.told[from.as_usize()] = true;
            self.begin_next();
        }
    }

    /// Tells whether this party has what a refresh needs.
    pub(crate) fn is_ready(&self) -> bool {
        let next = self.epochs.next.as_ref();
        let ready = next.is_some_and(|next| next.is_ready(self.config.index));
        ready && self.may_renew() && self.epochs.writes.is_empty()
    }

    /// As party 0, tells whether a refresh is the next thing to begin.
    pub(crate) fn refresh_due(&self) -> bool {
        let others = self.config.index.others();
        let told = others
            .iter()
            .all(|party| self.epochs.told[party.as_usize()]);
        self.epochs.wanted && told && self.is_ready()
    }

    /// Takes the key of the next epoch.
    pub(super) fn take_next_key(&mut self, leased: Leased) {
        if leased.epoch == self.epochs.upcoming()
            && let Some(next) = &mut self.epochs.next
        {
            next.leased = Some(leased);
            self.review_next();
        }
    }

    /// Takes what a peer keeps for the next epoch.
    pub(super) fn next_secret_told(&mut self, of: PartyIndex, epoch: u32, kept: Option<Secret>) {
        if epoch == self.epochs.upcoming()
            && let Some(next) = &mut self.epochs.next
        {
            next.answers[of.as_usize()] = Some(kept);
            self.review_next();
        }
    }

    /// Notes that a peer keeps the secret of the next epoch.
    pub(super) fn next_secret_kept(&mut self, by: PartyIndex, epoch: u32) {
        if epoch == self.epochs.upcoming()
            && let Some(next) = &mut self.epochs.next
        {
            next.kept[by.as_usize()] = true;
        }
    }

    /// Asks for the head of the next epoch, at the start.
    pub(super) fn ask_next_head(&mut self) {
        self.epochs.asked_next = true;
        let slot = place(self.epochs.upcoming(), HEAD_SLOT);
        self.out.push(ToHost::BlobGet { slot });
    }

    /// Takes the head of the next epoch, at the start; most often there is none.
    pub(super) fn take_next_head(&mut self, head: Option<&[u8]>) {
        self.epochs.asked_next = false;
        self.epochs.next = head.map(Next::found);
        if self.epochs.next.is_some() {
            self.share_with_both(self.epochs.upcoming());
        }
    }

    /// Goes on once a key or a secret of the next epoch is here.
    pub(super) fn review_next(&mut self) {
        let me = self.config.index;
        let epoch = self.epochs.upcoming();
        let known = self.escrow.as_ref().and_then(|escrow| escrow.own(epoch));
        let known = known.is_some();
        let Some(next) = &self.epochs.next else {
            return;
        };
        let answers = me
            .others()
            .map(|party| next.answers[party.as_usize()].as_ref());
        let all = answers.iter().all(Option::is_some);
        let kept = answers.into_iter().flatten().flatten().cloned();
        let kept: Vec<Secret> = kept.collect();
        if next.found.is_some() {
            return self.open_found(kept, all);
        }
        if known || !all {
            return;
        }
        // Nobody knows one, or this party had drawn it before it ended.
        let secret = match kept.into_iter().next() {
            Some(secret) => secret,
            None => match self.random() {
                Some(secret) => Secret::new(secret),
                None => return,
            },
        };
        self.secret_known(epoch, secret);
    }

    /// Opens the head of the next epoch that was found at the start.
    fn open_found(&mut self, kept: Vec<Secret>, all: bool) {
        let (me, network) = (self.config.index, self.network_id());
        let (Some(next), Some(network)) = (&mut self.epochs.next, network) else {
            return;
        };
        let (Some(leased), Some(blob)) = (&next.leased, &next.found) else {
            return;
        };
        let opened = kept.into_iter().find_map(|secret| {
            let sealer = leased.sealer(network, me, &secret);
            let stored = open_head(&sealer, blob).ok()?;
            Some((secret, sealer, stored))
        });
        let Some((secret, sealer, stored)) = opened else {
            if all {
                self.stop(Refusal::SecondLockMissing);
            }
            return;
        };
        let blob = next.found.take().unwrap_or_default();
        next.prepared = Some(Prepared { stored, key: None });
        self.secret_known(self.epochs.upcoming(), secret);
        match stored.origin {
            Some(Origin {
                committed: true, ..
            }) => self.read_next(sealer, &blob),
            Some(_) => self.review_secret(),
            None => self.stop(Refusal::StoreDamaged),
        }
    }

    /// Returns what opens and seals the next epoch, for a refresh.
    pub(crate) fn next_sealer(&self) -> Option<Sealer> {
        let secret = self.escrow.as_ref()?.own(self.epochs.upcoming())?;
        let leased = self.epochs.next.as_ref()?.leased.as_ref()?;
        Some(leased.sealer(self.network_id()?, self.config.index, secret))
    }

    /// Asks the host to write a blob of the next epoch; [`Self::next_written`] follows.
    pub(crate) fn write_next(&mut self, slot: Slot, bytes: Vec<u8>) {
        let slot = place(self.epochs.upcoming(), slot);
        self.epochs.writes.insert(slot);
        self.out.push(ToHost::BlobPut { slot, bytes });
    }

    /// A blob of the next epoch is durable, or gone.
    pub(super) fn next_written(&mut self, slot: Slot) {
        match self.epochs.step {
            Step::None => self.refresh_written(slot),
            Step::Commits => {
                self.epochs.step = Step::None;
                self.go_over();
            }
            Step::Drops => {
                self.epochs.step = Step::None;
                if let Some(next) = &mut self.epochs.next {
                    next.prepared = None;
                }
                self.form_anew();
            }
        }
    }

    /// Notes that all of the next epoch is on disk, and tells the peers.
    pub(crate) fn prepared_epoch(&mut self, stored: StoredHead, key: EpochKey) {
        if let Some(next) = &mut self.epochs.next {
            let key = Some(key);
            next.prepared = Some(Prepared { stored, key });
        }
        self.form_anew();
    }

    /// All three have prepared the next epoch: notes so durably, and goes over.
    pub(super) fn commit_epoch(&mut self) {
        self.leave_serving();
        if let Some(blob) = self.committed_head() {
            self.epochs.step = Step::Commits;
            self.write_next(HEAD_SLOT, blob);
        }
    }

    fn committed_head(&mut self) -> Option<Vec<u8>> {
        let salt = self.random()?;
        let sealer = self.next_sealer()?;
        let mut stored = self.epochs.next.as_ref()?.prepared.as_ref()?.stored;
        stored.origin.as_mut()?.committed = true;
        seal_head(&sealer, stored, salt).ok()
    }

    /// Somebody has not prepared it: the epoch that is served goes on.
    pub(super) fn drop_epoch(&mut self) {
        self.leave_serving();
        self.epochs.step = Step::Drops;
        let slot = place(self.epochs.upcoming(), HEAD_SLOT);
        self.epochs.writes.insert(slot);
        self.out.push(ToHost::BlobDelete { slot });
    }

    /// Serves the next epoch from now on, with the shares in memory or those on the disk.
    fn go_over(&mut self) {
        let me = self.config.index;
        let Some(mut sealer) = self.next_sealer() else {
            return self.stop(Refusal::Internal);
        };
        let next = self.epochs.next.as_mut();
        let prepared = next.and_then(|next| next.prepared.as_mut());
        let Some(Prepared { stored, key }) = prepared else {
            return self.stop(Refusal::Internal);
        };
        let (refresh, key) = (stored.origin.map(|origin| origin.refresh), key.take());
        match (&mut self.store, key) {
            (Store::Open(vault), Some(key)) => {
                sealer.bind(refresh);
                vault.renew(Renewal { sealer, key, me });
                self.turn_epoch();
                self.form_anew();
            }
            (_, _) => {
                let Some(blob) = self.committed_head() else {
                    return self.stop(Refusal::Internal);
                };
                self.read_next(sealer, &blob);
            }
        }
    }

    /// Reads the store of the next epoch, whose head is this one.
    fn read_next(&mut self, sealer: Sealer, head: &[u8]) {
        self.turn_epoch();
        let mut opening = Opening::new(sealer);
        match opening.take(HEAD_SLOT, Some(head)) {
            Ok(asked) => self.read_on(opening, asked),
            Err(refusal) => self.stop(refusal),
        }
    }

    /// Makes the next epoch the present one; the one before is to be ended.
    fn turn_epoch(&mut self) {
        let (me, network) = (self.config.index, self.network_id());
        let next = self.epochs.next.take();
        let leased = next.and_then(|next| next.leased);
        let (Some(leased), Some(network)) = (leased, network) else {
            return self.stop(Refusal::Internal);
        };
        let escrow = Sealer::of_escrow(&leased.key, network, me, leased.epoch);
        let old = Old::new(self.epochs.current, self.anchors.lease(), escrow);
        self.epochs = Epochs {
            old: Some(old),
            ..Epochs::new(leased.epoch)
        };
        self.anchors = Anchors::new(leased.epoch, leased.lease, leased.anchor);
        self.work.prepared.forget();
    }
}

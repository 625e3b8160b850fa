//! The second lock of the store: a secret of each party that its two peers keep [KEY-5], [KEY-6].

mod kept;

use alloc::vec::Vec;

use boop_abi::Slot;
use boop_wire::{NetworkId, PartyIndex, Refusal};

use super::anchor::Anchors;
use super::epoch::Epochs;
use super::opening::Opening;
use super::restoring::Lost;
use super::{Party, Store};
use crate::peers::PeerMessage;
use crate::platform::Platform;
use crate::release::Leased;
use crate::secret::Secret;
use crate::vault::{ESCROW_SLOT, HEAD_SLOT, Sealer, Vault};
pub(crate) use kept::Escrow;

/// A party that has its custodian's key, and waits for what opens the store with it.
pub(crate) struct Keyed {
    leased: Leased,
    network: NetworkId,
    /// Whether a store that is gone may be given anew.
    recoverable: bool,
    /// The blob of the store's head, once it is read; a new store has none.
    head: Option<Option<Vec<u8>>>,
    answers: [Answer; PartyIndex::COUNT],
    /// The secret of a new store, until both peers keep it.
    drawn: Option<Drawn>,
}

struct Drawn {
    secret: Secret,
    kept: [bool; PartyIndex::COUNT],
}

/// What a peer says that it keeps for this party.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// It has not said.
    Awaited,
    /// Nothing.
    Nothing,
    /// This.
    Kept(Secret),
    /// A secret that does not open the store.
    Wrong,
}

/// What the peers' answers amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision {
    Wait,
    /// Try this one, of that peer.
    Open(Secret, PartyIndex),
    /// The store is new, and nobody keeps a secret for it.
    Draw,
    /// The store is new, and both peers keep this one.
    Begin(Secret),
    /// The store is gone, and the peers may give it anew, to be sealed with this one [REC-1].
    Restore(Secret),
    Stop(Refusal),
}

impl Keyed {
    pub(crate) const fn new(leased: Leased, network: NetworkId, recoverable: bool) -> Self {
        Self {
            leased,
            network,
            recoverable,
            head: None,
            answers: [const { Answer::Awaited }; PartyIndex::COUNT],
            drawn: None,
        }
    }

    fn decide(&self, me: PartyIndex) -> Decision {
        let Some(head) = &self.head else {
            return Decision::Wait;
        };
        if head.is_none() && self.leased.anchor.is_some() && !self.recoverable {
            return Decision::Stop(Refusal::StoreRolledBack);
        }
        let peers = me.others();
        if let Some(drawn) = &self.drawn {
            return if peers.iter().all(|party| drawn.kept[party.as_usize()]) {
                Decision::Begin(drawn.secret.clone())
            } else {
                Decision::Wait
            };
        }
        let of = |party: PartyIndex| &self.answers[party.as_usize()];
        // Nothing shows whether a secret is right for a store without a head: both must speak.
        let awaited = peers.iter().any(|party| *of(*party) == Answer::Awaited);
        if head.is_none() && awaited {
            return Decision::Wait;
        }
        for party in peers {
            if let Answer::Kept(secret) = of(party) {
                return match head {
                    None if self.recoverable => Decision::Restore(secret.clone()),
                    None | Some(_) => Decision::Open(secret.clone(), party),
                };
            }
        }
        if awaited {
            return Decision::Wait;
        }
        match head {
            None if self.leased.anchor.is_some() => Decision::Stop(Refusal::StoreRolledBack),
            None => Decision::Draw,
            Some(_) if peers.iter().any(|party| *of(*party) == Answer::Wrong) => {
                Decision::Stop(Refusal::StoreDamaged)
            }
            Some(_) => Decision::Stop(Refusal::SecondLockMissing),
        }
    }

    fn sealer(&self, me: PartyIndex, secret: &Secret) -> Sealer {
        self.leased.sealer(self.network, me, secret)
    }
}

impl Leased {
    /// Returns what opens and seals the store of the key's epoch.
    pub(super) fn sealer(&self, network: NetworkId, me: PartyIndex, secret: &Secret) -> Sealer {
        Sealer::of_store(&self.key, secret, network, me, self.epoch)
    }
}

impl<P: Platform> Party<P> {
    /// Takes the key that the custodian released, and reads what is kept for the peers.
    pub(super) fn take_key(&mut self, leased: Leased) {
        let Some(network) = &self.network else { return };
        let network = network.trust.manifest().network();
        self.lease = leased.lease;
        self.anchors = Anchors::new(leased.epoch, leased.lease, leased.anchor);
        self.epochs = Epochs::new(leased.epoch);
        let recoverable = self.recoveries(self.config.index) > 0;
        self.store = Store::Keyed(Keyed::new(leased, network, recoverable));
        self.make_boot_evidence();
        self.enter(boop_abi::Phase::Leased);
        self.ask_blob(ESCROW_SLOT);
    }

    /// Takes the first three blobs: what is kept for the peers, then the head of the next epoch,
    /// if a refresh came that far, then the head of the store.
    pub(super) fn take_first_blobs(
        &mut self,
        mut keyed: Keyed,
        (epoch, slot): (u32, Slot),
        bytes: Option<&[u8]>,
    ) -> Result<(), Refusal> {
        let me = self.config.index;
        let current = self.epochs.current;
        match (slot, &self.escrow) {
            (ESCROW_SLOT, None) if epoch == current => {
                let Leased { key, epoch, .. } = &keyed.leased;
                let sealer = Sealer::of_escrow(key, keyed.network, me, *epoch);
                let escrow = Escrow::open(sealer, *epoch, bytes);
                let escrow = escrow.map_err(|_| Refusal::StoreDamaged)?;
                self.peers.remember(escrow.leases());
                self.escrow = Some(escrow);
                self.ask_next_head();
                self.store = Store::Keyed(keyed);
            }
            (HEAD_SLOT, Some(_)) if epoch != current && self.epochs.asked_next => {
                self.store = Store::Keyed(keyed);
                self.take_next_head(bytes);
                self.ask_blob(HEAD_SLOT);
            }
            (HEAD_SLOT, Some(_)) if epoch == current && keyed.head.is_none() => {
                keyed.head = Some(bytes.map(<[u8]>::to_vec));
                self.store = Store::Keyed(keyed);
                self.review_secret();
            }
            _ => return Err(Refusal::Unexpected),
        }
        Ok(())
    }

    /// Asks a peer with which a session stands for the own secrets, or gives them to keep.
    pub(super) fn share_secrets(&mut self, with: PartyIndex) {
        self.share_secret(with, self.epochs.current);
        if self.epochs.next.is_some() {
            self.share_secret(with, self.epochs.upcoming());
        }
    }

    /// Asks a peer for the own secret of an epoch, or gives it to keep.
    pub(super) fn share_secret(&mut self, with: PartyIndex, epoch: u32) {
        let Some(escrow) = &self.escrow else { return };
        let drawn = match &self.store {
            Store::Keyed(keyed) if epoch == self.epochs.current => {
                keyed.drawn.as_ref().map(|drawn| &drawn.secret)
            }
            Store::Keyed(_)
            | Store::Locked
            | Store::Opening(_)
            | Store::Lost(_)
            | Store::Open(_) => None,
        };
        let message = match escrow.own(epoch).or(drawn) {
            Some(secret) => PeerMessage::SecretKeep {
                epoch,
                secret: secret.clone(),
            },
            None => PeerMessage::SecretAsk { epoch },
        };
        // A peer that cannot be told is found out when its stream ends.
        let _ = self.peers.send(with, &message, &mut self.out);
    }

    /// Tells a peer what is kept for it.
    pub(super) fn secret_asked(&mut self, from: PartyIndex, epoch: u32) {
        let escrow = self.escrow.as_ref();
        let kept = escrow.and_then(|escrow| escrow.of(from, epoch));
        let message = PeerMessage::Secret {
            epoch,
            secret: kept.cloned(),
        };
        let _ = self.peers.send(from, &message, &mut self.out);
    }

    /// Takes a peer's answer.
    pub(super) fn secret_told(&mut self, from: PartyIndex, epoch: u32, secret: Option<Secret>) {
        if epoch != self.epochs.current {
            return self.next_secret_told(from, epoch, secret);
        }
        if let Store::Keyed(keyed) = &mut self.store {
            keyed.answers[from.as_usize()] = secret.map_or(Answer::Nothing, Answer::Kept);
            self.review_secret();
        }
    }

    /// Keeps a peer's secret, and says so once it is durable.
    pub(super) fn secret_given(
        &mut self,
        from: PartyIndex,
        epoch: u32,
        secret: Secret,
    ) -> Result<(), Refusal> {
        let escrow = self.escrow.as_mut().ok_or(Refusal::Unexpected)?;
        if escrow.keep(from, epoch, secret)? {
            let kept = PeerMessage::SecretKept { epoch };
            let _ = self.peers.send(from, &kept, &mut self.out);
        }
        self.note_lease(from);
        Ok(())
    }

    /// Notes a peer's lease durably: an older instance is refused after a start, too [KEY-4].
    pub(super) fn note_lease(&mut self, of: PartyIndex) {
        let lease = self.peers.lease(of);
        if let Some(escrow) = &mut self.escrow {
            escrow.note_lease(of, lease);
        }
        self.write_escrow();
    }

    /// Notes that a peer keeps the secret of a new store.
    pub(super) fn secret_kept(&mut self, by: PartyIndex, epoch: u32) {
        if epoch != self.epochs.current {
            return self.next_secret_kept(by, epoch);
        }
        if let Store::Keyed(keyed) = &mut self.store
            && let Some(drawn) = &mut keyed.drawn
        {
            drawn.kept[by.as_usize()] = true;
            self.review_secret();
        }
    }

    /// The blob with the peers' secrets is durable.
    pub(super) fn escrow_written(&mut self) {
        let Some(escrow) = &mut self.escrow else {
            return;
        };
        for (party, epoch) in core::mem::take(&mut escrow.writing) {
            let kept = PeerMessage::SecretKept { epoch };
            let _ = self.peers.send(party, &kept, &mut self.out);
        }
        self.write_escrow();
    }

    pub(super) fn write_escrow(&mut self) {
        let due = self
            .escrow
            .as_ref()
            .is_some_and(|escrow| escrow.writing.is_empty() && !escrow.waiting.is_empty());
        if !due {
            return;
        }
        let Some(salt) = self.random() else { return };
        let Some(escrow) = &mut self.escrow else {
            return;
        };
        let epoch = escrow.epoch;
        match escrow.next_write(salt) {
            Ok(blob) => self.write_blob_of(epoch, ESCROW_SLOT, blob),
            Err(_) => self.stop(Refusal::Internal),
        }
    }

    /// Opens the store once a peer's secret is there, or makes one for a new store. Which epoch it
    /// is has to be known first.
    pub(super) fn review_secret(&mut self) {
        let me = self.config.index;
        if self.epochs.reads_next() {
            return;
        }
        loop {
            let Store::Keyed(keyed) = &mut self.store else {
                return;
            };
            match keyed.decide(me) {
                Decision::Wait => return,
                Decision::Stop(refusal) => return self.stop(refusal),
                Decision::Draw => return self.draw_secret(),
                Decision::Begin(secret) => {
                    let vault = Vault::empty(keyed.sealer(me, &secret));
                    self.secret_known(self.epochs.current, secret);
                    return self.opened(vault);
                }
                Decision::Restore(secret) => {
                    let lost = Lost::new(keyed.sealer(me, &secret));
                    self.store = Store::Lost(lost);
                    self.secret_known(self.epochs.current, secret);
                    return self.announce();
                }
                Decision::Open(secret, of) => {
                    let mut opening = Opening::new(keyed.sealer(me, &secret));
                    let head = keyed.head.as_ref().and_then(Option::as_deref);
                    match opening.take(HEAD_SLOT, head) {
                        Ok(asked) => {
                            self.secret_known(self.epochs.current, secret);
                            return self.read_on(opening, asked);
                        }
                        Err(_) => keyed.answers[of.as_usize()] = Answer::Wrong,
                    }
                }
            }
        }
    }

    /// Remembers the own secret, and has both peers keep it.
    pub(super) fn secret_known(&mut self, epoch: u32, secret: Secret) {
        if let Some(escrow) = &mut self.escrow {
            escrow.own.insert(epoch, secret);
        }
        self.share_with_both(epoch);
    }

    pub(super) fn share_with_both(&mut self, epoch: u32) {
        for party in self.config.index.others() {
            self.share_secret(party, epoch);
        }
    }

    fn draw_secret(&mut self) {
        let Some(secret) = self.random() else { return };
        if let Store::Keyed(keyed) = &mut self.store {
            keyed.drawn = Some(Drawn {
                secret: Secret::new(secret),
                kept: [false; PartyIndex::COUNT],
            });
        }
        self.share_with_both(self.epochs.current);
    }
}

#[cfg(test)]
mod tests;

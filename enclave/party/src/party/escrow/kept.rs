//! What a party keeps for its peers: their second secrets [KEY-5], and which of their recoveries
//! are over [REC-3].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::{PartyIndex, Refusal};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::vault::{DamagedBlob, ESCROW_SLOT, Sealer};

/// What a party keeps for its peers, for an epoch and the next one, and its own secrets once they
/// are known.
pub(crate) struct Escrow {
    sealer: Sealer,
    pub(super) epoch: u32,
    pub(super) kept: [Option<Kept>; PartyIndex::COUNT],
    pub(super) own: BTreeMap<u32, Secret>,
    /// Whose secrets, of which epochs, the write under way makes durable.
    pub(super) writing: Vec<(PartyIndex, u32)>,
    /// Whose secrets the next write will.
    pub(super) waiting: Vec<(PartyIndex, u32)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Kept {
    #[n(0)]
    epoch: u32,
    #[n(1)]
    secret: Secret,
    /// For the next epoch.
    #[n(2)]
    next: Option<Secret>,
    /// How many of the party's recoveries are over [REC-3].
    #[n(3)]
    restored: u32,
    /// The party's newest lease that was seen [KEY-4].
    #[n(4)]
    lease: u64,
}

impl Escrow {
    /// Opens the blob, of which a party that never kept anything has none.
    pub(super) fn open(
        sealer: Sealer,
        epoch: u32,
        blob: Option<&[u8]>,
    ) -> Result<Self, DamagedBlob> {
        let kept = match blob {
            Some(blob) => {
                let plain = sealer.open(ESCROW_SLOT, blob)?;
                from_canonical(&plain).map_err(|_| DamagedBlob)?
            }
            None => [const { None }; PartyIndex::COUNT],
        };
        Ok(Self {
            sealer,
            epoch,
            kept,
            own: BTreeMap::new(),
            writing: Vec::new(),
            waiting: Vec::new(),
        })
    }

    pub(super) fn of(&self, party: PartyIndex, epoch: u32) -> Option<&Secret> {
        let kept = self.kept[party.as_usize()].as_ref();
        let kept = kept.filter(|kept| kept.epoch == self.epoch)?;
        match epoch.checked_sub(self.epoch)? {
            0 => Some(&kept.secret),
            1 => kept.next.as_ref(),
            _ => None,
        }
    }

    /// Takes a secret of a peer. Returns whether it is durable already. One of an epoch that this
    /// party has not come to, or has left, is not kept.
    pub(super) fn keep(
        &mut self,
        party: PartyIndex,
        epoch: u32,
        secret: Secret,
    ) -> Result<bool, Refusal> {
        let of = (party, epoch);
        match self.of(party, epoch) {
            Some(kept) if *kept != secret => return Err(Refusal::Conflict),
            Some(_) => return Ok(!self.writing.contains(&of) && !self.waiting.contains(&of)),
            None => {}
        }
        let kept = &mut self.kept[party.as_usize()];
        match (epoch.checked_sub(self.epoch), kept) {
            (Some(0), kept) => {
                *kept = Some(Kept {
                    epoch,
                    secret,
                    next: None,
                    restored: 0,
                    lease: 0,
                });
            }
            (Some(1), Some(kept)) if kept.epoch == self.epoch => kept.next = Some(secret),
            _ => return Ok(false),
        }
        self.waiting.push(of);
        Ok(false)
    }

    pub(in crate::party) fn own(&self, epoch: u32) -> Option<&Secret> {
        self.own.get(&epoch)
    }

    /// Tells whether everything that is kept is durable.
    pub(in crate::party) fn is_written(&self) -> bool {
        self.writing.is_empty() && self.waiting.is_empty()
    }

    /// Goes over to the next epoch, whose blob is to be written: the secrets of the one before
    /// are kept no longer [REF-5].
    pub(in crate::party) fn advance(&mut self, sealer: Sealer) {
        self.epoch = sealer.epoch();
        self.sealer = sealer;
        for party in PartyIndex::ALL {
            let epoch = self.epoch;
            let next = self.kept[party.as_usize()].take().and_then(|kept| {
                Some(Kept {
                    epoch,
                    secret: kept.next?,
                    next: None,
                    restored: kept.restored,
                    lease: kept.lease,
                })
            });
            self.kept[party.as_usize()] = next;
            self.waiting.push((party, epoch));
        }
        self.own.retain(|epoch, _| *epoch >= self.epoch);
    }

    /// Returns how many of a peer's recoveries are over.
    pub(in crate::party) fn restored(&self, party: PartyIndex) -> u32 {
        let kept = self.kept[party.as_usize()].as_ref();
        kept.map_or(0, |kept| kept.restored)
    }

    /// Notes how many of a peer's recoveries are over; never fewer than before.
    pub(in crate::party) fn note_restored(&mut self, party: PartyIndex, count: u32) {
        let epoch = self.epoch;
        if let Some(kept) = &mut self.kept[party.as_usize()]
            && kept.restored < count
        {
            kept.restored = count;
            self.waiting.push((party, epoch));
        }
    }

    /// Returns the newest lease of each party that was seen.
    pub(in crate::party) fn leases(&self) -> [u64; PartyIndex::COUNT] {
        let lease = |kept: &Option<Kept>| kept.as_ref().map_or(0, |kept| kept.lease);
        self.kept.each_ref().map(lease)
    }

    /// Notes a peer's lease, if it is the newest that was seen.
    pub(in crate::party) fn note_lease(&mut self, party: PartyIndex, lease: u64) {
        let epoch = self.epoch;
        if let Some(kept) = &mut self.kept[party.as_usize()]
            && kept.lease < lease
        {
            kept.lease = lease;
            self.waiting.push((party, epoch));
        }
    }

    /// Returns the blob to write, if one is due and none is on its way.
    pub(super) fn next_write(&mut self, salt: [u8; 32]) -> Result<Vec<u8>, DamagedBlob> {
        self.writing = core::mem::take(&mut self.waiting);
        let plain = Zeroizing::new(to_canonical(&self.kept));
        self.sealer.seal(ESCROW_SLOT, &plain, salt)
    }
}

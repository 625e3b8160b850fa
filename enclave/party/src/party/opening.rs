//! Reading the sealed store, blob after blob, with some requests under way at a time [STO-2].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use boop_abi::Slot;
use boop_mpc::LANES;
use boop_wire::Refusal;

use super::Store;
use crate::limits::{BLOBS_AHEAD, PROGRESS_EVERY};
use crate::vault::{Buffer, HEAD_SLOT, Head, Record, Sealer, Vault, open_head};

/// A store that is being read.
pub(crate) struct Opening {
    vault: Vault,
    /// The newest records, which go into the vault together.
    opened: Vec<Record>,
    /// How many records there are, once it is known.
    head: Option<Head>,
    /// The newest record that was asked for.
    asked: u64,
    /// Blobs that came before one that was asked for earlier.
    early: BTreeMap<Slot, Vec<u8>>,
    buffer: Buffer,
}

impl Opening {
    /// Starts to read a store; its head is asked for first.
    pub(crate) fn new(sealer: Sealer) -> Self {
        Self {
            vault: Vault::empty(sealer),
            opened: Vec::new(),
            head: None,
            asked: 0,
            early: BTreeMap::new(),
            buffer: Buffer::default(),
        }
    }

    /// Takes a blob, and returns which ones to ask for.
    pub(crate) fn take(&mut self, slot: Slot, bytes: Option<&[u8]>) -> Result<Vec<Slot>, Refusal> {
        let head = match self.head {
            None => self.take_head(slot, bytes)?,
            Some(head) => {
                self.take_record(slot, bytes)?;
                head
            }
        };
        self.head = Some(head);
        let until = head.version.min(self.read() + BLOBS_AHEAD);
        let asked = self.asked + 1..=until;
        self.asked = self.asked.max(until);
        Ok(asked.map(Slot).collect())
    }

    /// Reads the head; without one the store is new.
    fn take_head(&mut self, slot: Slot, bytes: Option<&[u8]>) -> Result<Head, Refusal> {
        if slot != HEAD_SLOT {
            return Err(Refusal::Unexpected);
        }
        let Some(blob) = bytes else {
            return Ok(self.vault.head());
        };
        let stored = open_head(self.vault.sealer(), blob).map_err(|_| Refusal::StoreDamaged)?;
        if stored.confirmed > stored.head.version {
            return Err(Refusal::StoreDamaged);
        }
        self.vault.begin(stored.origin);
        self.vault.confirm(stored.confirmed);
        Ok(stored.head)
    }

    fn take_record(&mut self, slot: Slot, bytes: Option<&[u8]>) -> Result<(), Refusal> {
        let due = self.read() + 1..=self.asked;
        if !due.contains(&slot.0) || self.early.contains_key(&slot) {
            return Err(Refusal::Unexpected);
        }
        let blob = bytes.ok_or(Refusal::StoreDamaged)?;
        let mut next = Slot(self.read() + 1);
        if slot != next {
            self.early.insert(slot, blob.to_vec());
            return Ok(());
        }
        self.open(slot, blob)?;
        next.0 += 1;
        while let Some(blob) = self.early.remove(&next) {
            self.open(next, &blob)?;
            next.0 += 1;
        }
        Ok(())
    }

    fn open(&mut self, slot: Slot, blob: &[u8]) -> Result<(), Refusal> {
        let record = self.vault.open_record(&mut self.buffer, slot, blob);
        self.opened.push(record.map_err(|_| Refusal::StoreDamaged)?);
        let last = self.head.is_some_and(|head| head.version == self.read());
        if last || self.opened.len() == LANES {
            self.vault.extend(core::mem::take(&mut self.opened));
        }
        Ok(())
    }

    /// Returns how many records were read.
    fn read(&self) -> u64 {
        self.vault.version() + self.opened.len() as u64
    }

    /// Tells now and then how many records are read, and of how many.
    pub(crate) fn progress(&self) -> Option<(u64, u64)> {
        let (head, read) = (self.head?, self.read());
        let due = read > 0 && read < head.version && read.is_multiple_of(PROGRESS_EVERY);
        due.then_some((read, head.version))
    }

    /// Returns the store: open once everything is read.
    pub(crate) fn finish(self) -> Result<Store, Refusal> {
        match self.head {
            Some(head) if self.vault.head() == head => Ok(Store::Open(self.vault)),
            Some(head) if self.vault.version() >= head.version => Err(Refusal::StoreDamaged),
            Some(_) | None => Ok(Store::Opening(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use boop_mpc::{STORED_SHARE_BYTES, StoredShare};
    use boop_wire::job::PalmSide;
    use boop_wire::{Digest, NetworkId, PartyIndex, RequestId, UserId};
    use zeroize::Zeroizing;

    use super::*;
    use crate::vault::{Record, RecordFacts};

    const RECORDS: u8 = 40;

    #[test]
    fn blobs_open_in_whatever_order_they_come() {
        for reversed in [false, true] {
            let blobs = blobs();
            let mut opening = Opening::new(sealer());
            let mut asked = opening.take(HEAD_SLOT, Some(&blobs[0])).unwrap();
            let mut most = 0;
            while !asked.is_empty() {
                most = most.max(asked.len());
                let next = if reversed { asked.len() - 1 } else { 0 };
                let slot = asked.remove(next);
                let blob = &blobs[usize::try_from(slot.0).unwrap()];
                asked.extend(opening.take(slot, Some(blob)).unwrap());
            }

            let vault = opened(opening);

            assert_eq!(vault.version(), u64::from(RECORDS));
            assert_eq!(most, usize::try_from(BLOBS_AHEAD).unwrap());
        }
    }

    #[test]
    fn a_store_without_a_head_is_new() {
        let mut opening = Opening::new(sealer());

        let asked = opening.take(HEAD_SLOT, None).unwrap();

        assert_eq!(asked, []);
        assert_eq!(opened(opening).version(), 0);
    }

    #[test]
    fn a_blob_that_nobody_asked_for_or_twice_is_refused() {
        let blobs = blobs();
        let refusal = |first: Slot, second: Slot| {
            let mut opening = Opening::new(sealer());
            opening.take(HEAD_SLOT, Some(&blobs[0])).unwrap();
            let blob = |slot: Slot| Some(&blobs[usize::try_from(slot.0).unwrap()][..]);
            let first = opening.take(first, blob(first));
            first.and_then(|_| opening.take(second, blob(second)))
        };

        assert_eq!(refusal(Slot(1), Slot(1)), Err(Refusal::Unexpected));
        assert_eq!(refusal(Slot(2), Slot(2)), Err(Refusal::Unexpected));
        assert_eq!(refusal(Slot(1), Slot(30)), Err(Refusal::Unexpected));
        assert_eq!(refusal(Slot(0), Slot(1)), Err(Refusal::Unexpected));
        let mut opening = Opening::new(sealer());
        let first = opening.take(Slot(1), Some(&blobs[1]));
        assert_eq!(first, Err(Refusal::Unexpected));
    }

    #[test]
    fn a_missing_or_exchanged_blob_is_damage() {
        let blobs = blobs();
        let mut opening = Opening::new(sealer());
        opening.take(HEAD_SLOT, Some(&blobs[0])).unwrap();

        assert_eq!(opening.take(Slot(1), None), Err(Refusal::StoreDamaged));
        let exchanged = opening.take(Slot(1), Some(&blobs[2]));
        assert_eq!(exchanged, Err(Refusal::StoreDamaged));
    }

    #[test]
    fn a_head_over_other_records_is_damage() {
        let mut vault = Vault::empty(sealer());
        vault.push(record(1));
        let head = vault.seal_head(vault.head(), 1, [9; 32]).unwrap();
        let other = vault.seal_record(Slot(1), &record(2), [8; 32]).unwrap();
        let mut opening = Opening::new(sealer());
        opening.take(HEAD_SLOT, Some(&head)).unwrap();
        opening.take(Slot(1), Some(&other)).unwrap();

        assert_eq!(opening.finish().err(), Some(Refusal::StoreDamaged));
    }

    fn opened(opening: Opening) -> Vault {
        match opening.finish() {
            Ok(Store::Open(vault)) => vault,
            Ok(_) | Err(_) => panic!("the store is not open"),
        }
    }

    /// Seals a store: the head, then the records.
    fn blobs() -> Vec<Vec<u8>> {
        let mut vault = Vault::empty(sealer());
        let mut blobs = Vec::new();
        for number in 1..=RECORDS {
            let slot = vault.next_slot().unwrap();
            let blob = vault.seal_record(slot, &record(number), [number; 32]);
            blobs.push(blob.unwrap());
            vault.push(record(number));
        }
        let head = vault.seal_head(vault.head(), u64::from(RECORDS), [0xff; 32]);
        blobs.insert(0, head.unwrap());
        blobs
    }

    fn record(number: u8) -> Record {
        Record {
            facts: RecordFacts {
                user: UserId::new([number; 16]),
                side: PalmSide::Left,
                request: RequestId::new([number; 16]),
                commitments: Digest::new([number; 32]),
                preface: Digest::new([number; 32]),
            },
            share: StoredShare::from_bytes(&[number; STORED_SHARE_BYTES]).unwrap(),
        }
    }

    fn sealer() -> Sealer {
        let party = PartyIndex::ALL[0];
        Sealer::new(Zeroizing::new([7; 32]), NetworkId::new([1; 32]), party, 0)
    }
}

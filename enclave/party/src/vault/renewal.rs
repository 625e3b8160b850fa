//! The store of the next epoch, made from this one [REF-3].

use alloc::vec;
use alloc::vec::Vec;

use boop_abi::Slot;
use boop_mpc::{EpochKey, refresh_slot, refreshed_share};
use boop_wire::PartyIndex;

use super::{DamagedBlob, Head, Record, SALT_BYTES, Sealer, Vault};
use super::{genesis_root, next_root, seal_record};

/// What the next epoch is made of.
pub(crate) struct Renewal {
    pub(crate) sealer: Sealer,
    pub(crate) key: EpochKey,
    pub(crate) me: PartyIndex,
}

impl Vault {
    /// Returns the head that these records have in the next epoch.
    pub(crate) fn renewed_head(&self, renewal: &Sealer) -> Head {
        let chain = |root, facts| next_root(root, facts);
        Head {
            version: self.version(),
            root: self.records.iter().fold(genesis_root(renewal), chain),
        }
    }

    /// Seals the record of a slot as the next epoch has it. The store stays as it is.
    pub(crate) fn seal_renewed(
        &self,
        slot: Slot,
        renewal: &Renewal,
        salt: [u8; SALT_BYTES],
    ) -> Result<Vec<u8>, DamagedBlob> {
        let place = slot.0.checked_sub(1).ok_or(DamagedBlob)?;
        let place = usize::try_from(place).map_err(|_| DamagedBlob)?;
        let facts = self.records.get(place).ok_or(DamagedBlob)?.clone();
        let share = self.database.get(place).ok_or(DamagedBlob)?;
        let share = refreshed_share(&share, &renewal.key, renewal.me, place, 0);
        seal_record(&renewal.sealer, slot, &Record { facts, share }, salt)
    }

    /// Becomes the store of the next epoch.
    pub(crate) fn renew(&mut self, renewal: Renewal) {
        for slot in 0..self.database.slots() {
            refresh_slot(&mut self.database, &renewal.key, renewal.me, slot, 0);
        }
        self.sealer = renewal.sealer;
        self.roots = vec![genesis_root(&self.sealer)];
        for facts in &self.records {
            let before = self.roots.last().copied();
            self.roots.extend(before.map(|root| next_root(root, facts)));
        }
        self.confirmed = self.version();
    }
}

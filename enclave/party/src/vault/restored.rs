//! A store that the two other parties gave anew [REC-2].

use alloc::vec;
use alloc::vec::Vec;

use boop_abi::Slot;
use boop_mpc::Database;

use super::{DamagedBlob, Head, Record, RecordFacts, SALT_BYTES, Vault};
use super::{genesis_root, next_root, seal_record};

impl Vault {
    /// Returns the head that these records have in the epoch of this store.
    pub(crate) fn head_over(&self, records: &[RecordFacts]) -> Head {
        let genesis = genesis_root(&self.sealer);
        Head {
            version: records.len() as u64,
            root: records.iter().fold(genesis, next_root),
        }
    }

    /// Takes all records and shares.
    pub(crate) fn fill(&mut self, records: Vec<RecordFacts>, database: Database) {
        let mut root = genesis_root(&self.sealer);
        self.roots = vec![root];
        for facts in &records {
            root = next_root(root, facts);
            self.roots.push(root);
        }
        self.records = records;
        self.database = database;
    }

    /// Seals the record of a slot as it is in memory.
    pub(crate) fn seal_stored(
        &self,
        slot: Slot,
        salt: [u8; SALT_BYTES],
    ) -> Result<Vec<u8>, DamagedBlob> {
        let place = slot.0.checked_sub(1).ok_or(DamagedBlob)?;
        let place = usize::try_from(place).map_err(|_| DamagedBlob)?;
        let facts = self.records.get(place).ok_or(DamagedBlob)?.clone();
        let share = self.database.get(place).ok_or(DamagedBlob)?;
        seal_record(&self.sealer, slot, &Record { facts, share }, salt)
    }
}

//! What a backup no longer knows of.

use boop_wire::release::Anchor;

use crate::backup::file::Backup;
use crate::register::Register;

/// What would be lost if a custodian came back from a backup today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Epochs whose data key is not in the backup: their stores cannot be opened again.
    pub epochs: Vec<u32>,
    /// Records that are on record in those epochs.
    pub records: u64,
    /// Heads that were put on record since: the records are there, and the peers alone guard
    /// them against being set back.
    pub heads_not_guarded: u64,
}

impl Backup {
    /// Holds the backup against what is on record now.
    pub fn loss(&self, now: &Register) -> Loss {
        let version = |anchor: Option<Anchor>| anchor.map_or(0, |anchor| anchor.version);
        let mut loss = Loss {
            epochs: Vec::new(),
            records: 0,
            heads_not_guarded: 0,
        };
        for (epoch, entry) in now.snapshot() {
            let on_record = version(entry.anchor);
            if self.keys.iter().any(|key| key.epoch == epoch) {
                let known = self.register.get(&epoch).and_then(|entry| entry.anchor);
                let since = on_record.saturating_sub(version(known));
                loss.heads_not_guarded = loss.heads_not_guarded.saturating_add(since);
            } else {
                loss.epochs.push(epoch);
                loss.records = loss.records.saturating_add(on_record);
            }
        }
        loss
    }
}

//! Backup and recovery of one party's custody.
//!
//! ```text
//!  ceremony   backup key made; its private half split 3 of 5, each share sealed to a holder;
//!             the custodian signs the public record, and line by line a transcript
//!  backup     the token wraps each data key to the backup key; the custodian signs the file
//!  restore    3 shares; each data key unwrapped by an empty token; file and register beside it,
//!             with later leases
//!  drill      the same into a token that is thrown away: key check values are compared
//! ```
//!
//! A data key is never outside a token in the clear. The private half of the backup key is, in
//! the process that makes it and in the one that restores: both are meant for a machine that has
//! no network.

mod age;
mod file;
mod loss;
mod restore;
mod share;
mod signed;
mod transcript;

pub use age::{AgeError, Identity, Recipient, SealingSeed};
pub use file::{BackedUpKey, Backup, BackupError, BackupMechanism, MakeBackup};
pub use loss::Loss;
#[cfg(test)]
pub(crate) use restore::restore_until_it_serves;
pub use restore::{
    BroughtIn, LEASE_MARGIN, RestoreError, RestorePlan, Restored, RestoredKey, restore,
};
pub use share::{
    BackupKey, BackupSecret, DealError, Dealing, SHARES, SHARES_NEEDED, Share, ShareError,
};
pub use signed::{SignedError, open_signed, sign};
pub use transcript::{Step, Transcript, TranscriptError};

/// What a custodian signs its backup key under.
pub const KEY_PURPOSE: &str = "custody-backup-key";
/// What a custodian signs its backups under.
pub const BACKUP_PURPOSE: &str = "custody-backup";

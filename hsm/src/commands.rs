//! What `boop-custodian` does besides serving.

mod arguments;
mod backup;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use boop_hsm::{FileToken, Pkcs11Settings, Pkcs11Vault, Token as _};
use clap::Subcommand;

use arguments::{
    BackupArguments, BackupKeyArguments, CheckShareArguments, CreateKeyArguments, DrillArguments,
    RestoreArguments,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a software token and prints its public key, in hexadecimal.
    Init {
        /// Where; there must be no file yet.
        #[arg(long)]
        token: PathBuf,
    },
    /// Logs in to a PKCS#11 token and prints a table of what it can do. Leaves nothing there.
    Probe {
        /// The module: a shared library.
        #[arg(long)]
        module: PathBuf,
        /// The token's label.
        #[arg(long)]
        label: String,
        /// File with the user's PIN, readable by its owner alone.
        #[arg(long)]
        pin_file: PathBuf,
        /// Try the PIN although one was refused before; tokens lock themselves.
        #[arg(long)]
        retry_after_wrong_pin: bool,
    },
    /// Has a PKCS#11 token make the keys of an epoch
    CreateKey(CreateKeyArguments),
    /// Makes a backup key, split 3 of 5 among holders
    BackupKey(BackupKeyArguments),
    /// Checks a holder's share, without any other
    CheckShare(CheckShareArguments),
    /// Backs the data keys and the register up to the backup key
    Backup(BackupArguments),
    /// Brings a backup into an empty token
    Restore(RestoreArguments),
    /// Restores into a throw-away token, and tells how long it took and what would be lost
    Drill(DrillArguments),
}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Init { token } => {
                let made = FileToken::create(&token);
                let made = made.with_context(|| format!("token {}", token.display()))?;
                println!("{}", hex::encode(made.public_key()));
            }
            Self::Probe {
                module,
                label,
                pin_file,
                retry_after_wrong_pin,
            } => {
                let findings = Pkcs11Vault::probe(&Pkcs11Settings {
                    module,
                    label,
                    pin_file,
                    retry_after_wrong_pin,
                    danger_oaep_sha1: false,
                })?;
                println!("{findings}");
            }
            Self::CreateKey(arguments) => return backup::create_key(&arguments),
            Self::BackupKey(arguments) => return backup::backup_key(&arguments),
            Self::CheckShare(arguments) => return backup::check_share(&arguments),
            Self::Backup(arguments) => return backup::backup(&arguments),
            Self::Restore(arguments) => return backup::restore_all(&arguments),
            Self::Drill(arguments) => return backup::drill(&arguments),
        }
        Ok(ExitCode::SUCCESS)
    }
}

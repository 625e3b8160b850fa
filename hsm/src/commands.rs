//! What `boop-custodian` does besides serving.

use std::path::PathBuf;

use anyhow::Context as _;
use boop_hsm::{FileToken, Pkcs11Settings, Pkcs11Vault, Token as _};
use clap::Subcommand;

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
}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<()> {
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
        }
        Ok(())
    }
}

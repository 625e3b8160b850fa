//! The approver's key.
//!
//! What signs stands behind [`Approver`], so that a key that never leaves its token can take the
//! place of a file.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::Answer;
use crate::arguments::KeyArguments;
use crate::console::Console;

/// Permission bits that let others than the owner use a file.
const OTHERS: u32 = 0o077;
const SEED_BYTES: usize = 32;

/// Whoever signs an approval.
pub(super) trait Approver {
    /// Returns the public half of the key, Ed25519.
    fn key(&self) -> [u8; 32];

    /// Signs bytes that carry their domain.
    ///
    /// # Errors
    /// If the key cannot be used.
    fn sign(&self, separated: &[u8]) -> anyhow::Result<[u8; 64]>;
}

/// An approver's key in a file: 64 hexadecimal digits that nobody but the owner can read.
pub(super) struct KeyFile(SigningKey);

impl KeyFile {
    /// Reads a key.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path);
        let file = file.with_context(|| format!("cannot read {}", path.display()))?;
        Self::of(file).with_context(|| format!("{} cannot be used as a key", path.display()))
    }

    fn of(mut file: File) -> anyhow::Result<Self> {
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        if mode & OTHERS != 0 {
            bail!("its mode {mode:o} lets others than its owner use it");
        }
        let mut digits = Zeroizing::new([0; 2 * SEED_BYTES]);
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        let mut rest = Zeroizing::new(Vec::new());
        file.read_exact(&mut *digits)
            .ok()
            .and_then(|()| hex::decode_to_slice(*digits, &mut *seed).ok())
            .and_then(|()| file.take(2).read_to_end(&mut rest).ok())
            .filter(|_| matches!(&rest[..], b"" | b"\n" | b"\r\n"))
            .ok_or_else(|| anyhow!("it does not hold 64 hexadecimal digits and no more"))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    fn make(path: &Path) -> anyhow::Result<()> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        getrandom::fill(&mut *seed).map_err(|_| anyhow!("the system gives no randomness"))?;
        let digits = Zeroizing::new(hex::encode(*seed));
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let unwritten = || format!("cannot write {}", path.display());
        let mut file = options.open(path).with_context(unwritten)?;
        file.write_all(digits.as_bytes()).with_context(unwritten)
    }
}

impl Approver for KeyFile {
    fn key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    fn sign(&self, separated: &[u8]) -> anyhow::Result<[u8; 64]> {
        Ok(self.0.sign(separated).to_bytes())
    }
}

/// Makes a key if asked to, and prints its public half.
pub(super) fn run(arguments: &KeyArguments, console: &Console) -> anyhow::Result<Answer> {
    if arguments.new {
        KeyFile::make(&arguments.key)?;
    }
    console.line(hex::encode(KeyFile::read(&arguments.key)?.key()));
    Ok(Answer::Yes)
}

//! The approver's key.
//!
//! It is in a file, or never leaves a token: then the program that loads PKCS#11 modules signs, and
//! what it gives back is checked like everybody's approval.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use boop_channel::manifest::approval_bytes;
use boop_wire::manifest::SignedManifest;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::Answer;
use crate::arguments::{KeyArguments, KeyPlace};
use crate::console::Console;
use crate::world::custodian_says;

/// Permission bits that let others than the owner use a file.
const OTHERS: u32 = 0o077;
const SEED_BYTES: usize = 32;

/// Whoever signs an approval.
pub(super) enum Approver {
    /// With a key in a file.
    File(KeyFile),
    /// With a key in a token.
    Token(TokenKey),
}

impl Approver {
    /// Reads the key, or finds it in its token.
    pub(super) fn open(place: &KeyPlace) -> anyhow::Result<Self> {
        match (&place.key, &place.token) {
            (Some(file), _) => Ok(Self::File(KeyFile::read(file)?)),
            (None, Some(token)) => Ok(Self::Token(TokenKey::open(token, &[])?)),
            (None, None) => bail!("where the key is, is not known: give its file, or --token"),
        }
    }

    /// Returns the public half of the key, Ed25519.
    pub(super) fn key(&self) -> [u8; 32] {
        match self {
            Self::File(file) => file.0.verifying_key().to_bytes(),
            Self::Token(token) => token.key,
        }
    }

    /// Signs the approval of a manifest.
    ///
    /// # Errors
    /// If the key cannot be used.
    pub(super) fn approve(&self, signed: &SignedManifest) -> anyhow::Result<[u8; 64]> {
        match self {
            Self::File(file) => Ok(file.0.sign(&approval_bytes(signed)).to_bytes()),
            Self::Token(token) => token.approve(&signed.manifest),
        }
    }
}

/// An approver's key in a PKCS#11 token.
pub(super) struct TokenKey {
    file: PathBuf,
    key: [u8; 32],
}

impl TokenKey {
    fn open(file: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let key = ask_custodian(&command("approver-key", file, more), &[])?;
        Ok(Self {
            file: file.into(),
            key,
        })
    }

    fn approve(&self, manifest: &[u8]) -> anyhow::Result<[u8; 64]> {
        ask_custodian(&command("approve-manifest", &self.file, &[]), manifest)
    }
}

fn command(name: &str, token: &Path, more: &[&str]) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec![name.into(), "--token".into(), token.into()];
    all.extend(more.iter().map(Into::into));
    all
}

/// Has the program beside this one do it, and reads the hexadecimal that it prints.
fn ask_custodian<const N: usize>(command: &[OsString], input: &[u8]) -> anyhow::Result<[u8; N]> {
    let printed = custodian_says(command, input)?;
    let mut bytes = [0; N];
    hex::decode_to_slice(printed.trim(), &mut bytes)
        .map_err(|_| anyhow!("boop-custodian printed something else than was asked for"))?;
    Ok(bytes)
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

/// Makes a key if asked to, and prints its public half.
pub(super) fn run(arguments: &KeyArguments, console: &Console) -> anyhow::Result<Answer> {
    let approver = match (&arguments.key, &arguments.token, arguments.new) {
        (Some(file), _, true) => {
            KeyFile::make(file)?;
            Approver::File(KeyFile::read(file)?)
        }
        (None, Some(token), true) => Approver::Token(TokenKey::open(token, &["--new"])?),
        (key, token, _) => Approver::open(&KeyPlace {
            key: key.clone(),
            token: token.clone(),
        })?,
    };
    console.line(hex::encode(approver.key()));
    Ok(Answer::Yes)
}

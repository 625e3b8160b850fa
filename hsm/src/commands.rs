//! What `boop-custodian` does besides serving.

mod approver;
mod arguments;
mod backup;
mod files;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use boop_channel::Trust;
use boop_daemon::{from_toml, now_ms};
use boop_hsm::{
    Audit, CustodianSettings, FileToken, Keeper, KeyWork, KmsError, Ledger, OperatorsWord,
    Pkcs11Settings, Pkcs11Token, Pkcs11Vault, Records, Register, Status, Token, Vault,
    VaultSettings,
};
use clap::{Args, Subcommand};

use arguments::{
    ApproveManifestArguments, ApproverKeyArguments, BackupArguments, BackupKeyArguments,
    CheckShareArguments, CheckTranscriptArguments, CreateKeyArguments, DrillArguments,
    RestoreArguments,
};

/// What only an operator may say.
#[derive(Args)]
pub(crate) struct Word {
    /// Let RSA-OAEP with SHA-1 be the mechanism; parties take it in simulated networks alone.
    #[arg(long, global = true)]
    danger_oaep_sha1: bool,
    /// Try the PIN although one was refused before; tokens lock themselves.
    #[arg(long, global = true)]
    retry_after_wrong_pin: bool,
}

impl From<Word> for OperatorsWord {
    fn from(word: Word) -> Self {
        Self {
            danger_oaep_sha1: word.danger_oaep_sha1,
            retry_after_wrong_pin: word.retry_after_wrong_pin,
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes the keys of a new custodian and prints its public key, in hexadecimal.
    Init {
        /// Configuration file (TOML), which says where.
        #[arg(long, required_unless_present = "token")]
        config: Option<PathBuf>,
        /// A software token, at this path; there must be no file yet.
        #[arg(long, conflicts_with = "config")]
        token: Option<PathBuf>,
    },
    /// Prints what the token can do, the newest lease, the head on record and the ages of keys.
    Status {
        /// Configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
    },
    /// Rotates the key-encryption keys: the token makes new ones, wraps the data keys by them and
    /// destroys the old ones. Data keys stay. The custodian must not run meanwhile.
    Rotate {
        /// Configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
    },
    /// Begins an empty register in the place of one that is lost. No head of the store is on record
    /// then, so an old store is refused by the peers alone. The custodian must not run meanwhile.
    NewRegister {
        /// Configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
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
    },
    /// Makes an approver's key in a token, or prints its public half
    ApproverKey(ApproverKeyArguments),
    /// Signs the approval of the manifest on standard input with the key in a token
    ///
    /// `boop manifest approve --token` starts this, after it has shown what changes and asked.
    ApproveManifest(ApproveManifestArguments),
    /// Has the token make the keys of an epoch, ahead of their first release
    CreateKey(CreateKeyArguments),
    /// Makes a backup key, split 3 of 5 among holders
    BackupKey(BackupKeyArguments),
    /// Checks a holder's share, without any other
    CheckShare(CheckShareArguments),
    /// Checks the transcript of a ceremony
    CheckTranscript(CheckTranscriptArguments),
    /// Backs the data keys and the register up to the backup key
    Backup(BackupArguments),
    /// Brings a backup into an empty token
    Restore(RestoreArguments),
    /// Restores into a throw-away token, and tells how long it took and what would be lost
    Drill(DrillArguments),
}

impl Command {
    pub(crate) fn run(self, word: OperatorsWord) -> anyhow::Result<ExitCode> {
        match self {
            Self::Init { config, token } => {
                let token = match (config, token) {
                    (Some(config), _) => make(&from_toml(&config)?, word)?,
                    (None, Some(path)) => make_file(&path)?,
                    (None, None) => anyhow::bail!("--config is missing"),
                };
                println!("{}", hex::encode(token.public_key()));
            }
            Self::Status { config } => {
                let settings: CustodianSettings = from_toml(&config)?;
                println!("{}", Status::of(&settings, word, now_ms())?);
            }
            Self::NewRegister { config } => new_register(&from_toml(&config)?, word)?,
            Self::Rotate { config } => rotate(&from_toml(&config)?, word)?,
            Self::Probe {
                module,
                label,
                pin_file,
            } => {
                let findings = Pkcs11Vault::probe(&Pkcs11Settings {
                    module,
                    label,
                    pin_file,
                    retry_after_wrong_pin: word.retry_after_wrong_pin,
                    danger_oaep_sha1: false,
                })?;
                println!("{findings}");
            }
            Self::ApproverKey(arguments) => approver::key(&arguments, word)?,
            Self::ApproveManifest(arguments) => approver::approve(&arguments, word)?,
            Self::CreateKey(arguments) => return backup::create_key(&arguments, word),
            Self::BackupKey(arguments) => return backup::backup_key(&arguments, word),
            Self::CheckShare(arguments) => return backup::check_share(&arguments),
            Self::CheckTranscript(arguments) => return backup::check_transcript(&arguments),
            Self::Backup(arguments) => return backup::backup(&arguments, word),
            Self::Restore(arguments) => return backup::restore_all(&arguments, word),
            Self::Drill(arguments) => return backup::drill(&arguments, word),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Gives the data keys new key-encryption keys, and puts that on record.
fn rotate(settings: &CustodianSettings, word: OperatorsWord) -> anyhow::Result<()> {
    let (keys, epoch) = match settings.vault(word)? {
        VaultSettings::File(_) => anyhow::bail!("a token in a file has no key-encryption keys"),
        VaultSettings::Pkcs11(token) => rotated(&Pkcs11Token::open(token)?)?,
        VaultSettings::Kms(_) => return Err(KmsError::NotMoved.into()),
    };
    let audit = Audit::open(&settings.audit)?;
    let whose = (settings.custody()?.party, epoch);
    audit.note(KeyWork::Rotated, keys, whose, now_ms())?;
    println!("data keys under new key-encryption keys: {keys}");
    Ok(())
}

/// Returns how many data keys there are, and the oldest epoch.
fn rotated<V: Vault>(token: &Keeper<V>) -> anyhow::Result<(usize, u32)> {
    Ok((token.rotate(now_ms())?, token.oldest_epoch()))
}

/// Opens the token that a configuration names, and says what is weak about it.
pub(crate) fn open(
    settings: &CustodianSettings,
    word: OperatorsWord,
) -> anyhow::Result<Box<dyn Token>> {
    let token = settings.open_token(word)?;
    for warning in settings.warnings() {
        tracing::warn!(event = "weak-token", party = settings.party, "{warning}");
    }
    Ok(token)
}

/// Opens audit and register of a custodian that is about to serve, and names its ledger.
pub(crate) fn open_records(
    settings: &CustodianSettings,
    token: &dyn Token,
    trust: &Trust,
) -> anyhow::Result<Records> {
    let audit = Audit::open(&settings.audit)?;
    let register = Register::open(&settings.register)?;
    let checked = register.is_newest();
    checked
        .and_then(|()| register.check_against(token.mark()))
        .with_context(|| format!("register {}", settings.register.display()))?;
    let ledger = Ledger::new(settings.ledger.clone(), trust.manifest())?;
    Ok(Records {
        audit,
        register,
        ledger: Some(ledger),
    })
}

/// Begins an empty register where there is none, by an operator's word.
fn new_register(settings: &CustodianSettings, word: OperatorsWord) -> anyhow::Result<()> {
    let token = open(settings, word)?;
    Register::begin(&settings.register, token.mark())
        .with_context(|| format!("register {}", settings.register.display()))?;
    let audit = Audit::open(&settings.audit)?;
    let whose = (settings.custody()?.party, token.oldest_epoch());
    audit.note(KeyWork::BegunRegister, 0, whose, now_ms())?;
    println!(
        "an empty register: no head of party {}'s store is on record, and its peers alone notice \
         an old one",
        settings.party
    );
    Ok(())
}

fn make(settings: &CustodianSettings, word: OperatorsWord) -> anyhow::Result<Box<dyn Token>> {
    for warning in settings.warnings() {
        eprintln!("warning: {warning}");
    }
    settings.make_token(word).context("token")
}

fn make_file(path: &Path) -> anyhow::Result<Box<dyn Token>> {
    let made = FileToken::create(path).with_context(|| format!("token {}", path.display()))?;
    Ok(Box::new(made))
}

//! Keys, backups and restores, as `boop-custodian` carries them out.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail, ensure};
use boop_daemon::{from_toml, now_ms};
use boop_hsm::backup::{
    Backup, BackupKey, KEY_PURPOSE, MakeBackup, RestorePlan, Restored, SealingSeed, Share,
    Transcript, open_signed, restore, sign,
};
use boop_hsm::{
    Audit, Capability, CustodianSettings, IdentityPlace, KeyName, KeyWork, OperatorsWord,
    Pkcs11Settings, Pkcs11Token, Pkcs11TokenSettings, Pkcs11Vault, Register, Token as _,
    TokenError, VaultError, VaultSettings, make_drill_token,
};
use boop_wire::NetworkId;
use boop_wire::codec::{plain_digest, to_canonical};
use zeroize::Zeroizing;

use super::arguments::{
    BackupArguments, BackupKeyArguments, CheckShareArguments, CheckTranscriptArguments,
    CreateKeyArguments, CustodianArguments, DrillArguments, RestoreArguments, SourceArguments,
};
use super::files::{
    fill, print, public_key, read, read_identity, read_share, seconds_since, write_new,
};

/// Label of the token of a drill.
const DRILL: &str = "boop drill";

pub(crate) fn create_key(
    arguments: &CreateKeyArguments,
    word: OperatorsWord,
) -> anyhow::Result<ExitCode> {
    let custodian = Custodian::read(&arguments.whose, word)?;
    let token = open_for(arguments.transcript.as_deref(), &custodian)?;
    let epoch = arguments.epoch.unwrap_or(custodian.settings.epoch);
    let name = KeyName::first(custodian.network, token.party(), epoch);
    let audit = custodian.audit()?;
    let none = TokenError::Vault(VaultError::NoKey { epoch });
    let is_new = token.check(&name) == Err(none);
    token.prepare(&name, now_ms())?;
    if is_new {
        audit.note(KeyWork::Created, 1, (token.party(), epoch), now_ms())?;
    }
    let mut table = vec![
        ("key", name.id().to_string()),
        ("epoch", epoch.to_string()),
        ("check value", token.check(&name)?.to_string()),
        ("release by", token.mechanism().name().to_owned()),
    ];
    write_down(
        arguments.transcript.as_deref(),
        &token,
        "create-key",
        &mut table,
    )?;
    print(arguments.json, &table);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn backup_key(
    arguments: &BackupKeyArguments,
    word: OperatorsWord,
) -> anyhow::Result<ExitCode> {
    let out = &arguments.out;
    let custodian = Custodian::read(&arguments.whose, word)?;
    let token = open_for(arguments.transcript.as_deref(), &custodian)?;
    let mut seed = Zeroizing::new([0; 32]);
    fill(&mut *seed)?;
    let dealing = BackupKey::deal(custodian.network, token.party(), &arguments.holders, *seed)?;
    fs::DirBuilder::new()
        .mode(0o700)
        .create(out)
        .with_context(|| format!("folder {}", out.display()))?;
    let record = sign(KEY_PURPOSE, &dealing.key, &token)?;
    write_new(&out.join("backup-key.cbor"), &record)?;
    let mut table = vec![
        ("backup key", dealing.key.id().to_string()),
        ("custodian", hex::encode(token.public_key())),
        ("record", plain_digest(&record).to_string()),
    ];
    for (share, holder) in dealing.shares.iter().zip(&arguments.holders) {
        let mut seed = [0; 64];
        fill(&mut seed)?;
        let plain = Zeroizing::new(to_canonical(share));
        let sealed = holder.seal(&plain, &SealingSeed(seed))?;
        let file = format!("share-{}.age", share.number);
        write_new(&out.join(&file), &sealed)?;
        table.push(("share", format!("{file} to {holder}")));
    }
    write_down(
        arguments.transcript.as_deref(),
        &token,
        "backup-key",
        &mut table,
    )?;
    print(arguments.json, &table);
    Ok(ExitCode::SUCCESS)
}

/// Opens the token; a transcript that the command could not write to is refused before it begins.
fn open_for(transcript: Option<&Path>, custodian: &Custodian) -> anyhow::Result<Pkcs11Token> {
    let token = Pkcs11Token::open(custodian.token.clone())?;
    if let Some(path) = transcript {
        Transcript::open_or_none(path, &token.public_key())?;
    }
    Ok(token)
}

/// Adds what a command says to a transcript, and to that the name of the line.
fn write_down(
    transcript: Option<&Path>,
    token: &Pkcs11Token,
    command: &str,
    table: &mut Vec<(&str, String)>,
) -> anyhow::Result<()> {
    if let Some(path) = transcript {
        let line = Transcript::append(path, token, now_ms(), command, table)?;
        table.push(("transcript", line.to_string()));
    }
    Ok(())
}

pub(crate) fn check_transcript(arguments: &CheckTranscriptArguments) -> anyhow::Result<ExitCode> {
    let custodian = public_key(&arguments.custodian)?;
    let transcript = Transcript::open(&arguments.transcript, &custodian)?;
    let mut table = Vec::new();
    for step in &transcript.steps {
        table.push(("step", format!("{}, {}", step.step, step.command)));
        for (name, values) in &step.said {
            for value in values {
                table.push((name.as_str(), value.clone()));
            }
        }
    }
    if let Some(last) = transcript.last {
        table.push(("transcript", last.to_string()));
    }
    print(arguments.json, &table);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn check_share(arguments: &CheckShareArguments) -> anyhow::Result<ExitCode> {
    let custodian = public_key(&arguments.custodian)?;
    let record = read(&arguments.backup_key)?;
    let key: BackupKey = open_signed(KEY_PURPOSE, &record, &custodian)?;
    let identities = [read_identity(&arguments.identity)?];
    let share = read_share(&arguments.share, &identities)?;
    let checked = key.check(&share);
    let verdict = match &checked {
        Ok(()) => String::from("good"),
        Err(error) => error.to_string(),
    };
    let table = [
        ("backup key", key.id().to_string()),
        ("share", share.number.to_string()),
        ("verdict", verdict),
    ];
    print(arguments.json, &table);
    Ok(checked.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
}

pub(crate) fn backup(arguments: &BackupArguments, word: OperatorsWord) -> anyhow::Result<ExitCode> {
    let custodian = Custodian::read(&arguments.whose, word)?;
    let token = Pkcs11Token::open(custodian.token.clone())?;
    let audit = custodian.audit()?;
    let (backup, file) = MakeBackup {
        key_file: &read(&arguments.backup_key)?,
        network: custodian.network,
        token: &token,
        register: &custodian.register(arguments.never_served)?,
        now_ms: now_ms(),
    }
    .make()?;
    write_new(&arguments.out, &file)?;
    let whose = (token.party(), backup.oldest);
    audit.note(KeyWork::BackedUp, backup.keys.len(), whose, now_ms())?;
    let mut table = vec![
        ("backup", plain_digest(&file).to_string()),
        ("backup key", backup.key.id().to_string()),
        ("custodian", hex::encode(token.public_key())),
    ];
    for key in &backup.keys {
        let how = key.mechanism.name();
        table.push(("key", format!("epoch {}, {}, {how}", key.epoch, key.check)));
    }
    table.push(("lease", backup.lease.to_string()));
    print(arguments.json, &table);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn restore_all(
    arguments: &RestoreArguments,
    word: OperatorsWord,
) -> anyhow::Result<ExitCode> {
    let begun = now_ms();
    let source = Source::read(&arguments.source, word)?;
    let custodian = &source.custodian;
    let audit = custodian.audit()?;
    let restored = source.restore(&custodian.token, &custodian.settings.register)?;
    let Restored { token, brought_in } = &restored;
    let whose = (token.party(), token.oldest_epoch());
    audit.note(KeyWork::Restored, brought_in.keys.len(), whose, now_ms())?;
    let mut table = vec![
        ("custodian", hex::encode(token.public_key())),
        ("leases after", brought_in.lease.to_string()),
    ];
    for key in &brought_in.keys {
        table.push(("key", format!("epoch {}, {}", key.epoch, key.check)));
    }
    table.push(("time to recover", seconds_since(begun)));
    print(arguments.json, &table);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn drill(arguments: &DrillArguments, word: OperatorsWord) -> anyhow::Result<ExitCode> {
    if arguments.inside {
        return drill_inside(arguments, word);
    }
    let folder = &arguments.folder;
    let tokens = fs::DirBuilder::new().mode(0o700).create(folder);
    tokens.with_context(|| format!("folder {}", folder.display()))?;
    let whole = fs::canonicalize(folder)?;
    let configuration = whole.join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        whole.display()
    );
    write_new(&configuration, text.as_bytes())?;
    // The module reads where its tokens are from its environment, which no process changes for
    // itself safely.
    let status = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--inside")
        .env("SOFTHSM2_CONF", &configuration)
        .status();
    fs::remove_dir_all(&whole).context("the throw-away token could not be removed")?;
    let code = status?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn drill_inside(arguments: &DrillArguments, word: OperatorsWord) -> anyhow::Result<ExitCode> {
    let begun = now_ms();
    let source = Source::read(&arguments.source, word)?;
    let backup = Backup::open(&source.file, &source.signer)?;
    let loss = backup.loss(&source.custodian.register(arguments.never_served)?);
    let throw_away = throw_away_token(arguments, &source.custodian)?;
    let restored = source.restore(&throw_away, &arguments.folder.join("register"))?;
    let mut table = Vec::new();
    for key in &backup.keys {
        let name = KeyName::first(backup.key.network, backup.key.party, key.epoch);
        let check = restored.token.check(&name)?;
        if check != key.check {
            bail!("epoch {}: the check value differs", key.epoch);
        }
        table.push(("key", format!("epoch {}, {check}, the same", key.epoch)));
    }
    table.extend([
        ("time to recover", seconds_since(begun)),
        ("epochs lost", loss.epochs.len().to_string()),
        ("records lost", loss.records.to_string()),
        ("heads not guarded", loss.heads_not_guarded.to_string()),
    ]);
    print(arguments.json, &table);
    let whole = loss.epochs.is_empty();
    Ok(if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Makes a token for a drill; it releases by the strongest mechanism that it has.
fn throw_away_token(
    arguments: &DrillArguments,
    custodian: &Custodian,
) -> anyhow::Result<Pkcs11TokenSettings> {
    let mut pin = [0; 16];
    fill(&mut pin)?;
    let pin = hex::encode(pin);
    let pin_file = arguments.folder.join("pin");
    write_new(&pin_file, pin.as_bytes())?;
    make_drill_token(&arguments.module, DRILL, &pin)?;
    let pkcs11 = Pkcs11Settings {
        module: arguments.module.clone(),
        label: String::from(DRILL),
        pin_file,
        retry_after_wrong_pin: false,
        danger_oaep_sha1: false,
    };
    let findings = Pkcs11Vault::probe(&pkcs11)?;
    let strongest = findings.strongest(false);
    let signs = findings.has(Capability::Ed25519);
    Ok(Pkcs11TokenSettings {
        pkcs11,
        mechanism: strongest.context("the token wraps to no setup key")?,
        identity: if signs {
            IdentityPlace::Token
        } else {
            IdentityPlace::File
        },
        state: arguments.folder.join("state"),
        party: custodian.token.party,
    })
}

/// The custodian whose keys it is about.
struct Custodian {
    settings: CustodianSettings,
    network: NetworkId,
    token: Pkcs11TokenSettings,
}

impl Custodian {
    fn read(arguments: &CustodianArguments, word: OperatorsWord) -> anyhow::Result<Self> {
        let settings: CustodianSettings = from_toml(&arguments.config)?;
        let token = match settings.vault(word)? {
            VaultSettings::Pkcs11(token) => token,
            VaultSettings::File(_) => bail!(
                "the token is a file: it makes no keys and has no backup, and who copies the file \
                 has them all"
            ),
            VaultSettings::Kms(_) => bail!(
                "AWS KMS keeps its keys itself and gives none out: there is no backup of them but \
                 its own; keep copies of the state file, which has what they wrapped"
            ),
        };
        Ok(Self {
            token,
            network: arguments.network,
            settings,
        })
    }

    fn audit(&self) -> anyhow::Result<Audit> {
        Ok(Audit::open(&self.settings.audit)?)
    }

    /// A register that is looked for in the wrong place would count as empty, and leases come
    /// twice.
    fn register(&self, never_served: bool) -> anyhow::Result<Register> {
        let path = &self.settings.register;
        ensure!(
            path.exists() != never_served,
            "{} {}: --never-served is for a custodian that has released no key yet, and only for \
             one",
            path.display(),
            if never_served {
                "is there"
            } else {
                "is not there"
            },
        );
        Ok(Register::open(path)?)
    }
}

/// What a restore is made from.
struct Source {
    custodian: Custodian,
    file: Vec<u8>,
    signer: [u8; 32],
    shares: Vec<Share>,
}

impl Source {
    fn read(arguments: &SourceArguments, word: OperatorsWord) -> anyhow::Result<Self> {
        let identities = arguments.identities.iter();
        let identities: Vec<_> = identities
            .map(|path| read_identity(path))
            .collect::<Result<_, _>>()?;
        let shares = arguments.shares.iter();
        Ok(Self {
            custodian: Custodian::read(&arguments.whose, word)?,
            file: read(&arguments.backup)?,
            signer: public_key(&arguments.custodian)?,
            shares: shares
                .map(|path| read_share(path, &identities))
                .collect::<Result<_, _>>()?,
        })
    }

    fn restore(&self, token: &Pkcs11TokenSettings, register: &Path) -> anyhow::Result<Restored> {
        Ok(restore(&RestorePlan {
            file: &self.file,
            custodian: self.signer,
            network: self.custodian.network,
            shares: &self.shares,
            token,
            lease_epoch: self.custodian.settings.epoch,
            register,
            now_ms: now_ms(),
        })?)
    }
}

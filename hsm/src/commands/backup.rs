//! Keys, backups and restores, as `boop-custodian` carries them out.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail, ensure};
use boop_daemon::now_ms;
use boop_hsm::backup::{
    Backup, BackupKey, Identity, KEY_PURPOSE, MakeBackup, RestorePlan, SealingSeed, Share,
    StoredKeys, open_signed, restore, sign,
};
use boop_hsm::{
    FileToken, KeyName, Pkcs11Settings, Pkcs11Vault, Register, Token as _, Vault as _,
    make_drill_token,
};
use boop_wire::codec::{from_canonical_max, plain_digest, to_canonical};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::arguments::{
    BackupArguments, BackupKeyArguments, CheckShareArguments, CreateKeyArguments, DrillArguments,
    RestoreArguments, SourceArguments,
};

/// Largest file that is read here, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Largest share, in bytes.
const SHARE_BYTES_MAX: usize = 256;
/// First bytes of a file of age.
const AGE: &[u8] = b"age-encryption.org/";
/// Label of the token of a drill.
const DRILL: &str = "boop drill";

pub(crate) fn create_key(arguments: &CreateKeyArguments) -> anyhow::Result<ExitCode> {
    let CreateKeyArguments { whose, epoch, .. } = arguments;
    let name = KeyName::first(whose.network, whose.party, *epoch);
    let mut keys = StoredKeys::open_or_none(&arguments.keys)?;
    let taken = keys.list().iter().any(|(taken, _)| taken == epoch);
    ensure!(!taken, "there is a stored key of epoch {epoch} already");
    let vault = open_vault(arguments.token.settings())?;
    let stored = vault.create(&name)?;
    let check = vault.check(&name, &stored)?;
    keys.put(*epoch, &stored);
    keys.replace(&arguments.keys)?;
    let table = [
        ("key", name.id().to_string()),
        ("epoch", epoch.to_string()),
        ("check value", check.to_string()),
        ("release by", vault.mechanism().name().to_owned()),
    ];
    print(arguments.json, &table);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn backup_key(arguments: &BackupKeyArguments) -> anyhow::Result<ExitCode> {
    let BackupKeyArguments { whose, out, .. } = arguments;
    let token = open_token(&arguments.token)?;
    let mut seed = Zeroizing::new([0; 32]);
    fill(&mut *seed)?;
    let dealing = BackupKey::deal(whose.network, whose.party, &arguments.holders, *seed)?;
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

pub(crate) fn backup(arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    let BackupArguments { whose, out, .. } = arguments;
    let signer = open_token(&arguments.signer)?;
    let vault = open_vault(arguments.vault.settings())?;
    let (backup, file) = MakeBackup {
        key_file: &read(&arguments.backup_key)?,
        network: whose.network,
        party: whose.party,
        vault: &vault,
        stored: &StoredKeys::open(&arguments.keys)?.list(),
        register: &open_register(&arguments.register, arguments.never_served)?,
        now_ms: now_ms(),
    }
    .make(&signer)?;
    write_new(out, &file)?;
    let mut table = vec![
        ("backup", plain_digest(&file).to_string()),
        ("backup key", backup.key.id().to_string()),
        ("custodian", hex::encode(signer.public_key())),
    ];
    for key in &backup.keys {
        let how = key.mechanism.name();
        table.push(("key", format!("epoch {}, {}, {how}", key.epoch, key.check)));
    }
    for (epoch, lease) in backup.leases() {
        table.push(("lease", format!("epoch {epoch}, {lease}")));
    }
    print(arguments.json, &table);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn restore_all(arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    let begun = now_ms();
    ensure!(!arguments.keys.exists(), "there are stored keys already");
    let source = Source::read(&arguments.source)?;
    let vault = open_vault(arguments.vault.settings())?;
    let restored = restore(&source.plan(&vault, &arguments.register))?;
    let mut keys = StoredKeys::default();
    let mut table = Vec::new();
    for key in &restored.keys {
        keys.put(key.epoch, &key.stored);
        table.push(("key", format!("epoch {}, {}", key.epoch, key.check)));
    }
    keys.create(&arguments.keys)?;
    table.push(("time to recover", seconds_since(begun)));
    print(arguments.json, &table);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn drill(arguments: &DrillArguments) -> anyhow::Result<ExitCode> {
    if arguments.inside {
        return drill_inside(arguments);
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

fn drill_inside(arguments: &DrillArguments) -> anyhow::Result<ExitCode> {
    let begun = now_ms();
    let source = Source::read(&arguments.source)?;
    let backup = Backup::open(&source.file, &source.custodian)?;
    let loss = backup.loss(&open_register(&arguments.register, arguments.never_served)?);
    let mut pin = [0; 16];
    fill(&mut pin)?;
    let pin = hex::encode(pin);
    let pin_file = arguments.folder.join("pin");
    write_new(&pin_file, pin.as_bytes())?;
    make_drill_token(&arguments.module, DRILL, &pin)?;
    let vault = open_vault(Pkcs11Settings {
        module: arguments.module.clone(),
        label: String::from(DRILL),
        pin_file,
        retry_after_wrong_pin: false,
        danger_oaep_sha1: false,
    })?;
    let restored = restore(&source.plan(&vault, &arguments.folder.join("register")))?;
    let mut table = Vec::new();
    for (key, backed_up) in restored.keys.iter().zip(&backup.keys) {
        let name = KeyName::first(backup.key.network, backup.key.party, key.epoch);
        let check = vault.check(&name, &key.stored)?;
        if check != backed_up.check {
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

/// What a restore is made from.
struct Source<'a> {
    arguments: &'a SourceArguments,
    file: Vec<u8>,
    custodian: [u8; 32],
    shares: Vec<Share>,
}

impl<'a> Source<'a> {
    fn read(arguments: &'a SourceArguments) -> anyhow::Result<Self> {
        let identities = arguments.identities.iter();
        let identities: Vec<_> = identities
            .map(|path| read_identity(path))
            .collect::<Result<_, _>>()?;
        let shares = arguments.shares.iter();
        Ok(Self {
            arguments,
            file: read(&arguments.backup)?,
            custodian: public_key(&arguments.custodian)?,
            shares: shares
                .map(|path| read_share(path, &identities))
                .collect::<Result<_, _>>()?,
        })
    }

    fn plan<'b>(&'b self, vault: &'b Pkcs11Vault, register: &'b Path) -> RestorePlan<'b> {
        RestorePlan {
            file: &self.file,
            custodian: self.custodian,
            network: self.arguments.whose.network,
            party: self.arguments.whose.party,
            shares: &self.shares,
            vault,
            register,
        }
    }
}

fn read_share(path: &Path, identities: &[Identity]) -> anyhow::Result<Share> {
    let what = || format!("share {}", path.display());
    let bytes = Zeroizing::new(read(path)?);
    let plain = if bytes.starts_with(AGE) {
        let mut opened = identities.iter().map(|identity| identity.open(&bytes));
        let opened = opened.find_map(Result::ok);
        opened.with_context(|| format!("{} is for none of the identities", what()))?
    } else {
        bytes
    };
    from_canonical_max(&plain, SHARE_BYTES_MAX).with_context(what)
}

fn read_identity(path: &Path) -> anyhow::Result<Identity> {
    let what = || format!("identity {}", path.display());
    let bytes = Zeroizing::new(read(path)?);
    let text = std::str::from_utf8(&bytes).with_context(what)?;
    Identity::from_file(text).with_context(what)
}

/// Opens a token; it releases by the strongest mechanism that it offers.
fn open_vault(settings: Pkcs11Settings) -> anyhow::Result<Pkcs11Vault> {
    let findings = Pkcs11Vault::probe(&settings)?;
    let strongest = findings.strongest(settings.danger_oaep_sha1);
    let mechanism = strongest.context("the token wraps to no setup key")?;
    Ok(Pkcs11Vault::open(settings, mechanism)?)
}

fn open_token(path: &Path) -> anyhow::Result<FileToken> {
    FileToken::open(path).with_context(|| format!("token {}", path.display()))
}

/// A register that is looked for in the wrong place would count as empty, and leases come twice.
fn open_register(path: &Path, never_served: bool) -> anyhow::Result<Register> {
    ensure!(
        path.exists() != never_served,
        "{} {}: --never-served is for a custodian that has released no key yet, and only for one",
        path.display(),
        if never_served {
            "is there"
        } else {
            "is not there"
        },
    );
    Ok(Register::open(path)?)
}

fn public_key(text: &str) -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    let decoded = hex::decode_to_slice(text, &mut key);
    decoded.map_err(|_| anyhow::anyhow!("the custodian's key is not 64 hexadecimal digits"))?;
    Ok(key)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let what = || path.display().to_string();
    let length = fs::metadata(path).with_context(what)?.len();
    ensure!(length <= FILE_BYTES_MAX, "{} is too long", what());
    fs::read(path).with_context(what)
}

fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let what = || path.display().to_string();
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).with_context(what)?;
    file.write_all(bytes).with_context(what)?;
    file.sync_all().with_context(what)
}

fn fill(bytes: &mut [u8]) -> anyhow::Result<()> {
    getrandom::fill(bytes).map_err(|_| anyhow::anyhow!("the operating system gives no randomness"))
}

fn seconds_since(begun_ms: u64) -> String {
    let spent = now_ms().saturating_sub(begun_ms);
    format!("{}.{:03} s", spent / 1000, spent % 1000)
}

/// Prints a table, or JSON: a name that comes more than once is a list.
fn print(as_json: bool, table: &[(&str, String)]) {
    if !as_json {
        for (name, value) in table {
            println!("{name:18} {value}");
        }
        return;
    }
    let mut object = serde_json::Map::new();
    for (name, value) in table {
        let name = name.replace(' ', "_");
        match object.get_mut(&name) {
            Some(Value::Array(list)) => list.push(json!(value)),
            Some(first) => *first = json!([first.clone(), value]),
            None => {
                object.insert(name, json!(value));
            }
        }
    }
    println!("{}", Value::Object(object));
}

//! What the commands about keys and backups read, write and print.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use boop_daemon::now_ms;
use boop_hsm::backup::{Identity, Share};
use boop_wire::codec::from_canonical_max;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Largest file that is read here, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Largest share, in bytes.
const SHARE_BYTES_MAX: usize = 256;
/// First bytes of a file of age.
const AGE: &[u8] = b"age-encryption.org/";

pub(super) fn read_share(path: &Path, identities: &[Identity]) -> anyhow::Result<Share> {
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

pub(super) fn read_identity(path: &Path) -> anyhow::Result<Identity> {
    let what = || format!("identity {}", path.display());
    let bytes = Zeroizing::new(read(path)?);
    let text = std::str::from_utf8(&bytes).with_context(what)?;
    Identity::from_file(text).with_context(what)
}

pub(super) fn public_key(text: &str) -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    let decoded = hex::decode_to_slice(text, &mut key);
    decoded.map_err(|_| anyhow::anyhow!("the custodian's key is not 64 hexadecimal digits"))?;
    Ok(key)
}

pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let what = || path.display().to_string();
    let length = fs::metadata(path).with_context(what)?.len();
    ensure!(length <= FILE_BYTES_MAX, "{} is too long", what());
    fs::read(path).with_context(what)
}

pub(super) fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let what = || path.display().to_string();
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).with_context(what)?;
    file.write_all(bytes).with_context(what)?;
    file.sync_all().with_context(what)
}

pub(super) fn fill(bytes: &mut [u8]) -> anyhow::Result<()> {
    getrandom::fill(bytes).map_err(|_| anyhow::anyhow!("the operating system gives no randomness"))
}

pub(super) fn seconds_since(begun_ms: u64) -> String {
    let spent = now_ms().saturating_sub(begun_ms);
    format!("{}.{:03} s", spent / 1000, spent % 1000)
}

/// Prints a table, or JSON: a name that comes more than once is a list.
pub(super) fn print(as_json: bool, table: &[(&str, String)]) {
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

//! `boop manifest`: the rules of a network, made, compared, approved and checked.
//!
//! A manifest is a file with canonical bytes and the approvals they carry; its twin is JSON that
//! says the same. Whether a change adds trust, a chain leads from its genesis and parties differ
//! as they must is judged by `boop-channel`, for every process alike.

mod add;
mod approve;
mod diff;
mod key;
mod new;
mod publish;
mod show;
mod twin;
mod verify;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use boop_channel::manifest::{APPROVERS_MAX, Breach, Head, diversity_breaches};
use boop_sdk::NetworkFile;
use boop_wire::NetworkId;
use boop_wire::codec::to_canonical;
use boop_wire::manifest::{ApproverKey, Approvers, Manifest, SignedManifest, VERSIONS_BYTES_MAX};
use serde_json::{Value, json};

use crate::arguments::{ApproverArguments, ManifestCommand};
use crate::console::{Console, Mark};
use crate::plain::plain;
use crate::verify::read_file;
use crate::{Answer, Now};

/// Who could answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// A person at a terminal.
    Terminal,
    /// Nobody: a script, a pipe.
    Nobody,
}

/// Carries out a command about manifests.
///
/// # Errors
/// If a file cannot be read or written, or arguments do not go together.
pub fn run(
    command: &ManifestCommand,
    answers: Answers,
    now: Now,
    console: &Console,
) -> anyhow::Result<Answer> {
    match command {
        ManifestCommand::New(arguments) => new::run(arguments, now, console),
        ManifestCommand::Show(arguments) => show::run(arguments, console),
        ManifestCommand::Diff(arguments) => diff::run(arguments, now, console),
        ManifestCommand::Approve(arguments) => approve::run(arguments, (answers, now), console),
        ManifestCommand::Verify(arguments) => verify::run(arguments, now, console),
        ManifestCommand::Publish(arguments) => publish::run(arguments, console),
        ManifestCommand::Add(arguments) => add::run(arguments, now, console),
        ManifestCommand::Key(arguments) => key::run(arguments, console),
    }
}

/// A manifest as a file has it: the newest, if there are several. Its form holds; its approvals are
/// not looked at.
struct Loaded {
    signed: SignedManifest,
    manifest: Manifest,
    head: Head,
    /// The versions before it in the file, oldest first.
    before: Vec<SignedManifest>,
}

impl Loaded {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = read_file(path, u64::try_from(VERSIONS_BYTES_MAX)?)?;
        Self::of(&bytes).with_context(|| format!("{} is not a manifest", path.display()))
    }

    fn of(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut versions = SignedManifest::versions(bytes)?;
        let newest = versions.pop().context("there is none in it")?;
        let mut loaded = Self::of_signed(newest)?;
        loaded.before = versions;
        Ok(loaded)
    }

    fn of_signed(signed: SignedManifest) -> anyhow::Result<Self> {
        let (head, manifest) = Head::read(&signed)?;
        Ok(Self {
            signed,
            manifest,
            head,
            before: Vec::new(),
        })
    }

    /// Returns all versions in the file, oldest first.
    fn versions(&self) -> Vec<SignedManifest> {
        let all = self.before.iter().chain([&self.signed]);
        all.cloned().collect()
    }

    /// Returns the file's bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let all = self.before.iter().chain([&self.signed]);
        all.flat_map(to_canonical).collect()
    }
}

/// Who may approve, and of which network if a network file says so.
struct Known {
    approvers: Approvers,
    network: Option<NetworkId>,
}

impl Known {
    fn read(arguments: &ApproverArguments) -> anyhow::Result<Option<Self>> {
        let (keys, needed, network) = match (&arguments.network, arguments.needed) {
            (Some(path), _) => {
                let file = NetworkFile::load(path)?;
                (file.approvers, file.approvals_needed, Some(file.network_id))
            }
            (None, Some(needed)) => (arguments.approvers.clone(), needed, None),
            (None, None) => return Ok(None),
        };
        let keys: Vec<ApproverKey> = keys.iter().map(approver).collect::<anyhow::Result<_>>()?;
        if keys.len() > APPROVERS_MAX {
            bail!("there are more than {APPROVERS_MAX} approvers");
        }
        let approvers = Approvers { keys, needed };
        Ok(Some(Self { approvers, network }))
    }

    fn may_approve(&self, key: &[u8; 32]) -> bool {
        self.approvers
            .keys
            .iter()
            .any(|approver| approver.0 == *key)
    }

    /// Says whether a key is configured, or named by the version whose rules count.
    fn or_named(&self, rules: &Manifest, key: &[u8; 32]) -> bool {
        self.may_approve(key) || rules.approvers.iter().any(|entry| entry.key == *key)
    }
}

fn approver(text: &String) -> anyhow::Result<ApproverKey> {
    let mut key = [0; 32];
    match hex::decode_to_slice(text, &mut key) {
        Ok(()) => Ok(ApproverKey(key)),
        Err(_) => bail!("the approver {text} is not a key of 64 hexadecimal digits"),
    }
}

/// What does not differ as it must: what refuses a manifest, and what it is only warned of.
struct Diversity {
    refusals: Vec<Breach>,
    warnings: Vec<Breach>,
}

impl Diversity {
    fn of(manifest: &Manifest, known: Option<&Known>) -> Self {
        let breaches = diversity_breaches(manifest, known.map(|known| &known.approvers));
        let (warnings, refusals) = breaches
            .into_iter()
            .partition(|breach| breach.is_warning(manifest.simulated));
        Self { refusals, warnings }
    }

    fn print(&self, console: &Console) {
        let word = console.word(Mark::Fail);
        for breach in &self.refusals {
            console.line(format_args!("  {word}  {}: {breach}", breach.rule().name()));
        }
        self.print_warnings(console);
    }

    fn print_warnings(&self, console: &Console) {
        let word = console.warning("warn");
        for breach in &self.warnings {
            console.line(format_args!("  {word}  {}: {breach}", breach.rule().name()));
        }
    }

    fn described(breaches: &[Breach]) -> Vec<Value> {
        let value = |breach: &Breach| {
            let (rule, detail) = (breach.rule().name(), breach.to_string());
            json!({ "rule": rule, "detail": detail })
        };
        breaches.iter().map(value).collect()
    }
}

fn print_head(loaded: &Loaded, console: &Console) {
    let Loaded { manifest, head, .. } = loaded;
    console.field("name", plain(&manifest.name));
    console.field("version", head.version);
    console.field("digest", head.digest);
    console.field("network", head.network);
    if manifest.simulated {
        console.field("hardware", console.warning("simulated: protects nothing"));
    }
}

/// Puts new bytes in a file's place at once, so that nobody reads half of them and nothing that it
/// held is lost half-way. Who may read it stays.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let partial = path.with_added_extension("partial");
        let mut file = fs::File::create(&partial)?;
        file.write_all(bytes)?;
        if let Ok(before) = fs::metadata(path) {
            file.set_permissions(before.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

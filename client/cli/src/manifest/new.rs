//! From the twin to the manifest.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use boop_wire::codec::to_canonical;
use boop_wire::manifest::{MANIFEST_BYTES_MAX, SignedManifest};
use serde_json::json;

use super::twin::{EXAMPLE, TWIN_BYTES_MAX};
use super::{Diversity, Loaded, print_head, twin};
use crate::arguments::NewArguments;
use crate::console::Console;
use crate::verify::read_file;
use crate::{Answer, Now};

/// Makes a manifest, or prints a twin to start from.
pub(super) fn run(arguments: &NewArguments, now: Now, console: &Console) -> anyhow::Result<Answer> {
    let Some(path) = &arguments.twin else {
        let mut example = EXAMPLE.to_owned();
        for (at, key) in twin::read(EXAMPLE.as_bytes(), None)?
            .approvers
            .iter()
            .zip(&arguments.approvers)
        {
            example = example.replace(&hex::encode(at.key), key);
        }
        console.bytes(example.as_bytes());
        return Ok(Answer::Yes);
    };
    let before = arguments.next_of.as_deref().map(Loaded::read).transpose()?;
    let loaded = from_twin(path, before.as_ref(), now)?;
    let diversity = Diversity::of(&loaded.manifest, None);
    let holds = diversity.refusals.is_empty();
    if let (true, Some(out)) = (holds, &arguments.out) {
        write_new(out, &to_canonical(&loaded.signed))?;
    }
    if arguments.json {
        console.json(&json!({
            "made": holds,
            "version": loaded.head.version,
            "digest": loaded.head.digest.to_string(),
            "network": loaded.head.network.to_string(),
            "simulated": loaded.manifest.simulated,
            "refusals": Diversity::described(&diversity.refusals),
            "warnings": Diversity::described(&diversity.warnings),
        }))?;
        return Ok(holds.into());
    }
    let text = match (holds, &arguments.out) {
        (true, Some(_)) => "made, and not yet approved",
        (true, None) => "this makes a manifest; --out writes it",
        (false, _) => "not made: the parties do not differ as they must",
    };
    console.line(console.headline(holds, text));
    print_head(&loaded, console);
    diversity.print(console);
    Ok(holds.into())
}

/// Reads a twin as the manifest that it makes, without approvals.
pub(super) fn from_twin(path: &Path, before: Option<&Loaded>, now: Now) -> anyhow::Result<Loaded> {
    let path = match path.to_str() {
        Some("-") => Path::new("/dev/stdin"),
        _ => path,
    };
    let unusable = || format!("{} is not a twin", path.display());
    let bytes = read_file(path, TWIN_BYTES_MAX)?;
    let head = before.map(|before| (&before.head, now.unix_ms));
    let manifest = to_canonical(&twin::read(&bytes, head).with_context(unusable)?);
    if manifest.len() > MANIFEST_BYTES_MAX {
        bail!("the manifest would be longer than {MANIFEST_BYTES_MAX} bytes");
    }
    let approvals = Vec::new();
    Loaded::of_signed(SignedManifest {
        manifest,
        approvals,
    })
    .with_context(unusable)
}

/// Approvals are not easily had again, so no file is overwritten.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let unwritten = || format!("cannot write {}", path.display());
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).open(path);
    let mut file = file.with_context(unwritten)?;
    file.write_all(bytes).with_context(unwritten)
}

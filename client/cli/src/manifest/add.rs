//! Hands the next version to the processes of a machine: puts it behind the versions in the file
//! that their configurations name [EVI-8].

use boop_channel::manifest::check_successor;
use boop_wire::codec::to_canonical;
use boop_wire::manifest::SignedManifest;
use serde_json::json;

use super::{Loaded, replace};
use crate::arguments::AddArguments;
use crate::console::Console;
use crate::{Answer, Now};

/// Adds a version to a file.
pub(super) fn run(arguments: &AddArguments, now: Now, console: &Console) -> anyhow::Result<Answer> {
    let next = Loaded::read(&arguments.manifest)?;
    let file = Loaded::read(&arguments.to)?;
    let (version, digest) = (next.head.version, next.head.digest);
    if digest == file.head.digest {
        say(arguments, &next, "it is there already", console)?;
        return Ok(Answer::Yes);
    }
    let delay_s = match check_successor(&file.signed, &next.signed) {
        Ok(delay_s) => delay_s,
        Err(error) => return refused(arguments, version, &error.to_string(), console),
    };
    let bytes = [file.to_bytes(), to_canonical(&next.signed)].concat();
    if let Err(error) = SignedManifest::versions(&bytes) {
        let why = format!(
            "the file would be too long ({error}): begin it with a version whose approvers are \
             named in the configurations"
        );
        return refused(arguments, version, &why, console);
    }
    replace(&arguments.to, &bytes)?;
    let from_ms = next.head.created_ms + u64::from(delay_s) * 1000;
    let when = match now.unix_ms >= from_ms {
        true => "running processes take it within seconds, if the log has it".to_owned(),
        false => format!("running processes take it from {from_ms} ms on, if the log has it"),
    };
    say(arguments, &next, &when, console)?;
    Ok(Answer::Yes)
}

fn say(
    arguments: &AddArguments,
    next: &Loaded,
    when: &str,
    console: &Console,
) -> anyhow::Result<()> {
    let (version, file) = (next.head.version, arguments.to.display().to_string());
    if arguments.json {
        let digest = next.head.digest.to_string();
        return console.json(&json!({
            "added": true, "version": version, "digest": digest, "file": file, "when": when,
        }));
    }
    console.line(console.headline(true, &format!("version {version} is in {file}")));
    console.line(format!("  {when}"));
    Ok(())
}

fn refused(
    arguments: &AddArguments,
    version: u64,
    why: &str,
    console: &Console,
) -> anyhow::Result<Answer> {
    if arguments.json {
        console.json(&json!({ "added": false, "version": version, "why": why }))?;
    } else {
        console.line(console.headline(false, "not added"));
        console.line(format!("  {why}"));
    }
    Ok(Answer::No)
}

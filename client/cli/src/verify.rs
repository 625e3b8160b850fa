//! `boop verify`: evidence of a file, a folder or an address, judged and explained.

mod case;
mod conditions;
mod explain;
mod input;
mod json;
mod lists;
mod page;
mod report;
mod sheet;
mod text;
mod write;

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arguments::VerifyArguments;
use crate::console::Console;
use crate::{Answer, Now};
use case::Case;
use conditions::Conditions;
pub(crate) use input::read_file;
use sheet::Sheet;
use text::plain;

/// Judges evidence and prints the verdict.
///
/// # Errors
/// If the arguments do not fit together, the evidence cannot be read, or a file cannot be written.
pub fn run(arguments: &VerifyArguments, now: Now, console: &Console) -> anyhow::Result<Answer> {
    if arguments.list_reasons {
        lists::print(console);
        return Ok(Answer::Yes);
    }
    let conditions = Conditions::read(arguments, now)?;
    if arguments.show_policy {
        if arguments.evidence.is_some() {
            bail!("--show-policy prints the policy alone; leave the evidence out");
        }
        for line in conditions.policy_text.trim_end().lines() {
            let parts: Vec<String> = line.split('\t').map(plain).collect();
            console.line(parts.join("\t"));
        }
        return Ok(Answer::Yes);
    }
    let key = write::ear_key(arguments)?;
    let name = arguments.evidence.as_deref().unwrap_or_default();
    let input = input::read(name, arguments, conditions.at)?;
    let case = Case::judge(input, conditions)?;
    write::files(&case, arguments)?;
    match (key, arguments.ear) {
        (Some(key), Some(form)) => write::ear(&case, form, &key, now, console)?,
        _ if arguments.json => console.json(&json::described(&case))?,
        _ if arguments.explain => explain::print(&Sheet::of(&case, arguments), console),
        _ => report::summarise(&case, console),
    }
    Ok(case.accepted().into())
}

/// Returns the text of a Unix time in seconds, as `--at` takes it.
pub(crate) fn rfc3339(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// Decodes base64 of either alphabet, with or without padding and line ends.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD
        .decode(&text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_either_alphabet_is_read() {
        for text in ["-_8=", "-_8", "+/8=", "+/\n8=\n"] {
            assert_eq!(from_base64(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        assert_eq!(from_base64("?"), None);
    }
}

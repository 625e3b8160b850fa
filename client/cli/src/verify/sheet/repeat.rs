//! The command that judges the same bytes by the same rules again, without a network.

use boop_wire::binding::Binding;

use crate::arguments::VerifyArguments;
use crate::plain::hides;
use crate::verify::case::Case;
use crate::verify::input::{ISSUER_CERTIFICATE, KEY_CERTIFICATE, REVOCATION_LIST};
use crate::verify::rfc3339;

/// Name of a file for evidence that was not read from one.
const SAVED: &str = "evidence.cmw";

/// Writes the command for a shell.
pub(super) fn command(case: &Case, arguments: &VerifyArguments) -> String {
    let conditions = &case.conditions;
    let mut words: Vec<String> = Vec::new();
    let given = arguments.evidence.as_deref().unwrap_or_default();
    let away = given == "-" || given.contains("://") || fetches(arguments);
    let saved = away || arguments.cmw.is_some();
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), quoted(value)]);
    if saved {
        let file = arguments.cmw.as_ref();
        let file = file.map_or_else(|| SAVED.into(), |path| path.display().to_string());
        option("boop verify", &file);
    } else {
        option("boop verify", given);
        // A file that lay beside the report is named too, so that the command needs no folder.
        for (name, what) in [
            ("--vek", KEY_CERTIFICATE),
            ("--intermediate", ISSUER_CERTIFICATE),
            ("--crl", REVOCATION_LIST),
        ] {
            let mut sources = case.input.sources.iter();
            if let Some(source) = sources.find(|source| source.what == what) {
                option(name, &source.from);
            }
        }
    }
    option("--policy", &arguments.policy);
    option("--at", &rfc3339(conditions.at.0));
    match &case.input.bundle {
        // The binding is not in the file: what it demands is named, unless nothing was asked of it.
        Some(bundle) if saved => {
            if case.is_named() || !case.extras_hold() {
                let data = Binding::report_data_of(&bundle.binding);
                option("--report-data", &hex::encode(data));
            }
        }
        _ => {
            if let Some(nonce) = &conditions.nonce {
                option("--nonce", &hex::encode(nonce));
            }
            if let Some(data) = &conditions.report_data {
                option("--report-data", &hex::encode(data));
            }
            if let Some(path) = &arguments.network {
                option("--network", &path.display().to_string());
            }
        }
    }
    if let Some(path) = &arguments.roots {
        option("--roots", &path.display().to_string());
    }
    if arguments.danger_simulated_tee {
        words.push("--danger-simulated-tee".into());
    }
    words.join(" ")
}

/// Says why the command needs a file first, when it does.
pub(super) fn note(arguments: &VerifyArguments) -> Option<String> {
    let given = arguments.evidence.as_deref().unwrap_or_default();
    let away = given == "-" || given.contains("://") || fetches(arguments);
    (away && arguments.cmw.is_none())
        .then(|| format!("to judge the same again, save evidence and certificates: --cmw {SAVED}"))
}

fn fetches(arguments: &VerifyArguments) -> bool {
    arguments.kds || arguments.kds_url.is_some() || arguments.cache.is_some()
}

/// Quotes a word unless it is plain; what would not be seen is written by its bytes.
fn quoted(word: &str) -> String {
    if word.chars().any(hides) {
        return escaped(word);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Writes a word as `$'..'`.
fn escaped(word: &str) -> String {
    let mut text = String::from("$'");
    for c in word.chars() {
        match c {
            '\'' | '\\' => text.extend(['\\', c]),
            c if hides(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    text.push_str(&format!("\\x{byte:02x}"));
                }
            }
            c => text.push(c),
        }
    }
    text + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_when_a_shell_would_read_them_otherwise() {
        assert_eq!(quoted("a/b-c.bin"), "a/b-c.bin");
        assert_eq!(quoted("my report"), "'my report'");
        assert_eq!(quoted("$(x)"), "'$(x)'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn what_would_not_be_seen_is_written_by_its_bytes() {
        assert_eq!(quoted("a\u{1b}[2J"), "$'a\\x1b[2J'");
        assert_eq!(
            quoted("it's\n\\\u{202e}"),
            "$'it\\'s\\x0a\\\\\\xe2\\x80\\xae'"
        );
    }
}

//! Everything that a verdict can carry, with its meaning.

use boop_verifier::{Flag, Reason};

use super::text::wrap;
use crate::console::Console;

/// Prints reasons and flags.
pub(super) fn print(console: &Console) {
    console.line(console.bold("Reasons: each refuses the evidence"));
    let field = "payload-unknown-field:NAME";
    let meaning = "The payload has a field that the format does not know.";
    let reasons = Reason::ALL.iter();
    let reasons = reasons.map(|reason| (reason.as_str(), reason.meaning()));
    for (code, meaning) in reasons.chain([(field, meaning)]) {
        entry(code, meaning, console);
    }
    console.line("");
    console.line(console.bold("Flags: worth a look, refuse nothing by themselves"));
    for flag in Flag::ALL {
        entry(flag.as_str(), flag.meaning(), console);
    }
}

fn entry(code: &str, meaning: &str, console: &Console) {
    console.line(format_args!("  {code}"));
    for line in wrap(meaning, 6) {
        console.line(format_args!("      {line}"));
    }
}

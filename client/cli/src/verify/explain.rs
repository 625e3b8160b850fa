//! The verdict explained on a terminal, for a reader who may never have seen a report.

use boop_verifier::Outcome;

use super::sheet::{Field, Group, LevelPart, Sheet, StepPart, Tone};
use super::text::wrap;
use crate::console::{Console, Mark};

/// Column of the texts under a step.
const STEP_INDENT: usize = 20;
/// Column of the values of a field.
const FIELD_INDENT: usize = 6;

/// Prints the whole sheet.
pub(super) fn print(sheet: &Sheet, console: &Console) {
    console.line(console.headline(sheet.accepted, &sheet.summary));
    head(sheet, console);
    for level in &sheet.levels {
        print_level(level, console);
    }
    if !sheet.flags.is_empty() {
        title("Worth a look (refuses nothing by itself)", console);
        for (code, meaning) in &sheet.flags {
            console.line(format_args!("  {}", console.warning(code)));
            paragraph(meaning, FIELD_INDENT, console);
        }
    }
    for group in &sheet.groups {
        print_group(group, console);
    }
    chain(sheet, console);
    title("What this verdict proves", console);
    bullets(&sheet.proves, console);
    title("What it does not prove", console);
    bullets(&sheet.proves_not, console);
    title("The bytes that it rests on (SHA-256)", console);
    for source in &sheet.sources {
        console.line(format_args!("  {}", source.sha256));
        let from = format!("{}, {} bytes: {}", source.what, source.bytes, source.from);
        paragraph(&from, FIELD_INDENT, console);
    }
    title("The same again, offline", console);
    console.line(format_args!("  {}", sheet.command));
    console.line(
        "\npass: compared and found so. FAIL: compared and found otherwise. open: nothing to\n\
         compare with, or left open by the policy.",
    );
}

fn head(sheet: &Sheet, console: &Console) {
    let mut lines = vec![
        ("evidence", sheet.subject.as_str()),
        ("from", sheet.origin.as_str()),
        ("policy", sheet.policy.as_str()),
    ];
    lines.extend(sheet.tier.map(|tier| ("trust tier", tier)));
    lines.push(("judged at", sheet.judged_at.as_str()));
    lines.extend(sheet.notes.iter().map(|note| ("note", note.as_str())));
    for (name, text) in lines {
        labelled(&format!("  {name:<15}"), text, console);
    }
}

fn print_level(level: &LevelPart, console: &Console) {
    let result = console.toned(level.result, mark_of(level.tone));
    title(&format!("{}: {}", level.name, level.question), console);
    console.line(format_args!("  {result}"));
    paragraph(&level.meaning, 2, console);
    for step in &level.steps {
        print_step(step, console);
    }
}

fn print_step(step: &StepPart, console: &Console) {
    let word = console.word(match step.outcome {
        Outcome::Pass => Mark::Pass,
        Outcome::Fail => Mark::Fail,
        Outcome::NotChecked => Mark::Open,
    });
    console.line(format_args!(
        "\n  {:>2}. {word}  {}",
        step.number, step.title
    ));
    labelled("          compared  ", &step.detail, console);
    labelled("          why       ", &step.why, console);
    for (code, meaning) in &step.reasons {
        labelled(
            "          reason    ",
            &format!("{code} - {meaning}"),
            console,
        );
    }
}

fn print_group(group: &Group, console: &Console) {
    title(group.title, console);
    paragraph(group.about, 2, console);
    for field in &group.fields {
        print_field(field, console);
    }
}

fn print_field(field: &Field, console: &Console) {
    let value = match field.tone {
        Tone::Bad => console.toned(&field.value, Mark::Fail),
        Tone::Open => console.toned(&field.value, Mark::Open),
        Tone::Good | Tone::Plain => field.value.clone(),
    };
    let line = field.name.chars().count() + field.value.chars().count() + 4;
    if line <= 96 {
        console.line(format_args!("\n  {}: {value}", field.name));
    } else {
        console.line(format_args!("\n  {}:", field.name));
        paragraph(&field.value, FIELD_INDENT, console);
    }
    paragraph(&field.meaning, FIELD_INDENT, console);
}

fn chain(sheet: &Sheet, console: &Console) {
    if sheet.chain.is_empty() {
        return;
    }
    title("Certificates, from the signing key up to the root", console);
    for certificate in &sheet.chain {
        console.line(format_args!("\n  {}", certificate.part));
        labelled("      subject    ", &certificate.subject, console);
        if !certificate.serial.is_empty() {
            labelled("      issued by  ", &certificate.issuer, console);
            labelled("      serial     ", &certificate.serial, console);
            let life = format!("{} to {}", certificate.from, certificate.until);
            labelled("      valid      ", &life, console);
        }
        if !certificate.sha256.is_empty() {
            labelled("      sha-256    ", &certificate.sha256, console);
        }
    }
}

fn title(text: &str, console: &Console) {
    console.line(format_args!("\n{}", console.bold(text)));
}

fn bullets(lines: &[String], console: &Console) {
    for line in lines {
        labelled("  - ", line, console);
    }
}

/// Prints a label and a text whose further lines start below its first.
fn labelled(label: &str, text: &str, console: &Console) {
    let indent = label.chars().count();
    for (index, line) in wrap(text, indent.min(STEP_INDENT)).into_iter().enumerate() {
        if index == 0 {
            console.line(format_args!("{label}{line}"));
        } else {
            console.line(format_args!("{:indent$}{line}", ""));
        }
    }
}

fn paragraph(text: &str, indent: usize, console: &Console) {
    for line in wrap(text, indent) {
        console.line(format_args!("{:indent$}{line}", ""));
    }
}

const fn mark_of(tone: Tone) -> Mark {
    match tone {
        Tone::Good => Mark::Pass,
        Tone::Bad => Mark::Fail,
        Tone::Open | Tone::Plain => Mark::Open,
    }
}

//! What differs between two measurements, and what would explain a digest.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use boop_measure::Hex;
use boop_measure::diff::explain_registers;
use boop_measure::diff::{
    Difference, Doubt, Explanation, compare, doubts, doubts_between, explain_image, explain_launch,
    same_digests,
};
use boop_measure::eif::Image;
use boop_measure::record::{NitroRecord, Record};
use serde_json::{Value, json};

use super::arguments::DiffArguments;
use super::read;
use crate::Answer;
use crate::console::Console;
use crate::plain::plain;

/// First bytes of an enclave image.
const IMAGE_MAGIC: &[u8] = b".eif";

/// Compares two measurements, or explains a digest.
pub(super) fn run(arguments: &DiffArguments, console: &Console) -> anyhow::Result<Answer> {
    let first = Measured::load(&arguments.first)?;
    match (&arguments.second, &arguments.digest) {
        (Some(second), _) => {
            let second = Measured::load(second)?;
            compared(&first, &second, arguments.json, console)
        }
        (None, Some(digest)) => explained(&first, digest, arguments.json, console),
        (None, None) => Err(anyhow!("give a second record or --digest")),
    }
}

/// A record, and the image's file if it was made from one just now.
struct Measured {
    name: String,
    record: Record,
    file: Option<Vec<u8>>,
}

impl Measured {
    fn load(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = read(path)?;
        let unusable = || format!("{name} cannot be used");
        if file.starts_with(IMAGE_MAGIC) {
            let image = Image::parse(&file).with_context(unusable)?;
            let record = Record::Nitro(NitroRecord::measure(&image).with_context(unusable)?);
            let file = Some(file);
            return Ok(Self { name, record, file });
        }
        let record = Record::from_json(&file).with_context(unusable)?;
        let file = None;
        Ok(Self { name, record, file })
    }

    fn doubts(&self) -> Vec<String> {
        let words = |doubt: &Doubt| format!("{}: {doubt}", self.name);
        doubts(&self.record).iter().map(words).collect()
    }
}

fn compared(
    first: &Measured,
    second: &Measured,
    json: bool,
    console: &Console,
) -> anyhow::Result<Answer> {
    let differences = compare(&first.record, &second.record)?;
    let same = same_digests(&first.record, &second.record);
    let between = doubts_between(&first.record, &second.record);
    let between = between.iter().map(ToString::to_string).collect();
    let doubts = [first.doubts(), second.doubts(), between].concat();
    let holds = same && differences.is_empty() && doubts.is_empty();
    if json {
        console.json(&json!({
            "same": holds,
            "same_digests": same,
            "differences": described(&differences),
            "doubts": doubts,
        }))?;
        return Ok(holds.into());
    }
    let text = match (same, differences.is_empty()) {
        (true, true) => "the same measurement of the same inputs",
        (true, false) => "the same digests, although inputs differ",
        (false, false) => "another measurement, because inputs differ",
        (false, true) => "another measurement, although no recorded input differs",
    };
    console.line(console.headline(holds, text));
    print(&differences, &doubts, console);
    Ok(holds.into())
}

fn explained(
    measured: &Measured,
    digest: &Hex<48>,
    json: bool,
    console: &Console,
) -> anyhow::Result<Answer> {
    let explanation = match (&measured.record, &measured.file) {
        (Record::Snp(record), _) => explain_launch(record, digest),
        (Record::Nitro(record), Some(file)) => explain_image(&Image::parse(file)?, record, digest),
        (Record::Nitro(record), None) => explain_registers(record, digest),
    };
    let doubts = measured.doubts();
    let (kind, text, differences) = match explanation {
        Explanation::Same(name) => ("same", format!("the digest is the recorded {name}"), vec![]),
        Explanation::Changed(name, differences) => {
            let changes: Vec<String> = differences.iter().map(change).collect();
            let text = format!(
                "the digest is the {name} you get with {}",
                changes.join(" and ")
            );
            ("changed", text, differences)
        }
        Explanation::Zero => {
            let text = "zero: PCR8 of an image that is not signed, or an enclave in debug mode, \
                        whose PCRs say nothing";
            ("zero", text.into(), vec![])
        }
        Explanation::Unknown { tried } => {
            let text = format!(
                "none of {tried} variations of the recorded inputs gives the digest: \
                 firmware, kernel, initrd or something else in them is another"
            );
            ("unknown", text, vec![])
        }
    };
    let holds = kind == "same" && doubts.is_empty();
    if json {
        console.json(&json!({
            "explanation": kind,
            "text": text,
            "differences": described(&differences),
            "doubts": doubts,
        }))?;
        return Ok(holds.into());
    }
    console.line(console.headline(holds, &plain(&text)));
    print(&differences, &doubts, console);
    Ok(holds.into())
}

fn change(difference: &Difference) -> String {
    format!("{} = {}", difference.input, difference.second)
}

fn print(differences: &[Difference], doubts: &[String], console: &Console) {
    for difference in differences {
        let name = difference.input.to_string();
        console.field(&plain(&name), plain(&difference.first));
        console.field("  instead", plain(&difference.second));
    }
    for doubt in doubts {
        console.field("doubt", console.warning(&plain(doubt)));
    }
}

fn described(differences: &[Difference]) -> Vec<Value> {
    let value = |it: &Difference| {
        json!({
            "input": it.input.to_string(),
            "first": it.first,
            "second": it.second,
        })
    };
    differences.iter().map(value).collect()
}

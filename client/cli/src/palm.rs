//! Palms from images, in the clear and on this machine alone.

use std::path::Path;

use anyhow::Context as _;
use boop_palm::{Extraction, Image};
use serde_json::{Value, json};

use crate::Answer;
use crate::arguments::{CompareArguments, ExtractArguments};
use crate::console::Console;

/// Largest image file, in bytes.
const IMAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Takes a palm from an image and tells how good it is.
///
/// # Errors
/// If the file is not a readable image.
pub fn extract(arguments: &ExtractArguments, console: &Console) -> anyhow::Result<Answer> {
    let image = read(&arguments.image)?;
    let extraction = match boop_palm::extract(&image) {
        Ok(extraction) => extraction,
        Err(error) if arguments.json => {
            console.json(&json!({ "acceptable": false, "reason": error.to_string() }))?;
            return Ok(Answer::No);
        }
        Err(error) => {
            console.line(console.headline(false, "no palm"));
            console.field("reason", error);
            return Ok(Answer::No);
        }
    };
    if arguments.json {
        console.json(&described(&extraction))?;
    } else {
        describe(&extraction, console);
    }
    Ok(extraction.quality.acceptable().into())
}

/// Tells whether two images show the same palm, by the rule that the parties compute.
///
/// # Errors
/// If a file is not a readable image, or shows no palm.
pub fn compare(arguments: &CompareArguments, console: &Console) -> anyhow::Result<Answer> {
    let stored = palm(&arguments.stored)?;
    let shown = palm(&arguments.shown)?;
    let distance = boop_palm::distance(&stored.encodings.0[0], &shown.encodings);
    let matches = distance.matches();
    if arguments.json {
        console.json(&json!({
            "match": matches,
            "distance": distance.value,
            "threshold": threshold(),
            "bits_compared": distance.valid,
            "alignment": {
                "rotation": distance.alignment.rotation,
                "dy": distance.alignment.dy,
                "dx": distance.alignment.dx,
            },
            "quality": [stored.quality.score(), shown.quality.score()],
        }))?;
        return Ok(matches.into());
    }
    let text = if matches {
        "the same palm"
    } else {
        "another palm"
    };
    console.line(console.headline(matches, text));
    console.field(
        "distance",
        format_args!("{:.4}, below {:.3} is a match", distance.value, threshold()),
    );
    console.field("compared", format_args!("{} bits", distance.valid));
    let (stored, shown) = (stored.quality.score(), shown.quality.score());
    console.field("quality", format_args!("{stored} and {shown} of 100"));
    Ok(matches.into())
}

fn palm(path: &Path) -> anyhow::Result<Extraction> {
    boop_palm::extract(&read(path)?).with_context(|| format!("no palm on {}", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Image> {
    let bytes = crate::verify::read_file(path, IMAGE_BYTES_MAX)?;
    Image::from_png(&bytes).with_context(|| format!("{} is not usable", path.display()))
}

/// Returns the distance below which the match rule holds.
fn threshold() -> f64 {
    0.5 - f64::from(boop_wire::template::THRESHOLD) / (2.0 * 65_536.0)
}

fn describe(extraction: &Extraction, console: &Console) {
    let quality = &extraction.quality;
    let text = if quality.acceptable() {
        "good enough"
    } else {
        "not good enough"
    };
    console.line(console.headline(quality.acceptable(), text));
    let needed = boop_palm::ACCEPT;
    console.field(
        "quality",
        format_args!("{} of 100, {needed} is needed", quality.score()),
    );
    console.field("contrast", format_args!("{:.2}", quality.contrast));
    console.field("sharpness", format_args!("{:.2}", quality.sharpness));
    console.field("position", format_args!("{:.2}", quality.position));
    console.field("completeness", format_args!("{:.2}", quality.completeness));
    console.field(
        "valid cells",
        format_args!(
            "{} of {}",
            extraction.valid_cells,
            boop_wire::template::CELLS
        ),
    );
    let measures = &extraction.measures;
    console.field("palm radius", format_args!("{:.0} px", measures.radius_px));
    console.field(
        "turned by",
        format_args!("{:.1} deg", measures.turn_degrees),
    );
}

fn described(extraction: &Extraction) -> Value {
    let (quality, measures) = (&extraction.quality, &extraction.measures);
    json!({
        "acceptable": quality.acceptable(),
        "quality": quality.score(),
        "contrast": quality.contrast,
        "sharpness": quality.sharpness,
        "position": quality.position,
        "completeness": quality.completeness,
        "valid_cells": extraction.valid_cells,
        "measures": {
            "radius_px": measures.radius_px,
            "turn_degrees": measures.turn_degrees,
            "scale": measures.scale,
            "edge_px": measures.edge_px,
            "median": measures.median,
            "noise": measures.noise,
            "light": measures.light,
            "band": measures.band,
            "valid": measures.valid,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_the_one_of_the_rule() {
        assert!((threshold() - 0.35).abs() < 0.0001);
    }
}

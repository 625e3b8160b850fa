//! Area `matching`: three parties find what the plain rule finds, learn nothing else, and notice
//! one that deviates. Every run is made from a seed, so it can be repeated.

mod audit;
mod deviation;
mod exact;
mod judge;
mod leakage;
mod named;
mod palms;
mod record;
mod scene;
mod streams;
mod timing;
mod valid;
mod world;

use anyhow::{Result, ensure};

use crate::claim::{Area, Claim, Sheet};

/// Tries them, or the one of a name.
pub(crate) fn sheet(quick: bool, only: Option<&str>) -> Result<Sheet> {
    let names: Vec<&str> = CLAIMS.iter().map(|(name, _)| *name).collect();
    if let Some(only) = only {
        ensure!(
            names.contains(&only),
            "no claim {only}: {}",
            names.join(", ")
        );
    }
    let mut sheet = Sheet::begin(Area::Matching);
    for (name, claim) in CLAIMS {
        if only.is_none_or(|only| only == *name) {
            sheet.add(claim(quick)?);
        }
    }
    Ok(sheet)
}

/// Tries a claim, or a sample of what there is to try.
type Try = fn(bool) -> Result<Claim>;

const CLAIMS: &[(&str, Try)] = &[
    ("exact", exact::claim),
    ("valid", valid::claim),
    ("deviation", deviation::claim),
    ("named", named::claim),
    ("audit", audit::claim),
    ("leakage", leakage::claim),
    ("streams", streams::claim),
    ("timing", timing::claim),
];

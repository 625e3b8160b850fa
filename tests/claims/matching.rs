//! Area `matching`: three parties find what the plain rule finds, learn nothing else, and notice
//! one that deviates. Every run is made from a seed, so it can be repeated.

mod audit;
mod deviation;
mod exact;
mod leakage;
mod palms;
mod scene;
mod streams;
mod valid;
mod world;

use anyhow::Result;

use crate::claim::Sheet;

/// Tries them.
pub(crate) fn claims(quick: bool, sheet: &mut Sheet) -> Result<()> {
    sheet.add(exact::claim(quick)?);
    sheet.add(valid::claim(quick)?);
    sheet.add(deviation::claim(quick)?);
    sheet.add(audit::claim(quick)?);
    sheet.add(leakage::claim(quick)?);
    sheet.add(streams::claim(quick)?);
    Ok(())
}

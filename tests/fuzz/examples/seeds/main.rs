//! Makes the fixtures and the first corpora anew, from simulated chips with new keys:
//!
//! ```text
//! cargo run -p boop-fuzz --example seeds
//! ```
//!
//! What a fuzzer found since then refers to the old keys, but most of it stays of use.

mod around;
mod der;
mod evidence;
mod files;
mod firmware;
mod log;
mod signatures;

use anyhow::{Context, Result};
use boop_tee::{Authority, ChipModel};

use crate::evidence::NOW_MS;

fn main() -> Result<()> {
    let authority = Authority::generate(NOW_MS)?;
    let roots = authority.roots();
    let lines = [("genoa", ChipModel::GenoaV3), ("turin", ChipModel::TurinV5)];
    for ((name, model), (_, root)) in lines.into_iter().zip(&roots.snp) {
        evidence::snp(&authority, name, model, root)?;
    }
    let root = roots.nitro.first().context("a vendor has a root")?;
    evidence::nitro(&authority, root)?;
    log::seeds()?;
    around::small()?;
    around::firmware()
}

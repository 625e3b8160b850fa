//! A claim with what came of it, printed and written as all areas do it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::Args;

/// What came of one claim.
#[derive(Debug)]
pub(crate) struct Claim {
    /// Stable.
    pub(crate) id: String,
    /// In words.
    pub(crate) claim: String,
    /// Whether nobody broke it.
    pub(crate) held: bool,
    /// Whether the same attempt succeeds once the one fault or check is out of the way.
    pub(crate) control: bool,
    /// What was counted.
    pub(crate) figures: Value,
    /// The figures in a line.
    pub(crate) summary: String,
}

/// A group of claims.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Area {
    /// Evidence of hardware, changed bit by bit and in every way that verifiers fell for.
    Attestation,
    /// Palms compared by three parties, one of which may deviate.
    Matching,
    /// Keys, sealed stores and what custodians have on record.
    Custody,
}

impl Area {
    /// Returns its name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Attestation => "attestation",
            Self::Matching => "matching",
            Self::Custody => "custody",
        }
    }
}

/// The claims of a run.
#[derive(Debug)]
pub(crate) struct Sheet {
    area: Area,
    claims: Vec<Claim>,
}

impl Sheet {
    /// Prints the head of the table.
    pub(crate) fn begin(area: Area) -> Self {
        println!("{:<6} {:<20} claim", "held", "control");
        Self {
            area,
            claims: vec![],
        }
    }

    /// Prints a claim and keeps it.
    pub(crate) fn add(&mut self, claim: Claim) {
        let held = if claim.held { "yes" } else { "NO" };
        println!("{held:<6} {:<20} {}", control(&claim), claim.claim);
        if !claim.summary.is_empty() {
            println!("{:<27} {}", "", claim.summary);
        }
        self.claims.push(claim);
    }

    /// Whether every claim held and every control went as expected.
    pub(crate) fn all_held(&self) -> bool {
        let mut claims = self.claims.iter();
        claims.all(|claim| claim.held && claim.control)
    }

    /// Writes the outcome as JSON.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let claims: Vec<Value> = self.claims.iter().map(to_json).collect();
        let report = json!({ "area": self.area.as_str(), "claims": claims });
        std::fs::write(file, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

/// Tries a claim, or a sample of what there is to try.
pub(crate) type Try = fn(bool) -> Result<Claim>;

/// Tries the claims of an area, or the one that is asked for.
pub(crate) fn sheet(area: Area, claims: &[(&str, Try)], args: &Args) -> Result<Sheet> {
    let names: Vec<&str> = claims.iter().map(|(name, _)| *name).collect();
    if let Some(only) = args.only.as_deref() {
        ensure!(
            names.contains(&only),
            "no claim {only}: {}",
            names.join(", ")
        );
    }
    let mut sheet = Sheet::begin(area);
    for (name, claim) in claims {
        if args.only.as_deref().is_none_or(|only| only == *name) {
            sheet.add(claim(args.quick)?);
        }
    }
    Ok(sheet)
}

fn to_json(claim: &Claim) -> Value {
    json!({
        "id": claim.id,
        "claim": claim.claim,
        "held": claim.held,
        "control": control(claim),
        "figures": claim.figures,
    })
}

fn control(claim: &Claim) -> &'static str {
    if claim.control {
        "failed-as-expected"
    } else {
        "did-not-fail"
    }
}

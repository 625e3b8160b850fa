//! Policies that say too little, and evidence that they must not let in.

use anyhow::{Context, Result};
use boop_appraisal::policy::{PolicyFile, SHIPPED, shipped};
use boop_verifier::{
    AwsLc, Demand, Expected, Floors, Platform, Policy, Roots, Rule, SimulatedEvidence, Verdict,
};
use serde_json::json;

use crate::claim::{Claim, Sheet};
use crate::evidence::{Case, Evidence};

/// Tries them.
pub(crate) fn claims(evidence: &Evidence, sheet: &mut Sheet) -> Result<()> {
    sheet.add(simulated(evidence));
    sheet.add(emptied(evidence));
    sheet.add(binding(evidence));
    sheet.add(incomplete_files()?);
    Ok(())
}

/// Whatever simulated hardware signs, under the vendors' roots and without permission.
fn simulated(evidence: &Evidence) -> Claim {
    let cases = evidence.cases().iter();
    let cases: Vec<&Case> = cases.filter(|case| case.is_simulated).collect();
    let vendor = Roots::vendor();
    let (mut refused, mut accepted_with_permission) = (0_usize, 0_usize);
    for case in &cases {
        let under_vendor = case.verdict_under(&AwsLc, &vendor);
        let mut strict = (*case).clone();
        strict.policy.simulated = SimulatedEvidence::Refuse;
        let without_permission = strict.verdict();
        refused += usize::from(!under_vendor.accepted && !without_permission.accepted);
        accepted_with_permission += usize::from(case.verdict().accepted);
    }
    let tried = cases.len();
    Claim {
        id: "simulated-evidence-for-genuine".into(),
        claim: "simulated evidence is refused under vendors' roots and without permission".into(),
        held: tried > 0 && refused == tried,
        control: accepted_with_permission > 0,
        summary: format!(
            "tried {tried}, refused {refused}; \
             under its own roots with permission {accepted_with_permission} pass"
        ),
        figures: json!({
            "tried": tried,
            "refused": refused,
            "accepted_with_permission": accepted_with_permission,
        }),
    }
}

/// A way to say nothing, in words and done.
type Way = (&'static str, fn(&mut Policy));

/// A policy with one list emptied: it refuses everything, and lets nothing through for want of
/// rules.
fn emptied(evidence: &Evidence) -> Claim {
    let ways: [Way; 3] = [
        ("no platform", |policy| {
            policy.snp = Platform::Refused;
            policy.nitro = Platform::Refused;
        }),
        ("no product and no set of PCRs", |policy| {
            if let Platform::Accepted(snp) = &mut policy.snp {
                snp.products.clear();
            }
            if let Platform::Accepted(nitro) = &mut policy.nitro {
                nitro.pcr_sets.clear();
            }
        }),
        ("floors and sets without an entry", |policy| {
            if let Platform::Accepted(snp) = &mut policy.snp {
                for product in &mut snp.products {
                    product.floors = Floors::Dated(vec![]);
                }
            }
            if let Platform::Accepted(nitro) = &mut policy.nitro {
                nitro.pcr_sets.iter_mut().for_each(|set| set.0.clear());
            }
        }),
    ];
    let cases: Vec<&Case> = accepted(evidence).collect();
    let (mut tried, mut refused) = (0_usize, 0_usize);
    for case in &cases {
        for (_, empty) in &ways {
            let mut emptied = (*case).clone();
            empty(&mut emptied.policy);
            tried += 1;
            refused += usize::from(!emptied.verdict().accepted);
        }
    }
    let full = cases.iter().filter(|case| case.verdict().accepted).count();
    Claim {
        id: "policy-that-names-nothing".into(),
        claim: "a policy that names nothing refuses everything".into(),
        held: tried > 0 && refused == tried,
        control: full == cases.len(),
        summary: format!("tried {tried}, refused {refused}; under a full policy {full} pass"),
        figures: json!({
            "tried": tried,
            "refused": refused,
            "ways": ways.map(|(words, _)| words),
            "accepted_under_a_full_policy": full,
        }),
    }
}

/// A policy that demands a binding, with nothing and with the right thing expected.
fn binding(evidence: &Evidence) -> Claim {
    let (mut tried, mut refused, mut bound) = (0_usize, 0_usize, 0_usize);
    for case in accepted(evidence) {
        let verdict = case.verdict();
        let Some(expected) = carried(&verdict) else {
            continue;
        };
        let mut demanding = case.clone();
        demanding.policy.binding = Demand::Required;
        demanding.expected = Expected::nothing();
        tried += 1;
        refused += usize::from(!demanding.verdict().accepted);
        demanding.expected = expected;
        let verdict = demanding.verdict();
        bound += usize::from(verdict.accepted && verdict.bound);
    }
    Claim {
        id: "verdict-bound-to-nothing".into(),
        claim: "where a policy demands a binding, a verdict bound to nothing is a refusal".into(),
        held: tried > 0 && refused == tried,
        control: bound == tried,
        summary: format!("tried {tried}, refused {refused}; with the right data {bound} pass"),
        figures: json!({
            "tried": tried,
            "refused": refused,
            "accepted_with_the_right_data": bound,
        }),
    }
}

/// What evidence carries for a caller to compare, if it carries anything.
fn carried(verdict: &Verdict) -> Option<Expected> {
    let facts = verdict.facts.as_ref()?;
    let report_data = facts.report_data.map(|data| Rule::Exactly(data.to_vec()));
    let nonce = facts.nonce.clone().map(Rule::Exactly);
    if report_data.is_none() && nonce.is_none() {
        return None;
    }
    Some(Expected {
        report_data: report_data.unwrap_or(Rule::Any),
        nonce: nonce.unwrap_or(Rule::Any),
    })
}

/// The policies that come with the product, with each field left out in its turn.
fn incomplete_files() -> Result<Claim> {
    let (mut tried, mut named, mut whole) = (0_usize, 0_usize, 0_usize);
    for name in SHIPPED {
        let text = shipped(name).context("a policy that is listed comes with the product")?;
        let file = PolicyFile::parse(text)?;
        let text = PolicyFile::to_toml(&file.policy, name);
        whole += usize::from(PolicyFile::parse(&text).is_ok());
        for (index, line) in text.lines().enumerate() {
            let Some((key, _)) = line.split_once(" = ") else {
                continue;
            };
            let lines = text.lines().enumerate();
            let rest = lines.filter(|(other, _)| *other != index);
            let rest = rest.map(|(_, line)| line).collect::<Vec<_>>().join("\n");
            tried += 1;
            let error = PolicyFile::parse(&rest)
                .err()
                .map(|error| error.to_string());
            named += usize::from(error.is_some_and(|error| error.contains(key.trim())));
        }
    }
    let policies = SHIPPED.len();
    Ok(Claim {
        id: "policy-file-without-a-field".into(),
        claim: "a policy file without one of its fields is an error that names the field".into(),
        held: tried > 0 && named == tried,
        control: whole == policies,
        summary: format!("tried {tried}, named {named}; whole, {whole} of {policies} are read"),
        figures: json!({
            "tried": tried,
            "refused_by_name": named,
            "policies_read_whole": whole,
        }),
    })
}

fn accepted(evidence: &Evidence) -> impl Iterator<Item = &Case> {
    evidence.cases().iter().filter(|case| case.is_accepted)
}

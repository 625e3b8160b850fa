//! Other bytes for the same evidence: forms that anyone can make of a signed original.
//!
//! They are accepted, and must be: genuine documents come with and without the tag, and every
//! ECDSA signature has a second one. What holds is that they say nothing else than the original.
//! So evidence is never recognised by a hash of its bytes.

use anyhow::{Result, anyhow};
use boop_verifier::{Facts, Flag, Verdict};
use serde_json::json;

use crate::claim::Claim;
use crate::evidence::{Case, Kind};

/// The order of P-384, big-endian.
const ORDER: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];
/// Where S stands in a report, little-endian.
const REPORT_S: usize = 0x2e8;
const SCALAR_BYTES: usize = 48;

/// A form, how it is made of the original, and what it would be if it were made wrongly.
struct Form {
    name: &'static str,
    make: fn(&Case) -> Vec<u8>,
    spoil: fn(&mut Vec<u8>),
    flag: Option<Flag>,
}

fn forms(kind: Kind) -> Vec<Form> {
    match kind {
        Kind::Snp => vec![Form {
            name: "second signature",
            make: |case| negated(case, REPORT_S, true),
            spoil: |bytes| bytes[REPORT_S] ^= 1,
            flag: None,
        }],
        Kind::Nitro => vec![
            Form {
                name: "second signature",
                make: |case| negated(case, case.bytes.len() - SCALAR_BYTES, false),
                spoil: |bytes| bytes.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1),
                flag: None,
            },
            Form {
                name: "tag 18",
                make: |case| [&[0xd2], case.bytes.as_slice()].concat(),
                spoil: |bytes| bytes[0] = 0xd1,
                flag: Some(Flag::CoseTag18),
            },
            Form {
                name: "array without a length",
                make: |case| [&[0x9f], &case.bytes[1..], &[0xff]].concat(),
                spoil: |bytes| bytes.truncate(bytes.len() - 1),
                flag: Some(Flag::OuterIndefiniteLength),
            },
        ],
    }
}

/// Makes every form of every piece of evidence.
pub(super) fn claim(reports: &[&Case], documents: &[&Case]) -> Result<Claim> {
    let (mut tried, mut same, mut spoiled_refused) = (0_u64, 0_u64, 0_u64);
    let mut names = vec![];
    for case in reports.iter().chain(documents) {
        let before = case.verdict();
        let facts = before.facts.clone().ok_or_else(|| anyhow!("no facts"))?;
        for form in forms(case.kind) {
            let mut changed = (*case).clone();
            changed.bytes = (form.make)(case);
            tried += 1;
            same += u64::from(says_the_same(&changed.verdict(), &before, &facts, &form));
            (form.spoil)(&mut changed.bytes);
            spoiled_refused += u64::from(!changed.verdict().accepted);
            if !names.contains(&form.name) {
                names.push(form.name);
            }
        }
    }
    Ok(Claim {
        id: "other-bytes-for-the-same-evidence".into(),
        claim: format!(
            "forms that no signature covers change nothing: {}",
            names.join(", ")
        ),
        held: tried > 0 && same == tried,
        control: spoiled_refused == tried,
        summary: format!(
            "tried {tried}, same facts {same}; made wrongly, {spoiled_refused} are refused"
        ),
        figures: json!({
            "tried": tried,
            "accepted_with_the_same_facts": same,
            "refused_when_made_wrongly": spoiled_refused,
            "forms": names,
        }),
    })
}

fn says_the_same(verdict: &Verdict, before: &Verdict, facts: &Facts, form: &Form) -> bool {
    let others = |verdict: &Verdict| {
        let mut flags = verdict.flags.clone();
        flags.retain(|flag| Some(*flag) != form.flag);
        flags
    };
    let flagged = form.flag.is_none_or(|flag| verdict.flags.contains(&flag));
    verdict.accepted
        && verdict.facts.as_ref() == Some(facts)
        && flagged
        && others(verdict) == others(before)
}

/// The evidence with n - s in place of s.
fn negated(case: &Case, at: usize, little_endian: bool) -> Vec<u8> {
    let mut bytes = case.bytes.clone();
    if let Some(scalar) = bytes.get_mut(at..at + SCALAR_BYTES) {
        if little_endian {
            scalar.reverse();
        }
        let mut borrow = 0_u16;
        for (digit, order) in scalar.iter_mut().zip(ORDER).rev() {
            let difference = u16::from(order) + 0x100 - u16::from(*digit) - borrow;
            let [high, low] = difference.to_be_bytes();
            borrow = u16::from(high == 0);
            *digit = low;
        }
        if little_endian {
            scalar.reverse();
        }
    }
    bytes
}

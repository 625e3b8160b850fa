//! Shows what the harness makes: a report and a document, and every fault and oddity with the
//! answer of a verifier. Run it with `cargo run -p boop-tee --example evidence`.

use std::io::{self, Write};

use anyhow::Result;
use boop_platform::EvidenceKind;
use boop_tee::forge::{Change, Fault, Oddity, Specimen};
use boop_tee::{ChipModel, Harness, vectors};
use boop_verifier::{
    Endorsements, Expected, Policy, Roots, Rule, SimulatedEvidence, SimulatedRoots, UnixTime,
    Verdict, verify,
};

/// One model of each platform.
const SHOWN: [ChipModel; 2] = [ChipModel::GenoaV5, ChipModel::Nitro];

fn main() -> Result<()> {
    let harness = Harness::new("an example", vectors::NOW_MS)?;
    let out = &mut io::stdout().lock();
    for model in SHOWN {
        let specimen = harness.genuine(model)?;
        writeln!(out, "{model:?}, {} bytes:\n", specimen.evidence.len())?;
        write_hex(out, &specimen.evidence)?;
        writeln!(out, "\n{}\n", judge(&harness, &specimen).summary())?;
    }
    let faults = Fault::ALL.iter().map(|fault| {
        let change = Change::from(*fault);
        (change, fault.as_str(), fault.meaning())
    });
    let oddities = Oddity::ALL.iter().map(|oddity| {
        let change = Change::from(*oddity);
        (change, oddity.as_str(), oddity.meaning())
    });
    for (change, name, meaning) in faults.chain(oddities) {
        for model in SHOWN.into_iter().filter(|model| change.applies_to(*model)) {
            let verdict = judge(&harness, &harness.specimen(model, &[change])?);
            let answer = if verdict.accepted {
                "accepted".to_owned()
            } else {
                let reasons: Vec<_> = verdict.reasons.iter().map(ToString::to_string).collect();
                reasons.join(", ")
            };
            let platform = match model.platform() {
                EvidenceKind::Snp => "sev-snp",
                EvidenceKind::Nitro => "nitro",
            };
            writeln!(out, "{platform:<8}{name:<28}{answer}\n{:36}{meaning}", "")?;
        }
    }
    Ok(())
}

/// Judges by a policy that leaves the program open, and by what was asked to be bound.
fn judge(harness: &Harness, specimen: &Specimen) -> Verdict {
    let endorsements = Endorsements {
        leaf: specimen.leaf.clone(),
        intermediate: specimen.intermediate.clone(),
        crl: specimen.crl.clone(),
    };
    let simulated: SimulatedRoots = harness.authority().roots();
    let roots = Roots::empty().with_simulated(simulated);
    let policy = Policy {
        simulated: SimulatedEvidence::Allow,
        ..Policy::p0()
    };
    let expected = match specimen.kind {
        EvidenceKind::Snp => Expected {
            report_data: Rule::Exactly(harness.request().user_data.to_vec()),
            nonce: Rule::Any,
        },
        EvidenceKind::Nitro => Expected {
            report_data: Rule::Any,
            nonce: Rule::Exactly(harness.request().nonce.to_vec()),
        },
    };
    let now = UnixTime(vectors::NOW_MS / 1000);
    verify(
        &specimen.evidence,
        &endorsements,
        &roots,
        now,
        &policy,
        &expected,
    )
}

/// Writes bytes as a person reads them, 32 in a line.
fn write_hex(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    for (line, chunk) in bytes.chunks(32).enumerate() {
        writeln!(out, "{:04x}  {}", line * 32, hex::encode(chunk))?;
    }
    Ok(())
}

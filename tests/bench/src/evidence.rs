//! What is verified: genuine evidence of the vectors, or else what the simulator makes.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};
use boop_tee::{Authority, Chip, ChipModel, Launch};
use boop_verifier::{Endorsements, Policy, Product, Roots, SimulatedEvidence, UnixTime};

/// 2026-06-01T00:00:00Z, at which the vectors' SEV-SNP certificates are valid.
const SNP_TIME: UnixTime = UnixTime(1_780_272_000);
/// 2025-04-15T02:25:53Z, at which the Nitro document of the vectors was made.
const NITRO_TIME: UnixTime = UnixTime(1_744_683_953);
/// A day after the beginning of the simulated vendor's time.
const SIMULATED_MS: u64 = 1_780_272_000_000;

/// Folder and root of a genuine report for each product.
const GENUINE_SNP: [(&str, &str, &str); 3] = [
    ("milan", "milan-v2-vcek-a", "milan"),
    ("genoa", "genoa-v3-vcek-a-aci", "genoa"),
    ("turin", "turin-v5-vcek-a-aci", "turin"),
];
/// Folder of a genuine document of a production enclave.
const GENUINE_NITRO: &str = "prod-2025-04-pcr3";

/// What the benchmark works on.
#[derive(Debug)]
pub struct Subjects {
    /// Where it comes from, in words.
    pub origin: &'static str,
    /// One report per product.
    pub snp: Vec<Subject>,
    /// One Nitro document.
    pub nitro: Subject,
}

/// One piece of evidence with everything its verification needs.
#[derive(Debug)]
pub struct Subject {
    /// Short name, such as `genoa`.
    pub name: &'static str,
    /// The evidence.
    pub bytes: Vec<u8>,
    /// What came beside it.
    pub endorsements: Endorsements,
    /// The roots that it is verified under.
    pub roots: Roots,
    /// The root that its chain ends at, for the bare checks.
    pub root: Vec<u8>,
    /// The time at which it is verified.
    pub now: UnixTime,
    /// The policy that accepts it.
    pub policy: Policy,
}

/// Loads genuine evidence, or makes simulated evidence where the vectors are not at hand.
///
/// # Errors
/// If a file of the vectors is missing, or the simulated vendor cannot sign.
pub fn load() -> Result<Subjects> {
    match vectors() {
        Some(folder) => genuine(&folder),
        None => simulated(),
    }
}

fn genuine(folder: &Path) -> Result<Subjects> {
    let snp = GENUINE_SNP.iter().map(|(name, case, product)| {
        let snp = folder.join("snp");
        let endorsements = Endorsements {
            leaf: Some(read(&snp.join(case).join("vek.der"))?),
            intermediate: Some(read(&snp.join(format!("roots/{product}-ask.der")))?),
            crl: None,
        };
        Ok(Subject {
            name,
            bytes: read(&snp.join(case).join("report.bin"))?,
            endorsements,
            roots: Roots::vendor(),
            root: read(&snp.join(format!("roots/{product}-ark.der")))?,
            now: SNP_TIME,
            policy: Policy::p0(),
        })
    });
    Ok(Subjects {
        origin: "genuine evidence of the vectors",
        snp: snp.collect::<Result<_>>()?,
        nitro: Subject {
            name: "nitro",
            bytes: read(
                &folder
                    .join("nitro")
                    .join(GENUINE_NITRO)
                    .join("document.cbor"),
            )?,
            endorsements: Endorsements::default(),
            roots: Roots::vendor(),
            root: Vec::new(),
            now: NITRO_TIME,
            policy: Policy::p0(),
        },
    })
}

fn simulated() -> Result<Subjects> {
    let authority = Authority::generate(SIMULATED_MS)?;
    let of_product = |product: Product| {
        let roots = authority.roots().snp;
        let found = roots.into_iter().find(|(named, _)| *named == product);
        found.map(|(_, der)| der).unwrap_or_default()
    };
    let subject = |name, model, root| -> Result<Subject> {
        let chip = Chip::provision(&authority, model, "bench", SIMULATED_MS)?;
        let launch = Launch {
            measurement: [1; 48],
            config_hash: [2; 32],
            instance: [3; 32],
        };
        let raw = chip.attest(&launch, &[4; 64], &[5; 32], SIMULATED_MS)?;
        let mut policy = Policy::p0();
        policy.simulated = SimulatedEvidence::Allow;
        Ok(Subject {
            name,
            bytes: raw.evidence,
            endorsements: Endorsements {
                leaf: raw.endorsements.first().cloned(),
                intermediate: raw.endorsements.get(1).cloned(),
                crl: None,
            },
            roots: Roots::vendor().with_simulated(authority.roots()),
            root,
            now: UnixTime(SIMULATED_MS / 1000),
            policy,
        })
    };
    Ok(Subjects {
        origin: "simulated evidence, for want of the vectors",
        snp: vec![
            subject("genoa", ChipModel::GenoaV3, of_product(Product::Genoa))?,
            subject("turin", ChipModel::TurinV5, of_product(Product::Turin))?,
        ],
        nitro: subject("nitro", ChipModel::Nitro, Vec::new())?,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the vectors are is a matter of the machine"
)]
fn vectors() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = env::var("BOOP_VECTORS").map_or(beside, PathBuf::from);
    let folder = folder.join("attestation");
    folder.is_dir().then_some(folder)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use boop_verifier::{Expected, verify};

    use super::*;

    #[test]
    fn whatever_is_measured_is_accepted() {
        let simulated = simulated().unwrap();
        for subjects in [load().unwrap(), simulated] {
            for subject in subjects.snp.iter().chain([&subjects.nitro]) {
                let verdict = verify(
                    &subject.bytes,
                    &subject.endorsements,
                    &subject.roots,
                    subject.now,
                    &subject.policy,
                    &Expected::nothing(),
                );

                assert!(verdict.accepted, "{}: {:?}", subject.name, verdict.reasons);
            }
        }
    }
}

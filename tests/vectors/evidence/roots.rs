//! Roots and intermediates: the genuine ones are those compiled in, the simulated ones never are.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_verifier::{Endorsements, Expected, Policy, Roots, UnixTime, verify};

use super::{files, json, name, read};
use crate::suite::Suite;

const COMPILED_IN: &str = "compiled in";
const NOT_COMPILED_IN: &str = "not compiled in";

/// A moment at which simulated evidence is judged by the vendors' roots.
const NOW: UnixTime = UnixTime(1_780_315_230);

/// Every certificate that the verifier carries.
const CARRIED: [&[u8]; 11] = [
    include_bytes!("../../../attestation/verifier/roots/amd-milan-ark.der"),
    include_bytes!("../../../attestation/verifier/roots/amd-milan-ask.der"),
    include_bytes!("../../../attestation/verifier/roots/amd-milan-asvk.der"),
    include_bytes!("../../../attestation/verifier/roots/amd-genoa-ark.der"),
    include_bytes!("../../../attestation/verifier/roots/amd-genoa-ask.der"),
    include_bytes!("../../../attestation/verifier/roots/amd-genoa-asvk.der"),
    include_bytes!("../../../attestation/verifier/roots/amd-turin-ark.der"),
    include_bytes!("../../../attestation/verifier/roots/amd-turin-ask.der"),
    include_bytes!("../../../attestation/verifier/roots/amd-turin-asvk.der"),
    include_bytes!("../../../attestation/verifier/roots/aws-nitro-root-g1.der"),
    include_bytes!("../../../attestation/verifier/roots/aws-us-gov-nitro-root.der"),
];

/// Compares the certificates of AMD, and refuses simulated evidence under them.
pub(super) fn snp(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new("snp-roots");
    let roots = folder.join("roots");
    for file in files(&roots, "der")? {
        let id = name(&file)?;
        let revoked = id.contains("revoked");
        let expected = if revoked {
            NOT_COMPILED_IN
        } else {
            COMPILED_IN
        };
        suite.add(&id, expected, carried(&read(&file)?));
    }
    for file in files(&roots.join("synthetic"), "der")? {
        let id = format!("synthetic/{}", name(&file)?);
        suite.add(&id, NOT_COMPILED_IN, carried(&read(&file)?));
    }
    for file in files(&roots, "pem")? {
        let id = name(&file)?;
        let expected = bundle(&roots, &id).unwrap_or_default();
        let found = blocks(&read(&file)?).unwrap_or_default();
        let same = !found.is_empty() && found == expected;
        let got = if same {
            "issuer, then root"
        } else {
            "other certificates"
        };
        suite.add(&id, "issuer, then root", got);
    }
    let files = ["report.bin", "vek.der"];
    refuse_simulated(&mut suite, folder, files, "trusted_roots")?;
    Ok(suite)
}

/// Compares the certificates of AWS, and refuses simulated evidence under them.
pub(super) fn nitro(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new("nitro-roots");
    let roots = folder.join("roots");
    for file in files(&roots, "der")? {
        let id = name(&file)?;
        let simulated = id.starts_with("synthetic");
        let expected = if simulated {
            NOT_COMPILED_IN
        } else {
            COMPILED_IN
        };
        suite.add(&id, expected, carried(&read(&file)?));
    }
    for file in files(&roots, "pem")? {
        let blocks = blocks(&read(&file)?).unwrap_or_default();
        let got = match &blocks[..] {
            [der] => carried(der),
            _ => "not one certificate",
        };
        suite.add(&name(&file)?, COMPILED_IN, got);
    }
    let files = ["document.cbor", ""];
    refuse_simulated(&mut suite, folder, files, "trusted_root")?;
    Ok(suite)
}

fn carried(der: &[u8]) -> &'static str {
    if CARRIED.contains(&der) {
        COMPILED_IN
    } else {
        NOT_COMPILED_IN
    }
}

/// What AMD's key service sends in one file: the issuer of such keys, then the root.
fn bundle(roots: &Path, id: &str) -> Result<Vec<Vec<u8>>> {
    let mut words = id.split('-');
    let product = words
        .next()
        .context("a bundle's name starts with a product")?;
    let issuer = match words.next() {
        Some("vcek") => "ask",
        Some("vlek") => "asvk",
        _ => return Err(anyhow!("{id} names no kind of key")),
    };
    let read = |what: &str| read(&roots.join(format!("{product}-{what}.der")));
    Ok(vec![read(issuer)?, read("ark")?])
}

/// The certificates of a PEM text.
fn blocks(pem: &[u8]) -> Result<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(pem)?;
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let blocks = blocks.map(|block| {
        let body = block
            .split("-----END CERTIFICATE-----")
            .next()
            .unwrap_or_default();
        let body: String = body.split_whitespace().collect();
        STANDARD.decode(body).map_err(|error| anyhow!("{error}"))
    });
    blocks.collect()
}

/// Judges what is authentic under simulated roots by those of the vendors: none of it is.
fn refuse_simulated(
    suite: &mut Suite,
    folder: &Path,
    [evidence, leaf]: [&str; 2],
    roots: &str,
) -> Result<()> {
    let index = json(&folder.join("index.json"))?;
    for entry in index.as_array().context("index.json is a list")? {
        let id = entry["id"]
            .as_str()
            .context("a case of index.json has an id")?;
        let case = folder.join(id);
        let expected = json(&case.join("expected.json"))?;
        let trusted = expected[roots].as_str().unwrap_or_default();
        if !trusted.contains("configure as trusted") || expected["authentic"] != true {
            continue;
        }
        let named = |field: &str| {
            let name = expected[field].as_str();
            name.map(|name| read(&case.join(name))).transpose()
        };
        let endorsements = Endorsements {
            leaf: if leaf.is_empty() {
                None
            } else {
                Some(read(&case.join(leaf))?)
            },
            intermediate: named("intermediate")?,
            crl: None,
        };
        let bytes = read(&case.join(evidence))?;
        let (policy, nothing) = (Policy::p0(), Expected::nothing());
        let verdict = verify(
            &bytes,
            &endorsements,
            &Roots::vendor(),
            NOW,
            &policy,
            &nothing,
        );
        let got = match (verdict.authentic, verdict.simulated) {
            (false, false) => "no vendor's",
            (true, _) | (_, true) => "authentic",
        };
        suite.add(
            &format!("{id} under the vendors' roots"),
            "no vendor's",
            got,
        );
    }
    Ok(())
}

//! What evidence is judged by: policy, roots, time, and what it must be bound to.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use boop_appraisal::policy::{self, PolicyFile};
use boop_channel::Trust;
use boop_sdk::SimulatedSettings;
use boop_verifier::{
    Floor, Platform, Policy, Roots, SimulatedEvidence, SimulatedRoots, UnixTime, Verdict,
};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::input::{Source, read_file};
use crate::Now;
use crate::arguments::VerifyArguments;

/// Largest file with roots, or with a policy, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The policy that is built in and has no file of its own.
const P0: &str = "p0";
/// The same with simulated evidence allowed, which --danger-simulated-tee makes of it.
const P0_SIMULATED: &str = "p0-simulated";
/// What stands above the policy p0 when it is printed.
const P0_HEAD: &str = "\
# p0 is built in. It shows that hardware is genuine and closed to its host, on any firmware
# level, running any program. As a file it is refused: name the Milan chips that you trust.
";
/// What stands above it when simulated evidence is allowed.
const P0_SIMULATED_HEAD: &str = "\
# p0-simulated is p0 under --danger-simulated-tee. It accepts simulated hardware as well, which
# protects nothing from whoever runs it.
";
/// Shortest nonce, in bytes.
const NONCE_BYTES_MIN: usize = 8;

/// What the evidence is judged by.
#[derive(Debug)]
pub(super) struct Conditions {
    pub(super) policy: Policy,
    pub(super) policy_name: String,
    /// The policy as text.
    pub(super) policy_text: String,
    pub(super) policy_sha256: [u8; 32],
    pub(super) policy_source: Source,
    pub(super) roots: Roots,
    pub(super) at: UnixTime,
    /// Whether the time was asked for; otherwise it is now.
    pub(super) at_given: bool,
    /// The network that the process should belong to.
    pub(super) network: Option<Trust>,
    pub(super) nonce: Option<Vec<u8>>,
    pub(super) report_data: Option<Vec<u8>>,
}

impl Conditions {
    /// Reads the conditions that the arguments name.
    pub(super) fn read(arguments: &VerifyArguments, now: Now) -> anyhow::Result<Self> {
        let (at, at_given) = match &arguments.at {
            Some(text) => (unix_time(text)?, true),
            None => (UnixTime(now.unix_ms / 1000), false),
        };
        let simulated = arguments.danger_simulated_tee;
        let named = arguments.roots.as_ref().or(arguments.network.as_ref());
        if simulated && named.is_none() {
            bail!("--danger-simulated-tee needs --roots or --network, which name simulated roots");
        }
        let (policy, policy_text, policy_source) = named_policy(&arguments.policy, simulated)?;
        let network = match &arguments.network {
            Some(path) => Some(crate::ledger::trust(path, None, simulated)?),
            None => None,
        };
        let mut roots = Roots::vendor();
        if let Some(path) = named.filter(|_| simulated) {
            roots = roots.with_simulated(roots_of(path)?);
        }
        Ok(Self {
            policy: policy.policy,
            policy_name: policy.name,
            policy_text,
            policy_sha256: policy.sha256,
            policy_source,
            roots,
            at,
            at_given,
            network,
            nonce: nonce(arguments.nonce.as_deref())?,
            report_data: report_data(arguments.report_data.as_deref())?,
        })
    }

    /// Returns the firmware floor that counts for the product of a verdict, if there is one.
    pub(super) fn floor(&self, verdict: &Verdict) -> Option<&Floor> {
        let product = verdict.facts.as_ref()?.product?;
        match &self.policy.snp {
            Platform::Accepted(rules) => rules.product(product)?.floors.at(self.at).ok()?,
            Platform::Refused => None,
        }
    }
}

/// Finds a policy by its name, or reads it from a file. `simulated` is what p0 says about
/// simulated evidence; every other policy says it itself.
fn named_policy(name: &str, simulated: bool) -> anyhow::Result<(PolicyFile, String, Source)> {
    if name == P0 {
        return Ok(p0(simulated));
    }
    if let Some(text) = policy::shipped(name) {
        let source = Source::of("policy", format!("built in: {name}"), text.as_bytes());
        let policy = PolicyFile::parse(text).with_context(|| format!("policy {name}"))?;
        return Ok((policy, text.into(), source));
    }
    let path = Path::new(name);
    if !path.exists() {
        bail!("{name} is neither a policy (p0, strict, cloud-vlek, development) nor a file");
    }
    let text = String::from_utf8(read_file(path, FILE_BYTES_MAX)?)
        .map_err(|_| anyhow!("{name} is not text"))?;
    let source = Source::of("policy", name, text.as_bytes());
    let policy = PolicyFile::parse(&text).with_context(|| format!("policy {name}"))?;
    Ok((policy, text, source))
}

/// Returns p0 as it judges: its text and digest say what it allows.
fn p0(simulated: bool) -> (PolicyFile, String, Source) {
    let mut policy = Policy::p0();
    let (name, head) = if simulated {
        policy.simulated = SimulatedEvidence::Allow;
        (P0_SIMULATED, P0_SIMULATED_HEAD)
    } else {
        (P0, P0_HEAD)
    };
    let text = format!("{head}{}", PolicyFile::to_toml(&policy, name));
    let source = Source::of("policy", format!("built in: {name}"), text.as_bytes());
    let file = PolicyFile {
        name: name.into(),
        policy,
        sha256: Sha256::digest(text.as_bytes()).into(),
    };
    (file, text, source)
}

fn nonce(text: Option<&str>) -> anyhow::Result<Option<Vec<u8>>> {
    let nonce = bytes(text, "--nonce")?;
    match &nonce {
        Some(nonce) if nonce.len() < NONCE_BYTES_MIN => bail!(
            "--nonce has {} bytes; a nonce of fewer than {NONCE_BYTES_MIN} bytes can be guessed",
            nonce.len()
        ),
        Some(_) | None => Ok(nonce),
    }
}

fn bytes(text: Option<&str>, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
    text.map(|text| hex::decode(text).map_err(|_| anyhow!("{name} is not hexadecimal")))
        .transpose()
}

fn report_data(text: Option<&str>) -> anyhow::Result<Option<Vec<u8>>> {
    let data = bytes(text, "--report-data")?;
    if data.as_ref().is_some_and(Vec::is_empty) {
        bail!("--report-data is empty");
    }
    Ok(data)
}

fn roots_of(path: &Path) -> anyhow::Result<SimulatedRoots> {
    let text = String::from_utf8(read_file(path, FILE_BYTES_MAX)?)
        .map_err(|_| anyhow!("{} is not text", path.display()))?;
    simulated_roots(&text).with_context(|| format!("{} holds no simulated roots", path.display()))
}

fn simulated_roots(text: &str) -> anyhow::Result<SimulatedRoots> {
    let mut table: toml::Table = toml::from_str(text)?;
    let table = match table.remove("danger_simulated") {
        Some(toml::Value::Table(section)) => section,
        Some(_) => bail!("danger_simulated is not a section"),
        None => table,
    };
    let settings: SimulatedSettings = toml::Value::Table(table).try_into()?;
    let roots = settings.roots()?;
    if roots.snp.is_empty() && roots.nitro.is_empty() {
        bail!("none of milan, genoa, turin and nitro is given");
    }
    Ok(roots)
}

fn unix_time(text: &str) -> anyhow::Result<UnixTime> {
    // A date alone means its first moment, as in a policy.
    let midnight = format!("{text}T00:00:00Z");
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&midnight, &Rfc3339))
        .map_err(|_| anyhow!("--at {text:?} is no time such as 2026-06-01T00:00:00Z"))?;
    let seconds = u64::try_from(time.unix_timestamp()).context("--at is before 1970")?;
    Ok(UnixTime(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::rfc3339;

    #[test]
    fn a_time_reads_and_prints() {
        let time = unix_time("2026-06-01T12:00:30Z").unwrap();

        assert_eq!(time, UnixTime(1_780_315_230));
        assert_eq!(rfc3339(time.0), "2026-06-01T12:00:30Z");
        assert_eq!(unix_time("2026-06-01T14:00:30+02:00").unwrap(), time);
        for refused in ["", "yesterday", "2026-06", "1960-01-01T00:00:00Z"] {
            assert!(unix_time(refused).is_err(), "{refused}");
        }
        assert_eq!(rfc3339(u64::MAX), format!("{} s after 1970", u64::MAX));
    }

    #[test]
    fn the_digest_of_p0_is_that_of_the_rules_it_judges_by() {
        for (simulated, name, word) in [
            (false, "p0", "simulated = \"refuse\""),
            (true, "p0-simulated", "simulated = \"accept\""),
        ] {
            let (file, text, source) = p0(simulated);

            assert_eq!(file.name, name);
            assert_eq!(file.policy.simulated == SimulatedEvidence::Allow, simulated);
            assert!(text.contains(word), "{text}");
            assert_eq!(hex::encode(file.sha256), source.sha256);
            assert_eq!(source.from, format!("built in: {name}"));
        }
    }

    #[test]
    fn a_nonce_has_at_least_8_bytes() {
        let refused = |text| nonce(Some(text)).unwrap_err().to_string();

        assert_eq!(nonce(None).unwrap(), None);
        assert_eq!(nonce(Some("0011223344556677")).unwrap().unwrap().len(), 8);
        assert_eq!(
            refused(""),
            "--nonce has 0 bytes; a nonce of fewer than 8 bytes can be guessed"
        );
        assert_eq!(
            refused("00112233445566"),
            "--nonce has 7 bytes; a nonce of fewer than 8 bytes can be guessed"
        );
    }

    #[test]
    fn report_data_is_hexadecimal_and_not_empty() {
        assert_eq!(report_data(Some("0a")).unwrap(), Some(vec![10]));
        assert!(report_data(Some("")).is_err());
        assert!(report_data(Some("zz")).is_err());
    }

    #[test]
    fn roots_come_from_a_section_or_a_file_of_their_own() {
        let roots = "genoa = \"00\"\nturin = \"01\"\nnitro = \"02\"\n";

        let own = simulated_roots(roots).unwrap();
        let section = format!("network_id = \"07\"\n[danger_simulated]\n{roots}");

        assert_eq!(simulated_roots(&section).unwrap(), own);
        assert!(simulated_roots("genoa = \"00\"").is_ok());
        for refused in [
            "",
            "[danger_simulated]",
            "genoa = 0",
            "genoa = \"z\"",
            "x = \"00\"",
        ] {
            assert!(simulated_roots(refused).is_err(), "{refused}");
        }
        assert!(simulated_roots("danger_simulated = 1").is_err());
    }

    #[test]
    fn the_text_of_p0_says_what_p0_is() {
        let (_, text, _) = named_policy("p0", false).unwrap();
        // A file may not trust every Milan chip, which p0 does; the rest reads back the same.
        let chip = format!("chips = \"{}\"", "01".repeat(64));
        let listed = text.replacen("chips = \"any\"", &chip, 1);

        let read = PolicyFile::parse(&listed).unwrap();

        let mut p0 = Policy::p0();
        if let Platform::Accepted(rules) = &mut p0.snp {
            rules.products[0].chips = boop_verifier::Rule::Exactly([1; 64]);
        }
        assert_eq!(read.policy, p0);
        assert!(PolicyFile::parse(&text).is_err());
    }

    #[test]
    fn every_shipped_policy_is_found_by_its_name() {
        for name in ["p0", "strict", "cloud-vlek", "development"] {
            let (policy, text, source) = named_policy(name, false).unwrap();

            assert_eq!(policy.name, name);
            assert_eq!(hex::encode(policy.sha256), source.sha256);
            assert!(!text.is_empty());
        }
        assert_eq!(
            named_policy("p9", false).unwrap_err().to_string(),
            "p9 is neither a policy (p0, strict, cloud-vlek, development) nor a file"
        );
    }
}

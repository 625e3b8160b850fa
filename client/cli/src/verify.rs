//! `boop verify`: evidence of a file or a gateway, judged and explained.

mod case;
mod input;
mod json;
mod report;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use boop_sdk::SimulatedSettings;
use boop_verifier::{Policy, Roots, SimulatedEvidence, SimulatedRoots, UnixTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arguments::VerifyArguments;
use crate::console::Console;
use crate::{Answer, Now};
use case::{Case, Conditions};
pub(crate) use input::read_file;

/// Largest file with roots, in bytes.
const ROOTS_BYTES_MAX: u64 = 256 * 1024;

/// Judges evidence and prints the verdict.
///
/// # Errors
/// If the arguments do not fit together or the evidence cannot be read.
pub fn run(arguments: &VerifyArguments, now: Now, console: &Console) -> anyhow::Result<Answer> {
    let conditions = conditions(arguments, now)?;
    let input = input::read(arguments)?;
    let case = Case::judge(input, conditions)?;
    if arguments.json {
        console.json(&json::described(&case))?;
    } else if arguments.explain {
        report::explain(&case, console);
    } else {
        report::summarise(&case, console);
    }
    Ok(case.accepted().into())
}

fn conditions(arguments: &VerifyArguments, now: Now) -> anyhow::Result<Conditions> {
    let (at, at_given) = match &arguments.at {
        Some(text) => (unix_time(text)?, true),
        None => (UnixTime(now.unix_ms / 1000), false),
    };
    let named = arguments.roots.is_some() || arguments.network.is_some();
    if arguments.danger_simulated_tee && !named {
        bail!("--danger-simulated-tee needs --roots or --network, which name simulated roots");
    }
    let mut policy = Policy::p0();
    let mut roots = Roots::vendor();
    let network = match &arguments.network {
        Some(path) => Some(crate::ledger::trust(
            path,
            None,
            arguments.danger_simulated_tee,
        )?),
        None => None,
    };
    let network_roots = arguments.network.as_ref();
    let network_roots = network_roots.filter(|_| arguments.danger_simulated_tee);
    if let Some(path) = arguments.roots.as_ref().or(network_roots) {
        let text = String::from_utf8(read_file(path, ROOTS_BYTES_MAX)?)
            .map_err(|_| anyhow!("{} is not text", path.display()))?;
        let simulated = simulated_roots(&text)
            .with_context(|| format!("{} holds no simulated roots", path.display()))?;
        roots = roots.with_simulated(simulated);
        policy.simulated = SimulatedEvidence::Allow;
    }
    Ok(Conditions {
        policy,
        policy_name: arguments.policy.clone(),
        roots,
        at,
        at_given,
        network,
        nonce: bytes(arguments.nonce.as_deref(), "--nonce")?,
        report_data: report_data(arguments.report_data.as_deref())?,
    })
}

fn bytes(text: Option<&str>, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
    text.map(|text| hex::decode(text).map_err(|_| anyhow!("{name} is not hexadecimal")))
        .transpose()
}

fn report_data(text: Option<&str>) -> anyhow::Result<Option<[u8; 64]>> {
    let Some(bytes) = bytes(text, "--report-data")? else {
        return Ok(None);
    };
    match <[u8; 64]>::try_from(bytes) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(bytes) => bail!("--report-data has {} bytes, not 64", bytes.len()),
    }
}

fn simulated_roots(text: &str) -> anyhow::Result<SimulatedRoots> {
    let mut table: toml::Table = toml::from_str(text)?;
    let table = match table.remove("danger_simulated") {
        Some(toml::Value::Table(section)) => section,
        Some(_) => bail!("danger_simulated is not a section"),
        None => table,
    };
    let settings: SimulatedSettings = toml::Value::Table(table).try_into()?;
    Ok(settings.roots()?)
}

fn unix_time(text: &str) -> anyhow::Result<UnixTime> {
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .with_context(|| format!("--at {text:?} is not a time such as 2026-06-01T00:00:00Z"))?;
    let seconds = u64::try_from(time.unix_timestamp()).context("--at is before 1970")?;
    Ok(UnixTime(seconds))
}

/// Returns the text of a Unix time in seconds, as `--at` takes it.
pub(crate) fn rfc3339(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// Decodes base64 of either alphabet, with or without padding and line ends.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD
        .decode(&text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_and_prints() {
        let time = unix_time("2026-06-01T12:00:30Z").unwrap();

        assert_eq!(time, UnixTime(1_780_315_230));
        assert_eq!(rfc3339(time.0), "2026-06-01T12:00:30Z");
        assert_eq!(unix_time("2026-06-01T14:00:30+02:00").unwrap(), time);
        for refused in ["", "yesterday", "2026-06-01", "1960-01-01T00:00:00Z"] {
            assert!(unix_time(refused).is_err(), "{refused}");
        }
        assert_eq!(rfc3339(u64::MAX), format!("{} s after 1970", u64::MAX));
    }

    #[test]
    fn report_data_has_64_bytes() {
        assert!(report_data(Some(&"00".repeat(64))).is_ok());
        assert!(report_data(Some("00")).is_err());
        assert!(report_data(Some("zz")).is_err());
    }

    #[test]
    fn roots_come_from_a_section_or_a_file_of_their_own() {
        let roots = "genoa = \"00\"\nturin = \"01\"\nnitro = \"02\"\n";

        let own = simulated_roots(roots).unwrap();
        let section = format!("network_id = \"07\"\n[danger_simulated]\n{roots}");

        assert_eq!(simulated_roots(&section).unwrap(), own);
        assert!(simulated_roots("genoa = \"00\"").is_err());
        assert!(simulated_roots("danger_simulated = 1").is_err());
    }

    #[test]
    fn base64_of_either_alphabet_is_read() {
        for text in ["-_8=", "-_8", "+/8=", "+/\n8=\n"] {
            assert_eq!(from_base64(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        assert_eq!(from_base64("?"), None);
    }
}

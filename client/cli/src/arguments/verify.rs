//! What `boop verify` can be asked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const VERIFY_EXAMPLES: &str = "\
Examples:
  boop verify report.bin --at 2026-06-01T00:00:00Z     a report, with vek.der beside it
  boop verify report.bin --vek vcek.pem --explain      each check, and why it matters
  boop verify /sys/kernel/config/tsm/report/mine       an entry of configfs-tsm
  boop verify document.cbor --nonce 0011223344556677 --json  a Nitro document, for a script
  boop verify evidence.cmw --policy strict --html page.html
  boop verify report.bin --kds --cmw evidence.cmw      fetch certificates, to judge elsewhere
  boop verify https://127.0.0.1:7443 --network network.toml --danger-simulated-tee
  cat evidence.b64 | boop verify -                     from a pipe

Without --policy the policy p0 is used: genuine hardware, closed to its host, on any
firmware level, running any program. WHICH program may run, a policy file or --network says.
Without --kds and without an address as EVIDENCE nothing leaves this machine.

Exit code: 0 accepted, 1 refused, 2 usage or unreadable input.";

/// Arguments of `boop verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub struct VerifyArguments {
    /// A file, a folder of configfs-tsm, `-` for standard input, https://host:port of a gateway, or
    /// an address that answers with evidence. What kind it is, boop finds out
    #[arg(required_unless_present_any = ["list_reasons", "show_policy"])]
    pub evidence: Option<String>,
    /// Certificate of the key that signed an SEV-SNP report (VCEK or VLEK), DER or PEM;
    /// without it, what came with the report or a file vek.der beside it is taken
    #[arg(long, value_name = "FILE")]
    pub vek: Option<PathBuf>,
    /// Certificate of its issuer (ASK or ASVK), DER or PEM; without it, AMD's own are tried
    #[arg(long, value_name = "FILE")]
    pub intermediate: Option<PathBuf>,
    /// Revocation list of AMD's root for the product, DER
    #[arg(long, value_name = "FILE")]
    pub crl: Option<PathBuf>,
    /// Fetch missing certificates and the revocation list from AMD's key distribution service
    #[arg(long)]
    pub kds: bool,
    /// Fetch them from this address instead, which must answer as AMD's does
    #[arg(long, value_name = "URL")]
    pub kds_url: Option<String>,
    /// Folder in which fetched certificates are kept and looked up first
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// The policy to judge by: p0, strict, cloud-vlek, development, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "p0")]
    pub policy: String,
    /// Print the policy as a file and stop
    #[arg(long)]
    pub show_policy: bool,
    /// Print every reason and flag that a verdict can carry, and stop
    #[arg(long, exclusive = true)]
    pub list_reasons: bool,
    /// The nonce that the evidence must answer, hexadecimal, at least 8 bytes; for a bundle, the
    /// challenge that its binding must name
    #[arg(long, value_name = "HEX")]
    pub nonce: Option<String>,
    /// The data that the evidence must carry, hexadecimal: the 64 bytes of REPORT_DATA, or all
    /// of a Nitro document's user_data
    #[arg(long, value_name = "HEX")]
    pub report_data: Option<String>,
    /// Judge as of this time instead of now, such as 2026-06-01T00:00:00Z or 2026-06-01
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<String>,
    /// TOML file with roots of simulated hardware: any of milan, genoa, turin, nitro (DER in
    /// hexadecimal), or a network file whose section danger_simulated has them
    #[arg(
        long,
        value_name = "FILE",
        requires = "danger_simulated_tee",
        conflicts_with = "network"
    )]
    pub roots: Option<PathBuf>,
    /// Network file: hold a gateway or bundle against the network's manifest as well, which names
    /// machines and programs
    #[arg(long, value_name = "FILE")]
    pub network: Option<PathBuf>,
    /// Accept evidence of simulated hardware, which protects nothing from its operator; needs
    /// --roots or --network, which name its roots
    #[arg(long)]
    pub danger_simulated_tee: bool,
    /// Print each check: what was compared, how it ended, why it matters
    #[arg(long, conflicts_with_all = ["json", "ear"])]
    pub explain: bool,
    /// Print the verdict as JSON
    #[arg(long, conflicts_with = "ear")]
    pub json: bool,
    /// Print the verdict as a signed EAT attestation result; needs --ear-key
    #[arg(
        long,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "jwt"
    )]
    pub ear: Option<EarForm>,
    /// Private key that signs the attestation result, PKCS #8 in PEM
    #[arg(long, value_name = "FILE", requires = "ear")]
    pub ear_key: Option<PathBuf>,
    /// Write the verdict as one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the evidence with its certificates as one CMW (RFC 9999): CBOR if the name ends in
    /// .cbor, otherwise JSON
    #[arg(long, value_name = "FILE")]
    pub cmw: Option<PathBuf>,
}

/// The two forms of a signed attestation result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EarForm {
    /// JSON, signed as a JWT.
    Jwt,
    /// CBOR, signed as a CWT.
    Cwt,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::arguments::{Arguments, Command, EarForm};

    fn fits(arguments: &[&str]) -> bool {
        Arguments::try_parse_from([&["boop", "verify"], arguments].concat()).is_ok()
    }

    #[test]
    fn simulated_roots_need_the_flag() {
        assert!(fits(&["x"]));
        assert!(!fits(&["x", "--roots", "r.toml"]));
        assert!(fits(&["x", "--roots", "r.toml", "--danger-simulated-tee"]));
    }

    #[test]
    fn evidence_is_needed_unless_something_else_is_to_be_shown() {
        assert!(!fits(&[]));
        assert!(fits(&["--list-reasons"]));
        assert!(fits(&["--show-policy", "--policy", "strict"]));
        assert!(!fits(&["x", "--list-reasons"]));
    }

    #[test]
    fn one_form_of_the_verdict_is_printed() {
        assert!(!fits(&["x", "--json", "--explain"]));
        assert!(!fits(&["x", "--json", "--ear"]));
        assert!(!fits(&["x", "--explain", "--ear"]));
        assert!(!fits(&["x", "--ear-key", "k.pem"]));
    }

    #[test]
    fn an_attestation_result_is_a_jwt_unless_said_otherwise() {
        let form = |flag| {
            let arguments = Arguments::try_parse_from(["boop", "verify", flag, "x"]);
            match arguments.expect("they fit").command {
                Command::Verify(arguments) => arguments.ear,
                _ => None,
            }
        };

        assert_eq!(form("--ear"), Some(EarForm::Jwt));
        assert_eq!(form("--ear=jwt"), Some(EarForm::Jwt));
        assert_eq!(form("--ear=cwt"), Some(EarForm::Cwt));
        assert!(!fits(&["x", "--ear=xml"]));
    }
}

//! What can be asked for. The texts are what `--help` shows.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use manifest::{
    AddArguments, ApproveArguments, ApproverArguments, DiffArguments, KeyArguments, KeyPlace,
    ManifestCommand, ManifestVerifyArguments, NewArguments, PublishArguments, ShowArguments,
};
pub use palm::AccuracyArguments;
pub use verify::{EarForm, VerifyArguments};

mod manifest;
mod palm;
mod verify;

/// Exit codes, as every command's help ends.
const EXITS: &str = "Exit code: 0 it holds, 1 it does not, 2 usage or unreadable input.";

/// Checks evidence, receipts and palms, and runs a boop network on this machine.
#[derive(Debug, Parser)]
#[command(name = "boop", version, about, after_help = EXITS)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge attestation evidence: an SEV-SNP report, a Nitro document, a bundle, or a gateway
    Verify(VerifyArguments),
    /// Check receipts and entries of the public log
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Make, compare, approve and check the rules of a network
    #[command(subcommand)]
    Manifest(ManifestCommand),
    /// Compute what hardware will say about an image, and why it says something else
    #[command(subcommand)]
    Measure(crate::measure::arguments::MeasureCommand),
    /// Take palms from images and compare them
    #[command(subcommand)]
    Palm(PalmCommand),
    /// Compare what three parties signed about their jobs, from the logs of their hosts
    Statements(StatementsArguments),
    /// Make a party's keys, back them up, bring them back, and rehearse that
    Hsm(HsmArguments),
    /// Run a whole simulated network on this machine until stopped
    Up(UpArguments),
}

/// The commands about the log.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Check a receipt offline: log, parties, signatures, amount
    Verify(ReceiptArguments),
    /// Fetch the proof of an entry from a ledger and check it
    Prove(ProveArguments),
}

/// The commands about palms.
#[derive(Debug, Subcommand)]
pub enum PalmCommand {
    /// Take a palm from an image and tell how good it is
    Extract(ExtractArguments),
    /// Tell whether two images show the same palm
    Compare(CompareArguments),
    /// Draw palms of people who do not exist
    Generate(GenerateArguments),
    /// Tell how often the match rule errs, on drawn palms or on a folder of images
    Accuracy(AccuracyArguments),
}

const RECEIPT_EXAMPLES: &str = "\
Examples:
  boop ledger verify receipt.txt --network network.toml
  boop ledger verify receipt.txt --network network.toml --manifest manifest.cbor   (offline)
  boop ledger verify receipt.txt --network network.toml --danger-simulated-tee --json

Exit code: 0 the receipt holds, 1 it does not, 2 usage or unreadable input.";

/// Which network is believed.
#[derive(Debug, Args)]
pub struct NetworkArguments {
    /// Network file: id, approvers, gateway
    #[arg(long, value_name = "FILE")]
    pub network: PathBuf,
    /// Signed manifest; without it, the network file's own or the gateway's is taken. Its
    /// approvals are checked wherever it comes from
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Accept simulated hardware, which protects nothing from its operator
    #[arg(long)]
    pub danger_simulated_tee: bool,
}

/// Arguments of `boop ledger verify`.
#[derive(Debug, Args)]
#[command(after_help = RECEIPT_EXAMPLES)]
pub struct ReceiptArguments {
    /// File with the receipt as it travels (base64url) or as bytes; `-` for standard input
    pub receipt: String,
    /// Which network is believed.
    #[command(flatten)]
    pub network: NetworkArguments,
    /// Print the checks as JSON
    #[arg(long)]
    pub json: bool,
}

const PROVE_EXAMPLES: &str = "\
Examples:
  boop ledger prove --ledger http://127.0.0.1:8080 17
  boop ledger prove --ledger http://127.0.0.1:8080 17 --network network.toml

Without --network the ledger's own word is taken for its key: that shows that the log agrees
with itself, not whose log it is.

Exit code: 0 the log contains the entry, 1 the proof does not hold, 2 usage or no proof.";

/// Arguments of `boop ledger prove`.
#[derive(Debug, Args)]
#[command(after_help = PROVE_EXAMPLES)]
pub struct ProveArguments {
    /// Position of the entry in the log
    pub index: u64,
    /// Address of the ledger's public side
    #[arg(long, value_name = "URL")]
    pub ledger: String,
    /// Network file, whose manifest names the log and its key
    #[arg(long, value_name = "FILE")]
    pub network: Option<PathBuf>,
    /// Signed manifest; without it, the network file's own or the gateway's is taken
    #[arg(long, value_name = "FILE", requires = "network")]
    pub manifest: Option<PathBuf>,
    /// Accept the manifest of a simulated network
    #[arg(long, requires = "network")]
    pub danger_simulated_tee: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

const STATEMENTS_EXAMPLES: &str = "\
Examples:
  boop statements p0/statements.log p1/statements.log p2/statements.log --network network.toml
  boop statements p?/statements.log p?/statements.log.1 --network network.toml --json

Each host keeps statements.log in its run directory. Evidence in it is judged as of when it was
made. Two statements that cannot both be true name the two parties of which one lies; a job that
ended differently is listed and is no lie, because a connection that breaks does that too.

Exit code: 0 no party contradicts another, 1 one does or a line does not hold, 2 usage or
unreadable input.";

/// Arguments of `boop statements`.
#[derive(Debug, Args)]
#[command(after_help = STATEMENTS_EXAMPLES)]
pub struct StatementsArguments {
    /// Logs of the three hosts, in any order
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    /// Which network is believed.
    #[command(flatten)]
    pub network: NetworkArguments,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

const EXTRACT_EXAMPLES: &str = "\
Examples:
  boop palm extract palm.png
  boop palm extract palm.png --json

Exit code: 0 good enough to enrol or recognise, 1 not, 2 usage or unreadable input.";

/// Arguments of `boop palm extract`.
#[derive(Debug, Args)]
#[command(after_help = EXTRACT_EXAMPLES)]
pub struct ExtractArguments {
    /// An 8-bit grey PNG of a palm
    pub image: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

const COMPARE_EXAMPLES: &str = "\
Examples:
  boop palm compare enrolled.png shown.png
  boop palm compare enrolled.png shown.png --json

Exit code: 0 the same palm, 1 another, 2 usage or unreadable input.";

/// Arguments of `boop palm compare`.
#[derive(Debug, Args)]
#[command(after_help = COMPARE_EXAMPLES)]
pub struct CompareArguments {
    /// The palm that is kept
    pub stored: PathBuf,
    /// The palm that is shown
    pub shown: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

const GENERATE_EXAMPLES: &str = "\
Examples:
  boop palm generate --seed 7 --out palms --people 10 --captures 3

The same seed draws the same people. The program boop-world must lie beside boop.";

/// Arguments of `boop palm generate`.
#[derive(Debug, Args)]
#[command(after_help = GENERATE_EXAMPLES)]
pub struct GenerateArguments {
    /// Where the drawing starts
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// Folder for the images
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How many people
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub people: u32,
    /// How many captures of each
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub captures: u32,
}

const UP_EXAMPLES: &str = "\
Examples:
  boop up                        a network in a new folder, until Ctrl-C
  boop up -- --help              what boop-world takes

All arguments go to the program boop-world, which must lie beside boop.";

const HSM_EXAMPLES: &str = "\
Examples:
  boop hsm probe --module /usr/lib/softhsm/libsofthsm2.so --label custody --pin-file pin
  boop hsm status --config custodian.toml                what the token holds and can do
  boop hsm rotate --config custodian.toml                new key-encryption keys, the old destroyed
  boop hsm help                                          every command
  boop hsm backup --help                                 one command, with an example

Commands: init, status, rotate, probe, create-key, backup-key, check-share, check-transcript,
backup, restore, drill, approver-key, approve-manifest. All arguments go to the program
boop-custodian, which must lie beside boop.
docs/custodian.md, docs/ceremony.md and docs/recovery.md lead through them.";

/// Arguments of `boop hsm`.
#[derive(Debug, Args)]
#[command(after_help = HSM_EXAMPLES)]
pub struct HsmArguments {
    /// Command of boop-custodian and its arguments
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_name = "ARGS"
    )]
    pub arguments: Vec<std::ffi::OsString>,
}

/// Arguments of `boop up`.
#[derive(Debug, Args)]
#[command(after_help = UP_EXAMPLES)]
pub struct UpArguments {
    /// Arguments for boop-world
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    pub arguments: Vec<std::ffi::OsString>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }
}

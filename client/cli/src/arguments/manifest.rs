//! Arguments of `boop manifest`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands about manifests.
#[derive(Debug, Subcommand)]
pub enum ManifestCommand {
    /// Make a manifest from its readable twin, or print a twin to start from
    New(NewArguments),
    /// Show a manifest, its digest, and who has approved it
    Show(ShowArguments),
    /// Tell field by field what differs, and what adds trust
    Diff(DiffArguments),
    /// Ask for each change, then sign
    Approve(ApproveArguments),
    /// Check approvals, the chain from the genesis, and that the parties differ as they must
    Verify(ManifestVerifyArguments),
    /// Put an approved version into the ledger, where it has to be before it counts
    Publish(PublishArguments),
    /// Hand an approved version to the processes of this machine, which take it while they run
    Add(AddArguments),
    /// Make an approver's key, or print its public half
    Key(KeyArguments),
}

const NEW_EXAMPLES: &str = "\
Examples:
  boop manifest new --example > network.json             a complete twin to edit
  boop manifest new network.json                         check it, print the network's id
  boop manifest new network.json --out manifest-1.cbor
  boop manifest new next.json --next-of manifest-1.cbor --out manifest-2.cbor

With --next-of, version, previous and network are filled in: leave them out of the twin, or leave
them as `boop manifest show --twin` printed them. Every other field must be there, and no other
field may be. A manifest whose parties do not differ as they must is not written.

Exit code: 0 made, 1 the parties do not differ as they must, 2 usage or not a twin.";

/// Arguments of `boop manifest new`.
#[derive(Debug, Args)]
#[command(after_help = NEW_EXAMPLES)]
pub struct NewArguments {
    /// The twin, JSON; `-` for standard input
    #[arg(required_unless_present = "example", conflicts_with = "example")]
    pub twin: Option<PathBuf>,
    /// The manifest that this one follows
    #[arg(long, value_name = "FILE", conflicts_with = "example")]
    pub next_of: Option<PathBuf>,
    /// Write the manifest, without approvals, to a new file
    #[arg(long, value_name = "FILE", conflicts_with = "example")]
    pub out: Option<PathBuf>,
    /// Print a complete twin to start from
    #[arg(long)]
    pub example: bool,
    /// With --example: keys of the three operators, a release signer and a reviewer
    #[arg(long = "approver", value_name = "KEY", requires = "example")]
    pub approvers: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Who may approve.
#[derive(Debug, Default, Args)]
pub struct ApproverArguments {
    /// Network file: id, approvers, how many of them are needed
    #[arg(long, value_name = "FILE", conflicts_with = "approvers")]
    pub network: Option<PathBuf>,
    /// Public key of one who may approve, hexadecimal; once for each
    #[arg(long = "approver", value_name = "KEY", requires = "needed")]
    pub approvers: Vec<String>,
    /// How many of them are needed
    #[arg(long, value_name = "N", requires = "approvers")]
    pub needed: Option<u8>,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  boop manifest show manifest.cbor
  boop manifest show manifest.cbor --network network.toml   who has yet to approve
  boop manifest show manifest.cbor --twin > next.json       to edit for the next version

Whether it is in force, `boop manifest verify` says.

Exit code: 0 shown, 2 usage or not a manifest.";

/// Arguments of `boop manifest show`.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub struct ShowArguments {
    /// A manifest
    pub manifest: PathBuf,
    /// Who may approve.
    #[command(flatten)]
    pub approvers: ApproverArguments,
    /// Print the twin alone
    #[arg(long, conflicts_with = "json")]
    pub twin: bool,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  boop manifest diff manifest-1.cbor manifest-2.cbor
  boop manifest diff manifest-1.cbor next.json              a twin stands for its manifest
  boop manifest diff manifest-1.cbor                        a genesis: all of it is added
  boop manifest diff manifest-1.cbor manifest-2.cbor --json > expected.json

A change adds trust if something is believed afterwards that was not before: a machine, a key, a
measurement, older firmware, a weaker limit. A restriction only removes trust.

Exit code: 0 the same, 1 there are changes, 2 usage or not a manifest.";

/// Arguments of `boop manifest diff`.
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub struct DiffArguments {
    /// A manifest or a twin
    pub old: PathBuf,
    /// The one that may replace it; without one, all of the first is told
    pub new: Option<PathBuf>,
    /// Print the changes as JSON
    #[arg(long)]
    pub json: bool,
}

const APPROVE_EXAMPLES: &str = "\
Examples:
  boop manifest approve manifest-1.cbor --key alice.key
  boop manifest approve manifest-2.cbor --previous manifest-1.cbor --key alice.key \\
    --network network.toml
  boop manifest approve manifest-2.cbor --previous manifest-1.cbor --key alice.key \\
    --expect expected.json                                  in a script: these changes, no others
  boop manifest approve manifest-2.cbor --previous manifest-1.cbor --key alice.key \\
    --yes-to evidence_age_max_s --yes-to 'releases[2]'      in a script: these fields, no others
  boop manifest approve manifest-2.cbor --previous manifest-1.cbor --token alice.toml \\
    --network network.toml                                  with a key that never leaves its token

On a terminal, each change is shown and asked for; the first `n` ends it and nothing is signed.
Without a terminal, --expect or --yes-to must answer for every change. Version, predecessor and
network are checked instead of asked for. The approval is written into the manifest's file, beside
those that are there.

Exit code: 0 approved, 1 not approved, 2 usage or unreadable input.";

/// Where an approver's key is.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct KeyPlace {
    /// The approver's key: a file of mode 0600 with 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The approver's key is in a PKCS#11 token: a file that names it, from boop hsm approver-key
    #[arg(long, value_name = "FILE")]
    pub token: Option<PathBuf>,
}

/// Arguments of `boop manifest approve`.
#[derive(Debug, Args)]
#[command(after_help = APPROVE_EXAMPLES)]
pub struct ApproveArguments {
    /// The manifest
    pub manifest: PathBuf,
    /// The version before; a genesis has none
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
    /// Where the approver's key is.
    #[command(flatten)]
    pub place: KeyPlace,
    /// Who may approve.
    #[command(flatten)]
    pub approvers: ApproverArguments,
    /// Accept the changes of this field; once for each field
    #[arg(long, value_name = "FIELD", num_args = 1.., conflicts_with = "expect")]
    pub yes_to: Vec<String>,
    /// Accept exactly the changes of this file, which `boop manifest diff --json` wrote
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  boop manifest verify manifest-3.cbor --network network.toml \\
    --chain manifest-1.cbor manifest-2.cbor
  boop manifest verify manifest-1.cbor --approver KEY --approver KEY --needed 2 --json

Without --chain, a later version is checked alone: its approvals hold, and how the network came to
it stays open.

Exit code: 0 it holds, 1 it does not, 2 usage or unreadable input.";

/// Arguments of `boop manifest verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub struct ManifestVerifyArguments {
    /// The manifest
    pub manifest: PathBuf,
    /// All versions before it, from the genesis on, in any order
    #[arg(long, value_name = "FILES", num_args = 1..)]
    pub chain: Vec<PathBuf>,
    /// Who may approve.
    #[command(flatten)]
    pub approvers: ApproverArguments,
    /// Accept the manifest of a simulated network, which protects nothing from its operator
    #[arg(long)]
    pub danger_simulated_tee: bool,
    /// Print the checks as JSON
    #[arg(long)]
    pub json: bool,
}

const PUBLISH_EXAMPLES: &str = "\
Examples:
  boop manifest publish manifest-2.cbor --network network.toml
  boop manifest publish manifest-2.cbor --network network.toml --ledger ledger.example:8462 --json

The ledger takes the version that follows the one it runs under, if those agreed to it whom that one
asks. From then on its delay counts. The receipt, which proves that it is in the log, is checked and
written beside the manifest. Published once more, it has the same receipt.

Exit code: 0 it is in the log, 1 the ledger refuses it, 2 usage, unreadable input or no ledger.";

/// Arguments of `boop manifest publish`.
#[derive(Debug, Args)]
#[command(after_help = PUBLISH_EXAMPLES)]
pub struct PublishArguments {
    /// The manifest, approved
    pub manifest: PathBuf,
    /// The network's file, which says where the ledger is
    #[arg(long, value_name = "FILE")]
    pub network: PathBuf,
    /// Where the ledger takes manifests, `host:port` [default: as in the network's file]
    #[arg(long, value_name = "ADDRESS")]
    pub ledger: Option<String>,
    /// Where the receipt goes [default: the manifest's name with `.receipt`]
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Print what the log has as JSON
    #[arg(long)]
    pub json: bool,
}

const KEY_EXAMPLES: &str = "\
Examples:
  boop manifest key alice.key --new      make a key, print its public half
  boop manifest key alice.key            print the public half
  boop manifest key --token alice.toml --new    make it in a PKCS#11 token, which it never leaves

Exit code: 0 printed, 2 usage or unreadable input.";

/// Arguments of `boop manifest key`.
#[derive(Debug, Args)]
#[command(after_help = KEY_EXAMPLES)]
pub struct KeyArguments {
    /// The approver's key: a file of mode 0600 with 64 hexadecimal digits
    #[arg(required_unless_present = "token", conflicts_with = "token")]
    pub key: Option<PathBuf>,
    /// The key is in a PKCS#11 token: a file that names it (boop hsm approver-key --help)
    #[arg(long, value_name = "FILE")]
    pub token: Option<PathBuf>,
    /// Make the key first; one that is there is left alone
    #[arg(long)]
    pub new: bool,
}

const ADD_EXAMPLES: &str = "\
Examples:
  boop manifest add manifest-2.cbor --to manifest.cbor

The file is the one that the configurations of custodian, host, gateway or ledger name: `manifest`
of `[trust]`. It has one version or several, oldest first; the new one must follow the last. Those
must have approved it whom the last one asks. Publish it first (`boop manifest publish`): custodian
and ledger take no version that the log does not have.

Exit code: 0 it is in the file, 1 it does not follow, 2 usage or a file unreadable.";

/// Arguments of `boop manifest add`.
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
pub struct AddArguments {
    /// The approved version
    pub manifest: PathBuf,
    /// The file that the processes read
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

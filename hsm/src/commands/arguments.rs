//! Arguments of the commands about keys and backups. The texts are what `--help` shows.

use std::path::PathBuf;

use boop_hsm::backup::Recipient;
use boop_wire::NetworkId;
use clap::Args;

/// Whose keys.
#[derive(Debug, Args)]
pub(crate) struct CustodianArguments {
    /// The custodian's configuration (TOML): its party, token and register
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Id of the network, in hexadecimal: `boop manifest new` prints it
    #[arg(long, value_name = "HEX")]
    pub(crate) network: NetworkId,
}

const APPROVER_KEY: &str = "\
Example:
  boop-custodian approver-key --token approver.toml --new

approver.toml names the token; the key is made there and cannot leave it:
  module = \"/usr/lib/softhsm/libsofthsm2.so\"
  label = \"alice\"
  pin_file = \"pin\"";

/// Arguments of `approver-key`.
#[derive(Debug, Args)]
#[command(after_help = APPROVER_KEY)]
pub(crate) struct ApproverKeyArguments {
    /// File that names module, label and PIN file
    #[arg(long, value_name = "FILE")]
    pub(crate) token: PathBuf,
    /// Make the key first; one that is there is left alone
    #[arg(long)]
    pub(crate) new: bool,
}

/// Arguments of `approve-manifest`.
#[derive(Debug, Args)]
pub(crate) struct ApproveManifestArguments {
    /// File that names module, label and PIN file
    #[arg(long, value_name = "FILE")]
    pub(crate) token: PathBuf,
}

const CREATE_KEY: &str = "\
Example:
  boop-custodian create-key --config custodian.toml --network $NETWORK

The token makes a key-encryption key that cannot leave it, and a data key, which is kept wrapped by
the former. A key that is there is never replaced: its check value is printed.";

/// Arguments of `create-key`.
#[derive(Debug, Args)]
#[command(after_help = CREATE_KEY)]
pub(crate) struct CreateKeyArguments {
    #[command(flatten)]
    pub(crate) whose: CustodianArguments,
    /// Epoch of the store that the key is for [default: as in the configuration]
    #[arg(long)]
    pub(crate) epoch: Option<u32>,
    /// Add what is printed to the transcript of the ceremony
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const BACKUP_KEY: &str = "\
Example:
  boop-custodian backup-key --config custodian.toml --network $NETWORK --out ceremony \\
    --holder age1... --holder age1... --holder age1... --holder age1... --holder age1...

Writes backup-key.cbor, signed by the custodian, and share-1.age to share-5.age, each for one
holder. The private half is in this process alone and is forgotten: run it on a machine without a
network. Any three holders can bring the party's keys back, two cannot.";

/// Arguments of `backup-key`.
#[derive(Debug, Args)]
#[command(after_help = BACKUP_KEY)]
pub(crate) struct BackupKeyArguments {
    #[command(flatten)]
    pub(crate) whose: CustodianArguments,
    /// The age key of a holder; five times
    #[arg(long = "holder", value_name = "AGE1", required = true)]
    pub(crate) holders: Vec<Recipient>,
    /// A new folder for the record and the shares
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// Add what is printed to the transcript of the ceremony
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const CHECK_SHARE: &str = "\
Example:
  boop-custodian check-share share-2.age --identity holder.key --backup-key backup-key.cbor \\
    --custodian $CUSTODIAN

A holder does this alone, and again each year: the share is held against the signed record.

Exit code: 0 it is good, 1 it is not.";

/// Arguments of `check-share`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_SHARE)]
pub(crate) struct CheckShareArguments {
    /// The share
    pub(crate) share: PathBuf,
    /// File with the holder's age identity
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// The record of the backup key
    #[arg(long, value_name = "FILE")]
    pub(crate) backup_key: PathBuf,
    /// Public key of the custodian, in hexadecimal, as the manifest names it
    #[arg(long, value_name = "HEX")]
    pub(crate) custodian: String,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const CHECK_TRANSCRIPT: &str = "\
Example:
  boop-custodian check-transcript transcript.jsonl --custodian $CUSTODIAN

Each line is signed by the custodian and names the one before. The name of the last is printed: it
is what everyone present signs on paper, and tells whether anything was cut off after it.";

/// Arguments of `check-transcript`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_TRANSCRIPT)]
pub(crate) struct CheckTranscriptArguments {
    /// The transcript
    pub(crate) transcript: PathBuf,
    /// Public key of the custodian, in hexadecimal, as the manifest names it
    #[arg(long, value_name = "HEX")]
    pub(crate) custodian: String,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const BACKUP: &str = "\
Example:
  boop-custodian backup --config custodian.toml --network $NETWORK \\
    --backup-key ceremony/backup-key.cbor --out backup.cbor

The token wraps each data key to the backup key; nothing in the file opens anything by itself. Make
one after each new epoch: a data key that is in no backup is lost with its token. Then destroy those
that were made before: they hold the key of the epoch that is over.";

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(after_help = BACKUP)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    pub(crate) whose: CustodianArguments,
    /// There is no register, since this custodian has released no key yet
    #[arg(long)]
    pub(crate) never_served: bool,
    /// The record of the backup key
    #[arg(long, value_name = "FILE")]
    pub(crate) backup_key: PathBuf,
    /// Where the backup goes; there must be no file yet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is restored.
#[derive(Debug, Args)]
pub(crate) struct SourceArguments {
    #[command(flatten)]
    pub(crate) whose: CustodianArguments,
    /// The backup
    #[arg(long, value_name = "FILE")]
    pub(crate) backup: PathBuf,
    /// Public key of the custodian that made it, in hexadecimal, as the manifest names it
    #[arg(long, value_name = "HEX")]
    pub(crate) custodian: String,
    /// A share: as it was sealed, or as its holder opened it; three times
    #[arg(long = "share", value_name = "FILE", required = true)]
    pub(crate) shares: Vec<PathBuf>,
    /// File with an age identity, for shares that are sealed
    #[arg(long = "identity", value_name = "FILE")]
    pub(crate) identities: Vec<PathBuf>,
}

const RESTORE: &str = "\
Example:
  boop-custodian restore --config custodian.toml --network $NETWORK --custodian $CUSTODIAN \\
    --backup backup.cbor --share share-1.age --share share-3.age --share share-4.age \\
    --identity one.key --identity three.key --identity four.key

Into an empty token alone, where there is neither its file nor a register yet, and all or nothing:
cut short, it is run again. Data keys go from one token into the other; leases begin far above those
in the backup. The custodian has a new signing key, which the next manifest names.";

/// Arguments of `restore`.
#[derive(Debug, Args)]
#[command(after_help = RESTORE)]
pub(crate) struct RestoreArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const DRILL: &str = "\
Example:
  boop-custodian drill --config custodian.toml --network $NETWORK --custodian $CUSTODIAN \\
    --backup backup.cbor --share share-1.age --share share-3.age --share share-4.age \\
    --identity one.key --identity three.key --identity four.key

Restores into a SoftHSM2 token that is made for this and thrown away, compares the key check values
and prints how long it took and what would be lost, by the register that the configuration names. It
does not touch the token there. On a machine without a network: while it runs,
the keys are in a token that is a file.

Exit code: 0 all would come back, 1 records would be lost.";

/// Arguments of `drill`.
#[derive(Debug, Args)]
#[command(after_help = DRILL)]
pub(crate) struct DrillArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// There is no register, since this custodian has released no key yet
    #[arg(long)]
    pub(crate) never_served: bool,
    /// The module of SoftHSM2
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/usr/lib/softhsm/libsofthsm2.so"
    )]
    pub(crate) module: PathBuf,
    /// A new folder for the throw-away token, removed afterwards
    #[arg(long, value_name = "FOLDER", default_value = "drill")]
    pub(crate) folder: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Said by the program to itself: the folder is made
    #[arg(long, hide = true)]
    pub(crate) inside: bool,
}

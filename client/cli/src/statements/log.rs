//! One `statements.log`, as a host wrote it: evidence, then what its key signed.

use std::path::{Path, PathBuf};

use boop_channel::verify_signature;
use boop_wire::codec::from_canonical;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::statement::{JobStatement, STATEMENT_BYTES_MAX, SignedStatement};
use boop_wire::{NetworkId, PartyIndex};

use crate::verify::read_file;

/// Largest log, in bytes: a host starts another at half of this.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A key that evidence vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) party: PartyIndex,
    pub(super) network: NetworkId,
    pub(super) identity: [u8; 32],
    pub(super) since_ms: u64,
}

/// What is in a log and does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}, line {line}: {reason}", path.display())]
pub(super) struct Flaw {
    pub(super) path: PathBuf,
    pub(super) line: usize,
    pub(super) reason: FlawReason,
}

/// Why a line does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FlawReason {
    #[error("neither `evidence` nor `statement` with canonical bytes in hexadecimal digits")]
    Form,
    #[error("the evidence is refused: {0}")]
    Evidence(String),
    #[error("no evidence stands before this statement")]
    NoKey,
    #[error("the statement is of another party or network than the evidence before it")]
    Other,
    #[error("the signature is not of the key in the evidence before it")]
    Signature,
}

/// What a log says and whose keys vouch for it.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    pub(super) keys: Vec<Key>,
    pub(super) statements: Vec<JobStatement>,
    pub(super) flaws: Vec<Flaw>,
}

impl Log {
    /// Reads a file and judges what is in it. A last line without its end is one that the host
    /// was writing, and is left out.
    pub(super) fn read(
        path: &Path,
        judge: impl Fn(&EvidenceBundle) -> Result<Key, String>,
    ) -> anyhow::Result<Self> {
        let bytes = read_file(path, LOG_BYTES_MAX)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let mut log = Self {
            path: path.to_owned(),
            keys: Vec::new(),
            statements: Vec::new(),
            flaws: Vec::new(),
        };
        let mut key = None;
        for (index, line) in bytes[..whole].split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            if let Err(reason) = log.take(line, &mut key, &judge) {
                let path = log.path.clone();
                let line = index + 1;
                log.flaws.push(Flaw { path, line, reason });
            }
        }
        Ok(log)
    }

    /// Returns what to call it.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn take(
        &mut self,
        line: &[u8],
        key: &mut Option<Key>,
        judge: impl Fn(&EvidenceBundle) -> Result<Key, String>,
    ) -> Result<(), FlawReason> {
        let split = line.iter().position(|byte| *byte == b' ');
        let (word, digits) = line.split_at(split.ok_or(FlawReason::Form)?);
        let bytes = hex::decode(&digits[1..]).map_err(|_| FlawReason::Form)?;
        match word {
            b"evidence" => {
                // Statements behind evidence that is refused are nobody's.
                *key = None;
                let bundle = from_canonical(&bytes).map_err(|_| FlawReason::Form)?;
                let judged = judge(&bundle).map_err(FlawReason::Evidence)?;
                if !self.keys.contains(&judged) {
                    self.keys.push(judged.clone());
                }
                *key = Some(judged);
                Ok(())
            }
            b"statement" if bytes.len() <= STATEMENT_BYTES_MAX => {
                let signed: SignedStatement =
                    from_canonical(&bytes).map_err(|_| FlawReason::Form)?;
                let key = key.as_ref().ok_or(FlawReason::NoKey)?;
                let statement = signed.statement;
                if (statement.party, statement.network) != (key.party, key.network) {
                    return Err(FlawReason::Other);
                }
                let said = statement.signed_bytes();
                if !verify_signature(&key.identity, &said, &signed.signature) {
                    return Err(FlawReason::Signature);
                }
                self.statements.push(statement);
                Ok(())
            }
            _ => Err(FlawReason::Form),
        }
    }
}

//! Trust policies (C2SP tlog-policy): which logs count, and who has to have cosigned.
//!
//! A policy is evaluated over a checkpoint alone, offline. Keys are Ed25519: a line with a key of
//! another type is refused, so that no quorum is counted without one of its members.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use crate::checkpoint::{Checkpoint, CheckpointParseError};
use crate::hash::Hash;
use crate::key::{KeyParseError, KeyType, VerifierKey};
use crate::note::{Note, NoteVerifyError};
use crate::receipt::ProofText;
use crate::verify::{ProofError, verify_inclusion};

/// Bytes of the largest policy this crate reads.
pub const POLICY_BYTES_MAX: usize = 64 * 1024;
/// Logs of a policy at most; the format asks for 32 or more.
pub const LOGS_MAX: usize = 64;
/// Witnesses and groups of a policy at most; the format asks for 32 of each or more.
pub const MEMBERS_MAX: usize = 128;

const NONE: &[u8] = b"none";

/// Logs, witnesses and the quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    members: Vec<Member>,
    /// Place of the member that must have witnessed; no member for `quorum none`.
    quorum: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: Vec<u8>,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Witness(VerifierKey),
    /// Members stand before their group, so that nothing goes round in a circle.
    Group {
        threshold: usize,
        members: Vec<usize>,
    },
}

/// Why bytes are no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyParseError {
    /// The policy is longer than [`POLICY_BYTES_MAX`].
    #[error("the policy has {0} bytes, which is too many")]
    TooLong(usize),
    /// The last line has no newline.
    #[error("the last line of the policy has no newline")]
    Unterminated,
    /// A line is malformed; lines count from one.
    #[error("line {0} of the policy is wrong")]
    Line(usize, #[source] PolicyLineError),
    /// There is no quorum line.
    #[error("the policy has no quorum")]
    NoQuorum,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyLineError {
    /// There is a control character other than tab.
    #[error("the line has a control character")]
    Control,
    /// The line is none of `log`, `witness`, `group`, `quorum`, or has too few or many words.
    #[error("the line defines no log, witness, group or quorum")]
    Shape,
    /// The key does not read.
    #[error("the key does not read")]
    Key(#[source] KeyParseError),
    /// The key is of a type that a log or a witness does not sign with.
    #[error("the key has the type of the other kind of signer")]
    KeyType,
    /// The key stands on an earlier line.
    #[error("the key stands on an earlier line")]
    DuplicateKey,
    /// The name is taken, or is `none`.
    #[error("the name is taken")]
    DuplicateName,
    /// The name is not defined on an earlier line.
    #[error("a name is not defined on an earlier line")]
    UnknownName,
    /// The member belongs to a group already.
    #[error("a member belongs to a group already")]
    MemberTwice,
    /// The threshold is not `any`, `all` or a number from one to the number of members.
    #[error("the threshold does not fit the members")]
    Threshold,
    /// A second quorum line.
    #[error("there is more than one quorum")]
    QuorumTwice,
    /// More than [`LOGS_MAX`] logs or [`MEMBERS_MAX`] witnesses and groups.
    #[error("the policy defines too many logs, witnesses or groups")]
    TooMany,
}

/// Why a checkpoint or a proof does not satisfy a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The signed text is no checkpoint.
    #[error("the signed text is no checkpoint")]
    Text(#[source] CheckpointParseError),
    /// No log of the policy signed, or its signature is wrong.
    #[error("no log of the policy signed the checkpoint")]
    Log(#[source] NoteVerifyError),
    /// A witness's cosignature is wrong.
    #[error("a cosignature is wrong")]
    Witness(#[source] NoteVerifyError),
    /// Too few of the witnesses cosigned.
    #[error("the cosignatures do not make the quorum")]
    Quorum,
    /// The entry is not in the log.
    #[error("the proof does not lead to the checkpoint")]
    Proof(#[source] ProofError),
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyParseError`] names the line and what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyParseError> {
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(PolicyParseError::TooLong(bytes.len()));
        }
        let mut draft = Draft::default();
        if let Some(body) = bytes.strip_suffix(b"\n") {
            for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
                let read = draft.line(line);
                read.map_err(|error| PolicyParseError::Line(index + 1, error))?;
            }
        } else if !bytes.is_empty() {
            return Err(PolicyParseError::Unterminated);
        }
        let Draft { logs, members, .. } = draft;
        let quorum = draft.quorum.ok_or(PolicyParseError::NoQuorum)?;
        Ok(Self {
            logs,
            members,
            quorum,
        })
    }

    /// Checks that a log of the policy signed the checkpoint and the quorum cosigned it.
    ///
    /// # Errors
    /// [`PolicyError`] is the first check that failed.
    pub fn open(&self, note: &Note) -> Result<Checkpoint, PolicyError> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(PolicyError::Text)?;
        let of_log = |key: &&VerifierKey| *key.name() == checkpoint.origin;
        let keys: Vec<VerifierKey> = self.logs.iter().filter(of_log).cloned().collect();
        note.verify(&keys).map_err(PolicyError::Log)?;
        if self.has_quorum(note)? {
            Ok(checkpoint)
        } else {
            Err(PolicyError::Quorum)
        }
    }

    /// Checks a proof offline: the log contains `leaf` at the proof's index, under a checkpoint
    /// that satisfies the policy (C2SP tlog-proof).
    ///
    /// # Errors
    /// [`PolicyError`] is the first check that failed.
    pub fn verify(&self, proof: &ProofText, leaf: &Hash) -> Result<Checkpoint, PolicyError> {
        let checkpoint = self.open(&proof.checkpoint)?;
        let Checkpoint { size, root, .. } = &checkpoint;
        verify_inclusion(leaf, proof.index, *size, &proof.path, root)
            .map_err(PolicyError::Proof)?;
        Ok(checkpoint)
    }

    fn has_quorum(&self, note: &Note) -> Result<bool, PolicyError> {
        let mut witnessed: Vec<bool> = Vec::new();
        for member in &self.members {
            witnessed.push(match &member.rule {
                Rule::Witness(key) => match note.verify(core::slice::from_ref(key)) {
                    Ok(_) => true,
                    Err(NoteVerifyError::Unsigned) => false,
                    Err(error @ NoteVerifyError::BadSignature(_)) => {
                        return Err(PolicyError::Witness(error));
                    }
                },
                Rule::Group { threshold, members } => {
                    let count = members.iter().filter(|member| witnessed[**member]).count();
                    count >= *threshold
                }
            });
        }
        Ok(self.quorum.is_none_or(|member| witnessed[member]))
    }
}

/// What the lines so far have defined.
#[derive(Default)]
struct Draft {
    logs: Vec<VerifierKey>,
    members: Vec<Member>,
    grouped: Vec<usize>,
    quorum: Option<Option<usize>>,
}

impl Draft {
    fn line(&mut self, line: &[u8]) -> Result<(), PolicyLineError> {
        if line.iter().any(|byte| is_control(*byte)) {
            return Err(PolicyLineError::Control);
        }
        let spaces = line.split(|byte| matches!(byte, b' ' | b'\t'));
        let words: Vec<&[u8]> = spaces.filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", key] | [b"log", key, _] => self.log(key),
            [b"witness", name, key] | [b"witness", name, key, _] => self.witness(name, key),
            [b"group", name, threshold, members @ ..] => self.group(name, threshold, members),
            [b"quorum", name] => self.quorum(name),
            _ => Err(PolicyLineError::Shape),
        }
    }

    fn log(&mut self, key: &[u8]) -> Result<(), PolicyLineError> {
        let key = parse_key(key, KeyType::Ed25519)?;
        let same = |log: &VerifierKey| log.public_key() == key.public_key();
        if self.logs.iter().any(same) {
            return Err(PolicyLineError::DuplicateKey);
        }
        if self.logs.len() == LOGS_MAX {
            return Err(PolicyLineError::TooMany);
        }
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &[u8], key: &[u8]) -> Result<(), PolicyLineError> {
        let key = parse_key(key, KeyType::Cosignature)?;
        let same = |member: &Member| match &member.rule {
            Rule::Witness(witness) => witness.public_key() == key.public_key(),
            Rule::Group { .. } => false,
        };
        if self.members.iter().any(same) {
            return Err(PolicyLineError::DuplicateKey);
        }
        self.define(name, Rule::Witness(key))
    }

    fn group(
        &mut self,
        name: &[u8],
        threshold: &[u8],
        names: &[&[u8]],
    ) -> Result<(), PolicyLineError> {
        let mut members = Vec::new();
        for member in names {
            let member = self.find(member)?;
            if self.grouped.contains(&member) || members.contains(&member) {
                return Err(PolicyLineError::MemberTwice);
            }
            members.push(member);
        }
        let threshold = match threshold {
            b"any" => 1,
            b"all" => members.len(),
            number => parse_number(number).ok_or(PolicyLineError::Threshold)?,
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(PolicyLineError::Threshold);
        }
        self.grouped.extend_from_slice(&members);
        self.define(name, Rule::Group { threshold, members })
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), PolicyLineError> {
        if self.quorum.is_some() {
            return Err(PolicyLineError::QuorumTwice);
        }
        self.quorum = Some(match name {
            NONE => None,
            name => Some(self.find(name)?),
        });
        Ok(())
    }

    fn define(&mut self, name: &[u8], rule: Rule) -> Result<(), PolicyLineError> {
        if name == NONE || self.find(name).is_ok() {
            return Err(PolicyLineError::DuplicateName);
        }
        if self.members.len() == MEMBERS_MAX {
            return Err(PolicyLineError::TooMany);
        }
        let name = name.to_owned();
        self.members.push(Member { name, rule });
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Result<usize, PolicyLineError> {
        let named = |member: &Member| member.name == name;
        let place = self.members.iter().position(named);
        place.ok_or(PolicyLineError::UnknownName)
    }
}

fn parse_key(key: &[u8], kind: KeyType) -> Result<VerifierKey, PolicyLineError> {
    let text = core::str::from_utf8(key).map_err(|_| PolicyLineError::Key(KeyParseError::Name))?;
    let key: VerifierKey = text.parse().map_err(PolicyLineError::Key)?;
    if key.kind() == kind {
        Ok(key)
    } else {
        Err(PolicyLineError::KeyType)
    }
}

fn parse_number(digits: &[u8]) -> Option<usize> {
    let number = crate::text::decimal(core::str::from_utf8(digits).ok()?)?;
    usize::try_from(number).ok()
}

fn is_control(byte: u8) -> bool {
    byte == 0x7f || (byte < b' ' && byte != b'\t')
}

#[cfg(test)]
mod tests;

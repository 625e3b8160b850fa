//! What can be wrong with a policy file, each with the path of the field.

use std::{cell::RefCell, fmt};

/// Says why a text is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The text is longer than any policy needs.
    #[error("policy has {bytes} bytes, more than the limit")]
    TooLong {
        /// Length that was offered.
        bytes: usize,
    },
    /// The text is not TOML.
    #[error("{}{message}", line.map_or_else(String::new, |line| format!("line {line}: ")))]
    Syntax {
        /// Line of the flaw, from one.
        line: Option<usize>,
        /// What the TOML reader says.
        message: String,
    },
    /// Fields are wrong.
    #[error("{}", lines(.0))]
    Problems(Vec<Problem>),
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {kind}")]
pub struct Problem {
    /// Full path, such as `snp.products.genoa.floors[0].launch.microcode`.
    pub path: String,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// It is not written.
    Missing {
        /// What to write to leave it open, or what there is to choose from.
        write: String,
    },
    /// The form has no such field.
    Unknown {
        /// The known name that it resembles.
        nearest: Option<String>,
    },
    /// It holds something else.
    Expected {
        /// What it may hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// The policy would trust every Milan chip.
    MilanAnyChip,
    /// A PCR set leaves mandatory registers out.
    PcrsMissing {
        /// The registers.
        missing: Vec<u8>,
    },
    /// There is not a single floor.
    FloorsEmpty,
    /// A floor does not begin after the one before it.
    FloorNotLater,
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { write } => write!(f, "missing; write {write}"),
            Self::Unknown { nearest: None } => f.write_str("unknown field"),
            Self::Unknown {
                nearest: Some(name),
            } => write!(f, "unknown field; did you mean {name}"),
            Self::Expected { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::MilanAnyChip => f.write_str(
                "milan is trusted chip by chip alone, for the root seed of its vcek keys is \
                 claimed to be extractable in software (arxiv 2605.12990); list chip ids, write \
                 [] for none, or refuse milan",
            ),
            Self::PcrsMissing { missing } => {
                let names: Vec<_> = missing.iter().map(|index| format!("pcr{index}")).collect();
                write!(
                    f,
                    "names no {}; a release is pcr0, pcr1 and pcr2 together",
                    names.join(", ")
                )
            }
            Self::FloorsEmpty => f.write_str("no floor; write \"any\" to leave it open"),
            Self::FloorNotLater => f.write_str("floors stand in the order of their dates"),
        }
    }
}

/// Collects problems while a file is read.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(super) fn add(&self, path: String, kind: ProblemKind) {
        self.0.borrow_mut().push(Problem { path, kind });
    }

    pub(super) fn into_error(self) -> Option<PolicyError> {
        let problems = self.0.into_inner();
        (!problems.is_empty()).then_some(PolicyError::Problems(problems))
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

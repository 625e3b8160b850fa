//! Policies as files: TOML in which every field is written.
//!
//! A field that is missing, unknown or of the wrong kind is an error that names it, so a policy
//! never means more than its author wrote. docs/policy.md lists the fields.

mod nitro;
mod problem;
mod product;
mod section;
mod snp;
mod value;
mod write;

use aws_lc_rs::digest::{SHA256, digest};
use boop_verifier::{Demand, Platform, Policy, SimulatedEvidence};

pub use problem::{PolicyError, Problem, ProblemKind};

use problem::Problems;
use section::Section;

/// For production on one's own machines.
pub const STRICT: &str = include_str!("../policies/strict.toml");
/// For a cloud that signs with the key of its fleet.
pub const CLOUD_VLEK: &str = include_str!("../policies/cloud-vlek.toml");
/// For development, with the simulator.
pub const DEVELOPMENT: &str = include_str!("../policies/development.toml");

/// Names of the policies that come with the product.
pub const SHIPPED: [&str; 3] = ["strict", "cloud-vlek", "development"];

/// Longest policy that is read.
pub const POLICY_BYTES_MAX: usize = 1024 * 1024;
/// Version of the file's form.
pub const FORMAT: u64 = 1;

/// Gives the text of a policy that comes with the product.
pub fn shipped(name: &str) -> Option<&'static str> {
    match name {
        "strict" => Some(STRICT),
        "cloud-vlek" => Some(CLOUD_VLEK),
        "development" => Some(DEVELOPMENT),
        _ => None,
    }
}

/// A policy with its name and the digest of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Name that the file gives itself.
    pub name: String,
    /// What it says.
    pub policy: Policy,
    /// SHA-256 of the text, byte for byte.
    pub sha256: [u8; 32],
}

impl PolicyFile {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// Returns [`PolicyError`] with everything that is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLong { bytes: text.len() });
        }
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error
                .span()
                .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            PolicyError::Syntax {
                line,
                message: error.message().to_owned(),
            }
        })?;
        let problems = Problems::default();
        let read = read(Section::root(&table, &problems));
        match (read, problems.into_error()) {
            (Some((name, policy)), None) => Ok(Self {
                name,
                policy,
                sha256: sha256(text),
            }),
            (_, Some(error)) => Err(error),
            // Whatever is not read has left a problem behind.
            (None, None) => Err(PolicyError::Problems(Vec::new())),
        }
    }

    /// Writes a policy with every field. What is written is read back as the same policy, except
    /// that the reader refuses some that a program can make, such as Milan with any chip.
    pub fn to_toml(policy: &Policy, name: &str) -> String {
        write::policy(policy, name)
    }
}

fn read(mut root: Section<'_>) -> Option<(String, Policy)> {
    root.exactly("format", FORMAT);
    let name = root.text("name");
    let words = [
        ("refuse", SimulatedEvidence::Refuse),
        ("accept", SimulatedEvidence::Allow),
    ];
    let simulated = root.word("simulated", &words);
    let words = [("required", Demand::Required), ("any", Demand::Open)];
    let binding = root.word("binding", &words);
    let snp = platform(root.section_or_refuse("snp"), snp::read);
    let nitro = platform(root.section_or_refuse("nitro"), nitro::read);
    root.finish();
    let policy = Policy {
        simulated: simulated?,
        binding: binding?,
        snp: snp?,
        nitro: nitro?,
    };
    Some((name?, policy))
}

fn platform<'a, P>(
    found: Option<Option<Section<'a>>>,
    read: fn(Section<'a>) -> Option<P>,
) -> Option<Platform<P>> {
    match found? {
        None => Some(Platform::Refused),
        Some(section) => read(section).map(Platform::Accepted),
    }
}

fn sha256(text: &str) -> [u8; 32] {
    let found = digest(&SHA256, text.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(found.as_ref());
    bytes
}

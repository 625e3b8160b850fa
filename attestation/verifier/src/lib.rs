//! Verifier of attestation evidence: AMD SEV-SNP reports and AWS Nitro documents.
//!
//! Three steps, each of which can be looked at alone:
//!
//! ```text
//! bytes --parse--> Evidence --authenticate--> Authenticated --appraise--> Verdict
//!                     roots, endorsements, time          policy, expected
//! ```
//!
//! [`parse`] copies the bytes once and gives a typed view of them. [`authenticate`] follows the
//! signatures to a root and notes facts, ordered steps and reasons. [`appraise`] holds the facts
//! against a written policy and against what the caller expects to be bound. A verdict keeps the
//! three results apart: authentic (the vendor signed it), acceptable (the policy allows it) and
//! bound (it belongs to this conversation).
//!
//! The crate has no clock and no input or output: roots, time, policy and collateral are
//! arguments. No input makes it panic.
//!
//! # Dependencies
//!
//! Linked by default are `aws-lc-rs` and `aws-lc-sys` (signatures), `x509-cert`, `der`, `spki`,
//! `const-oid`, `flagset` (certificates), `minicbor` (CBOR), `base64` (PEM), `zeroize` and
//! `thiserror`. Without the feature `aws-lc` and with `rust-crypto`, signatures are checked by
//! `p384`, `rsa` and `sha2` with what they stand on, in pure Rust and without `std`.
//!
//! # Size
//!
//! Lines with their comments, to the next hundred: 6100 of code, 1900 of unit tests, 1300 in
//! `tests/`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod appraise;
mod authenticate;
mod certificate;
mod chain;
mod crypto;
mod evidence;
mod facts;
mod flag;
pub mod nitro;
mod policy;
mod reason;
mod record;
mod revocation;
mod roots;
mod rule;
pub mod snp;
mod step;
mod text;
mod verdict;

#[cfg(feature = "aws-lc")]
pub use appraise::verify;
pub use appraise::{appraise, verify_with};
#[cfg(feature = "aws-lc")]
pub use authenticate::authenticate;
pub use authenticate::{Authenticated, authenticate_with};
pub use chain::{ChainPart, ChainPlace, certificate_chain};
#[cfg(feature = "aws-lc")]
pub use crypto::AwsLc;
#[cfg(feature = "rust-crypto")]
pub use crypto::RustCrypto;
pub use crypto::{Crypto, P384Signature};
pub use evidence::{Endorsements, Evidence, EvidenceKind, ParseError, UnixTime, parse};
pub use facts::{Facts, SignedBy};
pub use flag::Flag;
pub use policy::{
    AgeLimit, Demand, Expected, Floor, Floors, GuestPolicyRules, Mitigations, NitroPolicy,
    NoFloorYet, PcrSet, Permission, Platform, PlatformRules, Policy, ProductPolicy, Revocation,
    SimulatedEvidence, SnpPolicy, TcbRules, Tier, Vlek,
};
pub use reason::Reason;
pub use roots::{Roots, SimulatedRoots};
pub use rule::{Rule, RuleValue};
pub use snp::product::Product;
pub use snp::tcb::Tcb;
pub use step::{Level, Outcome, Step, StepName};
pub use verdict::Verdict;

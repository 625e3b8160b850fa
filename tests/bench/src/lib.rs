//! Benchmarks whose figures are ratios to a reference that is measured in the same loop.
//!
//! - [`rounds`]: measures two things in turn, so that noise hits both.
//! - [`table`]: rows as people and programs read them.
//! - [`evidence`]: what is verified, genuine where the vectors are at hand.
//! - [`checks`]: the signature checks that the verification of it cannot avoid.
//! - [`attestation`]: the benchmark of the verifier.
//! - [`custody`]: the benchmark of custodians and sealed stores.
//! - [`gateway`]: the benchmark of the doors.
//! - [`bridge`]: the benchmark of the sockets.
//! - [`matching`]: the benchmark of the parties.
//! - [`palm`]: the benchmark of the scanner.

pub mod attestation;
pub mod bridge;
pub mod checks;
pub mod custody;
pub mod evidence;
pub mod gateway;
pub mod matching;
pub mod palm;
pub mod rounds;
pub mod table;

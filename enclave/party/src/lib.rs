//! One party of the matching: its life, its sealed store, its sessions and its jobs.
//!
//! A state machine without I/O. The driver hands it frames of the host and the time, and sends
//! what it returns; the [`Platform`] gives evidence and randomness.
//!
//! ```text
//!  Booted --manifest approved, evidence made--> Attested --key released--> Leased
//!     --store opened--> Joined --both peers proved, stores agree--> Serving
//!     --asked to leave--> Draining --all finished and on record--> Retired
//!     any failed check of its own state --> Stopped, for good
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod decide;
mod job;
mod limits;
mod link;
mod matching;
mod party;
mod peers;
mod platform;
mod release;
mod secret;
mod vault;
mod work;

pub use party::{BootError, Computation, Computed, Party, TrustedRoots};
pub use platform::{Platform, PlatformFailure, RawEvidence};

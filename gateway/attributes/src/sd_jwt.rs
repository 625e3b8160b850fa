//! SD-JWT (RFC 9901): a signed set of claims with digests in the place of those that the holder may
//! leave out.
//!
//! ```text
//!  issuer    claims --salts--> disclosures, digests --signs--> JWT~disclosure~disclosure~
//!  holder    leaves disclosures out, may sign nonce and audience over it: JWT~disclosure~KB-JWT
//!  verifier  signature -> each digest once -> each disclosure used -> times -> key binding
//! ```
//!
//! Both serializations are read, compact and JSON (§8). The algorithm comes with the key that a
//! verifier has, never out of the token; digests are SHA-256. Objects with a name twice,
//! disclosures that nothing refers to, and digests that occur twice are refused.

mod disclosure;
mod issue;
mod parse;
mod present;
mod process;
mod verify;

pub use boop_jose::json::DEPTH_MAX;
pub use boop_jose::{Algorithm, Key, KeyError, SignFailed, Signer};
pub use disclosure::DisclosureError;
pub use issue::{Issue, IssueError};
pub use parse::{ParseError, SdJwt};
pub use present::{Disclosable, PresentError};
pub use process::ProcessError;
pub use verify::{Binding, KeyBinding, Verified, VerifyError, VerifyOptions};

/// Longest token that is read, in bytes.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;
/// Most disclosures that are read.
pub const DISCLOSURES_MAX: usize = 512;

/// Where digests of an object are (§4.2.4.1).
const SD: &str = "_sd";
/// Name of the hash function (§4.1.1).
const SD_ALG: &str = "_sd_alg";
/// The one hash function here.
const SHA_256: &str = "sha-256";
/// Where the digest of an array's element is (§4.2.4.2).
const ELEMENT: &str = "...";

#[cfg(test)]
mod tests;

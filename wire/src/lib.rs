//! The words everybody in boop shares: ids, messages, the canonical codec and refusal codes.
//!
//! Hosts, gateways, clients and enclaves all speak these types; none of them carries logic that
//! needs a key, a clock or a socket. Everything that is hashed or signed is encoded by
//! [`codec`], so that equal values have equal bytes.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
// What the schemas' macro writes needs it; measured parties do without the feature.
#[cfg(feature = "openapi")]
#[macro_use]
extern crate std;

#[cfg(feature = "api")]
pub mod api;
pub mod binding;
pub mod codec;
pub mod custody;
pub mod evidence;
pub mod frame;
pub mod id;
pub mod job;
pub mod ledger;
pub mod manifest;
pub mod publication;
pub mod reference;
pub mod refusal;
pub mod relay;
pub mod release;
pub mod session;
pub mod statement;
pub mod template;

pub use codec::{CodecError, from_canonical, to_canonical};
pub use id::{Digest, InstanceId, NetworkId, PairwiseId, PartyIndex, RequestId, UserId};
pub use refusal::Refusal;

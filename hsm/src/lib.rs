//! Key custody: releases a party's data key to the attested enclave of that party, and to nobody
//! else.
//!
//! ```text
//!  party                              custodian
//!    |  Begin { party }  ---------------> |
//!    |  <------------- Challenge (random) |
//!    |  Prove { evidence, setup } ------> |  judge, count the lease, wrap, sign, write the audit
//!    |  <---------- Released | Refused    |
//! ```
//!
//! [`Custody`] holds every rule; [`serve`] is the socket around it; a [`Token`] holds the keys.
//! The token that exists is [`FileToken`], in software: its keys lie in a file. A PKCS#11 token
//! takes its place by implementing the same trait.
#![forbid(unsafe_code)]

mod audit;
mod config;
mod custody;
mod durable;
mod rate;
mod serve;
mod token;

pub use audit::{Audit, AuditError};
pub use config::{CustodianSettings, PlanError};
pub use custody::{Conversation, Custody, CustodySettings, ReleaseError, WrongKey};
pub use serve::{CONNECTIONS_MAX, ConverseError, converse, serve};
pub use token::{FileToken, Token, TokenError};

#[cfg(test)]
mod testing;

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
//! The token of which keys are released today is [`FileToken`], in software: its keys lie in a
//! file. [`Pkcs11Vault`] keeps them in a token of its own, makes them there, and has the token
//! itself wrap them to a setup key; `boop_channel::setup` is the party's side of that.
#![forbid(unsafe_code)]

mod audit;
pub mod backup;
mod config;
mod custody;
mod durable;
mod rate;
mod register;
mod serve;
mod token;

pub use audit::{Audit, AuditError};
pub use config::{CustodianSettings, PlanError};
pub use custody::{Conversation, Custody, CustodySettings, ReleaseError, WrongKey};
pub use register::{MoveError, Register, RegisterError};
pub use serve::{CONNECTIONS_MAX, ConverseError, converse, serve};
pub use token::{
    Capability, FileToken, Finding, Findings, KeyCheck, KeyName, PinError, Pkcs11Settings,
    Pkcs11Vault, StoredKey, Token, TokenError, TokenFacts, Vault, VaultError, make_drill_token,
};

#[cfg(test)]
mod testing;

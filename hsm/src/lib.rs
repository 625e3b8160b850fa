//! Key custody: releases a party's data key to the attested enclave of that party, and to nobody
//! else.
//!
//! ```text
//!  party                              custodian
//!    |  Begin { party }  ---------------> |
//!    |  <------------- Challenge (random) |
//!    |  Prove { evidence, setup } ------> |  judge, count the lease, put it into the ledger,
//!    |                                    |  wrap, sign, write the audit
//!    |  <---------- Released | Refused    |
//! ```
//!
//! [`Custody`] holds every rule; [`serve`] is the socket around it; a [`Token`] holds the keys.
//! [`Pkcs11Token`] has them made in a token behind PKCS#11, which itself wraps them to a setup key;
//! [`KmsToken`] in AWS KMS, which wraps them to the key that it reads in a Nitro document;
//! [`FileToken`] is software, and its keys lie in a file: for development.
//! `boop_channel::setup` is the party's side of that.
#![forbid(unsafe_code)]

mod audit;
pub mod backup;
mod config;
mod custody;
mod durable;
mod ledger;
mod rate;
mod register;
mod seen;
mod serve;
mod status;
mod token;

pub use audit::{Audit, AuditError, KeyWork};
pub use config::{
    CustodianSettings, OpenError, OperatorsWord, PlanError, TokenSettings, VaultSettings,
};
pub use custody::{
    Conversation, Custody, CustodySettings, NextError, Records, ReleaseError, UnfitToken, follow,
};
pub use ledger::{Ledger, LedgerError};
pub use register::{MoveError, Register, RegisterError};
pub use seen::{SeenError, note_manifest};
pub use serve::{CONNECTIONS_MAX, ConverseError, converse, serve};
pub use status::{Status, StatusError};
pub use token::{
    ApproveError, ApproverToken, Capability, CredentialsError, FileToken, Finding, Findings,
    IdentityPlace, Keeper, KeeperStatus, KeyCheck, KeyFacts, KeyName, KmsError, KmsSettings,
    KmsToken, KmsTokenSettings, PinError, Pkcs11Settings, Pkcs11Token, Pkcs11TokenSettings,
    Pkcs11Vault, Recipient, StoredKey, Token, TokenError, TokenFacts, Vault, VaultError,
    make_drill_token,
};

#[cfg(test)]
mod testing;

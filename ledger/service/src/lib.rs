//! The ledger: an append-only public log, and double-entry accounts behind it.
//!
//! ```text
//!   rpc (gateway) --> ledger --> writer --> store (log + books, one transaction)
//!                        |          |
//!   http (public) ------ log <------'  tree and checkpoint, once they are durable
//! ```
//!
//! - [`account`], [`transfer`]: the rules of money, pure.
//! - [`store`]: what is kept, behind traits; [`store::sqlite`] keeps it in a file.
//! - [`log`]: the tree in memory and its newest signed checkpoint.
//! - [`writer`]: the one task that writes, many requests to a transaction.
//! - [`ledger`]: requests in, responses out; what a transport calls.
//! - [`authority`]: whose signatures make an outcome a reason to pay.
//! - [`http`]: the public, read-only side. It knows nothing of accounts.
//! - [`gateways`], [`rpc`]: attested sessions of gateways; calls and replies over them.
//! - [`custodians`]: what custodians report, before they do it.
//! - [`publish`]: versions of the manifest, in the log before anything happens under them.
//! - [`introduce`]: how the authority learns keys, from the parties' own evidence.
//! - [`config`], [`keyfile`], [`identity`], [`environment`]: what a process needs to start.

pub mod account;
pub mod authority;
pub mod config;
pub mod custodians;
pub mod environment;
pub mod gateways;
pub mod http;
pub mod identity;
pub mod introduce;
pub mod keyfile;
pub mod ledger;
pub mod listen;
pub mod log;
pub mod problem;
pub mod publish;
pub mod rpc;
pub mod store;
pub mod transfer;
pub mod writer;

pub use ledger::{Ledger, LedgerParts};

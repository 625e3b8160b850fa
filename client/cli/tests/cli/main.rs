//! The built `boop`, run as people and scripts run it.

mod ledger;
mod palm;
mod receipt;
mod run;
mod verify;
mod world;

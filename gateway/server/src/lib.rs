//! The gateway: ends TLS for vendors, scanners and users, takes their requests to the three
//! parties and the ledger over attested sessions, and gives one answer to each.
//!
//! ```text
//!  rest, socket          what comes in, and what is refused at the door
//!    intrusion             what doors see, and whom they turn away for it
//!    contexts, authentication, enrolment      the journeys, each step repeatable
//!      submission, agreement                  three answers become one, or none
//!      party_link, ledger_link                attested sessions that are kept up
//!      store                                  what must survive a restart
//! ```
//!
//! It routes and cannot read: captures are sealed to the parties, and no template or share is
//! ever here in the clear. The process is measured; clients verify its evidence on every
//! connection.

#![expect(
    clippy::duplicate_mod,
    reason = "one text of SQL is compiled for two databases"
)]

pub mod admission;
pub mod agreement;
pub mod app;
pub mod authentication;
pub mod config;
pub mod contexts;
pub mod enrolment;
pub mod intrusion;
pub mod jobs;
mod json;
pub mod known;
pub mod ledger_link;
pub mod locks;
pub mod oauth;
pub mod page;
pub mod party_link;
mod payment;
pub mod presence;
pub mod problem;
pub mod public_key;
pub mod rest;
pub mod revocation;
pub mod serve;
pub mod socket;
pub mod start;
pub mod store;
pub mod submission;
mod text;
pub mod validation;
pub mod wakeups;

#[cfg(test)]
mod fixture;

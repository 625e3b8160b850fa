//! `boop`: checks evidence, receipts and palms on a desk, and starts a network on this machine.
//!
//! - [`arguments`]: what can be asked for, with help and examples.
//! - [`verify`]: evidence of a file or a gateway, judged and explained.
//! - [`ledger`]: receipts and log entries, checked line by line.
//! - [`manifest`]: the rules of a network, made, compared, approved and checked.
//! - [`measure`]: what hardware will say about an image, from its parts.
//! - [`palm`]: palms from images, and how far they are apart.
//! - [`statements`]: what three parties signed about their jobs, compared.
//! - [`world`]: commands that the simulated world carries out.
//!
//! Every command writes to a [`console::Console`] and ends in an [`Answer`]; only `main.rs` knows
//! the process around it.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod console;
pub mod ledger;
pub mod manifest;
pub mod measure;
pub mod palm;
mod plain;
pub mod statements;
pub mod verify;
pub mod world;

/// How a command ended; trouble on the way is an error instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// What was asked about holds: exit code 0.
    Yes,
    /// It does not hold: exit code 1.
    No,
}

impl From<bool> for Answer {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// What a command is told by the process around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The Unix time in milliseconds.
    pub unix_ms: u64,
}

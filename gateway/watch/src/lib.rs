//! What the gateway's doors must notice: rules over the events that doors see, as state machines
//! without I/O, clocks or randomness.
//!
//! ```text
//!  door --Event--> Watch --each rule: whom is it about, what does it say--> Memory of the subject
//!                    |                                                          |
//!                    |                      as often as the rule's threshold? <-'
//!                    |-- Finding: once for each rule and subject in a cool-down
//!  door <--Verdict---'-- standing: slowed or blocked until
//! ```
//!
//! A [`Subject`] is a pseudonym that the caller makes with a key of the day, so that nothing here
//! can be traced to a name, or from one day to the next. Memory has a limit for each subject, and
//! subjects have one for each rule ([`SUBJECTS_MAX`]).
//!
//! The doors know whether a capture matched, and no score: how near a refused capture came stays
//! with the parties, which do not open it even to themselves. Whoever climbs towards a palm through
//! a door learns at most one bit a capture, and the rules count captures, not distances.
//!
//! The crate does not know names, sockets, other gateways and what was before it started.
#![forbid(unsafe_code)]

mod event;
mod memory;
mod page;
mod places;
mod rule;
mod rules;
mod standing;
mod subjects;
mod watch;

#[cfg(test)]
mod tests;

pub use event::{CaptureFault, Ending, Event, Pseudonym, Subject, What};
pub use page::page;
pub use rule::{Response, Rule, Threshold};
pub use rules::RULES;
pub use standing::{STANDINGS_MAX, Verdict};
pub use subjects::SUBJECTS_MAX;
pub use watch::{Finding, Watch};

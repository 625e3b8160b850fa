//! Three parties on one thread, with a clock, a network and disks that do what a seed says.
//!
//! The machines of [`world`] run the measured state machine of a party as it is, under approved
//! evidence, with a custodian each. Between them lies what belongs to untrusted hosts: bytes are
//! lost, doubled, swapped, changed, held back and cut, and machines lose power between any two
//! events. [`story`] sends captures into this and knows what is true: whatever a party signs must
//! be so, and when the storm is over every enrolment that anybody signed is there.
//!
//! It panics where something is not as it must be: what cannot be set up cannot be judged.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "it is made for tests and claims, which end where the world breaks"
)]

pub mod captures;
pub mod door;
pub mod machine;
pub mod network;
mod pipes;
pub mod sealing;
pub mod statements;
pub mod story;
pub mod world;

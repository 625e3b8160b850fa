//! Three parties on one thread, with a clock, a network and disks that do what a seed says.
//!
//! The machines of [`world`] run the measured state machine of a party as it is, under approved
//! evidence, with a custodian each. Between them lies what belongs to untrusted hosts: bytes are
//! lost, doubled, swapped, changed, held back and cut, and machines lose power between any two
//! events. [`story`] sends captures into this and knows what is true: whatever a party signs must
//! be so, and when the storm is over every enrolment that anybody signed is there.
//!
//! A failure prints its seed; `BOOP_SIMULATION_SEEDS=7..8` runs that one, a wider range more.

#[cfg(test)]
mod captures;
#[cfg(test)]
mod disks;
#[cfg(test)]
mod door;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod network;
#[cfg(test)]
mod pipes;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod story;
#[cfg(test)]
mod world;

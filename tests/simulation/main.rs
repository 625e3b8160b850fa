//! What holds in a simulation, whatever hosts and disks do.
//!
//! A failure prints its seed; `BOOP_SIMULATION_SEEDS=7..8` runs that one, a wider range more.

#[cfg(test)]
mod disks;
#[cfg(test)]
mod recoveries;
#[cfg(test)]
mod refreshes;
#[cfg(test)]
mod runs;

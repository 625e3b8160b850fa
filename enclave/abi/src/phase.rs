//! The life of an enclave: every phase, and the only steps between them [LIF-1].

use boop_wire::Refusal;
use minicbor::{Decode, Encode};

/// Phases of an enclave's life, in order. None is left out and none comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Phase {
    /// Runs, knows its configuration.
    #[n(0)]
    Booted,
    /// Has evidence over its keys.
    #[n(1)]
    Attested,
    /// Holds the key that its custodian released, under a lease.
    #[n(2)]
    Leased,
    /// Has opened its store with a peer's secret, and forms the three with both.
    #[n(3)]
    Joined,
    /// Has formed the three, whose stores agree, and takes calls. Without a peer it takes none
    /// for a while, and serves again after.
    #[n(4)]
    Serving,
    /// Finishes what runs.
    #[n(5)]
    Draining,
    /// Has finished, and has on record what it finished. The end.
    #[n(6)]
    Retired,
    /// A check of its own state failed. The end.
    #[n(7)]
    Stopped(#[n(0)] Refusal),
}

/// There is no such step in an enclave's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no step leads from {from:?} to {to:?}")]
pub struct NoSuchStep {
    /// Where it is.
    pub from: Phase,
    /// Where it may not go from there.
    pub to: Phase,
}

impl Phase {
    /// Takes one step.
    ///
    /// # Errors
    /// If `to` is not the next phase. A failed check stops an enclave in any phase but the last.
    pub const fn step(self, to: Self) -> Result<Self, NoSuchStep> {
        match (self, to) {
            (Self::Booted, Self::Attested)
            | (Self::Attested, Self::Leased)
            | (Self::Leased, Self::Joined)
            | (Self::Joined, Self::Serving)
            | (Self::Serving, Self::Draining)
            | (Self::Draining, Self::Retired) => Ok(to),
            (from, Self::Stopped(_)) if !from.is_over() => Ok(to),
            (from, to) => Err(NoSuchStep { from, to }),
        }
    }

    /// Tells whether the enclave's life is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Retired | Self::Stopped(_))
    }

    /// Returns the name that logs and status files use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Booted => "booted",
            Self::Attested => "attested",
            Self::Leased => "leased",
            Self::Joined => "joined",
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Retired => "retired",
            Self::Stopped(_) => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// The way of a whole life.
    const WAY: [Phase; 7] = [
        Phase::Booted,
        Phase::Attested,
        Phase::Leased,
        Phase::Joined,
        Phase::Serving,
        Phase::Draining,
        Phase::Retired,
    ];

    fn all() -> Vec<Phase> {
        let stopped = Refusal::ALL.iter().map(|code| Phase::Stopped(*code));
        WAY.into_iter().chain(stopped).collect()
    }

    #[test]
    fn of_all_pairs_only_the_next_phase_and_the_stop_are_steps() {
        let place = |phase: Phase| WAY.iter().position(|one| *one == phase);
        for from in all() {
            for to in all() {
                let allowed = match (place(from), place(to)) {
                    (Some(from), Some(to)) => to == from + 1,
                    (Some(from), None) => from < 6,
                    (None, _) => false,
                };
                let expected = if allowed {
                    Ok(to)
                } else {
                    Err(NoSuchStep { from, to })
                };
                assert_eq!(from.step(to), expected);
            }
        }
    }

    #[test]
    fn no_walk_of_any_length_is_in_a_phase_twice() {
        let mut walks: Vec<Vec<Phase>> = alloc::vec![alloc::vec![Phase::Booted]];
        while let Some(walk) = walks.pop() {
            let last = walk[walk.len() - 1];
            for to in all() {
                let Ok(next) = last.step(to) else { continue };
                assert!(!walk.contains(&next), "{walk:?} came to {next:?} again");
                let mut longer = walk.clone();
                longer.push(next);
                walks.push(longer);
            }
            assert!(walk.len() <= WAY.len() + 1);
        }
    }

    #[test]
    fn only_the_last_two_are_the_end() {
        for phase in all() {
            let over = matches!(phase, Phase::Retired | Phase::Stopped(_));
            assert_eq!(phase.is_over(), over);
        }
    }
}

//! Parties that leave when they are asked to, and come back as other instances [LIF-2].

use std::collections::BTreeSet;

use boop_wire::Refusal;

use super::{PATIENCE_MS, RECOVERY_MS, Story};

/// Pause between two captures, shorter than what a job takes.
const PAUSE_MS: u64 = 150;
/// Captures before a party leaves.
const BEFORE: usize = 12;
/// Longest time in which a party that nobody disturbs retires.
const RETIRE_MS: u64 = 9_000;

/// What came of replacing all three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Captures that were decided.
    pub decided: u64,
    /// Every reason for which a capture was turned down.
    pub refusals: BTreeSet<Refusal>,
}

impl Story<'_> {
    /// Replaces one party after the other while people come all the time, and asks for everybody
    /// in the end.
    pub fn replaces_all(mut self) -> Replaced {
        self.settle();
        for party in [1, 0, 2] {
            for _ in 0..BEFORE {
                self.somebody_comes();
                self.pass(PAUSE_MS);
            }
            self.world.drain(party);
            self.until(RETIRE_MS, |story| {
                story.world.machines[party].enclave.is_none()
            });
            self.until(RECOVERY_MS, |story| story.world.serves());
        }
        self.pass(PATIENCE_MS);
        self.asked.clear();
        self.everybody_comes();
        Replaced {
            decided: self.tally.decided,
            refusals: self.refusals,
        }
    }

    /// Asks for refreshes, has a party leave at another moment of each, and asks for everybody in
    /// the end.
    pub fn replaces_during_refreshes(
        mut self,
        moments: impl Iterator<Item = (u64, usize)>,
    ) -> Replaced {
        self.settle();
        for _ in 0..BEFORE {
            self.somebody_comes();
            self.pass(PAUSE_MS);
        }
        for (pause_ms, party) in moments {
            self.world.ask_for_refresh();
            self.somebody_comes();
            self.pass(pause_ms);
            self.world.drain(party);
            self.until(RETIRE_MS, |story| {
                story.world.machines[party].enclave.is_none()
            });
            self.until(RECOVERY_MS, |story| story.world.serves());
        }
        self.pass(PATIENCE_MS);
        self.asked.clear();
        self.everybody_comes();
        Replaced {
            decided: self.tally.decided,
            refusals: self.refusals,
        }
    }

    fn until(&mut self, span_ms: u64, over: impl Fn(&Self) -> bool) {
        let until_ms = self.world.now_ms() + span_ms;
        while !over(self) {
            let late = self.world.now_ms() >= until_ms;
            assert!(!late, "not in time: {}", self.world.describe());
            self.somebody_comes();
            self.pass(PAUSE_MS);
        }
    }
}

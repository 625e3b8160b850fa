//! The protocol against the plain-integer rule, pair by pair [MPC-20], [MPC-30].

use anyhow::Result;
use boop_mpc::plain::packed::{Packed, PackedQuery};
use boop_wire::template::{ALIGNMENT_COUNT, Encodings, THRESHOLD};
use serde_json::json;

use crate::claim::Claim;
use crate::matching::palms::pairs_near_the_cut;
use crate::matching::world::{BOTH, World, finish, on_all_cores, seeded, session, shares_of};

/// Compares every pair in both modes.
pub(super) fn claim(quick: bool) -> Result<Claim> {
    let side = if quick { 100 } else { 1_000 };
    let mut rng = seeded(SEED);
    let (stored, queries) = pairs_near_the_cut(&mut rng, side, side);
    let world = World::enrolling(&mut rng, &stored)?;
    let packed: Vec<_> = stored.iter().map(Packed::of).collect();
    let numbered = queries.iter().zip(SEED + 1..);
    let tallies = on_all_cores(numbered, |(query, seed)| {
        Tally::of(query, seed, &packed, &world)
    })?;
    let mut sum = Tally::default();
    tallies.iter().for_each(|tally| sum.add(tally));
    let left_out_noticed = sum.without.iter().filter(|count| **count > 0).count();
    Ok(Claim {
        id: "result-equals-the-plain-rule".into(),
        claim: "what three parties find equals the plain-integer rule, in both modes".into(),
        held: sum.pairs == side * side && sum.wrong == [0, 0] && sum.matches > 0,
        control: sum.other_threshold > 0 && left_out_noticed == ALIGNMENT_COUNT,
        summary: format!(
            "pairs {}, matches {}, wrong {:?}; other oracles: {} differ at threshold {}, \
             {left_out_noticed} of {ALIGNMENT_COUNT} alignments are missed when left out",
            sum.pairs,
            sum.matches,
            sum.wrong,
            sum.other_threshold,
            THRESHOLD + 64,
        ),
        figures: json!({
            "seed": SEED,
            "pairs_in_each_mode": sum.pairs,
            "matches": sum.matches,
            "wrong_semi_honest": sum.wrong[0],
            "wrong_abort": sum.wrong[1],
            "other_threshold": THRESHOLD + 64,
            "differ_from_an_oracle_of_another_threshold": sum.other_threshold,
            "differ_from_an_oracle_without_alignment": sum.without,
        }),
    })
}

/// What was counted over the pairs of some queries.
#[derive(Default)]
struct Tally {
    pairs: usize,
    matches: usize,
    /// Pairs that some party decided otherwise, in each mode.
    wrong: [usize; 2],
    /// Pairs that an oracle of another threshold decides otherwise than the parties.
    other_threshold: usize,
    /// The same of oracles without one of the alignments.
    without: [usize; ALIGNMENT_COUNT],
}

impl Tally {
    fn of(query: &Encodings, seed: u64, stored: &[Packed], world: &World) -> Result<Self> {
        let mut rng = seeded(seed);
        let mut tally = Self::default();
        let scores = PackedQuery::of(query);
        let scores: Vec<_> = stored.iter().map(|stored| scores.scores(stored)).collect();
        for (security, wrong) in BOTH.into_iter().zip(&mut tally.wrong) {
            let inputs = shares_of(&mut rng, query);
            let found = finish(session(&mut rng, &inputs, world, security))?;
            for (slot, scores) in scores.iter().enumerate() {
                let right = scores.iter().any(|score| score.margin(THRESHOLD) > 0);
                let all = found.iter().all(|found| found.get(slot) == Some(&right));
                *wrong += usize::from(!all || found.iter().any(|f| f.len() != stored.len()));
            }
        }
        for scores in scores {
            let hits = scores.map(|score| score.margin(THRESHOLD) > 0);
            let count = hits.iter().filter(|hit| **hit).count();
            let other = scores.iter().any(|s| s.margin(THRESHOLD + 64) > 0);
            tally.pairs += 1;
            tally.matches += usize::from(count > 0);
            tally.other_threshold += usize::from(other != (count > 0));
            for (without, hit) in tally.without.iter_mut().zip(hits) {
                *without += usize::from(hit && count == 1);
            }
        }
        Ok(tally)
    }

    fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.matches += other.matches;
        self.other_threshold += other.other_threshold;
        let pairs = self.wrong.iter_mut().zip(other.wrong);
        let without = self.without.iter_mut().zip(other.without);
        pairs.chain(without).for_each(|(sum, count)| *sum += count);
    }
}

const SEED: u64 = 1_000_000;

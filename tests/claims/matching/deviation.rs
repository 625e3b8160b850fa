//! A party that deviates is noticed before anything is opened [MPC-40], [MPC-50].

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use boop_mpc::local::Outcome;
use boop_mpc::{MpcError, Security};
use boop_wire::id::PartyIndex;
use serde_json::json;

use crate::claim::Claim;
use crate::matching::scene::{Extent, HIT_AND_MISS, Kind, LIES, Lie, Scene, opens};
use crate::matching::world::{BOTH, HEADER_BYTES, any, finish, on_all_cores, seeded};

/// Lies about every step, from every party to every other.
pub(super) fn claim(quick: bool) -> Result<Claim> {
    let mut rng = seeded(SEED);
    let scene = Scene::new(&mut rng)?;
    let mut kinds = scene.kinds(&mut rng)?;
    kinds.retain(|kind| kind.messages[0].bytes.len() > HEADER_BYTES);
    let steps: BTreeSet<u8> = kinds.iter().map(|kind| kind.messages[0].bytes[0]).collect();
    let runs = kinds.iter().flat_map(|kind| {
        let lies = LIES
            .into_iter()
            .cycle()
            .take(LIES.len() * rounds(kind.extent, quick));
        lies.map(move |lie| (kind, lie))
    });
    let runs: Vec<_> = runs.zip(SEED + 1..).collect();
    let ends = on_all_cores(runs, |((kind, lie), seed)| run(&scene, kind, lie, seed))?;
    let honest = finish(scene.jobs(&mut rng, Extent::FirstJob))?;
    let unharmed = honest.iter().all(|found| *found == HIT_AND_MISS);
    let mut tally = Tally::default();
    ends.iter().for_each(|end| tally.add(end));
    let steadfast = Steadfast::tried(&scene, if quick { 10 } else { 300 });
    Ok(Claim {
        id: "deviation-aborts-before-anything-is-opened".into(),
        claim: "a party that deviates anywhere is noticed before anything is opened".into(),
        held: tally.bad() == 0 && tally.runs == ends.len() && unharmed && steadfast.noticed_all(),
        control: steadfast.believed_all(),
        summary: format!(
            "runs {}, steps {}, kinds of message {}, unnoticed {}, opened {}, wrong results {}; \
             a lie stood by: noticed {} of {}, semi-honest believed {} of {}",
            tally.runs + 2 * steadfast.tried,
            steps.len(),
            kinds.len(),
            tally.unnoticed,
            tally.opened,
            tally.wrong_results,
            steadfast.noticed,
            steadfast.tried,
            steadfast.believed,
            steadfast.tried,
        ),
        figures: json!({
            "seed": SEED,
            "runs": tally.runs,
            "steps": steps.len(),
            "kinds_of_message": kinds.len(),
            "lies": LIES.map(|lie| format!("{lie:?}")),
            "unnoticed": tally.unnoticed,
            "opened_after_a_lie": tally.opened,
            "results_after_a_lie_before_the_opening": tally.results,
            "wrong_results": tally.wrong_results,
            "errors_at_honest_parties": tally.errors,
            "runs_in_which_an_honest_party_named_the_liar": tally.named,
            "runs_with_a_lie_in_the_opening": tally.in_opening,
            "stood_by_in_mode_abort": { "tried": steadfast.tried, "noticed": steadfast.noticed },
            "control_stood_by_in_mode_semi_honest": {
                "tried": steadfast.tried,
                "believed_with_a_wrong_result": steadfast.believed,
            },
        }),
    })
}

/// How a run with a lie ended.
struct End {
    in_opening: bool,
    noticed: bool,
    opened: bool,
    result: bool,
    wrong_result: bool,
    named: bool,
    errors: Vec<&'static str>,
}

fn run(scene: &Scene, kind: &Kind, lie: Lie, seed: u64) -> Result<End> {
    let mut rng = seeded(seed);
    let chosen = &kind.messages[any(&mut rng, kind.messages.len())];
    let liar = chosen.from;
    let (outcome, opened) = scene.run_lying(&mut rng, kind.extent, chosen, lie)?;
    let found = honest(&outcome, liar);
    let errors: Vec<_> = found.iter().filter_map(|r| r.as_ref().err()).collect();
    let in_opening = opens(chosen);
    let receiver = outcome.results[chosen.to.as_usize()].as_ref();
    let noticed = if in_opening {
        receiver == Some(&Err(MpcError::InconsistentOpening))
    } else {
        !errors.is_empty()
    };
    Ok(End {
        in_opening,
        noticed,
        opened,
        result: found.iter().any(|found| found.is_ok()),
        wrong_result: found
            .iter()
            .any(|f| f.as_ref().is_ok_and(|f| *f != HIT_AND_MISS)),
        named: errors.iter().any(|error| error.accused() == Some(liar)),
        errors: errors.into_iter().map(|error| error.name()).collect(),
    })
}

/// Returns what the parties other than the liar ended with; some still wait.
fn honest(outcome: &Outcome<Vec<bool>>, liar: PartyIndex) -> Vec<&Result<Vec<bool>, MpcError>> {
    let honest = liar.others().map(PartyIndex::as_usize);
    let results = honest.map(|party| outcome.results[party].as_ref());
    results.into_iter().flatten().collect()
}

/// What was counted over all runs.
#[derive(Default)]
struct Tally {
    runs: usize,
    in_opening: usize,
    unnoticed: usize,
    opened: usize,
    results: usize,
    wrong_results: usize,
    named: usize,
    errors: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn add(&mut self, end: &End) {
        self.runs += 1;
        self.in_opening += usize::from(end.in_opening);
        self.unnoticed += usize::from(!end.noticed);
        self.opened += usize::from(end.opened && !end.in_opening);
        self.results += usize::from(end.result && !end.in_opening);
        self.wrong_results += usize::from(end.wrong_result);
        self.named += usize::from(end.named);
        for error in &end.errors {
            *self.errors.entry(error).or_default() += 1;
        }
    }

    fn bad(&self) -> usize {
        self.unnoticed + self.opened + self.results + self.wrong_results
    }
}

/// A liar that changes a product and opens the result as if it were true, in both modes.
struct Steadfast {
    tried: usize,
    /// In mode `abort`: an honest party ended with an error, none with a result.
    noticed: usize,
    /// In mode `semi-honest`: both honest parties ended with the wrong result.
    believed: usize,
}

impl Steadfast {
    fn tried(scene: &Scene, times: u64) -> Self {
        let mut steadfast = Self {
            tried: 0,
            noticed: 0,
            believed: 0,
        };
        for seed in (SEED..).take(usize::try_from(times).unwrap_or(usize::MAX)) {
            let mut rng = seeded(seed);
            let liar = PartyIndex::ALL[any(&mut rng, PartyIndex::COUNT)];
            steadfast.tried += 1;
            for security in BOTH {
                let (outcome, opened) = scene.run_standing_by_a_lie(&mut rng, liar, security);
                let found = honest(&outcome, liar);
                let counted = match security {
                    Security::SemiHonest => {
                        let believes = |found: &&Result<_, _>| **found == Ok(vec![true, true]);
                        let all = found.len() == 2 && found.iter().all(believes);
                        steadfast.believed += usize::from(all);
                        continue;
                    }
                    Security::Abort => !found.is_empty() && found.iter().all(|f| f.is_err()),
                };
                steadfast.noticed += usize::from(counted && !opened);
            }
        }
        steadfast
    }

    fn noticed_all(&self) -> bool {
        self.tried > 0 && self.noticed == self.tried
    }

    fn believed_all(&self) -> bool {
        self.tried > 0 && self.believed == self.tried
    }
}

const SEED: u64 = 3_000_000;

/// Returns how often every lie is told about every kind of message. The longer a run, the fewer.
const fn rounds(extent: Extent, quick: bool) -> usize {
    match extent {
        _ if quick => 1,
        Extent::Search => 1_000,
        Extent::Session => 50,
        Extent::FirstJob => 10,
    }
}

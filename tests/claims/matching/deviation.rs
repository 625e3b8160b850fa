//! A party that deviates is noticed before anything is opened [MPC-40], [MPC-50].

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use boop_mpc::local::{Envelope, Outcome};
use boop_mpc::{MpcError, Security};
use boop_wire::id::PartyIndex;
use serde_json::json;

use crate::claim::Claim;
use crate::matching::scene::{HIT_AND_MISS, LIES, Lie, Scene, opens};
use crate::matching::world::{
    BOTH, HEADER_BYTES, any, finish, on_all_cores, record_honest, seeded,
};

/// Lies about every step, from every party to every other.
pub(super) fn claim(quick: bool) -> Result<Claim> {
    let rounds = if quick { ROUNDS_QUICK } else { ROUNDS };
    let mut rng = seeded(SEED);
    let scene = Scene::new(&mut rng)?;
    let (_, transcript) = record_honest(scene.session(&mut rng))?;
    let kinds = kinds(&transcript);
    let steps: BTreeSet<u8> = kinds.keys().map(|(_, step, _)| *step).collect();
    let runs = (0..rounds).flat_map(|_| {
        let kinds = kinds.values();
        kinds.flat_map(|kind| LIES.map(|lie| (kind, lie)))
    });
    let runs: Vec<_> = runs.zip(SEED + 1..).collect();
    let ends = on_all_cores(runs, |((kind, lie), seed)| run(&scene, kind, lie, seed))?;
    let honest = finish(scene.session(&mut rng))?;
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

/// Messages by sender, step and receiver.
type Kinds = BTreeMap<(u8, u8, u8), Vec<Envelope>>;

/// Collects the messages that carry something.
fn kinds(transcript: &[Envelope]) -> Kinds {
    let mut kinds = Kinds::new();
    for envelope in transcript.iter().filter(|e| e.bytes.len() > HEADER_BYTES) {
        let kind = (envelope.from.get(), envelope.bytes[0], envelope.to.get());
        kinds.entry(kind).or_default().push(envelope.clone());
    }
    kinds
}

/// How a run with a lie ended.
struct End {
    in_opening: bool,
    noticed: bool,
    opened: bool,
    result: bool,
    wrong_result: bool,
    named: bool,
    errors: Vec<String>,
}

fn run(scene: &Scene, kind: &[Envelope], lie: Lie, seed: u64) -> Result<End> {
    let mut rng = seeded(seed);
    let chosen = &kind[any(&mut rng, kind.len())];
    let liar = chosen.from;
    let (outcome, opened) = scene.run_lying(&mut rng, chosen, lie)?;
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
        named: errors.iter().any(|error| blamed(error) == Some(liar)),
        errors: errors.into_iter().map(name).collect(),
    })
}

/// Returns what the parties other than the liar ended with; some still wait.
fn honest(outcome: &Outcome<Vec<bool>>, liar: PartyIndex) -> Vec<&Result<Vec<bool>, MpcError>> {
    let honest = liar.others().map(PartyIndex::as_usize);
    let results = honest.map(|party| outcome.results[party].as_ref());
    results.into_iter().flatten().collect()
}

/// Returns whose fault a party thinks it is, if its error says so.
fn blamed(error: &MpcError) -> Option<PartyIndex> {
    match error {
        MpcError::ProofRejected { prover } | MpcError::ChallengesDiffer { prover } => Some(*prover),
        MpcError::AuditRejected { party } => Some(*party),
        _ => None,
    }
}

/// Returns the name of an error without what it says.
fn name(error: &MpcError) -> String {
    let text = format!("{error:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
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
    errors: BTreeMap<String, usize>,
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
            *self.errors.entry(error.clone()).or_default() += 1;
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
const ROUNDS: usize = 60;
const ROUNDS_QUICK: usize = 1;

//! An audit misses a wrong product as often as its formula says [MPC-50].

use anyhow::Result;
use boop_mpc::{Audit, Database, MpcError, Security, SharedPalm, StoredShare};
use boop_wire::id::PartyIndex;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::claim::Claim;
use crate::matching::palms::{full_palm, full_template};
use crate::matching::world::{
    World, accept_palm, enrol, on_all_cores, pairwise_seeds, record, search_accepted, seeded,
};

/// Replaces a party's share of a slot again and again, under audits of several strengths.
pub(super) fn claim(quick: bool) -> Result<Claim> {
    let (audits, control_audits) = if quick { (8, 1) } else { (200, 10) };
    let scene = Scene::new()?;
    let weak = scene.misses(SEED, audits, Security::Abort, KAPPA)?;
    let strong = scene.misses(SEED + 100_000, control_audits, Security::Abort, KAPPA_FULL)?;
    let none = scene.misses(SEED + 200_000, control_audits, Security::SemiHonest, KAPPA)?;
    let (trials, controls) = (weak.trials, none.trials);
    let rate = 0.5_f64.powi(KAPPA.cast_signed());
    let expected = f64::from(trials) * rate;
    let sigma = (expected * (1.0 - rate)).sqrt();
    let deviations = (f64::from(weak.missed) - expected) / sigma;
    Ok(Claim {
        id: "audit-misses-as-its-formula-says".into(),
        claim: "an audit with kappa = 4 misses a wrong product with probability 2^-4".into(),
        held: deviations.abs() < 4.0 && weak.odd + strong.odd == 0 && strong.missed == 0,
        control: none.missed == controls,
        summary: format!(
            "trials {trials}, missed {}, expected {expected:.0}, sigma {sigma:.1} \
             ({deviations:+.2} sigma); with kappa = {KAPPA_FULL} {} of {}, \
             unaudited {} of {controls}",
            weak.missed, strong.missed, strong.trials, none.missed
        ),
        figures: json!({
            "seed": SEED,
            "kappa": KAPPA,
            "audits": audits,
            "trials": trials,
            "missed": weak.missed,
            "expected": expected,
            "sigma": sigma,
            "deviation_in_sigmas": deviations,
            "full_kappa": KAPPA_FULL,
            "trials_with_full_kappa": strong.trials,
            "missed_with_full_kappa": strong.missed,
            "ended_otherwise": weak.odd + strong.odd,
            "control_trials_without_audit": controls,
            "control_missed_without_audit": none.missed,
        }),
    })
}

/// Parties with a tile of slots, the first of which a palm matches; and what a liar has instead
/// of its share of one of them: its share of another template.
struct Scene {
    world: World,
    palm: [SharedPalm; 3],
    instead: [StoredShare; 3],
}

/// How the trials ended.
#[derive(Default)]
struct Misses {
    trials: u32,
    /// All honest parties ended with a result.
    missed: u32,
    /// The honest parties ended neither with a result nor by naming the liar.
    odd: u32,
}

impl Scene {
    fn new() -> Result<Self> {
        let mut rng = seeded(SEED);
        let palm = full_palm(&mut rng);
        let mut stored = vec![palm.0[0].clone()];
        stored.extend((1..SLOTS).map(|_| full_template(&mut rng)));
        let other = full_template(&mut rng);
        Ok(Self {
            world: World::enrolling(&mut rng, &stored)?,
            palm: accept_palm(&mut rng, &palm)?,
            instead: enrol(&mut rng, &other)?,
        })
    }

    /// Prepares audits again and again, and under each has every party lie about every slot:
    /// whether a slot of a party is in a subset is a coin of its own.
    fn misses(&self, first: u64, audits: u64, security: Security, kappa: u32) -> Result<Misses> {
        let ends = on_all_cores(first..first + audits, |seed| {
            let mut rng = seeded(seed);
            let mut world = self.world.clone();
            world.audit_anew(&mut rng, &Audit::with_kappa(kappa))?;
            let mut misses = Misses::default();
            for slot in 0..SLOTS {
                for liar in PartyIndex::ALL {
                    let missed = self.is_missed(&mut rng, &world, (liar, slot), security);
                    misses.trials += 1;
                    misses.missed += u32::from(missed == Some(true));
                    misses.odd += u32::from(missed.is_none());
                }
            }
            Ok(misses)
        })?;
        Ok(ends.into_iter().fold(Misses::default(), |sum, end| Misses {
            trials: sum.trials + end.trials,
            missed: sum.missed + end.missed,
            odd: sum.odd + end.odd,
        }))
    }

    /// Tells whether nobody noticed; nothing if the parties ended in a way that they should not.
    fn is_missed(
        &self,
        rng: &mut ChaCha8Rng,
        honest: &World,
        (liar, slot): (PartyIndex, usize),
        security: Security,
    ) -> Option<bool> {
        let mut world = honest.clone();
        // A new database has never changed a slot, as the audit expects.
        let mut database = Database::new();
        for other in 0..SLOTS {
            let share = honest.databases[liar.as_usize()].get(other)?;
            let lied = other == slot;
            database.push(if lied {
                &self.instead[liar.as_usize()]
            } else {
                &share
            });
        }
        world.databases[liar.as_usize()] = database;
        let seeds = pairwise_seeds(rng);
        let jobs = search_accepted(&seeds, &self.palm, &world, security, 1);
        let results = record(jobs).0.results;
        let ends = liar
            .others()
            .map(|party| results[party.as_usize()].as_ref());
        let rejected = Err(MpcError::AuditRejected { party: liar });
        if ends.iter().all(|end| matches!(end, Some(Ok(_)))) {
            Some(true)
        } else {
            let noticed = ends.iter().all(|end| *end == Some(&rejected));
            noticed.then_some(false)
        }
    }
}

const SEED: u64 = 4_000_000;
const KAPPA: u32 = 4;
const KAPPA_FULL: u32 = 40;
const SLOTS: usize = 16;

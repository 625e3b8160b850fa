//! No two messages are masked by the same part of a stream [MPC-2].
//!
//! Where two steps compute with the same values, their messages are equal as soon as their masks
//! are; so are the blocks of 16 bytes in which the streams come.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use boop_mpc::local::{Envelope, run_through};
use boop_mpc::{BLOCK_TEMPLATES, Security, SharedPalm, Step};
use boop_wire::template::Template;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::claim::Claim;
use crate::matching::palms::upright;
use crate::matching::world::{
    BOTH, HEADER_BYTES, World, accept_palm, enrol, is_step, pairwise_seeds, record_honest,
    search_accepted, seeded, session, shares_of,
};

/// Has the parties compute the same again and again, and looks for a block that comes twice.
pub(super) fn claim(quick: bool) -> Result<Claim> {
    let mut rng = seeded(SEED);
    let scene = Scene::new(&mut rng, if quick { 64 } else { BLOCK_TEMPLATES })?;
    let times = if quick { 2 } else { 8 };
    let mut fresh = Blocks::default();
    for security in BOTH {
        let lanes = scene.search(&mut rng, &scene.wide, security, 1)?;
        let searches = scene.search(&mut rng, &scene.narrow, security, times)?;
        fresh.add(&lanes);
        fresh.add(&searches);
        for _ in 0..times {
            fresh.add(&scene.aborted(&mut rng, security)?);
            let inputs = shares_of(&mut rng, &upright(Template::empty()));
            let retried = session(&mut rng, &inputs, &scene.narrow, security);
            fresh.add(&record_honest(retried)?.1);
        }
    }
    let mut reused = Blocks::default();
    let seeds = pairwise_seeds(&mut rng);
    for _ in 0..2 {
        let jobs = search_accepted(&seeds, &scene.palm, &scene.narrow, Security::Abort, 1);
        reused.add(&record_honest(jobs)?.1);
    }
    Ok(Claim {
        id: "no-mask-twice".into(),
        claim: "no block of a stream masks two messages, over lanes, searches and retries".into(),
        held: fresh.seen.len() > 10_000 && fresh.repeated == 0,
        control: reused.repeated > 0 && reused.repeated == reused.seen.len(),
        summary: format!(
            "blocks {}, repeated {}; with seeds used twice, {} of {} are repeated",
            fresh.seen.len(),
            fresh.repeated,
            reused.repeated,
            reused.seen.len()
        ),
        figures: json!({
            "seed": SEED,
            "slots_in_several_lanes": scene.wide.databases[0].slots(),
            "searches_in_one_run": times,
            "retries_after_an_abort_in_each_mode": times,
            "blocks_of_16_bytes": fresh.seen.len(),
            "repeated": fresh.repeated,
            "control_blocks": reused.seen.len(),
            "control_repeated_when_seeds_are_used_twice": reused.repeated,
        }),
    })
}

/// Parties whose slots all hold the same shares, so that every block computes the same.
struct Scene {
    wide: World,
    narrow: World,
    palm: [SharedPalm; 3],
}

impl Scene {
    fn new(rng: &mut ChaCha8Rng, more: usize) -> Result<Self> {
        let stored = enrol(rng, &Template::empty())?;
        let mut of_slots = |slots: usize| -> Result<World> {
            let mut world = World::default();
            (0..slots).for_each(|_| world.push(&stored));
            world.audit_anew(rng, &boop_mpc::Audit::default())?;
            Ok(world)
        };
        Ok(Self {
            wide: of_slots(BLOCK_TEMPLATES + more)?,
            narrow: of_slots(64)?,
            palm: accept_palm(rng, &upright(Template::empty()))?,
        })
    }

    fn search(
        &self,
        rng: &mut ChaCha8Rng,
        world: &World,
        security: Security,
        searches: usize,
    ) -> Result<Vec<Envelope>> {
        let seeds = pairwise_seeds(rng);
        let jobs = search_accepted(&seeds, &self.palm, world, security, searches);
        Ok(record_honest(jobs)?.1)
    }

    /// Records a session that aborts: a message of the adder arrives shortened.
    fn aborted(&self, rng: &mut ChaCha8Rng, security: Security) -> Result<Vec<Envelope>> {
        let inputs = shares_of(rng, &upright(Template::empty()));
        let mut transcript = vec![];
        let mut struck = false;
        let jobs = session(rng, &inputs, &self.narrow, security);
        let outcome = run_through(jobs, |envelope| {
            transcript.push(envelope.clone());
            let mut envelope = envelope;
            if !struck && is_step(&envelope, Step::Carry) {
                struck = true;
                envelope.bytes.pop();
            }
            vec![envelope]
        });
        let failed = outcome.results.iter().flatten().any(Result::is_err);
        ensure!(failed, "the run did not abort");
        Ok(transcript)
    }
}

/// Blocks of masked messages.
#[derive(Default)]
struct Blocks {
    seen: BTreeSet<[u8; 16]>,
    repeated: usize,
}

impl Blocks {
    fn add(&mut self, transcript: &[Envelope]) {
        // A challenge is told twice. What is opened was sent before, to another party.
        let told_twice = [Step::Challenge, Step::Repeat, Step::Open];
        for envelope in transcript {
            if told_twice.iter().any(|step| is_step(envelope, *step)) {
                continue;
            }
            for block in envelope.bytes[HEADER_BYTES..].as_chunks::<16>().0 {
                self.repeated += usize::from(!self.seen.insert(*block));
            }
        }
    }
}

const SEED: u64 = 6_000_000;

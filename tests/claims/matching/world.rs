//! Three parties in one process, and what they keep.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use boop_mpc::local::{Envelope, Outcome, run_through};
use boop_mpc::{
    Audit, Context, Database, Job, Kernel, Mailbox, MpcError, PairwiseSeeds, QueryShare, Rule,
    Security, ShareInput, SharedPalm, Step, StoredShare, accept, agree, identify, split,
};
use boop_wire::id::PartyIndex;
use boop_wire::template::{Encodings, Template};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::matching::palms::upright;

/// What a run may be secure against.
pub(super) const BOTH: [Security; 2] = [Security::SemiHonest, Security::Abort];

/// Bytes of a message in front of its payload: step, lane, number.
pub(super) const HEADER_BYTES: usize = 9;

/// Jobs that search, one at each party.
pub(super) type Search = [Job<'static, Vec<bool>>; 3];

/// Returns a generator of chance that can be repeated.
pub(super) fn seeded(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Returns a number below a bound.
pub(super) fn any(rng: &mut ChaCha8Rng, below: usize) -> usize {
    rng.next_u32() as usize % below
}

/// What each party keeps of the enrolled palms.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) databases: [Database; 3],
    pub(super) audits: [Arc<Audit>; 3],
}

impl World {
    /// Returns parties that have enrolled the templates and prepared their audits.
    pub(super) fn enrolling(rng: &mut ChaCha8Rng, templates: &[Template]) -> Result<Self> {
        let mut world = Self::default();
        for template in templates {
            world.push(&enrol(rng, template)?);
        }
        world.audit_anew(rng, &Audit::default())?;
        Ok(world)
    }

    /// Puts a template into a new slot of each party.
    pub(super) fn push(&mut self, shares: &[StoredShare; 3]) {
        for (database, share) in self.databases.iter_mut().zip(shares) {
            database.push(share);
        }
    }

    /// Has the parties prepare their audits from the beginning.
    pub(super) fn audit_anew(&mut self, rng: &mut ChaCha8Rng, empty: &Audit) -> Result<()> {
        let mut all_coins = [[0; 32]; 3];
        all_coins.iter_mut().for_each(|coins| rng.fill_bytes(coins));
        let seeds = pairwise_seeds(rng);
        let jobs = three_jobs(&seeds, Security::Abort, |mut context, mut channel| {
            let me = context.me().as_usize();
            let (database, coins) = (self.databases[me].clone(), all_coins[me]);
            let mut audit = empty.clone();
            async move {
                let (context, channel) = (&mut context, &mut channel);
                let extended = audit.extend(context, channel, kernel(), &database, &coins);
                extended.await.map(|()| audit)
            }
        });
        self.audits = finish(jobs)?.map(Arc::new);
        Ok(())
    }
}

/// Returns seeds that fit.
pub(super) fn pairwise_seeds(rng: &mut ChaCha8Rng) -> [PairwiseSeeds; 3] {
    let mut pair = [[0; 32]; 3];
    pair.iter_mut().for_each(|seed| rng.fill_bytes(seed));
    PartyIndex::ALL.map(|me| PairwiseSeeds {
        with_next: pair[me.as_usize()],
        with_previous: pair[me.previous().as_usize()],
    })
}

/// Splits a palm with seeds from the generator.
pub(super) fn shares_of(rng: &mut ChaCha8Rng, palm: &Encodings) -> [ShareInput; 3] {
    let mut seeds = [[0; 32]; 3];
    seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
    split(palm, &seeds)
}

/// Prepares a protocol at each party.
fn three_jobs<T, F>(
    seeds: &[PairwiseSeeds; 3],
    security: Security,
    mut protocol: impl FnMut(Context, Mailbox) -> F,
) -> [Job<'static, T>; 3]
where
    F: Future<Output = Result<T, MpcError>> + Send + 'static,
{
    PartyIndex::ALL.map(|me| {
        let context = Context::new(me, &seeds[me.as_usize()], security);
        Job::new(me, |mailbox| protocol(context, mailbox))
    })
}

/// Accepts a palm at the three parties.
pub(super) fn accept_palm(rng: &mut ChaCha8Rng, palm: &Encodings) -> Result<[SharedPalm; 3]> {
    let (inputs, seeds) = (shares_of(rng, palm), pairwise_seeds(rng));
    finish(three_jobs(
        &seeds,
        Security::SemiHonest,
        |mut context, mut channel| {
            let input = inputs[context.me().as_usize()].clone();
            async move { accept(&mut context, &mut channel, kernel(), &input).await }
        },
    ))
}

/// Enrols a template at the three parties.
pub(super) fn enrol(rng: &mut ChaCha8Rng, template: &Template) -> Result<[StoredShare; 3]> {
    let palm = accept_palm(rng, &upright(template.clone()))?;
    Ok(palm.map(|palm| palm.stored()))
}

/// Prepares the search of an accepted palm, `searches` times in one run; the last result counts.
pub(super) fn search_accepted(
    seeds: &[PairwiseSeeds; 3],
    palm: &[SharedPalm; 3],
    world: &World,
    security: Security,
    searches: usize,
) -> Search {
    three_jobs(seeds, security, |mut context, mut channel| {
        let me = context.me().as_usize();
        let query = palm[me].query(Rule::PALM);
        let (database, audit) = (world.databases[me].clone(), Arc::clone(&world.audits[me]));
        async move {
            let (context, channel) = (&mut context, &mut channel);
            let mut found = vec![];
            for _ in 0..searches {
                found = identify(context, channel, kernel(), &query, &database, &audit).await?;
            }
            Ok(found)
        }
    })
}

/// Prepares a whole run as parties have it: the acceptance of a client's shares, then the search.
pub(super) fn session(
    rng: &mut ChaCha8Rng,
    inputs: &[ShareInput; 3],
    world: &World,
    security: Security,
) -> Search {
    three_jobs(
        &pairwise_seeds(rng),
        security,
        |mut context, mut channel| {
            let me = context.me().as_usize();
            let input = inputs[me].clone();
            let (database, audit) = (world.databases[me].clone(), Arc::clone(&world.audits[me]));
            async move {
                let (context, channel) = (&mut context, &mut channel);
                let palm = accept(context, channel, kernel(), &input).await?;
                let query = palm.query(Rule::PALM);
                identify(context, channel, kernel(), &query, &database, &audit).await
            }
        },
    )
}

/// Prepares the first job of parties that met, as they have it: they make sure that they speak of
/// the same job, accept the client's shares, demand enough cells, prepare their audits and search.
pub(super) fn first_job(rng: &mut ChaCha8Rng, inputs: &[ShareInput; 3], world: &World) -> Search {
    let mut preface = [0; 32];
    rng.fill_bytes(&mut preface);
    let mut all_coins = [[0; 32]; 3];
    all_coins.iter_mut().for_each(|coins| rng.fill_bytes(coins));
    three_jobs(
        &pairwise_seeds(rng),
        Security::Abort,
        |mut context, mut channel| {
            let me = context.me().as_usize();
            let (input, coins) = (inputs[me].clone(), all_coins[me]);
            let (database, mut audit) = (world.databases[me].clone(), Audit::default());
            async move {
                let (context, channel) = (&mut context, &mut channel);
                agree(context, channel, &preface, 0).await?;
                let mut palm = accept(context, channel, kernel(), &input).await?;
                palm.demand_cells(context, channel).await?;
                let extended = audit.extend(context, channel, kernel(), &database, &coins);
                extended.await?;
                let query = palm.query(Rule::PALM);
                let audit = Arc::new(audit);
                identify(context, channel, kernel(), &query, &database, &audit).await
            }
        },
    )
}

/// Prepares the search of a palm that is ready to meet stored ones.
pub(super) fn search_ready(
    seeds: &[PairwiseSeeds; 3],
    queries: &[Arc<QueryShare>; 3],
    world: &World,
    security: Security,
) -> Search {
    three_jobs(seeds, security, |mut context, mut channel| {
        let me = context.me().as_usize();
        let query = Arc::clone(&queries[me]);
        let (database, audit) = (world.databases[me].clone(), Arc::clone(&world.audits[me]));
        async move {
            let (context, channel) = (&mut context, &mut channel);
            identify(context, channel, kernel(), &query, &database, &audit).await
        }
    })
}

/// Returns the results of a run in which nothing may go wrong.
pub(super) fn finish<T>(jobs: [Job<'_, T>; 3]) -> Result<[T; 3]> {
    results(boop_mpc::local::run(jobs))
}

fn results<T>(outcome: Outcome<T>) -> Result<[T; 3]> {
    let [zero, one, two] = outcome.results.map(|result| {
        let result = result.context("an honest run stopped")?;
        result.context("an honest run failed")
    });
    Ok([zero?, one?, two?])
}

/// Runs jobs and records every message in the order of delivery.
pub(super) fn record<T>(jobs: [Job<'_, T>; 3]) -> (Outcome<T>, Vec<Envelope>) {
    let mut transcript = Vec::new();
    let outcome = run_through(jobs, |envelope| {
        transcript.push(envelope.clone());
        vec![envelope]
    });
    (outcome, transcript)
}

/// Records a run in which nothing may go wrong.
pub(super) fn record_honest<T>(jobs: [Job<'_, T>; 3]) -> Result<([T; 3], Vec<Envelope>)> {
    let (outcome, transcript) = record(jobs);
    Ok((results(outcome)?, transcript))
}

/// Tells whether a message is of a step.
pub(super) fn is_step(envelope: &Envelope, step: Step) -> bool {
    envelope.bytes.first() == Some(&step.tag())
}

/// Does the work on every item, on all cores; the results are in the order of the items.
pub(super) fn on_all_cores<I: Send, T: Send>(
    items: impl IntoIterator<Item = I, IntoIter: Send>,
    work: impl Fn(I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let queue = Mutex::new(items.into_iter().enumerate());
    let worker = || -> Result<Vec<(usize, T)>> {
        let mut done = vec![];
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, item)) = next else {
                return Ok(done);
            };
            done.push((index, work(item)?));
        }
    };
    let mut done = vec![];
    thread::scope(|scope| -> Result<()> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            done.extend(worker.join().map_err(|_| anyhow!("a run panicked"))??);
        }
        Ok(())
    })?;
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, done)| done).collect())
}

fn kernel() -> Kernel {
    Kernel::best()
}

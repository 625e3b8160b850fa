//! Palms made from seeds, and three parties in one process.

use std::sync::{Arc, LazyLock};

use boop_mpc::local::{Envelope, Outcome, run_through};
use boop_mpc::{
    Audit, Context, Database, Input, Job, Kernel, Mailbox, MpcError, Output, PairwiseSeeds, Rule,
    Security, ShareInput, SharedPalm, Step, StoredShare, accept, identify, split,
};
use boop_wire::id::PartyIndex;
use boop_wire::template::{CELLS, CODE_BITS, Encodings, ROTATIONS, TEMPLATE_BYTES, Template};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a run may be secure against.
pub(crate) const BOTH: [Security; 2] = [Security::SemiHonest, Security::Abort];

/// Bytes of a message in front of its payload: step, lane, number.
pub(crate) const HEADER_BYTES: usize = 9;

/// A template at each party.
pub(crate) type Shares = [StoredShare; 3];

/// Returns a generator; the seed is printed if the test fails.
pub(crate) fn seeded(seed: u64) -> ChaCha8Rng {
    println!("seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// Returns a template of random bits, all cells valid.
pub(crate) fn full_template(rng: &mut ChaCha8Rng) -> Template {
    let mut template = any_template(rng);
    (0..CELLS).for_each(|cell| template.set_cell_valid(cell, true));
    template
}

/// Returns a template of random bits, mask included.
pub(crate) fn any_template(rng: &mut ChaCha8Rng) -> Template {
    let mut bits = [0; TEMPLATE_BYTES];
    rng.fill_bytes(&mut bits);
    Template::from_bytes(&bits)
}

/// Returns a palm whose rotations have nothing in common.
pub(crate) fn full_palm(rng: &mut ChaCha8Rng) -> Encodings {
    Encodings([(); ROTATIONS].map(|()| full_template(rng)))
}

/// Returns a palm that shows `template` at rotation 0 and nothing at the others.
pub(crate) fn upright(template: Template) -> Encodings {
    Encodings([template, Template::empty(), Template::empty()])
}

/// Flips each code bit with probability `per_mille` / 1000, and invalidates some cells.
pub(crate) fn noisy(rng: &mut ChaCha8Rng, template: &Template, per_mille: u32) -> Template {
    let mut noisy = template.clone();
    for index in 0..CODE_BITS {
        if rng.next_u32() % 1_000 < per_mille {
            noisy.set_code_bit(index, !template.code_bit(index));
        }
    }
    for _ in 0..CELLS / 8 {
        noisy.set_cell_valid(usize::try_from(rng.next_u32()).unwrap() % CELLS, false);
    }
    noisy
}

/// Splits a palm with seeds from the generator.
pub(crate) fn shares_of(rng: &mut ChaCha8Rng, palm: &Encodings) -> [ShareInput; 3] {
    let mut seeds = [[0; 32]; 3];
    seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
    split(palm, &seeds)
}

/// Returns a kernel, which is the same for all.
pub(crate) fn kernel() -> Kernel {
    static BEST: LazyLock<Kernel> = LazyLock::new(Kernel::best);
    *BEST
}

/// What each party keeps of the enrolled palms.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) databases: [Database; 3],
    pub(crate) audits: [Arc<Audit>; 3],
}

impl World {
    /// Returns parties that have enrolled the palms and prepared their audits.
    pub(crate) fn of(rng: &mut ChaCha8Rng, stored: &[&Shares]) -> Self {
        let mut world = Self::default();
        for shares in stored {
            for (database, share) in world.databases.iter_mut().zip(*shares) {
                database.push(share);
            }
        }
        world.audit_anew(rng);
        world
    }

    /// Returns parties that have enrolled the templates.
    pub(crate) fn enrolling(rng: &mut ChaCha8Rng, templates: &[Template]) -> Self {
        let shares: Vec<_> = templates.iter().map(|t| enrol(rng, t)).collect();
        Self::of(rng, &shares.iter().collect::<Vec<_>>())
    }

    /// Has the parties prepare their audits from the beginning.
    pub(crate) fn audit_anew(&mut self, rng: &mut ChaCha8Rng) {
        self.audits = finish(self.audit_jobs(rng)).map(Arc::new);
    }

    /// Prepares the preparation of audits.
    pub(crate) fn audit_jobs(&self, rng: &mut ChaCha8Rng) -> [Job<'static, Audit>; 3] {
        let mut all_coins = [[0; 32]; 3];
        all_coins.iter_mut().for_each(|coins| rng.fill_bytes(coins));
        three_jobs(rng, Security::Abort, |mut context, mut channel| {
            let me = context.me().as_usize();
            let (database, coins) = (self.databases[me].clone(), all_coins[me]);
            async move {
                let mut audit = Audit::default();
                let (context, channel) = (&mut context, &mut channel);
                let extended = audit.extend(context, channel, kernel(), &database, &coins);
                extended.await.map(|()| audit)
            }
        })
    }
}

/// Returns seeds that fit.
pub(crate) fn pairwise_seeds(rng: &mut ChaCha8Rng) -> [PairwiseSeeds; 3] {
    let mut pair = [[0; 32]; 3];
    pair.iter_mut().for_each(|seed| rng.fill_bytes(seed));
    PartyIndex::ALL.map(|me| PairwiseSeeds {
        with_next: pair[me.as_usize()],
        with_previous: pair[me.previous().as_usize()],
    })
}

/// Prepares a protocol at each party, with pairwise seeds that fit.
pub(crate) fn three_jobs<'a, T, F>(
    rng: &mut ChaCha8Rng,
    security: Security,
    protocol: impl FnMut(Context, Mailbox) -> F,
) -> [Job<'a, T>; 3]
where
    F: Future<Output = Result<T, MpcError>> + Send + 'a,
{
    three_jobs_with(&pairwise_seeds(rng), security, protocol)
}

/// Prepares a protocol at each party, with given seeds.
pub(crate) fn three_jobs_with<'a, T, F>(
    seeds: &[PairwiseSeeds; 3],
    security: Security,
    mut protocol: impl FnMut(Context, Mailbox) -> F,
) -> [Job<'a, T>; 3]
where
    F: Future<Output = Result<T, MpcError>> + Send + 'a,
{
    PartyIndex::ALL.map(|me| {
        let context = Context::new(me, &seeds[me.as_usize()], security);
        Job::new(me, |mailbox| protocol(context, mailbox))
    })
}

/// Prepares the acceptance of a client's shares.
pub(crate) fn accept_jobs(
    rng: &mut ChaCha8Rng,
    inputs: &[ShareInput; 3],
    security: Security,
) -> [Job<'static, SharedPalm>; 3] {
    three_jobs(rng, security, |mut context, mut channel| {
        let input = inputs[context.me().as_usize()].clone();
        async move { accept(&mut context, &mut channel, kernel(), &input).await }
    })
}

/// Prepares the search of a shared palm in a database.
pub(crate) fn identify_jobs(
    rng: &mut ChaCha8Rng,
    palm: &[SharedPalm; 3],
    world: &World,
    rule: Rule,
    security: Security,
) -> [Job<'static, Vec<bool>>; 3] {
    identify_jobs_with(&pairwise_seeds(rng), palm, world, rule, security)
}

/// Prepares the search of a shared palm in a database, with given seeds.
pub(crate) fn identify_jobs_with(
    seeds: &[PairwiseSeeds; 3],
    palm: &[SharedPalm; 3],
    world: &World,
    rule: Rule,
    security: Security,
) -> [Job<'static, Vec<bool>>; 3] {
    three_jobs_with(seeds, security, |mut context, mut channel| {
        let me = context.me().as_usize();
        let query = palm[me].query(rule);
        let (database, audit) = (world.databases[me].clone(), Arc::clone(&world.audits[me]));
        async move {
            let (context, channel) = (&mut context, &mut channel);
            identify(context, channel, kernel(), &query, &database, &audit).await
        }
    })
}

/// Prepares a whole run as parties have it: the acceptance of a client's shares, then the search.
pub(crate) fn session_jobs(
    rng: &mut ChaCha8Rng,
    inputs: &[ShareInput; 3],
    world: &World,
    rule: Rule,
    security: Security,
) -> [Job<'static, Vec<bool>>; 3] {
    three_jobs(rng, security, |mut context, mut channel| {
        let me = context.me().as_usize();
        let input = inputs[me].clone();
        let (database, audit) = (world.databases[me].clone(), Arc::clone(&world.audits[me]));
        async move {
            let (context, channel) = (&mut context, &mut channel);
            let palm = accept(context, channel, kernel(), &input).await?;
            let query = palm.query(rule);
            identify(context, channel, kernel(), &query, &database, &audit).await
        }
    })
}

/// Returns the results of a run in which nothing went wrong.
pub(crate) fn finish<T>(jobs: [Job<'_, T>; 3]) -> [T; 3] {
    boop_mpc::local::run(jobs)
        .results
        .map(|result| result.unwrap().unwrap())
}

/// Accepts a palm at the three parties.
pub(crate) fn accept_palm(rng: &mut ChaCha8Rng, palm: &Encodings) -> [SharedPalm; 3] {
    let inputs = shares_of(rng, palm);
    finish(accept_jobs(rng, &inputs, Security::SemiHonest))
}

/// Enrols a template at the three parties.
pub(crate) fn enrol(rng: &mut ChaCha8Rng, template: &Template) -> Shares {
    accept_palm(rng, &upright(template.clone())).map(|palm| palm.stored())
}

/// Searches a palm in a database; the three parties must agree.
pub(crate) fn search(
    rng: &mut ChaCha8Rng,
    palm: &Encodings,
    world: &World,
    rule: Rule,
    security: Security,
) -> Vec<bool> {
    let inputs = shares_of(rng, palm);
    let [zero, one, two] = finish(session_jobs(rng, &inputs, world, rule, security));
    assert!(zero == one && one == two, "the parties agree");
    zero
}

/// Searches a palm in a database at both levels of security, which must agree.
pub(crate) fn search_both(
    rng: &mut ChaCha8Rng,
    palm: &Encodings,
    world: &World,
    rule: Rule,
) -> Vec<bool> {
    let [plain, proved] = BOTH.map(|security| search(rng, palm, world, rule, security));
    assert_eq!(plain, proved, "both levels of security");
    plain
}

/// Runs jobs and records every message in the order of delivery.
pub(crate) fn record<T>(jobs: [Job<'_, T>; 3]) -> (Outcome<T>, Vec<Envelope>) {
    let mut transcript = Vec::new();
    let outcome = run_through(jobs, |envelope| {
        transcript.push(envelope.clone());
        vec![envelope]
    });
    (outcome, transcript)
}

/// Runs jobs, delivering in random order but for the order between two parties; work that a job
/// asks for takes any time too.
pub(crate) fn finish_shuffled<T>(rng: &mut ChaCha8Rng, mut jobs: [Job<'_, T>; 3]) -> [T; 3] {
    shuffle(rng, &mut jobs)
}

/// Runs jobs as [`finish_shuffled`] does, and leaves them to be looked at.
pub(crate) fn shuffle<T>(rng: &mut ChaCha8Rng, jobs: &mut [Job<'_, T>; 3]) -> [T; 3] {
    let mut results = [const { None }; 3];
    let mut events: Vec<_> = PartyIndex::ALL.map(|to| (to, to, Input::Start)).into();
    while !events.is_empty() {
        let chosen = usize::try_from(rng.next_u32()).unwrap() % events.len();
        let (from, to, _) = events[chosen];
        let first = events
            .iter()
            .position(|(f, t, _)| (*f, *t) == (from, to))
            .unwrap();
        let (_, to, input) = events.remove(first);
        for output in jobs[to.as_usize()].handle(input) {
            match output {
                Output::Send {
                    to: receiver,
                    bytes,
                } => {
                    events.push((to, receiver, Input::Message { from: to, bytes }));
                }
                Output::Compute(task) => {
                    events.push((to, to, Input::Computed(task.run())));
                }
                Output::Done(result) => results[to.as_usize()] = Some(result.unwrap()),
            }
        }
    }
    results.map(Option::unwrap)
}

/// Runs jobs in lock step: all that is sent in a round arrives at its end. Returns the results
/// and the number of rounds.
pub(crate) fn rounds<T>(mut jobs: [Job<'_, T>; 3]) -> ([T; 3], usize) {
    let mut results = [const { None }; 3];
    let mut arriving: Vec<_> = PartyIndex::ALL.map(|to| (to, Input::Start)).into();
    let mut rounds = 0;
    loop {
        let mut sent = Vec::new();
        while !arriving.is_empty() {
            let mut computed = Vec::new();
            for (to, input) in arriving {
                for output in jobs[to.as_usize()].handle(input) {
                    match output {
                        Output::Send { to: next, bytes } => {
                            sent.push((next, Input::Message { from: to, bytes }));
                        }
                        Output::Compute(task) => computed.push((to, Input::Computed(task.run()))),
                        Output::Done(result) => results[to.as_usize()] = Some(result.unwrap()),
                    }
                }
            }
            arriving = computed;
        }
        if sent.is_empty() {
            return (results.map(Option::unwrap), rounds);
        }
        arriving = sent;
        rounds += 1;
    }
}

/// Returns the step of a message.
pub(crate) fn step_of(message: &[u8]) -> Step {
    STEPS
        .into_iter()
        .find(|step| step.tag() == message[0])
        .unwrap()
}

/// The steps that have messages.
pub(crate) const STEPS: [Step; 21] = [
    Step::Blank,
    Step::Deal,
    Step::Inject,
    Step::Score,
    Step::Summand,
    Step::Carry,
    Step::Alignments,
    Step::Open,
    Step::OpenHash,
    Step::Ready,
    Step::Proof,
    Step::Challenge,
    Step::ProofEnd,
    Step::AuditMask,
    Step::AuditSeed,
    Step::AuditScore,
    Step::AuditHash,
    Step::Accept,
    Step::Rescore,
    Step::Repeat,
    Step::Preface,
];

//! Palms made from seeds, and three parties in one process.

use boop_mpc::local::{Envelope, Outcome, run_through};
use boop_mpc::{
    Context, Input, Job, Mailbox, MpcError, Output, PairwiseSeeds, Rule, ShareInput, SharedPalm,
    StoredShare, accept, identify, split,
};
use boop_wire::id::PartyIndex;
use boop_wire::template::{CELLS, CODE_BITS, Encodings, ROTATIONS, TEMPLATE_BYTES, Template};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

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
    let mut seeds = [[0; 32]; 2];
    seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
    split(palm, &seeds)
}

/// Prepares a protocol at each party, with pairwise seeds that fit.
pub(crate) fn three_jobs<'a, T, F>(
    rng: &mut ChaCha8Rng,
    mut protocol: impl FnMut(Context, Mailbox) -> F,
) -> [Job<'a, T>; 3]
where
    F: Future<Output = Result<T, MpcError>> + Send + 'a,
{
    let mut pair = [[0; 32]; 3];
    pair.iter_mut().for_each(|seed| rng.fill_bytes(seed));
    PartyIndex::ALL.map(|me| {
        let with_next = pair[me.as_usize()];
        let with_previous = pair[me.previous().as_usize()];
        let context = Context::new(
            me,
            &PairwiseSeeds {
                with_next,
                with_previous,
            },
        );
        Job::new(me, |mailbox| protocol(context, mailbox))
    })
}

/// Prepares the acceptance of a client's shares.
pub(crate) fn accept_jobs(
    rng: &mut ChaCha8Rng,
    inputs: &[ShareInput; 3],
) -> [Job<'static, SharedPalm>; 3] {
    three_jobs(rng, |mut context, mut channel| {
        let input = inputs[context.me().as_usize()].clone();
        async move { accept(&mut context, &mut channel, &input).await }
    })
}

/// Prepares the search of a shared palm in a database.
pub(crate) fn identify_jobs<'a>(
    rng: &mut ChaCha8Rng,
    palm: &[SharedPalm; 3],
    database: &'a [&'a Shares],
    rule: Rule,
) -> [Job<'a, Vec<bool>>; 3] {
    three_jobs(rng, |mut context, mut channel| {
        let me = context.me().as_usize();
        let query = palm[me].query(rule);
        let own: Vec<&StoredShare> = database.iter().map(|shares| &shares[me]).collect();
        async move { identify(&mut context, &mut channel, &query, &own).await }
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
    finish(accept_jobs(rng, &inputs))
}

/// Enrols a template at the three parties.
pub(crate) fn enrol(rng: &mut ChaCha8Rng, template: &Template) -> Shares {
    accept_palm(rng, &upright(template.clone())).map(|palm| palm.stored())
}

/// Searches a palm in a database; the three parties must agree.
pub(crate) fn search(
    rng: &mut ChaCha8Rng,
    palm: &Encodings,
    database: &[&Shares],
    rule: Rule,
) -> Vec<bool> {
    let palm = accept_palm(rng, palm);
    let [zero, one, two] = finish(identify_jobs(rng, &palm, database, rule));
    assert!(zero == one && one == two, "the parties agree");
    zero
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

/// Runs jobs, delivering in random order but for the order between two parties.
pub(crate) fn finish_shuffled<T>(rng: &mut ChaCha8Rng, mut jobs: [Job<'_, T>; 3]) -> [T; 3] {
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
                Output::Done(result) => results[to.as_usize()] = Some(result.unwrap()),
            }
        }
    }
    results.map(Option::unwrap)
}

//! A palm with too few valid cells is refused before any match of it is opened [MPC-15].

use boop_mpc::local::{Envelope, Outcome, run_through};
use boop_mpc::{Job, MpcError, Rule, Security, Step, accept, identify, plain};
use boop_wire::template::{CELLS, Encodings, ROTATIONS, THRESHOLD, Template, VALID_CELLS_MIN};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::support::{
    BOTH, HEADER_BYTES, World, full_palm, kernel, noisy, record, rounds, seeded, session_jobs,
    shares_of, three_jobs,
};

const TOO_FEW: MpcError = MpcError::TooFewValidCells;

#[test]
fn a_palm_with_enough_cells_is_searched_as_if_nobody_had_asked() {
    let mut rng = seeded(1);
    let query = with_cells(&full_palm(&mut rng), [VALID_CELLS_MIN; 3]);
    let near = noisy(&mut rng, &query.0[0], 200);
    let stored = [query.0[0].clone(), near, full_palm(&mut rng).0[0].clone()];
    let world = World::enrolling(&mut rng, &stored);
    for security in BOTH {
        let (outcome, _) = record(demanding_jobs(&mut rng, &query, &world, security));

        let expected: Vec<_> = stored
            .iter()
            .map(|stored| plain::matches(stored, &query, THRESHOLD))
            .collect();
        assert!(expected[0] && !expected[2]);
        assert_eq!(
            outcome.results,
            [(); 3].map(|()| Some(Ok(expected.clone())))
        );
    }
}

#[test]
fn one_cell_too_few_at_one_rotation_is_refused_at_all_parties() {
    let mut rng = seeded(2);
    let palm = full_palm(&mut rng);
    let world = World::enrolling(&mut rng, &[palm.0[0].clone()]);
    for security in BOTH {
        for rotation in 0..ROTATIONS {
            let mut cells = [CELLS; 3];
            cells[rotation] = VALID_CELLS_MIN - 1;
            let thin = with_cells(&palm, cells);

            let jobs = demanding_jobs(&mut rng, &thin, &world, security);
            let (outcome, transcript) = record(jobs);

            assert_eq!(outcome.results, [(); 3].map(|()| Some(Err(TOO_FEW))));
            // One bit was opened, and no match.
            let opened = of_step(&transcript, Step::Open);
            assert_eq!(opened, [HEADER_BYTES + 8; 3]);
        }
    }
}

#[test]
fn a_thin_palm_finds_strangers_unless_the_parties_ask_for_cells() {
    let mut rng = seeded(3);
    let strangers: Vec<_> = (0..64).map(|_| full_palm(&mut rng).0[0].clone()).collect();
    let world = World::enrolling(&mut rng, &strangers);
    let thin = with_cells(&full_palm(&mut rng), [4; 3]);

    let inputs = shares_of(&mut rng, &thin);
    let jobs = session_jobs(&mut rng, &inputs, &world, Rule::PALM, Security::Abort);
    let (unasked, _) = record(jobs);
    let (asked, _) = record(demanding_jobs(&mut rng, &thin, &world, Security::Abort));

    let [Some(Ok(found)), ..] = unasked.results else {
        panic!("{:?}", unasked.results);
    };
    let found = found.iter().filter(|found| **found).count();
    assert!(found > 32, "{found} of 64 strangers");
    assert_eq!(asked.results, [(); 3].map(|()| Some(Err(TOO_FEW))));
}

#[test]
fn asking_for_cells_costs_eight_rounds_and_some_hundred_bytes() {
    let mut rng = seeded(4);
    let palm = full_palm(&mut rng);
    let world = World::enrolling(&mut rng, &[palm.0[0].clone()]);
    let inputs = shares_of(&mut rng, &palm);
    let mut unasked = || session_jobs(&mut rng, &inputs, &world, Rule::PALM, BOTH[0]);
    let (without, (_, rounds_without)) = (record(unasked()).0, rounds(unasked()));

    let mut asked = || demanding_jobs(&mut rng, &palm, &world, BOTH[0]);
    let (with, (_, rounds_with)) = (record(asked()).0, rounds(asked()));

    // Sum, carry, conjunction, opening, less one: two of the parties begin before the palm is
    // injected at the third.
    assert_eq!(rounds_with - rounds_without, 1 + 5 + 2 + 1 - 1);
    for (with, without) in with.counters.iter().zip(without.counters) {
        let ands = 11 + 10 + 14 + 2;
        let payload = 8 * ands + 8 + 32;
        let bytes = u64::try_from(payload + 10 * HEADER_BYTES).unwrap();
        assert_eq!(with.bytes_sent - without.bytes_sent, bytes);
    }
}

#[test]
fn thin_and_full_palms_look_alike_until_the_bit_is_opened() {
    let mut rng = seeded(5);
    let palm = full_palm(&mut rng);
    let world = World::enrolling(&mut rng, &[palm.0[0].clone()]);
    for security in BOTH {
        let mut shape = |palm: &Encodings| {
            let jobs = demanding_jobs(&mut rng, palm, &world, security);
            let (_, transcript) = record(jobs);
            let sent = transcript.into_iter();
            let seen = sent.map(|e| {
                (
                    e.from,
                    e.to,
                    e.bytes[..HEADER_BYTES].to_vec(),
                    e.bytes.len(),
                )
            });
            seen.collect::<Vec<_>>()
        };

        let full = shape(&palm);
        let thin = shape(&with_cells(&palm, [1_000; 3]));

        // The matches of the full palm: a word and a hash from each.
        assert!(
            full.len() == thin.len() + 6 && full[..thin.len()] == thin,
            "{security:?}"
        );
    }
}

#[test]
fn a_party_that_falsifies_the_count_ends_the_run_before_the_bit_is_opened() {
    let mut rng = seeded(6);
    let thin = with_cells(&full_palm(&mut rng), [VALID_CELLS_MIN - 1; 3]);
    let world = World::enrolling(&mut rng, &[thin.0[0].clone()]);
    let (_, transcript) = record(demanding_jobs(&mut rng, &thin, &world, Security::Abort));
    let counting = |envelope: &Envelope| {
        [Step::Compare, Step::Conjunction]
            .map(Step::tag)
            .contains(&envelope.bytes[0])
    };
    let messages = transcript
        .iter()
        .filter(|envelope| counting(envelope))
        .count();
    assert_eq!(messages, 3 * 8);

    for target in 0..messages {
        let (mut seen, mut liar) = (0, None);
        let jobs = demanding_jobs(&mut rng, &thin, &world, Security::Abort);
        let mut opened = false;
        let Outcome { results, .. } = run_through(jobs, |mut envelope| {
            if counting(&envelope) {
                if seen == target {
                    // The lowest lane of the last word: rotation 0, or the bit itself.
                    let word = envelope.bytes.len() - 8;
                    envelope.bytes[word] ^= 1;
                    liar = Some(envelope.from);
                }
                seen += 1;
            }
            opened |= envelope.bytes[0] == Step::Open.tag();
            vec![envelope]
        });

        let liar = liar.unwrap();
        let blamed = Some(Err(MpcError::ProofRejected { prover: liar }));
        assert_eq!(results[liar.next().as_usize()], blamed, "message {target}");
        assert!(!opened, "message {target}");
    }
}

/// Prepares a whole run as parties have it: acceptance, the demand, the search.
fn demanding_jobs(
    rng: &mut ChaCha8Rng,
    palm: &Encodings,
    world: &World,
    security: Security,
) -> [Job<'static, Vec<bool>>; 3] {
    let inputs = shares_of(rng, palm);
    three_jobs(rng, security, |mut context, mut channel| {
        let me = context.me().as_usize();
        let input = inputs[me].clone();
        let (database, audit) = (world.databases[me].clone(), world.audits[me].clone());
        async move {
            let (context, channel) = (&mut context, &mut channel);
            let mut palm = accept(context, channel, kernel(), &input).await?;
            palm.demand_cells(context, channel).await?;
            let query = palm.query(Rule::PALM);
            identify(context, channel, kernel(), &query, &database, &audit).await
        }
    })
}

/// Returns a palm with so many valid cells, somewhere.
fn with_cells(palm: &Encodings, counts: [usize; ROTATIONS]) -> Encodings {
    let mut rng = seeded(counts.iter().sum::<usize>().try_into().unwrap());
    let mut palm = palm.clone();
    for (template, count) in palm.0.iter_mut().zip(counts) {
        let mut cells: Vec<_> = (0..CELLS).collect();
        for last in (1..CELLS).rev() {
            cells.swap(last, usize::try_from(rng.next_u32()).unwrap() % (last + 1));
        }
        let mut set = |cells: &[usize], valid| {
            for cell in cells {
                Template::set_cell_valid(template, *cell, valid);
            }
        };
        set(&cells[..count], true);
        set(&cells[count..], false);
    }
    palm
}

/// Returns the lengths of the messages of a step.
fn of_step(transcript: &[Envelope], step: Step) -> Vec<usize> {
    let of_step = transcript.iter().filter(|e| e.bytes[0] == step.tag());
    of_step.map(|envelope| envelope.bytes.len()).collect()
}

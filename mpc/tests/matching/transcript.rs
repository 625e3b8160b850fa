//! How much is sent, and in how many rounds: sizes and counts depend on public numbers alone
//! [MPC-3]. What was sent is kept in hashes [MPC-6].

use boop_mpc::local::Envelope;
use boop_mpc::{
    BLOCK_TEMPLATES, Counters, Job, MESSAGE_BYTES_MAX, Rule, Security, StoredShare, Way,
};
use boop_wire::id::PartyIndex;
use boop_wire::template::{ALIGNMENT_COUNT, Encodings, Template};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::support::{
    BOTH, HEADER_BYTES, Shares, World, accept_jobs, accept_palm, enrol, full_palm, identify_jobs,
    record, rounds, seeded, session_jobs, shares_of, shuffle, upright,
};

#[test]
fn accepting_a_palm_costs_two_messages_a_party() {
    let mut rng = seeded(1);
    let palm = full_palm(&mut rng);
    let inputs = shares_of(&mut rng, &palm);
    for security in BOTH {
        let (outcome, _) = record(accept_jobs(&mut rng, &inputs, security));

        let bytes = 2 * HEADER_BYTES + 4_800 + 96_000;
        assert_eq!(outcome.counters.map(|c| c.messages_sent), [2; 3]);
        assert_eq!(outcome.counters.map(|c| c.bytes_sent), [count(bytes); 3]);
        assert_eq!(outcome.counters.map(|c| c.messages_received), [3, 2, 1]);
        let jobs = accept_jobs(&mut rng, &inputs, security);
        assert_eq!(rounds(jobs).1, 3);
    }
}

#[test]
fn both_ends_of_a_way_keep_one_digest_in_whatever_order_messages_arrive() {
    let mut rng = seeded(7);
    let palm = full_palm(&mut rng);
    let world = World::enrolling(&mut rng, &[palm.0[0].clone()]);
    let inputs = shares_of(&mut rng, &palm);
    let mut all = Vec::new();
    let seeds = rng.clone();
    for _ in 0..2 {
        let again = &mut seeds.clone();
        let jobs = session_jobs(again, &inputs, &world, Rule::PALM, Security::Abort);
        let mut jobs = jobs.map(Job::with_transcript);
        shuffle(&mut rng, &mut jobs);

        let transcripts = jobs.each_ref().map(|job| job.transcript().unwrap());
        for from in PartyIndex::ALL {
            for to in from.others() {
                let way = Way { from, to };
                let digest = transcripts[from.as_usize()].digest(way);
                assert_eq!(digest, transcripts[to.as_usize()].digest(way));
                all.push(digest);
            }
        }
    }

    let (first, second) = all.split_at(6);
    assert_eq!(first, second);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6);
}

#[test]
fn a_job_keeps_no_transcript_unless_it_is_asked_to() {
    let mut rng = seeded(8);
    let inputs = {
        let palm = full_palm(&mut rng);
        shares_of(&mut rng, &palm)
    };

    let [job, ..] = accept_jobs(&mut rng, &inputs, Security::Abort);

    assert!(job.transcript().is_none());
    assert!(job.with_transcript().transcript().is_some());
}

#[test]
fn a_semi_honest_comparison_costs_eight_bytes_a_party_and_a_block_39_rounds() {
    let mut rng = seeded(2);
    let slots = BLOCK_TEMPLATES;
    let world = random_world(&mut rng, slots);
    let query = full_palm(&mut rng);
    let palm = accept_palm(&mut rng, &query);

    let jobs = || {
        identify_jobs(
            &mut seeded(3),
            &palm,
            &world,
            Rule::PALM,
            Security::SemiHonest,
        )
    };
    let (outcome, _) = record(jobs());

    let row = slots / 8;
    let passed_on = 32 * ALIGNMENT_COUNT * row;
    let payload = passed_on + 31 * ALIGNMENT_COUNT * row + 30 * row + row + 32;
    let messages = passed_on.div_ceil(MESSAGE_BYTES_MAX - HEADER_BYTES) + 31 + 5 + 2;
    let bytes = count(payload + messages * HEADER_BYTES);
    let each = Counters {
        messages_sent: count(messages),
        bytes_sent: bytes,
        messages_received: count(messages),
        bytes_received: bytes,
    };
    assert_eq!(outcome.counters, [each; 3]);
    let comparisons = count(slots * ALIGNMENT_COUNT);
    assert_eq!(1_000 * bytes / comparisons, 8_003, "thousandths of a byte");
    assert_eq!(rounds(jobs()).1, 2 + 31 + 5 + 1);
}

#[test]
fn a_proved_comparison_costs_less_than_ten_bytes_a_party() {
    let mut rng = seeded(5);
    let slots = BLOCK_TEMPLATES;
    let query = full_palm(&mut rng);
    let stored = enrol(&mut rng, &query.0[0]);
    let world = World::of(&mut rng, &vec![&stored; slots]);
    let palm = accept_palm(&mut rng, &query);

    let jobs = identify_jobs(&mut seeded(6), &palm, &world, Rule::PALM, Security::Abort);
    let (outcome, _) = record(jobs);
    let (_, in_rounds) = rounds(identify_jobs(&mut rng, &palm, &world, Rule::PALM, BOTH[1]));

    let bytes: u64 = outcome.counters.iter().map(|c| c.bytes_sent).sum();
    let comparisons = 3 * count(slots * ALIGNMENT_COUNT);
    assert_eq!(1_000 * bytes / comparisons, 9_574, "thousandths of a byte");
    // Passing on, dealing, carries, alignments; ready, proofs, audit, accept; opening.
    assert_eq!(in_rounds, 1 + 1 + 31 + 5 + (1 + 20 + 1 + 1) + 1);
}

#[test]
fn sizes_and_order_of_messages_depend_on_the_number_of_slots_alone() {
    let mut rng = seeded(4);
    let palm = full_palm(&mut rng);
    let nothing = upright(Template::empty());
    let hits = World::enrolling(&mut rng, &[(); 3].map(|()| palm.0[0].clone()));
    let misses = World::enrolling(&mut rng, &[(); 3].map(|()| Template::empty()));
    let more = World::enrolling(&mut rng, &vec![Template::empty(); 65]);
    for security in BOTH {
        let mut shape = |query: &Encodings, world: &World| {
            let inputs = shares_of(&mut rng, query);
            let jobs = session_jobs(&mut rng, &inputs, world, Rule::PALM, security);
            let (outcome, transcript) = record(jobs);
            let seen: Vec<_> = transcript.into_iter().map(public).collect();
            (outcome.counters, seen)
        };

        let of_hits = shape(&palm, &hits);
        let of_misses = shape(&nothing, &misses);
        let of_more = shape(&palm, &more);

        assert!(of_hits == of_misses, "{security:?}");
        assert!(of_hits != of_more, "{security:?}");
    }
}

/// What a message shows to everybody: who sends which step to whom, and its length.
fn public(envelope: Envelope) -> (u8, u8, Vec<u8>, usize) {
    let Envelope { from, to, bytes } = envelope;
    (
        from.get(),
        to.get(),
        bytes[..HEADER_BYTES].to_vec(),
        bytes.len(),
    )
}

/// Returns a world of shares that are chance, its audits left out.
fn random_world(rng: &mut ChaCha8Rng, slots: usize) -> World {
    let mut world = World::default();
    let shares: Shares = [(); 3].map(|()| {
        let mut bytes = vec![0; boop_mpc::STORED_SHARE_BYTES];
        rng.fill_bytes(&mut bytes);
        StoredShare::from_bytes(&bytes).unwrap()
    });
    for _ in 0..slots {
        for (database, share) in world.databases.iter_mut().zip(&shares) {
            database.push(share);
        }
    }
    world
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap()
}

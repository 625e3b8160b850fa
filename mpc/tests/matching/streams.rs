//! No two messages of a run are masked by the same part of a stream [MPC-2].
//!
//! Where two steps compute with the same values, their messages are equal as soon as their masks
//! are; so are the blocks of 16 bytes in which the streams come.

use std::collections::BTreeMap;
use std::sync::Arc;

use boop_mpc::local::Envelope;
use boop_mpc::{BLOCK_TEMPLATES, Rule, Security, Step, identify};
use boop_wire::template::Template;

use crate::support::{
    BOTH, HEADER_BYTES, World, accept_palm, enrol, full_palm, identify_jobs, identify_jobs_with,
    kernel, pairwise_seeds, record, seeded, three_jobs, upright,
};

#[test]
fn blocks_of_the_same_templates_have_no_masks_in_common() {
    let mut rng = seeded(1);
    let nothing = upright(Template::empty());
    let stored = enrol(&mut rng, &Template::empty());
    let world = World::of(&mut rng, &vec![&stored; BLOCK_TEMPLATES + 64]);
    let palm = accept_palm(&mut rng, &nothing);
    for security in BOTH {
        let jobs = identify_jobs(&mut rng, &palm, &world, Rule::PALM, security);

        let (outcome, transcript) = record(jobs);

        let none = vec![false; BLOCK_TEMPLATES + 64];
        assert_eq!(
            outcome.results.map(Option::unwrap),
            [(); 3].map(|()| Ok(none.clone()))
        );
        assert_fresh(&transcript);
    }
}

#[test]
fn searches_of_one_run_have_no_masks_in_common() {
    let mut rng = seeded(2);
    let nothing = upright(Template::empty());
    let world = World::enrolling(&mut rng, &vec![Template::empty(); 64]);
    let palm = accept_palm(&mut rng, &nothing);
    for security in BOTH {
        let jobs = three_jobs(&mut rng, security, |mut context, mut channel| {
            let me = context.me().as_usize();
            let query = palm[me].query(Rule::PALM);
            let (database, audit) = (world.databases[me].clone(), Arc::clone(&world.audits[me]));
            async move {
                let (context, channel) = (&mut context, &mut channel);
                let first = identify(context, channel, kernel(), &query, &database, &audit);
                let first = first.await?;
                let second = identify(context, channel, kernel(), &query, &database, &audit);
                Ok([first, second.await?])
            }
        });

        let (outcome, transcript) = record(jobs);

        let none = [vec![false; 64], vec![false; 64]];
        assert_eq!(
            outcome.results.map(Option::unwrap),
            [(); 3].map(|()| Ok(none.clone()))
        );
        assert_fresh(&transcript);
        let proofs = transcript
            .iter()
            .filter(|e| e.bytes[0] == Step::Ready.tag())
            .count();
        assert_eq!(proofs, if security == Security::Abort { 12 } else { 0 });
    }
}

#[test]
fn the_same_search_with_other_seeds_has_other_masks_and_with_the_same_the_same() {
    let mut rng = seeded(3);
    let palm = full_palm(&mut rng);
    let world = World::enrolling(&mut rng, &[palm.0[0].clone()]);
    let shared = accept_palm(&mut rng, &palm);
    let seeds = [pairwise_seeds(&mut rng), pairwise_seeds(&mut rng)];
    for security in BOTH {
        let [first, again, other] = [&seeds[0], &seeds[0], &seeds[1]].map(|seeds| {
            record(identify_jobs_with(
                seeds,
                &shared,
                &world,
                Rule::PALM,
                security,
            ))
            .1
        });

        assert_eq!(first, again);
        assert_fresh(&[first, other].concat());
    }
}

/// Checks that no aligned 16 bytes of a masked message occur twice.
fn assert_fresh(transcript: &[Envelope]) {
    let mut seen: BTreeMap<[u8; 16], &Envelope> = BTreeMap::new();
    // A challenge is told twice. What is opened was sent before, to another party.
    let repeated = [Step::Challenge, Step::Repeat, Step::Open].map(Step::tag);
    let masked = transcript
        .iter()
        .filter(|e| !repeated.contains(&e.bytes[0]));
    for envelope in masked {
        for block in envelope.bytes[HEADER_BYTES..].as_chunks::<16>().0 {
            let earlier = seen.insert(*block, envelope);
            assert!(
                earlier.is_none(),
                "{} to {}: {:?} has a block of {:?}",
                envelope.from,
                envelope.to,
                &envelope.bytes[..HEADER_BYTES],
                earlier.map(|e| &e.bytes[..HEADER_BYTES])
            );
        }
    }
}

//! The rule in sixteen bits: exactly its own decisions, for half the bytes [MPC-24].

use boop_mpc::local::{Outcome, run_through};
use boop_mpc::plain::packed::{Packed, PackedQuery, PackedRule};
use boop_mpc::{BLOCK_TEMPLATES, Counters, MpcError, Profile, Rule, Security, Step, plain};
use boop_wire::id::PartyIndex;
use boop_wire::template::{
    ALIGNMENT_COUNT, CELLS, CODE_BITS, Encodings, ORIENTATIONS, ROTATIONS, THRESHOLD, Template,
};

use crate::support::{
    HEADER_BYTES, World, accept_palm, any_template, enrol, full_palm, full_template, identify_jobs,
    noisy, record, rounds, search_both, seeded, session_jobs, shares_of, upright,
};

#[test]
fn palms_near_the_cut_are_decided_as_the_rule_of_the_profile_says() {
    let mut rng = seeded(1);
    let origins = [full_template(&mut rng), full_template(&mut rng)];
    let mut stored = vec![any_template(&mut rng), Template::empty()];
    for per_mille in 330..365 {
        stored.extend(origins.each_ref().map(|o| noisy(&mut rng, o, per_mille)));
    }
    let world = World::enrolling(&mut rng, &stored);
    for threshold in [16_384, THRESHOLD, 20_316, 24_577] {
        let rule = sixteen(threshold);
        let (mut matches, mut unlike_exact) = (0, 0);
        for origin in &origins {
            let query = Encodings([(); ROTATIONS].map(|()| noisy(&mut rng, origin, 10)));

            let found = search_both(&mut rng, &query, &world, rule);

            let expected: Vec<_> = stored
                .iter()
                .map(|stored| plain::matches_under(rule, stored, &query))
                .collect();
            assert_eq!(found, expected, "threshold {threshold}");
            matches += expected.iter().filter(|found| **found).count();
            let exact = stored.iter().map(|t| plain::matches(t, &query, threshold));
            unlike_exact += exact.zip(&expected).filter(|(a, b)| a != *b).count();
        }
        println!("threshold {threshold}: {matches} matches, {unlike_exact} unlike the exact rule");
        assert!(
            threshold != THRESHOLD || (20..100).contains(&matches),
            "{matches}"
        );
    }
}

#[test]
fn extreme_palms_keep_their_sign_in_sixteen_bits() {
    let mut rng = seeded(2);
    let (zeros, mut ones) = (full_with(false), full_with(true));
    let stored = [
        zeros.clone(),
        ones.clone(),
        Template::empty(),
        full_template(&mut rng),
    ];
    ones.set_code_bit(0, false);
    let world = World::enrolling(&mut rng, &stored);

    for threshold in [0, 1, 16_384, THRESHOLD, 32_768, 65_535, 65_536] {
        for query in [&zeros, &ones, &Template::empty()] {
            let (query, rule) = (upright(query.clone()), sixteen(threshold));
            let found = search_both(&mut rng, &query, &world, rule);

            let expected: Vec<_> = stored
                .iter()
                .map(|stored| plain::matches_under(rule, stored, &query))
                .collect();
            assert_eq!(found, expected, "threshold {threshold}");
        }
    }
}

#[test]
fn a_dot_product_of_the_weights_is_no_match_and_the_next_is() {
    let mut rng = seeded(3);
    let base = full_template(&mut rng);
    let query = upright(base.clone());
    let rule = sixteen(THRESHOLD);
    let mut stored = Vec::new();
    for cells in [1_200, 1_203, 1_400, 1_599, 1_600] {
        // The dot product of so many cells is even, as is the sum of their bits.
        let weight: i64 = (0..cells)
            .map(|cell| i64::from(rule.cell_weight(cell)))
            .sum();
        let even = weight - weight % 2;
        stored.extend([-2, 0, 2].map(|step| with_dot(&base, cells, even + step)));
    }
    let world = World::enrolling(&mut rng, &stored);

    let found = search_both(&mut rng, &query, &world, rule);

    let margins: Vec<_> = stored
        .iter()
        .map(|stored| plain::margins(rule, stored, &query)[5])
        .collect();
    let expected: Vec<_> = margins.iter().map(|margin| *margin > 0).collect();
    assert_eq!(found, expected, "{margins:?}");
    assert!(margins.contains(&0) && margins.iter().all(|margin| margin.abs() <= 3));
}

#[test]
fn packed_palms_are_decided_by_the_definition_under_both_profiles() {
    let mut rng = seeded(4);
    let query = Encodings([(); ROTATIONS].map(|()| any_template(&mut rng)));
    let packed = PackedQuery::of(&query);
    let mut matches = 0;
    for per_mille in 300..380 {
        let stored = noisy(&mut rng, &query.0[0], per_mille);
        for threshold in [16_384, THRESHOLD, 20_000] {
            for profile in [Profile::Exact, Profile::Sixteen] {
                let rule = Rule::of_profile(profile, threshold).unwrap();
                let found = packed.matches_under(&PackedRule::of(rule), &Packed::of(&stored));

                assert_eq!(
                    found,
                    plain::matches_under(rule, &stored, &query),
                    "{rule:?}"
                );
                matches += usize::from(found);
            }
        }
    }
    assert!((100..380).contains(&matches), "{matches} of 480");
}

#[test]
fn a_semi_honest_comparison_costs_four_bytes_a_party_and_a_block_23_rounds() {
    let mut rng = seeded(5);
    let slots = BLOCK_TEMPLATES;
    let query = full_palm(&mut rng);
    let stored = enrol(&mut rng, &query.0[0]);
    let world = World::of(&mut rng, &vec![&stored; slots]);
    let palm = accept_palm(&mut rng, &query);
    let jobs =
        |security| identify_jobs(&mut seeded(6), &palm, &world, sixteen(THRESHOLD), security);

    let (outcome, _) = record(jobs(Security::SemiHonest));
    let (proved, _) = record(jobs(Security::Abort));

    let comparisons = u64::try_from(slots * ALIGNMENT_COUNT).unwrap();
    let thousandths =
        |of: [Counters; 3]| of.iter().map(|c| c.bytes_sent).sum::<u64>() * 1_000 / 3 / comparisons;
    assert_eq!(thousandths(outcome.counters), 4_001);
    assert_eq!(rounds(jobs(Security::SemiHonest)).1, 2 + 15 + 5 + 1);
    assert_eq!(thousandths(proved.counters), 4_874);
    let in_rounds = rounds(jobs(Security::Abort)).1;
    assert_eq!(in_rounds, 1 + 1 + 15 + 5 + (1 + 18 + 1 + 1) + 1);
}

#[test]
fn a_party_that_falsifies_a_score_or_a_carry_ends_the_run() {
    let mut rng = seeded(7);
    let palm = full_palm(&mut rng);
    let stored = [palm.0[0].clone(), full_template(&mut rng)];
    let world = World::enrolling(&mut rng, &stored);
    let inputs = shares_of(&mut rng, &palm);
    for step in [Step::Rescore, Step::Summand, Step::Carry, Step::Alignments] {
        for (liar, bit) in PartyIndex::ALL
            .into_iter()
            .flat_map(|p| [0, 7, 15].map(|b| (p, b)))
        {
            let mut opened = false;
            let mut lied = false;
            let jobs = session_jobs(
                &mut rng,
                &inputs,
                &world,
                sixteen(THRESHOLD),
                Security::Abort,
            );
            let Outcome { results, .. } = run_through(jobs, |mut envelope| {
                if envelope.from == liar && envelope.bytes[0] == step.tag() && !lied {
                    // Bit 15 of the first score is its sign; slices of bits hold two slots.
                    let bit = if step == Step::Rescore { bit } else { bit % 2 };
                    envelope.bytes[HEADER_BYTES + bit / 8] ^= 1 << (bit % 8);
                    lied = true;
                }
                opened |= envelope.bytes[0] == Step::Open.tag();
                vec![envelope]
            });

            // One party deals the summands of a block.
            assert!(lied || step == Step::Summand);
            assert_eq!(opened, !lied, "{liar} lies in {step:?}");
            let failed = |error: &MpcError| match error {
                // What was sent with a score is no longer what the receiver's statements say.
                MpcError::ProofRejected { prover } => *prover == liar || step == Step::Rescore,
                MpcError::AuditRejected { party } => *party == liar,
                _ => false,
            };
            let mut errors = results.iter().flatten().filter_map(|r| r.as_ref().err());
            let failed = errors.any(failed);
            assert_eq!(failed, lied, "{liar}, {step:?}: {results:?}");
        }
    }
}

fn sixteen(threshold: u32) -> Rule {
    Rule::of_profile(Profile::Sixteen, threshold).unwrap()
}

fn full_with(bit: bool) -> Template {
    let mut template = Template::empty();
    (0..CELLS).for_each(|cell| template.set_cell_valid(cell, true));
    (0..CODE_BITS).for_each(|index| template.set_code_bit(index, bit));
    template
}

/// Returns `base` with the first cells valid, and bits flipped until the dot product is `dot`.
fn with_dot(base: &Template, cells: usize, dot: i64) -> Template {
    let mut template = base.clone();
    (cells..CELLS).for_each(|cell| template.set_cell_valid(cell, false));
    let flips = (8 * i64::try_from(cells).unwrap() - dot) / 2;
    let valid = (0..CODE_BITS).filter(|index| index / ORIENTATIONS % CELLS < cells);
    for index in valid.take(usize::try_from(flips).unwrap()) {
        template.set_code_bit(index, !base.code_bit(index));
    }
    template
}

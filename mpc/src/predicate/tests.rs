//! Predicates between three parties against plain integers.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::Kernel;
use boop_wire::id::PartyIndex;
use rand_chacha::rand_core::Rng;

use super::shared::share_integers;
use super::*;
use crate::context::Security;
use crate::error::MpcError;
use crate::job::Job;
use crate::local::{Envelope, run, run_through};
use crate::step::{HEADER_BYTES, Step};
use crate::testing::{contexts, contexts_of, seeded};

mod support;

use support::{Question, answers, ask, ask_one, job};

const BOTH: [Security; 2] = [Security::SemiHonest, Security::Abort];
const EDGES: [u32; 12] = [
    0,
    1,
    2,
    17,
    18,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xaaaa_aaaa,
    0x5555_5555,
    u32::MAX - 1,
    u32::MAX,
];

#[test]
fn two_shared_integers_compare_as_they_do_in_the_clear_at_all_pairs_of_eight_bits() {
    let mut rng = seeded(60);
    for first in (0..256_u32).step_by(16) {
        let left: Vec<u32> = (0..4_096).map(|i| first + i / 256).collect();
        let right: Vec<u32> = (0..4_096).map(|i| i % 256).collect();

        let greater = ask(
            &mut rng,
            Security::SemiHonest,
            &[&left, &right],
            Question::PairGreater,
        );
        let equal = ask(
            &mut rng,
            Security::SemiHonest,
            &[&left, &right],
            Question::PairEqual,
        );

        let pairs = || left.iter().zip(&right);
        assert_eq!(greater.answers, answers(pairs(), |(x, y)| x > y));
        assert_eq!(equal.answers, answers(pairs(), |(x, y)| x == y));
    }
}

#[test]
fn edges_and_random_integers_compare_in_both_modes() {
    let mut rng = seeded(61);
    let mut values = EDGES.to_vec();
    values.extend((0..8).map(|_| rng.next_u32()));
    let left: Vec<u32> = values.iter().flat_map(|x| vec![*x; values.len()]).collect();
    let right: Vec<u32> = values.iter().flat_map(|_| values.clone()).collect();
    for security in BOTH {
        let pairs = || left.iter().zip(&right);

        let asked = ask(&mut rng, security, &[&left, &right], Question::PairGreater);
        assert_eq!(asked.answers, answers(pairs(), |(x, y)| x > y));
        assert_eq!((asked.rounds, asked.ands), (6, 89));

        let asked = ask(&mut rng, security, &[&left, &right], Question::PairAtLeast);
        assert_eq!(asked.answers, answers(pairs(), |(x, y)| x >= y));

        let asked = ask(&mut rng, security, &[&left, &right], Question::PairEqual);
        assert_eq!(asked.answers, answers(pairs(), |(x, y)| x == y));
        assert_eq!((asked.rounds, asked.ands), (5, 31));
    }
}

#[test]
fn integers_compare_with_every_constant_of_eight_bits() {
    let mut rng = seeded(62);
    let values: Vec<u32> = (0..=256).collect();
    for bound in 0..256 {
        let asked = ask_one(
            &mut rng,
            Security::SemiHonest,
            &values,
            Question::Greater(bound),
        );
        assert_eq!(asked.answers, answers(&values, |x| *x > bound));

        let asked = ask_one(
            &mut rng,
            Security::SemiHonest,
            &values,
            Question::AtLeast(bound),
        );
        assert_eq!(asked.answers, answers(&values, |x| *x >= bound));

        let asked = ask_one(
            &mut rng,
            Security::SemiHonest,
            &values,
            Question::Equal(bound),
        );
        assert_eq!(asked.answers, answers(&values, |x| *x == bound));
    }
}

#[test]
fn integers_compare_with_constants_at_the_edges_and_in_few_ands() {
    let mut rng = seeded(63);
    let mut bounds = EDGES.to_vec();
    bounds.extend((0..30).map(|_| rng.next_u32()));
    let around = bounds
        .iter()
        .flat_map(|b| [b.wrapping_sub(1), *b, b.wrapping_add(1)]);
    let values: Vec<u32> = around.collect();
    for (index, bound) in bounds.into_iter().enumerate() {
        let security = BOTH[index % 2];

        let asked = ask_one(&mut rng, security, &values, Question::Greater(bound));
        assert_eq!(asked.answers, answers(&values, |x| *x > bound));
        assert!(
            asked.rounds <= 5 && asked.ands <= 42,
            "{bound:#x}: {}",
            asked.ands
        );

        let asked = ask_one(&mut rng, security, &values, Question::AtLeast(bound));
        assert_eq!(asked.answers, answers(&values, |x| *x >= bound));

        let asked = ask_one(&mut rng, security, &values, Question::Equal(bound));
        assert_eq!(asked.answers, answers(&values, |x| *x == bound));
        assert_eq!((asked.rounds, asked.ands), (5, 31));
    }
    // One bit decides: it is the answer.
    let asked = ask_one(
        &mut rng,
        Security::Abort,
        &values,
        Question::Greater(0x7fff_ffff),
    );
    assert_eq!((asked.rounds, asked.ands), (0, 0));
}

#[test]
fn integers_lie_in_the_ranges_that_they_lie_in() {
    let mut rng = seeded(64);
    let values: Vec<u32> = (0..33).chain([u32::MAX - 1, u32::MAX]).collect();
    for (low, high) in (0..32).flat_map(|low| (0..32).map(move |high| (low, high))) {
        let asked = ask_one(
            &mut rng,
            Security::SemiHonest,
            &values,
            Question::Within(low, high),
        );

        assert_eq!(
            asked.answers,
            answers(&values, |x| (low..=high).contains(x))
        );
        assert!(asked.rounds <= 6, "{} rounds", asked.rounds);
    }
    let mut edges = EDGES.to_vec();
    edges.extend((0..4).map(|_| rng.next_u32()));
    for (low, high) in edges
        .iter()
        .flat_map(|l| edges.iter().map(move |h| (*l, *h)))
    {
        let asked = ask_one(
            &mut rng,
            Security::Abort,
            &edges,
            Question::Within(low, high),
        );

        assert_eq!(asked.answers, answers(&edges, |x| (low..=high).contains(x)));
        assert!(asked.rounds <= 6 && asked.ands <= 85, "{} ANDs", asked.ands);
    }
}

#[test]
fn public_sets_of_every_size_hold_what_they_hold() {
    let mut rng = seeded(65);
    for (size, security) in [0, 1, 2, 3, 10, 255, 256]
        .into_iter()
        .flat_map(|size| BOTH.map(|security| (size, security)))
    {
        for dense in [false, true] {
            let narrow = if dense { 0x1ff } else { u32::MAX };
            let mut elements: Vec<u32> = (0..size).map(|_| rng.next_u32() & narrow).collect();
            if let [first, _, third, ..] = &mut elements[..] {
                // Elements may repeat.
                *first = *third;
            }
            let mut values: Vec<u32> = (0..200).map(|_| rng.next_u32() & narrow).collect();
            values.extend(elements.iter().take(50));
            values.extend(elements.iter().map(|value| value ^ 1 << 31).take(50));
            let set = PublicSet::new(&elements).unwrap();

            let asked = ask_one(&mut rng, security, &values, Question::Member(set));

            let elements: BTreeSet<u32> = elements.into_iter().collect();
            assert_eq!(asked.answers, answers(&values, |x| elements.contains(x)));
            assert_eq!(asked.rounds, if size == 0 { 0 } else { 5 });
            assert!(
                asked.ands <= 64 + 128 + 7 * elements.len(),
                "{size}: {}",
                asked.ands
            );
        }
    }
}

#[test]
fn shared_sets_of_every_size_hold_what_they_hold() {
    let mut rng = seeded(66);
    for (size, security) in [(0_usize, 0), (1, 1), (2, 0), (3, 1), (255, 0), (256, 1)] {
        let security = BOTH[security];
        let elements: Vec<u32> = (0..size).map(|_| rng.next_u32()).collect();
        let mut values: Vec<u32> = (0..20).map(|_| rng.next_u32()).collect();
        values.extend(elements.iter().rev().take(60));
        values.push(0);

        let inputs = [&values[..], &elements];
        let asked = ask(&mut rng, security, &inputs, Question::SharedMember);

        assert_eq!(asked.answers, answers(&values, |x| elements.contains(x)));
        if size > 0 {
            let log = size.next_power_of_two().trailing_zeros() as usize;
            assert_eq!((asked.rounds, asked.ands), (5 + log, 32 * size - 1));
        }
    }
}

#[test]
fn answers_combine_before_they_are_opened() {
    let mut rng = seeded(67);
    let values: Vec<u32> = (0..130).collect();
    for security in BOTH {
        // Neither below 18 nor in a set, or 7, or at least 120.
        let asked = ask_one(&mut rng, security, &values, Question::Combined);

        let expected = |x: &u32| (*x > 17 && ![20, 64, 127].contains(x)) || *x == 7 || *x >= 120;
        assert_eq!(asked.answers, answers(&values, expected));
    }
}

#[test]
fn answers_are_the_same_when_they_are_revealed_and_reach_everybody() {
    let mut rng = seeded(68);
    let values: Vec<u32> = (0..70).map(|_| rng.next_u32() >> 24).collect();
    for security in BOTH {
        for question in [Question::Greater(100), Question::Combined] {
            let shares = share_integers(&mut rng, &values);
            let jobs = contexts_of(&mut rng, security)
                .map(|context| job(context, &[&shares], question.clone()));

            let outcome = run(jobs);

            let asked = ask_one(&mut rng, security, &values, question);
            let expected = Some(Ok(asked.answers));
            assert_eq!(outcome.results, [(); 3].map(|()| expected.clone()));
        }
    }
}

#[test]
fn integers_that_a_client_split_meet_their_predicate() {
    let mut rng = seeded(69);
    let values = [17, 18, 19, u32::MAX];
    let mut inputs = [vec![], vec![], vec![]];
    for value in values {
        let mut seeds = [[0; 32]; 3];
        seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
        for input in split_integer(value, &seeds) {
            let read = IntegerInput::from_bytes(&input.to_bytes()).unwrap();
            inputs[input.party().as_usize()].push(read);
        }
    }
    let contexts = contexts_of(&mut rng, Security::Abort);
    let shares = contexts
        .each_ref()
        .map(|context| SharedIntegers::accept(context, &inputs[context.me().as_usize()]).unwrap());

    let outcome = run(contexts.map(|c| job(c, &[&shares], Question::AtLeast(18))));

    let expected = Some(Ok(vec![false, true, true, true]));
    assert_eq!(outcome.results, [(); 3].map(|()| expected.clone()));
}

#[test]
fn lanes_beyond_the_integers_are_opened_as_zeros() {
    let mut rng = seeded(70);
    let shares = share_integers(&mut rng, &[5, 6]);
    let jobs = contexts(&mut rng).map(|context| job(context, &[&shares], Question::Equal(5)));
    let mut opened = vec![];

    run_through(jobs, |envelope: Envelope| {
        if envelope.bytes[0] == Step::Open.tag() {
            opened.push(envelope.bytes[HEADER_BYTES..].to_vec());
        }
        vec![envelope]
    });

    // The three parties send the three components.
    let sum = (0..8).map(|i| opened.iter().fold(0, |sum, bytes| sum ^ bytes[i]));
    assert_eq!(sum.collect::<Vec<u8>>(), [1, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn lengths_of_messages_depend_on_public_shape_only() {
    let mut rng = seeded(71);
    let set = PublicSet::new(&[1, 2, 900]).unwrap();
    for question in [
        Question::Greater(18),
        Question::Within(18, 65),
        Question::Equal(18),
        Question::Member(set),
        Question::Combined,
        Question::PairGreater,
        Question::SharedMember,
    ] {
        for security in BOTH {
            let mut lengths = |fill: u32| {
                let shares = share_integers(&mut rng, &vec![fill; 70]);
                let jobs = contexts_of(&mut rng, security)
                    .map(|context| job(context, &[&shares, &shares], question.clone()));
                let mut lengths = vec![];
                run_through(jobs, |envelope: Envelope| {
                    lengths.push((envelope.from, envelope.to, envelope.bytes.len()));
                    vec![envelope]
                });
                lengths
            };

            let of_zeros = lengths(0);
            assert_eq!(of_zeros, lengths(18));
            assert_eq!(of_zeros, lengths(u32::MAX));
        }
    }
}

#[test]
fn one_changed_bit_of_any_message_ends_the_run_before_anything_is_opened() {
    let mut rng = seeded(72);
    let steps = [
        Step::Compare,
        Step::Conjunction,
        Step::Member,
        Step::Proof,
        Step::Challenge,
        Step::ProofEnd,
    ];
    for (liar, step) in PartyIndex::ALL.iter().flat_map(|l| steps.map(|s| (*l, s))) {
        let shares = share_integers(&mut rng, &[3, 20, 64]);
        let jobs = contexts_of(&mut rng, Security::Abort)
            .map(|context| job(context, &[&shares], Question::Combined));
        let (mut changed, mut opened) = (false, false);
        let at = HEADER_BYTES + (rng.next_u32() % 8) as usize;

        let outcome = run_through(jobs, |mut envelope: Envelope| {
            let hit = envelope.from == liar && envelope.bytes[0] == step.tag();
            if hit && !changed {
                envelope.bytes[at] ^= 1;
                changed = true;
            }
            opened |= envelope.bytes[0] == Step::Open.tag();
            vec![envelope]
        });

        assert!(changed && !opened, "party {liar}, {step:?}");
        let noticed: Vec<_> = outcome.results.into_iter().flatten().collect();
        let right = |result: &Result<_, MpcError>| match result {
            Err(MpcError::ProofRejected { .. }) => step != Step::Challenge,
            Err(MpcError::ChallengesDiffer { .. }) => step == Step::Challenge,
            _ => false,
        };
        assert!(!noticed.is_empty() && noticed.iter().all(right));
    }
}

#[test]
fn what_follows_an_opening_is_proved_before_the_next_one() {
    let mut rng = seeded(76);
    // Each comparison takes five rounds.
    for (lie, openings) in [(1, 0), (6, 3), (11, 6)] {
        let shares = share_integers(&mut rng, &[20]);
        let jobs = contexts_of(&mut rng, Security::Abort).map(|mut context| {
            let integers = shares[context.me().as_usize()].clone();
            Job::new(context.me(), |mut channel| async move {
                let (context, channel) = (&mut context, &mut channel);
                for value in [20, 21] {
                    let equal = integers.equal_to(context, channel, value).await?;
                    reveal(context, channel, Kernel::best(), &equal).await?;
                }
                Ok(())
            })
        });
        let (mut ands, mut opened) = (0, 0);

        let outcome = run_through(jobs, |mut envelope: Envelope| {
            opened += usize::from(envelope.bytes[0] == Step::Open.tag());
            if envelope.bytes[0] == Step::Conjunction.tag() && envelope.from.get() == 1 {
                ands += 1;
                envelope.bytes[HEADER_BYTES] ^= u8::from(ands == lie);
            }
            vec![envelope]
        });

        let all = [(); 3].map(|()| Some(Ok(())));
        assert_eq!((opened, outcome.results == all), (openings, openings == 6));
    }
}

#[test]
fn one_changed_bit_changes_an_answer_where_nothing_is_proved() {
    let mut rng = seeded(73);
    let shares = share_integers(&mut rng, &[20]);
    let jobs = contexts(&mut rng).map(|context| job(context, &[&shares], Question::Equal(20)));
    let mut last = 0;

    let outcome = run_through(jobs, |mut envelope: Envelope| {
        if envelope.bytes[0] == Step::Conjunction.tag() && envelope.from.get() == 1 {
            last += 1;
            envelope.bytes[HEADER_BYTES] ^= u8::from(last == 5);
        }
        vec![envelope]
    });

    // The holders of the changed component disagree, and the opening shows it to one party; the
    // two others go home with a wrong answer, or none.
    assert!(outcome.results.iter().any(|r| *r != Some(Ok(vec![true]))));
}

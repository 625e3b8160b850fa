//! The audit between three parties, honest and not.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{CELLS, CODE, Kernel};
use boop_wire::id::PartyIndex;
use boop_wire::template::{ALIGNMENT_COUNT, ROTATIONS};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::{Audit, KAPPA, Side, Sums, products};
use crate::database::Database;
use crate::error::MpcError;
use crate::job::Job;
use crate::local::{Envelope, Outcome, run_through};
use crate::rule::{Profile, Rule};
use crate::share::{QueryShare, StoredShare};
use crate::sign::{Halves, rescore};
use crate::step::Step;
use crate::testing::{contexts, seeded, share_values};
use crate::values::Values;

#[test]
fn honest_products_pass_for_any_number_of_slots_and_queries() {
    let mut rng = seeded(1);
    for (first, slots) in [(0, 1), (1, 15), (15, 16), (16, 17), (7, 40)] {
        let mut databases = Default::default();
        enrol(&mut rng, &mut databases, first);
        let audits = extended(&mut rng, &audits(KAPPA), &databases);
        enrol(&mut rng, &mut databases, slots - first);
        let audits = extended(&mut rng, &audits, &databases);

        for _ in 0..2 {
            let compared = compared(&mut rng, &audits, &databases, |_, _| {});

            assert_eq!(compared, [(); 3].map(|()| Some(Ok(()))), "{slots} slots");
        }
    }
}

#[test]
fn slots_without_a_palm_pass() {
    let mut rng = seeded(2);
    let mut databases = Default::default();
    enrol(&mut rng, &mut databases, 18);
    for database in &mut databases {
        assert!(database.remove(3) && database.remove(17));
    }
    let audits = extended(&mut rng, &audits(KAPPA), &databases);

    let compared = compared(&mut rng, &audits, &databases, |_, _| {});

    assert_eq!(compared, [(); 3].map(|()| Some(Ok(()))));
}

#[test]
fn one_wrong_product_of_any_party_is_noticed_by_both_others() {
    let mut rng = seeded(3);
    let slots = 17;
    let mut databases = Default::default();
    enrol(&mut rng, &mut databases, slots);
    let audits = extended(&mut rng, &audits(KAPPA), &databases);
    let places = [(0, 0), (16, ALIGNMENT_COUNT - 1), (5, 13)];
    for (liar, (slot, row)) in PartyIndex::ALL
        .into_iter()
        .flat_map(|liar| places.map(|place| (liar, place)))
    {
        let compared = compared(&mut rng, &audits, &databases, |party, scores| {
            if party == liar {
                let at = row * scores.len() / ALIGNMENT_COUNT + slot;
                scores[at] ^= 1 << 31;
            }
        });

        for party in PartyIndex::ALL {
            let expected = if party == liar {
                Ok(())
            } else {
                Err(MpcError::AuditRejected { party: liar })
            };
            assert_eq!(compared[party.as_usize()], Some(expected));
        }
    }
}

#[test]
fn one_wrong_product_in_sixteen_bits_is_noticed_by_both_others() {
    let mut rng = seeded(9);
    let mut databases = Default::default();
    enrol(&mut rng, &mut databases, 18);
    let audits = extended(&mut rng, &audits(KAPPA), &databases);
    let rule = Rule::of_profile(Profile::Sixteen, 19_661).unwrap();
    for error in [0, 1_u32 << 16, 5 << 16, 1 << 31, 0xffff_0000] {
        for liar in PartyIndex::ALL {
            let lie = |me: PartyIndex, scores: &mut [u32]| {
                if me == liar {
                    scores[17] = scores[17].wrapping_add(error);
                }
            };

            let compared = compare_under(&mut rng, rule, &audits, &databases, lie, |_| {});

            let rejected = Some(Err(MpcError::AuditRejected { party: liar }));
            let mut expected = [(); 3].map(|()| Some(Ok(())));
            if error != 0 {
                expected[liar.next().as_usize()] = rejected.clone();
                expected[liar.previous().as_usize()] = rejected;
            }
            assert_eq!(compared, expected, "error {error:#x} of {liar}");
        }
    }
}

#[test]
fn a_bit_flipped_on_the_way_is_refused_by_the_receiver_before_any_query() {
    let mut rng = seeded(4);
    let mut databases = Default::default();
    enrol(&mut rng, &mut databases, 3);
    // The sums y_j fill messages 0 to 9, what hides the answers is message 10. The first message
    // of answers is about slots, the second about masks.
    let places = [
        (Step::AuditMask, 0, 9),
        (Step::AuditMask, 9, 5_000),
        (Step::AuditMask, 10, 6_408),
        (Step::AuditSeed, 0, 40),
        (Step::AuditScore, 0, 12),
        (Step::AuditScore, 1, 9),
    ];
    for (step, number, at) in places {
        for (from, to) in PartyIndex::ALL
            .into_iter()
            .flat_map(|from| from.others().map(|to| (from, to)))
        {
            let mut seen = 0;
            let outcome = extend(&mut rng, &audits(KAPPA), &databases, |envelope| {
                if (envelope.from, envelope.to) == (from, to) && envelope.bytes[0] == step.tag() {
                    if seen == number {
                        envelope.bytes[at] ^= 128;
                    }
                    seen += 1;
                }
            });

            let third = PartyIndex::ALL
                .into_iter()
                .find(|party| ![from, to].contains(party))
                .unwrap();
            let party = if step == Step::AuditMask { third } else { from };
            let refused = outcome.results[to.as_usize()].as_ref().unwrap();
            let refused = refused.as_ref().unwrap_err();
            assert_eq!(
                *refused,
                MpcError::AuditRejected { party },
                "{step:?} {number}"
            );
            assert!(
                outcome
                    .results
                    .iter()
                    .all(|result| !matches!(result, Some(Ok(_))))
            );
        }
    }
}

#[test]
fn a_wrong_hash_is_refused_by_its_receiver() {
    let mut rng = seeded(5);
    let mut databases = Default::default();
    enrol(&mut rng, &mut databases, 2);
    let audits = extended(&mut rng, &audits(KAPPA), &databases);
    for liar in PartyIndex::ALL {
        let change = |envelope: &mut Envelope| {
            let to_next = (envelope.from, envelope.to) == (liar, liar.next());
            if to_next && envelope.bytes[0] == Step::AuditHash.tag() {
                envelope.bytes[20] ^= 1;
            }
        };

        let compared = compare(&mut rng, &audits, &databases, |_, _| {}, change);

        let mut expected = [(); 3].map(|()| Some(Ok(())));
        let party = liar.previous();
        expected[liar.next().as_usize()] = Some(Err(MpcError::AuditRejected { party }));
        assert_eq!(compared, expected);
    }
}

#[test]
fn a_wrong_stored_share_of_any_party_keeps_the_slots_from_being_covered() {
    let mut rng = seeded(6);
    for wrong in PartyIndex::ALL {
        let mut databases = <[Database; 3]>::default();
        enrol(&mut rng, &mut databases, 2);
        let database = &mut databases[wrong.as_usize()];
        let mut bytes = database.get(1).unwrap().to_bytes();
        bytes[25_601] ^= 128;
        assert!(database.replace(1, &StoredShare::from_bytes(&bytes).unwrap()));

        let outcome = extend(&mut rng, &audits(KAPPA), &databases, |_| {});

        for party in PartyIndex::ALL {
            let refused = outcome.results[party.as_usize()].as_ref().unwrap();
            let expected = MpcError::AuditRejected {
                party: party.next(),
            };
            assert_eq!(*refused.as_ref().unwrap_err(), expected);
        }
    }
}

#[test]
fn nothing_is_sent_for_slots_that_are_covered_and_a_changed_database_is_covered_anew() {
    let mut rng = seeded(7);
    let mut databases = Default::default();
    enrol(&mut rng, &mut databases, 2);
    let audits = extended(&mut rng, &audits(4), &databases);

    let again = extend(&mut rng, &audits, &databases, |_| {});
    databases.iter_mut().for_each(Database::pop);
    let stale = audits[0].clone();
    let fewer = extend(&mut rng, &audits, &databases, |_| {});

    assert!(
        again
            .counters
            .iter()
            .all(|counters| counters.messages_sent == 0)
    );
    assert!(
        again
            .results
            .iter()
            .all(|result| matches!(result, Some(Ok(_))))
    );
    assert!(!stale.covers(&databases[0]));
    for (result, database) in fewer.results.into_iter().zip(&databases) {
        assert!(result.unwrap().unwrap().covers(database));
    }
}

#[test]
fn a_weak_audit_misses_a_wrong_product_as_often_as_the_formula_says() {
    let mut rng = seeded(8);
    let (kappa, slots, trials) = (4, 20, 2_000);
    let (mut missed, mut missed_at_full_strength) = (0_u32, 0_u32);
    let right = halves(vec![0; 3 * 24]);
    for _ in 0..trials {
        let mut wrong = vec![0; 3 * 24];
        wrong[rng.next_u32() as usize % 3 * 24 + rng.next_u32() as usize % slots] = 1 << 31;
        let wrong = halves(wrong);
        for (kappa, missed) in [(kappa, &mut missed), (KAPPA, &mut missed_at_full_strength)] {
            let audit = with_random_subsets(&mut rng, kappa, slots);

            let [right, wrong] =
                [&right, &wrong].map(|scores| audit.block_sums(Kernel::best(), 0, 3, scores));

            *missed += u32::from(right.0[0] == wrong.0[0]);
        }
    }

    // The mean is 125 and the deviation 10.8.
    assert!((82..=168).contains(&missed), "missed {missed} of {trials}");
    assert_eq!(missed_at_full_strength, 0);
}

#[test]
fn sums_of_scores_are_those_of_the_definition() {
    let mut rng = seeded(9);
    for (kappa, slots, lanes, rows) in [(1, 1, 8, 1), (5, 129, 136, 2), (64, 300, 320, 31)] {
        let audit = with_random_subsets(&mut rng, kappa, slots + 7);
        let scores: Vec<u32> = (0..lanes * rows).map(|_| rng.next_u32()).collect();
        let mut scores = halves(scores);
        scores.of_previous.reverse();

        let sums = audit.block_sums(Kernel::best(), 7, rows, &scores);

        let both = [&scores.of_next, &scores.of_previous];
        for ((side, half), sums) in audit.sides.iter().zip(both).zip(&sums.0) {
            for (index, sum) in sums.iter().enumerate() {
                let (subset, row) = (index / rows, index % rows);
                let scores = &half[row * lanes..][..slots];
                let words = side.subsets[7..].iter();
                let members = scores
                    .iter()
                    .zip(words)
                    .filter(|(_, word)| **word >> subset & 1 == 1);
                let expected = members.fold(0_u32, |sum, (score, _)| sum.wrapping_add(*score));
                assert_eq!(*sum, expected);
            }
        }
    }
}

fn audits(kappa: usize) -> [Audit; 3] {
    [(); 3].map(|()| Audit::with_kappa(u32::try_from(kappa).unwrap()))
}

/// Puts random palms into new slots.
fn enrol(rng: &mut ChaCha8Rng, databases: &mut [Database; 3], count: usize) {
    for _ in 0..count {
        let palm = random_values(rng, 1);
        let shares = share_values(rng, &palm);
        for (database, share) in databases.iter_mut().zip(&shares) {
            database.push(&StoredShare::convert(share));
        }
    }
}

fn random_values(rng: &mut ChaCha8Rng, rotations: usize) -> Values {
    let mut bytes = vec![0; rotations * (2 * CODE + 4 * CELLS)];
    rng.fill_bytes(&mut bytes);
    Values::from_bytes(&bytes, rotations * CODE)
}

/// Has the three parties extend copies of their audits.
fn extend(
    rng: &mut ChaCha8Rng,
    audits: &[Audit; 3],
    databases: &[Database; 3],
    mut change: impl FnMut(&mut Envelope),
) -> Outcome<Audit> {
    let kernel = Kernel::best();
    let jobs = contexts(rng).map(|mut context| {
        let me = context.me().as_usize();
        let (mut audit, database) = (audits[me].clone(), databases[me].clone());
        let mut coins = [0; 32];
        rng.fill_bytes(&mut coins);
        Job::new(context.me(), |mut channel| async move {
            let (context, channel) = (&mut context, &mut channel);
            audit
                .extend(context, channel, kernel, &database, &coins)
                .await?;
            Ok(audit)
        })
    });
    run_through(jobs, |mut envelope| {
        change(&mut envelope);
        vec![envelope]
    })
}

fn extended(rng: &mut ChaCha8Rng, audits: &[Audit; 3], databases: &[Database; 3]) -> [Audit; 3] {
    let outcome = extend(rng, audits, databases, |_| {});
    outcome.results.map(|result| result.unwrap().unwrap())
}

/// Has the three parties audit a random query, of which `lie` changes a party's products.
fn compared(
    rng: &mut ChaCha8Rng,
    audits: &[Audit; 3],
    databases: &[Database; 3],
    lie: impl Fn(PartyIndex, &mut [u32]) + Copy + Send,
) -> [Option<Result<(), MpcError>>; 3] {
    compare(rng, audits, databases, lie, |_| {})
}

fn compare(
    rng: &mut ChaCha8Rng,
    audits: &[Audit; 3],
    databases: &[Database; 3],
    lie: impl Fn(PartyIndex, &mut [u32]) + Copy + Send,
    change: impl FnMut(&mut Envelope),
) -> [Option<Result<(), MpcError>>; 3] {
    compare_under(rng, Rule::PALM, audits, databases, lie, change)
}

fn compare_under(
    rng: &mut ChaCha8Rng,
    rule: Rule,
    audits: &[Audit; 3],
    databases: &[Database; 3],
    lie: impl Fn(PartyIndex, &mut [u32]) + Copy + Send,
    mut change: impl FnMut(&mut Envelope),
) -> [Option<Result<(), MpcError>>; 3] {
    let palm = random_values(rng, ROTATIONS);
    let mut palms = share_values(rng, &palm).into_iter();
    let kernel = Kernel::best();
    let jobs = contexts(rng).map(|mut context| {
        let me = context.me();
        let (audit, database) = (&audits[me.as_usize()], &databases[me.as_usize()]);
        let query = QueryShare::convert(&palms.next().unwrap(), rule);
        Job::new(me, move |mut channel| async move {
            let (context, channel) = (&mut context, &mut channel);
            let rows = query.rows();
            let mut sums = audit.no_sums(rows.count());
            let mut scores = products(channel, kernel, Arc::clone(&rows), database.tiles()).await;
            lie(me, &mut scores);
            let scores = rescore(context, channel, query.profile(), scores.to_vec());
            let (_, scores) = scores.await?;
            sums.add(&audit.block_sums(kernel, 0, rows.count(), &scores));
            sums.add(&Sums::default());
            let masks = products(channel, kernel, Arc::clone(&rows), audit.mask_tiles()).await;
            let masks = rescore(context, channel, query.profile(), masks.to_vec());
            let (_, masks) = masks.await?;
            sums.add(&audit.mask_sums(kernel, rows.count(), &masks));
            let halves = [query.half_of_next(), query.half_of_previous()];
            audit.check(context, channel, kernel, sums, halves).await
        })
    });
    let outcome = run_through(jobs, |mut envelope| {
        change(&mut envelope);
        vec![envelope]
    });
    outcome.results
}

fn with_random_subsets(rng: &mut ChaCha8Rng, kappa: usize, slots: usize) -> Audit {
    let mut side = || Side {
        subsets: (0..slots).map(|_| rng.next_u64() >> (64 - kappa)).collect(),
        sums: Vec::new(),
    };
    let sides = [side(), side()];
    Audit {
        kappa,
        slots,
        edition: 0,
        masks: Vec::new(),
        sides,
    }
}

fn halves(half: Vec<u32>) -> Halves {
    Halves {
        of_previous: half.clone().into(),
        of_next: half.into(),
    }
}

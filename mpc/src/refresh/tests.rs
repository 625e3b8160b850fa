//! Refreshing between three parties, honest and not.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{CELLS, CODE, Kernel, Tile};
use boop_wire::template::{ALIGNMENT_COUNT, ROTATIONS};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::*;
use crate::audit::Audit;
use crate::context::Security;
use crate::identify::identify;
use crate::job::Job;
use crate::local::{Envelope, run, run_through};
use crate::rule::Rule;
use crate::share::QueryShare;
use crate::step::HEADER_BYTES;
use crate::testing::{contexts, contexts_of, run_three, seeded, share_values};
use crate::values::ReplicatedValues;

const VERSIONS: [u64; 3] = [1, 7, u64::MAX];

#[test]
fn three_parties_agree_on_a_key_to_which_each_contributes() {
    let mut rng = seeded(80);
    let mut coins = [[1; 32], [2; 32], [3; 32]];
    let [key, one, two] = agreed(&mut rng, &coins, |_| {}).map(|r| r.unwrap().unwrap());
    assert!(key == one && one == two);

    for party in PartyIndex::ALL {
        coins[party.as_usize()][31] ^= 1;
        let [other, ..] = agreed(&mut rng, &coins, |_| {}).map(|r| r.unwrap().unwrap());
        assert!(other != key);
        coins[party.as_usize()][31] ^= 1;
    }
    let [again, ..] = agreed(&mut rng, &coins, |_| {}).map(|r| r.unwrap().unwrap());
    assert!(again == key);
}

#[test]
fn a_party_that_tells_the_others_different_things_about_its_contribution_is_noticed() {
    let mut rng = seeded(81);
    let coins = [[1; 32], [2; 32], [3; 32]];
    for (liar, to) in PartyIndex::ALL
        .into_iter()
        .flat_map(|liar| liar.others().map(|to| (liar, to)))
    {
        for step in [Step::Commit, Step::Contribute] {
            let results = agreed(&mut rng, &coins, |envelope| {
                if (envelope.from, envelope.to) == (liar, to) && envelope.bytes[0] == step.tag() {
                    envelope.bytes[HEADER_BYTES + 5] ^= 16;
                }
            });

            let rejected = Some(Err(MpcError::ProofRejected { prover: liar }));
            assert_eq!(results[to.as_usize()], rejected);
            if step == Step::Commit {
                // Everybody hears that this one has seen other commitments.
                let differs = |from| Some(Err(MpcError::PrefacesDiffer { from }));
                for other in to.others() {
                    assert_eq!(results[other.as_usize()], differs(to));
                }
            }
        }
    }
}

#[test]
fn a_refresh_changes_every_share_and_no_product() {
    let mut rng = seeded(82);
    let (before, palm) = sample(&mut rng);
    let after = refreshed(&mut rng, &before);

    let [old, new] = [&before, &after].map(|databases| sums(databases, &palm));
    assert_eq!(old, new);
    for (before, after) in before.iter().zip(&after) {
        for slot in 0..before.slots() {
            let [before, after] = [before, after].map(|d| d.get(slot).unwrap().values().clone());
            let same = before.code.iter().zip(&after.code).filter(|(a, b)| a == b);
            assert!(same.count() < 10, "chance leaves one value in 65,536");
        }
    }
    for security in [Security::SemiHonest, Security::Abort] {
        let [old, new] =
            [&before, &after].map(|databases| matches(&mut rng, security, databases, &palm));
        assert_eq!(old, new);
        assert_eq!(old, [true, false, true]);
    }
}

#[test]
fn old_and_new_share_of_a_party_are_unrelated() {
    let mut rng = seeded(83);
    let (before, _) = sample(&mut rng);
    let after = refreshed(&mut rng, &before);
    for (before, after) in before.iter().zip(&after) {
        let [before, after] = [before, after].map(|database| {
            let shares = (0..database.slots()).map(|slot| database.get(slot).unwrap());
            shares
                .flat_map(|share| share.to_bytes().to_vec())
                .collect::<Vec<u8>>()
        });
        for place in 0..2 {
            // Even and odd bytes apart: how often each upper nibble follows each other one.
            let mut counts = vec![0_u32; 256];
            let pairs = before.iter().zip(&after).skip(place).step_by(2);
            pairs.for_each(|(a, b)| counts[usize::from(*a >> 4) * 16 + usize::from(*b >> 4)] += 1);
            let total: u32 = counts.iter().sum();
            let columns: Vec<u32> = (0..16)
                .map(|b| counts.iter().skip(b).step_by(16).sum())
                .collect();
            let rows = counts.chunks(16).map(|row| row.iter().sum::<u32>());
            let statistic: f64 = counts
                .chunks(16)
                .zip(rows)
                .flat_map(|(row, in_row)| row.iter().zip(&columns).map(move |c| (c, in_row)))
                .map(|((count, in_column), in_row)| {
                    let expected = f64::from(in_row) * f64::from(*in_column) / f64::from(total);
                    (f64::from(*count) - expected).powi(2) / expected
                })
                .sum();
            // Chi-square with 225 degrees of freedom: mean 225, deviation 21.
            assert!((120.0..355.0).contains(&statistic), "statistic {statistic}");
        }
    }
}

#[test]
fn slot_and_version_each_change_what_is_added() {
    let key = EpochKey([9; 32]);

    let rows = [(0, 0), (0, 1), (1, 0), (256, 0), (0, 256)].map(|(s, v)| key.draw(s, v).to_bytes());

    for (index, row) in rows.iter().enumerate() {
        assert!(rows[..index].iter().all(|other| other != row));
    }
}

#[test]
fn versions_for_other_slots_are_refused_and_nothing_changes() {
    let mut rng = seeded(84);
    let ([mut database, ..], _) = sample(&mut rng);
    let before = database.get(0).unwrap().to_bytes();
    let (key, me) = (EpochKey([1; 32]), PartyIndex::ALL[0]);

    for found in [0, 2, 4] {
        let refused = refresh(&mut database, &key, me, &vec![0; found]);

        assert_eq!(
            refused,
            Err(RefreshError::WrongVersionCount { slots: 3, found })
        );
    }
    assert!(!refresh_slot(&mut database, &key, me, 3, 0));
    assert_eq!(database.get(0).unwrap().to_bytes(), before);
}

#[test]
fn a_refresh_that_changed_no_palm_passes_the_check() {
    let mut rng = seeded(85);
    let (before, _) = sample(&mut rng);
    let after = refreshed(&mut rng, &before);

    let checked = checked(&mut rng, &before, &after);

    assert_eq!(checked, [(); 3].map(|()| Some(Ok(()))));
}

#[test]
fn a_share_that_one_party_refreshed_otherwise_is_noticed_by_both_others() {
    let mut rng = seeded(86);
    let (before, _) = sample(&mut rng);
    let after = refreshed(&mut rng, &before);
    for (party, fault) in PartyIndex::ALL
        .iter()
        .flat_map(|p| (0..4).map(move |f| (*p, f)))
    {
        let mut after = after.clone();
        let me = party.as_usize();
        let mut share = after[me].get(2).unwrap().values().clone();
        match fault {
            0 => share.code[0] ^= 1 << 15,
            1 => share.cells[1_599] ^= 1 << 31,
            2 => share = before[me].get(2).unwrap().values().clone(),
            _ => share = after[me].get(1).unwrap().values().clone(),
        }
        after[me].replace(2, &share_of(&share));

        let checked = checked(&mut rng, &before, &after);

        let differs = |from| Some(Err(MpcError::PrefacesDiffer { from }));
        assert_eq!(checked[party.next().as_usize()], differs(party));
        assert_eq!(checked[party.previous().as_usize()], differs(party));
        assert_eq!(checked[me], differs(party.next()));
    }
}

#[test]
fn a_palm_that_all_three_changed_together_is_noticed() {
    let mut rng = seeded(87);
    let (before, _) = sample(&mut rng);
    let mut after = refreshed(&mut rng, &before);
    let (other, _) = sample(&mut rng);
    for (database, other) in after.iter_mut().zip(&other) {
        database.replace(1, &other.get(1).unwrap());
    }

    let checked = checked(&mut rng, &before, &after);

    assert!(checked.iter().all(|result| matches!(result, Some(Err(_)))));
}

#[test]
fn a_refresh_has_to_be_audited_anew() {
    let mut rng = seeded(88);
    let (before, _) = sample(&mut rng);
    let after = refreshed(&mut rng, &before);
    let audit = audits(&mut rng, &before);

    assert!(audit[0].covers(&before[0]) && !audit[0].covers(&after[0]));
    assert!(audits(&mut rng, &after)[0].covers(&after[0]));
}

#[test]
fn a_key_wipes_itself_and_does_not_print() {
    fn wipes<T: ZeroizeOnDrop>(_: &T) {}
    let key = EpochKey([1; 32]);

    wipes(&key);
    let check = RefreshCheck::new(PartyIndex::ALL[2]);
    let printed = format!("{key:?} {check:?}");
    assert_eq!(
        printed,
        "EpochKey([secret]) RefreshCheck(party 2, [secret])"
    );
}

fn agreed(
    rng: &mut ChaCha8Rng,
    coins: &[[u8; 32]; 3],
    mut change: impl FnMut(&mut Envelope),
) -> [Option<Result<EpochKey, MpcError>>; 3] {
    let jobs = contexts(rng).map(|mut context| {
        let coins = coins[context.me().as_usize()];
        Job::new(context.me(), |mut channel| async move {
            agree_refresh_key(&mut context, &mut channel, &coins).await
        })
    });
    let outcome = run_through(jobs, |mut envelope| {
        change(&mut envelope);
        vec![envelope]
    });
    outcome.results
}

/// Shares three palms, and a query that equals the first and the last of them.
fn sample(rng: &mut ChaCha8Rng) -> ([Database; 3], [ReplicatedValues; 3]) {
    let (wanted, other) = (palm(rng), palm(rng));
    let mut databases = [(); 3].map(|()| Database::new());
    for palm in [&wanted, &other, &wanted] {
        let shares = share_values(rng, palm);
        for (database, share) in databases.iter_mut().zip(&shares) {
            database.push(&StoredShare::convert(share));
        }
    }
    (databases, share_values(rng, &wanted))
}

fn palm(rng: &mut ChaCha8Rng) -> Values {
    let bit = |rng: &mut ChaCha8Rng| if rng.next_u32() & 1 == 1 { 1 } else { u16::MAX };
    Values {
        code: (0..ROTATIONS * CODE).map(|_| bit(rng)).collect(),
        cells: vec![1; ROTATIONS * CELLS],
    }
}

fn refreshed(rng: &mut ChaCha8Rng, before: &[Database; 3]) -> [Database; 3] {
    let mut key = [0; 32];
    rng.fill_bytes(&mut key);
    let key = EpochKey(key);
    PartyIndex::ALL.map(|me| {
        let mut database = before[me.as_usize()].clone();
        refresh(&mut database, &key, me, &VERSIONS).unwrap();
        database
    })
}

fn checked(
    rng: &mut ChaCha8Rng,
    before: &[Database; 3],
    after: &[Database; 3],
) -> [Option<Result<(), MpcError>>; 3] {
    let jobs = contexts(rng).map(|mut context| {
        let me = context.me().as_usize();
        let (before, after) = (before[me].clone(), after[me].clone());
        Job::new(context.me(), |mut channel| async move {
            check_refresh(&mut context, &mut channel, &before, &after).await
        })
    });
    run(jobs).results
}

/// Adds the three parties' products of every alignment and slot.
fn sums(databases: &[Database; 3], palm: &[ReplicatedValues; 3]) -> Vec<u32> {
    let mut sums = vec![0_u32; ALIGNMENT_COUNT * 16];
    for (database, palm) in databases.iter().zip(palm) {
        let query = QueryShare::convert(palm, Rule::PALM);
        let tiles: Vec<&Tile> = database.tiles().iter().map(|tile| &**tile).collect();
        let mut scores = vec![0; sums.len()];
        Kernel::best().scores(&query.rows(), &tiles, &mut scores, 16);
        let pairs = sums.iter_mut().zip(scores);
        pairs.for_each(|(sum, score)| *sum = sum.wrapping_add(score));
    }
    sums
}

fn audits(rng: &mut ChaCha8Rng, databases: &[Database; 3]) -> [Arc<Audit>; 3] {
    run_three(rng, |mut context, mut channel| {
        let database = databases[context.me().as_usize()].clone();
        let (mut audit, coins) = (Audit::default(), [context.me().get(); 32]);
        async move {
            let (context, channel, kernel) = (&mut context, &mut channel, Kernel::best());
            let extended = audit.extend(context, channel, kernel, &database, &coins);
            extended.await.map(|()| Arc::new(audit))
        }
    })
}

/// Identifies the query in all slots.
fn matches(
    rng: &mut ChaCha8Rng,
    security: Security,
    databases: &[Database; 3],
    palm: &[ReplicatedValues; 3],
) -> Vec<bool> {
    let audits = match security {
        Security::Abort => audits(rng, databases),
        Security::SemiHonest => Default::default(),
    };
    let jobs = contexts_of(rng, security).map(|mut context| {
        let me = context.me().as_usize();
        let (database, audit) = (databases[me].clone(), Arc::clone(&audits[me]));
        let query = QueryShare::convert(&palm[me], Rule::PALM);
        Job::new(context.me(), |mut channel| async move {
            let (context, channel, kernel) = (&mut context, &mut channel, Kernel::best());
            identify(context, channel, kernel, &query, &database, &audit).await
        })
    });
    let [first, ..] = run(jobs).results;
    first.unwrap().unwrap()
}

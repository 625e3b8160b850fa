//! Restoring a lost share, honestly and not.

use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{CELLS, CODE, Kernel};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::*;
use crate::audit::Audit;
use crate::job::Job;
use crate::local::{Envelope, Outcome, run, run_through};
use crate::step::HEADER_BYTES;
use crate::testing::{contexts, seeded, share_values};

#[test]
fn a_replaced_party_has_the_shares_that_were_lost() {
    let mut rng = seeded(90);
    for (slots, messages) in [(0, 0), (1, 1), (CHUNK_SLOTS, 64), (CHUNK_SLOTS + 1, 65)] {
        let databases = databases(&mut rng, slots);
        for lost in PartyIndex::ALL {
            let outcome = restored(&mut rng, lost, &databases, |_| {});

            let counters = &outcome.counters[lost.as_usize()];
            assert_eq!(counters.messages_received, 2 * messages);
            let restored = newcomer(outcome, lost).unwrap();
            assert_eq!(restored.slots(), slots);
            for slot in 0..slots {
                let shares = [&restored, &databases[lost.as_usize()]]
                    .map(|database| database.get(slot).unwrap().to_bytes());
                assert!(shares[0] == shares[1], "slot {slot} of party {lost}");
            }
        }
    }
}

#[test]
fn what_one_helper_sends_is_uniform() {
    let mut rng = seeded(91);
    // The terms of nothing at all, so that only the masks are left.
    let databases = [(); 3].map(|()| {
        let mut database = Database::new();
        let zeros = StoredShare::from_bytes(&[0; STORED_SHARE_BYTES]).unwrap();
        (0..4).for_each(|_| _ = database.push(&zeros));
        database
    });
    for lost in PartyIndex::ALL {
        let mut counts = [[0_u32; 256]; 3];

        restored(&mut rng, lost, &databases, |envelope| {
            let counts = &mut counts[envelope.from.as_usize()];
            let bytes = envelope.bytes[HEADER_BYTES..].iter();
            bytes.for_each(|byte| counts[usize::from(*byte)] += 1);
        });

        for helper in lost.others() {
            let expected = f64::from(u32::try_from(4 * STORED_SHARE_BYTES).unwrap()) / 256.0;
            let square = |count: &u32| (f64::from(*count) - expected).powi(2) / expected;
            let statistic: f64 = counts[helper.as_usize()].iter().map(square).sum();
            // Chi-square with 255 degrees of freedom: mean 255, deviation 22.6.
            assert!((140.0..400.0).contains(&statistic), "statistic {statistic}");
        }
    }
}

#[test]
fn no_message_is_the_same_in_a_second_run() {
    let mut rng = seeded(92);
    let databases = databases(&mut rng, 1);
    let lost = PartyIndex::ALL[1];
    let mut sent = vec![];

    for _ in 0..2 {
        restored(&mut rng, lost, &databases, |envelope| {
            sent.push(envelope.bytes[HEADER_BYTES..].to_vec());
        });
    }

    assert_eq!(sent.len(), 4);
    assert!((0..4).all(|i| sent[..i].iter().all(|other| *other != sent[i])));
}

#[test]
fn a_helper_that_lies_once_is_noticed_when_the_audit_is_prepared() {
    let mut rng = seeded(93);
    let databases = databases(&mut rng, 3);
    for (lost, liar) in PartyIndex::ALL
        .into_iter()
        .flat_map(|lost| lost.others().map(|liar| (lost, liar)))
    {
        let outcome = restored(&mut rng, lost, &databases, |envelope| {
            if envelope.from == liar {
                envelope.bytes[HEADER_BYTES + 1] ^= 128;
            }
        });

        let mut databases = databases.clone();
        databases[lost.as_usize()] = newcomer(outcome, lost).unwrap();
        let audited = audited(&mut rng, &databases);
        assert!(
            audited
                .iter()
                .any(|result| matches!(result, Some(Err(MpcError::AuditRejected { .. }))))
        );
        assert!(audited.iter().all(|result| *result != Some(Ok(()))));
    }
}

/// The limit that the module's documentation states.
#[test]
fn a_helper_that_lies_and_keeps_to_it_is_not_noticed_by_the_audit() {
    let mut rng = seeded(94);
    let mut databases = databases(&mut rng, 1);
    let [lost, liar] = [PartyIndex::ALL[0], PartyIndex::ALL[1]];
    let mut share = databases[liar.as_usize()].get(0).unwrap().values().clone();
    share.code[0] ^= 1;
    databases[liar.as_usize()].replace(0, &share_of(&share));

    let outcome = restored(&mut rng, lost, &databases, |_| {});

    databases[lost.as_usize()] = newcomer(outcome, lost).unwrap();
    let audited = audited(&mut rng, &databases);
    assert_eq!(audited, [(); 3].map(|()| Some(Ok(()))));
}

#[test]
fn a_term_of_another_length_is_refused() {
    let mut rng = seeded(95);
    let databases = databases(&mut rng, 1);
    let (lost, from) = (PartyIndex::ALL[2], PartyIndex::ALL[1]);

    let outcome = restored(&mut rng, lost, &databases, |envelope| {
        if envelope.from == from {
            envelope.bytes.pop();
        }
    });

    let expected = HEADER_BYTES + STORED_SHARE_BYTES;
    assert_eq!(
        newcomer(outcome, lost).err(),
        Some(MpcError::WrongLength {
            from,
            expected,
            found: expected - 1
        })
    );
}

#[test]
fn the_replaced_party_cannot_help_itself() {
    let mut rng = seeded(96);
    let jobs = contexts(&mut rng).map(|mut context| {
        let me = context.me();
        Job::new(me, |mut channel| async move {
            restore_shares(&mut context, &mut channel, me, &Database::new()).await
        })
    });

    let refused = PartyIndex::ALL.map(|from| Some(Err(MpcError::NotAPeer { from })));
    assert_eq!(run(jobs).results, refused);
}

/// Shares random palms.
fn databases(rng: &mut ChaCha8Rng, slots: usize) -> [Database; 3] {
    let mut databases = [(); 3].map(|()| Database::new());
    for _ in 0..slots {
        let mut bytes = vec![0; STORED_SHARE_BYTES];
        rng.fill_bytes(&mut bytes);
        let shares = share_values(rng, &Values::from_bytes(&bytes, CODE));
        for (database, share) in databases.iter_mut().zip(&shares) {
            database.push(&StoredShare::convert(share));
        }
    }
    const { assert!(STORED_SHARE_BYTES == 2 * CODE + 4 * CELLS) };
    databases
}

/// Has the two others restore a party's shares, and it receive them.
fn restored(
    rng: &mut ChaCha8Rng,
    lost: PartyIndex,
    databases: &[Database; 3],
    mut change: impl FnMut(&mut Envelope),
) -> Outcome<Database> {
    let jobs = contexts(rng).map(|mut context| {
        let me = context.me();
        let database = databases[me.as_usize()].clone();
        Job::new(me, move |mut channel| async move {
            let (context, channel) = (&mut context, &mut channel);
            if me == lost {
                return receive_shares(context, channel, database.slots()).await;
            }
            restore_shares(context, channel, lost, &database).await?;
            Ok(database)
        })
    });
    run_through(jobs, |mut envelope| {
        change(&mut envelope);
        vec![envelope]
    })
}

fn newcomer(outcome: Outcome<Database>, lost: PartyIndex) -> Result<Database, MpcError> {
    let mut results: Vec<_> = outcome.results.into_iter().collect();
    results.swap_remove(lost.as_usize()).unwrap()
}

/// Prepares audits of the databases, and returns whether each party could.
fn audited(rng: &mut ChaCha8Rng, databases: &[Database; 3]) -> [Option<Result<(), MpcError>>; 3] {
    let jobs = contexts(rng).map(|mut context| {
        let database = databases[context.me().as_usize()].clone();
        let (mut audit, coins) = (Audit::default(), [context.me().get(); 32]);
        Job::new(context.me(), |mut channel| async move {
            let (context, channel, kernel) = (&mut context, &mut channel, Kernel::best());
            let extended = audit.extend(context, channel, kernel, &database, &coins);
            extended.await
        })
    });
    run(jobs).results
}

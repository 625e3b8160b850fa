//! Which messages and numbers belong to which job.

use alloc::vec;

use super::*;

#[test]
fn numbers_start_again_in_a_new_session_and_in_no_other() {
    let mut work = Work::default();
    work.join(session(1));
    work.last_job = 5;

    work.leave();
    work.join(session(1));
    let same = work.last_job;
    work.leave();
    work.join(session(2));

    assert_eq!((same, work.last_job), (5, 0));
}

#[test]
fn what_was_begun_before_this_party_formed_is_kept_but_no_number_twice() {
    let mut work = Work::default();
    work.join(session(1));
    work.last_job = 2;
    work.leave();
    work.begun = [1, 2, 3].map(begun).into();
    work.join(session(1));
    let same = numbers(&work);

    work.leave();
    work.begun = [1, 2].map(begun).into();
    work.join(session(2));

    assert_eq!(same, [3]);
    assert_eq!((numbers(&work), work.last_job), (vec![1, 2], 2));
}

#[test]
fn no_number_is_too_large_to_be_looked_at() {
    let mut work = Work::default();
    work.join(session(1));
    for newest in [u64::MAX - 1, u64::MAX] {
        work.last_job = newest;

        assert!(!work.is_soon(newest) && !work.is_soon(1));
    }
    work.last_job = u64::MAX - 1;
    assert!(work.is_soon(u64::MAX));
}

#[test]
fn messages_are_kept_for_jobs_that_may_still_start() {
    let mut work = Work::default();
    let from = PartyIndex::ALL[1];
    let far = 1 + BEGUN_MAX as u64;
    work.join(session(1));
    work.last_job = 9;
    work.begun = vec![begun(7)];
    for job in [7, 8, 9, 10, 9 + far] {
        let name = work.name(job);
        work.early.push(from, name, vec![]);
    }

    work.drop_old_messages();
    let kept = work.early.jobs();

    assert_eq!(kept, [7, 10]);
    assert_eq!(work.take_early(7).len(), 1);
    assert_eq!(work.early.jobs(), [10]);
    work.leave();
    assert!(work.early.jobs().is_empty() && work.begun.is_empty());
    // Those of a session that forms now start again.
    assert!(work.is_to_come(1) && !work.is_to_come(far));
}

fn session(byte: u8) -> Digest {
    Digest::new([byte; 32])
}

fn numbers(work: &Work) -> Vec<u64> {
    work.begun.iter().map(|begun| begun.begin.job).collect()
}

fn begun(job: u64) -> Begun {
    Begun {
        begin: Begin {
            job,
            version: 0,
            asked: None,
            renews: false,
        },
        since_ms: 0,
    }
}

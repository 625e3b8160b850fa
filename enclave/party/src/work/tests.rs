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
fn messages_are_kept_for_jobs_that_may_still_start() {
    let mut work = Work::default();
    let from = PartyIndex::ALL[1];
    let far = 1 + BEGUN_MAX as u64;
    work.join(session(1));
    work.last_job = 9;
    work.begun = vec![begun(7)];
    work.early = [7, 8, 9, 10, 9 + far].map(|job| (from, job, vec![])).into();

    work.drop_old_messages();
    let kept: Vec<u64> = work.early.iter().map(|(_, job, _)| *job).collect();

    assert_eq!(kept, [7, 10]);
    assert_eq!(work.take_early(7).len(), 1);
    assert_eq!(work.early.len(), 1);
    work.leave();
    assert!(work.early.is_empty() && work.begun.is_empty());
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
        },
        since_ms: 0,
    }
}

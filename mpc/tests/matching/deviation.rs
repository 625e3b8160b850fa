//! Messages that the protocol does not allow end the run with the error they deserve
//! [MPC-4], [MPC-5], and a lie about an opened value does too [MPC-34].

use boop_mpc::local::run_through;
use boop_mpc::{
    EARLY_BYTES_MAX, EARLY_MESSAGES_MAX, Input, Job, MESSAGE_BYTES_MAX, MpcError, Output, Rule,
    Security, SharedPalm, Step, agree,
};
use boop_wire::id::PartyIndex;

use crate::support::{
    BOTH, HEADER_BYTES, World, accept_jobs, accept_palm, finish, full_palm, full_template,
    identify_jobs, seeded, shares_of, three_jobs,
};

#[test]
fn a_flipped_bit_in_an_opening_aborts_before_a_result() {
    let (palm, world) = palm_and_world();
    let mut rng = seeded(1);
    let liars = PartyIndex::ALL.map(|party| [(party, Step::Open), (party, Step::OpenHash)]);
    for (security, (liar, step)) in BOTH
        .into_iter()
        .flat_map(|security| liars.concat().into_iter().map(move |lie| (security, lie)))
    {
        for bit in [0, 1, 5] {
            let jobs = identify_jobs(&mut rng, &palm, &world, Rule::PALM, security);

            let outcome = run_through(jobs, |mut envelope| {
                if envelope.from == liar && envelope.bytes[0] == step.tag() {
                    envelope.bytes[HEADER_BYTES] ^= 1 << bit;
                }
                vec![envelope]
            });

            let victim = if step == Step::Open {
                liar.previous()
            } else {
                liar.next()
            };
            for party in PartyIndex::ALL {
                let result = outcome.results[party.as_usize()].as_ref();
                let expected = if party == victim {
                    Err(MpcError::InconsistentOpening)
                } else {
                    Ok(vec![true, false])
                };
                assert_eq!(result, Some(&expected), "{liar} lies in {step:?}");
            }
        }
    }
}

#[test]
fn a_share_of_another_party_is_refused() {
    let mut rng = seeded(6);
    let palm = full_palm(&mut rng);
    let [zero, one, two] = shares_of(&mut rng, &palm);
    let inputs = [one, zero, two];
    for security in BOTH {
        let [mut job, ..] = accept_jobs(&mut rng, &inputs, security);

        let outputs = job.handle(Input::Start);

        let meant_for = PartyIndex::ALL[1];
        assert_eq!(ends(outputs), MpcError::ForeignShare { meant_for });
    }
}

#[test]
fn a_job_refuses_messages_it_cannot_use() {
    let [zero, one, _] = PartyIndex::ALL;
    let message = |from, bytes| Input::Message { from, bytes };

    assert_eq!(
        ends(waiting().handle(message(zero, vec![]))),
        MpcError::NotAPeer { from: zero }
    );
    let bytes = MESSAGE_BYTES_MAX + 1;
    assert_eq!(
        ends(waiting().handle(message(one, vec![0; bytes]))),
        MpcError::MessageTooLong { from: one, bytes }
    );
    for (count, bytes) in [
        (EARLY_MESSAGES_MAX, 0),
        (EARLY_BYTES_MAX / MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX),
    ] {
        let mut job = waiting();
        for _ in 0..count {
            assert_eq!(job.handle(message(one, vec![0; bytes])).len(), 0);
        }
        assert_eq!(
            ends(job.handle(message(one, vec![0]))),
            MpcError::TooManyEarlyMessages { from: one }
        );
        assert_eq!(ends(job.handle(Input::Start)), MpcError::Finished);
    }
}

#[test]
fn a_job_starts_once_and_takes_no_surplus() {
    let mut rng = seeded(7);
    let palm = full_palm(&mut rng);
    let inputs = shares_of(&mut rng, &palm);
    let [mut job, ..] = accept_jobs(&mut rng, &inputs, Security::Abort);
    job.handle(Input::Start);
    assert_eq!(ends(job.handle(Input::Start)), MpcError::AlreadyStarted);

    let from = PartyIndex::ALL[2];
    for bytes in [vec![], vec![1], vec![7; HEADER_BYTES], vec![0; 100]] {
        let mut job = waiting();
        job.handle(Input::Message { from, bytes });
        let surplus = MpcError::SurplusMessage { from };
        assert_eq!(ends(job.handle(Input::Start)), surplus);
    }

    let (palm, world) = palm_and_world();
    let [mut job, ..] = identify_jobs(&mut rng, &palm, &world, Rule::PALM, Security::Abort);
    assert!(!job.is_finished() && !job.handle(Input::Start).is_empty() && !job.is_finished());
}

#[test]
fn a_job_takes_only_work_that_it_asked_for() {
    let (palm, world) = palm_and_world();
    let mut rng = seeded(8);
    let inputs = shares_of(&mut rng, &full_palm(&mut seeded(11)));
    let asked = || {
        let [mut job, ..] = identify_jobs(&mut seeded(8), &palm, &world, Rule::PALM, BOTH[0]);
        let outputs = job.handle(Input::Start);
        let task = outputs.into_iter().find_map(|output| match output {
            Output::Compute(task) => Some(task),
            Output::Send { .. } | Output::Done(_) => None,
        });
        (job, Input::Computed(task.unwrap().run()))
    };

    let (mut job, result) = asked();
    let [mut early, ..] = accept_jobs(&mut rng, &inputs, Security::SemiHonest);
    let [mut without_work, ..] = accept_jobs(&mut rng, &inputs, Security::SemiHonest);
    without_work.handle(Input::Start);

    assert_eq!(ends(early.handle(result.clone())), MpcError::NotAsked);
    let refused = without_work.handle(result.clone());
    assert_eq!(ends(refused), MpcError::NotAsked);
    assert!(!job.handle(result).is_empty());
}

#[test]
fn an_audit_that_does_not_cover_the_database_is_refused() {
    let (palm, mut world) = palm_and_world();
    let mut rng = seeded(9);
    world
        .databases
        .iter_mut()
        .for_each(|database| database.pop());

    let refused = identify_jobs(&mut rng, &palm, &world, Rule::PALM, Security::Abort);
    let refused = refused.map(|mut job| ends(job.handle(Input::Start)));
    let unaudited = identify_jobs(&mut rng, &palm, &world, Rule::PALM, Security::SemiHonest);

    assert_eq!(refused, [const { MpcError::NotAudited }; 3]);
    assert_eq!(finish(unaudited)[0], [true]);
}

#[test]
fn parties_that_speak_of_different_runs_do_not_begin() {
    let mut rng = seeded(12);
    let mut agreement = |prefaces: [u8; 3], marks: [u64; 3]| {
        let jobs = three_jobs(&mut rng, Security::Abort, |mut context, mut channel| {
            let me = context.me().as_usize();
            let (preface, mark) = ([prefaces[me]; 32], marks[me]);
            async move { agree(&mut context, &mut channel, &preface, mark).await }
        });
        boop_mpc::local::run(jobs).results.map(Option::unwrap)
    };
    let differ = |from: usize| {
        Err(MpcError::PrefacesDiffer {
            from: PartyIndex::ALL[from],
        })
    };

    assert_eq!(agreement([7; 3], [4; 3]), [const { Ok(true) }; 3]);
    assert_eq!(agreement([7; 3], [4, 4, 5]), [const { Ok(false) }; 3]);
    assert_eq!(agreement([7, 8, 7], [4; 3])[0], differ(1));
    assert_eq!(agreement([7, 8, 7], [4; 3])[2], differ(1));
    assert!(agreement([7, 8, 7], [4; 3])[1].is_err());
}

#[test]
fn jobs_move_between_threads() {
    fn moves<T: Send>(_: &T) {}

    moves(&waiting());
}

/// Returns the error that is a job's only output.
fn ends<T>(outputs: Vec<Output<T>>) -> MpcError {
    assert_eq!(outputs.len(), 1);
    match outputs.into_iter().next().unwrap() {
        Output::Done(Err(error)) => error,
        Output::Done(Ok(_)) | Output::Send { .. } | Output::Compute(_) => {
            panic!("the job goes on")
        }
    }
}

/// Returns a job of party 0 that has not started.
fn waiting() -> Job<'static, ()> {
    let [job, ..] = three_jobs(&mut seeded(9), Security::SemiHonest, |_, _| async {
        Ok(())
    });
    job
}

/// Returns a palm, and a world in which it matches the first of two slots.
fn palm_and_world() -> ([SharedPalm; 3], World) {
    let mut rng = seeded(10);
    let palm = full_palm(&mut rng);
    let miss = full_template(&mut rng);
    let world = World::enrolling(&mut rng, &[palm.0[0].clone(), miss]);
    (accept_palm(&mut rng, &palm), world)
}

//! Messages that the protocol does not allow end the run with the error they deserve
//! [MPC-4], and a lie about an opened value does too [MPC-34].

use boop_mpc::local::{Envelope, run_through};
use boop_mpc::{
    EARLY_MESSAGES_MAX, Input, Job, MESSAGE_BYTES_MAX, MpcError, Output, Rule, SharedPalm, Step,
};
use boop_wire::id::PartyIndex;

use crate::support::{
    Shares, accept_jobs, accept_palm, enrol, full_palm, full_template, identify_jobs, record,
    seeded, shares_of, three_jobs,
};

#[test]
fn a_flipped_bit_in_an_opening_aborts_before_a_result() {
    let (palm, hit, miss) = palm_and_templates();
    let database = [&hit, &miss];
    let mut rng = seeded(1);
    for (liar, step) in PartyIndex::ALL
        .map(|party| [(party, Step::Open), (party, Step::OpenHash)])
        .concat()
    {
        for bit in [0, 1, 5] {
            let jobs = identify_jobs(&mut rng, &palm, &database, Rule::PALM);

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
fn every_shortened_or_lengthened_message_is_refused_by_its_receiver() {
    let (palm, hit, miss) = palm_and_templates();
    let database = [&hit, &miss];
    let mut rng = seeded(2);
    let (_, transcript) = record(identify_jobs(&mut rng, &palm, &database, Rule::PALM));

    for (index, original) in transcript.iter().enumerate() {
        for found in [0, 3, original.bytes.len() - 1, original.bytes.len() + 1] {
            let jobs = identify_jobs(&mut rng, &palm, &database, Rule::PALM);

            let results = tampered(jobs, index, |envelope| envelope.bytes.resize(found, 0));

            let expected = original.bytes.len();
            let error = MpcError::WrongLength {
                from: original.from,
                expected,
                found,
            };
            assert_eq!(
                results[original.to.as_usize()],
                Some(Err(error)),
                "message {index}"
            );
        }
    }
}

#[test]
fn every_message_of_another_step_or_number_is_refused_by_its_receiver() {
    let mut rng = seeded(3);
    let palm = full_palm(&mut rng);
    let inputs = shares_of(&mut rng, &palm);
    let (_, transcript) = record(accept_jobs(&mut rng, &inputs));
    let steps = [Step::Input, Step::Blank, Step::Deal, Step::Inject];

    for (index, original) in transcript.iter().enumerate() {
        let from = original.from;
        let step = steps
            .into_iter()
            .find(|step| step.tag() == original.bytes[0])
            .unwrap();
        let number = u32::from(original.bytes[1]);

        let jobs = accept_jobs(&mut rng, &inputs);
        let other_step = tampered(jobs, index, |envelope| envelope.bytes[0] = 0xee);
        let jobs = accept_jobs(&mut rng, &inputs);
        let other_number = tampered(jobs, index, |envelope| envelope.bytes[4] = 1);

        let error = MpcError::UnexpectedStep {
            from,
            expected: step,
            found: 0xee,
        };
        assert_eq!(failure(other_step, original.to), error);
        let found = number + (1 << 24);
        let error = MpcError::OutOfOrder {
            from,
            expected: number,
            found,
        };
        assert_eq!(failure(other_number, original.to), error);
    }
}

#[test]
fn a_repeated_carry_is_refused() {
    let (palm, hit, miss) = palm_and_templates();
    let database = [&hit, &miss];
    let mut rng = seeded(4);
    let jobs = identify_jobs(&mut rng, &palm, &database, Rule::PALM);
    let mut first = None;

    let outcome = run_through(jobs, |envelope| {
        let carry = envelope.bytes[0] == Step::Carry.tag() && envelope.from.get() == 1;
        if carry && first.is_none() {
            first = Some(envelope.clone());
            return vec![envelope.clone(), envelope];
        }
        vec![envelope]
    });

    let first = first.unwrap();
    let number = u32::from(first.bytes[1]);
    let error = MpcError::OutOfOrder {
        from: first.from,
        expected: number + 1,
        found: number,
    };
    assert_eq!(outcome.results[2], Some(Err(error)));
}

#[test]
fn a_lost_message_leaves_no_result_at_its_receiver() {
    let mut rng = seeded(5);
    let palm = full_palm(&mut rng);
    let inputs = shares_of(&mut rng, &palm);
    let lost = |step: Step, jobs| {
        let outcome = run_through(jobs, |envelope| {
            let lost = envelope.bytes[0] == step.tag() && envelope.to.get() == 1;
            if lost { vec![] } else { vec![envelope] }
        });
        let [_, one, _] = outcome.results;
        one.map(|result| result.err())
    };

    let first = lost(Step::Input, accept_jobs(&mut rng, &inputs));
    let last = lost(Step::Inject, accept_jobs(&mut rng, &inputs));

    let from = PartyIndex::ALL[0];
    let (expected, found) = (HEADER_BYTES + 5_400, HEADER_BYTES + 4_800);
    assert_eq!(
        first,
        Some(Some(MpcError::WrongLength {
            from,
            expected,
            found
        }))
    );
    assert_eq!(last, None, "party 1 waits for it");
}

#[test]
fn a_share_of_another_party_is_refused() {
    let mut rng = seeded(6);
    let palm = full_palm(&mut rng);
    let [zero, one, two] = shares_of(&mut rng, &palm);
    let [mut job, ..] = accept_jobs(&mut rng, &[one, zero, two]);

    let outputs = job.handle(Input::Start);

    let meant_for = PartyIndex::ALL[1];
    assert_eq!(ends(outputs), MpcError::ForeignShare { meant_for });
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
    let mut job = waiting();
    for _ in 0..EARLY_MESSAGES_MAX {
        assert_eq!(job.handle(message(one, vec![])).len(), 0);
    }
    assert_eq!(
        ends(job.handle(message(one, vec![]))),
        MpcError::TooManyEarlyMessages { from: one }
    );
    assert_eq!(ends(job.handle(Input::Start)), MpcError::Finished);
}

#[test]
fn a_job_starts_once_and_takes_no_surplus() {
    let mut rng = seeded(7);
    let palm = full_palm(&mut rng);
    let inputs = shares_of(&mut rng, &palm);
    let [mut job, ..] = accept_jobs(&mut rng, &inputs);
    job.handle(Input::Start);
    assert_eq!(ends(job.handle(Input::Start)), MpcError::AlreadyStarted);

    let (palm, hit, _) = palm_and_templates();
    let no_templates: [&Shares; 0] = [];
    let [_, mut job, _] = identify_jobs(&mut rng, &palm, &no_templates, Rule::PALM);
    let from = PartyIndex::ALL[2];
    job.handle(Input::Message {
        from,
        bytes: vec![1],
    });
    assert_eq!(
        ends(job.handle(Input::Start)),
        MpcError::SurplusMessage { from }
    );

    let database = [&hit];
    let [mut job, ..] = identify_jobs(&mut rng, &palm, &database, Rule::PALM);
    assert!(!job.is_finished() && !job.handle(Input::Start).is_empty() && !job.is_finished());
}

#[test]
fn a_database_above_the_limit_is_refused() {
    let (palm, hit, _) = palm_and_templates();
    let mut rng = seeded(8);
    let templates = boop_mpc::TEMPLATES_MAX + 1;
    let database = vec![&hit; templates];
    let [mut job, ..] = identify_jobs(&mut rng, &palm, &database, Rule::PALM);

    assert_eq!(
        ends(job.handle(Input::Start)),
        MpcError::DatabaseTooLarge { templates }
    );
}

#[test]
fn jobs_move_between_threads() {
    fn moves<T: Send>(_: &T) {}

    moves(&waiting());
}

/// Runs jobs with one message changed, and returns the parties' results.
fn tampered<T>(
    jobs: [Job<'_, T>; 3],
    index: usize,
    change: impl Fn(&mut Envelope),
) -> [Option<Result<T, MpcError>>; 3] {
    let mut count = 0;
    let outcome = run_through(jobs, |mut envelope| {
        if count == index {
            change(&mut envelope);
        }
        count += 1;
        vec![envelope]
    });
    outcome.results
}

fn failure<T>(results: [Option<Result<T, MpcError>>; 3], party: PartyIndex) -> MpcError {
    results
        .into_iter()
        .nth(party.as_usize())
        .unwrap()
        .unwrap()
        .err()
        .unwrap()
}

/// Returns the error that is a job's only output.
fn ends<T>(outputs: Vec<Output<T>>) -> MpcError {
    assert_eq!(outputs.len(), 1);
    match outputs.into_iter().next().unwrap() {
        Output::Done(Err(error)) => error,
        Output::Done(Ok(_)) | Output::Send { .. } => panic!("the job goes on"),
    }
}

/// Returns a job of party 0 that has not started.
fn waiting() -> Job<'static, ()> {
    let [job, ..] = three_jobs(&mut seeded(9), |_, _| async { Ok(()) });
    job
}

fn palm_and_templates() -> ([SharedPalm; 3], Shares, Shares) {
    let mut rng = seeded(10);
    let palm = full_palm(&mut rng);
    let hit = enrol(&mut rng, &palm.0[0]);
    let miss_template = full_template(&mut rng);
    let miss = enrol(&mut rng, &miss_template);
    (accept_palm(&mut rng, &palm), hit, miss)
}

const HEADER_BYTES: usize = 5;

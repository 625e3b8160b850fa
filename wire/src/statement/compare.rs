//! The three statements of a job beside each other.

use alloc::vec::Vec;

use super::{JobEnding, JobStatement, Said};
use crate::id::PartyIndex;

/// Why statements cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// They are not one of each party, in order.
    #[error("the statements are not those of parties 0, 1 and 2 in order")]
    Parties,
    /// They are not of one job: network, session, number or kind differ.
    #[error("the statements are not of one job")]
    Jobs,
}

/// Two statements that cannot both be true, or ends that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// One says it sent this, the other says it heard something else: one of the two lies, and
    /// the third party does not.
    Messages {
        /// The sender.
        from: PartyIndex,
        /// The receiver.
        to: PartyIndex,
    },
    /// The job did not end the same way everywhere. A connection that broke does that too.
    Endings {
        /// How it ended at each party, in order.
        endings: [JobEnding; PartyIndex::COUNT],
    },
}

/// Compares the statements of the three parties about one job, in order. Signatures are the
/// caller's to verify, under keys of judged evidence.
///
/// What a receiver of a failed job lacks may have been on its way: that is no difference [MPC-6].
///
/// # Errors
/// If they are not the three statements of one job.
pub fn compare(
    statements: [&JobStatement; PartyIndex::COUNT],
) -> Result<Vec<Difference>, CompareError> {
    let [first, ..] = statements;
    if statements.map(|one| one.party) != PartyIndex::ALL {
        return Err(CompareError::Parties);
    }
    let job = |of: &JobStatement| (of.network, of.session, of.job, of.kind);
    if statements.into_iter().any(|one| job(one) != job(first)) {
        return Err(CompareError::Jobs);
    }
    let mut differences = Vec::new();
    for sender in statements {
        for to in sender.party.others() {
            let receiver = statements[to.as_usize()];
            let from = sender.party;
            let sent = sender.exchange(to).map(|exchange| &exchange.sent);
            let received = receiver.exchange(from).map(|exchange| &exchange.received);
            let done = [sender, receiver].map(|one| one.ending == JobEnding::Done);
            let agree = sent
                .zip(received)
                .is_some_and(|(sent, received)| agree(sent, received, done == [true; 2]));
            if !agree {
                differences.push(Difference::Messages { from, to });
            }
        }
    }
    let endings = statements.map(|one| one.ending);
    if endings != [first.ending; PartyIndex::COUNT] {
        differences.push(Difference::Endings { endings });
    }
    Ok(differences)
}

fn agree(sent: &Said, received: &Said, both_done: bool) -> bool {
    let under_way = !both_done && received.messages < sent.messages;
    sent == received || under_way
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::id::{Digest, NetworkId};
    use crate::refusal::Refusal;
    use crate::statement::{Exchange, JobKind};

    const ABORTED: JobEnding = JobEnding::Refused(Refusal::ProtocolAborted);

    #[test]
    fn three_that_tell_the_same_story_agree() {
        assert_eq!(compared(&job()), Ok(vec![]));
    }

    #[test]
    fn each_of_the_six_ways_is_compared_and_names_its_two_ends() {
        for from in PartyIndex::ALL {
            for to in from.others() {
                let different = vec![Difference::Messages { from, to }];

                let mut lying = job();
                sent(&mut lying, from, to).commitment = Digest::new([99; 32]);
                let mut deaf = job();
                received(&mut deaf, from, to).commitment = Digest::new([99; 32]);
                let mut short = job();
                received(&mut short, from, to).messages -= 1;
                let mut long = job();
                received(&mut long, from, to).messages += 1;

                for statements in [lying, deaf, short, long] {
                    assert_eq!(compared(&statements), Ok(different.clone()));
                }
            }
        }
    }

    #[test]
    fn what_was_on_its_way_when_a_job_failed_is_no_difference_and_what_nobody_sent_is() {
        let [from, to, _] = PartyIndex::ALL;
        let fails = |mut statements: [JobStatement; 3]| {
            statements.iter_mut().for_each(|one| one.ending = ABORTED);
            compared(&statements)
        };
        let mut short = job();
        *received(&mut short, from, to) = said(7, 3);
        let mut long = job();
        *received(&mut long, from, to) = said(7, 5);
        let mut other = job();
        *received(&mut other, from, to) = said(7, 4);

        assert_eq!(fails(short), Ok(vec![]));
        for statements in [long, other] {
            let different = vec![Difference::Messages { from, to }];
            assert_eq!(fails(statements), Ok(different));
        }
    }

    #[test]
    fn endings_that_differ_are_named() {
        let mut statements = job();
        statements[2].ending = ABORTED;

        let endings = [JobEnding::Done, JobEnding::Done, ABORTED];
        let different = vec![Difference::Endings { endings }];
        assert_eq!(compared(&statements), Ok(different));
    }

    #[test]
    fn statements_of_other_parties_or_other_jobs_are_not_compared() {
        let [a, b, c] = job();
        assert_eq!(compare([&a, &c, &b]), Err(CompareError::Parties));
        assert_eq!(compare([&a, &b, &b]), Err(CompareError::Parties));
        for change in [
            (|one| one.network = NetworkId::new([9; 32])) as fn(&mut JobStatement),
            |one| one.session = Digest::new([9; 32]),
            |one| one.job += 1,
            |one| one.kind = JobKind::Prepare,
        ] {
            let mut other = c.clone();
            change(&mut other);
            assert_eq!(compare([&a, &b, &other]), Err(CompareError::Jobs));
        }
    }

    fn compared(statements: &[JobStatement; 3]) -> Result<Vec<Difference>, CompareError> {
        compare(statements.each_ref())
    }

    fn sent(statements: &mut [JobStatement; 3], from: PartyIndex, to: PartyIndex) -> &mut Said {
        let one = &mut statements[from.as_usize()];
        match to == from.next() {
            true => &mut one.with_next.sent,
            false => &mut one.with_previous.sent,
        }
    }

    fn received(statements: &mut [JobStatement; 3], from: PartyIndex, to: PartyIndex) -> &mut Said {
        let one = &mut statements[to.as_usize()];
        match from == to.next() {
            true => &mut one.with_next.received,
            false => &mut one.with_previous.received,
        }
    }

    fn said(byte: u8, messages: u64) -> Said {
        let commitment = Digest::new([byte; 32]);
        Said {
            messages,
            commitment,
        }
    }

    /// Returns what three honest parties say of a job in which each way has four messages.
    fn job() -> [JobStatement; 3] {
        let way = |from: PartyIndex, to: PartyIndex| said(3 * from.get() + to.get(), 4);
        PartyIndex::ALL.map(|party| {
            let exchange = |other| Exchange {
                sent: way(party, other),
                received: way(other, party),
            };
            JobStatement {
                network: NetworkId::new([1; 32]),
                session: Digest::new([2; 32]),
                job: 5,
                party,
                kind: JobKind::Identify,
                ending: JobEnding::Done,
                with_next: exchange(party.next()),
                with_previous: exchange(party.previous()),
            }
        })
    }
}

//! The matching of one job, as the protocol runs at one party: first the three make sure that
//! they speak of the same capture and the same store [JOB-2], then they match with fresh seeds
//! [JOB-3].

use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_mpc::{
    Channel, Context, Job, Mailbox, MpcError, PairwiseSeeds, Rule, ShareInput, StoredShare, accept,
    identify,
};
use boop_wire::codec::digest_of;
use boop_wire::{Digest, PartyIndex};
use hkdf::Hkdf;
use minicbor::Encode;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::vault::Head;

/// What a job starts from.
pub(crate) struct Task {
    pub(crate) me: PartyIndex,
    pub(crate) seeds: PairwiseSeeds,
    pub(crate) rule: Rule,
    pub(crate) input: ShareInput,
    pub(crate) database: Arc<Vec<Arc<StoredShare>>>,
    pub(crate) preface: Digest,
}

/// What a job finds.
pub(crate) enum Found {
    /// The three do not speak of the same capture and store.
    PrefacesDiffer,
    /// One bit a record, and the capture as it would be stored.
    Matched {
        /// In the order of the records.
        matches: Vec<bool>,
        /// This party's share.
        stored: StoredShare,
    },
}

/// Starts a job.
pub(crate) fn start(task: Task) -> Job<'static, Found> {
    Job::new(task.me, |mailbox| run(task, mailbox))
}

/// What the three must agree on before they match.
#[derive(Debug, Clone, Encode)]
pub(crate) struct Preface {
    /// The session that seeds depend on.
    #[n(0)]
    pub(crate) session: Digest,
    /// The job's number.
    #[n(1)]
    pub(crate) job: u64,
    /// The call.
    #[n(2)]
    pub(crate) call: Digest,
    /// The commitments to the shares.
    #[n(3)]
    pub(crate) commitments: Digest,
    /// The store.
    #[n(4)]
    pub(crate) head: Head,
}

impl Preface {
    /// Returns the digest that the parties exchange.
    pub(crate) fn digest(&self) -> Digest {
        digest_of("job-preface", self)
    }
}

/// Derives the seed of one job from the secret of an edge (RFC 5869). Session and number are in
/// it, so no two jobs share a stream.
pub(crate) fn job_seed(edge_secret: &[u8; 32], session: Digest, job: u64) -> [u8; 32] {
    let mut seed = Zeroizing::new([0; 32]);
    let hkdf = Hkdf::<Sha256>::new(Some(session.as_bytes()), edge_secret);
    // 32 bytes are far below HKDF's limit of 255 hashes.
    let _ = hkdf.expand_multi_info(&[b"boop/job-seed/v1", &job.to_be_bytes()], &mut *seed);
    *seed
}

async fn run(task: Task, mut mailbox: Mailbox) -> Result<Found, MpcError> {
    let others = task.me.others();
    for other in others {
        mailbox.send(other, task.preface.as_bytes().to_vec());
    }
    let mut agreed = true;
    for other in others {
        let theirs = mailbox.receive(other, Digest::LEN).await?;
        agreed &= theirs == task.preface.as_bytes();
    }
    if !agreed {
        return Ok(Found::PrefacesDiffer);
    }
    let mut context = Context::new(task.me, &task.seeds);
    let palm = accept(&mut context, &mut mailbox, &task.input).await?;
    let query = palm.query(task.rule);
    let matches = identify(&mut context, &mut mailbox, &query, &task.database).await?;
    Ok(Found::Matched {
        matches,
        stored: palm.stored(),
    })
}

#[cfg(test)]
mod tests {
    use boop_mpc::split;
    use boop_wire::template::{Encodings, TEMPLATE_BYTES, Template};

    use super::*;

    #[test]
    fn seeds_differ_by_edge_session_and_job() {
        let seed = |edge, session, job| job_seed(&[edge; 32], Digest::new([session; 32]), job);

        let first = seed(1, 1, 1);

        assert_eq!(first, seed(1, 1, 1));
        for other in [seed(2, 1, 1), seed(1, 2, 1), seed(1, 1, 2)] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn the_preface_depends_on_every_part() {
        let digest = |byte| Digest::new([byte; 32]);
        let base = Preface {
            session: digest(1),
            job: 1,
            call: digest(2),
            commitments: digest(3),
            head: Head {
                version: 4,
                root: digest(5),
            },
        };

        for other in [
            Preface {
                session: digest(9),
                ..base.clone()
            },
            Preface {
                job: 9,
                ..base.clone()
            },
            Preface {
                call: digest(9),
                ..base.clone()
            },
            Preface {
                commitments: digest(9),
                ..base.clone()
            },
            Preface {
                head: Head {
                    version: 9,
                    root: digest(5),
                },
                ..base.clone()
            },
        ] {
            assert_ne!(base.digest(), other.digest());
        }
    }

    #[test]
    fn an_enrolled_palm_is_found_by_a_later_job_and_another_is_not() {
        let palm = |byte| {
            let template = Template::from_bytes(&[byte; TEMPLATE_BYTES]);
            Encodings([template.clone(), template.clone(), template])
        };
        let stored = run_job(1, &palm(0xff), &[[], [], []].map(Vec::from));
        let database = stored.map(|(_, share)| alloc::vec![Arc::new(share)]);

        let same = run_job(2, &palm(0xff), &database);
        let other = run_job(3, &palm(0xf0), &database);

        assert!(same.iter().all(|(matches, _)| matches == &[true]));
        assert!(other.iter().all(|(matches, _)| matches == &[false]));
    }

    fn run_job(
        number: u64,
        palm: &Encodings,
        databases: &[Vec<Arc<StoredShare>>; 3],
    ) -> [(Vec<bool>, StoredShare); 3] {
        let inputs = split(palm, &[[1; 32], [2; 32]]);
        let edge = |a: PartyIndex, b: PartyIndex| [a.get() + b.get(); 32];
        let jobs = PartyIndex::ALL.map(|me| {
            let seed = |other| job_seed(&edge(me, other), Digest::new([7; 32]), number);
            start(Task {
                me,
                seeds: PairwiseSeeds {
                    with_next: seed(me.next()),
                    with_previous: seed(me.previous()),
                },
                rule: Rule::PALM,
                input: inputs[me.as_usize()].clone(),
                database: Arc::new(databases[me.as_usize()].clone()),
                preface: Digest::new([8; 32]),
            })
        });
        boop_mpc::local::run(jobs)
            .results
            .map(|result| match result {
                Some(Ok(Found::Matched { matches, stored })) => (matches, stored),
                Some(Ok(Found::PrefacesDiffer) | Err(_)) | None => panic!("no result"),
            })
    }
}

//! The matching of one job, as the protocol runs at one party: first the three make sure that
//! they speak of the same capture and the same store [JOB-2], then they match with fresh seeds
//! [JOB-3].

use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_mpc::{
    Audit, Context, Database, Job, Kernel, Mailbox, MpcError, PairwiseSeeds, Rule, Security,
    ShareInput, StoredShare, accept, agree, identify,
};
use boop_wire::Digest;
use boop_wire::PartyIndex;
use boop_wire::codec::digest_of;
use hkdf::Hkdf;
use minicbor::Encode;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::vault::Head;

/// What a job starts from.
pub(crate) struct Task {
    pub(crate) me: PartyIndex,
    pub(crate) kernel: Kernel,
    pub(crate) security: Security,
    pub(crate) seeds: PairwiseSeeds,
    /// Fresh random bytes that no other party knows.
    pub(crate) coins: [u8; 32],
    pub(crate) rule: Rule,
    pub(crate) input: ShareInput,
    pub(crate) database: Database,
    /// What is left of the last job, if nothing went wrong since.
    pub(crate) audit: Arc<Audit>,
    /// Which job left it; 0 for none.
    pub(crate) audit_of: u64,
    pub(crate) preface: Digest,
}

/// What a job finds.
pub(crate) struct Found {
    /// One bit a record, in the order of the records.
    pub(crate) matches: Vec<bool>,
    /// This party's share of the capture, as it would be stored.
    pub(crate) stored: StoredShare,
    /// The audit for the next job.
    pub(crate) audit: Arc<Audit>,
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

async fn run(mut task: Task, mut mailbox: Mailbox) -> Result<Found, MpcError> {
    let (kernel, database) = (task.kernel, &task.database);
    let context = &mut Context::new(task.me, &task.seeds, task.security);
    let preface = task.preface.as_bytes();
    if !agree(context, &mut mailbox, preface, task.audit_of).await? {
        // A job that one of the three did not finish: they begin the audit anew together.
        task.audit = Arc::default();
    }
    let palm = accept(context, &mut mailbox, kernel, &task.input).await?;
    if task.security == Security::Abort {
        let audit = Arc::make_mut(&mut task.audit);
        let coins = &task.coins;
        audit
            .extend(context, &mut mailbox, kernel, database, coins)
            .await?;
    }
    let query = palm.query(task.rule);
    let audit = &task.audit;
    let matches = identify(context, &mut mailbox, kernel, &query, database, audit).await?;
    Ok(Found {
        matches,
        stored: palm.stored(),
        audit: task.audit,
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
        for security in [Security::SemiHonest, Security::Abort] {
            let palm = |byte| {
                let template = Template::from_bytes(&[byte; TEMPLATE_BYTES]);
                Encodings([template.clone(), template.clone(), template])
            };
            let empty = [(); 3].map(|()| (Database::new(), Arc::default()));
            let stored = run_job(1, &palm(0xff), security, &empty);
            let database = stored.map(|found| {
                let mut database = Database::new();
                database.push(&found.stored);
                (database, found.audit)
            });

            let same = run_job(2, &palm(0xff), security, &database);
            let other = run_job(3, &palm(0xf0), security, &database);

            assert!(same.iter().all(|found| found.matches == [true]));
            assert!(other.iter().all(|found| found.matches == [false]));
        }
    }

    fn run_job(
        number: u64,
        palm: &Encodings,
        security: Security,
        stores: &[(Database, Arc<Audit>); 3],
    ) -> [Found; 3] {
        let inputs = split(palm, &[[1; 32], [2; 32], [3; 32]]);
        let edge = |a: PartyIndex, b: PartyIndex| [a.get() + b.get(); 32];
        let jobs = PartyIndex::ALL.map(|me| {
            let seed = |other| job_seed(&edge(me, other), Digest::new([7; 32]), number);
            let (database, audit) = stores[me.as_usize()].clone();
            start(Task {
                me,
                kernel: Kernel::best(),
                security,
                seeds: PairwiseSeeds {
                    with_next: seed(me.next()),
                    with_previous: seed(me.previous()),
                },
                coins: [me.get(); 32],
                rule: Rule::PALM,
                input: inputs[me.as_usize()].clone(),
                database,
                audit,
                audit_of: 0,
                preface: Digest::new([8; 32]),
            })
        });
        boop_mpc::local::run(jobs)
            .results
            .map(|result| match result {
                Some(Ok(found)) => found,
                Some(Err(_)) | None => panic!("no result"),
            })
    }
}

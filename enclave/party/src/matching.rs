//! The matching of one job, as the protocol runs at one party: first the three make sure that
//! they speak of the same capture and the same store [JOB-2], then they match with fresh seeds
//! [JOB-3].

use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_mpc::{
    Audit, Context, Database, EpochKey, Job, Kernel, Mailbox, MpcError, PairwiseSeeds, Rule,
    Security, ShareInput, StoredShare, accept, agree, identify, plan_refresh,
};
use boop_wire::Digest;
use boop_wire::PartyIndex;
use boop_wire::codec::digest_of;
use hkdf::Hkdf;
use minicbor::Encode;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::vault::Head;

/// What the job of a call starts from.
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
    /// The audit of the database.
    pub(crate) audit: Arc<Audit>,
    /// Which job left it; 0 for none.
    pub(crate) mark: u64,
    pub(crate) preface: Digest,
    /// Whether the palm is stored if nothing matches.
    pub(crate) adds: bool,
}

/// What the job of a call finds.
pub(crate) struct Found {
    /// One bit a record, in the order of the records.
    pub(crate) matches: Vec<bool>,
    /// This party's share of the capture, as it would be stored.
    pub(crate) stored: StoredShare,
    /// The audit of the database with the palm in it, if the palm may be stored.
    pub(crate) audit: Option<Arc<Audit>>,
}

/// What a job starts from that brings records under the audit.
pub(crate) struct Batch {
    pub(crate) me: PartyIndex,
    pub(crate) kernel: Kernel,
    pub(crate) seeds: PairwiseSeeds,
    /// Fresh random bytes that no other party knows.
    pub(crate) coins: [u8; 32],
    /// All that is covered afterwards.
    pub(crate) database: Database,
    /// What covers the first of it.
    pub(crate) audit: Arc<Audit>,
    /// Which job left it; 0 for none.
    pub(crate) mark: u64,
    pub(crate) preface: Digest,
}

/// What came of a batch.
pub(crate) enum Extended {
    /// The audit covers the batch's database.
    Covered(Arc<Audit>),
    /// The three did not start from the same audit.
    MarksDiffer,
}

/// What a refresh starts from.
pub(crate) struct Plan {
    pub(crate) me: PartyIndex,
    pub(crate) seeds: PairwiseSeeds,
    /// Fresh random bytes that no other party knows.
    pub(crate) coins: [u8; 32],
    /// All records.
    pub(crate) database: Database,
    pub(crate) preface: Digest,
}

/// Starts the planning of a refresh: the key of the next epoch is agreed on, and checked [REF-2].
pub(crate) fn plan(plan: Plan) -> Job<'static, EpochKey> {
    Job::new(plan.me, |mut mailbox| async move {
        let context = &mut Context::new(plan.me, &plan.seeds, Security::Abort);
        agree(context, &mut mailbox, plan.preface.as_bytes(), 0).await?;
        plan_refresh(context, &mut mailbox, &plan.coins, &plan.database).await
    })
}

/// Starts the job of a call.
pub(crate) fn start(task: Task) -> Job<'static, Found> {
    Job::new(task.me, |mailbox| run(task, mailbox))
}

/// Starts the job of a batch.
pub(crate) fn extend(batch: Batch) -> Job<'static, Extended> {
    Job::new(batch.me, |mailbox| prepare(batch, mailbox))
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
    let (kernel, database) = (task.kernel, &task.database);
    let context = &mut Context::new(task.me, &task.seeds, task.security);
    let preface = task.preface.as_bytes();
    if !agree(context, &mut mailbox, preface, task.mark).await? {
        // One of the three lost its audit: none of them searches before it is made anew.
        return Err(MpcError::NotAudited);
    }
    let mut palm = accept(context, &mut mailbox, kernel, &task.input).await?;
    palm.demand_cells(context, &mut mailbox).await?;
    let query = palm.query(task.rule);
    let audit = &task.audit;
    let matches = identify(context, &mut mailbox, kernel, &query, database, audit).await?;
    let stored = palm.stored();
    let mut audit = None;
    if task.adds && task.security == Security::Abort && !matches.contains(&true) {
        let mut database = task.database.clone();
        database.push(&stored);
        let mut next = Audit::clone(&task.audit);
        next.extend(context, &mut mailbox, kernel, &database, &task.coins)
            .await?;
        audit = Some(Arc::new(next));
    }
    Ok(Found {
        matches,
        stored,
        audit,
    })
}

async fn prepare(batch: Batch, mut mailbox: Mailbox) -> Result<Extended, MpcError> {
    let context = &mut Context::new(batch.me, &batch.seeds, Security::Abort);
    let preface = batch.preface.as_bytes();
    if !agree(context, &mut mailbox, preface, batch.mark).await? {
        return Ok(Extended::MarksDiffer);
    }
    let mut audit = Audit::clone(&batch.audit);
    let (kernel, database) = (batch.kernel, &batch.database);
    audit
        .extend(context, &mut mailbox, kernel, database, &batch.coins)
        .await?;
    Ok(Extended::Covered(Arc::new(audit)))
}

#[cfg(test)]
mod tests {
    use boop_mpc::split;
    use boop_wire::template::{CODE_BYTES, Encodings, TEMPLATE_BYTES, Template};

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
            let empty = [(); 3].map(|()| Store::default());
            let stores = run_job(1, true, &palm(0xff), security, &empty).map(with_the_palm);

            let same = run_job(2, false, &palm(0xff), security, &stores);
            let other = run_job(3, true, &palm(0xf0), security, &stores);
            let stores = stores.each_ref().map(Store::clone).into_iter().zip(other);
            let stores: Vec<Store> = stores.map(|(store, found)| store.with(found)).collect();
            let stores: [Store; 3] = stores.try_into().ok().unwrap();
            let third = run_job(4, false, &palm(0xf0), security, &stores);

            assert!(same.iter().all(|found| found.matches == [true]));
            assert!(third.iter().all(|found| found.matches == [false, true]));
        }
    }

    #[test]
    fn a_palm_with_too_few_valid_cells_is_neither_searched_nor_stored() {
        for security in [Security::SemiHonest, Security::Abort] {
            let empty = [(); 3].map(|()| Store::default());
            let stores = run_job(1, true, &palm(0xff), security, &empty).map(with_the_palm);

            // Five cells of eight are valid.
            let thin = try_job(2, true, &palm_with_cells(0xff, 0x1f), security, &stores);

            assert_eq!(thin, [(); 3].map(|()| Err(MpcError::TooFewValidCells)));
        }
    }

    #[test]
    fn a_palm_that_matches_brings_nothing_under_the_audit() {
        let empty = [(); 3].map(|()| Store::default());
        let abort = Security::Abort;
        let stores = run_job(1, true, &palm(0xff), abort, &empty).map(with_the_palm);

        let again = run_job(2, true, &palm(0xff), abort, &stores);

        assert!(again.iter().all(|found| found.audit.is_none()));
    }

    #[test]
    fn batches_cover_what_a_search_then_needs() {
        let empty = [(); 3].map(|()| Store::default());
        let abort = Security::Abort;
        let stores = run_job(1, true, &palm(0xff), abort, &empty).map(with_the_palm);
        let stores = run_job(2, true, &palm(0xf0), abort, &stores)
            .into_iter()
            .zip(stores)
            .map(|(found, store)| store.with(found));
        let stores: Vec<Store> = stores.collect();
        let bare: Vec<Store> = stores.iter().map(|s| Store::bare(&s.database)).collect();
        let bare: [Store; 3] = bare.try_into().ok().unwrap();

        let refused = try_job(3, false, &palm(0xff), abort, &bare);
        let first = run_batch(4, 1, &bare);
        let both = run_batch(5, 2, &first);
        let found = run_job(6, false, &palm(0xf0), abort, &both);

        assert!(
            refused
                .iter()
                .all(|result| *result == Err(MpcError::NotAudited))
        );
        assert!(found.iter().all(|found| found.matches == [false, true]));
    }

    #[test]
    fn parties_with_different_marks_neither_search_nor_extend() {
        let empty = [(); 3].map(|()| Store::default());
        let abort = Security::Abort;
        let mut stores = run_job(1, true, &palm(0xff), abort, &empty).map(with_the_palm);
        stores[1] = Store::bare(&stores[1].database);

        let refused = try_job(2, false, &palm(0xff), abort, &stores);
        let batches = try_batch(3, 1, &stores);

        assert!(
            refused
                .iter()
                .all(|result| *result == Err(MpcError::NotAudited))
        );
        let differ = |result: &Extended| matches!(result, Extended::MarksDiffer);
        assert!(batches.iter().all(differ));
    }

    /// What a party has before a job.
    #[derive(Clone, Default)]
    struct Store {
        database: Database,
        audit: Arc<Audit>,
        mark: u64,
    }

    impl Store {
        fn bare(database: &Database) -> Self {
            Self {
                database: database.clone(),
                ..Self::default()
            }
        }

        fn with(mut self, found: Found) -> Self {
            self.database.push(&found.stored);
            if let Some(audit) = found.audit {
                self.audit = audit;
                self.mark += 1;
            }
            self
        }
    }

    fn with_the_palm(found: Found) -> Store {
        Store::default().with(found)
    }

    fn palm(byte: u8) -> Encodings {
        palm_with_cells(byte, 0xff)
    }

    fn palm_with_cells(code: u8, cells: u8) -> Encodings {
        let mut bytes = [code; TEMPLATE_BYTES];
        bytes[CODE_BYTES..].fill(cells);
        let template = Template::from_bytes(&bytes);
        Encodings([template.clone(), template.clone(), template])
    }

    fn seeds(me: PartyIndex, number: u64) -> PairwiseSeeds {
        let edge = |a: PartyIndex, b: PartyIndex| [a.get() + b.get(); 32];
        let seed = |other| job_seed(&edge(me, other), Digest::new([7; 32]), number);
        PairwiseSeeds {
            with_next: seed(me.next()),
            with_previous: seed(me.previous()),
        }
    }

    fn run_job(
        number: u64,
        adds: bool,
        palm: &Encodings,
        security: Security,
        stores: &[Store; 3],
    ) -> [Found; 3] {
        let jobs = jobs(number, adds, palm, security, stores);
        let results = boop_mpc::local::run(jobs).results;
        results.map(|result| result.unwrap().unwrap())
    }

    /// Runs a job of which the outcome is told without what it found.
    fn try_job(
        number: u64,
        adds: bool,
        palm: &Encodings,
        security: Security,
        stores: &[Store; 3],
    ) -> [Result<(), MpcError>; 3] {
        let jobs = jobs(number, adds, palm, security, stores);
        let results = boop_mpc::local::run(jobs).results;
        results.map(|result| result.unwrap().map(|_| ()))
    }

    fn jobs(
        number: u64,
        adds: bool,
        palm: &Encodings,
        security: Security,
        stores: &[Store; 3],
    ) -> [Job<'static, Found>; 3] {
        let inputs = split(palm, &[[1; 32], [2; 32], [3; 32]]);
        PartyIndex::ALL.map(|me| {
            let store = stores[me.as_usize()].clone();
            start(Task {
                me,
                kernel: Kernel::best(),
                security,
                seeds: seeds(me, number),
                coins: [me.get(); 32],
                rule: Rule::PALM,
                input: inputs[me.as_usize()].clone(),
                database: store.database,
                audit: store.audit,
                mark: store.mark,
                preface: Digest::new([8; 32]),
                adds,
            })
        })
    }

    fn run_batch(number: u64, records: usize, stores: &[Store; 3]) -> [Store; 3] {
        let mut stores = stores.clone();
        let extended = try_batch(number, records, &stores);
        for (store, extended) in stores.iter_mut().zip(extended) {
            if let Extended::Covered(audit) = extended {
                store.audit = audit;
                store.mark = number;
            }
        }
        stores
    }

    fn try_batch(number: u64, records: usize, stores: &[Store; 3]) -> [Extended; 3] {
        let jobs = PartyIndex::ALL.map(|me| {
            let store = &stores[me.as_usize()];
            extend(Batch {
                me,
                kernel: Kernel::best(),
                seeds: seeds(me, number),
                coins: [me.get(); 32],
                database: store.database.first(records),
                audit: Arc::clone(&store.audit),
                mark: store.mark,
                preface: Digest::new([9; 32]),
            })
        });
        let results = boop_mpc::local::run(jobs).results;
        results.map(|result| result.unwrap().unwrap())
    }
}

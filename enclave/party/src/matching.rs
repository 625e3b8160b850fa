//! The matching of one job, as the protocol runs at one party: first the three make sure that
//! they speak of the same capture and the same store, then they match.

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

/// Digest of what the three must agree on before they match: the job, the call, the shares'
/// commitments and the store.
pub(crate) fn preface(job: u64, call: Digest, commitments: Digest, head: Head) -> Digest {
    #[derive(Encode)]
    struct Preface {
        #[n(0)]
        job: u64,
        #[n(1)]
        call: Digest,
        #[n(2)]
        commitments: Digest,
        #[n(3)]
        head: Head,
    }
    digest_of(
        "job-preface",
        &Preface {
            job,
            call,
            commitments,
            head,
        },
    )
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
        let head = |version| Head {
            version,
            root: digest(9),
        };

        let base = preface(1, digest(1), digest(2), head(3));

        for other in [
            preface(2, digest(1), digest(2), head(3)),
            preface(1, digest(5), digest(2), head(3)),
            preface(1, digest(1), digest(5), head(3)),
            preface(1, digest(1), digest(2), head(4)),
        ] {
            assert_ne!(base, other);
        }
    }
}

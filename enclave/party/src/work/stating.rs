//! What a party signs at the end of a job, for its host to keep [JOB-9].
//!
//! Nothing is exchanged for it, and no message is kept: the two ends of a way commit to the same
//! messages under the seed that only they have, so anybody can compare three statements later.

use boop_abi::ToHost;
use boop_mpc::{PairwiseSeeds, Transcript, Way};
use boop_wire::codec::to_canonical;
use boop_wire::statement::{Exchange, JobEnding, JobKind, JobStatement, Said, SignedStatement};
use boop_wire::{Digest, PartyIndex};

use super::{Active, Stage, adds};
use crate::job::Call;
use crate::party::Party;
use crate::platform::Platform;

/// What a statement needs that the job itself does not keep.
pub(super) struct Telling {
    pub(super) session: Digest,
    pub(super) kind: JobKind,
    pub(super) seeds: PairwiseSeeds,
}

/// Returns what the job of a call is for.
pub(super) fn kind_of(call: &Call) -> JobKind {
    match adds(&call.call.subject) {
        true => JobKind::Enrol,
        false => JobKind::Identify,
    }
}

impl<P: Platform> Party<P> {
    /// States how the matching of a call ended.
    pub(super) fn state_matching(&mut self, number: u64, ending: JobEnding) {
        if let Some(Active {
            stage: Stage::Matching(job),
            telling,
            ..
        }) = self.work.running.get(&number)
        {
            let statement = self.statement(number, telling, job.transcript(), ending);
            self.put_statement(statement);
        }
    }

    /// States how the batch under way ended.
    pub(super) fn state_batch(&mut self, ending: JobEnding) {
        if let Some(batch) = &self.work.preparing {
            let transcript = batch.job.transcript();
            let statement = self.statement(batch.number, &batch.telling, transcript, ending);
            self.put_statement(statement);
        }
    }

    /// States how the planning of a refresh ended.
    pub(super) fn state_refresh(&mut self, ending: JobEnding) {
        if let Some(refreshing) = &self.work.refreshing
            && let Some((telling, transcript)) = refreshing.planning()
        {
            let statement = self.statement(refreshing.number, telling, transcript, ending);
            self.put_statement(statement);
        }
    }

    fn statement(
        &self,
        job: u64,
        telling: &Telling,
        transcript: Option<&Transcript>,
        ending: JobEnding,
    ) -> Option<JobStatement> {
        let (me, transcript) = (self.config.index, transcript?);
        let Telling {
            session,
            kind,
            seeds,
        } = telling;
        Some(JobStatement {
            network: self.network.as_ref()?.trust.manifest().network(),
            session: *session,
            job,
            party: me,
            kind: *kind,
            ending,
            with_next: exchange(transcript, me, me.next(), &seeds.with_next),
            with_previous: exchange(transcript, me, me.previous(), &seeds.with_previous),
        })
    }

    fn put_statement(&mut self, statement: Option<JobStatement>) {
        if let Some(statement) = statement {
            let signature = self.keys.sign_separated(&statement.signed_bytes());
            let signed = SignedStatement {
                statement,
                signature,
            };
            self.out.push(ToHost::Statement(to_canonical(&signed)));
        }
    }
}

fn exchange(
    transcript: &Transcript,
    me: PartyIndex,
    other: PartyIndex,
    seed: &[u8; 32],
) -> Exchange {
    let said = |from, to| {
        let way = Way { from, to };
        Said {
            messages: transcript.messages(way),
            commitment: Digest::new(transcript.commitment(way, seed)),
        }
    };
    Exchange {
        sent: said(me, other),
        received: said(other, me),
    }
}

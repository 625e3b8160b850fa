//! Asking all three parties at once, and waiting for three answers or the deadline.

use std::sync::Arc;
use std::time::Duration;

use boop_wire::evidence::EvidenceBundle;
use boop_wire::job::{AgreedOutcome, PartyCall, PartyResult, Progress, Subject};
use boop_wire::{NetworkId, PartyIndex, Refusal, UserId};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use minicbor::{Decode, Encode};
use tokio::time::{Instant, timeout_at};

use crate::agreement::{Agreement, Attributed, Question, agree, worst};
use crate::validation::GoodCapture;

/// How long the others may still answer once a party has refused: a final refusal among them
/// says more than a retryable one.
const GRACE: Duration = Duration::from_millis(500);

/// An agreed outcome with the evidence that says whose signatures are under it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Agreed {
    /// What the three parties signed.
    #[n(0)]
    pub outcome: AgreedOutcome,
    /// Boot evidence of the parties, in order.
    #[n(1)]
    pub parties: Vec<EvidenceBundle>,
    /// Who matched, which no vendor hears.
    #[n(2)]
    pub user: Option<UserId>,
}

/// Boot evidence that was judged, and the identity key it vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The evidence.
    pub bundle: EvidenceBundle,
    /// The Ed25519 key.
    pub identity: [u8; 32],
}

/// A party's answer, with the evidence of the instance that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What it said.
    pub result: PartyResult,
    /// Who said it.
    pub evidence: Arc<Attested>,
}

/// The three parties as the gateway reaches them.
pub trait Parties: Send + Sync {
    /// Returns the evidence of a party that has a session with this gateway now.
    fn evidence(&self, party: PartyIndex) -> Option<Arc<Attested>>;

    /// Returns how far a party is with its records, as it said last in this session.
    fn progress(&self, party: PartyIndex) -> Option<Progress>;

    /// Returns what a call of a party without a session is refused with.
    fn absence(&self, party: PartyIndex) -> Refusal;

    /// Calls one party. The future ends with [`Refusal::PartyUnavailable`] as soon as the session
    /// does.
    fn call(&self, party: PartyIndex, call: PartyCall) -> BoxFuture<'_, Result<Answered, Refusal>>;
}

/// Work for the three parties.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The network.
    pub network: NetworkId,
    /// What for.
    pub subject: Subject,
    /// The capture.
    pub capture: GoodCapture,
    /// Longest time for all of it.
    pub time_max: Duration,
}

/// Sends each party its box and makes one answer of three.
///
/// # Errors
/// [`Refusal::PartyUnavailable`] if a party has no session, [`Refusal::DeadlineExceeded`], what a
/// party refused with, or [`Refusal::ProtocolAborted`] if they disagree.
pub async fn submit(parties: &dyn Parties, submission: Submission) -> Result<Agreed, Refusal> {
    let deadline = Instant::now() + submission.time_max;
    let mut parties_in_order = PartyIndex::ALL.into_iter();
    if let Some(party) = parties_in_order.find(|party| parties.evidence(*party).is_none()) {
        return Err(parties.absence(party));
    }
    let [first, second, third] = gather(parties, &submission, deadline).await?;
    let question = Question {
        network: submission.network,
        request: submission.capture.capture.request,
        subject: &submission.subject,
    };
    let answers = [&first, &second, &third].map(|answered| Attributed {
        result: answered.result.clone(),
        identity: answered.evidence.identity,
    });
    let Agreement { outcome, user } = agree(&question, &answers)?;
    let bundles = [first, second, third].map(|answered| answered.evidence.bundle.clone());
    Ok(Agreed {
        outcome,
        parties: bundles.into(),
        user,
    })
}

async fn gather(
    parties: &dyn Parties,
    submission: &Submission,
    mut deadline: Instant,
) -> Result<[Answered; PartyIndex::COUNT], Refusal> {
    let GoodCapture { capture, boxes } = &submission.capture;
    let mut waiting: FuturesUnordered<_> = PartyIndex::ALL
        .into_iter()
        .zip(boxes)
        .map(|(party, sealed)| {
            let call = PartyCall {
                request: capture.request,
                subject: submission.subject.clone(),
                side: capture.side,
                expires_at_ms: capture.expires_at_ms,
                sealed: sealed.clone(),
            };
            let answer = parties.call(party, call);
            async move { (party, answer.await) }
        })
        .collect();
    let mut answers: [Option<Answered>; PartyIndex::COUNT] = [None, None, None];
    let mut refusals = Vec::new();
    while let Ok(Some((party, answer))) = timeout_at(deadline, waiting.next()).await {
        match answer {
            Ok(Answered {
                result: PartyResult::Refused(refusal),
                ..
            })
            | Err(refusal) => {
                tracing::info!(%party, code = refusal.code(), "party refused");
                refusals.push(refusal);
                deadline = deadline.min(Instant::now() + GRACE);
            }
            Ok(answered) => answers[party.as_usize()] = Some(answered),
        }
    }
    if let Some(refusal) = worst(refusals.into_iter()) {
        return Err(refusal);
    }
    match answers {
        [Some(first), Some(second), Some(third)] => Ok([first, second, third]),
        _ => Err(Refusal::DeadlineExceeded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{FakeParties, Plan, USER, context, good_capture, network};

    #[tokio::test]
    async fn three_answers_make_one_with_the_evidence_behind_it() {
        let parties = FakeParties::new();

        let agreed = submit(&parties, submission(500)).await.unwrap();

        assert_eq!(agreed.outcome.signatures.len(), 3);
        assert_eq!(agreed.parties.len(), 3);
        assert_eq!(agreed.user, Some(USER));
    }

    #[tokio::test]
    async fn a_party_without_a_session_is_missed_before_anything_is_sent() {
        let parties = FakeParties::new();
        for (plan, refusal) in [
            (Plan::Away, Refusal::PartyUnavailable),
            (Plan::Left, Refusal::Draining),
        ] {
            parties.plan(1, plan);

            let answer = submit(&parties, submission(500)).await;

            assert_eq!(answer, Err(refusal));
            assert_eq!(parties.calls(), 0);
        }
    }

    #[tokio::test]
    async fn a_party_that_is_silent_ends_at_the_deadline_without_a_partial_result() {
        let parties = FakeParties::new();
        parties.plan(2, Plan::Silent);

        let answer = submit(&parties, submission(50)).await;

        assert_eq!(answer, Err(Refusal::DeadlineExceeded));
    }

    #[tokio::test]
    async fn a_refusal_ends_the_wait_for_a_silent_party() {
        let parties = FakeParties::new();
        parties.plan(0, Plan::Refuse(Refusal::SealedBoxInvalid));
        parties.plan(2, Plan::Silent);
        let before = Instant::now();

        let answer = submit(&parties, submission(5000)).await;

        assert_eq!(answer, Err(Refusal::SealedBoxInvalid));
        assert!(before.elapsed() < Duration::from_secs(3));
    }

    #[tokio::test]
    async fn a_final_refusal_is_preferred_to_a_retryable_one() {
        let parties = FakeParties::new();
        parties.plan(0, Plan::Refuse(Refusal::PartyUnavailable));
        parties.plan(1, Plan::Refuse(Refusal::Replayed));

        let answer = submit(&parties, submission(500)).await;

        assert_eq!(answer, Err(Refusal::Replayed));
    }

    #[tokio::test]
    async fn a_lying_party_aborts() {
        let parties = FakeParties::new();
        parties.plan(1, Plan::Lie);

        let answer = submit(&parties, submission(500)).await;

        assert_eq!(answer, Err(Refusal::ProtocolAborted));
    }

    fn submission(time_ms: u64) -> Submission {
        Submission {
            network: network(),
            subject: Subject::Identify(context("c1")),
            capture: good_capture(7),
            time_max: Duration::from_millis(time_ms),
        }
    }
}

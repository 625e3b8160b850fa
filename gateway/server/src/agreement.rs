//! Whether the three parties said the same: the one place where three answers become one.

use boop_channel::verify_signature;
use boop_wire::job::{
    AgreedOutcome, Decision, Outcome, PartyResult, SignedOutcome, Subject, pairwise_id,
};
use boop_wire::{NetworkId, PartyIndex, Refusal, RequestId, UserId};

/// What was asked of the parties.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The network.
    pub network: NetworkId,
    /// The request.
    pub request: RequestId,
    /// What for.
    pub subject: &'a Subject,
}

/// One party's answer, with the identity key that its evidence vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributed {
    /// What it said.
    pub result: PartyResult,
    /// Its attested Ed25519 key.
    pub identity: [u8; 32],
}

/// What the three parties said alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// What they signed; vendors get to see it.
    pub outcome: AgreedOutcome,
    /// Who matched, for gateway and ledger alone.
    pub user: Option<UserId>,
}

/// Turns the answers of parties 0, 1 and 2 into one, if each signed the same outcome and named the
/// same user, and that answers the question.
///
/// # Errors
/// The refusal of a party if one refused, else [`Refusal::ProtocolAborted`]. There is no partial
/// result.
pub fn agree(
    question: &Question<'_>,
    answers: &[Attributed; PartyIndex::COUNT],
) -> Result<Agreement, Refusal> {
    let refusals = answers.iter().filter_map(|answer| match &answer.result {
        PartyResult::Refused(refusal) => Some(*refusal),
        PartyResult::Decided { .. } => None,
    });
    if let Some(refusal) = worst(refusals) {
        return Err(refusal);
    }
    let mut agreed: Option<Agreement> = None;
    for (party, answer) in PartyIndex::ALL.into_iter().zip(answers) {
        let PartyResult::Decided {
            outcome: signed,
            user,
        } = &answer.result
        else {
            return Err(Refusal::ProtocolAborted);
        };
        check_signed(party, signed, &answer.identity)?;
        let agreed = agreed.get_or_insert_with(|| Agreement {
            outcome: AgreedOutcome {
                outcome: signed.outcome.clone(),
                signatures: Vec::with_capacity(PartyIndex::COUNT),
            },
            user: *user,
        });
        if agreed.outcome.outcome != signed.outcome || agreed.user != *user {
            return Err(Refusal::ProtocolAborted);
        }
        agreed.outcome.signatures.push(signed.signature);
    }
    let agreed = agreed.ok_or(Refusal::ProtocolAborted)?;
    let outcome = &agreed.outcome.outcome;
    if answers_question(question, outcome) && names_user(question, outcome, agreed.user) {
        Ok(agreed)
    } else {
        Err(Refusal::ProtocolAborted)
    }
}

/// Returns the refusal that says most: the first that a retry cannot change, else that a party is
/// being replaced, which its successor does not know, else the first.
pub fn worst(refusals: impl Iterator<Item = Refusal>) -> Option<Refusal> {
    let mut first = None;
    for refusal in refusals {
        if !refusal.retryable() {
            return Some(refusal);
        }
        if refusal == Refusal::Draining {
            first = Some(refusal);
        }
        first = first.or(Some(refusal));
    }
    first
}

fn check_signed(
    party: PartyIndex,
    signed: &SignedOutcome,
    identity: &[u8; 32],
) -> Result<(), Refusal> {
    let bytes = signed.outcome.signed_bytes(party);
    if signed.party == party && verify_signature(identity, &bytes, &signed.signature) {
        Ok(())
    } else {
        Err(Refusal::ProtocolAborted)
    }
}

fn answers_question(question: &Question<'_>, outcome: &Outcome) -> bool {
    let fits = match (question.subject, &outcome.decision) {
        (Subject::Enrol { user }, Decision::Enrolled { user: enrolled }) => user == enrolled,
        (Subject::Enrol { .. }, Decision::AlreadyEnrolled)
        | (
            Subject::Identify(_),
            Decision::Matched { .. } | Decision::NotMatched | Decision::Ambiguous,
        ) => true,
        (
            Subject::Enrol { .. },
            Decision::Matched { .. } | Decision::NotMatched | Decision::Ambiguous,
        )
        | (Subject::Identify(_), Decision::Enrolled { .. } | Decision::AlreadyEnrolled) => false,
    };
    fits && outcome.network == question.network
        && outcome.request == question.request
        && outcome.subject == question.subject.digest()
}

/// Tells whether a user is named exactly if one matched, and is whom the outcome names.
fn names_user(question: &Question<'_>, outcome: &Outcome, user: Option<UserId>) -> bool {
    match (question.subject, &outcome.decision, user) {
        (Subject::Identify(context), Decision::Matched { who, .. }, Some(user)) => {
            pairwise_id(user, &context.vendor) == *who
        }
        (_, Decision::Matched { .. }, _) => false,
        (
            _,
            Decision::Enrolled { .. }
            | Decision::AlreadyEnrolled
            | Decision::NotMatched
            | Decision::Ambiguous,
            user,
        ) => user.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::PairwiseId;
    use boop_wire::job::PalmSide;

    use super::*;
    use crate::fixture::{NETWORK, PartySigner, USER, context, matched_for};

    const REQUEST: RequestId = RequestId::new([5; 16]);

    #[test]
    fn three_equal_signed_outcomes_are_one() {
        let subject = Subject::Identify(context("c1"));
        let signers = PartySigner::all();

        let agreed = ask(&subject, &honest(&signers, &matched(&subject))).unwrap();

        assert_eq!(agreed.outcome.outcome, matched(&subject));
        assert_eq!(agreed.outcome.signatures.len(), 3);
        assert_eq!(agreed.user, Some(USER));
    }

    #[test]
    fn parties_that_name_different_users_end_it_for_all() {
        let subject = Subject::Identify(context("c1"));
        let signers = PartySigner::all();
        for named in [None, Some(UserId::new([2; 16]))] {
            for party in 0..3 {
                let mut answers = honest(&signers, &matched(&subject));
                answers[party].result = name(&answers[party].result, named);

                assert_eq!(ask(&subject, &answers), Err(Refusal::ProtocolAborted));
            }
        }
    }

    #[test]
    fn a_user_whom_the_outcome_does_not_name_is_refused() {
        let subject = Subject::Identify(context("c1"));
        let signers = PartySigner::all();
        let stranger = UserId::new([2; 16]);
        let nobody = Outcome {
            decision: Decision::NotMatched,
            ..matched(&subject)
        };
        let elsewhere = Outcome {
            decision: matched_for(USER, &"ven_2".parse().unwrap()),
            ..matched(&subject)
        };
        let garbled = Outcome {
            decision: Decision::Matched {
                who: PairwiseId::new([0; 32]),
                side: PalmSide::Left,
            },
            ..matched(&subject)
        };

        for (outcome, named) in [
            (matched(&subject), Some(stranger)),
            (matched(&subject), None),
            (nobody, Some(USER)),
            (elsewhere, Some(USER)),
            (garbled, Some(USER)),
        ] {
            let answers = honest(&signers, &outcome);
            let answers = answers.map(|answer| Attributed {
                result: name(&answer.result, named),
                ..answer
            });
            assert_eq!(ask(&subject, &answers), Err(Refusal::ProtocolAborted));
        }
    }

    #[test]
    fn an_outcome_without_a_match_names_nobody() {
        let subject = Subject::Identify(context("c1"));
        let signers = PartySigner::all();
        for decision in [Decision::NotMatched, Decision::Ambiguous] {
            let outcome = Outcome {
                decision,
                ..matched(&subject)
            };

            let agreed = ask(&subject, &honest(&signers, &outcome)).unwrap();

            assert_eq!(agreed.user, None);
        }
    }

    #[test]
    fn a_party_that_says_something_else_ends_it_for_all() {
        let subject = Subject::Identify(context("c1"));
        let signers = PartySigner::all();
        let mut answers = honest(&signers, &matched(&subject));
        let other = Outcome {
            decision: Decision::NotMatched,
            ..matched(&subject)
        };
        answers[1] = signers[1].answer(&other);

        assert_eq!(ask(&subject, &answers), Err(Refusal::ProtocolAborted));
    }

    #[test]
    fn a_signature_by_another_key_is_not_the_partys() {
        let subject = Subject::Identify(context("c1"));
        let signers = PartySigner::all();
        let mut answers = honest(&signers, &matched(&subject));
        answers[2].identity = signers[0].identity();

        assert_eq!(ask(&subject, &answers), Err(Refusal::ProtocolAborted));
    }

    #[test]
    fn answers_in_each_others_place_are_refused() {
        let subject = Subject::Identify(context("c1"));
        let signers = PartySigner::all();
        let mut answers = honest(&signers, &matched(&subject));
        answers.swap(0, 1);

        assert_eq!(ask(&subject, &answers), Err(Refusal::ProtocolAborted));
    }

    #[test]
    fn an_answer_to_another_question_is_refused() {
        let subject = Subject::Identify(context("c1"));
        let signers = PartySigner::all();
        let good = matched(&subject);
        let wrong = [
            Outcome {
                request: RequestId::new([6; 16]),
                ..good.clone()
            },
            Outcome {
                network: NetworkId::new([9; 32]),
                ..good.clone()
            },
            Outcome {
                subject: Subject::Identify(context("c2")).digest(),
                ..good.clone()
            },
            Outcome {
                decision: Decision::AlreadyEnrolled,
                ..good
            },
        ];

        for outcome in wrong {
            let answers = honest(&signers, &outcome);
            assert_eq!(ask(&subject, &answers), Err(Refusal::ProtocolAborted));
        }
    }

    #[test]
    fn an_enrolment_of_another_user_is_refused() {
        let signers = PartySigner::all();
        let subject = Subject::Enrol {
            user: UserId::new([1; 16]),
        };
        let outcome = Outcome {
            decision: Decision::Enrolled {
                user: UserId::new([2; 16]),
            },
            ..matched(&subject)
        };

        let answers = honest(&signers, &outcome);

        assert_eq!(ask(&subject, &answers), Err(Refusal::ProtocolAborted));
    }

    #[test]
    fn a_final_refusal_of_one_party_outweighs_results_and_retries() {
        let subject = Subject::Identify(context("c1"));
        let signers = PartySigner::all();
        let mut answers = honest(&signers, &matched(&subject));
        answers[0].result = PartyResult::Refused(Refusal::PartyUnavailable);
        assert_eq!(ask(&subject, &answers), Err(Refusal::PartyUnavailable));

        answers[2].result = PartyResult::Refused(Refusal::SealedBoxInvalid);
        assert_eq!(ask(&subject, &answers), Err(Refusal::SealedBoxInvalid));
    }

    fn name(result: &PartyResult, user: Option<UserId>) -> PartyResult {
        match result.clone() {
            PartyResult::Decided { outcome, .. } => PartyResult::Decided { outcome, user },
            refused @ PartyResult::Refused(_) => refused,
        }
    }

    fn ask(subject: &Subject, answers: &[Attributed; 3]) -> Result<Agreement, Refusal> {
        let question = Question {
            network: NETWORK,
            request: REQUEST,
            subject,
        };
        agree(&question, answers)
    }

    fn matched(subject: &Subject) -> Outcome {
        Outcome {
            network: NETWORK,
            request: REQUEST,
            subject: subject.digest(),
            decision: matched_for(USER, &context("c1").vendor),
            searched: 3,
        }
    }

    fn honest(signers: &[PartySigner; 3], outcome: &Outcome) -> [Attributed; 3] {
        [0, 1, 2].map(|party| signers[party].answer(outcome))
    }
}

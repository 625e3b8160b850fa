//! From the match bits to a decision: pure, the same at all three parties.

use boop_wire::UserId;
use boop_wire::job::{Decision, Subject, pairwise_id};

use crate::vault::RecordFacts;

/// Decides what the matching amounts to, and whose record matched if one user is named. `facts`
/// are those of the capture, were it enrolled.
pub(crate) fn decide(
    subject: &Subject,
    facts: Option<&RecordFacts>,
    records: &[RecordFacts],
    matches: &[bool],
) -> (Decision, Option<UserId>) {
    let mut found = records
        .iter()
        .zip(matches)
        .filter(|(_, matched)| **matched)
        .map(|(facts, _)| facts);
    let first = found.next();
    match (subject, first) {
        (Subject::Identify(_), None) => (Decision::NotMatched, None),
        (Subject::Identify(context), Some(first)) => {
            if found.any(|other| other.user != first.user) {
                (Decision::Ambiguous, None)
            } else {
                let matched = Decision::Matched {
                    who: pairwise_id(first.user, &context.vendor),
                    side: first.side,
                };
                (matched, Some(first.user))
            }
        }
        (Subject::Enrol { user }, _) => {
            let again = facts.is_some_and(|facts| records.iter().any(|r| same_request(r, facts)));
            let taken = records
                .iter()
                .any(|record| record.user == *user && facts.is_some_and(|f| f.side == record.side));
            let decision = if again {
                Decision::Enrolled { user: *user }
            } else if first.is_some() || taken {
                Decision::AlreadyEnrolled
            } else {
                Decision::Enrolled { user: *user }
            };
            (decision, None)
        }
    }
}

/// Tells whether the record was made by this very request, which is then only repeated.
pub(crate) fn same_request(record: &RecordFacts, facts: &RecordFacts) -> bool {
    record.request == facts.request && record.user == facts.user && record.side == facts.side
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use boop_wire::job::{AuthContext, ContextKind, PalmSide};
    use boop_wire::{Digest, RequestId};

    use super::*;

    #[test]
    fn one_matching_user_is_named_and_two_are_not() {
        let subject = identify();
        let records = records(&[
            (1, PalmSide::Left),
            (1, PalmSide::Right),
            (2, PalmSide::Left),
        ]);

        let decide = |bits: [bool; 3]| decide(&subject, None, &records, &bits);

        let matched = |side| {
            let who = pairwise_id(user(1), &"ven_1".parse().unwrap());
            (Decision::Matched { who, side }, Some(user(1)))
        };
        assert_eq!(decide([false; 3]), (Decision::NotMatched, None));
        assert_eq!(decide([false, true, false]), matched(PalmSide::Right));
        assert_eq!(decide([true, true, false]), matched(PalmSide::Left));
        assert_eq!(decide([true, false, true]), (Decision::Ambiguous, None));
    }

    #[test]
    fn two_vendors_are_told_different_ids_of_one_user() {
        let records = records(&[(1, PalmSide::Left)]);
        let told = |vendor: &str| {
            let subject = match identify() {
                Subject::Identify(context) => Subject::Identify(AuthContext {
                    vendor: vendor.parse().unwrap(),
                    ..context
                }),
                enrol @ Subject::Enrol { .. } => enrol,
            };
            decide(&subject, None, &records, &[true])
        };

        let (first, second) = (told("ven_1"), told("ven_2"));

        assert_ne!(first.0, second.0);
        assert_eq!((first.1, second.1), (Some(user(1)), Some(user(1))));
    }

    #[test]
    fn a_palm_is_enrolled_once_and_its_own_request_may_repeat() {
        let records = records(&[(1, PalmSide::Left)]);
        let enrol = |number, request, side, bits: [bool; 1]| {
            let subject = Subject::Enrol { user: user(number) };
            let facts = facts(number, request, side);
            let (decision, user) = decide(&subject, Some(&facts), &records, &bits);
            assert_eq!(user, None);
            decision
        };

        let new = enrol(2, 9, PalmSide::Left, [false]);
        assert_eq!(new, Decision::Enrolled { user: user(2) });
        assert_eq!(
            enrol(2, 9, PalmSide::Left, [true]),
            Decision::AlreadyEnrolled
        );
        assert_eq!(
            enrol(1, 9, PalmSide::Left, [false]),
            Decision::AlreadyEnrolled
        );
        let repeated = enrol(1, 1, PalmSide::Left, [true]);
        assert_eq!(repeated, Decision::Enrolled { user: user(1) });
    }

    fn identify() -> Subject {
        Subject::Identify(AuthContext {
            vendor: "ven_1".parse().unwrap(),
            context: "ctx_1".parse().unwrap(),
            terminal: "till".parse().unwrap(),
            kind: ContextKind::Entrance,
            payee: "Café".into(),
            attributes_required: Vec::new(),
            attributes_optional: Vec::new(),
            expires_at_ms: 1,
        })
    }

    fn records(list: &[(u8, PalmSide)]) -> Vec<RecordFacts> {
        let record = |(number, side): &(u8, PalmSide)| facts(*number, *number, *side);
        list.iter().map(record).collect()
    }

    fn facts(number: u8, request: u8, side: PalmSide) -> RecordFacts {
        RecordFacts {
            user: user(number),
            side,
            request: RequestId::new([request; 16]),
            commitments: Digest::new([0; 32]),
            preface: Digest::new([0; 32]),
        }
    }

    fn user(number: u8) -> UserId {
        UserId::new([number; 16])
    }
}

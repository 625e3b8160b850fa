//! From the match bits to a decision: pure, the same at all three parties.

use boop_wire::job::{Decision, Subject};

use crate::vault::{Record, RecordFacts};

/// Decides what the matching amounts to. `facts` are those of the capture, were it enrolled.
pub(crate) fn decide(
    subject: &Subject,
    facts: Option<&RecordFacts>,
    records: &[Record],
    matches: &[bool],
) -> Decision {
    let mut found = records
        .iter()
        .zip(matches)
        .filter(|(_, matched)| **matched)
        .map(|(record, _)| &record.facts);
    let first = found.next();
    match (subject, first) {
        (Subject::Identify(_), None) => Decision::NotMatched,
        (Subject::Identify(_), Some(first)) => {
            if found.any(|other| other.user != first.user) {
                Decision::Ambiguous
            } else {
                Decision::Matched {
                    user: first.user,
                    side: first.side,
                }
            }
        }
        (Subject::Enrol { user }, _) => {
            let again = facts.is_some_and(|facts| records.iter().any(|r| same_request(r, facts)));
            let taken = records.iter().any(|record| {
                record.facts.user == *user && facts.is_some_and(|f| f.side == record.facts.side)
            });
            if again {
                Decision::Enrolled { user: *user }
            } else if first.is_some() || taken {
                Decision::AlreadyEnrolled
            } else {
                Decision::Enrolled { user: *user }
            }
        }
    }
}

/// Tells whether the record was made by this very request, which is then only repeated.
pub(crate) fn same_request(record: &Record, facts: &RecordFacts) -> bool {
    let record = &record.facts;
    record.request == facts.request && record.user == facts.user && record.side == facts.side
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec;
    use alloc::vec::Vec;

    use boop_mpc::{STORED_SHARE_BYTES, StoredShare};
    use boop_wire::job::{AuthContext, ContextKind, PalmSide};
    use boop_wire::{Digest, RequestId, UserId};

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

        assert_eq!(decide([false; 3]), Decision::NotMatched);
        assert_eq!(
            decide([false, true, false]),
            Decision::Matched {
                user: user(1),
                side: PalmSide::Right
            }
        );
        assert_eq!(
            decide([true, true, false]),
            Decision::Matched {
                user: user(1),
                side: PalmSide::Left
            }
        );
        assert_eq!(decide([true, false, true]), Decision::Ambiguous);
    }

    #[test]
    fn a_palm_is_enrolled_once_and_its_own_request_may_repeat() {
        let records = records(&[(1, PalmSide::Left)]);
        let enrol = |number, request, side, bits: [bool; 1]| {
            let subject = Subject::Enrol { user: user(number) };
            let facts = facts(number, request, side);
            decide(&subject, Some(&facts), &records, &bits)
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

    fn records(list: &[(u8, PalmSide)]) -> Vec<Record> {
        let share = Arc::new(StoredShare::from_bytes(&vec![0; STORED_SHARE_BYTES]).unwrap());
        let record = |(number, side): &(u8, PalmSide)| Record {
            facts: facts(*number, *number, *side),
            share: Arc::clone(&share),
        };
        list.iter().map(record).collect()
    }

    fn facts(number: u8, request: u8, side: PalmSide) -> RecordFacts {
        RecordFacts {
            user: user(number),
            side,
            request: RequestId::new([request; 16]),
            commitments: Digest::new([0; 32]),
        }
    }

    fn user(number: u8) -> UserId {
        UserId::new([number; 16])
    }
}

//! The rules, with the argument for each threshold.
//!
//! A threshold lies above what a busy day does and below what makes an attack worth while; the
//! tests hold both. Slowed and blocked is only who proved itself, or an address: a rule over what
//! a stranger can say about somebody else pages, since otherwise strangers could shut others out.

use crate::event::{CaptureFault, Ending, Pseudonym, Subject, What};
use crate::rule::{Response, Rule, Sign, Threshold};

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Wet hands need four captures, and one customer in ten may need a second; fifteen strangers in a
/// row at one till are no queue. A climb takes hundreds of captures.
const CLIMB: Threshold = threshold(15, 30 * MINUTE_MS, 100);
/// A climber with a palm of its own can end each run. Where forty refusals outweigh the matches
/// between them, no till works like that, however bad its glass is.
const HIDDEN_CLIMB: Threshold = threshold(40, HOUR_MS, 60);
/// A capture is sealed for one request in one context. A scanner that meets a new manifest sends
/// one or two that do not open before it fetches the new keys.
const REPLAY: Threshold = threshold(3, 10 * MINUTE_MS, 0);
/// A gate lets some thirty people a minute through; forty is a hand every second and a half, for a
/// whole minute, with the parties' work in between.
const CROWD: Threshold = threshold(40, MINUTE_MS, 0);
/// A till loses one sale in ten. Four of five, forty times within half a shift, is no shop.
const NO_SALE: Threshold = threshold(40, 4 * HOUR_MS, 80);
/// A customer who forgot having registered comes once or twice; a family, four times.
const DUPLICATES: Threshold = threshold(5, 15 * MINUTE_MS, 0);
/// An honest enrolment is a QR code and three samples, half a minute at least: ten minutes hold
/// twenty.
const ENROLMENTS: Threshold = threshold(25, 10 * MINUTE_MS, 0);
/// A move is one change, and a move that did not work out is two.
const PLACES: Threshold = threshold(4, 10 * MINUTE_MS, 0);
/// A wrong key that a program repeats is one key. A shop whose scanners were all given wrong keys
/// has a handful, and its good logins beside them.
const KEYS: Threshold = threshold(12, 10 * MINUTE_MS, 50);
/// A vendor's servers with an old key come from the few addresses that it has.
const ADDRESSES: Threshold = threshold(8, HOUR_MS, 0);
/// A program that polls something that is gone asks for one thing; here they are all different,
/// and half of all that is asked.
const MISSES: Threshold = threshold(20, 10 * MINUTE_MS, 50);
/// A broken integration sends thirty before somebody looks; whoever tries fields sends hundreds.
const MALFORMED: Threshold = threshold(60, 5 * MINUTE_MS, 0);
/// A client that tries again with the same proof does so two or three times.
const PROOFS: Threshold = threshold(5, 10 * MINUTE_MS, 0);
/// A deploy with a new key and an old token meets this once on each server, before it asks anew.
const TOKENS: Threshold = threshold(5, 10 * MINUTE_MS, 0);

/// All rules.
pub const RULES: [Rule; 14] = [
    Rule {
        id: "hill-climbing",
        title: "many captures of one scanner in a run that match nobody",
        tag: Some("T1110"),
        counts: "captures that match nobody, in a run",
        threshold: CLIMB,
        response: Response::Slow {
            for_ms: 15 * MINUTE_MS,
        },
        runbook: "Call the shop: is the scanner's glass clean, who is at it? If nobody knows of \
                  it, quarantine the scanner and have it looked at",
        look: climbs,
    },
    Rule {
        id: "hill-climbing-between-matches",
        title: "captures that match nobody, with a match now and then to end the run",
        tag: Some("T1110"),
        counts: "captures that match nobody, with matches between",
        threshold: HIDDEN_CLIMB,
        response: Response::Page,
        runbook: "Look whether the matches between are one person's; if so, treat it as \
                  hill-climbing and close that account until its owner was heard",
        look: climbs,
    },
    Rule {
        id: "capture-replay",
        title: "captures that were made or used for something else",
        tag: None,
        counts: "captures of other requests or contexts",
        threshold: REPLAY,
        response: Response::Slow {
            for_ms: 10 * MINUTE_MS,
        },
        runbook: "If a manifest or a party's key changed just now, let the scanner fetch it. \
                  Otherwise somebody keeps captures: replace the scanner and its key",
        look: |what| match *what {
            What::CaptureRefused {
                scanner,
                fault: CaptureFault::Replayed,
            } => Some((Subject::Scanner(scanner), Sign::Hit)),
            _ => None,
        },
    },
    Rule {
        id: "many-people-one-scanner",
        title: "more people at one scanner than hands can be held over it",
        tag: Some("T1078"),
        counts: "people",
        threshold: CROWD,
        response: Response::Block {
            for_ms: 15 * MINUTE_MS,
        },
        runbook: "No sensor is behind this: treat the scanner's key as stolen, and list whose \
                  palms matched meanwhile",
        look: |what| match *what {
            What::CaptureMatched { scanner, who } => {
                Some((Subject::Scanner(scanner), Sign::HitOn(who)))
            }
            // Who did not match is nobody known, so each is somebody.
            What::CaptureRefused {
                scanner,
                fault: CaptureFault::NotMatched,
            } => Some((Subject::Scanner(scanner), Sign::Hit)),
            _ => None,
        },
    },
    Rule {
        id: "scan-without-sale",
        title: "payments that are asked for and not made",
        tag: Some("T1589"),
        counts: "contexts for payments that were not made",
        threshold: NO_SALE,
        response: Response::Page,
        runbook: "Ask the vendor what it does. Are its scanners broken? If it looks at people \
                  instead of selling, end its contexts and review the contract",
        look: |what| match *what {
            What::ContextEnded { vendor, ending } => match ending {
                Ending::Unpaid => Some((Subject::Vendor(vendor), Sign::Hit)),
                Ending::Paid => Some((Subject::Vendor(vendor), Sign::Good)),
                Ending::Admitted | Ending::Left => None,
            },
            _ => None,
        },
    },
    Rule {
        id: "duplicate-enrolment-burst",
        title: "palms that are enrolled already, enrolled again",
        tag: Some("T1087"),
        counts: "palms that are enrolled already",
        threshold: DUPLICATES,
        response: Response::Slow {
            for_ms: 15 * MINUTE_MS,
        },
        runbook: "Find the operator of the scanner: is this one person trying for more accounts, \
                  or somebody asking who is enrolled?",
        look: |what| match *what {
            What::AlreadyEnrolled { scanner } => Some((Subject::Scanner(scanner), Sign::Hit)),
            _ => None,
        },
    },
    Rule {
        id: "enrolment-burst",
        title: "more enrolments at one scanner than people can be asked for their palm",
        tag: Some("T1136"),
        counts: "enrolments",
        threshold: ENROLMENTS,
        response: Response::Page,
        runbook: "Hold the new accounts of that time; have a second operator confirm them with \
                  the people, and remove those that nobody is",
        look: |what| match *what {
            What::Enrolled { scanner } => Some((Subject::Scanner(scanner), Sign::Hit)),
            _ => None,
        },
    },
    Rule {
        id: "key-in-two-places",
        title: "one key in turns from two networks",
        tag: Some("T1078"),
        counts: "changes between two networks",
        threshold: PLACES,
        response: Response::Page,
        runbook: "Ask the owner which of the two is theirs; a line that fails over and back looks \
                  the same. If only one is, replace the key now and list what the other one did",
        look: |what| match *what {
            // A scanner is one device; a vendor may have many servers; and a user's phone changes
            // between networks all day.
            What::LoginGood { principal, address } => match principal {
                Subject::Scanner(_) => Some((principal, place(address, false))),
                Subject::Vendor(_) | Subject::Administrator => {
                    Some((principal, place(address, true)))
                }
                Subject::User(_) | Subject::Address(_) => None,
            },
            _ => None,
        },
    },
    Rule {
        id: "login-guessing",
        title: "one address that tries many keys",
        tag: Some("T1110"),
        counts: "different keys that are nobody's",
        threshold: KEYS,
        response: Response::Block {
            for_ms: 15 * MINUTE_MS,
        },
        runbook: "Look whether a shop behind the address has scanners with wrong keys; if not, \
                  leave the block and tell the network's abuse desk",
        look: |what| match *what {
            What::LoginFailed { address, key, .. } => Some((at(address), Sign::HitOn(key))),
            What::LoginGood { address, .. } => Some((at(address), Sign::Good)),
            _ => None,
        },
    },
    Rule {
        id: "login-guessing-from-many",
        title: "many addresses that try keys for one principal",
        tag: Some("T1110"),
        counts: "addresses with wrong keys",
        threshold: ADDRESSES,
        response: Response::Page,
        runbook: "Ask the principal whether it changed its key. Do not block it: that would be \
                  the attacker's wish. Limit its logins to the addresses that it names",
        look: |what| match *what {
            What::LoginFailed {
                address,
                claimed: Some(claimed),
                ..
            } => Some((claimed, Sign::HitOn(address))),
            _ => None,
        },
    },
    Rule {
        id: "enumeration",
        title: "asking for one thing after the other that is not there",
        tag: Some("T1595.003"),
        counts: "different things that are not there or not the asker's",
        threshold: MISSES,
        response: Response::Slow {
            for_ms: 10 * MINUTE_MS,
        },
        runbook: "Look at what was asked for: ids in a row are a search. If the asker is a \
                  vendor, ask it; if it is an address, block it",
        look: |what| match *what {
            What::Missed { asker, target } => Some((asker, Sign::HitOn(target))),
            What::Served { asker } => Some((asker, Sign::Good)),
            _ => None,
        },
    },
    Rule {
        id: "malformed-burst",
        title: "messages that do not read, one after the other",
        tag: Some("T1595.002"),
        counts: "messages that do not read",
        threshold: MALFORMED,
        response: Response::Slow {
            for_ms: 5 * MINUTE_MS,
        },
        runbook: "Look at the details: one wrong field again and again is a broken integration, \
                  so tell the vendor; ever new ones are a search for a hole",
        look: |what| match *what {
            What::Malformed { asker } => Some((asker, Sign::Hit)),
            What::CaptureRefused {
                scanner,
                fault: CaptureFault::Malformed,
            } => Some((Subject::Scanner(scanner), Sign::Hit)),
            _ => None,
        },
    },
    Rule {
        id: "proof-replay",
        title: "proofs for one use, used again",
        tag: Some("T1550.001"),
        counts: "proofs that were used before",
        threshold: PROOFS,
        response: Response::Page,
        runbook: "Somebody reads the vendor's requests, or its client repeats them unchanged. \
                  Ask which; revoke its tokens in the first case",
        look: |what| match *what {
            What::ProofReplayed { principal } => Some((principal, Sign::Hit)),
            _ => None,
        },
    },
    Rule {
        id: "token-misuse",
        title: "a token in hands that it was not given to",
        tag: Some("T1550.001"),
        counts: "uses of a token without its key",
        threshold: TOKENS,
        response: Response::Page,
        runbook: "The token has leaked, and was of no use. Revoke the vendor's tokens, and have \
                  it search for where it came from",
        look: |what| match *what {
            What::TokenMisused { principal } => Some((principal, Sign::Hit)),
            _ => None,
        },
    },
];

/// What both rules against hill climbing look at.
fn climbs(what: &What) -> Option<(Subject, Sign)> {
    match *what {
        What::CaptureRefused {
            scanner,
            fault: CaptureFault::NotMatched,
        } => Some((Subject::Scanner(scanner), Sign::Hit)),
        What::CaptureMatched { scanner, .. } => Some((Subject::Scanner(scanner), Sign::Good)),
        _ => None,
    }
}

const fn place(place: Pseudonym, learns: bool) -> Sign {
    Sign::At { place, learns }
}

const fn at(address: Pseudonym) -> Subject {
    Subject::Address(address)
}

const fn threshold(count: usize, window_ms: u64, percent: u8) -> Threshold {
    Threshold {
        count,
        window_ms,
        percent,
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::Digest;

    use super::*;
    use crate::standing::RESPONSE_MS_MAX;

    #[test]
    fn ids_are_unique_and_kebab_case() {
        for (position, rule) in RULES.iter().enumerate() {
            let plain = |b: u8| b.is_ascii_lowercase() || b == b'-';
            assert!(rule.id.bytes().all(plain), "{}", rule.id);
            let first = RULES.iter().position(|other| other.id == rule.id);
            assert_eq!(first, Some(position));
        }
    }

    #[test]
    fn no_response_lasts_longer_than_a_standing_may() {
        for rule in RULES {
            let lasts_ms = match rule.response {
                Response::Page => continue,
                Response::Slow { for_ms } | Response::Block { for_ms } => for_ms,
            };
            assert!(lasts_ms <= RESPONSE_MS_MAX, "{}", rule.id);
        }
    }

    #[test]
    fn what_strangers_say_of_others_slows_and_blocks_nobody_but_the_strangers_address() {
        let own = Pseudonym::new(Digest::new([1; 32]));
        let victim = Subject::Vendor(Pseudonym::new(Digest::new([2; 32])));
        let said = [
            What::LoginFailed {
                address: own,
                claimed: Some(victim),
                key: own,
            },
            What::ProofReplayed { principal: victim },
            What::TokenMisused { principal: victim },
        ];

        let mut about_the_victim = 0;
        for (rule, what) in RULES
            .iter()
            .flat_map(|rule| said.iter().map(move |w| (rule, w)))
        {
            let about = (rule.look)(what).map(|(subject, _)| subject);
            if about == Some(victim) {
                about_the_victim += 1;
                assert_eq!(rule.response, Response::Page, "{}", rule.id);
            }
        }
        assert_eq!(about_the_victim, 3);
    }
}

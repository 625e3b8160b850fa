//! For each rule its attack: what happens, about whom, and after how many of its events the rule
//! has to have found it.

use crate::event::{CaptureFault, Ending, Event, Subject, What};

use super::seeded::{Dice, HOUR, MINUTE, SECOND, Story, address, name, scanner, vendor};

/// An attack.
pub(super) struct Attack {
    /// The rule that finds it.
    pub(super) rule: &'static str,
    /// About whom.
    pub(super) subject: Subject,
    /// After how many events at the latest.
    pub(super) within: usize,
    /// What happens.
    pub(super) events: Vec<Event>,
}

const STRANGER: u64 = 666;

/// When attacks begin: in the middle of the day.
const START: u64 = 12 * HOUR;

/// Every attack, from a seed.
pub(super) fn attacks(seed: u64) -> Vec<Attack> {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    vec![
        hill_climbing(dice),
        hidden_climbing(dice),
        capture_replay(dice),
        many_people(dice),
        scan_without_sale(dice),
        duplicate_enrolments(dice),
        enrolments(dice),
        key_in_two_places(dice),
        login_guessing(dice),
        login_guessing_from_many(dice),
        enumeration(dice),
        malformed(dice),
        proof_replay(dice),
        token_misuse(dice),
    ]
}

/// So many events, `gap` milliseconds apart give or take a half.
fn series(
    dice: &mut Dice,
    count: u64,
    gap: u64,
    mut what: impl FnMut(u64, &mut Dice) -> What,
) -> Vec<Event> {
    let (mut story, mut now) = (Story::default(), START);
    for number in 0..count {
        now += dice.between(gap / 2, gap + gap / 2);
        let what = what(number, dice);
        story.add(now, what);
    }
    story.told()
}

fn strange_scanner() -> Subject {
    Subject::Scanner(scanner(STRANGER))
}

fn strange_vendor() -> Subject {
    Subject::Vendor(vendor(STRANGER))
}

fn not_matched() -> What {
    refused(CaptureFault::NotMatched)
}

fn refused(fault: CaptureFault) -> What {
    What::CaptureRefused {
        scanner: scanner(STRANGER),
        fault,
    }
}

fn hill_climbing(dice: &mut Dice) -> Attack {
    Attack {
        rule: "hill-climbing",
        subject: strange_scanner(),
        within: 15,
        events: series(dice, 300, 20 * SECOND, |_, _| not_matched()),
    }
}

/// The climber ends each run with a palm of its own.
fn hidden_climbing(dice: &mut Dice) -> Attack {
    let matched = What::CaptureMatched {
        scanner: scanner(STRANGER),
        who: name("person", STRANGER),
    };
    let step = |number, _: &mut Dice| match number % 10 {
        9 => matched,
        _ => not_matched(),
    };
    Attack {
        rule: "hill-climbing-between-matches",
        subject: strange_scanner(),
        within: 45,
        events: series(dice, 300, 30 * SECOND, step),
    }
}

fn capture_replay(dice: &mut Dice) -> Attack {
    Attack {
        rule: "capture-replay",
        subject: strange_scanner(),
        within: 3,
        events: series(dice, 20, 30 * SECOND, |_, _| {
            refused(CaptureFault::Replayed)
        }),
    }
}

/// Kept palms are sent in as fast as the door takes them.
fn many_people(dice: &mut Dice) -> Attack {
    let step = |number, _: &mut Dice| What::CaptureMatched {
        scanner: scanner(STRANGER),
        who: name("victim", number),
    };
    Attack {
        rule: "many-people-one-scanner",
        subject: strange_scanner(),
        within: 41,
        events: series(dice, 200, SECOND, step),
    }
}

fn scan_without_sale(dice: &mut Dice) -> Attack {
    let step = |_, dice: &mut Dice| What::ContextEnded {
        vendor: vendor(STRANGER),
        ending: if dice.percent(8) {
            Ending::Paid
        } else {
            Ending::Unpaid
        },
    };
    Attack {
        rule: "scan-without-sale",
        subject: strange_vendor(),
        within: 60,
        events: series(dice, 300, 2 * MINUTE, step),
    }
}

fn duplicate_enrolments(dice: &mut Dice) -> Attack {
    let scanner = scanner(STRANGER);
    Attack {
        rule: "duplicate-enrolment-burst",
        subject: strange_scanner(),
        within: 5,
        events: series(dice, 20, MINUTE, |_, _| What::AlreadyEnrolled { scanner }),
    }
}

fn enrolments(dice: &mut Dice) -> Attack {
    let scanner = scanner(STRANGER);
    Attack {
        rule: "enrolment-burst",
        subject: strange_scanner(),
        within: 26,
        events: series(dice, 100, 10 * SECOND, |_, _| What::Enrolled { scanner }),
    }
}

/// A till's key is used from elsewhere too.
fn key_in_two_places(dice: &mut Dice) -> Attack {
    let step = |number, _: &mut Dice| What::LoginGood {
        principal: strange_scanner(),
        address: address(STRANGER + number % 2),
    };
    Attack {
        rule: "key-in-two-places",
        subject: strange_scanner(),
        within: 5,
        events: series(dice, 20, MINUTE, step),
    }
}

fn login_guessing(dice: &mut Dice) -> Attack {
    let step = |number, dice: &mut Dice| What::LoginFailed {
        address: address(STRANGER),
        claimed: Some(Subject::Vendor(vendor(1_000 + dice.below(1_000)))),
        key: name("guess", number),
    };
    Attack {
        rule: "login-guessing",
        subject: Subject::Address(address(STRANGER)),
        within: 12,
        events: series(dice, 100, 5 * SECOND, step),
    }
}

fn login_guessing_from_many(dice: &mut Dice) -> Attack {
    let step = |number, _: &mut Dice| What::LoginFailed {
        address: address(10_000 + number),
        claimed: Some(strange_vendor()),
        key: name("guess", number),
    };
    Attack {
        rule: "login-guessing-from-many",
        subject: strange_vendor(),
        within: 8,
        events: series(dice, 50, MINUTE, step),
    }
}

fn enumeration(dice: &mut Dice) -> Attack {
    let asker = Subject::Address(address(STRANGER));
    let step = |number, dice: &mut Dice| match dice.below(5) {
        0 => What::Served { asker },
        _ => What::Missed {
            asker,
            target: name("guess", number),
        },
    };
    Attack {
        rule: "enumeration",
        subject: asker,
        within: 40,
        events: series(dice, 200, 2 * SECOND, step),
    }
}

fn malformed(dice: &mut Dice) -> Attack {
    let asker = Subject::Address(address(STRANGER));
    Attack {
        rule: "malformed-burst",
        subject: asker,
        within: 60,
        events: series(dice, 300, SECOND, |_, _| What::Malformed { asker }),
    }
}

fn proof_replay(dice: &mut Dice) -> Attack {
    let principal = strange_vendor();
    Attack {
        rule: "proof-replay",
        subject: principal,
        within: 5,
        events: series(dice, 20, 20 * SECOND, |_, _| What::ProofReplayed {
            principal,
        }),
    }
}

fn token_misuse(dice: &mut Dice) -> Attack {
    let principal = strange_vendor();
    Attack {
        rule: "token-misuse",
        subject: principal,
        within: 5,
        events: series(dice, 20, 20 * SECOND, |_, _| What::TokenMisused {
            principal,
        }),
    }
}

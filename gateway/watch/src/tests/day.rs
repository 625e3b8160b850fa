//! A busy day on which nothing is wrong, and much looks as if it were: a shop with rush hours, a
//! gate, a stand where people enrol, vendors' servers with their mistakes.

use crate::event::{CaptureFault, Ending, Event, Subject, What};

use super::seeded::{DAY, Dice, HOUR, MINUTE, SECOND, Story, address, name, scanner, vendor};

/// The shop, its tills are the scanners 1 to 3.
pub(super) const SHOP: u64 = 1;
/// A venue, its gate is scanner 10.
const VENUE: u64 = 2;
/// A vendor with servers in two networks.
const CHAIN: u64 = 3;
/// A vendor whose integration is broken.
const BROKEN: u64 = 4;
/// The scanner of the stand.
const STAND: u64 = 20;

/// A busy day.
pub(super) fn busy_day(seed: u64) -> Vec<Event> {
    let (mut story, mut dice) = (Story::default(), Dice::new(seed));
    for till in 1..=3 {
        shop_day(&mut story, &mut dice, till);
    }
    unlucky_customers(&mut story, &mut dice);
    gate_evening(&mut story, &mut dice);
    enrolment_stand(&mut story, &mut dice);
    scanners_come_and_move(&mut story, &mut dice);
    servers(&mut story, &mut dice);
    new_manifest(&mut story, &mut dice);
    wrong_keys(&mut story, &mut dice);
    broken_integration(&mut story, &mut dice);
    story.told()
}

/// Seconds between two customers at a till, by the hour; none while the shop is closed.
fn gap_s(hour: u64) -> Option<u64> {
    match hour {
        8 | 12 | 13 | 17 | 18 => Some(15),
        7 | 9..=11 | 14..=16 | 19..=21 => Some(90),
        _ => None,
    }
}

fn shop_day(story: &mut Story, dice: &mut Dice, till: u64) {
    let mut now = 7 * HOUR;
    while let Some(gap) = gap_s(now / HOUR) {
        now += dice.between(gap * SECOND / 3, gap * SECOND * 5 / 3);
        customer(story, dice, till, now);
    }
}

/// A customer: one capture, sometimes two or three, and the sale; or none.
fn customer(story: &mut Story, dice: &mut Dice, till: u64, start: u64) {
    let (scanner, vendor) = (scanner(till), vendor(SHOP));
    let mut now = start;
    // One in twenty cancels, has no account or too little money.
    let ending = if dice.percent(5) {
        Ending::Unpaid
    } else {
        Ending::Paid
    };
    for _ in 0..2 {
        now += dice.between(2 * SECOND, 4 * SECOND);
        if dice.percent(10) {
            let fault = match dice.below(3) {
                0 => CaptureFault::Quality,
                1 => CaptureFault::Expired,
                _ => CaptureFault::NotMatched,
            };
            story.add(now, What::CaptureRefused { scanner, fault });
        }
    }
    if ending == Ending::Paid {
        let who = name("person", dice.below(5_000));
        story.add(now + SECOND, What::CaptureMatched { scanner, who });
    }
    story.add(now + SECOND, What::ContextEnded { vendor, ending });
    story.add(
        now + SECOND,
        What::Served {
            asker: Subject::Vendor(vendor),
        },
    );
}

/// Wet hands need four captures; twice a day a group of tourists tries who is not enrolled.
fn unlucky_customers(story: &mut Story, dice: &mut Dice) {
    let vendor = vendor(SHOP);
    for till in 1..=3 {
        let scanner = scanner(till);
        for _ in 0..5 {
            let start = dice.between(8 * HOUR, 20 * HOUR);
            for attempt in 0..3 {
                let at_ms = start + attempt * 4 * SECOND;
                let fault = CaptureFault::NotMatched;
                story.add(at_ms, What::CaptureRefused { scanner, fault });
            }
            let who = name("person", dice.below(5_000));
            let ending = Ending::Paid;
            story.add(start + 15 * SECOND, What::CaptureMatched { scanner, who });
            story.add(start + 15 * SECOND, What::ContextEnded { vendor, ending });
        }
        for _ in 0..2 {
            let start = dice.between(9 * HOUR, 19 * HOUR);
            for tourist in 0..7 {
                let at_ms = start + tourist * 12 * SECOND;
                let (fault, ending) = (CaptureFault::NotMatched, Ending::Unpaid);
                story.add(at_ms, What::CaptureRefused { scanner, fault });
                story.add(at_ms, What::ContextEnded { vendor, ending });
            }
        }
    }
}

/// A gate lets a crowd in, as fast as people walk.
fn gate_evening(story: &mut Story, dice: &mut Dice) {
    let (scanner, vendor) = (scanner(10), vendor(VENUE));
    let mut now = 19 * HOUR;
    for person in 0..700 {
        now += dice.between(1_800, 2_600);
        if dice.percent(4) {
            let fault = CaptureFault::NotMatched;
            story.add(now, What::CaptureRefused { scanner, fault });
            now += 2 * SECOND;
        }
        let (who, ending) = (name("guest", person), Ending::Admitted);
        story.add(now, What::CaptureMatched { scanner, who });
        story.add(now, What::ContextEnded { vendor, ending });
    }
}

/// A queue at the stand where people enrol, and a family that has forgotten that it did.
fn enrolment_stand(story: &mut Story, dice: &mut Dice) {
    let scanner = scanner(STAND);
    let mut now = 11 * HOUR;
    while now < 15 * HOUR {
        now += dice.between(30 * SECOND, 60 * SECOND);
        story.add(now, What::Enrolled { scanner });
    }
    for hour in 11..15 {
        for member in 0..dice.between(1, 5) {
            let at_ms = hour * HOUR + member * 40 * SECOND;
            story.add(at_ms, What::AlreadyEnrolled { scanner });
        }
    }
}

/// Scanners log in, lose their line and log in again; one is carried to another place, and one
/// is carried there and back.
fn scanners_come_and_move(story: &mut Story, dice: &mut Dice) {
    for till in 1..=3 {
        for _ in 0..20 {
            let at_ms = dice.below(12 * HOUR);
            story.login(at_ms, Subject::Scanner(scanner(till)), 1);
        }
    }
    let moved = dice.between(13 * HOUR, 20 * HOUR);
    story.login(moved, Subject::Scanner(scanner(1)), 2);
    story.login(moved, Subject::Scanner(scanner(2)), 2);
    story.login(moved + 5 * MINUTE, Subject::Scanner(scanner(2)), 1);
    let user = Subject::User(name("user", 1));
    for change in 0..20 {
        // A phone between two networks.
        story.login(moved + change * 30 * SECOND, user, 30 + change % 2);
    }
}

/// Vendors' servers: a chain in two networks all day, and a deploy that changes the shop's address
/// server by server, with some old tokens and repeated proofs.
fn servers(story: &mut Story, dice: &mut Dice) {
    let chain = Subject::Vendor(vendor(CHAIN));
    for turn in 0..DAY / (10 * MINUTE) {
        for server in 0..6 {
            let at_ms = turn * 10 * MINUTE + dice.below(10 * MINUTE);
            story.login(at_ms, chain, 40 + server % 2);
        }
    }
    let shop = Subject::Vendor(vendor(SHOP));
    let deploy = dice.between(10 * HOUR, 16 * HOUR);
    for server in 0..6 {
        for turn in 0..10 {
            story.login(turn * HOUR + server * MINUTE, shop, 50);
        }
        // The new one logs in and the old one does not any more.
        let changed = deploy + server * MINUTE;
        story.login(changed, shop, 51);
        if server < 4 {
            story.add(changed, What::TokenMisused { principal: shop });
        }
    }
    for _ in 0..3 {
        let at_ms = dice.below(DAY);
        for attempt in 0..3 {
            let at_ms = at_ms + attempt * SECOND;
            story.add(at_ms, What::ProofReplayed { principal: shop });
        }
    }
}

/// A party's key changes, and each scanner sends two captures for the old one.
fn new_manifest(story: &mut Story, dice: &mut Dice) {
    let changed = dice.between(9 * HOUR, 18 * HOUR);
    for till in 1..=3 {
        let (scanner, fault) = (scanner(till), CaptureFault::Replayed);
        for capture in 0..2 {
            let at_ms = changed + dice.below(MINUTE) + capture * MINUTE;
            story.add(at_ms, What::CaptureRefused { scanner, fault });
        }
    }
}

/// A server repeats its old key all night, from each of its four addresses; a shop's nine scanners
/// were given wrong keys.
fn wrong_keys(story: &mut Story, dice: &mut Dice) {
    let chain = Subject::Vendor(vendor(CHAIN));
    for attempt in 0..500 {
        let failed = What::LoginFailed {
            address: address(60 + attempt % 4),
            claimed: Some(chain),
            key: name("key", 1),
        };
        story.add(attempt * 20 * SECOND, failed);
    }
    let delivered = dice.between(8 * HOUR, 12 * HOUR);
    for number in 0..9 {
        for attempt in 0..10 {
            let failed = What::LoginFailed {
                address: address(70),
                claimed: Some(Subject::Scanner(scanner(100 + number))),
                key: name("key", 100 + number),
            };
            story.add(delivered + attempt * 10 * SECOND, failed);
        }
    }
}

/// Thirty messages that do not read, now and then; and a program that asks for one context that is
/// gone, again and again, and for some others too.
fn broken_integration(story: &mut Story, dice: &mut Dice) {
    let asker = Subject::Vendor(vendor(BROKEN));
    for third in 0..3 {
        let start = third * 8 * HOUR + dice.below(7 * HOUR);
        for message in 0..30 {
            story.add(start + message * SECOND, What::Malformed { asker });
        }
    }
    for question in 0..2_000 {
        let target = name("context", 0);
        let at_ms = 5 * HOUR + question * 5 * SECOND;
        story.add(at_ms, What::Missed { asker, target });
        if question % 100 == 0 {
            let target = name("context", question);
            story.add(at_ms, What::Missed { asker, target });
        }
    }
    // A vendor that looks through its old contexts, of which one in three is gone.
    let asker = Subject::Vendor(vendor(SHOP));
    for question in 0..300 {
        let at_ms = 22 * HOUR + question * SECOND;
        let target = name("old", question);
        let what = match question % 3 {
            0 => What::Missed { asker, target },
            _ => What::Served { asker },
        };
        story.add(at_ms, what);
    }
}

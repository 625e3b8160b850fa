//! Every rule against its attack in the middle of a busy day, and all rules against busy days.

mod attacks;
mod day;
mod seeded;

use crate::event::{Event, Subject, What};
use crate::memory::Memory;
use crate::rule::{Rule, Threshold};
use crate::rules::RULES;
use crate::standing::Verdict;
use crate::subjects::SUBJECTS_MAX;
use crate::watch::{COOL_DOWN_MS, Finding, Watch};

use attacks::{Attack, attacks};
use day::{SHOP, busy_day};
use seeded::{DAY, HOUR, MINUTE, SECOND, address, name, scanner, vendor};

const SEEDS: std::ops::Range<u64> = 1..6;
/// Days of the budget for false alarms, which is none.
const DAYS: u64 = 30;
/// Room for every subject of a story.
const ROOM: usize = 10_000;

#[test]
fn every_rule_has_its_attack() {
    let listed: Vec<_> = attacks(0).into_iter().map(|attack| attack.rule).collect();

    assert_eq!(listed, RULES.map(|rule| rule.id));
}

#[test]
fn every_attack_on_a_busy_day_is_found_in_time_and_nothing_else_is() {
    for seed in SEEDS {
        let day = busy_day(seed);
        for attack in attacks(seed) {
            let found = findings(Watch::new(), &merged(&day, &attack.events));

            let about = |finding: &Finding| (finding.rule, finding.subject);
            let expected = (attack.rule, attack.subject);
            let others = found.iter().filter(|finding| about(finding) != expected);
            let also: Vec<_> = others
                .filter(|finding| !is_the_same(&attack, finding))
                .collect();
            assert!(also.is_empty(), "seed {seed}, {}: {also:?}", attack.rule);
            let first = found.iter().find(|finding| about(finding) == expected);
            let first = first.unwrap_or_else(|| panic!("seed {seed}: no {}", attack.rule));
            let so_far = attack
                .events
                .iter()
                .filter(|event| event.at_ms <= first.at_ms);
            let so_far = so_far.count();
            assert!(
                so_far <= attack.within,
                "seed {seed}, {}: {so_far}",
                attack.rule
            );
        }
    }
}

#[test]
fn with_its_rules_threshold_lifted_no_attack_is_found() {
    for seed in SEEDS {
        let day = busy_day(seed);
        for attack in attacks(seed) {
            let lifted = |threshold: Threshold| Threshold {
                count: usize::MAX,
                ..threshold
            };
            let watch = Watch::of(&changed(attack.rule, lifted), ROOM);

            let found = findings(watch, &merged(&day, &attack.events));

            let mut found = found.iter();
            assert!(
                found.all(|finding| finding.rule != attack.rule),
                "{}",
                attack.rule
            );
        }
    }
}

#[test]
fn thirty_busy_days_have_no_finding() {
    for seed in 0..DAYS {
        let day = busy_day(seed);
        assert!(day.iter().all(|event| event.at_ms < DAY));

        assert_eq!(findings(Watch::new(), &day), [], "seed {seed}");
    }
}

#[test]
fn a_month_under_one_watch_has_no_finding() {
    let mut watch = Watch::new();
    for seed in 0..DAYS {
        for event in busy_day(seed) {
            let at_ms = seed * DAY + event.at_ms;
            assert_eq!(watch.observe(&Event { at_ms, ..event }), [], "day {seed}");
        }
    }
}

/// A day on which a rule has nothing to look at would show nothing.
#[test]
fn a_busy_day_says_something_to_every_rule() {
    for rule in RULES {
        let touchy = |threshold: Threshold| Threshold {
            count: 1,
            percent: 0,
            ..threshold
        };
        let watch = Watch::of(&changed(rule.id, touchy), ROOM);

        let found = findings(watch, &busy_day(1));

        assert!(
            found.iter().any(|finding| finding.rule == rule.id),
            "{}",
            rule.id
        );
        assert!(
            found.iter().all(|finding| finding.rule == rule.id),
            "{}",
            rule.id
        );
    }
}

/// The busy days are not easy: all but two rules would disturb them at half of their threshold.
#[test]
fn at_half_their_thresholds_the_rules_find_something_on_busy_days() {
    let half = |threshold: Threshold| Threshold {
        count: threshold.count.div_ceil(2),
        percent: threshold.percent / 2,
        ..threshold
    };
    let is_quiet = |rule: &Rule| {
        let rules = changed(rule.id, half);
        (0..3).all(|seed| findings(Watch::of(&rules, ROOM), &busy_day(seed)).is_empty())
    };

    let quiet = RULES.iter().filter(|rule| is_quiet(rule));

    let quiet: Vec<_> = quiet.map(|rule| rule.id).collect();
    assert_eq!(
        quiet,
        ["hill-climbing-between-matches", "scan-without-sale"]
    );
}

#[test]
fn the_rules_take_less_than_256_mib_however_many_attack() {
    let each = RULES.map(|rule| {
        // Twice in a tree, whose nodes may be half empty.
        let kept = 2 * 2 * size_of::<(Subject, u64)>();
        Memory::bytes_max(&rule.threshold) + kept
    });

    let all = each.iter().sum::<usize>() * SUBJECTS_MAX;

    assert!(all < 256 << 20, "{all}");
}

#[test]
fn an_attack_is_one_line_an_hour_and_the_door_acts_as_long_as_it_goes_on() {
    let mut watch = Watch::new();
    let (subject, mut lines) = (Subject::Scanner(scanner(1)), vec![]);
    for number in 0..3 * 360 {
        let (at_ms, scanner) = (number * 10 * SECOND, scanner(1));
        let what = What::AlreadyEnrolled { scanner };
        lines.extend(watch.observe(&Event { at_ms, what }));
        let slow = watch.verdict(subject, at_ms);
        assert_eq!(
            matches!(slow, Verdict::Slow { .. }),
            number >= 4,
            "{number}"
        );
    }

    let times: Vec<_> = lines.iter().map(|line| line.at_ms).collect();
    let first = 40 * SECOND;
    assert_eq!(
        times,
        [first, first + COOL_DOWN_MS, first + 2 * COOL_DOWN_MS]
    );
    let last = (3 * 360 - 1) * 10 * SECOND;
    let until_ms = last + 15 * MINUTE;
    assert_eq!(watch.verdict(subject, last), Verdict::Slow { until_ms });
    assert_eq!(watch.verdict(subject, until_ms), Verdict::Free);
}

#[test]
fn guessing_blocks_the_address_and_leaves_the_vendor_alone() {
    let mut watch = Watch::new();
    let claimed = Some(Subject::Vendor(vendor(SHOP)));
    for number in 0..120 {
        let what = What::LoginFailed {
            address: address(number % 10),
            claimed,
            key: name("guess", number),
        };
        watch.observe(&Event { at_ms: 100, what });
    }

    let until_ms = 100 + 15 * MINUTE;
    let verdict = |subject| watch.verdict(subject, 100);
    assert_eq!(
        verdict(Subject::Address(address(0))),
        Verdict::Blocked { until_ms }
    );
    assert_eq!(verdict(Subject::Vendor(vendor(SHOP))), Verdict::Free);
}

#[test]
fn whoever_is_let_free_has_done_nothing_yet_and_an_attack_that_goes_on_is_found_anew() {
    let mut watch = Watch::new();
    let guess = |watch: &mut Watch, from: u64, number: u64| {
        let what = What::LoginFailed {
            address: address(from),
            claimed: None,
            key: name("guess", number),
        };
        watch.observe(&Event { at_ms: 100, what }).len()
    };
    let until_ms = 100 + 15 * MINUTE;
    let blocked = Verdict::Blocked { until_ms };
    for from in [1, 2] {
        let found: usize = (0..12).map(|number| guess(&mut watch, from, number)).sum();
        assert_eq!(found, 1);
    }

    watch.lift(Subject::Address(address(1)));

    let verdict = |watch: &Watch, from| watch.verdict(Subject::Address(address(from)), 100);
    assert_eq!(verdict(&watch, 1), Verdict::Free);
    assert_eq!(verdict(&watch, 2), blocked);
    let found: usize = (20..31).map(|number| guess(&mut watch, 1, number)).sum();
    assert_eq!((found, verdict(&watch, 1)), (0, Verdict::Free));
    assert_eq!(guess(&mut watch, 1, 31), 1);
    assert_eq!(verdict(&watch, 1), blocked);
}

#[test]
fn more_subjects_than_there_is_room_for_push_out_the_quietest_and_an_attack_is_still_found() {
    let mut watch = Watch::of(&RULES, 100);
    let rule = "malformed-burst";
    let send = |watch: &mut Watch, from: u64| {
        let asker = Subject::Address(address(from));
        let what = What::Malformed { asker };
        watch.observe(&Event { at_ms: 0, what })
    };
    for crowd in 0..5_000 {
        send(&mut watch, 10 + crowd);
        assert!(watch.remembered(rule) <= 100);
    }
    assert_eq!(watch.remembered(rule), 100);

    // Ninety-nine others between two of its messages do not make the rule forget an attacker,
    let others = |number: u64| (0..99).map(move |other| 10_000 + number * 99 + other);
    let found = (0..60).flat_map(|number| {
        others(number).for_each(|other| drop(send(&mut watch, other)));
        send(&mut watch, 1)
    });
    assert_eq!(found.count(), 1);

    // and a hundred do.
    let mut watch = Watch::of(&RULES, 100);
    let found = (0..200).flat_map(|number| {
        others(number).for_each(|other| drop(send(&mut watch, other)));
        send(&mut watch, 5_000_000);
        send(&mut watch, 1)
    });
    assert_eq!(found.count(), 0);
}

#[test]
fn a_finding_says_in_json_what_when_and_about_whom_without_a_name() {
    let mut watch = Watch::new();
    let principal = Subject::Vendor(vendor(SHOP));
    let what = What::ProofReplayed { principal };
    let found: Vec<_> = (0..5)
        .flat_map(|number| {
            watch.observe(&Event {
                at_ms: number * SECOND,
                what,
            })
        })
        .collect();

    let json = serde_json::to_value(&found).unwrap();

    let pseudonym = vendor(SHOP).to_string();
    let expected = serde_json::json!([{
        "rule": "proof-replay",
        "subject": { "kind": "vendor", "pseudonym": pseudonym },
        "at_ms": 4_000,
        "detail": "5 proofs that were used before within 4 s",
        "response": "page",
    }]);
    assert_eq!(json, expected);
}

#[test]
fn a_clock_that_jumps_a_year_ahead_and_back_blinds_no_rule_and_locks_nobody_out_for_a_year() {
    let mut watch = Watch::new();
    let asker = Subject::Address(address(1));
    let what = What::Malformed { asker };
    let send = |watch: &mut Watch, at_ms| {
        let times = at_ms..at_ms + 60;
        let found = times.flat_map(|at_ms| watch.observe(&Event { at_ms, what }));
        found.count()
    };
    assert_eq!(send(&mut watch, 365 * DAY), 1);
    assert_eq!(watch.verdict(asker, HOUR), Verdict::Free);

    assert_eq!(send(&mut watch, HOUR), 1);

    let until_ms = HOUR + 59 + 5 * MINUTE;
    assert_eq!(watch.verdict(asker, HOUR + 59), Verdict::Slow { until_ms });
    assert_eq!(watch.verdict(asker, until_ms), Verdict::Free);
}

/// What an attack is besides, for another rule: a run of strange captures is also a climb between
/// matches, without any.
fn is_the_same(attack: &Attack, finding: &Finding) -> bool {
    let both = (attack.rule, finding.rule);
    both == ("hill-climbing", "hill-climbing-between-matches") && finding.subject == attack.subject
}

fn findings(mut watch: Watch, events: &[Event]) -> Vec<Finding> {
    let events = events.iter();
    events.flat_map(|event| watch.observe(event)).collect()
}

fn merged(one: &[Event], other: &[Event]) -> Vec<Event> {
    let mut all = [one, other].concat();
    all.sort_by_key(|event| event.at_ms);
    all
}

/// The rules, one of them with another threshold.
fn changed(id: &str, change: impl Fn(Threshold) -> Threshold) -> Vec<Rule> {
    let rules = RULES.iter().map(|rule| {
        let threshold = if rule.id == id {
            change(rule.threshold)
        } else {
            rule.threshold
        };
        Rule { threshold, ..*rule }
    });
    rules.collect()
}

//! Names of the day, and what is kept of them.

use boop_wire::codec::plain_digest;

use super::*;

const HERE: Who = Who::Address(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7)));
const USER: UserId = UserId::new([0xab; 16]);
/// Noon of a day.
const NOON: u64 = 20_000 * DAY_MS + DAY_MS / 2;

#[test]
fn a_name_has_a_pseudonym_for_a_day_and_another_one_on_the_next() {
    let intrusion = Intrusion::new(&[1; 32], NOON);
    let same = Intrusion::new(&[1; 32], NOON);
    let other = Intrusion::new(&[2; 32], NOON);

    let noon = subject(&intrusion, NOON);
    assert_eq!(subject(&intrusion, NOON + DAY_MS / 2 - 1), noon);
    assert_eq!(subject(&same, NOON), noon);
    assert_ne!(subject(&other, NOON), noon);
    let tomorrow = subject(&intrusion, NOON + DAY_MS / 2);
    assert_ne!(tomorrow, noon);
    // A clock that is set back brings no key back.
    assert_eq!(subject(&intrusion, NOON), tomorrow);
}

#[test]
fn kinds_and_names_do_not_run_together_and_an_ipv6_customer_is_one() {
    let intrusion = Intrusion::new(&[1; 32], NOON);
    let state = intrusion.at(NOON);
    let name = |say: fn(&mut Today) -> Pseudonym| state.today(say).0;

    assert_ne!(
        name(|today| today.scanner(&"a1".parse().unwrap())),
        name(|today| today.vendor(&"a1".parse().unwrap()))
    );
    assert_ne!(
        name(|today| today.key("a1")),
        name(|today| today.target("a1"))
    );
    let at = |text: &str| state.today(|today| today.address(text.parse().unwrap())).0;
    assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
    assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
    assert_eq!(at("::ffff:203.0.113.7"), at("203.0.113.7"));
}

#[test]
fn on_a_new_day_nobody_is_blocked_and_what_was_found_stays() {
    let intrusion = Intrusion::new(&[1; 32], NOON);
    let id = guess(&intrusion, NOON);
    assert_eq!(intrusion.found(Some(&HERE), NOON).len(), 1);
    assert!(matches!(
        intrusion.verdict(&HERE, NOON).1,
        Verdict::Blocked { .. }
    ));
    let midnight = NOON + DAY_MS / 2;
    let before = midnight - 1;
    let late = guess(&intrusion, before);
    assert_ne!(late, id);
    assert!(matches!(
        intrusion.verdict(&HERE, before).1,
        Verdict::Blocked { .. }
    ));

    assert_eq!(intrusion.verdict(&HERE, midnight).1, Verdict::Free);

    let found = intrusion.found(None, midnight);
    let ids: Vec<_> = found.iter().map(|(found, _)| found.id.clone()).collect();
    assert_eq!(ids, [late.clone(), id]);
    assert!(found.iter().all(|(_, verdict)| *verdict == Verdict::Free));
    assert_eq!(intrusion.found(Some(&HERE), midnight), []);
    // Of yesterday's there is nothing to lift, which is as well.
    assert!(intrusion.lift(&late, midnight));
}

#[test]
fn the_oldest_finding_makes_room() {
    let intrusion = Intrusion::new(&[1; 32], NOON);
    let burst = |scanner: usize| {
        let scanner: ScannerId = format!("scn_{scanner}").parse().unwrap();
        let found = (0..3).flat_map(|_| {
            intrusion.observe(NOON, |today| What::CaptureRefused {
                scanner: today.scanner(&scanner),
                fault: boop_watch::CaptureFault::Replayed,
            })
        });
        assert_eq!(found.count(), 1);
    };

    (0..=FINDINGS_MAX).for_each(burst);

    let found = intrusion.found(None, NOON);
    assert_eq!(found.len(), FINDINGS_MAX);
    let named = |index: usize| found[index].0.name.clone();
    assert_eq!(named(0), Some(format!("scn_{FINDINGS_MAX}")));
    assert_eq!(named(FINDINGS_MAX - 1), Some("scn_1".into()));
}

#[test]
fn the_watch_keeps_no_key_no_address_and_no_user() {
    let intrusion = Intrusion::new(&[1; 32], NOON);
    let secret = "sk_live_secret";
    guess(&intrusion, NOON);
    intrusion.observe(NOON, |today| What::LoginFailed {
        address: today.address("203.0.113.7".parse().unwrap()),
        claimed: Some(today.subject(&Who::User(USER))),
        key: today.key(secret),
    });
    intrusion.observe(NOON, |today| What::Missed {
        asker: today.subject(&Who::User(USER)),
        target: today.target("/api/v1/ledger/tokens/secret-target"),
    });

    let state = intrusion.at(NOON);
    let kept = format!("{:?} {:?}", state.watch, state.found);

    let pseudonym = state.today(|today| today.user(USER)).0.to_string();
    assert!(kept.contains(&pseudonym), "what is kept is looked at");
    let digests = [secret, "guess-1", "203.0.113.7"].map(|text| plain_digest(text.as_bytes()));
    let digests = digests.map(|digest| digest.to_string());
    let names = [secret, "guess-1", "203.0.113.7", "secret-target"];
    let names = names.map(str::to_owned).into_iter().chain(digests);
    for name in names.chain([USER.to_string(), format!("{:?}", USER.as_bytes())]) {
        assert!(!kept.contains(&name), "{name}");
    }
}

/// Tries keys from one address until it is found, and returns the finding's id.
fn guess(intrusion: &Intrusion, at_ms: u64) -> String {
    let found = (0..12).flat_map(|number| {
        intrusion.observe(at_ms, |today| What::LoginFailed {
            address: today.address("203.0.113.7".parse().unwrap()),
            claimed: None,
            key: today.key(&format!("guess-{number}")),
        })
    });
    let found: Vec<_> = found.collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].finding.rule, "login-guessing");
    found[0].id.clone()
}

fn subject(intrusion: &Intrusion, now_ms: u64) -> Subject {
    intrusion.at(now_ms).today(|today| today.subject(&HERE)).0
}

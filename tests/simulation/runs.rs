//! The stories that the tests run.

use std::collections::BTreeSet;
use std::ops::Range;

use boop_tests::simulation::network::Network;
use boop_tests::simulation::story::{Story, Tally, Weather};
use boop_wire::Refusal;

#[test]
fn whatever_hosts_do_what_parties_sign_is_true_and_nothing_signed_is_lost() {
    let mut sum = Tally::default();
    for seed in seeds(8) {
        let tally = Story::new(&Network::generate(), seed, Weather::Storm).run();
        println!("seed {seed:3}: {tally}");
        sum.add(&tally);
    }
    println!("together: {sum}");

    assert!(sum.faults > 0 && sum.crashes > 0, "there was no storm");
    assert!(sum.decided > 0 && sum.refused > 0, "all went one way");
    assert!(
        sum.jobs_done > 0 && sum.jobs_failed > 0,
        "jobs went one way"
    );
}

#[test]
fn in_calm_weather_every_capture_is_decided_at_once() {
    let tally = Story::new(&Network::generate(), 1, Weather::Calm).run();
    println!("{tally}");

    assert_eq!((tally.refused, tally.unanswered), (0, 0));
    assert_eq!(
        (3 * tally.jobs_done >= tally.decided, tally.jobs_failed),
        (true, 0)
    );
}

#[test]
fn replacing_all_three_under_load_refuses_nothing_but_as_draining_and_loses_nobody() {
    for seed in seeds(2) {
        let replaced = Story::new(&Network::generate(), seed, Weather::Calm).replaces_all();
        println!("seed {seed:3}: {replaced:?}");

        assert!(replaced.decided > 60, "the load was no load");
        assert_eq!(replaced.refusals, BTreeSet::from([Refusal::Draining]));
    }
}

/// Returns the seeds that every run of the tests tries, so many unless others are asked for.
#[expect(
    clippy::disallowed_methods,
    reason = "an environment variable asks for other seeds"
)]
pub(crate) fn seeds(tried: u64) -> Range<u64> {
    let Ok(text) = std::env::var("BOOP_SIMULATION_SEEDS") else {
        return 0..tried;
    };
    let range = text.split_once("..").and_then(|(first, end)| {
        let (first, end) = (first.parse().ok()?, end.parse().ok()?);
        Some(first..end)
    });
    range.expect("BOOP_SIMULATION_SEEDS is a range like 0..1000")
}

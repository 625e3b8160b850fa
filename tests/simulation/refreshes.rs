//! Refreshes in the storm, and machines that lose power at any moment of one [REF-4].

use std::collections::BTreeSet;

use boop_abi::Phase;
use boop_tests::simulation::network::Network;
use boop_tests::simulation::story::{Story, Tally, Weather};
use boop_wire::{PartyIndex, Refusal};

use crate::runs::seeds;

/// As long as a network may take to serve again.
const PATIENCE_MS: u64 = 60_000;

#[test]
fn after_a_refresh_all_are_recognised_and_nothing_is_left_of_the_old_epoch() {
    let network = Network::generate();

    let world = Story::new(&network, 11, Weather::Calm).refreshed();

    // Whatever is on a disk belongs to the new epoch, and each old key is destroyed.
    for machine in &world.machines {
        let slots = machine.disk.keys().map(|slot| slot.0);
        let epochs = slots.map(|slot| match u64::MAX - slot {
            escrow if escrow < 1 << 31 => escrow,
            _ => slot >> 32,
        });
        assert!(epochs.into_iter().all(|epoch| epoch == 1));
    }
    for party in PartyIndex::ALL {
        assert_eq!(
            network
                .audit(party)
                .matches("\"event\":\"retired\"")
                .count(),
            1
        );
    }
}

#[test]
fn a_disk_from_before_a_refresh_does_not_open_after_it() {
    for set_back in 0..3 {
        let network = Network::generate();
        let mut world = Story::new(&network, 12, Weather::Calm).refreshed();
        world.disks_lie = true;

        world.crash(set_back, false);
        let yesterday = world.yesterday.as_ref().unwrap()[set_back].clone();
        world.machines[set_back].disk = yesterday;
        world.pass(PATIENCE_MS);

        let machine = &world.machines[set_back];
        assert_eq!(machine.stopped, Some(Refusal::StoreRolledBack));
        assert_ne!(machine.phase, Phase::Serving);
        assert!(!world.serves());
    }
}

#[test]
fn a_refresh_that_loses_power_at_any_moment_ends_in_one_epoch_with_all_records() {
    let network = Network::generate();
    let moments = (0..28_u32).map(|number| {
        // One machine, two, or all.
        let machines = [1, 2, 4, 3, 5, 6, 7][usize::try_from(number % 7).unwrap()];
        (u64::from(number) * 71 % 1_900, machines)
    });

    let world = Story::new(&network, 13, Weather::Calm).interrupted(moments);

    let epochs = world.epochs();
    println!("epochs {epochs:?}");
    assert!(epochs.iter().all(|held| held[0] > 3));
}

#[test]
fn a_party_that_leaves_at_any_moment_of_a_refresh_retires_in_time_and_loses_nobody() {
    for seed in seeds(2) {
        let network = Network::generate();
        let moments = (0..3_u64).map(|number| {
            let party = usize::try_from((seed + number) % 3).unwrap();
            ((number * 331 + seed * 41) % 1_900, party)
        });

        let story = Story::new(&network, seed, Weather::Calm);
        let replaced = story.replaces_during_refreshes(moments);

        println!("seed {seed:3}: {replaced:?}");
        // While the three go over to the next epoch, they are not together for a moment.
        let expected = BTreeSet::from([Refusal::Draining, Refusal::PartyUnavailable]);
        assert!(replaced.refusals.is_subset(&expected));
    }
}

#[test]
fn whatever_hosts_do_during_refreshes_nothing_signed_is_lost() {
    let mut sum = Tally::default();
    let mut refreshed = 0;
    for seed in seeds(2) {
        let network = Network::generate();
        let tally = Story::new(&network, seed, Weather::Storm)
            .with_refreshes()
            .run();
        let ended = network.audit(PartyIndex::ALL[0]);
        let ended = ended.matches("\"event\":\"retired\"").count();
        println!("seed {seed:3}: {tally}; {ended} epochs ended");
        sum.add(&tally);
        refreshed += ended;
    }
    println!("together: {sum}; {refreshed} epochs ended");

    assert!(sum.faults > 0 && sum.crashes > 0, "there was no storm");
    assert!(refreshed > 0, "nothing was refreshed");
}

//! Stores that are gone: the two others give them anew once that is approved [REC-1] to [REC-3].

use boop_abi::Phase;
use boop_tests::simulation::machine::Disk;
use boop_tests::simulation::network::Network;
use boop_tests::simulation::story::{Story, Tally, Weather};
use boop_tests::simulation::world::World;
use boop_wire::{PartyIndex, Refusal};

use crate::runs::seeds;

/// As long as a network may take to serve again.
const PATIENCE_MS: u64 = 60_000;

#[test]
fn a_store_that_is_gone_comes_back_with_everybody_in_it_and_new_shares_follow() {
    for party in PartyIndex::ALL {
        let network = Network::generate();
        let mut left = Story::new(&network, 21, Weather::Calm).leave();
        let before = records(&left.disks[party.as_usize()]);
        left.disks[party.as_usize()].clear();
        let network = network.recovering(party);

        let world = Story::after(left, &network, 22, Weather::Calm).world_after();

        // All three have as many, and they are of the epoch that followed by itself.
        let disks = world.machines.each_ref().map(|machine| &machine.disk);
        assert!(
            disks
                .iter()
                .all(|disk| records(disk) >= before && before > 0)
        );
        assert!(world.epochs().iter().all(|held| *held == [1]));
    }
}

#[test]
fn without_approval_a_store_that_is_gone_stays_gone() {
    for party in PartyIndex::ALL {
        let network = Network::generate();
        let mut left = Story::new(&network, 23, Weather::Calm).leave();
        left.disks[party.as_usize()].clear();
        // Of another party.
        let network = network.recovering(party.next());

        let world = stays_closed(&network, left.disks);

        let stopped = world.machines[party.as_usize()].stopped;
        assert_eq!(stopped, Some(Refusal::StoreRolledBack));
    }
}

#[test]
fn an_approval_serves_one_loss() {
    let party = PartyIndex::ALL[1];
    let network = Network::generate();
    let mut left = Story::new(&network, 24, Weather::Calm).leave();
    left.disks[1].clear();
    let network = network.recovering(party);
    let mut left = Story::after(left, &network, 25, Weather::Calm).leave();

    left.disks[1].clear();
    let world = stays_closed(&network, left.disks);

    for helper in party.others() {
        let refused = world.machines[helper.as_usize()].refused;
        assert_eq!(refused, Some(Refusal::StateDiverged));
    }
}

#[test]
fn an_approval_that_was_not_needed_is_used_up() {
    let party = PartyIndex::ALL[2];
    let network = Network::generate();
    let left = Story::new(&network, 26, Weather::Calm).leave();
    let network = network.recovering(party);
    let mut left = Story::after(left, &network, 27, Weather::Calm).leave();

    left.disks[2].clear();
    stays_closed(&network, left.disks);
}

#[test]
fn two_stores_that_are_gone_do_not_come_back() {
    let network = Network::generate();
    let mut left = Story::new(&network, 28, Weather::Calm).leave();
    left.disks[0].clear();
    left.disks[2].clear();
    let network = network.recovering(PartyIndex::ALL[0]);
    let network = network.recovering(PartyIndex::ALL[2]);

    stays_closed(&network, left.disks);
}

#[test]
fn a_store_comes_back_whatever_hosts_do_meanwhile() {
    let mut sum = Tally::default();
    for seed in seeds(3) {
        let party = PartyIndex::ALL[usize::try_from(seed % 3).unwrap()];
        let network = Network::generate();
        let mut left = Story::new(&network, seed, Weather::Calm).leave();
        left.disks[party.as_usize()].clear();
        let network = network.recovering(party);

        let story = Story::after(left, &network, seed + 1, Weather::Storm);
        let tally = story.in_bad_weather_from_the_start().run();

        println!("seed {seed:3}: {tally}");
        sum.add(&tally);
    }

    assert!(sum.faults > 0 && sum.crashes > 0, "there was no storm");
}

/// Lets three machines with these disks start, and checks that they never serve.
fn stays_closed(network: &Network, disks: [Disk; 3]) -> World<'_> {
    let mut world = World::new(network, 29);
    world.disks_lie = true;
    for (machine, disk) in world.machines.iter_mut().zip(disks) {
        machine.disk = disk;
    }

    world.pass(PATIENCE_MS);

    assert!(!world.serves());
    let serving = |phase| phase == Phase::Serving;
    assert!(!world.machines.iter().all(|machine| serving(machine.phase)));
    world
}

fn records(disk: &Disk) -> usize {
    let is_record = |number: &u64| *number != 0 && *number < 1 << 31;
    let numbers = disk.keys().map(|slot| slot.0 & 0xffff_ffff);
    numbers.filter(is_record).count()
}

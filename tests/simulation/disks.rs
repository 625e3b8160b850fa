//! Disks that lost something or were set back: which party opens, and which stays closed.

use boop_abi::{Phase, Slot};
use boop_wire::Refusal;

use boop_tests::simulation::machine::Disk;
use boop_tests::simulation::network::Network;
use boop_tests::simulation::story::{Story, Weather};
use boop_tests::simulation::world::World;

/// Where a party keeps its peers' second secrets [KEY-5].
const ESCROW: Slot = Slot(u64::MAX);
/// As long as a network may take to serve again.
const PATIENCE_MS: u64 = 60_000;

#[test]
fn a_party_that_lost_what_it_kept_for_its_peers_gets_it_back() {
    let network = Network::generate();
    let mut world = Story::new(&network, 1, Weather::Calm).world_after();

    world.crash(1, false);
    let lost = world.machines[1].disk.remove(&ESCROW);
    assert!(lost.is_some(), "there was nothing to lose");
    until_it_serves(&mut world);

    // What party 1 has now is enough for the others too.
    assert!(world.machines[1].disk.contains_key(&ESCROW));
    for machine in [0, 2] {
        world.crash(machine, false);
        let other = 2 - machine;
        world.machines[machine].disk.remove(&ESCROW);
        until_it_serves(&mut world);
        assert!(world.machines[other].disk.contains_key(&ESCROW));
    }
}

#[test]
fn a_party_whose_second_secret_nobody_keeps_stays_closed() {
    let network = Network::generate();
    let mut world = Story::new(&network, 2, Weather::Calm).world_after();
    world.disks_lie = true;

    for machine in 0..3 {
        world.crash(machine, false);
    }
    for machine in [1, 2] {
        world.machines[machine].disk.remove(&ESCROW);
    }
    world.pass(PATIENCE_MS);

    let stopped = world.machines.each_ref().map(|machine| machine.stopped);
    assert_eq!(stopped, [Some(Refusal::SecondLockMissing), None, None]);
    assert!(!world.serves());
}

#[test]
fn a_party_whose_peers_are_both_down_stays_closed_until_one_is_back() {
    let network = Network::generate();
    let mut world = Story::new(&network, 6, Weather::Calm).world_after();

    for machine in 0..3 {
        world.power_off(machine);
    }
    world.power_on(0);
    world.pass(PATIENCE_MS);
    let alone = (world.machines[0].phase, world.machines[0].stopped);
    world.power_on(2);
    world.pass(PATIENCE_MS);
    let with_one = world.machines.each_ref().map(|machine| machine.phase);
    world.power_on(1);

    // It has its custodian's key, and what opens its store is with its peers; one is enough.
    assert_eq!(alone, (Phase::Leased, None));
    assert_eq!(with_one, [Phase::Joined, Phase::Booted, Phase::Joined]);
    until_it_serves(&mut world);
}

#[test]
fn a_store_under_another_second_secret_is_damage() {
    let mut network = Network::generate();
    let other = {
        let world = Story::new(&network, 4, Weather::Calm).world_after();
        world.machines[0].disk.clone()
    };
    network.custodians_forget();
    let mut world = Story::new(&network, 3, Weather::Calm).world_after();
    world.disks_lie = true;

    world.crash(0, false);
    let kept = world.machines[0].disk.remove(&ESCROW).unwrap();
    world.machines[0].disk = other;
    world.machines[0].disk.insert(ESCROW, kept);
    world.pass(PATIENCE_MS);

    // Its custodian's key is the same: what its peers keep is not.
    assert_eq!(world.machines[0].stopped, Some(Refusal::StoreDamaged));
}

#[test]
fn disks_set_back_to_yesterday_do_not_open() {
    for set_back in [&[1][..], &[0, 2], &[0, 1, 2]] {
        let network = Network::generate();
        let mut world = Story::new(&network, 5, Weather::Calm).world_after();
        world.disks_lie = true;

        for machine in 0..3 {
            world.crash(machine, false);
        }
        for machine in set_back {
            assert!(records(yesterday(&world, *machine)) < records(&world.machines[*machine].disk));
            world.machines[*machine].disk = yesterday(&world, *machine).clone();
        }
        world.pass(PATIENCE_MS);

        // One that waits for a peer's secret when the peers have given up stays closed as well.
        let refused = Some(Refusal::StoreRolledBack);
        for (index, machine) in world.machines.iter().enumerate() {
            let closed = machine.stopped == refused || machine.phase == Phase::Leased;
            let as_it_must = match set_back.contains(&index) {
                true => closed,
                false => machine.stopped.is_none(),
            };
            let (phase, stopped) = (machine.phase, machine.stopped);
            assert!(
                as_it_must,
                "{set_back:?}: party {index}: {phase:?}, {stopped:?}"
            );
        }
        assert!(world.machines.iter().any(|one| one.stopped == refused));
        assert!(!world.serves());
    }
}

#[test]
fn a_disk_that_is_empty_is_not_a_new_store() {
    let network = Network::generate();
    let mut world = Story::new(&network, 5, Weather::Calm).world_after();
    world.disks_lie = true;

    for machine in 0..3 {
        world.crash(machine, false);
        world.machines[machine].disk.clear();
    }
    world.pass(PATIENCE_MS);

    let stopped = world.machines.each_ref().map(|machine| machine.stopped);
    assert_eq!(stopped, [Some(Refusal::StoreRolledBack); 3]);
}

#[test]
fn without_what_custodians_have_on_record_yesterday_opens() {
    let mut network = Network::generate();
    let yesterday = {
        let world = Story::new(&network, 5, Weather::Calm).world_after();
        [0, 1, 2].map(|machine| yesterday(&world, machine).clone())
    };
    network.custodians_forget();

    let mut world = World::new(&network, 6);
    for (machine, disk) in world.machines.iter_mut().zip(yesterday) {
        machine.disk = disk;
    }

    until_it_serves(&mut world);
}

fn yesterday<'a>(world: &'a World<'_>, machine: usize) -> &'a Disk {
    &world.yesterday.as_ref().unwrap()[machine]
}

fn records(disk: &Disk) -> usize {
    disk.keys().filter(|slot| **slot != ESCROW).count()
}

fn until_it_serves(world: &mut World<'_>) {
    let until_ms = world.now_ms() + PATIENCE_MS;
    while !world.serves() {
        assert!(
            world.now_ms() < until_ms,
            "does not serve: {}",
            world.describe()
        );
        world.pass(50);
    }
}

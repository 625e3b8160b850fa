//! A store that is gone comes back from the two others, once for each approval, with everybody in
//! it and nothing else; and a refresh follows [REC-1] to [REC-3].

use anyhow::Result;
use boop_tests::simulation::machine::Disk;
use boop_tests::simulation::network::Network;
use boop_tests::simulation::story::{Story, Weather};
use boop_tests::simulation::world::World;
use boop_wire::{PartyIndex, Refusal};
use serde_json::json;

use super::refresh::spent_s;
use crate::claim::Claim;

/// Seeds of each party's loss, and in a quick run.
const SEEDS: u64 = 5;
const SEEDS_QUICK: u64 = 1;
/// As long as a network may take that nobody helps.
const PATIENCE_MS: u64 = 30_000;

/// What came of a loss.
struct Outcome {
    before: usize,
    after: [usize; 3],
    refreshed: bool,
    /// Why the party stays closed when its store is gone once more.
    again: Option<Refusal>,
    /// Why it stays closed without any approval.
    unapproved: Option<Refusal>,
    seconds: f64,
}

pub(crate) fn claim(quick: bool) -> Result<Claim> {
    let seeds = if quick { SEEDS_QUICK } else { SEEDS };
    let mut outcomes = Vec::new();
    for seed in 0..seeds {
        for party in PartyIndex::ALL {
            outcomes.push(lose(100 + 10 * seed, party));
        }
    }
    let lost = |one: &Outcome| one.after.iter().any(|after| *after < one.before);
    let back = outcomes
        .iter()
        .all(|one| one.before > 0 && !lost(one) && one.refreshed);
    let once = outcomes
        .iter()
        .all(|one| one.again == Some(Refusal::StateDiverged));
    let slowest = outcomes
        .iter()
        .map(|one| one.seconds)
        .fold(0.0_f64, f64::max);
    Ok(Claim {
        id: "custody-recovery".to_owned(),
        claim: "a store that is gone comes back once for each approval, with everybody in it"
            .to_owned(),
        held: back && once,
        control: outcomes
            .iter()
            .all(|one| one.unapproved == Some(Refusal::StoreRolledBack)),
        summary: format!(
            "{} losses of a party's store of {} records and more: records lost {}, refreshed \
             {} times; gone again under the same approval, {} stay closed; without approval, all \
             do; {slowest:.1} s of one core at most, with the people who come meanwhile",
            outcomes.len(),
            outcomes.iter().map(|one| one.before).min().unwrap_or(0),
            outcomes.iter().filter(|one| lost(one)).count(),
            outcomes.iter().filter(|one| one.refreshed).count(),
            outcomes.iter().filter(|one| one.again.is_some()).count(),
        ),
        figures: json!({
            "losses": outcomes.len(),
            "records": outcomes.iter().map(|one| one.before).collect::<Vec<_>>(),
            "lost": outcomes.iter().filter(|one| lost(one)).count(),
            "seconds": outcomes.iter().map(|one| one.seconds).collect::<Vec<_>>(),
        }),
    })
}

fn lose(seed: u64, party: PartyIndex) -> Outcome {
    let index = party.as_usize();
    let network = Network::generate();
    let mut left = Story::new(&network, seed, Weather::Calm).leave();
    let before = records(&left.disks[index]);
    left.disks[index].clear();
    let unapproved = start_over(&network, seed + 1, &left.disks).machines[index].stopped;

    let network = network.recovering(party);
    let since_s = spent_s();
    let mut left = Story::after(left, &network, seed + 2, Weather::Calm).leave();
    let seconds = spent_s() - since_s;
    let after = left.disks.each_ref().map(records);
    let refreshed = left
        .disks
        .iter()
        .all(|disk| disk.keys().any(|slot| slot.0 == 1 << 32));

    left.disks[index].clear();
    let helper = party.next().as_usize();
    let again = start_over(&network, seed + 3, &left.disks).machines[helper].refused;
    Outcome {
        before,
        after,
        refreshed,
        again,
        unapproved,
        seconds,
    }
}

/// Starts three machines with these disks; nobody comes.
fn start_over<'a>(network: &'a Network, seed: u64, disks: &[Disk; 3]) -> World<'a> {
    let mut world = World::new(network, seed);
    world.disks_lie = true;
    for (machine, disk) in world.machines.iter_mut().zip(disks) {
        machine.disk = disk.clone();
    }
    world.pass(PATIENCE_MS);
    world
}

fn records(disk: &Disk) -> usize {
    let is_record = |number: &u64| *number != 0 && *number < 1 << 31;
    let numbers = disk.keys().map(|slot| slot.0 & 0xffff_ffff);
    numbers.filter(is_record).count()
}

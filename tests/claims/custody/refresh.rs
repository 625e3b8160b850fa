//! New shares of the same palms: nothing is lost or changed by a refresh, and an old share is
//! worth nothing beside another party's new one [REF-2], [REF-3].
//!
//! Palms that nobody enrolled stand in the three stores, sealed as parties seal them, so that both
//! what they are and every share of them is known here. People enrol beside them, and are
//! recognised before and after. Then all stores are opened with the tokens' files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use boop_abi::Slot;
use boop_tests::simulation::machine::{Disk, Machine, shelf_name};
use boop_tests::simulation::network::Network;
use boop_tests::simulation::sealing::{Sealing, Unsealed};
use boop_tests::simulation::story::{Story, Weather};
use boop_tests::simulation::world::World;
use boop_wire::PartyIndex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use tempfile::TempDir;

use super::shares::{Palm, reconstruct};
use crate::claim::Claim;

const SEED: u64 = 41;
const NEW_EPOCH: u64 = 1;
const RECORDS: u64 = 100_000;
const RECORDS_QUICK: u64 = 200;
/// Records that are looked into.
const SAMPLE: u64 = 50;
/// As long as three parties may take to serve.
const PATIENCE_MS: u64 = 60_000;
/// Standard deviations from what chance gives.
const DEVIATIONS_MAX: f64 = 5.0;

pub(crate) fn claim(quick: bool) -> Result<Claim> {
    let records = if quick { RECORDS_QUICK } else { RECORDS };
    let network = Network::generate();
    let shelves = [TempDir::new()?, TempDir::new()?, TempDir::new()?];
    let disks = filled(&network, records, &shelves)?;
    let mut world = World::new(&network, SEED + 1);
    for ((machine, disk), shelf) in world.machines.iter_mut().zip(disks).zip(&shelves) {
        machine.disk = disk;
        machine.shelf = Some(shelf.path().to_owned());
    }
    let mut story = Story::over(&network, world, Weather::Calm).with_records(records);
    story.happens();
    let start_s = spent_s();
    story.refreshes_once();
    let refresh_s = spent_s() - start_s;
    let world = story.world_with_everybody();
    let traffic = world.traffic;

    let sums = compared(&network, &world.machines, records.min(SAMPLE))?;
    let [unchanged, old_and_new, new_and_old] = sums;
    let noise = [old_and_new, new_and_old].iter().all(Sum::is_noise);
    Ok(Claim {
        id: "custody-refresh".to_owned(),
        claim: "a refresh changes no palm and no recognition; an old share beside another's new \
                one is noise"
            .to_owned(),
        held: unchanged.equal == unchanged.values && noise,
        // The same two shares, both old or both new, are the palm: the test for noise fails.
        control: !unchanged.is_noise(),
        summary: format!(
            "{records} records and 5 people, who are recognised before and after: {} of {} values \
             of palms unchanged, {} of {} come out of an old and a new share (chance: {:.1}), \
             their bytes {:.1} and {:.1} deviations from even; the three together: {refresh_s:.1} \
             s of one core, {:.1} MB written, {:.2} MB sent",
            unchanged.equal,
            unchanged.values,
            old_and_new.equal + new_and_old.equal,
            old_and_new.values + new_and_old.values,
            (old_and_new.values + new_and_old.values) as f64 / 65_536.0,
            old_and_new.deviations(),
            new_and_old.deviations(),
            traffic.written as f64 / 1e6,
            traffic.sent as f64 / 1e6,
        ),
        figures: json!({
            "records": records,
            "values": unchanged.values,
            "unchanged": unchanged.equal,
            "mixed_equal": old_and_new.equal + new_and_old.equal,
            "mixed_deviations": [old_and_new.deviations(), new_and_old.deviations()],
            "bytes_written": traffic.written,
            "bytes_sent": traffic.sent,
            "refresh_core_s": refresh_s,
        }),
    })
}

/// Compares what shares of records give: new ones alone, an old and a new one, and the reverse.
fn compared(network: &Network, machines: &[Machine; 3], records: u64) -> Result<[Sum; 3]> {
    let mut disks = machines.each_ref().map(|_| Disk::new());
    for (machine, disk) in machines.iter().zip(&mut disks) {
        *disk = with_sample(machine, records)?;
    }
    let new = PartyIndex::ALL.map(|party| Unsealed::new(network, (party, 1), party.next(), &disks));
    let mut sums = [Sum::default(); 3];
    for record in 1..=records {
        let palm = palm(record);
        let old = PartyIndex::ALL.map(|party| palm.share(party.get()));
        let new = new.each_ref().map(|store| store.share(record));
        let came_out = |one: PartyIndex, first: &[Vec<u8>; 3], second: &[Vec<u8>; 3]| {
            let (first, second) = (&first[one.as_usize()], &second[one.next().as_usize()]);
            reconstruct(one.get(), first, second)
        };
        for one in PartyIndex::ALL {
            sums[0].add(&palm, &came_out(one, &new, &new));
        }
        // One pair a record: what the others give follows from it, and would count twice.
        let one = PartyIndex::ALL[usize::try_from(record % 3)?];
        sums[1].add(&palm, &came_out(one, &old, &new));
        sums[2].add(&palm, &came_out(one.next(), &new, &old));
    }
    Ok(sums)
}

/// Returns disks of a network that has just begun, with so many palms on the shelf of each.
fn filled(network: &Network, records: u64, shelves: &[TempDir; 3]) -> Result<[Disk; 3]> {
    let mut world = World::new(network, SEED);
    let until_ms = world.now_ms() + PATIENCE_MS;
    while !world.serves() {
        ensure!(world.now_ms() < until_ms, "{}", world.describe());
        world.pass(50);
    }
    let mut disks = world
        .machines
        .each_ref()
        .map(|machine| machine.disk.clone());
    for party in PartyIndex::ALL {
        let peer = party.next();
        let mut sealing = Sealing::new(network, party, peer, &disks[peer.as_usize()]);
        for record in 1..=records {
            let share = palm(record).share(party.get());
            let (slot, blob) = sealing.record(&share);
            let file = shelves[party.as_usize()].path().join(shelf_name(slot));
            fs::write(file, blob).context("cannot write a store")?;
        }
        disks[party.as_usize()].extend([sealing.head()]);
    }
    Ok(disks)
}

/// Returns a machine's disk with the first records of the new epoch.
fn with_sample(machine: &Machine, records: u64) -> Result<Disk> {
    let shelf = machine.shelf.as_deref().unwrap_or(Path::new("."));
    let mut disk = machine.disk.clone();
    for record in 1..=records {
        let slot = Slot(NEW_EPOCH << 32 | record);
        let blob = fs::read(shelf.join(shelf_name(slot))).context("a new record is not there")?;
        disk.insert(slot, blob);
    }
    Ok(disk)
}

fn palm(record: u64) -> Palm {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED ^ (record << 8));
    Palm::draw(&mut || rng.next_u32())
}

/// What came out, beside what the palms are.
#[derive(Clone, Copy)]
struct Sum {
    values: u64,
    equal: u64,
    /// How often each byte is in the difference.
    bytes: [u64; 256],
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            values: 0,
            equal: 0,
            bytes: [0; 256],
        }
    }
}

impl Sum {
    fn add(&mut self, palm: &Palm, came_out: &[u16]) {
        for (is, came) in palm.code().zip(came_out) {
            self.values += 1;
            self.equal += u64::from(is == *came);
            for byte in came.wrapping_sub(is).to_le_bytes() {
                self.bytes[usize::from(byte)] += 1;
            }
        }
    }

    /// How far chi-square of the bytes is from what even chances give, in standard deviations.
    fn deviations(&self) -> f64 {
        let even = 2.0 * self.values as f64 / 256.0;
        let off = self
            .bytes
            .iter()
            .map(|count| (*count as f64 - even).powi(2) / even);
        (off.sum::<f64>() - 255.0) / (2.0_f64 * 255.0).sqrt()
    }

    fn is_noise(&self) -> bool {
        let chance = self.values as f64 / 65_536.0;
        let equal = (self.equal as f64 - chance) / chance.sqrt();
        self.deviations().abs() < DEVIATIONS_MAX && equal.abs() < DEVIATIONS_MAX
    }
}

/// Returns the seconds of processors that this process has spent.
pub(super) fn spent_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

//! A day of a simulated network, with what was on disks and on record in its course.

use anyhow::{Context, Result};
use boop_abi::{Phase, Slot};
use boop_tests::simulation::machine::Disk;
use boop_tests::simulation::network::{CustodyFiles, Network};
use boop_tests::simulation::story::{Story, Weather};
use boop_tests::simulation::world::World;
use boop_wire::Refusal;

/// Where a party keeps its peers' second secrets [KEY-5].
pub(crate) const ESCROW: Slot = Slot(u64::MAX);
/// Where the head is.
pub(crate) const HEAD: Slot = Slot(0);
/// As long as three parties may take to serve after a start.
const PATIENCE_MS: u64 = 20_000;

/// What hosts and custodians have.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) disks: [Disk; 3],
    pub(crate) custody: [CustodyFiles; 3],
}

/// A network and what it left behind.
pub(crate) struct Day {
    pub(crate) network: Network,
    pub(crate) yesterday: Kept,
    pub(crate) today: Kept,
    /// Every frame between enclaves and hosts.
    pub(crate) frames: Vec<u8>,
    tries: u64,
    seed: u64,
}

/// What came of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) serves: bool,
    pub(crate) phases: [Phase; 3],
    /// Why each ended itself.
    pub(crate) stopped: [Option<Refusal>; 3],
    /// Why each refused work.
    pub(crate) refused: [Option<Refusal>; 3],
}

impl Day {
    /// Lets a day pass: people enrol, also after what counts as yesterday.
    pub(crate) fn new(seed: u64) -> Result<Self> {
        let network = Network::generate();
        let mut world = Story::new(&network, seed, Weather::Calm)
            .overheard()
            .world_after();
        let yesterday = Kept {
            disks: world.yesterday.take().context("no yesterday")?,
            custody: world.yesterday_on_record.take().context("no yesterday")?,
        };
        let today = Kept {
            disks: world.machines.each_ref().map(|one| one.disk.clone()),
            custody: network.custody_files(),
        };
        let frames = world.overheard.take().unwrap_or_default();
        drop(world);
        Ok(Self {
            network,
            yesterday,
            today,
            frames,
            tries: 0,
            seed,
        })
    }

    /// Starts all three over these disks and custodians' files, until they serve or time is up.
    pub(crate) fn start_over(&mut self, kept: &Kept) -> Start {
        self.start_until(kept, |start| start.serves)
    }

    /// Starts all three over these disks and custodians' files, until something is so or time is
    /// up.
    pub(crate) fn start_until(&mut self, kept: &Kept, ended: impl Fn(&Start) -> bool) -> Start {
        self.tries += 1;
        self.network.put_custody_files(&kept.custody);
        let mut world = World::new(&self.network, self.seed + self.tries);
        world.disks_lie = true;
        for (machine, disk) in world.machines.iter_mut().zip(&kept.disks) {
            machine.disk = disk.clone();
        }
        let until_ms = world.now_ms() + PATIENCE_MS;
        while !ended(&Start::of(&world)) && world.now_ms() < until_ms {
            world.pass(50);
        }
        Start::of(&world)
    }
}

impl Start {
    fn of(world: &World<'_>) -> Self {
        Self {
            serves: world.serves(),
            phases: world.machines.each_ref().map(|one| one.phase),
            stopped: world.machines.each_ref().map(|one| one.stopped),
            refused: world.machines.each_ref().map(|one| one.refused),
        }
    }
}

/// Returns how many records a disk holds.
pub(crate) fn records(disk: &Disk) -> usize {
    disk.keys()
        .filter(|slot| ![HEAD, ESCROW].contains(slot))
        .count()
}

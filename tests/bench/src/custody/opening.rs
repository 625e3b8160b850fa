//! A party that opens a sealed store from files, in a network of three on one thread.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use anyhow::{Context as _, Result, ensure};
use boop_abi::{Phase, Slot};
use boop_mpc::STORED_SHARE_BYTES;
use boop_tests::simulation::machine::shelf_name;
use boop_tests::simulation::network::Network;
use boop_tests::simulation::sealing::Sealing;
use boop_tests::simulation::world::World;
use boop_wire::PartyIndex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rustix::fs::Advice;
use tempfile::TempDir;

use crate::rounds::{Comparison, micros, spent, wall};
use crate::table::{Goal, Row};

const SEED: u64 = 31;
/// The party that opens.
const PARTY: usize = 1;
/// Of the rate of reading and AES-GCM alone, so much is aimed at: as time, so many times its own.
const GOAL: Goal = Goal::AtMost(1.0 / 0.5);
/// As long as three parties may take to serve, in simulated milliseconds.
const PATIENCE_MS: u64 = 60_000;
/// A record's place in memory, with what else the process needs, so much for each.
const BYTES_A_RECORD: u64 = 32_000;

/// What came of opening stores.
pub(super) struct Opened {
    pub(super) rows: Vec<Row>,
    pub(super) subject: String,
}

/// How the files are read.
#[derive(Clone, Copy)]
enum From {
    /// From the disk, as after a start of the machine; by the clock on the wall.
    Disk,
    /// From memory; by the time of a core.
    Memory,
}

impl From {
    fn time(self) -> Duration {
        match self {
            Self::Disk => wall(),
            Self::Memory => spent(),
        }
    }
}

/// When a store gets its memory.
#[derive(Clone, Copy)]
enum Room {
    /// Before the time is taken.
    Ahead,
    /// While it opens.
    AsNeeded,
}

/// Memory of this process, in bytes.
#[derive(Clone, Copy)]
struct Memory {
    all: u64,
    /// Of that, what the system has put on its disk.
    swapped: u64,
}

impl Memory {
    fn now() -> Result<Self> {
        let swapped = kilobytes("/proc/self/status", "VmSwap:")? * 1024;
        let resident = kilobytes("/proc/self/status", "VmRSS:")? * 1024;
        Ok(Self {
            all: resident + swapped,
            swapped,
        })
    }

    const fn since(self, before: Self) -> Self {
        Self {
            all: self.all.saturating_sub(before.all),
            swapped: self.swapped.saturating_sub(before.swapped),
        }
    }
}

/// Opens stores of so many records.
pub(super) fn rows(sizes: &[u64]) -> Result<Opened> {
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for records in sizes {
        let needed = records * BYTES_A_RECORD;
        let there = kilobytes("/proc/meminfo", "MemAvailable:")? * 1024;
        let swap = kilobytes("/proc/meminfo", "SwapFree:")? * 1024;
        if needed > there + swap {
            notes.push(format!(
                "{records} records not opened, {:.1} GB of memory needed and {:.1} GB free",
                gigabytes(needed),
                gigabytes(there + swap)
            ));
            continue;
        }
        let network = Network::generate();
        let mut store = Store::fill(&network, *records)?;
        let (from_disk, memory) = if needed > there {
            // Not in memory beside its files, and with no room to be taken ahead.
            store.compare(From::Disk, Room::AsNeeded)?
        } else {
            let (_, memory) = store.compare(From::Memory, Room::AsNeeded)?;
            let (cached, _) = store.compare(From::Memory, Room::Ahead)?;
            rows.push(row(format!("open-{records}-cached"), "memory", cached));
            let (from_disk, _) = store.compare(From::Disk, Room::Ahead)?;
            (from_disk, memory)
        };
        rows.push(row(format!("open-{records}"), "disk", from_disk));
        notes.push(format!(
            "{records} records: {:.2} s, {:.2} GB of files, {:.2} GB of memory, {:.2} GB of it on \
             the disk",
            from_disk.measured_us * *records as f64 / 1e6,
            gigabytes(records * STORED_SHARE_BYTES as u64),
            gigabytes(memory.all),
            gigabytes(memory.swapped),
        ));
    }
    Ok(Opened {
        rows,
        subject: notes.join("; "),
    })
}

fn row(id: String, medium: &str, comparison: Comparison) -> Row {
    Row {
        id,
        unit: "us",
        against: format!("a record; its file read from {medium}, and as many bytes of AES-256-GCM"),
        comparison,
        goal: GOAL,
    }
}

/// A sealed store in files, and the network whose party opens it.
struct Store<'n> {
    world: World<'n>,
    shelf: TempDir,
    records: u64,
}

impl<'n> Store<'n> {
    fn fill(network: &'n Network, records: u64) -> Result<Self> {
        let mut world = World::new(network, SEED);
        wait(&mut world, |world| world.serves())?;
        let shelf = tempfile::tempdir().context("no folder for a store")?;
        let (party, peer) = (PartyIndex::ALL[PARTY], PartyIndex::ALL[2]);
        let mut sealing = Sealing::new(network, party, peer, &world.machines[2].disk);
        fill(&mut sealing, records, shelf.path())?;
        // What is on disk can be forgotten.
        rustix::fs::sync();
        world.disks_lie = true;
        world.machines[PARTY].shelf = Some(shelf.path().to_owned());
        Ok(Self {
            world,
            shelf,
            records,
        })
    }

    /// Opens the store, and then reads and decrypts as much. Returns the memory that the open store
    /// takes, too, if no room was taken ahead for it.
    fn compare(&mut self, from: From, room: Room) -> Result<(Comparison, Memory)> {
        self.begin()?;
        self.forget(from)?;
        let before = Memory::now()?;
        let mut ballast = match room {
            Room::Ahead => ballast(self.records),
            Room::AsNeeded => Vec::new(),
        };
        let begun = from.time();
        self.finish(|left| ballast.truncate(tiles(left)))?;
        let measured = from.time().saturating_sub(begun);
        let memory = Memory::now()?.since(before);
        self.forget(from)?;
        let begun = from.time();
        reference(self.shelf.path(), self.records)?;
        let reference = from.time().saturating_sub(begun);
        let each = |time: Duration| micros(time) / self.records as f64;
        let comparison = Comparison {
            measured_us: each(measured),
            reference_us: each(reference),
            ratio: measured.as_secs_f64() / reference.as_secs_f64(),
        };
        Ok((comparison, memory))
    }

    fn forget(&self, from: From) -> Result<()> {
        match from {
            From::Disk => forget(self.shelf.path(), self.records),
            From::Memory => Ok(()),
        }
    }

    /// Starts the party anew, up to where it asks for the store's head: records follow.
    fn begin(&mut self) -> Result<()> {
        self.world.crash(PARTY, false);
        self.world.machines[PARTY].taken = 0;
        wait(&mut self.world, |world| world.machines[PARTY].taken > 0)
    }

    /// Has the party open the store, and tells from time to time how many records are left.
    fn finish(&mut self, mut progress: impl FnMut(u64)) -> Result<()> {
        while self.world.machines[PARTY].phase == Phase::Leased {
            self.world.pass(1);
            progress(
                self.records
                    .saturating_sub(self.world.machines[PARTY].taken),
            );
        }
        let machine = &self.world.machines[PARTY];
        ensure!(
            machine.stopped.is_none() && machine.taken > self.records,
            "the store does not open: {:?}",
            machine.stopped
        );
        Ok(())
    }
}

/// Returns as much memory as the store will take, to be given back bit by bit: a virtual machine
/// may get its memory only when it first needs it, which takes longer than what is measured here.
fn ballast(records: u64) -> Vec<Vec<u8>> {
    let tile = boop_mpc::LANES * STORED_SHARE_BYTES;
    (0..tiles(records)).map(|_| vec![1; tile]).collect()
}

fn tiles(records: u64) -> usize {
    usize::try_from(records)
        .unwrap_or(usize::MAX)
        .div_ceil(boop_mpc::LANES)
}

/// Has the system read the store's files from the disk the next time.
fn forget(shelf: &Path, records: u64) -> Result<()> {
    for slot in 0..=records {
        let file = File::open(shelf.join(shelf_name(Slot(slot)))).context("cannot read a store")?;
        rustix::fs::fadvise(file, 0, None, Advice::DontNeed).context("cannot forget a store")?;
    }
    Ok(())
}

fn wait(world: &mut World<'_>, over: impl Fn(&World<'_>) -> bool) -> Result<()> {
    let until_ms = world.now_ms() + PATIENCE_MS;
    while !over(world) {
        ensure!(
            world.now_ms() < until_ms,
            "not in time: {}",
            world.describe()
        );
        world.pass(1);
    }
    Ok(())
}

fn fill(sealing: &mut Sealing, records: u64, shelf: &Path) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut share = vec![0; STORED_SHARE_BYTES];
    let write = |(slot, blob): (Slot, Vec<u8>)| {
        std::fs::write(shelf.join(shelf_name(slot)), blob).context("cannot write a store")
    };
    for _ in 0..records {
        rng.fill_bytes(&mut share);
        write(sealing.record(&share))?;
    }
    write(sealing.head())
}

/// Reads the files of all records, and encrypts as many bytes in place: the work of decrypting.
fn reference(shelf: &Path, records: u64) -> Result<()> {
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from([7; 32]));
    for slot in 1..=records {
        let file = shelf.join(shelf_name(Slot(slot)));
        let mut blob = std::fs::read(file).context("cannot read a store")?;
        cipher
            .encrypt_inout_detached(&Nonce::default(), &[], blob.as_mut_slice().into())
            .map_err(|_| anyhow::anyhow!("a blob is too long"))?;
        std::hint::black_box(&blob);
    }
    Ok(())
}

/// Reads a line of a file of the kernel.
fn kilobytes(file: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(file).context(file.to_owned())?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.with_context(|| format!("no {name} in {file}"))?;
    number.parse().context(name.to_owned())
}

fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

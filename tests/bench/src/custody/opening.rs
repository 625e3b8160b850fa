//! A party that opens a sealed store from files, in a network of three on one thread.

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

use crate::rounds::{Comparison, micros, spent};
use crate::table::{Goal, Row};

const SEED: u64 = 31;
/// The party that opens.
const PARTY: usize = 1;
/// Of the rate of reading and AES-GCM alone, so much is aimed at: as time, so many times its own.
const GOAL: Goal = Goal::AtMost(1.0 / 0.5);
/// As long as three parties may take to serve, in simulated milliseconds.
const PATIENCE_MS: u64 = 60_000;
/// A record's blob and its place in memory, with what else the process needs, so much for each.
const BYTES_A_RECORD: u64 = 40_000;

/// What came of opening stores.
pub(super) struct Opened {
    pub(super) rows: Vec<Row>,
    pub(super) subject: String,
}

/// Opens stores of so many records.
pub(super) fn rows(sizes: &[u64]) -> Result<Opened> {
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for records in sizes {
        let needed = records * BYTES_A_RECORD;
        let there = kilobytes("/proc/meminfo", "MemAvailable:")? * 1024;
        if needed > there {
            notes.push(format!(
                "{records} records not opened, {:.1} GB of memory needed and {:.1} GB free",
                gigabytes(needed),
                gigabytes(there)
            ));
            continue;
        }
        let (comparison, memory) = open(*records)?;
        notes.push(format!(
            "{records} records: {:.2} s, {:.2} GB of files, {:.2} GB of memory",
            comparison.measured_us * *records as f64 / 1e6,
            gigabytes(records * STORED_SHARE_BYTES as u64),
            gigabytes(memory)
        ));
        rows.push(Row {
            id: format!("open-{records}"),
            unit: "us",
            against: "a record; its file read, and as many bytes of AES-256-GCM".to_owned(),
            comparison,
            goal: GOAL,
        });
    }
    Ok(Opened {
        rows,
        subject: notes.join("; "),
    })
}

/// Opens a store of so many records, and returns the bytes of memory that it then takes.
fn open(records: u64) -> Result<(Comparison, u64)> {
    let network = Network::generate();
    let mut world = World::new(&network, SEED);
    wait(&mut world, |world| world.serves())?;
    let shelf = tempfile::tempdir().context("no folder for a store")?;
    let (party, peer) = (PartyIndex::ALL[PARTY], PartyIndex::ALL[2]);
    let mut sealing = Sealing::new(&network, party, peer, &world.machines[2].disk);
    fill(&mut sealing, records, shelf.path())?;

    world.disks_lie = true;
    world.machines[PARTY].shelf = Some(shelf.path().to_owned());
    world.crash(PARTY, false);
    // The head is the first that is taken of the shelf; records follow.
    wait(&mut world, |world| world.machines[PARTY].taken > 0)?;
    let memory = kilobytes("/proc/self/status", "VmRSS:")?;
    let start = spent();
    while world.machines[PARTY].phase == Phase::Leased {
        world.pass(1);
    }
    let measured = spent().saturating_sub(start);
    let memory = kilobytes("/proc/self/status", "VmRSS:")?.saturating_sub(memory) * 1024;
    let machine = &world.machines[PARTY];
    ensure!(
        machine.stopped.is_none() && machine.taken > records,
        "the store does not open: {:?}",
        machine.stopped
    );
    drop(world);
    let reference = reference(shelf.path(), records)?;
    let each = |time: Duration| micros(time) / records as f64;
    let comparison = Comparison {
        measured_us: each(measured),
        reference_us: each(reference),
        ratio: measured.as_secs_f64() / reference.as_secs_f64(),
    };
    Ok((comparison, memory))
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
fn reference(shelf: &Path, records: u64) -> Result<Duration> {
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from([7; 32]));
    let start = spent();
    for slot in 1..=records {
        let file = shelf.join(shelf_name(Slot(slot)));
        let mut blob = std::fs::read(file).context("cannot read a store")?;
        cipher
            .encrypt_inout_detached(&Nonce::default(), &[], blob.as_mut_slice().into())
            .map_err(|_| anyhow::anyhow!("a blob is too long"))?;
        std::hint::black_box(&blob);
    }
    Ok(spent().saturating_sub(start))
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

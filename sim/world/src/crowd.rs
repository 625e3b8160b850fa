//! A crowd: people who were never at a scanner, written into the sealed stores of a network that
//! is not running.
//!
//! A search does the same work whatever the stored palms hold, so a benchmark over 100,000 of
//! them needs no 100,000 enrolments. The simulator owns the tokens of the custodians, so it gets
//! the parties' data keys as an attested party would, and writes what three parties would have
//! written, as [STO-1], [STO-2] and [KEY-5] of docs/protocol.md say. Nothing of this is in a
//! product binary; the parties check what they open as they always do.

mod palm;
mod sealed;

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use boop_wire::PartyIndex;
use boop_wire::job::PalmSide;
use boop_wire::{Digest, RequestId, UserId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::layout::Layout;
use palm::Palm;
use sealed::{Facts, Sealer};

/// Threads that seal palms.
const THREADS: usize = 2;

/// Writes a crowd of `people` into the empty stores of a network. What they are follows from
/// `seed`; `done` is told of each.
///
/// # Errors
/// If a store holds something already, or a file cannot be written.
pub fn settle(
    network: &Layout,
    people: usize,
    seed: u64,
    done: &(dyn Fn() + Sync),
) -> anyhow::Result<()> {
    let sealers = Sealer::all(network)?;
    for sealer in &sealers {
        let empty = std::fs::read_dir(sealer.folder())?.next().is_none();
        ensure!(empty, "{} holds a store already", sealer.folder().display());
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| work(&sealers, people, seed, &next, done)))
            .collect();
        workers.into_iter().try_for_each(|worker| {
            let result = worker.join().ok();
            result.context("a thread that seals palms ended")?
        })
    })?;
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let facts = (0..people).map(|person| facts(seed, person));
    let head = sealed::head(facts);
    for sealer in &sealers {
        sealer.write_head(&head, &salt(&mut rng))?;
        sealer.write_escrow(&sealers, &salt(&mut rng))?;
    }
    Ok(())
}

/// Seals people until none is left.
fn work(
    sealers: &[Sealer; PartyIndex::COUNT],
    people: usize,
    seed: u64,
    next: &AtomicUsize,
    done: &(dyn Fn() + Sync),
) -> anyhow::Result<()> {
    loop {
        let person = next.fetch_add(1, Ordering::Relaxed);
        if person >= people {
            return Ok(());
        }
        let facts = facts(seed, person);
        let mut rng = rng(seed, person, 1);
        let shares = Palm::random(&mut rng).shares(&mut rng);
        for (sealer, share) in sealers.iter().zip(&shares) {
            sealer.write_record(person, &facts, share, &salt(&mut rng))?;
        }
        done();
    }
}

/// Returns what all three parties know of a person.
fn facts(seed: u64, person: usize) -> Facts {
    let mut rng = rng(seed, person, 0);
    let mut id = || {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    let (user, request) = (UserId::new(id()), RequestId::new(id()));
    let mut digest = || {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Digest::new(bytes)
    };
    Facts {
        user,
        side: if person.is_multiple_of(2) {
            PalmSide::Right
        } else {
            PalmSide::Left
        },
        request,
        commitments: digest(),
        preface: digest(),
    }
}

fn rng(seed: u64, person: usize, purpose: u64) -> ChaCha20Rng {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    rng.set_stream(2 * person as u64 + purpose + 1);
    rng
}

fn salt(rng: &mut ChaCha20Rng) -> [u8; 32] {
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    salt
}

//! The people of a simulated world: each has a palm, shows it to a scanner, and is not real.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::{Context, bail};
use boop_palm::{ACCEPT, Extraction, extract, fuse};
use boop_sdk::PalmCapture;
use boop_wire::job::PalmSide;

use crate::palm::{Person, Side};

/// Captures that a scanner takes before it gives up on a palm.
const TRIES_MAX: u64 = 24;
/// Visits of a person who comes back have numbers from here on.
const LATER: u64 = 10_000;
/// Captures that are taken because an earlier one was not recognised have numbers from here on.
const MUCH_LATER: u64 = 20_000;
/// People prepared ahead of their turn.
const AHEAD: usize = 8;

/// What a scanner has of one person.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The person's number.
    pub index: u64,
    /// Three captures, fused.
    pub enrolment: PalmCapture,
    /// A single capture of another visit.
    pub probe: PalmCapture,
    /// How long the single capture took to extract, in microseconds.
    pub extract_us: u64,
}

/// Prepares visitors in the background, in order.
pub fn visitors(seed: u64, indices: Vec<u64>) -> Receiver<anyhow::Result<Visitor>> {
    let (sender, receiver) = sync_channel(AHEAD);
    thread::spawn(move || {
        for index in indices {
            if sender.send(visitor(seed, index)).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Prepares one visitor: three good captures to enrol, one to be recognised by.
///
/// # Errors
/// If the scanner would give up on the palm.
pub fn visitor(seed: u64, index: u64) -> anyhow::Result<Visitor> {
    visitor_from(seed, index, 0)
}

/// Prepares the same person at a later time: other captures of the same palm.
///
/// # Errors
/// If the scanner would give up on the palm.
pub fn returning_visitor(seed: u64, index: u64) -> anyhow::Result<Visitor> {
    visitor_from(seed, index, LATER)
}

/// Takes one more capture of a palm that was not recognised.
///
/// # Errors
/// If the scanner would give up on the palm.
pub fn another_capture(seed: u64, index: u64) -> anyhow::Result<PalmCapture> {
    let (person, side) = person(seed, index);
    let (extraction, _) = capture(&person, &mut { MUCH_LATER })?;
    Ok(palm_capture(&extraction, side))
}

fn visitor_from(seed: u64, index: u64, first_visit: u64) -> anyhow::Result<Visitor> {
    let (person, wire_side) = person(seed, index);
    let mut visit = first_visit;
    let enrolment = enrolment(&person, &mut visit, wire_side)
        .with_context(|| format!("person {index} could not be enrolled"))?;
    let (extraction, extract_us) = capture(&person, &mut visit)?;
    let probe = palm_capture(&extraction, wire_side);
    Ok(Visitor {
        index,
        enrolment,
        probe,
        extract_us,
    })
}

/// Every other person shows the right hand.
fn person(seed: u64, index: u64) -> (Person, PalmSide) {
    let (side, wire_side) = if index.is_multiple_of(2) {
        (Side::Right, PalmSide::Right)
    } else {
        (Side::Left, PalmSide::Left)
    };
    (Person::new(seed, index, side), wire_side)
}

fn enrolment(person: &Person, visit: &mut u64, side: PalmSide) -> anyhow::Result<PalmCapture> {
    for _ in 0..TRIES_MAX {
        let samples = [
            capture(person, visit)?.0,
            capture(person, visit)?.0,
            capture(person, visit)?.0,
        ];
        if let Ok(enrolment) = fuse(&samples) {
            let quality = samples.iter().map(|sample| sample.quality.score()).min();
            let quality = quality.unwrap_or_default();
            return Ok(PalmCapture {
                encodings: enrolment.encodings,
                side,
                quality,
            });
        }
    }
    bail!("three captures never fitted together");
}

/// Takes captures until one is good enough, as a scanner coaches a customer.
#[expect(
    clippy::disallowed_methods,
    reason = "measures how long extraction takes"
)]
fn capture(person: &Person, visit: &mut u64) -> anyhow::Result<(Extraction, u64)> {
    for _ in 0..TRIES_MAX {
        let image = person.capture(*visit);
        *visit += 1;
        let start = std::time::Instant::now();
        let extracted = extract(&image);
        let took = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        if let Ok(extraction) = extracted
            && extraction.quality.score() >= ACCEPT
        {
            return Ok((extraction, took));
        }
    }
    bail!("no capture was good enough");
}

fn palm_capture(extraction: &Extraction, side: PalmSide) -> PalmCapture {
    PalmCapture {
        encodings: extraction.encodings.clone(),
        side,
        quality: extraction.quality.score(),
    }
}

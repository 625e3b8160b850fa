//! Changing one thing at a time, on all processors, and counting what comes of it.

use std::ops::Range;
use std::thread;

use anyhow::{Result, anyhow, ensure};
use boop_verifier::{Crypto, Facts, RustCrypto, Verdict};

use super::tally::{Place, Tally};
use crate::crypto::{Credulous, Recorder, Remembering};
use crate::evidence::Case;

/// One change in so many is also judged by the second implementation of the signature checks.
const COMPARED: usize = 509;
/// One change in so many is also judged with the signature checks switched off, for the control.
const CONTROLLED: usize = 17;

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Evidence,
    Leaf,
    Intermediate,
    RevocationList,
}

impl Part {
    pub(super) const ALL: [Self; 4] = [
        Self::Evidence,
        Self::Leaf,
        Self::Intermediate,
        Self::RevocationList,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Leaf => "key certificate",
            Self::Intermediate => "intermediate",
            Self::RevocationList => "revocation list",
        }
    }

    /// The bytes of the part, if the case has it.
    pub(super) fn of(self, case: &Case) -> Option<&Vec<u8>> {
        match self {
            Self::Evidence => Some(&case.bytes),
            Self::Leaf => case.endorsements.leaf.as_ref(),
            Self::Intermediate => case.endorsements.intermediate.as_ref(),
            Self::RevocationList => case.endorsements.crl.as_ref(),
        }
    }

    fn of_mut(self, case: &mut Case) -> Option<&mut Vec<u8>> {
        match self {
            Self::Evidence => Some(&mut case.bytes),
            Self::Leaf => case.endorsements.leaf.as_mut(),
            Self::Intermediate => case.endorsements.intermediate.as_mut(),
            Self::RevocationList => case.endorsements.crl.as_mut(),
        }
    }
}

/// Which bits are flipped, one at a time.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) part: Part,
    /// Byte ranges.
    pub(super) ranges: Vec<Range<usize>>,
    /// One bit in so many.
    pub(super) step: usize,
}

impl Plan {
    /// Flips the bits of a case.
    pub(super) fn run(&self, case: &Case) -> Result<Tally> {
        let ranges = self.ranges.iter();
        let bits = ranges.flat_map(|range| range.start * 8..range.end * 8);
        let bits: Vec<usize> = bits.step_by(self.step).collect();
        let part = self.part;
        Judge::new(case)?.try_all(&bits, |bit| {
            let mut changed = case.clone();
            let bytes = part.of_mut(&mut changed);
            if let Some(byte) = bytes.and_then(|bytes| bytes.get_mut(bit / 8)) {
                *byte ^= 1 << (bit % 8);
            }
            let place = Place {
                case: case.name(),
                part: part.name(),
                byte: bit / 8,
            };
            (changed, place)
        })
    }
}

/// Cuts a part at every length, and puts every byte behind its end.
pub(super) fn lengths(case: &Case, part: Part, step: usize) -> Result<Tally> {
    let length = part.of(case).map_or(0, Vec::len);
    let every = 0..length + 256;
    let tries: Vec<usize> = every.step_by(step).collect();
    Judge::new(case)?.try_all(&tries, |attempt| {
        let mut changed = case.clone();
        if let Some(bytes) = part.of_mut(&mut changed) {
            match u8::try_from(attempt.wrapping_sub(length)) {
                Ok(byte) if attempt >= length => bytes.push(byte),
                Ok(_) | Err(_) => bytes.truncate(attempt),
            }
        }
        let place = Place {
            case: case.name(),
            part: part.name(),
            byte: attempt.min(length),
        };
        (changed, place)
    })
}

/// Judges changed evidence: by real checks, and by none for the control.
struct Judge {
    real: Remembering,
    facts: Facts,
}

impl Judge {
    fn new(case: &Case) -> Result<Self> {
        let recorder = Recorder::default();
        let verdict = case.verdict_by(&recorder);
        ensure!(verdict.accepted, "{} is not accepted", case.id);
        let facts = verdict.facts.ok_or_else(|| anyhow!("no facts"))?;
        let real = recorder.remember();
        Ok(Self { real, facts })
    }

    /// Judges every attempt, on all processors.
    fn try_all(
        &self,
        attempts: &[usize],
        change: impl Fn(usize) -> (Case, Place) + Sync,
    ) -> Result<Tally> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = attempts.len().div_ceil(threads).max(1);
        let judged: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = attempts
                .chunks(share)
                .map(|share| scope.spawn(|| self.try_some(share, &change)))
                .collect();
            workers
                .into_iter()
                .map(thread::ScopedJoinHandle::join)
                .collect()
        });
        let mut tally = Tally::default();
        tally.whole = 1;
        for part in judged {
            tally.add(part.map_err(|_| anyhow!("a verdict panicked"))?);
        }
        Ok(tally)
    }

    fn try_some(&self, attempts: &[usize], change: &impl Fn(usize) -> (Case, Place)) -> Tally {
        let mut tally = Tally::default();
        for (index, attempt) in attempts.iter().enumerate() {
            let (changed, place) = change(*attempt);
            let verdict = judged_by(&changed, &self.real);
            tally.note(&verdict, &self.facts, place);
            if index.is_multiple_of(CONTROLLED) {
                let accepted = judged_by(&changed, &Credulous).accepted;
                tally.accepted_without_checks += u64::from(accepted);
                tally.controlled += 1;
            }
            if index.is_multiple_of(COMPARED) {
                tally.compare(&verdict, &judged_by(&changed, &RustCrypto));
            }
        }
        tally
    }
}

fn judged_by(case: &Case, crypto: &impl Crypto) -> Verdict {
    case.verdict_by(crypto)
}

//! Byte streams between machines, in the hands of hosts that may do anything with them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// What may happen to a piece of a stream on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    Lost,
    Doubled,
    /// A bit is changed.
    Changed,
    /// Later pieces overtake it.
    Overtaken,
    /// It and all later ones come this many milliseconds late.
    Late(u64),
    /// The stream ends here.
    Cut,
}

impl Fate {
    /// Draws what happens to a piece; one in `rarity` does not just arrive, none if it is 0.
    pub(crate) fn draw(rng: &mut ChaCha8Rng, rarity: u32) -> Self {
        if rarity == 0 || !rng.next_u32().is_multiple_of(rarity) {
            return Self::Arrives;
        }
        match rng.next_u32() % 6 {
            0 => Self::Lost,
            1 => Self::Doubled,
            2 => Self::Changed,
            3 => Self::Overtaken,
            4 => Self::Late(u64::from(rng.next_u32() % 4_000)),
            _ => Self::Cut,
        }
    }
}

/// Where a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// At a machine, in one life of its enclave; the stream has a number once it has arrived.
    Machine {
        index: usize,
        life: u32,
        stream: Option<boop_abi::StreamId>,
    },
    /// At the gateway, on its way to a party.
    Door { party: usize },
}

/// A stream between two ends.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) ends: [End; 2],
    pub(crate) open: bool,
    /// When the last piece toward each end arrives.
    clear_ms: [u64; 2],
}

impl Pipe {
    pub(crate) const fn new(ends: [End; 2]) -> Self {
        Self {
            ends,
            open: true,
            clear_ms: [0; 2],
        }
    }

    /// Returns when something that leaves now arrives at an end, after all that left before.
    pub(crate) fn arrival(&mut self, end: usize, earliest_ms: u64) -> u64 {
        self.clear_ms[end] = self.clear_ms[end].max(earliest_ms);
        self.clear_ms[end]
    }
}

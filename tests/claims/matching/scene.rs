//! A search in which one message is a lie, and one in which a party stands by what it made up.

use anyhow::{Context as _, Result};
use boop_mpc::local::{Envelope, Outcome, run_through};
use boop_mpc::{Security, ShareInput, SharedPalm, Step};
use boop_wire::id::PartyIndex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::matching::palms::{full_palm, full_template};
use crate::matching::world::{
    HEADER_BYTES, Search, World, accept_palm, any, is_step, pairwise_seeds, search_accepted,
    session, shares_of,
};

/// What an honest search finds: the first of two slots.
pub(super) const HIT_AND_MISS: [bool; 2] = [true, false];

/// How a payload differs from what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// One bit is flipped.
    Flipped,
    /// One is added to a word.
    Added,
    /// It is that of an earlier run.
    Stale,
}

/// All of them.
pub(super) const LIES: [Lie; 3] = [Lie::Flipped, Lie::Added, Lie::Stale];

/// Parties with two slots, the first of which a capture matches.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) inputs: [ShareInput; 3],
    pub(super) palm: [SharedPalm; 3],
}

impl Scene {
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Result<Self> {
        let palm = full_palm(rng);
        let stored = [palm.0[0].clone(), full_template(rng)];
        Ok(Self {
            world: World::enrolling(rng, &stored)?,
            inputs: shares_of(rng, &palm),
            palm: accept_palm(rng, &palm)?,
        })
    }

    /// Prepares a whole run that is secure with abort.
    pub(super) fn session(&self, rng: &mut ChaCha8Rng) -> Search {
        session(rng, &self.inputs, &self.world, Security::Abort)
    }

    /// Runs a whole run in which one message of an earlier one is told otherwise, and tells
    /// whether anybody sent a share of the result.
    pub(super) fn run_lying(
        &self,
        rng: &mut ChaCha8Rng,
        chosen: &Envelope,
        lie: Lie,
    ) -> Result<(Outcome<Vec<bool>>, bool)> {
        let (mut told, mut opened) = (false, false);
        let jobs = self.session(rng);
        let outcome = run_through(jobs, |mut envelope| {
            opened |= opens(&envelope);
            let same_way = (envelope.from, envelope.to) == (chosen.from, chosen.to);
            if same_way && envelope.bytes[..HEADER_BYTES] == chosen.bytes[..HEADER_BYTES] {
                lie.tell(rng, &mut envelope.bytes, &chosen.bytes);
                told = true;
            }
            vec![envelope]
        });
        told.then_some((outcome, opened))
            .context("the message to lie about was never sent")
    }

    /// Runs a search in which one party flips a bit of what the last AND of the second slot
    /// comes to, and opens it as it said.
    pub(super) fn run_standing_by_a_lie(
        &self,
        rng: &mut ChaCha8Rng,
        liar: PartyIndex,
        security: Security,
    ) -> (Outcome<Vec<bool>>, bool) {
        let seeds = pairwise_seeds(rng);
        let jobs = search_accepted(&seeds, &self.palm, &self.world, security, 1);
        let (mut levels, mut opened) = (0, false);
        let outcome = run_through(jobs, |mut envelope| {
            opened |= opens(&envelope);
            let own = envelope.from == liar;
            let alignments = is_step(&envelope, Step::Alignments);
            levels += usize::from(own && alignments);
            let last = alignments && levels == LEVELS_OF_ALIGNMENTS;
            if own && (last || is_step(&envelope, Step::Open)) {
                envelope.bytes[HEADER_BYTES] ^= 0b10;
            }
            vec![envelope]
        });
        (outcome, opened)
    }
}

/// Tells whether a message shows a share of the result.
pub(super) fn opens(envelope: &Envelope) -> bool {
    is_step(envelope, Step::Open) || is_step(envelope, Step::OpenHash)
}

impl Lie {
    /// Changes a message, given the same one of an earlier run.
    fn tell(self, rng: &mut ChaCha8Rng, message: &mut [u8], stale: &[u8]) {
        // Of scores that are passed on, the first belongs to a slot; the last ones belong to
        // lanes of a tile that hold nothing, and mean nothing.
        let scores = message.first() == Some(&Step::Rescore.tag());
        let end = if scores {
            HEADER_BYTES + 4
        } else {
            message.len()
        };
        let payload = &mut message[HEADER_BYTES..end];
        match self {
            Self::Flipped => payload[any(rng, payload.len())] ^= 1 << (rng.next_u32() % 8),
            Self::Added => {
                let words = payload.as_chunks_mut::<4>().0;
                let word = &mut words[any(rng, words.len())];
                *word = u32::from_le_bytes(*word).wrapping_add(1).to_le_bytes();
            }
            Self::Stale => payload.copy_from_slice(&stale[HEADER_BYTES..end]),
        }
    }
}

/// 31 alignments are five levels of a tree.
const LEVELS_OF_ALIGNMENTS: usize = 5;

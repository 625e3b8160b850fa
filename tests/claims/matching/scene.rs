//! A search in which one message is a lie, and one in which a party stands by what it made up.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use boop_mpc::local::{Envelope, Outcome, run_through};
use boop_mpc::{QueryShare, Rule, Security, ShareInput, SharedPalm, Step};
use boop_wire::id::PartyIndex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::matching::palms::{full_palm, full_template};
use crate::matching::world::{
    HEADER_BYTES, Search, World, accept_palm, any, first_job, is_step, pairwise_seeds,
    record_honest, search_accepted, search_ready, session, shares_of,
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

/// How much of a job is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// The search of a palm that was accepted before.
    Search,
    /// The acceptance of a client's shares, then the search.
    Session,
    /// All of the first job of parties that met: with prefaces and the preparation of audits.
    FirstJob,
}

/// From the shortest to the longest.
pub(super) const EXTENTS: [Extent; 3] = [Extent::Search, Extent::Session, Extent::FirstJob];

/// Messages of one sender, step and receiver.
pub(super) struct Kind {
    /// The shortest extent that has such messages.
    pub(super) extent: Extent,
    /// Those of an honest run.
    pub(super) messages: Vec<Envelope>,
}

/// Parties with two slots, the first of which a capture matches.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) inputs: [ShareInput; 3],
    pub(super) palm: [SharedPalm; 3],
    queries: [Arc<QueryShare>; 3],
}

impl Scene {
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Result<Self> {
        let palm = full_palm(rng);
        let stored = [palm.0[0].clone(), full_template(rng)];
        let world = World::enrolling(rng, &stored)?;
        let inputs = shares_of(rng, &palm);
        let palm = accept_palm(rng, &palm)?;
        let queries = palm.each_ref().map(|palm| Arc::new(palm.query(Rule::PALM)));
        Ok(Self {
            world,
            inputs,
            palm,
            queries,
        })
    }

    /// Prepares a run that is secure with abort.
    pub(super) fn jobs(&self, rng: &mut ChaCha8Rng, extent: Extent) -> Search {
        let Self {
            world,
            inputs,
            queries,
            ..
        } = self;
        match extent {
            Extent::Search => search_ready(&pairwise_seeds(rng), queries, world, Security::Abort),
            Extent::Session => session(rng, inputs, world, Security::Abort),
            Extent::FirstJob => first_job(rng, inputs, world),
        }
    }

    /// Returns all kinds of messages, each in the shortest run that has it.
    pub(super) fn kinds(&self, rng: &mut ChaCha8Rng) -> Result<Vec<Kind>> {
        let mut kinds = BTreeMap::<_, Kind>::new();
        for extent in EXTENTS {
            for envelope in record_honest(self.jobs(rng, extent))?.1 {
                let kind = (envelope.from.get(), envelope.bytes[0], envelope.to.get());
                let kind = kinds.entry(kind).or_insert(Kind {
                    extent,
                    messages: vec![],
                });
                if kind.extent == extent {
                    kind.messages.push(envelope);
                }
            }
        }
        Ok(kinds.into_values().collect())
    }

    /// Runs a run in which one message of an earlier one is told otherwise, and tells
    /// whether anybody sent a share of the result.
    pub(super) fn run_lying(
        &self,
        rng: &mut ChaCha8Rng,
        extent: Extent,
        chosen: &Envelope,
        lie: Lie,
    ) -> Result<(Outcome<Vec<bool>>, bool)> {
        let (mut told, mut opened) = (false, false);
        let jobs = self.jobs(rng, extent);
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
    pub(super) fn tell(self, rng: &mut ChaCha8Rng, message: &mut [u8], stale: &[u8]) {
        let step = |step: Step| message.first() == Some(&step.tag());
        let end = if step(Step::Rescore) || step(Step::AuditScore) {
            // The first score belongs to a slot; the last ones belong to lanes of a tile that
            // hold nothing, and mean nothing.
            HEADER_BYTES + 4
        } else if step(Step::Preface) {
            // The mark behind the digest says no more than that the audit is to be prepared anew.
            HEADER_BYTES + 32
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

//! Comparing a query with a database, block by block, several blocks at once.
//!
//! ```text
//!   block 0   dot products | passing on, summands, carries, alignments |
//!   block 1                  dot products | passing on, summands, carries, ...   |  proofs, audit,
//!   block 2                                 dot products | ...                   |  accept, open
//! ```

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{Kernel, LANES, Rows, Tile};

use crate::audit::{Audit, Sums};
use crate::bits::{BitShare, open};
use crate::channel::Channel;
use crate::conclude::{accept, prove};
use crate::context::{Context, Security};
use crate::database::Database;
use crate::error::MpcError;
use crate::gates::Gates;
use crate::rule::Profile;
use crate::share::QueryShare;
use crate::sign::{and_alignments, rescore, rescored_summands, top_bits, two_summands};
use crate::task::Task;
use crate::window::in_order;

/// Templates that go through the sign test together.
pub const BLOCK_TEMPLATES: usize = 4_096;
/// Templates that one run compares at most.
pub const TEMPLATES_MAX: usize = 1 << 20;
/// Blocks that are under way at once.
const BLOCKS_AT_ONCE: usize = 3;

/// Tells for each slot whether the query matches it at some alignment [MPC-30].
///
/// The parties pass the same slots in the same order. One bit a slot is revealed to each of them
/// and nothing else: no score, no alignment. In a run that is secure with abort, everything that
/// the lane of `context` has sent is proved first, and `audit` has to cover the database.
///
/// # Errors
/// Returns [`MpcError::DatabaseTooLarge`]; [`MpcError::TooFewValidCells`] for a palm whose
/// parties demanded more; [`MpcError::ProofRejected`],
/// [`MpcError::AuditRejected`] or [`MpcError::InconsistentOpening`] when a party deviates; and
/// what the channel gives.
pub async fn identify<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    kernel: Kernel,
    query: &QueryShare,
    database: &Database,
    audit: &Arc<Audit>,
) -> Result<Vec<bool>, MpcError> {
    let slots = database.slots();
    if slots > TEMPLATES_MAX {
        return Err(MpcError::DatabaseTooLarge { templates: slots });
    }
    let abort = context.security() == Security::Abort;
    if abort && !audit.covers(database) {
        return Err(MpcError::NotAudited);
    }
    let run = Run {
        kernel,
        profile: query.profile(),
        rows: query.rows(),
        audit: abort.then(|| Arc::clone(audit)),
    };
    let Whole { negative, sums } = run.blocks(context, channel, database).await?;
    if prove(context, channel, kernel).await? {
        if slots > 0 {
            let halves = [query.half_of_next(), query.half_of_previous()];
            audit.check(context, channel, kernel, sums, halves).await?;
        }
        accept(context, channel).await?;
    }
    if let Some(enough) = query.enough_cells() {
        enough.demand(context, channel).await?;
    }
    let opened = open(context, channel, &negative).await?;
    Ok(matches(&opened, slots))
}

/// Reads the opened bits, of which every block but the last has as many as templates.
fn matches(opened: &[u64], slots: usize) -> Vec<bool> {
    let lanes = opened
        .iter()
        .flat_map(|word| (0..64).map(move |lane| word >> lane & 1 == 0));
    lanes.take(slots).collect()
}

/// What the blocks of a run have in common.
#[derive(Clone)]
struct Run {
    kernel: Kernel,
    profile: Profile,
    rows: Arc<Rows>,
    audit: Option<Arc<Audit>>,
}

/// What a block comes to.
struct Block {
    /// A lane for each slot, up to a multiple of 64: 1 where no alignment matches.
    negative: BitShare,
    gates: Option<Gates>,
    sums: Sums,
}

/// What all blocks come to.
struct Whole {
    negative: BitShare,
    sums: Sums,
}

impl Run {
    /// Runs the blocks, and notes in `context` what they have to prove.
    async fn blocks<C: Channel>(
        &self,
        context: &mut Context,
        channel: &C,
        database: &Database,
    ) -> Result<Whole, MpcError> {
        let mut gates = context.take_gates();
        let audit = self.audit.as_ref();
        let lanes = (database.tiles().len() * LANES).next_multiple_of(64);
        let mut whole = Whole {
            negative: BitShare::with_room(lanes / 64),
            sums: audit.map_or_else(Sums::default, |audit| audit.no_sums(self.rows.count())),
        };
        let mut take = |block: Block| {
            whole.negative.append(&block.negative);
            whole.sums.add(&block.sums);
            if let Some((gates, noted)) = gates.as_mut().zip(block.gates) {
                gates.append(noted);
            }
        };
        let tiles = database.tiles().chunks(BLOCK_TEMPLATES / LANES);
        let blocks = tiles.enumerate().map(|(index, tiles)| {
            let (run, context) = (self.clone(), context.fork());
            let first = index * BLOCK_TEMPLATES;
            run.block(context, channel.clone(), tiles.to_vec(), first)
        });
        in_order(blocks, BLOCKS_AT_ONCE, &mut take).await?;
        if let Some(audit) = audit.filter(|_| database.slots() > 0) {
            let context = context.fork();
            take(self.masks(audit, context, channel.clone()).await?);
        }
        context.put_gates(gates);
        Ok(whole)
    }

    /// Scores a block's slots and turns the scores into one bit a slot.
    async fn block<C: Channel>(
        self,
        mut context: Context,
        mut channel: C,
        tiles: Vec<Arc<Tile>>,
        first: usize,
    ) -> Result<Block, MpcError> {
        let (kernel, profile, alignments) = (self.kernel, self.profile, self.rows.count());
        // The roles go around from block to block.
        let turn = context.lane();
        let scores = self.scores(&mut channel, &tiles).await;
        let count = scores.len();
        let mut sums = Sums::default();
        let (context, channel) = (&mut context, &mut channel);
        let summands = if let Some(audit) = &self.audit {
            let (scores, halves) = rescore(context, channel, profile, scores).await?;
            sums = audit.block_sums(kernel, first, alignments, &halves);
            drop(halves);
            rescored_summands(context, channel, kernel, profile, turn, scores).await?
        } else {
            two_summands(context, channel, kernel, profile, turn, scores).await?
        };
        let negative = top_bits(context, channel, profile, count, summands).await?;
        let negative = and_alignments(context, channel, alignments, negative).await?;
        Ok(Block {
            negative,
            gates: context.take_gates(),
            sums,
        })
    }

    /// Passes on the scores of the audit's masks, which no sign test follows [MPC-54].
    async fn masks<C: Channel>(
        &self,
        audit: &Audit,
        mut context: Context,
        mut channel: C,
    ) -> Result<Block, MpcError> {
        let scores = self.scores(&mut channel, audit.mask_tiles()).await;
        let rescored = rescore(&mut context, &mut channel, self.profile, scores);
        let (_, halves) = rescored.await?;
        Ok(Block {
            negative: BitShare::zero(0),
            gates: None,
            sums: audit.mask_sums(self.kernel, self.rows.count(), &halves),
        })
    }

    /// Has the driver compute this party's summands of the scores: a row for each alignment,
    /// its lanes filled up with zeros to a multiple of 64.
    async fn scores<C: Channel>(&self, channel: &mut C, tiles: &[Arc<Tile>]) -> Vec<u32> {
        let (kernel, rows, tiles) = (self.kernel, Arc::clone(&self.rows), tiles.to_vec());
        let task = Task::new(move || {
            let stride = (tiles.len() * LANES).next_multiple_of(64);
            let mut scores = vec![0; rows.count() * stride];
            let tiles: Vec<&Tile> = tiles.iter().map(|tile| &**tile).collect();
            kernel.scores(&rows, &tiles, &mut scores, stride);
            scores
        });
        channel.compute(task).await
    }
}

const _: () = assert!(
    BLOCK_TEMPLATES.is_multiple_of(64),
    "the lanes of all blocks but the last are templates"
);

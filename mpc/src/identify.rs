//! Comparing a query with a database, block by block.

use alloc::vec::Vec;
use core::borrow::Borrow;

use crate::channel::{Channel, MESSAGE_BYTES_MAX};
use crate::context::{Context, Role};
use crate::error::MpcError;
use crate::kernel::scores;
use crate::share::{QueryShare, StoredShare};
use crate::sign::all_negative;
use crate::step::HEADER_BYTES;
use boop_wire::template::ALIGNMENT_COUNT;

/// Templates that go through the sign test together.
pub const BLOCK_TEMPLATES: usize = 1_024;
/// Templates that one run compares at most.
pub const TEMPLATES_MAX: usize = 1 << 20;

/// Tells for each stored template whether the query matches it at some alignment [MPC-30].
///
/// The parties pass the same templates in the same order. One bit a template is revealed to
/// each of them and nothing else: no score, no alignment.
///
/// # Errors
/// Returns [`MpcError::DatabaseTooLarge`], [`MpcError::InconsistentOpening`] when a party lies
/// about an opened value, and what the channel gives.
pub async fn identify<C: Channel, S: Borrow<StoredShare> + Sync>(
    context: &mut Context,
    channel: &mut C,
    query: &QueryShare,
    database: &[S],
) -> Result<Vec<bool>, MpcError> {
    if database.len() > TEMPLATES_MAX {
        return Err(MpcError::DatabaseTooLarge {
            templates: database.len(),
        });
    }
    let mut matches = Vec::with_capacity(database.len());
    for block in database.chunks(BLOCK_TEMPLATES) {
        let block: Vec<&StoredShare> = block.iter().map(Borrow::borrow).collect();
        let summands = block_summands(query, &block, context.role());
        let opened = all_negative(context, channel, summands).await?;
        append_matches(&mut matches, &opened, block.len());
    }
    Ok(matches)
}

/// Returns the scores' summands, less 1 at party 0, so that a score of 0 is no match [MPC-23].
fn block_summands(query: &QueryShare, block: &[&StoredShare], role: Role) -> Vec<u32> {
    let lanes = block.len().next_multiple_of(64);
    let mut summands = scores(query, block, lanes);
    if role == Role::Zero {
        summands
            .iter_mut()
            .for_each(|summand| *summand = summand.wrapping_sub(1));
    }
    summands
}

fn append_matches(matches: &mut Vec<bool>, opened: &[u64], templates: usize) {
    let negative = opened
        .iter()
        .flat_map(|word| (0..64).map(move |lane| word >> lane & 1 == 1));
    matches.extend(negative.take(templates).map(|negative| !negative));
}

const _: () = assert!(
    HEADER_BYTES + 4 * ALIGNMENT_COUNT * BLOCK_TEMPLATES <= MESSAGE_BYTES_MAX,
    "a block's scores fit into one message"
);

//! Giving a replaced party the shares that the lost one had [MPC-80].
//!
//! The shares of a palm are a line over the Galois ring at w^0, w^1 and w^2, so that with n
//! next to c and p previous to it, `s_c = -w s_n - w^2 s_p`. Each helper sends its term masked
//! by what only the two helpers can draw; the masks cancel, and the newcomer c learns its own
//! share and nothing else of the others'. Shares travel in chunks of [`CHUNK_SLOTS`] slots,
//! 32,000 bytes a slot and helper; the newcomer asks for each chunk after the first.
//!
//! Two helpers are all there is, so nothing tells the newcomer whether both followed the
//! protocol: **a helper that lies is not noticed here.** What is noticed, and when:
//!
//! - If the helper lies about its term and goes on with the share that it has, the three shares
//!   are no line any more. [`Audit::extend`](crate::Audit::extend), which has to come before the
//!   first query in a run that is secure with abort, ends with
//!   [`MpcError::AuditRejected`]. It cannot tell whose share is wrong: it may name the newcomer.
//! - If the helper from then on also uses a share of its own that fits the lie, it has moved the
//!   palm by what it chose. The shares are a line again, and **no audit notices**: a palm may no
//!   longer match its owner, or, moved out of the values that a palm can have, match everybody.
//!   What is left are queries whose answers are known before.
//!
//! So helpers attest themselves before they help, and where the clients' own components and
//! commitments were kept ([`ShareInput::matches`](crate::ShareInput::matches)), the newcomer is
//! better served with those: each of its components has one holder left, who cannot lie about
//! it. What a lost party knew is worthless only after a [`refresh`](crate::refresh()).

use zeroize::Zeroizing;

use crate::channel::Channel;
use crate::context::{Context, Held};
use crate::database::Database;
use crate::error::MpcError;
use crate::refresh::turn::{negate, share_of, turn};
use crate::share::{STORED_SHARE_BYTES, StoredShare};
use crate::step::Step;
use crate::values::Values;
use boop_wire::id::PartyIndex;
use boop_wire::template::CODE_BITS;

/// Slots that travel before the newcomer asks for more.
pub const CHUNK_SLOTS: usize = 64;

/// Helps the party that replaces `lost` to its shares of every slot.
///
/// # Errors
/// Returns [`MpcError::NotAPeer`] at the replaced party itself, and what the channel gives.
pub async fn restore_shares<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    lost: PartyIndex,
    database: &Database,
) -> Result<(), MpcError> {
    let me = context.me();
    if me == lost {
        return Err(MpcError::NotAPeer { from: me });
    }
    for slot in 0..database.slots() {
        if slot > 0 && slot.is_multiple_of(CHUNK_SLOTS) {
            context.receive(channel, lost, Step::Restored, 0).await?;
        }
        if let Some(share) = database.get(slot) {
            let term = masked_term(context, lost, &share);
            let bytes = Zeroizing::new(term.to_bytes());
            context.send(channel, lost, Step::Restore, &bytes);
        }
    }
    Ok(())
}

/// Receives this party's share of so many slots, all that the two others have.
///
/// # Errors
/// Returns what the channel gives.
pub async fn receive_shares<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    slots: usize,
) -> Result<Database, MpcError> {
    let [one, other] = context.me().others();
    let mut database = Database::new();
    for slot in 0..slots {
        if slot > 0 && slot.is_multiple_of(CHUNK_SLOTS) {
            for helper in [one, other] {
                context.send(channel, helper, Step::Restored, &[]);
            }
        }
        let mut share = receive_term(context, channel, one).await?;
        share.add(&receive_term(context, channel, other).await?);
        database.push(&share_of(&share));
    }
    Ok(database)
}

/// Returns this helper's term of the lost share: the helpers' masks add up to zero.
fn masked_term(context: &mut Context, lost: PartyIndex, share: &StoredShare) -> Values {
    let mut term = share.values().clone();
    negate(&mut term);
    if context.me() == lost.next() {
        turn(&mut term, 1);
        term.add(&draw(context, Held::WithNext));
    } else {
        turn(&mut term, 2);
        term.subtract(&draw(context, Held::WithPrevious));
    }
    term
}

fn draw(context: &mut Context, held: Held) -> Values {
    Values::from_bytes(&context.draw(held, STORED_SHARE_BYTES), CODE_BITS)
}

async fn receive_term<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    helper: PartyIndex,
) -> Result<Values, MpcError> {
    let bytes = context
        .receive(channel, helper, Step::Restore, STORED_SHARE_BYTES)
        .await?;
    let bytes = Zeroizing::new(bytes);
    Ok(Values::from_bytes(&bytes, CODE_BITS))
}

#[cfg(test)]
mod tests;

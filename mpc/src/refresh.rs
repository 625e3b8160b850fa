//! New shares of the same palms, so that what a party lost before is worth nothing after
//! [MPC-70].
//!
//! 1. [`agree_refresh_key`]: all three contribute to the key of the new epoch. Each sends a
//!    commitment, and opens it when it has those of both others together with a hash of all
//!    three; so no party can choose the key, or give the two others different ones. Two rounds,
//!    96 bytes to each of the others.
//! 2. [`refresh`]: the palm in a slot has the shares `s_i = x + rho w^i`; every party adds
//!    `r w^i`, where `r = PRG(key, slot, version)` is a ring element for every pair of values.
//!    That is `rho + r` instead of rho: x, and with it every product, stays what it was. Nothing
//!    is sent. What an [`Audit`](crate::Audit) has prepared no longer fits, and it notices.
//! 3. [`RefreshCheck`]: the parties make sure that no palm changed, before any forgets its old
//!    shares. With `d_i` what party i added, the palm is the same exactly if `d_i w^-i` is the
//!    same at any two parties: if they differ by e, the palm moved by `e / (w^-i - w^-j)`, and
//!    the divisor is a unit. Each pair compares a SHA-256 over all slots, tagged with a key that
//!    only these two have. So two parties who follow the protocol notice whatever is wrong
//!    between them, and the third cannot cover it up: the error is that of finding a collision,
//!    about 2^-128, where a random linear combination opened under masks would have 2^-40. A
//!    party that adds what it should to what it says, and keeps something else, is found by the
//!    audit of its products, as always. Where nothing is wrong, a hash tells a party what it
//!    knows already. One round, 32 bytes to each of the others.
//!
//! A party that watches a refresh knows r, so one that is compromised during it is compromised
//! before and after. Which slots have the new epoch, and forgetting the old key when all have,
//! is the caller's part: adding twice gives the shares of no epoch at all.

use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::channel::Channel;
use crate::context::{Context, Held};
use crate::database::Database;
use crate::error::MpcError;
use crate::prg::Prg;
use crate::share::{STORED_SHARE_BYTES, StoredShare};
use crate::step::Step;
use crate::task::Task;
use crate::values::Values;
use boop_wire::id::PartyIndex;
use boop_wire::template::CODE_BITS;

pub(crate) mod turn;

use turn::{share_of, turn};

/// What an epoch's refresh is drawn from. Wipes itself.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct EpochKey([u8; 32]);

/// Why a database was not refreshed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// Every slot has a version, and there is no other.
    #[error("there are {found} versions for {slots} slots")]
    WrongVersionCount {
        /// How many slots there are.
        slots: usize,
        /// How many versions.
        found: usize,
    },
}

/// Agrees with the two others on the key of a new epoch. `coins` are fresh from this party's
/// random generator and used for nothing else.
///
/// # Errors
/// Returns [`MpcError::PrefacesDiffer`] if another party has seen other commitments,
/// [`MpcError::ProofRejected`] if one opens something else than it committed to, and what the
/// channel gives.
pub async fn agree_refresh_key<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    coins: &[u8; 32],
) -> Result<EpochKey, MpcError> {
    let (me, others) = (context.me(), context.me().others());
    let mut commitments = [[0; 32]; 3];
    commitments[me.as_usize()] = commit(me, coins);
    for other in others {
        let own = commitments[me.as_usize()];
        context.send(channel, other, Step::Commit, &own);
    }
    for from in others {
        let received = context.receive(channel, from, Step::Commit, 32).await?;
        commitments[from.as_usize()].copy_from_slice(&received);
    }
    let view = hashed(VIEW_DOMAIN, &[commitments.as_flattened()]);
    let message = Zeroizing::new([*coins, view].concat());
    for other in others {
        context.send(channel, other, Step::Contribute, &message);
    }
    let mut contributions = Zeroizing::new([[0; 32]; 3]);
    contributions[me.as_usize()] = *coins;
    let (mut kept, mut same_view) = (Ok(()), Ok(()));
    for from in others {
        let received = context.receive(channel, from, Step::Contribute, 64).await?;
        let received = Zeroizing::new(received);
        let (theirs, seen) = received.split_at(32);
        let contribution = &mut contributions[from.as_usize()];
        contribution.copy_from_slice(theirs);
        if commit(from, contribution) != commitments[from.as_usize()] {
            kept = kept.and(Err(MpcError::ProofRejected { prover: from }));
        }
        if seen != view {
            same_view = same_view.and(Err(MpcError::PrefacesDiffer { from }));
        }
    }
    kept.and(same_view)?;
    let parts = [contributions.as_flattened(), &view];
    Ok(EpochKey(hashed(KEY_DOMAIN, &parts)))
}

/// Refreshes party `me`'s share in every slot. All parties give every slot the same version,
/// which changes with the palm in it.
///
/// # Errors
/// Returns [`RefreshError::WrongVersionCount`] unless each slot has a version; the database is
/// then as it was.
pub fn refresh(
    database: &mut Database,
    key: &EpochKey,
    me: PartyIndex,
    versions: &[u64],
) -> Result<(), RefreshError> {
    let (slots, found) = (database.slots(), versions.len());
    if slots != found {
        return Err(RefreshError::WrongVersionCount { slots, found });
    }
    for (slot, version) in versions.iter().enumerate() {
        refresh_slot(database, key, me, slot, *version);
    }
    Ok(())
}

/// Refreshes party `me`'s share in a slot that exists; tells whether it does.
pub fn refresh_slot(
    database: &mut Database,
    key: &EpochKey,
    me: PartyIndex,
    slot: usize,
    version: u64,
) -> bool {
    database.get(slot).is_some_and(|share| {
        let refreshed = refreshed_share(&share, key, me, slot, version);
        database.replace(slot, &refreshed)
    })
}

/// Returns party `me`'s refreshed share of the palm in a slot, where the share itself is kept
/// elsewhere.
pub fn refreshed_share(
    share: &StoredShare,
    key: &EpochKey,
    me: PartyIndex,
    slot: usize,
    version: u64,
) -> StoredShare {
    let mut change = key.draw(slot, version);
    turn(&mut change, me.get());
    change.add(share.values());
    share_of(&change)
}

/// The check that a refresh changed shares and no palm, slot by slot as they are refreshed.
pub struct RefreshCheck {
    me: PartyIndex,
    hash: Sha256,
}

impl RefreshCheck {
    /// Starts a check at party `me`.
    pub fn new(me: PartyIndex) -> Self {
        let hash = Sha256::new_with_prefix(CHANGE_DOMAIN);
        Self { me, hash }
    }

    /// Notes a slot's share as it was and as it is. All parties note the same slots in the same
    /// order.
    pub fn note(&mut self, slot: usize, before: &StoredShare, after: &StoredShare) {
        let mut change = after.values().clone();
        change.subtract(before.values());
        turn(&mut change, 3 - self.me.get());
        self.hash.update((slot as u64).to_le_bytes());
        self.hash.update(Zeroizing::new(change.to_bytes()));
    }

    /// Notes what another check noted of a piece.
    fn join(&mut self, piece: &[u32]) {
        piece
            .iter()
            .for_each(|word| self.hash.update(word.to_le_bytes()));
    }

    fn words(self) -> Vec<u32> {
        let hash: Zeroizing<[u8; 32]> = Zeroizing::new(self.hash.finalize().into());
        let words = hash.as_chunks().0.iter();
        words.map(|word| u32::from_le_bytes(*word)).collect()
    }

    /// Compares with both others what was noted.
    ///
    /// # Errors
    /// Returns [`MpcError::PrefacesDiffer`] for another party whose change of some share does
    /// not belong to this one's, or who noted other slots; and what the channel gives.
    pub async fn compare<C: Channel>(
        self,
        context: &mut Context,
        channel: &mut C,
    ) -> Result<(), MpcError> {
        let change: Zeroizing<[u8; 32]> = Zeroizing::new(self.hash.finalize().into());
        let me = context.me();
        let neighbours = [
            (me.next(), context.draw(Held::WithNext, 32)),
            (me.previous(), context.draw(Held::WithPrevious, 32)),
        ];
        let tag = |key: &[u8], of: PartyIndex| hashed(TAG_DOMAIN, &[key, &[of.get()], &change[..]]);
        for (to, key) in &neighbours {
            context.send(channel, *to, Step::Refreshed, &tag(key, me));
        }
        let mut unchanged = Ok(());
        for (from, key) in &neighbours {
            let received = context.receive(channel, *from, Step::Refreshed, 32).await?;
            if received != tag(key, *from) {
                unchanged = unchanged.and(Err(MpcError::PrefacesDiffer { from: *from }));
            }
        }
        unchanged
    }
}

/// Compares two states of a database slot by slot, with both others: see [`RefreshCheck`].
///
/// # Errors
/// Returns what [`RefreshCheck::compare`] gives, also where one state has a slot that the other
/// lacks, unless all three lack it.
pub async fn check_refresh<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    before: &Database,
    after: &Database,
) -> Result<(), MpcError> {
    let mut check = RefreshCheck::new(context.me());
    for slot in 0..before.slots().max(after.slots()) {
        if let (Some(before), Some(after)) = (before.get(slot), after.get(slot)) {
            check.note(slot, &before, &after);
        }
    }
    check.compare(context, channel).await
}

/// Agrees on the key of a new epoch and checks what it changes, as one run; nothing is changed
/// yet. The slots are gone through in the driver's time, a piece after the other.
///
/// # Errors
/// Returns what [`agree_refresh_key`] and [`RefreshCheck::compare`] give.
pub async fn plan_refresh<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    coins: &[u8; 32],
    database: &Database,
) -> Result<EpochKey, MpcError> {
    let me = context.me();
    let key = agree_refresh_key(context, channel, coins).await?;
    let mut check = RefreshCheck::new(me);
    for first in (0..database.slots()).step_by(PIECE_SLOTS) {
        let slots = first..database.slots().min(first + PIECE_SLOTS);
        let (database, key) = (database.clone(), key.clone());
        let task = Task::new(move || {
            let mut piece = RefreshCheck::new(me);
            for slot in slots {
                if let Some(before) = database.get(slot) {
                    let after = refreshed_share(&before, &key, me, slot, 0);
                    piece.note(slot, &before, &after);
                }
            }
            piece.words()
        });
        check.join(&channel.compute(task).await);
    }
    check.compare(context, channel).await?;
    Ok(key)
}

impl EpochKey {
    /// Returns a name of the epoch that tells nothing about the key.
    pub fn name(&self) -> [u8; 32] {
        hashed(NAME_DOMAIN, &[&self.0])
    }

    /// Draws what a slot's palm is refreshed by.
    fn draw(&self, slot: usize, version: u64) -> Values {
        let place = [slot as u64, version].map(u64::to_le_bytes);
        let seed = Zeroizing::new(hashed(ROW_DOMAIN, &[&self.0, place.as_flattened()]));
        let stream = Prg::new(ROW_DOMAIN, &seed).draw(STORED_SHARE_BYTES);
        Values::from_bytes(&stream, CODE_BITS)
    }
}

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochKey([secret])")
    }
}

impl fmt::Debug for RefreshCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshCheck(party {}, [secret])", self.me.get())
    }
}

fn commit(party: PartyIndex, coins: &[u8; 32]) -> [u8; 32] {
    hashed(COMMITMENT_DOMAIN, &[&[party.get()], coins])
}

/// Hashes parts whose lengths are fixed.
fn hashed(domain: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(domain);
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// Slots that are gone through at once.
const PIECE_SLOTS: usize = 1_024;
const NAME_DOMAIN: &[u8] = b"boop/refresh-name/v1\0";
const COMMITMENT_DOMAIN: &[u8] = b"boop/refresh-commitment/v1\0";
const VIEW_DOMAIN: &[u8] = b"boop/refresh-commitments/v1\0";
const KEY_DOMAIN: &[u8] = b"boop/refresh-key/v1\0";
const ROW_DOMAIN: &[u8] = b"boop/refresh-row/v1\0";
const CHANGE_DOMAIN: &[u8] = b"boop/refresh-change/v1\0";
const TAG_DOMAIN: &[u8] = b"boop/refresh-tag/v1\0";

#[cfg(test)]
mod tests;

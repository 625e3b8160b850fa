//! The audit of products: for every dot product that a party claims, its two neighbours compare
//! sums over secret subsets of the slots with products of their own [MPC-50].
//!
//! ```text
//!   audited party c      n = next(c) and p = previous(c), who share the subsets
//!
//!   once a record:       y_j = sum of c's shares in subset j, plus a mask r_j of c
//!   every query:         sum of c's claims in subset j, plus its claim of r_j  =  y_j times row
//! ```
//!
//! Each of the two holds half of every claim and half of every row, so each computes half of the
//! difference; the halves cancel, and that is compared by their hashes. A claim that is wrong is
//! in subset j with probability 1/2, and c does not know the subsets. A party plays c, n and p
//! at once.

mod prepare;
mod subset;
#[cfg(test)]
mod tests;

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use boop_kernel::{Kernel, LANES, Rows, Tile};
use boop_wire::id::PartyIndex;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use self::subset::add_score_sums;
use crate::channel::Channel;
use crate::context::Context;
use crate::database::Database;
use crate::error::MpcError;
use crate::sign::Halves;
use crate::step::Step;
use crate::task::Task;

/// The subsets of an audit that nobody weakened: a wrong claim passes with probability 2^-40.
const KAPPA: usize = 40;
/// The bits of a record's word of subsets.
const KAPPA_MAX: usize = 64;

/// One party's parts in the audits of all three, prepared for some slots of a database and good
/// for any number of queries.
#[derive(Clone)]
pub struct Audit {
    kappa: usize,
    slots: usize,
    edition: u64,
    /// The masks r_j of this party's own audit, lane by lane.
    masks: Vec<Arc<Tile>>,
    /// The audits of the next party and of the previous one.
    sides: [Side; 2],
}

/// What an auditor keeps of one audited party.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
struct Side {
    /// Bit j of a slot's word: the slot is in subset j.
    subsets: Vec<u64>,
    /// The sums y_j, lane by lane. Tiles wipe themselves.
    #[zeroize(skip)]
    sums: Vec<Arc<Tile>>,
}

/// An auditor's halves of the subset sums of claims: for the next party and for the previous
/// one, a row for each subset, in it a value for each alignment.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Sums([Vec<u32>; 2]);

impl Sums {
    /// Adds the sums of other slots. Sums that nobody computed count as zero.
    pub(crate) fn add(&mut self, other: &Self) {
        for (sums, others) in self.0.iter_mut().zip(&other.0) {
            let pairs = sums.iter_mut().zip(others);
            pairs.for_each(|(sum, other)| *sum = sum.wrapping_add(*other));
        }
    }
}

impl Audit {
    /// Starts an audit of another strength, which covers nothing yet: a wrong claim passes with
    /// probability 2^-kappa. The number is brought into 1 to 64.
    pub fn with_kappa(kappa: u32) -> Self {
        Self {
            kappa: (kappa as usize).clamp(1, KAPPA_MAX),
            slots: 0,
            edition: 0,
            masks: Vec::new(),
            sides: Default::default(),
        }
    }

    /// Returns how many slots the audit covers.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Tells whether the audit covers a database as it is: every slot, and none changed since.
    pub fn covers(&self, database: &Database) -> bool {
        self.slots == database.slots() && self.edition == database.edition()
    }

    /// Returns the sums over no slots.
    pub(crate) fn no_sums(&self, alignments: usize) -> Sums {
        Sums([(); 2].map(|()| vec![0; self.kappa * alignments]))
    }

    /// Returns the sums over the slots of a block; a row of scores has a lane for each and
    /// may have more.
    pub(crate) fn block_sums(
        &self,
        kernel: Kernel,
        first: usize,
        alignments: usize,
        halves: &Halves,
    ) -> Sums {
        let [next, previous] = &self.sides;
        let subsets = [next, previous].map(|side| side.subsets.get(first..).unwrap_or_default());
        self.sums(kernel, subsets, alignments, halves)
    }

    /// Returns the sums over the masks: each is in its own subset alone.
    pub(crate) fn mask_sums(&self, kernel: Kernel, alignments: usize, halves: &Halves) -> Sums {
        let subsets = self.subsets_of_masks();
        self.sums(kernel, [&subsets, &subsets], alignments, halves)
    }

    fn sums(
        &self,
        kernel: Kernel,
        subsets: [&[u64]; 2],
        alignments: usize,
        halves: &Halves,
    ) -> Sums {
        let mut sums = self.no_sums(alignments);
        let halves = [&halves.of_next, &halves.of_previous];
        for ((sums, subsets), half) in sums.0.iter_mut().zip(subsets).zip(halves) {
            add_score_sums(kernel, subsets, alignments, half, sums);
        }
        sums
    }

    fn subsets_of_masks(&self) -> Vec<u64> {
        (0..self.kappa).map(|subset| 1 << subset).collect()
    }

    /// Returns the masks of this party's own audit.
    pub(crate) fn mask_tiles(&self) -> &[Arc<Tile>] {
        &self.masks
    }

    /// Compares the subset sums of a query's claims with the products of the prepared sums and
    /// this party's halves of the neighbours' rows: the next party's, then the previous one's
    /// [MPC-54].
    ///
    /// # Errors
    /// Returns [`MpcError::AuditRejected`] for a neighbour whose claims, or whose other auditor,
    /// are wrong.
    pub(crate) async fn check<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        kernel: Kernel,
        sums: Sums,
        halves: [Rows; 2],
    ) -> Result<(), MpcError> {
        let mut differences = sums;
        for ((side, half), sums) in self.sides.iter().zip(halves).zip(&mut differences.0) {
            let rows = half.count();
            let products = products(channel, kernel, Arc::new(half), &side.sums).await;
            let stride = products.len() / rows;
            for (subset, sums) in sums.chunks_exact_mut(rows).enumerate() {
                let products = products.iter().skip(subset).step_by(stride);
                let pairs = sums.iter_mut().zip(products);
                pairs.for_each(|(sum, product)| *sum = sum.wrapping_sub(*product));
            }
        }
        // The previous party of an audited one negates its half, so that the two are equal.
        let [of_next, _] = &mut differences.0;
        of_next
            .iter_mut()
            .for_each(|half| *half = half.wrapping_neg());
        let (me, parts) = (context.me(), Part::all(context.me()));
        for (part, half) in parts.iter().zip(&differences.0) {
            let own = self.digest(part.audited, me, half);
            context.send(channel, part.auditor, Step::AuditHash, &own);
        }
        for (part, half) in parts.iter().zip(&differences.0) {
            let received = context.receive(channel, part.auditor, Step::AuditHash, 32);
            if received.await? != self.digest(part.audited, part.auditor, half) {
                return Err(MpcError::AuditRejected {
                    party: part.audited,
                });
            }
        }
        Ok(())
    }

    /// Hashes one auditor's half of a comparison.
    fn digest(&self, audited: PartyIndex, auditor: PartyIndex, half: &[u32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"boop/audit-half/v1\0");
        hash.update([audited.get(), auditor.get()]);
        hash.update((self.kappa as u64).to_le_bytes());
        hash.update((self.slots as u64).to_le_bytes());
        half.iter()
            .for_each(|value| hash.update(value.to_le_bytes()));
        hash.finalize().into()
    }
}

impl Default for Audit {
    /// Starts an audit that covers nothing yet.
    fn default() -> Self {
        Self {
            kappa: KAPPA,
            ..Self::with_kappa(1)
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audit({} slots, [secret])", self.slots)
    }
}

/// The parties of one audit, seen from an auditor.
#[derive(Clone, Copy)]
struct Part {
    audited: PartyIndex,
    /// The other auditor.
    auditor: PartyIndex,
}

impl Part {
    /// Returns the audit of the next party, then that of the previous one.
    fn all(me: PartyIndex) -> [Self; 2] {
        let (next, previous) = (me.next(), me.previous());
        [(next, previous), (previous, next)].map(|(audited, auditor)| Self { audited, auditor })
    }
}

/// Has the driver multiply rows with templates: a row of as many values as the tiles have lanes.
async fn products<C: Channel>(
    channel: &mut C,
    kernel: Kernel,
    rows: Arc<Rows>,
    tiles: &[Arc<Tile>],
) -> Zeroizing<Vec<u32>> {
    let tiles = tiles.to_vec();
    let task = Task::new(move || {
        let stride = tiles.len() * LANES;
        let tiles: Vec<&Tile> = tiles.iter().map(AsRef::as_ref).collect();
        let mut products = vec![0; rows.count() * stride];
        kernel.scores(&rows, &tiles, &mut products, stride);
        products
    });
    Zeroizing::new(channel.compute(task).await)
}

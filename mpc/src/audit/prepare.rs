//! Bringing slots under the audit: the two auditors of a party agree on masked sums of its
//! shares, and have the party itself show that they are right.
//!
//! ```text
//!   n <-> p   halves of y_j, and of what will hide the answers      [MPC-51]
//!   n, p -> c ready;   c -> n, p  a seed of public rows             [MPC-52]
//!   c -> n    its products with the rows, hidden from n but not p   [MPC-53]
//!   c -> p    the same, hidden from p but not n
//!   n, p      subset sums of the answers  =  y_j times public row
//! ```
//!
//! What an auditor tells the other is fixed before the rows are known. So neither can have the
//! other accept wrong sums, with which it would later see from an abort what a query holds.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::{CELLS, CODE, Kernel, LANES, Rows, Tile};
use boop_wire::id::PartyIndex;
use zeroize::Zeroizing;

use super::subset::{SUM_WORDS, add_score_sums, read_sum, share_sums, zeros};
use super::{Audit, KAPPA_MAX, Part, products};
use crate::channel::Channel;
use crate::context::{Context, Held};
use crate::database::Database;
use crate::error::MpcError;
use crate::prg::Prg;
use crate::sign::{to_bytes, to_values};
use crate::step::Step;
use crate::task::Task;
use crate::values::{Element, Values};

/// Tiles whose products travel together: 4,096 slots.
const TILES_AT_ONCE: usize = 256;
const TEMPLATE_BYTES: usize = 2 * CODE + 4 * CELLS;

type Seed = Zeroizing<[u8; 32]>;

/// Records that come under the audit together, and their masks.
struct Batch {
    kappa: usize,
    records: Vec<Block>,
    masks: Block,
    sides: [BatchSide; 2],
    /// Hide this party's answers: from the previous party, which lacks the key with the next
    /// one, and from the next party, which lacks the other.
    own_seeds: [Seed; 2],
}

/// Slots, or masks, that are answered in one message.
struct Block {
    tiles: Vec<Arc<Tile>>,
    /// The subsets of each lane, in the audits of the next party and of the previous one.
    subsets: [Zeroizing<Vec<u64>>; 2],
}

/// What an auditor knows of a batch.
struct BatchSide {
    part: Part,
    /// This auditor's half of the masks.
    masks: Vec<Values>,
    /// Hides the answers from the other auditor.
    seed: Seed,
}

/// What two auditors agree on.
struct Agreed {
    /// The sums y_j, lane by lane.
    sums: Vec<Arc<Tile>>,
    /// The subset sums of what hides the answers from this auditor.
    hidden: Zeroizing<Vec<u32>>,
}

impl Audit {
    /// Brings the slots that came since the last time under the audit. Nothing is sent if there
    /// are none; a slot that changed or was taken away makes it begin anew. `coins` are fresh
    /// random bytes, which nobody else can foresee.
    ///
    /// # Errors
    /// Returns [`MpcError::AuditRejected`] when the parties' shares do not belong together, or a
    /// message is wrong; and what the channel gives. The audit then covers no new slot.
    pub async fn extend<C: Channel>(
        &mut self,
        context: &mut Context,
        channel: &mut C,
        kernel: Kernel,
        database: &Database,
        coins: &[u8; 32],
    ) -> Result<(), MpcError> {
        let slots = database.slots();
        if self.edition != database.edition() || self.slots > slots {
            *self = Self::with_kappa(u32::try_from(self.kappa).unwrap_or(u32::MAX));
            self.edition = database.edition();
        }
        let fresh = slots - self.slots;
        if fresh == 0 {
            return Ok(());
        }
        // The auditors of the next party are this one and the previous one, and the reverse.
        let subsets = [Held::WithPrevious, Held::WithNext]
            .map(|held| draw_subsets(context, held, self.kappa, fresh));
        let (first, covered) = (self.slots / LANES, self.slots % LANES);
        let tiles = database.tiles().get(first..).unwrap_or_default();
        let lanes = subsets.each_ref().map(|subsets| {
            let mut lanes = vec![0; covered];
            lanes.extend_from_slice(subsets);
            Zeroizing::new(lanes)
        });
        let batch = Batch::new(self, context, tiles, &lanes);
        let sums = batch.run(context, channel, kernel, coins).await?;
        add_tiles(&mut self.masks, &batch.masks.tiles);
        for ((side, subsets), sums) in self.sides.iter_mut().zip(&subsets).zip(&sums) {
            side.subsets.extend_from_slice(subsets);
            add_tiles(&mut side.sums, sums);
        }
        self.slots = slots;
        Ok(())
    }
}

impl Batch {
    /// Draws what the batch needs, of which lanes are in which subsets.
    fn new(
        audit: &Audit,
        context: &mut Context,
        tiles: &[Arc<Tile>],
        lanes: &[Zeroizing<Vec<u64>>; 2],
    ) -> Self {
        // Two neighbours draw first for the audit of the one, then for that of its next.
        let kappa = audit.kappa;
        let mut draw = |held| {
            let masks = [(); 2].map(|()| draw_masks(context, held, kappa));
            (masks, [(); 2].map(|()| draw_seed(context, held)))
        };
        let ([mut masks, of_next], [own_with_next, next_seed]) = draw(Held::WithNext);
        let ([of_previous, others], [previous_seed, own_with_previous]) = draw(Held::WithPrevious);
        masks
            .iter_mut()
            .zip(&others)
            .for_each(|(mask, other)| mask.add(other));

        let records = tiles.chunks(TILES_AT_ONCE).enumerate();
        let records = records.map(|(index, tiles)| Block {
            tiles: tiles.to_vec(),
            subsets: lanes.each_ref().map(|lanes| {
                let mut blocks = lanes.chunks(TILES_AT_ONCE * LANES);
                Zeroizing::new(blocks.nth(index).unwrap_or_default().to_vec())
            }),
        });
        let [next, previous] = Part::all(context.me());
        let side = |part, masks, seed| BatchSide { part, masks, seed };
        Self {
            kappa,
            records: records.collect(),
            masks: Block {
                tiles: to_tiles(&masks),
                subsets: [(); 2].map(|()| Zeroizing::new(audit.subsets_of_masks())),
            },
            sides: [
                side(next, of_next, next_seed),
                side(previous, of_previous, previous_seed),
            ],
            own_seeds: [own_with_next, own_with_previous],
        }
    }

    /// Runs the protocol and returns the sums y_j, of the next party and of the previous one.
    async fn run<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        kernel: Kernel,
        coins: &[u8; 32],
    ) -> Result<[Vec<Arc<Tile>>; 2], MpcError> {
        let agreed = self.agree(context, channel, kernel).await?;
        context.barrier(channel, Step::Ready).await?;
        for other in context.me().others() {
            context.send(channel, other, Step::AuditSeed, coins);
        }
        let mut expected = Vec::with_capacity(agreed.len());
        for (side, agreed) in self.sides.iter().zip(&agreed) {
            let seed = context.receive(channel, side.part.audited, Step::AuditSeed, 32);
            let rows = Arc::new(public_rows(&seed.await?, self.kappa));
            expected.push(products(channel, kernel, rows, &agreed.sums).await);
        }
        let answers = self.answers(context, channel, kernel, coins).await?;
        let sides = self.sides.iter().zip(&agreed);
        for ((side, agreed), (answers, expected)) in sides.zip(answers.iter().zip(&expected)) {
            if !agreed.fits(self.kappa, answers, expected) {
                let party = side.part.audited;
                return Err(MpcError::AuditRejected { party });
            }
        }
        context.barrier(channel, Step::Accept).await?;
        Ok(agreed.map(|agreed| agreed.sums))
    }

    /// Exchanges the halves of the sums y_j, and the sums of what hides the answers.
    async fn agree<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        kernel: Kernel,
    ) -> Result<[Agreed; 2], MpcError> {
        let [mut next, mut previous] = self.share_sums(channel).await;
        let [of_next, of_previous] = &self.sides;
        next.iter_mut().for_each(by_minus_w_squared);
        previous.iter_mut().for_each(by_minus_w);
        let hidden = self.hidden_sums(kernel);
        let halves = [(of_next, &mut next), (of_previous, &mut previous)];
        for ((side, half), hidden) in halves.into_iter().zip(&hidden) {
            half.iter_mut()
                .zip(&side.masks)
                .for_each(|(half, mask)| half.add(mask));
            let bytes: Vec<u8> = half.iter().flat_map(Values::to_bytes).collect();
            context.send(channel, side.part.auditor, Step::AuditMask, &bytes);
            context.send(
                channel,
                side.part.auditor,
                Step::AuditMask,
                &to_bytes(hidden),
            );
        }
        let next = self.agree_with(context, channel, of_next.part.auditor, next);
        let next = next.await?;
        let previous = self.agree_with(context, channel, of_previous.part.auditor, previous);
        Ok([next, previous.await?])
    }

    /// Adds the other auditor's half to this one's.
    async fn agree_with<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        auditor: PartyIndex,
        half: Vec<Values>,
    ) -> Result<Agreed, MpcError> {
        let (mut sums, kappa) = (half, self.kappa);
        let bytes = kappa * TEMPLATE_BYTES;
        let received = context.receive(channel, auditor, Step::AuditMask, bytes);
        for (sum, bytes) in sums
            .iter_mut()
            .zip(received.await?.chunks_exact(TEMPLATE_BYTES))
        {
            sum.add(&Values::from_bytes(bytes, CODE));
        }
        let received = context.receive(channel, auditor, Step::AuditMask, 4 * kappa * kappa);
        let hidden = Zeroizing::new(to_values(&received.await?));
        let sums = to_tiles(&sums);
        Ok(Agreed { sums, hidden })
    }

    /// Has the driver sum this party's shares over the subsets of both audits.
    async fn share_sums<C: Channel>(&self, channel: &mut C) -> [Vec<Values>; 2] {
        let kappa = self.kappa;
        let mut total = [(); 2].map(|()| vec![zeros(1); kappa]);
        for block in &self.records {
            let (tiles, subsets) = (block.tiles.clone(), block.subsets.clone());
            let task = Task::new(move || {
                let [next, previous] = &subsets;
                share_sums(kappa, &tiles, [next, previous])
            });
            let words = Zeroizing::new(channel.compute(task).await);
            let sums = words.chunks_exact(SUM_WORDS).map(read_sum);
            let total = total.iter_mut().flatten();
            total.zip(sums).for_each(|(total, sum)| total.add(&sum));
        }
        total
    }

    /// Returns the subset sums of what hides the answers from the other auditors.
    fn hidden_sums(&self, kernel: Kernel) -> [Zeroizing<Vec<u32>>; 2] {
        let kappa = self.kappa;
        let mut sums = [(); 2].map(|()| Zeroizing::new(vec![0; kappa * kappa]));
        for (block, number) in self.blocks() {
            let sides = self.sides.iter().zip(&block.subsets);
            for ((side, subsets), sums) in sides.zip(&mut sums) {
                let hidden = hidden(&side.seed, number, kappa * block.tiles.len() * LANES);
                add_score_sums(kernel, subsets, kappa, &hidden, sums);
            }
        }
        sums
    }

    /// Answers the neighbours, and returns the subset sums of their answers.
    async fn answers<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        kernel: Kernel,
        coins: &[u8; 32],
    ) -> Result<[Zeroizing<Vec<u32>>; 2], MpcError> {
        let (kappa, me) = (self.kappa, context.me());
        let rows = Arc::new(public_rows(coins, kappa));
        let mut sums = [(); 2].map(|()| Zeroizing::new(vec![0; kappa * kappa]));
        for (block, number) in self.blocks() {
            let products = products(channel, kernel, Arc::clone(&rows), &block.tiles).await;
            for (to, seed) in [me.previous(), me.next()].into_iter().zip(&self.own_seeds) {
                let mut answers = hidden(seed, number, products.len());
                let pairs = answers.iter_mut().zip(products.iter());
                pairs.for_each(|(answer, product)| *answer = answer.wrapping_add(*product));
                context.send(channel, to, Step::AuditScore, &to_bytes(&answers));
            }
            let sides = self.sides.iter().zip(&block.subsets);
            for ((side, subsets), sums) in sides.zip(&mut sums) {
                let (from, bytes) = (side.part.audited, 4 * products.len());
                let answers = context.receive(channel, from, Step::AuditScore, bytes);
                let answers = Zeroizing::new(to_values(&answers.await?));
                add_score_sums(kernel, subsets, kappa, &answers, sums);
            }
        }
        Ok(sums)
    }

    /// Returns the blocks, numbered.
    fn blocks(&self) -> impl Iterator<Item = (&Block, u32)> {
        self.records.iter().chain([&self.masks]).zip(0..)
    }
}

impl Agreed {
    /// Tells whether the answers' subset sums, less what hides them, are the products of the
    /// public rows with the sums: one row of products for each public row.
    fn fits(&self, kappa: usize, answers: &[u32], products: &[u32]) -> bool {
        let stride = products.len() / kappa;
        let mut difference = 0;
        for (index, (answer, hidden)) in answers.iter().zip(self.hidden.iter()).enumerate() {
            let (subset, row) = (index / kappa, index % kappa);
            let product = products[row * stride + subset];
            difference |= answer.wrapping_sub(*hidden) ^ product;
        }
        difference == 0
    }
}

fn draw_subsets(
    context: &mut Context,
    held: Held,
    kappa: usize,
    slots: usize,
) -> Zeroizing<Vec<u64>> {
    let mut words = Zeroizing::new(context.draw_words(held, slots));
    let bits = u64::MAX >> (KAPPA_MAX - kappa);
    words.iter_mut().for_each(|word| *word &= bits);
    words
}

fn draw_masks(context: &mut Context, held: Held, kappa: usize) -> Vec<Values> {
    let bytes = context.draw(held, kappa * TEMPLATE_BYTES);
    let templates = bytes.chunks_exact(TEMPLATE_BYTES);
    templates
        .map(|bytes| Values::from_bytes(bytes, CODE))
        .collect()
}

fn draw_seed(context: &mut Context, held: Held) -> Seed {
    let mut seed = Seed::default();
    seed.copy_from_slice(&context.draw(held, 32));
    seed
}

/// Returns what hides the answers of a block.
fn hidden(seed: &Seed, block: u32, values: usize) -> Zeroizing<Vec<u32>> {
    let mut stream = Prg::of_lane(b"boop/audit-answers/v1\0", seed, block);
    Zeroizing::new(stream.draw_numbers(values))
}

/// Expands the seed of the public rows; there are as many as subsets.
fn public_rows(seed: &[u8], kappa: usize) -> Rows {
    let mut own = [0; 32];
    own.copy_from_slice(seed);
    let mut stream = Prg::new(b"boop/audit-rows/v1\0", &own);
    let rows: Vec<Values> = (0..kappa)
        .map(|_| Values::from_bytes(&stream.draw(TEMPLATE_BYTES), CODE))
        .collect();
    Rows::new(rows.iter().map(|row| (&row.code[..], &row.cells[..])))
}

/// Lays templates out, a lane each.
fn to_tiles(templates: &[Values]) -> Vec<Arc<Tile>> {
    let tiles = templates.chunks(LANES).map(|templates| {
        let mut tile = Tile::new();
        for (lane, template) in templates.iter().enumerate() {
            tile.set(lane, &template.code, &template.cells);
        }
        Arc::new(tile)
    });
    tiles.collect()
}

/// Adds the templates of other tiles, lane by lane. No tiles are as many as needed, of zeros.
fn add_tiles(tiles: &mut Vec<Arc<Tile>>, others: &[Arc<Tile>]) {
    if tiles.is_empty() {
        tiles.extend_from_slice(others);
        return;
    }
    let mut sum = zeros(1);
    let mut other = zeros(1);
    for (tile, others) in tiles.iter_mut().zip(others) {
        let tile = Arc::make_mut(tile);
        for lane in 0..LANES {
            tile.get(lane, &mut sum.code, &mut sum.cells);
            others.get(lane, &mut other.code, &mut other.cells);
            sum.add(&other);
            tile.set(lane, &sum.code, &sum.cells);
        }
    }
}

/// Multiplies every pair (a, b), which is a + b w, by -w.
fn by_minus_w(values: &mut Values) {
    fn each<E: Element>(values: &mut [E]) {
        let pairs = values.as_chunks_mut().0.iter_mut();
        pairs.for_each(|pair| *pair = [pair[1], pair[1].minus(pair[0])]);
    }
    each(&mut values.code);
    each(&mut values.cells);
}

/// Multiplies every pair by -w^2, which is the square of -w, negated.
fn by_minus_w_squared(values: &mut Values) {
    fn each<E: Element>(values: &mut [E]) {
        let pairs = values.as_chunks_mut().0.iter_mut();
        pairs.for_each(|pair| *pair = [pair[0].minus(pair[1]), pair[0]]);
    }
    each(&mut values.code);
    each(&mut values.cells);
}

//! Whatever a client sends is a template [MPC-14].

use anyhow::Result;
use boop_mpc::plain;
use boop_mpc::plain::packed::{Packed, PackedQuery};
use boop_mpc::{Rule, SEED_BYTES, ShareInput};
use boop_wire::template::{
    Alignment, CELLS, ENCODINGS_BYTES, Encodings, GRID, ORIENTATIONS, PHASES, TEMPLATE_BYTES,
    THRESHOLD, Template, alignments,
};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::claim::Claim;
use crate::matching::palms::{any_template, full_palm, full_template, noisy, upright};
use crate::matching::world::{BOTH, World, any, finish, on_all_cores, seeded, session, shares_of};

/// Sends bits that no scanner would, and compares with the rule on the bits they come to.
pub(super) fn claim(quick: bool) -> Result<Claim> {
    let clients = if quick { 16 } else { 256 };
    let mut rng = seeded(SEED);
    let origin = full_palm(&mut rng);
    let noises = (0..48).map(|index| 250 + 4 * index);
    let mut stored: Vec<_> = noises.map(|p| noisy(&mut rng, &origin.0[0], p)).collect();
    stored.extend((0..16).map(|_| any_template(&mut rng)));
    let world = World::enrolling(&mut rng, &stored)?;
    let packed: Vec<_> = stored.iter().map(Packed::of).collect();
    let counts = on_all_cores(SEED + 1..SEED + 1 + clients, |seed| {
        wrong_and_matching(seed, &origin, &packed, &world)
    })?;
    let runs = counts.len() * BOTH.len();
    let wrong: usize = counts.iter().map(|(wrong, _)| wrong).sum();
    let matches: usize = counts.iter().map(|(_, matches)| matches).sum();
    let pairs = counts.len() * stored.len();
    let forged = Forgery::tried(&mut rng);
    Ok(Claim {
        id: "inputs-valid-by-construction".into(),
        claim: "whatever bits a client sends, the result is the rule's on a template".into(),
        held: wrong == 0 && matches > 0 && matches < pairs,
        control: forged.succeeds(),
        summary: format!(
            "clients {clients}, runs {runs}, wrong {wrong}, pairs {pairs}, matches {matches}; \
             cells of -1, which bits cannot make, match {} of {} strangers",
            forged.matched, forged.strangers
        ),
        figures: json!({
            "seed": SEED,
            "clients": clients,
            "runs": runs,
            "pairs_in_each_mode": pairs,
            "matches": matches,
            "wrong": wrong,
            "control_strangers": forged.strangers,
            "control_matched_by_cells_of_minus_one": forged.matched,
            "control_matched_by_cells_of_one": forged.matched_honestly,
            "control_templates_scored_as_the_rule": forged.as_the_rule,
        }),
    })
}

/// Runs one client in both modes; returns the wrong decisions, and the matches there should be.
fn wrong_and_matching(
    seed: u64,
    origin: &Encodings,
    stored: &[Packed],
    world: &World,
) -> Result<(usize, usize)> {
    let mut rng = seeded(seed);
    // A palm, its mask as random as the bits under it; then bits changed in what is sent.
    let mut palm = Encodings([(); 3].map(|()| any_template(&mut rng)));
    palm.0[0] = noisy(&mut rng, &origin.0[0], 40);
    let mut changes = vec![0_u8; ENCODINGS_BYTES];
    for _ in 0..[0, 1, 100, 2_000][any(&mut rng, 4)] {
        changes[any(&mut rng, ENCODINGS_BYTES)] ^= 1 << any(&mut rng, 8);
    }
    let sent = changed(&palm, &changes);
    let inputs = with_bits_changed(&shares_of(&mut rng, &palm), &changes)?;
    let query = PackedQuery::of(&sent);
    let right: Vec<_> = stored.iter().map(|s| query.matches(s, THRESHOLD)).collect();
    let mut wrong = 0;
    for security in BOTH {
        for found in finish(session(&mut rng, &inputs, world, security))? {
            let pairs = found.iter().zip(&right);
            let lengths = usize::from(found.len() != right.len());
            wrong += lengths + pairs.filter(|(found, right)| found != right).count();
        }
    }
    Ok((wrong, right.iter().filter(|right| **right).count()))
}

/// Changes the component that parties 0 and 1 have in common, behind its salt.
fn with_bits_changed(shares: &[ShareInput; 3], changes: &[u8]) -> Result<[ShareInput; 3]> {
    let [zero, one, two] = shares;
    let change = |share: &ShareInput, start: usize| {
        let mut bytes = share.to_bytes();
        let bits = bytes[start..].iter_mut().zip(changes);
        bits.for_each(|(byte, change)| *byte ^= change);
        ShareInput::from_bytes(&bytes)
    };
    let salt = SEED_BYTES;
    let (zero, one) = (change(zero, 1 + salt)?, change(one, 1 + SEED_BYTES + salt)?);
    Ok([zero, one, two.clone()])
}

fn changed(palm: &Encodings, changes: &[u8]) -> Encodings {
    let mut changes = changes.chunks_exact(TEMPLATE_BYTES);
    Encodings(palm.0.each_ref().map(|template| {
        let mut bits = *template.expose_bytes();
        let change = bits.iter_mut().zip(changes.next().unwrap_or_default());
        change.for_each(|(byte, change)| *byte ^= change);
        Template::from_bytes(&bits)
    }))
}

/// What the parties' arithmetic makes of a query of ring elements, were one taken as it comes.
///
/// Parties take bits, so nothing outside `boop-mpc` can hand them such a query. Its own tests do
/// (`a_palm_that_accept_cannot_make_would_match_everybody`); here the scores are computed as the
/// parties compute them, modulo 2^32, and compared with the rule where the query is a template.
struct Forgery {
    strangers: usize,
    matched: usize,
    matched_honestly: usize,
    as_the_rule: bool,
}

impl Forgery {
    fn tried(rng: &mut ChaCha8Rng) -> Self {
        let strangers: Vec<_> = (0..32).map(|_| full_template(rng)).collect();
        let empty_code = |cell| RingPalm {
            code: vec![0; PHASES * CELLS * ORIENTATIONS],
            cells: vec![cell; CELLS],
        };
        let matched = |palm: &RingPalm| {
            let matches = |s: &&Template| {
                let scores = alignments().map(|at| palm.score(&RingPalm::of(s), at));
                scores.into_iter().any(|score| score.cast_signed() > 0)
            };
            strangers.iter().filter(matches).count()
        };
        let as_the_rule = strangers.iter().take(4).all(|stranger| {
            let shown = any_template(rng);
            let scores = plain::scores(stranger, &upright(shown.clone()));
            let palm = RingPalm::of(&shown);
            let pairs = alignments().into_iter().zip(scores);
            let mut upright = pairs.filter(|(at, _)| at.rotation == 0);
            upright.all(|(at, score)| {
                let ring = palm.score(&RingPalm::of(stranger), at).cast_signed();
                i64::from(ring) == score.margin(THRESHOLD)
            })
        });
        Self {
            strangers: strangers.len(),
            matched: matched(&empty_code(u32::MAX)),
            matched_honestly: matched(&empty_code(1)),
            as_the_rule,
        }
    }

    fn succeeds(&self) -> bool {
        self.as_the_rule && self.matched == self.strangers && self.matched_honestly == 0
    }
}

/// A template as values modulo 2^32: a bit of a valid cell is 1 or -1, all else is 0.
struct RingPalm {
    code: Vec<u32>,
    cells: Vec<u32>,
}

impl RingPalm {
    fn of(template: &Template) -> Self {
        let valid = |index: usize| template.cell_valid(index / ORIENTATIONS % CELLS);
        let value = |index| match (valid(index), template.code_bit(index)) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => u32::MAX,
        };
        Self {
            code: (0..PHASES * CELLS * ORIENTATIONS).map(value).collect(),
            cells: (0..CELLS)
                .map(|cell| u32::from(template.cell_valid(cell)))
                .collect(),
        }
    }

    /// Returns `65536 * dot - threshold * valid` modulo 2^32.
    fn score(&self, stored: &Self, at: Alignment) -> u32 {
        let (mut dot, mut cells) = (0_u32, 0_u32);
        for target in 0..CELLS {
            let row = (target / GRID).checked_add_signed(-at.dy);
            let column = (target % GRID).checked_add_signed(-at.dx);
            let (Some(row), Some(column)) = (row, column) else {
                continue;
            };
            if row >= GRID || column >= GRID {
                continue;
            }
            let source = row * GRID + column;
            let product = |a: u32, b: u32| a.wrapping_mul(b);
            cells = cells.wrapping_add(product(stored.cells[target], self.cells[source]));
            for (phase, k) in (0..PHASES).flat_map(|p| (0..ORIENTATIONS).map(move |k| (p, k))) {
                let index = |cell: usize| (phase * CELLS + cell) * ORIENTATIONS + k;
                let term = product(stored.code[index(target)], self.code[index(source)]);
                dot = dot.wrapping_add(term);
            }
        }
        let penalty = (BITS_OF_CELL * Rule::PALM.threshold()).wrapping_mul(cells);
        dot.wrapping_mul(1 << 16).wrapping_sub(penalty)
    }
}

const SEED: u64 = 2_000_000;
const BITS_OF_CELL: u32 = 8;
const _: () = assert!(PHASES * ORIENTATIONS == BITS_OF_CELL as usize);

//! From a client's share to a shared palm that is a valid template by construction.

use alloc::vec::Vec;
use core::fmt;

use boop_kernel::Kernel;

use crate::bits::{BitShare, and, to_words};
use crate::cells::EnoughCells;
use crate::channel::Channel;
use crate::context::Context;
use crate::error::MpcError;
use crate::inject::inject;
use crate::input::ShareInput;
use crate::rule::Rule;
use crate::share::{QueryShare, StoredShare};
use crate::step::Step;
use crate::values::{ReplicatedValues, Values};
use boop_wire::template::{CELLS, CODE_BITS, ORIENTATIONS, PHASES, ROTATIONS, TEMPLATE_BYTES};

/// A palm at every rotation, shared between the parties as values -1, 0 and 1 under a mask.
#[derive(Clone)]
pub struct SharedPalm {
    values: ReplicatedValues,
    enough_cells: Option<EnoughCells>,
}

/// Turns the three shares of a client's bits into a shared palm [MPC-12] to [MPC-14].
///
/// Whatever bits the client sent, the palm is a template: code values of invalid cells are zero,
/// the others are 1 or -1, and cells are 0 or 1. How many are valid is not looked at: see
/// [`SharedPalm::demand_cells`].
///
/// # Errors
/// Returns [`MpcError::ForeignShare`] for another party's share, and what the channel gives.
pub async fn accept<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    kernel: Kernel,
    input: &ShareInput,
) -> Result<SharedPalm, MpcError> {
    if input.party() != context.me() {
        return Err(MpcError::ForeignShare {
            meant_for: input.party(),
        });
    }
    let bits = BitShare {
        with_next: to_words(&input.expose_with_next()),
        with_previous: to_words(&input.expose_with_previous()),
    };
    let (code, cells) = separate(&bits);
    let blanking = spread_cells(&cells);
    let blanked = and(context, channel, Step::Blank, &code, &blanking).await?;
    let injected = inject(context, channel, kernel, &blanked, &cells).await?;
    Ok(SharedPalm {
        values: signed(injected),
        enough_cells: None,
    })
}

impl SharedPalm {
    /// Has the search of this palm end with [`MpcError::TooFewValidCells`], before any match is
    /// opened, unless each encoding has [`VALID_CELLS_MIN`] valid cells [MPC-15].
    ///
    /// # Errors
    /// Returns what the channel gives.
    ///
    /// [`VALID_CELLS_MIN`]: boop_wire::template::VALID_CELLS_MIN
    pub async fn demand_cells<C: Channel>(
        &mut self,
        context: &mut Context,
        channel: &mut C,
    ) -> Result<(), MpcError> {
        let enough = EnoughCells::compute(context, channel, &self.values).await?;
        self.enough_cells = Some(enough);
        Ok(())
    }

    /// Returns this party's share of the template, for its database.
    pub fn stored(&self) -> StoredShare {
        StoredShare::convert(&self.values)
    }

    /// Returns this party's share of the query at every alignment.
    pub fn query(&self, rule: Rule) -> QueryShare {
        QueryShare::convert(&self.values, rule).demanding(self.enough_cells.clone())
    }
}

impl fmt::Debug for SharedPalm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedPalm([secret])")
    }
}

/// Separates the bits of three templates into all code bits and all cell bits.
fn separate(bits: &BitShare) -> (BitShare, BitShare) {
    let (mut code, mut cells) = (BitShare::zero(0), BitShare::zero(0));
    for rotation in 0..ROTATIONS {
        let start = rotation * TEMPLATE_WORDS;
        code.append(&bits.slice(start..start + CODE_WORDS));
        cells.append(&bits.slice(start + CODE_WORDS..start + TEMPLATE_WORDS));
    }
    (code, cells)
}

/// Gives each code bit the validity of its cell.
fn spread_cells(cells: &BitShare) -> BitShare {
    BitShare {
        with_next: spread(&cells.with_next),
        with_previous: spread(&cells.with_previous),
    }
}

fn spread(cells: &[u64]) -> Vec<u64> {
    let quarters = |word: &u64| {
        let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
        [[a, b], [c, d], [e, f], [g, h]].map(|quarter| repeat_bits(u16::from_le_bytes(quarter)))
    };
    let encodings = cells.chunks_exact(CELLS / 64);
    encodings
        .flat_map(|cells| (0..PHASES).flat_map(move |_| cells.iter().flat_map(quarters)))
        .collect()
}

/// Repeats each of sixteen bits once for every orientation.
fn repeat_bits(bits: u16) -> u64 {
    (0..16)
        .map(|bit| (u64::from(bits >> bit & 1) * NIBBLE) << (bit * ORIENTATIONS))
        .sum()
}

/// Computes `cell - 2 bit` for every code bit: 1 for a zero, -1 for a one, 0 where blanked.
fn signed(mut injected: ReplicatedValues) -> ReplicatedValues {
    sign_component(&mut injected.with_next);
    sign_component(&mut injected.with_previous);
    injected
}

fn sign_component(component: &mut Values) {
    let Values { code, cells } = component;
    for (code, cells) in code
        .chunks_exact_mut(CODE_BITS)
        .zip(cells.chunks_exact(CELLS))
    {
        for phase in code.chunks_exact_mut(CELLS * ORIENTATIONS) {
            for (values, cell) in phase.chunks_exact_mut(ORIENTATIONS).zip(cells) {
                let cell = (*cell & 0xffff) as u16;
                values
                    .iter_mut()
                    .for_each(|v| *v = cell.wrapping_sub(v.wrapping_mul(2)));
            }
        }
    }
}

const CODE_WORDS: usize = CODE_BITS / 64;
const TEMPLATE_WORDS: usize = TEMPLATE_BYTES / 8;
const NIBBLE: u64 = (1 << ORIENTATIONS) - 1;
const _: () = assert!(
    ORIENTATIONS == 4 && CELLS.is_multiple_of(64) && CODE_BITS == 2 * 4 * CELLS,
    "codes and masks are whole words, and a cell is a nibble of each phase"
);

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec;

    use super::*;
    use crate::database::Database;
    use crate::identify::identify;
    use crate::testing::{run_three, seeded, share_values};

    #[test]
    fn cells_spread_over_both_phases_and_all_orientations() {
        let mut cells = vec![0; ROTATIONS * CELLS / 64];
        cells[0] = 0b10;
        cells[2 * CELLS / 64 - 1] = 1 << 63;

        let spread = spread(&cells);

        let set: Vec<_> = (0..ROTATIONS * CODE_BITS)
            .filter(|i| spread[i / 64] >> (i % 64) & 1 == 1)
            .collect();
        let phase = CELLS * ORIENTATIONS;
        let of_first = [4, 5, 6, 7].into_iter();
        let of_last = [4, 3, 2, 1].into_iter().map(|k| CODE_BITS + phase - k);
        let expected: Vec<_> = of_first
            .clone()
            .chain(of_first.map(|i| i + phase))
            .chain(of_last.clone())
            .chain(of_last.map(|i| i + phase))
            .collect();
        assert_eq!(set, expected);
    }

    /// Why [`accept`] takes bits and not ring elements: a palm with cells of -1 would turn the
    /// penalty of a mask into a bonus.
    #[test]
    fn a_palm_that_accept_cannot_make_would_match_everybody() {
        let mut rng = seeded(1);
        let mut palm = Values {
            code: vec![0; 3 * CODE_BITS],
            cells: vec![1; 3 * CELLS],
        };
        let stored = share_values(&mut rng, &palm);
        let honest = share_values(&mut rng, &palm);
        palm.cells.fill(u32::MAX);
        let forged = share_values(&mut rng, &palm);

        let [honest, forged] = [honest, forged].map(|palm| {
            let [matches, ..] = run_three(&mut rng, |mut context, mut channel| {
                let me = context.me().as_usize();
                let mut database = Database::new();
                database.push(&StoredShare::convert(&stored[me]));
                let query = QueryShare::convert(&palm[me], Rule::PALM);
                async move {
                    let (kernel, audit) = (Kernel::best(), Arc::default());
                    let (context, channel) = (&mut context, &mut channel);
                    identify(context, channel, kernel, &query, &database, &audit).await
                }
            });
            matches
        });

        assert_eq!((honest, forged), (vec![false], vec![true]));
    }
}

//! A palm of independent bits under a mask of natural size, and its shares [MPC-21].
//!
//! The three shares of a pair of values m are m + rho w^i over Z/2^k[w]/(w^2+w+1), rho random:
//! what the parties would have, had they made them together.

use boop_mpc::STORED_SHARE_BYTES;
use boop_wire::template::{CELLS, CODE_BITS, GRID, ORIENTATIONS, PHASES};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

/// Of eight cells in the hand's outline, this many are valid.
const VALID_OF_EIGHT: u32 = 7;

/// The values of a template: -1, 0 or 1 for a bit of the code, 0 or 1 for a cell.
pub(super) struct Palm {
    code: Vec<u16>,
    cells: Vec<u32>,
}

impl Palm {
    /// Draws a palm. Two of them differ in half of their bits, as those of two people do.
    pub(super) fn random(rng: &mut ChaCha20Rng) -> Self {
        let cells: Vec<u32> = (0..CELLS)
            .map(|cell| u32::from(in_outline(cell) && rng.next_u32() % 8 < VALID_OF_EIGHT))
            .collect();
        let mut bits = vec![0; CODE_BITS / 8];
        rng.fill_bytes(&mut bits);
        Self::new(cells, |index| bits[index / 8] >> (index % 8) & 1 == 1)
    }

    fn new(cells: Vec<u32>, bit: impl Fn(usize) -> bool) -> Self {
        let index = |phase, cell, orientation| (phase * CELLS + cell) * ORIENTATIONS + orientation;
        let mut code = vec![0; CODE_BITS];
        for phase in 0..PHASES {
            for cell in (0..CELLS).filter(|cell| cells[*cell] == 1) {
                for at in (0..ORIENTATIONS).map(|orientation| index(phase, cell, orientation)) {
                    code[at] = if bit(at) { u16::MAX } else { 1 };
                }
            }
        }
        Self { code, cells }
    }

    /// Splits the palm into what parties 0, 1 and 2 store of it.
    pub(super) fn shares(&self, rng: &mut ChaCha20Rng) -> [Vec<u8>; 3] {
        let mut shares = [(); 3].map(|()| Vec::with_capacity(STORED_SHARE_BYTES));
        let mut random = vec![0; STORED_SHARE_BYTES];
        rng.fill_bytes(&mut random);
        let (for_code, for_cells) = random.split_at(2 * CODE_BITS);
        let pairs = self.code.as_chunks::<2>().0.iter();
        for (pair, rho) in pairs.zip(for_code.as_chunks().0) {
            let [a, b, c, d] = *rho;
            let rho = [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])];
            for (share, [a, b]) in shares.iter_mut().zip(line(rho, u16::wrapping_sub)) {
                share.extend(pair[0].wrapping_add(a).to_le_bytes());
                share.extend(pair[1].wrapping_add(b).to_le_bytes());
            }
        }
        let pairs = self.cells.as_chunks::<2>().0.iter();
        for (pair, rho) in pairs.zip(for_cells.as_chunks().0) {
            let [a, b, c, d, e, f, g, h] = *rho;
            let rho = [
                u32::from_le_bytes([a, b, c, d]),
                u32::from_le_bytes([e, f, g, h]),
            ];
            for (share, [a, b]) in shares.iter_mut().zip(line(rho, u32::wrapping_sub)) {
                share.extend(pair[0].wrapping_add(a).to_le_bytes());
                share.extend(pair[1].wrapping_add(b).to_le_bytes());
            }
        }
        shares
    }
}

/// Returns rho, rho w and rho w^2, where w (a + b w) = -b + (a - b) w.
fn line<E: Copy + Default>(rho: [E; 2], minus: fn(E, E) -> E) -> [[E; 2]; 3] {
    let by_w = |[a, b]: [E; 2]| [minus(E::default(), b), minus(a, b)];
    [rho, by_w(rho), by_w(by_w(rho))]
}

/// Tells whether a cell lies in the round of a palm, about three quarters of the grid.
fn in_outline(cell: usize) -> bool {
    let from_middle = |at: usize| (2 * at + 1).abs_diff(GRID);
    from_middle(cell / GRID).pow(2) + from_middle(cell % GRID).pow(2) < GRID * GRID
}

#[cfg(test)]
mod tests {
    use boop_mpc::{
        Context, Database, Job, Kernel, PairwiseSeeds, Rule, Security, StoredShare, accept,
        identify, local, split,
    };
    use boop_wire::PartyIndex;
    use boop_wire::template::{Encodings, Template};
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn shares_of_a_drawn_palm_match_that_palm_and_no_other() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let palms = [(); 3].map(|()| Palm::random(&mut rng));
        let mut databases = [(); 3].map(|()| Database::new());
        for palm in &palms {
            for (database, share) in databases.iter_mut().zip(palm.shares(&mut rng)) {
                database.push(&StoredShare::from_bytes(&share).unwrap());
            }
        }

        let matches = palms.each_ref().map(|palm| search(palm, &databases));

        assert_eq!(matches[0], [true, false, false]);
        assert_eq!(matches[1], [false, true, false]);
        assert_eq!(matches[2], [false, false, true]);
    }

    #[test]
    fn a_natural_share_of_the_cells_is_valid() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);

        let valid: u32 = Palm::random(&mut rng).cells.iter().sum();

        assert!((900..1300).contains(&valid), "{valid}");
    }

    /// Has three parties search their stores for the palm.
    fn search(palm: &Palm, databases: &[Database; 3]) -> Vec<bool> {
        let template = template(palm);
        let palm = Encodings([template.clone(), template.clone(), template]);
        let inputs = split(&palm, &[[1; 32], [2; 32], [3; 32]]);
        let jobs = PartyIndex::ALL.map(|me| {
            let edge = |other: PartyIndex| [me.get() + other.get(); 32];
            let seeds = PairwiseSeeds {
                with_next: edge(me.next()),
                with_previous: edge(me.previous()),
            };
            let (input, database) = (&inputs[me.as_usize()], &databases[me.as_usize()]);
            Job::new(me, |mut channel| async move {
                let context = &mut Context::new(me, &seeds, Security::SemiHonest);
                let kernel = Kernel::best();
                let palm = accept(context, &mut channel, kernel, input).await?;
                let query = palm.query(Rule::PALM);
                let audit = Default::default();
                identify(context, &mut channel, kernel, &query, database, &audit).await
            })
        });
        let [found, ..] = local::run(jobs).results;
        found.unwrap().unwrap()
    }

    fn template(palm: &Palm) -> Template {
        let mut template = Template::empty();
        for (index, value) in palm.code.iter().enumerate() {
            template.set_code_bit(index, *value == u16::MAX);
        }
        for (cell, value) in palm.cells.iter().enumerate() {
            template.set_cell_valid(cell, *value == 1);
        }
        template
    }
}

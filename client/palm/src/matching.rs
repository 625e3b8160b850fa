//! Comparison in the clear: the reference that the joint computation must agree with.
//!
//! A code bit counts as +1 or -1 where its cell is valid and as 0 elsewhere. `dot` is the sum of
//! products of two codes and `valid` the number of places where neither is 0; both are plain
//! integers, and `(valid - dot) / (2 * valid)` is the share of bits that differ.

use boop_wire::template::{ALIGNMENT_COUNT, Alignment, Encodings, THRESHOLD, Template, alignments};

use rows::Rows;

mod rows;

/// Two templates compared at one alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// Equal bits less differing bits.
    pub dot: i32,
    /// Bits compared.
    pub valid: u32,
}

impl Agreement {
    /// Returns the share of compared bits that differ; 1 if none could be compared.
    pub fn distance(&self) -> f64 {
        if self.valid == 0 {
            return 1.0;
        }
        let valid = f64::from(self.valid);
        (valid - f64::from(self.dot)) / (2.0 * valid)
    }

    /// Applies the match rule `65536 * dot > THRESHOLD * valid`.
    pub fn matches(&self) -> bool {
        self.matches_at(THRESHOLD.cast_signed())
    }

    /// Applies the match rule with another threshold numerator.
    pub fn matches_at(&self, threshold: i32) -> bool {
        65_536 * i64::from(self.dot) > i64::from(threshold) * i64::from(self.valid)
    }

    /// Compares two distances as fractions, without rounding.
    pub fn closer_than(&self, other: &Self) -> bool {
        match (self.valid, other.valid) {
            (0, _) => false,
            (_, 0) => true,
            (valid, other_valid) => {
                i64::from(self.dot) * i64::from(other_valid)
                    > i64::from(other.dot) * i64::from(valid)
            }
        }
    }
}

/// The best of all alignments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Share of compared bits that differ.
    pub value: f64,
    /// Where the two agree best; the first of several.
    pub alignment: Alignment,
    /// Bits compared there.
    pub valid: u32,
    /// Equal bits less differing bits there.
    pub dot: i32,
}

impl Distance {
    /// Applies the match rule; some alignment matches exactly when the best one does.
    pub fn matches(&self) -> bool {
        Agreement {
            dot: self.dot,
            valid: self.valid,
        }
        .matches()
    }
}

/// A stored template, laid out for comparison with many queries. It wipes itself.
#[derive(Debug)]
pub struct Stored(Rows);

impl Stored {
    /// Lays out a template.
    pub fn new(template: &Template) -> Self {
        Self(Rows::new(template))
    }
}

/// A query, laid out for comparison with many stored templates. It wipes itself.
#[derive(Debug)]
pub struct Query(Vec<[Rows; 3]>);

impl Query {
    /// Lays out a palm at every rotation and every shift to the side.
    pub fn new(encodings: &Encodings) -> Self {
        let moved = |template| {
            let rows = Rows::new(template);
            [
                rows.moved_right(-1),
                rows.moved_right(0),
                rows.moved_right(1),
            ]
        };
        Self(encodings.0.iter().map(moved).collect())
    }

    /// Compares with a stored template at one alignment.
    fn agreement(&self, stored: &Stored, alignment: Alignment) -> Agreement {
        let Alignment { rotation, dy, dx } = alignment;
        let [left, still, right] = &self.0[rotation];
        let moved = match dx {
            ..0 => left,
            0 => still,
            1.. => right,
        };
        stored.0.agree(moved, dy)
    }

    /// Compares with a stored template at every alignment, in their order.
    pub fn agreements(&self, stored: &Stored) -> [Agreement; ALIGNMENT_COUNT] {
        alignments().map(|alignment| self.agreement(stored, alignment))
    }
}

/// Compares a query with a stored template at every alignment and returns the best.
pub fn distance(stored: &Template, query: &Encodings) -> Distance {
    let agreements = Query::new(query).agreements(&Stored::new(stored));
    let mut best = 0;
    for (index, agreement) in agreements.iter().enumerate() {
        if agreement.closer_than(&agreements[best]) {
            best = index;
        }
    }
    let Agreement { dot, valid } = agreements[best];
    Distance {
        value: agreements[best].distance(),
        alignment: alignments()[best],
        valid,
        dot,
    }
}

/// Compares a query with a stored template at one alignment.
pub fn agreement(stored: &Template, query: &Encodings, alignment: Alignment) -> Agreement {
    Query::new(query).agreement(&Stored::new(stored), alignment)
}

#[cfg(test)]
pub(crate) mod tests {
    use boop_wire::template::{CELLS, CODE_BITS, GRID, ORIENTATIONS, PHASES, code_index};

    use super::*;

    #[test]
    fn every_alignment_agrees_with_the_definition() {
        for seed in 1..4 {
            let (stored, query) = (noise(seed), encodings(seed + 10));

            for alignment in alignments() {
                let wanted = by_definition(&stored, &query.0[alignment.rotation], alignment);
                assert_eq!(agreement(&stored, &query, alignment), wanted, "seed {seed}");
            }
        }
    }

    #[test]
    fn the_distance_is_the_smallest_over_all_alignments() {
        let (stored, query) = (noise(5), encodings(6));

        let best = distance(&stored, &query);

        let all = alignments().map(|a| agreement(&stored, &query, a).distance());
        assert_eq!(best.value, all.into_iter().fold(1.0, f64::min));
        assert_eq!(agreement(&stored, &query, best.alignment).valid, best.valid);
    }

    #[test]
    fn a_template_is_at_distance_zero_from_itself() {
        let stored = noise(7);
        let query = Encodings([stored.clone(), noise(8), noise(9)]);

        let same = distance(&stored, &query);

        assert_eq!(
            (same.value, same.alignment),
            (
                0.0,
                Alignment {
                    rotation: 0,
                    dy: 0,
                    dx: 0
                }
            )
        );
        assert!(same.matches());
    }

    #[test]
    fn noise_does_not_match() {
        let other = distance(&noise(7), &encodings(20));

        assert!(other.value > 0.45 && !other.matches());
    }

    #[test]
    fn templates_without_a_common_cell_do_not_match() {
        let empty = distance(&Template::empty(), &encodings(20));

        assert_eq!((empty.value, empty.valid), (1.0, 0));
        assert!(!empty.matches());
    }

    /// Builds random codes with nine cells of ten valid.
    pub(crate) fn noise(seed: u64) -> Template {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
        };
        let mut template = Template::empty();
        (0..CODE_BITS).for_each(|bit| template.set_code_bit(bit, next() % 2 == 0));
        (0..CELLS).for_each(|cell| template.set_cell_valid(cell, next() % 10 > 0));
        template
    }

    pub(crate) fn encodings(seed: u64) -> Encodings {
        Encodings([noise(3 * seed), noise(3 * seed + 1), noise(3 * seed + 2)])
    }

    fn by_definition(stored: &Template, query: &Template, alignment: Alignment) -> Agreement {
        let (mut dot, mut valid) = (0, 0);
        for row in 0..GRID {
            for column in 0..GRID {
                let source_row = row.checked_add_signed(-alignment.dy).filter(|r| *r < GRID);
                let source_column = column
                    .checked_add_signed(-alignment.dx)
                    .filter(|c| *c < GRID);
                let (Some(y), Some(x)) = (source_row, source_column) else {
                    continue;
                };
                if !stored.cell_valid(row * GRID + column) || !query.cell_valid(y * GRID + x) {
                    continue;
                }
                for phase in 0..PHASES {
                    for orientation in 0..ORIENTATIONS {
                        let a = stored.code_bit(code_index(phase, row, column, orientation));
                        let b = query.code_bit(code_index(phase, y, x, orientation));
                        dot += if a == b { 1 } else { -1 };
                        valid += 1;
                    }
                }
            }
        }
        Agreement { dot, valid }
    }
}

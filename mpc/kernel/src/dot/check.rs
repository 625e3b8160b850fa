//! The known-answer comparison that a vector form passes before it is used.

use alloc::vec::Vec;

use super::DotTable;
use super::rows::{GROUP, halves};
use super::tile::{Lanes, Pairs};

/// The numbers of positions compared: none, one, and more than a loop is unrolled by.
const LENGTHS: [u32; 4] = [0, 1, 2, 9];

/// Says whether a table gives the portable answers on fixed pseudo-random data: every number of
/// rows of a group, each at several lengths.
pub(super) fn agrees(table: &DotTable) -> bool {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    (1..=GROUP).all(|rows| {
        LENGTHS
            .iter()
            .all(|length| same(table, rows, *length, &mut numbers))
    })
}

fn same(table: &DotTable, rows: usize, length: u32, numbers: &mut Numbers) -> bool {
    let mut pairs = Vec::new();
    let mut cells = Vec::new();
    let mut values = [Vec::new(), Vec::new()];
    for _ in 0..length {
        pairs.push(Pairs(core::array::from_fn(|_| numbers.half())));
        cells.push(Lanes(core::array::from_fn(|_| numbers.word())));
        for (values, rows) in values.iter_mut().zip(halves(rows)) {
            values.extend((0..rows).map(|_| numbers.word()));
        }
    }
    let values = values.each_ref().map(Vec::as_slice);
    let before: Vec<Lanes> = (0..rows)
        .map(|_| Lanes(core::array::from_fn(|_| numbers.word())))
        .collect();
    let (mut ours, mut theirs) = (before.clone(), before.clone());
    (DotTable::PORTABLE.code)(&pairs, values, &mut ours, &[]);
    (table.code)(&pairs, values, &mut theirs, &[]);
    let code = ours.iter().flat_map(|sums| sums.0).map(|sum| sum << 16);
    let same_code = code.eq(theirs.iter().flat_map(|sums| sums.0).map(|sum| sum << 16));
    let (mut ours, mut theirs) = (before.clone(), before);
    (DotTable::PORTABLE.cells)(&cells, values, &mut ours, &[]);
    (table.cells)(&cells, values, &mut theirs, &[]);
    same_code
        && ours
            .iter()
            .zip(&theirs)
            .all(|(ours, theirs)| ours.0 == theirs.0)
}

/// Marsaglia's xorshift with a multiplication; every sixteenth number is an extreme.
struct Numbers(u64);

impl Numbers {
    fn word(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let [a, b, c, d, e, ..] = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes();
        match e {
            0..8 => 0x8000_8000,
            8..16 => u32::MAX,
            _ => u32::from_le_bytes([a, b, c, d]),
        }
    }

    fn half(&mut self) -> u16 {
        let [a, b, ..] = self.word().to_le_bytes();
        u16::from_le_bytes([a, b])
    }
}

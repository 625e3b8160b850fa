//! A plane whose columns are sorted by their remainder modulo the pitch of the cells.

use boop_wire::template::GRID;

use crate::context::{FIRST_CENTRE, PITCH};
use crate::plane::Plane;

/// The columns of a plane, dealt out to as many smaller planes as cells are pixels apart.
pub(super) struct Dealt {
    width: usize,
    planes: [Vec<f32>; PITCH],
}

impl Dealt {
    /// Deals out the columns of a plane.
    pub(super) fn new(plane: &Plane) -> Self {
        let width = plane.width / PITCH;
        let deal = |remainder: usize| {
            let mut dealt = Vec::with_capacity(width * plane.height);
            for y in 0..plane.height {
                let groups = plane.row(y).as_chunks::<PITCH>().0;
                dealt.extend(groups.iter().map(|group| group[remainder]));
            }
            dealt
        };
        Self {
            width,
            planes: core::array::from_fn(deal),
        }
    }

    /// Returns the pixels of row `y` that lie `dx` to the right of the centres of a row of cells.
    pub(super) fn right(&self, y: usize, dx: usize) -> &[f32; GRID] {
        self.starting_at(y, FIRST_CENTRE + dx)
    }

    /// Returns the pixels of row `y` that lie `dx` to the left of the centres of a row of cells.
    pub(super) fn left(&self, y: usize, dx: usize) -> &[f32; GRID] {
        self.starting_at(y, FIRST_CENTRE - dx)
    }

    fn starting_at(&self, y: usize, column: usize) -> &[f32; GRID] {
        let start = y * self.width + column / PITCH;
        self.planes[column % PITCH][start..]
            .first_chunk()
            .expect("a context is as wide as the filters reach")
    }
}

//! One view of the region of interest: its grey values and which of them can be trusted.

use boop_wire::template::{CELLS, GRID};

use crate::blur::masked_blur;
use crate::frame::{CONTEXT, Frame, MARGIN, WINDOW};
use crate::mask::Mask;
use crate::morphology::{dilate, open};
use crate::number::narrow;
use crate::plane::Plane;

/// Pixels between neighbouring cells.
pub(crate) const PITCH: usize = 4;
/// Context pixel of the first cell's centre.
pub(crate) const FIRST_CENTRE: usize = MARGIN + PITCH / 2;
/// Distance to the outline up to which a pixel is not trusted, in image pixels.
const OUTLINE_PX: f32 = 4.0;
const GREY_MIN: f32 = 6.0;
const GREY_MAX: f32 = 250.0;
/// A patch darker or lighter than this share of its surroundings covers the skin.
const PATCH_DARK: f32 = 0.58;
const PATCH_LIGHT: f32 = 1.32;
const PATCH_OPEN: usize = 2;
const PATCH_DILATE: usize = 7;
/// Half side of the square around a cell's centre that must be valid, and the share of it.
const CELL_REACH: usize = 6;
const CELL_VALID_MIN: f64 = 0.97;

/// The region of interest at one rotation.
pub(crate) struct Context {
    /// Grey values.
    pub(crate) grey: Plane,
    /// 1 where a pixel shows skin, else 0.
    pub(crate) valid: Plane,
    /// The light on the skin: the grey values without anything smaller than a finger.
    pub(crate) light: Plane,
}

impl Context {
    /// Takes the region from the image.
    pub(crate) fn new(frame: &Frame, image: &Plane, distances: &Plane) -> Self {
        let [grey, depth] = frame.contexts([image, distances]);
        let mut valid = grey.zip(&depth, |grey, depth| {
            let seen = depth > OUTLINE_PX && grey > GREY_MIN && grey < GREY_MAX;
            f32::from(u8::from(seen))
        });
        let light = masked_blur(&grey, &valid, 26.0);
        drop_patches(&grey, &mut valid, &light);
        Self { grey, valid, light }
    }

    /// Tells for each cell whether enough of its square is valid.
    pub(crate) fn valid_cells(&self) -> Vec<bool> {
        let side = 2 * CELL_REACH + 1;
        let needed = narrow(CELL_VALID_MIN * (side * side) as f64);
        (0..CELLS)
            .map(|cell| {
                let x = FIRST_CENTRE + PITCH * (cell % GRID) - CELL_REACH;
                let y = FIRST_CENTRE + PITCH * (cell / GRID) - CELL_REACH;
                let rows = (y..y + side).map(|row| &self.valid.row(row)[x..x + side]);
                let sum: f32 = rows.map(|row| row.iter().sum::<f32>()).sum();
                sum > needed
            })
            .collect()
    }

    /// Returns the share of valid pixels in the code window.
    pub(crate) fn valid_share(&self) -> f64 {
        let sum: f32 = window_rows(&self.valid).flatten().sum();
        f64::from(sum) / (WINDOW * WINDOW) as f64
    }

    /// Collects the pixels of `plane` that are valid and lie in the code window.
    pub(crate) fn skin(&self, plane: &Plane) -> Vec<f32> {
        let valid = window_rows(&self.valid).flatten();
        window_rows(plane)
            .flatten()
            .zip(valid)
            .filter(|(_, v)| **v > 0.5)
            .map(|(p, _)| *p)
            .collect()
    }
}

/// Returns the rows of the code window within a context.
fn window_rows(plane: &Plane) -> impl Iterator<Item = &[f32]> {
    (MARGIN..MARGIN + WINDOW).map(|row| &plane.row(row)[MARGIN..MARGIN + WINDOW])
}

/// Removes opaque patches, plaster or dirt, and a rim around them from the valid pixels.
fn drop_patches(grey: &Plane, valid: &mut Plane, light: &Plane) {
    let near = masked_blur(grey, valid, 2.0);
    let mut odd = near.zip(light, |near, light| {
        let odd = light > 0.0 && (near < PATCH_DARK * light || near > PATCH_LIGHT * light);
        f32::from(u8::from(odd))
    });
    odd = odd.zip(valid, |odd, valid| odd * valid);
    let odd = Mask::of(&odd, |odd| odd > 0.5);
    if odd.count() == 0 {
        return;
    }
    let patch = dilate(&open(&odd, PATCH_OPEN), PATCH_DILATE);
    for (valid, patch) in valid.values.iter_mut().zip(patch.members) {
        if patch {
            *valid = 0.0;
        }
    }
}

const _: () = assert!(
    FIRST_CENTRE + PITCH * (GRID - 1) + 28 < CONTEXT,
    "filters fit"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dark_patch_takes_its_cells_and_no_others() {
        let context = context(|x, y| {
            let patch = (100..120).contains(&x) && (100..120).contains(&y);
            if patch { 60.0 } else { 160.0 }
        });

        let cells = context.valid_cells();

        assert!(!cells[18 * GRID + 18], "under the patch");
        assert!(cells[5 * GRID + 5] && cells[39 * GRID + 39]);
        assert!(context.valid_share() < 0.98 && context.valid_share() > 0.94);
    }

    #[test]
    fn overexposed_and_black_pixels_are_not_valid() {
        let context = context(|x, _| if x < 112 { 255.0 } else { 160.0 });

        assert!((context.valid_share() - 0.5).abs() < 0.05);
        assert!(context.skin(&context.grey).iter().all(|grey| *grey < 250.0));
    }

    fn context(grey: impl Fn(usize, usize) -> f32) -> Context {
        let grey = Plane::from_fn(CONTEXT, CONTEXT, grey);
        let mut valid = grey.zip(&grey, |grey, _| {
            f32::from(u8::from(grey > GREY_MIN && grey < GREY_MAX))
        });
        let light = masked_blur(&grey, &valid, 26.0);
        drop_patches(&grey, &mut valid, &light);
        Context { grey, valid, light }
    }
}

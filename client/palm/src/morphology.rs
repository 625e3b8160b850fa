//! Growing and shrinking of a set of pixels by steps to the four neighbours.

use crate::mask::Mask;

/// Grows the set by `steps` pixels.
pub(crate) fn dilate(mask: &Mask, steps: usize) -> Mask {
    (0..steps).fold(mask.clone(), |mask, _| step(&mask, true))
}

/// Shrinks the set by `steps` pixels; the border of the image does not shrink it.
pub(crate) fn erode(mask: &Mask, steps: usize) -> Mask {
    (0..steps).fold(mask.clone(), |mask, _| step(&mask, false))
}

/// Removes parts thinner than `steps` pixels to each side.
pub(crate) fn open(mask: &Mask, steps: usize) -> Mask {
    dilate(&erode(mask, steps), steps)
}

/// Gives a pixel the value `wins` when it or one of its four neighbours has it.
fn step(mask: &Mask, wins: bool) -> Mask {
    let (width, height) = (mask.width, mask.height);
    let mut out = mask.clone();
    for y in 0..height {
        for x in 0..width {
            let pixel = y * width + x;
            let won = (x > 0 && mask.members[pixel - 1] == wins)
                || (x + 1 < width && mask.members[pixel + 1] == wins)
                || (y > 0 && mask.members[pixel - width] == wins)
                || (y + 1 < height && mask.members[pixel + width] == wins);
            if won {
                out.members[pixel] = wins;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::drawn;

    #[test]
    fn a_pixel_grows_to_a_diamond() {
        let mask = drawn(&[".....", ".....", "..#..", ".....", "....."]);

        assert_eq!(
            dilate(&mask, 2),
            drawn(&["..#..", ".###.", "#####", ".###.", "..#.."])
        );
    }

    #[test]
    fn opening_removes_what_is_thin() {
        let mask = drawn(&["......", ".###..", ".###.#", ".###..", "......"]);

        assert_eq!(
            open(&mask, 1),
            drawn(&["......", "..#...", ".###..", "..#...", "......"])
        );
    }
}

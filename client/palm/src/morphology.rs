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
    let width = mask.width;
    let mut out = mask.clone();
    let spread = |out: &mut [bool], from: &[bool]| {
        for (out, from) in out.iter_mut().zip(from) {
            *out = if wins { *out | *from } else { *out & *from };
        }
    };
    let rows = out.members.chunks_exact_mut(width);
    for (out, from) in rows.zip(mask.members.chunks_exact(width)) {
        spread(&mut out[1..], from);
        spread(out, &from[1..]);
    }
    let count = mask.members.len();
    spread(&mut out.members[width..], &mask.members);
    spread(&mut out.members[..count - width], &mask.members[width..]);
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

//! Connected regions: the largest one, without its holes.

use crate::mask::Mask;

/// Returns the largest region whose pixels touch by their sides.
pub(crate) fn largest(mask: &Mask) -> Mask {
    let mut seen = vec![false; mask.members.len()];
    let mut best: Vec<usize> = Vec::new();
    for start in 0..mask.members.len() {
        if mask.members[start] && !seen[start] {
            let region = flood(mask, true, &[start], &mut seen);
            if region.len() > best.len() {
                best = region;
            }
        }
    }
    let mut out = Mask::empty(mask.width, mask.height);
    for pixel in best {
        out.members[pixel] = true;
    }
    out
}

/// Adds every pixel that the outside cannot reach.
pub(crate) fn without_holes(mask: &Mask) -> Mask {
    let (width, height) = (mask.width, mask.height);
    let edge: Vec<usize> = (0..width)
        .flat_map(|x| [x, (height - 1) * width + x])
        .chain((0..height).flat_map(|y| [y * width, y * width + width - 1]))
        .collect();
    let mut outside = vec![false; mask.members.len()];
    flood(mask, false, &edge, &mut outside);
    let members = outside.iter().map(|outside| !outside).collect();
    Mask {
        width,
        height,
        members,
    }
}

/// Collects the pixels of one kind that are reachable from `starts` and marks them as seen.
fn flood(mask: &Mask, kind: bool, starts: &[usize], seen: &mut [bool]) -> Vec<usize> {
    let (width, count) = (mask.width, mask.members.len());
    let mut region = Vec::new();
    for &start in starts {
        if mask.members[start] == kind && !seen[start] {
            seen[start] = true;
            region.push(start);
        }
    }
    let mut next = 0;
    while next < region.len() {
        let pixel = region[next];
        next += 1;
        let column = pixel % width;
        let neighbours = [
            (column > 0).then(|| pixel - 1),
            (column + 1 < width).then_some(pixel + 1),
            pixel.checked_sub(width),
            (pixel + width < count).then_some(pixel + width),
        ];
        for neighbour in neighbours.into_iter().flatten() {
            if mask.members[neighbour] == kind && !seen[neighbour] {
                seen[neighbour] = true;
                region.push(neighbour);
            }
        }
    }
    region
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::drawn;

    #[test]
    fn the_largest_region_is_kept_alone() {
        let mask = drawn(&["##...#", "##..##", "....##"]);

        assert_eq!(largest(&mask), drawn(&[".....#", "....##", "....##"]));
    }

    #[test]
    fn holes_are_filled_and_bays_are_not() {
        let mask = drawn(&["#####", "#.#.#", "###.#"]);

        assert_eq!(without_holes(&mask), drawn(&["#####", "###.#", "###.#"]));
    }
}

//! Connected regions: the largest one, without its holes.
//!
//! Pixels are taken by runs: stretches of one row that are all inside, or all outside. Runs of
//! neighbouring rows that overlap belong to one region.

use core::ops::Range;

use crate::mask::Mask;

/// Returns the largest region whose pixels touch by their sides.
pub(crate) fn largest(mask: &Mask) -> Mask {
    let regions = Regions::new(mask, true);
    let mut sizes = vec![0; regions.runs.len()];
    for (run, region) in regions.runs.iter().zip(&regions.of_run) {
        sizes[*region] += run.len();
    }
    let mut best = 0;
    for (region, size) in sizes.iter().enumerate() {
        if *size > sizes[best] {
            best = region;
        }
    }
    let mut out = Mask::empty(mask.width, mask.height);
    for (run, region) in regions.runs.into_iter().zip(regions.of_run) {
        if region == best {
            out.members[run].fill(true);
        }
    }
    out
}

/// Adds every pixel that the outside cannot reach.
pub(crate) fn without_holes(mask: &Mask) -> Mask {
    let (width, count) = (mask.width, mask.members.len());
    let regions = Regions::new(mask, false);
    let mut reached = vec![false; regions.runs.len()];
    for (run, region) in regions.runs.iter().zip(&regions.of_run) {
        let first_or_last_row = run.start < width || run.end > count - width;
        let beside = run.start.is_multiple_of(width) || run.end.is_multiple_of(width);
        reached[*region] |= first_or_last_row || beside;
    }
    let mut out = mask.clone();
    for (run, region) in regions.runs.into_iter().zip(regions.of_run) {
        if !reached[region] {
            out.members[run].fill(true);
        }
    }
    out
}

/// The runs of one kind of pixel, row by row, and which of them are connected.
struct Regions {
    runs: Vec<Range<usize>>,
    /// For each run, the first run of its region.
    of_run: Vec<usize>,
}

impl Regions {
    fn new(mask: &Mask, kind: bool) -> Self {
        let width = mask.width;
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut of_run = Vec::new();
        let mut above = 0..0;
        for (y, row) in mask.members.chunks_exact(width).enumerate() {
            let first = runs.len();
            runs.extend(runs_of(row, kind).map(|run| y * width + run.start..y * width + run.end));
            of_run.extend(first..runs.len());
            for run in first..runs.len() {
                let Range { start, end } = runs[run];
                let passed = runs[above.clone()]
                    .iter()
                    .take_while(|over| over.end + width <= start);
                above.start += passed.count();
                let over = runs[above.clone()]
                    .iter()
                    .take_while(|over| over.start + width < end);
                for other in above.clone().take(over.count()) {
                    join(&mut of_run, run, other);
                }
            }
            above = first..runs.len();
        }
        for run in 0..runs.len() {
            // A region is named after its first run, which comes before its others.
            of_run[run] = of_run[of_run[run]];
        }
        Self { runs, of_run }
    }
}

/// Makes one region of those of two runs.
fn join(of_run: &mut [usize], one: usize, other: usize) {
    let (one, other) = (first_of(of_run, one), first_of(of_run, other));
    of_run[one.max(other)] = one.min(other);
}

/// Follows the runs of a region to its first.
fn first_of(of_run: &[usize], mut run: usize) -> usize {
    while of_run[run] != run {
        run = of_run[run];
    }
    run
}

/// Returns the runs of one kind in a row, from left to right.
pub(crate) fn runs_of(row: &[bool], kind: bool) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    core::iter::from_fn(move || {
        let start = next + row[next..].iter().position(|member| *member == kind)?;
        let rest = row[start..].iter().position(|member| *member != kind);
        next = rest.map_or(row.len(), |length| start + length);
        Some(start..next)
    })
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
    fn of_two_equal_regions_the_first_is_kept() {
        let mask = drawn(&["..##", "#...", "#..."]);

        assert_eq!(largest(&mask), drawn(&["..##", "....", "...."]));
    }

    #[test]
    fn branches_that_meet_further_down_are_one_region() {
        let mask = drawn(&["#.#.#..", "#.#.#.#", "#.###.#", "###...#"]);

        assert_eq!(
            largest(&mask),
            drawn(&["#.#.#..", "#.#.#..", "#.###..", "###...."])
        );
    }

    #[test]
    fn corners_do_not_connect() {
        let mask = drawn(&["#..", ".##", "..."]);

        assert_eq!(largest(&mask), drawn(&["...", ".##", "..."]));
    }

    #[test]
    fn an_empty_mask_has_no_region() {
        let mask = drawn(&["...", "..."]);

        assert_eq!(largest(&mask), mask);
    }

    #[test]
    fn holes_are_filled_and_bays_are_not() {
        let mask = drawn(&["#####", "#.#.#", "###.#"]);

        assert_eq!(without_holes(&mask), drawn(&["#####", "###.#", "###.#"]));
    }

    #[test]
    fn a_hole_is_filled_however_it_winds() {
        let mask = drawn(&[
            "#######", "#.###.#", "#.#.#.#", "#...#.#", "#####.#", "#######",
        ]);

        assert_eq!(without_holes(&mask), drawn(&["#######"; 6]));
    }
}

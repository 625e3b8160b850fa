//! The exact Euclidean distance of each pixel of a set to the nearest pixel outside.
//!
//! What lies beyond the left, right and upper border counts as outside. The lower border is open:
//! there the arm goes on. Columns are measured first, then each row takes the lower envelope of
//! the parabolas that the columns put up (Felzenszwalb and Huttenlocher).

use crate::mask::Mask;
use crate::plane::Plane;
use crate::region::runs_of;

/// Returns the distances, zero outside the set.
pub(crate) fn distance_transform(mask: &Mask) -> Plane {
    let (width, height) = (mask.width, mask.height);
    let mut out = column_distances(mask);
    let mut envelope = Envelope::new(width + 2);
    let mut heights = vec![0.0; width + 2];
    for y in 0..height {
        let members = &mask.members[y * width..(y + 1) * width];
        for run in runs_of(members, true) {
            // The pixels on either side of a run are outside and hide all beyond them.
            let values = &mut out.row_mut(y)[run];
            let heights = &mut heights[..values.len() + 2];
            for (height, value) in heights[1..].iter_mut().zip(values.iter()) {
                *height = value * value;
            }
            heights[values.len() + 1] = 0.0;
            envelope.lower(heights, values);
        }
    }
    out
}

/// Distances along each column, large where a column has no outside pixel.
fn column_distances(mask: &Mask) -> Plane {
    let (width, height) = (mask.width, mask.height);
    let far = (width + height) as f32;
    let mut out = Plane::zeros(width, height);
    let mut nearest = vec![0.0f32; width];
    for y in 0..height {
        let members = &mask.members[y * width..(y + 1) * width];
        let row = out.row_mut(y).iter_mut().zip(members);
        for ((value, member), nearest) in row.zip(&mut nearest) {
            *nearest = if *member { *nearest + 1.0 } else { 0.0 };
            *value = *nearest;
        }
    }
    nearest.fill(far);
    for y in (0..height).rev() {
        for (value, nearest) in out.row_mut(y).iter_mut().zip(&mut nearest) {
            *nearest = value.min((*nearest + 1.0).min(far));
            *value = *nearest;
        }
    }
    out
}

/// The parabolas of one row that form its lower envelope.
struct Envelope {
    centres: Vec<usize>,
    starts: Vec<f32>,
}

impl Envelope {
    fn new(length: usize) -> Self {
        Self {
            centres: Vec::with_capacity(length),
            starts: Vec::with_capacity(length),
        }
    }

    /// Writes the square roots of the envelope, less the two border places, to `out`.
    fn lower(&mut self, heights: &[f32], out: &mut [f32]) {
        self.centres.clear();
        self.starts.clear();
        for (centre, height) in heights.iter().enumerate() {
            let mut start = f32::NEG_INFINITY;
            while let (Some(&last), Some(&last_start)) = (self.centres.last(), self.starts.last()) {
                start = crossing(last, heights[last], centre, *height);
                if start > last_start {
                    break;
                }
                self.centres.pop();
                self.starts.pop();
                start = f32::NEG_INFINITY;
            }
            self.centres.push(centre);
            self.starts.push(start);
        }
        let mut part = 0;
        for (place, out) in out.iter_mut().enumerate() {
            let place = place + 1;
            while part + 1 < self.starts.len() && self.starts[part + 1] < place as f32 {
                part += 1;
            }
            let centre = self.centres[part];
            let offset = place.abs_diff(centre) as f32;
            *out = (offset * offset + heights[centre]).sqrt();
        }
    }
}

/// Returns where the parabola of the later centre goes below that of the earlier one.
fn crossing(early: usize, early_height: f32, late: usize, late_height: f32) -> f32 {
    let (a, b) = (early as f32, late as f32);
    ((late_height + b * b) - (early_height + a * a)) / (2.0 * (b - a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_exact_and_the_lower_border_is_open() {
        let seed = 12u64;
        let mut state = seed;
        let mut mask = Mask::empty(23, 17);
        for member in &mut mask.members {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *member = !(state >> 33).is_multiple_of(29);
        }

        let measured = distance_transform(&mask);

        for y in 0..17 {
            for x in 0..23 {
                let wanted = by_search(&mask, x, y);
                assert!(
                    (measured.at(x, y) - wanted).abs() < 1e-3,
                    "seed {seed} at {x},{y}"
                );
            }
        }
    }

    fn by_search(mask: &Mask, x: usize, y: usize) -> f32 {
        let mut best = [x + 1, 23 - x, y + 1].into_iter().min().unwrap().pow(2);
        for row in 0..17 {
            for column in 0..23 {
                if !mask.members[row * 23 + column] {
                    best = best.min(row.abs_diff(y).pow(2) + column.abs_diff(x).pow(2));
                }
            }
        }
        (best as f32).sqrt()
    }
}

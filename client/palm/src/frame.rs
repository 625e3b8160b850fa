//! Where the region of interest lies on the image.
//!
//! The frame hangs from an anchor near the finger valleys, because that place is found best, and
//! turns about it: a rotation hypothesis then moves the far end of the palm only.

use crate::number::{narrow, pixels, whole};
use crate::plane::{Plane, Point};
use crate::valleys::Valleys;

/// Side of the square that carries the code, in its own pixels.
pub(crate) const WINDOW: usize = 160;
/// Side of the square that the filters see.
pub(crate) const CONTEXT: usize = 224;
/// Pixels of context on each side of the code window.
pub(crate) const MARGIN: usize = (CONTEXT - WINDOW) / 2;
/// Side of the code window, in palm radii.
const WINDOW_RADII: f64 = 1.66;
/// The anchor in the code window.
const ANCHOR: Point = Point { x: 80.0, y: 36.0 };
/// Share of the valleys in the anchor; the rest is the centre of the palm.
const VALLEY_SHARE: f64 = 0.7;
/// Largest disagreement between base line and axis at which their mean is used.
const DISAGREE_DEGREES_MAX: f64 = 5.0;

/// The palm as a disc: the centre and radius of the largest one inside the hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Disc {
    pub(crate) centre: Point,
    pub(crate) radius: f64,
}

/// A square laid on the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    anchor: Point,
    /// Turn in the plane, clockwise, in degrees.
    pub(crate) turn_degrees: f64,
    /// Angle of the valley line less the angle of the palm axis.
    pub(crate) disagree_degrees: f64,
    /// Size of a region pixel, in image pixels.
    pub(crate) scale: f64,
}

/// Returns the largest disc inside the hand, from the distances to its outline.
pub(crate) fn largest_disc(distances: &Plane) -> Disc {
    let mut best = 0;
    for (pixel, distance) in distances.values.iter().enumerate() {
        if *distance > distances.values[best] {
            best = pixel;
        }
    }
    let (x, y) = (best % distances.width, best / distances.width);
    let centre = Point {
        x: x as f64,
        y: y as f64,
    };
    Disc {
        centre,
        radius: f64::from(distances.values[best]),
    }
}

impl Frame {
    /// Lays the frame by the palm and its valleys.
    pub(crate) fn new(palm: Disc, valleys: Valleys) -> Self {
        let Valleys {
            left,
            middle,
            right,
        } = valleys;
        let valley = Point {
            x: (left.x + middle.x + right.x) / 3.0,
            y: (left.y + middle.y + right.y) / 3.0,
        };
        let down = Point {
            x: palm.centre.x - valley.x,
            y: palm.centre.y - valley.y,
        };
        let axis = down.y.atan2(down.x).to_degrees() - 90.0;
        let base = (right.y - left.y).atan2(right.x - left.x).to_degrees();
        let disagree_degrees = base - axis;
        let agreed = disagree_degrees.abs() < DISAGREE_DEGREES_MAX;
        let blend =
            |valley: f64, centre: f64| VALLEY_SHARE * valley + (1.0 - VALLEY_SHARE) * centre;
        Self {
            anchor: Point {
                x: blend(valley.x, palm.centre.x),
                y: blend(valley.y, palm.centre.y),
            },
            turn_degrees: if agreed {
                f64::midpoint(base, axis)
            } else {
                axis
            },
            disagree_degrees,
            scale: WINDOW_RADII * palm.radius / WINDOW as f64,
        }
    }

    /// Turns the frame about its anchor.
    pub(crate) fn turned(self, degrees: f64) -> Self {
        Self {
            turn_degrees: self.turn_degrees + degrees,
            ..self
        }
    }

    /// Resamples two planes of one size to the context of this frame.
    pub(crate) fn contexts(&self, planes: [&Plane; 2]) -> [Plane; 2] {
        let (sin, cos) = self.turn_degrees.to_radians().sin_cos();
        let mut contexts = planes.map(|_| Plane::zeros(CONTEXT, CONTEXT));
        for row in 0..CONTEXT {
            let down = (row as f64 - MARGIN as f64 - ANCHOR.y) * self.scale;
            let [first, second] = contexts.each_mut().map(|context| context.row_mut(row));
            for (column, (first, second)) in first.iter_mut().zip(second).enumerate() {
                let right = (column as f64 - MARGIN as f64 - ANCHOR.x) * self.scale;
                let point = Point {
                    x: self.anchor.x + right * cos - down * sin,
                    y: self.anchor.y + right * sin + down * cos,
                };
                [*first, *second] = sample(planes, point);
            }
        }
        contexts
    }
}

/// Interpolates two planes of one size bilinearly; they are zero outside.
fn sample(planes: [&Plane; 2], point: Point) -> [f32; 2] {
    let (x, y) = (narrow(point.x), narrow(point.y));
    let Plane { width, height, .. } = *planes[0];
    if x < 0.0 || y < 0.0 {
        return [0.0; 2];
    }
    let (left, top) = (whole(x), whole(y));
    if left + 1 >= width || top + 1 >= height {
        return [0.0; 2];
    }
    let (fx, fy) = (x - left as f32, y - top as f32);
    let pixel = top * width + left;
    planes.map(|plane| {
        let upper = &plane.values[pixel..pixel + 2];
        let lower = &plane.values[pixel + width..pixel + width + 2];
        let above = upper[0] + fx * (upper[1] - upper[0]);
        let below = lower[0] + fx * (lower[1] - lower[0]);
        above + fy * (below - above)
    })
}

/// Width of the outline in pixels: the standard deviation of the blur that would make it.
///
/// Each outline pixel compares the step of grey around it with the steepest slope nearby; the
/// median over the outline is returned.
pub(crate) fn edge_width(image: &Plane, distances: &Plane, radius: f64) -> f64 {
    let reach = pixels(narrow(radius * 0.05)).max(3);
    let (width, height) = (image.width, image.height);
    let mut widths = Vec::new();
    for y in reach + 1..height.saturating_sub(reach + 1) {
        for x in reach + 1..width.saturating_sub(reach + 1) {
            let distance = distances.at(x, y);
            if distance > 0.0 && distance < 1.01 {
                widths.extend(edge_width_at(image, x, y, reach));
            }
        }
    }
    f64::from(crate::plane::quantile(&mut widths, 0.5))
}

fn edge_width_at(image: &Plane, x: usize, y: usize, reach: usize) -> Option<f32> {
    let (mut low, mut high, mut slope) = (f32::MAX, f32::MIN, 0.0f32);
    for row in y - reach..=y + reach {
        for column in x - reach..=x + reach {
            let grey = image.at(column, row);
            low = low.min(grey);
            high = high.max(grey);
            let dx = image.at(column + 1, row) - image.at(column - 1, row);
            let dy = image.at(column, row + 1) - image.at(column, row - 1);
            slope = slope.max(dx * dx + dy * dy);
        }
    }
    let slope = slope.sqrt() / 2.0;
    (slope > 0.0).then(|| (high - low) / (slope * narrow(core::f64::consts::TAU.sqrt())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blur::{Border, blur};

    #[test]
    fn an_upright_palm_gives_an_upright_frame() {
        let frame = upright();

        assert!(frame.turn_degrees.abs() < 1e-9 && frame.disagree_degrees.abs() < 1e-9);
        assert!((frame.scale - 1.0375).abs() < 1e-9);
    }

    #[test]
    fn the_anchor_stays_in_place_under_every_turn() {
        let marked = Plane::from_fn(400, 400, |x, y| {
            let (dx, dy) = (x as f32 - 200.0, y as f32 - 116.0);
            (1.0 - (dx * dx + dy * dy) / 900.0).max(0.0)
        });

        for degrees in [-20.0, 0.0, 2.5, 20.0] {
            let frame = upright().turned(degrees);

            let [context, _] = frame.contexts([&marked, &marked]);

            assert!(context.at(MARGIN + 80, MARGIN + 36) > 0.999, "{degrees}");
        }
    }

    #[test]
    fn sampling_interpolates_between_pixels() {
        let plane = Plane::from_fn(3, 3, |x, y| (x + 10 * y) as f32);
        let double = plane.zip(&plane, |a, b| a + b);

        let [single, double] = sample([&plane, &double], Point { x: 0.5, y: 1.25 });

        assert!((single - 13.0).abs() < 1e-5 && (double - 26.0).abs() < 1e-5);
    }

    #[test]
    fn a_plane_is_zero_outside() {
        let plane = Plane::from_fn(3, 3, |_, _| 5.0);

        assert_eq!(sample([&plane; 2], Point { x: -0.1, y: 1.0 }), [0.0; 2]);
        assert_eq!(sample([&plane; 2], Point { x: 1.0, y: 2.5 }), [0.0; 2]);
    }

    #[test]
    fn the_largest_disc_is_the_deepest_pixel() {
        let distances = Plane::from_fn(50, 40, |x, y| if (x, y) == (31, 7) { 9.0 } else { 1.0 });

        let disc = largest_disc(&distances);

        assert_eq!(
            disc,
            Disc {
                centre: Point { x: 31.0, y: 7.0 },
                radius: 9.0
            }
        );
    }

    #[test]
    fn edge_width_is_the_deviation_of_the_blur() {
        for sigma in [2.0, 3.0, 4.0] {
            let step = Plane::from_fn(100, 100, |x, _| if x < 50 { 200.0 } else { 0.0 });
            let distances = Plane::from_fn(100, 100, |x, _| 50usize.saturating_sub(x) as f32);

            let width = edge_width(&blur(&step, sigma, Border::Repeat), &distances, 200.0);

            assert!((width - sigma).abs() < 0.15 * sigma, "{width} for {sigma}");
        }
    }

    fn upright() -> Frame {
        let palm = Disc {
            centre: Point { x: 200.0, y: 200.0 },
            radius: 100.0,
        };
        let valleys = Valleys {
            left: Point { x: 150.0, y: 80.0 },
            middle: Point { x: 200.0, y: 80.0 },
            right: Point { x: 250.0, y: 80.0 },
        };
        Frame::new(palm, valleys)
    }
}

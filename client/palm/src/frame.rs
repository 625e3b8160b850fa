//! Where the region of interest lies on the image.
//!
//! The frame hangs from an anchor near the finger valleys, because that place is found best, and
//! turns about it: a rotation hypothesis then moves the far end of the palm only.

use crate::number::{narrow, pixels};
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

    /// Resamples an image to the context of this frame.
    pub(crate) fn context(&self, image: &Plane) -> Plane {
        let (sin, cos) = self.turn_degrees.to_radians().sin_cos();
        Plane::from_fn(CONTEXT, CONTEXT, |column, row| {
            let right = (column as f64 - MARGIN as f64 - ANCHOR.x) * self.scale;
            let down = (row as f64 - MARGIN as f64 - ANCHOR.y) * self.scale;
            image.sample(Point {
                x: self.anchor.x + right * cos - down * sin,
                y: self.anchor.y + right * sin + down * cos,
            })
        })
    }
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
            let context = upright().turned(degrees).context(&marked);

            assert!(context.at(MARGIN + 80, MARGIN + 36) > 0.999, "{degrees}");
        }
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

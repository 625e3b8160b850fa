//! One visit to the scanner: how the hand is held, bent and lit, and what goes wrong.

use super::defects::Defects;
use super::geometry::{Capsule, Point};
use super::math::{narrow, sin_cos_degrees};
use super::noise::Noise;
use super::person::Side;
use super::random::Random;

/// Columns and rows of a capture.
pub(super) const SIDE_PX: usize = 400;
/// Size of a pixel on the plane in focus, in millimetres.
pub(super) const PIXEL_MM: f64 = 0.4;
/// Distance from the lens to that plane.
const LENS_MM: f64 = 170.0;
const ELASTIC_MM: f64 = 1.9;
const ELASTIC_PITCH: f64 = 38.0;
const VISIBILITY_PITCH: f64 = 24.0;

/// What a visit draws before the picture is taken.
pub(super) struct Visit {
    mirror: f64,
    shift: Point,
    turn: (f64, f64),
    scale: f64,
    /// Sine and cosine of the tilt sideways and of the tilt forward.
    tilts: [(f64, f64); 2],
    /// Turn of each finger, in degrees.
    pub(super) finger_turns: [f64; 4],
    elastic_mm: f64,
    elastic: [Noise; 2],
    visibility: Noise,
    /// Strength of all veins relative to the usual.
    pub(super) contrast: f64,
    /// Width of all veins relative to the usual.
    pub(super) swelling: f64,
    pub(super) light: Light,
    /// Standard deviation of the blur, in pixels.
    pub(super) blur_px: f64,
    pub(super) defects: Defects,
}

/// The light on the scanner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Light {
    /// Centre of the hot spot, in frame sides from the middle.
    pub(super) spot: Point,
    /// Change of the light from the middle to the border.
    pub(super) gradient: Point,
    pub(super) exposure: f64,
}

impl Visit {
    /// Draws a visit.
    pub(super) fn new(side: Side, random: &mut Random) -> Self {
        let spread = random.within(2.0);
        Self {
            mirror: match side {
                Side::Left => -1.0,
                Side::Right => 1.0,
            },
            shift: Point::new(random.normal(0.0, 5.0), random.normal(0.0, 5.0)),
            turn: sin_cos_degrees(random.normal(0.0, 5.0)),
            scale: random.log_normal(0.045),
            tilts: [(); 2].map(|()| sin_cos_degrees(random.normal(0.0, 4.0))),
            finger_turns: [-1.0, -0.33, 0.33, 1.0]
                .map(|place| place * spread + random.normal(0.0, 0.8)),
            elastic_mm: ELASTIC_MM * random.normal(1.0, 0.35).abs(),
            elastic: [(); 2].map(|()| Noise::new(random)),
            visibility: Noise::new(random),
            contrast: random.log_normal(0.15),
            swelling: random.log_normal(0.08),
            light: Light {
                spot: Point::new(random.normal(0.0, 0.12), random.normal(0.0, 0.12)),
                gradient: Point::new(random.normal(0.0, 0.22), random.normal(0.0, 0.22)),
                exposure: random.log_normal(0.12),
            },
            blur_px: 0.6 * random.log_normal(0.4),
            defects: Defects::new(random),
        }
    }

    /// Returns how well veins at a place of the hand are seen this time.
    pub(super) fn visibility(&self, place: Point) -> f64 {
        (1.0 + 0.67 * self.visibility.at(place, VISIBILITY_PITCH)).max(0.0)
    }

    /// Returns the pixel at which a place of the hand is seen, and pixels per millimetre there.
    pub(super) fn project(&self, place: Point) -> (Point, f64) {
        let bend = |noise: &Noise| self.elastic_mm * noise.at(place, ELASTIC_PITCH);
        let bent = place.plus(Point::new(bend(&self.elastic[0]), bend(&self.elastic[1])));
        let held = Point::new(self.mirror * bent.x, bent.y).times(self.scale);
        let (sin, cos) = self.turn;
        let turned = Point::new(held.x * cos - held.y * sin, held.x * sin + held.y * cos);
        let [(side_sin, side_cos), (front_sin, front_cos)] = self.tilts;
        let away = turned.x * side_sin + turned.y * front_sin;
        let near = LENS_MM / (LENS_MM + away);
        let x = turned.x * side_cos * near + self.shift.x;
        let y = turned.y * front_cos * near + self.shift.y;
        let middle = SIDE_PX as f64 / 2.0;
        let pixel = Point::new(middle + x / PIXEL_MM, middle - y / PIXEL_MM);
        (pixel, self.scale * near / PIXEL_MM)
    }

    /// Returns a part of the hand as it is seen, in pixels.
    pub(super) fn project_part(&self, part: Capsule) -> Capsule {
        let ((from, from_scale), (to, to_scale)) = (self.project(part.from), self.project(part.to));
        Capsule {
            from,
            to,
            radius: part.radius * f64::midpoint(from_scale, to_scale),
        }
    }

    /// Returns roughly the place of the skin that a pixel shows, bends and tilts left aside.
    pub(super) fn unproject(&self, column: usize, row: usize) -> Point {
        let middle = SIDE_PX as f64 / 2.0;
        let x = (column as f64 - middle) * PIXEL_MM - self.shift.x;
        let y = (middle - row as f64) * PIXEL_MM - self.shift.y;
        let (sin, cos) = self.turn;
        let held = Point::new(x * cos + y * sin, y * cos - x * sin).times(1.0 / self.scale);
        Point::new(self.mirror * held.x, held.y)
    }
}

impl Light {
    /// Returns the light at a pixel.
    pub(super) fn at(&self, column: usize, row: usize) -> f64 {
        let (x, y) = (frame(column), frame(row));
        let from_spot = Point::new(x, y).distance(self.spot);
        let spot = super::math::exp(-0.5 * (from_spot / 0.33) * (from_spot / 0.33));
        let slope = 1.0 + self.gradient.x * x + self.gradient.y * y;
        // The lens darkens towards the corners, which are 1 from the middle.
        let corner = 2.0 * (x * x + y * y);
        self.exposure * (0.8 + 0.35 * spot) * slope.max(0.1) * (1.0 - 0.35 * corner)
    }
}

/// Returns how far a pixel is from the middle, in frame sides.
fn frame(index: usize) -> f64 {
    (index as f64 + 0.5) / SIDE_PX as f64 - 0.5
}

/// Returns a function of the picture, computed on every `STEP`th pixel and interpolated.
pub(super) fn interpolated<const STEP: usize>(function: impl Fn(usize, usize) -> f64) -> Vec<f32> {
    let points = SIDE_PX / STEP + 1;
    let at = |point: usize| narrow(function(point % points * STEP, point / points * STEP));
    let coarse: Vec<f32> = (0..points * points).map(at).collect();
    let mut out = Vec::with_capacity(SIDE_PX * SIDE_PX);
    for y in 0..SIDE_PX {
        let below = (y % STEP) as f32 / STEP as f32;
        let upper = &coarse[y / STEP * points..][..points];
        let lower = &coarse[(y / STEP + 1) * points..][..points];
        for x in 0..SIDE_PX {
            let (column, right) = (x / STEP, (x % STEP) as f32 / STEP as f32);
            let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
            let above = mix(upper[column], upper[column + 1], right);
            out.push(mix(
                above,
                mix(lower[column], lower[column + 1], right),
                below,
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_left_hand_is_the_mirror_image() {
        let visit = |side| Visit::new(side, &mut Random::new([1, 0, 0], b"test    "));
        let (left, right) = (visit(Side::Left), visit(Side::Right));

        assert_eq!(left.finger_turns, right.finger_turns);
        assert_eq!([left.mirror, right.mirror], [-1.0, 1.0]);
    }

    #[test]
    fn unprojecting_comes_back_to_within_the_bends() {
        for seed in 0..10 {
            let visit = Visit::new(Side::Left, &mut Random::new([seed, 0, 0], b"test    "));
            let (pixel, _) = visit.project(Point::new(12.0, -7.0));

            let [column, row] =
                [pixel.x, pixel.y].map(|p| super::super::math::floor(p).unsigned_abs());
            let back = visit.unproject(column, row);

            assert!(
                back.distance(Point::new(12.0, -7.0)) < 9.0,
                "seed {seed}: {back:?}"
            );
        }
    }

    #[test]
    fn interpolation_follows_a_slope() {
        let plane = interpolated::<8>(|x, y| (x + 2 * y) as f64);

        assert!((plane[10 * SIDE_PX + 33] - 53.0).abs() < 1e-3);
    }
}

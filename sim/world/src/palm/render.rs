//! The picture of a palm: skin under light, less what creases and veins take away.

use boop_palm::Image;

use super::capture::{PIXEL_MM, SIDE_PX, Visit, interpolated};
use super::draw::{Stroke, blur, falling, smear, stroke};
use super::geometry::Point;
use super::hand::union;
use super::math::{byte, exp, narrow};
use super::person::Person;
use super::random::Random;

const PIXELS: usize = SIDE_PX * SIDE_PX;
/// Half width of the soft outline of the hand.
const OUTLINE_MM: f32 = 0.9;
/// Depth over which the rounded edge of the hand darkens.
const EDGE_MM: f32 = 7.0;
const SKIN_PITCHES: [f64; 4] = [14.0, 6.0, 2.6, 0.9];
const SKIN_NOISE: f64 = 0.005;
const SHOT_NOISE: f64 = 0.020;
const READ_NOISE: f64 = 0.004;

/// Takes the picture of a palm at a visit; `random` gives the noise of the sensor.
pub(super) fn render(person: &Person, visit: &Visit, random: &mut Random) -> Image {
    let depths = depths(person, visit);
    let veins = veins(person, visit);
    let creases = creases(person, visit);
    let light = interpolated::<8>(|column, row| visit.light.at(column, row));
    let texture = interpolated::<2>(|column, row| texture_at(person, visit.unproject(column, row)));
    let darkness = visit.defects.darkness.unwrap_or(1.0);
    let tone = narrow(person.tone * darkness);
    let mut picture = vec![0.0f32; PIXELS];
    for (pixel, value) in picture.iter_mut().enumerate() {
        let depth = depths[pixel];
        if depth <= -OUTLINE_MM {
            continue;
        }
        let skin = cover(depth) * rounding(depth) * texture[pixel];
        *value = tone * light[pixel] * skin * (1.0 - creases[pixel]) * (1.0 - veins[pixel]);
    }
    soil(&mut picture, visit, tone);
    expose(&optics(picture, visit), random)
}

/// Returns how deep each pixel lies inside the outline, in millimetres, negative outside.
fn depths(person: &Person, visit: &Visit) -> Vec<f32> {
    let parts = person.hand.parts(visit.finger_turns);
    let parts: Vec<_> = parts
        .into_iter()
        .map(|part| visit.project_part(part))
        .collect();
    interpolated::<2>(|column, row| {
        -PIXEL_MM * union(&parts, Point::new(column as f64, row as f64))
    })
}

/// Returns the share of light that veins take at each pixel.
fn veins(person: &Person, visit: &Visit) -> Vec<f32> {
    let mut taken = vec![0.0; PIXELS];
    for vein in &person.veins {
        let middle = vein.from.midpoint(vein.to);
        let radius = vein.radius * visit.swelling;
        // Light scatters on its way out: deep veins look wide and faint.
        let (own, scatter) = (0.6 * radius, 0.32 * vein.depth + 0.25);
        let sigma = (own * own + scatter * scatter).sqrt();
        let contrast = person.vein_contrast * visit.contrast * visit.visibility(middle);
        let strength = contrast * (radius / sigma) * exp(-(vein.depth - 1.0) / 3.0);
        let ((from, scale), (to, _)) = (visit.project(vein.from), visit.project(vein.to));
        let sigma_px = sigma * scale;
        stroke(
            &mut taken,
            &Stroke {
                from,
                to,
                sigma_px,
                strength: strength.min(0.9),
            },
        );
    }
    taken
}

/// Returns the share of light that the lines of the skin take at each pixel.
fn creases(person: &Person, visit: &Visit) -> Vec<f32> {
    let mut taken = vec![0.0; PIXELS];
    for crease in &person.creases {
        for pair in crease.points.windows(2) {
            let ((from, scale), (to, _)) = (visit.project(pair[0]), visit.project(pair[1]));
            let sigma_px = crease.width * scale;
            stroke(
                &mut taken,
                &Stroke {
                    from,
                    to,
                    sigma_px,
                    strength: crease.contrast,
                },
            );
        }
    }
    taken
}

/// Returns how much of a pixel the hand covers.
fn cover(depth: f32) -> f32 {
    let share = ((depth + OUTLINE_MM) / (2.0 * OUTLINE_MM)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// Returns the brightness of skin that turns away from the lamp towards the outline.
fn rounding(depth: f32) -> f32 {
    1.0 - 0.45 * falling(depth.max(0.0) / EDGE_MM)
}

fn texture_at(person: &Person, place: Point) -> f64 {
    let sum: f64 = SKIN_PITCHES
        .iter()
        .map(|pitch| person.skin.at(place, *pitch))
        .sum();
    1.0 + SKIN_NOISE * sum
}

/// Puts plaster, dirt and shine on the skin.
fn soil(picture: &mut [f32], visit: &Visit, tone: f32) {
    let place = |pixel: usize| Point::new((pixel % SIDE_PX) as f64, (pixel / SIDE_PX) as f64);
    if let Some(patch) = visit.defects.patch {
        let (centre, scale) = visit.project(patch.centre);
        let radius = patch.radius_mm * scale;
        for (pixel, value) in picture.iter_mut().enumerate() {
            if *value > 0.0 && place(pixel).distance(centre) < radius {
                *value = tone * narrow(patch.brightness);
            }
        }
    }
    for spot in &visit.defects.shine {
        let (centre, scale) = visit.project(spot.centre);
        let width = spot.width_mm * scale;
        for (pixel, value) in picture.iter_mut().enumerate() {
            let far = place(pixel).distance(centre) / width;
            if *value > 0.0 && far < 3.5 {
                *value += narrow(spot.height * exp(-0.5 * far * far));
            }
        }
    }
}

/// Blurs the picture as lens and motion do.
fn optics(picture: Vec<f32>, visit: &Visit) -> Vec<f32> {
    let sharp = match visit.defects.motion_px {
        Some(way) => smear(&picture, way),
        None => picture,
    };
    blur(&sharp, visit.defects.gross_blur_px.unwrap_or(visit.blur_px))
}

/// Adds the noise of the sensor and rounds to 8 bits.
fn expose(picture: &[f32], random: &mut Random) -> Image {
    let pixel = |value: &f32| {
        let value = f64::from(*value);
        let noise = (SHOT_NOISE * SHOT_NOISE * value + READ_NOISE * READ_NOISE).sqrt();
        byte(255.0 * narrow(value + noise * random.pixel_noise()))
    };
    let pixels = picture.iter().map(pixel).collect();
    let side = u32::try_from(SIDE_PX).expect("a small constant");
    Image::new(side, side, pixels).expect("the size is within the limits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cover_goes_from_nothing_to_all() {
        assert_eq!([cover(-2.0), cover(0.0), cover(2.0)], [0.0, 0.5, 1.0]);
    }

    #[test]
    fn the_edge_of_the_hand_is_darker_than_its_middle() {
        assert!((rounding(0.0) - 0.55).abs() < 1e-6 && rounding(30.0) > 0.99);
    }
}

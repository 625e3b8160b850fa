//! From an image to the encodings of the palm on it.

use boop_wire::template::{Encodings, GRID, ORIENTATIONS, PHASES, Template, code_index};
use thiserror::Error;

use crate::blur::{Border, blur};
use crate::context::Context;
use crate::distance_transform::distance_transform;
use crate::frame::{Disc, Frame, edge_width, largest_disc};
use crate::gabor::respond;
use crate::image::Image;
use crate::mask::Mask;
use crate::normalise::normalise;
use crate::number::{byte, narrow};
use crate::otsu::otsu;
use crate::plane::{Plane, quantile};
use crate::quality::{self, Measures, Quality};
use crate::region::{largest, without_holes};
use crate::valleys::{self, Valleys};

/// Rotation of each encoding, in degrees.
const ROTATION_DEGREES: [f64; 3] = [0.0, 2.5, -2.5];
/// The hand is at least and at most this share of the image.
const HAND_SHARE: core::ops::RangeInclusive<f64> = 0.10..=0.93;
/// Radius of the smallest palm that is encoded, in pixels.
const RADIUS_PX_MIN: f64 = 30.0;

/// Why no palm can be taken from an image.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExtractError {
    /// Nothing on the image stands out as a hand.
    #[error("no hand is seen")]
    NoHand,
    /// The hand is too far away.
    #[error("palm of {radius_px} pixels radius is too small")]
    PalmTooSmall {
        /// Radius of the largest disc inside the hand.
        radius_px: u8,
    },
    /// The three valleys between the fingers are not all there.
    #[error("fingers are not all seen")]
    FingersNotSeen,
}

/// What one image gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The palm at every rotation.
    pub encodings: Encodings,
    /// The marks of the capture.
    pub quality: Quality,
    /// Valid cells of the encoding at rotation 0.
    pub valid_cells: usize,
    /// What the marks are made of.
    pub measures: Measures,
}

/// Finds the palm on an image and encodes it.
///
/// # Errors
/// Refuses an image without a hand, with too small a palm or without three finger valleys.
pub fn extract(image: &Image) -> Result<Extraction, ExtractError> {
    let grey = to_plane(image);
    let smooth = blur(&grey, 1.5, Border::Repeat);
    let hand = silhouette(&smooth).ok_or(ExtractError::NoHand)?;
    let distances = distance_transform(&hand);
    let palm = largest_disc(&distances);
    if palm.radius < RADIUS_PX_MIN {
        return Err(ExtractError::PalmTooSmall {
            radius_px: byte(palm.radius),
        });
    }
    let valleys =
        valleys::find(&hand, palm.centre, palm.radius).ok_or(ExtractError::FingersNotSeen)?;
    let frame = Frame::new(palm, valleys);
    let contexts =
        ROTATION_DEGREES.map(|turn| Context::new(&frame.turned(turn), &grey, &distances));
    let edge_px = edge_width(&smooth, &distances, palm.radius);
    let measures = measure(palm, valleys, &frame, &contexts[0], edge_px);
    let valid_cells = contexts[0]
        .valid_cells()
        .iter()
        .filter(|valid| **valid)
        .count();
    Ok(Extraction {
        encodings: Encodings(contexts.map(|context| encode(&context))),
        quality: Quality::judge(&measures),
        valid_cells,
        measures,
    })
}

fn to_plane(image: &Image) -> Plane {
    Plane {
        width: image.width() as usize,
        height: image.height() as usize,
        values: image
            .pixels()
            .iter()
            .map(|pixel| f32::from(*pixel))
            .collect(),
    }
}

/// Returns the pixels of the hand, unless hand and background cannot be told apart.
fn silhouette(smooth: &Plane) -> Option<Mask> {
    let rounded: Vec<u8> = smooth
        .values
        .iter()
        .map(|value| byte(f64::from(*value)))
        .collect();
    let threshold = narrow((0.75 * f64::from(otsu(&rounded)?)).max(12.0));
    let hand = without_holes(&largest(&Mask::of(smooth, |grey| grey > threshold)));
    let share = hand.count() as f64 / hand.members.len() as f64;
    HAND_SHARE.contains(&share).then_some(hand)
}

fn measure(
    palm: Disc,
    valleys: Valleys,
    frame: &Frame,
    context: &Context,
    edge_px: f64,
) -> Measures {
    let median = f64::from(quantile(&mut context.skin(&context.grey), 0.5));
    Measures {
        radius_px: palm.radius,
        base_px: (valleys.right.x - valleys.left.x).hypot(valleys.right.y - valleys.left.y),
        turn_degrees: frame.turn_degrees,
        disagree_degrees: frame.disagree_degrees,
        scale: frame.scale,
        edge_px,
        median,
        noise: quality::noise(context, median),
        light: quality::evenness(context),
        band: quality::band(context),
        valid: context.valid_share(),
    }
}

/// Writes the signs of the filter answers and the valid cells of one context.
fn encode(context: &Context) -> Template {
    let responses = respond(&normalise(&context.grey, &context.valid));
    let mut template = Template::empty();
    for (cell, valid) in context.valid_cells().into_iter().enumerate() {
        template.set_cell_valid(cell, valid);
        for phase in 0..PHASES {
            for orientation in 0..ORIENTATIONS {
                let index = code_index(phase, cell / GRID, cell % GRID, orientation);
                template.set_code_bit(index, responses[index] > 0.0);
            }
        }
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_black_image_shows_no_hand() {
        assert_eq!(extract(&flat(0)), Err(ExtractError::NoHand));
    }

    #[test]
    fn a_white_image_shows_no_hand() {
        assert_eq!(extract(&flat(255)), Err(ExtractError::NoHand));
    }

    #[test]
    fn a_distant_hand_is_too_small() {
        let image = drawn(|x, y| (180..225).contains(&x) && y > 20);

        assert_eq!(
            extract(&image),
            Err(ExtractError::PalmTooSmall { radius_px: 24 })
        );
    }

    #[test]
    fn a_disc_has_no_fingers() {
        let image = drawn(|x, y| (x - 200).pow(2) + (y - 200).pow(2) < 110 * 110);

        assert_eq!(extract(&image), Err(ExtractError::FingersNotSeen));
    }

    fn flat(grey: u8) -> Image {
        Image::new(400, 400, vec![grey; 160_000]).unwrap()
    }

    fn drawn(hand: impl Fn(i32, i32) -> bool) -> Image {
        let pixel = |i: i32| if hand(i % 400, i / 400) { 160 } else { 3 };
        Image::new(400, 400, (0..160_000).map(pixel).collect()).unwrap()
    }
}

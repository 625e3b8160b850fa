//! From an image to the encodings of the palm on it.

use boop_wire::template::{Encodings, Template};
use thiserror::Error;

use crate::blur::{Border, blur};
use crate::context::Context;
use crate::distance_transform::distance_transform;
use crate::frame::{Disc, Frame, edge_width, largest_disc};
use crate::gabor::{Responses, respond};
use crate::image::Image;
use crate::mask::Mask;
use crate::normalise::{normalise, surroundings};
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

/// A part of the work on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The hand is told from the background.
    Silhouette,
    /// Each pixel of the hand learns its distance to the outline.
    Distances,
    /// The valleys between the fingers are found.
    Fingers,
    /// The region of interest is taken at every rotation.
    Regions,
    /// The capture gets its marks.
    Marks,
    /// Lines are made equally strong.
    Normalisation,
    /// Oriented filters answer to the lines.
    Filters,
    /// The answers become codes.
    Codes,
}

impl Stage {
    /// The parts in their order.
    pub const ALL: [Self; 8] = [
        Self::Silhouette,
        Self::Distances,
        Self::Fingers,
        Self::Regions,
        Self::Marks,
        Self::Normalisation,
        Self::Filters,
        Self::Codes,
    ];
}

/// Finds the palm on an image and encodes it.
///
/// # Errors
/// Refuses an image without a hand, with too small a palm or without three finger valleys.
pub fn extract(image: &Image) -> Result<Extraction, ExtractError> {
    extract_in_stages(image, |_| {})
}

/// Does what [`extract`] does and tells `done` the end of each part.
///
/// # Errors
/// As [`extract`].
pub fn extract_in_stages(
    image: &Image,
    mut done: impl FnMut(Stage),
) -> Result<Extraction, ExtractError> {
    let grey = to_plane(image);
    let smooth = blur(&grey, 1.5, Border::Repeat);
    let hand = silhouette(&smooth).ok_or(ExtractError::NoHand)?;
    done(Stage::Silhouette);
    let distances = distance_transform(&hand);
    let palm = largest_disc(&distances);
    done(Stage::Distances);
    if palm.radius < RADIUS_PX_MIN {
        return Err(ExtractError::PalmTooSmall {
            radius_px: byte(palm.radius),
        });
    }
    let valleys =
        valleys::find(&hand, palm.centre, palm.radius).ok_or(ExtractError::FingersNotSeen)?;
    done(Stage::Fingers);
    let frame = Frame::new(palm, valleys);
    let contexts =
        ROTATION_DEGREES.map(|turn| Context::new(&frame.turned(turn), &grey, &distances));
    let cells = contexts.each_ref().map(Context::valid_cells);
    done(Stage::Regions);
    let means = contexts.each_ref().map(|c| surroundings(&c.grey, &c.valid));
    let edge_px = edge_width(&smooth, &distances, palm.radius);
    let view = View {
        context: &contexts[0],
        surroundings: &means[0],
    };
    let counts = cells.each_ref().map(|cells| count(cells));
    let cells_least = counts.into_iter().min().unwrap_or_default();
    let measures = measure(palm, valleys, &frame, &view, edge_px, cells_least);
    done(Stage::Marks);
    let normal = [0, 1, 2].map(|r| normalise(&contexts[r].grey, &contexts[r].valid, &means[r]));
    done(Stage::Normalisation);
    let responses = normal.each_ref().map(respond);
    done(Stage::Filters);
    let encodings = Encodings([0, 1, 2].map(|r| encode(&responses[r], &cells[r])));
    done(Stage::Codes);
    Ok(Extraction {
        encodings,
        quality: Quality::judge(&measures),
        valid_cells: counts[0],
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

/// A view of the palm, with what is around each of its pixels.
struct View<'a> {
    context: &'a Context,
    surroundings: &'a Plane,
}

fn count(cells: &[bool]) -> usize {
    cells.iter().filter(|valid| **valid).count()
}

fn measure(
    palm: Disc,
    valleys: Valleys,
    frame: &Frame,
    view: &View<'_>,
    edge_px: f64,
    cells_least: usize,
) -> Measures {
    let context = view.context;
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
        band: quality::band(context, view.surroundings),
        valid: context.valid_share(),
        cells_least,
    }
}

/// Writes the signs of the filter answers and the valid cells of one context.
fn encode(responses: &Responses, valid_cells: &[bool]) -> Template {
    let mut template = Template::empty();
    for (cell, valid) in valid_cells.iter().enumerate() {
        template.set_cell_valid(cell, *valid);
    }
    for (index, response) in responses.values().iter().enumerate() {
        template.set_code_bit(index, *response > 0.0);
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

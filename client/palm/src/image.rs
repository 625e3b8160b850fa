//! Grey images and their PNG form, with a size limit that holds before anything is allocated.

use std::io::Cursor;

use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Shortest side of an image, in pixels.
pub const SIDE_MIN: u32 = 160;
/// Longest side of an image, in pixels.
pub const SIDE_MAX: u32 = 1_600;

/// Why an image is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImageError {
    /// A side is shorter than [`SIDE_MIN`].
    #[error("image of {width}x{height} pixels is too small")]
    TooSmall {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A side is longer than [`SIDE_MAX`].
    #[error("image of {width}x{height} pixels is too large")]
    TooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The number of pixels is not the product of the sides.
    #[error("image needs {expected} pixels and has {got}")]
    PixelCount {
        /// Width times height.
        expected: usize,
        /// Pixels given.
        got: usize,
    },
    /// The PNG does not hold one 8-bit grey channel.
    #[error("image is not 8-bit grey")]
    NotGrey,
    /// The bytes are no readable PNG.
    #[error("bytes are no readable png")]
    NotPng,
}

/// An 8-bit grey image, rows from top to bottom. It wipes itself: a palm is read from it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Image {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Image {
    /// Takes pixels row by row.
    ///
    /// # Errors
    /// Refuses sides outside the limits and a wrong number of pixels.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, ImageError> {
        let expected = checked_area(width, height)?;
        if pixels.len() != expected {
            return Err(ImageError::PixelCount {
                expected,
                got: pixels.len(),
            });
        }
        Ok(Self {
            width,
            height,
            pixels,
        })
    }

    /// Reads an 8-bit grey PNG.
    ///
    /// # Errors
    /// Refuses what is no such PNG and sizes outside the limits.
    pub fn from_png(bytes: &[u8]) -> Result<Self, ImageError> {
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        let header = decoder.read_header_info().map_err(|_| ImageError::NotPng)?;
        let (width, height) = (header.width, header.height);
        let area = checked_area(width, height)?;
        if (header.color_type, header.bit_depth)
            != (png::ColorType::Grayscale, png::BitDepth::Eight)
        {
            return Err(ImageError::NotGrey);
        }
        let mut reader = decoder.read_info().map_err(|_| ImageError::NotPng)?;
        let mut pixels = vec![0; area];
        reader
            .next_frame(&mut pixels)
            .map_err(|_| ImageError::NotPng)?;
        Self::new(width, height, pixels)
    }

    /// Writes the image as an 8-bit grey PNG.
    pub fn to_png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&self.pixels))
            .expect("the size was checked and a vector accepts every write");
        bytes
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Pixels, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl core::fmt::Debug for Image {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Image({}x{}, [secret])", self.width, self.height)
    }
}

fn checked_area(width: u32, height: u32) -> Result<usize, ImageError> {
    if width.min(height) < SIDE_MIN {
        return Err(ImageError::TooSmall { width, height });
    }
    if width.max(height) > SIDE_MAX {
        return Err(ImageError::TooLarge { width, height });
    }
    Ok(width as usize * height as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_comes_back_as_it_was_written() {
        let image = gradient(200, 170);

        assert_eq!(Image::from_png(&image.to_png()), Ok(image));
    }

    #[test]
    fn sizes_outside_the_limits_are_refused() {
        let small = Image::new(159, 400, vec![0; 159 * 400]);
        let large = Image::new(400, 1_601, Vec::new());

        assert_eq!(
            small,
            Err(ImageError::TooSmall {
                width: 159,
                height: 400
            })
        );
        assert_eq!(
            large,
            Err(ImageError::TooLarge {
                width: 400,
                height: 1_601
            })
        );
    }

    #[test]
    fn an_oversize_png_is_refused_by_its_header() {
        let bytes = png_of(40_000, 40_000, png::ColorType::Grayscale);

        let expected = ImageError::TooLarge {
            width: 40_000,
            height: 40_000,
        };
        assert_eq!(Image::from_png(&bytes), Err(expected));
    }

    #[test]
    fn missing_pixels_are_refused() {
        let short = Image::new(160, 160, vec![0; 7]);

        assert_eq!(
            short,
            Err(ImageError::PixelCount {
                expected: 25_600,
                got: 7
            })
        );
    }

    #[test]
    fn a_coloured_png_is_refused() {
        let bytes = png_of(200, 200, png::ColorType::Rgb);

        assert_eq!(Image::from_png(&bytes), Err(ImageError::NotGrey));
    }

    #[test]
    fn broken_png_bytes_are_refused() {
        let whole = gradient(200, 170).to_png();

        assert_eq!(Image::from_png(b"GIF89a"), Err(ImageError::NotPng));
        assert_eq!(
            Image::from_png(&whole[..whole.len() / 2]),
            Err(ImageError::NotPng)
        );
    }

    #[test]
    fn an_image_does_not_print_its_pixels() {
        assert_eq!(
            format!("{:?}", gradient(160, 161)),
            "Image(160x161, [secret])"
        );
    }

    fn gradient(width: u32, height: u32) -> Image {
        let pixels = (0..width * height)
            .map(|i| u8::try_from(i % 251).unwrap())
            .collect();
        Image::new(width, height, pixels).unwrap()
    }

    fn png_of(width: u32, height: u32, colour: png::ColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
        let _header_alone = encoder.write_header().unwrap();
        drop(_header_alone);
        bytes
    }
}

//! What a scanner runs: a grey image of a palm becomes a code, a mask and a quality.
//!
//! [`extract`] finds the palm in an image, lays a region of interest over it and encodes the
//! region at three rotations; [`fuse`] joins three samples of one palm into an enrolment;
//! [`distance`] compares in the clear and is the model that the joint computation of the parties
//! must agree with. Nothing here knows of shares, keys or the network.
#![forbid(unsafe_code)]

mod blur;
mod context;
mod distance_transform;
mod extract;
mod frame;
mod fuse;
mod gabor;
mod image;
mod mask;
mod matching;
mod morphology;
mod normalise;
mod number;
mod otsu;
mod plane;
mod probe;
mod quality;
mod region;
mod valleys;

pub use boop_wire::template::{Alignment, Encodings, Template};

pub use extract::{ExtractError, Extraction, Stage, extract, extract_in_stages};
pub use fuse::{DISTANCE_PERMILLE_MAX, EnrolRefusal, Enrolment, fuse};
pub use image::{Image, ImageError, SIDE_MAX, SIDE_MIN};
pub use matching::{Agreement, Distance, Query, Stored, agreement, distance};
pub use probe::{ProbeRefusal, probe};
pub use quality::{ACCEPT, Measures, Quality};

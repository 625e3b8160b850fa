//! Enrolment: three samples of one palm become one template.
//!
//! The sample that is nearest to the other two is the reference. The others are moved onto it by
//! their best alignments; bits are decided by majority and a cell is valid if two samples of the
//! three see it. The same is done at every rotation, so that a fused palm can also be searched
//! for among those already stored.

use boop_wire::template::{
    Alignment, CELLS, Encodings, GRID, ORIENTATIONS, PHASES, ROTATIONS, Template, VALID_CELLS_MIN,
    code_index,
};
use thiserror::Error;

use crate::extract::Extraction;
use crate::matching::{Distance, distance};
use crate::number::{narrow, pixels};
use crate::quality::ACCEPT;

/// Largest distance of a sample to the reference, in thousandths.
pub const DISTANCE_PERMILLE_MAX: u16 = 360;

const SAMPLES: usize = 3;

/// A fused palm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The palm at every rotation; rotation 0 is the template to store.
    pub encodings: Encodings,
}

/// Why three samples make no enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnrolRefusal {
    /// A sample is not good enough.
    #[error("sample {sample} scores {score}, needed are {ACCEPT}")]
    LowQuality {
        /// Which sample, from 0.
        sample: usize,
        /// Its score.
        score: u8,
    },
    /// A sample does not look like the same palm.
    #[error("sample {sample} differs from the reference by {distance_permille} thousandths")]
    NotOnePalm {
        /// Which sample, from 0.
        sample: usize,
        /// Its distance to the reference, rounded up.
        distance_permille: u16,
    },
    /// Too little of the palm is seen by two samples.
    #[error("{valid_cells} valid cells are too few, needed are {VALID_CELLS_MIN}")]
    FewValidCells {
        /// Cells seen by two samples, at the rotation with the fewest.
        valid_cells: usize,
    },
}

impl Enrolment {
    /// Returns the template to store.
    pub fn template(&self) -> &Template {
        &self.encodings.0[0]
    }
}

/// Joins three samples of one palm.
///
/// # Errors
/// Refuses a sample of low quality, samples of different palms and too small a common area.
pub fn fuse(samples: &[Extraction; SAMPLES]) -> Result<Enrolment, EnrolRefusal> {
    for (sample, extraction) in samples.iter().enumerate() {
        let score = extraction.quality.score();
        if score < ACCEPT {
            return Err(EnrolRefusal::LowQuality { sample, score });
        }
    }
    let encodings = samples.each_ref().map(|sample| &sample.encodings);
    let (reference, distances) = choose_reference(&encodings);
    for (sample, distance) in distances.iter().enumerate() {
        let distance_permille = permille(distance.value);
        if sample != reference && distance_permille > DISTANCE_PERMILLE_MAX {
            return Err(EnrolRefusal::NotOnePalm {
                sample,
                distance_permille,
            });
        }
    }
    let fused = [0, 1, 2].map(|rotation| {
        let placed = [0, 1, 2].map(|sample| {
            let alignment = if sample == reference {
                Alignment {
                    rotation,
                    dy: 0,
                    dx: 0,
                }
            } else {
                turned(distances[sample].alignment, rotation)
            };
            Placed {
                template: &encodings[sample].0[alignment.rotation],
                alignment,
            }
        });
        majority(&placed, reference)
    });
    let encodings = Encodings(fused);
    let valid_cells = encodings.valid_cells_least();
    if valid_cells < VALID_CELLS_MIN {
        return Err(EnrolRefusal::FewValidCells { valid_cells });
    }
    Ok(Enrolment { encodings })
}

/// Returns the sample with the smallest sum of distances, and the distances to it.
fn choose_reference(encodings: &[&Encodings; SAMPLES]) -> (usize, [Distance; SAMPLES]) {
    let to = |reference: usize| encodings.map(|query| distance(&encodings[reference].0[0], query));
    let all = [to(0), to(1), to(2)];
    let sum = |distances: &[Distance; SAMPLES]| distances.iter().map(|d| d.value).sum::<f64>();
    let mut best = 0;
    for reference in 1..SAMPLES {
        if sum(&all[reference]) < sum(&all[best]) {
            best = reference;
        }
    }
    (best, all[best])
}

fn permille(distance: f64) -> u16 {
    u16::try_from(pixels(narrow(distance * 1_000.0))).unwrap_or(u16::MAX)
}

/// Turns an alignment on rotation 0 of the reference into one on another rotation of it.
///
/// A sample that must be turned further than a scanner encodes takes the last encoding there is.
fn turned(alignment: Alignment, rotation: usize) -> Alignment {
    const STEPS: [isize; ROTATIONS] = [0, 1, -1];
    let steps = (STEPS[alignment.rotation] + STEPS[rotation]).clamp(-1, 1);
    let rotation = STEPS.iter().position(|step| *step == steps).unwrap_or(0);
    Alignment {
        rotation,
        ..alignment
    }
}

/// A template to be read as if it were moved.
struct Placed<'a> {
    template: &'a Template,
    alignment: Alignment,
}

impl Placed<'_> {
    /// Returns the row and column that come to lie on a cell of the reference, if valid.
    fn source(&self, row: usize, column: usize) -> Option<(usize, usize)> {
        let row = row
            .checked_add_signed(-self.alignment.dy)
            .filter(|row| *row < GRID)?;
        let column = column
            .checked_add_signed(-self.alignment.dx)
            .filter(|column| *column < GRID)?;
        self.template
            .cell_valid(row * GRID + column)
            .then_some((row, column))
    }
}

/// Decides each bit by majority; of two votes that differ, the reference's counts.
fn majority(placed: &[Placed<'_>; SAMPLES], reference: usize) -> Template {
    let mut fused = Template::empty();
    for cell in 0..CELLS {
        let (row, column) = (cell / GRID, cell % GRID);
        let sources = placed.each_ref().map(|placed| placed.source(row, column));
        fused.set_cell_valid(cell, sources.iter().flatten().count() >= 2);
        for phase in 0..PHASES {
            for orientation in 0..ORIENTATIONS {
                let vote = |sample: usize| {
                    let (row, column) = sources[sample]?;
                    let index = code_index(phase, row, column, orientation);
                    Some(if placed[sample].template.code_bit(index) {
                        1
                    } else {
                        -1
                    })
                };
                let sum: i32 = (0..SAMPLES).filter_map(vote).sum();
                let bit = if sum == 0 {
                    vote(reference) == Some(1)
                } else {
                    sum > 0
                };
                fused.set_code_bit(code_index(phase, row, column, orientation), bit);
            }
        }
    }
    fused
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::tests::{encodings, noise};
    use crate::quality::{Measures, Quality};

    #[test]
    fn three_equal_samples_fuse_to_themselves() {
        let sample = sample(encodings(1));

        let fused = fuse(&[sample.clone(), sample.clone(), sample.clone()]).unwrap();

        let bytes = fused.template().expose_bytes();
        let wanted = sample.encodings.0[0].expose_bytes();
        assert_eq!(bytes[1_600..], wanted[1_600..]);
        assert_eq!(distance(fused.template(), &sample.encodings).value, 0.0);
    }

    #[test]
    fn two_good_votes_outweigh_a_bad_one() {
        let good = encodings(2);
        let mut noisy = good.clone();
        for bit in (0..12_800).step_by(7) {
            noisy.0[0].set_code_bit(bit, !good.0[0].code_bit(bit));
        }

        let fused = fuse(&[sample(noisy), sample(good.clone()), sample(good.clone())]).unwrap();

        assert_eq!(distance(fused.template(), &good).value, 0.0);
    }

    #[test]
    fn a_blurred_sample_is_refused() {
        let mut samples = [0; 3].map(|_| sample(encodings(3)));
        samples[1].quality.sharpness = 0.0;

        assert_eq!(
            fuse(&samples),
            Err(EnrolRefusal::LowQuality {
                sample: 1,
                score: 75
            })
        );
    }

    #[test]
    fn a_sample_of_another_palm_is_refused() {
        let samples = [
            sample(encodings(4)),
            sample(encodings(40)),
            sample(encodings(4)),
        ];

        let refusal = fuse(&samples).unwrap_err();

        let EnrolRefusal::NotOnePalm {
            sample: 1,
            distance_permille,
        } = refusal
        else {
            panic!("{refusal:?}");
        };
        assert!(
            (450..500).contains(&distance_permille),
            "{distance_permille}"
        );
    }

    #[test]
    fn samples_that_share_too_few_cells_are_refused() {
        let mut thin = encodings(5);
        for template in &mut thin.0 {
            (0..CELLS).for_each(|cell| template.set_cell_valid(cell, cell < 1_199));
        }
        let samples = [0; 3].map(|_| sample(thin.clone()));

        assert_eq!(
            fuse(&samples),
            Err(EnrolRefusal::FewValidCells { valid_cells: 1_199 })
        );
    }

    #[test]
    fn turns_add_up_within_the_range() {
        let at = |rotation| Alignment {
            rotation,
            dy: 1,
            dx: -1,
        };

        assert_eq!(turned(at(0), 2), at(2));
        assert_eq!(turned(at(1), 2), at(0));
        assert_eq!(turned(at(2), 1), at(0));
        assert_eq!(turned(at(1), 1), at(1));
    }

    #[test]
    fn a_moved_sample_is_moved_back() {
        let still = sample(encodings(6));
        let moved = Encodings([shift_right(&still.encodings.0[0]), noise(90), noise(91)]);

        let fused = fuse(&[still.clone(), sample(moved), still.clone()]).unwrap();

        assert_eq!(distance(fused.template(), &still.encodings).value, 0.0);
        assert!(
            (0..CELLS)
                .filter(|cell| fused.template().cell_valid(*cell))
                .count()
                > 1_300
        );
    }

    fn shift_right(template: &Template) -> Template {
        let mut out = Template::empty();
        for cell in (0..CELLS).filter(|cell| cell % GRID > 0) {
            out.set_cell_valid(cell, template.cell_valid(cell - 1));
            for phase in 0..PHASES {
                for orientation in 0..ORIENTATIONS {
                    let to = code_index(phase, cell / GRID, cell % GRID, orientation);
                    out.set_code_bit(to, template.code_bit(to - ORIENTATIONS));
                }
            }
        }
        out
    }

    fn sample(encodings: Encodings) -> Extraction {
        let measures = Measures {
            radius_px: 100.0,
            base_px: 114.0,
            turn_degrees: 0.0,
            disagree_degrees: 0.0,
            scale: 1.0,
            edge_px: 2.0,
            median: 160.0,
            noise: 0.01,
            light: 0.8,
            band: 0.02,
            valid: 1.0,
            cells_least: 1_440,
        };
        let quality = Quality {
            contrast: 1.0,
            sharpness: 1.0,
            position: 1.0,
            completeness: 1.0,
        };
        Extraction {
            encodings,
            quality,
            valid_cells: 1_440,
            measures,
        }
    }
}

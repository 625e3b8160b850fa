//! A probe: the best of a few captures of one palm, taken when a customer pays.

use thiserror::Error;

use crate::extract::{ExtractError, Extraction, extract};
use crate::image::Image;
use crate::quality::ACCEPT;

/// Why captures give no probe.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProbeRefusal {
    /// No capture was given.
    #[error("no capture was given")]
    NoCapture,
    /// No palm could be taken from any capture; the reason is that of the last.
    #[error("no capture shows a palm")]
    NoPalm(#[source] ExtractError),
    /// The best capture is not good enough.
    #[error("best capture scores {score}, needed are {ACCEPT}")]
    LowQuality {
        /// Its score.
        score: u8,
    },
}

/// Returns the extraction with the highest score; of equal ones, the earliest.
///
/// # Errors
/// Refuses captures none of which shows an acceptable palm.
pub fn probe(captures: &[Image]) -> Result<Extraction, ProbeRefusal> {
    let mut best: Option<Extraction> = None;
    let mut refusal = ProbeRefusal::NoCapture;
    for capture in captures {
        match extract(capture) {
            Ok(extraction) => {
                let score = extraction.quality.score();
                if best
                    .as_ref()
                    .is_none_or(|best| score > best.quality.score())
                {
                    best = Some(extraction);
                }
            }
            Err(error) => refusal = ProbeRefusal::NoPalm(error),
        }
    }
    let best = best.ok_or(refusal)?;
    match best.quality.acceptable() {
        true => Ok(best),
        false => Err(ProbeRefusal::LowQuality {
            score: best.quality.score(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_capture_gives_no_probe() {
        assert_eq!(probe(&[]), Err(ProbeRefusal::NoCapture));
    }

    #[test]
    fn black_captures_give_no_probe() {
        let black = Image::new(200, 200, vec![0; 40_000]).unwrap();

        let refusal = ProbeRefusal::NoPalm(ExtractError::NoHand);
        assert_eq!(probe(&[black.clone(), black]), Err(refusal));
    }
}

//! The match rule, and the proof obligation that its arithmetic cannot overflow [MPC-20].

use boop_wire::template::{CELLS, CODE_BITS, THRESHOLD};

/// The scale of a dot product against the threshold.
pub(crate) const SCALE: u32 = 65_536;

/// A threshold at which `65536 * dot > threshold * valid` is decided without overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    threshold: u32,
}

/// Why a rule is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The threshold stands for a negative distance.
    #[error("threshold {threshold} exceeds the scale")]
    ThresholdAboveScale {
        /// The threshold given.
        threshold: u32,
    },
    /// Some pair of templates would leave the 32-bit range, and its sign would be wrong.
    #[error("a code of {code_bits} bits overflows at threshold {threshold}")]
    Overflow {
        /// Code bits of a template.
        code_bits: usize,
        /// The threshold given.
        threshold: u32,
    },
}

impl Rule {
    /// The rule that palms are matched by.
    pub const PALM: Self = Self {
        threshold: THRESHOLD,
    };

    /// Builds the rule for palm templates at another threshold.
    ///
    /// # Errors
    /// Returns a [`RuleError`] when the rule could give a wrong sign.
    pub const fn new(threshold: u32) -> Result<Self, RuleError> {
        Self::for_code(CODE_BITS, threshold)
    }

    /// Checks `code_bits * (65536 + threshold) + 1 <= 2^31` [MPC-20].
    ///
    /// # Errors
    /// Returns a [`RuleError`] when the rule could give a wrong sign.
    pub const fn for_code(code_bits: usize, threshold: u32) -> Result<Self, RuleError> {
        if threshold > SCALE {
            return Err(RuleError::ThresholdAboveScale { threshold });
        }
        let weight = (SCALE + threshold) as u128;
        if code_bits as u128 * weight + 1 > 1 << 31 {
            return Err(RuleError::Overflow {
                code_bits,
                threshold,
            });
        }
        Ok(Self { threshold })
    }

    /// Returns the factor of `valid` in the rule.
    pub const fn threshold(self) -> u32 {
        self.threshold
    }

    /// Returns what one valid cell, eight code bits, takes off a score, modulo 2^32.
    pub(crate) const fn cell_penalty(self) -> u32 {
        0_u32.wrapping_sub(BITS_OF_CELL * self.threshold)
    }
}

/// Code bits that the validity of one cell covers.
const BITS_OF_CELL: u32 = 8;
const _: () = assert!(CODE_BITS == 8 * CELLS, "every cell covers eight code bits");
const _: () = assert!(
    Rule::new(THRESHOLD).is_ok(),
    "the published rule cannot overflow"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_could_overflow_is_refused() {
        assert_eq!(
            Rule::for_code(16_384, SCALE),
            Err(RuleError::Overflow {
                code_bits: 16_384,
                threshold: SCALE
            })
        );
        assert_eq!(
            Rule::for_code(usize::MAX, 0),
            Err(RuleError::Overflow {
                code_bits: usize::MAX,
                threshold: 0
            })
        );
        assert_eq!(Rule::for_code(16_383, SCALE), Ok(Rule { threshold: SCALE }));
    }

    #[test]
    fn a_threshold_above_the_scale_is_refused() {
        let threshold = SCALE + 1;

        assert_eq!(
            Rule::new(threshold),
            Err(RuleError::ThresholdAboveScale { threshold })
        );
    }

    #[test]
    fn the_largest_scores_of_every_threshold_keep_their_sign() {
        let length = i64::try_from(CODE_BITS).unwrap();
        for threshold in [0, 1, 16_384, THRESHOLD, 20_316, 32_768, SCALE] {
            assert!(Rule::new(threshold).is_ok());
            for dot in [-length, -1, 0, 1, length] {
                let score = i64::from(SCALE) * dot - i64::from(threshold) * length - 1;

                assert!(
                    i32::try_from(score).is_ok(),
                    "threshold {threshold}, dot {dot}"
                );
            }
        }
    }
}

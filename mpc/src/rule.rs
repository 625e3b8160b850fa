//! The match rule, and the proof obligation that its arithmetic cannot overflow [MPC-20].

use boop_wire::template::{CELLS, CODE_BITS, THRESHOLD};

/// The scale of a dot product against the threshold.
pub(crate) const SCALE: u32 = 65_536;

/// A threshold at which palms are compared without overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    threshold: u32,
    profile: Profile,
}

/// How exactly a rule weighs the valid cells of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// `65536 * dot > threshold * valid`, in scores of 32 bits [MPC-20].
    Exact,
    /// `dot > sum of weights of the cells valid in both`, in scores of 16 bits [MPC-24]: half the
    /// bytes and rounds, and another decision on some pairs next to the cut.
    Sixteen,
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
    /// Some pair of templates would leave the range of scores, and its sign would be wrong.
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
        profile: Profile::Exact,
    };

    /// Builds the exact rule for palm templates at another threshold.
    ///
    /// # Errors
    /// Returns a [`RuleError`] when the rule could give a wrong sign.
    pub const fn new(threshold: u32) -> Result<Self, RuleError> {
        Self::for_code(CODE_BITS, threshold)
    }

    /// Builds the rule of a profile for palm templates.
    ///
    /// # Errors
    /// Returns a [`RuleError`] when the rule could give a wrong sign.
    pub const fn of_profile(profile: Profile, threshold: u32) -> Result<Self, RuleError> {
        Self::checked(CODE_BITS, profile, threshold)
    }

    /// Checks `code_bits * (65536 + threshold) + 1 <= 2^31` [MPC-20].
    ///
    /// # Errors
    /// Returns a [`RuleError`] when the rule could give a wrong sign.
    pub const fn for_code(code_bits: usize, threshold: u32) -> Result<Self, RuleError> {
        Self::checked(code_bits, Profile::Exact, threshold)
    }

    /// Checks that no score of a profile leaves its range [MPC-20], [MPC-24].
    const fn checked(
        code_bits: usize,
        profile: Profile,
        threshold: u32,
    ) -> Result<Self, RuleError> {
        if threshold > SCALE {
            return Err(RuleError::ThresholdAboveScale { threshold });
        }
        let code = code_bits as u128;
        // The least score, negative, and where scores of a profile end.
        let (most, range) = match profile {
            Profile::Exact => (code * (SCALE + threshold) as u128 + 1, 1 << 31),
            Profile::Sixteen => (code + weight_of_all(code, threshold) + 1, 1 << 15),
        };
        if most > range {
            return Err(RuleError::Overflow {
                code_bits,
                threshold,
            });
        }
        Ok(Self { threshold, profile })
    }

    /// Returns the factor of `valid` in the exact rule.
    pub const fn threshold(self) -> u32 {
        self.threshold
    }

    /// Returns how exactly valid cells are weighed.
    pub const fn profile(self) -> Profile {
        self.profile
    }

    /// Returns what a cell of the stored template that is valid in both templates takes off a
    /// dot product, in [`Profile::Sixteen`]: whole numbers, spread evenly, that add up to the
    /// threshold's share of all code bits, rounded [MPC-24].
    pub fn cell_weight(self, cell: usize) -> u32 {
        let all = weight_of_all(CODE_BITS as u128, self.threshold);
        let before = |cell: usize| all * cell as u128 / CELLS as u128;
        u32::try_from(before(cell + 1) - before(cell)).unwrap_or(u32::MAX)
    }

    /// Returns what a cell that is valid in both templates takes off a score, modulo 2^32.
    pub(crate) fn cell_penalty(self, cell: usize) -> u32 {
        match self.profile {
            Profile::Exact => 0_u32.wrapping_sub(BITS_OF_CELL * self.threshold),
            Profile::Sixteen => 0_u32.wrapping_sub(self.cell_weight(cell) * SCALE),
        }
    }
}

impl Profile {
    /// Returns how many bits of a score, the upper ones of 32, are not always 0. The same bits of
    /// each party's summand of it are.
    pub(crate) const fn score_bits(self) -> usize {
        match self {
            Self::Exact => 32,
            Self::Sixteen => 16,
        }
    }

    /// Returns the least difference between two scores.
    pub(crate) const fn unit(self) -> u32 {
        1 << (32 - self.score_bits())
    }
}

/// Returns `code_bits * threshold / 65536`, rounded.
const fn weight_of_all(code_bits: u128, threshold: u32) -> u128 {
    (code_bits * threshold as u128 + SCALE as u128 / 2) / SCALE as u128
}

/// Code bits that the validity of one cell covers.
const BITS_OF_CELL: u32 = 8;
const _: () = assert!(CODE_BITS == 8 * CELLS, "every cell covers eight code bits");
const _: () = assert!(
    Rule::new(THRESHOLD).is_ok() && Rule::of_profile(Profile::Sixteen, THRESHOLD).is_ok(),
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
        assert_eq!(
            Rule::for_code(16_383, SCALE),
            Ok(Rule {
                threshold: SCALE,
                profile: Profile::Exact
            })
        );
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

    #[test]
    fn a_rule_that_could_overflow_sixteen_bits_is_refused() {
        let refused = |code_bits, threshold| {
            Err(RuleError::Overflow {
                code_bits,
                threshold,
            })
        };
        let rule = |code_bits, threshold| Rule::checked(code_bits, Profile::Sixteen, threshold);

        assert_eq!(rule(16_384, SCALE), refused(16_384, SCALE));
        assert_eq!(rule(32_768, 0), refused(32_768, 0));
        assert_eq!(rule(usize::MAX, 1), refused(usize::MAX, 1));
        assert!(rule(16_383, SCALE).is_ok() && rule(32_767, 0).is_ok());
        assert_eq!(
            Rule::of_profile(Profile::Sixteen, SCALE + 1),
            Err(RuleError::ThresholdAboveScale {
                threshold: SCALE + 1
            })
        );
    }

    #[test]
    fn weights_of_cells_are_spread_evenly_and_add_up_to_the_rounded_share() {
        for threshold in [0, 1, 8_192, 16_384, THRESHOLD, 20_316, 32_768, SCALE] {
            let rule = Rule::of_profile(Profile::Sixteen, threshold).unwrap();
            let share = 12_800.0 * f64::from(threshold) / 65_536.0;
            let mut sum = 0;
            for cell in 0..CELLS {
                sum += rule.cell_weight(cell);
                let even = share * (cell + 1) as f64 / CELLS as f64;
                assert!((f64::from(sum) - even).abs() <= 1.5, "{threshold}, {cell}");
            }
            assert_eq!(f64::from(sum), share.round(), "threshold {threshold}");
        }
        let palm = Rule::of_profile(Profile::Sixteen, THRESHOLD).unwrap();
        let first: [u32; 10] = core::array::from_fn(|cell| palm.cell_weight(cell));
        assert_eq!(first, [2, 2, 3, 2, 3, 2, 2, 3, 2, 3]);
    }
}

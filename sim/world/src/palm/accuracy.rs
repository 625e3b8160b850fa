//! How well palms are told apart: captures of many palms, each compared with the others.
//!
//! [`Population`] draws or reads captures and takes the palms from them; [`Figures`] compares
//! all with all and keeps the scores; [`Report`] turns them into error rates with intervals, to
//! be read by people, by programs, and as pictures.
//!
//! A comparison is kept as the highest threshold numerator at which the rule of the parties,
//! `65536 * dot > A * valid`, still matches. Nothing is rounded: every decision at every
//! threshold can be counted from the scores.

mod chart;
mod compare;
mod pictures;
mod population;
mod rates;
mod report;
mod scores;
mod text;

pub use compare::{Alignments, Figures, Kind};
pub use pictures::pictures;
pub use population::{Population, Sampled};
pub use rates::Rate;
pub use report::{Report, Results, Row};
pub use scores::{Pair, Scores, distance_of, threshold_of};

/// What must be said beside any figure of synthetic palms.
pub const LIMITS: [&str; 4] = [
    "Synthetic palms: one device model, one kind of visit, no ageing, no twins, no cold hands \
     beyond noise of the contrast, tone of the skin within 8 %.",
    "Thresholds must be fitted again on captures of real palms before anything is claimed about \
     security; codes of real palms may have fewer degrees of freedom.",
    "Comparisons that share a palm depend on each other. Intervals take them as independent and \
     are too narrow for that.",
    "No error in n independent trials bounds the rate by 3/n at 95 %; an estimate within 30 % of \
     the rate needs 30 errors.",
];

//! Area `matching`: three parties find what the plain rule finds, learn nothing else, and notice
//! one that deviates. Every run is made from a seed, so it can be repeated.

mod audit;
mod deviation;
mod exact;
mod judge;
mod leakage;
mod named;
mod palms;
mod record;
mod scene;
mod streams;
mod timing;
mod valid;
mod world;

use crate::claim::Try;

/// All of them.
pub(crate) const CLAIMS: &[(&str, Try)] = &[
    ("exact", exact::claim),
    ("valid", valid::claim),
    ("deviation", deviation::claim),
    ("named", named::claim),
    ("audit", audit::claim),
    ("leakage", leakage::claim),
    ("streams", streams::claim),
    ("timing", timing::claim),
];

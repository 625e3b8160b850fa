//! Results: the JSON verdict, the status of an attestation result for each kind of verdict, and
//! what a signed result refuses.

mod ear;
mod json;
mod samples;
mod token;

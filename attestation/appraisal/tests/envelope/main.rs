//! Envelopes: every form gives back the evidence and certificates that went in, and each refusal
//! names what was found.

mod forms;
mod samples;
mod tsm;
mod vectors;
mod wrapper;

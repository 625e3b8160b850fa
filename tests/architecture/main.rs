//! The shape of the house as tests: who may depend on whom, how long a file may be, where
//! unsafe code may stand, and what the measured binary links.
//!
//! Each rule is a test whose failure names every offender. DESIGN and STYLE are the prose;
//! ARCHITECTURE.md at the root is the map.

mod documents;
mod files;
mod functions;
mod layers;
mod licences;
mod lock;
mod manifests;
mod sources;
mod tcb;

//! The client of the key server and the cache, against a server of our own on the loopback.
//!
//! With the shared vectors, the server holds the genuine certificates and every genuine report
//! finds its own; without them that part says so and passes, unless `CI` is set.

mod cache;
#[path = "../support/kds.rs"]
mod fake;
mod server;
mod support;
#[path = "../support/vectors.rs"]
mod vectors;
mod wanted;

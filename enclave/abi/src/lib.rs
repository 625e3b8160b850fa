//! Frames that cross the enclave's edge, and nothing else.
//!
//! An enclave has one connection: to its host. On it travel length-prefixed frames
//! ([`boop_wire::frame`]), canonical CBOR, each a [`FromHost`] or a [`ToHost`]. The host may open
//! numbered byte streams, answer for blobs, hand over the manifest, and ask for a drain. It can
//! name no file, set no log level and choose no attested field.
//!
//! ```text
//!  host                                             enclave
//!   |  Manifest  ---------------------------------->  |  checks approvals
//!   |  <-------------------------------- Evidence     |  made at boot, renewed
//!   |  <-------------------------- OpenStream(1, Custodian)
//!   |  StreamData(1) <----------------------------->  |  key release
//!   |  <----------------------------- BlobGet / Blob  |  sealed store
//!   |  StreamOpened(2, Gateway) ------------------->  |  TLS inside the stream
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
mod frames;
mod phase;

pub use frames::{
    BLOB_BYTES_MAX, Check, Event, FRAME_BYTES_MAX, FarEnd, FromHost, PIECE_BYTES_MAX, STREAMS_MAX,
    Slot, StreamId, ToHost,
};
pub use phase::{NoSuchStep, Phase};

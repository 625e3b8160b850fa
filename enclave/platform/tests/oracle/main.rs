//! Our driver of `/dev/sev-guest` beside the guest API of crate `sev`: both ask the same kernel,
//! which this program plays, and must ask for and understand the same.
//!
//! The crate opens the device by its fixed name and calls the C library's `ioctl`. This program
//! defines both functions itself, so that they end here; what else opens a file is passed on.

mod kernel;
mod sev_guest;

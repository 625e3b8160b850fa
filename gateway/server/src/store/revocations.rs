//! What was taken away: vendors, scanners, keys and tokens.

use std::future::Future;

use boop_wire::Digest;
use boop_wire::id::{ScannerId, VendorId};

use super::StoreError;

/// Something that was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// A vendor, with its scanners.
    Vendor(VendorId),
    /// A vendor's key; it has another.
    Key(VendorId),
    /// A vendor's access tokens.
    Tokens(VendorId),
    /// A scanner.
    Scanner(ScannerId),
}

/// Taking away, and what was taken away.
pub trait RevocationStore: Send + Sync {
    /// Removes a vendor with its scanners, keys and tokens; false if there is none.
    fn remove_vendor(
        &self,
        vendor: &VendorId,
        at_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a scanner, whose terminal is free then; false if there is none.
    fn remove_scanner(
        &self,
        scanner: &ScannerId,
        at_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Gives a vendor another key; false if there is no such vendor.
    fn replace_key(
        &self,
        vendor: &VendorId,
        key: &Digest,
        at_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Ends every access token of a vendor; returns how many.
    fn revoke_tokens(
        &self,
        vendor: &VendorId,
        at_ms: u64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Returns what was taken away since then, each with its number.
    fn revocations_since(
        &self,
        since_ms: u64,
    ) -> impl Future<Output = Result<Vec<(i64, Revoked)>, StoreError>> + Send;

    /// Forgets what was taken away before.
    fn forget_revocations(
        &self,
        before_ms: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

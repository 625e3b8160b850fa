//! The one clock of the measured binary.

use std::time::{SystemTime, UNIX_EPOCH};

/// The guest's clock. The host sets it, so it decides freshness and never order.
#[expect(
    clippy::disallowed_methods,
    reason = "the one clock of the measured binary"
)]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

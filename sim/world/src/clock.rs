//! The wall clock of the launcher and its actors.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the Unix time in milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock of a developer's machine"
)]
pub fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

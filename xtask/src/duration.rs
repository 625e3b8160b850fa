//! Durations as a person reads them.

use std::time::Duration;

/// Writes `8s`, `1m05s`.
pub(crate) fn text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        return format!("{seconds}s");
    }
    format!("{}m{:02}s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_given_in_minutes_and_seconds() {
        let texts = [0, 59, 60, 3_725].map(|seconds| text(Duration::from_secs(seconds)));

        assert_eq!(texts, ["0s", "59s", "1m00s", "62m05s"]);
    }
}

//! Words for bytes: short forms for the details of steps.

use alloc::{format, string::String};
use core::{fmt::Write, time::Duration};

use der::DateTime;

use crate::evidence::UnixTime;

/// Writes the day of a moment, such as 2025-02-03.
pub(crate) fn date(time: UnixTime) -> String {
    match DateTime::from_unix_duration(Duration::from_secs(time.0)) {
        Ok(date) => format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
        Err(_) => format!("{} s after 1970", time.0),
    }
}

/// Writes a moment, such as 2025-02-03T00:00:00Z.
pub(crate) fn moment(time: UnixTime) -> String {
    match DateTime::from_unix_duration(Duration::from_secs(time.0)) {
        Ok(moment) => format!("{moment}"),
        Err(_) => format!("{} s after 1970", time.0),
    }
}

/// Writes bytes as hexadecimal digits, the middle left out when there are more than twelve.
pub(crate) fn hex_short(bytes: &[u8]) -> String {
    match bytes {
        [head @ .., _, _, _, _] if bytes.len() > 12 => {
            let tail = &bytes[bytes.len() - 4..];
            format!("{}..{}", hex(&head[..6.min(head.len())]), hex(tail))
        }
        _ => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_become_days() {
        assert_eq!(date(UnixTime(1_738_540_800)), "2025-02-03");
        assert_eq!(moment(UnixTime(1_738_540_801)), "2025-02-03T00:00:01Z");
        assert_eq!(
            date(UnixTime(u64::MAX)),
            "18446744073709551615 s after 1970"
        );
    }

    #[test]
    fn long_bytes_are_cut_in_the_middle() {
        assert_eq!(hex_short(&[]), "");
        assert_eq!(hex_short(&[1, 0xab]), "01ab");
        assert_eq!(hex_short(&[7; 13]), "070707070707..07070707");
    }
}

//! Small texts: base64url without padding, hexadecimal of hashes, fresh ids and tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boop_wire::codec::plain_digest;
use boop_wire::{Digest, Refusal};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Returns base64url without padding.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Returns a time as RFC 3339 in UTC, with milliseconds.
pub(crate) fn rfc3339(unix_ms: u64) -> String {
    let nanoseconds = i128::from(unix_ms).saturating_mul(1_000_000);
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{unix_ms} ms after 1970"))
}

/// Returns fresh random bytes.
///
/// # Errors
/// [`Refusal::Internal`] if the system gives none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    boop_platform::random(&mut bytes).map_err(|_| Refusal::Internal)?;
    Ok(bytes)
}

/// Compares the SHA-256 of a secret with the one that is known, in constant time.
pub(crate) fn is_secret(presented: &str, known: &Digest) -> bool {
    let digest = plain_digest(presented.as_bytes());
    digest.as_bytes()[..].ct_eq(&known.as_bytes()[..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_has_no_padding_and_reads_back() {
        assert_eq!(base64url(&[0xff, 0xfe]), "__4");
        assert_eq!(from_base64url("__4"), Some(vec![0xff, 0xfe]));
        assert_eq!(from_base64url("__4="), None);
    }

    #[test]
    fn a_time_is_written_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_478_400_250), "2026-11-24T00:00:00.25Z");
        assert!(rfc3339(u64::MAX).ends_with("ms after 1970"));
    }

    #[test]
    fn a_secret_is_known_by_its_hash() {
        let known = plain_digest(b"secret");

        assert!(is_secret("secret", &known));
        assert!(!is_secret("Secret", &known));
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random::<16>(), random::<16>());
    }
}

//! Small texts: base64url without padding, hexadecimal of hashes, fresh ids and tokens.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
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

/// Base64 as the published API has it, with padding or without.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads base64 (RFC 4648 section 4), with padding or without.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Tells whether a text is a time (RFC 3339).
pub(crate) fn is_rfc3339(text: &str) -> bool {
    OffsetDateTime::parse(text, &Rfc3339).is_ok()
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

/// Returns the SHA-256 by which a key is known. The published pages write keys of test networks in
/// two ways, `sk_test_` and `sk_dev_`: both are the same key.
pub(crate) fn key_digest(key: &str) -> Digest {
    let written = key
        .get(..2)
        .zip(key.get(2..).and_then(|rest| rest.strip_prefix("_dev_")));
    match written {
        Some((kind @ ("sk" | "pk"), secret)) => {
            plain_digest(format!("{kind}_test_{secret}").as_bytes())
        }
        _ => plain_digest(key.as_bytes()),
    }
}

/// Tells whether a key says that it is of another kind of network.
pub(crate) fn is_foreign_key(key: &str, simulated: bool) -> bool {
    let kind = key.split('_').nth(1);
    match kind {
        Some("live") => simulated,
        Some("test" | "dev") => !simulated,
        _ => false,
    }
}

/// Compares the SHA-256 of a secret with the one that is known, in constant time.
pub(crate) fn is_secret(presented: &str, known: &Digest) -> bool {
    same(&plain_digest(presented.as_bytes()), known)
}

/// Compares [`key_digest`] of a key with the one that is known, in constant time.
pub(crate) fn is_key(presented: &str, known: &Digest) -> bool {
    same(&key_digest(presented), known)
}

fn same(one: &Digest, other: &Digest) -> bool {
    one.as_bytes()[..].ct_eq(&other.as_bytes()[..]).into()
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
    fn base64_reads_with_padding_and_without() {
        assert_eq!(from_base64("//4="), Some(vec![0xff, 0xfe]));
        assert_eq!(from_base64("//4"), Some(vec![0xff, 0xfe]));
        assert_eq!(from_base64("__4"), None);
    }

    #[test]
    fn a_time_is_read_with_its_zone_alone() {
        assert!(is_rfc3339("2026-11-24T00:00:00+01:00"));
        assert!(!is_rfc3339("2026-11-24T00:00:00"));
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
    fn row_33_both_prefixes_of_test_keys_are_of_test_networks_alone() {
        assert_eq!(key_digest("sk_dev_abc"), plain_digest(b"sk_test_abc"));
        assert_eq!(key_digest("pk_dev_abc"), plain_digest(b"pk_test_abc"));
        for own in ["sk_test_abc", "sk_live_abc", "é_dev_abc", "xk_dev_abc", ""] {
            assert_eq!(key_digest(own), plain_digest(own.as_bytes()));
        }
        for (key, simulated, live) in [
            ("sk_test_a", false, true),
            ("sk_dev_a", false, true),
            ("sk_live_a", true, false),
            ("anything", false, false),
        ] {
            let found = (is_foreign_key(key, true), is_foreign_key(key, false));
            assert_eq!(found, (simulated, live), "{key}");
        }
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random::<16>(), random::<16>());
    }
}

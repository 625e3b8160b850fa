//! Keys that were good a moment ago, so that not every request asks the database: a key that is
//! taken away is good for half a second more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use boop_wire::Digest;

use crate::app::App;
use crate::store::{DirectoryStore as _, StoreError, Vendor};

/// How long a key is good without asking, in milliseconds.
const GOOD_MS: u64 = 500;
/// Most keys that are known at a time.
const KEYS_MAX: usize = 10_000;

/// Vendors by SHA-256 of their keys, each with the time when the database said so.
#[derive(Debug, Default)]
pub struct KnownKeys(Mutex<HashMap<Digest, (Vendor, u64)>>);

impl KnownKeys {
    fn get(&self, key: &Digest, now_ms: u64) -> Option<Vendor> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (vendor, since_ms) = known.get(key)?;
        is_good(*since_ms, now_ms).then(|| vendor.clone())
    }

    /// Forgets all: something was taken away.
    pub(crate) fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn put(&self, key: Digest, vendor: Vendor, now_ms: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEYS_MAX {
            known.retain(|_, (_, since_ms)| is_good(*since_ms, now_ms));
        }
        if known.len() < KEYS_MAX {
            known.insert(key, (vendor, now_ms));
        }
    }
}

/// Tells whether a time is a moment ago, and not ahead: clocks are put back.
const fn is_good(since_ms: u64, now_ms: u64) -> bool {
    matches!(now_ms.checked_sub(since_ms), Some(age_ms) if age_ms < GOOD_MS)
}

impl App {
    /// Finds the vendor whose key has this SHA-256, as it was at most half a second ago.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(crate) async fn vendor_of_key(&self, key: &Digest) -> Result<Option<Vendor>, StoreError> {
        let now_ms = self.now();
        if let Some(vendor) = self.known.get(key, now_ms) {
            return Ok(Some(vendor));
        }
        let found = self.store.vendor_of_key(key).await?;
        if let Some(vendor) = &found {
            self.known.put(*key, vendor.clone(), now_ms);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor(number: u32) -> Vendor {
        Vendor {
            id: format!("ven_{number}").parse().unwrap(),
            ..crate::fixture::vendor()
        }
    }

    fn key(number: u32) -> Digest {
        boop_wire::codec::plain_digest(&number.to_be_bytes())
    }

    #[test]
    fn a_key_is_known_for_half_a_second_and_not_before_its_time() {
        let known = KnownKeys::default();
        known.put(key(1), vendor(1), 1_000);

        assert_eq!(known.get(&key(1), 1_499), Some(vendor(1)));
        assert_eq!(known.get(&key(1), 1_500), None);
        assert_eq!(known.get(&key(1), 999), None);
        assert_eq!(known.get(&key(2), 1_000), None);
    }

    #[test]
    fn too_many_keys_leave_no_place_until_some_are_old() {
        let known = KnownKeys::default();
        for number in 0..=u32::try_from(KEYS_MAX).unwrap() {
            known.put(key(number), vendor(number), 1_000);
        }
        let last = u32::try_from(KEYS_MAX).unwrap();

        assert_eq!(known.get(&key(last), 1_000), None);
        known.put(key(last), vendor(last), 1_500);
        assert_eq!(known.get(&key(last), 1_500), Some(vendor(last)));
    }
}

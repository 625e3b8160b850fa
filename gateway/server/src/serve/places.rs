//! Places for connections: so many in all, and so many from one address, so that nobody takes them
//! all by being slow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::admission::Asker;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    crowd: Arc<Crowd>,
}

#[derive(Debug)]
struct Crowd {
    of_one_max: usize,
    taken: Mutex<BTreeMap<Asker, usize>>,
}

/// A connection's place; it is free once this is dropped.
#[derive(Debug)]
pub struct Place {
    _of_all: OwnedSemaphorePermit,
    asker: Asker,
    crowd: Arc<Crowd>,
}

impl Places {
    pub(super) fn new(all_max: usize, of_one_max: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all_max)),
            crowd: Arc::new(Crowd {
                of_one_max,
                taken: Mutex::default(),
            }),
        }
    }

    /// Waits until there is a place for somebody.
    pub(super) async fn one(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Gives a place to an address, if it has not too many.
    pub(super) fn take(&self, place: OwnedSemaphorePermit, asker: Asker) -> Option<Place> {
        let mut taken = self.crowd.lock();
        let count = taken.entry(asker).or_default();
        if *count >= self.crowd.of_one_max {
            return None;
        }
        *count += 1;
        Some(Place {
            _of_all: place,
            asker,
            crowd: Arc::clone(&self.crowd),
        })
    }
}

impl Crowd {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Asker, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.crowd.lock();
        if let Some(count) = taken.get_mut(&self.asker) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.asker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn asker(last: u8) -> Asker {
        Asker::at(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))
    }

    #[tokio::test]
    async fn an_address_has_so_many_places_and_others_theirs() {
        let places = Places::new(8, 2);
        let mut held = Vec::new();
        for _ in 0..2 {
            let place = places.one().await.unwrap();
            held.push(places.take(place, asker(1)).unwrap());
        }

        let place = places.one().await.unwrap();
        assert!(places.take(place, asker(1)).is_none());
        let place = places.one().await.unwrap();
        let other = places.take(place, asker(2)).unwrap();

        drop(held.pop());
        let place = places.one().await.unwrap();
        assert!(places.take(place, asker(1)).is_some());
        drop((held, other));
        assert!(places.crowd.lock().is_empty());
        assert_eq!(places.all.available_permits(), 8);
    }
}

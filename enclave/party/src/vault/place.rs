//! Where the host keeps the blobs of an epoch: two epochs stand beside each other [REF-3].

use boop_abi::Slot;

use super::ESCROW_SLOT;

/// Where the host keeps a blob of an epoch: those of epoch 0 have their own numbers.
pub(crate) fn place(epoch: u32, slot: Slot) -> Slot {
    match slot {
        ESCROW_SLOT => Slot(u64::MAX - u64::from(epoch)),
        Slot(number) => Slot((u64::from(epoch) << EPOCH_SHIFT) | number),
    }
}

/// Returns the epoch and the blob of a place.
pub(crate) fn placed(place: Slot) -> (u32, Slot) {
    let epoch = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    match u64::MAX - place.0 {
        escrow if escrow <= u64::from(EPOCH_MAX) => (epoch(escrow), ESCROW_SLOT),
        _ => {
            let slot = Slot(place.0 & ((1 << EPOCH_SHIFT) - 1));
            (epoch(place.0 >> EPOCH_SHIFT), slot)
        }
    }
}

/// The newest epoch that there may be.
pub(crate) const EPOCH_MAX: u32 = u32::MAX >> 1;
/// Bits of a place below its epoch.
const EPOCH_SHIFT: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_blob_of_every_epoch_has_a_place_of_its_own() {
        let mut places = alloc::vec::Vec::new();
        for epoch in [0, 1, 7, EPOCH_MAX] {
            for slot in [Slot(0), Slot(1), Slot(u64::from(u32::MAX)), ESCROW_SLOT] {
                assert_eq!(placed(place(epoch, slot)), (epoch, slot));
                places.push(place(epoch, slot));
            }
        }
        places.sort_unstable();
        places.dedup();

        assert_eq!(places.len(), 16);
        assert_eq!(place(0, ESCROW_SLOT), ESCROW_SLOT);
        assert_eq!(place(0, Slot(9)), Slot(9));
    }
}

//! The choice of an implementation.

use alloc::vec::Vec;

use crate::dot::DotTable;
use crate::field::FieldTable;
use crate::slices::SliceTable;

/// One implementation of everything in this crate.
#[derive(Clone, Copy)]
pub struct Kernel {
    pub(crate) dot: &'static DotTable,
    pub(crate) slices: &'static SliceTable,
    pub(crate) field: &'static FieldTable,
}

impl Kernel {
    /// Returns the fastest implementation that this processor runs and that agrees with the
    /// portable one.
    pub fn best() -> Self {
        Self {
            dot: DotTable::best(),
            slices: SliceTable::best(),
            field: FieldTable::best(),
        }
    }

    /// Returns the implementation that every processor runs.
    pub fn portable() -> Self {
        Self {
            dot: &DotTable::PORTABLE,
            slices: &SliceTable::PORTABLE,
            field: &FieldTable::PORTABLE,
        }
    }

    /// Returns every implementation that this processor runs, the portable one first.
    pub fn all() -> Vec<Self> {
        let portable = Self::portable();
        let mut all = alloc::vec![portable];
        all.extend(DotTable::vectors().map(|dot| Self { dot, ..portable }));
        all.extend(SliceTable::vectors().map(|slices| Self { slices, ..portable }));
        all.extend(FieldTable::vectors().map(|field| Self { field, ..portable }));
        all
    }

    /// Returns the names of the parts chosen, for a log: dot products, bit slices, field.
    pub fn names(self) -> [&'static str; 3] {
        [self.dot.name, self.slices.name, self.field.name]
    }
}

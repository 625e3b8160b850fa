//! A set of pixels.

use crate::number::{narrow, whole};
use crate::plane::{Plane, Point};

/// Pixels that belong to a set, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mask {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) members: Vec<bool>,
}

impl Mask {
    /// Returns the empty set.
    pub(crate) fn empty(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            members: vec![false; width * height],
        }
    }

    /// Returns the pixels of `plane` that satisfy a condition.
    pub(crate) fn of(plane: &Plane, condition: impl Fn(f32) -> bool) -> Self {
        let members = plane.values.iter().map(|value| condition(*value)).collect();
        Self {
            width: plane.width,
            height: plane.height,
            members,
        }
    }

    /// Tells whether the pixel nearest to `point` belongs to the set.
    pub(crate) fn contains(&self, point: Point) -> bool {
        let (x, y) = (point.x + 0.5, point.y + 0.5);
        if x < 0.0 || y < 0.0 || x >= self.width as f64 || y >= self.height as f64 {
            return false;
        }
        let column = whole(narrow(x));
        let row = whole(narrow(y));
        self.members[row.min(self.height - 1) * self.width + column.min(self.width - 1)]
    }

    /// Returns the number of pixels in the set.
    pub(crate) fn count(&self) -> usize {
        self.members.iter().filter(|member| **member).count()
    }
}

#[cfg(test)]
pub(crate) fn drawn(rows: &[&str]) -> Mask {
    let members = rows
        .iter()
        .flat_map(|row| row.bytes().map(|byte| byte == b'#'))
        .collect();
    Mask {
        width: rows[0].len(),
        height: rows.len(),
        members,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership_goes_to_the_nearest_pixel() {
        let mask = drawn(&[".#", ".."]);

        assert!(mask.contains(Point { x: 0.6, y: -0.4 }));
        assert!(!mask.contains(Point { x: 0.4, y: 0.0 }));
        assert!(!mask.contains(Point { x: 1.6, y: 0.0 }));
        assert_eq!(mask.count(), 1);
    }
}

//! Shares as vectors over the Galois ring: multiplying by powers of w [MPC-21].

use zeroize::Zeroizing;

use crate::share::StoredShare;
use crate::values::{Element, Values};

/// Returns the share that has these values, as many as a template's.
pub(crate) fn share_of(values: &Values) -> StoredShare {
    let bytes = Zeroizing::new(values.to_bytes());
    StoredShare::from_bytes(&bytes).expect("the values are those of a template")
}

/// Multiplies every pair by a power of w.
pub(crate) fn turn(values: &mut Values, power: u8) {
    for _ in 0..power % 3 {
        by_w(&mut values.code);
        by_w(&mut values.cells);
    }
}

/// Turns every value into its negative.
pub(crate) fn negate(values: &mut Values) {
    values
        .code
        .iter_mut()
        .for_each(|value| *value = value.wrapping_neg());
    values
        .cells
        .iter_mut()
        .for_each(|value| *value = value.wrapping_neg());
}

/// `w (a + b w) = -b + (a - b) w`, because `w^2 = -1 - w`.
fn by_w<E: Element>(pairs: &mut [E]) {
    for [a, b] in pairs.as_chunks_mut().0 {
        (*a, *b) = (b.minus(*b).minus(*b), a.minus(*b));
    }
}

//! From replicated components to Shamir shares over the Galois ring Z/2^k[w]/(w^2+w+1), at the
//! three cube roots of unity w^0, w^1, w^2 [MPC-21].
//!
//! Party i adds `X_A (1 - w^(i-A))` over the two components it holds. For the component it holds
//! with the previous party, A = i+1 and the factor is 2 + w; for the one it holds with the next
//! party, A = i+2 and the factor is 1 - w. Multiplying `a + b w` by w gives `-b + (a - b) w`.

use crate::values::Element;

/// A pair (a, b) that stands for the ring element a + b w.
pub(crate) type Pair<E> = (E, E);

/// Returns a party's Shamir share of the pair with these components.
pub(crate) fn convert<E: Element>(with_next: Pair<E>, with_previous: Pair<E>) -> Pair<E> {
    let (a, b) = with_previous;
    let by_two_plus_w = (a.plus(a).minus(b), a.plus(b));
    let (a, b) = with_next;
    let by_one_minus_w = (a.plus(b), b.plus(b).minus(a));
    (
        by_two_plus_w.0.plus(by_one_minus_w.0),
        by_two_plus_w.1.plus(by_one_minus_w.1),
    )
}

/// Returns the query form of the share of the pair (a, b): multiplied value by value with the
/// stored form and added over the parties, it gives the dot product [MPC-22].
pub(crate) fn convert_query<E: Element>(with_next: Pair<E>, with_previous: Pair<E>) -> Pair<E> {
    let conjugate = |(a, b): Pair<E>| (a, b.minus(b).minus(b));
    let (a, b) = convert(conjugate(with_next), conjugate(with_previous));
    let b = b.times(E::THIRD);
    (a.times(E::THIRD), b.minus(b).minus(b))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::testing::seeded;

    #[test]
    fn any_two_shamir_shares_give_the_value() {
        let mut rng = seeded(1);
        for _ in 0..1_000 {
            let components = random_components(&mut rng);
            let secret = total(components);

            let [s0, s1, s2] = shares(components, convert);

            // The line through the points at 1, w and w^2 is x + rho e: two points at a time
            // give x (w^j - w^i) = s_i w^j - s_j w^i.
            assert_eq!(difference(by_w(s0), s1), times(secret, (u32::MAX, 1)));
            let w2 = |p| by_w(by_w(p));
            assert_eq!(
                difference(w2(s1), by_w(s2)),
                times(secret, difference(w2((1, 0)), (0, 1)))
            );
            assert_eq!(
                difference(w2(s0), s2),
                times(secret, difference(w2((1, 0)), (1, 0)))
            );
        }
    }

    #[test]
    fn stored_and_query_shares_multiply_to_the_dot_product() {
        let mut rng = seeded(2);
        for _ in 0..1_000 {
            let (x, y) = (random_components(&mut rng), random_components(&mut rng));

            let products = shares(x, convert).into_iter().zip(shares(y, convert_query));
            let sum = products.fold(0_u32, |sum, ((a, b), (c, d))| {
                sum.plus(a.times(c)).plus(b.times(d))
            });

            let ((x0, x1), (y0, y1)) = (total(x), total(y));
            assert_eq!(sum, x0.times(y0).plus(x1.times(y1)));
        }
    }

    #[test]
    fn the_third_is_the_inverse_of_three() {
        assert_eq!((u16::THIRD.times(3), u32::THIRD.times(3)), (1, 1));
    }

    fn random_components(rng: &mut ChaCha8Rng) -> [Pair<u32>; 3] {
        [(); 3].map(|()| (rng.next_u32(), rng.next_u32()))
    }

    fn total(components: [Pair<u32>; 3]) -> Pair<u32> {
        components
            .into_iter()
            .fold((0, 0), |(a, b), (c, d)| (a.plus(c), b.plus(d)))
    }

    fn shares(
        components: [Pair<u32>; 3],
        convert: fn(Pair<u32>, Pair<u32>) -> Pair<u32>,
    ) -> [Pair<u32>; 3] {
        [0, 1, 2].map(|i| convert(components[(i + 2) % 3], components[(i + 1) % 3]))
    }

    fn by_w((a, b): Pair<u32>) -> Pair<u32> {
        (0_u32.minus(b), a.minus(b))
    }

    fn times((a, b): Pair<u32>, y: Pair<u32>) -> Pair<u32> {
        let (c, d) = by_w(y);
        (a.times(y.0).plus(b.times(c)), a.times(y.1).plus(b.times(d)))
    }

    fn difference((a, b): Pair<u32>, (c, d): Pair<u32>) -> Pair<u32> {
        (a.minus(c), b.minus(d))
    }
}

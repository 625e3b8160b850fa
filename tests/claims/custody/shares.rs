//! Shares of a palm as the protocol's text has them: party i has `x + rho w^i`, where `x` and
//! `rho` are pairs of values `a + b w` and `w^2 + w + 1 = 0` [MPC-20], [MPC-21].

use boop_wire::template::{CELLS, CODE_BITS};

type Pair = (u32, u32);

/// A third, modulo 2^32 and so modulo 2^16.
const THIRD: u32 = 0xaaaa_aaab;

/// A palm and the randomness of its sharing, code values before cells.
pub(crate) struct Palm {
    values: Vec<Pair>,
    rho: Vec<Pair>,
}

impl Palm {
    /// Draws both: a palm whose cells are all valid, 1, and whose code values are 1 or -1.
    pub(crate) fn draw(random: &mut impl FnMut() -> u32) -> Self {
        let mut sign = || 1_u32.wrapping_sub(random() & 2);
        let mut values: Vec<Pair> = (0..CODE_BITS / 2).map(|_| (sign(), sign())).collect();
        values.resize((CODE_BITS + CELLS) / 2, (1, 1));
        let rho = values.iter().map(|_| (random(), random())).collect();
        Self { values, rho }
    }

    /// Returns the code values.
    pub(crate) fn code(&self) -> impl Iterator<Item = u16> {
        let pairs = self.values[..CODE_BITS / 2].iter();
        pairs.flat_map(|(a, b)| [low(*a), low(*b)])
    }

    /// Returns a party's share, as it is stored.
    pub(crate) fn share(&self, party: u8) -> Vec<u8> {
        let pairs = self.values.iter().zip(&self.rho);
        let pairs = pairs.map(|(value, rho)| plus(*value, turned(*rho, party)));
        let mut bytes = Vec::new();
        for (index, (a, b)) in pairs.enumerate() {
            if index < CODE_BITS / 2 {
                bytes.extend([low(a), low(b)].map(u16::to_le_bytes).as_flattened());
            } else {
                bytes.extend([a, b].map(u32::to_le_bytes).as_flattened());
            }
        }
        bytes
    }
}

/// Returns the code values that the stored shares of party `one` and of the one after it give.
pub(crate) fn reconstruct(one: u8, of_one: &[u8], of_next: &[u8]) -> Vec<u16> {
    // Turned back by w^i, the shares are those of parties 0 and 1 of a palm turned as well.
    let back = 3 - one;
    let pairs = code_of(of_one).zip(code_of(of_next));
    let values = pairs.map(|(first, second)| {
        let (first, second) = (turned(first, back), turned(second, back));
        // (w s_0 - s_1) / (w - 1), and 1 / (w - 1) = -(2 + w) / 3.
        let (c, d) = plus(turned(first, 1), minus(second));
        let product = (c.wrapping_mul(2).wrapping_sub(d), c.wrapping_add(d));
        let (a, b) = minus(product);
        turned((a.wrapping_mul(THIRD), b.wrapping_mul(THIRD)), one)
    });
    values.flat_map(|(a, b)| [low(a), low(b)]).collect()
}

fn code_of(share: &[u8]) -> impl Iterator<Item = Pair> {
    let pairs = share[..2 * CODE_BITS].as_chunks::<4>().0.iter();
    pairs.map(|[a, b, c, d]| {
        let [one, two] = [[*a, *b], [*c, *d]].map(u16::from_le_bytes);
        (one.into(), two.into())
    })
}

fn plus(one: Pair, two: Pair) -> Pair {
    (one.0.wrapping_add(two.0), one.1.wrapping_add(two.1))
}

fn minus(one: Pair) -> Pair {
    (one.0.wrapping_neg(), one.1.wrapping_neg())
}

/// `w (a + b w) = -b + (a - b) w`, so many times.
fn turned(pair: Pair, power: u8) -> Pair {
    (0..power % 3).fold(pair, |(a, b), _| (b.wrapping_neg(), a.wrapping_sub(b)))
}

fn low(value: u32) -> u16 {
    let [a, b, ..] = value.to_le_bytes();
    u16::from_le_bytes([a, b])
}

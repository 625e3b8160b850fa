//! Bit injection: from shared bits to shared ring elements, in two rounds [MPC-13].
//!
//! With x = x0 ^ x1 ^ x2, party 2 alone knows w = x0 ^ x1, and x = x2 + (1 - 2 x2) w. Party 2
//! splits w = c0 + c1 between parties 1 and 0, who know x2, so that each computes its summand
//! of x alone; the summands become components by one exchange of masked values. Every party
//! sends one ring element a bit.
//!
//! What a party sends here is a sum of two ring elements, each known to one of the others, whose
//! bits the others know in shares: the additions that [`Gates::note_addition`] notes.

use alloc::sync::Arc;
use alloc::vec;

use boop_kernel::Kernel;

use crate::bits::BitShare;
use crate::channel::Channel;
use crate::context::{Context, Held, Role};
use crate::error::MpcError;
use crate::gates::{Addition, Gates, Words};
use crate::step::Step;
use crate::values::{ReplicatedValues, Values};
use crate::wipe::Wiping;

/// Injects code bits modulo 2^16 and cell bits modulo 2^32.
pub(crate) async fn inject<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    kernel: Kernel,
    code: &BitShare,
    cells: &BitShare,
) -> Result<ReplicatedValues, MpcError> {
    let (next, previous) = (context.me().next(), context.me().previous());
    let shape = Shape::of(code, cells);
    match context.role() {
        Role::Zero => {
            let bits = Values::from_bits(&code.with_next, &cells.with_next);
            let mask = shape.draw(context, Held::WithPrevious);
            let dealt = context
                .receive(channel, previous, Step::Deal, shape.bytes())
                .await?;
            let dealt = shape.read(&dealt);
            let own = masked_summand(dealt.clone(), &bits, Some(&bits), &mask);
            context.send(channel, next, Step::Inject, &own.to_bytes());
            let other = context
                .receive(channel, next, Step::Inject, shape.bytes())
                .await?;
            let other = shape.read(&other);
            if let Some(gates) = context.gates() {
                let noted = Noted { kernel, gates };
                noted.at_party_zero(code, cells, &bits, [&dealt, &mask, &own, &other]);
            }
            Ok(ReplicatedValues {
                with_next: sum(own, &other),
                with_previous: mask,
            })
        }
        Role::One => {
            let bits = Values::from_bits(&code.with_previous, &cells.with_previous);
            let dealt = shape.draw(context, Held::WithNext);
            let mask = shape.draw(context, Held::WithNext);
            let own = masked_summand(dealt.clone(), &bits, None, &mask);
            context.send(channel, previous, Step::Inject, &own.to_bytes());
            let other = context
                .receive(channel, previous, Step::Inject, shape.bytes())
                .await?;
            let other = shape.read(&other);
            if let Some(gates) = context.gates() {
                let noted = Noted { kernel, gates };
                noted.at_party_one(code, cells, &bits, [&dealt, &mask, &own, &other]);
            }
            Ok(ReplicatedValues {
                with_next: mask,
                with_previous: sum(own, &other),
            })
        }
        Role::Two => {
            let for_one = shape.draw(context, Held::WithPrevious);
            let mut for_zero = Values::from_bits(&code.held_part(), &cells.held_part());
            for_zero.subtract(&for_one);
            context.send(channel, next, Step::Deal, &for_zero.to_bytes());
            let values = ReplicatedValues {
                with_previous: shape.draw(context, Held::WithPrevious),
                with_next: shape.draw(context, Held::WithNext),
            };
            if let Some(gates) = context.gates() {
                let noted = Noted { kernel, gates };
                noted.at_party_two(code, cells, [&for_zero, &for_one], &values);
            }
            Ok(values)
        }
    }
}

/// Notes a party's parts in the three proofs of an injection [MPC-47]: party 2 dealt
/// `for_zero + for_one = w`, party 1 sent n1 with `mask1 + (n1 - x2) = for_one ^ x2...x2`, and
/// party 0 sent n0 with `(n0 - 2 x2) + mask0 = for_zero ^ x2...x2`.
struct Noted<'a> {
    kernel: Kernel,
    gates: &'a mut Gates,
}

impl Noted<'_> {
    fn at_party_zero(
        self,
        code: &BitShare,
        cells: &BitShare,
        bits: &Values,
        [dealt, mask, own, other]: [&Values; 4],
    ) {
        let Self { kernel, gates } = self;
        // The order is that of the statements: code, then cells; all parties keep it.
        let dealt = slices(kernel, dealt);
        let mask = slices(kernel, mask);
        let twice = slices(kernel, &difference(difference(own.clone(), bits), bits));
        let others = slices(kernel, &difference(other.clone(), bits));
        let low = [&code.with_previous, &cells.with_previous];
        let flips = [&code.with_next, &cells.with_next];
        for ring in 0..2 {
            let rows = ROWS[ring];
            let flip = repeated(flips[ring], rows);
            let dealt = shared(&dealt[ring]);
            // Next of party 2, which dealt.
            let (a, w) = (Wiping::clone(&dealt), lowest(low[ring], rows));
            gates.note_addition(rows, Addition::Next { a, w });
            // Previous of party 1.
            let (b, w) = (others[ring].clone(), Arc::clone(&flip));
            gates.note_addition(rows, Addition::Previous { b, w });
            // Its own message.
            gates.note_addition(
                rows,
                Addition::Prover {
                    a: twice[ring].clone(),
                    b: mask[ring].clone(),
                    w_next: flip,
                    w_previous: dealt,
                },
            );
        }
    }

    fn at_party_one(
        self,
        code: &BitShare,
        cells: &BitShare,
        bits: &Values,
        [dealt, mask, own, other]: [&Values; 4],
    ) {
        let Self { kernel, gates } = self;
        let dealt = slices(kernel, dealt);
        let mask = slices(kernel, mask);
        let owns = slices(kernel, &difference(own.clone(), bits));
        let twice = slices(kernel, &difference(difference(other.clone(), bits), bits));
        let low = [&code.with_next, &cells.with_next];
        let flips = [&code.with_previous, &cells.with_previous];
        for ring in 0..2 {
            let rows = ROWS[ring];
            let flip = repeated(flips[ring], rows);
            let dealt = shared(&dealt[ring]);
            // Previous of party 2, which dealt.
            let (b, w) = (Wiping::clone(&dealt), lowest(low[ring], rows));
            gates.note_addition(rows, Addition::Previous { b, w });
            // Its own message.
            gates.note_addition(
                rows,
                Addition::Prover {
                    a: mask[ring].clone(),
                    b: owns[ring].clone(),
                    w_next: dealt,
                    w_previous: Arc::clone(&flip),
                },
            );
            // Next of party 0.
            let (a, w) = (twice[ring].clone(), flip);
            gates.note_addition(rows, Addition::Next { a, w });
        }
    }

    fn at_party_two(
        self,
        code: &BitShare,
        cells: &BitShare,
        [for_zero, for_one]: [&Values; 2],
        values: &ReplicatedValues,
    ) {
        let Self { kernel, gates } = self;
        let for_zero = slices(kernel, for_zero);
        let for_one = slices(kernel, for_one);
        let mask_one = slices(kernel, &values.with_previous);
        let mask_zero = slices(kernel, &values.with_next);
        let low_next = [&code.with_next, &cells.with_next];
        let low_previous = [&code.with_previous, &cells.with_previous];
        for ring in 0..2 {
            let rows = ROWS[ring];
            gates.note_addition(
                rows,
                Addition::Prover {
                    a: for_zero[ring].clone(),
                    b: for_one[ring].clone(),
                    w_next: lowest(low_next[ring], rows),
                    w_previous: lowest(low_previous[ring], rows),
                },
            );
            // Next of party 1.
            let (a, w) = (mask_one[ring].clone(), shared(&for_one[ring]));
            gates.note_addition(rows, Addition::Next { a, w });
            // Previous of party 0.
            let (b, w) = (mask_zero[ring].clone(), shared(&for_zero[ring]));
            gates.note_addition(rows, Addition::Previous { b, w });
        }
    }
}

/// How many values are injected.
#[derive(Clone, Copy)]
struct Shape {
    code: usize,
    cells: usize,
}

impl Shape {
    fn of(code: &BitShare, cells: &BitShare) -> Self {
        Self {
            code: 64 * code.words(),
            cells: 64 * cells.words(),
        }
    }

    fn bytes(self) -> usize {
        Values::byte_count(self.code, self.cells)
    }

    fn read(self, bytes: &[u8]) -> Values {
        Values::from_bytes(bytes, self.code)
    }

    fn draw(self, context: &mut Context, held: Held) -> Values {
        self.read(&context.draw(held, self.bytes()))
    }
}

/// Returns `(1 - 2 bits) dealt + constant - mask`.
fn masked_summand(
    mut dealt: Values,
    bits: &Values,
    constant: Option<&Values>,
    mask: &Values,
) -> Values {
    dealt.negate_where(bits);
    if let Some(constant) = constant {
        dealt.add(constant);
    }
    dealt.subtract(mask);
    dealt
}

fn sum(mut a: Values, b: &Values) -> Values {
    a.add(b);
    a
}

fn difference(mut a: Values, b: &Values) -> Values {
    a.subtract(b);
    a
}

/// Bits of the code ring and of the cell ring.
const ROWS: [usize; 2] = [16, 32];

/// Returns the bit slices of code values and of cells.
fn slices(kernel: Kernel, values: &Values) -> [Wiping<u64>; 2] {
    let blank = |rows: usize, values: usize| Wiping::from(vec![0; rows * (values / 64)]);
    let mut code = blank(ROWS[0], values.code.len());
    let mut cells = blank(ROWS[1], values.cells.len());
    kernel.slices16(&values.code, &mut code);
    kernel.slices32(&values.cells, &mut cells);
    [code, cells]
}

fn shared(slices: &Wiping<u64>) -> Words {
    Arc::new(slices.clone())
}

/// Returns slices that are all the same bits.
fn repeated(bits: &[u64], rows: usize) -> Words {
    Arc::new(bits.repeat(rows).into())
}

/// Returns the slices of values that are 0 or 1.
fn lowest(bits: &[u64], rows: usize) -> Words {
    let mut slices = Wiping::from(vec![0; rows * bits.len()]);
    slices[..bits.len()].copy_from_slice(bits);
    Arc::new(slices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Security;
    use crate::job::Job;
    use crate::local::run;
    use crate::testing::{check_gates, contexts_of, reveal_values, seeded, share_bits, words};

    #[test]
    fn every_injected_bit_is_the_same_bit_in_the_ring() {
        let mut rng = seeded(1);
        let (code, cells) = (words(&mut rng, 12), words(&mut rng, 5));
        let (code_shares, cell_shares) =
            (share_bits(&mut rng, &code), share_bits(&mut rng, &cells));

        let jobs = contexts_of(&mut rng, Security::Abort).map(|mut context| {
            let me = context.me().as_usize();
            let (code, cells) = (code_shares[me].clone(), cell_shares[me].clone());
            Job::new(context.me(), |mut channel| async move {
                let (context, channel, kernel) = (&mut context, &mut channel, Kernel::best());
                let values = inject(context, channel, kernel, &code, &cells).await?;
                Ok((values, context.take_gates().unwrap()))
            })
        });
        let [a, b, c] = run(jobs).results.map(|result| result.unwrap().unwrap());

        check_gates(&[a.1, b.1, c.1]);
        let revealed = reveal_values(&[a.0, b.0, c.0]);
        let expected = Values::from_bits(&code, &cells);
        assert_eq!(
            (revealed.code.clone(), revealed.cells.clone()),
            (expected.code.clone(), expected.cells.clone())
        );
        assert!(expected.code.iter().all(|bit| *bit <= 1) && expected.code.contains(&1));
    }
}

//! Bit injection: from shared bits to shared ring elements, in two rounds [MPC-13].
//!
//! With x = x0 ^ x1 ^ x2, party 2 alone knows w = x0 ^ x1, and x = x2 + (1 - 2 x2) w. Party 2
//! splits w = c0 + c1 between parties 1 and 0, who know x2, so that each computes its summand
//! of x alone; the summands become components by one exchange of masked values. Every party
//! sends one ring element a bit.

use crate::bits::BitShare;
use crate::channel::Channel;
use crate::context::{Context, Held, Role};
use crate::error::MpcError;
use crate::step::Step;
use crate::values::{ReplicatedValues, Values};

/// Injects code bits modulo 2^16 and cell bits modulo 2^32.
pub(crate) async fn inject<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    code: &BitShare,
    cells: &BitShare,
) -> Result<ReplicatedValues, MpcError> {
    let (next, previous) = (context.me().next(), context.me().previous());
    let shape = Shape {
        code: 64 * code.words(),
        cells: 64 * cells.words(),
    };
    match context.role() {
        Role::Zero => {
            let bits = Values::from_bits(&code.with_next, &cells.with_next);
            let mask = shape.draw(context, Held::WithPrevious);
            let dealt = context
                .receive(channel, previous, Step::Deal, shape.bytes())
                .await?;
            let own = masked_summand(shape.read(&dealt), &bits, Some(&bits), &mask);
            context.send(channel, next, Step::Inject, &own.to_bytes());
            let other = context
                .receive(channel, next, Step::Inject, shape.bytes())
                .await?;
            Ok(ReplicatedValues {
                with_next: sum(own, &shape.read(&other)),
                with_previous: mask,
            })
        }
        Role::One => {
            let bits = Values::from_bits(&code.with_previous, &cells.with_previous);
            let dealt = shape.draw(context, Held::WithNext);
            let mask = shape.draw(context, Held::WithNext);
            let own = masked_summand(dealt, &bits, None, &mask);
            context.send(channel, previous, Step::Inject, &own.to_bytes());
            let other = context
                .receive(channel, previous, Step::Inject, shape.bytes())
                .await?;
            Ok(ReplicatedValues {
                with_next: mask,
                with_previous: sum(own, &shape.read(&other)),
            })
        }
        Role::Two => {
            let mut dealt = Values::from_bits(&code.held_part(), &cells.held_part());
            dealt.subtract(&shape.draw(context, Held::WithPrevious));
            context.send(channel, next, Step::Deal, &dealt.to_bytes());
            Ok(ReplicatedValues {
                with_previous: shape.draw(context, Held::WithPrevious),
                with_next: shape.draw(context, Held::WithNext),
            })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{reveal_values, run_three, seeded, share_bits, words};

    #[test]
    fn every_injected_bit_is_the_same_bit_in_the_ring() {
        let mut rng = seeded(1);
        let (code, cells) = (words(&mut rng, 12), words(&mut rng, 5));
        let (code_shares, cell_shares) =
            (share_bits(&mut rng, &code), share_bits(&mut rng, &cells));

        let shares = run_three(&mut rng, |mut context, mut channel| {
            let me = context.me().as_usize();
            let (code, cells) = (code_shares[me].clone(), cell_shares[me].clone());
            async move { inject(&mut context, &mut channel, &code, &cells).await }
        });

        let revealed = reveal_values(&shares);
        let expected = Values::from_bits(&code, &cells);
        assert_eq!(
            (revealed.code.clone(), revealed.cells.clone()),
            (expected.code.clone(), expected.cells.clone())
        );
        assert!(expected.code.iter().all(|bit| *bit <= 1) && expected.code.contains(&1));
    }
}

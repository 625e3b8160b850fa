//! Making sure that the three parties speak of the same run before anything else is sent.

use crate::channel::Channel;
use crate::context::Context;
use crate::error::MpcError;
use crate::step::Step;

/// Exchanges with both others a digest of what the run is about, and a mark of what this party
/// keeps from the last one. Tells whether all three keep the same [MPC-5].
///
/// # Errors
/// Returns [`MpcError::PrefacesDiffer`] if another party speaks of another run, and what the
/// channel gives.
pub async fn agree<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    preface: &[u8; 32],
    mark: u64,
) -> Result<bool, MpcError> {
    let others = context.me().others();
    let message = [&preface[..], &mark.to_le_bytes()].concat();
    for other in others {
        context.send(channel, other, Step::Preface, &message);
    }
    let (mut agreed, mut same_mark) = (Ok(()), true);
    for from in others {
        let theirs = context
            .receive(channel, from, Step::Preface, message.len())
            .await?;
        if theirs[..preface.len()] != preface[..] {
            agreed = Err(MpcError::PrefacesDiffer { from });
        }
        same_mark &= theirs == message;
    }
    agreed.map(|()| same_mark)
}

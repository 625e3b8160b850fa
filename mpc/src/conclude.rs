//! The end of a run: everything sent is proved and accepted, and only then are bits opened.

use alloc::vec::Vec;

use boop_kernel::Kernel;

use crate::bits::{BitShare, open};
use crate::channel::Channel;
use crate::context::Context;
use crate::error::MpcError;
use crate::proof;
use crate::step::Step;

/// Opens bits, in a run that is secure with abort after [`prove`] and [`accept`].
pub(crate) async fn conclude<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    kernel: Kernel,
    bits: &BitShare,
) -> Result<Vec<u64>, MpcError> {
    if prove(context, channel, kernel).await? {
        accept(context, channel).await?;
    }
    open(context, channel, bits).await
}

/// Proves what the lane has noted, once every party has all of its messages. Tells whether the
/// run is one that needs proofs, and so the others' acceptance [MPC-41].
pub(crate) async fn prove<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    kernel: Kernel,
) -> Result<bool, MpcError> {
    let Some(gates) = context.take_gates() else {
        return Ok(false);
    };
    context.barrier(channel, Step::Ready).await?;
    proof::verify(context, channel, kernel, gates).await?;
    Ok(true)
}

/// Waits until every party has accepted all proofs and audits of the run [MPC-45].
pub(crate) async fn accept<C: Channel>(
    context: &mut Context,
    channel: &mut C,
) -> Result<(), MpcError> {
    context.barrier(channel, Step::Accept).await
}

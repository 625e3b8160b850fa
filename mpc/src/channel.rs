//! What the protocol needs from a network: messages between two parties, in order.

use alloc::vec::Vec;
use core::future::Future;

use crate::error::MpcError;
use crate::task::Task;
use boop_wire::id::PartyIndex;

/// The longest message of any step, header included.
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// How many messages of one party may wait for this one to catch up.
pub const EARLY_MESSAGES_MAX: usize = 1_024;
/// How many bytes of one party may wait for this one to catch up.
pub const EARLY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Messages to and from the two other parties, ordered within a lane. Clones are ends of the
/// same channel, for protocols that run in lanes of their own at the same time.
pub trait Channel: Clone + Send {
    /// Queues a message for another party.
    fn send(&mut self, to: PartyIndex, message: Vec<u8>);

    /// Waits for the next message of another party in a lane, which has exactly `exact_len` bytes.
    ///
    /// # Errors
    /// Returns [`MpcError::WrongLength`] when it has another length.
    fn receive(
        &mut self,
        from: PartyIndex,
        lane: u32,
        exact_len: usize,
    ) -> impl Future<Output = Result<Vec<u8>, MpcError>> + Send;

    /// Hands work that needs no message to the driver, and waits for its result.
    fn compute(&mut self, task: Task) -> impl Future<Output = Vec<u32>> + Send;
}

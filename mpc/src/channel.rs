//! What the protocol needs from a network: messages between two parties, in order.

use alloc::vec::Vec;
use core::future::Future;

use crate::error::MpcError;
use boop_wire::id::PartyIndex;

/// The longest message of any step, header included.
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// How many messages of one party may wait for this one to catch up.
pub const EARLY_MESSAGES_MAX: usize = 16;

/// Ordered messages to and from the two other parties.
pub trait Channel: Send {
    /// Queues a message for another party.
    fn send(&mut self, to: PartyIndex, message: Vec<u8>);

    /// Waits for the next message of another party, which has exactly `exact_len` bytes.
    ///
    /// # Errors
    /// Returns [`MpcError::WrongLength`] when it has another length.
    fn receive(
        &mut self,
        from: PartyIndex,
        exact_len: usize,
    ) -> impl Future<Output = Result<Vec<u8>, MpcError>> + Send;
}

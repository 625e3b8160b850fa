//! What a party brings to one job: its index and the two pairwise keys, and the message numbers.

use alloc::vec::Vec;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::channel::Channel;
use crate::error::MpcError;
use crate::prg::Prg;
use crate::step::{HEADER_BYTES, Step, frame};
use boop_wire::id::PartyIndex;

/// The secrets a party has in common with each of its neighbours, fresh for every job [MPC-2].
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PairwiseSeeds {
    /// Common with the next party, whose `with_previous` it is.
    pub with_next: [u8; 32],
    /// Common with the previous party, whose `with_next` it is.
    pub with_previous: [u8; 32],
}

/// A party's state in one job. It serves one job: a second one would repeat its streams.
pub struct Context {
    me: PartyIndex,
    with_next: Prg,
    with_previous: Prg,
    sent: [u32; 3],
    received: [u32; 3],
}

/// The roles of the three parties in steps that are not symmetric.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Zero,
    One,
    Two,
}

/// Names a component of a sharing, and its key, by the other party that holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    WithNext,
    WithPrevious,
}

impl Context {
    /// Starts a job as party `me`.
    pub fn new(me: PartyIndex, seeds: &PairwiseSeeds) -> Self {
        Self {
            me,
            with_next: Prg::new(PRG_DOMAIN, &seeds.with_next),
            with_previous: Prg::new(PRG_DOMAIN, &seeds.with_previous),
            sent: [0; 3],
            received: [0; 3],
        }
    }

    /// Returns this party's index.
    pub fn me(&self) -> PartyIndex {
        self.me
    }

    pub(crate) fn role(&self) -> Role {
        match self.me.get() {
            0 => Role::Zero,
            1 => Role::One,
            _ => Role::Two,
        }
    }

    /// Draws bytes that the other holder of the component draws too.
    pub(crate) fn draw(&mut self, held: Held, bytes: usize) -> Zeroizing<Vec<u8>> {
        match held {
            Held::WithNext => self.with_next.draw(bytes),
            Held::WithPrevious => self.with_previous.draw(bytes),
        }
    }

    /// Sends a message of a step, numbered.
    pub(crate) fn send<C: Channel>(
        &mut self,
        channel: &mut C,
        to: PartyIndex,
        step: Step,
        payload: &[u8],
    ) {
        let number = &mut self.sent[to.as_usize()];
        channel.send(to, frame(step, *number, payload));
        *number = number.wrapping_add(1);
    }

    /// Receives the payload of a message, which must be the next one and of this step.
    pub(crate) async fn receive<C: Channel>(
        &mut self,
        channel: &mut C,
        from: PartyIndex,
        step: Step,
        payload_bytes: usize,
    ) -> Result<Vec<u8>, MpcError> {
        let message = channel.receive(from, HEADER_BYTES + payload_bytes).await?;
        self.open(from, step, message)
    }

    fn open(
        &mut self,
        from: PartyIndex,
        step: Step,
        mut message: Vec<u8>,
    ) -> Result<Vec<u8>, MpcError> {
        let Some((header, _)) = message.split_first_chunk::<HEADER_BYTES>() else {
            let found = message.len();
            return Err(MpcError::WrongLength {
                from,
                expected: HEADER_BYTES,
                found,
            });
        };
        let [tag, number @ ..] = *header;
        if tag != step.tag() {
            return Err(MpcError::UnexpectedStep {
                from,
                expected: step,
                found: tag,
            });
        }
        let expected = self.received[from.as_usize()];
        let found = u32::from_le_bytes(number);
        if found != expected {
            return Err(MpcError::OutOfOrder {
                from,
                expected,
                found,
            });
        }
        self.received[from.as_usize()] = expected.wrapping_add(1);
        message.drain(..HEADER_BYTES);
        Ok(message)
    }
}

const PRG_DOMAIN: &[u8] = b"boop/pairwise-stream/v1\0";

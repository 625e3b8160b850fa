//! What a party brings to one run: its index, the two pairwise keys, the message numbers, and
//! what it will have to prove.

use alloc::vec::Vec;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::channel::{Channel, MESSAGE_BYTES_MAX};
use crate::error::MpcError;
use crate::gates::Gates;
use crate::payload::Number;
use crate::prg::Prg;
use crate::step::{HEADER_BYTES, Step, frame, header};
use boop_wire::id::PartyIndex;

/// The secrets a party has in common with each of its neighbours, fresh for every job [MPC-2].
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PairwiseSeeds {
    /// Common with the next party, whose `with_previous` it is.
    pub with_next: [u8; 32],
    /// Common with the previous party, whose `with_next` it is.
    pub with_previous: [u8; 32],
}

/// What a run is secure against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Security {
    /// A party that follows the protocol and wants to know more.
    SemiHonest,
    /// Also one that deviates: the others abort before anything is opened.
    Abort,
}

/// A party's state in one lane of one run. A second run with the same seeds would repeat its
/// streams.
pub struct Context {
    me: PartyIndex,
    lane: u32,
    seeds: PairwiseSeeds,
    with_next: Prg,
    with_previous: Prg,
    sent: [u32; 3],
    received: [u32; 3],
    lanes: u32,
    security: Security,
    gates: Option<Gates>,
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
    /// Starts a run as party `me`.
    pub fn new(me: PartyIndex, seeds: &PairwiseSeeds, security: Security) -> Self {
        Self::of_lane(me, seeds, 0, security)
    }

    fn of_lane(me: PartyIndex, seeds: &PairwiseSeeds, lane: u32, security: Security) -> Self {
        Self {
            me,
            lane,
            with_next: Prg::of_lane(PRG_DOMAIN, &seeds.with_next, lane),
            with_previous: Prg::of_lane(PRG_DOMAIN, &seeds.with_previous, lane),
            seeds: seeds.clone(),
            sent: [0; 3],
            received: [0; 3],
            lanes: 0,
            security,
            gates: (security == Security::Abort).then(Gates::default),
        }
    }

    /// Opens the next lane, with streams and message numbers of its own [MPC-2]. The lane of
    /// [`Context::new`] is 0, and it alone opens others; the parties open them in one order.
    pub(crate) fn fork(&mut self) -> Self {
        debug_assert_eq!(self.lane, 0, "lanes have no lanes");
        self.lanes += 1;
        Self::of_lane(self.me, &self.seeds, self.lanes, self.security)
    }

    /// Returns the number of this lane.
    pub(crate) const fn lane(&self) -> u32 {
        self.lane
    }

    /// Waits until every party is at this point of the run.
    pub(crate) async fn barrier<C: Channel>(
        &mut self,
        channel: &mut C,
        step: Step,
    ) -> Result<(), MpcError> {
        let others = self.me.others();
        for other in others {
            self.send(channel, other, step, &[]);
        }
        for other in others {
            self.receive(channel, other, step, 0).await?;
        }
        Ok(())
    }

    /// Returns this party's index.
    pub fn me(&self) -> PartyIndex {
        self.me
    }

    /// Returns what the run is secure against.
    pub(crate) const fn security(&self) -> Security {
        self.security
    }

    /// Returns where this lane notes what will have to be proved, if anything.
    pub(crate) fn gates(&mut self) -> Option<&mut Gates> {
        self.gates.as_mut()
    }

    /// Puts what was noted back in the place of what was noted since.
    pub(crate) fn put_gates(&mut self, gates: Option<Gates>) {
        self.gates = gates;
    }

    /// Takes what this lane has noted, for the proofs; what follows is noted anew.
    pub(crate) fn take_gates(&mut self) -> Option<Gates> {
        self.gates.as_mut().map(core::mem::take)
    }

    pub(crate) fn role(&self) -> Role {
        self.role_from(0)
    }

    /// Returns the role when party `turn` modulo 3 has role zero.
    pub(crate) fn role_from(&self, turn: u32) -> Role {
        match (u32::from(self.me.get()) + 3 - turn % 3) % 3 {
            0 => Role::Zero,
            1 => Role::One,
            _ => Role::Two,
        }
    }

    /// Draws bytes that the other holder of the component draws too.
    pub(crate) fn draw(&mut self, held: Held, bytes: usize) -> Zeroizing<Vec<u8>> {
        self.stream(held).draw(bytes)
    }

    /// Draws words that the other holder of the component draws too.
    pub(crate) fn draw_words(&mut self, held: Held, words: usize) -> Vec<u64> {
        self.stream(held).draw_numbers(words)
    }

    /// Draws a number for each place, as the other holder of the component does, and has `mix`
    /// put it there.
    pub(crate) fn draw_into<T: Number, U>(
        &mut self,
        held: Held,
        places: &mut [U],
        mix: impl Fn(&mut U, T),
    ) {
        self.stream(held).draw_into(places, mix);
    }

    fn stream(&mut self, held: Held) -> &mut Prg {
        match held {
            Held::WithNext => &mut self.with_next,
            Held::WithPrevious => &mut self.with_previous,
        }
    }

    /// Sends a message of a step, numbered. A payload too long for one message takes several.
    pub(crate) fn send<C: Channel>(
        &mut self,
        channel: &mut C,
        to: PartyIndex,
        step: Step,
        payload: &[u8],
    ) {
        let (first, rest) = payload.split_at(payload.len().min(PAYLOAD_BYTES_MAX));
        let number = &mut self.sent[to.as_usize()];
        channel.send(to, frame(step, self.lane, *number, first));
        *number = number.wrapping_add(1);
        if !rest.is_empty() {
            self.send(channel, to, step, rest);
        }
    }

    /// Begins the next message of a step, with room for so many more bytes as fit in one.
    pub(crate) fn begin(&mut self, to: PartyIndex, step: Step, bytes: usize) -> Vec<u8> {
        let number = &mut self.sent[to.as_usize()];
        let mut message = frame(step, self.lane, *number, &[]);
        *number = number.wrapping_add(1);
        message.reserve_exact(bytes.min(PAYLOAD_BYTES_MAX));
        message
    }

    /// Receives a payload, whose messages must be the next ones and of this step.
    pub(crate) async fn receive<C: Channel>(
        &mut self,
        channel: &mut C,
        from: PartyIndex,
        step: Step,
        payload_bytes: usize,
    ) -> Result<Vec<u8>, MpcError> {
        let first = payload_bytes.min(PAYLOAD_BYTES_MAX);
        let mut payload = self.receive_message(channel, from, step, first).await?;
        payload.drain(..HEADER_BYTES);
        while payload.len() < payload_bytes {
            let bytes = (payload_bytes - payload.len()).min(PAYLOAD_BYTES_MAX);
            let message = self.receive_message(channel, from, step, bytes).await?;
            payload.extend_from_slice(message.get(HEADER_BYTES..).unwrap_or_default());
        }
        Ok(payload)
    }

    /// Receives a message with so many bytes after the header, which must be the next one and of
    /// this step.
    pub(crate) async fn receive_message<C: Channel>(
        &mut self,
        channel: &mut C,
        from: PartyIndex,
        step: Step,
        payload_bytes: usize,
    ) -> Result<Vec<u8>, MpcError> {
        let bytes = HEADER_BYTES + payload_bytes;
        let message = channel.receive(from, self.lane, bytes).await?;
        self.check(from, step, &message)?;
        Ok(message)
    }

    fn check(&mut self, from: PartyIndex, step: Step, message: &[u8]) -> Result<(), MpcError> {
        let Some((tag, _, found)) = header(message) else {
            let found = message.len();
            return Err(MpcError::WrongLength {
                from,
                expected: HEADER_BYTES,
                found,
            });
        };
        if tag != step.tag() {
            return Err(MpcError::UnexpectedStep {
                from,
                expected: step,
                found: tag,
            });
        }
        let expected = self.received[from.as_usize()];
        if found != expected {
            return Err(MpcError::OutOfOrder {
                from,
                expected,
                found,
            });
        }
        self.received[from.as_usize()] = expected.wrapping_add(1);
        Ok(())
    }
}

const PRG_DOMAIN: &[u8] = b"boop/pairwise-stream/v2\0";
const PAYLOAD_BYTES_MAX: usize = MESSAGE_BYTES_MAX - HEADER_BYTES;

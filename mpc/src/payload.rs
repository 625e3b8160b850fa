//! Payloads of numbers: written into messages and read from them in place, so that long ones are
//! never in memory a second time.

use alloc::vec::Vec;

use boop_wire::id::PartyIndex;

use crate::channel::{Channel, MESSAGE_BYTES_MAX};
use crate::context::Context;
use crate::error::MpcError;
use crate::step::{HEADER_BYTES, Step};
use crate::wipe::wipe;

/// A number with so many little-endian bytes.
pub(crate) trait Number: Copy + Default {
    const BYTES: usize;

    /// Reads the numbers of bytes that are a multiple of their length.
    fn each(bytes: &[u8]) -> impl Iterator<Item = Self>;

    /// Writes numbers to as many bytes as they have.
    fn write(numbers: &[Self], bytes: &mut [u8]);
}

macro_rules! number {
    ($type:ty, $bytes:literal) => {
        impl Number for $type {
            const BYTES: usize = $bytes;

            #[inline]
            fn each(bytes: &[u8]) -> impl Iterator<Item = Self> {
                let (numbers, rest) = bytes.as_chunks();
                debug_assert!(rest.is_empty(), "whole numbers");
                numbers.iter().map(|bytes| Self::from_le_bytes(*bytes))
            }

            #[inline]
            fn write(numbers: &[Self], bytes: &mut [u8]) {
                let (places, _) = bytes.as_chunks_mut();
                debug_assert_eq!(places.len(), numbers.len(), "a place for each number");
                for (place, number) in places.iter_mut().zip(numbers) {
                    *place = number.to_le_bytes();
                }
            }
        }
    };
}

number!(u16, 2);
number!(u32, 4);
number!(u64, 8);

impl Context {
    /// Sends numbers as the payload of a step, as [`Context::send`] sends their bytes.
    pub(crate) fn send_numbers<C: Channel, T: Number>(
        &mut self,
        channel: &mut C,
        to: PartyIndex,
        step: Step,
        numbers: &[T],
    ) {
        let mut left = T::BYTES * numbers.len();
        let mut message = self.begin(to, step, left);
        let mut part = [0; PART_BYTES];
        for numbers in numbers.chunks(PART_BYTES / T::BYTES) {
            let bytes = &mut part[..T::BYTES * numbers.len()];
            T::write(numbers, bytes);
            let mut bytes = &*bytes;
            while !bytes.is_empty() {
                if message.len() == MESSAGE_BYTES_MAX {
                    let next = self.begin(to, step, left);
                    channel.send(to, core::mem::replace(&mut message, next));
                }
                let room = MESSAGE_BYTES_MAX - message.len();
                let (now, later) = bytes.split_at(room.min(bytes.len()));
                message.extend_from_slice(now);
                left -= now.len();
                bytes = later;
            }
        }
        wipe(&mut part);
        channel.send(to, message);
    }

    /// Receives so many numbers.
    pub(crate) async fn receive_numbers<C: Channel, T: Number + Send>(
        &mut self,
        channel: &mut C,
        from: PartyIndex,
        step: Step,
        count: usize,
    ) -> Result<Vec<T>, MpcError> {
        let mut numbers = Vec::with_capacity(count);
        let take = |bytes: &[u8]| numbers.extend(T::each(bytes));
        let bytes = T::BYTES * count;
        self.receive_parts(channel, from, step, bytes, take).await?;
        Ok(numbers)
    }

    /// Receives a number for each place, and has `mix` put it there.
    pub(crate) async fn receive_into<C: Channel, T: Number + Send, U: Send>(
        &mut self,
        channel: &mut C,
        from: PartyIndex,
        step: Step,
        places: &mut [U],
        mix: impl Fn(&mut U, T) + Send + Sync,
    ) -> Result<(), MpcError> {
        let bytes = T::BYTES * places.len();
        let mut places = places.iter_mut();
        let take = |bytes: &[u8]| {
            // The numbers come first: their end must not cost a place.
            let pairs = T::each(bytes).zip(places.by_ref());
            pairs.for_each(|(number, place)| mix(place, number));
        };
        self.receive_parts(channel, from, step, bytes, take).await
    }

    /// Receives a payload and gives it away in parts that are whole numbers, however the
    /// messages cut it.
    async fn receive_parts<C: Channel>(
        &mut self,
        channel: &mut C,
        from: PartyIndex,
        step: Step,
        payload_bytes: usize,
        mut take: impl FnMut(&[u8]) + Send,
    ) -> Result<(), MpcError> {
        let mut cut = Vec::with_capacity(UNIT);
        let mut left = payload_bytes;
        loop {
            let bytes = left.min(MESSAGE_BYTES_MAX - HEADER_BYTES);
            let message = self.receive_message(channel, from, step, bytes).await?;
            let mut payload = message.get(HEADER_BYTES..).unwrap_or_default();
            if !cut.is_empty() {
                let (rest, later) = payload.split_at(payload.len().min(UNIT - cut.len()));
                cut.extend_from_slice(rest);
                payload = later;
                if cut.len() == UNIT || left == bytes {
                    take(&cut);
                    cut.clear();
                }
            }
            left -= bytes;
            let whole = if left == 0 {
                payload.len()
            } else {
                payload.len() / UNIT * UNIT
            };
            take(&payload[..whole]);
            cut.extend_from_slice(&payload[whole..]);
            if left == 0 {
                return Ok(());
            }
        }
    }
}

/// How much of a payload is written at once.
const PART_BYTES: usize = 2_048;
/// A multiple of the bytes of every number.
const UNIT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Job;
    use crate::local::{Envelope, run_through};
    use crate::testing::{contexts, seeded, words};

    /// Numbers of payloads that fill no message, one, and one and a bit of the next.
    const COUNTS: [usize; 7] = [0, 1, 300, 16_382, 16_383, 16_384, 50_001];

    #[test]
    fn numbers_arrive_as_they_were_sent_however_messages_cut_them() {
        let mut rng = seeded(1);
        for count in COUNTS {
            let sent = words(&mut rng, count);
            let low: Vec<u32> = sent.iter().map(|word| (word >> 32) as u32).collect();
            let half: Vec<u16> = sent.iter().map(|word| (word >> 48) as u16).collect();

            let jobs = contexts(&mut rng).map(|mut context| {
                let (sent, low, half) = (&sent, &low, &half);
                Job::new(context.me(), move |mut channel| async move {
                    let (context, channel) = (&mut context, &mut channel);
                    let (next, previous) = (context.me().next(), context.me().previous());
                    let step = Step::Score;
                    context.send_numbers(channel, next, step, sent);
                    context.send_numbers(channel, next, step, low);
                    context.send_numbers(channel, next, step, half);
                    let words = context.receive_numbers(channel, previous, step, count);
                    let words: Vec<u64> = words.await?;
                    let mut sums = low.clone();
                    let add = |sum: &mut u32, low: u32| *sum = sum.wrapping_add(low);
                    context
                        .receive_into(channel, previous, step, &mut sums, add)
                        .await?;
                    let halves = context.receive_numbers(channel, previous, step, count);
                    let halves: Vec<u16> = halves.await?;
                    Ok((words, sums, halves))
                })
            });
            let mut said = Vec::new();
            let outcome = run_through(jobs, |envelope: Envelope| {
                said.push(envelope.bytes.len());
                alloc::vec![envelope]
            });

            let doubled: Vec<u32> = low.iter().map(|low| low.wrapping_mul(2)).collect();
            for result in outcome.results {
                let expected = (sent.clone(), doubled.clone(), half.clone());
                assert_eq!(result, Some(Ok(expected)), "{count} numbers");
            }
            let room = MESSAGE_BYTES_MAX - HEADER_BYTES;
            let messages = |bytes: usize| bytes.div_ceil(room).max(1);
            let expected = [8, 4, 2].map(|bytes| messages(bytes * count));
            assert_eq!(said.len(), 3 * expected.iter().sum::<usize>());
            assert_eq!(
                said.iter().sum::<usize>(),
                3 * 14 * count + said.len() * HEADER_BYTES
            );
        }
    }
}

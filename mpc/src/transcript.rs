//! What a party sent and received in a job, in a few hashes: what it says later about a message
//! can be held against them [MPC-6].
//!
//! Each lane of each way, from one party to another, has a running hash, because messages of
//! several lanes pass each other. Where all that was sent has arrived, both ends have one digest.

use alloc::collections::BTreeMap;

use boop_wire::id::PartyIndex;
use sha2::{Digest, Sha256};

use crate::step::header;

/// The hashes of one party's messages, both ways.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    lanes: BTreeMap<(Way, u32), Lane>,
}

/// From whom to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// The sender.
    pub from: PartyIndex,
    /// The receiver.
    pub to: PartyIndex,
}

#[derive(Debug, Clone, Default)]
struct Lane {
    messages: u64,
    hash: Sha256,
}

impl Transcript {
    /// Notes a message. Messages of one way and lane come in order.
    pub fn note(&mut self, way: Way, message: &[u8]) {
        // What is too short to name its lane waits in lane 0, and is refused there.
        let number = header(message).map_or(0, |(_, lane, _)| lane);
        let lane = self.lanes.entry((way, number)).or_default();
        lane.messages += 1;
        lane.hash.update((message.len() as u64).to_le_bytes());
        lane.hash.update(message);
    }

    /// Returns the digest of one way, which is the same at both ends.
    pub fn digest(&self, way: Way) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(WAY_DOMAIN);
        hash.update([way.from.get(), way.to.get()]);
        for (number, lane) in self.lanes_of(way) {
            hash.update(number.to_le_bytes());
            hash.update(lane.messages.to_le_bytes());
            hash.update(lane.hash.clone().finalize());
        }
        hash.finalize().into()
    }

    /// Returns how many messages there were on one way.
    pub fn messages(&self, way: Way) -> u64 {
        self.lanes_of(way).map(|(_, lane)| lane.messages).sum()
    }

    /// Returns a digest of one way that a party may show to anybody, the same at both ends: `seed`
    /// is the job's seed of these two, and without it this is no test of a guess at what was said.
    pub fn commitment(&self, way: Way, seed: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(COMMITMENT_DOMAIN);
        hash.update(seed);
        hash.update(self.digest(way));
        hash.finalize().into()
    }

    fn lanes_of(&self, way: Way) -> impl Iterator<Item = (u32, &Lane)> {
        let lanes = self.lanes.range((way, 0)..=(way, u32::MAX));
        lanes.map(|((_, number), lane)| (*number, lane))
    }
}

const WAY_DOMAIN: &[u8] = b"boop/transcript-way/v1\0";
const COMMITMENT_DOMAIN: &[u8] = b"boop/transcript-commitment/v2\0";

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::step::{Step, frame};

    const WAY: Way = Way {
        from: PartyIndex::ALL[0],
        to: PartyIndex::ALL[1],
    };

    #[test]
    fn lanes_may_pass_each_other_and_messages_of_a_lane_may_not() {
        let message = |lane, number| frame(Step::Carry, lane, number, &[7; 100]);
        let sent = [message(1, 0), message(1, 1), message(2, 0)];
        let passed = [message(2, 0), message(1, 0), message(1, 1)];
        let swapped = [message(1, 1), message(1, 0), message(2, 0)];

        assert_eq!(digest(&sent), digest(&passed));
        assert_ne!(digest(&sent), digest(&swapped));
    }

    #[test]
    fn every_bit_every_length_and_the_way_count() {
        let message = frame(Step::Carry, 0, 0, &[7; 20]);
        let of = digest(core::slice::from_ref(&message));
        for bit in 0..8 * message.len() {
            let mut other = message.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(digest(&[other]), of, "bit {bit}");
        }
        assert_ne!(digest(&[]), of);
        assert_ne!(digest(&[message.clone(), Vec::new()]), of);

        let mut back = Transcript::default();
        let (from, to) = (WAY.to, WAY.from);
        back.note(Way { from, to }, &message);
        assert_ne!(back.digest(Way { from, to }), of);
        assert_eq!(back.digest(WAY), digest(&[]));
    }

    #[test]
    fn a_commitment_depends_on_the_way_its_messages_and_the_seed_alone() {
        let message = frame(Step::Carry, 0, 0, &[7; 20]);
        let back = Way {
            from: WAY.to,
            to: WAY.from,
        };
        let mut transcript = Transcript::default();
        let silence = transcript.commitment(WAY, &[1; 32]);
        transcript.note(WAY, &message);
        let one = transcript.commitment(WAY, &[1; 32]);

        transcript.note(back, &message);

        assert_eq!(transcript.commitment(WAY, &[1; 32]), one);
        assert_ne!(silence, one);
        assert_ne!(transcript.commitment(WAY, &[2; 32]), one);
        assert_ne!(transcript.commitment(back, &[1; 32]), one);
        assert_ne!(transcript.digest(WAY), one);
    }

    #[test]
    fn messages_of_all_lanes_of_a_way_are_counted() {
        let mut transcript = Transcript::default();
        for lane in [0, 7, 7, u32::MAX] {
            transcript.note(WAY, &frame(Step::Carry, lane, 0, &[7; 20]));
        }

        assert_eq!(transcript.messages(WAY), 4);
        let (from, to) = (WAY.to, WAY.from);
        assert_eq!(transcript.messages(Way { from, to }), 0);
    }

    fn digest(messages: &[Vec<u8>]) -> [u8; 32] {
        let mut transcript = Transcript::default();
        messages.iter().for_each(|m| transcript.note(WAY, m));
        transcript.digest(WAY)
    }
}

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
#[derive(Debug, Clone)]
pub struct Transcript {
    me: PartyIndex,
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
    /// Starts a transcript of party `me`.
    pub fn new(me: PartyIndex) -> Self {
        Self {
            me,
            lanes: BTreeMap::new(),
        }
    }

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
        for ((_, number), lane) in self.lanes.iter().filter(|((of, _), _)| *of == way) {
            hash.update(number.to_le_bytes());
            hash.update(lane.messages.to_le_bytes());
            hash.update(lane.hash.clone().finalize());
        }
        hash.finalize().into()
    }

    /// Returns a digest of all four ways that a party may show to anybody: without the salt, which
    /// is fresh and random, it is no test of a guess at what was said.
    pub fn commitment(&self, salt: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(COMMITMENT_DOMAIN);
        hash.update(salt);
        hash.update([self.me.get()]);
        let [next, previous] = self.me.others();
        for other in [next, previous] {
            hash.update(self.digest(Way {
                from: self.me,
                to: other,
            }));
            hash.update(self.digest(Way {
                from: other,
                to: self.me,
            }));
        }
        hash.finalize().into()
    }
}

const WAY_DOMAIN: &[u8] = b"boop/transcript-way/v1\0";
const COMMITMENT_DOMAIN: &[u8] = b"boop/transcript-commitment/v1\0";

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

        let mut back = Transcript::new(WAY.from);
        let (from, to) = (WAY.to, WAY.from);
        back.note(Way { from, to }, &message);
        assert_ne!(back.digest(Way { from, to }), of);
        assert_eq!(back.digest(WAY), digest(&[]));
    }

    #[test]
    fn a_commitment_depends_on_every_way_the_party_and_the_salt() {
        let [me, next, previous] = PartyIndex::ALL;
        let message = frame(Step::Carry, 0, 0, &[7; 20]);
        let with = |ways: &[(PartyIndex, PartyIndex)]| {
            let mut transcript = Transcript::new(me);
            let ways = ways.iter().map(|(from, to)| Way {
                from: *from,
                to: *to,
            });
            ways.for_each(|way| transcript.note(way, &message));
            transcript
        };
        let mut all: Vec<_> = [(me, next), (me, previous), (next, me), (previous, me)]
            .map(|way| with(&[way]).commitment(&[1; 32]))
            .into();
        all.push(with(&[]).commitment(&[1; 32]));
        all.push(with(&[]).commitment(&[2; 32]));
        all.push(Transcript::new(next).commitment(&[1; 32]));

        let different = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), different);
    }

    fn digest(messages: &[Vec<u8>]) -> [u8; 32] {
        let mut transcript = Transcript::new(WAY.from);
        messages.iter().for_each(|m| transcript.note(WAY, m));
        transcript.digest(WAY)
    }
}

//! Streams in the hands of hosts: laid, carried as the seed says, cut.

use boop_abi::{FarEnd, FromHost, StreamId};
use rand_chacha::rand_core::Rng;

use super::{Event, REOPEN_MS, World};
use crate::simulation::pipes::{End, Fate, Pipe};

impl World<'_> {
    pub(super) fn open_stream(&mut self, index: usize, stream: StreamId, to: FarEnd) {
        let FarEnd::Party(party) = to else {
            return self.machine(index).call_custodian(stream);
        };
        let life = self.machine(index).life;
        let from = End::Machine {
            index,
            life,
            stream: Some(stream),
        };
        let (index, stream) = (index, stream);
        let to = self.route(party);
        let pipe = self.lay(from, to);
        self.streams.insert((index, stream), (pipe, 0));
        if self.is_shunned(index) {
            self.cut(pipe, 0);
        }
    }

    /// Lays a pipe to a party's machine; it arrives there a moment later.
    pub(super) fn lay(&mut self, from: End, to: usize) -> usize {
        let pipe = self.pipes.len();
        let end = End::Machine {
            index: to,
            life: self.machine(to).life,
            stream: None,
        };
        self.pipes.push(Pipe::new([from, end]));
        let delay = 1 + self.upto(5);
        let earliest_ms = self.now_ms() + delay;
        let at_ms = self.pipes[pipe].arrival(1, earliest_ms);
        self.when(at_ms, Event::Arrives { pipe });
        pipe
    }

    pub(super) fn arrives(&mut self, pipe: usize) {
        let [from, to] = self.pipes[pipe].ends;
        let End::Machine { index, life, .. } = to else {
            return;
        };
        let machine = self.machine(index);
        if machine.life != life || machine.enclave.is_none() {
            return self.cut(pipe, 1);
        }
        let stream = machine.host_stream();
        self.pipes[pipe].ends[1] = End::Machine {
            index,
            life,
            stream: Some(stream),
        };
        self.streams.insert((index, stream), (pipe, 1));
        let from = match from {
            End::Machine { index, .. } => FarEnd::Party(self.party_of(index)),
            End::Door { .. } => FarEnd::Gateway,
        };
        self.tell(index, life, FromHost::StreamOpened { stream, from });
    }

    pub(super) fn stream_data(&mut self, index: usize, stream: StreamId, bytes: &[u8]) {
        if let Some((pipe, end)) = self.streams.get(&(index, stream)).copied() {
            return self.carry(pipe, 1 - end, bytes);
        }
        let mut fresh = [0; 32];
        self.rng.fill_bytes(&mut fresh);
        let now_ms = self.now_ms();
        let answer = self
            .machine(index)
            .custodian_hears(stream, bytes, fresh, now_ms);
        if let Some(bytes) = answer {
            self.soon(index, FromHost::StreamData { stream, bytes });
        }
    }

    /// Carries a piece of a stream to an end, as hosts do.
    pub(super) fn carry(&mut self, pipe: usize, end: usize, bytes: &[u8]) {
        if !self.pipes[pipe].open || bytes.is_empty() {
            return;
        }
        let fate = Fate::draw(&mut self.rng, self.rarity);
        self.mischief.faults += u64::from(fate != Fate::Arrives);
        let earliest_ms = self.now_ms() + 1 + self.upto(3);
        let mut bytes = bytes.to_vec();
        match fate {
            Fate::Lost => return,
            Fate::Cut => return self.cut(pipe, end),
            Fate::Overtaken => {
                let pause = 1 + self.upto(100);
                return self.when(earliest_ms + pause, Event::Bytes { pipe, end, bytes });
            }
            Fate::Changed => {
                let bit = self.upto(u32::try_from(8 * bytes.len()).unwrap());
                bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
            }
            Fate::Doubled => {
                let at_ms = self.pipes[pipe].arrival(end, earliest_ms);
                let bytes = bytes.clone();
                self.when(at_ms, Event::Bytes { pipe, end, bytes });
            }
            Fate::Arrives | Fate::Late(_) => {}
        }
        let late_ms = if let Fate::Late(ms) = fate { ms } else { 0 };
        let at_ms = self.pipes[pipe].arrival(end, earliest_ms + late_ms);
        self.when(at_ms, Event::Bytes { pipe, end, bytes });
    }

    /// Ends a pipe from one end: the other hears of it.
    pub(super) fn cut(&mut self, pipe: usize, from: usize) {
        if !std::mem::replace(&mut self.pipes[pipe].open, false) {
            return;
        }
        for end in [from, 1 - from] {
            let earliest_ms = self.now_ms() + 1;
            let at_ms = self.pipes[pipe].arrival(end, earliest_ms);
            self.when(at_ms, Event::Closes { pipe, end });
        }
    }

    pub(super) fn bytes(&mut self, pipe: usize, end: usize, bytes: Vec<u8>) {
        match self.pipes[pipe].ends[end] {
            End::Machine {
                index,
                life,
                stream: Some(stream),
            } => self.tell(index, life, FromHost::StreamData { stream, bytes }),
            End::Machine { stream: None, .. } => {}
            End::Door { party } => {
                let now_ms = self.now_ms();
                match self.door.hears(party, pipe, &bytes, now_ms) {
                    Some((reply, answers)) => {
                        self.answers.extend(answers.into_iter().map(|a| (party, a)));
                        self.carry(pipe, 1, &reply);
                    }
                    None => self.cut(pipe, end),
                }
            }
        }
    }

    pub(super) fn closes(&mut self, pipe: usize, end: usize) {
        match self.pipes[pipe].ends[end] {
            End::Machine {
                index,
                life,
                stream: Some(stream),
            } => {
                if self.streams.remove(&(index, stream)).is_some() {
                    self.tell(index, life, FromHost::StreamClosed { stream });
                }
            }
            End::Machine { stream: None, .. } => {}
            End::Door { party } => {
                self.door.closed(party, pipe);
                self.at(REOPEN_MS, Event::OpenDoor(party));
            }
        }
    }

    pub(super) fn open_door(&mut self, party: usize) {
        if self.door.has_stream(party) {
            return;
        }
        if self.machine(party).enclave.is_none() {
            return self.at(REOPEN_MS, Event::OpenDoor(party));
        }
        let pipe = self.lay(End::Door { party }, party);
        let mut nonce = [0; 32];
        self.rng.fill_bytes(&mut nonce);
        let now_ms = self.now_ms();
        let to = self.party_of(party);
        let at = (party, pipe);
        let first = self.door.open(self.network, to, at, nonce, now_ms);
        self.carry(pipe, 1, &first);
    }
}

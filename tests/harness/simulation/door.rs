//! The gateway's end: an attested session with each party, and the answers that come back.

use std::sync::Arc;

use boop_channel::{Expectation, Local, LocalKeys, Session};
use boop_wire::PartyIndex;
use boop_wire::binding::Role;
use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::job::{PartyAnswer, PartyCall, PartyWord, Progress};
use boop_wire::session::Side;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::simulation::machine::MACHINES_MAX;
use crate::simulation::network::Network;

/// As long as the gateway of the product.
const SILENCE_MS_MAX: u64 = 60_000;

/// The keys of the parties that the door has sessions with.
#[derive(Debug, Clone, Copy)]
pub struct PartyKeys {
    /// Signs what the party says.
    pub identity: [u8; 32],
    /// Opens what is sealed to the party.
    pub hpke: [u8; 32],
}

/// The gateway.
pub struct Door {
    keys: Arc<LocalKeys>,
    sessions: [Option<(usize, Session)>; MACHINES_MAX],
    /// Since when each machine was asked without a word.
    asked_ms: [Option<u64>; MACHINES_MAX],
    /// How far each machine's party said it is.
    pub progress: [Option<Progress>; MACHINES_MAX],
}

impl Door {
    /// A gateway without sessions.
    pub fn new(rng: &mut ChaCha8Rng) -> Self {
        let keys = LocalKeys::generate(&mut |out: &mut [u8]| rng.fill_bytes(out)).unwrap();
        Self {
            keys: Arc::new(keys),
            sessions: [const { None }; MACHINES_MAX],
            asked_ms: [None; MACHINES_MAX],
            progress: [None; MACHINES_MAX],
        }
    }

    /// Tells whether there is a stream to a party.
    pub const fn has_stream(&self, party: usize) -> bool {
        self.sessions[party].is_some()
    }

    /// Starts a session with a party, at a machine on a pipe, and returns its first bytes.
    pub fn open(
        &mut self,
        network: &Network,
        party: PartyIndex,
        (machine, pipe): (usize, usize),
        nonce: [u8; 32],
        now_ms: u64,
    ) -> Vec<u8> {
        let local = Local {
            keys: Arc::clone(&self.keys),
            evidence: network.gateway_evidence(&self.keys, now_ms),
            trust: Arc::clone(&network.trust),
        };
        let expect = Expectation::boot(Role::Party, Some(party));
        let mut session = Session::new(Side::Client, local, expect, nonce).unwrap();
        let bytes = session.take_output();
        self.sessions[machine] = Some((pipe, session));
        self.asked_ms[machine] = None;
        bytes
    }

    /// Takes bytes of a party's stream: what must go back, and the answers, or that it is over.
    pub fn hears(
        &mut self,
        party: usize,
        pipe: usize,
        bytes: &[u8],
        now_ms: u64,
    ) -> Option<(Vec<u8>, Vec<PartyAnswer>)> {
        let (_, session) = self.sessions[party]
            .as_mut()
            .filter(|(on, _)| *on == pipe)?;
        if session.receive(bytes, now_ms).is_err() {
            self.sessions[party] = None;
            return None;
        }
        let messages = std::iter::from_fn(|| session.next_message());
        let mut answers = Vec::new();
        for message in messages {
            match from_canonical(&message).expect("a party speaks in canonical form") {
                PartyWord::Answer(answer) => answers.push(answer),
                PartyWord::Progress(progress) => self.progress[party] = Some(progress),
                PartyWord::Leaving => {}
            }
        }
        if !answers.is_empty() {
            self.asked_ms[party] = None;
        }
        Some((session.take_output(), answers))
    }

    /// Notes that a stream is over.
    pub fn closed(&mut self, party: usize, pipe: usize) {
        self.sessions[party].take_if(|(on, _)| *on == pipe);
    }

    /// Returns what a session vouches for, once it is established.
    pub fn keys_of(&self, party: usize) -> Option<PartyKeys> {
        let (_, session) = self.sessions[party].as_ref()?;
        let keys = &session.peer()?.judged.binding.keys;
        Some(PartyKeys {
            identity: keys.identity,
            hpke: keys.hpke,
        })
    }

    /// Returns the pipe of a party that was asked and is silent for as long as the gateway bears.
    pub fn silent(&self, party: usize, now_ms: u64) -> Option<usize> {
        let (pipe, _) = self.sessions[party].as_ref()?;
        let asked_ms = self.asked_ms[party]?;
        (now_ms >= asked_ms + SILENCE_MS_MAX).then_some(*pipe)
    }

    /// Encrypts a call: the pipe it goes on, and its bytes.
    pub fn call(
        &mut self,
        party: usize,
        call: &PartyCall,
        now_ms: u64,
    ) -> Option<(usize, Vec<u8>)> {
        let (pipe, session) = self.sessions[party].as_mut()?;
        session.send(&to_canonical(call)).ok()?;
        self.asked_ms[party].get_or_insert(now_ms);
        Some((*pipe, session.take_output()))
    }
}

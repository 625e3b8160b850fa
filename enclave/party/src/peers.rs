//! The sessions with the two other parties, and the agreement that makes three a network.
//!
//! Party `i` opens the stream to `j` where `i < j`. Once both sessions stand, a party tells each
//! neighbour the edge it has with the other one and the head of its store. All three edges
//! together name the session that every seed depends on; equal heads let the parties serve. A
//! neighbour whose lease is below the highest seen is refused [KEY-4]. Each says every second that
//! it is there, and one that is silent is lost [SES-7].

mod message;
mod stand;

use alloc::vec::Vec;

use boop_abi::{StreamId, ToHost};
use boop_channel::SessionError;
use boop_wire::codec::{digest_of, from_canonical_max, to_canonical};
use boop_wire::{Digest, PartyIndex, Refusal};
use zeroize::Zeroizing;

use crate::limits::{ALIVE_MS, CANDIDATES_MAX, SILENCE_MS_MAX};
use crate::link::Link;
use crate::vault::Head;
pub(crate) use message::{Asked, Begin, JobName, Join, PeerMessage};
pub(crate) use stand::{Stand, Standing};

/// Largest message between parties, in bytes.
const PEER_MESSAGE_BYTES_MAX: usize = boop_mpc::MESSAGE_BYTES_MAX + 64;

/// An established session with a neighbour.
struct Neighbour {
    link: Link,
    joined: Option<Join>,
    heard_ms: u64,
}

/// A stream of which a neighbour is said to be at the far end, and has not proved it yet.
struct Candidate {
    party: PartyIndex,
    link: Link,
}

/// What bytes of a neighbour's stream led to.
pub(crate) struct Received {
    /// Whose stream it is.
    pub(crate) party: PartyIndex,
    /// What the neighbour says.
    pub(crate) messages: Vec<PeerMessage>,
    /// Whether the session was established just now.
    pub(crate) established: bool,
    /// The stream whose place it took, to be closed.
    pub(crate) replaced: Option<StreamId>,
}

/// What was on a stream that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removed {
    /// Nothing of a neighbour's.
    Nothing,
    /// Somebody who never proved to be a neighbour.
    Candidate,
    /// A neighbour.
    Neighbour,
}

/// What the neighbours' joins amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// Somebody is missing, or the edges are still moving.
    Pending,
    /// All three know the same edges and have the same store.
    Agreed {
        /// Digest of the three edges.
        session: Digest,
    },
    /// All three know the same edges, and one has no store: the others give it this one anew.
    Restores {
        /// Digest of the three edges.
        session: Digest,
        /// Who has none.
        lost: PartyIndex,
        /// The head of the others.
        head: Head,
    },
    /// The edges agree; the stores do not stand alike.
    Apart(Standing),
}

/// The two neighbours.
pub(crate) struct Peers {
    me: PartyIndex,
    neighbours: [Option<Neighbour>; PartyIndex::COUNT],
    candidates: Vec<Candidate>,
    leases: [u64; PartyIndex::COUNT],
    alive_after_ms: u64,
}

impl Peers {
    pub(crate) fn new(me: PartyIndex) -> Self {
        let leases = [0; PartyIndex::COUNT];
        Self {
            me,
            neighbours: [None, None, None],
            candidates: Vec::new(),
            leases,
            alive_after_ms: 0,
        }
    }

    /// Takes the leases that were seen before this start.
    pub(crate) fn remember(&mut self, leases: [u64; PartyIndex::COUNT]) {
        self.leases = leases;
    }

    /// Returns the newest lease of a party that was seen.
    pub(crate) const fn lease(&self, party: PartyIndex) -> u64 {
        self.leases[party.as_usize()]
    }

    /// Adds a stream whose far end has yet to prove that it is `party`. Until then an
    /// established session stays where it is.
    pub(crate) fn add_candidate(&mut self, party: PartyIndex, link: Link) -> Result<(), Refusal> {
        let waiting = self
            .candidates
            .iter()
            .filter(|candidate| candidate.party == party)
            .count();
        if waiting >= CANDIDATES_MAX {
            return Err(Refusal::Busy);
        }
        self.candidates.push(Candidate { party, link });
        Ok(())
    }

    /// Removes and returns the streams whose far ends took too long to prove themselves.
    pub(crate) fn drop_late_candidates(&mut self, now_ms: u64) -> Vec<StreamId> {
        let late = self
            .candidates
            .iter()
            .filter(|candidate| candidate.link.late(now_ms));
        let streams = late.map(|candidate| candidate.link.stream()).collect();
        self.candidates
            .retain(|candidate| !candidate.link.late(now_ms));
        streams
    }

    /// Forgets the link on a stream.
    pub(crate) fn remove(&mut self, stream: StreamId) -> Removed {
        if let Some(position) = self.candidate_on(stream) {
            self.candidates.remove(position);
            return Removed::Candidate;
        }
        match self.neighbour_on(stream) {
            Some(party) => {
                self.neighbours[party.as_usize()] = None;
                Removed::Neighbour
            }
            None => Removed::Nothing,
        }
    }

    /// Tells whether a stream is a neighbour's, or of somebody who says so.
    pub(crate) fn owns(&self, stream: StreamId) -> bool {
        self.candidate_on(stream).is_some() || self.neighbour_on(stream).is_some()
    }

    /// Tells whether there is a link, established or not.
    pub(crate) fn has_link(&self, party: PartyIndex) -> bool {
        let waiting = self
            .candidates
            .iter()
            .any(|candidate| candidate.party == party);
        waiting || self.link(party).is_some()
    }

    /// Takes bytes of a neighbour's stream.
    pub(crate) fn receive(
        &mut self,
        stream: StreamId,
        bytes: &[u8],
        now_ms: u64,
        out: &mut Vec<ToHost>,
    ) -> Result<Received, Refusal> {
        if let Some(position) = self.candidate_on(stream) {
            return self.receive_candidate(position, bytes, now_ms, out);
        }
        let party = self.neighbour_on(stream).ok_or(Refusal::Unexpected)?;
        let neighbour = self.neighbours[party.as_usize()]
            .as_mut()
            .ok_or(Refusal::Unexpected)?;
        let frames = neighbour
            .link
            .receive(bytes, now_ms, out)
            .map_err(|e| e.refusal())?;
        if !frames.is_empty() {
            neighbour.heard_ms = now_ms;
        }
        let messages = decode(frames)?;
        Ok(Received {
            party,
            messages,
            established: false,
            replaced: None,
        })
    }

    /// Once a candidate has proved itself with a lease that is not older, it takes its place.
    fn receive_candidate(
        &mut self,
        position: usize,
        bytes: &[u8],
        now_ms: u64,
        out: &mut Vec<ToHost>,
    ) -> Result<Received, Refusal> {
        let candidate = &mut self.candidates[position];
        let party = candidate.party;
        let frames = candidate
            .link
            .receive(bytes, now_ms, out)
            .map_err(|e| e.refusal())?;
        let Some(lease) = candidate.link.peer().map(|peer| peer.judged.binding.lease) else {
            return Ok(Received {
                party,
                messages: Vec::new(),
                established: false,
                replaced: None,
            });
        };
        if lease < self.leases[party.as_usize()] {
            return Err(Refusal::Stale);
        }
        self.leases[party.as_usize()] = lease;
        let messages = decode(frames)?;
        let link = self.candidates.remove(position).link;
        let neighbour = Neighbour {
            link,
            joined: None,
            heard_ms: now_ms,
        };
        let old = self.neighbours[party.as_usize()].replace(neighbour);
        let replaced = old.map(|neighbour| neighbour.link.stream());
        Ok(Received {
            party,
            messages,
            established: true,
            replaced,
        })
    }

    /// Tells the neighbours now and then that this party is there, and returns the streams of
    /// those that have been silent for too long.
    pub(crate) fn keep_alive(&mut self, now_ms: u64, out: &mut Vec<ToHost>) -> Vec<StreamId> {
        if now_ms >= self.alive_after_ms {
            self.alive_after_ms = now_ms + ALIVE_MS;
            for to in self.me.others() {
                // A neighbour that cannot be told is found out when its stream ends.
                let _ = self.send(to, &PeerMessage::Alive, out);
            }
        }
        let neighbours = self.neighbours.iter().flatten();
        let silent = neighbours.filter(|one| now_ms >= one.heard_ms + SILENCE_MS_MAX);
        silent.map(|one| one.link.stream()).collect()
    }

    fn candidate_on(&self, stream: StreamId) -> Option<usize> {
        self.candidates
            .iter()
            .position(|candidate| candidate.link.stream() == stream)
    }

    fn neighbour_on(&self, stream: StreamId) -> Option<PartyIndex> {
        let on = |party: &PartyIndex| self.link(*party).is_some_and(|l| l.stream() == stream);
        PartyIndex::ALL.into_iter().find(on)
    }

    /// Sends a message to a neighbour.
    pub(crate) fn send(
        &mut self,
        to: PartyIndex,
        message: &PeerMessage,
        out: &mut Vec<ToHost>,
    ) -> Result<(), SessionError> {
        match self.neighbours[to.as_usize()].as_mut() {
            Some(neighbour) => {
                let bytes = Zeroizing::new(to_canonical(message));
                neighbour.link.send(&bytes, out)
            }
            None => Err(SessionError::Unexpected),
        }
    }

    /// Tells both neighbours the other edge and how this store stands, if both sessions stand, and
    /// asks for theirs.
    pub(crate) fn announce(&mut self, stand: Stand, out: &mut Vec<ToHost>) {
        for to in self.me.others() {
            self.tell_join(to, stand, true, out);
        }
    }

    /// Answers a neighbour that asked.
    pub(crate) fn reply(&mut self, to: PartyIndex, stand: Stand, out: &mut Vec<ToHost>) {
        self.tell_join(to, stand, false, out);
    }

    fn tell_join(&mut self, to: PartyIndex, stand: Stand, asks: bool, out: &mut Vec<ToHost>) {
        let [one, two] = self.me.others();
        let third = if to == one { two } else { one };
        let (Some(_), Some(edge)) = (self.edge(to), self.edge(third)) else {
            return;
        };
        // A neighbour that cannot be told is found out when its stream ends.
        let _ = self.send(to, &PeerMessage::Join(Join { edge, stand, asks }), out);
    }

    /// Forgets both neighbours and returns their streams, to be closed.
    pub(crate) fn drop_all(&mut self) -> Vec<StreamId> {
        let neighbours = self.neighbours.iter_mut().filter_map(Option::take);
        neighbours
            .map(|neighbour| neighbour.link.stream())
            .collect()
    }

    /// Notes what a neighbour announced.
    pub(crate) fn note(&mut self, from: PartyIndex, join: Join) {
        if let Some(neighbour) = self.neighbours[from.as_usize()].as_mut() {
            neighbour.joined = Some(join);
        }
    }

    /// Returns the edge that a neighbour announced last.
    pub(crate) fn announced_edge(&self, party: PartyIndex) -> Option<Digest> {
        self.joined(party).map(|join| join.edge)
    }

    /// Forgets what was announced: edges are moving, and all three announce anew.
    pub(crate) fn forget_joins(&mut self) {
        for neighbour in self.neighbours.iter_mut().flatten() {
            neighbour.joined = None;
        }
    }

    /// Compares what the neighbours announced with the own view.
    pub(crate) fn agreement(&self, own: Stand) -> Agreement {
        let [one, two] = self.me.others();
        let (Some(to_one), Some(to_two)) = (self.edge(one), self.edge(two)) else {
            return Agreement::Pending;
        };
        let (Some(join_one), Some(join_two)) = (self.joined(one), self.joined(two)) else {
            return Agreement::Pending;
        };
        if join_one.edge != join_two.edge {
            return Agreement::Pending;
        }
        let mut edges = [to_one, to_two, join_one.edge];
        edges.sort_unstable();
        let session = digest_of("network-session", &edges);
        match own.beside([join_one.stand, join_two.stand]) {
            Standing::Same => Agreement::Agreed { session },
            Standing::Restores => {
                let (lost, head) = match (own.lost, join_one.stand.lost) {
                    (true, _) => (self.me, join_one.stand.head),
                    (false, true) => (one, own.head),
                    (false, false) => (two, own.head),
                };
                Agreement::Restores {
                    session,
                    lost,
                    head,
                }
            }
            apart => Agreement::Apart(apart),
        }
    }

    /// Returns the secret shared with a neighbour, from which seeds of jobs are derived.
    pub(crate) fn seed_secret(&self, party: PartyIndex) -> Result<[u8; 32], Refusal> {
        let link = self.link(party).ok_or(Refusal::PartyUnavailable)?;
        link.export("mpc-seeds")
            .map_err(|_| Refusal::PartyUnavailable)
    }

    /// Returns the neighbours' sessions, and those that are still being opened.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        let neighbours = self.neighbours.iter().flatten().map(|one| &one.link);
        neighbours.chain(self.candidates.iter().map(|one| &one.link))
    }

    fn link(&self, party: PartyIndex) -> Option<&Link> {
        self.neighbours[party.as_usize()]
            .as_ref()
            .map(|neighbour| &neighbour.link)
    }

    fn edge(&self, party: PartyIndex) -> Option<Digest> {
        self.link(party)?.peer().map(|peer| peer.edge)
    }

    fn joined(&self, party: PartyIndex) -> Option<Join> {
        self.neighbours[party.as_usize()].as_ref()?.joined
    }
}

fn decode(frames: Vec<Vec<u8>>) -> Result<Vec<PeerMessage>, Refusal> {
    let decode = |frame: Zeroizing<Vec<u8>>| from_canonical_max(&frame, PEER_MESSAGE_BYTES_MAX);
    frames
        .into_iter()
        .map(Zeroizing::new)
        .map(decode)
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::Malformed)
}

//! The sessions with the two other parties, and the agreement that makes three a network.
//!
//! Party `i` opens the stream to `j` where `i < j`. Once both sessions stand, a party tells each
//! neighbour the edge it has with the other one and the head of its store. All three edges
//! together name the session that every seed depends on; equal heads let the parties serve.

use alloc::vec::Vec;

use boop_abi::{StreamId, ToHost};
use boop_channel::SessionError;
use boop_wire::codec::{digest_of, from_canonical_max, to_canonical};
use boop_wire::{Digest, PartyIndex, Refusal, RequestId};
use minicbor::{Decode, Encode};

use crate::link::Link;
use crate::vault::Head;

/// Largest message between parties, in bytes.
const PEER_MESSAGE_BYTES_MAX: usize = boop_mpc::MESSAGE_BYTES_MAX + 64;

/// What parties say to each other.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum PeerMessage {
    /// How the sender sees the other edge, and its store.
    #[n(0)]
    Join(#[n(0)] Join),
    /// From party 0: this request is next.
    #[n(1)]
    Begin(#[n(0)] Begin),
    /// A message of the matching protocol.
    #[n(2)]
    Step {
        #[n(0)]
        job: u64,
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// The job is over without a result.
    #[n(3)]
    Abort {
        #[n(0)]
        job: u64,
        #[n(1)]
        refusal: Refusal,
    },
}

/// See [`PeerMessage::Join`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Join {
    /// The edge between the sender and the party that the receiver is not.
    #[n(0)]
    pub(crate) edge: Digest,
    /// Head of the sender's store.
    #[n(1)]
    pub(crate) head: Head,
}

/// See [`PeerMessage::Begin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Begin {
    /// Number of the job, one more each time.
    #[n(0)]
    pub(crate) job: u64,
    /// The request that is served.
    #[n(1)]
    pub(crate) request: RequestId,
    /// Digest of the call as party 0 has it.
    #[n(2)]
    pub(crate) call: Digest,
}

struct Neighbour {
    link: Link,
    joined: Option<Join>,
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
    /// The edges agree; a neighbour's store has another head.
    HeadsDiffer {
        /// The neighbour's head.
        theirs: Head,
    },
}

/// The two neighbours.
pub(crate) struct Peers {
    me: PartyIndex,
    neighbours: [Option<Neighbour>; PartyIndex::COUNT],
    leases: [u64; PartyIndex::COUNT],
}

impl Peers {
    pub(crate) fn new(me: PartyIndex) -> Self {
        Self {
            me,
            neighbours: [None, None, None],
            leases: [0; PartyIndex::COUNT],
        }
    }

    /// Puts a new link in the place of an old one and returns the old stream, to be closed.
    pub(crate) fn replace(&mut self, party: PartyIndex, link: Link) -> Option<StreamId> {
        let old = self.neighbours[party.as_usize()].replace(Neighbour { link, joined: None });
        old.map(|neighbour| neighbour.link.stream())
    }

    /// Forgets the link on a stream and returns whose it was.
    pub(crate) fn remove(&mut self, stream: StreamId) -> Option<PartyIndex> {
        let party = self.party_on(stream)?;
        self.neighbours[party.as_usize()] = None;
        Some(party)
    }

    /// Returns the neighbour on a stream.
    pub(crate) fn party_on(&self, stream: StreamId) -> Option<PartyIndex> {
        PartyIndex::ALL.into_iter().find(|party| {
            self.link(*party)
                .is_some_and(|link| link.stream() == stream)
        })
    }

    /// Tells whether there is a link, established or not.
    pub(crate) fn has_link(&self, party: PartyIndex) -> bool {
        self.link(party).is_some()
    }

    /// Takes bytes of a neighbour's stream.
    ///
    /// The second value tells whether the session was established just now.
    pub(crate) fn receive(
        &mut self,
        party: PartyIndex,
        bytes: &[u8],
        now_ms: u64,
        out: &mut Vec<ToHost>,
    ) -> Result<(Vec<PeerMessage>, bool), Refusal> {
        let neighbour = self.neighbours[party.as_usize()]
            .as_mut()
            .ok_or(Refusal::Unexpected)?;
        let before = neighbour.link.peer().is_some();
        let frames = neighbour
            .link
            .receive(bytes, now_ms, out)
            .map_err(|e| e.refusal())?;
        let peer = neighbour.link.peer();
        let established = !before && peer.is_some();
        if let (true, Some(peer)) = (established, peer) {
            let lease = &mut self.leases[party.as_usize()];
            if peer.judged.binding.lease < *lease {
                return Err(Refusal::Stale);
            }
            *lease = peer.judged.binding.lease;
        }
        let messages = frames
            .iter()
            .map(|frame| from_canonical_max(frame, PEER_MESSAGE_BYTES_MAX))
            .collect::<Result<_, _>>()
            .map_err(|_| Refusal::Malformed)?;
        Ok((messages, established))
    }

    /// Sends a message to a neighbour.
    pub(crate) fn send(
        &mut self,
        to: PartyIndex,
        message: &PeerMessage,
        out: &mut Vec<ToHost>,
    ) -> Result<(), SessionError> {
        match self.neighbours[to.as_usize()].as_mut() {
            Some(neighbour) => neighbour.link.send(&to_canonical(message), out),
            None => Err(SessionError::Unexpected),
        }
    }

    /// Tells both neighbours the other edge and the own head, if both sessions stand.
    pub(crate) fn announce(&mut self, head: Head, out: &mut Vec<ToHost>) {
        let [one, two] = self.me.others();
        let (Some(edge_one), Some(edge_two)) = (self.edge(one), self.edge(two)) else {
            return;
        };
        for (to, edge) in [(one, edge_two), (two, edge_one)] {
            // A neighbour that cannot be told is found out when its stream ends.
            let _ = self.send(to, &PeerMessage::Join(Join { edge, head }), out);
        }
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
    pub(crate) fn agreement(&self, head: Head) -> Agreement {
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
        for join in [join_one, join_two] {
            if join.head != head {
                return Agreement::HeadsDiffer { theirs: join.head };
            }
        }
        let mut edges = [to_one, to_two, join_one.edge];
        edges.sort_unstable();
        Agreement::Agreed {
            session: digest_of("network-session", &edges),
        }
    }

    /// Returns the secret shared with a neighbour, from which seeds of jobs are derived.
    pub(crate) fn seed_secret(&self, party: PartyIndex) -> Result<[u8; 32], Refusal> {
        let link = self.link(party).ok_or(Refusal::PartyUnavailable)?;
        link.export("mpc-seeds")
            .map_err(|_| Refusal::PartyUnavailable)
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

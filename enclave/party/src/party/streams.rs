//! Streams of the host: which session each carries, and what its messages lead to.

use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_abi::{Event, FarEnd, StreamId, ToHost};
use boop_channel::Expectation;
use boop_wire::binding::{Purpose, Role};
use boop_wire::codec::from_canonical_max;
use boop_wire::job::{CALL_BYTES_MAX, PartyCall};
use boop_wire::session::Side;
use boop_wire::{PartyIndex, Refusal};

use super::store::tell_progress;
use super::{Party, Store};
use crate::limits::{GATEWAYS_MAX, GATEWAYS_OPENING_MAX, RELEASE_RETRY_MS, RELINK_MS};
use crate::link::Link;
use crate::peers::{PeerMessage, Removed};
use crate::platform::Platform;
use crate::release::Step;

impl<P: Platform> Party<P> {
    pub(super) fn stream_opened(&mut self, stream: StreamId, from: FarEnd) {
        if !stream.0.is_multiple_of(2) || stream.0 <= self.newest_host_stream {
            return self.stop(Refusal::Unexpected);
        }
        self.newest_host_stream = stream.0;
        let result = match from {
            FarEnd::Party(party) => self.accept_peer(stream, party),
            FarEnd::Gateway => self.accept_gateway(stream),
            FarEnd::Custodian => Err(Refusal::Unexpected),
        };
        if let Err(refusal) = result {
            self.refuse_stream(stream, refusal);
        }
    }

    pub(super) fn stream_data(&mut self, stream: StreamId, bytes: &[u8]) {
        if self.release.as_ref().is_some_and(|(on, _)| *on == stream) {
            return self.release_data(bytes);
        }
        if self.anchors.owns(stream) {
            return self.anchor_data(stream, bytes);
        }
        if self.peers.owns(stream) {
            return self.peer_data(stream, bytes);
        }
        // A stream closed a moment ago may still have bytes on their way; they go nowhere.
        if self.gateways.contains_key(&stream) {
            self.gateway_data(stream, bytes);
        }
    }

    pub(super) fn stream_closed(&mut self, stream: StreamId) {
        if self.release.as_ref().is_some_and(|(on, _)| *on == stream) {
            self.release = None;
        } else if self.anchors.owns(stream) {
            self.anchors.lose(self.now_ms);
        } else if self.peers.owns(stream) {
            self.lose_peer(stream);
        } else if self.gateways.remove(&stream).is_some() {
            self.forget_gateway(stream);
        }
    }

    pub(super) fn open_link(&mut self, party: PartyIndex) {
        let stream = self.open_stream(FarEnd::Party(party));
        if let Err(refusal) = self.start_peer(stream, party, Side::Client) {
            self.refuse_stream(stream, refusal);
        }
    }

    fn accept_peer(&mut self, stream: StreamId, party: PartyIndex) -> Result<(), Refusal> {
        if party >= self.config.index || self.escrow.is_none() {
            return Err(Refusal::Unexpected);
        }
        self.start_peer(stream, party, Side::Server)
    }

    fn start_peer(
        &mut self,
        stream: StreamId,
        party: PartyIndex,
        side: Side,
    ) -> Result<(), Refusal> {
        let link = self.new_link(stream, side, Role::Party, Some(party))?;
        self.peers.add_candidate(party, link)
    }

    /// Closes streams whose far ends took too long to prove themselves.
    pub(super) fn close_late_streams(&mut self) {
        let now_ms = self.now_ms;
        let late = self.gateways.iter().filter(|(_, link)| link.late(now_ms));
        let mut streams: Vec<StreamId> = late.map(|(stream, _)| *stream).collect();
        self.gateways.retain(|_, link| !link.late(now_ms));
        streams.extend(self.peers.drop_late_candidates(now_ms));
        for stream in streams {
            self.refuse_stream(stream, Refusal::DeadlineExceeded);
        }
    }

    /// Shows the neighbours that this party is there, and gives up those that do not [SES-7].
    pub(super) fn keep_alive(&mut self) {
        for stream in self.peers.keep_alive(self.now_ms, &mut self.out) {
            self.refuse_stream(stream, Refusal::DeadlineExceeded);
            self.lose_peer(stream);
        }
    }

    fn accept_gateway(&mut self, stream: StreamId) -> Result<(), Refusal> {
        let opening = self
            .gateways
            .values()
            .filter(|link| link.peer().is_none())
            .count();
        if self.gateways.len() >= GATEWAYS_MAX || opening >= GATEWAYS_OPENING_MAX {
            return Err(Refusal::Busy);
        }
        let link = self.new_link(stream, Side::Server, Role::Gateway, None)?;
        self.gateways.insert(stream, link);
        Ok(())
    }

    fn new_link(
        &mut self,
        stream: StreamId,
        side: Side,
        role: Role,
        party: Option<PartyIndex>,
    ) -> Result<Link, Refusal> {
        let local = self.local().ok_or(Refusal::Unexpected)?;
        let nonce = self.random().ok_or(Refusal::Internal)?;
        let expect = Expectation::boot(role, party);
        let link = Link::new(stream, side, local, expect, nonce);
        let mut link = link
            .map_err(|error| error.refusal())?
            .opened_at(self.now_ms);
        link.flush(&mut self.out);
        Ok(link)
    }

    fn release_data(&mut self, bytes: &[u8]) {
        let Some((stream, mut release)) = self.release.take() else {
            return;
        };
        match release.receive(bytes) {
            Ok(Step::Wait) => self.release = Some((stream, release)),
            Ok(Step::Prove { challenge, setup }) => {
                let trust = self
                    .network
                    .as_ref()
                    .map(|network| Arc::clone(&network.trust));
                let evidence = trust.and_then(|trust| {
                    self.attest(&trust, Purpose::KeyRelease, challenge, Some(setup))
                });
                match evidence.map(|evidence| release.prove(evidence)) {
                    Some(Ok(bytes)) => {
                        self.out.push(ToHost::StreamData { stream, bytes });
                        self.release = Some((stream, release));
                    }
                    Some(Err(refusal)) => self.refuse_stream(stream, refusal),
                    None => self.refuse_stream(stream, Refusal::Internal),
                }
            }
            Ok(Step::Done(leased)) => {
                self.out.push(ToHost::CloseStream { stream });
                match self.store {
                    Store::Locked => self.take_key(leased),
                    Store::Keyed(_) | Store::Lost(_) | Store::Opening(_) | Store::Open(_) => {
                        self.take_next_key(leased);
                    }
                }
            }
            Err(refusal) => {
                self.release_after_ms = self.now_ms + RELEASE_RETRY_MS;
                self.refuse_stream(stream, refusal);
            }
        }
    }

    fn peer_data(&mut self, stream: StreamId, bytes: &[u8]) {
        let received = match self
            .peers
            .receive(stream, bytes, self.now_ms, &mut self.out)
        {
            Ok(received) => received,
            Err(refusal) => {
                self.refuse_stream(stream, refusal);
                return self.lose_peer(stream);
            }
        };
        if let Some(old) = received.replaced {
            self.out.push(ToHost::CloseStream { stream: old });
            self.peer_lost();
        }
        if received.established {
            self.peer_is_back(received.party);
            self.note_lease(received.party);
            self.share_secrets(received.party);
            self.announce();
        }
        for message in received.messages {
            if let Err(refusal) = self.peer_message(received.party, message) {
                self.refuse_stream(stream, refusal);
                return self.lose_peer(stream);
            }
        }
    }

    fn peer_message(&mut self, from: PartyIndex, message: PeerMessage) -> Result<(), Refusal> {
        match message {
            PeerMessage::Join(join) => self.take_join(from, join),
            PeerMessage::Begin(begin) => self.begun(from, begin),
            PeerMessage::Step { job, bytes } => match job.number {
                0 => self.restoring_step(from, job, bytes),
                _ => self.job_step(from, job, bytes),
            },
            PeerMessage::Written { job } => self.peer_has_written(from, job),
            PeerMessage::Abort { job, refusal } => self.job_aborted(job, refusal),
            PeerMessage::Alive => {}
            PeerMessage::SecretAsk { epoch } => self.secret_asked(from, epoch),
            PeerMessage::Secret { epoch, secret } => self.secret_told(from, epoch, secret),
            PeerMessage::SecretKeep { epoch, secret } => {
                return self.secret_given(from, epoch, secret);
            }
            PeerMessage::SecretKept { epoch } => self.secret_kept(from, epoch),
            PeerMessage::Renew { epoch } => self.renewal_asked(from, epoch),
            PeerMessage::Ready { epoch } => self.peer_ready(from, epoch),
            PeerMessage::Leaving => self.peer_leaves(from),
            PeerMessage::Closed => self.jobs_closed(from),
            PeerMessage::Finished => self.peer_has_finished(from),
            PeerMessage::Helps { job, refresh } => self.peer_helps(from, job, refresh),
            PeerMessage::FactsAsk { job, after } => self.facts_asked(from, job, after),
            PeerMessage::Facts { job, facts } => self.facts_told(from, job, facts),
            PeerMessage::SharesAsk { job } => self.shares_asked(from, job),
        }
        Ok(())
    }

    fn gateway_data(&mut self, stream: StreamId, bytes: &[u8]) {
        let Some(link) = self.gateways.get_mut(&stream) else {
            return;
        };
        let is_new = link.peer().is_none();
        let messages = link.receive(bytes, self.now_ms, &mut self.out);
        if let Some(progress) = self.progress.filter(|_| is_new) {
            tell_progress(link, progress, &mut self.out);
        }
        let calls = messages
            .map_err(|error| error.refusal())
            .and_then(|messages| {
                let decode = |bytes: &Vec<u8>| from_canonical_max(bytes, CALL_BYTES_MAX);
                let calls: Result<Vec<PartyCall>, _> = messages.iter().map(decode).collect();
                calls.map_err(|_| Refusal::Malformed)
            });
        match calls {
            Ok(calls) => calls
                .into_iter()
                .for_each(|call| self.take_call(stream, call)),
            Err(refusal) => {
                self.gateways.remove(&stream);
                self.forget_gateway(stream);
                self.refuse_stream(stream, refusal);
            }
        }
    }

    pub(super) fn lose_peer(&mut self, stream: StreamId) {
        match self.peers.remove(stream) {
            Removed::Nothing => {}
            Removed::Candidate => self.relink_after_ms = self.now_ms + RELINK_MS,
            Removed::Neighbour => {
                self.relink_after_ms = self.now_ms + RELINK_MS;
                self.peer_lost();
            }
        }
    }

    pub(super) fn refuse_stream(&mut self, stream: StreamId, refusal: Refusal) {
        self.out
            .push(ToHost::Event(Event::SessionRefused { stream, refusal }));
        self.out.push(ToHost::CloseStream { stream });
    }
}

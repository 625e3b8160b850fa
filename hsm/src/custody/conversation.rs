//! One connection's requests, in the only order in which they may come.

use std::sync::Arc;

use boop_wire::InstanceId;
use boop_wire::codec::from_canonical_max;
use boop_wire::release::{RELEASE_BYTES_MAX, ReleaseAnswer, ReleaseRequest};

use super::{Custody, ReleaseError};

/// One connection's way to a key, without the connection.
#[derive(Debug)]
pub struct Conversation {
    custody: Arc<Custody>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Challenged([u8; 32], u32),
    Over,
}

impl Conversation {
    /// Starts with the first request.
    pub const fn new(custody: Arc<Custody>) -> Self {
        Self {
            custody,
            state: State::New,
        }
    }

    /// Tells whether the last answer has been given.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Answers a message; `fresh` is 32 random bytes, the challenge if one is due.
    pub fn handle(&mut self, frame: &[u8], fresh: [u8; 32], now_ms: u64) -> ReleaseAnswer {
        let state = std::mem::replace(&mut self.state, State::Over);
        let request: ReleaseRequest = match from_canonical_max(frame, RELEASE_BYTES_MAX) {
            Ok(request) => request,
            Err(error) => return self.refuse(&error.into(), None, now_ms),
        };
        match (state, request) {
            (
                State::New,
                request @ (ReleaseRequest::Begin { party } | ReleaseRequest::BeginNext { party }),
            ) => {
                if party != self.custody.settings.party {
                    return self.refuse(&ReleaseError::WrongParty { asked: party }, None, now_ms);
                }
                let present = self.custody.present();
                let epoch = match request {
                    ReleaseRequest::BeginNext { .. } => present.saturating_add(1),
                    _ => present,
                };
                self.state = State::Challenged(fresh, epoch);
                ReleaseAnswer::Challenge {
                    challenge: fresh,
                    mechanism: self.custody.token.mechanism(),
                }
            }
            (State::Challenged(challenge, epoch), ReleaseRequest::Prove { evidence, setup }) => {
                let asked = (challenge, epoch);
                match self.custody.prove(&evidence, &setup, asked, now_ms) {
                    Ok(released) => ReleaseAnswer::Released(released),
                    Err(error) => {
                        let claimed = evidence.binding().ok().map(|binding| binding.instance);
                        self.refuse(&error, claimed, now_ms)
                    }
                }
            }
            (State::New, ReleaseRequest::Anchor(asked)) => {
                match self.custody.anchor(&asked, now_ms) {
                    Ok(signature) => ReleaseAnswer::Anchored { signature },
                    Err(error) => self.refuse(&error, None, now_ms),
                }
            }
            (State::New, ReleaseRequest::Retire(asked)) => {
                match self.custody.retire(&asked, now_ms) {
                    Ok(signature) => ReleaseAnswer::Retired { signature },
                    Err(error) => self.refuse(&error, None, now_ms),
                }
            }
            (State::New | State::Over, ReleaseRequest::Prove { .. })
            | (
                State::Challenged(..) | State::Over,
                ReleaseRequest::Anchor(_)
                | ReleaseRequest::Retire(_)
                | ReleaseRequest::Begin { .. }
                | ReleaseRequest::BeginNext { .. },
            ) => self.refuse(&ReleaseError::Unexpected, None, now_ms),
        }
    }

    fn refuse(
        &self,
        error: &ReleaseError,
        claimed: Option<InstanceId>,
        now_ms: u64,
    ) -> ReleaseAnswer {
        ReleaseAnswer::Refused {
            refusal: self.custody.refuse(error, claimed, now_ms),
        }
    }
}

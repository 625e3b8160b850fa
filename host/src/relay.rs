//! The handshake between hosts: each shows its enclave's boot evidence, and judges the other's,
//! before a byte is piped [REL-1].
//!
//! ```text
//!  caller                                  callee
//!    |  RelayHello { from, to, evidence } --> |  judge, find room
//!    |  <------ Accepted { evidence } | Refused
//!  judge
//!    |  <------- bytes of the enclaves -----> |
//! ```

use std::io::ErrorKind;
use std::sync::Arc;

use boop_abi::FarEnd;
use boop_channel::{Expectation, JudgeError, Judged};
use boop_daemon::{AttestedError, LiveTrust, read_frame, write_frame};
use boop_wire::binding::Role;
use boop_wire::codec::{CodecError, from_canonical_max, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::relay::{HELLO_BYTES_MAX, RelayAnswer, RelayHello};
use boop_wire::{PartyIndex, Refusal};
use tokio::io::{AsyncRead, AsyncWrite};

/// What a host checks others by.
#[derive(Debug, Clone)]
pub struct Fuse {
    /// Whom it believes.
    pub trust: Arc<LiveTrust>,
    /// The party behind this host.
    pub party: PartyIndex,
}

/// Why there is no pipe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// The connection failed or ended.
    #[error("the connection failed: {0}")]
    Io(ErrorKind),
    /// The other end was too slow.
    #[error("the other end took too long")]
    Timeout,
    /// The message announces more than it may.
    #[error("the message is too large")]
    TooLarge,
    /// The message does not decode.
    #[error("the message does not decode")]
    Malformed(#[from] CodecError),
    /// The caller is of another network.
    #[error("the caller is of another network")]
    Network,
    /// The caller wants another party than the one here.
    #[error("the caller wants party {wanted}")]
    WrongParty {
        /// The party it wants.
        wanted: PartyIndex,
    },
    /// The caller says it is something that does not call.
    #[error("neither a gateway nor another party calls")]
    Caller,
    /// The own enclave has shown no evidence yet.
    #[error("the enclave here has shown no evidence yet")]
    NoEvidence,
    /// No more streams are open to the enclave.
    #[error("there is no room for another stream")]
    NoRoom,
    /// The evidence was not accepted.
    #[error("the evidence was not accepted")]
    Evidence(#[from] JudgeError),
    /// The other host refused.
    #[error("the other host refused: {0}")]
    Refused(Refusal),
}

impl RelayError {
    /// Returns the code that may cross the trust edge.
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Io(_) | Self::Timeout | Self::NoEvidence => Refusal::PartyUnavailable,
            Self::TooLarge | Self::Malformed(CodecError::TooLong { .. }) => Refusal::TooLarge,
            Self::Malformed(CodecError::Malformed | CodecError::NotCanonical) => Refusal::Malformed,
            Self::Network => Refusal::WrongNetwork,
            Self::WrongParty { .. } | Self::Caller => Refusal::WrongRole,
            Self::NoRoom => Refusal::Busy,
            Self::Evidence(error) => error.refusal(),
            Self::Refused(refusal) => *refusal,
        }
    }
}

impl From<AttestedError> for RelayError {
    fn from(error: AttestedError) -> Self {
        match error {
            AttestedError::Frame(_) => Self::TooLarge,
            AttestedError::Io(error) => Self::Io(error.kind()),
            AttestedError::Timeout => Self::Timeout,
            AttestedError::Session(_) => Self::Io(ErrorKind::Other),
        }
    }
}

/// A caller whose evidence was accepted.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) far_end: FarEnd,
    pub(crate) judged: Judged,
}

impl Fuse {
    /// Asks the host at the other end of `stream` for a pipe to party `to`.
    ///
    /// # Errors
    /// If the other host refuses, or shows evidence that is not accepted.
    pub(crate) async fn call<S>(
        &self,
        stream: &mut S,
        to: PartyIndex,
        own: EvidenceBundle,
        now_ms: u64,
    ) -> Result<Judged, RelayError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let hello = RelayHello {
            network: self.trust.now().manifest().network(),
            from: Role::Party,
            from_party: Some(self.party),
            to,
            evidence: own,
        };
        write_frame(stream, &to_canonical(&hello), HELLO_BYTES_MAX).await?;
        let answer = read_frame(stream, HELLO_BYTES_MAX).await?;
        match from_canonical_max(&answer, HELLO_BYTES_MAX)? {
            RelayAnswer::Accepted { evidence } => {
                let expect = Expectation::boot(Role::Party, Some(to));
                Ok(self.trust.now().judge(&evidence, &expect, now_ms)?)
            }
            RelayAnswer::Refused { refusal } => Err(RelayError::Refused(refusal)),
        }
    }

    /// Reads a hello and judges who calls.
    ///
    /// # Errors
    /// If the hello is not for this host, or its evidence is not accepted.
    pub(crate) async fn hear<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        now_ms: u64,
    ) -> Result<Caller, RelayError> {
        let frame = read_frame(stream, HELLO_BYTES_MAX).await?;
        let hello: RelayHello = from_canonical_max(&frame, HELLO_BYTES_MAX)?;
        let trust = self.trust.now();
        if hello.network != trust.manifest().network() {
            return Err(RelayError::Network);
        }
        if hello.to != self.party {
            return Err(RelayError::WrongParty { wanted: hello.to });
        }
        let far_end = match (hello.from, hello.from_party) {
            (Role::Party, Some(party)) if party != self.party => FarEnd::Party(party),
            (Role::Gateway, None) => FarEnd::Gateway,
            (
                Role::Party | Role::Gateway | Role::Ledger | Role::Custodian | Role::Client,
                None | Some(_),
            ) => return Err(RelayError::Caller),
        };
        let expect = Expectation::boot(hello.from, hello.from_party);
        let judged = trust.judge(&hello.evidence, &expect, now_ms)?;
        Ok(Caller { far_end, judged })
    }
}

/// Tells a caller that the pipe is open.
pub(crate) async fn accept<S: AsyncWrite + Unpin>(
    stream: &mut S,
    evidence: EvidenceBundle,
) -> Result<(), RelayError> {
    Ok(send(stream, &RelayAnswer::Accepted { evidence }).await?)
}

/// Tells a caller that there is no pipe.
pub(crate) async fn refuse<S: AsyncWrite + Unpin>(
    stream: &mut S,
    refusal: Refusal,
) -> Result<(), RelayError> {
    Ok(send(stream, &RelayAnswer::Refused { refusal }).await?)
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    answer: &RelayAnswer,
) -> Result<(), AttestedError> {
    write_frame(stream, &to_canonical(answer), HELLO_BYTES_MAX).await
}

#[cfg(test)]
mod tests {
    use boop_wire::Digest;
    use boop_wire::NetworkId;
    use boop_wire::binding::{Binding, Purpose};
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::testing::{NOW_MS, binding, bundle, trust};

    #[tokio::test]
    async fn a_hello_that_is_not_for_this_host_is_refused_by_its_own_code() {
        let good = hello(&claims(|_| ()));
        let cases = [
            (
                RelayHello {
                    network: NetworkId::new([9; 32]),
                    ..good.clone()
                },
                RelayError::Network,
                Refusal::WrongNetwork,
            ),
            (
                RelayHello {
                    to: PartyIndex::ALL[2],
                    ..good.clone()
                },
                RelayError::WrongParty {
                    wanted: PartyIndex::ALL[2],
                },
                Refusal::WrongRole,
            ),
        ];

        for (hello, error, refusal) in cases {
            assert_eq!(heard(&to_canonical(&hello)).await, error);
            assert_eq!(error.refusal(), refusal);
        }
    }

    #[tokio::test]
    async fn only_gateways_and_other_parties_call() {
        let callers = [
            (Role::Party, None),
            (Role::Party, PartyIndex::new(0)),
            (Role::Gateway, PartyIndex::new(1)),
            (Role::Ledger, None),
            (Role::Custodian, None),
            (Role::Client, None),
        ];

        for (from, from_party) in callers {
            let hello = RelayHello {
                from,
                from_party,
                ..hello(&claims(|_| ()))
            };
            assert_eq!(heard(&to_canonical(&hello)).await, RelayError::Caller);
        }
        assert_eq!(RelayError::Caller.refusal(), Refusal::WrongRole);
    }

    #[tokio::test]
    async fn a_caller_whose_evidence_is_not_its_own_is_refused() {
        let cases = [
            (claims(|b| b.party = PartyIndex::new(2)), Refusal::WrongRole),
            (claims(|b| b.role = Role::Gateway), Refusal::WrongRole),
            (
                claims(|b| b.purpose = Purpose::KeyRelease),
                Refusal::EvidenceRefused,
            ),
            (
                claims(|b| b.manifest = Digest::new([9; 32])),
                Refusal::WrongNetwork,
            ),
            (claims(|b| b.made_at_ms = 0), Refusal::Stale),
            (claims(|_| ()), Refusal::Malformed),
        ];

        for (binding, refusal) in cases {
            let error = heard(&to_canonical(&hello(&binding))).await;
            assert!(matches!(error, RelayError::Evidence(_)), "{error:?}");
            assert_eq!(error.refusal(), refusal, "{error:?}");
        }
    }

    #[tokio::test]
    async fn bytes_that_are_no_hello_are_malformed() {
        let error = heard(b"GET / HTTP/1.1").await;

        assert_eq!(error, RelayError::Malformed(CodecError::Malformed));
        assert_eq!(error.refusal(), Refusal::Malformed);
    }

    #[tokio::test]
    async fn a_length_above_the_limit_is_refused_before_the_bytes_come() {
        let (mut near, mut far) = tokio::io::duplex(64);
        far.write_u32(u32::try_from(HELLO_BYTES_MAX + 1).unwrap())
            .await
            .unwrap();

        let error = fuse().hear(&mut near, NOW_MS).await.unwrap_err();

        assert_eq!(error, RelayError::TooLarge);
        assert_eq!(error.refusal(), Refusal::TooLarge);
    }

    #[tokio::test]
    async fn a_caller_gives_up_when_the_other_host_refuses_or_cannot_prove_itself() {
        let answers = [
            (
                RelayAnswer::Refused {
                    refusal: Refusal::Stale,
                },
                RelayError::Refused(Refusal::Stale),
            ),
            (
                RelayAnswer::Accepted {
                    evidence: bundle(&claims(|b| b.made_at_ms = 0)),
                },
                RelayError::Evidence(JudgeError::Stale),
            ),
        ];

        for (answer, error) in answers {
            let (mut near, mut far) = tokio::io::duplex(HELLO_BYTES_MAX);
            send(&mut far, &answer).await.unwrap();
            let own = bundle(&claims(|_| ()));
            let fuse = fuse();
            let called = fuse.call(&mut near, PartyIndex::ALL[1], own, NOW_MS);
            assert_eq!(called.await.unwrap_err(), error);
        }
    }

    #[tokio::test]
    async fn what_a_caller_says_of_itself_is_heard_at_the_other_end() {
        let (mut near, mut far) = tokio::io::duplex(HELLO_BYTES_MAX);
        let own = bundle(&claims(|_| ()));
        let caller = Fuse {
            party: PartyIndex::ALL[1],
            ..fuse()
        };
        let (sent, ()) = tokio::join!(
            caller.call(&mut near, PartyIndex::ALL[0], own, NOW_MS),
            async {
                // The evidence is no chip's, so the last check is the one that refuses.
                let error = fuse().hear(&mut far, NOW_MS).await.unwrap_err();
                assert_eq!(error, RelayError::Evidence(JudgeError::Malformed));
                refuse(&mut far, error.refusal()).await.unwrap();
            }
        );

        assert_eq!(sent.unwrap_err(), RelayError::Refused(Refusal::Malformed));
    }

    fn fuse() -> Fuse {
        Fuse {
            trust: LiveTrust::fixed(trust()),
            party: PartyIndex::ALL[0],
        }
    }

    fn claims(change: impl FnOnce(&mut Binding)) -> Binding {
        let mut binding = binding(&trust(), PartyIndex::ALL[1]);
        change(&mut binding);
        binding
    }

    fn hello(binding: &Binding) -> RelayHello {
        RelayHello {
            network: trust().manifest().network(),
            from: Role::Party,
            from_party: PartyIndex::new(1),
            to: PartyIndex::ALL[0],
            evidence: bundle(binding),
        }
    }

    async fn heard(frame: &[u8]) -> RelayError {
        let (mut near, mut far) = tokio::io::duplex(2 * HELLO_BYTES_MAX);
        write_frame(&mut far, frame, HELLO_BYTES_MAX).await.unwrap();
        fuse().hear(&mut near, NOW_MS).await.unwrap_err()
    }
}

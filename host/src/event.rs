//! What a host logs: closed codes, numbers of streams, refusal codes, and errors of its own.
//! Bytes of a stream or a blob have no way in.

use std::fmt::Display;

use boop_abi::{FarEnd, StreamId};
use boop_wire::{PartyIndex, Refusal};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $code:literal $level:ident,)+) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            fn emit(self, party: PartyIndex, event: &Event) {
                match self {
                    $(Self::$name => tracing::$level!(
                        event = $code,
                        party = party.get(),
                        stream = event.stream.map(|stream| stream.0),
                        far_end = event.far_end.map(far_end_name),
                        refusal = event.refusal.map(Refusal::code),
                        detail = event.detail.as_deref(),
                    ),)+
                }
            }
        }
    };
}

codes! {
    /// The enclave was started or awaited.
    EnclaveStarting "enclave-starting" info,
    /// The enclave connected.
    EnclaveConnected "enclave-connected" info,
    /// Something other than the enclave connected to its socket.
    StrangerAtSocket "stranger-at-socket" warn,
    /// The enclave could not be started.
    EnclaveNotStarted "enclave-not-started" error,
    /// The enclave entered a phase of its life.
    EnclavePhase "enclave-phase" info,
    /// The enclave reads or prepares what it keeps, and is so far.
    EnclaveProgress "enclave-progress" info,
    /// The enclave serves.
    Ready "ready" info,
    /// The enclave took a version of the manifest while it runs.
    ManifestTaken "enclave-manifest-taken" info,
    /// The enclave did not take a version of the manifest.
    ManifestRefused "enclave-manifest-refused" warn,
    /// The enclave said that it stops.
    EnclaveStops "enclave-stops" error,
    /// The enclave's life is over.
    EnclaveEnded "enclave-ended" warn,
    /// The enclave gave fresh evidence.
    EvidenceRenewed "evidence-renewed" info,
    /// The own enclave's evidence would not convince this host.
    EvidenceDoubtful "evidence-doubtful" warn,
    /// A far end presents another instance than before.
    PeerInstanceChanged "peer-instance-changed" info,
    /// A stream carries bytes.
    StreamOpened "stream-opened" info,
    /// A stream is over.
    StreamClosed "stream-closed" debug,
    /// A stream was cut because its far end takes nothing.
    StreamTooSlow "stream-too-slow" warn,
    /// A stream that the enclave asked for was not opened.
    StreamRefused "stream-refused" warn,
    /// Another host or a gateway was refused.
    CallerRefused "caller-refused" warn,
    /// The enclave refused a session.
    SessionRefused "session-refused" warn,
    /// The enclave refused or aborted a job.
    JobRefused "job-refused" info,
    /// A check of the matching failed at the enclave. It points at the far end, which need not be
    /// who deviated.
    CheckFailed "check-failed" warn,
    /// The enclave finished a job.
    JobDone "job-done" info,
    /// The enclave was asked to finish.
    Draining "draining" info,
    /// The status file cannot be written.
    StatusNotWritten "status-not-written" warn,
    /// The log of statements cannot be written.
    StatementNotKept "statement-not-kept" warn,
    /// The listener failed to take a connection.
    AcceptFailed "accept-failed" warn,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    code: Code,
    stream: Option<StreamId>,
    far_end: Option<FarEnd>,
    refusal: Option<Refusal>,
    detail: Option<String>,
}

impl Code {
    pub(crate) const fn event(self) -> Event {
        Event {
            code: self,
            stream: None,
            far_end: None,
            refusal: None,
            detail: None,
        }
    }
}

impl Event {
    pub(crate) const fn stream(mut self, stream: StreamId) -> Self {
        self.stream = Some(stream);
        self
    }

    pub(crate) const fn far_end(mut self, far_end: FarEnd) -> Self {
        self.far_end = Some(far_end);
        self
    }

    pub(crate) const fn refusal(mut self, refusal: Refusal) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// Adds the text of an error type or number of this program.
    pub(crate) fn detail(mut self, detail: impl Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    pub(crate) fn log(&self, party: PartyIndex) {
        self.code.emit(party, self);
    }
}

/// Returns how logs and the status name a far end.
pub(crate) fn far_end_name(far_end: FarEnd) -> &'static str {
    match far_end {
        FarEnd::Party(party) => ["party-0", "party-1", "party-2"][party.as_usize()],
        FarEnd::Gateway => "gateway",
        FarEnd::Custodian => "custodian",
    }
}

/// Returns an error's message with those of its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

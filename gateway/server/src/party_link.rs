//! One party's attested session: kept up for ever, with calls matched to answers by request id.
//!
//! ```text
//!  connect to the host -> RelayHello / RelayAnswer, judge the bundle
//!    -> attested session, same instance as the bundle -> calls and answers
//!    -> any end, or calls and no word for a minute: waiting calls end, wait a little, again
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use boop_channel::{Expectation, JudgeError, Judged, Trust};
use boop_daemon::{AttestedError, AttestedStream, Member, now_ms, read_frame, write_frame};
use boop_wire::binding::Role;
use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::job::{CALL_BYTES_MAX, PartyCall, PartyResult, PartyWord, Progress};
use boop_wire::relay::{HELLO_BYTES_MAX, RelayAnswer, RelayHello};
use boop_wire::session::Side;
use boop_wire::{PartyIndex, Refusal, RequestId};
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::submission::{Answered, Attested, Parties};

/// Longest time to reach a host and hear its answer.
const RELAY_TIME_MAX: Duration = Duration::from_secs(10);
/// Shortest and longest wait between attempts.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// Longest time between two looks at a party's evidence.
const RENEWAL_MAX: Duration = Duration::from_secs(240);

/// Longest silence of a party that was asked something. A host that swallowed bytes may leave a
/// session that stands and carries nothing.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How long after a party said that it leaves its absence is an announced one.
const ABSENCE_MAX: Duration = Duration::from_secs(600);

/// Pause between two looks at how long it is.
const LOOK: Duration = Duration::from_secs(1);

/// Why there is no session with a party.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The host cannot be reached.
    #[error("the host cannot be reached")]
    Connect(#[from] std::io::Error),
    /// The host or the party did not answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The host's answer does not read.
    #[error("the host's answer is malformed")]
    Malformed,
    /// The host refused.
    #[error("the host refused: {0}")]
    Refused(Refusal),
    /// The party's evidence was not accepted.
    #[error("the party's evidence was not accepted")]
    Evidence(#[from] JudgeError),
    /// The session was refused.
    #[error("the attested session did not open")]
    Session(#[from] AttestedError),
    /// The session is with another instance than the evidence.
    #[error("the session is with another instance than the evidence")]
    Instance,
}

/// The three parties behind their hosts.
pub struct AttestedParties {
    links: [Arc<PartyLink>; PartyIndex::COUNT],
}

impl AttestedParties {
    /// Starts a task for each party that keeps its session up.
    pub fn start(member: &Arc<Member>, hosts: &[String; PartyIndex::COUNT]) -> Self {
        let links = PartyIndex::ALL.map(|party| {
            let link = Arc::new(PartyLink {
                party,
                host: hosts[party.as_usize()].clone(),
                member: Arc::clone(member),
                state: Mutex::default(),
            });
            tokio::spawn(Arc::clone(&link).run_for_ever());
            link
        });
        Self { links }
    }
}

impl Parties for AttestedParties {
    fn evidence(&self, party: PartyIndex) -> Option<Arc<Attested>> {
        let state = self.links[party.as_usize()].lock();
        state.live.as_ref().map(|live| Arc::clone(&live.evidence))
    }

    fn progress(&self, party: PartyIndex) -> Option<Progress> {
        self.links[party.as_usize()].lock().progress
    }

    fn absence(&self, party: PartyIndex) -> Refusal {
        self.links[party.as_usize()].absence()
    }

    fn call(&self, party: PartyIndex, call: PartyCall) -> BoxFuture<'_, Result<Answered, Refusal>> {
        Box::pin(self.links[party.as_usize()].call(call))
    }
}

struct PartyLink {
    party: PartyIndex,
    host: String,
    member: Arc<Member>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<Live>,
    waiting: BTreeMap<RequestId, oneshot::Sender<PartyResult>>,
    silence: Silence,
    progress: Option<Progress>,
    replacement: Replacement,
}

/// Whether the party said that it leaves, and how far the instance is that takes its place.
#[derive(Default, Clone, Copy)]
enum Replacement {
    /// Nobody left.
    #[default]
    None,
    /// It said so in the session that stands, or stood last.
    Left(Instant),
    /// There was another session since; it may not take calls yet.
    Begun(Instant),
}

impl Replacement {
    fn session_opened(&mut self) {
        if let Self::Left(since) = *self {
            *self = Self::Begun(since);
        }
    }

    /// A session is over. The instance that took the place failed if it never took calls.
    fn session_ended(&mut self) {
        if let Self::Begun(_) = self {
            *self = Self::None;
        }
    }

    /// Returns what calls are refused with while the party is not there.
    fn absence(self, now: Instant) -> Refusal {
        match self {
            Self::Left(since) | Self::Begun(since) if now.duration_since(since) < ABSENCE_MAX => {
                Refusal::Draining
            }
            Self::None | Self::Left(_) | Self::Begun(_) => Refusal::PartyUnavailable,
        }
    }

    /// Takes an answer. A new instance does not know that it replaces another one, and says that
    /// the three are not together; with any other answer of it the replacement is over.
    fn answered(&mut self, result: PartyResult, now: Instant) -> PartyResult {
        match (&result, *self) {
            (PartyResult::Refused(Refusal::PartyUnavailable), _) => {
                PartyResult::Refused(self.absence(now))
            }
            (PartyResult::Refused(Refusal::Draining), _) | (_, Self::None | Self::Left(_)) => {
                result
            }
            (_, Self::Begun(_)) => {
                *self = Self::None;
                result
            }
        }
    }
}

impl State {
    fn open(&mut self, live: Live) {
        self.live = Some(live);
        self.replacement.session_opened();
    }

    /// Forgets a session that is over, but not that the party announced its end.
    fn lose(&mut self) {
        self.replacement.session_ended();
        *self = Self {
            replacement: self.replacement,
            ..Self::default()
        };
    }

    /// Returns what calls are refused with while there is no session.
    fn absence(&self) -> Refusal {
        self.replacement.absence(Instant::now())
    }
}

/// How long a party has been asked without a word.
#[derive(Default)]
struct Silence {
    since: Option<Instant>,
}

impl Silence {
    fn asked(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    fn heard(&mut self) {
        self.since = None;
    }

    fn is_too_long(&self, now: Instant) -> bool {
        self.since
            .is_some_and(|since| now.duration_since(since) >= SILENCE_MAX)
    }
}

struct Live {
    outgoing: mpsc::Sender<Vec<u8>>,
    evidence: Arc<Attested>,
}

impl PartyLink {
    async fn call(&self, call: PartyCall) -> Result<Answered, Refusal> {
        let request = call.request;
        let bytes = to_canonical(&call);
        if bytes.len() > CALL_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let (answer, answered) = oneshot::channel();
        let (outgoing, evidence) = {
            let mut state = self.lock();
            let live = state.live.as_ref().ok_or_else(|| state.absence())?;
            let live = (live.outgoing.clone(), Arc::clone(&live.evidence));
            if state.waiting.contains_key(&request) {
                return Err(Refusal::Busy);
            }
            state.waiting.insert(request, answer);
            state.silence.asked(Instant::now());
            live
        };
        let _forget = Forget {
            link: self,
            request,
        };
        let away = |_| self.absence();
        outgoing.send(bytes).await.map_err(|_| self.absence())?;
        let result = answered.await.map_err(away)?;
        Ok(Answered { result, evidence })
    }

    async fn run_for_ever(self: Arc<Self>) {
        let mut backoff = BACKOFF_MIN;
        loop {
            match self.connect().await {
                Ok((stream, evidence)) => {
                    backoff = BACKOFF_MIN;
                    tracing::info!(party = %self.party, "session with party opened");
                    self.serve(stream, evidence).await;
                    tracing::warn!(party = %self.party, "session with party ended");
                }
                Err(error) => {
                    let detail = chain(&error);
                    tracing::warn!(party = %self.party, %error, detail, "no session with party");
                }
            }
            self.lock().lose();
            sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    async fn connect(&self) -> Result<(AttestedStream, Arc<Attested>), LinkError> {
        let (stream, bundle, judged) = self.relay().await?;
        let expect = Expectation::boot(Role::Party, Some(self.party));
        let local = self.member.local();
        let stream = AttestedStream::open(stream, Side::Client, local, expect).await?;
        let peer = &stream.peer().judged.binding;
        let same = peer.instance == judged.binding.instance
            && peer.keys.identity == judged.binding.keys.identity;
        if !same {
            return Err(LinkError::Instance);
        }
        let identity = judged.binding.keys.identity;
        Ok((stream, Arc::new(Attested { bundle, identity })))
    }

    /// Asks the host for a pipe to its enclave and judges the evidence it shows.
    async fn relay(&self) -> Result<(TcpStream, EvidenceBundle, Judged), LinkError> {
        let exchange = async {
            let mut stream = TcpStream::connect(&self.host).await?;
            stream.set_nodelay(true)?;
            let hello = RelayHello {
                network: self.member.trust().manifest().network(),
                from: Role::Gateway,
                from_party: None,
                to: self.party,
                evidence: self.member.bundle(),
            };
            write_frame(&mut stream, &to_canonical(&hello), HELLO_BYTES_MAX).await?;
            let answer = read_frame(&mut stream, HELLO_BYTES_MAX).await?;
            Ok::<_, LinkError>((stream, answer))
        };
        let (stream, answer) = timeout(RELAY_TIME_MAX, exchange)
            .await
            .map_err(|_| LinkError::Timeout)??;
        let answer: RelayAnswer =
            from_canonical_max(&answer, HELLO_BYTES_MAX).map_err(|_| LinkError::Malformed)?;
        let bundle = match answer {
            RelayAnswer::Accepted { evidence } => evidence,
            RelayAnswer::Refused { refusal } => return Err(LinkError::Refused(refusal)),
        };
        let expect = Expectation::boot(Role::Party, Some(self.party));
        let judged = self.member.trust().judge(&bundle, &expect, now_ms())?;
        Ok((stream, bundle, judged))
    }

    async fn serve(&self, stream: AttestedStream, evidence: Arc<Attested>) {
        let (_, outgoing, mut incoming) = stream.split();
        self.lock().open(Live { outgoing, evidence });
        let mut renewal = tokio::time::interval(self.renewal());
        renewal.reset();
        let mut look = tokio::time::interval(LOOK);
        let mut trust = self.member.live_trust().changes();
        // What changed since the session was judged counts as well.
        trust.mark_changed();
        loop {
            tokio::select! {
                message = incoming.recv() => {
                    let Some(message) = message else { return };
                    if !self.take_answer(&message) {
                        return;
                    }
                }
                _ = look.tick() => {
                    if self.lock().silence.is_too_long(Instant::now()) {
                        tracing::warn!(party = %self.party, "party is silent");
                        return;
                    }
                }
                Ok(()) = trust.changed() => {
                    renewal = tokio::time::interval(self.renewal());
                    let trust = Arc::clone(&trust.borrow_and_update());
                    if !self.still_admits(&trust) {
                        return;
                    }
                }
                _ = renewal.tick() => match self.relay().await {
                    Ok((_, bundle, judged)) => {
                        if !self.renew(bundle, judged.binding.keys.identity) {
                            return;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(party = %self.party, %error, "evidence not renewed");
                    }
                },
            }
        }
    }

    /// Whoever was let in by the rules before may be nobody by these.
    fn still_admits(&self, trust: &Trust) -> bool {
        let live = self
            .lock()
            .live
            .as_ref()
            .map(|live| Arc::clone(&live.evidence));
        match live.map(|evidence| trust.review(&evidence.bundle, now_ms())) {
            Some(Err(error)) => {
                tracing::warn!(party = %self.party, %error, "party turned away");
                false
            }
            Some(Ok(())) | None => true,
        }
    }

    /// Hands an answer to whoever waits; false if the message is none.
    fn take_answer(&self, message: &[u8]) -> bool {
        let Ok(word) = from_canonical_max::<PartyWord>(message, CALL_BYTES_MAX) else {
            tracing::warn!(party = %self.party, "party sent something that is no answer");
            return false;
        };
        let mut state = self.lock();
        state.silence.heard();
        let answer = match word {
            PartyWord::Answer(answer) => answer,
            PartyWord::Progress(progress) => {
                state.progress = Some(progress);
                return true;
            }
            PartyWord::Leaving => {
                state.replacement = Replacement::Left(Instant::now());
                return true;
            }
        };
        if let Some(waiting) = state.waiting.remove(&answer.request) {
            let result = state.replacement.answered(answer.result, Instant::now());
            // Whoever waited may have reached its deadline just now.
            let _ = waiting.send(result);
        }
        true
    }

    /// Keeps newer evidence of the same instance; false if it is another one.
    fn renew(&self, bundle: EvidenceBundle, identity: [u8; 32]) -> bool {
        let mut state = self.lock();
        let Some(live) = state.live.as_mut() else {
            return false;
        };
        if live.evidence.identity != identity {
            return false;
        }
        live.evidence = Arc::new(Attested { bundle, identity });
        true
    }

    fn renewal(&self) -> Duration {
        let age_max_s = self.member.trust().manifest().manifest().evidence_age_max_s;
        let third = Duration::from_secs(u64::from(age_max_s / 3).max(1));
        third.min(RENEWAL_MAX)
    }

    fn absence(&self) -> Refusal {
        self.lock().absence()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a call off the list when its future ends, however it ends.
struct Forget<'a> {
    link: &'a PartyLink,
    request: RequestId,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.link.lock().waiting.remove(&self.request);
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_party_that_was_asked_can_be_silent_for_too_long() {
        let start = Instant::now();
        let mut silence = Silence::default();
        assert!(!silence.is_too_long(start + 2 * SILENCE_MAX));

        silence.asked(start);
        silence.asked(start + SILENCE_MAX / 2);
        assert!(!silence.is_too_long(start + SILENCE_MAX / 2));
        assert!(silence.is_too_long(start + SILENCE_MAX));

        silence.heard();
        assert!(!silence.is_too_long(start + SILENCE_MAX));
    }

    #[test]
    fn a_party_that_left_is_being_replaced_until_the_other_instance_takes_calls() {
        let now = Instant::now();
        let refused = PartyResult::Refused;
        let mut replacement = Replacement::default();
        let away = replacement.answered(refused(Refusal::PartyUnavailable), now);
        assert_eq!(away, refused(Refusal::PartyUnavailable));

        replacement = Replacement::Left(now);
        // What it finishes before it is gone ends nothing.
        let finished = refused(Refusal::Replayed);
        assert_eq!(replacement.answered(finished.clone(), now), finished);
        assert_eq!(replacement.absence(now), Refusal::Draining);
        replacement.session_ended();
        assert_eq!(replacement.absence(now), Refusal::Draining);
        replacement.session_opened();
        let early = replacement.answered(refused(Refusal::PartyUnavailable), now);
        assert_eq!(early, refused(Refusal::Draining));
        assert_eq!(
            replacement.absence(now + ABSENCE_MAX),
            Refusal::PartyUnavailable
        );
        assert_eq!(replacement.answered(finished.clone(), now), finished);
        assert_eq!(replacement.absence(now), Refusal::PartyUnavailable);

        replacement = Replacement::Left(now);
        replacement.session_opened();
        replacement.session_ended();
        assert_eq!(replacement.absence(now), Refusal::PartyUnavailable);
    }
}

//! One protocol run as a state machine without I/O.
//!
//! ```text
//!   Start, Message ->  Job::handle  -> Send*, then one Done
//!                        | polls
//!                      the protocol's future <-> Mailbox
//! ```
//!
//! The future never waits for anything but a message, so polling it after each input with a
//! waker that does nothing is all the scheduling there is.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use spin::Mutex;

use crate::channel::{Channel, EARLY_BYTES_MAX, EARLY_MESSAGES_MAX, MESSAGE_BYTES_MAX};
use crate::error::MpcError;
use crate::step::header;
use crate::task::{Task, TaskResult};
use crate::transcript::{Transcript, Way};
use boop_wire::id::PartyIndex;

/// What happens to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The job begins; messages that came before wait in its mailbox.
    Start,
    /// A message of another party arrived. Messages of one party come in order.
    Message {
        /// Who sent it.
        from: PartyIndex,
        /// What was sent.
        bytes: Vec<u8>,
    },
    /// Work that the job asked for is done.
    Computed(TaskResult),
}

/// What a job asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<T> {
    /// Send a message to another party.
    Send {
        /// Who receives it.
        to: PartyIndex,
        /// What to send.
        bytes: Vec<u8>,
    },
    /// Do this, and hand in the result; until then the job goes on with what else it can do.
    Compute(Task),
    /// The job is over.
    Done(Result<T, MpcError>),
}

/// How much a job has sent and received, headers included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Messages sent.
    pub messages_sent: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Bytes received.
    pub bytes_received: u64,
}

/// One run of a protocol at one party.
pub struct Job<'a, T> {
    me: PartyIndex,
    post: Arc<Mutex<Post>>,
    counters: Counters,
    transcript: Option<Transcript>,
    state: State<'a, T>,
}

/// The [`Channel`] between a job and its protocol.
#[derive(Clone)]
pub struct Mailbox {
    post: Arc<Mutex<Post>>,
}

type Protocol<'a, T> = Pin<Box<dyn Future<Output = Result<T, MpcError>> + Send + 'a>>;

enum State<'a, T> {
    Waiting(Protocol<'a, T>),
    Running(Protocol<'a, T>),
    Finished,
}

/// The lock is never contended: the job holds it while the future rests, and the reverse.
#[derive(Default)]
struct Post {
    incoming: BTreeMap<(PartyIndex, u32), VecDeque<Vec<u8>>>,
    waiting: [Waiting; 3],
    outgoing: Vec<(PartyIndex, Vec<u8>)>,
    tasks: Vec<Task>,
    tasks_given: u32,
    tasks_out: BTreeSet<u32>,
    computed: BTreeMap<u32, Vec<u32>>,
}

/// What waits of one party.
#[derive(Default)]
struct Waiting {
    messages: usize,
    bytes: usize,
}

impl<'a, T> Job<'a, T> {
    /// Prepares a run of `protocol` as party `me`; [`Input::Start`] sets it off.
    pub fn new<F, P>(me: PartyIndex, protocol: P) -> Self
    where
        P: FnOnce(Mailbox) -> F,
        F: Future<Output = Result<T, MpcError>> + Send + 'a,
    {
        let post = Arc::new(Mutex::new(Post::default()));
        let future = Box::pin(protocol(Mailbox {
            post: Arc::clone(&post),
        }));
        Self {
            me,
            post,
            counters: Counters::default(),
            transcript: None,
            state: State::Waiting(future),
        }
    }

    /// Keeps a transcript of what is sent and received.
    pub fn with_transcript(mut self) -> Self {
        self.transcript = Some(Transcript::default());
        self
    }

    /// Takes one input and returns what to do, in order. After [`Output::Done`] nothing more is
    /// sent; a failed job sends nothing from the step in which it failed.
    pub fn handle(&mut self, input: Input) -> Vec<Output<T>> {
        match self.step(input) {
            Ok(outputs) => outputs,
            Err(error) => {
                self.state = State::Finished;
                vec![Output::Done(Err(error))]
            }
        }
    }

    /// Tells whether the job has given its result.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// Returns what was sent and received so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Returns the transcript so far, also of a job that is over, if one is kept.
    pub fn transcript(&self) -> Option<&Transcript> {
        self.transcript.as_ref()
    }

    fn step(&mut self, input: Input) -> Result<Vec<Output<T>>, MpcError> {
        let state = core::mem::replace(&mut self.state, State::Finished);
        let future = match (state, input) {
            (State::Finished, _) => return Err(MpcError::Finished),
            (State::Running(_), Input::Start) => return Err(MpcError::AlreadyStarted),
            (State::Waiting(future), Input::Message { from, bytes }) => {
                self.post_message(from, bytes)?;
                self.state = State::Waiting(future);
                return Ok(Vec::new());
            }
            (State::Running(future), Input::Message { from, bytes }) => {
                self.post_message(from, bytes)?;
                future
            }
            (State::Waiting(future), Input::Start) => future,
            (State::Waiting(_), Input::Computed(_)) => return Err(MpcError::NotAsked),
            (State::Running(future), Input::Computed(TaskResult { number, values })) => {
                let mut post = self.post.lock();
                if !post.tasks_out.remove(&number) {
                    return Err(MpcError::NotAsked);
                }
                post.computed.insert(number, values);
                drop(post);
                future
            }
        };
        self.poll(future)
    }

    fn post_message(&mut self, from: PartyIndex, bytes: Vec<u8>) -> Result<(), MpcError> {
        if from == self.me {
            return Err(MpcError::NotAPeer { from });
        }
        if let Some(transcript) = &mut self.transcript {
            transcript.note(Way { from, to: self.me }, &bytes);
        }
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(MpcError::MessageTooLong {
                from,
                bytes: bytes.len(),
            });
        }
        // Too short a message waits in lane 0, where its length is refused.
        let lane = header(&bytes).map_or(0, |(_, lane, _)| lane);
        let mut post = self.post.lock();
        let waiting = &mut post.waiting[from.as_usize()];
        if waiting.messages == EARLY_MESSAGES_MAX || waiting.bytes + bytes.len() > EARLY_BYTES_MAX {
            return Err(MpcError::TooManyEarlyMessages { from });
        }
        waiting.messages += 1;
        waiting.bytes += bytes.len();
        self.counters.messages_received += 1;
        self.counters.bytes_received += bytes.len() as u64;
        let queue = post.incoming.entry((from, lane)).or_default();
        queue.push_back(bytes);
        Ok(())
    }

    fn poll(&mut self, mut future: Protocol<'a, T>) -> Result<Vec<Output<T>>, MpcError> {
        let mut context = Context::from_waker(Waker::noop());
        let polled = future.as_mut().poll(&mut context);
        let result = match polled {
            Poll::Pending => {
                self.state = State::Running(future);
                None
            }
            Poll::Ready(result) => Some(result?),
        };
        let mut post = self.post.lock();
        if result.is_some() {
            refuse_surplus(&post)?;
        }
        let mut outputs = Vec::with_capacity(post.outgoing.len() + 1);
        for (to, bytes) in post.outgoing.drain(..) {
            self.counters.messages_sent += 1;
            self.counters.bytes_sent += bytes.len() as u64;
            if let Some(transcript) = &mut self.transcript {
                transcript.note(Way { from: self.me, to }, &bytes);
            }
            outputs.push(Output::Send { to, bytes });
        }
        outputs.extend(post.tasks.drain(..).map(Output::Compute));
        outputs.extend(result.map(|value| Output::Done(Ok(value))));
        Ok(outputs)
    }
}

impl Channel for Mailbox {
    fn send(&mut self, to: PartyIndex, message: Vec<u8>) {
        self.post.lock().outgoing.push((to, message));
    }

    fn receive(
        &mut self,
        from: PartyIndex,
        lane: u32,
        exact_len: usize,
    ) -> impl Future<Output = Result<Vec<u8>, MpcError>> + Send {
        poll_fn(move |_| {
            let Some(message) = self.post.lock().take(from, lane) else {
                return Poll::Pending;
            };
            let found = message.len();
            Poll::Ready(if found == exact_len {
                Ok(message)
            } else {
                Err(MpcError::WrongLength {
                    from,
                    expected: exact_len,
                    found,
                })
            })
        })
    }

    fn compute(&mut self, task: Task) -> impl Future<Output = Vec<u32>> + Send {
        let mut post = self.post.lock();
        let number = post.tasks_given;
        post.tasks_given = number.wrapping_add(1);
        post.tasks_out.insert(number);
        post.tasks.push(task.numbered(number));
        drop(post);
        poll_fn(move |_| match self.post.lock().computed.remove(&number) {
            Some(values) => Poll::Ready(values),
            None => Poll::Pending,
        })
    }
}

impl Post {
    fn take(&mut self, from: PartyIndex, lane: u32) -> Option<Vec<u8>> {
        let queue = self.incoming.get_mut(&(from, lane))?;
        let message = queue.pop_front()?;
        if queue.is_empty() {
            self.incoming.remove(&(from, lane));
        }
        let waiting = &mut self.waiting[from.as_usize()];
        waiting.messages -= 1;
        waiting.bytes -= message.len();
        Some(message)
    }
}

fn refuse_surplus(post: &Post) -> Result<(), MpcError> {
    let surplus = post.incoming.keys().next();
    surplus.map_or(Ok(()), |(from, _)| {
        Err(MpcError::SurplusMessage { from: *from })
    })
}

//! The one task that writes. It takes the requests that have come, carries them out one after
//! the other in one transaction, signs one checkpoint over the new entries, makes all of it
//! durable, and only then answers.
//!
//! While a transaction is being made durable, requests queue; they are the next group. A lone
//! request therefore waits for nobody.

use std::sync::Arc;

use boop_proof::SignerKey;
use boop_wire::id::Digest;
use boop_wire::ledger::{Detail, Entry, Opening};
use tokio::sync::{mpsc, oneshot};

use crate::account::Sides;
use crate::environment::{EntropyError, Environment};
use crate::log::Log;
use crate::store::{AccountStore as _, EntryStore as _, LedgerStore, Session};
use crate::store::{StoreError, StoredEntry, StoredTransfer};
use crate::transfer::{self, Body, Change, Order, OrderError, State, Step};

/// Requests of one transaction at most.
pub const GROUP_MAX: usize = 100;
/// Requests that may wait for the writer; one more is refused as busy.
pub const QUEUE_MAX: usize = 1_024;

const ENTRY_VERSION: u8 = 1;
const SWEEP_PAGE: u32 = 256;

/// A request to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Records an event that moves no money.
    Record {
        /// Names the event.
        id: Digest,
        /// What happened.
        detail: Detail,
    },
    /// Changes the books.
    Order(Order),
}

/// What a request led to, now or when it first came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// An entry of the log.
    Entry(Box<StoredEntry>),
    /// A transfer that moved no money so far, or never will.
    Unposted(State),
}

/// Why a request led to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The books turned it down.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The event's id is taken by an event that differs.
    #[error("the event exists with another detail")]
    EventConflict,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// There was no randomness for a salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Too many requests wait.
    #[error("too many requests wait to be written")]
    Busy,
    /// The writer has stopped.
    #[error("the writer has stopped")]
    Stopped,
}

/// Why the writer stopped: it cannot tell what is durable, so the process has to start again and
/// look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a transaction may or may not be durable")]
pub struct WriterError(#[source] pub StoreError);

/// Where requests are handed in.
#[derive(Debug, Clone)]
pub struct WriterHandle {
    jobs: mpsc::Sender<Job>,
}

/// The task's state.
pub struct Writer<S> {
    store: S,
    log: Arc<Log>,
    signer: SignerKey,
    environment: Arc<dyn Environment>,
    simulated: bool,
    time_ms: u64,
    jobs: mpsc::Receiver<Job>,
}

/// What a writer is made of.
pub struct WriterParts<S> {
    /// The store.
    pub store: S,
    /// The log over it.
    pub log: Arc<Log>,
    /// The log's key.
    pub signer: SignerKey,
    /// Time and salts.
    pub environment: Arc<dyn Environment>,
    /// Whether entries are marked as made on simulated hardware.
    pub simulated: bool,
    /// Time of the newest entry; the log's time never goes back.
    pub time_ms: u64,
}

#[derive(Debug)]
struct Job {
    command: Command,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Written, CommandError>;

enum GroupError {
    /// Nothing of the group is durable.
    RolledBack(CommandError),
    /// Everything or nothing is durable.
    Unknown(StoreError),
}

impl WriterHandle {
    /// Hands in a request and waits until it is durable, or turned down.
    ///
    /// # Errors
    /// [`CommandError`] says why nothing changed.
    pub async fn write(&self, command: Command) -> Result<Written, CommandError> {
        let (answer, answered) = oneshot::channel();
        self.jobs
            .try_send(Job { command, answer })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => CommandError::Busy,
                mpsc::error::TrySendError::Closed(_) => CommandError::Stopped,
            })?;
        answered.await.unwrap_or(Err(CommandError::Stopped))
    }

    /// Returns how many requests wait, for the operator to see.
    pub fn waiting(&self) -> usize {
        QUEUE_MAX.saturating_sub(self.jobs.capacity())
    }
}

impl<S: LedgerStore> Writer<S> {
    /// Returns the task's state and the handle to hand requests in.
    pub fn new(parts: WriterParts<S>) -> (Self, WriterHandle) {
        let (sender, jobs) = mpsc::channel(QUEUE_MAX);
        let WriterParts {
            store,
            log,
            signer,
            environment,
            simulated,
            time_ms,
        } = parts;
        let writer = Self {
            store,
            log,
            signer,
            environment,
            simulated,
            time_ms,
            jobs,
        };
        (writer, WriterHandle { jobs: sender })
    }

    /// Writes until every handle is dropped and the queue is empty.
    ///
    /// # Errors
    /// When a commit failed, after which only a restart can tell what is durable.
    pub async fn run(mut self) -> Result<(), WriterError> {
        let mut jobs = Vec::with_capacity(GROUP_MAX);
        while self.jobs.recv_many(&mut jobs, GROUP_MAX).await > 0 {
            match self.carry_out(&jobs).await {
                Ok(answers) => jobs.drain(..).zip(answers).for_each(reply),
                Err(GroupError::RolledBack(error)) => {
                    tracing::error!(%error, requests = jobs.len(), "group rolled back");
                    self.log.withdraw();
                    jobs.drain(..)
                        .for_each(|job| reply((job, Err(error.clone()))));
                }
                Err(GroupError::Unknown(error)) => return Err(WriterError(error)),
            }
        }
        Ok(())
    }

    async fn carry_out(&mut self, jobs: &[Job]) -> Result<Vec<Answer>, GroupError> {
        let mut session = self.store.write().await.map_err(rolled_back)?;
        self.time_ms = self.time_ms.max(self.environment.now_ms());
        self.sweep(&mut session).await.map_err(rolled_back)?;
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            let answer = match &job.command {
                Command::Record { id, detail } => self.record(&mut session, id, detail).await,
                Command::Order(order) => self.order(&mut session, order).await,
            };
            match answer {
                // The transaction may be half changed: nobody of the group gets an answer from it.
                Err(error @ (CommandError::Store(_) | CommandError::Entropy(_))) => {
                    return Err(GroupError::RolledBack(error));
                }
                answer => answers.push(answer),
            }
        }
        let note = self
            .log
            .has_unpublished()
            .then(|| self.log.sign_next(&self.signer));
        if let Some(note) = &note {
            session
                .put_checkpoint(&note.to_string())
                .await
                .map_err(rolled_back)?;
        }
        session.commit().await.map_err(GroupError::Unknown)?;
        if let Some(note) = note {
            self.log.publish(note);
        }
        Ok(answers)
    }

    /// Ends the holds whose time is over, so that orders meet the books as they are now.
    async fn sweep(&self, session: &mut S::Session) -> Result<(), CommandError> {
        loop {
            let ended = session.ended_holds(self.time_ms, SWEEP_PAGE).await?;
            if ended.is_empty() {
                return Ok(());
            }
            for hold in ended {
                let sides = sides_of(session, &hold.body).await?;
                let change = transfer::expire(&hold, self.time_ms, sides)?;
                put(session, *change, None).await?;
            }
        }
    }

    async fn record(
        &self,
        session: &mut S::Session,
        id: &Digest,
        detail: &Detail,
    ) -> Result<Written, CommandError> {
        if let Some(stored) = session.event(id).await? {
            return if stored.opening.detail == *detail {
                Ok(Written::Entry(Box::new(stored)))
            } else {
                Err(CommandError::EventConflict)
            };
        }
        let stored = self.append(session, detail.clone()).await?;
        session.put_event(id, stored.index).await?;
        Ok(Written::Entry(Box::new(stored)))
    }

    async fn order(
        &self,
        session: &mut S::Session,
        order: &Order,
    ) -> Result<Written, CommandError> {
        let existing = session.transfer(&order.transaction()).await?;
        let known = existing.as_ref().map(|stored| &stored.transfer);
        let accounts = match (known, order.body()) {
            (Some(transfer), _) => sides_of(session, &transfer.body).await?,
            (None, Some(body)) => sides_of(session, &body).await?,
            (None, None) => return Err(OrderError::NoHold.into()),
        };
        match (
            transfer::decide(order, self.time_ms, known, accounts)?,
            existing,
        ) {
            (Step::Change(change), _) => {
                let entry = match change.transfer.state {
                    State::Posted { amount } => Some(
                        self.append(session, change.transfer.body.detail(amount))
                            .await?,
                    ),
                    State::Held | State::Voided | State::Expired | State::Refused => None,
                };
                let state = change.transfer.state;
                put(session, *change, entry.as_ref()).await?;
                Ok(entry.map_or(Written::Unposted(state), |entry| {
                    Written::Entry(Box::new(entry))
                }))
            }
            (
                Step::Repeat,
                Some(StoredTransfer {
                    transfer,
                    entry_index: None,
                }),
            ) => Ok(Written::Unposted(transfer.state)),
            (
                Step::Repeat,
                Some(StoredTransfer {
                    entry_index: Some(index),
                    ..
                }),
            ) => {
                let entry = session.entry(index).await?;
                let entry = entry.ok_or(StoreError::Damaged("transfers"))?;
                Ok(Written::Entry(Box::new(entry)))
            }
            (Step::Repeat, None) => Err(OrderError::NoHold.into()),
        }
    }

    async fn append(
        &self,
        session: &mut S::Session,
        detail: Detail,
    ) -> Result<StoredEntry, CommandError> {
        let opening = Opening {
            salt: self.environment.salt()?,
            detail,
        };
        let entry = Entry {
            version: ENTRY_VERSION,
            kind: opening.detail.kind(),
            time_ms: self.time_ms,
            simulated: self.simulated,
            commitment: opening.commitment(),
        };
        let stored = StoredEntry {
            index: self.log.next_index(),
            entry,
            opening,
        };
        session.append(&stored).await?;
        self.log.extend(&stored.entry);
        Ok(stored)
    }
}

async fn sides_of<S: Session>(session: &mut S, body: &Body) -> Result<Sides, StoreError> {
    let debit = session.account(&body.debit_key()).await?;
    let credit = session.account(&body.credit_key()).await?;
    Ok(Sides { debit, credit })
}

/// Writes a change, and the journal's rows if money moved with `entry`.
async fn put<S: Session>(
    session: &mut S,
    change: Change,
    entry: Option<&StoredEntry>,
) -> Result<(), StoreError> {
    let Change { transfer, sides } = change;
    if transfer.state != State::Refused {
        session
            .put_account(&transfer.body.debit_key(), &sides.debit)
            .await?;
        session
            .put_account(&transfer.body.credit_key(), &sides.credit)
            .await?;
    }
    let stored = StoredTransfer {
        transfer,
        entry_index: entry.map(|entry| entry.index),
    };
    session.put_transfer(&stored).await?;
    if let (State::Posted { amount }, Some(entry)) = (stored.transfer.state, entry) {
        session.post(&stored, amount, entry.entry.time_ms).await?;
    }
    Ok(())
}

fn rolled_back(error: impl Into<CommandError>) -> GroupError {
    GroupError::RolledBack(error.into())
}

/// Answers; whoever stopped waiting finds the answer under the same id.
fn reply((job, answer): (Job, Answer)) {
    drop(job.answer.send(answer));
}

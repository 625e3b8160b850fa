//! Requests in, responses out: what a transport calls, whichever it is.

use std::sync::Arc;

use boop_channel::{Trust, verify_signature};
use boop_daemon::LiveTrust;
use boop_proof::SignerKey;
use boop_wire::Refusal;
use boop_wire::custody::SignedReport;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::id::{AccountId, Digest, TransactionId};
use boop_wire::ledger::{Credit, Currency, Detail, LedgerRequest, LedgerResponse, user_account};

use crate::account::AccountKey;
use crate::authority::{Asked, Authority, AuthorityError};
use crate::environment::Environment;
use crate::introduce::judge_parties;
use crate::log::{Log, RebuildError};
use crate::store::{AccountStore as _, Audit, EntryStore as _, LedgerStore};
use crate::store::{Span, StoreError, StoredEntry};
use crate::transfer::{Charge, Order, OrderError, State};
use crate::writer::{Command, CommandError, Writer, WriterHandle, WriterParts, Written};

/// Receipts of one history at most.
pub const HISTORY_MAX: u32 = 100;

/// The ledger. Clones share everything; the writer ends once the last clone is dropped.
#[derive(Clone)]
pub struct Ledger<S> {
    store: S,
    log: Arc<Log>,
    authority: Arc<Authority>,
    trust: Arc<LiveTrust>,
    environment: Arc<dyn Environment>,
    writer: WriterHandle,
}

/// What a ledger is made of.
pub struct LedgerParts<S> {
    /// Where it keeps log and books.
    pub store: S,
    /// The log's key; its name is the log's origin.
    pub signer: SignerKey,
    /// Who authorises payments.
    pub authority: Arc<Authority>,
    /// Whose evidence makes a party known.
    pub trust: Arc<LiveTrust>,
    /// Time and salts.
    pub environment: Arc<dyn Environment>,
    /// Whether entries are marked as made on simulated hardware.
    pub simulated: bool,
}

/// Why a ledger does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The log in the store is broken.
    #[error("the log in the store cannot be served")]
    Log(#[from] RebuildError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The books contradict themselves.
    #[error("the books contradict themselves: {0:?}")]
    Books(Audit),
}

impl<S: LedgerStore> Ledger<S> {
    /// Opens the ledger over a store; the caller runs the writer beside it.
    ///
    /// # Errors
    /// [`OpenError`] when log or books in the store are not sound.
    pub async fn open(parts: LedgerParts<S>) -> Result<(Self, Writer<S>), OpenError> {
        let LedgerParts {
            store,
            signer,
            authority,
            trust,
            environment,
            simulated,
        } = parts;
        let (log, time_ms) = Log::rebuild(&store, &signer).await?;
        let audit = store.read().await?.audit().await?;
        if !audit.is_sound() {
            return Err(OpenError::Books(audit));
        }
        let log = Arc::new(log);
        let (writer, handle) = Writer::new(WriterParts {
            store: store.clone(),
            log: Arc::clone(&log),
            signer,
            environment: Arc::clone(&environment),
            simulated,
            time_ms,
        });
        Ok((
            Self {
                store,
                log,
                authority,
                trust,
                environment,
                writer: handle,
            },
            writer,
        ))
    }

    /// Returns the log, for the public side.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Reads the leaf of a published entry.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        if index >= self.log.size() {
            return Ok(None);
        }
        let stored = self.store.read().await?.entry(index).await?;
        Ok(stored.map(|stored| stored.entry.leaf()))
    }

    /// Reads `count` published leaves from `start` on; none if one of them is not published.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn leaves(&self, start: u64, count: u16) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let published = self.log.size();
        if start
            .checked_add(u64::from(count))
            .is_none_or(|end| end > published)
        {
            return Ok(None);
        }
        Ok(Some(
            self.store
                .read()
                .await?
                .leaves(start, u32::from(count))
                .await?,
        ))
    }

    /// Checks the books against themselves.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn audit(&self) -> Result<Audit, StoreError> {
        self.store.read().await?.audit().await
    }

    /// Answers a request. A refusal says that nothing changed, but for a payment that lacks
    /// funds, which stays refused.
    pub async fn handle(&self, request: LedgerRequest) -> LedgerResponse {
        let answer = match request {
            LedgerRequest::Record { id, detail } => self.record(id, detail).await,
            LedgerRequest::Pay {
                payment,
                outcome,
                context,
                user,
            } => {
                let asked = Asked {
                    payment,
                    outcome,
                    context,
                    user,
                };
                self.pay(asked).await
            }
            LedgerRequest::Credit(credit) => self.credit(credit).await,
            LedgerRequest::Balance { account, currency } => self.balance(account, currency).await,
            LedgerRequest::History {
                account,
                from_ms,
                to_ms,
            } => {
                let span = Span {
                    account,
                    from_ms,
                    to_ms,
                    limit: HISTORY_MAX,
                };
                self.history(span).await
            }
            LedgerRequest::Transaction { transaction } => self.transaction(transaction).await,
            LedgerRequest::Checkpoint => Ok(LedgerResponse::Checkpoint(self.log.checkpoint())),
            LedgerRequest::Introduce { parties } => self.introduce(&parties),
        };
        answer.unwrap_or_else(LedgerResponse::Refused)
    }

    /// Records what a custodian does, if it is the custodian that says so [KEY-8].
    pub async fn report(&self, signed: &SignedReport) -> LedgerResponse {
        let answer = match self.known_custodian(signed) {
            Ok(()) => {
                let (id, detail) = (signed.report.id(), Detail::Custody(signed.report));
                let written = self.write(Command::Record { id, detail }).await;
                written.and_then(|written| self.recorded(&written))
            }
            Err(refusal) => Err(refusal),
        };
        answer.unwrap_or_else(LedgerResponse::Refused)
    }

    fn known_custodian(&self, signed: &SignedReport) -> Result<(), Refusal> {
        let SignedReport { report, signature } = signed;
        let trust = self.trust.now();
        let manifest = trust.manifest();
        if report.network != manifest.network() {
            return Err(Refusal::WrongNetwork);
        }
        let party = manifest.manifest().party(report.party);
        let custodian = party.ok_or(Refusal::WrongRole)?.custodian;
        if verify_signature(&custodian, &report.signed_bytes(), signature) {
            Ok(())
        } else {
            Err(Refusal::BadSignature)
        }
    }

    /// Reserves the amount of an authorised payment until `expires_at_ms`.
    ///
    /// # Errors
    /// With the refusal to pass on.
    pub async fn hold(&self, asked: Asked, expires_at_ms: u64) -> Result<Written, Refusal> {
        let charge = self.authorise(asked)?;
        self.write(Command::Order(Order::Hold {
            charge,
            expires_at_ms,
        }))
        .await
    }

    /// Moves at most what is held and releases the rest.
    ///
    /// # Errors
    /// With the refusal to pass on.
    pub async fn capture(
        &self,
        transaction: TransactionId,
        amount: u64,
    ) -> Result<LedgerResponse, Refusal> {
        let written = self
            .write(Command::Order(Order::Capture {
                transaction,
                amount,
            }))
            .await?;
        self.recorded(&written)
    }

    /// Gives up a hold.
    ///
    /// # Errors
    /// With the refusal to pass on.
    pub async fn void(&self, transaction: TransactionId) -> Result<Written, Refusal> {
        self.write(Command::Order(Order::Void { transaction }))
            .await
    }

    async fn record(&self, id: Digest, detail: Detail) -> Result<LedgerResponse, Refusal> {
        if matches!(
            detail,
            Detail::Payment(_) | Detail::Credit(_) | Detail::Custody(_) | Detail::Manifest(_)
        ) {
            return Err(Refusal::Invalid);
        }
        let written = self.write(Command::Record { id, detail }).await?;
        self.recorded(&written)
    }

    async fn pay(&self, asked: Asked) -> Result<LedgerResponse, Refusal> {
        let charge = self.authorise(asked)?;
        let written = self.write(Command::Order(Order::Pay(charge))).await?;
        self.recorded(&written)
    }

    async fn credit(&self, credit: Credit) -> Result<LedgerResponse, Refusal> {
        let written = self.write(Command::Order(Order::Credit(credit))).await?;
        self.recorded(&written)
    }

    async fn balance(&self, id: AccountId, currency: Currency) -> Result<LedgerResponse, Refusal> {
        let key = AccountKey { id, currency };
        let now_ms = self.environment.now_ms();
        let mut session = self.store.read().await.map_err(refuse_store)?;
        let account = session.account(&key).await.map_err(refuse_store)?;
        // A hold whose time is over binds nothing, swept or not.
        let ended = session
            .ended_pending(&key, now_ms)
            .await
            .map_err(refuse_store)?;
        let available = account.available().saturating_add(ended);
        Ok(LedgerResponse::Balance {
            available,
            posted: account.posted(),
        })
    }

    async fn history(&self, span: Span) -> Result<LedgerResponse, Refusal> {
        let mut session = self.store.read().await.map_err(refuse_store)?;
        let entries = session.history(&span).await.map_err(refuse_store)?;
        // What was committed a moment ago may not be published yet; the next call shows it.
        let size = self.log.size();
        let published = entries.iter().filter(|stored| stored.index < size);
        let receipts = published.map(|stored| self.receipt(stored));
        Ok(LedgerResponse::History(receipts.collect::<Result<_, _>>()?))
    }

    async fn transaction(&self, id: TransactionId) -> Result<LedgerResponse, Refusal> {
        let mut session = self.store.read().await.map_err(refuse_store)?;
        let stored = session.transfer(&id).await.map_err(refuse_store)?;
        let stored = stored.ok_or(Refusal::NotFound)?;
        let Some(index) = stored.entry_index else {
            return Ok(LedgerResponse::Transaction {
                success: false,
                receipt: None,
            });
        };
        if index >= self.log.size() {
            // Durable, and published in a moment.
            return Err(Refusal::Busy);
        }
        let entry = session.entry(index).await.map_err(refuse_store)?;
        let receipt = self.receipt(&entry.ok_or(Refusal::Internal)?)?;
        Ok(LedgerResponse::Transaction {
            success: true,
            receipt: Some(receipt),
        })
    }

    fn introduce(&self, parties: &[EvidenceBundle]) -> Result<LedgerResponse, Refusal> {
        let now_ms = self.environment.now_ms();
        let trust = self.trust.now();
        let keys = judge_parties(&trust, parties, now_ms).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, code = error.refusal().code(), "parties not known");
            error.refusal()
        })?;
        for (party, key) in keys {
            self.authority.admit(party, key);
        }
        // Whoever was judged by rules that ended meanwhile is not known.
        if !Arc::ptr_eq(&trust, &self.trust.now()) {
            self.authority.forget();
            return Err(Refusal::Busy);
        }
        tracing::info!("parties introduced");
        Ok(LedgerResponse::Introduced)
    }

    /// Checks that the payment may be made, and finds the account that makes it.
    fn authorise(&self, asked: Asked) -> Result<Charge, Refusal> {
        let checked = self.authority.check(&asked);
        checked.map_err(|error| {
            tracing::warn!(%error, "payment not authorised");
            match error {
                AuthorityError::Network => Refusal::WrongNetwork,
                AuthorityError::NotMatched
                | AuthorityError::Field { .. }
                | AuthorityError::SignatureCount => Refusal::Invalid,
                AuthorityError::UnknownParty(_) => Refusal::PartyUnavailable,
                AuthorityError::Signature(_) => Refusal::BadSignature,
            }
        })?;
        Ok(Charge {
            account: user_account(asked.user),
            payment: asked.payment,
        })
    }

    pub(crate) fn trust(&self) -> Arc<Trust> {
        self.trust.now()
    }

    pub(crate) const fn live_trust(&self) -> &Arc<LiveTrust> {
        &self.trust
    }

    pub(crate) fn forget_parties(&self) {
        self.authority.forget();
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.environment.now_ms()
    }

    pub(crate) async fn read(&self) -> Result<S::Session, Refusal> {
        self.store.read().await.map_err(refuse_store)
    }

    pub(crate) async fn write(&self, command: Command) -> Result<Written, Refusal> {
        self.writer
            .write(command)
            .await
            .map_err(|error| refuse(&error))
    }

    pub(crate) fn recorded(&self, written: &Written) -> Result<LedgerResponse, Refusal> {
        match written {
            Written::Entry(stored) => Ok(LedgerResponse::Recorded(self.receipt(stored)?)),
            Written::Unposted(State::Refused) => Err(Refusal::InsufficientFunds),
            Written::Unposted(
                State::Held | State::Voided | State::Expired | State::Posted { .. },
            ) => Err(Refusal::Internal),
        }
    }

    pub(crate) fn receipt(
        &self,
        stored: &StoredEntry,
    ) -> Result<boop_wire::ledger::Receipt, Refusal> {
        self.log.receipt(stored).map_err(|error| {
            tracing::error!(%error, "no proof for a stored entry");
            Refusal::Internal
        })
    }
}

/// Keeps the detail on this side and returns the code for the other.
fn refuse(error: &CommandError) -> Refusal {
    match error {
        CommandError::Order(order) => {
            tracing::info!(error = %order, "order turned down");
            match order {
                OrderError::Conflict { .. } | OrderError::NotHeld(_) => Refusal::Conflict,
                OrderError::Invalid { .. }
                | OrderError::ExceedsHold { .. }
                | OrderError::Counter(_) => Refusal::Invalid,
                OrderError::NoHold => Refusal::NotFound,
            }
        }
        CommandError::EventConflict => Refusal::Conflict,
        CommandError::Busy => Refusal::Busy,
        CommandError::Store(_) | CommandError::Entropy(_) | CommandError::Stopped => {
            tracing::error!(%error, "nothing was written");
            Refusal::Internal
        }
    }
}

pub(crate) fn refuse_store(error: StoreError) -> Refusal {
    tracing::error!(%error, "the store did not answer");
    Refusal::Internal
}

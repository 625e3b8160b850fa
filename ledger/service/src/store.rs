//! What the ledger keeps, behind one trait for each aggregate: [`EntryStore`] for the log,
//! [`AccountStore`] for the books. A [`LedgerStore`] opens transactions over both, because a
//! payment changes both or neither.

use std::future::Future;

use boop_wire::id::{AccountId, Digest, TransactionId};
use boop_wire::ledger::{Currency, Entry, Opening};

use crate::account::{Account, AccountKey};
use crate::transfer::Transfer;

pub mod sqlite;

/// Why the store did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database failed, or refused a change that breaks one of its own rules.
    #[error("the database failed: {0}")]
    Database(String),
    /// A row does not read as what it should be.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
}

/// An entry of the log as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Position in the log.
    pub index: u64,
    /// The leaf.
    pub entry: Entry,
    /// What the leaf commits to.
    pub opening: Opening,
}

/// A transfer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTransfer {
    /// The transfer.
    pub transfer: Transfer,
    /// The log entry, once money moved.
    pub entry_index: Option<u64>,
}

/// A span of an account's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Whose.
    pub account: AccountId,
    /// From this Unix millisecond on.
    pub from_ms: u64,
    /// Before this one.
    pub to_ms: u64,
    /// Most entries to return.
    pub limit: u32,
}

/// Where the books contradict themselves; all empty in a sound store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Currencies whose posted sum is not zero.
    pub unbalanced: Vec<Currency>,
    /// Accounts whose posted counters differ from the journal.
    pub journal_mismatches: u64,
    /// Accounts whose pending counters differ from the holds.
    pub hold_mismatches: u64,
}

impl Audit {
    /// Tells whether the books are sound.
    pub fn is_sound(&self) -> bool {
        *self == Self::default()
    }
}

/// The log's rows.
pub trait EntryStore {
    /// Adds the entry at the end; its index is the number of entries before it.
    fn append(
        &mut self,
        entry: &StoredEntry,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads one entry.
    fn entry(
        &mut self,
        index: u64,
    ) -> impl Future<Output = Result<Option<StoredEntry>, StoreError>> + Send;

    /// Reads the bytes of at most `limit` leaves from `from` on, in order.
    fn leaves(
        &mut self,
        from: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Vec<u8>>, StoreError>> + Send;

    /// Remembers that the event of this id is the entry at `index`.
    fn put_event(
        &mut self,
        id: &Digest,
        index: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Finds the entry of an event.
    fn event(
        &mut self,
        id: &Digest,
    ) -> impl Future<Output = Result<Option<StoredEntry>, StoreError>> + Send;

    /// Replaces the newest signed checkpoint.
    fn put_checkpoint(&mut self, note: &str)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads the newest signed checkpoint.
    fn checkpoint(&mut self) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;
}

/// The books' rows.
pub trait AccountStore {
    /// Reads an account; one that was never used is empty.
    fn account(
        &mut self,
        key: &AccountKey,
    ) -> impl Future<Output = Result<Account, StoreError>> + Send;

    /// Writes an account.
    fn put_account(
        &mut self,
        key: &AccountKey,
        account: &Account,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads a transfer.
    fn transfer(
        &mut self,
        id: &TransactionId,
    ) -> impl Future<Output = Result<Option<StoredTransfer>, StoreError>> + Send;

    /// Writes a transfer; for one that exists, its state and entry alone.
    fn put_transfer(
        &mut self,
        stored: &StoredTransfer,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes the two rows of the journal for a transfer that moved `amount`.
    fn post(
        &mut self,
        stored: &StoredTransfer,
        amount: u64,
        time_ms: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads at most `limit` holds whose time was over at `now_ms`, oldest first.
    fn ended_holds(
        &mut self,
        now_ms: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Transfer>, StoreError>> + Send;

    /// Returns how much of an account's pending debits was over at `now_ms`.
    fn ended_pending(
        &mut self,
        key: &AccountKey,
        now_ms: u64,
    ) -> impl Future<Output = Result<i64, StoreError>> + Send;

    /// Reads the entries that moved an account's money, oldest first.
    fn history(
        &mut self,
        span: &Span,
    ) -> impl Future<Output = Result<Vec<StoredEntry>, StoreError>> + Send;

    /// Checks the books against themselves.
    fn audit(&mut self) -> impl Future<Output = Result<Audit, StoreError>> + Send;
}

/// A transaction over both aggregates; dropped without a commit, it leaves no trace.
pub trait Session: EntryStore + AccountStore + Send {
    /// Makes the changes durable.
    fn commit(self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A store of log and books.
pub trait LedgerStore: Clone + Send + Sync + 'static {
    /// Its transactions.
    type Session: Session;

    /// Opens the one transaction that may write; waits while another is open.
    fn write(&self) -> impl Future<Output = Result<Self::Session, StoreError>> + Send;

    /// Opens a transaction that sees what is committed now.
    fn read(&self) -> impl Future<Output = Result<Self::Session, StoreError>> + Send;
}

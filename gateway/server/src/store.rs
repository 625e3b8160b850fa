//! What a gateway keeps: vendors, scanners, users with their session tokens, contexts, the final
//! answers of requests, and the messages of streams. Keys and tokens are kept as SHA-256 alone.

use std::future::Future;

use boop_bridge::{Epoch, Log, StreamName};
use boop_wire::api::AuthResult;
use boop_wire::id::{ContextId, ScannerId, TerminalId, TransactionId, VendorId};
use boop_wire::job::AuthContext;
use boop_wire::{Digest, Refusal, RequestId, UserId};
use uuid::Uuid;

use crate::oauth::AccessToken;
use crate::submission::Agreed;

mod any;
mod attributes;
mod columns;
mod jobs;
mod postgres;
mod replays;
mod revocations;
mod sqlite;
#[cfg(test)]
pub(crate) mod suite;

pub use any::AnyStore;
pub use attributes::{AttributeDef, AttributeStore, ContextFormat, DataFormat, Removed};
pub use jobs::{Job, JobStore};
pub use replays::{Begun, ReplayStore};
pub use revocations::{RevocationStore, Revoked};

/// Why the store did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(String),
    /// A row does not read as what it should be.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
}

/// Keeps the detail in the log and gives the code for the other side.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store did not answer");
        Self::Internal
    }
}

/// A vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor {
    /// Its id.
    pub id: VendorId,
    /// Shown to customers.
    pub name: String,
    /// SHA-256 of its key.
    pub key: Digest,
}

/// A scanner at a vendor's terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanner {
    /// Its id.
    pub id: ScannerId,
    /// Whose terminal.
    pub vendor: VendorId,
    /// Which terminal.
    pub terminal: TerminalId,
    /// SHA-256 of its key.
    pub key: Digest,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Whether the enrolment is done.
    pub enrolled: bool,
    /// What the parties agreed on, from before the ledger hears of it.
    pub agreed: Option<Agreed>,
}

/// A user's session token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the token.
    pub token: Digest,
    /// Whose.
    pub user: UserId,
    /// When it ends, Unix milliseconds.
    pub expires_at_ms: u64,
    /// Whether it has enrolled a palm.
    pub used: bool,
}

/// A context as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredContext {
    /// The context.
    pub body: AuthContext,
    /// Which scanner reads the palm.
    pub scanner: ScannerId,
    /// Digest of what was asked.
    pub asked: Digest,
    /// The payment's id, if it is one.
    pub transaction: TransactionId,
    /// What the parties' work for it is called; contexts from before jobs have none.
    pub job: Option<Uuid>,
    /// What the parties agreed on, from before the ledger hears of it.
    pub agreed: Option<Agreed>,
    /// How it ended.
    pub result: Option<AuthResult>,
}

/// What became of opening a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It is open.
    Yes,
    /// Another context is open at the terminal.
    TerminalBusy,
    /// The vendor has used the id.
    Exists,
}

/// How a context comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// By what the parties agreed on.
    Settled,
    /// Without them: it closes only if they have not agreed.
    Unsettled,
}

/// One life of a gateway, among those that share a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(pub [u8; 16]);

/// The final answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The request.
    pub request: RequestId,
    /// Digest of what it was about; the answer is for this alone.
    pub subject: Digest,
    /// The answer, JSON.
    pub text: String,
}

/// A message on its way to a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Whose.
    pub stream: StreamName,
    /// A JSON object.
    pub text: String,
    /// When, Unix milliseconds.
    pub at_ms: u64,
}

/// Where a stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamState {
    /// The life of the log.
    pub epoch: Epoch,
    /// Offset of the newest message.
    pub head: u64,
    /// Some reader has everything up to here.
    pub acknowledged: u64,
}

/// Vendors and scanners.
pub trait DirectoryStore: Send + Sync {
    /// Adds a vendor with a fresh id.
    fn add_vendor(&self, vendor: &Vendor) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Finds a vendor.
    fn vendor(
        &self,
        id: &VendorId,
    ) -> impl Future<Output = Result<Option<Vendor>, StoreError>> + Send;

    /// Finds the vendor whose key has this SHA-256.
    fn vendor_of_key(
        &self,
        key: &Digest,
    ) -> impl Future<Output = Result<Option<Vendor>, StoreError>> + Send;

    /// Adds a scanner; false if the terminal has one.
    fn add_scanner(
        &self,
        scanner: &Scanner,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Finds a scanner.
    fn scanner(
        &self,
        id: &ScannerId,
    ) -> impl Future<Output = Result<Option<Scanner>, StoreError>> + Send;

    /// Finds the scanner whose key has this SHA-256.
    fn scanner_of_key(
        &self,
        key: &Digest,
    ) -> impl Future<Output = Result<Option<Scanner>, StoreError>> + Send;

    /// Finds the scanner at a vendor's terminal.
    fn scanner_at(
        &self,
        vendor: &VendorId,
        terminal: &TerminalId,
    ) -> impl Future<Output = Result<Option<Scanner>, StoreError>> + Send;

    /// Lists a vendor's terminals, at most so many.
    fn terminals(
        &self,
        vendor: &VendorId,
        max: u32,
    ) -> impl Future<Output = Result<Vec<TerminalId>, StoreError>> + Send;
}

/// Users and their session tokens.
pub trait UserStore: Send + Sync {
    /// Adds a user with its first session.
    fn add_user(&self, session: &Session) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Finds a user.
    fn user(&self, id: UserId) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;

    /// Finds a session by the token's hash.
    fn session(
        &self,
        token: &Digest,
    ) -> impl Future<Output = Result<Option<Session>, StoreError>> + Send;

    /// Keeps what the parties agreed on about a user's enrolment, and returns what is kept: the
    /// first agreement stays.
    fn agree_user(
        &self,
        id: UserId,
        agreed: &Agreed,
    ) -> impl Future<Output = Result<Option<Agreed>, StoreError>> + Send;

    /// Ends an enrolment: the user is enrolled, its tokens are used, the answer is final, the
    /// messages are on their streams; all or nothing. A user that is enrolled stays as it is.
    fn enrol_user(
        &self,
        id: UserId,
        answer: &Answer,
        posts: &[Post],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Contexts and the answers of requests.
pub trait ContextStore: Send + Sync {
    /// Opens a context, if its id and its terminal are free, with the messages that tell of it.
    fn open_context(
        &self,
        context: &StoredContext,
        posts: &[Post],
    ) -> impl Future<Output = Result<Opened, StoreError>> + Send;

    /// Finds a context.
    fn context(
        &self,
        vendor: &VendorId,
        context: &ContextId,
    ) -> impl Future<Output = Result<Option<StoredContext>, StoreError>> + Send;

    /// Finds the context of a transaction.
    fn context_of_transaction(
        &self,
        transaction: &TransactionId,
    ) -> impl Future<Output = Result<Option<StoredContext>, StoreError>> + Send;

    /// Reads contexts without a result whose time was over before, the oldest first.
    fn overdue_contexts(
        &self,
        before_ms: u64,
        max: u32,
    ) -> impl Future<Output = Result<Vec<StoredContext>, StoreError>> + Send;

    /// Keeps what the parties agreed on for a context, and returns what is kept: the first
    /// agreement stays, and a context that ended without one takes none.
    fn agree_context(
        &self,
        body: &AuthContext,
        agreed: &Agreed,
    ) -> impl Future<Output = Result<Option<Agreed>, StoreError>> + Send;

    /// Gives a context its result, its request the final answer, and streams the messages that
    /// tell of it; false if it had a result, or has an agreement that this is not the end of, and
    /// then nothing changes.
    fn close_context(
        &self,
        body: &AuthContext,
        closing: Closing,
        result: &AuthResult,
        answer: Option<&Answer>,
        posts: &[Post],
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Finds the final answer to a request.
    fn answer(
        &self,
        request: RequestId,
    ) -> impl Future<Output = Result<Option<Answer>, StoreError>> + Send;

    /// Keeps a final answer with the messages that tell of it; the first answer stays.
    fn put_answer(
        &self,
        answer: &Answer,
        posts: &[Post],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Streams of messages; they are read through [`Log`].
pub trait StreamStore: Log<Error = StoreError> {
    /// Puts messages on their streams, all or none.
    fn post(&self, posts: &[Post]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns where a stream stands; one that had no message yet stands at zero.
    fn stream(
        &self,
        name: &StreamName,
    ) -> impl Future<Output = Result<StreamState, StoreError>> + Send;

    /// Notes up to where streams have reached a reader; never back.
    fn acknowledge(
        &self,
        news: &[(StreamName, u64)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets messages that are older than this; returns how many.
    fn forget_messages(
        &self,
        before_ms: u64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Returns the streams with messages since then.
    fn streams_since(
        &self,
        since_ms: u64,
    ) -> impl Future<Output = Result<Vec<StreamName>, StoreError>> + Send;

    /// Begins a new epoch: the database was put back to an earlier state.
    fn begin_epoch(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Which gateway holds the socket of a stream that one socket alone may read.
pub trait PresenceStore: Send + Sync {
    /// Takes a stream, from whoever held it.
    fn take_stream(
        &self,
        stream: &StreamName,
        holder: Holder,
        until_ms: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Holds a stream for longer; false if another has taken it.
    fn keep_stream(
        &self,
        stream: &StreamName,
        holder: Holder,
        until_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Leaves a stream, if the holder still has it.
    fn leave_stream(
        &self,
        stream: &StreamName,
        holder: Holder,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Tells whether anybody holds a stream.
    fn is_held(
        &self,
        stream: &StreamName,
        now_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Keys of clients, access tokens, and what may be used once.
pub trait TokenStore: Send + Sync {
    /// Puts a vendor's JWK set in place.
    fn put_client_keys(
        &self,
        vendor: &VendorId,
        keys: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns a vendor's JWK set.
    fn client_keys(
        &self,
        vendor: &VendorId,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// Keeps a fresh access token.
    fn add_token(&self, token: &AccessToken)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Finds an access token by its hash.
    fn token(
        &self,
        token: &Digest,
    ) -> impl Future<Output = Result<Option<AccessToken>, StoreError>> + Send;

    /// Notes that something is used, until a time; false if it was.
    fn use_once(
        &self,
        used: &Digest,
        until_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Returns a secret that everybody over the store has; the first who asks brings it.
    fn secret(
        &self,
        secret: &str,
        fresh: &[u8; 32],
    ) -> impl Future<Output = Result<[u8; 32], StoreError>> + Send;

    /// Forgets tokens and uses whose time was over before.
    fn forget_tokens(&self, before_ms: u64) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Everything a gateway keeps.
pub trait Store:
    DirectoryStore
    + UserStore
    + ContextStore
    + StreamStore
    + PresenceStore
    + TokenStore
    + JobStore
    + AttributeStore
    + ReplayStore
    + RevocationStore
    + Clone
{
}

impl<T> Store for T where
    T: DirectoryStore
        + UserStore
        + ContextStore
        + StreamStore
        + PresenceStore
        + TokenStore
        + JobStore
        + AttributeStore
        + ReplayStore
        + RevocationStore
        + Clone
{
}

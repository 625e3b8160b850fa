//! The store that a configuration names.

use std::path::Path;

use boop_bridge::{Log, Page, StreamName};
use boop_wire::api::AuthResult;
use boop_wire::id::{ContextId, ScannerId, TerminalId, TransactionId, VendorId};
use boop_wire::job::AuthContext;
use boop_wire::{Digest, RequestId, UserId};
use uuid::Uuid;

use super::{
    Answer, AttributeDef, AttributeStore, Begun, Closing, ContextStore, DirectoryStore, Holder,
    Job, JobStore, Opened, Post, PresenceStore, Removed, ReplayStore, RevocationStore, Revoked,
    Scanner, Session, StoreError, StoredContext, StreamState, StreamStore, TokenStore, User,
    UserStore, Vendor, postgres, sqlite,
};
use crate::oauth::AccessToken;
use crate::submission::Agreed;

/// Beginnings of the URLs of PostgreSQL.
const POSTGRES: [&str; 2] = ["postgres://", "postgresql://"];

/// One of the two stores. Clones share the connections.
#[derive(Debug, Clone)]
pub enum AnyStore {
    /// A file for one gateway.
    Sqlite(sqlite::SqlStore),
    /// A database for several.
    Postgres(postgres::SqlStore),
}

/// Asks whichever store it is.
macro_rules! ask {
    ($any:expr, $store:ident => $asked:expr) => {
        match $any {
            AnyStore::Sqlite($store) => $asked.await,
            AnyStore::Postgres($store) => $asked.await,
        }
    };
}

impl AnyStore {
    /// Opens the file, or connects to the database if it is a PostgreSQL URL.
    ///
    /// # Errors
    /// When it cannot be opened, or its schema is newer than this program.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        if POSTGRES.iter().any(|start| address.starts_with(start)) {
            let store = postgres::SqlStore::connect(address).await?;
            return Ok(Self::Postgres(store));
        }
        let store = sqlite::SqlStore::open(Path::new(address)).await?;
        Ok(Self::Sqlite(store))
    }

    /// Tells whether other gateways may write to it too.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Closes the connections and waits until all is at rest.
    pub async fn close(&self) {
        ask!(self, store => store.close());
    }
}

impl DirectoryStore for AnyStore {
    async fn add_vendor(&self, vendor: &Vendor) -> Result<(), StoreError> {
        ask!(self, store => store.add_vendor(vendor))
    }

    async fn vendor(&self, id: &VendorId) -> Result<Option<Vendor>, StoreError> {
        ask!(self, store => store.vendor(id))
    }

    async fn vendor_of_key(&self, key: &Digest) -> Result<Option<Vendor>, StoreError> {
        ask!(self, store => store.vendor_of_key(key))
    }

    async fn add_scanner(&self, scanner: &Scanner) -> Result<bool, StoreError> {
        ask!(self, store => store.add_scanner(scanner))
    }

    async fn scanner(&self, id: &ScannerId) -> Result<Option<Scanner>, StoreError> {
        ask!(self, store => store.scanner(id))
    }

    async fn scanner_of_key(&self, key: &Digest) -> Result<Option<Scanner>, StoreError> {
        ask!(self, store => store.scanner_of_key(key))
    }

    async fn scanner_at(
        &self,
        vendor: &VendorId,
        terminal: &TerminalId,
    ) -> Result<Option<Scanner>, StoreError> {
        ask!(self, store => store.scanner_at(vendor, terminal))
    }

    async fn terminals(&self, vendor: &VendorId, max: u32) -> Result<Vec<TerminalId>, StoreError> {
        ask!(self, store => store.terminals(vendor, max))
    }
}

impl UserStore for AnyStore {
    async fn add_user(&self, session: &Session) -> Result<(), StoreError> {
        ask!(self, store => store.add_user(session))
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        ask!(self, store => store.user(id))
    }

    async fn session(&self, token: &Digest) -> Result<Option<Session>, StoreError> {
        ask!(self, store => store.session(token))
    }

    async fn agree_user(&self, id: UserId, agreed: &Agreed) -> Result<Option<Agreed>, StoreError> {
        ask!(self, store => store.agree_user(id, agreed))
    }

    async fn enrol_user(
        &self,
        id: UserId,
        answer: &Answer,
        posts: &[Post],
    ) -> Result<(), StoreError> {
        ask!(self, store => store.enrol_user(id, answer, posts))
    }
}

impl ContextStore for AnyStore {
    async fn open_context(
        &self,
        context: &StoredContext,
        posts: &[Post],
    ) -> Result<Opened, StoreError> {
        ask!(self, store => store.open_context(context, posts))
    }

    async fn context(
        &self,
        vendor: &VendorId,
        context: &ContextId,
    ) -> Result<Option<StoredContext>, StoreError> {
        ask!(self, store => store.context(vendor, context))
    }

    async fn context_of_transaction(
        &self,
        transaction: &TransactionId,
    ) -> Result<Option<StoredContext>, StoreError> {
        ask!(self, store => store.context_of_transaction(transaction))
    }

    async fn overdue_contexts(
        &self,
        before_ms: u64,
        max: u32,
    ) -> Result<Vec<StoredContext>, StoreError> {
        ask!(self, store => store.overdue_contexts(before_ms, max))
    }

    async fn agree_context(
        &self,
        body: &AuthContext,
        agreed: &Agreed,
    ) -> Result<Option<Agreed>, StoreError> {
        ask!(self, store => store.agree_context(body, agreed))
    }

    async fn close_context(
        &self,
        body: &AuthContext,
        closing: Closing,
        result: &AuthResult,
        answer: Option<&Answer>,
        posts: &[Post],
    ) -> Result<bool, StoreError> {
        ask!(self, store => store.close_context(body, closing, result, answer, posts))
    }

    async fn answer(&self, request: RequestId) -> Result<Option<Answer>, StoreError> {
        ask!(self, store => store.answer(request))
    }

    async fn put_answer(&self, answer: &Answer, posts: &[Post]) -> Result<(), StoreError> {
        ask!(self, store => store.put_answer(answer, posts))
    }
}

impl StreamStore for AnyStore {
    async fn post(&self, posts: &[Post]) -> Result<(), StoreError> {
        ask!(self, store => store.post(posts))
    }

    async fn stream(&self, name: &StreamName) -> Result<StreamState, StoreError> {
        ask!(self, store => store.stream(name))
    }

    async fn acknowledge(&self, news: &[(StreamName, u64)]) -> Result<(), StoreError> {
        ask!(self, store => store.acknowledge(news))
    }

    async fn forget_messages(&self, before_ms: u64) -> Result<u64, StoreError> {
        ask!(self, store => store.forget_messages(before_ms))
    }

    async fn streams_since(&self, since_ms: u64) -> Result<Vec<StreamName>, StoreError> {
        ask!(self, store => store.streams_since(since_ms))
    }

    async fn begin_epoch(&self) -> Result<(), StoreError> {
        ask!(self, store => store.begin_epoch())
    }
}

impl PresenceStore for AnyStore {
    async fn take_stream(
        &self,
        stream: &StreamName,
        holder: Holder,
        until_ms: u64,
    ) -> Result<(), StoreError> {
        ask!(self, store => store.take_stream(stream, holder, until_ms))
    }

    async fn keep_stream(
        &self,
        stream: &StreamName,
        holder: Holder,
        until_ms: u64,
    ) -> Result<bool, StoreError> {
        ask!(self, store => store.keep_stream(stream, holder, until_ms))
    }

    async fn leave_stream(&self, stream: &StreamName, holder: Holder) -> Result<(), StoreError> {
        ask!(self, store => store.leave_stream(stream, holder))
    }

    async fn is_held(&self, stream: &StreamName, now_ms: u64) -> Result<bool, StoreError> {
        ask!(self, store => store.is_held(stream, now_ms))
    }
}

impl TokenStore for AnyStore {
    async fn put_client_keys(&self, vendor: &VendorId, keys: &str) -> Result<(), StoreError> {
        ask!(self, store => store.put_client_keys(vendor, keys))
    }

    async fn client_keys(&self, vendor: &VendorId) -> Result<Option<String>, StoreError> {
        ask!(self, store => store.client_keys(vendor))
    }

    async fn add_token(&self, token: &AccessToken) -> Result<(), StoreError> {
        ask!(self, store => store.add_token(token))
    }

    async fn token(&self, token: &Digest) -> Result<Option<AccessToken>, StoreError> {
        ask!(self, store => store.token(token))
    }

    async fn use_once(&self, used: &Digest, until_ms: u64) -> Result<bool, StoreError> {
        ask!(self, store => store.use_once(used, until_ms))
    }

    async fn secret(&self, secret: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        ask!(self, store => store.secret(secret, fresh))
    }

    async fn forget_tokens(&self, before_ms: u64) -> Result<(), StoreError> {
        ask!(self, store => store.forget_tokens(before_ms))
    }
}

impl Log for AnyStore {
    type Error = StoreError;

    async fn read(
        &self,
        stream: &StreamName,
        after: u64,
        bytes_max: usize,
    ) -> Result<Page, StoreError> {
        ask!(self, store => store.read(stream, after, bytes_max))
    }
}

impl JobStore for AnyStore {
    async fn add_job(&self, job: &Job) -> Result<Job, StoreError> {
        ask!(self, store => store.add_job(job))
    }

    async fn job(&self, id: Uuid) -> Result<Option<Job>, StoreError> {
        ask!(self, store => store.job(id))
    }

    async fn job_of_request(&self, request: RequestId) -> Result<Option<Job>, StoreError> {
        ask!(self, store => store.job_of_request(request))
    }

    async fn note_failure(&self, id: Uuid, failure: Option<&str>) -> Result<(), StoreError> {
        ask!(self, store => store.note_failure(id, failure))
    }

    async fn context_of_job(&self, id: Uuid) -> Result<Option<StoredContext>, StoreError> {
        ask!(self, store => store.context_of_job(id))
    }

    async fn forget_jobs(&self, before_ms: u64) -> Result<(), StoreError> {
        ask!(self, store => store.forget_jobs(before_ms))
    }
}

impl AttributeStore for AnyStore {
    async fn add_attribute(&self, attribute: &AttributeDef) -> Result<bool, StoreError> {
        ask!(self, store => store.add_attribute(attribute))
    }

    async fn attribute(&self, name: &str) -> Result<Option<AttributeDef>, StoreError> {
        ask!(self, store => store.attribute(name))
    }

    async fn attributes(&self, after: &str, max: u32) -> Result<Vec<AttributeDef>, StoreError> {
        ask!(self, store => store.attributes(after, max))
    }

    async fn remove_attribute(&self, name: &str) -> Result<Removed, StoreError> {
        ask!(self, store => store.remove_attribute(name))
    }
}

impl ReplayStore for AnyStore {
    async fn begin_request(
        &self,
        name: &Digest,
        content: &Digest,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<Begun, StoreError> {
        ask!(self, store => store.begin_request(name, content, now_ms, until_ms))
    }

    async fn end_request(
        &self,
        name: &Digest,
        answer: &[u8],
        until_ms: u64,
    ) -> Result<(), StoreError> {
        ask!(self, store => store.end_request(name, answer, until_ms))
    }

    async fn abandon_request(&self, name: &Digest) -> Result<(), StoreError> {
        ask!(self, store => store.abandon_request(name))
    }

    async fn forget_requests(&self, before_ms: u64) -> Result<(), StoreError> {
        ask!(self, store => store.forget_requests(before_ms))
    }
}

impl RevocationStore for AnyStore {
    async fn remove_vendor(&self, vendor: &VendorId, at_ms: u64) -> Result<bool, StoreError> {
        ask!(self, store => store.remove_vendor(vendor, at_ms))
    }

    async fn remove_scanner(&self, scanner: &ScannerId, at_ms: u64) -> Result<bool, StoreError> {
        ask!(self, store => store.remove_scanner(scanner, at_ms))
    }

    async fn replace_key(
        &self,
        vendor: &VendorId,
        key: &Digest,
        at_ms: u64,
    ) -> Result<bool, StoreError> {
        ask!(self, store => store.replace_key(vendor, key, at_ms))
    }

    async fn revoke_tokens(&self, vendor: &VendorId, at_ms: u64) -> Result<u64, StoreError> {
        ask!(self, store => store.revoke_tokens(vendor, at_ms))
    }

    async fn revocations_since(&self, since_ms: u64) -> Result<Vec<(i64, Revoked)>, StoreError> {
        ask!(self, store => store.revocations_since(since_ms))
    }

    async fn forget_revocations(&self, before_ms: u64) -> Result<(), StoreError> {
        ask!(self, store => store.forget_revocations(before_ms))
    }
}

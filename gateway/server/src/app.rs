//! What every handler shares, and the few steps that several journeys take.

use std::sync::Arc;

use boop_bridge::{Hub, StreamName};
use boop_channel::{Trust, sign_reference, sign_statement};
use boop_daemon::Member;
use boop_wire::codec::{plain_digest, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::id::VendorId;
use boop_wire::job::{AuthContext, Progress, Subject};
use boop_wire::reference::{ContextReference, REFERENCE_PREFIX, SignedReference};
use boop_wire::session::{ProofStatement, Signature};
use boop_wire::{NetworkId, PartyIndex, Refusal};
use serde::Serialize;
use tokio::sync::watch;

use crate::admission::{Admission, Asker, Class};
use crate::config::Checked;
use crate::intrusion::{Intrusion, Who};
use crate::known::KnownKeys;
use crate::ledger_link::LedgerApi;
use crate::locks::{KeyedLocks, Work};
use crate::oauth::{Names, Nonces};
use crate::problem::Failure;
use crate::public_key::PublicKey;
use crate::revocation::Revocations;
use crate::store::{
    AnyStore, DirectoryStore as _, Holder, Post, StoreError, StreamStore as _, Vendor,
};
use crate::submission::Parties;
use crate::text;
use crate::wakeups::Wakeups;

/// What the gateway proves itself with.
pub trait Identity: Send + Sync {
    /// Returns the boot evidence in force.
    fn bundle(&self) -> EvidenceBundle;

    /// Returns the manifest's versions that the gateway believes, one after the other.
    fn versions(&self) -> Vec<u8>;

    /// Signs a statement about a connection.
    fn sign(&self, statement: &ProofStatement) -> Signature;

    /// Signs a reference to an open context.
    fn sign_reference(&self, reference: ContextReference) -> SignedReference;
}

impl Identity for Member {
    fn bundle(&self) -> EvidenceBundle {
        Self::bundle(self)
    }

    fn versions(&self) -> Vec<u8> {
        self.trust().versions()
    }

    fn sign(&self, statement: &ProofStatement) -> Signature {
        sign_statement(self.keys(), statement)
    }

    fn sign_reference(&self, reference: ContextReference) -> SignedReference {
        sign_reference(self.keys(), reference)
    }
}

/// The network as clients see it. All of it stays the same while a gateway runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Whether it runs on simulated hardware.
    pub simulated: bool,
    /// Lowest quality of a capture.
    pub quality_min: u8,
}

impl Network {
    /// Returns the network that a process believes in.
    pub fn of(trust: &Trust) -> Self {
        let manifest = trust.manifest();
        Self {
            id: manifest.network(),
            simulated: manifest.manifest().simulated,
            quality_min: manifest.manifest().quality_min,
        }
    }
}

/// What every handler shares.
pub struct App {
    /// What is kept.
    pub store: AnyStore,
    /// The three parties.
    pub parties: Arc<dyn Parties>,
    /// The ledger.
    pub ledger: Arc<dyn LedgerApi>,
    /// Streams to vendors, scanners and users.
    pub hub: Hub,
    /// What the gateway proves itself with.
    pub identity: Arc<dyn Identity>,
    /// The network.
    pub network: Network,
    /// Checked configuration.
    pub settings: Checked,
    /// The clock, Unix milliseconds.
    pub now_ms: fn() -> u64,
    /// One lock for each context and user.
    pub locks: KeyedLocks,
    /// Work that must end before the process does.
    pub work: Arc<Work>,
    /// Whether sockets shall go to another gateway.
    pub leaving: watch::Sender<bool>,
    /// How often anybody may ask.
    pub admission: Admission,
    /// What is noticed at the doors.
    pub intrusion: Intrusion,
    /// What tells sockets of what is taken away.
    pub revocations: Revocations,
    /// Keys that were good a moment ago.
    pub known: KnownKeys,
    /// The key of the public endpoint.
    pub public: PublicKey,
    /// What it is called as an authorization server.
    pub names: Names,
    /// What its nonces are made with.
    pub nonces: Nonces,
    /// This life of the gateway, among those that share the store.
    pub own: Holder,
    /// Hints to those and from them.
    pub wakeups: Wakeups,
}

impl App {
    /// Returns the time.
    pub fn now(&self) -> u64 {
        (self.now_ms)()
    }

    /// Makes a message ready for its stream, so that it is kept with the change it tells of.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if it does not serialise.
    pub(crate) fn post(
        &self,
        stream: StreamName,
        message: &impl Serialize,
    ) -> Result<Post, Refusal> {
        let text = serde_json::to_string(message).map_err(|_| Refusal::Internal)?;
        let at_ms = self.now();
        Ok(Post {
            stream,
            text,
            at_ms,
        })
    }

    /// Wakes the readers of messages that are kept now.
    pub(crate) fn wake(&self, posts: &[Post]) {
        for post in posts {
            self.hub.wake(&post.stream);
            self.wakeups.message(&post.stream);
        }
    }

    /// Puts a message on a stream that tells of no change; if the store does not answer, nobody
    /// hears it.
    pub(crate) async fn publish(&self, stream: StreamName, message: &impl Serialize) {
        let posts = match self.post(stream, message) {
            Ok(post) => [post],
            Err(refusal) => return tracing::error!(%refusal, "a message does not serialise"),
        };
        match self.store.post(&posts).await {
            Ok(()) => self.wake(&posts),
            Err(error) => tracing::error!(%error, "message not published"),
        }
    }

    /// Tells the store what has reached readers. What it does not hear is delivered again.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn keep_streams(&self) -> Result<(), StoreError> {
        let news = self.hub.take_news();
        if !news.is_empty() {
            self.store.acknowledge(&news).await?;
        }
        Ok(())
    }

    /// Wakes the readers of streams that other gateways may have written to since then, in case
    /// that no hint came.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn look_for_messages(&self, since_ms: u64) -> Result<(), StoreError> {
        if self.store.is_shared() {
            for stream in self.store.streams_since(since_ms).await? {
                self.hub.wake(&stream);
            }
        }
        Ok(())
    }

    /// Lets a vendor's socket ask once more for a context, if its share has room.
    ///
    /// # Errors
    /// [`Refusal::Busy`].
    pub(crate) fn admit_context(&self, vendor: &VendorId) -> Result<(), Failure> {
        self.welcome(&Who::Vendor(vendor.clone()))?;
        let asker = Asker::Caller(plain_digest(vendor.as_str().as_bytes()));
        self.admission.admit(Class::Contexts, asker).admitted()
    }

    /// Returns the text of a QR code that names an open context.
    pub fn reference(&self, body: &AuthContext) -> String {
        let signed = self.identity.sign_reference(ContextReference {
            network: self.network.id,
            vendor: body.vendor.clone(),
            context: body.context.clone(),
            terminal: body.terminal.clone(),
            subject: Subject::Identify(body.clone()).digest(),
            expires_at_ms: body.expires_at_ms,
        });
        let signed = text::base64url(&to_canonical(&signed));
        format!("{REFERENCE_PREFIX}{signed}")
    }

    /// Returns which parties have a session with this gateway.
    pub fn parties_here(&self) -> [bool; PartyIndex::COUNT] {
        PartyIndex::ALL.map(|party| self.parties.evidence(party).is_some())
    }

    /// Returns how far each party is with its records, where it is not done.
    pub fn parties_preparing(&self) -> [Option<Progress>; PartyIndex::COUNT] {
        let unfinished = |progress: &Progress| progress.done < progress.of;
        PartyIndex::ALL.map(|party| self.parties.progress(party).filter(unfinished))
    }

    /// Tells whether every party and the ledger have a session with this gateway.
    pub fn is_whole(&self) -> bool {
        self.parties_here().iter().all(|here| *here) && self.ledger.is_connected()
    }

    /// Returns the vendor that proves itself with a key.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`].
    pub async fn vendor(&self, id: &VendorId, key: &str) -> Result<Vendor, Refusal> {
        let vendor = self.store.vendor(id).await?;
        vendor
            .filter(|vendor| text::is_key(key, &vendor.key))
            .ok_or(Refusal::Unauthenticated)
    }
}

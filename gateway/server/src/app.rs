//! What every handler shares, and the few steps that several journeys take.

use std::sync::Arc;

use boop_bridge::{Hub, StreamName};
use boop_channel::{Trust, sign_statement};
use boop_daemon::Member;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::id::VendorId;
use boop_wire::job::Progress;
use boop_wire::session::{ProofStatement, Signature};
use boop_wire::{NetworkId, PartyIndex, Refusal};
use serde::Serialize;

use crate::config::Checked;
use crate::ledger_link::LedgerApi;
use crate::locks::{KeyedLocks, Limiter, Work};
use crate::store::{DirectoryStore as _, SqliteStore, Vendor};
use crate::submission::Parties;
use crate::text;

/// What the gateway proves itself with.
pub trait Identity: Send + Sync {
    /// Returns the boot evidence in force.
    fn bundle(&self) -> EvidenceBundle;

    /// Returns the manifest's versions that the gateway believes, one after the other.
    fn versions(&self) -> Vec<u8>;

    /// Signs a statement about a connection.
    fn sign(&self, statement: &ProofStatement) -> Signature;
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
    pub store: SqliteStore,
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
    /// Contexts by address.
    pub contexts_limiter: Limiter,
    /// Registrations by address.
    pub registrations_limiter: Limiter,
}

impl App {
    /// Returns the time.
    pub fn now(&self) -> u64 {
        (self.now_ms)()
    }

    /// Puts a message on a stream. A stream that is full drops its oldest; when there are too
    /// many streams, the message stays in the store alone.
    pub fn publish(&self, stream: &StreamName, message: &impl Serialize) {
        let Ok(text) = serde_json::to_string(message) else {
            tracing::error!(%stream, "a message does not serialise");
            return;
        };
        if let Err(error) = self.hub.publish(stream, text, self.now()) {
            tracing::warn!(%stream, %error, "message not published");
        }
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
            .filter(|vendor| text::is_secret(key, &vendor.key))
            .ok_or(Refusal::Unauthenticated)
    }
}

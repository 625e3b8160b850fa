//! Manifests in the log: a version is there before anything happens under it [EVI-7].

use std::sync::Arc;

use boop_channel::Trust;
use boop_channel::manifest::{ChainError, Head, check_successor};
use boop_wire::Refusal;
use boop_wire::id::{Digest, NetworkId};
use boop_wire::ledger::{Detail, LedgerResponse};
use boop_wire::manifest::SignedManifest;
use boop_wire::publication::{Publication, publication_id};

use crate::ledger::{Ledger, refuse_store};
use crate::store::{EntryStore as _, LedgerStore, StoredEntry};
use crate::writer::Command;

/// Why a ledger does not serve under its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnpublishedError {
    /// The version is not in the log, or another manifest is.
    #[error(
        "version {version} of the manifest is not in this log: start under the version before, and \
         publish it (`boop manifest publish`)"
    )]
    Unlogged {
        /// The version.
        version: u64,
    },
    /// Its delay has not passed.
    #[error("version {version} of the manifest counts from {from_ms} ms on")]
    TooEarly {
        /// The version.
        version: u64,
        /// From when on, Unix milliseconds.
        from_ms: u64,
    },
    /// The log could not be read or written.
    #[error("the log could not be read or written: {0}")]
    Refused(Refusal),
}

impl<S: LedgerStore> Ledger<S> {
    /// Checks that the manifest under which this ledger starts is in its log, and counts. The
    /// genesis puts itself there.
    ///
    /// # Errors
    /// If it is not, or not yet.
    pub async fn check_published(&self) -> Result<(), UnpublishedError> {
        self.check_in_log(self.trust().manifest().head()).await
    }

    /// Takes next versions for as long as the ledger runs, and none that its log does not have.
    /// Whom the version before made known is forgotten: parties are introduced with each payment.
    pub async fn follow_for_ever(self) {
        let forgetting = async {
            let mut changes = self.live_trust().changes();
            while changes.changed().await.is_ok() {
                self.forget_parties();
            }
        };
        let following = Arc::clone(self.live_trust()).follow_for_ever(|next: Arc<Trust>| {
            let ledger = self.clone();
            async move { ledger.check_in_log(next.manifest().head()).await }
        });
        tokio::join!(forgetting, following);
    }

    async fn check_in_log(&self, head: Head) -> Result<(), UnpublishedError> {
        let Head {
            version,
            digest,
            network,
            ..
        } = head;
        let found = match self.publication(network, version).await {
            Ok(found) => found,
            Err(refusal) => return Err(UnpublishedError::Refused(refusal)),
        };
        match found {
            Some((of, _)) if of.manifest != digest => Err(UnpublishedError::Unlogged { version }),
            Some((of, _)) if of.from_ms > self.now_ms() => {
                let from_ms = of.from_ms;
                Err(UnpublishedError::TooEarly { version, from_ms })
            }
            Some(_) => Ok(()),
            None if version == 1 => {
                let written = self.enter(network, version, digest, 0).await;
                written.map(drop).map_err(UnpublishedError::Refused)
            }
            None => Err(UnpublishedError::Unlogged { version }),
        }
    }

    /// Puts the version that follows this ledger's into the log, or finds one that is there.
    pub async fn publish(&self, signed: &SignedManifest) -> LedgerResponse {
        let answer = self.try_publish(signed).await;
        answer.unwrap_or_else(LedgerResponse::Refused)
    }

    /// Answers with the receipt of a version.
    pub async fn published(&self, network: NetworkId, version: u64) -> LedgerResponse {
        let answer = match self.publication(network, version).await {
            Ok(Some((_, stored))) => self.receipt(&stored).map(LedgerResponse::Recorded),
            Ok(None) => Err(Refusal::ManifestUnlogged),
            Err(refusal) => Err(refusal),
        };
        answer.unwrap_or_else(LedgerResponse::Refused)
    }

    async fn try_publish(&self, signed: &SignedManifest) -> Result<LedgerResponse, Refusal> {
        let (next, _) = Head::read(signed).map_err(|_| Refusal::Malformed)?;
        let trust = self.trust();
        let network = trust.manifest().network();
        if next.network != network {
            return Err(Refusal::WrongNetwork);
        }
        if let Some((of, stored)) = self.publication(network, next.version).await? {
            return match of.manifest == next.digest {
                true => Ok(LedgerResponse::Recorded(self.receipt(&stored)?)),
                false => Err(Refusal::Conflict),
            };
        }
        let delay_s = check_successor(trust.manifest().signed(), signed).map_err(|error| {
            tracing::warn!(%error, version = next.version, "manifest not published");
            match error {
                ChainError::Approvals { .. } => Refusal::BadSignature,
                _ => Refusal::Invalid,
            }
        })?;
        self.enter(network, next.version, next.digest, delay_s)
            .await
    }

    async fn enter(
        &self,
        network: NetworkId,
        version: u64,
        manifest: Digest,
        delay_s: u32,
    ) -> Result<LedgerResponse, Refusal> {
        let delay_ms = u64::from(delay_s) * 1000;
        let detail = Detail::Manifest(Publication {
            network,
            version,
            manifest,
            from_ms: self.now_ms().saturating_add(delay_ms),
        });
        let id = publication_id(network, version);
        let written = self.write(Command::Record { id, detail }).await?;
        self.recorded(&written)
    }

    async fn publication(
        &self,
        network: NetworkId,
        version: u64,
    ) -> Result<Option<(Publication, StoredEntry)>, Refusal> {
        let mut session = self.read().await?;
        let id = publication_id(network, version);
        let stored = session.event(&id).await.map_err(refuse_store)?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        match stored.opening.detail {
            Detail::Manifest(publication) => Ok(Some((publication, stored))),
            _ => Err(Refusal::Internal),
        }
    }
}

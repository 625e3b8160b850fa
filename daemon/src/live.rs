//! Whom a process believes now: what it started with, and what its manifest file brings while it
//! runs [EVI-8].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use boop_channel::Trust;
use boop_wire::manifest::SignedManifest;
use tokio::sync::watch;

use crate::clock::now_ms;
use crate::trust::{TrustError, read_versions};

/// Pause between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// What a process believes, as its manifest file goes on.
#[derive(Debug)]
pub struct LiveTrust {
    file: Option<PathBuf>,
    trust: watch::Sender<Arc<Trust>>,
}

impl LiveTrust {
    /// Starts with what the file says now.
    pub fn over(file: PathBuf, trust: Trust) -> Arc<Self> {
        let version = trust.manifest().head().version;
        tracing::info!(event = "manifest-taken", version);
        let trust = watch::Sender::new(Arc::new(trust));
        let file = Some(file);
        Arc::new(Self { file, trust })
    }

    /// Believes the same for ever, without a file.
    pub fn fixed(trust: Trust) -> Arc<Self> {
        let trust = watch::Sender::new(Arc::new(trust));
        Arc::new(Self { file: None, trust })
    }

    /// Returns what is believed now.
    pub fn now(&self) -> Arc<Trust> {
        Arc::clone(&self.trust.borrow())
    }

    /// Returns a view that tells when this changes.
    pub fn changes(&self) -> watch::Receiver<Arc<Trust>> {
        self.trust.subscribe()
    }

    /// Looks at the file every second, for ever, and takes what follows in it once `admit` agrees.
    /// What is not taken is logged once, and looked at again: its time may come.
    pub async fn follow_for_ever<A, F, E>(self: Arc<Self>, admit: A)
    where
        A: Fn(Arc<Trust>) -> F,
        F: Future<Output = Result<(), E>>,
        E: std::error::Error,
    {
        let mut said = String::new();
        loop {
            tokio::time::sleep(LOOK).await;
            let live = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || live.next());
            let Ok(looked) = looked.await else { return };
            let why = match looked {
                Ok(None) => String::new(),
                Ok(Some(next)) => match admit(Arc::clone(&next)).await {
                    Ok(()) => {
                        self.take(next);
                        String::new()
                    }
                    Err(error) => words(&error),
                },
                Err(error) => words(&error),
            };
            if !why.is_empty() && why != said {
                tracing::warn!(event = "manifest-not-taken", why);
            }
            said = why;
        }
    }

    /// Returns what the file says beyond what is believed, if it says anything.
    ///
    /// # Errors
    /// If it cannot be read, or something in it does not follow.
    pub fn next(&self) -> Result<Option<Arc<Trust>>, TrustError> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let versions = SignedManifest::versions(&read_versions(file)?)?;
        Ok(self.now().take(&versions, now_ms())?.map(Arc::new))
    }

    fn take(&self, next: Arc<Trust>) {
        let version = next.manifest().head().version;
        self.trust.send_replace(next);
        tracing::info!(event = "manifest-taken", version);
    }
}

fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

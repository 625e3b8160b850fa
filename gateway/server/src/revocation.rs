//! Sockets end when what they logged in with is taken away, at every gateway over the store and
//! within a second: each looks there for what was taken away, once for all of its sockets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use boop_wire::Refusal;
use boop_wire::id::{ScannerId, VendorId};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, sleep_until};

use crate::app::App;
use crate::problem::Failure;
use crate::store::{RevocationStore as _, Revoked, StoreError};

/// How often a gateway looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How far back, for clocks that differ and transactions that take their time, in milliseconds.
const LOOK_BACK_MS: u64 = 15_000;
/// Revocations that a socket may be behind by.
const BEHIND_MAX: usize = 256;

/// What a socket logged in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pass {
    /// A vendor's key.
    Key(VendorId),
    /// An access token, good until then.
    Token(VendorId, Instant),
    /// A scanner's key.
    Scanner {
        /// Which scanner.
        scanner: ScannerId,
        /// Whose.
        vendor: VendorId,
    },
    /// What nobody takes away.
    Session,
}

impl Pass {
    /// Tells whether it is gone with this.
    fn goes_with(&self, revoked: &Revoked) -> bool {
        match (self, revoked) {
            (Self::Key(own), Revoked::Vendor(gone) | Revoked::Key(gone))
            | (Self::Token(own, _), Revoked::Vendor(gone) | Revoked::Tokens(gone))
            | (Self::Scanner { vendor: own, .. }, Revoked::Vendor(gone)) => own == gone,
            (Self::Scanner { scanner, .. }, Revoked::Scanner(gone)) => scanner == gone,
            (Self::Key(_), Revoked::Tokens(_) | Revoked::Scanner(_))
            | (Self::Token(..), Revoked::Key(_) | Revoked::Scanner(_))
            | (Self::Scanner { .. }, Revoked::Key(_) | Revoked::Tokens(_))
            | (Self::Session, _) => false,
        }
    }
}

/// What tells sockets of what is taken away.
#[derive(Debug)]
pub struct Revocations(broadcast::Sender<Arc<Revoked>>);

impl Default for Revocations {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND_MAX))
    }
}

/// What a socket listens with. It must begin before the login is looked at.
#[derive(Debug)]
pub(crate) struct Listener(broadcast::Receiver<Arc<Revoked>>);

impl Revocations {
    pub(crate) fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

impl Listener {
    /// Waits until a pass is gone; returns what its socket hears.
    pub(crate) async fn gone(&mut self, pass: &Pass) -> Failure {
        let over = async {
            match pass {
                Pass::Token(_, until) => sleep_until(*until).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => Failure::new(Refusal::Expired, "the access token's time is over"),
            failure = self.revoked(pass) => failure,
        }
    }

    async fn revoked(&mut self, pass: &Pass) -> Failure {
        loop {
            match self.0.recv().await {
                Ok(revoked) if pass.goes_with(&revoked) => {
                    let detail = "what this socket logged in with was taken away";
                    return Failure::new(Refusal::Unauthenticated, detail);
                }
                Ok(_) => {}
                // It may have missed its own: whoever may come back does.
                Err(broadcast::error::RecvError::Lagged(_)) => return Refusal::Busy.into(),
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// Tells sockets of what is taken away, for as long as it is polled.
pub(crate) async fn look_for_ever(app: Arc<App>) {
    let mut told = BTreeSet::new();
    loop {
        if let Err(error) = look(&app, &mut told).await {
            tracing::warn!(%error, "what was taken away is not looked for");
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(app: &App, told: &mut BTreeSet<i64>) -> Result<(), StoreError> {
    let since_ms = app.now().saturating_sub(LOOK_BACK_MS);
    let revoked = app.store.revocations_since(since_ms).await?;
    let numbers: BTreeSet<i64> = revoked.iter().map(|(number, _)| *number).collect();
    for (number, revoked) in revoked {
        if !told.contains(&number) {
            app.known.forget();
            // Without a socket there is nobody to tell.
            let _ = app.revocations.0.send(Arc::new(revoked));
        }
    }
    *told = numbers;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_goes_with_what_it_was_made_of_and_with_nothing_else() {
        let (own, other): (VendorId, VendorId) =
            ("ven_1".parse().unwrap(), "ven_2".parse().unwrap());
        let scanner: ScannerId = "scn_1".parse().unwrap();
        let passes = [
            Pass::Key(own.clone()),
            Pass::Token(own.clone(), Instant::now()),
            Pass::Scanner {
                scanner: scanner.clone(),
                vendor: own.clone(),
            },
            Pass::Session,
        ];
        for (revoked, gone) in [
            (Revoked::Vendor(own.clone()), [true, true, true, false]),
            (Revoked::Vendor(other.clone()), [false; 4]),
            (Revoked::Key(own.clone()), [true, false, false, false]),
            (Revoked::Key(other), [false; 4]),
            (Revoked::Tokens(own), [false, true, false, false]),
            (Revoked::Scanner(scanner), [false, false, true, false]),
            (Revoked::Scanner("scn_2".parse().unwrap()), [false; 4]),
        ] {
            let found = [0, 1, 2, 3].map(|which| passes[which].goes_with(&revoked));
            assert_eq!(found, gone, "{revoked:?}");
        }
    }
}

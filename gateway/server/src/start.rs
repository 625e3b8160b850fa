//! From a configuration to a gateway that is ready to serve.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use boop_bridge::{Hub, Limits};
use boop_daemon::{Member, now_ms};
use boop_wire::Digest;
use boop_wire::binding::Role;
use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};

use crate::admission::Admission;
use crate::app::{App, Network};
use crate::config::Config;
use crate::intrusion::Intrusion;
use crate::known::KnownKeys;
use crate::ledger_link::AttestedLedger;
use crate::locks::{KeyedLocks, Work};
use crate::oauth::Nonces;
use crate::party_link::AttestedParties;
use crate::presence::HOLD_MS;
use crate::public_key::PublicKey;
use crate::revocation::{self, Revocations};
use crate::store::{AnyStore, Holder, StreamStore as _, TokenStore as _};
use crate::text;
use crate::wakeups::{Ears, Wakeups};

/// How often the store hears what has reached readers.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// How often scanners that are here are held for longer.
const HOLD_EVERY: Duration = Duration::from_millis(HOLD_MS / 3);
/// How often messages of other gateways are looked for while their hints come in, and while none
/// do.
const LOOK_EVERY: [Duration; 2] = [Duration::from_secs(10), Duration::from_millis(500)];
/// How far back that looks, for clocks that differ and transactions that take their time.
const LOOK_BACK: Duration = Duration::from_secs(15);
/// How often overdue contexts are looked for.
const OVERDUE_EVERY: Duration = Duration::from_secs(1);
/// How often messages that nobody came for are looked at.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// How long a message waits for a reader, in milliseconds.
const MESSAGE_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// Under which name the store keeps what nonces are made with.
const NONCES: &str = "dpop-nonces";
/// How long a start waits for parties and ledger, so that the first callers find them here.
const SESSIONS_TIME_MAX: Duration = Duration::from_secs(3);
/// How often it looks.
const SESSIONS_LOOK: Duration = Duration::from_millis(10);
/// Longest time that running work has when the process is asked to stop.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest time that sockets have after that, to take what is theirs and go.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(1);

/// A gateway that is ready to serve.
pub struct Gateway {
    /// What handlers share.
    pub app: Arc<App>,
    /// The public endpoint's TLS.
    pub tls: Arc<ServerConfig>,
    /// That of the door where clients show certificates.
    pub mutual_tls: Arc<ServerConfig>,
}

impl Gateway {
    /// Establishes trust, makes keys, gets evidence, opens the store and starts the sessions,
    /// for which it waits a little.
    ///
    /// # Errors
    /// Whatever keeps the gateway from serving at all; a party or ledger that is away does not.
    pub async fn start(
        config: &Config,
        digest: Digest,
        danger_simulated_tee: bool,
    ) -> anyhow::Result<Self> {
        let settings = config.check()?;
        let trust = config.trust.establish(danger_simulated_tee)?;
        let network = Network::of(&trust.now());
        let public = PublicKey::generate(&config.names, now_ms())?;
        let (tls, mutual_tls) = (public.tls()?, public.mutual_tls()?);
        let names = config.oauth_names()?;
        let member = Member::start(
            &config.platform,
            Role::Gateway,
            digest,
            Arc::clone(&trust),
            public.expose_pkcs8(),
            danger_simulated_tee,
        )
        .context("no evidence for this process")?;
        let store = AnyStore::open(config.database.expose())
            .await
            .context("the store does not open")?;
        let secret = store.secret(NONCES, &fresh()?).await?;
        let own = Holder(fresh()?);
        let hub = Hub::new(Limits::default());
        let wakeups = wakeups(config, &hub, &store, own)?;
        let app = Arc::new(App {
            store,
            parties: Arc::new(AttestedParties::start(&member, &config.parties)),
            ledger: AttestedLedger::start(&member, &config.ledger),
            hub,
            identity: Arc::clone(&member) as _,
            network,
            settings,
            now_ms,
            locks: KeyedLocks::default(),
            work: Arc::new(Work::default()),
            leaving: watch::channel(false).0,
            admission: Admission::new(settings.limits.scale),
            intrusion: Intrusion::new(&fresh()?, now_ms()),
            own,
            known: KnownKeys::default(),
            revocations: Revocations::default(),
            wakeups,
            names,
            nonces: Nonces::new(&secret),
            public,
        });
        tokio::spawn(member.renew_for_ever());
        tokio::spawn(trust.follow_for_ever(async |_| Ok::<_, Infallible>(())));
        tokio::spawn(keep_for_ever(Arc::clone(&app)));
        tokio::spawn(look_for_ever(Arc::clone(&app)));
        tokio::spawn(end_for_ever(Arc::clone(&app)));
        tokio::spawn(revocation::look_for_ever(Arc::clone(&app)));
        if timeout(SESSIONS_TIME_MAX, sessions(&app)).await.is_err() {
            tracing::warn!("not every session is open yet");
        }
        Ok(Self {
            app,
            tls,
            mutual_tls,
        })
    }

    /// Begins a new epoch of streams; for a database that was put back to an earlier state.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn begin_epoch(&self) -> anyhow::Result<()> {
        self.app.store.begin_epoch().await?;
        tracing::info!("a new epoch of streams has begun");
        Ok(())
    }

    /// Lets running work end and sockets take what is theirs, and closes the store.
    pub async fn drain(&self) {
        if timeout(DRAIN_TIME_MAX, self.app.work.drain())
            .await
            .is_err()
        {
            tracing::warn!("work was still running");
        }
        self.app.leaving.send_replace(true);
        if timeout(LEAVE_TIME_MAX, sockets_gone(&self.app))
            .await
            .is_err()
        {
            tracing::warn!("sockets were still open");
        }
        if let Err(error) = self.app.keep_streams().await {
            tracing::warn!(%error, "acknowledgements are not kept");
        }
        self.app.store.close().await;
    }
}

/// Returns the hints to and from gateways that share the store.
fn wakeups(config: &Config, hub: &Hub, store: &AnyStore, own: Holder) -> anyhow::Result<Wakeups> {
    let Some(url) = &config.redis else {
        return Ok(Wakeups::default());
    };
    let ears = Ears {
        hub: hub.clone(),
        store: store.clone(),
        own,
    };
    Wakeups::over(url.expose(), ears).context("redis of the configuration")
}

fn fresh<const N: usize>() -> anyhow::Result<[u8; N]> {
    text::random().map_err(|_| anyhow!("no random numbers"))
}

async fn sessions(app: &App) {
    while !app.is_whole() {
        sleep(SESSIONS_LOOK).await;
    }
}

async fn sockets_gone(app: &App) {
    while app.hub.sockets() > 0 {
        sleep(SESSIONS_LOOK).await;
    }
}

/// Keeps streams for as long as it is polled; a store that does not answer is asked again.
async fn keep_for_ever(app: Arc<App>) {
    let mut keep = interval(KEEP_EVERY);
    let mut forget = interval(FORGET_EVERY);
    let mut hold = interval(HOLD_EVERY);
    loop {
        let kept = tokio::select! {
            _ = keep.tick() => app.keep_streams().await,
            _ = hold.tick() => app.hold_streams().await,
            _ = forget.tick() => {
                let before_ms = app.now().saturating_sub(MESSAGE_MS_MAX);
                match app.store.forget_messages(before_ms).await {
                    Ok(_) => app.forget(before_ms).await,
                    Err(error) => Err(error),
                }
            }
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "streams are not kept up");
        }
    }
}

/// Looks for messages that other gateways wrote, for as long as it is polled.
async fn look_for_ever(app: Arc<App>) {
    loop {
        let every = LOOK_EVERY[usize::from(!app.wakeups.hears())];
        sleep(every).await;
        let back_ms = u64::try_from((every + LOOK_BACK).as_millis()).unwrap_or(u64::MAX);
        let since_ms = app.now().saturating_sub(back_ms);
        if let Err(error) = app.look_for_messages(since_ms).await {
            tracing::warn!(%error, "messages of other gateways are not looked for");
        }
    }
}

/// Ends contexts whose gateway is gone, for as long as it is polled.
async fn end_for_ever(app: Arc<App>) {
    loop {
        sleep(OVERDUE_EVERY).await;
        if let Err(error) = app.end_overdue().await {
            tracing::warn!(%error, "overdue contexts are not looked for");
        }
    }
}

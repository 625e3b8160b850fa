//! The host as it runs, until somebody asks it to stop or to drain.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use boop_daemon::{init_logs, now_ms, shutdown_signal};
use boop_host::{BlobStore, Door, Errand, Host, HostSettings, Plan, serve, supervise};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

pub(crate) async fn host(
    settings: HostSettings,
    run: &Path,
    simulated: bool,
) -> anyhow::Result<()> {
    init_logs(&settings.log);
    let asked_to_stop = shutdown_signal();
    let plan = Plan::new(&settings)?;
    let trust = settings.trust.establish(simulated)?;
    let blobs = BlobStore::open(&settings.blobs)
        .with_context(|| format!("blobs {}", settings.blobs.display()))?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen at {}", settings.listen))?;
    let door = Door::open(run, Errand::Drain).context("the socket for draining")?;
    let refreshes = Door::open(run, Errand::Refresh).context("the socket for refreshes")?;
    let following = Arc::clone(&trust).follow_for_ever(async |_| Ok::<_, Infallible>(()));
    let following = tokio::spawn(following);
    let host = Host::new(plan, trust, blobs, listener.local_addr()?, now_ms());

    let (stop, stopping) = watch::channel(false);
    let mut wanted = signal(SignalKind::user_defined1())?;
    let asked = Arc::clone(&host);
    let refreshes = tokio::spawn(async move {
        loop {
            tokio::select! {
                signal = wanted.recv() => if signal.is_none() { break },
                errand = refreshes.asked() => if errand.is_err() { break },
            }
            asked.ask_for_refresh();
        }
    });
    let relay = tokio::spawn(serve(listener, Arc::clone(&host)));
    let mut supervisor = tokio::spawn(supervise(host, stopping));
    // Whoever asked waits for as long as this is kept.
    let _asking = tokio::select! {
        () = asked_to_stop => None,
        asked = door.asked() => asked.ok(),
        ended = &mut supervisor => {
            relay.abort();
            return ended.context("the supervisor failed");
        }
    };
    stop.send_replace(true);
    supervisor.await.context("the supervisor failed")?;
    relay.abort();
    refreshes.abort();
    following.abort();
    Ok(())
}

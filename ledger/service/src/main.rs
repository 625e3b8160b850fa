//! `boop-ledger`: the log and the accounts of a network. A measured process: it reads its whole
//! configuration from standard input, because the chip vouches for those very bytes.

use std::sync::Arc;

use anyhow::Context as _;
use axum::serve::Listener as _;
use boop_service::authority::Authority;
use boop_service::config::{Config, Plan};
use boop_service::environment::SystemEnvironment;
use boop_service::gateways::GatewayListener;
use boop_service::listen::BoundedListener;
use boop_service::store::sqlite::SqliteStore;
use boop_service::{Ledger, LedgerParts, custodians, http, identity, keyfile};
use clap::Parser;
use tokio::task::JoinSet;

/// Keeps the public log and the accounts of a network. The configuration comes on standard input.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Accept simulated hardware: for development alone.
    #[arg(long)]
    danger_simulated_tee: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let simulated_tee = Arguments::parse().danger_simulated_tee;
    let (config, digest) = boop_daemon::from_stdin::<Config>()?;
    boop_daemon::init_logs(&config.log);
    let stop = boop_daemon::shutdown_signal();
    let trust = config.trust.establish(simulated_tee)?;
    let plan = Plan::new(&config, trust.now().manifest())?;
    let signer = keyfile::read(&plan.key_file, plan.origin, &plan.key)?;
    let member = identity::start(&config.platform, digest, Arc::clone(&trust), simulated_tee)?;
    let store = SqliteStore::open(&plan.database).await?;
    let (ledger, writer) = Ledger::open(LedgerParts {
        store: store.clone(),
        signer,
        authority: Arc::new(Authority::new(plan.network)),
        trust,
        environment: Arc::new(SystemEnvironment),
        simulated: plan.simulated,
    })
    .await?;
    let mut writer = tokio::spawn(writer.run());
    ledger.check_published().await?;
    let gateways = GatewayListener::bind(plan.listen)
        .await
        .context("opening the port of the gateways")?;
    let public = BoundedListener::bind(plan.public)
        .await
        .context("opening the public port")?;
    let reports = BoundedListener::bind(plan.custodians)
        .await
        .context("opening the port of the custodians")?;
    tracing::info!(
        listen = %gateways.local_addr()?, public = %public.local_addr()?,
        custodians = %reports.local_addr()?,
        size = ledger.log().size(),
        "serving"
    );
    let mut beside = JoinSet::new();
    beside.spawn(Arc::clone(&member).renew_for_ever());
    beside.spawn(ledger.clone().follow_for_ever());
    beside.spawn(gateways.serve(ledger.clone(), member));
    beside.spawn(custodians::serve(reports, ledger.clone()));
    let public = axum::serve(public, http::router(ledger)).with_graceful_shutdown(stop);
    tokio::select! {
        served = public.into_future() => served.context("serving the public side")?,
        ended = &mut writer => return Ok(ended??),
    }
    // The writer ends once nobody is left who could ask it for anything.
    beside.shutdown().await;
    writer.await??;
    store.close().await;
    tracing::info!("drained");
    Ok(())
}

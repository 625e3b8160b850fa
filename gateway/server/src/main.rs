//! `boop-gateway`: the public edge of a network. A measured process: it reads its whole
//! configuration from standard input, because the chip vouches for those very bytes.

use std::process::ExitCode;

use anyhow::Context as _;
use boop_server::config::Config;
use boop_server::page::Page;
use boop_server::rest::router;
use boop_server::serve::serve;
use boop_server::start::Gateway;
use clap::Parser;
use tokio::net::TcpListener;

/// Serves vendors, scanners and users of one network. The configuration comes on standard input.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Accept simulated hardware: for development alone.
    #[arg(long)]
    danger_simulated_tee: bool,
    /// The database was put back from a copy: begin a new epoch, so that no socket goes on from an
    /// offset that the copy does not know.
    #[arg(long)]
    restored: bool,
    /// Print a page of documentation and end.
    #[arg(long, value_enum)]
    print: Option<Page>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.print {
        Some(page) => page.text().map(|text| print!("{text}")),
        None => run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "stopped");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (config, digest) = boop_daemon::from_stdin::<Config>().inspect_err(|_| {
        boop_daemon::init_logs("info");
    })?;
    boop_daemon::init_logs(&config.log);
    let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
    runtime.block_on(async {
        // From here on a signal to stop is kept, even while the gateway starts.
        let stop = boop_daemon::shutdown_signal();
        let gateway = Gateway::start(&config, digest, arguments.danger_simulated_tee).await?;
        if arguments.restored {
            gateway.begin_epoch().await?;
        }
        let router = router(gateway.app.clone());
        let limits = config.limits;
        if let Some(address) = &config.listen_mutual {
            let (listener, tls) = (listen(address).await?, gateway.mutual_tls.clone());
            tokio::spawn(serve(listener, tls, router.clone(), limits));
        }
        let listener = listen(&config.listen).await?;
        tracing::info!(address = %listener.local_addr()?, "ready");
        tokio::select! {
            () = serve(listener, gateway.tls.clone(), router, limits) => {}
            () = stop => tracing::info!("stopping"),
        }
        gateway.drain().await;
        Ok(())
    })
}

async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

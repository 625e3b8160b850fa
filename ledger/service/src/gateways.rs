//! The side of the gateways: attested sessions over TCP, a limited number at a time.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use boop_channel::Expectation;
use boop_daemon::{AttestedError, AttestedStream, Member};
use boop_wire::binding::Role;
use boop_wire::session::Side;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::ledger::Ledger;
use crate::rpc::serve_connection;
use crate::store::LedgerStore;

/// Connections open at a time, those whose session is not open yet included; more wait in the
/// system's queue.
pub const SESSIONS_MAX: usize = 64;

/// The port of the gateways.
#[derive(Debug)]
pub struct GatewayListener {
    listener: TcpListener,
}

impl GatewayListener {
    /// Opens the port.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener })
    }

    /// Returns the address.
    ///
    /// # Errors
    /// When the system does not tell it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves gateways until the future is dropped, which ends their sessions.
    pub async fn serve<S: LedgerStore>(mut self, ledger: Ledger<S>, member: Arc<Member>) {
        let places = Arc::new(Semaphore::new(SESSIONS_MAX));
        let mut sessions = JoinSet::new();
        // The semaphore is never closed, so that a place always comes.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            while sessions.try_join_next().is_some() {}
            let (ledger, member) = (ledger.clone(), Arc::clone(&member));
            sessions.spawn(async move {
                serve_stream(ledger, &member, stream, address).await;
                drop(place);
            });
        }
    }
}

async fn serve_stream<S: LedgerStore>(
    ledger: Ledger<S>,
    member: &Member,
    stream: TcpStream,
    address: SocketAddr,
) {
    let _ = stream.set_nodelay(true);
    let expect = Expectation::boot(Role::Gateway, None);
    match AttestedStream::open(stream, Side::Server, member.local(), expect).await {
        Ok(session) => {
            tracing::info!(%address, "session with gateway opened");
            match serve_connection(ledger, session).await {
                Ok(()) => tracing::info!(%address, "session with gateway ended"),
                Err(error) => tracing::warn!(%address, %error, "session with gateway given up"),
            }
        }
        Err(AttestedError::Session(error)) => {
            let code = error.refusal().code();
            tracing::warn!(%address, code, error = chain(&error), "session refused");
        }
        Err(error) => tracing::info!(%address, error = chain(&error), "no session"),
    }
}

/// Returns an error with its causes, on one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

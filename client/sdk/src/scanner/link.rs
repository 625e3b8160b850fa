//! A scanner's connection: it is opened again when it ended, and its view of the parties is
//! fetched again when somebody has doubts about it.

use std::time::Duration;

use boop_wire::api::{FromScanner, ToScanner};

use super::{Connection, Refused, ScannerConfiguration, ScannerError, ScannerLogin};
use crate::connection::NetworkView;
use crate::trust::ClientTrust;
use crate::websocket::{StreamError, WebSocket};

/// Longest time for the answer to a login.
const LOGIN_TIME_MAX: Duration = Duration::from_secs(15);

/// The stream of an authenticated scanner, and the network behind it.
#[derive(Debug)]
pub(super) struct Link {
    trust: ClientTrust,
    address: String,
    login: Login,
    configuration: ScannerConfiguration,
    network: Option<Box<NetworkView>>,
    socket: Option<WebSocket>,
}

/// Keeps the key out of what is printed.
struct Login(ScannerLogin);

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({}, [secret])", self.0.scanner_id)
    }
}

impl Link {
    pub(super) async fn open(
        trust: &ClientTrust,
        address: &str,
        login: &ScannerLogin,
    ) -> Result<Self, ScannerError> {
        let (socket, network, configuration) = log_in(trust, address, login).await?;
        Ok(Self {
            trust: trust.clone(),
            address: address.into(),
            login: Login(login.clone()),
            configuration,
            network: Some(network),
            socket: Some(socket),
        })
    }

    pub(super) const fn configuration(&self) -> &ScannerConfiguration {
        &self.configuration
    }

    /// Takes a configuration that came later.
    pub(super) fn reconfigure(&mut self, message: ToScanner) {
        if let Some(configuration) = configuration_of(message) {
            self.configuration = configuration;
        }
    }

    /// Has the next [`Link::network`] ask again.
    pub(super) fn forget_network(&mut self) {
        self.network = None;
    }

    /// Returns the parties as last judged, or judges them now.
    pub(super) async fn network(&mut self) -> Result<&NetworkView, ScannerError> {
        let network = match self.network.take() {
            Some(network) => network,
            None => {
                let mut connection = Connection::open(&self.trust, &self.address).await?;
                Box::new(connection.network().await?)
            }
        };
        Ok(self.network.insert(network))
    }

    pub(super) async fn send(&mut self, message: &FromScanner) -> Result<(), ScannerError> {
        let sent = self.socket().await?.send(message).await;
        Ok(self.drop_if_over(sent)?)
    }

    pub(super) async fn receive(&mut self, wait: Duration) -> Result<ToScanner, ScannerError> {
        let received = self.socket().await?.receive(wait).await;
        Ok(self.drop_if_over(received)?)
    }

    async fn socket(&mut self) -> Result<&mut WebSocket, ScannerError> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let opened = log_in(&self.trust, &self.address, &self.login.0).await?;
                let (socket, network, configuration) = opened;
                self.network = Some(network);
                self.configuration = configuration;
                socket
            }
        };
        Ok(self.socket.insert(socket))
    }

    /// A stream that ended, or on which the two sides lost step, is of no more use.
    fn drop_if_over<T>(&mut self, result: Result<T, StreamError>) -> Result<T, StreamError> {
        match &result {
            Ok(_) | Err(StreamError::Timeout(_) | StreamError::TooLong(_)) => {}
            Err(StreamError::Closed { .. } | StreamError::Malformed(_)) => self.socket = None,
        }
        result
    }
}

type LoggedIn = (WebSocket, Box<NetworkView>, ScannerConfiguration);

async fn log_in(
    trust: &ClientTrust,
    address: &str,
    login: &ScannerLogin,
) -> Result<LoggedIn, ScannerError> {
    let mut connection = Connection::open(trust, address).await?;
    let network = Box::new(connection.network().await?);
    let mut socket = connection.into_websocket("/ws/pvs").await?;
    socket
        .send(&FromScanner::Authenticate {
            scanner_id: login.scanner_id.clone(),
            scanner_key: login.scanner_key.to_string(),
            resume: None,
        })
        .await?;
    match socket.receive(LOGIN_TIME_MAX).await? {
        ToScanner::Error(error) => Err(Refused::from(&error).into()),
        message => match configuration_of(message) {
            Some(configuration) => Ok((socket, network, configuration)),
            None => Err(ScannerError::Unexpected(
                "a message before the configuration",
            )),
        },
    }
}

fn configuration_of(message: ToScanner) -> Option<ScannerConfiguration> {
    match message {
        ToScanner::Configuration {
            terminal_id,
            vendor_id,
            quality_min,
            samples,
            capture_life_ms,
            ..
        } => Some(ScannerConfiguration {
            terminal: terminal_id,
            vendor: vendor_id,
            quality_min,
            samples,
            capture_life_ms,
        }),
        ToScanner::Context { .. }
        | ToScanner::ContextClosed { .. }
        | ToScanner::CaptureResult { .. }
        | ToScanner::Error(_)
        | ToScanner::Gap { .. }
        | ToScanner::Pong => None,
    }
}

//! Requests over TLS, and the machine's clock.
//!
//! TLS here keeps an onlooker from seeing which chip is asked about and gives the answer its way;
//! trust comes from AMD's signatures alone. That is why a mirror may also speak plain HTTP.

use std::{
    fmt, fs, io,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustls_pki_types::{CertificateDer, pem::PemObject};
use ureq::{
    Agent, Error, Proxy,
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::{COLLATERAL_BYTES_MAX, Clock, Fetch, FetchError, Response};

/// Where systems keep the certificates that they trust for TLS.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How requests are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpsOptions {
    /// Longest that one request may take.
    pub timeout: Duration,
    /// PEM file with the roots for TLS; without one the system's file is looked for.
    pub tls_roots: Option<PathBuf>,
    /// Proxy, such as `http://proxy.example:3128`; the environment is not asked.
    pub proxy: Option<String>,
}

impl Default for HttpsOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(20),
            tls_roots: None,
            proxy: None,
        }
    }
}

/// Makes requests.
pub struct HttpsFetch {
    agent: Agent,
}

impl fmt::Debug for HttpsFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsFetch").finish_non_exhaustive()
    }
}

impl HttpsFetch {
    /// Makes a client.
    ///
    /// # Errors
    ///
    /// Returns [`FetchError`] when the named roots or the proxy cannot be used. Without any roots
    /// the client is made, and every server over TLS is refused.
    pub fn new(options: &HttpsOptions) -> Result<Self, FetchError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::Specific(Arc::new(tls_roots(options)?)))
            .build();
        let proxy = match &options.proxy {
            Some(url) => Some(Proxy::new(url).map_err(|error| failed(&error))?),
            None => None,
        };
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy)
            .timeout_global(Some(options.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent("boop")
            .build();
        Ok(Self {
            agent: config.new_agent(),
        })
    }
}

impl Fetch for HttpsFetch {
    fn get(&self, url: &str) -> Result<Response, FetchError> {
        let mut response = self.agent.get(url).call().map_err(|error| failed(&error))?;
        let retry_after = response.headers().get("retry-after");
        let retry_after_seconds =
            retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let limit = COLLATERAL_BYTES_MAX as u64;
        let body = response.body_mut().with_config().limit(limit).read_to_vec();
        Ok(Response {
            status: response.status().as_u16(),
            retry_after_seconds,
            body: body.map_err(|error| failed(&error))?,
        })
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts the clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the driver: pauses between requests take real time"
    )]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, pause: Duration) {
        thread::sleep(pause);
    }
}

fn tls_roots(options: &HttpsOptions) -> Result<Vec<Certificate<'static>>, FetchError> {
    let pem = match &options.tls_roots {
        Some(path) => fs::read(path)
            .map_err(|error| FetchError::Other(format!("{}: {error}", path.display())))?,
        None => SYSTEM_ROOTS
            .iter()
            .find_map(|path| fs::read(path).ok())
            .unwrap_or_default(),
    };
    let parts = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    Ok(parts
        .map(|der| Certificate::from_der(&der).to_owned())
        .collect())
}

fn failed(error: &Error) -> FetchError {
    match error {
        Error::Timeout(_) => FetchError::Timeout,
        Error::BodyExceedsLimit(_) => FetchError::TooLarge {
            bytes_max: COLLATERAL_BYTES_MAX,
        },
        Error::ConnectionFailed => FetchError::Connection(io::ErrorKind::ConnectionRefused),
        Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => FetchError::Timeout,
        // TLS reports a certificate that it refuses this way.
        Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            FetchError::Other(error.to_string())
        }
        Error::Io(error) => FetchError::Connection(error.kind()),
        other => FetchError::Other(other.to_string()),
    }
}

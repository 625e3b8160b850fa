//! Plain HTTP from a ledger's public side. Whatever comes is checked, so it needs no TLS.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Longest time for an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

/// The public side of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Public {
    address: String,
}

impl Public {
    /// Reads an address of the form `http://host:port`.
    pub(super) fn at(url: &str) -> anyhow::Result<Self> {
        let address = url
            .strip_prefix("http://")
            .map(|rest| rest.trim_end_matches('/'))
            .filter(|rest| !rest.is_empty() && !rest.contains('/'));
        let Some(address) = address else {
            bail!("{url:?} is not an address of the form http://host:port");
        };
        let port = address
            .rsplit_once(':')
            .map(|(_, port)| port.parse::<u16>());
        Ok(Self {
            address: match port {
                Some(Ok(_)) => address.into(),
                Some(Err(_)) | None => format!("{address}:80"),
            },
        })
    }

    /// Gets a text.
    pub(super) fn text(&self, path: &str) -> anyhow::Result<String> {
        String::from_utf8(self.bytes(path)?).with_context(|| format!("{path} is not text"))
    }

    /// Gets bytes.
    pub(super) fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        // The timer needs the runtime, so it is made inside.
        let answer = block_on(async {
            tokio::time::timeout(ANSWER_TIME_MAX, get(&self.address, path)).await
        })?;
        answer
            .with_context(|| format!("http://{}{path} did not answer in time", self.address))?
            .with_context(|| format!("cannot get http://{}{path}", self.address))
    }
}

/// Runs a future on a runtime of its own.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(future))
}

async fn get(address: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Its failure shows at the request.
        let _ = connection.await;
    });
    let request = Request::get(path)
        .header(HOST, address)
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await
        .map_err(|_| anyhow::anyhow!("the answer is too long or broke off"))?
        .to_bytes();
    if !status.is_success() {
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason given");
        bail!("the ledger answered {status}: {detail}");
    }
    Ok(body.to_vec())
}

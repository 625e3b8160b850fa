//! HTTP/1.1 over one TLS connection: a request at a time, sizes and times limited.

use std::time::Duration;

use boop_wire::api::{BODY_BYTES_MAX, Problem};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use crate::refused::Refused;

/// Longest time that a request may take.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(20);
/// Header that carries a vendor's key.
const API_KEY_HEADER: &str = "x-api-key";

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The request cannot be put into HTTP.
    #[error("the request cannot be written as HTTP")]
    Malformed,
    /// The connection is over.
    #[error("the connection ended: {0}")]
    Connection(String),
    /// The answer took too long.
    #[error("no answer within {} s", REQUEST_TIME_MAX.as_secs())]
    Timeout,
    /// The answer is longer than any may be.
    #[error("the answer is longer than {BODY_BYTES_MAX} bytes or broke off")]
    Body,
    /// The answer is not the JSON that belongs there.
    #[error("the answer is not the expected JSON: {0}")]
    Json(String),
    /// The server turned the request down.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The server answered with a status that it gives no reason for.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// The server did not switch to the WebSocket protocol.
    #[error("the server did not open a WebSocket")]
    NoUpgrade,
}

/// What requests prove their caller by.
enum Login {
    ApiKey(Zeroizing<String>),
    Token(Zeroizing<String>),
}

/// One connection, with the login that its requests carry.
pub(crate) struct Http {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    login: Option<Login>,
}

impl Http {
    /// Speaks HTTP over `stream`; a task moves the bytes until the connection ends.
    pub(crate) async fn over(
        stream: TlsStream<TcpStream>,
        authority: &str,
    ) -> Result<Self, RequestError> {
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| RequestError::Connection(error.to_string()))?;
        // The owner of the sender sees a failure of the connection at its next request.
        tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Ok(Self {
            sender,
            authority: authority.into(),
            login: None,
        })
    }

    pub(crate) fn set_api_key(&mut self, key: &str) {
        self.login = Some(Login::ApiKey(Zeroizing::new(key.into())));
    }

    pub(crate) fn set_token(&mut self, token: &str) {
        self.login = Some(Login::Token(Zeroizing::new(format!("Bearer {token}"))));
    }

    /// Tells whether the far end has not closed the connection yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    pub(crate) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, RequestError> {
        let request = self.request(Method::GET, path);
        read_json(&self.exchange(request, Bytes::new()).await?)
    }

    pub(crate) async fn post<B: Serialize, T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &B,
    ) -> Result<T, RequestError> {
        let body = serde_json::to_vec(body).map_err(|_| RequestError::Malformed)?;
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json");
        read_json(&self.exchange(request, body.into()).await?)
    }

    /// Sends a request and returns the response as soon as its head is there.
    pub(crate) async fn send(
        &mut self,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<Response<Incoming>, RequestError> {
        let request = request
            .body(Full::new(body))
            .map_err(|_| RequestError::Malformed)?;
        let send = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        tokio::time::timeout(REQUEST_TIME_MAX, send)
            .await
            .map_err(|_| RequestError::Timeout)?
            .map_err(|error| RequestError::Connection(error.to_string()))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.authority.as_str());
        match &self.login {
            Some(Login::ApiKey(key)) => request.header(API_KEY_HEADER, key.as_str()),
            Some(Login::Token(token)) => request.header(AUTHORIZATION, token.as_str()),
            None => request,
        }
    }

    async fn exchange(
        &mut self,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<Bytes, RequestError> {
        let response = self.send(request, body).await?;
        let status = response.status();
        let body = read_body(response).await?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(refusal(status, &body))
        }
    }
}

/// Reads a body of limited size in limited time.
pub(crate) async fn read_body(response: Response<Incoming>) -> Result<Bytes, RequestError> {
    let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect();
    let body = tokio::time::timeout(REQUEST_TIME_MAX, body)
        .await
        .map_err(|_| RequestError::Timeout)?;
    Ok(body.map_err(|_| RequestError::Body)?.to_bytes())
}

/// Turns an answer that is no success into the server's own refusal, if it gives one.
pub(crate) fn refusal(status: StatusCode, body: &[u8]) -> RequestError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => RequestError::Refused(Refused::from(&problem)),
        Err(_) => RequestError::Status(status.as_u16()),
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, RequestError> {
    // An empty body stands for "done", which unit-like answers accept.
    let body = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(|error| RequestError::Json(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_becomes_the_servers_refusal() {
        let body = br#"{"type":"urn:x","title":"Busy","status":503,"code":"busy","detail":"later",
            "request_id":"r","retry_allowed":true}"#;

        let RequestError::Refused(refused) = refusal(StatusCode::SERVICE_UNAVAILABLE, body) else {
            panic!("a refusal");
        };

        assert_eq!(refused.code, "busy");
        assert_eq!(refused.message, "later");
        assert!(refused.retry_allowed);
    }

    #[test]
    fn a_failure_without_a_problem_keeps_its_status() {
        let error = refusal(StatusCode::BAD_GATEWAY, b"<html>");

        assert_eq!(error, RequestError::Status(502));
    }

    #[test]
    fn an_answer_of_another_shape_is_refused() {
        let answer = read_json::<boop_wire::api::BalanceResponse>(br#"{"amount":1}"#);

        assert!(matches!(answer, Err(RequestError::Json(_))));
    }
}

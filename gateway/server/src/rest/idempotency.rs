//! `Idempotency-Key`: a POST that is sent again has the answer of the first one
//! (draft-ietf-httpapi-idempotency-key-header-07).
//!
//! An answer may hold a key that is shown once. It is kept sealed under a key that only whoever
//! sends the same request can make: from the caller's proof and the `Idempotency-Key`.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use boop_wire::api::BODY_BYTES_MAX;
use boop_wire::codec::digest_of;
use boop_wire::{Digest, Refusal};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::oauth::TOKEN_PATH;
use crate::problem::Failure;
use crate::store::{Begun, ReplayStore as _};

/// The header.
pub(super) const HEADER: &str = "idempotency-key";
/// Longest key, in characters.
pub(super) const KEY_CHARACTERS_MAX: usize = 64;
/// How long an answer is kept, in milliseconds.
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
/// After how long a request without an answer may be begun anew, in milliseconds: whoever worked
/// on it is gone.
const ABANDONED_MS: u64 = 60_000;
const NONCE_BYTES: usize = 12;

/// An answer as it is sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    status: u16,
    body: String,
}

/// One request under its key.
struct Asked {
    /// What it is kept under.
    name: Digest,
    /// What its answer is sealed with.
    seal: Digest,
    /// What was asked.
    content: Digest,
}

/// Answers a POST that was answered before as it was; one without the header goes on.
pub(super) async fn once(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(HEADER).cloned();
    let counts = request.method() == Method::POST && request.uri().path() != TOKEN_PATH;
    // Who proves nothing is nobody in particular, and must not have another's answer.
    let proof = proof_of(request.headers()).cloned();
    match header.zip(proof).filter(|_| counts) {
        None => next.run(request).await,
        Some((key, proof)) => match try_once(&app, &key, &proof, request, next).await {
            Ok(response) => response,
            Err(failure) => failure.into_response(),
        },
    }
}

async fn try_once(
    app: &App,
    key: &HeaderValue,
    proof: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let key = read_key(key)?;
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let body = body.map_err(|_| Failure::from(Refusal::TooLarge))?;
    let proof = proof.as_bytes();
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let asked = Asked {
        name: digest_of("idempotent-request", &(proof, key, target)),
        seal: digest_of("idempotent-answer", &(proof, key, target)),
        content: digest_of("idempotent-content", &&body[..]),
    };
    let now_ms = app.now();
    let begun = app.store.begin_request(
        &asked.name,
        &asked.content,
        now_ms,
        now_ms.saturating_add(ABANDONED_MS),
    );
    match begun.await.map_err(Refusal::from)? {
        Begun::Now => {}
        Begun::Before { content, answer } => return asked.answered(&content, answer),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(app, &asked, response).await
}

/// Keeps a success. After an error nothing is kept: nothing happened, and the same request may be
/// sent again.
async fn keep(app: &App, asked: &Asked, response: Response) -> Result<Response, Failure> {
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let body = body.map_err(|_| Refusal::Internal)?;
    let kept = if parts.status.is_success() {
        let sealed = asked.seal(parts.status, &body).ok_or(Refusal::Internal)?;
        let until_ms = app.now().saturating_add(KEPT_MS);
        app.store.end_request(&asked.name, &sealed, until_ms).await
    } else {
        app.store.abandon_request(&asked.name).await
    };
    kept.map_err(Refusal::from)?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

impl Asked {
    fn answered(&self, content: &Digest, answer: Option<Vec<u8>>) -> Result<Response, Failure> {
        if *content != self.content {
            let detail = "Idempotency-Key: it was used for another request";
            return Err(Failure {
                status: Some(StatusCode::UNPROCESSABLE_ENTITY),
                ..Failure::new(Refusal::Conflict, detail)
            });
        }
        let Some(sealed) = answer else {
            let detail = "Idempotency-Key: the first request is worked on";
            return Err(Failure {
                status: Some(StatusCode::CONFLICT),
                ..Failure::new(Refusal::Busy, detail)
            });
        };
        let Kept { status, body } = self.open(sealed).ok_or(Refusal::Internal)?;
        let status = StatusCode::from_u16(status).map_err(|_| Refusal::Internal)?;
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (
                HeaderName::from_static("idempotency-replayed"),
                HeaderValue::from_static("true"),
            ),
        ];
        Ok((status, headers, body).into_response())
    }

    fn seal(&self, status: StatusCode, body: &Bytes) -> Option<Vec<u8>> {
        let kept = Kept {
            status: status.as_u16(),
            body: String::from_utf8(body.to_vec()).ok()?,
        };
        let mut sealed = serde_json::to_vec(&kept).ok()?;
        let nonce = self
            .key()?
            .seal_in_place_append_tag(self.aad(), &mut sealed);
        let mut whole = nonce.ok()?.as_ref().to_vec();
        whole.append(&mut sealed);
        Some(whole)
    }

    fn open(&self, mut sealed: Vec<u8>) -> Option<Kept> {
        let mut ciphertext = sealed.split_off(NONCE_BYTES.min(sealed.len()));
        let nonce = Nonce::try_assume_unique_for_key(&sealed).ok()?;
        let opened = self
            .key()?
            .open_in_place(nonce, self.aad(), &mut ciphertext);
        serde_json::from_slice(opened.ok()?).ok()
    }

    fn key(&self) -> Option<RandomizedNonceKey> {
        RandomizedNonceKey::new(&AES_256_GCM, self.seal.as_bytes()).ok()
    }

    fn aad(&self) -> Aad<&[u8]> {
        Aad::from(&self.content.as_bytes()[..])
    }
}

fn proof_of(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get("x-api-key").or(headers.get(AUTHORIZATION))
}

/// Reads a key: a quoted string of RFC 8941, or its content alone.
fn read_key(value: &HeaderValue) -> Result<&str, Failure> {
    let text = value.to_str().unwrap_or_default();
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let key = inner.unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if (1..=KEY_CHARACTERS_MAX).contains(&key.len()) && key.bytes().all(plain) {
        Ok(key)
    } else {
        let detail = "Idempotency-Key: 1 to 64 visible characters";
        Err(Failure::new(Refusal::Invalid, detail))
    }
}

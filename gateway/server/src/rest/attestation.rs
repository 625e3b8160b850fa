//! `GET /.well-known/attestation?nonce=`: the gateway's evidence, and a proof over this very TLS
//! connection that it holds the attested identity key.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Query, State};
use boop_wire::Refusal;
use boop_wire::api::{AttestationResponse, HttpProof, MEDIA_BUNDLE, MEDIA_PROOF};
use boop_wire::codec::to_canonical;
use boop_wire::session::{ProofStatement, Side};
use serde::Deserialize;

use super::document::Problems;
use crate::app::App;
use crate::problem::Failure;
use crate::serve::Connection;
use crate::text::{base64url, from_base64url, random};

const COLLECTION: &str = "tag:boop.network,2026:attestation";

/// The query.
#[derive(Debug, Deserialize)]
pub(super) struct Challenge {
    nonce: Option<String>,
}

/// Answers a client's challenge.
#[utoipa::path(
    get,
    path = "/.well-known/attestation",
    operation_id = "attest",
    tag = "trust",
    params(
        (
            "nonce" = String, Query,
            description = "32 bytes in base64url",
            pattern = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$",
        ),
    ),
    security(()),
    responses(
        (
            status = 200, body = AttestationResponse,
            description = "Evidence, and a proof over this connection",
        ),
        Problems,
    ),
)]
pub(super) async fn attest(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
    Query(challenge): Query<Challenge>,
) -> Result<Json<AttestationResponse>, Failure> {
    let nonce = challenge.nonce.as_deref().and_then(from_base64url);
    let nonce: Option<[u8; 32]> = nonce.and_then(|bytes| bytes.try_into().ok());
    let peer_nonce =
        nonce.ok_or_else(|| Failure::new(Refusal::Invalid, "nonce: base64url of 32 bytes"))?;
    let own_nonce: [u8; 32] = random()?;
    let bundle = app.identity.bundle();
    let binding = bundle.binding().map_err(|_| Refusal::Internal)?;
    let statement = ProofStatement {
        network: app.network.id,
        manifest: binding.manifest,
        side: Side::Server,
        exporter: connection.exporter,
        own: bundle.binding_digest(),
        peer: None,
        own_nonce,
        peer_nonce,
    };
    let proof = HttpProof {
        nonce: own_nonce,
        signature: app.identity.sign(&statement),
    };
    Ok(Json(AttestationResponse {
        collection: COLLECTION.into(),
        bundle: (MEDIA_BUNDLE.into(), base64url(&to_canonical(&bundle))),
        proof: (MEDIA_PROOF.into(), base64url(&to_canonical(&proof))),
    }))
}

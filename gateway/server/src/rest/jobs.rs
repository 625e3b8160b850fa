//! Jobs over REST: an enrolment with shares that a scanner sealed, and how jobs stand.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use boop_wire::codec::from_canonical_max;
use boop_wire::job::{Capture, PalmSide, SealedBox, generated_user};
use boop_wire::{PartyIndex, Refusal, RequestId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Body;
use super::caller::{Caller, Proofs, caller};
use super::document::Problems;
use crate::app::App;
use crate::jobs::{self, Enrolment, Reader, asked_digest};
use crate::oauth::Scope;
use crate::problem::Failure;
use crate::text;
use crate::validation::CAPTURE_BYTES_MAX;

/// Body of `POST /api/v1/mpc/users/create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateUser {
    /// One share for each party in order, base64 of the box that is sealed to its key.
    #[serde(rename = "create-shares")]
    #[schema(min_items = 3, max_items = 3)]
    create_shares: Vec<String>,
    /// A UUID or 32 hexadecimal digits; the first half of the request's digest if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")]
    user_id: Option<String>,
    /// Of a user that registered before.
    #[serde(rename = "session-token", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
    /// About the capture.
    metadata: CaptureMetadata,
}

/// About a capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CaptureMetadata {
    /// The scanner's id.
    device_id: String,
    /// When the palm was seen, RFC 3339.
    #[schema(format = DateTime)]
    timestamp: String,
    /// As the scanner judged it.
    #[schema(maximum = 100)]
    quality: u8,
    /// Which hand.
    #[schema(value_type = Side)]
    side: PalmSide,
    /// Chosen by the scanner; the same again has the same answer.
    request_id: RequestId,
    /// When the capture is no longer good, Unix milliseconds; at most five minutes away.
    expires_at: u64,
}

/// Which hand.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "described, never made")]
enum Side {
    Left,
    Right,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct JobStatus {
    /// "job-status".
    #[serde(rename = "type")]
    kind: String,
    /// Its id.
    job_id: Uuid,
    /// "created", "processing", "completed" or "failed".
    status: String,
    /// Who is enrolled now.
    #[serde(rename = "user_id", default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    /// What the parties found, once they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mpc_result: Option<MpcResult>,
    /// "ok" or "failed", where a payment took part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ledger_result: Option<String>,
    /// The refusal's code, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What the parties found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum MpcResult {
    /// Of an authentication.
    Authentication {
        /// "ok", or why no customer was recognised.
        code: String,
    },
    /// Of an enrolment.
    Create {
        /// "ok", or why the palm is not enrolled.
        result: String,
    },
}

/// How a job stands, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct ShortStatus {
    /// "created", "processing", "completed" or "failed".
    status: String,
    /// Who is enrolled now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
}

impl JobStatus {
    fn of(job_id: Uuid, state: jobs::State) -> Self {
        let open = |status: &str| Self {
            kind: "job-status".into(),
            job_id,
            status: status.into(),
            user_id: None,
            mpc_result: None,
            ledger_result: None,
            error: None,
        };
        let ok = |code: &Option<String>| code.clone().unwrap_or_else(|| "ok".into());
        match state {
            jobs::State::Created => open("created"),
            jobs::State::Processing => open("processing"),
            jobs::State::Enrolled { user, refused } => Self {
                user_id: refused.is_none().then_some(user),
                mpc_result: Some(MpcResult::Create {
                    result: ok(&refused),
                }),
                ..open("completed")
            },
            jobs::State::Authenticated { result, payment } => {
                let unpaid = result.code.as_deref() == Some(Refusal::InsufficientFunds.code());
                let code = if unpaid {
                    "ok".into()
                } else {
                    ok(&result.code)
                };
                let settled = if unpaid { "failed" } else { "ok" };
                Self {
                    ledger_result: (payment && code == "ok").then(|| settled.into()),
                    mpc_result: Some(MpcResult::Authentication { code }),
                    ..open("completed")
                }
            }
            jobs::State::Failed(code) => Self {
                error: Some(code),
                ..open("failed")
            },
        }
    }
}

/// Enrols a palm; the answer is a job to ask about.
#[utoipa::path(
    post,
    path = "/api/v1/mpc/users/create",
    operation_id = "create_user",
    tag = "jobs",
    request_body = CreateUser,
    security(("scanner_key" = [])),
    responses(
        (status = 201, body = JobStatus, description = "The job, or how it stands by now"),
        Problems,
    ),
)]
pub(super) async fn create_user(
    State(app): State<Arc<App>>,
    proofs: Proofs,
    Body(request): Body<CreateUser>,
) -> Result<(StatusCode, Json<JobStatus>), Failure> {
    let Caller::Scanner(scanner) = caller(&app, &proofs).await? else {
        return Err(Failure::new(
            Refusal::Forbidden,
            "a scanner's key does this",
        ));
    };
    if request.metadata.device_id != scanner.id.as_str() {
        return Err(Failure::new(Refusal::Invalid, "metadata.device-id"));
    }
    let id = app.enrol_as_job(&scanner, request.read()?).await?;
    let state = app.job_state(id, Reader::Scanner(&scanner.id)).await?;
    let state = match state {
        jobs::State::Processing => jobs::State::Created,
        state => state,
    };
    Ok((StatusCode::CREATED, Json(JobStatus::of(id, state))))
}

impl CreateUser {
    fn read(self) -> Result<Enrolment, Failure> {
        let invalid = |field: &str| Failure::new(Refusal::Invalid, field);
        let Self {
            create_shares,
            user_id,
            session_token,
            metadata,
        } = self;
        if !text::is_rfc3339(&metadata.timestamp) {
            return Err(invalid("metadata.timestamp"));
        }
        let user = match user_id {
            Some(text) => UserId::new(
                *Uuid::parse_str(&text)
                    .map_err(|_| invalid("user_id"))?
                    .as_bytes(),
            ),
            None => generated_user(metadata.request_id),
        };
        if create_shares.len() != PartyIndex::COUNT {
            let detail = format!("create-shares: {} shares, not 3", create_shares.len());
            return Err(invalid(&detail));
        }
        let mut boxes = Vec::with_capacity(PartyIndex::COUNT);
        for (number, text) in create_shares.iter().enumerate() {
            let sealed = read_share(text);
            boxes.push(sealed.ok_or_else(|| invalid(&format!("create-shares[{number}]")))?);
        }
        let capture = Capture {
            request: metadata.request_id,
            side: metadata.side,
            expires_at_ms: metadata.expires_at,
            quality: metadata.quality,
            boxes,
        };
        Ok(Enrolment {
            asked: asked_digest(&capture, user),
            user,
            session_token,
            capture,
        })
    }
}

fn read_share(text: &str) -> Option<SealedBox> {
    let bytes = text::from_base64(text)?;
    from_canonical_max(&bytes, CAPTURE_BYTES_MAX).ok()
}

/// Tells how a job stands, to those it is about.
#[utoipa::path(
    get,
    path = "/api/v1/mpc/jobs/{job_id}",
    operation_id = "job",
    tag = "jobs",
    params(("job_id" = Uuid, Path, description = "The job")),
    security(
        ("scanner_key" = []),
        ("vendor_key" = []),
        ("access_token" = ["contexts"]),
        ("admin_token" = []),
    ),
    responses((status = 200, body = JobStatus, description = "How it stands"), Problems),
)]
pub(super) async fn job(
    State(app): State<Arc<App>>,
    Path(job_id): Path<String>,
    proofs: Proofs,
) -> Result<Json<JobStatus>, Failure> {
    let caller = caller(&app, &proofs).await?;
    let reader = match &caller {
        Caller::Admin => Reader::Admin,
        Caller::Scanner(scanner) => Reader::Scanner(&scanner.id),
        Caller::Vendor(vendor, scopes) if scopes.hold(Scope::Contexts) => {
            Reader::Vendor(&vendor.id)
        }
        Caller::Vendor(..) => return Err(super::caller::out_of(Scope::Contexts)),
        Caller::User(_) => return Err(Refusal::Forbidden.into()),
    };
    let id = id_of(&job_id)?;
    let state = app.job_state(id, reader).await?;
    Ok(Json(JobStatus::of(id, state)))
}

/// Tells whoever has a job's id whether it is done; the id is random, and nobody can guess it.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{job_id}/status",
    operation_id = "job_status",
    tag = "jobs",
    params(("job_id" = Uuid, Path, description = "The job")),
    security(()),
    responses((status = 200, body = ShortStatus, description = "How it stands"), Problems),
)]
pub(super) async fn status(
    State(app): State<Arc<App>>,
    Path(job_id): Path<String>,
) -> Result<Json<ShortStatus>, Failure> {
    let id = id_of(&job_id)?;
    let state = app.job_state(id, Reader::Holder).await?;
    let JobStatus {
        status, user_id, ..
    } = JobStatus::of(id, state);
    Ok(Json(ShortStatus { status, user_id }))
}

fn id_of(text: &str) -> Result<Uuid, Failure> {
    text.parse()
        .map_err(|_| Failure::new(Refusal::Invalid, "job_id"))
}

//! What intrusion detection found at this gateway's doors, and how an operator lets somebody free.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use boop_watch::{RULES, Verdict};
use boop_wire::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Proofs, admin_at_any_pace};
use super::document::Problems;
use crate::app::App;
use crate::intrusion::{Found, Who, kind_of, pseudonym_of};
use crate::problem::Failure;

/// Query of what was found.
#[derive(Debug, Deserialize)]
pub(super) struct FindingsQuery {
    address: Option<String>,
}

/// Answer of `GET /api/v1/admin/findings`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FindingsResponse {
    /// Newest first; this gateway keeps the last 200, for as long as it runs.
    #[schema(max_items = 200)]
    findings: Vec<FindingSchema>,
}

/// Something that a rule found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Finding)]
pub(super) struct FindingSchema {
    /// Names it at this gateway.
    #[schema(pattern = "^fnd_[0-9a-f]{24}$")]
    finding_id: String,
    /// The rule's id.
    rule: &'static str,
    /// When, Unix milliseconds.
    at_ms: u64,
    /// About whom.
    subject: SubjectSchema,
    /// What was seen, in words and numbers.
    detail: String,
    /// What followed: "page", or "slow" or "block" and for how long.
    response: String,
    /// How the subject stands at the doors now.
    standing: Standing,
    /// Until when, Unix milliseconds, if it is not free.
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<u64>,
    /// What an operator does about it.
    runbook: &'static str,
}

/// About whom a finding is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FindingSubject)]
struct SubjectSchema {
    /// "administrator", "address", "scanner", "user" or "vendor".
    kind: &'static str,
    /// What it is called that day; the administrator has no such name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pseudonym: Option<String>,
    /// A vendor's or a scanner's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// How somebody stands at the doors.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    /// As always.
    Free,
    /// Has six requests a minute.
    Slow,
    /// Is turned away.
    Blocked,
}

impl FindingSchema {
    fn of(app: &App, (found, verdict): (Found, Verdict)) -> Self {
        let verdict = app.standing(found.finding.subject, verdict);
        let Found { id, finding, name } = found;
        let (standing, until_ms) = match verdict {
            Verdict::Free => (Standing::Free, None),
            Verdict::Slow { until_ms } => (Standing::Slow, Some(until_ms)),
            Verdict::Blocked { until_ms } => (Standing::Blocked, Some(until_ms)),
        };
        let rule = RULES.iter().find(|rule| rule.id == finding.rule);
        Self {
            finding_id: id,
            rule: finding.rule,
            at_ms: finding.at_ms,
            subject: SubjectSchema {
                kind: kind_of(finding.subject),
                pseudonym: pseudonym_of(finding.subject).map(|name| name.to_string()),
                id: name,
            },
            detail: finding.detail,
            response: finding.response.to_string(),
            standing,
            until_ms,
            runbook: rule.map_or("", |rule| rule.runbook),
        }
    }
}

/// Returns what intrusion detection found at this gateway.
#[utoipa::path(
    get,
    path = "/api/v1/admin/findings",
    operation_id = "findings",
    tag = "admin",
    params(
        (
            "address" = Option<String>, Query,
            description = "Only what is about this network address, today: IPv4, or IPv6 in full",
            pattern = "^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}\
                (25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$|\
                ^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$",
        ),
    ),
    security(("admin_token" = [])),
    responses(
        (status = 200, body = FindingsResponse, description = "Findings, the newest first"),
        Problems,
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(query): Query<FindingsQuery>,
    proofs: Proofs,
) -> Result<Json<FindingsResponse>, Failure> {
    admin_at_any_pace(&app, &proofs).await?;
    let address = query.address.as_deref().map(str::parse::<IpAddr>);
    let address = address.transpose();
    let address = address.map_err(|_| Failure::new(Refusal::Invalid, "address"))?;
    let found = app
        .intrusion
        .found(address.map(Who::Address).as_ref(), app.now());
    let found = found.into_iter();
    let findings = found.map(|found| FindingSchema::of(&app, found)).collect();
    Ok(Json(FindingsResponse { findings }))
}

/// Lets the subject of a finding free: it is slowed and blocked no more, and what it did is
/// forgotten. The finding stays.
#[utoipa::path(
    post,
    path = "/api/v1/admin/findings/{finding_id}/lift",
    operation_id = "lift_finding",
    tag = "admin",
    params((
        "finding_id" = String, Path,
        description = "The finding's id at this gateway",
        pattern = "^fnd_[0-9a-f]{24}$",
    )),
    security(("admin_token" = [])),
    responses(
        (status = 204, description = "The subject is free"),
        Problems,
    ),
)]
pub(super) async fn lift(
    State(app): State<Arc<App>>,
    Path(finding_id): Path<String>,
    proofs: Proofs,
) -> Result<StatusCode, Failure> {
    admin_at_any_pace(&app, &proofs).await?;
    if !app.intrusion.lift(&finding_id, app.now()) {
        return Err(Failure::new(Refusal::NotFound, "finding_id"));
    }
    tracing::info!(finding = finding_id, "the subject of a finding is let free");
    Ok(StatusCode::NO_CONTENT)
}

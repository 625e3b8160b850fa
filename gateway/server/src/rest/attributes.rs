//! The registry of attributes. Its errors have the published codes of these endpoints.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use boop_wire::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Body;
use super::caller::{Proofs, admin};
use super::document::Problems;
use crate::app::App;
use crate::problem::Failure;
use crate::store::{AttributeDef, AttributeStore as _, Removed};
use crate::validation::ATTRIBUTE_BYTES_MAX;

/// Most attributes of one page.
const PAGE_MAX: u32 = 100;

/// A page of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct Attributes {
    /// By name.
    attributes: Vec<AttributeDef>,
    /// For `after`, where there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    #[serde(default)]
    after: String,
    limit: Option<u32>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct Message {
    /// In words.
    message: String,
}

/// Lists what there is to know about people.
#[utoipa::path(
    get,
    path = "/api/v1/attributes",
    operation_id = "attributes",
    tag = "attributes",
    params(
        (
            "after" = Option<String>, Query,
            description = "The `next` of the page before",
            pattern = "^[a-z0-9-]{0,64}$",
        ),
        (
            "limit" = Option<u32>, Query,
            description = "Attributes of a page; 100 if left out",
            minimum = 1, maximum = 100,
        ),
    ),
    security(()),
    responses((status = 200, body = Attributes, description = "A page, by name"), Problems),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    query: Result<Query<PageQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Attributes>, Failure> {
    let Query(query) = query.map_err(|error| Failure::new(Refusal::Invalid, error.body_text()))?;
    let limit = query.limit.unwrap_or(PAGE_MAX);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Failure::new(Refusal::Invalid, "limit: 1 to 100"));
    }
    if !query.after.bytes().all(is_plain) || query.after.len() > ATTRIBUTE_BYTES_MAX {
        return Err(Failure::new(Refusal::Invalid, "after"));
    }
    let attributes = app.store.attributes(&query.after, limit + 1).await;
    let mut attributes = attributes.map_err(Refusal::from)?;
    let more = attributes.len() > limit as usize;
    attributes.truncate(limit as usize);
    let last = attributes.last().filter(|_| more);
    Ok(Json(Attributes {
        next: last.map(|last| last.name.clone()),
        attributes,
    }))
}

/// Returns one attribute.
#[utoipa::path(
    get,
    path = "/api/v1/attributes/{name}",
    operation_id = "attribute",
    tag = "attributes",
    params(("name" = String, Path, description = "Its name")),
    security(()),
    responses((status = 200, body = AttributeDef, description = "The attribute"), Problems),
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<AttributeDef>, Failure> {
    let attribute = app.store.attribute(&name).await.map_err(Refusal::from)?;
    attribute
        .map(Json)
        .ok_or_else(|| Failure::new(Refusal::NotFound, "name"))
}

/// Adds an attribute.
#[utoipa::path(
    post,
    path = "/api/v1/attributes",
    operation_id = "add_attribute",
    tag = "attributes",
    request_body = AttributeDef,
    security(("admin_key" = []), ("admin_token" = [])),
    responses((status = 201, body = Message, description = "It is in the registry"), Problems),
)]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    proofs: Proofs,
    body: Result<Body<AttributeDef>, Failure>,
) -> Result<(StatusCode, Json<Message>), Failure> {
    allowed(&app, &proofs).await?;
    let Body(attribute) = body.map_err(|failure| failure.published_as("invalid-request"))?;
    check(&attribute).map_err(|failure| failure.published_as("invalid-format"))?;
    let added = app.store.add_attribute(&attribute).await;
    if !added.map_err(Refusal::from)? {
        let taken = Failure::new(Refusal::Conflict, "name");
        return Err(taken.published_as("attribute-exists"));
    }
    tracing::info!(attribute = attribute.name, "attribute added");
    let message = format!("{} is in the registry", attribute.name);
    Ok((StatusCode::CREATED, Json(Message { message })))
}

/// Takes an attribute out, for good.
#[utoipa::path(
    delete,
    path = "/api/v1/attributes/{name}",
    operation_id = "remove_attribute",
    tag = "attributes",
    params(("name" = String, Path, description = "Its name")),
    security(("admin_key" = []), ("admin_token" = [])),
    responses((status = 204, description = "It is gone"), Problems),
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    proofs: Proofs,
) -> Result<StatusCode, Failure> {
    allowed(&app, &proofs).await?;
    let removed = app.store.remove_attribute(&name).await;
    match removed.map_err(Refusal::from)? {
        Removed::Yes => {
            tracing::info!(attribute = name, "attribute removed");
            Ok(StatusCode::NO_CONTENT)
        }
        Removed::Unknown => Err(Failure::new(Refusal::NotFound, "name")),
        Removed::Fixed => {
            let fixed = Failure::new(Refusal::Conflict, "the network asks for it itself");
            Err(fixed.published_as("invalid-request"))
        }
    }
}

async fn allowed(app: &App, proofs: &Proofs) -> Result<(), Failure> {
    let allowed = admin(app, proofs).await;
    allowed.map_err(|failure| failure.published_as("unauthorized"))
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// Checks the name's form.
fn check(attribute: &AttributeDef) -> Result<(), Failure> {
    let AttributeDef { name, .. } = attribute;
    let words = |word: &str| !word.is_empty() && word.bytes().all(is_plain);
    let good = name.len() <= ATTRIBUTE_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('-').all(words);
    if !good {
        return Err(Failure::new(Refusal::Invalid, "name"));
    }
    Ok(())
}

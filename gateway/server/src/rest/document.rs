//! The OpenAPI document: what all operations share, and where it is served. The operations
//! themselves are described beside their handlers.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::header;
use axum::routing::{MethodRouter, get};
use boop_wire::api::Problem;
use boop_wire::id::TerminalId;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Scopes,
    SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
    Response, ResponseBuilder, ServerBuilder,
};
use utoipa::{IntoResponses, PartialSchema as _, ToSchema};

use super::idempotency;
use crate::app::App;
use crate::oauth::{Scope, TOKEN_PATH};

/// Where the document is served.
pub(super) const PATH: &str = "/api/v1/openapi.json";

/// The errors of every operation.
pub(super) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let schema = Ref::from_schema_name(Problem::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let problem = |description| {
            let response = ResponseBuilder::new().description(description);
            response
                .content("application/problem+json", content.clone())
                .build()
                .into()
        };
        BTreeMap::from([
            ("4XX".into(), problem("The request is turned down")),
            ("5XX".into(), problem("The network cannot serve it now")),
        ])
    }
}

/// [`Requirements`](boop_wire::api::Requirements) as a schema that says which members go together.
/// Nothing is read into it; schemathesis holds it against what is taken.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "described, never made")]
pub(super) enum RequirementsSchema {
    /// Pay this much.
    Payment(PaymentSchema),
    /// Come in.
    Entrance(EntranceSchema),
    /// Be recognised as a member.
    Membership(MembershipSchema),
}

/// Pay this much.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct PaymentSchema {
    #[serde(rename = "type")]
    kind: PaymentKind,
    /// Which terminal; a vendor with one may leave it out.
    terminal_id: Option<TerminalId>,
    /// In the smallest unit.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000u64)]
    amount: u64,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
    /// Shown to the customer; the vendor's name if left out.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
    )]
    merchant_name: Option<String>,
    /// Attributes that must be released.
    #[serde(default)]
    #[schema(max_items = 15)]
    attributes_required: Vec<AttributeName>,
    /// Attributes that would be welcome.
    #[serde(default)]
    #[schema(max_items = 15)]
    attributes_optional: Vec<AttributeName>,
    /// Whether a verified age is required.
    require_age_verification: Option<bool>,
    /// The age in years that the customer must have reached.
    #[schema(minimum = 1, maximum = 120)]
    minimum_age: Option<u8>,
}

/// The kind.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "described, never made")]
enum PaymentKind {
    Payment,
}

/// Come in.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct EntranceSchema {
    #[serde(rename = "type")]
    kind: EntranceKind,
    /// Which terminal; a vendor with one may leave it out.
    terminal_id: Option<TerminalId>,
    /// Shown to the customer; the vendor's name if left out.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
    )]
    merchant_name: Option<String>,
    /// Attributes that must be released.
    #[serde(default)]
    #[schema(max_items = 15)]
    attributes_required: Vec<AttributeName>,
    /// Attributes that would be welcome.
    #[serde(default)]
    #[schema(max_items = 15)]
    attributes_optional: Vec<AttributeName>,
    /// Whether a verified age is required.
    require_age_verification: Option<bool>,
    /// The age in years that the customer must have reached.
    #[schema(minimum = 1, maximum = 120)]
    minimum_age: Option<u8>,
    /// The vendor's own name of the place.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
    )]
    venue_id: Option<String>,
    /// The vendor's own name of the event.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
    )]
    event_id: Option<String>,
    /// The vendor's own kind of entry.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
    )]
    entrance_type: Option<String>,
}

/// The kind.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "described, never made")]
enum EntranceKind {
    Entrance,
}

/// Be recognised as a member.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct MembershipSchema {
    #[serde(rename = "type")]
    kind: MembershipKind,
    /// Which terminal; a vendor with one may leave it out.
    terminal_id: Option<TerminalId>,
    /// Shown to the customer; the vendor's name if left out.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
    )]
    merchant_name: Option<String>,
    /// Attributes that must be released.
    #[serde(default)]
    #[schema(max_items = 15)]
    attributes_required: Vec<AttributeName>,
    /// Attributes that would be welcome.
    #[serde(default)]
    #[schema(max_items = 15)]
    attributes_optional: Vec<AttributeName>,
    /// Whether a verified age is required.
    require_age_verification: Option<bool>,
    /// The age in years that the customer must have reached.
    #[schema(minimum = 1, maximum = 120)]
    minimum_age: Option<u8>,
}

/// The kind.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "described, never made")]
enum MembershipKind {
    Membership,
}

/// An attribute's name.
#[derive(ToSchema)]
#[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct AttributeName(String);

/// What the tags mean.
const TAGS: [(&str, &str); 8] = [
    (
        "trust",
        "What a client checks before it believes the gateway",
    ),
    ("operation", "Whether the network serves"),
    ("users", "How a user begins"),
    (
        "contexts",
        "How a vendor asks for a customer and hears what came of it",
    ),
    (
        "jobs",
        "Enrolments over REST, and how the parties' work stands",
    ),
    ("attributes", "What there is to know about people"),
    ("ledger", "Balances and transactions"),
    ("admin", "What the operator sets up"),
];

/// Returns the document without its operations.
pub(super) fn frame() -> OpenApi {
    let info = InfoBuilder::new()
        .title("boop gateway")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ));
    let mut document = OpenApiBuilder::new()
        .info(info.build())
        .tags(Some(TAGS.map(|(name, meaning)| {
            TagBuilder::new()
                .name(name)
                .description(Some(meaning))
                .build()
        })))
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .build();
    let components = document.components.get_or_insert_default();
    let bearer = || SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let key = || SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
    let mut schemas = vec![(Problem::name().into(), Problem::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.add_security_scheme("vendor_key", key());
    components.add_security_scheme("scanner_key", key());
    components.add_security_scheme("admin_key", key());
    let flow = ClientCredentials::new(
        TOKEN_PATH,
        Scopes::from_iter(Scope::ALL.map(|scope| {
            let meaning = match scope {
                Scope::Contexts => "open contexts, ask about them, cancel them",
                Scope::Transactions => "check transactions",
            };
            (scope.name(), meaning)
        })),
    );
    let flows = OAuth2::new([Flow::ClientCredentials(flow)]);
    components.add_security_scheme("access_token", SecurityScheme::OAuth2(flows));
    components.add_security_scheme("user_token", bearer());
    components.add_security_scheme("admin_token", bearer());
    document
}

const DESCRIPTION: &str = "\
What vendors, users and operators ask of a boop network over HTTPS. Every connection can be checked
against the network's manifest (`/.well-known/attestation`). Binary values are base64url without
padding, amounts are in the currency's smallest unit, times are Unix milliseconds where no other
unit is named. Errors follow RFC 9457; docs/errors.md lists them.";

/// Tells of the header that makes a POST safe to send again.
fn describe_keys(document: &mut OpenApi) {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[!#-\\[\\]-~]+$"))
        .min_length(Some(1))
        .max_length(Some(idempotency::KEY_CHARACTERS_MAX));
    let header = ParameterBuilder::new()
        .name(idempotency::HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The same request under the same key has the same answer for a day",
        ))
        .schema(Some(text))
        .build();
    for (path, item) in &mut document.paths.paths {
        let post = item.post.as_mut();
        // It is for who proves something, and not by what is good once anyway.
        let counts = path != TOKEN_PATH && !path.ends_with("/register");
        if let Some(post) = post.filter(|_| counts) {
            post.parameters
                .get_or_insert_default()
                .push(RefOr::T(header.clone()));
        }
    }
}

/// Takes out schemas that nothing refers to: what an envelope holds is written out in it.
pub(super) fn tidy(document: &mut OpenApi) {
    describe_keys(document);
    let text = document.to_json().unwrap_or_default();
    if let Some(components) = &mut document.components {
        let used = |name: &str| text.contains(&format!("\"#/components/schemas/{name}\""));
        components.schemas.retain(|name, _| used(name));
    }
}

/// Returns what serves the document, written once.
pub(super) fn serving(document: &OpenApi) -> MethodRouter<Arc<App>> {
    let text = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    let kind = [(header::CONTENT_TYPE, "application/json")];
    get(move || ready((kind, text.clone())))
}

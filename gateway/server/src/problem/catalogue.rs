//! What each refusal is on every surface: its HTTP status, its words, the codes that boop has
//! published for REST and for the vendors' socket, and what to do about it.
//!
//! The page `docs/errors.md` is printed from here: `boop-gateway --print errors`.

use std::fmt::Write as _;

use axum::http::StatusCode;
use boop_wire::Refusal;

/// One refusal on every surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// HTTP status.
    pub status: StatusCode,
    /// In words.
    pub title: &'static str,
    /// The published code on a vendor's socket.
    pub socket: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// Returns the published REST code of a status.
pub const fn published_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHORIZED",
        402 | 403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        429 => "RATE_LIMITED",
        500.. => "INTERNAL_ERROR",
        _ => "INVALID_REQUEST",
    }
}

const INVALID: &str = "INVALID_REQUEST";
const FAILED: &str = "AUTH_FAILED";
const DEVICE: &str = "AUTH_DEVICE_ERROR";
const EXPIRED: &str = "AUTH_CONTEXT_EXPIRED";
const DENIED: &str = "VENDOR_ATTRIBUTE_DENIED";

const OPERATOR: &str = "Tell the network's operator, with the request id";
const LATER: &str = "Send the same request again, after the time in Retry-After";
const RESCAN: &str = "Ask for the palm again, with a new capture";
const MESSAGE: &str = "Correct the message; the detail names what is wrong";

/// Every refusal: HTTP status, published code on a vendor's socket, words, what to do.
const ENTRIES: [(Refusal, u16, &str, &str, &str); Refusal::ALL.len()] = [
    (
        Refusal::Malformed,
        400,
        INVALID,
        "the message does not read",
        MESSAGE,
    ),
    (
        Refusal::TooLarge,
        413,
        INVALID,
        "the message is too large",
        MESSAGE,
    ),
    (
        Refusal::Unexpected,
        409,
        INVALID,
        "the message may not come now",
        "Keep the order of messages: authenticate first, once",
    ),
    (
        Refusal::Invalid,
        400,
        INVALID,
        "a field is not valid",
        MESSAGE,
    ),
    (
        Refusal::Conflict,
        409,
        INVALID,
        "the id is taken by something else",
        "Take a new id for a new request; repeat an old one unchanged",
    ),
    (
        Refusal::Unauthenticated,
        401,
        "VENDOR_INVALID_KEY",
        "the key or token is missing or not valid",
        "Check the id and the key, or ask for a new token",
    ),
    (
        Refusal::Forbidden,
        403,
        "VENDOR_PERMISSION_DENIED",
        "this is not allowed",
        "Use a key that may do this",
    ),
    (
        Refusal::NotFound,
        404,
        "AUTH_CONTEXT_NOT_FOUND",
        "there is no such thing",
        "Check the id",
    ),
    (
        Refusal::Busy,
        429,
        "VENDOR_RATE_LIMIT",
        "too much for now",
        LATER,
    ),
    (
        Refusal::UserNotFound,
        404,
        "AUTH_USER_NOT_FOUND",
        "no enrolled palm matches",
        "Let the customer register, or try the other palm",
    ),
    (
        Refusal::UserExists,
        409,
        FAILED,
        "the palm is enrolled already",
        "Nothing to do: the customer can use the palm",
    ),
    (
        Refusal::Ambiguous,
        409,
        FAILED,
        "more than one enrolled palm matches",
        RESCAN,
    ),
    (
        Refusal::QualityTooLow,
        422,
        "AUTH_BIOMETRIC_QUALITY",
        "the capture is not good enough",
        "Hold the palm flat, 15 to 18 cm above the scanner, and scan again",
    ),
    (
        Refusal::InsufficientFunds,
        402,
        FAILED,
        "the account has too little",
        "Let the customer pay another way",
    ),
    (
        Refusal::NotConsented,
        403,
        DENIED,
        "the user did not consent",
        "Ask the customer to allow it, then open a new context",
    ),
    (
        Refusal::MissingAttributes,
        422,
        DENIED,
        "required attributes are not there",
        "Ask the customer for them; `missing` lists which",
    ),
    (
        Refusal::UnknownTerminal,
        404,
        DEVICE,
        "the terminal is not known",
        "Check terminal_id; the operator registers terminals",
    ),
    (
        Refusal::ScannerUnavailable,
        503,
        DEVICE,
        "there is no scanner at this terminal now",
        "Check the scanner's power and network, then open the context again",
    ),
    (
        Refusal::ContextExpired,
        410,
        EXPIRED,
        "the context's time is over",
        "Open a new context with a new id",
    ),
    (Refusal::Expired, 410, EXPIRED, "its time is over", RESCAN),
    (
        Refusal::Replayed,
        409,
        FAILED,
        "the capture was used before",
        RESCAN,
    ),
    (
        Refusal::SealedBoxInvalid,
        422,
        FAILED,
        "a sealed box does not open",
        RESCAN,
    ),
    (
        Refusal::SharesInconsistent,
        422,
        FAILED,
        "the shares are not of one capture",
        RESCAN,
    ),
    (
        Refusal::DeadlineExceeded,
        504,
        "AUTH_TIMEOUT",
        "the work was not done in time",
        LATER,
    ),
    (
        Refusal::PartyUnavailable,
        503,
        FAILED,
        "a party is not available",
        LATER,
    ),
    (
        Refusal::ProtocolAborted,
        503,
        FAILED,
        "the parties did not agree",
        LATER,
    ),
    (
        Refusal::Draining,
        503,
        FAILED,
        "a party is being replaced, try again",
        LATER,
    ),
    (
        Refusal::LedgerUnavailable,
        503,
        FAILED,
        "the ledger cannot be reached",
        LATER,
    ),
    (
        Refusal::Stale,
        503,
        FAILED,
        "evidence or checkpoint is too old",
        LATER,
    ),
    (
        Refusal::KeyNotReleased,
        503,
        FAILED,
        "a party's key was not released",
        LATER,
    ),
    (
        Refusal::ManifestUnlogged,
        503,
        FAILED,
        "the manifest is not in the ledger",
        OPERATOR,
    ),
    (
        Refusal::ManifestTooEarly,
        503,
        FAILED,
        "the manifest does not count yet",
        LATER,
    ),
    (
        Refusal::EvidenceRefused,
        403,
        FAILED,
        "the evidence was not accepted",
        OPERATOR,
    ),
    (
        Refusal::WrongRole,
        403,
        FAILED,
        "the evidence is of another role",
        OPERATOR,
    ),
    (
        Refusal::WrongNetwork,
        409,
        FAILED,
        "the message belongs to another network",
        "Fetch the manifest again, then send a new capture",
    ),
    (
        Refusal::WrongSession,
        403,
        FAILED,
        "the proof is not of this session",
        OPERATOR,
    ),
    (
        Refusal::BadSignature,
        403,
        FAILED,
        "a signature does not verify",
        OPERATOR,
    ),
    (
        Refusal::Internal,
        500,
        FAILED,
        "the gateway failed",
        OPERATOR,
    ),
    (
        Refusal::StateDiverged,
        500,
        FAILED,
        "the parties' stores differ",
        OPERATOR,
    ),
    (
        Refusal::StoreDamaged,
        500,
        FAILED,
        "a store is damaged",
        OPERATOR,
    ),
    (
        Refusal::SecondLockMissing,
        500,
        FAILED,
        "no peer keeps the second secret of a store",
        OPERATOR,
    ),
    (
        Refusal::StoreRolledBack,
        500,
        FAILED,
        "a store is older than its custodian's record of it",
        OPERATOR,
    ),
    (
        Refusal::CustodianBehind,
        500,
        FAILED,
        "a custodian's files are an old copy",
        OPERATOR,
    ),
];

/// Returns a refusal's entry.
pub fn entry(refusal: Refusal) -> Entry {
    let mut entries = ENTRIES.iter();
    let known = entries.find(|(listed, ..)| *listed == refusal);
    // A test holds that every refusal is listed.
    let (_, status, socket, title, remedy) = known.unwrap_or(&ENTRIES[0]);
    Entry {
        status: StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        title,
        socket,
        remedy,
    }
}

/// Returns the page of all refusals, as Markdown.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for refusal in Refusal::ALL.iter().copied() {
        let Entry {
            status,
            title,
            socket,
            remedy,
        } = entry(refusal);
        let again = if refusal.retryable() { "yes" } else { "no" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | `{}` | `{socket}` | {again} | {title} | {remedy} |",
            refusal.code(),
            status.as_u16(),
            published_of(status),
        );
    }
    page
}

const INTRODUCTION: &str = "\
# Errors

What the gateway answers when it turns something down. The page is printed from the code
(`boop-gateway --print errors`), and a test holds the two together.

A REST error is one JSON object that serves two readers: the members of RFC 9457 (`type`, `title`,
`status`, `detail`, with `code`, `request_id` and `retry_allowed` beside them), and boop's published
envelope (`success`: false, `error`: `{code, message}`, `meta`: `{request_id, timestamp}`). The
first column is `code` of RFC 9457 and ends `type`; column REST is `error.code` of the envelope.

On a vendor's socket an error is `{type: \"error\", code, message, details: {context_id, timestamp,
retry_allowed, refusal}}`: column socket is `code`, the first column `details.refusal`. On the
sockets of scanners and users, which are ours alone, `code` is the first column too.

*Again* says whether the same request, unchanged, may succeed later: then the answer has a
`Retry-After`. Everything else stays refused, so change the request.

| code | HTTP | REST | socket | again | meaning | what to do |
|---|---|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_refusal_is_listed_once() {
        for refusal in Refusal::ALL {
            let listed = ENTRIES.iter().filter(|(listed, ..)| listed == refusal);
            assert_eq!(listed.count(), 1, "{refusal}");
        }
    }

    #[test]
    fn a_refusal_may_be_retried_exactly_if_its_status_says_so() {
        for refusal in Refusal::ALL.iter().copied() {
            let status = entry(refusal).status;
            assert!(status.is_client_error() || status.is_server_error());
            let inviting = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            );
            let failed = status == StatusCode::INTERNAL_SERVER_ERROR;
            assert!(inviting == refusal.retryable() || failed, "{refusal}");
        }
    }

    #[test]
    fn every_refusal_has_its_own_words() {
        for (position, refusal) in Refusal::ALL.iter().enumerate() {
            let title = entry(*refusal).title;
            let first = Refusal::ALL
                .iter()
                .position(|other| entry(*other).title == title);
            assert_eq!(first, Some(position), "{refusal}");
        }
    }

    #[test]
    fn row_32_every_refusal_has_a_published_code_on_each_surface() {
        let families = ["AUTH_", "VENDOR_"];
        for refusal in Refusal::ALL.iter().copied() {
            let Entry { status, socket, .. } = entry(refusal);
            let known = families.iter().any(|family| socket.starts_with(family));
            assert!(known || socket == INVALID, "{refusal}");
            assert_ne!(published_of(status), "", "{refusal}");
        }
        for (status, code) in [
            (400, "INVALID_REQUEST"),
            (401, "UNAUTHORIZED"),
            (403, "FORBIDDEN"),
            (404, "NOT_FOUND"),
            (429, "RATE_LIMITED"),
            (500, "INTERNAL_ERROR"),
        ] {
            assert_eq!(published_of(StatusCode::from_u16(status).unwrap()), code);
        }
    }

    #[test]
    fn the_page_in_docs_is_the_one_that_is_printed() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");

        let kept = std::fs::read_to_string(file).unwrap_or_default();

        assert!(
            kept == page(),
            "run: boop-gateway --print errors > docs/errors.md"
        );
    }
}

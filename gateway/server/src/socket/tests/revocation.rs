//! Sockets end when what they logged in with is taken away, and others do not.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use axum::http::StatusCode;
use boop_wire::api::VendorResponse;
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::Client;
use crate::fixture::{ADMIN_TOKEN, API_KEY, Gateway, SESSION_TOKEN};
use crate::store::{DirectoryStore as _, RevocationStore as _, Vendor};

/// How soon a socket has to end.
const SOON: Duration = Duration::from_secs(1);

/// A gateway with a socket of each kind.
struct Sockets {
    gateway: Gateway,
    vendor: Client,
    header: Client,
    scanner: Client,
    user: Client,
}

impl Sockets {
    async fn open() -> Self {
        let gateway = Gateway::start().await;
        tokio::spawn(crate::revocation::look_for_ever(Arc::clone(&gateway.app)));
        let headers = [("x-vendor-id", "ven_1"), ("x-api-key", API_KEY)];
        let header = Client::try_open(&gateway, "/vendor/connect", &headers).await;
        let mut user = Client::open(&gateway, "/ws/user").await;
        user.send(&json!({ "type": "hello", "session_token": SESSION_TOKEN }))
            .await;
        assert_eq!(user.next().await["type"], "welcome");
        Self {
            vendor: Client::vendor(&gateway).await,
            header: header.unwrap(),
            scanner: Client::scanner(&gateway).await,
            user,
            gateway,
        }
    }

    async fn admin(&self, method: &str, path: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
            .body(axum::body::Body::empty());
        let answer = self
            .gateway
            .router()
            .oneshot(request.unwrap())
            .await
            .unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, body.to_vec())
    }
}

/// Waits for the refusal and the end of a socket.
async fn ends(client: &mut Client) {
    let ended = async {
        assert_eq!(client.error().await, "unauthenticated");
        client.closed().await;
    };
    timeout(SOON, ended).await.expect("the socket ends soon");
}

/// Makes sure that a socket goes on.
async fn goes_on(client: &mut Client) {
    client.send(&json!({ "type": "ping" })).await;
    assert_eq!(client.next().await["type"], "pong");
}

#[tokio::test]
async fn a_vendor_that_is_removed_is_gone_with_its_sockets_and_scanners() {
    let mut sockets = Sockets::open().await;

    let (status, _) = sockets.admin("DELETE", "/api/v1/admin/vendors/ven_1").await;

    assert_eq!(status, StatusCode::NO_CONTENT);
    ends(&mut sockets.vendor).await;
    ends(&mut sockets.header).await;
    ends(&mut sockets.scanner).await;
    goes_on(&mut sockets.user).await;
    let headers = [("x-vendor-id", "ven_1"), ("x-api-key", API_KEY)];
    let again = Client::try_open(&sockets.gateway, "/vendor/connect", &headers).await;
    assert_eq!(again.err(), Some(StatusCode::UNAUTHORIZED));
    let (status, _) = sockets.admin("DELETE", "/api/v1/admin/vendors/ven_1").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_that_is_replaced_ends_what_logged_in_with_it() {
    let mut sockets = Sockets::open().await;

    let path = "/api/v1/admin/vendors/ven_1/key";
    let (status, body) = sockets.admin("POST", path).await;

    assert_eq!(status, StatusCode::CREATED);
    ends(&mut sockets.vendor).await;
    ends(&mut sockets.header).await;
    goes_on(&mut sockets.scanner).await;
    let fresh: VendorResponse = serde_json::from_slice(&body).unwrap();
    let headers = [("x-vendor-id", "ven_1"), ("x-api-key", &*fresh.api_key)];
    let again = Client::try_open(&sockets.gateway, "/vendor/connect", &headers).await;
    assert!(again.is_ok());
}

#[tokio::test]
async fn a_scanner_that_is_removed_ends_and_leaves_its_terminal_free() {
    let mut sockets = Sockets::open().await;

    let path = "/api/v1/admin/scanners/scn_1";
    let (status, _) = sockets.admin("DELETE", path).await;

    assert_eq!(status, StatusCode::NO_CONTENT);
    ends(&mut sockets.scanner).await;
    goes_on(&mut sockets.vendor).await;
    let next = crate::store::Scanner {
        id: "scn_2".parse().unwrap(),
        key: boop_wire::Digest::new([8; 32]),
        ..crate::fixture::scanner()
    };
    let store = &sockets.gateway.app.store;
    assert_eq!(store.add_scanner(&next).await, Ok(true));
}

#[tokio::test]
async fn what_is_taken_from_another_vendor_ends_nothing_here() {
    let mut sockets = Sockets::open().await;
    let other = Vendor {
        id: "ven_2".parse().unwrap(),
        key: boop_wire::Digest::new([7; 32]),
        ..crate::fixture::vendor()
    };
    let store = &sockets.gateway.app.store;
    store.add_vendor(&other).await.unwrap();

    let now_ms = sockets.gateway.app.now();
    let store = &sockets.gateway.app.store;
    assert_eq!(store.remove_vendor(&other.id, now_ms).await, Ok(true));
    assert_eq!(
        store.revoke_tokens(&"ven_1".parse().unwrap(), now_ms).await,
        Ok(0)
    );
    tokio::time::sleep(SOON).await;

    goes_on(&mut sockets.vendor).await;
    goes_on(&mut sockets.scanner).await;
}

//! Access tokens for clients of other people: `openid-client` and `oauth4webapi` prove themselves
//! with a key and with a certificate, and are refused in a hundred ways. `.ci/tokens` installs
//! them.

use std::fs;
use std::path::Path;
use std::process::Command;

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use boop_servers::free_port;
use boop_world::GatewayOptions;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::doors::{said, target};
use crate::raw::{gateway_request, tls};
use crate::tokens::is_there;

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_other_people_get_tokens_and_are_refused_as_the_rfcs_say() {
    let folder = target().join("oauth-js");
    if !is_there(&folder.join("node_modules/openid-client/package.json")) {
        return;
    }
    let mutual = free_port();
    let options = GatewayOptions {
        mutual_port: Some(mutual),
        ..GatewayOptions::default()
    };
    let bench = Bench::start_with(&options).await;
    let vendor = bench
        .admin()
        .await
        .create_vendor("Corner shop")
        .await
        .unwrap();
    let here = bench.folder();
    let keys = client(here);
    let token = format!("authorization: Bearer {}", bench.admin_token());
    let path = format!("PUT /api/v1/admin/vendors/{}/keys", vendor.vendor_id);
    let json = "content-type: application/json";
    let put = gateway_request(&bench, &path, &[&token, json], keys.to_string().as_bytes()).await;
    assert_eq!(put.status, 204, "{:?}", put.refusal());
    fs::write(here.join("gateway.pem"), pem(&certificate_of(&bench).await)).unwrap();
    let port = bench.ports().gateway;
    let config = json!({
        "issuer": format!("https://localhost:{port}"),
        "mutual": format!("https://localhost:{mutual}"),
        "client_id": vendor.vendor_id,
        "ca": here.join("gateway.pem"),
        "key": here.join("client.json"),
        "certificate": here.join("client.pem"),
        "certificate_key": here.join("client.key"),
    });
    fs::write(here.join("peer.json"), config.to_string()).unwrap();
    let program = folder.join(format!("peer-{}.mjs", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/outside/oauth/peer.mjs");
    fs::copy(source, &program).unwrap();

    let mut peer = Command::new("node");
    peer.arg(&program).arg(here.join("peer.json"));
    let tried = tokio::task::spawn_blocking(move || peer.output().unwrap());
    let tried = tried.await.unwrap();

    fs::remove_file(program).unwrap();
    assert!(tried.status.success(), "{}", said(&tried));
    println!("{}", said(&tried).lines().last().unwrap_or_default());
}

/// Makes a client's key and certificate, and returns the set to register.
fn client(folder: &Path) -> Value {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = key.public_key().as_ref();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
    let secret = key.private_key().as_be_bytes().unwrap();
    let mut jwk = json!({
        "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "one", "d": encode(secret.as_ref()),
    });
    fs::write(folder.join("client.json"), jwk.to_string()).unwrap();
    let own = rcgen::generate_simple_self_signed(vec!["shop.example".into()]).unwrap();
    fs::write(folder.join("client.pem"), own.cert.pem()).unwrap();
    fs::write(folder.join("client.key"), own.signing_key.serialize_pem()).unwrap();
    let public = jwk.as_object_mut().unwrap();
    public.remove("d");
    public.insert("x5c".into(), json!([STANDARD.encode(own.cert.der())]));
    json!({ "keys": [public] })
}

pub(crate) async fn certificate_of(bench: &Bench) -> Vec<u8> {
    let stream = tls(bench).await;
    let chain = stream.get_ref().1.peer_certificates().unwrap();
    chain[0].to_vec()
}

pub(crate) fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

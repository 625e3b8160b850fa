//! Intrusion detection at a running gateway: guesses close its door to strangers at their address
//! and to nobody else, and whoever follows docs/intrusion.md sees it and opens it again.

use std::fs;

use boop_world::GatewayOptions;
use serde_json::Value;

use crate::bench::Bench;
use crate::guide::Guide;
use crate::oauth::{certificate_of, pem};
use crate::raw::gateway_request;
use crate::shop::Shop;

/// Different wrong keys that make a guesser.
const GUESSES: usize = 12;
const CHECK: &str = "POST /api/v1/auth";
const REGISTER: &str = "POST /api/v1/register";

#[tokio::test(flavor = "multi_thread")]
async fn guesses_close_the_door_to_strangers_and_who_follows_the_page_opens_it() {
    let guide = Guide::read("intrusion.md", 3);
    let options = GatewayOptions {
        responds: true,
        ..GatewayOptions::default()
    };
    let bench = Bench::start_with(&options).await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let here = bench.folder();
    fs::write(here.join("gateway.pem"), pem(&certificate_of(&bench).await)).unwrap();
    fs::write(here.join("admin-token"), bench.admin_token()).unwrap();
    let url = format!("https://localhost:{}", bench.ports().gateway);
    fs::write(here.join("gateway.url"), url).unwrap();

    for number in 1..=GUESSES {
        let key = format!("x-api-key: sk_test_guess-{number}");
        let answer = gateway_request(&bench, CHECK, &[&key], b"").await;
        let last = number == GUESSES;
        let expected = [(401, "unauthenticated"), (429, "busy")][usize::from(last)];
        assert_eq!(answer.refusal(), (expected.0, expected.1.to_owned()));
    }
    let stranger = gateway_request(&bench, REGISTER, &[], b"{}").await;
    assert_eq!(stranger.refusal(), (429, "busy".to_owned()));

    // Everybody here has the guesser's address.
    shop.check_payment(&bench, &customer).await;

    let listed: Value = serde_json::from_str(&guide.run(0, here)).unwrap();
    let [finding] = &listed["findings"].as_array().unwrap()[..] else {
        panic!("{listed}");
    };
    assert_eq!(finding["rule"], "login-guessing");
    assert_eq!(finding["standing"], "blocked");
    let at_address: Value = serde_json::from_str(&guide.run(1, here)).unwrap();
    assert_eq!(at_address, listed);
    assert_eq!(guide.run(2, here), "");

    let stranger = gateway_request(&bench, REGISTER, &[], b"{}").await;
    assert_eq!(stranger.status, 201);
    let listed: Value = serde_json::from_str(&guide.run(0, here)).unwrap();
    assert_eq!(listed["findings"][0]["standing"], "free");
    let log = fs::read_to_string(bench.layout().log("gateway")).unwrap();
    let paged = log.lines().filter(|line| line.contains("intrusion"));
    let paged: Vec<_> = paged.collect();
    assert!(
        paged.len() == 1 && paged[0].contains("login-guessing"),
        "{paged:?}"
    );
    assert!(paged[0].contains("ERROR"), "{paged:?}");
    assert!(!log.contains("guess-"));
}

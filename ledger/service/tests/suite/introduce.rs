//! The ledger believes the parties' evidence, not whoever brings it.

use std::sync::atomic::Ordering;

use boop_channel::JudgeError;
use boop_proof::KeyName;
use boop_service::config::{Config, Plan, PlanError};
use boop_service::introduce::{IntroduceError, judge_parties};
use boop_wire::Refusal;
use boop_wire::id::PartyIndex;
use boop_wire::ledger::{LedgerRequest, LedgerResponse};

use crate::network::{LedgerClaims, network};
use crate::support::{credit, folder, party_key, pay, start_unacquainted, user};

const CONFIG: &str = "data = '/var/lib/boop'\n\
    listen = '127.0.0.1:8461'\n\
    public = '127.0.0.1:8460'\n\
    custodians = '127.0.0.1:8462'\n\
    [trust]\n\
    manifest = 'manifest.cbor'\n\
    approvers = []\n\
    approvals_needed = 1\n\
    [platform]\n\
    kind = 'snp'\n";

#[test]
fn the_plan_takes_name_key_and_network_of_the_log_from_the_manifest() {
    let manifest = network().manifest(&LedgerClaims::default());

    let plan = Plan::new(&config(), &manifest);

    let expected = Plan {
        origin: KeyName::new("example.com/log").unwrap(),
        key: manifest.manifest().ledger.key,
        network: manifest.network(),
        simulated: true,
        key_file: "/var/lib/boop/ledger.key".into(),
        database: "/var/lib/boop/ledger.sqlite".into(),
        listen: "127.0.0.1:8461".parse().unwrap(),
        public: "127.0.0.1:8460".parse().unwrap(),
        custodians: "127.0.0.1:8462".parse().unwrap(),
    };
    assert_eq!(plan, Ok(expected));
}

#[test]
fn a_manifest_whose_log_has_no_proper_name_is_refused() {
    let origin = String::from("example log");
    let manifest = network().manifest(&LedgerClaims {
        origin: origin.clone(),
        ..LedgerClaims::default()
    });

    let refused = Plan::new(&config(), &manifest);

    assert_eq!(refused, Err(PlanError::Origin { origin }));
}

#[tokio::test]
async fn parties_that_were_introduced_may_move_money() {
    let folder = folder();
    let trust = network().trust(&LedgerClaims::default());
    let running = start_unacquainted(folder.path(), trust.clone()).await;
    let now_ms = &running.environment.now_ms;
    now_ms.store(network().now_ms, Ordering::Relaxed);
    running.receipt(credit(1, user(1), 100)).await;
    let before = running.refusal(pay("ctx_1", user(1), 30)).await;

    let parties = network().parties(&trust);
    let response = running
        .ledger
        .handle(LedgerRequest::Introduce { parties })
        .await;

    assert_eq!(before, Refusal::PartyUnavailable);
    assert_eq!(response, LedgerResponse::Introduced);
    running.receipt(pay("ctx_1", user(1), 30)).await;
    assert_eq!(running.balance(user(1)).await, (70, 70));
}

#[tokio::test]
async fn if_one_party_is_not_accepted_none_is() {
    let folder = folder();
    let trust = network().trust(&LedgerClaims::default());
    let running = start_unacquainted(folder.path(), trust.clone()).await;
    let now_ms = &running.environment.now_ms;
    now_ms.store(network().now_ms, Ordering::Relaxed);
    let mut parties = network().parties(&trust);
    let last = parties[2].evidence.len() - 1;
    parties[2].evidence[last] ^= 1;

    let refused = running.refusal(LedgerRequest::Introduce { parties }).await;

    assert_eq!(refused, Refusal::EvidenceRefused);
    let pay = running.refusal(pay("ctx_1", user(1), 30)).await;
    assert_eq!(pay, Refusal::PartyUnavailable);
}

#[test]
fn bundles_that_are_not_one_for_each_party_in_order_are_refused() {
    let trust = network().trust(&LedgerClaims::default());
    let mut parties = network().parties(&trust);
    let judge = |parties: &[_]| judge_parties(&trust, parties, network().now_ms).unwrap_err();

    let two = judge(&parties[..2]);
    let four = judge(&[&parties[..], &parties[..1]].concat());
    parties.swap(0, 1);
    let swapped = judge(&parties);

    assert_eq!(two, IntroduceError::Count { found: 2 });
    assert_eq!(four, IntroduceError::Count { found: 4 });
    assert_eq!(two.refusal(), Refusal::Invalid);
    assert_eq!(swapped.refusal(), Refusal::WrongRole);
}

#[test]
fn evidence_of_another_manifest_or_another_time_is_refused() {
    let trust = network().trust(&LedgerClaims::default());
    let elsewhere = network().trust(&LedgerClaims {
        key: [1; 32],
        ..LedgerClaims::default()
    });
    let now_ms = network().now_ms;
    let late_ms = now_ms + 3_600_001;
    let party = PartyIndex::ALL[0];

    let other = judge_parties(&trust, &network().parties(&elsewhere), now_ms);
    let late = judge_parties(&trust, &network().parties(&trust), late_ms);

    let refused = |source| Err(IntroduceError::Evidence { party, source });
    assert_eq!(other, refused(JudgeError::Network));
    assert_eq!(late, refused(JudgeError::Stale));
}

#[test]
fn an_identity_key_that_anybody_could_sign_for_is_refused() {
    let trust = network().trust(&LedgerClaims::default());
    let [zero, one, two] = PartyIndex::ALL;
    let mut weak = [0; 32];
    weak[0] = 1;
    let sound = |party| party_key(party).verifying_key().to_bytes();
    let keys = [(zero, sound(zero)), (one, weak), (two, sound(two))];
    let parties = keys.map(|(party, key)| network().party(&trust, party, key));

    let refused = judge_parties(&trust, &parties, network().now_ms);

    assert_eq!(refused, Err(IntroduceError::Key(one)));
}

fn config() -> Config {
    toml::from_str(CONFIG).unwrap()
}

//! Next manifests while everything runs and people come: nobody is turned away, the approvers are
//! replaced by `docs/rotation.md`, and whom a version turns away is gone at once [EVI-8].

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use boop_tests::program;
use boop_wire::{Digest, PartyIndex};
use boop_world::client_trust;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use crate::bench::Bench;
use crate::guide::{Guide, edit};
use crate::load::Load;
use crate::tokens::{SOFTHSM, is_there, make_softhsm};

/// How old evidence may be in these tests, in seconds, and so how long a version overlaps.
const AGE_MAX_S: u64 = 15;
const OPERATORS: [&str; 3] = ["alpha", "beta", "gamma"];
const SERVED_BETWEEN: u64 = 4;
/// How long a version may take until everybody names it.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn approvers_are_replaced_by_the_guide_while_people_come_and_nobody_is_turned_away() {
    let guide = Guide::read("rotation.md", 6);
    let mut bench = Bench::start().await;
    let net = bench.layout().root().to_owned();
    let load = Load::begin(&bench).await;
    load.goes_on(SERVED_BETWEEN).await;
    let keys = ["release-signer", "reviewer"];
    let everybody = [&OPERATORS[..], &keys].concat();
    make(&net, "second.cbor", |twin| {
        twin["evidence_age_max_s"] = json!(AGE_MAX_S);
    });
    bring(&bench, "second.cbor", &everybody).await;

    let fresh = OPERATORS.map(|name| new_key(&net, &format!("new-{name}")));
    guide.run(3, &net);
    edit(&net, |twin| replace_operators(twin, &fresh));
    let said = guide.run(4, &net);
    assert!(said.contains("approved"), "{said}");
    guide.run(5, &net);
    wait_until_taken(&bench, 3).await;
    wait_until_named(&bench, &net).await;
    load.goes_on(SERVED_BETWEEN).await;

    // From now on the old keys approve nothing, and the new ones do.
    let unused = |twin: &mut Value| {
        twin["revoked"]["measurements"] = json!([hex::encode([9; 48])]);
    };
    make(&net, "fourth.cbor", unused);
    succeeds(approve(&net, "fourth.cbor", &OPERATORS));
    let add = ["manifest", "add", "fourth.cbor", "--to", "manifest.cbor"];
    let refused = boop(&net, &add);
    let said = String::from_utf8_lossy(&refused.stdout);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(said.contains("approved by 0 operators"), "{said}");
    let new = ["new-alpha", "new-beta", "new-gamma"];
    bring(&bench, "fourth.cbor", &new).await;
    wait_until_named(&bench, &net).await;
    load.goes_on(SERVED_BETWEEN).await;
    let mut done = load.end().await;

    assert!(done.refused.is_empty(), "{:?}", done.refused);
    println!("{} payments, none refused", done.payments);
    for party in PartyIndex::ALL {
        assert_eq!(bench.records(party), done.customers.len());
    }
    // Configurations and clients still name the approvers of the genesis.
    bench = bench.start_again().await;
    assert_eq!(
        client_trust(&bench.network).unwrap().0.network(),
        bench.client.network()
    );
    done.shop.admin = bench.admin().await;
    done.shop.reconnect(&bench).await;
    for customer in &done.customers {
        done.shop.check_payment(&bench, customer).await;
    }
    assert_eq!(bench.status(PartyIndex::ALL[0])["manifest"], 4);
}

#[test]
fn an_approvers_key_in_a_token_approves_and_whoever_is_refused_hears_why() {
    if !is_there(Path::new(SOFTHSM)) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path();
    make_softhsm(desk, PartyIndex::ALL[0]);
    let token = format!("module = {SOFTHSM:?}\nlabel = \"boop 0\"\npin_file = \"pin\"\n");
    fs::write(desk.join("alpha.toml"), token).unwrap();
    let with_token = |arguments: &[&str]| {
        let mut boop = Command::new(program::path("boop"));
        boop.env("SOFTHSM2_CONF", desk.join("softhsm2.conf"));
        boop.args(arguments).current_dir(desk).output().unwrap()
    };
    let approve = ["manifest", "approve", "first.cbor", "--token", "alpha.toml"];
    let approve = [&approve[..], &["--expect", "reviewed.json"]].concat();

    let none = with_token(&["manifest", "key", "--token", "alpha.toml"]);
    let made = succeeds(with_token(&[
        "manifest",
        "key",
        "--token",
        "alpha.toml",
        "--new",
    ]));
    let alpha = made.trim().to_owned();
    fs::create_dir(desk.join("operators")).unwrap();
    let others = ["beta", "gamma", "signer", "reviewer"].map(|name| new_key(desk, name));
    let keys = [std::slice::from_ref(&alpha), &others[..]].concat();
    let keys = keys.iter().flat_map(|key| ["--approver", key.as_str()]);
    let example = ["manifest", "new", "--example"].into_iter().chain(keys);
    let twin = succeeds(with_token(&example.collect::<Vec<_>>()));
    fs::write(desk.join("first.json"), twin).unwrap();
    let new = ["manifest", "new", "first.json", "--out", "first.cbor"];
    succeeds(with_token(&new));
    let diff = with_token(&["manifest", "diff", "first.cbor", "--json"]);
    fs::write(desk.join("reviewed.json"), diff.stdout).unwrap();
    let approved = succeeds(with_token(&approve));
    fs::write(desk.join("pin"), "00000000").unwrap();
    let wrong = with_token(&approve);

    assert!(
        approved.contains(&format!("approved by    {alpha}")),
        "{approved}"
    );
    for (refused, why) in [(none, "there is none"), (wrong, "PIN")] {
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_revoked_while_it_serves_is_turned_away_at_once() {
    let bench = Bench::start().await;
    let net = bench.layout().root().to_owned();
    let load = Load::begin(&bench).await;
    load.goes_on(SERVED_BETWEEN).await;
    assert!(load.end().await.refused.is_empty());
    make(&net, "second.cbor", |twin| {
        let chip = twin["parties"][2]["machine"]["chip"].take();
        twin["parties"][2]["machine"]["chip"] = json!(chip.as_str().unwrap().replace('0', "1"));
        twin["revoked"]["chips"] = json!([chip]);
    });
    let everybody = [&OPERATORS[..], &["release-signer", "reviewer"]].concat();

    let from = Instant::now();
    bring(&bench, "second.cbor", &everybody).await;

    // Its evidence would name the version before for an hour more.
    for host in ["host-0", "host-1"] {
        bench
            .wait_for_log(host, r#""refusal":"evidence-refused""#)
            .await;
    }
    bench.wait_for_log("gateway", "party turned away").await;
    assert!(bench.try_view().await.is_err());
    println!(
        "turned away {} ms after the first step",
        from.elapsed().as_millis()
    );
    for party in [0, 1] {
        let status = bench.status(PartyIndex::ALL[party]);
        assert_eq!(status["phase"], "suspended", "{status}");
    }
}

/// Makes the version after the newest in force, with an edit of its twin.
fn make(net: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let twin = succeeds(boop(net, &["manifest", "show", "manifest.cbor", "--twin"]));
    fs::write(net.join("next.json"), twin).unwrap();
    edit(net, change);
    let next = ["--next-of", "manifest.cbor", "--out", file];
    succeeds(boop(
        net,
        &[&["manifest", "new", "next.json"], &next[..]].concat(),
    ));
}

/// Has it approved and published, hands it to all processes, and waits until they took it.
async fn bring(bench: &Bench, file: &str, approvers: &[&str]) {
    let net = bench.layout().root();
    succeeds(approve(net, file, approvers));
    let network = ["--network", "network.toml"];
    succeeds(boop(
        net,
        &[&["manifest", "publish", file], &network[..]].concat(),
    ));
    succeeds(boop(
        net,
        &["manifest", "add", file, "--to", "manifest.cbor"],
    ));
    let shown = succeeds(boop(net, &["manifest", "show", "manifest.cbor", "--json"]));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    wait_until_taken(bench, shown["version"].as_u64().unwrap()).await;
}

fn approve(net: &Path, file: &str, approvers: &[&str]) -> Output {
    let diff = ["manifest", "diff", "manifest.cbor", file, "--json"];
    fs::write(net.join("reviewed.json"), boop(net, &diff).stdout).unwrap();
    let mut last = None;
    for approver in approvers {
        let key = format!("operators/{approver}.key");
        let given = ["--network", "network.toml", "--key", &key];
        let command = ["manifest", "approve", file, "--previous", "manifest.cbor"];
        let reviewed = ["--expect", "reviewed.json"];
        last = Some(boop(net, &[&command[..], &given, &reviewed].concat()));
    }
    last.unwrap()
}

fn new_key(net: &Path, name: &str) -> String {
    let file = format!("operators/{name}.key");
    let made = boop(net, &["manifest", "key", &file, "--new"]);
    succeeds(made).trim().to_owned()
}

fn replace_operators(twin: &mut Value, keys: &[String; 3]) {
    let approvers = twin["approvers"].as_array_mut().unwrap();
    for (approver, key) in approvers.iter_mut().zip(keys) {
        approver["key"] = json!(key);
    }
}

/// Waits until every process judges by this version.
pub(crate) async fn wait_until_taken(bench: &Bench, version: u64) {
    let said = format!(r#""event":"manifest-taken","version":{version}"#);
    let daemons = [
        "gateway",
        "ledger",
        "custodian-0",
        "custodian-1",
        "custodian-2",
    ];
    for process in daemons {
        bench.wait_for_log(process, &said).await;
    }
    let until = Instant::now() + PATIENCE;
    for party in PartyIndex::ALL {
        while bench.status(party)["manifest"] != version {
            assert!(Instant::now() < until, "{}", bench.status(party));
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Waits until the evidence of gateway and parties names the newest version.
async fn wait_until_named(bench: &Bench, net: &Path) {
    let shown = succeeds(boop(net, &["manifest", "show", "manifest.cbor", "--json"]));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let newest: Digest = shown["digest"].as_str().unwrap().parse().unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        let view = bench.view().await;
        let named = view
            .parties
            .iter()
            .filter(|it| it.binding.manifest == newest);
        if named.count() == PartyIndex::COUNT {
            return;
        }
        assert!(
            Instant::now() < until,
            "the parties still name an older version"
        );
        sleep(Duration::from_millis(250)).await;
    }
}

/// Runs `boop` in a folder.
pub(crate) fn boop(net: &Path, arguments: &[&str]) -> Output {
    let mut boop = Command::new(program::path("boop"));
    boop.args(arguments).current_dir(net).output().unwrap()
}

/// Returns what a command that must succeed has printed.
pub(crate) fn succeeds(output: Output) -> String {
    let code = output.status.code();
    assert_eq!(code, Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

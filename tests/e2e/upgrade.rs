//! Parties that are replaced one by one while people come: nobody is lost, and calls are refused
//! as `draining` alone [LIF-2]. With new code it is the upgrade of `docs/upgrade.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boop_channel::JudgeError;
use boop_tee::measure;
use boop_wire::release::ReleaseAnswer;
use boop_wire::{PartyIndex, Refusal};
use boop_world::{Puppet, now_ms};
use serde_json::{Value, json};
use tokio::task::block_in_place;
use tokio::time::{Duration, Instant, sleep};

use crate::bench::Bench;
use crate::evidence::{ODD, judge};
use crate::guide::{Guide, edit};
use crate::load::{Done, Load};
use crate::succession::{boop, succeeds, wait_until_taken};

/// Payments before each party leaves, and enrolments among them.
const SERVED_BETWEEN: u64 = 5;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn parties_replaced_in_turn_under_load_refuse_as_draining_alone_and_lose_nobody() {
    let mut bench = Bench::start().await;
    let load = Load::begin(&bench).await;
    let mut announced = Vec::new();

    for party in PartyIndex::ALL {
        load.goes_on(SERVED_BETWEEN).await;
        let from = Instant::now();
        drain(&bench, party);
        bench.network.start_host(party).unwrap();
        bench.network.wait_for_serving(party).unwrap();
        bench.wait_ready().await;
        announced.push((from, Instant::now()));
    }
    load.goes_on(SERVED_BETWEEN).await;
    let done = load.end().await;

    done.check_refusals(&announced);
    check_nobody_lost(&bench, done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_by_the_guide_loses_nobody_and_its_old_code_gets_no_key_any_more() {
    let guide = Guide::read("upgrade.md", 8);
    let mut bench = Bench::start().await;
    let net = bench.layout().root().to_owned();
    let [next, stray, soon] = ["next", "stray", "soon"].map(|name| image(&bench, name));

    guide.run(0, &net);
    edit(&net, |twin| {
        add_releases(twin, &measured(&next), 0);
        add_releases(twin, &measured(&soon), now_ms() + DAY_MS);
    });
    guide.run(1, &net);
    let said = guide.fails(2, &net);
    assert!(said.contains("0 of 4 needed approvals verify"), "{said}");
    guide.run(2, &net);
    refused_before_it_is_published(&mut bench).await;
    guide.run(3, &net);
    wait_until_taken(&bench, 2).await;
    bench.network.wait_for_serving(ODD).unwrap();
    bench.wait_ready().await;
    check_refused(&bench, &stray, &["measurement-not-allowed"]);
    check_refused(&bench, &soon, &["release-not-yet"]);

    let load = Load::begin(&bench).await;
    let mut announced = Vec::new();
    for party in PartyIndex::ALL {
        load.goes_on(SERVED_BETWEEN).await;
        let machine = bench.layout().machine(party, "");
        let from = Instant::now();
        guide.run(4, &machine);
        put_in_place(&bench, party, &next);
        bench.network.start_host(party).unwrap();
        bench.network.wait_for_serving(party).unwrap();
        bench.wait_ready().await;
        announced.push((from, Instant::now()));
        let said = guide.run(5, &machine);
        assert!(
            said.starts_with(&format!("party {party}: serving")),
            "{said}"
        );
    }
    load.goes_on(SERVED_BETWEEN).await;
    guide.run(6, &net);
    let old = bench.network.provisioned().binaries.path("boop-party-sim");
    edit(&net, |twin| revoke(twin, &measured(&old)));
    guide.run(7, &net);
    wait_until_taken(&bench, 3).await;
    load.goes_on(SERVED_BETWEEN).await;
    let done = load.end().await;
    done.check_refusals(&announced);
    let mut done = check_nobody_lost(&bench, done).await;
    check_refused(&bench, &old, &["measurement-revoked"]);
    check_older_manifest(&bench, &next);
    check_no_way_back(&mut bench).await;
    // A host that puts the old image back has a party that never opens its store.
    let from = bench.records(ODD);
    old_code_does_not_serve(&mut bench, &old).await;
    assert_eq!(bench.records(ODD), from);
    put_in_place(&bench, ODD, &next);
    bench.network.start_host(ODD).unwrap();
    bench.network.wait_for_serving(ODD).unwrap();
    bench.wait_ready().await;

    done.shop.admin = bench.admin().await;
    done.shop.reconnect(&bench).await;
    for customer in &done.customers {
        done.shop.check_payment(&bench, customer).await;
    }
}

/// An operator who does not wait for the log: with a version that is approved and not published,
/// the party gets no key. What is published later finds the files in place.
async fn refused_before_it_is_published(bench: &mut Bench) {
    let add = [
        "manifest",
        "add",
        "manifest-2.cbor",
        "--to",
        "manifest.cbor",
    ];
    succeeds(boop(bench.layout().root(), &add));
    bench.network.process("host-1").unwrap().stop();
    bench.network.process("custodian-1").unwrap().stop();

    bench.network.start_custodian(ODD).unwrap();
    bench.network.start_host(ODD).unwrap();

    let refused = r#""refusal":"manifest-unlogged""#;
    bench.wait_for_log("custodian-1", refused).await;
    assert_eq!(bench.status(ODD)["phase"], "attested");
}

/// Has a host's enclave finish and retire, as an operator does, and the host end.
fn drain(bench: &Bench, party: PartyIndex) {
    let host = bench.network.provisioned().binaries.path("boop-host");
    let drained = Command::new(host)
        .args(["--config", "host.toml", "drain"])
        .current_dir(bench.layout().machine(party, ""))
        .output()
        .unwrap();
    let said = String::from_utf8(drained.stdout).unwrap();
    assert!(drained.status.success(), "party {party}: {said}");
    assert!(
        said.starts_with(&format!("party {party}: retired")),
        "{said}"
    );
}

/// Makes code that does the same and is measured as something else.
fn image(bench: &Bench, name: &str) -> PathBuf {
    let binaries = &bench.network.provisioned().binaries;
    let image = binaries.path(&format!("boop-party-{name}"));
    fs::copy(binaries.path("boop-party-sim"), &image).unwrap();
    let bytes = fs::read(&image).unwrap();
    fs::write(&image, [&bytes, name.as_bytes()].concat()).unwrap();
    image
}

fn measured(image: &Path) -> String {
    let arguments: [&str; 0] = [];
    hex::encode(measure(&fs::read(image).unwrap(), &arguments))
}

/// Puts a release beside each of the parties'.
fn add_releases(twin: &mut Value, measurement: &str, not_before_ms: u64) {
    let releases = twin["releases"].as_array_mut().unwrap();
    for platform in ["snp", "nitro"] {
        let of_it =
            |release: &&Value| release["role"] == "party" && release["platform"] == platform;
        let mut release = releases.iter().find(of_it).unwrap().clone();
        release["measurement"] = json!(measurement);
        release["not_before_ms"] = json!(not_before_ms);
        releases.push(release);
    }
}

/// Takes a measurement out, for good.
fn revoke(twin: &mut Value, measurement: &str) {
    let releases = twin["releases"].as_array_mut().unwrap();
    releases.retain(|release| release["measurement"] != measurement);
    let revoked = twin["revoked"]["measurements"].as_array_mut().unwrap();
    revoked.push(json!(measurement));
}

/// Has a host start another image from now on.
fn put_in_place(bench: &Bench, party: PartyIndex, image: &Path) {
    let file = bench.layout().machine(party, "host.toml");
    let text = fs::read_to_string(&file).unwrap();
    let lines = text
        .lines()
        .map(|line| match line.starts_with("command = ") {
            true => format!("command = {:?}", image.display().to_string()),
            false => line.to_owned(),
        });
    let lines: Vec<String> = lines.collect();
    fs::write(&file, lines.join("\n") + "\n").unwrap();
}

/// Code that the manifest does not admit gets no key, and its evidence is not taken by anybody.
fn check_refused(bench: &Bench, image: &Path, expected: &[&str]) {
    let (evidence, release) = block_in_place(|| {
        let mut puppet = Puppet::start(&bench.network, ODD, image).unwrap();
        let evidence = puppet.evidence().unwrap();
        (evidence, puppet.ask_custodian().unwrap())
    });

    let refusal = Refusal::EvidenceRefused;
    assert_eq!(release, ReleaseAnswer::Refused { refusal });
    let Some(JudgeError::Refused { reasons, .. }) = judge(bench, &evidence) else {
        panic!("the evidence is accepted");
    };
    assert_eq!(reasons, expected);
}

/// Good code under the version before gets no key either, though sessions may still name that.
fn check_older_manifest(bench: &Bench, image: &Path) {
    let [file, older] = ["manifest.cbor", "manifest-2.cbor"].map(|name| bench.layout().path(name));
    let good = fs::read(&file).unwrap();
    fs::copy(older, &file).unwrap();
    let puppet = Puppet::start(&bench.network, ODD, image);
    fs::write(&file, good).unwrap();
    let (evidence, release) = block_in_place(|| {
        let mut puppet = puppet.unwrap();
        let evidence = puppet.evidence().unwrap();
        (evidence, puppet.ask_custodian().unwrap())
    });

    let refusal = Refusal::WrongNetwork;
    assert_eq!(release, ReleaseAnswer::Refused { refusal });
    assert_eq!(judge(bench, &evidence), None);
}

/// A custodian that is given the version before does not start; with the newest it does.
async fn check_no_way_back(bench: &mut Bench) {
    let [file, older] = ["manifest.cbor", "manifest-2.cbor"].map(|name| bench.layout().path(name));
    let good = fs::read(&file).unwrap();
    bench.network.process("custodian-1").unwrap().stop();

    fs::copy(older, &file).unwrap();
    let refused = bench.network.start_custodian(ODD).unwrap_err().to_string();
    fs::write(&file, good).unwrap();

    assert!(refused.contains("custodian-1 ended"), "{refused}");
    let reason = "manifest version 2 came after version 3 was served under";
    bench.wait_for_log("custodian-1", reason).await;
    bench.network.start_custodian(ODD).unwrap();
}

/// Puts the old code back on one machine: its custodian refuses it, and the three do not form.
async fn old_code_does_not_serve(bench: &mut Bench, old: &Path) {
    drain(bench, ODD);
    put_in_place(bench, ODD, old);
    bench.network.start_host(ODD).unwrap();
    let doubts = |bench: &Bench| {
        let doubt = bench.status(ODD)["evidence_doubt"].to_string();
        doubt.contains("measurement revoked")
    };
    let until = Instant::now() + Duration::from_secs(30);
    while !doubts(bench) {
        let status = bench.status(ODD);
        assert!(Instant::now() < until, "the host has no doubt: {status}");
        sleep(Duration::from_millis(20)).await;
    }
    // As long as it takes to ask the custodian more than once.
    sleep(Duration::from_secs(3)).await;
    assert_eq!(bench.status(ODD)["phase"], "attested");
    bench.network.process("host-1").unwrap().stop();
}

/// Everybody who was enrolled is on all three disks, and is recognised.
async fn check_nobody_lost(bench: &Bench, mut done: Done) -> Done {
    println!(
        "{} payments, {} enrolments, {} calls refused",
        done.payments,
        done.customers.len(),
        done.refused.len()
    );
    assert!(
        !done.refused.is_empty(),
        "nobody came while a party was away"
    );
    for party in PartyIndex::ALL {
        assert_eq!(bench.records(party), done.customers.len());
    }
    for customer in &done.customers {
        done.shop.check_payment(bench, customer).await;
    }
    done
}

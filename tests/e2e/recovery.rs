//! Every way back of `docs/recovery.md` that a whole network can go by itself, one after the other
//! in the same network, with the time until it serves again and what was lost.

use std::fs;
use std::path::Path;
use std::process::Command;

use boop_tee::{Authority, Chip, ChipModel};
use boop_wire::PartyIndex;
use boop_world::{Layout, now_ms};
use serde_json::json;
use tokio::time::{Duration, Instant, sleep};

use crate::bench::Bench;
use crate::guide::{Guide, edit};
use crate::shop::{Customer, Shop};
use crate::tokens::{BackedUp, SOFTHSM, is_there, make_softhsm};

const PEOPLE: usize = 3;
/// The party that something is taken from.
const ROBBED: PartyIndex = PartyIndex::ALL[1];
/// The party that gets another machine; nobody else runs on the one that it had.
const MOVED: PartyIndex = PartyIndex::ALL[2];
/// Blocks of the guide, of which the first ones are a rehearsal with tokens.
const BLOCKS: usize = 10;
const REHEARSAL: usize = 7;

#[tokio::test(flavor = "multi_thread")]
async fn a_network_comes_back_by_the_guide_whatever_is_gone_and_loses_nobody() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let mut customers = Vec::new();
    for person in 0..PEOPLE as u64 {
        customers.push(shop.enrol(&bench, person).await);
    }

    let since = Instant::now();
    bench.network.process("host-1").unwrap().stop();
    bench.network.start_host(ROBBED).unwrap();
    bench.network.wait_for_serving(ROBBED).unwrap();
    report(&bench, "a restart", since, (&mut shop, &customers)).await;

    let since = Instant::now();
    bench = blobs_are_gone(bench).await;
    report(&bench, "a party's blobs", since, (&mut shop, &customers)).await;
    new_shares(&bench, 0).await;

    let since = Instant::now();
    bench = machine_is_gone(bench, "another", true).await;
    let gone = "a machine, its blobs";
    report(&bench, gone, since, (&mut shop, &customers)).await;
    new_shares(&bench, 1).await;

    let since = Instant::now();
    bench = machine_is_gone(bench, "a third", false).await;
    report(&bench, "a machine alone", since, (&mut shop, &customers)).await;

    let since = Instant::now();
    bench.network.process("host-1").unwrap().stop();
    stop_custodian(&mut bench, ROBBED);
    register_is_gone(&mut bench).await;
    bench.network.start_host(ROBBED).unwrap();
    bench.network.wait_for_serving(ROBBED).unwrap();
    report(&bench, "a register", since, (&mut shop, &customers)).await;

    let since = Instant::now();
    bench = bench.start_again().await;
    report(&bench, "all machines", since, (&mut shop, &customers)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_hsm_comes_back_from_its_backup_under_the_next_manifest_and_loses_nobody() {
    hsms_are_lost("an HSM", &[ROBBED]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lost_hsms_come_back_each_from_its_own_backup_and_lose_nobody() {
    hsms_are_lost("two HSMs", &[ROBBED, MOVED]).await;
}

/// Tokens go with all that was in them, and registers with the machines. Everything comes out of
/// the backups, into tokens whose custodians have new signing keys; the next manifest names them.
async fn hsms_are_lost(gone: &str, parties: &[PartyIndex]) {
    if !is_there(Path::new(SOFTHSM)) {
        return;
    }
    let guide = Guide::read("upgrade.md", 8);
    let tokens = |layout: &Layout| {
        for party in parties {
            make_softhsm(&layout.machine(*party, ""), *party);
        }
    };
    let mut bench = Bench::start_in(tokens).await;
    let mut shop = Shop::open(&bench).await;
    let mut customers = vec![shop.enrol(&bench, 0).await];
    let mut backups = Vec::new();
    for party in parties {
        stop_custodian(&mut bench, *party);
        backups.push(BackedUp::of(&bench, *party));
        bench.network.start_custodian(*party).unwrap();
    }
    // Not in the backups: their peers have them, and so have their stores.
    for person in 1..PEOPLE as u64 {
        customers.push(shop.enrol(&bench, person).await);
    }

    let since = Instant::now();
    let mut restored = Vec::new();
    for (party, backup) in parties.iter().zip(&backups) {
        stop_custodian(&mut bench, *party);
        let machine = bench.layout().machine(*party, "");
        fs::remove_dir_all(machine.join("tokens")).unwrap();
        for file in ["token-state", "register"] {
            fs::remove_file(machine.join(file)).unwrap();
        }
        make_softhsm(&machine, *party);
        restored.push(backup.bring_back(&bench, *party, "restore"));
    }
    let net = bench.layout().root().to_owned();
    guide.run(0, &net);
    edit(&net, |twin| {
        for (party, restored) in parties.iter().zip(&restored) {
            twin["parties"][party.as_usize()]["custodian"] = restored["custodian"].clone();
        }
    });
    for block in 1..4 {
        guide.run(block, &net);
    }
    bench = bench.start_again().await;
    report(&bench, gone, since, (&mut shop, &customers)).await;
}

fn stop_custodian(bench: &mut Bench, party: PartyIndex) {
    let custodian = bench.network.process(&format!("custodian-{party}"));
    custodian.unwrap().stop();
}

/// Takes a party's blobs away, and gets them back by the guide.
async fn blobs_are_gone(mut bench: Bench) -> Bench {
    let guide = Guide::read("recovery.md", BLOCKS);
    let net = bench.layout().root().to_owned();
    bench.network.process("host-1").unwrap().stop();
    clear(&bench.layout().machine(ROBBED, "blobs"));
    bench.network.start_host(ROBBED).unwrap();
    bench.wait_for_log("host-1", "store-rolled-back").await;

    guide.run(REHEARSAL, &net);
    edit(&net, |twin| twin["parties"][1]["recoveries"] = json!(1));
    guide.run(REHEARSAL + 1, &net);
    let bench = bench.start_again().await;
    let said = guide.run(REHEARSAL + 2, &bench.layout().machine(ROBBED, ""));
    assert!(said.starts_with("party 1: serving"), "{said}");
    bench
}

/// Takes the machine away, with or without what is on its disk, and has another one in its place,
/// which the next manifest names.
async fn machine_is_gone(mut bench: Bench, name: &str, with_blobs: bool) -> Bench {
    let guide = Guide::read("recovery.md", BLOCKS);
    let net = bench.layout().root().to_owned();
    for process in ["host-2", "chip-2"] {
        bench.network.process(process).unwrap().stop();
    }
    if with_blobs {
        clear(&bench.layout().machine(MOVED, "blobs"));
    }
    let folder = bench.layout().machine(MOVED, "chip");
    let before = Chip::load(&folder).unwrap().machine_id();
    fs::remove_dir_all(&folder).unwrap();
    let vendor = Authority::load(bench.layout().path("vendor")).unwrap();
    let other = Chip::provision(&vendor, ChipModel::Nitro, name, now_ms()).unwrap();
    other.save(&folder).unwrap();

    // The last version's draft is in the way of this one's.
    fs::remove_file(net.join("recovery.cbor")).unwrap();
    guide.run(REHEARSAL, &net);
    edit(&net, |twin| {
        let party = &mut twin["parties"][2];
        assert_eq!(party["machine"]["chip"], json!(hex::encode(before)));
        party["machine"]["chip"] = json!(hex::encode(other.machine_id()));
        let recoveries = party["recoveries"].as_u64().unwrap();
        party["recoveries"] = json!(recoveries + u64::from(with_blobs));
    });
    guide.run(REHEARSAL + 1, &net);
    bench.start_again().await
}

/// Takes a custodian's register away: it starts again once its operator has begun an empty one.
async fn register_is_gone(bench: &mut Bench) {
    fs::remove_file(bench.layout().machine(ROBBED, "register")).unwrap();
    assert!(bench.network.start_custodian(ROBBED).is_err());
    bench
        .wait_for_log("custodian-1", "there is no register")
        .await;
    let custodian = bench.network.provisioned().binaries.path("boop-custodian");
    let begun = Command::new(custodian)
        .args(["new-register", "--config", "custodian.toml"])
        .current_dir(bench.layout().machine(ROBBED, ""))
        .output()
        .unwrap();
    assert!(begun.status.success(), "{begun:?}");
    bench.network.start_custodian(ROBBED).unwrap();
}

/// Waits for the refresh that follows: no blob of this epoch is left anywhere.
async fn new_shares(bench: &Bench, epoch: u64) {
    let until = Instant::now() + Duration::from_secs(60);
    for party in PartyIndex::ALL {
        let head = bench
            .layout()
            .machine(party, "blobs")
            .join(format!("{:016x}", epoch << 32));
        while head.exists() {
            assert!(Instant::now() < until, "party {party} keeps the old epoch");
            sleep(Duration::from_millis(50)).await;
        }
    }
    bench.wait_ready().await;
}

/// Prints how long it took, and checks that everybody is there.
async fn report(bench: &Bench, gone: &str, since: Instant, people: (&mut Shop, &[Customer])) {
    bench.wait_ready().await;
    let seconds = since.elapsed().as_secs_f64();
    let (shop, customers) = people;
    shop.admin = bench.admin().await;
    shop.reconnect(bench).await;
    for customer in customers {
        shop.check_payment(bench, customer).await;
    }
    let lost = PartyIndex::ALL.map(|party| PEOPLE - bench.records(party).min(PEOPLE));
    println!("{gone:>20}: back in {seconds:5.1} s, records lost {lost:?}");
    assert_eq!(lost, [0; 3]);
}

fn clear(folder: &Path) {
    for file in fs::read_dir(folder).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
}

//! Parties that are replaced one by one while people come: nobody is lost, and calls are refused
//! as `draining` alone [LIF-2].

use std::process::Command;

use boop_wire::PartyIndex;
use tokio::time::Instant;

use crate::bench::Bench;
use crate::load::{Done, Load};

/// Payments before each party leaves, and enrolments among them.
const SERVED_BETWEEN: u64 = 5;

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

/// Everybody who was enrolled is on all three disks, and is recognised.
async fn check_nobody_lost(bench: &Bench, done: Done) {
    let Done {
        mut shop,
        payments,
        customers,
        refused,
    } = done;
    println!(
        "{payments} payments, {} enrolments, {} calls refused",
        customers.len(),
        refused.len()
    );
    assert!(!refused.is_empty(), "nobody came while a party was away");
    for party in PartyIndex::ALL {
        assert_eq!(bench.records(party), customers.len());
    }
    for customer in &customers {
        shop.check_payment(bench, customer).await;
    }
}

//! One party's host brings back an old store: the party notices, and the network does not serve.

use std::fs;
use std::path::Path;
use std::time::Duration;

use boop_wire::PartyIndex;
use tokio::time::{Instant, sleep};

use crate::bench::Bench;
use crate::shop::Shop;

/// How long a custodian may take to put a head on record.
const PATIENCE: Duration = Duration::from_secs(20);
/// The party whose host cheats.
const CHEATED: PartyIndex = PartyIndex::ALL[1];

#[tokio::test(flavor = "multi_thread")]
async fn a_store_two_records_behind_keeps_the_network_from_serving_until_it_is_right() {
    roll_back(2).await;
}

/// One record is what a crash could leave behind, were it not confirmed by all three and on record.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_one_record_behind_keeps_the_network_from_serving_until_it_is_right() {
    roll_back(1).await;
}

/// Brings back party 1's store as it was `behind` records ago, and later the right one.
async fn roll_back(behind: u64) {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let mut customers = Vec::new();
    for person in 0..3 - behind {
        customers.push(shop.enrol(&bench, person).await);
    }
    let blobs = bench.layout().machine(CHEATED, "blobs");
    let (old, right) = (bench.folder().join("old"), bench.folder().join("right"));
    copy(&blobs, &old);
    for person in 3 - behind..3 {
        customers.push(shop.enrol(&bench, person).await);
    }

    on_record(&bench, 3).await;
    bench.network.process("host-1").unwrap().stop();
    copy(&blobs, &right);
    put(&old, &blobs);
    bench.network.start_host(CHEATED).unwrap();

    // Its custodian has the newer head on record [KEY-7].
    bench.wait_for_log("host-1", "store-rolled-back").await;
    let mut serving = 0;
    for _ in 0..30 {
        serving += u32::from(bench.all_serve());
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        serving, 0,
        "the network serves with a store that was rolled back"
    );
    let left = usize::try_from(3 - behind).unwrap();
    for (party, records) in PartyIndex::ALL.into_iter().zip([3, left, 3]) {
        assert_eq!(bench.records(party), records, "party {party}");
    }
    // Nobody can seal a palm for a party that is not there. Its host starts it again and again, and
    // until it has read its store it is there for a moment.
    let until = Instant::now() + PATIENCE;
    let error = loop {
        match bench.try_view().await {
            Err(error) => break error,
            Ok(_) => assert!(Instant::now() < until, "the party stays"),
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert!(
        format!("{error:?}").contains("party-unavailable"),
        "{error:?}"
    );

    bench.network.process("host-1").unwrap().stop();
    put(&right, &blobs);
    bench.network.start_host(CHEATED).unwrap();
    for party in PartyIndex::ALL {
        bench.network.wait_for_serving(party).unwrap();
    }
    bench.wait_ready().await;
    for customer in &customers {
        shop.check_payment(&bench, customer).await;
    }
}

/// Waits until the custodian of the cheated party has so many records on record.
async fn on_record(bench: &Bench, records: u64) {
    let audit = bench.layout().machine(CHEATED, "audit.jsonl");
    let line = format!(r#""version":{records},"#);
    let until = Instant::now() + PATIENCE;
    while !fs::read_to_string(&audit).unwrap().contains(&line) {
        assert!(
            Instant::now() < until,
            "{records} records are not on record"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Makes `to` hold what `from` holds and nothing else.
fn put(from: &Path, to: &Path) {
    for file in fs::read_dir(to).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    copy(from, to);
}

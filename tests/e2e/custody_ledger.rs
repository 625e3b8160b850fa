//! What custodians do is in the public log first: without the ledger no key is released, and the
//! log gives away a custodian whose files were put back to yesterday [KEY-8].

use std::fs;
use std::path::Path;
use std::time::Duration;

use boop_wire::PartyIndex;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::shop::Shop;

/// Whose custodian it is about.
const PARTY: PartyIndex = PartyIndex::ALL[1];
/// What a custodian of a token in a file keeps.
const FILES: [&str; 2] = ["token", "register"];

#[tokio::test(flavor = "multi_thread")]
async fn a_custodian_put_back_to_yesterday_releases_no_key_until_its_newest_files_are_back() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let custodian = bench.layout().machine(PARTY, "");
    let [yesterday, newest] = ["yesterday", "newest"].map(|name| bench.folder().join(name));
    copy(&custodian, &yesterday);
    let starts = bench.kill_party(PARTY);
    bench.wait_recovered(PARTY, starts).await;

    bench.network.process("custodian-1").unwrap().stop();
    copy(&custodian, &newest);
    copy(&yesterday, &custodian);
    bench.network.start_custodian(PARTY).unwrap();
    bench.kill_party(PARTY);

    // Its next lease was given to another instance already.
    bench
        .wait_for_log("custodian-1", r#""refusal":"custodian-behind""#)
        .await;
    for _ in 0..20 {
        assert!(!bench.all_serve(), "a lease was given twice");
        sleep(Duration::from_millis(100)).await;
    }
    // It goes on with these files never again.
    bench.network.process("custodian-1").unwrap().stop();
    assert!(bench.network.start_custodian(PARTY).is_err());

    copy(&newest, &custodian);
    fs::remove_file(custodian.join("register.behind")).unwrap();
    bench.network.start_custodian(PARTY).unwrap();
    bench.network.wait_for_serving(PARTY).unwrap();
    bench.wait_ready().await;
    shop.check_payment(&bench, &customer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_released_while_the_ledger_is_away() {
    let mut bench = Bench::start().await;
    let before = released(&bench);

    bench.network.process("ledger").unwrap().kill();
    let starts = bench.kill_party(PARTY);
    bench
        .wait_for_log("custodian-1", r#""refusal":"ledger-unavailable""#)
        .await;
    assert_eq!(released(&bench), before);
    assert!(!bench.all_serve(), "a party serves with no key");

    bench.network.restart_member("ledger").unwrap();
    bench.wait_recovered(PARTY, starts).await;
}

/// Counts the keys that were released, by the custodian's own record.
fn released(bench: &Bench) -> usize {
    let audit = fs::read_to_string(bench.layout().machine(PARTY, "audit.jsonl")).unwrap();
    audit.matches(r#""event":"released""#).count()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in FILES {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

//! Keys are replaced by `docs/rotation.md`, one kind after the other, while people pay: whoever was
//! enrolled is known afterwards.

use std::fs;
use std::path::Path;

use boop_channel::Judged;
use boop_wire::PartyIndex;
use boop_world::Layout;

use crate::bench::Bench;
use crate::guide::Guide;
use crate::shop::Shop;
use crate::tokens::{SOFTHSM, is_there, make_softhsm};

const PEOPLE: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_replaced_by_the_guide_and_everybody_is_known_afterwards() {
    if !is_there(Path::new(SOFTHSM)) {
        return;
    }
    let guide = Guide::read("rotation.md", 6);
    let [zero, one, two] = PartyIndex::ALL;
    let token = |layout: &Layout| make_softhsm(&layout.machine(one, ""), one);
    let mut bench = Bench::start_in(token).await;
    let mut shop = Shop::open(&bench).await;
    let mut customers = Vec::new();
    for person in 0..PEOPLE {
        customers.push(shop.enrol(&bench, person).await);
    }

    // The party serves on while its custodian is away.
    bench.network.process("custodian-1").unwrap().stop();
    let said = guide.run(0, &bench.layout().machine(one, ""));
    assert!(said.contains("under new key-encryption keys: 1"), "{said}");
    shop.check_payment(&bench, &customers[0]).await;
    bench.network.start_custodian(one).unwrap();

    let said = guide.run(1, &bench.layout().machine(zero, ""));
    assert!(
        said.ends_with("epoch 1 is served, and the old one is gone\n"),
        "{said}"
    );
    bench.wait_ready().await;
    shop.check_payment(&bench, &customers[1]).await;

    let keys = |parties: [Judged; 3]| parties[2].binding.keys.clone();
    let before = keys(bench.view().await.parties);
    guide.run(2, &bench.layout().machine(two, ""));
    bench.network.start_host(two).unwrap();
    bench.network.wait_for_serving(two).unwrap();
    bench.wait_ready().await;
    let after = keys(bench.view().await.parties);
    assert!(before.identity != after.identity && before.hpke != after.hpke);
    assert_ne!(before.tls_spki, after.tls_spki);

    for customer in &customers {
        shop.check_payment(&bench, customer).await;
    }
    for party in PartyIndex::ALL {
        let audit = fs::read_to_string(bench.layout().machine(party, "audit.jsonl")).unwrap();
        assert_eq!(
            audit.matches(r#""event":"retired""#).count(),
            1,
            "party {party}"
        );
    }
}

//! The attacks of the demonstration, on a network of this test's own.

use boop_world::refusals;
use boop_world::{Till, visitor};

use crate::bench::{Bench, SEED};
use crate::shop::CURRENCY;

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_refused_and_every_control_succeeds() {
    let bench = Bench::start().await;
    let mut admin = bench.admin().await;
    let mut till = Till::open(&bench.client, &bench.gateway, &mut admin, "cafe")
        .await
        .unwrap();
    let victim = visitor(SEED, 0).unwrap();
    let receipt = till.enrol(&victim.enrolment).await.unwrap();
    let currency = boop_wire::ledger::Currency::new(CURRENCY).unwrap();
    admin.credit(receipt.user, 5_000, currency).await.unwrap();

    let attacks = refusals::attacks(&bench.network, &mut till, SEED)
        .await
        .unwrap();

    assert!(attacks.len() >= 9, "only {} attacks", attacks.len());
    for attack in attacks {
        assert!(attack.refused, "not refused: {}", attack.name);
        assert!(attack.control, "the control failed: {}", attack.name);
    }
}

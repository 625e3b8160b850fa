//! Many palms, and many people at once.

use boop_sdk::AdminClient;
use boop_wire::PartyIndex;
use boop_wire::UserId;
use boop_wire::job::pairwise_id;
use boop_wire::ledger::Currency;
use boop_world::{Till, Visitor, crowd, visitor};
use tokio::task::JoinSet;

use crate::bench::{Bench, SEED};
use crate::shop::{CURRENCY, Shop};

/// People who were never at a scanner.
const CROWD: usize = 40;
/// Tills that ask at the same time.
const TILLS: u64 = 4;
/// Payments at each of them.
const PAYMENTS: usize = 3;
/// People who enrol meanwhile.
const NEWCOMERS: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_searched_like_everybody_and_prepared_before_the_parties_serve() {
    let settle = |layout: &_| crowd::settle(layout, CROWD, SEED, &|| ()).unwrap();
    let mut bench = Bench::start_after(settle).await;
    let prepared = format!("{CROWD} of {CROWD} records");
    for party in PartyIndex::ALL {
        assert_eq!(bench.records(party), CROWD);
        bench
            .wait_for_log(&format!("host-{party}"), &prepared)
            .await;
    }
    let mut shop = Shop::open(&bench).await;

    let customer = shop.enrol(&bench, 0).await;
    shop.check_payment(&bench, &customer).await;

    let searched = format!("{} templates", CROWD + 1);
    bench.wait_for_log("host-0", &searched).await;
    let starts = bench.kill_party(PartyIndex::ALL[1]);
    bench.wait_recovered(PartyIndex::ALL[1], starts).await;
    shop.check_payment(&bench, &customer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_pay_and_enrol_at_the_same_time_are_each_known_as_themselves() {
    let bench = Bench::start().await;
    let mut admin = bench.admin().await;
    let people: Vec<Visitor> = (0..TILLS + NEWCOMERS)
        .map(|n| visitor(SEED, n).unwrap())
        .collect();
    let mut paying = JoinSet::new();
    for person in people.iter().take(usize::try_from(TILLS).unwrap()) {
        let name = format!("shop{}", person.index);
        let (client, gateway) = (&bench.client, &bench.gateway);
        let mut till = Till::open(client, gateway, &mut admin, &name)
            .await
            .unwrap();
        let user = enrol(&mut admin, &mut till, person).await;
        let person = person.clone();
        paying.spawn(async move {
            for _ in 0..PAYMENTS {
                check(&mut till, &person, user).await;
            }
        });
    }

    let (client, gateway) = (&bench.client, &bench.gateway);
    let mut till = Till::open(client, gateway, &mut admin, "door")
        .await
        .unwrap();
    let newcomers = people.iter().skip(usize::try_from(TILLS).unwrap());
    for person in newcomers {
        let user = enrol(&mut admin, &mut till, person).await;
        // Whoever is enrolled is known from that moment on.
        check(&mut till, person, user).await;
    }
    while let Some(paid) = paying.join_next().await {
        paid.unwrap();
    }

    for party in PartyIndex::ALL {
        assert_eq!(bench.records(party), people.len());
    }
}

async fn enrol(admin: &mut AdminClient, till: &mut Till, person: &Visitor) -> UserId {
    let user = till.enrol(&person.enrolment).await.unwrap().user;
    let currency = Currency::new(CURRENCY).unwrap();
    admin.credit(user, 100, currency).await.unwrap();
    user
}

/// Has a person pay, and checks who the parties signed that it is.
async fn check(till: &mut Till, person: &Visitor, user: UserId) {
    let visit = till.pay(&person.probe, 1).await.unwrap();
    let known = pairwise_id(user, &till.vendor_id);
    assert_eq!((visit.user, visit.result.result.code), (Some(known), None));
}

//! The tills of the benchmark, and the people who show them their palms.

use anyhow::{Context, bail, ensure};
use boop_sdk::AdminClient;
use boop_wire::UserId;
use boop_wire::job::pairwise_id;
use boop_wire::ledger::Currency;
use tokio::task::JoinSet;

use crate::clients::client_trust;
use crate::network::Network;
use crate::people::{Visitor, another_capture};
use crate::till::{CURRENCY, Till, Visit};

use super::report::Times;

/// What everybody has on the account, in cents.
const CREDIT: u64 = 1_000_000;
/// What is paid, in cents.
const PRICE: u64 = 1;
/// What a vendor hears of a palm that matches nobody.
const NOT_FOUND: &str = "user-not-found";

/// Tills of vendors of their own, with a scanner each.
pub(super) struct Tills {
    admin: AdminClient,
    tills: Vec<Till>,
    seed: u64,
    users: Vec<UserId>,
}

impl Tills {
    /// Opens so many tills.
    pub(super) async fn open(network: &Network, seed: u64, count: usize) -> anyhow::Result<Self> {
        let (admin, tills) = open(network, "shop", count).await?;
        Ok(Self {
            admin,
            tills,
            seed,
            users: Vec::new(),
        })
    }

    /// Opens as many others instead: the gateway gives up a till that is idle for long.
    pub(super) async fn open_anew(&mut self, network: &Network) -> anyhow::Result<()> {
        (self.admin, self.tills) = open(network, "branch", self.tills.len()).await?;
        Ok(())
    }

    /// Enrols people at the first till; returns how long each took, in microseconds.
    #[expect(clippy::disallowed_methods, reason = "measures real time")]
    pub(super) async fn enrol(&mut self, people: &[Visitor]) -> anyhow::Result<Vec<u64>> {
        let currency = Currency::new(CURRENCY).context("the currency")?;
        let mut times = Vec::with_capacity(people.len());
        for person in people {
            let start = std::time::Instant::now();
            let receipt = self.first()?.enrol(&person.enrolment).await;
            let receipt = receipt.with_context(|| format!("enrolling person {}", person.index))?;
            times.push(u64::try_from(start.elapsed().as_micros())?);
            self.admin.credit(receipt.user, CREDIT, currency).await?;
            self.users.push(receipt.user);
        }
        Ok(times)
    }

    /// Has strangers show their palms; returns how many were told that nobody knows them.
    pub(super) async fn turn_away(&mut self, strangers: &[Visitor]) -> anyhow::Result<usize> {
        let mut turned_away = 0;
        for stranger in strangers {
            let visit = self.first()?.pay(&stranger.probe, PRICE).await?;
            turned_away += usize::from(visit.user.is_none() && not_found(&visit));
        }
        Ok(turned_away)
    }

    /// Has people pay at the first till, one after another.
    pub(super) async fn one_at_a_time(
        &mut self,
        people: &[Visitor],
        searches: usize,
    ) -> anyhow::Result<Times> {
        let (seed, users) = (self.seed, self.users.clone());
        let till = self.first()?;
        let mut times = Times::default();
        for (person, user) in people.iter().zip(users).cycle().take(searches) {
            recognise(till, seed, person, user, &mut times).await?;
        }
        Ok(times)
    }

    /// Has people pay at all tills at the same time.
    pub(super) async fn all_at_once(
        &mut self,
        people: &[Visitor],
        searches: usize,
    ) -> anyhow::Result<Times> {
        let mut running = JoinSet::new();
        for (number, mut till) in self.tills.drain(..).enumerate() {
            let (seed, users, people) = (self.seed, self.users.clone(), people.to_vec());
            running.spawn(async move {
                let mut times = Times::default();
                // Two people at each till, others than at the next.
                let queue = people
                    .iter()
                    .zip(users)
                    .skip(2 * number % people.len())
                    .take(2);
                for (person, user) in queue.cycle().take(searches) {
                    recognise(&mut till, seed, person, user, &mut times).await?;
                }
                Ok::<_, anyhow::Error>((till, times))
            });
        }
        let mut all = Times::default();
        while let Some(finished) = running.join_next().await {
            let (till, times) = finished??;
            self.tills.push(till);
            all.append(times);
        }
        Ok(all)
    }

    fn first(&mut self) -> anyhow::Result<&mut Till> {
        self.tills.first_mut().context("there is a till")
    }
}

/// Has a person pay, at the second capture if need be, and checks who was recognised.
async fn recognise(
    till: &mut Till,
    seed: u64,
    person: &Visitor,
    user: UserId,
    times: &mut Times,
) -> anyhow::Result<()> {
    let mut visit = till.pay(&person.probe, PRICE).await?;
    times.note(person.extract_us, &visit);
    if not_found(&visit) {
        let again = another_capture(seed, person.index)?;
        times.captured_again += 1;
        visit = till.pay(&again, PRICE).await?;
        times.note(person.extract_us, &visit);
    }
    let index = person.index;
    let Some(found) = visit.user else {
        let code = visit.result.result.code.unwrap_or_default();
        bail!("person {index} is enrolled and was not recognised: {code}");
    };
    let expected = pairwise_id(user, &till.vendor_id);
    ensure!(found == expected, "person {index} was taken for another");
    ensure!(visit.result.result.success, "person {index} did not pay");
    times.recognised += 1;
    Ok(())
}

fn not_found(visit: &Visit) -> bool {
    visit.result.result.code.as_deref() == Some(NOT_FOUND)
}

async fn open(
    network: &Network,
    name: &str,
    count: usize,
) -> anyhow::Result<(AdminClient, Vec<Till>)> {
    let (client, gateway) = client_trust(network)?;
    let token = std::fs::read_to_string(network.provisioned().layout.path("admin-token"))?;
    let mut admin = AdminClient::connect(&client, &gateway, token.trim()).await?;
    let mut tills = Vec::with_capacity(count);
    for number in 0..count {
        let name = format!("{name}{number}");
        tills.push(Till::open(&client, &gateway, &mut admin, &name).await?);
    }
    Ok((admin, tills))
}

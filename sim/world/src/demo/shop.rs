//! The ordinary part of a demonstration: people enrol, pay, and are turned away where they must.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use boop_channel::Trust;
use boop_sdk::{AdminClient, Connection, verify_auth_receipt, verify_enrol_receipt};
use boop_wire::UserId;
use boop_wire::api::{AuthReceipt, EnrolReceipt};
use boop_wire::binding::PlatformKind;
use boop_wire::codec::to_canonical;
use boop_wire::job::pairwise_id;
use boop_wire::ledger::Currency;

use super::figures::{Figures, PartyFigures, Stage};
use super::progress;
use crate::clients::client_trust;
use crate::network::Network;
use crate::people::{Visitor, another_capture, returning_visitor, visitors};
use crate::till::{CURRENCY, Till, Visit, refusal_code};

/// What everybody has on the account, in cents.
const CREDIT: u64 = 5_000;
/// What a coffee costs, in cents.
const PRICE: u64 = 420;
/// More than anybody has.
const TOO_MUCH: u64 = 1_000_000;
/// What a vendor hears of a palm that matches nobody.
const NOT_FOUND: &str = "user-not-found";
/// Numbers of people who never enrol.
const STRANGERS_FROM: u64 = 1_000_000;

/// A shop full of people.
pub(super) struct Shop {
    trust: Trust,
    admin: AdminClient,
    till: Till,
    seed: u64,
    receipts: PathBuf,
    customers: Vec<(Visitor, UserId)>,
    enrolments: Vec<EnrolReceipt>,
    payments: Vec<AuthReceipt>,
    times: BTreeMap<&'static str, Vec<u64>>,
    figures: Figures,
}

impl Shop {
    pub(super) async fn open(network: &Network, seed: u64) -> anyhow::Result<Self> {
        let (client, gateway) = client_trust(network)?;
        let layout = &network.provisioned().layout;
        let token = std::fs::read_to_string(layout.path("admin-token"))?;
        let mut admin = AdminClient::connect(&client, &gateway, token.trim()).await?;
        let till = Till::open(&client, &gateway, &mut admin, "cafe").await?;
        let mut connection = Connection::open(&client, &gateway).await?;
        let view = connection.network().await?;
        let mut figures = Figures::default();
        for (index, party) in (0_u8..).zip(&view.parties) {
            let manifest = view.trust.manifest().manifest();
            let entry = &manifest.parties[usize::from(index)];
            let platform = match party.binding.platform {
                PlatformKind::Snp => "SEV-SNP",
                PlatformKind::Nitro => "Nitro",
            };
            let measurement = party
                .verdict
                .facts
                .as_ref()
                .and_then(|facts| facts.measurement);
            let simulated = party.verdict.simulated;
            figures.simulated |= simulated;
            figures.parties.push(PartyFigures {
                index,
                operator: entry.operator.clone(),
                platform: platform.to_owned(),
                measurement: measurement.map(hex::encode).unwrap_or_default(),
                verdict: match simulated {
                    true => "accepted (simulated hardware)".to_owned(),
                    false => "accepted".to_owned(),
                },
            });
        }
        let receipts = layout.path("receipts");
        std::fs::create_dir_all(&receipts)?;
        Ok(Self {
            trust: view.trust,
            admin,
            till,
            seed,
            receipts,
            customers: Vec::new(),
            enrolments: Vec::new(),
            payments: Vec::new(),
            times: BTreeMap::new(),
            figures,
        })
    }

    pub(super) async fn enrol_everyone(&mut self, people: usize) -> anyhow::Result<()> {
        println!("\n2. Enrolling {people} people: three captures each, fused, split, sealed");
        let bar = progress(people, "enrolling");
        let currency = Currency::new(CURRENCY).context("the currency")?;
        for visitor in visitors(self.seed, (0..people as u64).collect()) {
            let visitor = tokio::task::block_in_place(|| visitor)?;
            let receipt = self
                .till
                .enrol(&visitor.enrolment)
                .await
                .with_context(|| format!("enrolling person {}", visitor.index))?;
            self.admin.credit(receipt.user, CREDIT, currency).await?;
            self.customers.push((visitor, receipt.user));
            self.enrolments.push(receipt);
            bar.inc(1);
        }
        bar.finish_and_clear();
        self.figures.people = self.customers.len();
        println!("   {people} enrolled; each party holds one share of each palm");
        Ok(())
    }

    pub(super) async fn take_payments(&mut self) -> anyhow::Result<()> {
        println!("\n3. Payments: everybody buys a coffee with a palm");
        let bar = progress(self.customers.len(), "paying");
        let customers = std::mem::take(&mut self.customers);
        for (visitor, user) in &customers {
            let (visit, captures) = self.show_palm(visitor).await?;
            let expected = pairwise_id(*user, &self.till.vendor_id);
            self.figures.genuine_attempts += 1;
            match visit.user {
                Some(found) if found == expected && visit.result.result.success => {
                    self.figures.identified += 1;
                    self.figures.identified_at_second_capture += captures - 1;
                    self.note("capture to code, on the scanner", visitor.extract_us);
                    if let Some(timing) = visit.result.result.timing {
                        let network = visit.elapsed_us.saturating_sub(timing.total_us);
                        self.note("seal, send, check the receipt", network);
                        self.note("match by three parties", timing.match_us);
                        self.note("ledger: two entries, two receipts", timing.ledger_us);
                    }
                    self.note("palm shown to result", visit.elapsed_us);
                }
                Some(found) if found != expected => self.figures.false_matches += 1,
                Some(_) | None => {}
            }
            if let Some((receipt, _)) = visit.result.receipt {
                self.keep(receipt)?;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        self.customers = customers;
        let (identified, attempts) = (self.figures.identified, self.figures.genuine_attempts);
        println!("   {identified} of {attempts} recognised and paid");
        Ok(())
    }

    /// Shows a palm, and once more with a fresh capture if it was not recognised, as a customer
    /// at a till would. Returns the last visit and how many captures it took.
    async fn show_palm(&mut self, visitor: &Visitor) -> anyhow::Result<(Visit, usize)> {
        let visit = self.till.pay(&visitor.probe, PRICE).await?;
        if visit.result.result.code.as_deref() != Some(NOT_FOUND) {
            return Ok((visit, 1));
        }
        let again = another_capture(self.seed, visitor.index)?;
        Ok((self.till.pay(&again, PRICE).await?, 2))
    }

    pub(super) async fn turn_strangers_away(&mut self) -> anyhow::Result<()> {
        let count = (self.figures.people / 10).max(3) as u64;
        for stranger in visitors(
            self.seed,
            (STRANGERS_FROM..STRANGERS_FROM + count).collect(),
        ) {
            let stranger = tokio::task::block_in_place(|| stranger)?;
            let (visit, _) = self.show_palm(&stranger).await?;
            self.figures.unknown_attempts += 1;
            if visit.user.is_some() {
                self.figures.false_matches += 1;
            } else if visit.result.result.code.as_deref() == Some(NOT_FOUND) {
                self.figures.unknown_rejected += 1;
            }
        }
        println!("   {} strangers turned away", self.figures.unknown_rejected);
        Ok(())
    }

    pub(super) async fn refuse_second_enrolments(&mut self) -> anyhow::Result<()> {
        let count = (self.figures.people / 20).clamp(1, 10);
        for index in 0..count as u64 {
            let again = returning_visitor(self.seed, index)?;
            self.figures.duplicate_attempts += 1;
            match self.till.enrol(&again.enrolment).await {
                Ok(_) => {}
                Err(error) => match refusal_code(&error).as_deref() {
                    Some("user-exists") => self.figures.duplicates_refused += 1,
                    Some(_) | None => return Err(error),
                },
            }
        }
        println!(
            "   {} second enrolments refused",
            self.figures.duplicates_refused
        );
        Ok(())
    }

    pub(super) async fn refuse_empty_accounts(&mut self) -> anyhow::Result<()> {
        let count = self.customers.len().min(3);
        let currency = Currency::new(CURRENCY).context("the currency")?;
        debug_assert_eq!(currency.as_str(), CURRENCY);
        for index in 0..count {
            let (visitor, user) = self.customers[index].clone();
            let before = self.admin.balance(user).await?;
            let visit = self.till.pay(&visitor.probe, TOO_MUCH).await?;
            let after = self.admin.balance(user).await?;
            self.figures.insufficient_funds_attempts += 1;
            let refused = visit.result.result.code.as_deref() == Some("insufficient-funds");
            if refused && before == after && !visit.result.result.success {
                self.figures.insufficient_funds_refused += 1;
            }
        }
        let refused = self.figures.insufficient_funds_refused;
        println!("   {refused} payments refused for want of funds, nothing moved");
        Ok(())
    }

    /// Checks every receipt again, as an outsider would: by the receipt and the manifest alone.
    pub(super) fn check_receipts(&mut self) {
        let enrolments = self.enrolments.iter();
        let enrolments = enrolments.map(|r| verify_enrol_receipt(r, &self.trust, None).is_ok());
        let payments = self.payments.iter();
        let payments = payments.map(|r| verify_auth_receipt(r, &self.trust, None).is_ok());
        let held: Vec<bool> = enrolments.chain(payments).collect();
        self.figures.receipts_verified = held.iter().filter(|held| **held).count();
        self.figures.receipts_failed = held.len() - self.figures.receipts_verified;
        println!("   {} receipts checked again, offline", held.len());
    }

    pub(super) fn into_figures(mut self) -> (Figures, Till) {
        for name in [
            "capture to code, on the scanner",
            "seal, send, check the receipt",
            "match by three parties",
            "ledger: two entries, two receipts",
            "palm shown to result",
        ] {
            let times = self.times.remove(name).unwrap_or_default();
            let stage = Stage::new(name, &times);
            if name == "match by three parties" {
                (self.figures.match_p50_ms, self.figures.match_p99_ms) =
                    (stage.p50_ms, stage.p99_ms);
            }
            self.figures.stages.push(stage);
        }
        (self.figures, self.till)
    }

    fn note(&mut self, stage: &'static str, time_us: u64) {
        self.times.entry(stage).or_default().push(time_us);
    }

    fn keep(&mut self, receipt: AuthReceipt) -> anyhow::Result<()> {
        let number = self.payments.len() + 1;
        let file = self.receipts.join(format!("payment-{number}.receipt"));
        std::fs::write(file, to_canonical(&receipt))?;
        self.payments.push(receipt);
        Ok(())
    }
}

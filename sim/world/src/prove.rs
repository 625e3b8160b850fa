//! The claims of area `journey`, each as a program that tries to break it, with a control.

mod canary;
mod search;

use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;

use crate::clients::{client_trust, wait_until_ready};
use crate::clock::now_ms;
use crate::layout::Layout;
use crate::network::Network;
use crate::people::visitor;
use crate::provision::{Binaries, GatewayOptions, provision};
use crate::refusals;
use crate::till::Till;

/// What the claims are tried on.
#[derive(Debug, Clone)]
pub struct ProveOptions {
    /// Folder of the network's files; made anew.
    pub data: PathBuf,
    /// Where the outcome is written as JSON.
    pub json: Option<PathBuf>,
    /// Fewer people around the canary.
    pub quick: bool,
    /// What palms follow from.
    pub seed: u64,
}

/// The outcome, as `cargo xtask prove --json` writes it.
#[derive(Debug, Serialize)]
struct Report {
    area: &'static str,
    claims: Vec<Claim>,
}

/// What came of one claim.
#[derive(Debug, Serialize)]
pub(crate) struct Claim {
    /// Stable.
    pub(crate) id: String,
    /// In words.
    pub(crate) claim: String,
    /// Whether nobody broke it.
    pub(crate) held: bool,
    /// Whether the same attempt succeeds once the one check is out of the way.
    pub(crate) control: Control,
    /// What was counted.
    pub(crate) figures: serde_json::Value,
}

/// How a claim's control went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Control {
    /// Without the check the claim fails: the check is what holds it.
    FailedAsExpected,
    /// The control did not do what it must, so the claim shows nothing.
    DidNotFail,
}

impl Control {
    pub(crate) const fn new(as_expected: bool) -> Self {
        if as_expected {
            Self::FailedAsExpected
        } else {
            Self::DidNotFail
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::FailedAsExpected => "failed-as-expected",
            Self::DidNotFail => "did-not-fail",
        }
    }
}

/// Tries to break the claims and prints what came of it; true if all held and all controls
/// went as expected.
///
/// # Errors
/// If the network does not start or a claim could not be tried at all.
pub async fn journey(options: &ProveOptions) -> anyhow::Result<bool> {
    println!("trying to break the claims of area journey");
    crate::demo::make_empty(&options.data)?;
    let layout = Layout::new(options.data.canonicalize()?);
    let provisioned = provision(
        layout,
        Binaries::beside_this_program()?,
        &GatewayOptions::default(),
        now_ms(),
    )?;
    let network = Network::start(provisioned)?;
    wait_until_ready(&network).await?;
    let (client, gateway) = client_trust(&network)?;
    let token = std::fs::read_to_string(network.provisioned().layout.path("admin-token"))?;
    let mut admin = boop_sdk::AdminClient::connect(&client, &gateway, token.trim()).await?;
    let mut till = Till::open(&client, &gateway, &mut admin, "shop").await?;
    let euro = boop_wire::ledger::Currency::new("EUR").context("the currency")?;
    for index in 0..if options.quick { 2 } else { 20 } {
        let palm = visitor(options.seed, index)?;
        let receipt = till.enrol(&palm.enrolment).await?;
        admin.credit(receipt.user, 10_000, euro).await?;
    }
    let mut claims = vec![canary::claim(&network, &mut till, options.seed).await?];
    for attack in refusals::attacks(&network, &mut till, options.seed).await? {
        claims.push(Claim {
            id: identifier(attack.name),
            claim: format!("refused: {}", attack.name),
            held: attack.refused,
            control: Control::new(attack.control),
            figures: serde_json::json!({}),
        });
    }
    network.stop();
    print(&claims);
    let all = claims
        .iter()
        .all(|c| c.held && c.control == Control::FailedAsExpected);
    if let Some(file) = &options.json {
        let report = Report {
            area: "journey",
            claims,
        };
        std::fs::write(file, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(all)
}

/// Makes a stable id of a name: its words, joined by dashes.
fn identifier(name: &str) -> String {
    let letters = name.replace('\'', "");
    let words = letters
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join("-")
}

fn print(claims: &[Claim]) {
    println!("{:<6} {:<20} claim", "held", "control");
    for claim in claims {
        let held = if claim.held { "yes" } else { "NO" };
        println!("{held:<6} {:<20} {}", claim.control.as_str(), claim.claim);
    }
}

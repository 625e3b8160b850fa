//! `boop-world scanner`: a scanner of a simulated network, with one synthetic person in front of it
//! who shows a palm for whatever is asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use boop_sdk::{
    AdminClient, ClientTrust, Connection, NetworkFile, OpenContext, PalmCapture, ScannerClient,
    ScannerError, ScannerEvent, ScannerLogin, StreamError, UserClient,
};
use boop_wire::api::{RegisterRequest, ScannerResponse};
use boop_wire::job::ContextKind;
use boop_wire::ledger::Currency;
use boop_wire::{Refusal, UserId};
use clap::Args;
use zeroize::Zeroizing;

use crate::people::visitor;

/// How long an enrolment may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the stream is waited on at a time.
const WAIT: Duration = Duration::from_secs(600);

/// Which scanner, and who stands in front of it.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ScannerOptions {
    /// The network's file for clients; the network must be simulated.
    #[arg(long, value_name = "FILE")]
    pub network: PathBuf,
    /// Who the scanner is: what `POST /api/v1/admin/scanners` answered.
    #[arg(long, value_name = "FILE")]
    pub login: PathBuf,
    /// The number of the synthetic person who shows a palm.
    #[arg(long, default_value_t = 0)]
    pub person: u64,
    /// What palms follow from; the same seed gives the same people.
    #[arg(long, default_value_t = 2026)]
    pub seed: u64,
    /// First registers a user and enrols the person's palm; a network takes a palm once.
    #[arg(long)]
    pub enrol: bool,
    /// Puts this much on the new user's account, in the currency's smallest unit.
    #[arg(long, value_name = "AMOUNT", requires_all = ["enrol", "admin_token_file"])]
    pub credit: Option<u64>,
    /// Currency of the credit.
    #[arg(long, default_value = "EUR")]
    pub currency: String,
    /// File with the token of the network's administrator, who may credit accounts.
    #[arg(long, value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// Ends after a palm was shown for so many contexts; 0 does not end.
    #[arg(long, default_value_t = 0)]
    pub visits: u64,
}

/// Runs the scanner. It prints `ready` once it listens, and a line for each context.
///
/// # Errors
/// If the network is not simulated, the login is not good, or the palm cannot be enrolled.
pub async fn run(options: &ScannerOptions) -> anyhow::Result<()> {
    let login = read_login(&options.login)?;
    let (trust, gateway) = simulated(&options.network).await?;
    let visitor = visitor(options.seed, options.person)?;
    let mut scanner = ScannerClient::connect(&trust, &gateway, &login)
        .await
        .context("the scanner cannot log in")?;
    if options.enrol {
        let user = enrol(&mut scanner, &trust, &gateway, &visitor.enrolment)
            .await
            .with_context(|| format!("person {} is not enrolled", options.person))?;
        credit(options, &trust, &gateway, user).await?;
        println!("user {user}");
    }
    println!("ready");
    serve(&mut scanner, &visitor.probe, options.visits).await
}

/// Reads who the scanner is.
fn read_login(file: &Path) -> anyhow::Result<ScannerLogin> {
    let text = read(file)?;
    let ScannerResponse {
        scanner_id,
        scanner_key,
    } = serde_json::from_str(&text).with_context(|| {
        let file = file.display();
        format!("{file} is not what POST /api/v1/admin/scanners answered")
    })?;
    let scanner_key = Zeroizing::new(scanner_key);
    Ok(ScannerLogin {
        scanner_id,
        scanner_key,
    })
}

fn read(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Zeroizing::new(text))
}

/// Returns what a client of a simulated network believes, and its gateway's address; palms that
/// nobody has are of no use in any other.
async fn simulated(file: &Path) -> anyhow::Result<(ClientTrust, String)> {
    let settings = NetworkFile::load(file)?;
    let named = file.display();
    ensure!(
        settings.danger_simulated.is_some(),
        "{named} names no simulated hardware; this scanner serves simulated networks alone"
    );
    let trust = settings.trust(true)?;
    let mut connection = Connection::open(&trust, &settings.gateway).await?;
    let view = connection.network().await?;
    ensure!(
        view.trust.manifest().manifest().simulated,
        "the network of {named} is not simulated; this scanner serves simulated networks alone"
    );
    Ok((trust, settings.gateway))
}

/// Registers a user, enrols the palm and waits for the receipt.
async fn enrol(
    scanner: &mut ScannerClient,
    trust: &ClientTrust,
    gateway: &str,
    palm: &PalmCapture,
) -> anyhow::Result<UserId> {
    let registration = UserClient::register(trust, gateway, &RegisterRequest::default()).await?;
    let mut user = UserClient::follow(trust, gateway, &registration).await?;
    let (id, token) = (registration.user_id, &registration.session_token);
    match scanner.enrol(id, token, palm).await {
        Err(ScannerError::Refused(refused)) if refused.refusal() == Some(Refusal::UserExists) => {
            bail!("the palm is enrolled already; leave --enrol out, or take another --person")
        }
        answer => answer?,
    };
    user.wait_enrolment(PATIENCE).await?;
    Ok(id)
}

/// Puts money on the new user's account, if that was asked.
async fn credit(
    options: &ScannerOptions,
    trust: &ClientTrust,
    gateway: &str,
    user: UserId,
) -> anyhow::Result<()> {
    let (Some(amount), Some(file)) = (options.credit, &options.admin_token_file) else {
        return Ok(());
    };
    let currency = Currency::new(&options.currency);
    let currency = currency.context("--currency: not a currency of ISO 4217")?;
    let token = read(file)?;
    let mut admin = AdminClient::connect(trust, gateway, token.trim()).await?;
    let credited = admin.credit(user, amount, currency).await;
    credited.context("the account is not credited")?;
    Ok(())
}

/// Shows the palm for every context, until there were enough.
async fn serve(scanner: &mut ScannerClient, palm: &PalmCapture, visits: u64) -> anyhow::Result<()> {
    let mut visit = 0;
    loop {
        match scanner.next_event(WAIT).await {
            Ok(ScannerEvent::Opened(context)) => {
                let outcome = show(scanner, &context, palm).await;
                println!("{}: {outcome}", told(&context));
                visit += 1;
                if visit == visits {
                    return Ok(());
                }
            }
            Ok(ScannerEvent::Closed { .. })
            | Err(ScannerError::Stream(StreamError::Timeout(_))) => {}
            Err(error) => return Err(error).context("the scanner's stream is over"),
        }
    }
}

/// Shows the palm for a context and tells what came of it.
async fn show(scanner: &mut ScannerClient, context: &OpenContext, palm: &PalmCapture) -> String {
    match scanner.identify(context, palm).await {
        Ok(_) => "accepted".into(),
        Err(ScannerError::Refused(refused)) => format!("refused, {}", refused.code),
        Err(error) => {
            scanner.give_up();
            format!("no answer, {error}")
        }
    }
}

/// Tells a context as a scanner's display would.
fn told(context: &OpenContext) -> String {
    let asked = &context.context;
    let what = match &asked.kind {
        ContextKind::Payment { amount, currency } => format!("{amount} {}", currency.as_str()),
        ContextKind::Entrance => "entrance".into(),
        ContextKind::Membership => "membership".into(),
    };
    format!("{}, {}, {what}", context.id, asked.payee)
}

#[cfg(test)]
mod tests;

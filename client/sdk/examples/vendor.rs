//! A till in one page: asks for a payment, waits for the customer, and prints what the receipt
//! proves. docs/vendor.md shows it at work.
//!
//! ```text
//! vendor NETWORK.toml VENDOR.json CONTEXT TERMINAL AMOUNT CURRENCY [--danger-simulated-tee]
//! ```
//!
//! VENDOR.json holds `vendor_id` and `api_key`, as `POST /api/v1/admin/vendors` answers them.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use boop_sdk::{ContextRequest, NetworkFile, VendorClient, VendorLogin, VerifiedReceipt};
use boop_wire::api::{Requirements, VendorResponse};
use zeroize::Zeroizing;

const USAGE: &str = "vendor NETWORK.toml VENDOR.json CONTEXT TERMINAL AMOUNT CURRENCY \
                     [--danger-simulated-tee]";
/// How long the customer has.
const TIME: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vendor: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|it| is_flag(it));
    let [network, vendor, context, terminal, amount, currency] = words.as_slice() else {
        return Err(format!("usage: {USAGE}").into());
    };
    let login = login(Path::new(vendor))?;

    // Whom to believe: this file, and nothing that a gateway says.
    let network = NetworkFile::load(Path::new(network))?;
    let trust = network.trust(!flags.is_empty())?;
    let mut till = VendorClient::connect(&trust, &network.gateway, &login).await?;

    let request = ContextRequest {
        context_id: context.parse()?,
        requirements: Requirements::payment(terminal.parse()?, amount.parse()?, currency),
        timeout_ms: Some(u64::try_from(TIME.as_millis())?),
    };
    till.create_context(&request).await?;
    let ended = till.wait_result(&request.context_id, TIME * 2).await?;
    till.close().await;

    // A success without a receipt that holds is an error of `wait_result`.
    match ended.receipt {
        Some((_, receipt)) if ended.result.success => print(&receipt),
        Some(_) | None => return Err(ended.result.code.unwrap_or_default().into()),
    }
    Ok(())
}

fn is_flag(word: &str) -> bool {
    word == "--danger-simulated-tee"
}

fn login(file: &Path) -> Result<VendorLogin, Box<dyn Error>> {
    let text = Zeroizing::new(std::fs::read_to_string(file)?);
    let VendorResponse { vendor_id, api_key } = serde_json::from_str(&text)?;
    let api_key = Zeroizing::new(api_key);
    Ok(VendorLogin { vendor_id, api_key })
}

fn print(receipt: &VerifiedReceipt) {
    println!("the receipt of {} holds", receipt.context.context);
    if let Some(who) = receipt.who {
        println!("customer     {}", who.to_user_text());
    }
    if let Some(payment) = &receipt.payment {
        let (amount, currency) = (payment.amount, payment.currency.as_str());
        println!(
            "paid         {amount} {currency} to {}",
            receipt.context.payee
        );
        println!("transaction  {}", payment.transaction);
        println!("log entry    {}", payment.index);
    }
    println!("searched     {} palms", receipt.searched);
    println!("simulated    {}", receipt.simulated);
}

//! A vendor's till with its scanner: what a shop has of boop.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use boop_sdk::{
    AdminClient, ClientTrust, ContextRequest, OpenContext, PalmCapture, ScannerClient,
    ScannerError, ScannerEvent, ScannerLogin, UserClient, VendorClient, VendorLogin, VendorResult,
};
use boop_wire::PairwiseId;
use boop_wire::api::{EnrolReceipt, RegisterRequest, RegisterResponse, Requirements};
use boop_wire::id::{ContextId, VendorId};
use zeroize::Zeroizing;

/// How long anything may take before a demonstration gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the demonstration's shop sells in.
pub(crate) const CURRENCY: &str = "EUR";

/// A till and its scanner, connected.
pub struct Till {
    trust: ClientTrust,
    gateway: String,
    vendor: VendorClient,
    scanner: ScannerClient,
    terminal: String,
    /// Who the till's owner is.
    pub vendor_id: VendorId,
    /// Who the scanner is, for those who want to impersonate it.
    pub scanner_login: ScannerLogin,
    next_context: u64,
    prefix: String,
}

/// How one authentication went, as the customer saw it.
#[derive(Debug)]
pub struct Visit {
    /// What the vendor got.
    pub result: VendorResult,
    /// Whom the parties named, by the receipt, as this vendor knows the user.
    pub user: Option<PairwiseId>,
    /// From the palm's being sealed to the vendor's result, in microseconds.
    pub elapsed_us: u64,
}

impl Till {
    /// Makes a vendor with one terminal and scanner, and connects both.
    ///
    /// # Errors
    /// If the gateway does not let it.
    pub async fn open(
        trust: &ClientTrust,
        gateway: &str,
        admin: &mut AdminClient,
        name: &str,
    ) -> anyhow::Result<Self> {
        let vendor = admin
            .create_vendor(name)
            .await
            .context("creating a vendor")?;
        let terminal = format!("{name}-till");
        let scanner = admin
            .create_scanner(vendor.vendor_id.clone(), terminal.parse()?)
            .await
            .context("creating a scanner")?;
        let vendor_login = VendorLogin {
            vendor_id: vendor.vendor_id.clone(),
            api_key: Zeroizing::new(vendor.api_key),
        };
        let scanner_login = ScannerLogin {
            scanner_id: scanner.scanner_id,
            scanner_key: Zeroizing::new(scanner.scanner_key),
        };
        Ok(Self {
            trust: trust.clone(),
            gateway: gateway.to_owned(),
            vendor: VendorClient::connect(trust, gateway, &vendor_login).await?,
            scanner: ScannerClient::connect(trust, gateway, &scanner_login).await?,
            terminal,
            vendor_id: vendor.vendor_id,
            scanner_login,
            next_context: 0,
            prefix: hex::encode(crate::provision::random::<4>()?),
        })
    }

    /// Registers a new user and enrols a palm.
    ///
    /// # Errors
    /// [`ScannerError::Refused`] inside if the parties turned the palm down.
    pub async fn enrol(&mut self, palm: &PalmCapture) -> anyhow::Result<EnrolReceipt> {
        let registration = self.register().await?;
        let mut user = UserClient::follow(&self.trust, &self.gateway, &registration).await?;
        let (id, token) = (registration.user_id, &registration.session_token);
        self.scanner.enrol(id, token, palm).await?;
        let enrolled = user.wait_enrolment(PATIENCE).await?;
        Ok(enrolled.receipt)
    }

    /// Registers a new user, as an app does.
    ///
    /// # Errors
    /// If the gateway does not let it.
    pub async fn register(&self) -> anyhow::Result<RegisterResponse> {
        let request = RegisterRequest::default();
        Ok(UserClient::register(&self.trust, &self.gateway, &request).await?)
    }

    /// Connects the scanner anew, after somebody else took its place.
    ///
    /// # Errors
    /// If the gateway does not let it.
    pub async fn reconnect_scanner(&mut self) -> anyhow::Result<()> {
        let login = &self.scanner_login;
        self.scanner = ScannerClient::connect(&self.trust, &self.gateway, login).await?;
        Ok(())
    }

    /// Asks a customer for a payment and waits for the result.
    ///
    /// # Errors
    /// If anything but an ordinary refusal comes of it.
    pub async fn pay(&mut self, palm: &PalmCapture, amount: u64) -> anyhow::Result<Visit> {
        let context = self.ask(amount).await?;
        self.show_palm(&context, palm).await
    }

    /// Opens a payment context and returns it as the scanner shows it.
    ///
    /// # Errors
    /// If the gateway does not open it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the demonstration measures real time"
    )]
    pub async fn ask(&mut self, amount: u64) -> anyhow::Result<OpenContext> {
        let context_id = self.open_context(amount).await?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.scanner.next_event(PATIENCE).await? {
                ScannerEvent::Opened(context) if context.id == context_id => return Ok(context),
                ScannerEvent::Opened(_) | ScannerEvent::Closed { .. } => {}
            }
        }
        bail!("the scanner never heard of context {context_id}");
    }

    /// Opens a payment context, whoever may be listening at the terminal.
    ///
    /// # Errors
    /// If the gateway does not open it.
    pub async fn open_context(&mut self, amount: u64) -> anyhow::Result<ContextId> {
        self.next_context += 1;
        let context_id: ContextId = format!("ctx_{}_{}", self.prefix, self.next_context).parse()?;
        let requirements = Requirements::payment(self.terminal.parse()?, amount, CURRENCY);
        let request = ContextRequest {
            context_id: context_id.clone(),
            requirements,
            timeout_ms: Some(60_000),
        };
        self.vendor
            .create_context(&request)
            .await
            .context("opening a context")?;
        Ok(context_id)
    }

    /// Shows a palm for an open context and waits for the vendor's result.
    ///
    /// # Errors
    /// If anything but an ordinary refusal comes of it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the demonstration measures real time"
    )]
    pub async fn show_palm(
        &mut self,
        context: &OpenContext,
        palm: &PalmCapture,
    ) -> anyhow::Result<Visit> {
        let start = Instant::now();
        match self.scanner.identify(context, palm).await {
            Ok(_) => {}
            Err(ScannerError::Refused(refused)) if !refused.retry_allowed => {}
            Err(error) => return Err(error.into()),
        }
        let result = self.vendor.wait_result(&context.id, PATIENCE).await?;
        let elapsed_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let verified = result.receipt.as_ref().map(|(_, verified)| verified);
        let user = verified.and_then(|verified| verified.who);
        Ok(Visit {
            result,
            user,
            elapsed_us,
        })
    }

    /// Sends the capture that has no answer yet once more, with the same request id.
    ///
    /// # Errors
    /// If there is none, or it is refused.
    #[expect(
        clippy::disallowed_methods,
        reason = "the demonstration measures real time"
    )]
    pub async fn retry(&mut self, context: &OpenContext) -> anyhow::Result<Visit> {
        let start = Instant::now();
        self.scanner.retry().await?;
        let result = self.vendor.wait_result(&context.id, PATIENCE).await?;
        let elapsed_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(Visit {
            result,
            user: None,
            elapsed_us,
        })
    }

    /// Returns the scanner, for what only it can do.
    pub fn scanner(&mut self) -> &mut ScannerClient {
        &mut self.scanner
    }

    /// Returns the vendor's stream.
    pub fn vendor(&mut self) -> &mut VendorClient {
        &mut self.vendor
    }
}

/// Returns the refusal code inside an enrolment's error, if it was refused.
pub fn refusal_code(error: &anyhow::Error) -> Option<String> {
    match error.downcast_ref::<ScannerError>() {
        Some(ScannerError::Refused(refused)) => Some(refused.code.clone()),
        Some(_) | None => None,
    }
}

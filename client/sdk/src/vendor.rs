//! What a vendor's till or door does: it opens contexts, waits for results and checks receipts.

use std::collections::BTreeMap;
use std::time::Duration;

use boop_channel::Trust;
use boop_wire::Refusal;
use boop_wire::api::{
    AuthReceipt, AuthResult, ErrorMessage, FromVendor, Requirements, Resume, ToVendor,
};
use boop_wire::id::{ContextId, VendorId};
use boop_wire::job::ContextKind;
use boop_wire::ledger::Currency;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::connection::ConnectError;
use crate::http::RequestError;
use crate::receipt::{
    ExpectedContext, ReceiptError, VerifiedReceipt, decode_auth_receipt, transaction_of,
    verify_auth_receipt,
};
use crate::refused::Refused;
use crate::standing::StandingTrust;
use crate::trust::ClientTrust;
use crate::websocket::StreamError;
use link::{Link, Received};

mod link;

/// Longest time for the answer to a message that the gateway answers by itself.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
/// Why a result is not believed that names a user as the receipt does not.
const OTHER_USER: &str = "it names another user";
/// Contexts that may be open, or ended and not fetched, on one connection.
pub(crate) const CONTEXTS_MAX: usize = 1_024;

/// Why a vendor's request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VendorError {
    /// There is no attested connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The gateway did not open the stream.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The gateway turned it down.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The requirements cannot be asked for.
    #[error("the {0} of the requirements is not valid")]
    Requirements(&'static str),
    /// The gateway sent a message that may not come now.
    #[error("the gateway sent {0} out of turn")]
    Unexpected(&'static str),
    /// The context was not opened on this connection, or its result was fetched already.
    #[error("context {0} is not open here")]
    UnknownContext(ContextId),
    /// Too many contexts are open.
    #[error("more than {CONTEXTS_MAX} contexts are open")]
    TooManyContexts,
    /// The receipt does not hold, so the result is not believed.
    #[error("the result's receipt does not hold: {0}")]
    Receipt(#[from] ReceiptError),
}

/// Who a vendor is.
#[derive(Clone)]
pub struct VendorLogin {
    /// The vendor.
    pub vendor_id: VendorId,
    /// Its key.
    pub api_key: Zeroizing<String>,
}

/// What a vendor asks of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextRequest {
    /// Chosen by the vendor; used once.
    pub context_id: ContextId,
    /// What is asked.
    pub requirements: Requirements,
    /// How long the customer has, in milliseconds; none leaves it to the gateway.
    pub timeout_ms: Option<u64>,
}

/// How a context ended; what it says of success has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorResult {
    /// As the gateway said it.
    pub result: AuthResult,
    /// The receipt, to keep, and what it proves.
    pub receipt: Option<(AuthReceipt, VerifiedReceipt)>,
}

/// A vendor's stream: `/ws/vendor`. A connection that ends is opened again, and the stream goes on
/// where it was; what may have been missed is asked for.
#[derive(Debug)]
pub struct VendorClient {
    link: Link,
    trust: StandingTrust,
    vendor: VendorId,
    contexts: BTreeMap<ContextId, Open>,
}

#[derive(Debug)]
struct Open {
    expected: ExpectedContext,
    result: Option<AuthResult>,
}

impl VendorClient {
    /// Connects to a gateway and authenticates. The stream begins after what any connection of
    /// this vendor has had.
    ///
    /// # Errors
    /// If there is no attested connection, or the key is not good.
    pub async fn connect(
        trust: &ClientTrust,
        address: &str,
        login: &VendorLogin,
    ) -> Result<Self, VendorError> {
        Self::connect_from(trust, address, login, None).await
    }

    /// Connects, and goes on after a place that [`Self::place`] gave to an earlier life.
    ///
    /// # Errors
    /// If there is no attested connection, or the key is not good.
    pub async fn connect_from(
        trust: &ClientTrust,
        address: &str,
        login: &VendorLogin,
        place: Option<Resume>,
    ) -> Result<Self, VendorError> {
        let (link, trust) = Link::open(trust, address, login, place).await?;
        Ok(Self {
            link,
            trust,
            vendor: login.vendor_id.clone(),
            contexts: BTreeMap::new(),
        })
    }

    /// Returns where the stream goes on. Whoever keeps it with what came of the results can be
    /// killed at any moment and misses none: [`Self::connect_from`].
    pub fn place(&self) -> Option<Resume> {
        self.link.place()
    }

    /// Opens a context: its terminal's scanner shows amount and payee and asks for the palm.
    ///
    /// # Errors
    /// If the requirements are not valid or the gateway refuses them.
    pub async fn create_context(&mut self, request: &ContextRequest) -> Result<(), VendorError> {
        let expected = expected(&self.vendor, request)?;
        if self.contexts.len() >= CONTEXTS_MAX {
            return Err(VendorError::TooManyContexts);
        }
        let context_id = request.context_id.clone();
        let open = Open {
            expected,
            result: None,
        };
        self.contexts.insert(context_id.clone(), open);
        let created = self.ask_for(request).await;
        if created.is_err() {
            self.contexts.remove(&context_id);
        }
        created
    }

    /// Waits until a context of this connection has ended, and checks its receipt. Results of
    /// other contexts that come meanwhile are kept for whoever waits for them. A refusal that may
    /// pass, as while a party is away, does not end the wait.
    ///
    /// # Errors
    /// If it does not end within `wait`, or a success has no receipt that holds. The context can
    /// be waited for again unless its result was there.
    pub async fn wait_result(
        &mut self,
        context_id: &ContextId,
        wait: Duration,
    ) -> Result<VendorResult, VendorError> {
        let deadline = Instant::now() + wait;
        // What may pass by itself, as when a party is away and the scanner sends again.
        let mut passing = None;
        loop {
            let open = self.contexts.get_mut(context_id);
            let open = open.ok_or_else(|| VendorError::UnknownContext(context_id.clone()))?;
            if let Some(result) = open.result.take() {
                let expected = open.expected.clone();
                self.contexts.remove(context_id);
                let believed = believe(&result, &mut self.trust, &expected).await?;
                return Ok(VendorResult {
                    result,
                    receipt: believed,
                });
            }
            let received = self.link.receive(deadline).await;
            if let (Err(VendorError::Stream(StreamError::Timeout(_))), Some(refused)) =
                (&received, &passing)
            {
                return Err(VendorError::Refused(Refused::clone(refused)));
            }
            match received? {
                Received::Again => {}
                Received::Missing => self.catch_up(deadline).await?,
                Received::Message(message) => match *message {
                    ToVendor::Error(error) if concerns(&error, context_id) => {
                        let refused = Refused::from(&error);
                        if !refused.retry_allowed {
                            return Err(refused.into());
                        }
                        passing = Some(refused);
                    }
                    message => self.note(message)?,
                },
            }
        }
    }

    /// Closes a context that has no result yet. Its end comes as a result too.
    ///
    /// # Errors
    /// If the stream is over.
    pub async fn cancel_context(&mut self, context_id: &ContextId) -> Result<(), VendorError> {
        let context_id = context_id.clone();
        let message = FromVendor::CancelContext { context_id };
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        self.link.send(&message, deadline).await
    }

    /// Tells the gateway that nothing more comes.
    pub async fn close(self) {
        self.link.close().await;
    }

    /// Asks for a context until there is an answer; asking again changes nothing.
    async fn ask_for(&mut self, request: &ContextRequest) -> Result<(), VendorError> {
        let created = &request.context_id;
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        let message = FromVendor::CreateContext {
            context_id: created.clone(),
            requirements: request.requirements.clone(),
            timeout: request.timeout_ms,
        };
        self.link.send(&message, deadline).await?;
        loop {
            match self.link.receive(deadline).await? {
                Received::Again => self.link.send(&message, deadline).await?,
                Received::Missing => self.catch_up(deadline).await?,
                Received::Message(message) => match *message {
                    ToVendor::ContextCreated { context_id } if context_id == *created => {
                        return Ok(());
                    }
                    ToVendor::Error(error) if concerns(&error, created) => {
                        return Err(Refused::from(&error).into());
                    }
                    message => self.note(message)?,
                },
            }
            // A context may end before its creation is told.
            let known = self.contexts.get(created);
            if known.is_some_and(|open| open.result.is_some()) {
                return Ok(());
            }
        }
    }

    /// Asks how every open context stands, since its result may be among what was missed.
    async fn catch_up(&mut self, deadline: Instant) -> Result<(), VendorError> {
        let open = self.contexts.iter();
        let open: Vec<ContextId> = open
            .filter(|(_, open)| open.result.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        for context_id in open {
            match self.link.status(&context_id, deadline).await {
                Ok(Some(result)) => self.keep(&context_id, result),
                Ok(None) => {}
                // One that was never heard of is asked for again by whoever opens it.
                Err(VendorError::Request(RequestError::Refused(refused)))
                    if refused.refusal() == Some(Refusal::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes a message that nobody waits for right now.
    fn note(&mut self, message: ToVendor) -> Result<(), VendorError> {
        match message {
            ToVendor::AuthResult { context_id, result } => self.keep(&context_id, result),
            ToVendor::Error(_)
            | ToVendor::Pong
            | ToVendor::Gap { .. }
            | ToVendor::ContextCreated { .. } => {}
            ToVendor::Authenticated { .. } => {
                return Err(VendorError::Unexpected("a second login"));
            }
        }
        Ok(())
    }

    fn keep(&mut self, context_id: &ContextId, result: AuthResult) {
        if let Some(open) = self.contexts.get_mut(context_id) {
            open.result.get_or_insert(result);
        }
    }
}

/// An error without a context concerns whoever waits.
fn concerns(error: &ErrorMessage, waiting: &ContextId) -> bool {
    let named = error.details.context_id.as_ref();
    named.is_none_or(|named| named == waiting)
}

/// Returns what the receipt of a request must be about.
fn expected(vendor: &VendorId, request: &ContextRequest) -> Result<ExpectedContext, VendorError> {
    let asked = &request.requirements;
    let kind = match asked.kind.as_str() {
        "payment" => {
            let amount = asked.amount.filter(|amount| *amount > 0);
            let currency = asked.currency.as_deref().and_then(Currency::new);
            ContextKind::Payment {
                amount: amount.ok_or(VendorError::Requirements("amount"))?,
                currency: currency.ok_or(VendorError::Requirements("currency"))?,
            }
        }
        "entrance" => ContextKind::Entrance,
        "membership" => ContextKind::Membership,
        _ => return Err(VendorError::Requirements("type")),
    };
    // A receipt is held against one terminal, so here it must be named.
    let terminal = asked.terminal_id.clone();
    Ok(ExpectedContext {
        vendor: vendor.clone(),
        context: request.context_id.clone(),
        terminal: terminal.ok_or(VendorError::Requirements("terminal_id"))?,
        kind,
        payee: asked.merchant_name.clone(),
        attributes_required: asked.required(),
        attributes_optional: asked.optional(),
    })
}

/// Takes a success only with a receipt that proves it; a refusal needs none. Either names the user
/// as the receipt does.
async fn believe(
    result: &AuthResult,
    trust: &mut StandingTrust,
    expected: &ExpectedContext,
) -> Result<Option<(AuthReceipt, VerifiedReceipt)>, ReceiptError> {
    let receipt = match &result.receipt {
        Some(text) => {
            let receipt = decode_auth_receipt(text)?;
            let check = |trust: &Trust| verify_auth_receipt(&receipt, trust, Some(expected));
            let verified = trust.check(check).await?;
            Some((receipt, verified))
        }
        None => None,
    };
    let verified = receipt.as_ref().map(|(_, verified)| verified);
    check_backing(result, verified, expected)?;
    Ok(receipt)
}

/// Holds what the gateway claims against what the receipt proves.
fn check_backing(
    result: &AuthResult,
    verified: Option<&VerifiedReceipt>,
    expected: &ExpectedContext,
) -> Result<(), ReceiptError> {
    let named = verified.and_then(|verified| verified.who);
    let named = named.map(|who| who.to_user_text());
    if !result.success {
        return match &result.user_id {
            Some(_) if result.user_id != named => Err(ReceiptError::Unbacked(OTHER_USER)),
            Some(_) | None => Ok(()),
        };
    }
    let verified = verified.ok_or(ReceiptError::Unbacked("there is none"))?;
    if !verified.matched {
        return Err(ReceiptError::Unbacked("no record matched"));
    }
    if result.user_id != named {
        return Err(ReceiptError::Unbacked(OTHER_USER));
    }
    if matches!(expected.kind, ContextKind::Payment { .. }) {
        let transaction = transaction_of(&expected.vendor, &expected.context).to_string();
        if verified.payment.is_none() {
            return Err(ReceiptError::Unbacked("it holds no payment"));
        }
        if result
            .transaction_id
            .as_ref()
            .is_some_and(|id| *id != transaction)
        {
            return Err(ReceiptError::Unbacked("it is of another transaction"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

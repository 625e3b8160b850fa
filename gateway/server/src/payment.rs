//! Paying by an agreed outcome. The ledger must know whose signatures those are: if it does not
//! yet, it is shown the parties' evidence and judges it itself.

use boop_wire::evidence::EvidenceBundle;
use boop_wire::job::ContextKind;
use boop_wire::ledger::{LedgerRequest, LedgerResponse, Payment, Receipt, vendor_account};
use boop_wire::{PairwiseId, PartyIndex, Refusal, UserId};

use crate::app::App;
use crate::ledger_link::recorded;
use crate::store::StoredContext;
use crate::submission::Agreed;

/// Who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payer {
    /// As the vendor knows the user.
    pub(crate) who: PairwiseId,
    /// As the network does.
    pub(crate) user: UserId,
}

/// Moves the context's amount from the user to the vendor, if it is a payment. Repeating it moves
/// nothing more.
///
/// # Errors
/// The ledger's refusal.
pub(crate) async fn pay(
    app: &App,
    stored: &StoredContext,
    agreed: &Agreed,
    payer: Payer,
) -> Result<Option<Receipt>, Refusal> {
    let body = &stored.body;
    let (amount, currency) = match body.kind {
        ContextKind::Payment { amount, currency } => (amount, currency),
        ContextKind::Entrance | ContextKind::Membership => return Ok(None),
    };
    let request = LedgerRequest::Pay {
        payment: Payment {
            transaction: stored.transaction,
            vendor: body.vendor.clone(),
            context: body.context.clone(),
            payer: payer.who,
            payee: vendor_account(&body.vendor),
            amount,
            currency,
            outcome: agreed.outcome.outcome.digest(),
        },
        outcome: agreed.outcome.clone(),
        context: body.clone(),
        user: payer.user,
    };
    match recorded(&*app.ledger, request.clone()).await {
        Err(Refusal::PartyUnavailable | Refusal::BadSignature) => {}
        paid => return paid.map(Some),
    }
    match introduce(app, agreed).await {
        Ok(()) => recorded(&*app.ledger, request).await.map(Some),
        Err(refusal) => paid_before(app, stored, refusal).await.map(Some),
    }
}

async fn introduce(app: &App, agreed: &Agreed) -> Result<(), Refusal> {
    let parties = PartyIndex::ALL.into_iter().zip(&agreed.parties);
    let parties = parties
        .map(|(party, bundle)| newest(app, party, bundle))
        .collect();
    let introduce = LedgerRequest::Introduce { parties };
    match app.ledger.request(introduce).await? {
        LedgerResponse::Introduced => Ok(()),
        _ => Err(Refusal::Internal),
    }
}

/// Returns the newest evidence of the instance that signed.
fn newest(app: &App, party: PartyIndex, signed: &EvidenceBundle) -> EvidenceBundle {
    let identity = signed.binding().map(|binding| binding.keys.identity);
    match (app.parties.evidence(party), identity) {
        (Some(now), Ok(identity)) if now.identity == identity => now.bundle.clone(),
        _ => signed.clone(),
    }
}

/// A ledger that knows the parties no more may have made the payment while it did.
async fn paid_before(
    app: &App,
    stored: &StoredContext,
    refusal: Refusal,
) -> Result<Receipt, Refusal> {
    let transaction = stored.transaction;
    let request = LedgerRequest::Transaction { transaction };
    match app.ledger.request(request).await {
        Ok(LedgerResponse::Transaction {
            receipt: Some(receipt),
            ..
        }) => Ok(receipt),
        Ok(LedgerResponse::Transaction { receipt: None, .. }) => Err(Refusal::InsufficientFunds),
        Ok(_) => Err(Refusal::Internal),
        Err(Refusal::NotFound) => Err(refusal),
        Err(other) => Err(other),
    }
}

//! What the log contains, and whether it records the outcome at hand.

use boop_proof::{Checkpoint, Hash, VerifierKey, leaf_hash, verify_inclusion};
use boop_wire::UserId;
use boop_wire::job::{AuthContext, ContextKind, Decision, Outcome};
use boop_wire::ledger::{Detail, EntryKind, Payment, Receipt, vendor_account};

use super::{ReceiptCheck, ReceiptError, Trail, transaction_of};

/// The only version of entries there is.
const ENTRY_VERSION: u8 = 1;

/// An entry that the log contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Included {
    /// When the ledger accepted it, Unix milliseconds.
    pub time_ms: u64,
    /// Position in the log.
    pub index: u64,
}

/// Checks that the log under `log` contains the entry, and that the entry commits to the opening.
///
/// # Errors
/// The first check that fails.
pub fn check_entry(
    receipt: &Receipt,
    log: &VerifierKey,
    trail: &mut Trail,
) -> Result<Included, ReceiptError> {
    let opened = Checkpoint::open(&receipt.checkpoint, log).map_err(ReceiptError::Checkpoint);
    let detail = opened.as_ref().map_err(Clone::clone).map(|checkpoint| {
        let Checkpoint { origin, size, .. } = checkpoint;
        format!("log {origin} with {size} entries")
    });
    trail.note(ReceiptCheck::Checkpoint, detail)?;
    let checkpoint = opened?;
    let path: Vec<Hash> = receipt
        .proof
        .iter()
        .map(|hash| Hash(*hash.as_bytes()))
        .collect();
    let leaf = leaf_hash(&receipt.entry.leaf());
    let included = verify_inclusion(
        &leaf,
        receipt.index,
        checkpoint.size,
        &path,
        &checkpoint.root,
    );
    let detail = included
        .map(|()| format!("entry {} by a path of {} hashes", receipt.index, path.len()))
        .map_err(ReceiptError::Inclusion);
    trail.note(ReceiptCheck::Inclusion, detail)?;
    trail.note(ReceiptCheck::Commitment, check_commitment(receipt))?;
    Ok(Included {
        time_ms: receipt.entry.time_ms,
        index: receipt.index,
    })
}

fn check_commitment(receipt: &Receipt) -> Result<String, ReceiptError> {
    let Receipt { entry, opening, .. } = receipt;
    if entry.version != ENTRY_VERSION {
        return Err(ReceiptError::EntryVersion {
            found: entry.version,
        });
    }
    if entry.commitment != opening.commitment() {
        return Err(ReceiptError::Commitment);
    }
    let expected = opening.detail.kind();
    if entry.kind != expected {
        return Err(ReceiptError::Kind {
            found: entry.kind,
            expected,
        });
    }
    Ok(format!("{expected:?} under {}", entry.commitment))
}

/// Checks that the entry records this outcome of this context.
pub(crate) fn check_authentication(
    receipt: &Receipt,
    context: &AuthContext,
    outcome: &Outcome,
    trail: &mut Trail,
) -> Result<(), ReceiptError> {
    let result = match &receipt.opening.detail {
        Detail::Authentication {
            vendor,
            context: id,
            matched,
            outcome: digest,
        } => first_difference([
            ("vendor", *vendor == context.vendor),
            ("context", *id == context.context),
            (
                "match",
                *matched == matches!(outcome.decision, Decision::Matched { .. }),
            ),
            ("outcome", *digest == outcome.digest()),
        ]),
        other => Err(wrong_kind(other, EntryKind::Authentication)),
    };
    let result = result.map(|()| format!("authentication for {}", context.vendor));
    trail.note(ReceiptCheck::Detail, result)
}

/// Checks that the entry records the enrolment of this user by this outcome.
pub(crate) fn check_registration(
    receipt: &Receipt,
    user: UserId,
    outcome: &Outcome,
    trail: &mut Trail,
) -> Result<(), ReceiptError> {
    let result = match &receipt.opening.detail {
        Detail::Registration {
            user: found,
            outcome: digest,
        } => first_difference([
            ("user", *found == user),
            ("outcome", *digest == outcome.digest()),
        ]),
        other => Err(wrong_kind(other, EntryKind::Registration)),
    };
    let result = result.map(|()| format!("registration of {user}"));
    trail.note(ReceiptCheck::Detail, result)
}

/// Checks that the entry records the payment that was asked for, by whom the outcome names.
pub(crate) fn check_payment<'r>(
    receipt: &'r Receipt,
    context: &AuthContext,
    outcome: &Outcome,
    trail: &mut Trail,
) -> Result<&'r Payment, ReceiptError> {
    let payment = match &receipt.opening.detail {
        Detail::Payment(payment) => payment,
        other => {
            let error = wrong_kind(other, EntryKind::Payment);
            trail.note(ReceiptCheck::Payment, Err(error.clone()))?;
            return Err(error);
        }
    };
    let result = compare_payment(payment, context, outcome).map(|()| {
        let currency = payment.currency.as_str();
        format!("{} {currency} to {}", payment.amount, payment.vendor)
    });
    trail.note(ReceiptCheck::Payment, result)?;
    Ok(payment)
}

fn compare_payment(
    payment: &Payment,
    context: &AuthContext,
    outcome: &Outcome,
) -> Result<(), ReceiptError> {
    let Decision::Matched { who, .. } = outcome.decision else {
        return Err(ReceiptError::Decision);
    };
    let ContextKind::Payment { amount, currency } = context.kind else {
        return Err(ReceiptError::Detail { field: "kind" });
    };
    let transaction = transaction_of(&context.vendor, &context.context);
    first_difference([
        ("transaction", payment.transaction == transaction),
        ("vendor", payment.vendor == context.vendor),
        ("context", payment.context == context.context),
        ("payer", payment.payer == who),
        ("payee", payment.payee == vendor_account(&context.vendor)),
        ("amount", payment.amount == amount),
        ("currency", payment.currency == currency),
        ("outcome", payment.outcome == outcome.digest()),
    ])
}

/// Checks that an entry says so if simulated hardware took part.
pub(crate) fn check_simulated(
    receipt: &Receipt,
    simulated: bool,
    trail: &mut Trail,
) -> Result<(), ReceiptError> {
    let result = match (simulated, receipt.entry.simulated) {
        (true, false) => Err(ReceiptError::SimulatedNotStated),
        (true, true) => Ok("simulated, and the entry says so".into()),
        (false, true) => Ok("the entry says that simulated hardware took part".into()),
        (false, false) => Ok("no simulated hardware took part".into()),
    };
    trail.note(ReceiptCheck::Simulated, result)
}

fn first_difference<const N: usize>(fields: [(&'static str, bool); N]) -> Result<(), ReceiptError> {
    match fields.into_iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(ReceiptError::Detail { field }),
        None => Ok(()),
    }
}

fn wrong_kind(detail: &Detail, expected: EntryKind) -> ReceiptError {
    ReceiptError::Kind {
        found: detail.kind(),
        expected,
    }
}

//! What the parties signed, and whether it is about what was asked.

use boop_channel::verify_signature;
use boop_wire::job::{AgreedOutcome, AuthContext, Decision};
use boop_wire::{Digest, NetworkId, PairwiseId, PartyIndex, UserId};

use super::{ExpectedContext, ReceiptCheck, ReceiptError, Trail};

/// Checks that all three identity keys signed an outcome of this network about this subject.
///
/// # Errors
/// The first check that fails.
pub fn check_outcome(
    agreed: &AgreedOutcome,
    subject: Digest,
    network: NetworkId,
    identities: &[[u8; 32]; PartyIndex::COUNT],
    trail: &mut Trail,
) -> Result<(), ReceiptError> {
    let signed = check_signatures(agreed, network, identities);
    let detail =
        signed.map(|()| format!("three Ed25519 signatures over {}", agreed.outcome.digest()));
    trail.note(ReceiptCheck::Signatures, detail)?;
    let answers = if agreed.outcome.subject == subject {
        Ok(format!("subject {subject}"))
    } else {
        Err(ReceiptError::Subject)
    };
    trail.note(ReceiptCheck::Subject, answers)
}

fn check_signatures(
    agreed: &AgreedOutcome,
    network: NetworkId,
    identities: &[[u8; 32]; PartyIndex::COUNT],
) -> Result<(), ReceiptError> {
    if agreed.outcome.network != network {
        return Err(ReceiptError::Network);
    }
    if agreed.signatures.len() != PartyIndex::COUNT {
        return Err(ReceiptError::SignatureCount {
            found: agreed.signatures.len(),
        });
    }
    let keyed = identities.iter().zip(&agreed.signatures);
    for (party, (key, signature)) in PartyIndex::ALL.into_iter().zip(keyed) {
        if !verify_signature(key, &agreed.outcome.signed_bytes(party), signature) {
            return Err(ReceiptError::Signature(party));
        }
    }
    Ok(())
}

/// Compares the receipt's context with what was asked, if the caller knows it.
pub(crate) fn check_context(
    found: &AuthContext,
    expected: Option<&ExpectedContext>,
    trail: &mut Trail,
) -> Result<(), ReceiptError> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let same = [
        ("vendor", found.vendor == expected.vendor),
        ("context", found.context == expected.context),
        ("terminal", found.terminal == expected.terminal),
        ("kind", found.kind == expected.kind),
        (
            "payee",
            expected
                .payee
                .as_ref()
                .is_none_or(|payee| *payee == found.payee),
        ),
        (
            "required attributes",
            sorted(&found.attributes_required) == sorted(&expected.attributes_required),
        ),
        (
            "optional attributes",
            sorted(&found.attributes_optional) == sorted(&expected.attributes_optional),
        ),
    ];
    let result = match same.into_iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(ReceiptError::NotAsked { field }),
        None => Ok(format!("context {} of {}", found.context, found.vendor)),
    };
    trail.note(ReceiptCheck::Expected, result)
}

/// Compares the receipt's user with the expected one, if the caller knows it.
pub(crate) fn check_user(
    found: UserId,
    expected: Option<UserId>,
    trail: &mut Trail,
) -> Result<(), ReceiptError> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let result = if found == expected {
        Ok(format!("user {found}"))
    } else {
        Err(ReceiptError::NotAsked { field: "user" })
    };
    trail.note(ReceiptCheck::Expected, result)
}

/// Returns whose record matched, if one did; a decision about an enrolment is no authentication.
pub(crate) fn authenticated(
    decision: &Decision,
    trail: &mut Trail,
) -> Result<Option<PairwiseId>, ReceiptError> {
    let (who, result) = match decision {
        Decision::Matched { who, .. } => {
            let user = who.to_user_text();
            (Some(*who), Ok(format!("one record matched, of {user}")))
        }
        Decision::NotMatched => (None, Ok("no record matched".into())),
        Decision::Ambiguous => (None, Ok("more than one record matched".into())),
        Decision::Enrolled { .. } | Decision::AlreadyEnrolled => {
            (None, Err(ReceiptError::Decision))
        }
    };
    trail.note(ReceiptCheck::Decision, result)?;
    Ok(who)
}

fn sorted(names: &[String]) -> Vec<&str> {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names
}

//! Authentication of a Nitro document.

use alloc::format;

use super::{
    Document, NitroFacts,
    chain::{self, Chain},
    cose::SIGNATURE_BYTES,
};
use crate::{
    authenticate::Authenticated,
    crypto::{Crypto, P384Signature},
    evidence::{EvidenceKind, UnixTime},
    facts::{Facts, SignedBy},
    reason::Reason,
    record::Record,
    roots::Roots,
    snp::is_zero,
    step::{Level, StepName},
    text::moment,
};

/// Milliseconds in a second.
const SECOND_MS: u64 = 1000;

/// Steps that must have been taken, and have passed, for a document to be authentic.
const ESSENTIAL: [StepName; 7] = [
    StepName::Format,
    StepName::Certificate,
    StepName::Root,
    StepName::Chain,
    StepName::Validity,
    StepName::Signature,
    StepName::SigningTime,
];

/// Follows a document to a pinned root.
pub(crate) fn authenticate(
    crypto: &impl Crypto,
    document: &Document,
    roots: &Roots,
    now: UnixTime,
) -> Authenticated {
    let mut record = Record {
        flags: document.flags.clone(),
        ..Record::default()
    };
    let detail = format!(
        "cose_sign1 of {} bytes and its payload",
        document.bytes.len()
    );
    record.conclude(StepName::Format, detail, document.defects.clone());
    let chain = chain::build(&mut record, &document.payload, roots, now, crypto);
    match &chain {
        Some(chain) => {
            check_signature(&mut record, document, chain, crypto);
            check_signing_time(&mut record, document, chain);
        }
        None => record.skip(
            StepName::Signature,
            "no certificate to check the signature with",
        ),
    }

    let facts = facts(document, chain.as_ref(), now);
    let authentic = record.all_pass(&ESSENTIAL) && record.none_failed(Level::Authentic);
    Authenticated {
        authentic,
        facts,
        record,
    }
}

fn check_signature(
    record: &mut Record,
    document: &Document,
    chain: &Chain<'_>,
    crypto: &impl Crypto,
) {
    let signature = &document.envelope.signature;
    let Some(key) = chain
        .leaf
        .p384_key()
        .filter(|_| signature.len() == SIGNATURE_BYTES)
    else {
        record.skip(StepName::Signature, "key or signature has the wrong form");
        return;
    };
    let signed = document.envelope.signed_bytes();
    let holds = crypto.verify_p384(key, &signed, P384Signature::Fixed(signature));
    let detail = format!(
        "es384 by {} over {} bytes",
        chain.leaf.common_name(),
        signed.len()
    );
    record.require(StepName::Signature, detail, holds, Reason::SignatureInvalid);
}

fn check_signing_time(record: &mut Record, document: &Document, chain: &Chain<'_>) {
    let Some(timestamp_ms) = document
        .payload
        .timestamp_ms
        .filter(|timestamp| *timestamp != 0)
    else {
        record.skip(StepName::SigningTime, "document has no timestamp");
        return;
    };
    let signed_at = UnixTime(timestamp_ms / SECOND_MS);
    let detail = format!("the document was made at {}", moment(signed_at));
    let holds = chain.leaf.validity().holds_at(signed_at);
    record.require(
        StepName::SigningTime,
        detail,
        holds,
        Reason::TimestampOutsideLeafValidity,
    );
}

fn facts(document: &Document, chain: Option<&Chain<'_>>, now: UnixTime) -> Facts {
    let payload = &document.payload;
    let first_three_zero =
        (0..=2).all(|index| payload.pcrs.get(&index).is_some_and(|pcr| is_zero(pcr)));
    Facts {
        kind: EvidenceKind::Nitro,
        simulated: chain
            .and_then(|chain| chain.root)
            .is_some_and(|root| root.simulated),
        checked_at: now,
        signed_by: chain.map_or(SignedBy::Unknown, |_| SignedBy::NitroEnclave),
        product: None,
        measurement: payload.pcrs.get(&0).copied(),
        pcrs: payload
            .pcrs
            .iter()
            .map(|(index, pcr)| (*index, *pcr))
            .collect(),
        host_data: None,
        chip_id: None,
        vmpl: None,
        tcb: None,
        debug: first_three_zero,
        report_data: None,
        user_data: payload.user_data.clone(),
        nonce: payload.nonce.clone(),
        public_key: payload.public_key.clone(),
        timestamp_ms: payload.timestamp_ms,
        module_id: payload.module_id.clone(),
        snp: None,
        nitro: Some(NitroFacts {
            leaf_not_after: chain.map(|chain| chain.leaf.validity().not_after.0),
            root_name: chain.and_then(|chain| chain.root_name.clone()),
            refused_pcrs: payload.refused_pcrs.clone(),
        }),
    }
}

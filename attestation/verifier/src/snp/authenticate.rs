//! Authentication of an SEV-SNP report.

use alloc::{format, vec, vec::Vec};

use super::{
    Report, SigningKey, SnpFacts,
    chain::{self, Chain, NoLeaf},
    is_zero,
    leaf::KeyKind,
    product::Product,
};
use crate::{
    authenticate::Authenticated,
    crypto::{Crypto, P384Signature},
    evidence::{Endorsements, EvidenceKind, UnixTime},
    facts::{Facts, SignedBy},
    flag::Flag,
    reason::Reason,
    record::Record,
    roots::Roots,
    step::{Level, StepName},
    text::hex_short,
};

/// Report versions that are understood.
const VERSIONS: core::ops::RangeInclusive<u32> = 2..=5;
/// ECDSA P-384 with SHA-384.
const SIGNATURE_ALGO: u32 = 1;

/// Steps that must have been taken, and have passed, for a report to be authentic.
const ESSENTIAL: [StepName; 8] = [
    StepName::Format,
    StepName::Certificate,
    StepName::Root,
    StepName::Chain,
    StepName::Validity,
    StepName::Signature,
    StepName::Product,
    StepName::CertifiedFirmware,
];

/// Follows a report to a pinned root.
pub(crate) fn authenticate(
    crypto: &impl Crypto,
    report: &Report,
    endorsements: &Endorsements,
    roots: &Roots,
    now: UnixTime,
) -> Authenticated {
    let chain = Chain::follow(endorsements, roots, crypto);
    authenticate_under(crypto, report, chain.as_ref().map_err(|error| *error), now)
}

/// Authenticates a report under a chain that was followed.
pub(crate) fn authenticate_under(
    crypto: &impl Crypto,
    report: &Report,
    chain: Result<&Chain, NoLeaf>,
    now: UnixTime,
) -> Authenticated {
    let mut record = Record::default();
    check_format(&mut record, report);
    let chain = chain::note(&mut record, chain, now);
    let layout = layout(report, chain);
    match chain {
        Some(chain) => {
            check_signature(&mut record, report, chain, crypto);
            check_product(&mut record, report, chain);
            check_firmware(&mut record, report, chain, layout);
            check_chip(&mut record, report, chain, layout);
        }
        None => record.skip(
            StepName::Signature,
            "no certificate to check the signature with",
        ),
    }
    raise_flags(&mut record, report, chain, layout);

    let facts = facts(report, chain, layout, now);
    let authentic = record.all_pass(&ESSENTIAL)
        && record.none_failed(Level::Authentic)
        && facts.signed_by != SignedBy::Unknown;
    Authenticated {
        authentic,
        facts,
        record,
    }
}

fn check_format(record: &mut Record, report: &Report) {
    let mut reasons = Vec::new();
    if !VERSIONS.contains(&report.version()) {
        reasons.push(Reason::UnsupportedReportVersion);
    }
    if report.signature_algo() != SIGNATURE_ALGO {
        reasons.push(Reason::UnsupportedSignatureAlgo);
    }
    if matches!(
        report.signing_key(),
        SigningKey::None | SigningKey::Reserved
    ) {
        reasons.push(Reason::ReportNotSignedByVcekOrVlek);
    }
    // The layout of other versions is not known, so their reserved bytes are not either.
    if VERSIONS.contains(&report.version()) && !report.reserved_bytes_are_zero() {
        reasons.push(Reason::SignedReservedBytesNonzero);
    }
    if !report.signature_padding_is_zero() {
        reasons.push(Reason::SignatureFieldReservedBytesNonzero);
    }
    let detail = format!(
        "report version {}, reserved bytes and padding",
        report.version()
    );
    record.conclude(StepName::Format, detail, reasons);
}

/// Gives the product that decides the order of firmware bytes: the signed chain speaks first.
fn layout(report: &Report, chain: Option<&Chain>) -> Option<Product> {
    let of_root = chain.and_then(Chain::root).map(|root| root.product.chain());
    let of_leaf = chain.and_then(|chain| chain.leaf.extensions.product());
    let of_report = report
        .cpuid()
        .and_then(Product::from_cpuid)
        .map(Product::chain);
    of_root.or(of_leaf).or(of_report)
}

fn check_signature(record: &mut Record, report: &Report, chain: &Chain, crypto: &impl Crypto) {
    let mut reasons = Vec::new();
    let kind_agrees = match (report.signing_key(), chain.leaf.kind) {
        (SigningKey::Vcek, Some(KeyKind::Vcek)) | (SigningKey::Vlek, Some(KeyKind::Vlek)) => true,
        // A reserved value names no kind to compare with; the form check refuses it.
        (SigningKey::Reserved, _) => true,
        (SigningKey::Vcek | SigningKey::Vlek | SigningKey::None, _) => false,
    };
    if !kind_agrees {
        reasons.push(Reason::LeafKindDoesNotMatchSigningKey);
    }
    let Some(key) = &chain.leaf.key else {
        let detail = "leaf has no p-384 key";
        match reasons.is_empty() {
            true => record.skip(StepName::Signature, detail),
            false => record.conclude(StepName::Signature, detail, reasons),
        }
        return;
    };
    let verifies = report.signature().is_some_and(|signature| {
        crypto.verify_p384(key, report.signed_part(), P384Signature::Fixed(&signature))
    });
    if !verifies {
        reasons.push(Reason::ReportSignatureInvalid);
    }
    let detail = format!("ecdsa p-384 by {} over 672 bytes", chain.leaf.name);
    record.conclude(StepName::Signature, detail, reasons);
}

fn check_product(record: &mut Record, report: &Report, chain: &Chain) {
    let of_root = chain.root().map(|root| root.product.chain());
    let of_leaf = chain.leaf.extensions.product();
    let of_chain = of_root.or(of_leaf);
    let mut reasons = Vec::new();
    if of_leaf.is_none() || of_leaf != of_chain {
        reasons.push(Reason::LeafProductNameMismatch);
    }
    let of_report = match report.cpuid() {
        Some(cpuid) => match Product::from_cpuid(cpuid) {
            Some(product) => {
                if Some(product.chain()) != of_chain {
                    reasons.push(Reason::ReportProductDoesNotMatchChain);
                }
                product.as_str()
            }
            None => {
                reasons.push(Reason::UnknownCpuid);
                "an unknown product"
            }
        },
        None => "no product",
    };
    let name = |product: Option<Product>| product.map_or("nothing known", Product::as_str);
    let detail = format!(
        "root says {}, leaf says {}, report says {of_report}",
        name(of_root),
        name(of_leaf)
    );
    record.conclude(StepName::Product, detail, reasons);
}

fn check_firmware(record: &mut Record, report: &Report, chain: &Chain, layout: Option<Product>) {
    let Some(product) = layout else {
        let reasons = vec![Reason::ReportedTcbDoesNotMatchCertificate];
        record.conclude(StepName::CertifiedFirmware, "product is not known", reasons);
        return;
    };
    let reported = report.reported_tcb();
    let detail = format!("reported level {}", reported.read(product));
    let reasons = if !chain.leaf.extensions.states_common_levels() {
        vec![Reason::LeafTcbExtensionMissing]
    } else if chain.leaf.extensions.tcb(product) != Some(reported) {
        vec![Reason::ReportedTcbDoesNotMatchCertificate]
    } else {
        vec![]
    };
    record.conclude(StepName::CertifiedFirmware, detail, reasons);
}

fn check_chip(record: &mut Record, report: &Report, chain: &Chain, layout: Option<Product>) {
    let chip_id = report.chip_id();
    if chain.leaf.kind == Some(KeyKind::Vlek) {
        record.skip(StepName::CertifiedChip, "a fleet key names no chip");
        return;
    }
    let certified = layout.and_then(|product| chain.leaf.extensions.chip_id(product));
    match (&chain.leaf.extensions.hwid, certified) {
        (None, _) => {
            let reasons = vec![Reason::LeafHwidMissing];
            record.conclude(
                StepName::CertifiedChip,
                "certificate names no chip",
                reasons,
            );
        }
        (Some(_), _) if is_zero(&chip_id) => {
            record.skip(
                StepName::CertifiedChip,
                "report hides its chip id; the policy decides",
            );
        }
        (Some(_), certified) => {
            let detail = format!("chip {}", hex_short(&chip_id));
            let holds = certified == Some(chip_id);
            let reason = Reason::ChipIdDoesNotMatchCertificate;
            record.require(StepName::CertifiedChip, detail, holds, reason);
        }
    }
}

fn raise_flags(
    record: &mut Record,
    report: &Report,
    chain: Option<&Chain>,
    layout: Option<Product>,
) {
    let (reported, current) = (report.reported_tcb(), report.current_tcb());
    let info = report.platform_info();
    let launch_is_older = layout.is_some_and(|product| {
        reported
            .read(product)
            .exceeds(report.launch_tcb().read(product))
    });
    let vlek = chain.is_some_and(|chain| chain.leaf.kind == Some(KeyKind::Vlek));
    record.flag_when(reported != current, Flag::ReportedTcbBelowCurrent);
    record.flag_when(
        report.committed_tcb() != current,
        Flag::CommittedTcbBelowCurrent,
    );
    record.flag_when(launch_is_older, Flag::LaunchTcbBelowReported);
    record.flag_when(
        report.version() >= 3 && !info.alias_check_complete(),
        Flag::AliasCheckNotComplete,
    );
    record.flag_when(info.bit6(), Flag::PlatformInfoBit6Set);
    record.flag_when(info.unknown_bits() != 0, Flag::PlatformInfoUnknownBits);
    record.flag_when(report.mask_chip_key(), Flag::MaskChipKey);
    record.flag_when(
        vlek && !is_zero(&report.chip_id()),
        Flag::VlekReportExposesChipId,
    );
    record.flag_when(!is_zero(&report.id_key_digest()), Flag::IdBlockPresent);
}

fn facts(report: &Report, chain: Option<&Chain>, layout: Option<Product>, now: UnixTime) -> Facts {
    let of_report = report.cpuid().and_then(Product::from_cpuid);
    let product = match (layout, of_report) {
        // Siena and Bergamo share the chain of Genoa; only the report tells them apart.
        (Some(layout), Some(product)) if product.chain() == layout => Some(product),
        (layout, _) => layout,
    };
    let signed_by = match chain.and_then(|chain| chain.leaf.kind) {
        Some(KeyKind::Vcek) => SignedBy::Vcek,
        Some(KeyKind::Vlek) => SignedBy::Vlek {
            provider: chain.and_then(|chain| chain.leaf.extensions.provider.clone()),
        },
        None => SignedBy::Unknown,
    };
    Facts {
        kind: EvidenceKind::Snp,
        simulated: chain
            .and_then(Chain::root)
            .is_some_and(|root| root.simulated),
        checked_at: now,
        signed_by,
        product,
        measurement: Some(report.measurement()),
        pcrs: Vec::new(),
        host_data: Some(report.host_data()),
        chip_id: Some(report.chip_id()),
        vmpl: Some(report.vmpl()),
        tcb: layout.map(|product| report.reported_tcb().read(product)),
        debug: report.policy().debug(),
        report_data: Some(report.report_data()),
        user_data: None,
        nonce: None,
        public_key: None,
        timestamp_ms: None,
        module_id: None,
        snp: layout.map(|layout| snp_facts(report, chain, layout, now)),
        nitro: None,
    }
}

fn snp_facts(report: &Report, chain: Option<&Chain>, layout: Product, now: UnixTime) -> SnpFacts {
    SnpFacts {
        version: report.version(),
        layout,
        policy: report.policy(),
        platform_info: report.platform_info(),
        signing_key: report.signing_key(),
        guest_svn: report.guest_svn(),
        family_id: report.family_id(),
        image_id: report.image_id(),
        id_key_digest: report.id_key_digest(),
        author_key_digest: report.author_key_digest(),
        report_id: report.report_id(),
        current_tcb: report.current_tcb().read(layout),
        committed_tcb: report.committed_tcb().read(layout),
        launch_tcb: report.launch_tcb().read(layout),
        launch_mitigations: report.launch_mitigations(),
        current_mitigations: report.current_mitigations(),
        revocation_checked: chain.is_some_and(|chain| chain.is_revocation_checked(now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::AwsLc;

    const ARK: &[u8] = include_bytes!("../../roots/amd-genoa-ark.der");
    const ASK: &[u8] = include_bytes!("../../roots/amd-genoa-ask.der");
    /// 2026-06-01T00:00:00Z.
    const NOW: UnixTime = UnixTime(1_780_272_000);

    /// Authenticates an empty report of version 3 with these endorsements.
    fn reasons(leaf: &[u8], intermediate: Option<&[u8]>, crl: Option<&[u8]>) -> Vec<Reason> {
        let mut bytes = [0; super::super::REPORT_BYTES];
        bytes[0] = 3;
        bytes[0x34] = 1;
        let report = Report::parse(&bytes).expect("length is right");
        let endorsements = Endorsements {
            leaf: Some(leaf.to_vec()),
            intermediate: intermediate.map(<[u8]>::to_vec),
            crl: crl.map(<[u8]>::to_vec),
        };
        let authenticated = authenticate(&AwsLc, &report, &endorsements, &Roots::vendor(), NOW);
        assert!(!authenticated.is_authentic());
        authenticated.record.reasons
    }

    #[test]
    fn a_leaf_that_cannot_be_read_leaves_no_chain() {
        assert_eq!(reasons(&[0x30], None, None), [Reason::CertificateMalformed]);
    }

    #[test]
    fn an_issuer_offered_as_a_leaf_is_refused() {
        let found = reasons(ASK, Some(ARK), None);

        assert!(found.contains(&Reason::LeafIsACa));
        assert!(found.contains(&Reason::LeafKeyNotP384));
        assert!(found.contains(&Reason::LeafKindDoesNotMatchSigningKey));
        assert!(found.contains(&Reason::IntermediateKindMismatch));
    }

    #[test]
    fn a_leaf_of_no_known_issuer_is_refused() {
        assert!(reasons(ASK, None, None).contains(&Reason::IntermediateMissing));
    }

    #[test]
    fn an_intermediate_that_cannot_be_read_is_refused() {
        assert!(reasons(ASK, Some(&[0]), None).contains(&Reason::CertificateMalformed));
    }

    #[test]
    fn a_revocation_list_that_cannot_be_read_is_refused() {
        assert!(reasons(ASK, Some(ASK), Some(&[0x30, 0])).contains(&Reason::CrlMalformed));
    }
}

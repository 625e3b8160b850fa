//! Cases of SEV-SNP.

mod policies;

use super::{Bound, Case};
use crate::chip::ChipModel;
use crate::chip::ChipModel::{GenoaV3, GenoaV5, MilanV2, MilanV3, SienaBergamoV5, TurinV5};
use crate::forge::{Fault, Oddity};

const PROVISIONAL: &str = "committed-tcb-below-current(provisional-firmware)";
const REPORTED: &str = "reported-tcb-below-current";

pub(super) fn cases() -> Vec<Case> {
    let parts = [
        genuine(),
        of_the_form(),
        of_the_signature(),
        of_the_chain(),
        of_the_leaf(),
        of_the_list(),
        of_the_machine(),
        of_the_guest(),
        policies::cases(),
    ];
    parts.into_iter().flatten().collect()
}

fn odd(id: &'static str, model: ChipModel, oddity: Oddity) -> Case {
    Case::accepted(id, model, &[oddity.into()])
}

fn forged(
    id: &'static str,
    model: ChipModel,
    fault: Fault,
    reasons: &'static [&'static str],
) -> Case {
    Case::forged(id, model, &[fault.into()], reasons)
}

fn unwanted(
    id: &'static str,
    model: ChipModel,
    fault: Fault,
    reasons: &'static [&'static str],
) -> Case {
    Case::unwanted(id, model, &[fault.into()], reasons)
}

fn genuine() -> Vec<Case> {
    vec![
        Case::accepted("genuine-milan-v2", MilanV2, &[]),
        Case::accepted("genuine-milan-v3", MilanV3, &[]),
        Case::accepted("genuine-genoa-v3", GenoaV3, &[]),
        Case::accepted("genuine-genoa-v5", GenoaV5, &[]),
        Case::accepted("genuine-siena-bergamo-v5", SienaBergamoV5, &[]),
        Case::accepted("genuine-turin-v5", TurinV5, &[]),
        Case::accepted("genuine-turin-v5-bound", TurinV5, &[]).bound(Bound::Data),
        odd("fleet-key-milan-v2", MilanV2, Oddity::FleetKey),
        odd("fleet-key-genoa-v3", GenoaV3, Oddity::FleetKey),
        odd("fleet-key-turin-v5", TurinV5, Oddity::FleetKey),
        odd(
            "fleet-key-with-chip-id",
            GenoaV3,
            Oddity::FleetKeyWithChipId,
        )
        .flags(&["vlek-report-exposes-chip-id"]),
        odd("fleet-key-masked", GenoaV5, Oddity::FleetKeyMasked).flags(&["mask-chip-key"]),
        odd("id-block", GenoaV3, Oddity::IdBlock).flags(&["id-block-present"]),
        odd(
            "reported-below-current",
            MilanV3,
            Oddity::ReportedBelowCurrent,
        )
        .flags(&[REPORTED]),
        odd("provisional-firmware", TurinV5, Oddity::ProvisionalFirmware).flags(&[PROVISIONAL]),
        odd("launched-earlier", GenoaV5, Oddity::LaunchedEarlier)
            .flags(&["launch-tcb-below-reported"]),
        odd(
            "alias-check-pending",
            SienaBergamoV5,
            Oddity::AliasCheckPending,
        )
        .flags(&["alias-check-not-complete"]),
        odd("platform-bit6", TurinV5, Oddity::PlatformBit6).flags(&["platform-info-bit6-set"]),
        odd(
            "platform-unknown-bits",
            TurinV5,
            Oddity::PlatformUnknownBits,
        )
        .flags(&["platform-info-unknown-bits"]),
        odd("hwid-octet-string", TurinV5, Oddity::HwidOctetString),
        odd("no-smt", GenoaV5, Oddity::NoSmt),
        odd("valid-crl-milan", MilanV3, Oddity::ValidCrl),
        odd("valid-crl-turin", TurinV5, Oddity::ValidCrl),
    ]
}

fn of_the_form() -> Vec<Case> {
    vec![
        forged(
            "unknown-kind",
            GenoaV3,
            Fault::UnknownKind,
            &["unknown-evidence-kind"],
        ),
        forged(
            "truncated",
            GenoaV3,
            Fault::Truncated,
            &["malformed-report-length"],
        ),
        forged(
            "trailing-byte",
            TurinV5,
            Fault::TrailingByte,
            &["malformed-report-length"],
        ),
        forged(
            "unknown-version",
            GenoaV3,
            Fault::UnknownVersion,
            &["unsupported-report-version"],
        ),
        forged(
            "sig-algo",
            GenoaV3,
            Fault::SigAlgo,
            &["unsupported-signature-algo"],
        ),
        forged(
            "reserved-bits",
            GenoaV5,
            Fault::ReservedBits,
            &["signed-reserved-bytes-nonzero"],
        ),
    ]
}

fn of_the_signature() -> Vec<Case> {
    vec![
        forged(
            "signature-padding",
            GenoaV5,
            Fault::SignaturePadding,
            &["signature-field-reserved-bytes-nonzero"],
        ),
        forged(
            "swapped-key",
            GenoaV5,
            Fault::SwappedKey,
            &["report-signature-invalid"],
        ),
        forged(
            "signature-flipped",
            MilanV2,
            Fault::SignatureFlipped,
            &["report-signature-invalid"],
        ),
        forged(
            "unsigned",
            MilanV3,
            Fault::Unsigned,
            &[
                "report-not-signed-by-vcek-or-vlek",
                "leaf-kind-does-not-match-signing-key",
            ],
        ),
        forged(
            "key-kind-mismatch",
            MilanV3,
            Fault::KeyKindMismatch,
            &["leaf-kind-does-not-match-signing-key"],
        ),
    ]
}

fn of_the_chain() -> Vec<Case> {
    vec![
        forged("wrong-root", GenoaV3, Fault::WrongRoot, &["untrusted-root"]),
        forged(
            "spliced-chain",
            TurinV5,
            Fault::SplicedChain,
            &["chain-signature-invalid"],
        ),
        Case::forged("under-vendor-roots", GenoaV5, &[], &["untrusted-root"]).under_vendor_roots(),
        forged(
            "expired",
            GenoaV3,
            Fault::Expired,
            &["certificate-outside-validity"],
        ),
        forged(
            "not-yet-valid",
            MilanV2,
            Fault::NotYetValid,
            &["certificate-outside-validity"],
        ),
        forged(
            "no-endorsement-key",
            TurinV5,
            Fault::NoEndorsementKey,
            &["endorsement-key-missing"],
        ),
        forged(
            "no-endorsement-key-v2",
            MilanV2,
            Fault::NoEndorsementKey,
            &["endorsement-key-missing", "product-unknown"],
        ),
        forged(
            "no-intermediate",
            TurinV5,
            Fault::NoIntermediate,
            &["intermediate-missing"],
        ),
    ]
}

fn of_the_leaf() -> Vec<Case> {
    vec![
        forged(
            "malformed-certificate",
            GenoaV3,
            Fault::MalformedCertificate,
            &["certificate-malformed"],
        ),
        forged(
            "unknown-critical-extension",
            GenoaV3,
            Fault::UnknownCriticalExtension,
            &["certificate-unknown-critical-extension"],
        ),
        forged(
            "leaf-key-p256",
            GenoaV3,
            Fault::LeafKeyP256,
            &["leaf-key-not-p384"],
        ),
        forged("leaf-is-ca", GenoaV3, Fault::LeafIsCa, &["leaf-is-a-ca"]),
        forged(
            "leaf-pkcs1",
            GenoaV3,
            Fault::LeafPkcs1,
            &["chain-signature-invalid", "leaf-not-signed-with-rsassa-pss"],
        ),
        forged(
            "leaf-product-name",
            GenoaV3,
            Fault::LeafProductName,
            &["leaf-product-name-mismatch"],
        ),
        forged(
            "leaf-microcode-missing",
            GenoaV3,
            Fault::LeafMicrocodeMissing,
            &["leaf-tcb-extension-missing"],
        ),
        forged(
            "leaf-hwid-missing",
            TurinV5,
            Fault::LeafHwidMissing,
            &["leaf-hwid-missing"],
        ),
        forged(
            "powerless-issuer",
            GenoaV3,
            Fault::PowerlessIssuer,
            &["intermediate-not-a-ca"],
        ),
        forged(
            "issued-by-fleet-issuer",
            GenoaV3,
            Fault::IssuedByFleetIssuer,
            &["intermediate-kind-mismatch"],
        ),
    ]
}

fn of_the_list() -> Vec<Case> {
    vec![
        forged(
            "crl-malformed",
            GenoaV3,
            Fault::CrlMalformed,
            &["crl-malformed"],
        ),
        forged(
            "crl-signed-by-ask",
            GenoaV3,
            Fault::CrlSignedByAsk,
            &["crl-not-signed-by-ark"],
        ),
        forged(
            "crl-of-other-product",
            MilanV3,
            Fault::CrlOfOtherProduct,
            &["crl-not-signed-by-ark"],
        ),
        forged("crl-stale", GenoaV3, Fault::CrlStale, &["crl-stale"]),
        forged(
            "crl-not-yet-valid",
            GenoaV3,
            Fault::CrlNotYetValid,
            &["crl-not-yet-valid"],
        ),
        forged(
            "crl-revokes-ask",
            TurinV5,
            Fault::CrlRevokesAsk,
            &["intermediate-revoked"],
        ),
    ]
}

fn of_the_machine() -> Vec<Case> {
    vec![
        forged(
            "wrong-product",
            GenoaV3,
            Fault::WrongProduct,
            &["report-product-does-not-match-chain"],
        ),
        forged(
            "unknown-processor",
            GenoaV5,
            Fault::UnknownProcessor,
            &["unknown-cpuid"],
        ),
        forged(
            "tcb-mismatch",
            TurinV5,
            Fault::TcbMismatch,
            &["reported-tcb-does-not-match-certificate"],
        )
        .flags(&[REPORTED]),
        forged(
            "wrong-chip",
            TurinV5,
            Fault::WrongChip,
            &["chip-id-does-not-match-certificate"],
        ),
        unwanted(
            "masked-chip-id",
            GenoaV3,
            Fault::MaskedChipId,
            &["chip-id-masked"],
        ),
        unwanted(
            "reported-above-current",
            GenoaV3,
            Fault::ReportedAboveCurrent,
            &["reported-tcb-above-current"],
        )
        .flags(&[REPORTED]),
        unwanted(
            "committed-above-current",
            GenoaV3,
            Fault::CommittedAboveCurrent,
            &["committed-tcb-above-current"],
        )
        .flags(&[PROVISIONAL]),
    ]
}

fn of_the_guest() -> Vec<Case> {
    vec![
        unwanted("debug", TurinV5, Fault::Debug, &["policy-debug-allowed"]),
        unwanted(
            "migration-agent",
            GenoaV5,
            Fault::MigrationAgent,
            &["policy-migration-agent-allowed"],
        ),
        unwanted(
            "policy-reserved-bit",
            GenoaV5,
            Fault::PolicyReservedBit,
            &["policy-reserved-bits"],
        ),
        unwanted(
            "policy-bit17-zero",
            GenoaV5,
            Fault::PolicyBit17Zero,
            &["policy-bit17-not-one"],
        ),
        unwanted("vmpl1", MilanV3, Fault::Vmpl1, &["vmpl-not-zero"]),
        unwanted(
            "host-report",
            MilanV3,
            Fault::HostReport,
            &["vmpl-not-a-guest-vmpl"],
        ),
        unwanted(
            "wrong-report-data",
            GenoaV5,
            Fault::WrongReportData,
            &["report-data-mismatch"],
        )
        .bound(Bound::Data),
        unwanted(
            "replayed-nonce",
            TurinV5,
            Fault::ReplayedNonce,
            &["report-data-mismatch", "nonce-mismatch"],
        )
        .bound(Bound::Both),
        Case::unwanted(
            "several-faults",
            TurinV5,
            &[
                Fault::Debug.into(),
                Fault::MigrationAgent.into(),
                Fault::Vmpl1.into(),
            ],
            &[
                "policy-debug-allowed",
                "policy-migration-agent-allowed",
                "vmpl-not-zero",
            ],
        ),
    ]
}

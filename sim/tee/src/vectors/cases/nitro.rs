//! Cases of Nitro Enclaves.

use super::{Bound, Case};
use crate::chip::ChipModel::Nitro;
use crate::forge::{Change, Fault, Oddity};

const KEY_NULL: &str = "public_key-null";

/// A policy that names everything about a document.
const PINNED: &str = "pinned.toml";

pub(super) fn cases() -> Vec<Case> {
    let parts = [
        genuine(),
        of_the_envelope(),
        of_the_chain(),
        of_the_fields(),
        of_the_claims(),
        under_policies(),
    ];
    parts.into_iter().flatten().collect()
}

/// Gives the flag that every document without a public key has.
fn accepted(id: &'static str, changes: &[Change]) -> Case {
    Case::accepted(id, Nitro, changes).flags(&[KEY_NULL])
}

fn odd(id: &'static str, oddity: Oddity, flags: &'static [&'static str]) -> Case {
    Case::accepted(id, Nitro, &[oddity.into()]).flags(flags)
}

fn forged(id: &'static str, fault: Fault, reasons: &'static [&'static str]) -> Case {
    Case::forged(id, Nitro, &[fault.into()], reasons).flags(&[KEY_NULL])
}

fn unwanted(id: &'static str, fault: Fault, reasons: &'static [&'static str]) -> Case {
    Case::unwanted(id, Nitro, &[fault.into()], reasons).flags(&[KEY_NULL])
}

fn genuine() -> Vec<Case> {
    vec![
        accepted("genuine", &[]),
        accepted("genuine-bound", &[]).bound(Bound::Both),
        accepted("definite-map", &[Oddity::DefiniteMap.into()]),
        accepted(
            "fields-in-other-order",
            &[Oddity::FieldsInOtherOrder.into()],
        ),
        odd("fields-left-out", Oddity::FieldsLeftOut, &[]),
        odd("all-fields-at-most", Oddity::AllFieldsAtMost, &[]),
        odd("tagged", Oddity::Tagged, &["cose-tag-18", KEY_NULL]),
        odd(
            "outer-indefinite",
            Oddity::OuterIndefinite,
            &["outer-indefinite-length", KEY_NULL],
        ),
        odd(
            "public-key-empty",
            Oddity::PublicKeyEmpty,
            &["public_key-empty"],
        ),
        odd(
            "user-data-null",
            Oddity::UserDataNull,
            &[KEY_NULL, "user_data-null"],
        ),
        accepted("locked-registers", &[Oddity::LockedRegisters.into()]),
    ]
}

fn of_the_envelope() -> Vec<Case> {
    vec![
        forged(
            "unknown-kind",
            Fault::UnknownKind,
            &["unknown-evidence-kind"],
        )
        .flags(&[]),
        forged("truncated", Fault::Truncated, &["cbor-malformed"]).flags(&[]),
        forged("oversized", Fault::Oversized, &["document-too-large"]).flags(&[]),
        forged(
            "detached-payload",
            Fault::DetachedPayload,
            &["not-cose-sign1"],
        )
        .flags(&[]),
        forged("trailing-byte", Fault::TrailingByte, &["trailing-bytes"]),
        forged(
            "protected-header-extra",
            Fault::ProtectedHeaderExtra,
            &["algorithm-not-es384", "protected-header-invalid"],
        ),
        forged("alg-es256", Fault::AlgEs256, &["algorithm-not-es384"]),
        forged(
            "unprotected-header",
            Fault::UnprotectedHeader,
            &["unprotected-header-not-empty"],
        ),
        forged(
            "signature-short",
            Fault::SignatureShort,
            &["signature-length"],
        ),
        forged(
            "signature-flipped",
            Fault::SignatureFlipped,
            &["signature-invalid"],
        ),
        forged("swapped-key", Fault::SwappedKey, &["signature-invalid"]),
    ]
}

fn of_the_chain() -> Vec<Case> {
    vec![
        forged("wrong-root", Fault::WrongRoot, &["untrusted-root"]),
        forged(
            "spliced-chain",
            Fault::SplicedChain,
            &["chain-signature-invalid"],
        ),
        Case::forged("under-vendor-roots", Nitro, &[], &["untrusted-root"])
            .flags(&[KEY_NULL])
            .under_vendor_roots(),
        forged(
            "expired",
            Fault::Expired,
            &[
                "certificate-outside-validity",
                "timestamp-outside-leaf-validity",
            ],
        ),
        forged(
            "not-yet-valid",
            Fault::NotYetValid,
            &[
                "certificate-outside-validity",
                "timestamp-outside-leaf-validity",
            ],
        ),
        forged(
            "malformed-certificate",
            Fault::MalformedCertificate,
            &["certificate-malformed"],
        ),
        forged(
            "unknown-critical-extension",
            Fault::UnknownCriticalExtension,
            &["certificate-unknown-critical-extension"],
        ),
        forged("leaf-key-p256", Fault::LeafKeyP256, &["leaf-key-not-p384"]),
        forged("leaf-is-ca", Fault::LeafIsCa, &["leaf-is-a-ca"]),
        forged("leaf-key-usage", Fault::LeafKeyUsage, &["leaf-key-usage"]),
        forged(
            "powerless-issuer",
            Fault::PowerlessIssuer,
            &["issuer-not-a-ca"],
        ),
        forged("path-length", Fault::PathLength, &["path-length-exceeded"]),
        forged("bundle-empty", Fault::BundleEmpty, &["cabundle-invalid"]),
        forged(
            "timestamp-outside-leaf",
            Fault::TimestampOutsideLeaf,
            &["timestamp-outside-leaf-validity"],
        ),
    ]
}

fn of_the_fields() -> Vec<Case> {
    vec![
        forged(
            "duplicate-key",
            Fault::DuplicateKey,
            &["payload-duplicate-key"],
        ),
        forged(
            "unknown-field",
            Fault::UnknownField,
            &["payload-unknown-field:debug"],
        ),
        forged(
            "module-id-empty",
            Fault::ModuleIdEmpty,
            &["module-id-invalid"],
        ),
        forged("other-digest", Fault::OtherDigest, &["digest-invalid"]),
        forged(
            "timestamp-zero",
            Fault::TimestampZero,
            &["timestamp-invalid"],
        ),
        forged(
            "pcrs-empty",
            Fault::PcrsEmpty,
            &["pcr0-2-missing", "pcrs-invalid"],
        ),
        forged("pcr-twice", Fault::PcrTwice, &["pcrs-duplicate-index"]),
        forged("pcr-index-32", Fault::PcrIndex32, &["pcr-index-invalid"]),
        forged("pcr-length-47", Fault::PcrLength47, &["pcr-length-invalid"]),
        forged("pcr-sha256", Fault::PcrSha256, &["pcr-length-not-sha384"]),
        forged("nonce-not-bytes", Fault::NonceNotBytes, &["nonce-invalid"]),
        forged("nonce-too-long", Fault::NonceTooLong, &["nonce-too-long"]),
        forged(
            "user-data-not-bytes",
            Fault::UserDataNotBytes,
            &["user_data-invalid"],
        ),
        forged(
            "user-data-too-long",
            Fault::UserDataTooLong,
            &["user_data-too-long"],
        ),
        forged(
            "public-key-not-bytes",
            Fault::PublicKeyNotBytes,
            &["public_key-invalid"],
        )
        .flags(&[]),
        forged(
            "public-key-too-long",
            Fault::PublicKeyTooLong,
            &["public_key-too-long"],
        )
        .flags(&[]),
    ]
}

fn of_the_claims() -> Vec<Case> {
    vec![
        unwanted("debug", Fault::Debug, &["debug-mode"]),
        unwanted("zero-pcrs", Fault::ZeroPcrs, &["pcr0-2-partly-zero"]),
        unwanted("missing-pcr", Fault::MissingPcr, &["pcr0-2-missing"]),
        unwanted(
            "timestamp-future",
            Fault::TimestampFuture,
            &["timestamp-in-future"],
        ),
        unwanted(
            "wrong-report-data",
            Fault::WrongReportData,
            &["report-data-mismatch"],
        )
        .bound(Bound::Both),
        unwanted("replayed-nonce", Fault::ReplayedNonce, &["nonce-mismatch"]).bound(Bound::Both),
        unwanted("missing-nonce", Fault::MissingNonce, &["nonce-mismatch"])
            .flags(&["nonce-null", KEY_NULL])
            .bound(Bound::Both),
    ]
}

fn under_policies() -> Vec<Case> {
    let pinned = |id, fault, reasons| {
        unwanted(id, fault, reasons)
            .under(PINNED)
            .bound(Bound::Both)
    };
    let plain = |id, reasons| Case::unwanted(id, Nitro, &[], reasons).flags(&[KEY_NULL]);
    vec![
        accepted("pinned", &[]).under(PINNED).bound(Bound::Both),
        accepted("two-releases", &[]).under("two-releases.toml"),
        plain("binding-missing", &["binding-missing"]).under(PINNED),
        pinned(
            "wrong-measurement",
            Fault::WrongMeasurement,
            &["pcr-not-allowed"],
        ),
        pinned(
            "wrong-host-data",
            Fault::WrongHostData,
            &["pcr-not-allowed"],
        ),
        pinned("wrong-chip", Fault::WrongChip, &["module-id-not-allowed"]),
        plain("document-too-old", &["document-too-old"]).under("fresh.toml"),
        plain("simulated-evidence", &["simulated-evidence"]).under("real-hardware.toml"),
        plain("platform-refused", &["platform-refused"]).under("snp-alone.toml"),
    ]
}

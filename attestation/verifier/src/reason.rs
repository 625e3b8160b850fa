//! Reasons why evidence is refused: a closed list of stable codes.

use alloc::{format, string::String};
use core::fmt;

/// Characters of a field name of somebody else's that a reason repeats.
const FIELD_NAME_CHARACTERS_MAX: usize = 32;

macro_rules! reasons {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// Says why evidence is refused.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $meaning] $name,)*
            /// The payload has a field that the format does not know; holds the whole code.
            PayloadUnknownField(String),
        }

        impl Reason {
            /// Gives the stable code, such as `debug-mode`.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $code,)*
                    Self::PayloadUnknownField(code) => code,
                }
            }

            /// Says in one sentence what the code means.
            pub fn meaning(&self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                    Self::PayloadUnknownField(_) => {
                        "The payload has a field that the format does not know."
                    }
                }
            }

            /// Gives the reason whose code this is.
            pub fn from_code(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    other => other
                        .strip_prefix(UNKNOWN_FIELD_PREFIX)
                        .map(Self::payload_unknown_field),
                }
            }

            /// Every reason without a parameter, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

const UNKNOWN_FIELD_PREFIX: &str = "payload-unknown-field:";

reasons! {
    UnknownEvidenceKind = "unknown-evidence-kind",
        "The bytes are neither an SEV-SNP report nor a Nitro document.";
    MalformedReportLength = "malformed-report-length",
        "The report does not have 1184 bytes.";
    DocumentTooLarge = "document-too-large",
        "The document is longer than the platform makes them.";
    CborMalformed = "cbor-malformed",
        "The CBOR is broken, cut short, or its frame longer than it needs to be.";
    NotCoseSign1 = "not-cose-sign1",
        "The document is not a COSE_Sign1 with its payload inside.";
    EndorsementKeyMissing = "endorsement-key-missing",
        "The certificate of the signing key was not given.";
    CertificateMalformed = "certificate-malformed",
        "A certificate cannot be read.";
    CertificateUnknownCriticalExtension = "certificate-unknown-critical-extension",
        "A certificate has a critical extension that is not understood.";
    CertificateOutsideValidity = "certificate-outside-validity",
        "A certificate is not valid at the time of the check.";
    UntrustedRoot = "untrusted-root",
        "The chain does not end at a pinned root.";
    ChainSignatureInvalid = "chain-signature-invalid",
        "A certificate was not signed by the one above it.";
    LeafKeyNotP384 = "leaf-key-not-p384",
        "The signing key is not a P-384 key.";
    UnsupportedReportVersion = "unsupported-report-version",
        "The report version is not one of 2 to 5.";
    UnsupportedSignatureAlgo = "unsupported-signature-algo",
        "The report names another algorithm than ECDSA P-384 with SHA-384.";
    SignedReservedBytesNonzero = "signed-reserved-bytes-nonzero",
        "Reserved bytes of the signed part are set.";
    SignatureFieldReservedBytesNonzero = "signature-field-reserved-bytes-nonzero",
        "Padding beside the signature is set, where anyone could change it.";
    ReportNotSignedByVcekOrVlek = "report-not-signed-by-vcek-or-vlek",
        "The report does not claim a VCEK or VLEK signature.";
    ReportSignatureInvalid = "report-signature-invalid",
        "The signature of the report does not verify.";
    LeafKindDoesNotMatchSigningKey = "leaf-kind-does-not-match-signing-key",
        "The certificate is of another kind than the key the report names.";
    LeafNotSignedWithRsassaPss = "leaf-not-signed-with-rsassa-pss",
        "The leaf certificate is not signed with RSASSA-PSS and SHA-384.";
    LeafIsACa = "leaf-is-a-ca",
        "The leaf certificate could issue further certificates.";
    LeafProductNameMismatch = "leaf-product-name-mismatch",
        "The leaf certificate names another product than its chain.";
    LeafTcbExtensionMissing = "leaf-tcb-extension-missing",
        "The leaf certificate does not state each firmware level.";
    LeafHwidMissing = "leaf-hwid-missing",
        "The VCEK certificate does not name its chip.";
    IntermediateMissing = "intermediate-missing",
        "No intermediate certificate fits the leaf.";
    IntermediateNotACa = "intermediate-not-a-ca",
        "The intermediate certificate may not issue certificates.";
    IntermediateKindMismatch = "intermediate-kind-mismatch",
        "The intermediate is not the one that issues this kind of leaf.";
    IntermediateRevoked = "intermediate-revoked",
        "The vendor revoked the intermediate certificate.";
    CrlMalformed = "crl-malformed",
        "The revocation list cannot be read.";
    CrlNotSignedByArk = "crl-not-signed-by-ark",
        "The revocation list is not signed by the root of the chain.";
    CrlStale = "crl-stale",
        "The revocation list is past its next update.";
    CrlNotYetValid = "crl-not-yet-valid",
        "The revocation list is from the future.";
    UnknownCpuid = "unknown-cpuid",
        "The report names a processor that is not known.";
    ReportProductDoesNotMatchChain = "report-product-does-not-match-chain",
        "The report names another product than its chain.";
    ReportedTcbDoesNotMatchCertificate = "reported-tcb-does-not-match-certificate",
        "The firmware level of the report is not the one of the certificate.";
    ChipIdDoesNotMatchCertificate = "chip-id-does-not-match-certificate",
        "The chip id of the report is not the one of the certificate.";
    ChipIdMasked = "chip-id-masked",
        "The report hides its chip id.";
    ReportedTcbAboveCurrent = "reported-tcb-above-current",
        "The report states a higher firmware level than the running one.";
    CommittedTcbAboveCurrent = "committed-tcb-above-current",
        "The committed firmware level is above the running one.";
    PolicyBit17NotOne = "policy-bit17-not-one",
        "Bit 17 of the guest policy must be one.";
    PolicyReservedBits = "policy-reserved-bits",
        "Reserved bits of the guest policy are set.";
    PolicyDebugAllowed = "policy-debug-allowed",
        "The host may read the memory of this guest.";
    PolicyMigrationAgentAllowed = "policy-migration-agent-allowed",
        "A migration agent may take this guest elsewhere.";
    VmplNotZero = "vmpl-not-zero",
        "Less privileged software of the guest asked for the report.";
    VmplNotAGuestVmpl = "vmpl-not-a-guest-vmpl",
        "The host, and not the guest, asked for the report.";
    VmplNotAllowed = "vmpl-not-allowed",
        "The policy names another privilege level.";
    ProductNotAllowed = "product-not-allowed",
        "The policy does not trust this product.";
    ProductUnknown = "product-unknown",
        "The product is not known, for want of a usable certificate, so no rule applies.";
    ChipNotAllowed = "chip-not-allowed",
        "The policy does not list this chip.";
    ReportedTcbBelowMinimum = "reported-tcb-below-minimum",
        "The reported firmware level is below the floor.";
    CommittedTcbBelowMinimum = "committed-tcb-below-minimum",
        "The committed firmware level is below the floor.";
    LaunchTcbBelowMinimum = "launch-tcb-below-minimum",
        "The guest was launched on firmware below the floor.";
    ProvisionalFirmware = "provisional-firmware",
        "The host may still roll the firmware back.";
    ReportedTcbBelowCurrent = "reported-tcb-below-current",
        "The report states an older firmware level than the running one.";
    LaunchMitigationMissing = "launch-mitigation-missing",
        "A demanded mitigation was not active at launch.";
    CurrentMitigationMissing = "current-mitigation-missing",
        "A demanded mitigation is not active.";
    GuestPolicyNotAllowed = "guest-policy-not-allowed",
        "A bit of the guest policy is not as the policy asks.";
    PlatformInfoNotAllowed = "platform-info-not-allowed",
        "The machine is not in the state the policy asks for.";
    MeasurementNotAllowed = "measurement-not-allowed",
        "Another program was launched than the policy names.";
    HostDataNotAllowed = "host-data-not-allowed",
        "The host data is not what the policy names.";
    IdBlockNotAllowed = "id-block-not-allowed",
        "The owner's id block is not what the policy names.";
    VlekNotAllowed = "vlek-not-allowed",
        "The policy refuses reports under a provider's fleet key.";
    VlekProviderNotAllowed = "vlek-provider-not-allowed",
        "The policy does not name this provider.";
    CrlMissing = "crl-missing",
        "The policy demands a revocation list and none was valid.";
    TrailingBytes = "trailing-bytes",
        "Bytes follow the document.";
    ProtectedHeaderInvalid = "protected-header-invalid",
        "The signed header holds anything but the algorithm.";
    AlgorithmNotEs384 = "algorithm-not-es384",
        "The signed header does not name ES384.";
    UnprotectedHeaderNotEmpty = "unprotected-header-not-empty",
        "The unsigned header is not empty.";
    SignatureLength = "signature-length",
        "The signature does not have 96 bytes.";
    SignatureInvalid = "signature-invalid",
        "The signature of the document does not verify.";
    PayloadDuplicateKey = "payload-duplicate-key",
        "A field occurs twice, so that two readers could disagree.";
    ModuleIdInvalid = "module-id-invalid",
        "The module id is missing or empty.";
    DigestInvalid = "digest-invalid",
        "The digest is not SHA384.";
    TimestampInvalid = "timestamp-invalid",
        "The timestamp is missing or zero.";
    PcrsInvalid = "pcrs-invalid",
        "The map of PCRs is missing, empty or too large.";
    PcrsDuplicateIndex = "pcrs-duplicate-index",
        "A PCR occurs twice, so that two readers could disagree.";
    PcrIndexInvalid = "pcr-index-invalid",
        "A PCR index is above 31.";
    PcrLengthInvalid = "pcr-length-invalid",
        "A PCR has a length that no digest has.";
    PcrLengthNotSha384 = "pcr-length-not-sha384",
        "A PCR does not have the length of SHA-384.";
    CabundleInvalid = "cabundle-invalid",
        "The bundle of issuers is missing, empty or out of limits.";
    PublicKeyInvalid = "public_key-invalid",
        "The public key is not a byte string.";
    PublicKeyTooLong = "public_key-too-long",
        "The public key is longer than 1024 bytes.";
    UserDataInvalid = "user_data-invalid",
        "The user data is not a byte string.";
    UserDataTooLong = "user_data-too-long",
        "The user data is longer than 512 bytes.";
    NonceInvalid = "nonce-invalid",
        "The nonce is not a byte string.";
    NonceTooLong = "nonce-too-long",
        "The nonce is longer than 512 bytes.";
    IssuerNotACa = "issuer-not-a-ca",
        "A certificate of the bundle may not issue certificates.";
    PathLengthExceeded = "path-length-exceeded",
        "An issuer allows fewer certificates below it than there are.";
    LeafKeyUsage = "leaf-key-usage",
        "The leaf certificate may not sign documents.";
    TimestampOutsideLeafValidity = "timestamp-outside-leaf-validity",
        "The document was made outside the life of its certificate.";
    TimestampInFuture = "timestamp-in-future",
        "The document is from the future.";
    DocumentTooOld = "document-too-old",
        "The document is older than the policy allows.";
    DebugMode = "debug-mode",
        "PCR0 to PCR2 are zero: the enclave runs in debug mode.";
    Pcr0To2Missing = "pcr0-2-missing",
        "One of PCR0 to PCR2 is missing.";
    Pcr0To2PartlyZero = "pcr0-2-partly-zero",
        "One of PCR0 to PCR2 alone is zero.";
    PcrNotAllowed = "pcr-not-allowed",
        "A PCR is not what the policy names.";
    ModuleIdNotAllowed = "module-id-not-allowed",
        "The module id is not what the policy names.";
    SimulatedEvidence = "simulated-evidence",
        "The root is a simulated one and the policy refuses those.";
    PlatformRefused = "platform-refused",
        "The policy refuses this platform.";
    PolicyIncomplete = "policy-incomplete",
        "The policy leaves out what it must name: PCR0 to PCR2, or a floor for this time.";
    BindingMissing = "binding-missing",
        "The policy demands a binding and nothing to compare with was given.";
    ReportDataMismatch = "report-data-mismatch",
        "The evidence is bound to other data than expected.";
    NonceMismatch = "nonce-mismatch",
        "The evidence does not answer the nonce.";
}

impl Reason {
    /// Names an unknown field, cut short and with everything but plain characters replaced.
    pub(crate) fn payload_unknown_field(name: &str) -> Self {
        let plain = |character: char| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => character,
            _ => '?',
        };
        let name: String = name
            .chars()
            .take(FIELD_NAME_CHARACTERS_MAX)
            .map(plain)
            .collect();
        Self::PayloadUnknownField(format!("{UNKNOWN_FIELD_PREFIX}{name}"))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_unique_and_leads_back_to_its_reason() {
        let codes: BTreeSet<&str> = Reason::ALL.iter().map(Reason::as_str).collect();

        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.as_str()).as_ref(), Some(reason));
        }
        assert_eq!(Reason::from_code("no-such-code"), None);
    }

    #[test]
    fn a_foreign_field_name_is_cut_and_made_plain() {
        let long = "debug\n\u{1b}[2J".repeat(20);

        let reason = Reason::payload_unknown_field(&long);

        assert!(reason.as_str().starts_with("payload-unknown-field:debug??"));
        assert_eq!(
            reason.as_str().len(),
            UNKNOWN_FIELD_PREFIX.len() + FIELD_NAME_CHARACTERS_MAX
        );
    }
}

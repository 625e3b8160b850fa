//! The list of faults.

use crate::chip::ChipModel;

macro_rules! faults {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// One thing wrong with a piece of evidence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $(#[doc = $meaning] $name,)*
        }

        impl Fault {
            /// Every fault, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the stable name, such as `wrong-root`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// Says in one sentence what is wrong.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

faults! {
    WrongRoot = "wrong-root",
        "A complete self-made chain with the names of the genuine one.";
    SplicedChain = "spliced-chain",
        "The genuine chain down to a leaf that somebody else issued.";
    SwappedKey = "swapped-key",
        "Signed by another key than the one that is certified.";
    Expired = "expired",
        "A leaf certificate that ended yesterday.";
    NotYetValid = "not-yet-valid",
        "A leaf certificate that starts tomorrow.";
    MalformedCertificate = "malformed-certificate",
        "A leaf certificate that is cut short.";
    UnknownCriticalExtension = "unknown-critical-extension",
        "A leaf certificate with an extension that must be understood and is not.";
    LeafKeyP256 = "leaf-key-p256",
        "A leaf certificate for a key on another curve.";
    LeafIsCa = "leaf-is-ca",
        "A leaf certificate that could issue further certificates.";
    PowerlessIssuer = "powerless-issuer",
        "An issuer of the leaf whose own certificate allows it to issue nothing.";
    UnknownKind = "unknown-kind",
        "Bytes of neither platform.";
    Truncated = "truncated",
        "The last byte is missing.";
    TrailingByte = "trailing-byte",
        "A byte follows the evidence.";
    SignatureFlipped = "signature-flipped",
        "One bit of the signature is flipped.";
    Debug = "debug",
        "A guest or enclave whose memory its host may read.";
    WrongMeasurement = "wrong-measurement",
        "Another program was launched.";
    WrongHostData = "wrong-host-data",
        "The program was launched with another configuration.";
    WrongReportData = "wrong-report-data",
        "Bound to other data, such as another key.";
    ReplayedNonce = "replayed-nonce",
        "Made for an earlier challenge.";
    WrongChip = "wrong-chip",
        "Made by another chip or instance than the certificate or policy names.";
    MigrationAgent = "migration-agent",
        "SEV-SNP: a migration agent may take the guest elsewhere.";
    OldFirmware = "old-firmware",
        "SEV-SNP: a chip with genuine but old firmware.";
    TcbMismatch = "tcb-mismatch",
        "SEV-SNP: a firmware level that the certificate does not vouch for.";
    ReportedAboveCurrent = "reported-above-current",
        "SEV-SNP: the report states a higher firmware level than the running one.";
    CommittedAboveCurrent = "committed-above-current",
        "SEV-SNP: the committed firmware level is above the running one.";
    MaskedChipId = "masked-chip-id",
        "SEV-SNP: the chip id is all zero.";
    WrongProduct = "wrong-product",
        "SEV-SNP: the processor is of another product line.";
    UnknownProcessor = "unknown-processor",
        "SEV-SNP: the processor is one that nobody has defined.";
    Vmpl1 = "vmpl1",
        "SEV-SNP: less privileged software of the guest asked.";
    HostReport = "host-report",
        "SEV-SNP: the host asked.";
    ReservedBits = "reserved-bits",
        "SEV-SNP: a reserved byte of the signed part is set.";
    PolicyReservedBit = "policy-reserved-bit",
        "SEV-SNP: a reserved bit of the guest policy is set.";
    PolicyBit17Zero = "policy-bit17-zero",
        "SEV-SNP: the bit of the guest policy that is always one is zero.";
    UnknownVersion = "unknown-version",
        "SEV-SNP: a report version that nobody has defined.";
    SigAlgo = "sig-algo",
        "SEV-SNP: another signature algorithm is named.";
    Unsigned = "unsigned",
        "SEV-SNP: the report says that no key signed it.";
    KeyKindMismatch = "key-kind-mismatch",
        "SEV-SNP: the report names a fleet's key and a chip's key signed it.";
    SignaturePadding = "signature-padding",
        "SEV-SNP: a byte beside the signature is set, where no signature protects it.";
    NoEndorsementKey = "no-endorsement-key",
        "SEV-SNP: the certificate of the signing key is not handed over.";
    NoIntermediate = "no-intermediate",
        "SEV-SNP: the certificate of the issuer is not handed over.";
    LeafPkcs1 = "leaf-pkcs1",
        "SEV-SNP: the leaf certificate is signed by RSA with the older padding.";
    LeafProductName = "leaf-product-name",
        "SEV-SNP: the leaf certificate names another product than its chain.";
    LeafMicrocodeMissing = "leaf-microcode-missing",
        "SEV-SNP: the leaf certificate does not state the microcode level.";
    LeafHwidMissing = "leaf-hwid-missing",
        "SEV-SNP: the leaf certificate does not name its chip.";
    IssuedByFleetIssuer = "issued-by-fleet-issuer",
        "SEV-SNP: a chip's certificate from the issuer of fleet keys.";
    CrlMalformed = "crl-malformed",
        "SEV-SNP: a revocation list that is cut short.";
    CrlSignedByAsk = "crl-signed-by-ask",
        "SEV-SNP: a revocation list signed by the issuer that it is about.";
    CrlOfOtherProduct = "crl-of-other-product",
        "SEV-SNP: a revocation list of another product line.";
    CrlStale = "crl-stale",
        "SEV-SNP: a revocation list past its next update.";
    CrlNotYetValid = "crl-not-yet-valid",
        "SEV-SNP: a revocation list from the future.";
    CrlRevokesAsk = "crl-revokes-ask",
        "SEV-SNP: a revocation list with the issuer of the leaf on it.";
    ZeroPcrs = "zero-pcrs",
        "Nitro: one of the three image registers alone is zero.";
    MissingPcr = "missing-pcr",
        "Nitro: an image register is left out.";
    UnprotectedHeader = "unprotected-header",
        "Nitro: an unsigned header beside the signed one.";
    ProtectedHeaderExtra = "protected-header-extra",
        "Nitro: the signed header holds more than the algorithm.";
    AlgEs256 = "alg-es256",
        "Nitro: the signed header names another algorithm.";
    DetachedPayload = "detached-payload",
        "Nitro: the payload is not in the document.";
    SignatureShort = "signature-short",
        "Nitro: the signature lacks its last byte.";
    Oversized = "oversized",
        "Nitro: the document is longer than the platform makes them.";
    DuplicateKey = "duplicate-key",
        "Nitro: the nonce twice, with two values.";
    UnknownField = "unknown-field",
        "Nitro: a field that the format does not know.";
    MissingNonce = "missing-nonce",
        "Nitro: the nonce is null.";
    NonceNotBytes = "nonce-not-bytes",
        "Nitro: the nonce is text.";
    NonceTooLong = "nonce-too-long",
        "Nitro: a nonce of 513 bytes.";
    UserDataNotBytes = "user-data-not-bytes",
        "Nitro: the user data is text.";
    UserDataTooLong = "user-data-too-long",
        "Nitro: user data of 513 bytes.";
    PublicKeyNotBytes = "public-key-not-bytes",
        "Nitro: the public key is text.";
    PublicKeyTooLong = "public-key-too-long",
        "Nitro: a public key of 1025 bytes.";
    ModuleIdEmpty = "module-id-empty",
        "Nitro: the module id has no characters.";
    OtherDigest = "other-digest",
        "Nitro: the document names another digest.";
    PcrsEmpty = "pcrs-empty",
        "Nitro: the map of registers is empty.";
    PcrTwice = "pcr-twice",
        "Nitro: a register twice, with two values.";
    PcrIndex32 = "pcr-index-32",
        "Nitro: a register beyond the last.";
    PcrLength47 = "pcr-length-47",
        "Nitro: a register that lacks a byte.";
    PcrSha256 = "pcr-sha256",
        "Nitro: a register with the length of SHA-256.";
    BundleEmpty = "bundle-empty",
        "Nitro: the bundle of issuers is empty.";
    PathLength = "path-length",
        "Nitro: an issuer that allows fewer issuers below it than there are.";
    LeafKeyUsage = "leaf-key-usage",
        "Nitro: a leaf certificate whose key may sign no documents.";
    TimestampOutsideLeaf = "timestamp-outside-leaf",
        "Nitro: made before its leaf certificate began.";
    TimestampFuture = "timestamp-future",
        "Nitro: the document is two hours ahead.";
    TimestampZero = "timestamp-zero",
        "Nitro: the document says no time.";
}

impl Fault {
    /// Says whether chips of `model` can show this fault.
    #[must_use]
    pub fn applies_to(self, model: ChipModel) -> bool {
        super::Change::Fault(self).applies_to(model)
    }
}

//! The list of oddities: rare and genuine, so that a verifier has to accept them.

use crate::chip::ChipModel;

macro_rules! oddities {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// Something rare that genuine evidence may have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Oddity {
            $(#[doc = $meaning] $name,)*
        }

        impl Oddity {
            /// Every oddity, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the stable name, such as `fleet-key`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// Says in one sentence what is odd.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

oddities! {
    FleetKey = "fleet-key",
        "SEV-SNP: signed under a provider's fleet key (VLEK), which names no chip.";
    FleetKeyWithChipId = "fleet-key-with-chip-id",
        "SEV-SNP: under a fleet key and with a chip id all the same.";
    FleetKeyMasked = "fleet-key-masked",
        "SEV-SNP: under a fleet key, with the note that the host hides chip ids.";
    IdBlock = "id-block",
        "SEV-SNP: the guest's owner signed an id block.";
    ReportedBelowCurrent = "reported-below-current",
        "SEV-SNP: the provider lets the chip report an older firmware level than the running one.";
    ProvisionalFirmware = "provisional-firmware",
        "SEV-SNP: the running firmware is not committed yet.";
    LaunchedEarlier = "launched-earlier",
        "SEV-SNP: the guest was launched on older firmware, which was updated under it.";
    AliasCheckPending = "alias-check-pending",
        "SEV-SNP: the memory was not checked for aliases.";
    PlatformBit6 = "platform-bit6",
        "SEV-SNP: a bit of the platform information without a published meaning, as Turin sets it.";
    PlatformUnknownBits = "platform-unknown-bits",
        "SEV-SNP: a bit of the platform information that is not defined yet.";
    HwidOctetString = "hwid-octet-string",
        "SEV-SNP: the certificate wraps the chip id in an octet string, as newer ones do.";
    ValidCrl = "valid-crl",
        "SEV-SNP: a revocation list comes along, and nothing is on it.";
    NoSmt = "no-smt",
        "SEV-SNP: the guest forbids two threads per core, and demands what else it can.";
    Tagged = "tagged",
        "Nitro: the document carries the tag of COSE_Sign1.";
    OuterIndefinite = "outer-indefinite",
        "Nitro: the outer array does not state its length.";
    DefiniteMap = "definite-map",
        "Nitro: the payload's map states its length, as until 2025.";
    FieldsLeftOut = "fields-left-out",
        "Nitro: absent fields are left out instead of null.";
    FieldsInOtherOrder = "fields-in-other-order",
        "Nitro: the fields stand in another order.";
    PublicKeyEmpty = "public-key-empty",
        "Nitro: the public key has no bytes, as in a document of 2021.";
    AllFieldsAtMost = "all-fields-at-most",
        "Nitro: public key, user data and nonce have their greatest lengths.";
    UserDataNull = "user-data-null",
        "Nitro: the document carries no user data.";
    LockedRegisters = "locked-registers",
        "Nitro: all 32 registers are there.";
}

impl Oddity {
    /// Says whether chips of `model` can show this oddity.
    #[must_use]
    pub fn applies_to(self, model: ChipModel) -> bool {
        super::Change::Oddity(self).applies_to(model)
    }
}

//! Flags: facts worth a look that do not refuse evidence by themselves.

use core::fmt;

macro_rules! flags {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// Names something worth a look that does not refuse evidence by itself.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Flag {
            $(#[doc = $meaning] $name,)*
        }

        impl Flag {
            /// Every flag, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Gives the stable code, such as `id-block-present`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// Says in one sentence what the code means.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

flags! {
    IdBlockPresent = "id-block-present",
        "The owner of the guest signed an id block.";
    ReportedTcbBelowCurrent = "reported-tcb-below-current",
        "The report states another firmware level than the running one.";
    CommittedTcbBelowCurrent = "committed-tcb-below-current(provisional-firmware)",
        "The running firmware is not committed, so the host may still roll it back.";
    LaunchTcbBelowReported = "launch-tcb-below-reported",
        "The guest was launched on an older firmware level than the reported one.";
    AliasCheckNotComplete = "alias-check-not-complete",
        "Memory was not checked for aliases since the last reset.";
    PlatformInfoBit6Set = "platform-info-bit6-set",
        "Bit 6 of the platform information is set; its meaning is not published.";
    PlatformInfoUnknownBits = "platform-info-unknown-bits",
        "The platform information has bits without a published meaning.";
    MaskChipKey = "mask-chip-key",
        "The host hides the chip id and the chip key.";
    VlekReportExposesChipId = "vlek-report-exposes-chip-id",
        "A report under a fleet key names a chip.";
    CoseTag18 = "cose-tag-18",
        "The document carries the COSE_Sign1 tag.";
    OuterIndefiniteLength = "outer-indefinite-length",
        "The unsigned outer array has no stated length.";
    PublicKeyNull = "public_key-null",
        "The document carries no public key.";
    PublicKeyEmpty = "public_key-empty",
        "The public key has no bytes.";
    UserDataNull = "user_data-null",
        "The document carries no user data.";
    NonceNull = "nonce-null",
        "The document carries no nonce.";
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

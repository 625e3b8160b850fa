//! Steps: what was checked, in order, with the reason why it matters.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::reason::Reason;

/// Says which of the three results a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The vendor's hardware made this evidence.
    Authentic,
    /// The policy allows what the evidence says.
    Acceptable,
    /// The evidence belongs to this conversation.
    Bound,
}

/// Says how a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The comparison held.
    Pass,
    /// The comparison did not hold.
    Fail,
    /// There was nothing to compare, or an earlier failure left nothing to compare with.
    NotChecked,
}

/// One check with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which check it was.
    pub name: StepName,
    /// How it ended.
    pub outcome: Outcome,
    /// What was compared, in words.
    pub detail: String,
    /// Why the check matters, in one sentence.
    pub why: &'static str,
    /// Reasons that this step gave; empty unless it failed.
    pub reasons: Vec<Reason>,
}

macro_rules! steps {
    ($($name:ident = $code:literal, $level:ident, $title:literal, $why:literal;)*) => {
        /// Names a check.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum StepName {
            $(#[doc = concat!("Checks: ", $title, ".")] $name,)*
        }

        impl StepName {
            /// Gives the stable name, such as `firmware-floor`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// Says in a few words what holds when the step passes.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }

            /// Says in one sentence, for a newcomer, why the check matters.
            pub fn why(self) -> &'static str {
                match self {
                    $(Self::$name => $why,)*
                }
            }

            /// Says which of the three results the step belongs to.
            pub fn level(self) -> Level {
                match self {
                    $(Self::$name => Level::$level,)*
                }
            }
        }
    };
}

steps! {
    Format = "format", Authentic,
        "the evidence has the exact form",
        "Anything that two readers could read differently is a place to hide a lie.";
    Certificate = "certificate", Authentic,
        "the signing key has a sound certificate",
        "The signing key is only as good as the certificate that says whose it is.";
    Root = "root", Authentic,
        "the chain ends at a pinned root",
        "Anyone can make a chain with the right names; only the vendor's own root counts.";
    Chain = "chain", Authentic,
        "each certificate is signed by the one above",
        "A chain carries trust from the vendor down to one chip, link by link.";
    Validity = "validity", Authentic,
        "the certificates are valid at this time",
        "A certificate is a promise for a limited time.";
    Revocation = "revocation", Authentic,
        "the issuer is not revoked",
        "The vendor takes back an issuer whose key can no longer be trusted.";
    Signature = "signature", Authentic,
        "the evidence is signed by that key",
        "This is the proof that the hardware, and nobody else, stated these facts.";
    Product = "product", Authentic,
        "the product agrees everywhere",
        "A chip of one product must not speak under the chain of another.";
    CertifiedFirmware = "certified-firmware", Authentic,
        "the firmware level is the certified one",
        "The key depends on the firmware level, so an old level cannot pass for a new one.";
    CertifiedChip = "certified-chip", Authentic,
        "the chip is the certified one",
        "The report must come from the very chip that the certificate names.";
    SigningTime = "signing-time", Authentic,
        "the evidence was made while its key was valid",
        "A document from outside the life of its key was made by something else.";
    Simulation = "simulation", Acceptable,
        "the evidence comes from real hardware",
        "A simulated platform protects nothing from its operator.";
    PlatformKind = "platform-kind", Acceptable,
        "the policy accepts this platform",
        "Each relying party decides which hardware it trusts.";
    ProductTrust = "product-trust", Acceptable,
        "the product and the chip are trusted",
        "Some products have known weaknesses, so trust is given per product or per chip.";
    FirmwareFloor = "firmware-floor", Acceptable,
        "the firmware is recent enough",
        "Old firmware has published holes.";
    FirmwareOrder = "firmware-order", Acceptable,
        "the firmware levels fit together",
        "A level above the running one is a contradiction; one not committed can be undone.";
    Mitigations = "mitigations", Acceptable,
        "the demanded mitigations are active",
        "Some holes are closed by a switch that must be on.";
    SigningKey = "signing-key", Acceptable,
        "this kind of signing key is accepted",
        "A fleet key is held by the cloud provider and names no chip.";
    RevocationDemand = "revocation-demand", Acceptable,
        "a revocation list is at hand",
        "Without a list nobody would notice that an issuer was taken back.";
    Debug = "debug", Acceptable,
        "debug mode is off",
        "In debug mode the host can read the memory, so nothing in it is secret.";
    Migration = "migration", Acceptable,
        "migration is off",
        "A migration agent could take the guest's memory to another machine.";
    GuestPolicy = "guest-policy", Acceptable,
        "the guest policy is as asked",
        "The guest policy says what the host may do to the guest.";
    PlatformState = "platform-state", Acceptable,
        "the machine is in the asked state",
        "Settings of the machine decide which attacks are possible.";
    Privilege = "privilege", Acceptable,
        "the guest's most privileged software asked for it",
        "Less privileged software, or the host, could ask for a report in its own name.";
    Measurement = "measurement", Acceptable,
        "the program is the expected one",
        "The measurement is the fingerprint of what was started; a changed program changes it.";
    HostData = "host-data", Acceptable,
        "the launch configuration is the expected one",
        "Configuration given at launch changes what the program does.";
    IdBlock = "id-block", Acceptable,
        "the owner's id block is the expected one",
        "The id block says which owner stands behind the program, and its version.";
    ModuleId = "module-id", Acceptable,
        "the module is an expected one",
        "The module id names the instance and the enclave.";
    Age = "age", Acceptable,
        "the evidence is fresh",
        "Old evidence may describe an enclave that is gone.";
    ReportData = "report-data", Bound,
        "the evidence is bound to this session",
        "Genuine evidence of another conversation says nothing about this one.";
    Nonce = "nonce", Bound,
        "the evidence answers the nonce",
        "A nonce shows that the evidence was made after the question.";
    BindingDemand = "binding-demand", Bound,
        "the evidence is bound to something you named",
        "Genuine evidence that is bound to nothing can be shown again by whoever has a copy.";
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

//! The written policy: what an appraisal accepts, field by field, without defaults.

use alloc::{string::String, vec, vec::Vec};

use crate::{rule::Rule, snp::product::Product};

/// What a relying party accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether evidence under a simulated root may be accepted.
    pub simulated: SimulatedEvidence,
    /// Rules for SEV-SNP.
    pub snp: Platform<SnpPolicy>,
    /// Rules for Nitro.
    pub nitro: Platform<NitroPolicy>,
}

/// Says whether evidence under a simulated root may be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulatedEvidence {
    /// Accept it, as in a demonstration or a test.
    Allow,
    /// Refuse it, as in production.
    Refuse,
}

/// A platform is refused as a whole or accepted under rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platform<P> {
    /// No evidence of this platform is accepted.
    Refused,
    /// Evidence is accepted under these rules.
    Accepted(P),
}

/// Whether something undesirable is put up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It may be present.
    Allow,
    /// Its presence refuses the evidence.
    Refuse,
}

/// Rules for SEV-SNP reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnpPolicy {
    /// Products that are trusted, each with its floors; a product that is not listed is refused.
    pub products: Vec<ProductPolicy>,
    /// Privilege level of the software that asked for the report.
    pub vmpl: Rule<u32>,
    /// Guests whose memory the host may read.
    pub debug: Permission,
    /// Guests that may be moved by a migration agent.
    pub migration_agent: Permission,
    /// Remaining bits of the guest policy.
    pub guest_policy: GuestPolicyRules,
    /// State of the machine.
    pub platform: PlatformRules,
    /// Launch measurement.
    pub measurement: Rule<[u8; 48]>,
    /// Data that the host fixed at launch.
    pub host_data: Rule<[u8; 32]>,
    /// Family that the guest's owner named in the id block.
    pub family_id: Rule<[u8; 16]>,
    /// Image that the guest's owner named in the id block.
    pub image_id: Rule<[u8; 16]>,
    /// Version number that the guest's owner named in the id block.
    pub guest_svn: Rule<u32>,
    /// Digest of the key that signed the id block.
    pub id_key_digest: Rule<[u8; 48]>,
    /// Digest of the key that signed the id key.
    pub author_key_digest: Rule<[u8; 48]>,
    /// VCEK reports that hide the chip id.
    pub masked_chip_id: Permission,
    /// Firmware that the host may still roll back (committed below current).
    pub provisional_firmware: Permission,
    /// Reports that state an older firmware level than the running one.
    pub reported_below_current: Permission,
    /// Reports signed by a key that the cloud provider holds for its fleet.
    pub vlek: Vlek,
    /// Revocation list of the product's root.
    pub revocation: Revocation,
}

/// Rules for one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductPolicy {
    /// The product.
    pub product: Product,
    /// Firmware level that the report states and the certificate vouches for.
    pub reported_tcb: TcbRules,
    /// Firmware level below which the host cannot go any more.
    pub committed_tcb: TcbRules,
    /// Firmware level at which the guest was launched.
    pub launch_tcb: TcbRules,
    /// Mitigation bits that were active at launch (report version 5).
    pub launch_mitigations: Mitigations,
    /// Mitigation bits that are active now (report version 5).
    pub current_mitigations: Mitigations,
    /// Chips that are trusted; anything but `Any` also refuses VLEK reports, which name no chip.
    pub chips: Rule<[u8; 64]>,
}

/// Mitigation bits that must be set; their meaning is published per product and bulletin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mitigations {
    /// All these bits; a report that carries no mitigation vector is then refused.
    All(u64),
    /// No bit is asked for.
    Any,
}

/// Rules for each component of a firmware level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcbRules {
    /// FMC, which only Turin has.
    pub fmc: Rule<u8>,
    /// Boot loader of the secure processor.
    pub bootloader: Rule<u8>,
    /// Operating system of the secure processor.
    pub tee: Rule<u8>,
    /// SNP firmware.
    pub snp: Rule<u8>,
    /// CPU microcode.
    pub microcode: Rule<u8>,
}

impl TcbRules {
    /// Leaves every component open.
    pub fn any() -> Self {
        Self {
            fmc: Rule::Any,
            bootloader: Rule::Any,
            tee: Rule::Any,
            snp: Rule::Any,
            microcode: Rule::Any,
        }
    }
}

/// Rules for bits of the guest policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestPolicyRules {
    /// The guest may run with two threads per core.
    pub smt_allowed: Rule<bool>,
    /// The guest must run on one socket.
    pub single_socket: Rule<bool>,
    /// The guest may use CXL devices.
    pub cxl_allowed: Rule<bool>,
    /// The guest demands AES-256 XTS memory encryption.
    pub mem_aes_256_xts: Rule<bool>,
    /// The guest demands that power readings are off.
    pub rapl_disabled: Rule<bool>,
    /// The guest demands ciphertext hiding.
    pub ciphertext_hiding: Rule<bool>,
    /// The guest demands that pages are not swapped.
    pub page_swap_disabled: Rule<bool>,
}

/// Rules for bits of the platform information.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRules {
    /// Two threads per core are on.
    pub smt_enabled: Rule<bool>,
    /// Transparent memory encryption is on.
    pub tsme_enabled: Rule<bool>,
    /// Error correcting memory is on.
    pub ecc_enabled: Rule<bool>,
    /// Power readings are off.
    pub rapl_disabled: Rule<bool>,
    /// Ciphertext hiding is on.
    pub ciphertext_hiding_enabled: Rule<bool>,
    /// Memory was checked for aliases since the last reset (BadRAM, CVE-2024-21944).
    pub alias_check_complete: Rule<bool>,
    /// Trusted input and output is on.
    pub tio_enabled: Rule<bool>,
    /// Bits without a published meaning.
    pub unknown_bits: Permission,
}

/// Whether reports under a provider's fleet key are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vlek {
    /// They are refused.
    Refused,
    /// They are accepted from providers whose name in the certificate fits.
    Provider(Rule<String>),
}

/// Whether a revocation list must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// A valid list must be given.
    Required,
    /// A list is checked when one is given.
    WhenGiven,
}

/// Rules for Nitro documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NitroPolicy {
    /// Rules by PCR index. PCR0, PCR1 and PCR2 must be named, or the policy refuses everything.
    pub pcrs: Vec<(u8, Rule<[u8; 48]>)>,
    /// Name of the instance and enclave.
    pub module_id: Rule<String>,
    /// Enclaves in debug mode, whose PCR0 to PCR2 are zero.
    pub debug: Permission,
    /// Greatest age of the document.
    pub age: AgeLimit,
    /// Seconds that the document's time may run ahead of ours.
    pub ahead_seconds_max: u64,
}

/// Greatest age of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgeLimit {
    /// At most so many seconds.
    Seconds(u64),
    /// Any age within the life of its certificate.
    Any,
}

/// What the caller expects the evidence to be bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// SEV-SNP: REPORT_DATA. Nitro: the whole of user_data.
    pub report_data: Rule<[u8; 64]>,
    /// Nitro: the nonce field. SEV-SNP has none; there the nonce is inside REPORT_DATA.
    pub nonce: Rule<Vec<u8>>,
}

impl Policy {
    /// Gives the strict profile that the attestation vectors are judged by (P0 and N0).
    ///
    /// It accepts every product at every firmware level and every measurement, so it shows that a
    /// platform is genuine and closed to its host, not what runs on it.
    pub fn p0() -> Self {
        Self {
            simulated: SimulatedEvidence::Refuse,
            snp: Platform::Accepted(SnpPolicy::p0()),
            nitro: Platform::Accepted(NitroPolicy::n0()),
        }
    }
}

impl SnpPolicy {
    /// Gives the SEV-SNP half of [`Policy::p0`].
    pub fn p0() -> Self {
        Self {
            products: Product::ALL
                .iter()
                .map(|product| ProductPolicy::any(*product))
                .collect(),
            vmpl: Rule::Exactly(0),
            debug: Permission::Refuse,
            migration_agent: Permission::Refuse,
            guest_policy: GuestPolicyRules::any(),
            platform: PlatformRules::any(),
            measurement: Rule::Any,
            host_data: Rule::Any,
            family_id: Rule::Any,
            image_id: Rule::Any,
            guest_svn: Rule::Any,
            id_key_digest: Rule::Any,
            author_key_digest: Rule::Any,
            masked_chip_id: Permission::Refuse,
            provisional_firmware: Permission::Allow,
            reported_below_current: Permission::Allow,
            vlek: Vlek::Provider(Rule::Any),
            revocation: Revocation::WhenGiven,
        }
    }
}

impl ProductPolicy {
    /// Trusts a product at every firmware level and on every chip.
    pub fn any(product: Product) -> Self {
        Self {
            product,
            reported_tcb: TcbRules::any(),
            committed_tcb: TcbRules::any(),
            launch_tcb: TcbRules::any(),
            launch_mitigations: Mitigations::Any,
            current_mitigations: Mitigations::Any,
            chips: Rule::Any,
        }
    }
}

impl GuestPolicyRules {
    /// Leaves every bit open.
    pub fn any() -> Self {
        Self {
            smt_allowed: Rule::Any,
            single_socket: Rule::Any,
            cxl_allowed: Rule::Any,
            mem_aes_256_xts: Rule::Any,
            rapl_disabled: Rule::Any,
            ciphertext_hiding: Rule::Any,
            page_swap_disabled: Rule::Any,
        }
    }
}

impl PlatformRules {
    /// Leaves every bit open.
    pub fn any() -> Self {
        Self {
            smt_enabled: Rule::Any,
            tsme_enabled: Rule::Any,
            ecc_enabled: Rule::Any,
            rapl_disabled: Rule::Any,
            ciphertext_hiding_enabled: Rule::Any,
            alias_check_complete: Rule::Any,
            tio_enabled: Rule::Any,
            unknown_bits: Permission::Allow,
        }
    }
}

impl NitroPolicy {
    /// Gives the Nitro half of [`Policy::p0`], called N0.
    pub fn n0() -> Self {
        Self {
            pcrs: vec![(0, Rule::Any), (1, Rule::Any), (2, Rule::Any)],
            module_id: Rule::Any,
            debug: Permission::Refuse,
            age: AgeLimit::Any,
            ahead_seconds_max: 60,
        }
    }
}

impl Expected {
    /// Expects nothing: the verdict then never says that the evidence is bound.
    pub fn nothing() -> Self {
        Self {
            report_data: Rule::Any,
            nonce: Rule::Any,
        }
    }
}

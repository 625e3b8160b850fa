//! Rules for SEV-SNP reports.

use alloc::{string::String, vec::Vec};

use super::{Permission, Tier};
use crate::{
    evidence::UnixTime,
    facts::{Facts, SignedBy},
    rule::Rule,
    snp::product::Product,
};

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
    /// How far machines of the product are trusted.
    pub tier: Tier,
    /// Lowest firmware levels.
    pub floors: Floors,
    /// Mitigation bits that were active at launch (report version 5).
    pub launch_mitigations: Mitigations,
    /// Mitigation bits that are active now (report version 5).
    pub current_mitigations: Mitigations,
    /// Chips that are trusted when their own key (VCEK) signs.
    pub chips: Rule<[u8; 64]>,
    /// Whether reports under a provider's fleet key (VLEK), which name no chip, are trusted;
    /// [`SnpPolicy::vlek`] then says whose.
    pub fleet_keys: Permission,
}

/// Lowest firmware levels of a product, with the dates from which they count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Floors {
    /// Every level is accepted.
    Any,
    /// The newest floor that has begun at the time of the check counts. Before the first one,
    /// everything is refused.
    Dated(Vec<Floor>),
}

/// Lowest firmware levels from a date on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// First moment at which the floor counts.
    pub since: UnixTime,
    /// Identifiers of the security bulletins that call for it.
    pub bulletins: Vec<String>,
    /// Level that the report states and the certificate vouches for.
    pub reported: TcbRules,
    /// Level below which the host cannot go any more.
    pub committed: TcbRules,
    /// Level at which the guest was launched.
    pub launch: TcbRules,
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
    /// They are accepted from some providers.
    Provider {
        /// Names of the providers as their certificates have them (CSP_ID).
        names: Rule<String>,
        /// How far machines under such a key are trusted.
        tier: Tier,
    },
}

/// Whether a revocation list must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// A valid list must be given.
    Required,
    /// A list is checked when one is given.
    WhenGiven,
}

impl SnpPolicy {
    /// Gives the rules for a product, if it is trusted at all.
    pub fn product(&self, product: Product) -> Option<&ProductPolicy> {
        self.products.iter().find(|rules| rules.product == product)
    }

    /// Gives the tier of a machine: the one of its product, or of its provider if that is worse.
    pub(crate) fn tier_of(&self, facts: &Facts) -> Option<Tier> {
        let product = self.product(facts.product?)?.tier;
        Some(match (&facts.signed_by, &self.vlek) {
            (SignedBy::Vlek { .. }, Vlek::Provider { tier, .. }) => product.max(*tier),
            _ => product,
        })
    }

    /// Gives the SEV-SNP half of [`Policy::p0`](super::Policy::p0).
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
            vlek: Vlek::Provider {
                names: Rule::Any,
                tier: Tier::Affirming,
            },
            revocation: Revocation::WhenGiven,
        }
    }
}

impl Floors {
    /// Gives the floor that counts at a time: `Ok(None)` when every level is accepted.
    ///
    /// # Errors
    ///
    /// Returns [`NoFloorYet`] before the first floor begins.
    pub fn at(&self, now: UnixTime) -> Result<Option<&Floor>, NoFloorYet> {
        match self {
            Self::Any => Ok(None),
            Self::Dated(floors) => {
                let begun = floors.iter().filter(|floor| floor.since <= now);
                let newest = begun.max_by_key(|floor| floor.since);
                newest.map(Some).ok_or(NoFloorYet)
            }
        }
    }
}

/// Says that a policy has floors and none of them has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no floor of the policy counts at this time")]
pub struct NoFloorYet;

impl Floor {
    /// Says whether no component of any level is bounded.
    pub fn is_open(&self) -> bool {
        let any = TcbRules::any();
        [&self.reported, &self.committed, &self.launch]
            .into_iter()
            .all(|rules| *rules == any)
    }
}

impl ProductPolicy {
    /// Says whether the rules are the same, whatever the products.
    pub fn asks_as(&self, other: &Self) -> bool {
        let product = other.product;
        Self {
            product,
            ..self.clone()
        } == *other
    }

    /// Trusts a product at every firmware level and on every chip, Milan with a warning: its keys
    /// are said to be extractable in software (arXiv 2605.12990).
    pub fn any(product: Product) -> Self {
        Self {
            product,
            tier: match product {
                Product::Milan => Tier::Warning,
                Product::Genoa | Product::SienaBergamo | Product::Turin => Tier::Affirming,
            },
            floors: Floors::Any,
            launch_mitigations: Mitigations::Any,
            current_mitigations: Mitigations::Any,
            chips: Rule::Any,
            fleet_keys: Permission::Allow,
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

//! Facts: what the evidence says, as far as it can be read.
//!
//! Facts of evidence that is not authentic are claims of nobody in particular.

use alloc::{string::String, vec::Vec};

use crate::{
    evidence::{EvidenceKind, UnixTime},
    nitro::NitroFacts,
    snp::{SnpFacts, product::Product, tcb::Tcb},
};

/// Says which key signed the evidence, by its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// Nothing is known about the key, for want of a certificate.
    Unknown,
    /// A key of one chip at one firmware level.
    Vcek,
    /// A key that a cloud provider uses for its fleet.
    Vlek {
        /// Name of the provider in the certificate.
        provider: Option<String>,
    },
    /// The key of one Nitro enclave, for three hours.
    NitroEnclave,
}

/// What the evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Platform.
    pub kind: EvidenceKind,
    /// Whether the chain ends at a simulated root.
    pub simulated: bool,
    /// Moment at which the evidence was checked.
    pub checked_at: UnixTime,
    /// Key that signed the evidence.
    pub signed_by: SignedBy,
    /// SEV-SNP product.
    pub product: Option<Product>,
    /// SEV-SNP launch measurement, or PCR0 of a Nitro enclave.
    pub measurement: Option<[u8; 48]>,
    /// Nitro PCRs by ascending index, those with the length of SHA-384.
    pub pcrs: Vec<(u8, [u8; 48])>,
    /// SEV-SNP host data.
    pub host_data: Option<[u8; 32]>,
    /// SEV-SNP chip id, zero when hidden.
    pub chip_id: Option<[u8; 64]>,
    /// SEV-SNP privilege level that asked for the report.
    pub vmpl: Option<u32>,
    /// SEV-SNP reported firmware level.
    pub tcb: Option<Tcb>,
    /// Whether the host can read the memory.
    pub debug: bool,
    /// SEV-SNP report data.
    pub report_data: Option<[u8; 64]>,
    /// Nitro user data.
    pub user_data: Option<Vec<u8>>,
    /// Nitro nonce.
    pub nonce: Option<Vec<u8>>,
    /// Nitro public key.
    pub public_key: Option<Vec<u8>>,
    /// Nitro time of the document, in milliseconds since 1970.
    pub timestamp_ms: Option<u64>,
    /// Nitro module id.
    pub module_id: Option<String>,
    /// Everything else that an SEV-SNP report says.
    pub snp: Option<SnpFacts>,
    /// Everything else that a Nitro document says.
    pub nitro: Option<NitroFacts>,
}

#[cfg(test)]
pub(crate) mod tests {
    //! Facts for the tests of appraisal: good ones, for a test to spoil.

    use alloc::vec;

    use super::{EvidenceKind, Facts, SignedBy, Tcb, UnixTime};
    use crate::{
        nitro::NitroFacts,
        snp::{GuestPolicy, PlatformInfo, SigningKey, SnpFacts, product::Product},
    };

    pub(crate) const TCB: Tcb = Tcb {
        fmc: None,
        bootloader: 10,
        tee: 0,
        snp: 24,
        microcode: 84,
    };

    pub(crate) fn good_snp() -> Facts {
        Facts {
            kind: EvidenceKind::Snp,
            simulated: false,
            checked_at: UnixTime(1_000_000),
            signed_by: SignedBy::Vcek,
            product: Some(Product::Genoa),
            measurement: Some([1; 48]),
            pcrs: vec![],
            host_data: Some([2; 32]),
            chip_id: Some([3; 64]),
            vmpl: Some(0),
            tcb: Some(TCB),
            debug: false,
            report_data: Some([4; 64]),
            user_data: None,
            nonce: None,
            public_key: None,
            timestamp_ms: None,
            module_id: None,
            snp: Some(SnpFacts {
                version: 5,
                layout: Product::Genoa,
                policy: GuestPolicy(0x3_0000),
                platform_info: PlatformInfo(0x25),
                signing_key: SigningKey::Vcek,
                guest_svn: 7,
                family_id: [5; 16],
                image_id: [6; 16],
                id_key_digest: [7; 48],
                author_key_digest: [8; 48],
                report_id: [9; 32],
                current_tcb: TCB,
                committed_tcb: TCB,
                launch_tcb: TCB,
                launch_mitigations: Some(1),
                current_mitigations: Some(3),
                revocation_checked: false,
            }),
            nitro: None,
        }
    }

    pub(crate) fn good_nitro() -> Facts {
        Facts {
            kind: EvidenceKind::Nitro,
            signed_by: SignedBy::NitroEnclave,
            product: None,
            pcrs: vec![(0, [1; 48]), (1, [2; 48]), (2, [3; 48]), (3, [0; 48])],
            host_data: None,
            chip_id: None,
            vmpl: None,
            tcb: None,
            report_data: None,
            user_data: Some(vec![4; 64]),
            nonce: Some(vec![5; 32]),
            timestamp_ms: Some(999_990_000),
            module_id: Some("i-0-enc0".into()),
            snp: None,
            nitro: Some(NitroFacts {
                leaf_not_after: Some(1_010_000),
                root_name: None,
                refused_pcrs: vec![],
            }),
            ..good_snp()
        }
    }
}

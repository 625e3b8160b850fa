//! The SNP side: attestation reports; `leaf` has the certificates of the keys that sign them.
//!
//! Offsets are those of AMD's SEV-SNP firmware ABI, table ATTESTATION_REPORT; numbers have the
//! least significant byte first.

use aws_lc_rs::digest::{SHA512, digest};
use serde::{Deserialize, Serialize};

use super::leaf::EndorsementLeaf;
use crate::authority::{AmdLine, Product};
use crate::certificate::Validity;
use crate::key::{P384Key, SigningError};
use crate::measure::{Launch, fixed};

/// The signed part of a report.
pub(crate) const BODY_BYTES: usize = 0x2a0;

/// A whole report.
pub(crate) const REPORT_BYTES: usize = 0x4a0;

/// R and S have 72 bytes each, of which P-384 uses 48.
pub(crate) const SIGNATURE_PART_BYTES: usize = 72;

/// A guest policy that allows nothing, SMT included; bit 17 is always one.
pub(crate) const POLICY: u64 = 0x2_0000;

const VCEK_LIFE_MS: u64 = 7 * 365 * 24 * 60 * 60 * 1000;

/// Certificates start a little before their chip, for clocks that disagree.
const LEAD_MS: u64 = 60 * 60 * 1000;

/// SMT, error-correcting memory, and the alias check done.
const PLATFORM_INFO: u64 = 0x25;

/// Firmware version 1.55.40, as build, minor, major.
const FIRMWARE_VERSION: [u8; 3] = [40, 55, 1];

/// Mitigations that are on.
const MITIGATIONS: u64 = 0x0b;

/// Places of the fields in a report.
pub(crate) mod at {
    pub(crate) const VERSION: usize = 0x000;
    pub(crate) const GUEST_SVN: usize = 0x004;
    pub(crate) const POLICY: usize = 0x008;
    pub(crate) const FAMILY_ID: usize = 0x010;
    pub(crate) const IMAGE_ID: usize = 0x020;
    pub(crate) const VMPL: usize = 0x030;
    pub(crate) const SIGNATURE_ALGO: usize = 0x034;
    pub(crate) const CURRENT_TCB: usize = 0x038;
    pub(crate) const PLATFORM_INFO: usize = 0x040;
    pub(crate) const KEY_INFO: usize = 0x048;
    pub(crate) const RESERVED: usize = 0x04c;
    pub(crate) const REPORT_DATA: usize = 0x050;
    pub(crate) const MEASUREMENT: usize = 0x090;
    pub(crate) const HOST_DATA: usize = 0x0c0;
    pub(crate) const ID_KEY_DIGEST: usize = 0x0e0;
    pub(crate) const AUTHOR_KEY_DIGEST: usize = 0x110;
    pub(crate) const REPORT_ID: usize = 0x140;
    pub(crate) const REPORT_ID_MA: usize = 0x160;
    pub(crate) const REPORTED_TCB: usize = 0x180;
    pub(crate) const CPUID: usize = 0x188;
    pub(crate) const CHIP_ID: usize = 0x1a0;
    pub(crate) const COMMITTED_TCB: usize = 0x1e0;
    pub(crate) const CURRENT_VERSION: usize = 0x1e8;
    pub(crate) const COMMITTED_VERSION: usize = 0x1ec;
    pub(crate) const LAUNCH_TCB: usize = 0x1f0;
    pub(crate) const LAUNCH_MITIGATIONS: usize = 0x1f8;
    pub(crate) const CURRENT_MITIGATIONS: usize = 0x200;
}

/// What a guest asks an SNP chip to sign, and what the machine knows of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnpRequest {
    /// REPORT_DATA.
    pub report_data: [u8; 64],
    /// MEASUREMENT.
    pub measurement: [u8; 48],
    /// HOST_DATA.
    pub host_data: [u8; 32],
    /// REPORT_ID.
    pub report_id: [u8; 32],
    /// POLICY.
    pub policy: u64,
    /// VMPL.
    pub vmpl: u32,
    /// GUEST_SVN.
    pub guest_svn: u32,
}

impl SnpRequest {
    /// Asks at VMPL 0 for a launched program, under a policy without debug or migration.
    #[must_use]
    pub fn new(launch: &Launch, report_data: [u8; 64]) -> Self {
        Self {
            report_data,
            measurement: launch.measurement,
            host_data: launch.config_hash,
            report_id: launch.instance,
            policy: POLICY,
            vmpl: 0,
            guest_svn: 0,
        }
    }
}

/// The security version numbers of a chip's firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firmware {
    /// FMC, which Turin alone reports.
    pub fmc: u8,
    /// Boot loader.
    pub boot_loader: u8,
    /// Trusted operating system of the security processor.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode.
    pub microcode: u8,
}

impl Firmware {
    /// Returns the level that a new simulated chip has.
    pub(crate) fn current(product: Product) -> Self {
        match product {
            Product::Milan => Self::of([0, 4, 0, 27, 219]),
            Product::Genoa => Self::of([0, 10, 0, 27, 86]),
            Product::SienaBergamo => Self::of([0, 10, 0, 27, 25]),
            Product::Turin => Self::of([1, 1, 1, 4, 81]),
        }
    }

    /// Returns a level that AMD's bulletins have left behind.
    pub(crate) fn old(product: Product) -> Self {
        match product {
            Product::Milan => Self::of([0, 3, 0, 8, 115]),
            Product::Genoa => Self::of([0, 7, 0, 14, 72]),
            Product::SienaBergamo => Self::of([0, 7, 0, 14, 14]),
            Product::Turin => Self::of([0, 1, 0, 2, 60]),
        }
    }

    fn of([fmc, boot_loader, tee, snp, microcode]: [u8; 5]) -> Self {
        Self {
            fmc,
            boot_loader,
            tee,
            snp,
            microcode,
        }
    }

    /// Returns the TCB_VERSION of a report.
    pub(crate) fn tcb(self, product: Product) -> [u8; 8] {
        let Self {
            fmc,
            boot_loader,
            tee,
            snp,
            microcode,
        } = self;
        match product {
            Product::Milan | Product::Genoa | Product::SienaBergamo => {
                [boot_loader, tee, 0, 0, 0, 0, snp, microcode]
            }
            Product::Turin => [fmc, boot_loader, tee, snp, 0, 0, 0, microcode],
        }
    }
}

/// An SNP chip.
#[derive(Debug)]
pub(crate) struct SnpChip {
    pub(crate) product: Product,
    /// Version of its reports.
    pub(crate) version: u32,
    pub(crate) chip_id: [u8; 64],
    pub(crate) firmware: Firmware,
    pub(crate) key: P384Key,
    pub(crate) vcek: Vec<u8>,
    pub(crate) ask: Vec<u8>,
}

impl SnpChip {
    pub(crate) fn provision(
        line: &AmdLine,
        product: Product,
        version: u32,
        seed: &str,
        now_ms: u64,
    ) -> Result<Self, SigningError> {
        let mut chip_id: [u8; 64] = fixed(&digest(&SHA512, seed.as_bytes()));
        if product == Product::Turin {
            chip_id[8..].fill(0);
        }
        let mut chip = Self {
            product,
            version,
            chip_id,
            firmware: Firmware::current(product),
            key: P384Key::generate()?,
            vcek: Vec::new(),
            ask: line.ask.clone(),
        };
        let validity = Validity {
            from_ms: now_ms.saturating_sub(LEAD_MS),
            until_ms: now_ms.saturating_add(VCEK_LIFE_MS),
        };
        chip.vcek = EndorsementLeaf::of_chip(&chip, validity).certify(&line.keys.ask)?;
        Ok(chip)
    }

    /// Returns the signed part of the report that answers `request`.
    pub(crate) fn body(&self, request: &SnpRequest) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        let mut put = |at: usize, bytes: &[u8]| body[at..at + bytes.len()].copy_from_slice(bytes);
        let tcb = self.firmware.tcb(self.product);
        put(at::GUEST_SVN, &request.guest_svn.to_le_bytes());
        put(at::POLICY, &request.policy.to_le_bytes());
        put(at::VMPL, &request.vmpl.to_le_bytes());
        put(at::SIGNATURE_ALGO, &1_u32.to_le_bytes());
        put(at::PLATFORM_INFO, &PLATFORM_INFO.to_le_bytes());
        put(at::REPORT_DATA, &request.report_data);
        put(at::MEASUREMENT, &request.measurement);
        put(at::HOST_DATA, &request.host_data);
        put(at::REPORT_ID, &request.report_id);
        put(at::REPORT_ID_MA, &[0xff; 32]);
        put(at::CHIP_ID, &self.chip_id);
        put(at::CURRENT_VERSION, &FIRMWARE_VERSION);
        put(at::COMMITTED_VERSION, &FIRMWARE_VERSION);
        for place in [
            at::CURRENT_TCB,
            at::REPORTED_TCB,
            at::COMMITTED_TCB,
            at::LAUNCH_TCB,
        ] {
            put(place, &tcb);
        }
        put(at::VERSION, &self.version.to_le_bytes());
        if self.version >= 3 {
            put(at::CPUID, &processor(self.product));
        }
        if self.version >= 5 {
            put(at::LAUNCH_MITIGATIONS, &MITIGATIONS.to_le_bytes());
            put(at::CURRENT_MITIGATIONS, &MITIGATIONS.to_le_bytes());
        }
        body
    }

    /// Signs a body with the chip's endorsement key.
    pub(crate) fn sign(&self, body: &[u8; BODY_BYTES]) -> Result<Vec<u8>, SigningError> {
        sign_with(&self.key, body)
    }
}

/// Returns the family, model and stepping of a processor.
pub(crate) fn processor(product: Product) -> [u8; 3] {
    match product {
        Product::Milan => [0x19, 0x01, 0x01],
        Product::Genoa => [0x19, 0x11, 0x01],
        Product::SienaBergamo => [0x19, 0xa0, 0x02],
        Product::Turin => [0x1a, 0x02, 0x01],
    }
}

/// Signs a body and returns the whole report.
pub(crate) fn sign_with(key: &P384Key, body: &[u8; BODY_BYTES]) -> Result<Vec<u8>, SigningError> {
    let signature = key.sign_evidence(body)?;
    let mut report = vec![0; REPORT_BYTES];
    report[..BODY_BYTES].copy_from_slice(body);
    for (part, number) in signature.chunks_exact(48).enumerate() {
        let start = BODY_BYTES + part * SIGNATURE_PART_BYTES;
        report[start..start + 48].copy_from_slice(number);
        report[start..start + 48].reverse();
    }
    Ok(report)
}

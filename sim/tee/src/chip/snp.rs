//! The SNP side: endorsement key certificates (VCEK) and attestation reports.
//!
//! Offsets are those of AMD's SEV-SNP firmware ABI, table ATTESTATION_REPORT; numbers have the
//! least significant byte first.

use aws_lc_rs::digest::{SHA512, digest};
use der::asn1::ObjectIdentifier;
use serde::{Deserialize, Serialize};

use crate::authority::{AMD_UNIT, AmdLine, Product};
use crate::certificate::{Certificate, Extension, Validity};
use crate::der_writer::{IA5_STRING, element, unsigned};
use crate::key::{P384Key, SignatureForm, SigningError};
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

/// Places of the fields in a report.
pub(crate) mod at {
    pub(crate) const VERSION: usize = 0x000;
    pub(crate) const GUEST_SVN: usize = 0x004;
    pub(crate) const POLICY: usize = 0x008;
    pub(crate) const VMPL: usize = 0x030;
    pub(crate) const SIGNATURE_ALGO: usize = 0x034;
    pub(crate) const CURRENT_TCB: usize = 0x038;
    pub(crate) const PLATFORM_INFO: usize = 0x040;
    pub(crate) const RESERVED: usize = 0x04c;
    pub(crate) const REPORT_DATA: usize = 0x050;
    pub(crate) const MEASUREMENT: usize = 0x090;
    pub(crate) const HOST_DATA: usize = 0x0c0;
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
            Product::Genoa => Self {
                fmc: 0,
                boot_loader: 10,
                tee: 0,
                snp: 27,
                microcode: 86,
            },
            Product::Turin => Self {
                fmc: 1,
                boot_loader: 1,
                tee: 1,
                snp: 4,
                microcode: 81,
            },
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
            Product::Genoa => [boot_loader, tee, 0, 0, 0, 0, snp, microcode],
            Product::Turin => [fmc, boot_loader, tee, snp, 0, 0, 0, microcode],
        }
    }
}

/// An SNP chip.
#[derive(Debug)]
pub(crate) struct SnpChip {
    pub(crate) product: Product,
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
        seed: &str,
        now_ms: u64,
    ) -> Result<Self, SigningError> {
        let mut chip_id: [u8; 64] = fixed(&digest(&SHA512, seed.as_bytes()));
        match product {
            Product::Genoa => {}
            Product::Turin => chip_id[8..].fill(0),
        }
        let key = P384Key::generate()?;
        let firmware = Firmware::current(product);
        let validity = Validity {
            from_ms: now_ms.saturating_sub(LEAD_MS),
            until_ms: now_ms.saturating_add(VCEK_LIFE_MS),
        };
        let vcek = Vcek {
            product,
            chip_id: &chip_id,
            firmware,
            validity,
            key: &key,
        };
        let vcek = vcek.certify(line)?;
        Ok(Self {
            product,
            chip_id,
            firmware,
            key,
            vcek,
            ask: line.ask.clone(),
        })
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
        match self.product {
            Product::Genoa => {
                put(at::VERSION, &3_u32.to_le_bytes());
                put(at::CPUID, &[0x19, 0x11, 0x01]);
            }
            Product::Turin => {
                put(at::VERSION, &5_u32.to_le_bytes());
                put(at::CPUID, &[0x1a, 0x02, 0x01]);
                put(at::LAUNCH_MITIGATIONS, &0x0b_u64.to_le_bytes());
                put(at::CURRENT_MITIGATIONS, &0x0b_u64.to_le_bytes());
            }
        }
        body
    }

    /// Signs a body with the chip's endorsement key.
    pub(crate) fn sign(&self, body: &[u8; BODY_BYTES]) -> Result<Vec<u8>, SigningError> {
        sign_with(&self.key, body)
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

/// What goes into the certificate of a chip's endorsement key.
pub(crate) struct Vcek<'a> {
    pub(crate) product: Product,
    pub(crate) chip_id: &'a [u8; 64],
    pub(crate) firmware: Firmware,
    pub(crate) validity: Validity,
    pub(crate) key: &'a P384Key,
}

impl Vcek<'_> {
    /// Certifies the key by the ASK of `line`. Serial number 0 is AMD's habit.
    pub(crate) fn certify(&self, line: &AmdLine) -> Result<Vec<u8>, SigningError> {
        Certificate {
            serial: &[0],
            unit: AMD_UNIT,
            issuer: &format!("SEV-{}", self.product.name()),
            subject: "SEV-VCEK",
            validity: self.validity,
            public_key_info: self.key.public_key_info(),
            extensions: self.extensions(),
            signature_form: SignatureForm::Short,
        }
        .sign(&*line.keys.ask)
    }

    /// Returns AMD's extensions in AMD's order; the chip id is raw, as in most of its
    /// certificates.
    fn extensions(&self) -> Vec<Extension> {
        let Firmware {
            fmc,
            boot_loader,
            tee,
            snp,
            microcode,
        } = self.firmware;
        let product_name = element(IA5_STRING, &[self.product.name().as_bytes()]);
        let (struct_version, levels, chip_id) = match self.product {
            Product::Genoa => (
                0,
                [
                    (1, boot_loader),
                    (2, tee),
                    (4, 0),
                    (5, 0),
                    (6, 0),
                    (7, 0),
                    (3, snp),
                    (8, microcode),
                ],
                self.chip_id.as_slice(),
            ),
            Product::Turin => (
                1,
                [
                    (9, fmc),
                    (1, boot_loader),
                    (2, tee),
                    (3, snp),
                    (5, 0),
                    (6, 0),
                    (7, 0),
                    (8, microcode),
                ],
                &self.chip_id[..8],
            ),
        };
        let mut extensions = vec![
            extension("1", unsigned(&[struct_version])),
            extension("2", product_name),
        ];
        for (number, level) in levels {
            extensions.push(extension(&format!("3.{number}"), unsigned(&[level])));
        }
        extensions.push(extension("4", chip_id.to_vec()));
        extensions
    }
}

fn extension(arc: &str, value: Vec<u8>) -> Extension {
    let oid = ObjectIdentifier::new_unwrap(&format!("1.3.6.1.4.1.3704.1.{arc}"));
    Extension {
        oid,
        critical: false,
        value,
    }
}

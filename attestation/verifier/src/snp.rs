//! SEV-SNP attestation reports, versions 2 to 5, as fields over the original bytes.
//!
//! Offsets follow AMD publication 56860. All numbers are little-endian.

pub(crate) mod appraise;
pub(crate) mod authenticate;
mod bits;
mod certificate_table;
pub(crate) mod chain;
pub(crate) mod leaf;
pub(crate) mod product;
pub(crate) mod tcb;
mod verified;

use alloc::{boxed::Box, vec::Vec};

pub use bits::{GuestPolicy, PlatformInfo};
pub use certificate_table::{CertificateTable, CertificateTableError, certificate_to_der};
pub use verified::{ChainError, VerifiedChain};

use crate::evidence::ParseError;
use product::Product;
use tcb::{Tcb, TcbBytes};

/// Bytes of a report of every version.
pub const REPORT_BYTES: usize = 1184;
/// Bytes of the part that the signature covers.
pub(crate) const SIGNED_BYTES: usize = 0x2a0;

const R_OFFSET: usize = 0x2a0;
const S_OFFSET: usize = 0x2e8;
const SIGNATURE_END: usize = 0x330;
/// Bytes of R and of S that hold a number; each field has 72.
const SCALAR_BYTES: usize = 48;

/// An SEV-SNP report of the right length. Its fields are claims until it is authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    bytes: Box<[u8; REPORT_BYTES]>,
}

/// Which key a report says it is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningKey {
    /// The key of the chip.
    Vcek,
    /// The key of the provider's fleet.
    Vlek,
    /// No key: the report is not signed.
    None,
    /// A value without a meaning.
    Reserved,
}

impl Report {
    /// Copies a report.
    ///
    /// # Errors
    ///
    /// Returns [`ParseError::ReportLength`] for anything but 1184 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        match <[u8; REPORT_BYTES]>::try_from(bytes) {
            Ok(bytes) => Ok(Self {
                bytes: Box::new(bytes),
            }),
            Err(_) => Err(ParseError::ReportLength { bytes: bytes.len() }),
        }
    }

    /// Gives the bytes exactly as they were received.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Version of the report's layout.
    pub fn version(&self) -> u32 {
        u32::from_le_bytes(self.field::<0x00, 4>())
    }

    /// Version number of the guest in the id block.
    pub fn guest_svn(&self) -> u32 {
        u32::from_le_bytes(self.field::<0x04, 4>())
    }

    /// Guest policy.
    pub fn policy(&self) -> GuestPolicy {
        GuestPolicy(u64::from_le_bytes(self.field::<0x08, 8>()))
    }

    /// Family that the owner named in the id block.
    pub fn family_id(&self) -> [u8; 16] {
        self.field::<0x10, 16>()
    }

    /// Image that the owner named in the id block.
    pub fn image_id(&self) -> [u8; 16] {
        self.field::<0x20, 16>()
    }

    /// Privilege level that asked for the report.
    pub fn vmpl(&self) -> u32 {
        u32::from_le_bytes(self.field::<0x30, 4>())
    }

    /// Signature algorithm; 1 is ECDSA P-384 with SHA-384.
    pub fn signature_algo(&self) -> u32 {
        u32::from_le_bytes(self.field::<0x34, 4>())
    }

    /// Firmware level that is running.
    pub fn current_tcb(&self) -> TcbBytes {
        TcbBytes(self.field::<0x38, 8>())
    }

    /// State of the machine.
    pub fn platform_info(&self) -> PlatformInfo {
        PlatformInfo(u64::from_le_bytes(self.field::<0x40, 8>()))
    }

    /// Says whether the host hides chip id and chip key.
    pub fn mask_chip_key(&self) -> bool {
        self.key_info() & 2 != 0
    }

    /// Which key the report says it is signed with.
    pub fn signing_key(&self) -> SigningKey {
        match (self.key_info() >> 2) & 7 {
            0 => SigningKey::Vcek,
            1 => SigningKey::Vlek,
            7 => SigningKey::None,
            _ => SigningKey::Reserved,
        }
    }

    /// Data that the guest put in.
    pub fn report_data(&self) -> [u8; 64] {
        self.field::<0x50, 64>()
    }

    /// Launch measurement.
    pub fn measurement(&self) -> [u8; 48] {
        self.field::<0x90, 48>()
    }

    /// Data that the host fixed at launch.
    pub fn host_data(&self) -> [u8; 32] {
        self.field::<0xc0, 32>()
    }

    /// Digest of the key that signed the id block.
    pub fn id_key_digest(&self) -> [u8; 48] {
        self.field::<0xe0, 48>()
    }

    /// Digest of the key that signed the id key.
    pub fn author_key_digest(&self) -> [u8; 48] {
        self.field::<0x110, 48>()
    }

    /// Identity of this guest until it is taken down.
    pub fn report_id(&self) -> [u8; 32] {
        self.field::<0x140, 32>()
    }

    /// Firmware level that the signing key was derived for.
    pub fn reported_tcb(&self) -> TcbBytes {
        TcbBytes(self.field::<0x180, 8>())
    }

    /// CPU family, model and stepping, which reports state from version 3 on.
    pub fn cpuid(&self) -> Option<[u8; 3]> {
        (self.version() >= 3).then(|| self.field::<0x188, 3>())
    }

    /// Chip id; zero when hidden.
    pub fn chip_id(&self) -> [u8; 64] {
        self.field::<0x1a0, 64>()
    }

    /// Firmware level below which the host cannot go any more.
    pub fn committed_tcb(&self) -> TcbBytes {
        TcbBytes(self.field::<0x1e0, 8>())
    }

    /// Firmware level at launch.
    pub fn launch_tcb(&self) -> TcbBytes {
        TcbBytes(self.field::<0x1f0, 8>())
    }

    /// Mitigations that were active at launch, from version 5 on.
    pub fn launch_mitigations(&self) -> Option<u64> {
        (self.version() >= 5).then(|| u64::from_le_bytes(self.field::<0x1f8, 8>()))
    }

    /// Mitigations that are active, from version 5 on.
    pub fn current_mitigations(&self) -> Option<u64> {
        (self.version() >= 5).then(|| u64::from_le_bytes(self.field::<0x200, 8>()))
    }

    /// Gives the part that the signature covers.
    pub(crate) fn signed_part(&self) -> &[u8] {
        &self.bytes[..SIGNED_BYTES]
    }

    /// Gives R and S, big-endian, unless one of them is longer than the curve allows.
    pub(crate) fn signature(&self) -> Option<[u8; 2 * SCALAR_BYTES]> {
        let (r, r_padding) = self.bytes[R_OFFSET..S_OFFSET].split_at(SCALAR_BYTES);
        let (s, s_padding) = self.bytes[S_OFFSET..SIGNATURE_END].split_at(SCALAR_BYTES);
        if !is_zero(r_padding) || !is_zero(s_padding) {
            return None;
        }
        let big_endian: Vec<u8> = r.iter().rev().chain(s.iter().rev()).copied().collect();
        big_endian.try_into().ok()
    }

    /// Says whether the padding beside R and S is zero, which no signature covers.
    pub(crate) fn signature_padding_is_zero(&self) -> bool {
        is_zero(&self.bytes[R_OFFSET + SCALAR_BYTES..S_OFFSET])
            && is_zero(&self.bytes[S_OFFSET + SCALAR_BYTES..SIGNATURE_END])
            && is_zero(&self.bytes[SIGNATURE_END..])
    }

    /// Says whether the reserved bytes of the signed part are zero for this version.
    pub(crate) fn reserved_bytes_are_zero(&self) -> bool {
        let cpuid_end = if self.version() >= 3 { 0x18b } else { 0x188 };
        let mitigations_end = if self.version() >= 5 { 0x208 } else { 0x1f8 };
        let key_info_reserved = self.key_info() & !0x1f;
        key_info_reserved == 0
            && is_zero(&self.bytes[0x4c..0x50])
            && is_zero(&self.bytes[cpuid_end..0x1a0])
            && self.bytes[0x1eb] == 0
            && self.bytes[0x1ef] == 0
            && is_zero(&self.bytes[mitigations_end..SIGNED_BYTES])
    }

    fn key_info(&self) -> u32 {
        u32::from_le_bytes(self.field::<0x48, 4>())
    }

    /// Copies one field. Both parameters are constants below the length of a report.
    fn field<const OFFSET: usize, const BYTES: usize>(&self) -> [u8; BYTES] {
        const { assert!(OFFSET + BYTES <= SIGNED_BYTES) };
        core::array::from_fn(|index| self.bytes[OFFSET + index])
    }
}

/// What an SEV-SNP report says beyond the common facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnpFacts {
    /// Version of the report.
    pub version: u32,
    /// Product that decides how firmware levels are laid out: of the chain when it is trusted.
    pub layout: Product,
    /// Guest policy.
    pub policy: GuestPolicy,
    /// State of the machine.
    pub platform_info: PlatformInfo,
    /// Key that the report names.
    pub signing_key: SigningKey,
    /// Version number of the guest.
    pub guest_svn: u32,
    /// Family in the id block.
    pub family_id: [u8; 16],
    /// Image in the id block.
    pub image_id: [u8; 16],
    /// Digest of the id key.
    pub id_key_digest: [u8; 48],
    /// Digest of the author key.
    pub author_key_digest: [u8; 48],
    /// Identity of the guest.
    pub report_id: [u8; 32],
    /// Running firmware level.
    pub current_tcb: Tcb,
    /// Committed firmware level.
    pub committed_tcb: Tcb,
    /// Firmware level at launch.
    pub launch_tcb: Tcb,
    /// Mitigations at launch.
    pub launch_mitigations: Option<u64>,
    /// Mitigations now.
    pub current_mitigations: Option<u64>,
    /// A revocation list was given and found good.
    pub revocation_checked: bool,
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_report_has_one_length() {
        for length in [0, 1183, 1185, 4096] {
            let refused = Report::parse(&vec![0; length]);

            assert_eq!(refused, Err(ParseError::ReportLength { bytes: length }));
        }
        assert!(Report::parse(&[0; REPORT_BYTES]).is_ok());
    }

    #[test]
    fn each_reserved_byte_of_the_signed_part_is_noticed() {
        let reserved = (0x4c..0x50)
            .chain(0x18b..0x1a0)
            .chain([0x1eb, 0x1ef])
            .chain(0x208..0x2a0);
        for offset in reserved {
            let mut bytes = [0; REPORT_BYTES];
            bytes[0] = 5;
            assert!(report(bytes).reserved_bytes_are_zero());

            bytes[offset] = 1;

            assert!(
                !report(bytes).reserved_bytes_are_zero(),
                "offset {offset:#x}"
            );
        }
    }

    #[test]
    fn older_versions_reserve_what_newer_ones_use() {
        for (version, offset) in [(2, 0x188), (2, 0x18a), (4, 0x1f8), (4, 0x207)] {
            let mut bytes = [0; REPORT_BYTES];
            bytes[0] = version;

            bytes[offset] = 1;

            assert!(
                !report(bytes).reserved_bytes_are_zero(),
                "{version} {offset:#x}"
            );
        }
    }

    #[test]
    fn each_byte_of_signature_padding_is_noticed() {
        for offset in (0x2d0..0x2e8).chain(0x318..REPORT_BYTES) {
            let mut bytes = [0; REPORT_BYTES];
            assert!(report(bytes).signature_padding_is_zero());

            bytes[offset] = 0x80;

            assert!(
                !report(bytes).signature_padding_is_zero(),
                "offset {offset:#x}"
            );
        }
    }

    #[test]
    fn a_scalar_longer_than_the_curve_is_no_signature() {
        for offset in [0x2d0, 0x2e7, 0x318, 0x32f] {
            let mut bytes = [0; REPORT_BYTES];
            bytes[offset] = 1;

            assert_eq!(report(bytes).signature(), None);
        }
    }

    fn report(bytes: [u8; REPORT_BYTES]) -> Report {
        Report {
            bytes: Box::new(bytes),
        }
    }
}

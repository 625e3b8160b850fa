//! Faults of SEV-SNP reports.

use boop_platform::{EvidenceKind, RawEvidence};

use super::{Fault, Forge, ForgeRequest, Life, around};
use crate::authority::{AmdLine, Product};
use crate::chip::snp::{BODY_BYTES, Firmware, SnpChip, SnpRequest, Vcek, at, sign_with};
use crate::key::{P384Key, SigningError};

/// Where a fault enters.
pub(super) enum Trick {
    /// In what the guest asked for or the machine measured.
    Request(fn(&mut SnpRequest)),
    /// In the body, before it is signed.
    Body(fn(&mut [u8; BODY_BYTES])),
    /// In the report, after it was signed.
    Report(fn(&mut Vec<u8>)),
    /// In the life of the endorsement key's certificate.
    Life(Life),
    /// In the firmware of the chip and its certificate.
    Firmware(fn(Product) -> Firmware),
    /// In the issuer of the endorsement key; the flag says whether its own certificate is
    /// offered or the genuine one.
    Rogue { offered: bool },
    /// In the key that signs.
    Key,
}

/// Returns how a report gets `fault`, or nothing when it cannot.
pub(super) fn trick(fault: Fault) -> Option<Trick> {
    Some(match fault {
        Fault::WrongRoot => Trick::Rogue { offered: true },
        Fault::SplicedChain => Trick::Rogue { offered: false },
        Fault::SwappedKey => Trick::Key,
        Fault::Expired => Trick::Life(Life::Ended),
        Fault::NotYetValid => Trick::Life(Life::NotBegun),
        Fault::Truncated => Trick::Report(|report| report.truncate(report.len() - 1)),
        Fault::TrailingByte => Trick::Report(|report| report.push(0)),
        Fault::SignatureFlipped => Trick::Report(|report| report[BODY_BYTES] ^= 1),
        Fault::Debug => Trick::Request(|request| request.policy |= 1 << 19),
        Fault::WrongMeasurement => Trick::Request(|request| request.measurement[0] ^= 1),
        Fault::WrongHostData => Trick::Request(|request| request.host_data[0] ^= 1),
        Fault::WrongReportData => Trick::Request(|request| request.report_data[63] ^= 1),
        Fault::ReplayedNonce => Trick::Request(|request| request.report_data = [0x11; 64]),
        Fault::WrongChip => Trick::Body(|body| body[at::CHIP_ID] ^= 1),
        Fault::MigrationAgent => Trick::Request(|request| request.policy |= 1 << 18),
        Fault::OldFirmware => Trick::Firmware(old_firmware),
        Fault::TcbMismatch => Trick::Body(|body| body[at::REPORTED_TCB + 7] -= 1),
        Fault::MaskedChipId => Trick::Body(|body| body[at::CHIP_ID..][..64].fill(0)),
        Fault::WrongProduct => Trick::Body(other_product),
        Fault::Vmpl1 => Trick::Request(|request| request.vmpl = 1),
        Fault::HostReport => Trick::Request(|request| request.vmpl = u32::MAX),
        Fault::ReservedBits => Trick::Body(|body| body[at::RESERVED] = 1),
        Fault::PolicyReservedBit => Trick::Request(|request| request.policy |= 1 << 40),
        Fault::UnknownVersion => Trick::Body(|body| body[at::VERSION] = 6),
        Fault::SigAlgo => Trick::Body(|body| body[at::SIGNATURE_ALGO] = 2),
        Fault::SignaturePadding => Trick::Report(|report| report[BODY_BYTES + 144] = 1),
        Fault::ZeroPcrs
        | Fault::MissingPcr
        | Fault::UnprotectedHeader
        | Fault::DuplicateKey
        | Fault::MissingNonce
        | Fault::AlgEs256
        | Fault::TimestampFuture
        | Fault::TimestampZero => return None,
    })
}

/// Makes a report of `chip` by the given trick.
pub(super) fn forge(
    forge: &Forge<'_>,
    chip: &SnpChip,
    trick: Trick,
    request: &ForgeRequest,
) -> Result<RawEvidence, SigningError> {
    let now_ms = request.now_ms;
    let line = forge.line(chip.product);
    let mut asked = SnpRequest::new(&request.launch, request.user_data);
    let mut offer = Offer {
        vcek: chip.vcek.clone(),
        ask: chip.ask.clone(),
    };
    let evidence = match trick {
        Trick::Request(bend) => {
            bend(&mut asked);
            chip.sign(&chip.body(&asked))?
        }
        Trick::Body(bend) => {
            let mut body = chip.body(&asked);
            bend(&mut body);
            chip.sign(&body)?
        }
        Trick::Report(damage) => {
            let mut report = chip.sign(&chip.body(&asked))?;
            damage(&mut report);
            report
        }
        Trick::Life(life) => {
            offer.vcek = certify(chip, chip.firmware, life.validity(now_ms), line)?;
            chip.sign(&chip.body(&asked))?
        }
        Trick::Firmware(level) => {
            let firmware = level(chip.product);
            offer.vcek = certify(chip, firmware, around(now_ms), line)?;
            let mut body = chip.body(&asked);
            set_firmware(&mut body, firmware.tcb(chip.product));
            chip.sign(&body)?
        }
        Trick::Rogue { offered } => {
            let rogue = forge.rogue_line(chip.product, now_ms)?;
            offer.vcek = certify(chip, chip.firmware, around(now_ms), &rogue)?;
            if offered {
                offer.ask = rogue.ask;
            }
            chip.sign(&chip.body(&asked))?
        }
        Trick::Key => sign_with(&P384Key::generate()?, &chip.body(&asked))?,
    };
    let endorsements = vec![offer.vcek, offer.ask];
    Ok(RawEvidence {
        kind: EvidenceKind::Snp,
        evidence,
        endorsements,
    })
}

struct Offer {
    vcek: Vec<u8>,
    ask: Vec<u8>,
}

fn certify(
    chip: &SnpChip,
    firmware: Firmware,
    validity: crate::certificate::Validity,
    line: &AmdLine,
) -> Result<Vec<u8>, SigningError> {
    let SnpChip {
        product,
        chip_id,
        key,
        ..
    } = chip;
    Vcek {
        product: *product,
        chip_id,
        firmware,
        validity,
        key,
    }
    .certify(line)
}

fn set_firmware(body: &mut [u8; BODY_BYTES], tcb: [u8; 8]) {
    for place in [
        at::CURRENT_TCB,
        at::REPORTED_TCB,
        at::COMMITTED_TCB,
        at::LAUNCH_TCB,
    ] {
        body[place..place + 8].copy_from_slice(&tcb);
    }
}

fn old_firmware(product: Product) -> Firmware {
    match product {
        Product::Genoa => Firmware {
            fmc: 0,
            boot_loader: 7,
            tee: 0,
            snp: 14,
            microcode: 72,
        },
        Product::Turin => Firmware {
            fmc: 0,
            boot_loader: 1,
            tee: 0,
            snp: 2,
            microcode: 60,
        },
    }
}

/// Turns Genoa's CPUID family and model into Turin's, and the other way round.
fn other_product(body: &mut [u8; BODY_BYTES]) {
    let other = if body[at::CPUID] == 0x19 {
        [0x1a, 0x02]
    } else {
        [0x19, 0x11]
    };
    body[at::CPUID..at::CPUID + 2].copy_from_slice(&other);
}

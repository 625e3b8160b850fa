//! Faults and oddities of SEV-SNP reports.

mod plan;

use super::{Change, Fault, Forge, ForgeError, ForgeRequest, Life, Oddity, Specimen, around};
use crate::authority::Product;
use crate::chip::leaf::{EndorsementLeaf, HardwareId, LeafKind};
use crate::chip::snp::{BODY_BYTES, Firmware, SnpChip, SnpRequest, at, processor};
use crate::key::{SignatureForm, p256_public_key_info};
use plan::{List, Maker, Offer, Plan, Signer};

/// The name of the provider in the certificates of simulated fleet keys.
pub(crate) const PROVIDER: &str = "sim-cloud";

/// KEY_INFO of a report under a fleet's key, and of one that nobody signed.
const SIGNED_BY_VLEK: u8 = 1 << 2;
const SIGNED_BY_NONE: u8 = 7 << 2;
const CHIP_KEY_MASKED: u8 = 1 << 1;

/// Bits of the platform information.
const ALIAS_CHECK_COMPLETE: u8 = 1 << 5;
const BIT_6: u8 = 1 << 6;

/// Policy bits beside those that are always asked for.
const POLICY_MIGRATION_AGENT: u64 = 1 << 18;
const POLICY_DEBUG: u64 = 1 << 19;
const POLICY_RESERVED: u64 = 1 << 40;
/// One socket, AES-256 XTS, no power readings, ciphertext hiding, no page swapping.
const POLICY_DEMANDS: u64 = (1 << 20) | (0b1111 << 22);

/// Makes a report of `chip` with these changes.
pub(super) fn specimen(
    forge: &Forge<'_>,
    chip: &SnpChip,
    changes: &[Change],
    request: &ForgeRequest,
) -> Result<Specimen, ForgeError> {
    let asked = SnpRequest::new(&request.launch, request.user_data);
    let mut plan = Plan {
        product: chip.product,
        now_ms: request.now_ms,
        body: chip.body(&asked),
        leaf: EndorsementLeaf::of_chip(chip, around(request.now_ms)),
        leaf_by: Maker::Vendor,
        leaf_offer: Offer::Whole,
        intermediate: Maker::Vendor,
        intermediate_offer: Offer::Whole,
        crl: None,
        signer: Signer::Chip,
        damage: None,
    };
    for wanted in changes {
        let apply = change(*wanted, chip.version).ok_or(ForgeError::NotApplicable)?;
        apply(&mut plan);
    }
    if changes.contains(&Change::Fault(Fault::LeafKeyP256)) {
        plan.leaf.public_key_info = p256_public_key_info()?;
    }
    Ok(plan.make(forge, chip)?)
}

/// Says whether reports of this version can have a change.
pub(super) fn can_have(wanted: Change, version: u32) -> bool {
    change(wanted, version).is_some()
}

/// Returns how a plan gets a change, or nothing when reports of this version cannot have it.
fn change(change: Change, version: u32) -> Option<fn(&mut Plan)> {
    match change {
        Change::Fault(Fault::WrongProduct | Fault::UnknownProcessor) if version < 3 => None,
        Change::Oddity(Oddity::AliasCheckPending) if version < 3 => None,
        Change::Fault(fault) => in_report(fault)
            .or_else(|| in_program(fault))
            .or_else(|| in_firmware(fault))
            .or_else(|| in_certificates(fault))
            .or_else(|| in_list(fault)),
        Change::Oddity(oddity) => odd(oddity),
    }
}

/// Faults of the form of a report.
fn in_report(fault: Fault) -> Option<fn(&mut Plan)> {
    Some(match fault {
        Fault::SwappedKey => |plan| plan.signer = Signer::Stranger,
        Fault::UnknownKind => |plan| plan.damage = Some(|report| *report = b"no evidence".to_vec()),
        Fault::Truncated => |plan| plan.damage = Some(|report| report.truncate(report.len() - 1)),
        Fault::TrailingByte => |plan| plan.damage = Some(|report| report.push(0)),
        Fault::SignatureFlipped => |plan| plan.damage = Some(|report| report[BODY_BYTES] ^= 1),
        Fault::SignaturePadding => |plan| plan.damage = Some(|report| report[BODY_BYTES + 144] = 1),
        Fault::UnknownVersion => |plan| plan.put(at::VERSION, &[6]),
        Fault::SigAlgo => |plan| plan.put(at::SIGNATURE_ALGO, &[2]),
        Fault::ReservedBits => |plan| plan.put(at::RESERVED, &[1]),
        Fault::Unsigned => |plan| plan.put(at::KEY_INFO, &[SIGNED_BY_NONE]),
        Fault::KeyKindMismatch => |plan| plan.put(at::KEY_INFO, &[SIGNED_BY_VLEK]),
        _ => return None,
    })
}

/// Faults of what the report says of the guest.
fn in_program(fault: Fault) -> Option<fn(&mut Plan)> {
    Some(match fault {
        Fault::Debug => |plan| plan.or_policy(POLICY_DEBUG),
        Fault::MigrationAgent => |plan| plan.or_policy(POLICY_MIGRATION_AGENT),
        Fault::PolicyReservedBit => |plan| plan.or_policy(POLICY_RESERVED),
        Fault::PolicyBit17Zero => |plan| plan.body[at::POLICY + 2] &= !2,
        Fault::WrongMeasurement => |plan| plan.body[at::MEASUREMENT] ^= 1,
        Fault::WrongHostData => |plan| plan.body[at::HOST_DATA] ^= 1,
        Fault::WrongReportData => |plan| plan.body[at::REPORT_DATA + 63] ^= 1,
        Fault::ReplayedNonce => |plan| plan.put(at::REPORT_DATA, &[0x11; 64]),
        Fault::Vmpl1 => |plan| plan.put(at::VMPL, &[1]),
        Fault::HostReport => |plan| plan.put(at::VMPL, &[0xff; 4]),
        _ => return None,
    })
}

/// Faults of what the report says of the machine.
fn in_firmware(fault: Fault) -> Option<fn(&mut Plan)> {
    Some(match fault {
        Fault::OldFirmware => |plan| plan.set_firmware(Firmware::old(plan.product)),
        Fault::TcbMismatch => |plan| plan.body[at::REPORTED_TCB + 7] -= 1,
        Fault::ReportedAboveCurrent => |plan| {
            plan.body[at::CURRENT_TCB + 7] -= 1;
            plan.body[at::COMMITTED_TCB + 7] -= 1;
        },
        Fault::CommittedAboveCurrent => |plan| plan.body[at::COMMITTED_TCB + 7] += 1,
        Fault::WrongChip => |plan| plan.body[at::CHIP_ID] ^= 1,
        Fault::MaskedChipId => |plan| plan.put(at::CHIP_ID, &[0; 64]),
        Fault::WrongProduct => |plan| plan.put(at::CPUID, &processor(other(plan.product))),
        Fault::UnknownProcessor => |plan| plan.put(at::CPUID, &[0x1b, 0, 0]),
        _ => return None,
    })
}

/// Faults of the certificates.
fn in_certificates(fault: Fault) -> Option<fn(&mut Plan)> {
    Some(match fault {
        Fault::WrongRoot => |plan| {
            plan.leaf_by = Maker::Rogue;
            plan.intermediate = Maker::Rogue;
        },
        Fault::SplicedChain => |plan| plan.leaf_by = Maker::Rogue,
        Fault::Expired => |plan| plan.leaf.validity = Life::Ended.validity(plan.now_ms),
        Fault::NotYetValid => |plan| plan.leaf.validity = Life::NotBegun.validity(plan.now_ms),
        Fault::MalformedCertificate => |plan| plan.leaf_offer = Offer::CutShort,
        Fault::UnknownCriticalExtension => |plan| plan.leaf.unknown_critical = true,
        // The key is put in place later, for making it can fail.
        Fault::LeafKeyP256 => |_| {},
        Fault::LeafIsCa => |plan| plan.leaf.claims_ca = true,
        Fault::PowerlessIssuer => |plan| plan.intermediate = Maker::PowerlessVendor,
        Fault::NoEndorsementKey => |plan| plan.leaf_offer = Offer::Withheld,
        Fault::NoIntermediate => |plan| plan.intermediate_offer = Offer::Withheld,
        Fault::LeafPkcs1 => |plan| plan.leaf.signature_form = SignatureForm::Pkcs1,
        Fault::LeafProductName => |plan| plan.leaf.product_name = other(plan.product).name(),
        Fault::LeafMicrocodeMissing => |plan| plan.leaf.left_out = &[8],
        Fault::LeafHwidMissing => |plan| plan.leaf.hardware_id = HardwareId::Absent,
        Fault::IssuedByFleetIssuer => |plan| plan.leaf.issued_as = LeafKind::Vlek,
        _ => return None,
    })
}

/// Faults of the revocation list.
fn in_list(fault: Fault) -> Option<fn(&mut Plan)> {
    Some(match fault {
        Fault::CrlMalformed => |plan| plan.crl = Some(List::CutShort),
        Fault::CrlSignedByAsk => |plan| plan.crl = Some(List::SignedByAsk),
        Fault::CrlOfOtherProduct => |plan| plan.crl = Some(List::OfOtherProduct),
        Fault::CrlStale => |plan| plan.crl = Some(List::Stale),
        Fault::CrlNotYetValid => |plan| plan.crl = Some(List::NotYetValid),
        Fault::CrlRevokesAsk => |plan| plan.crl = Some(List::RevokesAsk),
        _ => return None,
    })
}

fn odd(oddity: Oddity) -> Option<fn(&mut Plan)> {
    Some(match oddity {
        Oddity::FleetKey => fleet_key,
        Oddity::FleetKeyWithChipId => |plan| {
            let chip_id = plan.leaf.chip_id;
            fleet_key(plan);
            plan.put(at::CHIP_ID, &chip_id);
        },
        Oddity::FleetKeyMasked => |plan| {
            fleet_key(plan);
            plan.body[at::KEY_INFO] |= CHIP_KEY_MASKED;
        },
        Oddity::IdBlock => |plan| {
            plan.put(at::FAMILY_ID, b"simulated-family");
            plan.put(at::IMAGE_ID, b"simulated-image!");
            plan.put(at::GUEST_SVN, &[7]);
            plan.put(at::ID_KEY_DIGEST, &[0x1d; 48]);
            plan.put(at::AUTHOR_KEY_DIGEST, &[0xa0; 48]);
            plan.body[at::KEY_INFO] |= 1;
        },
        Oddity::ReportedBelowCurrent => |plan| {
            plan.leaf.firmware.microcode -= 1;
            plan.body[at::REPORTED_TCB + 7] -= 1;
        },
        Oddity::ProvisionalFirmware => |plan| plan.body[at::COMMITTED_TCB + 7] -= 1,
        Oddity::LaunchedEarlier => |plan| plan.body[at::LAUNCH_TCB + 7] -= 1,
        Oddity::AliasCheckPending => |plan| {
            plan.body[at::PLATFORM_INFO] &= !ALIAS_CHECK_COMPLETE;
        },
        Oddity::PlatformBit6 => |plan| plan.body[at::PLATFORM_INFO] |= BIT_6,
        Oddity::PlatformUnknownBits => |plan| plan.body[at::PLATFORM_INFO + 1] |= 1,
        Oddity::HwidOctetString => |plan| plan.leaf.hardware_id = HardwareId::OctetString,
        Oddity::ValidCrl => |plan| plan.crl = Some(List::Good),
        Oddity::NoSmt => |plan| plan.or_policy(POLICY_DEMANDS),
        _ => return None,
    })
}

/// Has a provider's key sign, for no chip in particular.
fn fleet_key(plan: &mut Plan) {
    plan.signer = Signer::Fleet;
    plan.leaf.kind = LeafKind::Vlek;
    plan.leaf.issued_as = LeafKind::Vlek;
    plan.leaf.hardware_id = HardwareId::Absent;
    plan.leaf.provider = Some(PROVIDER);
    plan.put(at::KEY_INFO, &[SIGNED_BY_VLEK]);
    plan.put(at::CHIP_ID, &[0; 64]);
}

/// Returns a product of another line.
fn other(product: Product) -> Product {
    match product {
        Product::Milan | Product::Genoa | Product::SienaBergamo => Product::Turin,
        Product::Turin => Product::Genoa,
    }
}

//! Faults and oddities of Nitro documents.

mod plan;

use super::{Change, Fault, Forge, ForgeError, ForgeRequest, Life, Oddity, Specimen};
use crate::certificate::Usage;
use crate::chip::NitroRequest;
use crate::chip::document::{
    Field, MapForm, PROTECTED_ES384, bytes, null, registers, text, unsigned,
};
use crate::chip::nitro::{ChainShape, LeafShape, NitroModule};
use crate::key::p256_public_key_info;
use crate::measure::nitro_pcrs;
use plan::{Chain, Plan, Signer};

/// {1: -7}, ES256.
const PROTECTED_ES256: &[u8] = &[0xa1, 0x01, 0x26];
/// {1: -35, 4: h''}, ES384 and an empty key id.
const PROTECTED_EXTRA: &[u8] = &[0xa2, 0x01, 0x38, 0x22, 0x04, 0x40];
/// {4: h'616263'}, a key id.
const KEY_ID_HEADER: [u8; 6] = [0xa1, 0x04, 0x43, 0x61, 0x62, 0x63];
/// More than any platform makes.
const OVERSIZED_BYTES: usize = 33 * 1024;

const FIVE_MINUTES_MS: u64 = 5 * 60 * 1000;
const TWO_HOURS_MS: u64 = 2 * 60 * 60 * 1000;

/// Makes a document of `module` with these changes.
pub(super) fn specimen(
    forge: &Forge<'_>,
    module: &NitroModule,
    changes: &[Change],
    request: &ForgeRequest,
) -> Result<Specimen, ForgeError> {
    let (launch, now_ms) = (&request.launch, request.now_ms);
    let asked = NitroRequest {
        pcrs: nitro_pcrs(&launch.measurement, &launch.config_hash, module.instance()),
        user_data: Some(request.user_data.to_vec()),
        nonce: Some(request.nonce.to_vec()),
        public_key: None,
        timestamp_ms: now_ms,
    };
    let mut plan = Plan {
        now_ms,
        payload: module.payload(&asked, &[]),
        leaf: LeafShape::genuine(now_ms),
        chain: Chain::Own,
        bend_certificate: None,
        bend_bundle: None,
        bend_fields: Vec::new(),
        map_form: MapForm::Indefinite,
        protected: PROTECTED_ES384.to_vec(),
        signer: Signer::Leaf,
        bend_envelope: Vec::new(),
        damage: None,
    };
    for wanted in changes {
        let apply = change(*wanted).ok_or(ForgeError::NotApplicable)?;
        apply(&mut plan);
    }
    if changes.contains(&Change::Fault(Fault::LeafKeyP256)) {
        plan.leaf.public_key_info = Some(p256_public_key_info()?);
    }
    Ok(plan.make(forge, module)?)
}

/// Says whether documents can have a change.
pub(super) fn can_have(wanted: Change) -> bool {
    change(wanted).is_some()
}

/// Returns how a plan gets a change, or nothing when documents cannot have it.
fn change(change: Change) -> Option<fn(&mut Plan)> {
    match change {
        Change::Fault(fault) => in_envelope(fault)
            .or_else(|| in_chain(fault))
            .or_else(|| in_registers(fault))
            .or_else(|| in_fields(fault)),
        Change::Oddity(oddity) => odd(oddity),
    }
}

/// Faults of the document around the payload.
fn in_envelope(fault: Fault) -> Option<fn(&mut Plan)> {
    Some(match fault {
        Fault::SwappedKey => |plan| plan.signer = Signer::Stranger,
        Fault::UnknownKind => |plan| plan.damage = Some(|bytes| *bytes = b"no evidence".to_vec()),
        Fault::Truncated => |plan| plan.damage = Some(|bytes| bytes.truncate(bytes.len() - 1)),
        Fault::TrailingByte => |plan| plan.damage = Some(|bytes| bytes.push(0)),
        Fault::Oversized => |plan| plan.damage = Some(|bytes| bytes.resize(OVERSIZED_BYTES, 0)),
        Fault::SignatureFlipped => |plan| {
            plan.bend_envelope.push(|parts| parts.signature[95] ^= 1);
        },
        Fault::SignatureShort => |plan| {
            plan.bend_envelope
                .push(|parts| parts.signature.truncate(95));
        },
        Fault::DetachedPayload => |plan| plan.bend_envelope.push(|parts| parts.payload = None),
        Fault::UnprotectedHeader => |plan| {
            plan.bend_envelope
                .push(|parts| parts.unprotected = KEY_ID_HEADER.to_vec());
        },
        Fault::ProtectedHeaderExtra => |plan| plan.protected = PROTECTED_EXTRA.to_vec(),
        Fault::AlgEs256 => |plan| plan.protected = PROTECTED_ES256.to_vec(),
        _ => return None,
    })
}

/// Faults of the certificates.
fn in_chain(fault: Fault) -> Option<fn(&mut Plan)> {
    Some(match fault {
        Fault::WrongRoot => |plan| plan.chain = Chain::Rogue { offered: true },
        Fault::SplicedChain => |plan| plan.chain = Chain::Rogue { offered: false },
        Fault::Expired => |plan| plan.leaf.validity = Life::Ended.validity(plan.now_ms),
        Fault::NotYetValid => |plan| plan.leaf.validity = Life::NotBegun.validity(plan.now_ms),
        Fault::MalformedCertificate => |plan| {
            plan.bend_certificate = Some(|der| der.truncate(der.len() / 2));
        },
        Fault::UnknownCriticalExtension => |plan| plan.leaf.unknown_critical = true,
        // The key is put in place later, for making it can fail.
        Fault::LeafKeyP256 => |_| {},
        Fault::LeafIsCa => |plan| plan.leaf.claims_ca = true,
        Fault::LeafKeyUsage => |plan| plan.leaf.usage = Usage::Authority,
        Fault::PowerlessIssuer => |plan| {
            let shape = ChainShape::genuine(plan.now_ms);
            plan.chain = Chain::Shaped(ChainShape {
                zonal_issues: false,
                ..shape
            });
        },
        Fault::PathLength => |plan| {
            let shape = ChainShape::genuine(plan.now_ms);
            plan.chain = Chain::Shaped(ChainShape {
                zonal_path_length: 0,
                ..shape
            });
        },
        Fault::BundleEmpty => |plan| plan.bend_bundle = Some(Vec::clear),
        _ => return None,
    })
}

/// Faults of the registers.
fn in_registers(fault: Fault) -> Option<fn(&mut Plan)> {
    Some(match fault {
        Fault::Debug => |plan| {
            let zero = [(0, [0; 48]), (1, [0; 48]), (2, [0; 48])];
            plan.payload.pcrs.extend(zero);
        },
        Fault::WrongMeasurement => |plan| flip_register(plan, 0),
        Fault::WrongHostData => |plan| flip_register(plan, 16),
        Fault::ZeroPcrs => |plan| plan.payload.pcrs.extend([(0, [0; 48])]),
        Fault::MissingPcr => |plan| plan.payload.pcrs.retain(|index, _| *index != 0),
        Fault::PcrsEmpty => |plan| plan.payload.pcrs.clear(),
        Fault::PcrIndex32 => |plan| plan.payload.pcrs.extend([(32, [7; 48])]),
        Fault::PcrTwice => |plan| {
            plan.bend_fields.push(|fields| {
                let image = [[1; 48], [2; 48], [3; 48], [4; 48]];
                let [one, two, three, four] = &image;
                let pcrs: [(u8, &[u8]); 4] = [(0, one), (1, two), (2, three), (2, four)];
                set(fields, "pcrs", registers(&pcrs));
            });
        },
        Fault::PcrLength47 => |plan| plan.bend_fields.push(|fields| extra_register(fields, 47)),
        Fault::PcrSha256 => |plan| plan.bend_fields.push(|fields| extra_register(fields, 32)),
        _ => return None,
    })
}

/// Faults of the other fields.
fn in_fields(fault: Fault) -> Option<fn(&mut Plan)> {
    Some(match fault {
        Fault::WrongReportData => |plan| flip(plan.payload.user_data.as_mut()),
        Fault::ReplayedNonce => |plan| flip(plan.payload.nonce.as_mut()),
        Fault::MissingNonce => |plan| plan.payload.nonce = None,
        Fault::WrongChip => |plan| plan.payload.module_id.push('f'),
        Fault::ModuleIdEmpty => |plan| plan.payload.module_id.clear(),
        Fault::NonceTooLong => |plan| plan.payload.nonce = Some(vec![0x2e; 513]),
        Fault::UserDataTooLong => |plan| plan.payload.user_data = Some(vec![0x2e; 513]),
        Fault::PublicKeyTooLong => |plan| plan.payload.public_key = Some(vec![0x2e; 1025]),
        Fault::NonceNotBytes => |plan| {
            plan.bend_fields
                .push(|fields| set(fields, "nonce", text("nonce")));
        },
        Fault::UserDataNotBytes => |plan| {
            plan.bend_fields
                .push(|fields| set(fields, "user_data", text("data")));
        },
        Fault::PublicKeyNotBytes => |plan| {
            plan.bend_fields
                .push(|fields| set(fields, "public_key", text("key")));
        },
        Fault::OtherDigest => |plan| {
            plan.bend_fields
                .push(|fields| set(fields, "digest", text("SHA512")));
        },
        Fault::DuplicateKey => |plan| {
            plan.bend_fields.push(|fields| {
                let (name, value) = ("nonce", bytes(&[0x2e; 32]));
                fields.push(Field { name, value });
            })
        },
        Fault::UnknownField => |plan| {
            plan.bend_fields.push(|fields| {
                let (name, value) = ("debug", unsigned(0));
                fields.push(Field { name, value });
            })
        },
        Fault::TimestampOutsideLeaf => |plan| plan.payload.timestamp_ms -= FIVE_MINUTES_MS,
        Fault::TimestampFuture => |plan| plan.payload.timestamp_ms += TWO_HOURS_MS,
        Fault::TimestampZero => |plan| plan.payload.timestamp_ms = 0,
        _ => return None,
    })
}

fn odd(oddity: Oddity) -> Option<fn(&mut Plan)> {
    Some(match oddity {
        Oddity::Tagged => |plan| plan.bend_envelope.push(|parts| parts.tagged = true),
        Oddity::OuterIndefinite => |plan| plan.bend_envelope.push(|parts| parts.indefinite = true),
        Oddity::DefiniteMap => |plan| plan.map_form = MapForm::Definite,
        Oddity::FieldsLeftOut => |plan| {
            plan.bend_fields
                .push(|fields| fields.retain(|field| field.value != null()));
        },
        Oddity::FieldsInOtherOrder => |plan| plan.bend_fields.push(|fields| fields.reverse()),
        Oddity::PublicKeyEmpty => |plan| plan.payload.public_key = Some(Vec::new()),
        Oddity::AllFieldsAtMost => |plan| {
            plan.payload.public_key = Some(vec![0x0a; 1024]);
            plan.payload.user_data = Some(vec![0x0b; 512]);
            plan.payload.nonce = Some(vec![0x0c; 512]);
        },
        Oddity::UserDataNull => |plan| plan.payload.user_data = None,
        Oddity::LockedRegisters => |plan| {
            for index in 17..32 {
                plan.payload.pcrs.insert(index, [index; 48]);
            }
        },
        _ => return None,
    })
}

/// Puts another value in place of a field's.
fn set(fields: &mut [Field], name: &str, value: Vec<u8>) {
    for field in fields.iter_mut().filter(|field| field.name == name) {
        field.value.clone_from(&value);
    }
}

/// Puts a fourth register of so many bytes beside three good ones.
fn extra_register(fields: &mut [Field], length: usize) {
    let image = [[1; 48], [2; 48], [3; 48]];
    let [one, two, three] = &image;
    let extra = vec![4; length];
    let pcrs: [(u8, &[u8]); 4] = [(0, one), (1, two), (2, three), (3, &extra)];
    set(fields, "pcrs", registers(&pcrs));
}

fn flip_register(plan: &mut Plan, index: u8) {
    plan.payload
        .pcrs
        .entry(index)
        .and_modify(|value| value[0] ^= 1);
}

fn flip(field: Option<&mut Vec<u8>>) {
    field
        .into_iter()
        .flatten()
        .take(1)
        .for_each(|byte| *byte ^= 1);
}

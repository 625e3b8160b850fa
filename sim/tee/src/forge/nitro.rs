//! Faults of Nitro documents.

use boop_platform::{EvidenceKind, RawEvidence};

use super::{Fault, ForgeRequest, Life, rogue_nitro};
use crate::chip::NitroRequest;
use crate::chip::nitro::{NitroModule, PROTECTED_ES384, Payload, sign};
use crate::key::{P384Key, SigningError};
use crate::measure::nitro_pcrs;

/// {1: -7}, ES256.
const PROTECTED_ES256: &[u8] = &[0xa1, 0x01, 0x26];

/// Where the empty unprotected header of a document lies, behind a protected one of four bytes.
const UNPROTECTED_AT: usize = 6;

/// {4: h'616263'}, a key id.
const KEY_ID_HEADER: [u8; 6] = [0xa1, 0x04, 0x43, 0x61, 0x62, 0x63];

const LEAF_LEAD_MS: u64 = 60_000;
const LEAF_LIFE_MS: u64 = 3 * 60 * 60 * 1000;
const TWO_HOURS_MS: u64 = 2 * 60 * 60 * 1000;

/// Where a fault enters.
pub(super) enum Trick {
    /// In the payload, before it is signed.
    Payload(fn(&mut Payload)),
    /// In the signed header.
    Protected(&'static [u8]),
    /// In the document, after it was signed.
    Document(fn(&mut Vec<u8>)),
    /// In the life of the leaf certificate.
    Life(Life),
    /// In the whole chain; the flag says whether its own root is offered or the genuine one.
    Rogue { offered: bool },
    /// In the key that signs.
    Key,
}

/// Returns how a document gets `fault`, or nothing when it cannot.
pub(super) fn trick(fault: Fault) -> Option<Trick> {
    Some(match fault {
        Fault::WrongRoot => Trick::Rogue { offered: true },
        Fault::SplicedChain => Trick::Rogue { offered: false },
        Fault::SwappedKey => Trick::Key,
        Fault::Expired => Trick::Life(Life::Ended),
        Fault::NotYetValid => Trick::Life(Life::NotBegun),
        Fault::Truncated => Trick::Document(|document| document.truncate(document.len() - 1)),
        Fault::TrailingByte => Trick::Document(|document| document.push(0)),
        Fault::SignatureFlipped => Trick::Document(|document| {
            document.last_mut().into_iter().for_each(|byte| *byte ^= 1);
        }),
        Fault::Debug => Trick::Payload(|payload| {
            payload
                .pcrs
                .extend([(0, [0; 48]), (1, [0; 48]), (2, [0; 48])]);
        }),
        Fault::WrongMeasurement => Trick::Payload(|payload| flip_register(payload, 0)),
        Fault::WrongHostData => Trick::Payload(|payload| flip_register(payload, 16)),
        Fault::WrongReportData => Trick::Payload(|payload| flip(payload.user_data.as_mut())),
        Fault::ReplayedNonce => Trick::Payload(|payload| flip(payload.nonce.as_mut())),
        Fault::WrongChip => Trick::Payload(|payload| payload.module_id.push('f')),
        Fault::ZeroPcrs => Trick::Payload(|payload| payload.pcrs.extend([(0, [0; 48])])),
        Fault::MissingPcr => Trick::Payload(|payload| {
            payload.pcrs.remove(&0);
        }),
        Fault::UnprotectedHeader => Trick::Document(|document| {
            document.splice(UNPROTECTED_AT..=UNPROTECTED_AT, KEY_ID_HEADER);
        }),
        Fault::DuplicateKey => Trick::Payload(|payload| {
            payload.nonce_again.clone_from(&payload.nonce);
            flip(payload.nonce_again.as_mut());
        }),
        Fault::MissingNonce => Trick::Payload(|payload| payload.nonce = None),
        Fault::AlgEs256 => Trick::Protected(PROTECTED_ES256),
        Fault::TimestampFuture => Trick::Payload(|payload| payload.timestamp_ms += TWO_HOURS_MS),
        Fault::TimestampZero => Trick::Payload(|payload| payload.timestamp_ms = 0),
        Fault::MigrationAgent
        | Fault::OldFirmware
        | Fault::TcbMismatch
        | Fault::MaskedChipId
        | Fault::WrongProduct
        | Fault::Vmpl1
        | Fault::HostReport
        | Fault::ReservedBits
        | Fault::PolicyReservedBit
        | Fault::UnknownVersion
        | Fault::SigAlgo
        | Fault::SignaturePadding => return None,
    })
}

/// Makes a document of `module` by the given trick.
pub(super) fn forge(
    module: &NitroModule,
    trick: Trick,
    request: &ForgeRequest,
) -> Result<RawEvidence, SigningError> {
    let launch = &request.launch;
    let asked = NitroRequest {
        pcrs: nitro_pcrs(&launch.measurement, &launch.config_hash, module.instance()),
        user_data: Some(request.user_data.to_vec()),
        nonce: Some(request.nonce.to_vec()),
        public_key: None,
        timestamp_ms: request.now_ms,
    };
    let validity = crate::certificate::Validity {
        from_ms: request.now_ms.saturating_sub(LEAF_LEAD_MS),
        until_ms: request.now_ms.saturating_add(LEAF_LIFE_MS),
    };
    let leaf = module.issue_leaf(validity)?;
    let mut payload = module.payload(&asked, &leaf);
    let evidence = match trick {
        Trick::Payload(bend) => {
            bend(&mut payload);
            sign(PROTECTED_ES384, &payload.to_bytes(), &leaf.key)?
        }
        Trick::Protected(header) => sign(header, &payload.to_bytes(), &leaf.key)?,
        Trick::Document(damage) => {
            let mut document = sign(PROTECTED_ES384, &payload.to_bytes(), &leaf.key)?;
            damage(&mut document);
            document
        }
        Trick::Life(life) => {
            let leaf = module.issue_leaf(life.validity(request.now_ms))?;
            payload.certificate.clone_from(&leaf.certificate);
            sign(PROTECTED_ES384, &payload.to_bytes(), &leaf.key)?
        }
        Trick::Rogue { offered } => {
            let root = rogue_nitro(request.now_ms)?;
            let rogue = NitroModule::provision(&root, "rogue", request.now_ms)?;
            let leaf = rogue.issue_leaf(validity)?;
            let mut payload = Payload {
                module_id: payload.module_id,
                ..rogue.payload(&asked, &leaf)
            };
            if !offered {
                payload.bundle[0].clone_from(&module.bundle()[0]);
            }
            sign(PROTECTED_ES384, &payload.to_bytes(), &leaf.key)?
        }
        Trick::Key => sign(PROTECTED_ES384, &payload.to_bytes(), &P384Key::generate()?)?,
    };
    Ok(RawEvidence {
        kind: EvidenceKind::Nitro,
        evidence,
        endorsements: Vec::new(),
    })
}

fn flip_register(payload: &mut Payload, index: u8) {
    payload.pcrs.entry(index).and_modify(|value| value[0] ^= 1);
}

fn flip(field: Option<&mut Vec<u8>>) {
    field
        .into_iter()
        .flatten()
        .take(1)
        .for_each(|byte| *byte ^= 1);
}

//! The fields of evidence, read anew from its bytes and without the verifier's help.

use core::time::Duration;

use minicbor::Decoder;
use minicbor::data::Type;
use serde_json::{Map, Value, json};

use crate::chip::snp::{REPORT_BYTES, at};

/// Returns the fields of a report, if it has the length of one.
pub(super) fn report(bytes: &[u8]) -> Option<Value> {
    let bytes: &[u8; REPORT_BYTES] = bytes.try_into().ok()?;
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default());
    let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
    let text = |at: usize, length: usize| hex::encode(&bytes[at..at + length]);
    let version = number(at::VERSION);
    let since = |first: u32, value: String| (version >= first).then_some(value);
    let key_info = number(at::KEY_INFO);
    let signing_key = match key_info >> 2 & 7 {
        0 => "VCEK",
        1 => "VLEK",
        7 => "NONE",
        _ => "RESERVED",
    };
    Some(json!({
        "version": version,
        "guest_svn": number(at::GUEST_SVN),
        "policy": format!("{:#x}", long(at::POLICY)),
        "family_id": text(at::FAMILY_ID, 16),
        "image_id": text(at::IMAGE_ID, 16),
        "vmpl": number(at::VMPL),
        "signature_algo": number(at::SIGNATURE_ALGO),
        "current_tcb": text(at::CURRENT_TCB, 8),
        "platform_info": format!("{:#x}", long(at::PLATFORM_INFO)),
        "key_info": format!("{key_info:#x}"),
        "author_key_en": key_info & 1 == 1,
        "mask_chip_key": key_info & 2 == 2,
        "signing_key": signing_key,
        "report_data": text(at::REPORT_DATA, 64),
        "measurement": text(at::MEASUREMENT, 48),
        "host_data": text(at::HOST_DATA, 32),
        "id_key_digest": text(at::ID_KEY_DIGEST, 48),
        "author_key_digest": text(at::AUTHOR_KEY_DIGEST, 48),
        "report_id": text(at::REPORT_ID, 32),
        "reported_tcb": text(at::REPORTED_TCB, 8),
        "cpuid_fms": since(3, text(at::CPUID, 3)),
        "chip_id": text(at::CHIP_ID, 64),
        "committed_tcb": text(at::COMMITTED_TCB, 8),
        "launch_tcb": text(at::LAUNCH_TCB, 8),
        "launch_mit_vector": since(5, format!("{:#x}", long(at::LAUNCH_MITIGATIONS))),
        "current_mit_vector": since(5, format!("{:#x}", long(at::CURRENT_MITIGATIONS))),
    }))
}

/// Returns the fields of a document that has each of them at most once and of the right type.
pub(super) fn document(bytes: &[u8]) -> Option<Value> {
    let bytes = bytes.strip_prefix(&[0xd2]).unwrap_or(bytes);
    let mut outer = Decoder::new(bytes);
    outer.array().ok()?;
    outer.bytes().ok()?;
    outer.skip().ok()?;
    let mut payload = Decoder::new(outer.bytes().ok()?);
    let mut left = payload.map().ok()?.unwrap_or(u64::MAX);
    let mut fields = Map::new();
    while left > 0 && payload.datatype().ok()? != Type::Break {
        left -= 1;
        let name = payload.str().ok()?;
        let value = match (name, payload.datatype().ok()?) {
            ("certificate" | "cabundle", _) => {
                payload.skip().ok()?;
                continue;
            }
            ("pcrs", _) => registers(&mut payload)?,
            (_, Type::String) => json!(payload.str().ok()?),
            (_, Type::Bytes) => json!(hex::encode(payload.bytes().ok()?)),
            (_, Type::Null) => payload.null().map(|()| Value::Null).ok()?,
            (_, _) => json!(payload.u64().ok()?),
        };
        if fields.insert(name.to_owned(), value).is_some() {
            return None;
        }
        if left == 0 || payload.position() == payload.input().len() {
            break;
        }
    }
    Some(Value::Object(fields))
}

fn registers(payload: &mut Decoder<'_>) -> Option<Value> {
    let mut registers = Map::new();
    for _ in 0..payload.map().ok()?? {
        let index = payload.u8().ok()?;
        let value = json!(hex::encode(payload.bytes().ok()?));
        if registers.insert(index.to_string(), value).is_some() {
            return None;
        }
    }
    Some(Value::Object(registers))
}

/// Returns a time in the form of RFC 3339.
pub(super) fn time_text(unix_seconds: u64) -> String {
    let time = der::DateTime::from_unix_duration(Duration::from_secs(unix_seconds));
    time.unwrap_or(der::DateTime::INFINITY).to_string()
}

//! The Nitro side: the chain from root to instance, leaves of three hours, and documents.

use std::sync::{Mutex, PoisonError};

use minicbor::Encoder;
use minicbor::encode::Error;

use crate::authority::{
    NITRO_ROOT_NAME, NITRO_UNIT, NitroAuthority, NitroRoot, nitro_authority, serial_of,
};
use crate::certificate::{Certificate, Validity, leaf_extensions};
use crate::key::{P384Key, SignatureForm, SigningError};
use crate::measure::{CONFIG_PCR, Pcrs, sha384};

/// The protected header of every genuine document: {1: -35}, ES384.
pub(crate) const PROTECTED_ES384: &[u8] = &[0xa1, 0x01, 0x38, 0x22];

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Genuine authorities below the root live days; simulated machines keep theirs for years.
const AUTHORITY_LIFE_MS: u64 = 7 * 365 * 24 * HOUR_MS;

/// How long a leaf lives, and how long before its first document it becomes valid.
const LEAF_LIFE_MS: u64 = 3 * HOUR_MS;
const LEAF_LEAD_MS: u64 = 60_000;

/// A document must leave its verifier this much of the leaf's life.
const LEAF_REST_MS: u64 = HOUR_MS;

/// What an enclave asks a Nitro module to sign, and what the machine knows of the enclave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NitroRequest {
    /// Platform configuration registers; those of 0 to 15 that are left out are zero.
    pub pcrs: Pcrs,
    /// The field `user_data`.
    pub user_data: Option<Vec<u8>>,
    /// The field `nonce`.
    pub nonce: Option<Vec<u8>>,
    /// The field `public_key`.
    pub public_key: Option<Vec<u8>>,
    /// The time of the document, milliseconds since 1970.
    pub timestamp_ms: u64,
}

/// A Nitro security module and the machine around it.
#[derive(Debug)]
pub(crate) struct NitroModule {
    instance: String,
    module_id: String,
    key: P384Key,
    bundle: [Vec<u8>; 4],
    leaf: Mutex<Option<Leaf>>,
}

/// The key that signs documents, for a while.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) key: P384Key,
    pub(crate) certificate: Vec<u8>,
    validity: Validity,
}

impl NitroModule {
    pub(crate) fn provision(
        root: &NitroRoot,
        seed: &str,
        now_ms: u64,
    ) -> Result<Self, SigningError> {
        let label = hex::encode(sha384(&[b"boop/sim-instance/v1", seed.as_bytes()]));
        let instance = format!("i-0{}", &label[..16]);
        let regional_name = format!("{}.us-east-1.{NITRO_ROOT_NAME}", &label[16..32]);
        let zonal_name = format!("{}.zonal.us-east-1.{NITRO_ROOT_NAME}", &label[32..48]);
        let (regional, zonal, key) = (
            P384Key::generate()?,
            P384Key::generate()?,
            P384Key::generate()?,
        );
        let validity = Validity {
            from_ms: now_ms.saturating_sub(HOUR_MS),
            until_ms: now_ms.saturating_add(AUTHORITY_LIFE_MS),
        };
        let certify = |subject: &str, issuer: &str, length, key, issuer_key| {
            let path_length = Some(length);
            nitro_authority(NitroAuthority {
                subject,
                issuer,
                path_length,
                validity,
                key,
                issuer_key,
            })
        };
        let bundle = [
            root.certificate.clone(),
            certify(&regional_name, NITRO_ROOT_NAME, 2, &regional, &root.key)?,
            certify(&zonal_name, &regional_name, 1, &zonal, &regional)?,
            certify(&instance_name(&instance), &zonal_name, 0, &key, &zonal)?,
        ];
        let module_id = format!("{instance}-enc0{}", &label[48..64]);
        Ok(Self::new(instance, module_id, key, bundle))
    }

    pub(crate) fn new(
        instance: String,
        module_id: String,
        key: P384Key,
        bundle: [Vec<u8>; 4],
    ) -> Self {
        Self {
            instance,
            module_id,
            key,
            bundle,
            leaf: Mutex::new(None),
        }
    }

    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    pub(crate) fn module_id(&self) -> &str {
        &self.module_id
    }

    pub(crate) fn key(&self) -> &P384Key {
        &self.key
    }

    /// Returns root, regional, zonal and instance certificate.
    pub(crate) fn bundle(&self) -> &[Vec<u8>; 4] {
        &self.bundle
    }

    /// Signs a document with the current leaf, made anew when it nears its end.
    pub(crate) fn document(&self, request: &NitroRequest) -> Result<Vec<u8>, SigningError> {
        let now_ms = request.timestamp_ms;
        let mut held = self.leaf.lock().unwrap_or_else(PoisonError::into_inner);
        let leaf = match held.take() {
            Some(leaf) if leaf.serves(now_ms) => leaf,
            Some(_) | None => self.issue_leaf(Validity {
                from_ms: now_ms.saturating_sub(LEAF_LEAD_MS),
                until_ms: now_ms.saturating_add(LEAF_LIFE_MS),
            })?,
        };
        let signed = sign(
            PROTECTED_ES384,
            &self.payload(request, &leaf).to_bytes(),
            &leaf.key,
        );
        *held = Some(leaf);
        signed
    }

    /// Makes a key and has the instance certify it.
    pub(crate) fn issue_leaf(&self, validity: Validity) -> Result<Leaf, SigningError> {
        let key = P384Key::generate()?;
        let public_key_info = key.public_key_info();
        let certificate = Certificate {
            serial: &serial_of(&public_key_info),
            unit: NITRO_UNIT,
            issuer: &instance_name(&self.instance),
            subject: &format!("{}.us-east-1.aws", self.module_id),
            validity,
            public_key_info,
            extensions: leaf_extensions(),
            signature_form: SignatureForm::Short,
        }
        .sign(&self.key)?;
        Ok(Leaf {
            key,
            certificate,
            validity,
        })
    }

    pub(crate) fn payload(&self, request: &NitroRequest, leaf: &Leaf) -> Payload {
        Payload {
            module_id: self.module_id.clone(),
            timestamp_ms: request.timestamp_ms,
            pcrs: all_registers(&request.pcrs),
            certificate: leaf.certificate.clone(),
            bundle: self.bundle.to_vec(),
            public_key: request.public_key.clone(),
            user_data: request.user_data.clone(),
            nonce: request.nonce.clone(),
            nonce_again: None,
        }
    }
}

impl Leaf {
    fn serves(&self, now_ms: u64) -> bool {
        self.validity.from_ms <= now_ms
            && now_ms.saturating_add(LEAF_REST_MS) <= self.validity.until_ms
    }
}

/// The content of a document, which the forge may bend before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    pub(crate) module_id: String,
    pub(crate) timestamp_ms: u64,
    pub(crate) pcrs: Pcrs,
    pub(crate) certificate: Vec<u8>,
    pub(crate) bundle: Vec<Vec<u8>>,
    pub(crate) public_key: Option<Vec<u8>>,
    pub(crate) user_data: Option<Vec<u8>>,
    pub(crate) nonce: Option<Vec<u8>>,
    /// A second `nonce` field, which no genuine document has.
    pub(crate) nonce_again: Option<Vec<u8>>,
}

type Infallible = Error<core::convert::Infallible>;

impl Payload {
    /// Returns the CBOR that recent genuine modules write: a map of indefinite length with an
    /// explicit null for each absent field.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut Encoder::new(&mut bytes))
            .expect("a Vec takes every write");
        bytes
    }

    fn write(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Result<(), Infallible> {
        encoder.begin_map()?;
        encoder.str("module_id")?.str(&self.module_id)?;
        encoder.str("digest")?.str("SHA384")?;
        encoder.str("timestamp")?.u64(self.timestamp_ms)?;
        encoder.str("pcrs")?.map(self.pcrs.len() as u64)?;
        for (index, value) in &self.pcrs {
            encoder.u8(*index)?.bytes(value)?;
        }
        encoder.str("certificate")?.bytes(&self.certificate)?;
        encoder.str("cabundle")?.array(self.bundle.len() as u64)?;
        for certificate in &self.bundle {
            encoder.bytes(certificate)?;
        }
        optional(encoder, "public_key", self.public_key.as_deref())?;
        optional(encoder, "user_data", self.user_data.as_deref())?;
        optional(encoder, "nonce", self.nonce.as_deref())?;
        if let Some(nonce) = &self.nonce_again {
            optional(encoder, "nonce", Some(nonce))?;
        }
        encoder.end()?;
        Ok(())
    }
}

fn optional(
    encoder: &mut Encoder<&mut Vec<u8>>,
    field: &str,
    value: Option<&[u8]>,
) -> Result<(), Infallible> {
    encoder.str(field)?;
    match value {
        Some(bytes) => encoder.bytes(bytes)?,
        None => encoder.null()?,
    };
    Ok(())
}

/// Signs a payload and returns the COSE_Sign1, untagged, with an empty unprotected header
/// (RFC 9052 §4.4).
pub(crate) fn sign(
    protected: &[u8],
    payload: &[u8],
    key: &P384Key,
) -> Result<Vec<u8>, SigningError> {
    let signature = key.sign_evidence(&signature_input(protected, payload))?;
    let mut bytes = Vec::new();
    write_envelope(
        &mut Encoder::new(&mut bytes),
        protected,
        payload,
        &signature,
    )
    .expect("a Vec takes every write");
    Ok(bytes)
}

fn signature_input(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes);
    let written: Result<(), Infallible> = (|| {
        encoder
            .array(4)?
            .str("Signature1")?
            .bytes(protected)?
            .bytes(&[])?
            .bytes(payload)?;
        Ok(())
    })();
    written.expect("a Vec takes every write");
    bytes
}

fn write_envelope(
    encoder: &mut Encoder<&mut Vec<u8>>,
    protected: &[u8],
    payload: &[u8],
    signature: &[u8],
) -> Result<(), Infallible> {
    encoder
        .array(4)?
        .bytes(protected)?
        .map(0)?
        .bytes(payload)?
        .bytes(signature)?;
    Ok(())
}

/// Fills in the zero registers of 0 to 15 and, when the last is used, those below it.
fn all_registers(pcrs: &Pcrs) -> Pcrs {
    let mut all: Pcrs = (0..CONFIG_PCR).map(|index| (index, [0; 48])).collect();
    all.extend(pcrs);
    all
}

fn instance_name(instance: &str) -> String {
    format!("{instance}.us-east-1.aws.nitro-enclaves")
}

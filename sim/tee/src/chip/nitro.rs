//! The Nitro side: the chain from root to instance, and leaves of three hours; `document` has what
//! they sign.

use std::sync::{Mutex, PoisonError};

use super::document::{MapForm, PROTECTED_ES384, Payload, map, sign};
use crate::authority::{
    NITRO_ROOT_NAME, NITRO_UNIT, NitroAuthority, NitroRoot, nitro_authority, serial_of,
};
use crate::certificate::{
    Certificate, Usage, Validity, basic_constraints, key_usage, unknown_critical,
};
use crate::key::{P384Key, SignatureForm, SigningError};
use crate::measure::{CONFIG_PCR, Launch, Pcrs, nitro_pcrs, sha384};

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

/// How the authorities between root and leaf are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChainShape {
    pub(crate) validity: Validity,
    /// Whether the zonal certificate may issue others, as it should.
    pub(crate) zonal_issues: bool,
    /// How many authorities the zonal certificate allows below it; one stands there.
    pub(crate) zonal_path_length: u8,
}

impl ChainShape {
    /// Returns the genuine shape.
    pub(crate) fn genuine(now_ms: u64) -> Self {
        let validity = Validity {
            from_ms: now_ms.saturating_sub(HOUR_MS),
            until_ms: now_ms.saturating_add(AUTHORITY_LIFE_MS),
        };
        Self {
            validity,
            zonal_issues: true,
            zonal_path_length: 1,
        }
    }
}

/// How a leaf is made.
#[derive(Debug, Clone)]
pub(crate) struct LeafShape {
    pub(crate) validity: Validity,
    /// A key that is certified in place of the one that signs.
    pub(crate) public_key_info: Option<Vec<u8>>,
    pub(crate) claims_ca: bool,
    pub(crate) usage: Usage,
    pub(crate) unknown_critical: bool,
}

impl LeafShape {
    /// Returns the genuine shape of a leaf that is to sign now.
    pub(crate) fn genuine(now_ms: u64) -> Self {
        Self {
            validity: Validity {
                from_ms: now_ms.saturating_sub(LEAF_LEAD_MS),
                until_ms: now_ms.saturating_add(LEAF_LIFE_MS),
            },
            public_key_info: None,
            claims_ca: false,
            usage: Usage::Document,
            unknown_critical: false,
        }
    }
}

impl NitroModule {
    /// Returns what a launched program asks the module to sign.
    pub(crate) fn request(
        &self,
        launch: &Launch,
        user_data: &[u8],
        nonce: &[u8],
        timestamp_ms: u64,
    ) -> NitroRequest {
        NitroRequest {
            pcrs: nitro_pcrs(&launch.measurement, &launch.config_hash, self.instance()),
            user_data: Some(user_data.to_vec()),
            nonce: Some(nonce.to_vec()),
            public_key: None,
            timestamp_ms,
        }
    }

    pub(crate) fn provision(
        root: &NitroRoot,
        seed: &str,
        now_ms: u64,
    ) -> Result<Self, SigningError> {
        let label = hex::encode(sha384(&[b"boop/sim-instance/v1", seed.as_bytes()]));
        let instance = format!("i-0{}", &label[..16]);
        let module_id = format!("{instance}-enc0{}", &label[48..64]);
        Self::certified(root, (instance, module_id), ChainShape::genuine(now_ms))
    }

    /// Makes a module of these names with a chain of its own under `root`.
    pub(crate) fn certified(
        root: &NitroRoot,
        (instance, module_id): (String, String),
        shape: ChainShape,
    ) -> Result<Self, SigningError> {
        let label = hex::encode(sha384(&[b"boop/sim-zone/v1", instance.as_bytes()]));
        let regional_name = format!("{}.us-east-1.{NITRO_ROOT_NAME}", &label[16..32]);
        let zonal_name = format!("{}.zonal.us-east-1.{NITRO_ROOT_NAME}", &label[32..48]);
        let (regional, zonal, key) = (
            P384Key::generate()?,
            P384Key::generate()?,
            P384Key::generate()?,
        );
        let certify = |names: (&str, &str), length, issues, key, issuer_key| {
            nitro_authority(NitroAuthority {
                subject: names.0,
                issuer: names.1,
                path_length: Some(length),
                issues,
                validity: shape.validity,
                key,
                issuer_key,
            })
        };
        let own_name = instance_name(&instance);
        let zonal_limit = shape.zonal_path_length;
        let bundle = [
            root.certificate.clone(),
            certify(
                (&regional_name, NITRO_ROOT_NAME),
                2,
                true,
                &regional,
                &root.key,
            )?,
            certify(
                (&zonal_name, &regional_name),
                zonal_limit,
                shape.zonal_issues,
                &zonal,
                &regional,
            )?,
            certify((&own_name, &zonal_name), 0, true, &key, &zonal)?,
        ];
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
            Some(_) | None => self.issue_leaf(LeafShape::genuine(now_ms))?,
        };
        let payload = self.payload(request, &leaf.certificate);
        let payload = map(&payload.fields(), MapForm::Indefinite);
        let signed = sign(PROTECTED_ES384, &payload, &leaf.key);
        *held = Some(leaf);
        signed.map(|envelope| envelope.to_bytes())
    }

    /// Makes a key and has the instance certify it.
    pub(crate) fn issue_leaf(&self, shape: LeafShape) -> Result<Leaf, SigningError> {
        let key = P384Key::generate()?;
        let LeafShape {
            validity,
            public_key_info,
            claims_ca,
            usage,
            unknown_critical: unknown,
        } = shape;
        let public_key_info = public_key_info.unwrap_or_else(|| key.public_key_info());
        let mut extensions = vec![basic_constraints(claims_ca), key_usage(usage)];
        if unknown {
            extensions.push(unknown_critical());
        }
        let certificate = Certificate {
            serial: &serial_of(&public_key_info),
            unit: NITRO_UNIT,
            issuer: &instance_name(&self.instance),
            subject: &format!("{}.us-east-1.aws", self.module_id),
            validity,
            public_key_info,
            extensions,
            signature_form: SignatureForm::Short,
        }
        .sign(&self.key)?;
        Ok(Leaf {
            key,
            certificate,
            validity,
        })
    }

    pub(crate) fn payload(&self, request: &NitroRequest, leaf: &[u8]) -> Payload {
        Payload {
            module_id: self.module_id.clone(),
            timestamp_ms: request.timestamp_ms,
            pcrs: all_registers(&request.pcrs),
            certificate: leaf.to_vec(),
            bundle: self.bundle.to_vec(),
            public_key: request.public_key.clone(),
            user_data: request.user_data.clone(),
            nonce: request.nonce.clone(),
        }
    }
}

impl Leaf {
    fn serves(&self, now_ms: u64) -> bool {
        self.validity.from_ms <= now_ms
            && now_ms.saturating_add(LEAF_REST_MS) <= self.validity.until_ms
    }
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

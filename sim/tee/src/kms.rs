//! A key management service that plays that of AWS: its operations, its errors, and its own
//! judgement of Nitro documents, under the roots of simulated vendors.
//!
//! ```text
//!  request -> signature -> key -> policy: evidence? these measurements? -> operation
//! ```
//!
//! No I/O: whoever serves it brings requests and the time.

mod envelope;
mod signature;
mod wire;

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::fill;
use boop_verifier::{Endorsements, Facts, Roots, UnixTime, authenticate, parse};

use envelope::envelop;
use wire::{Asked, Operation};
pub use wire::{KmsAnswer, KmsRequest};

/// The greatest age of a document.
const DOCUMENT_AGE_MAX_MS: u64 = 5 * 60 * 1000;
/// First byte of a ciphertext.
const BLOB_FORMAT: u8 = 1;

/// Who may ask, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsAccount {
    /// The region that requests are signed for.
    pub region: String,
    /// Id of the access key.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: String,
    /// The token that must come with it, if it is a temporary one.
    pub session_token: Option<String>,
}

/// Whom a key's policy lets decrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KmsPolicy {
    /// Nobody.
    Nobody,
    /// Enclaves whose PCR0 is this.
    Enclave([u8; 48]),
    /// Whoever has credentials: what a careless administrator leaves.
    Anybody,
}

/// A key that KMS keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKey {
    /// Its name for everything but aliases.
    pub arn: String,
    /// `Enabled`, `Disabled` or `PendingDeletion`.
    pub state: &'static str,
    /// Where its bytes come from.
    pub origin: &'static str,
    /// Whether it may be copied to other regions.
    pub multi_region: bool,
    /// Whom its policy lets decrypt.
    pub policy: KmsPolicy,
    /// Whether its policy lets data keys be moved to other keys.
    pub moves: bool,
    material: [u8; 32],
}

/// The service.
#[derive(Debug)]
pub struct SimulatedKms {
    account: KmsAccount,
    roots: Roots,
    /// Keys by alias.
    pub keys: BTreeMap<String, KmsKey>,
    /// The error that every request gets instead of an answer.
    pub fault: Option<&'static str>,
    /// The data keys that were made, for a test that looks for them elsewhere.
    pub made: Vec<[u8; 32]>,
    /// The operations that were asked for and allowed.
    pub log: Vec<String>,
}

/// An error: its name and what it says.
type Refused = (&'static str, String);

impl SimulatedKms {
    /// Begins without keys.
    pub fn new(account: KmsAccount, roots: Roots) -> Self {
        Self {
            account,
            roots,
            keys: BTreeMap::new(),
            fault: None,
            made: Vec::new(),
            log: Vec::new(),
        }
    }

    /// Makes a key under an alias.
    pub fn create_key(&mut self, alias: &str, policy: KmsPolicy) {
        let region = &self.account.region;
        let id = hex::encode(random::<16>());
        let arn = format!("arn:aws:kms:{region}:111122223333:key/{id}");
        let key = KmsKey {
            arn,
            state: "Enabled",
            origin: "AWS_KMS",
            multi_region: false,
            policy,
            moves: false,
            material: random(),
        };
        self.keys.insert(alias.to_owned(), key);
    }

    /// Changes the credentials that are taken.
    pub fn set_account(&mut self, account: KmsAccount) {
        self.account = account;
    }

    /// Answers a request.
    pub fn answer(&mut self, request: &KmsRequest<'_>, now_ms: u64) -> KmsAnswer {
        match self.carry_out(request, now_ms) {
            Ok(answer) => KmsAnswer::good(&answer),
            Err((kind, message)) => KmsAnswer::error(kind, &message),
        }
    }

    fn carry_out(
        &mut self,
        request: &KmsRequest<'_>,
        now_ms: u64,
    ) -> Result<serde_json::Value, Refused> {
        signature::check(&self.account, request, now_ms)?;
        if let Some(fault) = self.fault {
            return Err((fault, String::from("as the test wants it")));
        }
        let (operation, asked) = wire::read(request)?;
        let answer = match operation {
            Operation::Describe => {
                let key = self.key(&asked.key_id)?;
                wire::described(key)
            }
            Operation::GenerateDataKey => {
                let key = self.key_in_use(&asked.key_id)?;
                let data_key = random();
                let blob = seal(key, &data_key, &asked.encryption_context);
                self.made.push(data_key);
                wire::blob("CiphertextBlob", &blob)
            }
            Operation::Decrypt => self.decrypt(&asked, now_ms)?,
            Operation::ReEncrypt => {
                let source = self.key_in_use(&asked.source_key_id)?;
                if !source.moves {
                    return Err(denied("kms:ReEncryptFrom"));
                }
                let context = &asked.source_encryption_context;
                let data_key = open(source, &asked.ciphertext_blob.0, context)?;
                let destination = self.key_in_use(&asked.destination_key_id)?;
                let context = &asked.destination_encryption_context;
                wire::blob("CiphertextBlob", &seal(destination, &data_key, context))
            }
            Operation::ScheduleDeletion => {
                if !(7..=30).contains(&asked.pending_window_in_days) {
                    return Err(("ValidationException", String::from("7 to 30 days")));
                }
                let key = self.key_mut(&asked.key_id)?;
                if key.state == "PendingDeletion" {
                    return Err(("KMSInvalidStateException", key.arn.clone()));
                }
                key.state = "PendingDeletion";
                serde_json::json!({ "KeyId": key.arn, "KeyState": key.state })
            }
        };
        self.log.push(format!("{operation:?}"));
        Ok(answer)
    }

    fn decrypt(&self, asked: &Asked, now_ms: u64) -> Result<serde_json::Value, Refused> {
        let key = self.key_in_use(&asked.key_id)?;
        let Some(recipient) = &asked.recipient else {
            if key.policy != KmsPolicy::Anybody {
                return Err(denied("kms:Decrypt without a recipient"));
            }
            let data_key = open(key, &asked.ciphertext_blob.0, &asked.encryption_context)?;
            return Ok(wire::blob("Plaintext", &data_key));
        };
        if recipient.key_encryption_algorithm != "RSAES_OAEP_SHA_256" {
            return Err(invalid("KeyEncryptionAlgorithm"));
        }
        let facts = self.judge(&recipient.attestation_document.0, now_ms)?;
        let allowed = match key.policy {
            KmsPolicy::Nobody => false,
            KmsPolicy::Enclave(pcr0) => facts.measurement == Some(pcr0),
            KmsPolicy::Anybody => true,
        };
        if !allowed {
            return Err(denied("kms:RecipientAttestation:PCR0"));
        }
        let data_key = open(key, &asked.ciphertext_blob.0, &asked.encryption_context)?;
        let public_key = facts.public_key.ok_or_else(|| invalid("no public key"))?;
        let enveloped = envelop(&public_key, &data_key);
        let enveloped = enveloped.ok_or_else(|| invalid("not an RSA key"))?;
        Ok(wire::blob("CiphertextForRecipient", &enveloped))
    }

    /// Returns what a document says that a Nitro module signed a moment ago.
    fn judge(&self, document: &[u8], now_ms: u64) -> Result<Facts, Refused> {
        let broken = || invalid("the attestation document");
        let evidence = parse(document).map_err(|_| broken())?;
        let now = UnixTime(now_ms / 1000);
        let authenticated = authenticate(&evidence, &Endorsements::default(), &self.roots, now);
        let facts = authenticated.facts().clone();
        let age = facts.timestamp_ms.map(|made| now_ms.abs_diff(made));
        if !authenticated.is_authentic() || age.is_none_or(|age| age > DOCUMENT_AGE_MAX_MS) {
            return Err(broken());
        }
        Ok(facts)
    }

    fn key(&self, id: &str) -> Result<&KmsKey, Refused> {
        let by_arn = || self.keys.values().find(|key| key.arn == id);
        let found = self.keys.get(id).or_else(by_arn);
        found.ok_or_else(|| ("NotFoundException", id.to_owned()))
    }

    fn key_mut(&mut self, arn: &str) -> Result<&mut KmsKey, Refused> {
        let found = self.keys.values_mut().find(|key| key.arn == arn);
        found.ok_or_else(|| ("NotFoundException", arn.to_owned()))
    }

    fn key_in_use(&self, id: &str) -> Result<&KmsKey, Refused> {
        let key = self.key(id)?;
        match key.state {
            "Enabled" => Ok(key),
            "Disabled" => Err(("DisabledException", key.arn.clone())),
            _ => Err(("KMSInvalidStateException", key.arn.clone())),
        }
    }
}

fn denied(what: &str) -> Refused {
    ("AccessDeniedException", what.to_owned())
}

fn invalid(what: &str) -> Refused {
    ("ValidationException", what.to_owned())
}

type Context = BTreeMap<String, String>;

/// Returns a ciphertext that this key opens in this context: format, nonce, sealed bytes.
fn seal(key: &KmsKey, plain: &[u8; 32], context: &Context) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random();
    let mut sealed = plain.to_vec();
    cipher(key)
        .seal_in_place_append_tag(Nonce::from(&nonce), aad(key, context), &mut sealed)
        .expect("32 bytes can be sealed");
    [&[BLOB_FORMAT], &nonce[..], &sealed].concat()
}

fn open(key: &KmsKey, blob: &[u8], context: &Context) -> Result<[u8; 32], Refused> {
    let refused = || ("InvalidCiphertextException", String::new());
    let Some(([BLOB_FORMAT], rest)) = blob.split_first_chunk::<1>() else {
        return Err(refused());
    };
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
    let mut sealed = sealed.to_vec();
    let opened = cipher(key).open_in_place(Nonce::from(nonce), aad(key, context), &mut sealed);
    let opened = opened.map_err(|_| refused())?;
    (&*opened).try_into().map_err(|_| refused())
}

fn cipher(key: &KmsKey) -> LessSafeKey {
    let unbound = UnboundKey::new(&AES_256_GCM, &key.material);
    LessSafeKey::new(unbound.expect("a key of 32 bytes"))
}

fn aad(key: &KmsKey, context: &Context) -> Aad<Vec<u8>> {
    let context = serde_json::to_vec(context).expect("text can be written");
    Aad::from([key.arn.as_bytes(), b"\n", &context].concat())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes).expect("the system gives randomness");
    bytes
}

//! A vault in AWS KMS: KMS itself judges the evidence of the enclave that it wraps a key to
//! [KEY-10].
//!
//! ```text
//!  create   KMS makes a data key and gives out its ciphertext alone
//!  release  KMS decrypts it for the key that a Nitro document names, if the key's policy lets an
//!           enclave of these measurements have it: CMS goes out, which that enclave opens
//! ```
//!
//! There is one KMS key for each epoch, made by its administrator under an alias ahead of time, so
//! that an epoch ends with its key. What a policy says is the administrator's word: the custodian
//! can only try whether the key opens without evidence, or lets a data key be moved to another KMS
//! key, which may open to anybody; it uses no key that does.

mod client;
mod credentials;
mod error;

use std::collections::BTreeMap;
use std::path::PathBuf;

use boop_channel::setup::WrappedKey;
use boop_wire::PartyIndex;
use boop_wire::release::{ReleaseContext, WrapMechanism};
use serde_json::json;

use crate::token::kms::client::{Blob, Client, DataKey, Decrypted, Described};
use crate::token::pkcs11::{Capability, Finding, Findings, TokenFacts};
use crate::token::{KeyName, Recipient, StoredKey, Vault, VaultError};

pub use credentials::CredentialsError;
pub use error::KmsError;

/// Days until KMS destroys a key for good: the fewest that it offers. It does nothing with the key
/// meanwhile, unless its administrator takes the deletion back.
const DAYS_UNTIL_DELETION: u8 = 7;

/// Where the keys are and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsSettings {
    /// URL of the service, with `https`.
    pub endpoint: String,
    /// The region, which requests are signed for.
    pub region: String,
    /// Alias of each key, with `{epoch}` in it.
    pub key: String,
    /// File with the credentials.
    pub credentials: PathBuf,
    /// PEM file with the roots for TLS.
    pub tls_roots: PathBuf,
}

/// Keys in AWS KMS.
#[derive(Debug)]
pub struct KmsVault {
    client: Client,
    key: String,
    region: String,
}

/// What a data key is bound to in KMS, which also writes it to its own log.
type EncryptionContext = BTreeMap<&'static str, String>;

impl KmsVault {
    /// Gets ready to ask; nothing is asked yet.
    ///
    /// # Errors
    /// If the settings cannot be right.
    pub fn open(settings: &KmsSettings) -> Result<Self, KmsError> {
        let key = &settings.key;
        if !(key.starts_with("alias/") && key.contains("{epoch}")) {
            return Err(KmsError::KeyTemplate { key: key.clone() });
        }
        Ok(Self {
            client: Client::new(settings)?,
            key: key.clone(),
            region: settings.region.clone(),
        })
    }

    /// Names what keeps the keys.
    pub fn serial(&self) -> String {
        format!("{}/{}", self.region, self.key)
    }

    /// Finds out what KMS does with the key of an epoch, by doing it with throw-away data keys.
    ///
    /// # Errors
    /// If there is no such key, or KMS cannot be asked.
    pub fn probe(&self, epoch: u32) -> Result<Findings, VaultError> {
        let arn = self.find(epoch);
        if let Err(VaultError::Kms(error)) = &arn
            && error.is_about_asking()
        {
            return Err(error.clone().into());
        }
        let say = |error: &VaultError| error.to_string();
        let made = arn.as_ref().map_err(say).and_then(|arn| {
            let blob = self.make_data_key(arn, &purpose_of_probe());
            blob.map_err(|error| error.to_string())
        });
        let hidden = match (&arn, &made) {
            (Ok(arn), Ok(blob)) => self.check_closed(arn, blob, epoch).map_err(|e| say(&e)),
            (Err(error), _) => Err(say(error)),
            (_, Err(error)) => Err(error.clone()),
        };
        let row = |capability, outcome| Finding {
            capability,
            outcome,
        };
        Ok(Findings {
            token: TokenFacts {
                manufacturer: String::from("AWS"),
                model: String::from("KMS"),
                serial: self.serial(),
                firmware: String::from("-"),
            },
            table: vec![
                row(
                    Capability::KeyEncryptionKey,
                    arn.map(drop).map_err(|e| say(&e)),
                ),
                row(Capability::DataKeyMade, made.map(drop)),
                row(Capability::ClosedWithoutEvidence, hidden),
            ],
        })
    }

    /// Checks that the key is there and opens to nobody without evidence, and returns its ARN.
    ///
    /// # Errors
    /// If it does, it is not sound, or KMS cannot be asked.
    pub fn check(&self, epoch: u32) -> Result<String, VaultError> {
        let arn = self.find(epoch)?;
        let blob = self.make_data_key(&arn, &purpose_of_probe())?;
        self.check_closed(&arn, &blob, epoch)?;
        Ok(arn)
    }

    /// Returns the ARN of a key that does what it should and no more.
    fn find(&self, epoch: u32) -> Result<String, VaultError> {
        let alias = self.alias(epoch);
        let described = self.client.ask("DescribeKey", &json!({ "KeyId": alias }));
        let Described { key_metadata: key } = match described {
            Err(KmsError::NoKey { .. }) => return Err(VaultError::NoKey { epoch }),
            other => other?,
        };
        match key.key_state.as_str() {
            "Enabled" => {}
            "PendingDeletion" | "PendingReplicaDeletion" => {
                return Err(VaultError::NoKey { epoch });
            }
            state => {
                let state = String::from(state);
                return Err(KmsError::KeyState { alias, state }.into());
            }
        }
        let wanted = [
            (key.key_spec == "SYMMETRIC_DEFAULT", "not a symmetric key"),
            (key.key_usage == "ENCRYPT_DECRYPT", "not for encryption"),
            (!key.multi_region, "may be copied to other regions"),
            (
                matches!(key.origin.as_str(), "AWS_KMS" | "AWS_CLOUDHSM"),
                "was not made in an HSM of AWS",
            ),
        ];
        match wanted.into_iter().find(|(holds, _)| !holds) {
            None => Ok(key.arn),
            Some((_, attribute)) => Err(VaultError::UnsoundKey { epoch, attribute }),
        }
    }

    fn make_data_key(&self, arn: &str, context: &EncryptionContext) -> Result<Blob, KmsError> {
        let asked = json!({
            "KeyId": arn,
            "KeySpec": "AES_256",
            "EncryptionContext": context,
        });
        let made: DataKey = self.client.ask("GenerateDataKeyWithoutPlaintext", &asked)?;
        Ok(made.ciphertext_blob)
    }

    /// Checks that KMS gives a throw-away data key to nobody without evidence: neither decrypts it
    /// for the custodian itself, nor moves it under a key that may.
    fn check_closed(&self, arn: &str, blob: &Blob, epoch: u32) -> Result<(), VaultError> {
        let decrypt = json!({
            "KeyId": arn,
            "CiphertextBlob": blob,
            "EncryptionContext": purpose_of_probe(),
        });
        let move_on = json!({
            "SourceKeyId": arn,
            "CiphertextBlob": blob,
            "SourceEncryptionContext": purpose_of_probe(),
            "DestinationKeyId": arn,
            "DestinationEncryptionContext": purpose_of_probe(),
        });
        for (operation, asked, attribute) in [
            (
                "Decrypt",
                decrypt,
                "opens without the evidence of an enclave",
            ),
            (
                "ReEncrypt",
                move_on,
                "lets its data keys be moved to other keys",
            ),
        ] {
            match self.client.ask::<serde_json::Value>(operation, &asked) {
                Err(KmsError::AccessDenied { .. }) => {}
                Ok(_) => return Err(VaultError::UnsoundKey { epoch, attribute }),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn alias(&self, epoch: u32) -> String {
        self.key.replace("{epoch}", &epoch.to_string())
    }
}

impl Vault for KmsVault {
    fn mechanism(&self) -> WrapMechanism {
        WrapMechanism::AwsKmsRecipient
    }

    fn create(&self, name: &KeyName) -> Result<StoredKey, VaultError> {
        let arn = self.check(name.epoch)?;
        self.make_data_key(&arn, &context_of(name))?.stored()
    }

    /// Whoever may have KMS move a data key to another key may move it to one of their own.
    fn rewrap(
        &self,
        _from: &KeyName,
        _stored: &StoredKey,
        _to: &KeyName,
    ) -> Result<StoredKey, VaultError> {
        Err(KmsError::NotMoved.into())
    }

    fn release(
        &self,
        name: &KeyName,
        stored: &StoredKey,
        recipient: &Recipient<'_>,
        _context: &ReleaseContext,
    ) -> Result<WrappedKey, VaultError> {
        let mechanism = self.mechanism();
        if recipient.setup.kind() != mechanism.setup_kind() {
            return Err(VaultError::SetupKind(mechanism));
        }
        let asked = json!({
            "KeyId": self.find(name.epoch)?,
            "CiphertextBlob": Blob::of(stored),
            "EncryptionContext": context_of(name),
            "Recipient": {
                "AttestationDocument": Blob::from(recipient.evidence),
                "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
            },
        });
        let decrypted: Decrypted = self.client.ask("Decrypt", &asked)?;
        let enveloped = decrypted.ciphertext_for_recipient;
        let enveloped = enveloped.ok_or(KmsError::Answer("no ciphertext for the recipient"))?;
        Ok(WrappedKey {
            mechanism,
            ephemeral: Vec::new(),
            ciphertext: enveloped.bytes()?,
        })
    }

    fn destroy(&self, name: &KeyName) -> Result<(), VaultError> {
        let asked = json!({
            "KeyId": self.find(name.epoch)?,
            "PendingWindowInDays": DAYS_UNTIL_DELETION,
        });
        let _: serde_json::Value = self.client.ask("ScheduleKeyDeletion", &asked)?;
        Ok(())
    }

    fn sign(&self, _party: PartyIndex, _bytes: &[u8]) -> Result<[u8; 64], VaultError> {
        Err(VaultError::NotOffered(Capability::Ed25519))
    }
}

/// A data key is bound to its store.
fn context_of(name: &KeyName) -> EncryptionContext {
    BTreeMap::from([
        ("boop:network", name.network.to_string()),
        ("boop:party", name.party.to_string()),
        ("boop:epoch", name.epoch.to_string()),
    ])
}

fn purpose_of_probe() -> EncryptionContext {
    BTreeMap::from([("boop:purpose", String::from("probe"))])
}

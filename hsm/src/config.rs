//! The custodian's configuration file.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use boop_daemon::TrustSettings;
use boop_wire::PartyIndex;
use boop_wire::release::WrapMechanism;
use serde::{Deserialize, Serialize};

use crate::custody::CustodySettings;
use crate::token::{
    FileToken, IdentityPlace, KmsSettings, KmsToken, KmsTokenSettings, Pkcs11Settings, Pkcs11Token,
    Pkcs11TokenSettings, Token, TokenError,
};

/// Releases a minute, unless the configuration says otherwise.
const RELEASES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).expect("30 is not zero");

/// Configuration of `boop-custodian`; unknown keys are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustodianSettings {
    /// Whose key it keeps: 0, 1 or 2.
    pub party: u8,
    /// Epoch of the key that is released.
    #[serde(default)]
    pub epoch: u32,
    /// Where the party's host connects.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// The token, as `boop-custodian init` made it.
    pub token: TokenSettings,
    /// One JSON line for each release and refusal is appended here.
    pub audit: PathBuf,
    /// The newest lease and the newest head of the party's store are kept here.
    pub register: PathBuf,
    /// Where the ledger takes reports: host and port. No key is released before it is there.
    pub ledger: String,
    /// Most releases in a minute.
    #[serde(default = "releases_per_minute")]
    pub releases_per_minute: NonZeroU32,
    /// Least severe level that is logged.
    #[serde(default = "log")]
    pub log: String,
    /// Whom it believes.
    pub trust: TrustSettings,
}

/// Where the keys are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum TokenSettings {
    /// In a file, in software: for development alone.
    File {
        /// The file.
        path: PathBuf,
    },
    /// In a token behind a PKCS#11 module.
    Pkcs11 {
        /// The module: a shared library.
        module: PathBuf,
        /// The token's label; slots move, labels stay.
        label: String,
        /// File with the user's PIN, readable by its owner alone. Its folder must be writable: a
        /// PIN that was refused is noted there.
        pin_file: PathBuf,
        /// How keys are wrapped to setup keys, by name. The token must do it; no other is used.
        mechanism: String,
        /// Where the signing key is.
        identity: IdentityPlace,
        /// The file with leases and wrapped keys.
        state: PathBuf,
    },
    /// In AWS KMS, which judges the evidence too: for a party on AWS Nitro.
    AwsKms {
        /// The region.
        region: String,
        /// URL of the service; without one, the region's.
        #[serde(default)]
        endpoint: Option<String>,
        /// Alias of each key, with `{epoch}` in it.
        key: String,
        /// File with credentials, as a credential process prints them, readable by its owner alone.
        /// It is read for each request, so whoever renews them replaces it.
        credentials: PathBuf,
        /// PEM file with the roots for TLS.
        #[serde(default = "tls_roots")]
        tls_roots: PathBuf,
        /// The file with leases, wrapped keys and the signing key.
        state: PathBuf,
    },
}

/// Where the keys are, with all that is needed to open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultSettings {
    /// In a file.
    File(PathBuf),
    /// In a token behind a PKCS#11 module.
    Pkcs11(Pkcs11TokenSettings),
    /// In AWS KMS.
    Kms(KmsTokenSettings),
}

/// What an operator says on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperatorsWord {
    /// RSA-OAEP with SHA-1 may be the mechanism.
    pub danger_oaep_sha1: bool,
    /// The PIN is tried although one was refused before.
    pub retry_after_wrong_pin: bool,
}

/// Why a configuration makes no custodian.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no such party.
    #[error("there is no party {party}; parties are 0, 1 and 2")]
    Party {
        /// The index given.
        party: u8,
    },
    /// There is no such mechanism.
    #[error("there is no mechanism `{name}` of tokens; there are {}", mechanisms())]
    Mechanism {
        /// The name given.
        name: String,
    },
}

/// Why there is no token to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The configuration makes no custodian.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
}

fn mechanisms() -> String {
    WrapMechanism::OF_TOKENS.map(WrapMechanism::name).join(", ")
}

impl CustodianSettings {
    /// Opens the token.
    ///
    /// # Errors
    /// If the configuration names none, or it cannot be used.
    pub fn open_token(&self, word: OperatorsWord) -> Result<Box<dyn Token>, OpenError> {
        Ok(match self.vault(word)? {
            VaultSettings::File(path) => Box::new(FileToken::open(&path)?),
            VaultSettings::Pkcs11(token) => Box::new(Pkcs11Token::open(token)?),
            VaultSettings::Kms(token) => Box::new(KmsToken::open(token)?),
        })
    }

    /// Makes the token of a new custodian.
    ///
    /// # Errors
    /// If there is one, or the configuration names none that can be made.
    pub fn make_token(&self, word: OperatorsWord) -> Result<Box<dyn Token>, OpenError> {
        Ok(match self.vault(word)? {
            VaultSettings::File(path) => Box::new(FileToken::create(&path)?),
            VaultSettings::Pkcs11(token) => Box::new(Pkcs11Token::create(token)?),
            VaultSettings::Kms(token) => Box::new(KmsToken::create(token)?),
        })
    }

    /// Returns where the keys are.
    ///
    /// # Errors
    /// If there is no such party or mechanism.
    pub fn vault(&self, word: OperatorsWord) -> Result<VaultSettings, PlanError> {
        match &self.token {
            TokenSettings::File { path } => Ok(VaultSettings::File(path.clone())),
            TokenSettings::Pkcs11 {
                module,
                label,
                pin_file,
                mechanism: name,
                identity,
                state,
            } => {
                let mut mechanisms = WrapMechanism::OF_TOKENS.into_iter();
                let mechanism = mechanisms.find(|mechanism| mechanism.name() == name);
                let unknown = || PlanError::Mechanism { name: name.clone() };
                Ok(VaultSettings::Pkcs11(Pkcs11TokenSettings {
                    pkcs11: Pkcs11Settings {
                        module: module.clone(),
                        label: label.clone(),
                        pin_file: pin_file.clone(),
                        retry_after_wrong_pin: word.retry_after_wrong_pin,
                        danger_oaep_sha1: word.danger_oaep_sha1,
                    },
                    mechanism: mechanism.ok_or_else(unknown)?,
                    identity: *identity,
                    state: state.clone(),
                    party: self.custody()?.party,
                }))
            }
            TokenSettings::AwsKms {
                region,
                endpoint,
                key,
                credentials,
                tls_roots,
                state,
            } => {
                let regional = || format!("https://kms.{region}.amazonaws.com");
                Ok(VaultSettings::Kms(KmsTokenSettings {
                    kms: KmsSettings {
                        endpoint: endpoint.clone().unwrap_or_else(regional),
                        region: region.clone(),
                        key: key.clone(),
                        credentials: credentials.clone(),
                        tls_roots: tls_roots.clone(),
                    },
                    state: state.clone(),
                    party: self.custody()?.party,
                    epoch: self.epoch,
                }))
            }
        }
    }

    /// Says what is weak about where the keys are.
    pub fn warnings(&self) -> Vec<String> {
        let party = self.party;
        let mut warnings = Vec::new();
        match &self.token {
            TokenSettings::File { .. } => warnings.push(format!(
                "software token: the key of party {party} lies in a file; fit for development alone"
            )),
            TokenSettings::AwsKms { .. } => warnings.push(in_file(party)),
            TokenSettings::Pkcs11 {
                identity,
                mechanism,
                ..
            } => {
                if *identity == IdentityPlace::File {
                    warnings.push(in_file(party));
                }
                if mechanism == WrapMechanism::DangerRsaOaepSha1.name() {
                    warnings.push(String::from(
                        "keys are wrapped by RSA-OAEP with SHA-1, in simulated networks alone",
                    ));
                }
            }
        }
        warnings
    }

    /// Returns what the custodian is told about its task.
    ///
    /// # Errors
    /// If there is no such party.
    pub fn custody(&self) -> Result<CustodySettings, PlanError> {
        let party = PartyIndex::new(self.party).ok_or(PlanError::Party { party: self.party })?;
        Ok(CustodySettings {
            party,
            epoch: self.epoch,
            releases_per_minute: self.releases_per_minute,
        })
    }
}

fn in_file(party: u8) -> String {
    format!(
        "the signing key of party {party}'s custodian lies in a file: who reads it signs as the \
         custodian"
    )
}

fn tls_roots() -> PathBuf {
    PathBuf::from("/etc/ssl/certs/ca-certificates.crt")
}

const fn listen() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7600)
}

const fn releases_per_minute() -> NonZeroU32 {
    RELEASES_PER_MINUTE
}

fn log() -> String {
    String::from("info")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        party = 1
        audit = "audit.jsonl"
        register = "register"
        ledger = "127.0.0.1:8462"
        [token]
        kind = "file"
        path = "token"
        [trust]
        manifest = "manifest.cbor"
        approvers = []
        approvals_needed = 1
    "#;

    #[test]
    fn a_minimal_file_listens_on_loopback_alone() {
        let settings: CustodianSettings = toml::from_str(MINIMAL).unwrap();

        assert!(settings.listen.ip().is_loopback());
        let expected = CustodySettings {
            party: PartyIndex::ALL[1],
            epoch: 0,
            releases_per_minute: RELEASES_PER_MINUTE,
        };
        assert_eq!(settings.custody(), Ok(expected));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let text = format!("pin = 1234\n{MINIMAL}");

        let error = toml::from_str::<CustodianSettings>(&text).unwrap_err();

        assert!(error.message().contains("unknown field `pin`"), "{error}");
    }

    #[test]
    fn a_rate_of_nothing_is_refused() {
        let text = format!("releases_per_minute = 0\n{MINIMAL}");

        assert!(toml::from_str::<CustodianSettings>(&text).is_err());
    }

    #[test]
    fn a_fourth_party_is_refused() {
        let text = MINIMAL.replace("party = 1", "party = 3");
        let settings: CustodianSettings = toml::from_str(&text).unwrap();

        assert_eq!(settings.custody(), Err(PlanError::Party { party: 3 }));
    }

    const PKCS11: &str = r#"
        kind = "pkcs11"
        module = "module.so"
        label = "party 1"
        pin_file = "pin"
        mechanism = "ecdh-p256-aes-kw"
        identity = "token"
        state = "token"
    "#;

    #[test]
    fn aws_kms_is_the_regions_unless_an_endpoint_is_named() {
        let token = r#"
            kind = "aws-kms"
            region = "eu-central-1"
            key = "alias/boop-1-{epoch}"
            credentials = "credentials.json"
            state = "token"
        "#;
        let text = MINIMAL.replace("kind = \"file\"\n        path = \"token\"", token);
        let endpoint = |text: &str| {
            let settings: CustodianSettings = toml::from_str(text).unwrap();
            let vault = settings.vault(OperatorsWord::default()).unwrap();
            let VaultSettings::Kms(token) = vault else {
                panic!("{vault:?}");
            };
            assert_eq!(token.kms.tls_roots, tls_roots());
            token.kms.endpoint
        };

        assert_eq!(endpoint(&text), "https://kms.eu-central-1.amazonaws.com");
        let named = text.replace("region =", "endpoint = \"https://localhost:1\"\nregion =");
        assert_eq!(endpoint(&named), "https://localhost:1");
    }

    #[test]
    fn a_pkcs11_token_names_its_mechanism() {
        let text = MINIMAL.replace("kind = \"file\"\n        path = \"token\"", PKCS11);
        let settings: CustodianSettings = toml::from_str(&text).unwrap();

        let vault = settings.vault(OperatorsWord::default()).unwrap();
        let VaultSettings::Pkcs11(token) = vault else {
            panic!("{vault:?}");
        };

        assert_eq!(token.mechanism, WrapMechanism::EcdhPlain);
        assert_eq!(token.identity, IdentityPlace::Token);
        assert!(!token.pkcs11.danger_oaep_sha1 && !token.pkcs11.retry_after_wrong_pin);
        for name in ["strongest", "hpke-x25519"] {
            let text = text.replace("ecdh-p256-aes-kw", name);
            let settings: CustodianSettings = toml::from_str(&text).unwrap();
            let name = String::from(name);
            let refused = settings.vault(OperatorsWord::default());
            assert_eq!(refused, Err(PlanError::Mechanism { name }));
        }
        let text = text.replace("mechanism", "mechanisms");
        assert!(toml::from_str::<CustodianSettings>(&text).is_err());
    }
}

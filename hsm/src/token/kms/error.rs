//! What AWS KMS says instead of an answer.

use std::path::PathBuf;

use crate::token::kms::CredentialsError;

/// Why AWS KMS does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// The URL is not one of `https`.
    #[error("the endpoint `{endpoint}` is not a URL with https")]
    Endpoint {
        /// The URL.
        endpoint: String,
    },
    /// The key is not named by an alias for each epoch.
    #[error("the key `{key}` is not `alias/...` with {{epoch}} in it")]
    KeyTemplate {
        /// What is configured.
        key: String,
    },
    /// There are no roots for TLS.
    #[error("no roots for TLS in {}", path.display())]
    Roots {
        /// Where they were looked for.
        path: PathBuf,
    },
    /// There are no credentials.
    #[error("no credentials")]
    Credentials(#[from] CredentialsError),
    /// The request could not be signed.
    #[error("a request cannot be signed")]
    Signing,
    /// Nothing came back.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The credentials are expired, unknown, or the clock is wrong.
    #[error("it does not take the credentials ({code})")]
    Unauthenticated {
        /// What it calls that.
        code: String,
    },
    /// The key's policy does not allow it: to this role, or to an enclave of these measurements.
    #[error("the key's policy does not allow it: {message}")]
    AccessDenied {
        /// What it says.
        message: String,
    },
    /// Too much was asked.
    #[error("it is asked too much")]
    Throttled,
    /// There is no such key.
    #[error("it has no such key: {message}")]
    NoKey {
        /// What it says.
        message: String,
    },
    /// The key cannot be used as it stands.
    #[error("the key {alias} is {state}")]
    KeyState {
        /// The key.
        alias: String,
        /// How it stands.
        state: String,
    },
    /// The ciphertext is damaged, of another key, or of another store.
    #[error("the stored key is damaged, or of another key or store")]
    Ciphertext,
    /// Data keys stay under the KMS key that made them.
    #[error("data keys stay under their key; a new one comes with the next epoch, by a refresh")]
    NotMoved,
    /// The request is not valid: a document that is no evidence is one.
    #[error("it finds the request not valid: {message}")]
    Invalid {
        /// What it says.
        message: String,
    },
    /// It fails in another way.
    #[error("it failed ({code}): {message}")]
    Failed {
        /// What it calls that.
        code: String,
        /// What it says.
        message: String,
    },
    /// The answer is not what its documentation says.
    #[error("its answer is not understood: {0}")]
    Answer(&'static str),
}

impl KmsError {
    /// Reads what an answer with an error says; `kind` is the name of the exception.
    pub(super) fn of(kind: &str, message: String) -> Self {
        // The namespace is left out by some of its services.
        let kind = kind.rsplit_once('#').map_or(kind, |(_, kind)| kind);
        let code = String::from(kind);
        match kind {
            "AccessDeniedException" => Self::AccessDenied { message },
            "ExpiredTokenException"
            | "IncompleteSignatureException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException" => Self::Unauthenticated { code },
            "LimitExceededException" | "ThrottlingException" | "TooManyRequestsException" => {
                Self::Throttled
            }
            "NotFoundException" => Self::NoKey { message },
            "DisabledException" | "KMSInvalidStateException" => Self::KeyState {
                alias: message,
                state: String::from("not in use"),
            },
            "IncorrectKeyException" | "InvalidCiphertextException" => Self::Ciphertext,
            "ValidationException" => Self::Invalid { message },
            _ => Self::Failed { code, message },
        }
    }

    /// Tells whether KMS could not be asked at all.
    pub(super) const fn is_about_asking(&self) -> bool {
        matches!(
            self,
            Self::Credentials(_)
                | Self::Signing
                | Self::Unreachable(_)
                | Self::Unauthenticated { .. }
                | Self::Throttled
                | Self::Answer(_)
        )
    }
}

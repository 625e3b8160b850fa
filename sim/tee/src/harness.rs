//! The front door: a vendor, a chip of every model, and evidence of them to test a verifier with.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA384, SHA512, digest};

use crate::authority::Authority;
use crate::chip::{Chip, ChipModel};
use crate::der_writer::pem;
use crate::forge::{Change, Forge, ForgeError, ForgeRequest, Specimen};
use crate::key::{RsaKey, SigningError};
use crate::measure::{Launch, config_hash, fixed};

/// A simulated vendor with one chip of every model, which sign for one program.
///
/// What the evidence says follows from the seed: chips, measurement, configuration, bound data and
/// nonce. Keys and signatures are fresh in every harness, and live as long as it does.
#[derive(Debug)]
pub struct Harness {
    authority: Authority,
    chips: Vec<Chip>,
    request: ForgeRequest,
    rogue_key: Arc<OnceLock<Arc<RsaKey>>>,
}

/// The certificate of a simulated authority. Nothing but a test may trust it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityCertificate {
    /// Its name in files, such as `genoa-ark` or `nitro-root`.
    pub name: &'static str,
    /// The certificate.
    pub der: Vec<u8>,
}

impl AuthorityCertificate {
    /// Says whether it stands at the top of its chain.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.name.ends_with("-ark") || self.name.ends_with("-root")
    }

    /// Returns the certificate in its text form.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }
}

impl Harness {
    /// Makes vendor and chips. Their two RSA keys of 4096 bits take a few seconds.
    ///
    /// # Errors
    /// [`SigningError`] when a key cannot be made.
    pub fn new(seed: &str, now_ms: u64) -> Result<Self, SigningError> {
        let authority = Authority::generate(now_ms)?;
        let chip = |model| Chip::provision(&authority, model, seed, now_ms);
        let chips = ChipModel::ALL
            .map(chip)
            .into_iter()
            .collect::<Result<_, _>>()?;
        let request = request(seed, now_ms);
        Ok(Self {
            authority,
            chips,
            request,
            rogue_key: Arc::default(),
        })
    }

    /// Returns the vendor.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns the roots that the verifier under test has to trust: three of AMD, one of AWS.
    #[must_use]
    pub fn roots(&self) -> Vec<AuthorityCertificate> {
        let certificates = self.authority.certificates().into_iter();
        certificates.filter(|root| root.is_root()).collect()
    }

    /// Returns the chip of a model.
    ///
    /// # Panics
    /// Never: there is a chip of every model.
    #[must_use]
    pub fn chip(&self, model: ChipModel) -> &Chip {
        let found = self.chips.iter().find(|chip| chip.model() == model);
        found.expect("new makes a chip of every model")
    }

    /// Returns what evidence is about unless it is asked otherwise: program, bound data, nonce and
    /// time.
    #[must_use]
    pub fn request(&self) -> &ForgeRequest {
        &self.request
    }

    /// Returns evidence that a verifier must accept.
    ///
    /// # Errors
    /// [`ForgeError::Signing`] when a key fails.
    pub fn genuine(&self, model: ChipModel) -> Result<Specimen, ForgeError> {
        self.specimen(model, &[])
    }

    /// Returns evidence with one change: a [`crate::forge::Fault`], which a verifier must refuse,
    /// or an [`crate::forge::Oddity`], which it must be able to accept.
    ///
    /// # Errors
    /// [`ForgeError::NotApplicable`] when evidence of this model cannot have the change.
    pub fn changed(
        &self,
        model: ChipModel,
        change: impl Into<Change>,
    ) -> Result<Specimen, ForgeError> {
        self.specimen(model, &[change.into()])
    }

    /// Returns evidence with several changes, one after the other.
    ///
    /// # Errors
    /// [`ForgeError::NotApplicable`] when evidence of this model cannot have one of them.
    pub fn specimen(&self, model: ChipModel, changes: &[Change]) -> Result<Specimen, ForgeError> {
        let forge = Forge::sharing(&self.authority, Arc::clone(&self.rogue_key));
        forge.specimen(self.chip(model), changes, &self.request)
    }
}

/// Returns what a seed's evidence is about.
fn request(seed: &str, now_ms: u64) -> ForgeRequest {
    let named = |what: &str| [seed, "/", what].concat().into_bytes();
    let launch = Launch {
        measurement: fixed(&digest(&SHA384, &named("measurement"))),
        config_hash: config_hash(&named("configuration")),
        instance: config_hash(&named("instance")),
    };
    ForgeRequest {
        launch,
        user_data: fixed(&digest(&SHA512, &named("user data"))),
        nonce: config_hash(&named("nonce")),
        now_ms,
    }
}

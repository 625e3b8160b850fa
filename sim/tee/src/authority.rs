//! A simulated vendor: AMD's three product lines and AWS in one, each with its own root.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use boop_verifier::SimulatedRoots;

use crate::certificate::{
    Certificate, Extension, Validity, authority_extensions, issuer_extension, leaf_extensions,
    revocation_list,
};
use crate::harness::AuthorityCertificate;
use crate::key::{P384Key, RsaKey, SignatureForm, SigningError};
use crate::store::{self, StoreError};

/// The organisational unit in the names of simulated SEV-SNP certificates.
pub(crate) const AMD_UNIT: &str = "sev-snp";

/// The organisational unit in the names of simulated Nitro certificates.
pub(crate) const NITRO_UNIT: &str = "nitro";

/// The name of every Nitro root, the genuine one included.
pub(crate) const NITRO_ROOT_NAME: &str = "aws.nitro-enclaves";

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How long a simulated root and its intermediate live.
const ROOT_LIFE_MS: u64 = 25 * 365 * DAY_MS;

/// A simulated hardware vendor with the keys of its roots.
#[derive(Debug)]
pub struct Authority {
    milan: AmdLine,
    genoa: AmdLine,
    turin: AmdLine,
    pub(crate) nitro: NitroRoot,
}

/// A product of AMD that the simulator knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    Milan,
    Genoa,
    /// Siena and Bergamo, which are certified under the root of Genoa.
    SienaBergamo,
    Turin,
}

impl Product {
    /// Returns the name in certificates.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa | Self::SienaBergamo => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// Returns the serial numbers that AMD gave to the certificates of the line.
    fn serials(self) -> Serials {
        match self {
            Self::Milan => Serials::from_root(0x0001_0000, 0x0001_0001),
            Self::Genoa | Self::SienaBergamo => Serials::from_root(0x0002_0000, 0x0002_0002),
            Self::Turin => Serials::from_root(0x0003_0000, 0x0003_0001),
        }
    }

    fn files(self) -> LineFiles {
        match self {
            Self::Milan => LineFiles {
                ark: "milan-ark.der",
                ask: "milan-ask.der",
                asvk: "milan-asvk.der",
            },
            Self::Genoa | Self::SienaBergamo => LineFiles {
                ark: "genoa-ark.der",
                ask: "genoa-ask.der",
                asvk: "genoa-asvk.der",
            },
            Self::Turin => LineFiles {
                ark: "turin-ark.der",
                ask: "turin-ask.der",
                asvk: "turin-asvk.der",
            },
        }
    }
}

/// Serial numbers of the root (ARK) and of the issuers of chip keys (ASK) and fleet keys (ASVK).
#[derive(Debug, Clone, Copy)]
struct Serials {
    ark: u32,
    ask: u32,
    asvk: u32,
}

impl Serials {
    fn from_root(ark: u32, ask: u32) -> Self {
        let asvk = ark + 0x101;
        Self { ark, ask, asvk }
    }
}

struct LineFiles {
    ark: &'static str,
    ask: &'static str,
    asvk: &'static str,
}

impl Authority {
    /// Makes the keys and roots of a new vendor, valid from a day before `now_ms`.
    ///
    /// The product lines share their two RSA-4096 keys, which take a while to make;
    /// [`Authority::save`] keeps them.
    ///
    /// # Errors
    /// [`SigningError`] when a key cannot be made.
    pub fn generate(now_ms: u64) -> Result<Self, SigningError> {
        let validity = Validity {
            from_ms: now_ms.saturating_sub(DAY_MS),
            until_ms: now_ms.saturating_add(ROOT_LIFE_MS),
        };
        let (ark_key, ask_key) = thread::scope(|scope| {
            let ark_key = scope.spawn(RsaKey::generate);
            let ask_key = RsaKey::generate();
            (ark_key.join().unwrap_or(Err(SigningError)), ask_key)
        });
        let keys = AmdKeys {
            ark: Arc::new(ark_key?),
            ask: Arc::new(ask_key?),
        };
        Ok(Self {
            milan: AmdLine::certify(Product::Milan, validity, &keys)?,
            genoa: AmdLine::certify(Product::Genoa, validity, &keys)?,
            turin: AmdLine::certify(Product::Turin, validity, &keys)?,
            nitro: NitroRoot::generate(validity)?,
        })
    }

    /// Writes the keys, for their owner alone, and the certificates into `directory`.
    ///
    /// # Errors
    /// [`StoreError`] names the file that could not be written.
    pub fn save(&self, directory: impl AsRef<Path>) -> Result<(), StoreError> {
        let directory = directory.as_ref();
        store::make_directory(directory)?;
        self.genoa.keys.save(directory)?;
        self.milan.save(directory, Product::Milan)?;
        self.genoa.save(directory, Product::Genoa)?;
        self.turin.save(directory, Product::Turin)?;
        store::write(directory, "nitro-root.pk8", self.nitro.key.as_pkcs8())?;
        store::write(directory, "nitro-root.der", &self.nitro.certificate)
    }

    /// Reads a vendor that was saved into `directory`.
    ///
    /// # Errors
    /// [`StoreError`] names the file that could not be read.
    pub fn load(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let directory = directory.as_ref();
        let keys = AmdKeys::load(directory)?;
        Ok(Self {
            milan: AmdLine::load(directory, Product::Milan, &keys)?,
            genoa: AmdLine::load(directory, Product::Genoa, &keys)?,
            turin: AmdLine::load(directory, Product::Turin, &keys)?,
            nitro: NitroRoot {
                key: store::parse(directory, "nitro-root.pk8", P384Key::from_pkcs8)?,
                certificate: store::read(directory, "nitro-root.der")?,
            },
        })
    }

    /// Returns the roots that a verifier must trust to accept this vendor's chips.
    #[must_use]
    pub fn roots(&self) -> SimulatedRoots {
        SimulatedRoots {
            snp: vec![
                (boop_verifier::Product::Genoa, self.genoa.ark.clone()),
                (boop_verifier::Product::Turin, self.turin.ark.clone()),
                (boop_verifier::Product::Milan, self.milan.ark.clone()),
            ],
            nitro: vec![self.nitro.certificate.clone()],
        }
    }

    /// Returns the certificates of all authorities that do not belong to one machine.
    #[must_use]
    pub fn certificates(&self) -> Vec<AuthorityCertificate> {
        let (milan, genoa, turin) = (&self.milan, &self.genoa, &self.turin);
        let named = [
            ("milan-ark", &milan.ark),
            ("milan-ask", &milan.ask),
            ("milan-asvk", &milan.asvk),
            ("genoa-ark", &genoa.ark),
            ("genoa-ask", &genoa.ask),
            ("genoa-asvk", &genoa.asvk),
            ("turin-ark", &turin.ark),
            ("turin-ask", &turin.ask),
            ("turin-asvk", &turin.asvk),
            ("nitro-root", &self.nitro.certificate),
        ];
        let certificate = |(name, der): (_, &Vec<u8>)| AuthorityCertificate {
            name,
            der: der.clone(),
        };
        named.map(certificate).to_vec()
    }

    pub(crate) fn line(&self, product: Product) -> &AmdLine {
        match product {
            Product::Milan => &self.milan,
            Product::Genoa | Product::SienaBergamo => &self.genoa,
            Product::Turin => &self.turin,
        }
    }
}

/// The keys behind the product lines: the root's (ARK) and that which certifies chips (ASK).
#[derive(Debug, Clone)]
pub(crate) struct AmdKeys {
    pub(crate) ark: Arc<RsaKey>,
    pub(crate) ask: Arc<RsaKey>,
}

const ARK_KEY: &str = "amd-ark.pk8";
const ASK_KEY: &str = "amd-ask.pk8";

impl AmdKeys {
    fn save(&self, directory: &Path) -> Result<(), StoreError> {
        for (file, key) in [(ARK_KEY, &self.ark), (ASK_KEY, &self.ask)] {
            let pkcs8 = key
                .to_pkcs8()
                .map_err(|SigningError| StoreError::Malformed { file })?;
            store::write(directory, file, &pkcs8)?;
        }
        Ok(())
    }

    fn load(directory: &Path) -> Result<Self, StoreError> {
        let key = |file| store::parse(directory, file, RsaKey::from_pkcs8).map(Arc::new);
        Ok(Self {
            ark: key(ARK_KEY)?,
            ask: key(ASK_KEY)?,
        })
    }
}

/// The certificates of one product line, and the keys that it shares with the others.
#[derive(Debug)]
pub(crate) struct AmdLine {
    pub(crate) keys: AmdKeys,
    pub(crate) ark: Vec<u8>,
    /// Issuer of the keys of chips.
    pub(crate) ask: Vec<u8>,
    /// Issuer of the keys of fleets.
    pub(crate) asvk: Vec<u8>,
}

impl AmdLine {
    /// Certifies `keys` under the names and serial numbers of `product`.
    pub(crate) fn certify(
        product: Product,
        validity: Validity,
        keys: &AmdKeys,
    ) -> Result<Self, SigningError> {
        let Serials { ark, ask, asvk } = product.serials();
        let name = product.name();
        let root_name = format!("ARK-{name}");
        let sign = |key: &RsaKey, serial: u32, subject: &str, path_length| {
            let extensions = authority_extensions(path_length, &key.public_key_info());
            amd_authority(
                keys,
                serial,
                (&root_name, subject),
                validity,
                key,
                extensions,
            )
        };
        Ok(Self {
            ark: sign(&keys.ark, ark, &root_name, None)?,
            ask: sign(&keys.ask, ask, &format!("SEV-{name}"), Some(0))?,
            asvk: sign(&keys.ask, asvk, &format!("SEV-VLEK-{name}"), Some(0))?,
            keys: keys.clone(),
        })
    }

    /// Returns an ASK that the root signed and that may sign nothing itself.
    pub(crate) fn powerless_ask(
        &self,
        product: Product,
        validity: Validity,
    ) -> Result<Vec<u8>, SigningError> {
        let name = product.name();
        let names = (format!("ARK-{name}"), format!("SEV-{name}"));
        let (keys, serial) = (&self.keys, product.serials().ask);
        let names = (names.0.as_str(), names.1.as_str());
        amd_authority(keys, serial, names, validity, &keys.ask, leaf_extensions())
    }

    /// Returns a revocation list of this line, with the ASK on it or with nothing.
    pub(crate) fn revocation_list(
        &self,
        product: Product,
        validity: Validity,
        revokes_ask: bool,
        by: &RsaKey,
    ) -> Result<Vec<u8>, SigningError> {
        let serial = product.serials().ask.to_be_bytes();
        let revoked: &[&[u8]] = if revokes_ask { &[&serial] } else { &[] };
        revocation_list(&format!("ARK-{}", product.name()), validity, revoked, by)
    }

    fn save(&self, directory: &Path, product: Product) -> Result<(), StoreError> {
        let files = product.files();
        store::write(directory, files.ark, &self.ark)?;
        store::write(directory, files.ask, &self.ask)?;
        store::write(directory, files.asvk, &self.asvk)
    }

    fn load(directory: &Path, product: Product, keys: &AmdKeys) -> Result<Self, StoreError> {
        let files = product.files();
        Ok(Self {
            keys: keys.clone(),
            ark: store::read(directory, files.ark)?,
            ask: store::read(directory, files.ask)?,
            asvk: store::read(directory, files.asvk)?,
        })
    }
}

fn amd_authority(
    keys: &AmdKeys,
    serial: u32,
    (issuer, subject): (&str, &str),
    validity: Validity,
    key: &RsaKey,
    extensions: Vec<Extension>,
) -> Result<Vec<u8>, SigningError> {
    Certificate {
        serial: &serial.to_be_bytes(),
        unit: AMD_UNIT,
        issuer,
        subject,
        validity,
        extensions,
        public_key_info: key.public_key_info(),
        signature_form: SignatureForm::ExplicitTrailer,
    }
    .sign(&*keys.ark)
}

/// The root of simulated Nitro Enclaves.
#[derive(Debug)]
pub(crate) struct NitroRoot {
    pub(crate) key: P384Key,
    pub(crate) certificate: Vec<u8>,
}

impl NitroRoot {
    pub(crate) fn generate(validity: Validity) -> Result<Self, SigningError> {
        let key = P384Key::generate()?;
        let certificate = nitro_authority(NitroAuthority {
            subject: NITRO_ROOT_NAME,
            issuer: NITRO_ROOT_NAME,
            path_length: None,
            issues: true,
            validity,
            key: &key,
            issuer_key: &key,
        })?;
        Ok(Self { key, certificate })
    }
}

/// What goes into the certificate of a Nitro root or of an authority below it.
pub(crate) struct NitroAuthority<'a> {
    pub(crate) subject: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) path_length: Option<u8>,
    /// Whether the certificate may issue others, as it should.
    pub(crate) issues: bool,
    pub(crate) validity: Validity,
    pub(crate) key: &'a P384Key,
    pub(crate) issuer_key: &'a P384Key,
}

/// Certifies a Nitro root or an authority below it.
pub(crate) fn nitro_authority(authority: NitroAuthority<'_>) -> Result<Vec<u8>, SigningError> {
    let public_key_info = authority.key.public_key_info();
    let mut extensions = if authority.issues {
        authority_extensions(authority.path_length, &public_key_info)
    } else {
        leaf_extensions()
    };
    if authority.subject != authority.issuer {
        extensions.push(issuer_extension(&authority.issuer_key.public_key_info()));
    }
    Certificate {
        serial: &serial_of(&public_key_info),
        unit: NITRO_UNIT,
        issuer: authority.issuer,
        subject: authority.subject,
        validity: authority.validity,
        extensions,
        public_key_info,
        signature_form: SignatureForm::Short,
    }
    .sign(authority.issuer_key)
}

/// Returns a serial number of 16 bytes that follows from the key.
pub(crate) fn serial_of(public_key_info: &[u8]) -> [u8; 16] {
    let mut serial = [0; 16];
    serial.copy_from_slice(&crate::measure::sha384(&[public_key_info])[..16]);
    serial
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::forge::tests::authority;

    #[test]
    fn vendor_comes_back_from_disk_with_keys_only_the_owner_may_read() {
        let directory = tempfile::tempdir().unwrap();

        authority().save(directory.path()).unwrap();
        let copy = Authority::load(directory.path()).unwrap();

        assert_eq!(copy.roots(), authority().roots());
        assert_eq!(copy.turin.ask, authority().turin.ask);
        let key = |authority: &Authority| authority.turin.keys.ask.public_key_info();
        assert_eq!(key(&copy), key(authority()));
        for file in ["amd-ark.pk8", "amd-ask.pk8", "nitro-root.pk8"] {
            let mode = directory
                .path()
                .join(file)
                .metadata()
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn missing_and_damaged_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        authority().save(directory.path()).unwrap();

        std::fs::write(directory.path().join("amd-ask.pk8"), b"no key").unwrap();
        let damaged = Authority::load(directory.path()).err();
        std::fs::remove_file(directory.path().join("amd-ark.pk8")).unwrap();
        let missing = Authority::load(directory.path()).err();

        assert_eq!(
            damaged,
            Some(StoreError::Malformed {
                file: "amd-ask.pk8"
            })
        );
        let kind = std::io::ErrorKind::NotFound;
        assert_eq!(
            missing,
            Some(StoreError::Io {
                file: "amd-ark.pk8",
                kind
            })
        );
    }
}

//! The inputs of a measurement, each with its hash or value, and what they gave.
//!
//! A record is a small JSON file that is kept beside a release. It lets two measurements be held
//! against each other by [`diff`](crate::diff) when the images themselves are long gone; a launch
//! digest can even be computed again from it. No part of a record is believed: it explains a
//! digest, it never stands for one.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha384};

use crate::Hex;
use crate::eif::{Image, Pcrs, SignatureError, SignatureSection};
use crate::snp::{CpuSignature, Firmware, KernelHashes, Launch, LaunchError, Vmm};

/// The format that is read and written.
const FORMAT: u32 = 1;

/// The longest error that is repeated from the reader of JSON.
const ERROR_CHARS_MAX: usize = 400;

/// A measurement with its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Record {
    /// The launch digest of an SEV-SNP guest.
    Snp(SnpRecord),
    /// The PCRs of a Nitro enclave image.
    Nitro(NitroRecord),
}

/// Inputs and digest of an SEV-SNP launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnpRecord {
    /// The format of the record.
    pub format: u32,
    /// The launch digest.
    pub measurement: Hex<48>,
    /// Who starts the guest.
    pub vmm: Vmm,
    /// How many processors it starts with.
    pub vcpus: u32,
    /// Signature of the processors.
    pub vcpu_signature: CpuSignature,
    /// SEV_FEATURES.
    pub guest_features: u64,
    /// The firmware.
    pub firmware: Firmware,
    /// What is started directly; `null` without kernel hashes.
    pub boot: Option<Boot>,
}

/// What a direct boot starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// The kernel.
    pub kernel: Part,
    /// The initrd.
    pub initrd: Option<Part>,
    /// The command line, as it is given to the hypervisor.
    pub command_line: String,
}

/// Inputs and PCRs of a Nitro enclave image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NitroRecord {
    /// The format of the record.
    pub format: u32,
    /// Kernel, command line and all ramdisks.
    pub pcr0: Hex<48>,
    /// Kernel, command line and the first ramdisk.
    pub pcr1: Hex<48>,
    /// The other ramdisks.
    pub pcr2: Hex<48>,
    /// The signing certificate; `null` if the image is not signed.
    pub pcr8: Option<Hex<48>>,
    /// The kernel.
    pub kernel: Part,
    /// The command line; bytes that are no text are replaced.
    pub command_line: String,
    /// SHA-256 of the command line's bytes.
    pub command_line_sha256: Hex<32>,
    /// The ramdisks in their order.
    pub ramdisks: Vec<Part>,
    /// The signing certificate.
    pub signing_certificate: Option<Certificate>,
}

/// A file by its size and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Hex<32>,
}

/// A certificate by the hashes of its DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// SHA-256, as people compare certificates.
    pub sha256: Hex<32>,
    /// SHA-384, from which PCR8 follows.
    pub sha384: Hex<48>,
}

/// Why a text is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is not JSON of the expected form. What of the record stands in the text is escaped
    /// where it is not printable ASCII.
    #[error("not a measurement record: {0}")]
    Form(String),
    /// It has another format than 1.
    #[error("a measurement record of format {0}, and only format {FORMAT} is read")]
    Format(u32),
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// If it has another form or format.
    pub fn from_json(text: &[u8]) -> Result<Self, RecordError> {
        let form = |error: serde_json::Error| RecordError::Form(escaped(&error.to_string()));
        let record: Self = serde_json::from_slice(text).map_err(form)?;
        let format = match &record {
            Self::Snp(record) => record.format,
            Self::Nitro(record) => record.format,
        };
        if format == FORMAT {
            Ok(record)
        } else {
            Err(RecordError::Format(format))
        }
    }

    /// Writes the record for a file.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("keys are strings and no value can fail") + "\n"
    }
}

/// Shows a text that may repeat parts of a record, for a terminal too.
fn escaped(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(ERROR_CHARS_MAX) {
        match c {
            ' '..='~' => shown.push(c),
            _ => shown.extend(c.escape_default()),
        }
    }
    shown
}

/// What is measured of an SEV-SNP launch, apart from what is booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The firmware.
    pub firmware: Firmware,
    /// Who starts the guest.
    pub vmm: Vmm,
    /// How many processors it starts with.
    pub vcpus: u32,
    /// Signature of the processors.
    pub signature: CpuSignature,
    /// SEV_FEATURES.
    pub guest_features: u64,
}

impl SnpRecord {
    /// Measures a launch.
    ///
    /// # Errors
    /// If the inputs do not go together.
    pub fn measure(machine: Machine, boot: Option<Boot>) -> Result<Self, LaunchError> {
        let mut record = Self {
            format: FORMAT,
            measurement: Hex([0; 48]),
            vmm: machine.vmm,
            vcpus: machine.vcpus,
            vcpu_signature: machine.signature,
            guest_features: machine.guest_features,
            firmware: machine.firmware,
            boot,
        };
        record.measurement = record.launch().digest()?;
        Ok(record)
    }

    /// Returns the launch that the record describes.
    pub fn launch(&self) -> Launch<'_> {
        Launch {
            firmware: &self.firmware,
            kernel: self.boot.as_ref().map(Boot::hashes),
            vmm: self.vmm,
            vcpus: self.vcpus,
            signature: self.vcpu_signature,
            guest_features: self.guest_features,
        }
    }
}

impl Boot {
    /// Returns the hashes that the firmware compares with.
    pub fn hashes(&self) -> KernelHashes {
        KernelHashes {
            kernel: self.kernel.sha256,
            initrd: self
                .initrd
                .map_or_else(KernelHashes::no_initrd, |part| part.sha256),
            command_line: KernelHashes::of_command_line(&self.command_line),
        }
    }
}

impl NitroRecord {
    /// Measures an image.
    ///
    /// # Errors
    /// If the certificate of its signature section cannot be read.
    pub fn measure(image: &Image<'_>) -> Result<Self, SignatureError> {
        let section = image.signature.map(SignatureSection::parse).transpose()?;
        let certificate = section.map(|section| section.certificate);
        Ok(Self::of_parts(image, certificate.as_deref()))
    }

    /// Measures an image that a certificate will sign, whatever signature section it has now.
    pub fn of_parts(image: &Image<'_>, certificate: Option<&[u8]>) -> Self {
        let Pcrs {
            pcr0, pcr1, pcr2, ..
        } = image.measured();
        Self {
            format: FORMAT,
            pcr0,
            pcr1,
            pcr2,
            pcr8: certificate.map(crate::eif::pcr8),
            kernel: Part::of(image.kernel),
            command_line: String::from_utf8_lossy(image.command_line).into_owned(),
            command_line_sha256: Part::of(image.command_line).sha256,
            ramdisks: image.ramdisks.iter().map(|data| Part::of(data)).collect(),
            signing_certificate: certificate.map(|der| Certificate {
                sha256: Hex(Sha256::digest(der).into()),
                sha384: Hex(Sha384::digest(der).into()),
            }),
        }
    }
}

impl Part {
    /// Hashes a file's contents.
    pub fn of(contents: &[u8]) -> Self {
        Self {
            bytes: contents.len() as u64,
            sha256: Hex(Sha256::digest(contents).into()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

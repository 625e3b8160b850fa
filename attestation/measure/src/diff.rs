//! What differs between two measurements, and what would explain a digest.
//!
//! [`compare`] holds two records against each other and names each input that differs.
//! [`doubts`] says where a record's digests do not follow from its own inputs, as far as that can
//! be computed from hashes: a launch digest in full, of PCRs what follows from certificate and
//! number of ramdisks. The firmware's own members of a record are taken as they stand: they can
//! be computed again from the firmware file alone. [`doubts_between`] says when two records
//! contradict each other about one firmware file. [`explain_launch`] and [`explain_image`] try
//! the usual suspects to find
//! which change of the inputs gives a digest that was seen elsewhere.

mod doubt;
mod image;
mod launch;

use std::fmt;

pub use doubt::{Doubt, doubts, doubts_between};
pub use image::{explain_image, explain_registers};
pub use launch::explain_launch;

use crate::Hex;
use crate::record::{NitroRecord, Part, Record, SnpRecord};
use crate::snp::{CpuSignature, Firmware, Section};

/// Something that decides a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// The firmware of an SEV-SNP guest.
    Firmware,
    /// Whether kernel, initrd and command line are measured at all.
    KernelHashes,
    /// The kernel.
    Kernel,
    /// The initrd.
    Initrd,
    /// The kernel's command line.
    CommandLine,
    /// Who starts the guest.
    Vmm,
    /// How many processors it starts with.
    Vcpus,
    /// Which processors.
    VcpuType,
    /// SEV_FEATURES.
    GuestFeatures,
    /// A ramdisk, counted from 1.
    Ramdisk(usize),
    /// The order of the ramdisks.
    RamdiskOrder,
    /// The certificate that signs an image.
    SigningCertificate,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Firmware => "firmware",
            Self::KernelHashes => "kernel hashes",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
            Self::CommandLine => "command line",
            Self::Vmm => "vmm",
            Self::Vcpus => "vcpus",
            Self::VcpuType => "vcpu type",
            Self::GuestFeatures => "guest features",
            Self::Ramdisk(number) => return write!(f, "ramdisk {number}"),
            Self::RamdiskOrder => "ramdisk order",
            Self::SigningCertificate => "signing certificate",
        })
    }
}

/// An input with its two values, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which input.
    pub input: Input,
    /// Its value in the first measurement, or as recorded.
    pub first: String,
    /// Its value in the second, or as it would have to be.
    pub second: String,
}

/// What would explain a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// It is the recorded value, of which this is the name.
    Same(&'static str),
    /// It is what inputs with these changes give, for the value of this name.
    Changed(&'static str, Vec<Difference>),
    /// It is zero throughout, which an enclave in debug mode shows, and PCR8 without signature.
    Zero,
    /// None of so many variations gives it.
    Unknown {
        /// How many were tried.
        tried: u64,
    },
}

/// Why two records cannot be held against each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("one record is of an SEV-SNP guest, the other of a Nitro enclave image")]
pub struct OtherKind;

/// Names each input in which two records differ. Inputs that are not measured on either side do
/// not count.
///
/// # Errors
/// If the records are of different kinds.
pub fn compare(first: &Record, second: &Record) -> Result<Vec<Difference>, OtherKind> {
    let mut list = List::default();
    match (first, second) {
        (Record::Snp(first), Record::Snp(second)) => launches(first, second, &mut list),
        (Record::Nitro(first), Record::Nitro(second)) => images(first, second, &mut list),
        (Record::Snp(_), Record::Nitro(_)) | (Record::Nitro(_), Record::Snp(_)) => {
            return Err(OtherKind);
        }
    }
    Ok(list.0)
}

/// Says whether two records state the same digests.
pub fn same_digests(first: &Record, second: &Record) -> bool {
    digests(first) == digests(second)
}

/// Returns the digests of a record with their names.
pub fn digests(record: &Record) -> Vec<(&'static str, Hex<48>)> {
    match record {
        Record::Snp(record) => vec![("measurement", record.measurement)],
        Record::Nitro(record) => {
            let NitroRecord {
                pcr0, pcr1, pcr2, ..
            } = record;
            let mut all = vec![("PCR0", *pcr0), ("PCR1", *pcr1), ("PCR2", *pcr2)];
            all.extend(record.pcr8.map(|pcr8| ("PCR8", pcr8)));
            all
        }
    }
}

fn launches(first: &SnpRecord, second: &SnpRecord, list: &mut List) {
    firmware(&first.firmware, &second.firmware, list);
    match (&first.boot, &second.boot) {
        (Some(first), Some(second)) => {
            list.note(Input::Kernel, &first.kernel, &second.kernel, part);
            // An absent initrd and an empty one are the same to the firmware.
            let hashes = [first, second].map(|boot| boot.hashes().initrd);
            if hashes[0] != hashes[1] {
                list.note(Input::Initrd, &first.initrd, &second.initrd, |initrd| {
                    initrd.as_ref().map_or_else(|| "none".into(), part)
                });
            }
            let lines = [first, second].map(|boot| boot.command_line.as_str());
            list.note(Input::CommandLine, &lines[0], &lines[1], |line| {
                quoted(line)
            });
        }
        (None, None) => {}
        (Some(_), None) => list.add(Input::KernelHashes, measured(true), measured(false)),
        (None, Some(_)) => list.add(Input::KernelHashes, measured(false), measured(true)),
    }
    list.note(Input::Vmm, &first.vmm, &second.vmm, ToString::to_string);
    list.note(
        Input::Vcpus,
        &first.vcpus,
        &second.vcpus,
        ToString::to_string,
    );
    if first.vmm.measures_signature() || second.vmm.measures_signature() {
        let (first, second) = (&first.vcpu_signature, &second.vcpu_signature);
        list.note(Input::VcpuType, first, second, |it| signature(*it));
    }
    let (first, second) = (&first.guest_features, &second.guest_features);
    list.note(Input::GuestFeatures, first, second, |it| features(*it));
}

/// Notes two firmware files by size and hash; one file of which the records state different facts
/// by the members that differ.
fn firmware(first: &Firmware, second: &Firmware, list: &mut List) {
    if first.sha256 != second.sha256 || first.bytes != second.bytes {
        return list.note(Input::Firmware, first, second, |firmware| {
            let (bytes, sha256) = (firmware.bytes, firmware.sha256);
            part(&Part { bytes, sha256 })
        });
    }
    let members = [first, second].map(members);
    for ((name, first), (_, second)) in members[0].iter().zip(&members[1]) {
        list.note(Input::Firmware, first, second, |it| format!("{name} {it}"));
    }
}

/// Gives what a record states of a firmware beside size and hash, in words.
fn members(firmware: &Firmware) -> [(&'static str, String); 4] {
    let address = |it: Option<u32>| it.map_or_else(|| "none".into(), |it| format!("{it:#x}"));
    let section = |it: &Section| format!("{:?} {:#x}+{:#x}", it.kind, it.address, it.bytes);
    let sections = firmware.sections.as_ref().map(|sections| {
        let all: Vec<String> = sections.iter().map(section).collect();
        format!("[{}]", all.join(", "))
    });
    [
        ("pages_digest", firmware.pages_digest.to_string()),
        ("reset_address", address(firmware.reset_address)),
        ("hashes_address", address(firmware.hashes_address)),
        ("sections", sections.unwrap_or_else(|| "none".into())),
    ]
}

fn images(first: &NitroRecord, second: &NitroRecord, list: &mut List) {
    list.note(Input::Kernel, &first.kernel, &second.kernel, part);
    if first.command_line_sha256 != second.command_line_sha256 {
        let lines = [first, second].map(|record| quoted(&record.command_line));
        let [first, second] = lines;
        list.add(Input::CommandLine, first, second);
    }
    for index in 0..first.ramdisks.len().max(second.ramdisks.len()) {
        let (first, second) = (first.ramdisks.get(index), second.ramdisks.get(index));
        list.note(Input::Ramdisk(index + 1), &first, &second, |ramdisk| {
            ramdisk.map_or_else(|| "none".into(), part)
        });
    }
    let certificates = (&first.signing_certificate, &second.signing_certificate);
    list.note(
        Input::SigningCertificate,
        certificates.0,
        certificates.1,
        |it| {
            let text = |sha256: Hex<32>| format!("sha256 {sha256}");
            it.map_or_else(|| "none: not signed".into(), |it| text(it.sha256))
        },
    );
}

/// The differences found so far.
#[derive(Default)]
struct List(Vec<Difference>);

impl List {
    fn note<T: PartialEq>(
        &mut self,
        input: Input,
        first: &T,
        second: &T,
        words: impl Fn(&T) -> String,
    ) {
        if first != second {
            self.add(input, words(first), words(second));
        }
    }

    fn add(&mut self, input: Input, first: String, second: String) {
        self.0.push(Difference {
            input,
            first,
            second,
        });
    }
}

fn part(part: &Part) -> String {
    format!("{} bytes, sha256 {}", part.bytes, part.sha256)
}

/// Shows a command line so that blanks at its end are seen.
fn quoted(line: &str) -> String {
    format!("{line:?}")
}

fn measured(measured: bool) -> String {
    if measured { "measured" } else { "not measured" }.into()
}

fn signature(signature: CpuSignature) -> String {
    match signature.model() {
        Some(model) => format!("{model} ({:#x})", signature.0),
        None => format!("{:#x}", signature.0),
    }
}

fn features(features: u64) -> String {
    format!("{features:#x}")
}

#[cfg(test)]
mod tests;

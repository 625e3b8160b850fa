//! What `boop measure` can be asked. The texts are what `--help` shows.

use std::path::PathBuf;

use boop_measure::Hex;
use boop_measure::snp::{CpuSignature, Vmm};
use clap::{Args, Subcommand, ValueEnum};

/// The commands about measurements.
#[derive(Debug, Subcommand)]
pub enum MeasureCommand {
    /// Compute the launch digest of an SEV-SNP guest from firmware, kernel and processors
    Snp(SnpArguments),
    /// Compute the PCRs of a Nitro enclave image, or of its parts
    Nitro(NitroArguments),
    /// Tell which input differs between two measurements, or explains a digest
    Diff(DiffArguments),
}

const SNP_EXAMPLES: &str = "\
Examples:
  boop measure snp --ovmf OVMF.fd --kernel bzImage --initrd initrd.img \\
    --append 'console=ttyS0' --vcpus 4 --vcpu-type EPYC-Milan
  boop measure snp --ovmf OVMF.fd --vcpus 2 --vmm ec2 --record release.json

The first line goes into the section [snp] of a policy as it is. The command line is measured
byte for byte: a blank at its end gives another digest. Give --append what the hypervisor gets.

Exit code: 0 measured, 2 usage, unreadable input, or inputs that cannot be launched.";

/// Arguments of `boop measure snp`.
#[derive(Debug, Args)]
#[command(after_help = SNP_EXAMPLES)]
pub struct SnpArguments {
    /// The firmware, an OVMF built for SEV
    #[arg(long, value_name = "FILE")]
    pub ovmf: PathBuf,
    /// The kernel of a direct boot; without it, no kernel hashes are measured
    #[arg(long, value_name = "FILE")]
    pub kernel: Option<PathBuf>,
    /// The initrd of a direct boot
    #[arg(long, value_name = "FILE", requires = "kernel")]
    pub initrd: Option<PathBuf>,
    /// The kernel's command line
    #[arg(long, value_name = "TEXT", requires = "kernel")]
    pub append: Option<String>,
    /// How many vCPUs the guest starts with
    #[arg(long, value_name = "N")]
    pub vcpus: u32,
    /// The processors as QEMU names them: EPYC, EPYC-Rome, EPYC-Milan, EPYC-Genoa, EPYC-Turin,
    /// with or without a version such as -v2
    #[arg(long, value_name = "TYPE", value_parser = model, conflicts_with = "vcpu_sig")]
    pub vcpu_type: Option<CpuSignature>,
    /// The processors by CPUID signature, such as 0xa00f11, or by family:model:stepping
    #[arg(long, value_name = "SIGNATURE", value_parser = signature)]
    pub vcpu_sig: Option<CpuSignature>,
    /// Who starts the guest: qemu, ec2, ec2-before-2026-04 or gce. The type of the processors
    /// counts under qemu alone
    #[arg(long, value_name = "VMM", default_value = "qemu")]
    pub vmm: Vmm,
    /// SEV_FEATURES of the guest; 0x1 is SEV-SNP alone
    #[arg(long, value_name = "NUMBER", default_value = "0x1", value_parser = number)]
    pub guest_features: u64,
    /// Write inputs and digest to a file, for `boop measure diff`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Print inputs and digest as JSON
    #[arg(long)]
    pub json: bool,
}

const NITRO_EXAMPLES: &str = "\
Examples:
  boop measure nitro enclave.eif
  boop measure nitro enclave.eif --record release.json --json
  boop measure nitro --kernel bzImage --cmdline 'reboot=k panic=30' \\
    --ramdisk init.cpio --ramdisk app.cpio --out enclave.eif

The first line goes into a [[nitro.pcr_sets]] of a policy as it is. PCR8 measures the signing
certificate. The signature of an image is checked against PCR0 under that certificate; who issued
the certificate and when it is valid is not looked at.

The PCRs hash kernel, command line and ramdisks one after the other without lengths between them,
so two images that cut the same bytes at another place have the same PCRs: AWS's format.

Exit code: 0 measured, 1 the image's signature does not hold, 2 usage or unreadable input.";

/// Arguments of `boop measure nitro`.
#[derive(Debug, Args)]
#[command(after_help = NITRO_EXAMPLES)]
pub struct NitroArguments {
    /// An enclave image (EIF version 4)
    #[arg(required_unless_present = "kernel", conflicts_with = "kernel")]
    pub image: Option<PathBuf>,
    /// The kernel of an image
    #[arg(long, value_name = "FILE", requires = "cmdline")]
    pub kernel: Option<PathBuf>,
    /// The kernel's command line
    #[arg(long, value_name = "TEXT", requires = "kernel")]
    pub cmdline: Option<String>,
    /// A ramdisk; once for each, in their order
    #[arg(long = "ramdisk", value_name = "FILE", requires = "kernel")]
    pub ramdisks: Vec<PathBuf>,
    /// The certificate that will sign the image, PEM: gives PCR8
    #[arg(long, value_name = "FILE", requires = "kernel", conflicts_with = "out")]
    pub signing_certificate: Option<PathBuf>,
    /// For which processors the image is; not measured
    #[arg(
        long,
        value_name = "NAME",
        default_value = "x86_64",
        requires = "kernel"
    )]
    pub arch: Arch,
    /// JSON about how the image was built; not measured
    #[arg(long, value_name = "FILE", requires = "out")]
    pub metadata: Option<PathBuf>,
    /// Write the parts to a new image, which is not signed
    #[arg(long, value_name = "FILE", requires = "kernel")]
    pub out: Option<PathBuf>,
    /// Write inputs and PCRs to a file, for `boop measure diff`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Print inputs and PCRs as JSON
    #[arg(long)]
    pub json: bool,
}

/// Processors for which an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    /// Intel and AMD.
    #[value(name = "x86_64")]
    X86_64,
    /// Graviton.
    #[value(name = "aarch64")]
    Aarch64,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  boop measure diff last-release.json this-release.json
  boop measure diff old.eif new.eif
  boop measure diff release.json --digest 803f6910..    why does a report show this digest?

With --digest the usual suspects are tried on the recorded inputs: other numbers and types of
vCPUs, guest features, hypervisors, blanks around the command line, no initrd, no kernel hashes;
for a Nitro image blanks, and ramdisks in another order or missing. What a record says of its
firmware is taken as it stands: without the firmware file it cannot be computed again.

Exit code: 0 the same, 1 not the same, or a record that contradicts itself, 2 usage or unreadable
input.";

/// Arguments of `boop measure diff`.
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub struct DiffArguments {
    /// A record that `boop measure --record` wrote, or an enclave image
    pub first: PathBuf,
    /// Another one
    #[arg(required_unless_present = "digest", conflicts_with = "digest")]
    pub second: Option<PathBuf>,
    /// A digest that was seen, hexadecimal: MEASUREMENT of a report, or a PCR
    #[arg(long, value_name = "HEX")]
    pub digest: Option<Hex<48>>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

fn model(name: &str) -> Result<CpuSignature, String> {
    CpuSignature::of_model(name).ok_or_else(|| {
        let models = boop_measure::snp::MODELS.map(|(model, _)| model).join(", ");
        format!("known are {models}, each with or without a version such as -v2")
    })
}

fn signature(text: &str) -> Result<CpuSignature, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let part = |text: &str| text.parse::<u8>().map_err(|error| error.to_string());
    match parts[..] {
        [family, model, stepping] => {
            let (model, stepping) = (part(model)?, part(stepping)?);
            Ok(CpuSignature::of(part(family)?, model, stepping))
        }
        [_] => {
            let number = u32::try_from(number(text)?);
            number.map(CpuSignature).map_err(|error| error.to_string())
        }
        _ => Err("neither a number nor family:model:stepping".into()),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(number("33"), Ok(33));
        assert_eq!(number("0x21"), Ok(33));
        for text in ["", "0x", "x", "-1", "0x1g"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_signature_is_a_number_or_three() {
        assert_eq!(signature("0xa00f11"), Ok(CpuSignature(0xa0_0f11)));
        assert_eq!(signature("25:1:1"), Ok(CpuSignature(0xa0_0f11)));
        for text in ["", "25:1", "25:1:1:1", "25:1:256", "0x100000000"] {
            assert!(signature(text).is_err(), "{text}");
        }
    }
}

//! The PCRs of a Nitro enclave image.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use boop_measure::certificate_of_pem;
use boop_measure::diff::digests;
use boop_measure::eif::{Architecture, Image, SignatureError, SignatureSection};
use boop_measure::record::{NitroRecord, Record};
use boop_verifier::{AwsLc, Crypto as _, P384Signature};
use serde_json::json;

use super::arguments::{Arch, NitroArguments};
use super::{keep, part, read, write};
use crate::Answer;
use crate::console::{Console, Mark};
use crate::plain::plain;

/// What AWS's own tools write for memory and processors; neither is measured or used.
const DEFAULT_MEMORY_BYTES: u64 = 1 << 30;
const DEFAULT_CPUS: u64 = 2;

/// Measures an image, or the parts of one, and prints its PCRs with its inputs.
pub(super) fn run(arguments: &NitroArguments, console: &Console) -> anyhow::Result<Answer> {
    match (&arguments.image, &arguments.kernel) {
        (Some(image), _) => of_image(image, arguments, console),
        (None, Some(kernel)) => of_parts(kernel, arguments, console),
        (None, None) => Err(anyhow!("give an image or --kernel")),
    }
}

fn of_image(path: &Path, arguments: &NitroArguments, console: &Console) -> anyhow::Result<Answer> {
    let file = read(path)?;
    let unusable = || format!("{} cannot be measured", path.display());
    let image = Image::parse(&file).with_context(unusable)?;
    let record = NitroRecord::measure(&image).with_context(unusable)?;
    let section = image.signature.map(SignatureSection::parse).transpose()?;
    let checked = section.map(|section| section.check(&record.pcr0, verify));
    report(record, checked, arguments, console)
}

fn of_parts(
    kernel: &Path,
    arguments: &NitroArguments,
    console: &Console,
) -> anyhow::Result<Answer> {
    let kernel = read(kernel)?;
    let ramdisks = arguments.ramdisks.iter().map(|path| read(path));
    let ramdisks: Vec<Vec<u8>> = ramdisks.collect::<anyhow::Result<_>>()?;
    let certificate = arguments.signing_certificate.as_deref();
    let certificate = certificate.map(certificate_at).transpose()?;
    let metadata = match &arguments.metadata {
        Some(path) => read_json(path)?,
        None => default_metadata(),
    };
    let image = Image {
        architecture: match arguments.arch {
            Arch::X86_64 => Architecture::X86_64,
            Arch::Aarch64 => Architecture::Aarch64,
        },
        default_memory_bytes: DEFAULT_MEMORY_BYTES,
        default_cpus: DEFAULT_CPUS,
        kernel: &kernel,
        command_line: arguments.cmdline.as_deref().unwrap_or_default().as_bytes(),
        metadata: &metadata,
        ramdisks: ramdisks.iter().map(Vec::as_slice).collect(),
        signature: None,
    };
    if let Some(path) = &arguments.out {
        write(path, image.to_bytes()?)?;
    }
    let record = NitroRecord::of_parts(&image, certificate.as_deref());
    report(record, None, arguments, console)
}

fn certificate_at(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unusable = || format!("{} cannot be used", path.display());
    certificate_of_pem(&read(path)?).with_context(unusable)
}

fn read_json(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read(path)?;
    let json: Result<serde_json::Value, _> = serde_json::from_slice(&bytes);
    json.with_context(|| format!("{} is not JSON", path.display()))?;
    Ok(bytes)
}

/// The fields that the format asks for. The time is always the same, so that the same parts give
/// the same file.
fn default_metadata() -> Vec<u8> {
    let metadata = json!({
        "ImageName": "enclave",
        "ImageVersion": "1",
        "BuildMetadata": {
            "BuildTime": "1970-01-01T00:00:00+00:00",
            "BuildTool": "boop",
            "BuildToolVersion": env!("CARGO_PKG_VERSION"),
            "OperatingSystem": "Linux",
            "KernelVersion": "unknown",
        },
        "DockerInfo": {},
        "CustomMetadata": {},
    });
    metadata.to_string().into_bytes()
}

fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    AwsLc.verify_p384(key, message, P384Signature::Fixed(signature))
}

fn report(
    record: NitroRecord,
    checked: Option<Result<(), SignatureError>>,
    arguments: &NitroArguments,
    console: &Console,
) -> anyhow::Result<Answer> {
    let record = Record::Nitro(record);
    keep(&record, arguments.record.as_deref())?;
    let holds = !matches!(checked, Some(Err(_)));
    if arguments.json {
        let mut value = serde_json::to_value(&record)?;
        let error = checked.as_ref().and_then(|checked| checked.as_ref().err());
        value["signature_holds"] = checked.as_ref().map(Result::is_ok).into();
        value["signature_error"] = error.map(ToString::to_string).into();
        console.json(&value)?;
    } else if let Record::Nitro(nitro) = &record {
        print(&record, nitro, console);
        print_signature(nitro, checked.as_ref(), console);
        for (name, path) in [("image", &arguments.out), ("record", &arguments.record)] {
            if let Some(path) = path {
                console.field(name, format_args!("written to {}", path.display()));
            }
        }
    }
    Ok(holds.into())
}

fn print(record: &Record, nitro: &NitroRecord, console: &Console) {
    let registers: Vec<String> = digests(record)
        .into_iter()
        .map(|(name, value)| format!("{} = \"{value}\"", name.trim_start_matches("PCR")))
        .collect();
    console.line(format_args!("pcrs = {{ {} }}", registers.join(", ")));
    console.field("kernel", part(&nitro.kernel));
    console.field("command line", format_args!("{:?}", nitro.command_line));
    for (ramdisk, number) in nitro.ramdisks.iter().zip(1..) {
        console.field(&format!("ramdisk {number}"), part(ramdisk));
    }
}

fn print_signature(
    nitro: &NitroRecord,
    checked: Option<&Result<(), SignatureError>>,
    console: &Console,
) {
    match &nitro.signing_certificate {
        Some(certificate) => {
            console.field("certificate", format_args!("sha256 {}", certificate.sha256));
        }
        None => console.field("certificate", "none: not signed, and no PCR8"),
    }
    match checked {
        Some(Ok(())) => {
            let pass = console.word(Mark::Pass);
            console.field(
                "signature",
                format_args!("{pass}  the certificate's key signed PCR0"),
            );
        }
        Some(Err(error)) => {
            let fail = console.word(Mark::Fail);
            console.field(
                "signature",
                format_args!("{fail}  {}", plain(&error.to_string())),
            );
        }
        None => {}
    }
}

//! Launch digests of SEV-SNP, SEV-ES and SEV guests, and enclave images with their PCRs.
//!
//! Calls that need a secure service module's firmware are stated as having files that the vectors
//! do not include; they are no cases here.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use boop_measure::eif::{EifError, Image, SignatureSection};
use boop_measure::snp::{
    CpuSignature, Firmware, KernelHashes, Launch, Vmm, sev_digest, sev_es_digest,
};
use boop_verifier::{AwsLc, Crypto as _, P384Signature};
use serde_json::Value;

use crate::suite::Suite;

/// Holds launch digests and images against our code; `folder` is the one of attestation.
pub(crate) fn suites(folder: &Path) -> Result<Vec<Suite>> {
    let mut suites = vec![];
    let launches = folder.join("snp/measure");
    if launches.is_dir() {
        suites.push(launch_digests(&launches)?);
    }
    let images = folder.join("nitro/eif");
    if images.is_dir() {
        suites.push(enclave_images(&images)?);
    }
    Ok(suites)
}

fn launch_digests(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new("snp-measure");
    let expected = json(&folder.join("expected.json"))?;
    for group in ["upstream", "generated"] {
        let calls = expected[group].as_array().context("a group of calls")?;
        let included = |call: &&Value| call["files_not_included"] != true;
        for call in calls.iter().filter(included) {
            let got = launch_digest(folder, call).unwrap_or_else(|error| format!("{error:#}"));
            suite.add(text(call, "name"), text(call, "launch_digest"), &got);
        }
    }
    Ok(suite)
}

fn launch_digest(folder: &Path, call: &Value) -> Result<String> {
    let file = read(&folder.join(text(call, "ovmf_file")))?;
    let mut firmware = Firmware::parse(&file)?;
    let pages_digest = text(call, "snp_ovmf_hash_str");
    if !pages_digest.is_empty() {
        firmware.pages_digest = pages_digest.parse()?;
    }
    let number = |field: &str| call[field].as_u64().unwrap_or_default();
    let launch = Launch {
        firmware: &firmware,
        kernel: kernel_hashes(folder, call)?,
        vmm: vmm(call)?,
        vcpus: u32::try_from(number("vcpus"))?,
        signature: signature(call)?,
        guest_features: number("guest_features"),
    };
    Ok(match text(call, "mode") {
        "SEV" => sev_digest(&file, &launch)?.to_string(),
        "SEV_ES" => sev_es_digest(&file, &launch)?.to_string(),
        "SEV_SNP" => launch.digest()?.to_string(),
        mode => bail!("no mode {mode}"),
    })
}

fn kernel_hashes(folder: &Path, call: &Value) -> Result<Option<KernelHashes>> {
    let part = |field: &str| match call[field].as_str() {
        Some("/dev/null") => Ok(Some(vec![])),
        name => name.map(|name| read(&folder.join(name))).transpose(),
    };
    let (kernel, initrd) = (part("kernel")?, part("initrd")?);
    let line = text(call, "append");
    Ok(kernel.map(|kernel| KernelHashes::of(&kernel, initrd.as_deref(), line)))
}

fn vmm(call: &Value) -> Result<Vmm> {
    let name = text(call, "vmm_type").to_lowercase();
    name.parse().map_err(anyhow::Error::msg)
}

/// The signature of the type that a call names, which must be the one that it states.
fn signature(call: &Value) -> Result<CpuSignature> {
    let stated = call["vcpu_sig"].as_u64().map(u32::try_from).transpose()?;
    let stated = stated.map(CpuSignature);
    match call["vcpu_type"].as_str() {
        Some(model) if CpuSignature::of_model(model) != stated => bail!("{model} is another"),
        Some(_) | None => Ok(stated.unwrap_or(CpuSignature(0))),
    }
}

fn enclave_images(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new("nitro-eif");
    let cases = json(&folder.join("expected.json"))?;
    for case in cases.as_array().context("a list of images")? {
        let name = text(case, "file");
        let file = read(&folder.join(name))?;
        let stated = match case["expect"].as_str() {
            Some(refusal) => refusal.to_owned(),
            None => stated_registers(case)?,
        };
        let got = match Image::parse(&file) {
            Ok(image) => registers(folder, case, &file, &image),
            Err(error) => Ok(refusal(&error)),
        };
        suite.add(
            name,
            &stated,
            &got.unwrap_or_else(|error| format!("{error:#}")),
        );
    }
    Ok(suite)
}

/// The words of the vectors for a refusal.
fn refusal(error: &EifError) -> String {
    match error {
        EifError::Crc { .. } => "crc mismatch".into(),
        EifError::Truncated { .. } => "truncated section".into(),
        other => other.to_string(),
    }
}

fn stated_registers(case: &Value) -> Result<String> {
    let pcrs = case["pcrs"].as_object().context("an image has PCRs")?;
    let mut line = String::new();
    for (name, value) in pcrs {
        write!(line, "{name} {} ", value.as_str().unwrap_or_default())?;
    }
    let signature = case["signature_valid"].as_bool();
    write!(line, "signature {signature:?}, written the same")?;
    Ok(line)
}

/// Our registers in the same words; the image is then written again from the parts that the case
/// names.
fn registers(folder: &Path, case: &Value, file: &[u8], image: &Image<'_>) -> Result<String> {
    let pcrs = image.pcrs()?;
    let (pcr0, pcr1, pcr2) = (pcrs.pcr0, pcrs.pcr1, pcrs.pcr2);
    let mut line = format!("PCR0 {pcr0} PCR1 {pcr1} PCR2 {pcr2} ");
    if let Some(pcr8) = pcrs.pcr8 {
        write!(line, "PCR8 {pcr8} ")?;
    }
    let section = image.signature.map(SignatureSection::parse).transpose()?;
    let verify = |key: &[u8], message: &[u8], signature: &[u8]| {
        AwsLc.verify_p384(key, message, P384Signature::Fixed(signature))
    };
    let holds = section.as_ref().map(|it| it.check(&pcr0, verify).is_ok());
    write!(line, "signature {holds:?}, ")?;
    let written = written(folder, case, image, section.as_ref())?;
    let same = if written == file {
        "written the same"
    } else {
        "written otherwise"
    };
    Ok(line + same)
}

fn written(
    folder: &Path,
    case: &Value,
    image: &Image<'_>,
    section: Option<&SignatureSection>,
) -> Result<Vec<u8>> {
    let inputs = &case["inputs"];
    let part = |name: &Value| read(&folder.join(name.as_str().context("a file's name")?));
    let kernel = part(&inputs["kernel"])?;
    let names = inputs["ramdisks"].as_array().context("ramdisks")?;
    let ramdisks: Vec<Vec<u8>> = names.iter().map(part).collect::<Result<_>>()?;
    let pem = inputs["signing_certificate"].as_str();
    let pem = pem.map(|name| read(&folder.join(name))).transpose()?;
    let section = pem.zip(section);
    let section = section.map(|(pem, section)| SignatureSection::encode(&pem, &section.signature));
    let image = Image {
        kernel: &kernel,
        command_line: text(inputs, "cmdline").as_bytes(),
        ramdisks: ramdisks.iter().map(Vec::as_slice).collect(),
        signature: section.as_deref(),
        ..image.clone()
    };
    Ok(image.to_bytes()?)
}

fn json(file: &Path) -> Result<Value> {
    serde_json::from_slice(&read(file)?).with_context(|| file.display().to_string())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| file.display().to_string())
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

//! Launch digests and enclave images of the vectors, each with its stated digest or refusal.
//!
//! The vectors live outside the repository: in `BOOP_VECTORS`, or in `shared/vectors` beside the
//! workspace. Without them the tests say so and pass, unless `CI` is set.

use std::path::{Path, PathBuf};
use std::{env, fs};

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use boop_measure::eif::{EifError, Image, SignatureSection};
use boop_measure::snp::{
    CpuSignature, Firmware, KernelHashes, Launch, Vmm, sev_digest, sev_es_digest,
};
use serde_json::Value;

#[test]
fn every_launch_digest_is_the_stated_one() {
    let Some(folder) = folder("attestation/snp/measure") else {
        return;
    };
    let expected = json(&folder.join("expected.json"));
    let calls = ["upstream", "generated"]
        .map(|group| expected[group].as_array().expect("as the vectors have it"));
    let (mut agree, mut absent) = (0, 0);
    for call in calls.into_iter().flatten() {
        if call["files_not_included"] == true {
            absent += 1;
            continue;
        }
        let name = text(call, "name");
        assert_eq!(digest(&folder, call), text(call, "launch_digest"), "{name}");
        agree += 1;
    }
    println!("{agree} launch digests agree, {absent} need files that are not here");
    assert!(agree > 0);
}

#[test]
fn every_image_has_its_stated_registers_or_refusal() {
    let Some(folder) = folder("attestation/nitro/eif") else {
        return;
    };
    let mut agree = 0;
    for case in json(&folder.join("expected.json"))
        .as_array()
        .expect("as the vectors have it")
    {
        let name = text(case, "file");
        let file = read(&folder.join(name));
        let image = Image::parse(&file);
        match case["expect"].as_str() {
            None => holds(
                &folder,
                case,
                &file,
                &image.expect("as the vectors have it"),
            ),
            Some("crc mismatch") => assert!(matches!(image, Err(EifError::Crc { .. })), "{name}"),
            Some("truncated section") => {
                assert!(matches!(image, Err(EifError::Truncated { .. })), "{name}");
            }
            Some(other) => assert_eq!(other, "an expectation that is known", "{name}"),
        }
        agree += 1;
    }
    println!("{agree} images agree");
    assert!(agree > 0);
}

fn digest(folder: &Path, call: &Value) -> String {
    let file = read(&folder.join(text(call, "ovmf_file")));
    let mut firmware = Firmware::parse(&file).expect("as the vectors have it");
    if let Ok(pages_digest) = text(call, "snp_ovmf_hash_str").parse() {
        firmware.pages_digest = pages_digest;
    }
    let part = |field: &str| match call[field].as_str() {
        Some("/dev/null") => Some(vec![]),
        name => name.map(|name| read(&folder.join(name))),
    };
    let number = |field: &str| call[field].as_u64().unwrap_or_default();
    let line = call["append"].as_str().unwrap_or_default();
    let kernel = part("kernel");
    let initrd = part("initrd");
    let launch = Launch {
        firmware: &firmware,
        kernel: kernel.map(|kernel| KernelHashes::of(&kernel, initrd.as_deref(), line)),
        vmm: text(call, "vmm_type")
            .to_lowercase()
            .parse::<Vmm>()
            .expect("as the vectors have it"),
        vcpus: u32::try_from(number("vcpus")).expect("as the vectors have it"),
        signature: CpuSignature(u32::try_from(number("vcpu_sig")).expect("as the vectors have it")),
        guest_features: number("guest_features"),
    };
    if let Some(model) = call["vcpu_type"].as_str() {
        assert_eq!(CpuSignature::of_model(model), Some(launch.signature));
    }
    match text(call, "mode") {
        "SEV" => sev_digest(&file, &launch)
            .expect("as the vectors have it")
            .to_string(),
        "SEV_ES" => sev_es_digest(&file, &launch)
            .expect("as the vectors have it")
            .to_string(),
        "SEV_SNP" => launch.digest().expect("as the vectors have it").to_string(),
        mode => format!("no mode {mode}"),
    }
}

fn holds(folder: &Path, case: &Value, file: &[u8], image: &Image<'_>) {
    let name = text(case, "file");
    let pcrs = image.pcrs().expect("as the vectors have it");
    let stated = |name: &str| case["pcrs"][name].as_str().map(str::to_owned);
    assert_eq!(stated("PCR0"), Some(pcrs.pcr0.to_string()), "{name}");
    assert_eq!(stated("PCR1"), Some(pcrs.pcr1.to_string()), "{name}");
    assert_eq!(stated("PCR2"), Some(pcrs.pcr2.to_string()), "{name}");
    assert_eq!(
        stated("PCR8"),
        pcrs.pcr8.map(|pcr| pcr.to_string()),
        "{name}"
    );

    let section = image
        .signature
        .map(|section| SignatureSection::parse(section).expect("as the vectors have it"));
    let holds = section
        .as_ref()
        .map(|section| section.check(&pcrs.pcr0, verify).is_ok());
    assert_eq!(holds, case["signature_valid"].as_bool(), "{name}");

    // Written again from the parts that the case names, the image is the same to the byte.
    let inputs = &case["inputs"];
    let kernel = read(&folder.join(text(inputs, "kernel")));
    let names = inputs["ramdisks"]
        .as_array()
        .expect("as the vectors have it")
        .iter();
    let ramdisks: Vec<_> = names
        .map(|name| read(&folder.join(name.as_str().expect("as the vectors have it"))))
        .collect();
    let pem = inputs["signing_certificate"]
        .as_str()
        .map(|name| read(&folder.join(name)));
    let section = section.map(|section| {
        assert_eq!(pem, Some(section.certificate_pem.clone()), "{name}");
        SignatureSection::encode(&section.certificate_pem, &section.signature)
    });
    let header = &case["header"];
    let written = Image {
        kernel: &kernel,
        command_line: text(inputs, "cmdline").as_bytes(),
        ramdisks: ramdisks.iter().map(Vec::as_slice).collect(),
        signature: section.as_deref(),
        default_memory_bytes: header["default_mem"]
            .as_u64()
            .expect("as the vectors have it"),
        default_cpus: header["default_cpus"]
            .as_u64()
            .expect("as the vectors have it"),
        ..image.clone()
    };
    assert_eq!(
        written.to_bytes().expect("as the vectors have it"),
        file,
        "{name}"
    );
}

fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key);
    key.verify(message, signature).is_ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the vectors are is a matter of the machine"
)]
fn folder(part: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = env::var("BOOP_VECTORS")
        .map_or(beside, PathBuf::from)
        .join(part);
    let found = folder.is_dir();
    assert!(found || env::var("CI").is_err(), "CI runs with the vectors");
    if !found {
        println!("the vectors are not here: nothing was compared");
    }
    found.then_some(folder)
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&read(file)).expect("as the vectors have it")
}

fn read(file: &Path) -> Vec<u8> {
    fs::read(file).expect("a file of the vectors is there")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

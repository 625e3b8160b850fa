//! `boop measure` on images made here, and on those of the vectors.

use std::fs;
use std::path::Path;

use boop_measure::eif::Image;
use serde_json::Value;

use crate::run::{Run, boop, vectors};

/// Arguments after which a launch lacks its firmware alone.
const LAUNCH: [&str; 6] = [
    "measure",
    "snp",
    "--vcpus",
    "2",
    "--vcpu-type",
    "EPYC-Milan",
];

#[test]
fn a_launch_is_measured_as_a_policy_takes_it() {
    let Some(folder) = vectors("attestation/snp/measure") else {
        return;
    };
    let file = |name: &str| folder.join(name).display().to_string();
    let (ovmf, kernel) = (file("ovmf_AmdSev_suffix.bin"), file("kernel.bin"));
    let initrd = file("initrd.bin");
    let launch = [
        "measure", "snp", "--ovmf", &ovmf, "--kernel", &kernel, "--initrd", &initrd,
    ];
    let launch = [&launch[..], &["--append", "console=ttyS0", "--vcpus", "4"]].concat();

    let run = boop([&launch[..], &["--vcpu-type", "EPYC-v4"]].concat());

    let line = "measurement = \"f742794be6fe28685210d36cbfb06f3b4084c872286a325e7a4594902000bb4f\
                bf08ca3f894becae5d97f019b9ff228e\"";
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.out.lines().next(), Some(line));
    assert!(
        run.out.contains("command line   \"console=ttyS0\"\n"),
        "{run:?}"
    );
    assert!(
        run.out.contains("vcpu type      EPYC (0x800f12)\n"),
        "{run:?}"
    );
    let by_signature = boop([&launch[..], &["--vcpu-sig", "23:1:2"]].concat());
    assert_eq!(by_signature.out, run.out);
}

#[test]
fn an_image_of_the_vectors_is_measured_and_its_signature_checked() {
    let Some(folder) = vectors("attestation/nitro/eif") else {
        return;
    };
    let signed = folder.join("signed-one-ramdisk.eif");

    let run = measure(&["nitro"], &signed);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.out.starts_with("pcrs = { 0 = \"2ca65f55a1a5dc85"),
        "{run:?}"
    );
    assert!(run.out.contains(", 8 = \"122909657732759c"), "{run:?}");
    assert!(run.out.contains("signature      pass"), "{run:?}");

    // The same signature in an image with another command line signs another PCR0.
    let scratch = tempfile::tempdir().expect("a folder");
    let file = fs::read(&signed).expect("an image");
    let image = Image::parse(&file).expect("an image");
    let command_line = b"console=ttyS0";
    let forged = Image {
        command_line,
        ..image
    }
    .to_bytes()
    .expect("an image");
    let path = scratch.path().join("forged.eif");
    fs::write(&path, forged).expect("written");
    let run = measure(&["nitro"], &path);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.out
            .contains("FAIL  the signature is over another PCR0: 2ca65f55"),
        "{run:?}"
    );
    let json = measure(&["nitro", "--json"], &path).json();
    assert_eq!(json["signature_holds"], false);

    let run = measure(&["nitro"], &folder.join("neg-crc.eif"));
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("the checksum in the header is"), "{run:?}");
}

#[test]
fn parts_give_the_same_registers_as_the_image_written_from_them() {
    let scratch = Scratch::new();
    let [kernel, first, second] = ["kernel", "first", "second"].map(|it| scratch.file(it, it));
    let [out, record] = ["image.eif", "record.json"].map(|name| scratch.path(name));
    let parts = [
        "measure",
        "nitro",
        "--kernel",
        &kernel,
        "--cmdline",
        "quiet",
        "--ramdisk",
    ];
    let parts = [&parts[..], &[&first, "--ramdisk", &second, "--json"]].concat();

    let written = boop([&parts[..], &["--out", &out, "--record", &record]].concat());
    let read = boop(["measure", "nitro", &out, "--json"]);
    let same = boop(["measure", "diff", &record, &out]);
    let again = boop([&parts[..], &["--out", &scratch.path("again.eif")]].concat());

    assert_eq!(written.code, Some(0), "{written:?}");
    assert_eq!(read.json(), written.json());
    assert_eq!(read.json()["ramdisks"].as_array().map(Vec::len), Some(2));
    assert_eq!(same.code, Some(0), "{same:?}");
    assert_eq!(again.code, Some(0), "{again:?}");
    let files = [out, scratch.path("again.eif")].map(|path| fs::read(path).expect("an image"));
    assert_eq!(files[0], files[1]);
}

#[test]
fn a_changed_image_is_told_apart_and_a_register_explained() {
    let scratch = Scratch::new();
    let kernel = scratch.file("kernel", "kernel");
    let ramdisk = scratch.file("ramdisk", "ramdisk");
    let image = |name: &str, line: &str| {
        let out = scratch.path(name);
        let parts = [
            "measure",
            "nitro",
            "--kernel",
            &kernel,
            "--ramdisk",
            &ramdisk,
            "--json",
        ];
        let run = boop([&parts[..], &["--cmdline", line, "--out", &out]].concat());
        (
            out,
            run.json()["pcr0"].as_str().expect("a register").to_owned(),
        )
    };
    let (first, pcr0) = image("first.eif", "quiet");
    let (second, other) = image("second.eif", "quiet ");

    let run = boop(["measure", "diff", &first, &second]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(
        run.out,
        "another measurement, because inputs differ\n  command line   \"quiet\"\n  \
         \u{20} instead      \"quiet \"\n"
    );
    let run = boop(["measure", "diff", &first, "--digest", &other]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let line = "the digest is the PCR0 you get with command line = \"quiet \"\n";
    assert!(run.out.starts_with(line), "{run:?}");
    let run = boop(["measure", "diff", &first, "--digest", &pcr0]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let run = boop(["measure", "diff", &first, "--digest", &"0".repeat(96)]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("debug mode"), "{run:?}");
}

#[test]
fn a_digest_is_explained_from_a_record_alone() {
    let scratch = Scratch::new();
    let ovmf = scratch.file("ovmf.fd", firmware());
    let kernel = scratch.file("kernel", "kernel");
    let record = scratch.path("record.json");
    let launch = [
        "measure",
        "snp",
        "--ovmf",
        &ovmf,
        "--vcpu-type",
        "EPYC-Genoa",
        "--json",
    ];
    let launch = [&launch[..], &["--kernel", &kernel, "--append", "quiet"]].concat();
    let first = boop([&launch[..], &["--vcpus", "2", "--record", &record]].concat());
    assert_eq!(first.code, Some(0), "{first:?}");
    let other = boop([&launch[..], &["--vcpus", "4"]].concat()).json();
    fs::remove_file(&ovmf).expect("there");
    fs::remove_file(&kernel).expect("there");

    let digest = other["measurement"].as_str().expect("a digest");
    let run = boop(["measure", "diff", &record, "--digest", digest]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let line = "the digest is the measurement you get with vcpus = 4\n";
    assert!(run.out.starts_with(line), "{run:?}");
    let json = boop(["measure", "diff", &record, "--digest", digest, "--json"]).json();
    assert_eq!(json["explanation"], "changed");
    assert_eq!(json["differences"][0]["input"], "vcpus");

    let run = boop(["measure", "diff", &record, "--digest", &"1".repeat(96)]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.out
            .contains("variations of the recorded inputs gives the digest"),
        "{run:?}"
    );
}

#[test]
fn a_record_that_contradicts_itself_is_doubted() {
    let scratch = Scratch::new();
    let ovmf = scratch.file("ovmf.fd", firmware());
    let record = scratch.path("record.json");
    let launch = [&LAUNCH[..], &["--ovmf", &ovmf, "--record", &record]].concat();
    assert_eq!(boop(launch).code, Some(0));
    let text = fs::read_to_string(&record).expect("a record");
    let forged = scratch.file("forged.json", text.replace("\"vcpus\": 2", "\"vcpus\": 3"));

    let run = boop(["measure", "diff", &record, &forged]);

    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.out
            .starts_with("the same digests, although inputs differ\n"),
        "{run:?}"
    );
    assert!(
        run.out.contains("does not follow from the recorded inputs"),
        "{run:?}"
    );
    let json = boop(["measure", "diff", &record, &forged, "--json"]).json();
    assert_eq!(json["doubts"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["same"], Value::Bool(false));
}

#[test]
fn inputs_that_cannot_be_measured_are_named() {
    let scratch = Scratch::new();
    let ovmf = scratch.file("ovmf.fd", firmware());
    let text = scratch.file("text", "text");
    let pages = scratch.file("pages", vec![0; 4096]);
    let image = scratch.file("image.eif", ".eif");
    let snp = |more: &[&str]| boop([&LAUNCH[..], more].concat());
    let qemu = ["measure", "snp", "--ovmf", &ovmf, "--vcpus", "1"];
    let parts = ["measure", "nitro", "--kernel", &text, "--cmdline", ""];

    for (run, line) in [
        (snp(&["--ovmf", &text]), "a firmware of 4 bytes"),
        (snp(&["--ovmf", &pages]), "no OVMF table at the end"),
        (snp(&["--ovmf", &ovmf, "--append", "x"]), "--kernel"),
        (
            snp(&["--ovmf", &ovmf, "--vmm", "xen"]),
            "no hypervisor \"xen\"",
        ),
        (boop(qemu), "under qemu the processors count"),
        (
            boop([&qemu[..], &["--vcpu-type", "i486"]].concat()),
            "known are EPYC, EPYC-IBPB",
        ),
        (
            boop(["measure", "nitro", &text]),
            "it does not begin with .eif",
        ),
        (
            boop(["measure", "nitro", &image]),
            "4 bytes: shorter than the header",
        ),
        (
            boop([&parts[..], &["--signing-certificate", &text]].concat()),
            "no PEM block of a certificate",
        ),
        (
            boop([&parts[..], &["--signing-certificate", &text, "--out", "x"]].concat()),
            "cannot be used with",
        ),
        (
            boop(["measure", "nitro"]),
            "required arguments were not provided",
        ),
        (
            boop(["measure", "diff", &text, &text]),
            "not a measurement record",
        ),
        (
            boop(["measure", "diff", &text]),
            "required arguments were not provided",
        ),
        (
            boop(["measure", "diff", &text, "--digest", "00"]),
            "not 48 bytes in hexadecimal",
        ),
    ] {
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.err.contains(line), "{line}: {run:?}");
    }
}

fn measure(command: &[&str], path: &Path) -> Run {
    let path = path.display().to_string();
    boop([&["measure"], command, &[&path]].concat())
}

/// A folder for the files of one test.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), contents).expect("written");
        self.path(name)
    }
}

/// One page that ends as a firmware for SEV does: metadata of one page for kernel hashes, the
/// table with its three entries, 32 bytes.
fn firmware() -> Vec<u8> {
    let metadata = [
        b"ASEV".as_slice(),
        &[28, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
        &[0, 0x50, 0x80, 0, 0, 0x10, 0, 0, 0x10, 0, 0, 0],
    ];
    let entries = [
        ([0, 4, 0, 0], "666588dc4a989847a75e5585a7bf67cc"),
        ([4, 0xb0, 0x80, 0], "de71f7007e1acb4f890e68c77e2fb44e"),
        ([0, 0x5c, 0x80, 0], "1f3755723b3a044b927b1da6efa8d454"),
    ];
    let mut table = vec![];
    for (address, guid) in entries {
        table.extend(address);
        table.extend([22, 0]);
        table.extend(hex::decode(guid).expect("a guid"));
    }
    table.extend([3 * 22 + 18, 0]);
    table.extend(hex::decode("de82b596b21ff745baeaa366c55a082d").expect("a guid"));
    let mut file = vec![0; 4096];
    file[3072..3072 + 28].copy_from_slice(&metadata.concat());
    let end = 4096 - 32;
    file[end - table.len()..end].copy_from_slice(&table);
    file
}

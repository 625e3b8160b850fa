//! What stands around evidence: envelopes, images, firmware, policies, records, results.

use anyhow::{Context, Result};
use boop_appraisal::envelope::cmw::{to_cbor, to_json};
use boop_appraisal::envelope::wrap;
use boop_appraisal::policy::shipped;
use boop_appraisal::results::{Ear, EarContext};
use boop_measure::eif::{Architecture, Image, SignatureSection};
use boop_measure::record::{Boot, Machine, NitroRecord, Part, Record, SnpRecord};
use boop_measure::snp::{CpuSignature, Firmware, Vmm};
use boop_verifier::{Endorsements, Expected, Policy, Roots, UnixTime, verify};

use crate::files::{base64, corpus, pem};

const NOW: UnixTime = UnixTime(crate::NOW_MS / 1000);

/// Envelopes and results of a report.
pub(crate) fn of_report(name: &str, report: &[u8], leaf: &[u8], table: &[u8]) -> Result<()> {
    let endorsements = Endorsements {
        leaf: Some(leaf.to_vec()),
        ..Endorsements::default()
    };
    wrapped(name, report, &endorsements)?;
    let extended = [report, table].concat();
    corpus("envelope", &format!("{name}-extended.bin"), &extended)?;
    let (outblob, auxblob) = (base64(report), base64(table));
    let tsm = format!(
        "{{\"provider\":\"sev_guest\",\"outblob\":\"{outblob}\",\"auxblob\":\"{auxblob}\"}}"
    );
    corpus("envelope", &format!("{name}-tsm.json"), tsm.as_bytes())?;
    result(name, report, &endorsements)
}

/// Envelopes and results of a document.
pub(crate) fn of_document(document: &[u8]) -> Result<()> {
    wrapped("nitro", document, &Endorsements::default())?;
    let text = base64(document);
    corpus("envelope", "nitro-base64.txt", text.as_bytes())?;
    result("nitro", document, &Endorsements::default())
}

fn wrapped(name: &str, evidence: &[u8], endorsements: &Endorsements) -> Result<()> {
    let wrapper = wrap(evidence, endorsements);
    let (json, cbor) = (to_json(&wrapper)?, to_cbor(&wrapper));
    corpus("envelope", &format!("{name}.bin"), evidence)?;
    corpus("envelope", &format!("{name}-cmw.cbor"), &cbor)?;
    corpus("cmw-cbor", &format!("{name}.cbor"), &cbor)?;
    corpus("cmw-json", &format!("{name}.json"), json.as_bytes())
}

fn result(name: &str, evidence: &[u8], endorsements: &Endorsements) -> Result<()> {
    let (roots, policy) = (Roots::vendor(), Policy::p0());
    let expected = Expected::nothing();
    let verdict = verify(evidence, endorsements, &roots, NOW, &policy, &expected);
    let context = EarContext {
        policy_id: "tag:example.org,2026:p0".into(),
        policy_digest: Some([6; 32]),
        nonce: Some(vec![7; 16]),
        evidence_digest: [7; 32],
        issued_at: NOW,
        build: "1".into(),
    };
    let ear = Ear::of(&verdict, &context)?;
    corpus("ear", &format!("{name}.cbor"), &ear.to_cbor())?;
    let json = ear.to_json().to_string();
    corpus("ear", &format!("{name}.json"), json.as_bytes())
}

/// Small wrappers, and the policies that come with the product.
pub(crate) fn small() -> Result<()> {
    let record = br#"["application/example",  "dGVzdA", 4]"#;
    corpus("cmw-json", "record.json", record)?;
    let collection = br#"{"__cmwc_t":"tag:a.b,2026:c","d":["e/f","AA"],"g":{"h":["i/j",""]}}"#;
    corpus("cmw-json", "collection.json", collection)?;
    corpus("cmw-cbor", "record.cbor", b"\x83\x18\x3c\x44test\x04")?;
    corpus("cmw-cbor", "tag.cbor", b"\xda\x63\x74\x01\x3d\x44test")?;
    for name in ["strict", "cloud-vlek", "development"] {
        let text = shipped(name).context("a policy comes with the product")?;
        corpus("policy", &format!("{name}.toml"), text.as_bytes())?;
    }
    Ok(())
}

/// Images with and without a signature section, and a record of one.
pub(crate) fn images(certificate: &[u8], document: &[u8]) -> Result<()> {
    let section = SignatureSection::encode(&pem(certificate), document);
    let image = Image {
        architecture: Architecture::X86_64,
        default_memory_bytes: 1 << 29,
        default_cpus: 2,
        kernel: b"kernel",
        command_line: b"console=ttyS0",
        metadata: br#"{"BuildMetadata":{}}"#,
        ramdisks: vec![b"first", b"second"],
        signature: None,
    };
    corpus("eif", "plain.eif", &image.to_bytes()?)?;
    let record = Record::Nitro(NitroRecord::measure(&image)?);
    corpus("measure-record", "nitro.json", record.to_json().as_bytes())?;
    let image = Image {
        signature: Some(&section),
        ..image
    };
    corpus("eif", "signed.eif", &image.to_bytes()?)
}

/// A firmware of one page whose tables are whole, and a record of a launch with it.
pub(crate) fn firmware() -> Result<()> {
    let file = crate::firmware::page();
    corpus("ovmf", "page.bin", &file)?;
    let machine = Machine {
        firmware: Firmware::parse(&file)?,
        vmm: Vmm::Qemu,
        vcpus: 2,
        signature: CpuSignature::of(25, 17, 1),
        guest_features: 1,
    };
    let boot = Boot {
        kernel: Part::of(b"kernel"),
        initrd: Some(Part::of(b"initrd")),
        command_line: "quiet".into(),
    };
    let record = Record::Snp(SnpRecord::measure(machine, Some(boot))?);
    corpus("measure-record", "snp.json", record.to_json().as_bytes())
}

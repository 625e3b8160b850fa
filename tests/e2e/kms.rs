//! A custodian whose keys are in AWS KMS: the service is simulated, and judges the evidence, the
//! policy and the signature of each request as the real one does.

mod service;
mod token;

use std::fs;
use std::os::unix::fs::FileExt;
use std::process::{Command, Output};
use std::sync::OnceLock;

use boop_tee::Authority;
use boop_tee::kms::KmsPolicy;
use boop_tests::program;
use boop_verifier::Roots;
use boop_wire::PartyIndex;
use boop_wire::binding::{PlatformKind, Role};
use boop_wire::codec::from_canonical_max;
use boop_wire::manifest::{MANIFEST_BYTES_MAX, Manifest, SignedManifest};
use boop_world::{Layout, now_ms};

use crate::bench::Bench;
use crate::shop::Shop;
use service::Service;

/// The party whose machine is one of AWS.
const PARTY: PartyIndex = PartyIndex::ALL[2];
const KEY: &str = "alias/boop-2-{epoch}";
const FIRST: &str = "alias/boop-2-0";

#[tokio::test(flavor = "multi_thread")]
async fn a_party_on_nitro_gets_its_key_from_kms_and_its_custodian_never_has_it() {
    let started = OnceLock::new();
    let prepare = |layout: &Layout| drop(started.set(begin_service(layout)));
    let allow = |layout: &Layout| {
        let measured = measurement(layout);
        let mut kms = started.get().unwrap().kms();
        kms.create_key("alias/boop-2-1", KmsPolicy::Enclave(measured));
        kms.keys.get_mut(FIRST).unwrap().policy = KmsPolicy::Enclave(measured);
    };
    let mut bench = Bench::start_in_and_after(prepare, allow).await;
    let service: &Service = started.get().unwrap();
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    shop.check_payment(&bench, &customer).await;

    // It comes back, and people are known.
    let starts = bench.kill_party(PARTY);
    bench.wait_recovered(PARTY, starts).await;
    shop.check_payment(&bench, &customer).await;
    look_for_keys(&bench, service);

    // A policy for another enclave: no key, and the custodian says whose word that is.
    service.kms().keys.get_mut(FIRST).unwrap().policy = KmsPolicy::Enclave([1; 48]);
    let starts = bench.kill_party(PARTY);
    bench
        .wait_for_log("custodian-2", "kms:RecipientAttestation:PCR0")
        .await;
    service.kms().keys.get_mut(FIRST).unwrap().policy =
        KmsPolicy::Enclave(measurement(bench.layout()));
    bench.wait_recovered(PARTY, starts).await;
    shop.check_payment(&bench, &customer).await;

    // A new epoch has its own key, and the old one is gone.
    let refreshed = Command::new(program::path("boop-host"))
        .args(["--config", "host.toml", "refresh"])
        .current_dir(bench.layout().machine(PartyIndex::ALL[0], ""))
        .output()
        .unwrap();
    assert!(refreshed.status.success(), "{refreshed:?}");
    bench.wait_ready().await;
    shop.check_payment(&bench, &customer).await;
    assert_eq!(service.kms().keys[FIRST].state, "PendingDeletion");
    look_for_keys(&bench, service);

    let status = custodian(&bench, &["status"]);
    let text = String::from_utf8(status.stdout).unwrap();
    for part in [
        "epoch 1\n",
        "head  version 1",
        "releases by  aws-kms-recipient",
        "closed-without-evidence        works",
        "the signing key of party 2",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let refused = custodian(
        &bench,
        &["backup-key", "--network", &"00".repeat(32), "--out", "x"],
    );
    assert!(!refused.status.success(), "{refused:?}");
}

/// Looks for the data keys in all memory and all files of the custodian.
fn look_for_keys(bench: &Bench, service: &Service) {
    let keys = service.kms().made.clone();
    assert!(keys.len() >= 2);
    let pid = bench.network.pid("custodian-2").unwrap();
    let memory = memory_of(pid);
    let bytes: usize = memory.iter().map(Vec::len).sum();
    assert!(bytes > 1 << 20, "{bytes} bytes of memory are too few");
    // What is surely there, so that a search which finds nothing is one that could find.
    let known = b"RSAES_OAEP_SHA_256".as_slice();
    let holds = |needle: &[u8]| {
        memory
            .iter()
            .any(|part| memchr::memmem::find(part, needle).is_some())
    };
    assert!(holds(known));
    for key in keys {
        for half in key.chunks(16) {
            assert!(!holds(half) && !holds(hex::encode(half).as_bytes()));
        }
        let state = fs::read(bench.layout().machine(PARTY, "token-state")).unwrap();
        assert!(memchr::memmem::find(&state, &key[..16]).is_none());
    }
}

/// Returns what a process can write to.
fn memory_of(pid: u32) -> Vec<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let writable = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        rest.starts_with("rw")
            .then_some((number(from)?, number(to)?))
    });
    let read = |(from, to): (u64, u64)| {
        let mut bytes = vec![0; usize::try_from(to - from).ok()?];
        memory.read_exact_at(&mut bytes, from).ok()?;
        Some(bytes)
    };
    writable.filter_map(read).collect()
}

/// Starts a KMS that believes the vendors of this network, and has a custodian use it.
fn begin_service(layout: &Layout) -> Service {
    let authority = Authority::generate(now_ms()).unwrap();
    fs::create_dir_all(layout.root()).unwrap();
    authority.save(layout.path("vendor")).unwrap();
    let service = Service::start(Roots::vendor().with_simulated(authority.roots()));
    // Who makes the custodian asks for the first key, whoever it opens for.
    service.kms().create_key(FIRST, KmsPolicy::Nobody);
    let machine = layout.machine(PARTY, "");
    fs::create_dir_all(&machine).unwrap();
    service.write_files(&machine);
    let table = format!(
        "[token]\nkind = \"aws-kms\"\nregion = \"{}\"\nendpoint = \"{}\"\nkey = \"{KEY}\"\n\
         credentials = \"credentials.json\"\ntls_roots = \"roots.pem\"\nstate = \"token-state\"\n",
        service::REGION,
        service.endpoint(),
    );
    fs::write(machine.join("token.toml"), table).unwrap();
    service
}

/// Returns what a Nitro party of this network measures.
fn measurement(layout: &Layout) -> [u8; 48] {
    let file = fs::read(layout.path("manifest.cbor")).unwrap();
    let signed: SignedManifest = from_canonical_max(&file, 2 * MANIFEST_BYTES_MAX).unwrap();
    let manifest: Manifest = from_canonical_max(&signed.manifest, MANIFEST_BYTES_MAX).unwrap();
    let ours = manifest
        .releases
        .iter()
        .find(|release| release.role == Role::Party && release.platform == PlatformKind::Nitro);
    ours.unwrap().measurement.0
}

/// Runs a command of the party's custodian as its operator does.
fn custodian(bench: &Bench, arguments: &[&str]) -> Output {
    Command::new(program::path("boop-custodian"))
        .args(arguments)
        .args(["--config", "custodian.toml"])
        .current_dir(bench.layout().machine(PARTY, ""))
        .output()
        .unwrap()
}

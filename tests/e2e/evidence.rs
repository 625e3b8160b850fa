//! Manifests and configurations that are not what the network agreed on: nobody serves by them.

use std::fs;

use boop_abi::{Event, Phase, ToHost};
use boop_channel::{Expectation, JudgeError};
use boop_sdk::{AttestationError, ConnectError, Connection};
use boop_wire::binding::Role;
use boop_wire::codec::{domain_separated, from_canonical, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::manifest::{Approval, Manifest, SignedManifest};
use boop_wire::release::ReleaseAnswer;
use boop_wire::{PartyIndex, Refusal};
use boop_world::{Layout, Puppet, now_ms};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::bench::Bench;
use crate::raw::gateway_request;
use crate::shop::Shop;

/// The party that is started with a wrong manifest.
pub(crate) const ODD: PartyIndex = PartyIndex::ALL[1];
const APPROVERS: [&str; 5] = ["alpha", "beta", "gamma", "release-signer", "reviewer"];

#[tokio::test(flavor = "multi_thread")]
async fn a_party_serves_by_the_approved_manifest_of_its_network_alone() {
    let mut bench = Bench::start().await;
    let good = signed(bench.layout());
    let control = tokio::task::block_in_place(|| {
        let mut puppet = puppet(&bench, &good);
        let evidence = puppet.evidence().unwrap();
        (evidence, puppet.ask_custodian().unwrap())
    });
    assert_eq!(judge(&bench, &control.0), None);
    assert!(matches!(control.1, ReleaseAnswer::Released(_)));

    let mut short = good.clone();
    short.approvals.truncate(1);
    let mut changed = good.clone();
    *changed.manifest.last_mut().unwrap() ^= 1;
    for bad in [short, changed] {
        let stopped = tokio::task::block_in_place(|| last_word(&mut puppet(&bench, &bad)));
        assert_eq!(stopped, Refusal::BadSignature);
    }

    // The same approvers, another network: it boots, and nobody takes its evidence.
    let other = approve(
        bench.layout(),
        &Manifest {
            name: "another network".into(),
            ..manifest(&good)
        },
    );
    let (evidence, release) = tokio::task::block_in_place(|| {
        let mut puppet = puppet(&bench, &other);
        let evidence = puppet.evidence().unwrap();
        (evidence, puppet.ask_custodian().unwrap())
    });
    assert_eq!(judge(&bench, &evidence), Some(JudgeError::Network));
    let refusal = Refusal::WrongNetwork;
    assert_eq!(release, ReleaseAnswer::Refused { refusal });

    host_without_approvals(&mut bench, &good).await;
}

/// A host whose manifest file has one approval does not start; with the right file it does.
async fn host_without_approvals(bench: &mut Bench, good: &SignedManifest) {
    let file = bench.layout().path("manifest.cbor");
    let mut short = good.clone();
    short.approvals.truncate(1);
    bench.network.process("host-1").unwrap().stop();

    fs::write(&file, to_canonical(&short)).unwrap();
    let refused = bench.network.start_host(ODD).unwrap_err().to_string();
    fs::write(&file, to_canonical(good)).unwrap();
    assert!(refused.contains("host-1 ended"), "{refused}");
    let reason = "1 of 4 needed approvals verify";
    bench.wait_for_log("host-1", reason).await;

    bench.network.start_host(ODD).unwrap();
    bench.network.wait_for_serving(ODD).unwrap();
    bench.wait_ready().await;
    assert!(bench.all_serve());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_configuration_differs_by_a_byte_is_refused_by_everyone() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let file = bench.layout().path("gateway/gateway.toml");
    let right = fs::read(&file).unwrap();

    fs::write(&file, [&right[..], b"\n"].concat()).unwrap();
    bench.network.restart_member("gateway").unwrap();
    let refused = Connection::open(&bench.client, &bench.gateway).await;

    let Err(ConnectError::Attestation(AttestationError::Judge(JudgeError::Refused {
        reasons,
        ..
    }))) = refused
    else {
        panic!("the client said {refused:?}");
    };
    assert_eq!(reasons, ["machine-not-listed"]);
    for party in PartyIndex::ALL {
        bench
            .wait_for_log(&format!("host-{party}"), "evidence-refused")
            .await;
    }
    bench.wait_for_log("ledger", "evidence-refused").await;
    let health = gateway_request(&bench, "GET /health", &[], b"").await;
    let health: serde_json::Value = serde_json::from_slice(&health.body).unwrap();
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["parties"], serde_json::json!([false, false, false]));

    fs::write(&file, right).unwrap();
    bench.network.restart_member("gateway").unwrap();
    bench.wait_ready().await;
    shop.reconnect(&bench).await;
    shop.check_payment(&bench, &customer).await;
}

/// Starts the odd party under this program's control and hands it a manifest.
fn puppet(bench: &Bench, manifest: &SignedManifest) -> Puppet {
    let file = bench.layout().path("manifest.cbor");
    let good = fs::read(&file).unwrap();
    let binary = bench.network.provisioned().binaries.path("boop-party-sim");
    // The puppet's manifest is read when it starts; the processes of the network have theirs.
    fs::write(&file, to_canonical(manifest)).unwrap();
    let puppet = Puppet::start(&bench.network, ODD, &binary);
    fs::write(&file, good).unwrap();
    puppet.unwrap()
}

/// Waits until a party stops, and returns why.
fn last_word(puppet: &mut Puppet) -> Refusal {
    loop {
        match puppet.hear().unwrap() {
            ToHost::Event(Event::Phase(Phase::Stopped(refusal))) => return refusal,
            ToHost::Event(Event::Phase(_)) => {}
            other => panic!("before it stopped, the party said {other:?}"),
        }
    }
}

/// Judges boot evidence of the odd party as a client of the network.
pub(crate) fn judge(bench: &Bench, evidence: &EvidenceBundle) -> Option<JudgeError> {
    let file = bench.layout().path("manifest.cbor");
    let trust = bench.client.admit_file(&file).unwrap();
    let expect = Expectation::boot(Role::Party, Some(ODD));
    trust.judge(evidence, &expect, now_ms()).err()
}

fn signed(layout: &Layout) -> SignedManifest {
    from_canonical(&fs::read(layout.path("manifest.cbor")).unwrap()).unwrap()
}

fn manifest(signed: &SignedManifest) -> Manifest {
    from_canonical(&signed.manifest).unwrap()
}

/// Has all approvers of the network approve a manifest.
fn approve(layout: &Layout, manifest: &Manifest) -> SignedManifest {
    let manifest = to_canonical(manifest);
    let bytes = domain_separated("manifest-approval", &manifest);
    let approvals = APPROVERS.map(|approver| {
        let mut seed = [0; 32];
        let file = layout.path(&format!("operators/{approver}.key"));
        let text = fs::read_to_string(file).unwrap();
        hex::decode_to_slice(text.trim(), &mut seed).unwrap();
        let key = SigningKey::from_bytes(&seed);
        Approval {
            key: key.verifying_key().to_bytes(),
            signature: key.sign(&bytes).to_bytes(),
        }
    });
    SignedManifest {
        manifest,
        approvals: approvals.into(),
    }
}

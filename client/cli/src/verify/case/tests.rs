//! What counts as named by the caller: a nonce, or a connection that the binding's key signed.

use boop_channel::{LocalKeys, sign_statement};
use boop_sdk::GatewayEvidence;
use boop_verifier::Endorsements;
use boop_wire::api::HttpProof;
use boop_wire::binding::{Purpose, Role};
use boop_wire::session::{ProofStatement, Side};
use boop_wire::{Digest, InstanceId, NetworkId, to_canonical};
use clap::Parser as _;

use super::*;
use crate::Now;
use crate::arguments::{Arguments, Command};

#[test]
fn a_recorded_bundle_names_nothing() {
    let (input, binding) = recorded();
    let expected = expected(&input, Some(&binding), &conditions(&[]));

    assert_eq!(expected, Expected::nothing());
}

#[test]
fn the_challenge_as_nonce_names_the_binding_and_another_nonce_does_not() {
    let (input, binding) = recorded();
    let own = hex::encode(binding.challenge);
    let asked = |nonce: &str| expected(&input, Some(&binding), &conditions(&["--nonce", nonce]));

    assert_eq!(asked(&own), carries(&input));
    assert_eq!(asked("0011223344556677"), Expected::nothing());
    assert_eq!(asked(&own[..16]), Expected::nothing());
}

#[test]
fn a_connection_that_the_key_signed_names_the_binding() {
    let (input, binding) = connected();

    let expected = expected(&input, Some(&binding), &conditions(&[]));

    assert_eq!(expected, carries(&input));
}

#[test]
fn a_proof_of_another_connection_names_nothing_and_fails() {
    let (mut input, binding) = connected();
    if let Some(gateway) = &mut input.gateway {
        gateway.exporter[0] ^= 1;
    }

    let case = Case::judge(input, conditions(&[])).unwrap();

    let expected = expected(&case.input, Some(&binding), &case.conditions);
    assert_eq!(expected, Expected::nothing());
    let failed = case.extras.iter().filter(|extra| !extra.holds);
    let failed: Vec<&str> = failed.map(|extra| extra.name).collect();
    assert_eq!(failed, ["binding-consistent", "session-proof"]);
    assert!(!case.accepted() && !case.bound() && case.tier().is_none());
}

#[test]
fn bare_evidence_is_held_against_what_was_given() {
    let (mut input, _) = recorded();
    input.bundle = None;
    let data = "04".repeat(64);

    let given = expected(&input, None, &conditions(&["--report-data", &data]));
    let nothing = expected(&input, None, &conditions(&[]));

    assert_eq!(given.report_data, Rule::Exactly(vec![4; 64]));
    assert_eq!(nothing, Expected::nothing());
}

/// What the evidence of a bundle must carry once its binding is named.
fn carries(input: &Input) -> Expected {
    let bundle = input.bundle.as_ref().unwrap();
    Expected {
        report_data: Rule::Exactly(Binding::report_data_of(&bundle.binding).to_vec()),
        nonce: Rule::Any,
    }
}

fn conditions(more: &[&str]) -> Conditions {
    let arguments = Arguments::try_parse_from([&["boop", "verify", "x"], more].concat()).unwrap();
    let Command::Verify(arguments) = arguments.command else {
        unreachable!("verify was asked for");
    };
    Conditions::read(&arguments, Now { unix_ms: 1_000 }).unwrap()
}

/// A bundle of no hardware, on a connection that its key signed.
fn connected() -> (Input, Binding) {
    let keys = LocalKeys::generate(&mut |bytes| bytes.fill(3)).unwrap();
    let binding = Binding {
        purpose: Purpose::Challenge,
        network: NetworkId::new([5; 32]),
        manifest: Digest::new([6; 32]),
        role: Role::Gateway,
        party: None,
        platform: PlatformKind::Snp,
        config: Digest::new([7; 32]),
        instance: InstanceId::new([8; 16]),
        lease: 0,
        keys: keys.bound(),
        challenge: [9; 32],
        made_at_ms: 1_000,
        checkpoint: None,
    };
    let bundle = EvidenceBundle {
        platform: PlatformKind::Snp,
        evidence: vec![2, 0, 0, 0],
        endorsements: Vec::new(),
        binding: to_canonical(&binding),
    };
    let (nonce, own_nonce, exporter) = ([1; 32], [2; 32], [4; 32]);
    let statement = ProofStatement {
        network: binding.network,
        manifest: binding.manifest,
        side: Side::Server,
        exporter,
        own: bundle.binding_digest(),
        peer: None,
        own_nonce,
        peer_nonce: nonce,
    };
    let gateway = GatewayEvidence {
        bundle: bundle.clone(),
        proof: HttpProof {
            nonce: own_nonce,
            signature: sign_statement(&keys, &statement),
        },
        nonce,
        exporter,
        tls_spki: binding.keys.tls_spki,
    };
    let input = Input {
        origin: "a gateway".into(),
        form: "evidence bundle".into(),
        evidence: boop_verifier::parse(&bundle.evidence),
        bytes: bundle.evidence.clone(),
        endorsements: Endorsements::default(),
        bundle: Some(bundle),
        gateway: Some(gateway),
        notes: Vec::new(),
        sources: Vec::new(),
    };
    (input, binding)
}

/// The same bundle without its connection.
fn recorded() -> (Input, Binding) {
    let (mut input, binding) = connected();
    input.gateway = None;
    (input, binding)
}

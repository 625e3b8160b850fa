//! The connection's checks with keys of our own; evidence is judged elsewhere.

use boop_channel::{LocalKeys, sign_statement};
use boop_wire::binding::{BoundKeys, PlatformKind, Purpose};
use boop_wire::{InstanceId, NetworkId, to_canonical};

use super::*;

#[test]
fn a_proof_over_this_connection_holds() {
    let (keys, evidence) = sample();

    assert_eq!(evidence.check_proof(&binding(&keys)), Ok(()));
    assert_eq!(evidence.check_tls_key(&binding(&keys)), Ok(()));
}

#[test]
fn a_proof_over_another_connection_nonce_or_evidence_is_refused() {
    let (keys, evidence) = sample();
    let changes: [fn(&mut GatewayEvidence); 4] = [
        |e| e.exporter[0] ^= 1,
        |e| e.nonce[0] ^= 1,
        |e| e.proof.nonce[0] ^= 1,
        |e| e.bundle.binding.push(0),
    ];

    for change in changes {
        let mut evidence = evidence.clone();
        change(&mut evidence);

        let refused = evidence.check_proof(&binding(&keys));

        assert_eq!(refused, Err(AttestationError::Proof(ProofError)));
    }
}

#[test]
fn a_certificate_with_another_key_is_refused() {
    let (keys, mut evidence) = sample();
    let expected = evidence.tls_spki;
    evidence.tls_spki = Digest::new([0; 32]);

    let refused = evidence.check_tls_key(&binding(&keys));

    let found = evidence.tls_spki;
    assert_eq!(refused, Err(AttestationError::TlsKey { found, expected }));
}

#[test]
fn an_answer_reads_back_and_other_media_types_are_refused() {
    let (_, evidence) = sample();
    let response = AttestationResponse {
        collection: "tag:example,2026:attestation".into(),
        bundle: (MEDIA_BUNDLE.into(), text::encode(&evidence.bundle)),
        proof: (MEDIA_PROOF.into(), text::encode(&evidence.proof)),
    };
    let tls = TlsFacts {
        spki: evidence.tls_spki,
        exporter: evidence.exporter,
    };

    let read = GatewayEvidence::read(&response, evidence.nonce, tls).unwrap();
    assert_eq!(read.bundle, evidence.bundle);
    assert_eq!(read.proof, evidence.proof);

    let mut foreign = response.clone();
    foreign.proof.0 = "text/plain".into();
    let refused = GatewayEvidence::read(&foreign, evidence.nonce, tls).map(|_| ());
    assert_eq!(
        refused,
        Err(AttestationError::MediaType {
            member: "proof",
            found: "text/plain".into()
        })
    );

    let mut broken = response;
    broken.bundle.1.truncate(10);
    let refused = GatewayEvidence::read(&broken, evidence.nonce, tls).map(|_| ());
    assert!(matches!(
        refused,
        Err(AttestationError::Encoding {
            member: "bundle",
            ..
        })
    ));
}

fn sample() -> (LocalKeys, GatewayEvidence) {
    let keys = LocalKeys::generate(&mut |bytes| bytes.fill(3)).unwrap();
    let binding = binding(&keys);
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
    let signature = sign_statement(&keys, &statement);
    let evidence = GatewayEvidence {
        bundle,
        proof: HttpProof {
            nonce: own_nonce,
            signature,
        },
        nonce,
        exporter,
        tls_spki: binding.keys.tls_spki,
    };
    (keys, evidence)
}

fn binding(keys: &LocalKeys) -> Binding {
    let keys: BoundKeys = keys.bound();
    Binding {
        purpose: Purpose::Boot,
        network: NetworkId::new([5; 32]),
        manifest: Digest::new([6; 32]),
        role: Role::Gateway,
        party: None,
        platform: PlatformKind::Snp,
        config: Digest::new([7; 32]),
        instance: InstanceId::new([8; 16]),
        lease: 0,
        keys,
        challenge: [0; 32],
        made_at_ms: 1_000,
        checkpoint: None,
    }
}

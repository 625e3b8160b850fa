//! Verdicts, keys and contexts to make results of.

use std::path::PathBuf;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_appraisal::results::{EAT_PROFILE, Ear, EarContext, EarKey};
use boop_verifier::snp::{GuestPolicy, PlatformInfo, SigningKey, SnpFacts};
use boop_verifier::{
    EvidenceKind, Facts, Flag, Outcome, Product, Reason, SignedBy, Step, StepName, Tcb, Tier,
    UnixTime, Verdict,
};

pub(crate) fn ear(verdict: &Verdict) -> Ear {
    let ear = Ear::of(verdict, &context()).expect("it fits");
    assert_eq!(ear.to_json()["eat_profile"], EAT_PROFILE);
    ear
}

pub(crate) fn context() -> EarContext {
    EarContext {
        policy_id: "strict".into(),
        policy_digest: Some([7; 32]),
        nonce: Some(vec![9; 8]),
        evidence_digest: [0xab; 32],
        issued_at: UnixTime(1_780_000_000),
        build: "test 1".into(),
    }
}

pub(crate) fn keys() -> [EarKey; 3] {
    let random = SystemRandom::new();
    let ecdsa = |algorithm| EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
    let pairs = [
        ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
        ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
        Ed25519KeyPair::generate_pkcs8(&random).expect("a key"),
    ];
    pairs.map(|pair| EarKey::from_pkcs8_pem(&pem("PRIVATE KEY", pair.as_ref())).expect("a key"))
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// A verdict of evidence in which all is well.
pub(crate) fn accepted() -> Verdict {
    let passed = [
        StepName::Signature,
        StepName::CertifiedChip,
        StepName::ProductTrust,
        StepName::Debug,
        StepName::Measurement,
        StepName::ReportData,
    ];
    Verdict {
        authentic: true,
        acceptable: true,
        bound: true,
        accepted: true,
        tier: Some(Tier::Affirming),
        simulated: false,
        steps: passed
            .map(|name| step(name, Outcome::Pass, vec![]))
            .to_vec(),
        reasons: vec![],
        flags: vec![Flag::IdBlockPresent],
        facts: Some(facts()),
    }
}

/// The same verdict, spoiled by one step.
pub(crate) fn refused(name: StepName) -> Verdict {
    let mut verdict = accepted();
    let reasons = vec![Reason::MeasurementNotAllowed];
    verdict
        .steps
        .push(step(name, Outcome::Fail, reasons.clone()));
    Verdict {
        accepted: false,
        tier: None,
        reasons,
        ..verdict
    }
}

pub(crate) fn step(name: StepName, outcome: Outcome, reasons: Vec<Reason>) -> Step {
    Step {
        name,
        outcome,
        detail: "compared".into(),
        why: name.why(),
        reasons,
    }
}

pub(crate) fn facts() -> Facts {
    const TCB: Tcb = Tcb {
        fmc: None,
        bootloader: 10,
        tee: 0,
        snp: 24,
        microcode: 84,
    };
    Facts {
        kind: EvidenceKind::Snp,
        simulated: false,
        checked_at: UnixTime(1_780_000_000),
        signed_by: SignedBy::Vcek,
        product: Some(Product::Genoa),
        measurement: Some([1; 48]),
        pcrs: vec![],
        host_data: Some([2; 32]),
        chip_id: Some([3; 64]),
        vmpl: Some(0),
        tcb: Some(TCB),
        debug: false,
        report_data: Some([4; 64]),
        user_data: None,
        nonce: None,
        public_key: None,
        timestamp_ms: None,
        module_id: None,
        snp: Some(SnpFacts {
            version: 5,
            layout: Product::Genoa,
            policy: GuestPolicy(0x3_0000),
            platform_info: PlatformInfo(0x25),
            signing_key: SigningKey::Vcek,
            guest_svn: 7,
            family_id: [5; 16],
            image_id: [6; 16],
            id_key_digest: [7; 48],
            author_key_digest: [8; 48],
            report_id: [9; 32],
            current_tcb: TCB,
            committed_tcb: TCB,
            launch_tcb: TCB,
            launch_mitigations: Some(1),
            current_mitigations: Some(3),
            revocation_checked: false,
        }),
        nitro: None,
    }
}

pub(crate) fn vectors() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = std::env::var_os("BOOP_VECTORS").map_or_else(beside, PathBuf::from);
    let folder = folder.join("attestation");
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var_os("CI");
    assert!(ci.is_none(), "{} is missing", folder.display());
    eprintln!("the attestation vectors are not present; recorded evidence gives no result");
    None
}

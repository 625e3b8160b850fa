//! Attestation results: status and vector of each kind of verdict, and their claims.

use boop_appraisal::results::{
    Claim, EAT_PROFILE, Ear, EarContext, EarError, TrustworthinessTier as Status,
};
use boop_verifier::{StepName, Tier, UnixTime, Verdict};
use serde_json::{Value, json};

use crate::samples::{accepted, context, ear, refused};

#[test]
fn accepted_evidence_has_the_status_of_its_tier() {
    for (tier, status, hardware) in [
        (Tier::Affirming, Status::Affirming, 2),
        (Tier::Warning, Status::Warning, 32),
    ] {
        let ear = ear(&Verdict {
            tier: Some(tier),
            ..accepted()
        });

        assert_eq!((ear.status, ear.submodule.status), (status, status));
        assert_eq!(ear.submodule.label, "snp");
        let value = |claim| ear.submodule.vector.value(claim);
        assert_eq!(value(Claim::InstanceIdentity), Some(2));
        assert_eq!(value(Claim::Configuration), Some(3));
        assert_eq!(value(Claim::Executables), Some(3));
        assert_eq!(value(Claim::Hardware), Some(hardware));
        assert_eq!(value(Claim::RuntimeOpaque), Some(2));
        for claim in [Claim::FileSystem, Claim::StorageOpaque, Claim::SourcedData] {
            assert_eq!(value(claim), None);
        }
    }
}

#[test]
fn each_failed_step_spoils_its_aspect_and_the_status() {
    let cases = [
        (StepName::ModuleId, Claim::InstanceIdentity, 97),
        (StepName::Migration, Claim::Configuration, 96),
        (StepName::GuestPolicy, Claim::Configuration, 96),
        (StepName::PlatformState, Claim::Configuration, 96),
        (StepName::Privilege, Claim::Configuration, 96),
        (StepName::HostData, Claim::Configuration, 96),
        (StepName::IdBlock, Claim::Configuration, 96),
        (StepName::Measurement, Claim::Executables, 33),
        (StepName::PlatformKind, Claim::Hardware, 96),
        (StepName::ProductTrust, Claim::Hardware, 96),
        (StepName::SigningKey, Claim::Hardware, 96),
        (StepName::RevocationDemand, Claim::Hardware, 96),
        (StepName::FirmwareFloor, Claim::Hardware, 32),
        (StepName::FirmwareOrder, Claim::Hardware, 32),
        (StepName::Mitigations, Claim::Hardware, 32),
    ];
    for (name, claim, value) in cases {
        let ear = ear(&refused(name));

        assert_eq!(ear.submodule.vector.value(claim), Some(value), "{name}");
        assert_eq!(ear.status, Status::Contraindicated, "{name}");
    }
}

#[test]
fn evidence_of_another_conversation_is_contraindicated() {
    let ear = ear(&refused(StepName::Nonce));

    assert_eq!(ear.submodule.vector.worst(), Status::Affirming);
    assert_eq!(ear.status, Status::Contraindicated);
}

#[test]
fn unauthentic_evidence_is_contraindicated_in_every_aspect() {
    let ear = ear(&Verdict {
        authentic: false,
        ..refused(StepName::Signature)
    });

    let values = [
        (Claim::Configuration, 99),
        (Claim::Executables, 99),
        (Claim::Hardware, 99),
        (Claim::RuntimeOpaque, 99),
    ];
    assert_eq!(ear.submodule.vector.values(), values);
    assert_eq!(ear.status, Status::Contraindicated);
}

#[test]
fn debug_and_simulation_are_contraindicated_even_when_accepted() {
    let mut debug = accepted();
    debug.facts.as_mut().unwrap().debug = true;
    let simulated = Verdict {
        simulated: true,
        tier: Some(Tier::Warning),
        ..accepted()
    };

    let (debug, simulated) = (ear(&debug), ear(&simulated));

    let value = |ear: &Ear, claim| ear.submodule.vector.value(claim);
    assert_eq!(value(&debug, Claim::Configuration), Some(96));
    assert_eq!(value(&debug, Claim::RuntimeOpaque), Some(96));
    assert_eq!(value(&simulated, Claim::Hardware), Some(96));
    assert_eq!(value(&simulated, Claim::RuntimeOpaque), Some(96));
    assert_eq!(debug.status, Status::Contraindicated);
    assert_eq!(simulated.status, Status::Contraindicated);
    assert!(simulated.submodule.findings.simulated);
}

#[test]
fn unreadable_evidence_has_no_status() {
    let verdict = Verdict::unreadable(&boop_verifier::ParseError::CborMalformed);

    let ear = ear(&verdict);

    assert_eq!(ear.status, Status::None);
    assert_eq!(ear.submodule.label, "evidence");
    assert_eq!(ear.submodule.vector.value(Claim::Hardware), Some(1));
    assert_eq!(ear.submodule.findings.reasons, ["cbor-malformed"]);
}

#[test]
fn what_was_not_compared_is_not_asserted() {
    let mut verdict = accepted();
    verdict.steps.clear();

    let ear = ear(&verdict);

    assert_eq!(ear.submodule.vector.values(), [(Claim::Hardware, 2)]);
}

#[test]
fn the_claims_in_json_are_those_of_the_profile() {
    let claims = ear(&accepted()).to_json();

    let expected = json!({
        "eat_profile": "tag:ietf.org,2026:rats/ear#04",
        "iat": 1_780_000_000,
        "eat_nonce": "CQkJCQkJCQk",
        "ear_status": "affirming",
        "ear_verifier_id": {"developer": "boop", "build": "test 1"},
        "submods": {
            "snp": {
                "ear_status": "affirming",
                "ear_trustworthiness_vector": {
                    "instance-identity": 2,
                    "configuration": 3,
                    "executables": 3,
                    "hardware": 2,
                    "runtime-opaque": 2,
                },
                "ear_appraisal_policy_ids": [format!("strict;sha-256={}", "07".repeat(32))],
                "ear_verifier_claims": {
                    "boop": {
                        "evidence": "ab".repeat(32),
                        "measurement": "01".repeat(48),
                        "accepted": true,
                        "authentic": true,
                        "acceptable": true,
                        "bound": true,
                        "simulated": false,
                        "summary": "accepted: authentic, allowed and bound",
                        "reasons": [],
                        "flags": ["id-block-present"],
                        "judged_at": 1_780_000_000,
                    },
                },
            },
        },
    });
    assert_eq!(claims, expected);
}

#[test]
fn the_claims_in_cbor_have_the_numbers_of_the_profile() {
    let bytes = ear(&accepted()).to_cbor();

    let mut expected = minicbor::Encoder::new(Vec::new());
    expected.map(6).unwrap();
    expected.u16(265).unwrap().str(EAT_PROFILE).unwrap();
    expected.u8(6).unwrap().u32(1_780_000_000).unwrap();
    expected.u8(10).unwrap().bytes(&[9; 8]).unwrap();
    expected.u16(1000).unwrap().u8(2).unwrap();
    expected.u16(1004).unwrap().map(2).unwrap();
    expected.u8(0).unwrap().str("boop").unwrap();
    expected.u8(1).unwrap().str("test 1").unwrap();
    expected
        .u16(266)
        .unwrap()
        .map(1)
        .unwrap()
        .str("snp")
        .unwrap();
    expected.map(4).unwrap();
    expected.u16(1000).unwrap().u8(2).unwrap();
    expected.u16(1001).unwrap().map(5).unwrap();
    for number in [0, 2, 1, 3, 2, 3, 4, 2, 5, 2] {
        expected.u8(number).unwrap();
    }
    expected.u16(1003).unwrap().array(1).unwrap();
    expected
        .str(&format!("strict;sha-256={}", "07".repeat(32)))
        .unwrap();
    expected
        .u16(1006)
        .unwrap()
        .map(1)
        .unwrap()
        .str("boop")
        .unwrap();
    let head = expected.into_writer();
    assert_eq!(bytes[..head.len()], head);
}

#[test]
fn both_serialisations_give_the_result_back() {
    let unreadable = Verdict::unreadable(&boop_verifier::ParseError::CborMalformed);
    for verdict in [accepted(), refused(StepName::Measurement), unreadable] {
        for nonce in [None, Some(vec![9; 64])] {
            let context = EarContext { nonce, ..context() };
            let ear = Ear::of(&verdict, &context).unwrap();

            assert_eq!(Ear::from_json(&ear.to_json()), Ok(ear.clone()));
            assert_eq!(Ear::from_cbor(&ear.to_cbor()), Ok(ear));
        }
    }
}

#[test]
fn a_result_issued_at_another_time_than_it_was_judged_for_warns_at_best() {
    let judged_at = UnixTime(1_780_000_000);
    let issued = |seconds: i64| {
        let issued_at = UnixTime(judged_at.0.saturating_add_signed(seconds));
        let context = EarContext {
            issued_at,
            ..context()
        };
        Ear::of(&accepted(), &context).unwrap()
    };

    for (seconds, status) in [
        (0, Status::Affirming),
        (300, Status::Affirming),
        (-300, Status::Affirming),
        (301, Status::Warning),
        (-301, Status::Warning),
        (86_400 * 3_000, Status::Warning),
    ] {
        let ear = issued(seconds);
        assert_eq!((ear.status, ear.submodule.status), (status, status));
        assert_eq!(ear.submodule.findings.judged_at, Some(judged_at));
        assert_eq!(Ear::from_json(&ear.to_json()), Ok(ear.clone()));
        assert_eq!(Ear::from_cbor(&ear.to_cbor()), Ok(ear));
    }
    let refused = Ear::of(&refused(StepName::Nonce), &context()).unwrap();
    assert_eq!(refused.status, Status::Contraindicated);

    let mut lying = issued(301);
    lying.status = Status::Affirming;
    lying.submodule.status = Status::Affirming;
    assert_eq!(Ear::from_json(&lying.to_json()), Err(EarError::Times));
    assert_eq!(Ear::from_cbor(&lying.to_cbor()), Err(EarError::Times));
    let mut silent = issued(0);
    silent.submodule.findings.judged_at = None;
    assert_eq!(Ear::from_json(&silent.to_json()), Err(EarError::Times));
    assert_eq!(Ear::from_cbor(&silent.to_cbor()), Err(EarError::Times));
    let mut claims = issued(0).to_json();
    claims["submods"]["snp"]["ear_verifier_claims"]["boop"]["judged_at"] = json!("today");
    let claim = "ear_verifier_claims";
    assert_eq!(Ear::from_json(&claims), Err(EarError::Claim { claim }));
}

#[test]
fn a_nonce_of_a_length_that_no_eat_carries_is_refused() {
    for bytes in [0, 7, 65] {
        let context = EarContext {
            nonce: Some(vec![1; bytes]),
            ..context()
        };

        let refused = Ear::of(&accepted(), &context);

        assert_eq!(refused, Err(EarError::NonceLength { bytes }));
    }
}

#[test]
fn claims_that_are_missing_or_wrong_are_named() {
    let wrong = |claim| EarError::Claim { claim };
    let cases = [
        (
            "/eat_profile",
            json!("tag:ietf.org,2026:rats/ear#03"),
            EarError::Profile,
        ),
        ("/iat", json!(1.5), wrong("iat")),
        ("/eat_nonce", json!("?"), wrong("eat_nonce")),
        (
            "/eat_nonce",
            json!("AA"),
            EarError::NonceLength { bytes: 1 },
        ),
        ("/ear_status", json!("fine"), wrong("ear_status")),
        ("/ear_verifier_id", json!({}), wrong("ear_verifier_id")),
        ("/submods", json!({}), wrong("submods")),
        ("/submods/snp/ear_status", Value::Null, wrong("ear_status")),
        (
            "/submods/snp/ear_trustworthiness_vector/hardware",
            json!(128),
            wrong("ear_trustworthiness_vector"),
        ),
        (
            "/submods/snp/ear_trustworthiness_vector/hardware",
            json!(96),
            EarError::Status,
        ),
        (
            "/submods/snp/ear_appraisal_policy_ids",
            json!("x"),
            wrong("ear_appraisal_policy_ids"),
        ),
        (
            "/submods/snp/ear_verifier_claims",
            json!({}),
            wrong("ear_verifier_claims"),
        ),
    ];
    for (pointer, value, error) in cases {
        let mut claims = ear(&accepted()).to_json();
        *claims.pointer_mut(pointer).unwrap() = value;

        assert_eq!(Ear::from_json(&claims), Err(error), "{pointer}");
    }
    let mut claims = ear(&accepted()).to_json();
    claims["exp"] = json!(1);
    assert_eq!(Ear::from_json(&claims), Err(EarError::Expiry));
    claims.as_object_mut().unwrap().remove("exp");
    claims["unknown"] = json!({"x": 1});
    assert!(
        Ear::from_json(&claims).is_ok(),
        "unknown claims are passed over"
    );
}

#[test]
fn cut_and_flipped_claims_in_cbor_are_no_panic() {
    let bytes = ear(&accepted()).to_cbor();

    for end in 0..bytes.len() {
        assert!(Ear::from_cbor(&bytes[..end]).is_err(), "{end}");
        let mut flipped = bytes.clone();
        flipped[end] ^= 0xa5;
        let _any = Ear::from_cbor(&flipped);
    }
    let trailing = [&bytes[..], b"\x00"].concat();
    let error = EarError::Claim { claim: "claims" };
    assert_eq!(Ear::from_cbor(&trailing), Err(error));
}

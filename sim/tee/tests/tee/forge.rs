//! The verifier against the forge: genuine simulated evidence passes, each fault is refused.

use boop_platform::RawEvidence;
use boop_tee::forge::{Fault, Forge, ForgeRequest, Oddity, Specimen};
use boop_tee::{Chip, ChipModel, Launch, nitro_pcrs};
use boop_verifier::{
    AgeLimit, Demand, Endorsements, Expected, Floor, Floors, NitroPolicy, PcrSet, Permission,
    Platform, Policy, Product, ProductPolicy, Reason, Roots, Rule, SimulatedEvidence, SnpPolicy,
    TcbRules, Tier, UnixTime, Verdict, Vlek, verify,
};

use crate::{NOW_MS, authority, chip};

#[test]
fn verifier_accepts_genuine_evidence_of_every_model() {
    for model in ChipModel::ALL {
        let chip = chip(model);
        let ForgeRequest {
            launch,
            user_data,
            nonce,
            now_ms,
        } = request();

        let evidence = chip.attest(&launch, &user_data, &nonce, now_ms).unwrap();
        let verdict = judge(&chip, &evidence);

        assert_eq!(verdict.reasons, [], "{model:?}");
        assert!(
            verdict.accepted && verdict.bound && verdict.simulated,
            "{model:?}"
        );
    }
}

#[test]
fn verifier_without_the_simulated_roots_refuses_every_model() {
    for model in ChipModel::ALL {
        let chip = chip(model);
        let ForgeRequest {
            launch,
            user_data,
            nonce,
            now_ms,
        } = request();
        let evidence = chip.attest(&launch, &user_data, &nonce, now_ms).unwrap();

        let verdict = judge_under(&Roots::vendor(), &chip, &evidence);

        assert!(!verdict.authentic && !verdict.accepted, "{model:?}");
        assert!(
            verdict.reasons.contains(&Reason::UntrustedRoot),
            "{:?}",
            verdict.reasons
        );
    }
}

#[test]
fn verifier_refuses_every_fault_on_every_model() {
    let forge = Forge::new(authority());
    for model in ChipModel::ALL {
        let chip = chip(model);
        for fault in Fault::ALL.iter().filter(|fault| fault.applies_to(model)) {
            let specimen = forge
                .specimen(&chip, &[(*fault).into()], &request())
                .unwrap();

            let verdict = judge_specimen(&chip, &specimen);

            let refused = !verdict.accepted && !verdict.reasons.is_empty();
            assert!(refused, "{fault:?} on {model:?}");
        }
    }
}

#[test]
fn a_fault_is_refused_for_its_own_reason() {
    use Reason as R;
    let cases = [
        (ChipModel::GenoaV3, Fault::WrongRoot, R::UntrustedRoot),
        (
            ChipModel::TurinV5,
            Fault::SplicedChain,
            R::ChainSignatureInvalid,
        ),
        (
            ChipModel::MilanV2,
            Fault::SwappedKey,
            R::ReportSignatureInvalid,
        ),
        (ChipModel::GenoaV5, Fault::Debug, R::PolicyDebugAllowed),
        (
            ChipModel::GenoaV5,
            Fault::WrongMeasurement,
            R::MeasurementNotAllowed,
        ),
        (
            ChipModel::GenoaV5,
            Fault::WrongHostData,
            R::HostDataNotAllowed,
        ),
        (
            ChipModel::TurinV5,
            Fault::WrongReportData,
            R::ReportDataMismatch,
        ),
        (ChipModel::Nitro, Fault::ReplayedNonce, R::NonceMismatch),
        (ChipModel::Nitro, Fault::WrongChip, R::ModuleIdNotAllowed),
        (ChipModel::Nitro, Fault::WrongMeasurement, R::PcrNotAllowed),
        (
            ChipModel::Nitro,
            Fault::DuplicateKey,
            R::PayloadDuplicateKey,
        ),
    ];
    let forge = Forge::new(authority());
    for (model, fault, reason) in cases {
        let chip = chip(model);

        let evidence = forge.forge(&chip, fault, &request()).unwrap();

        assert_eq!(judge(&chip, &evidence).reasons, [reason], "{fault:?}");
    }
}

#[test]
fn plain_policy_accepts_every_oddity_on_every_model() {
    let forge = Forge::new(authority());
    let mut policy = Policy::p0();
    policy.simulated = SimulatedEvidence::Allow;
    for model in ChipModel::ALL {
        let chip = chip(model);
        for oddity in Oddity::ALL.iter().filter(|oddity| oddity.applies_to(model)) {
            let specimen = forge
                .specimen(&chip, &[(*oddity).into()], &request())
                .unwrap();

            let verdict = judge_by(&policy, &specimen, &Expected::nothing());

            assert_eq!(verdict.reasons, [], "{oddity:?} on {model:?}");
            assert!(verdict.accepted, "{oddity:?} on {model:?}");
        }
    }
}

fn request() -> ForgeRequest {
    let launch = Launch {
        measurement: [1; 48],
        config_hash: [2; 32],
        instance: [3; 32],
    };
    ForgeRequest {
        launch,
        user_data: [4; 64],
        nonce: [5; 32],
        now_ms: NOW_MS,
    }
}

fn judge(chip: &Chip, evidence: &RawEvidence) -> Verdict {
    judge_under(&simulated_roots(), chip, evidence)
}

fn judge_under(roots: &Roots, chip: &Chip, evidence: &RawEvidence) -> Verdict {
    let endorsements = Endorsements {
        leaf: evidence.endorsements.first().cloned(),
        intermediate: evidence.endorsements.get(1).cloned(),
        crl: None,
    };
    let now = UnixTime(NOW_MS / 1000);
    let policy = policy(chip);
    verify(
        &evidence.evidence,
        &endorsements,
        roots,
        now,
        &policy,
        &expected(chip),
    )
}

fn judge_specimen(chip: &Chip, specimen: &Specimen) -> Verdict {
    judge_by(&policy(chip), specimen, &expected(chip))
}

fn judge_by(policy: &Policy, specimen: &Specimen, expected: &Expected) -> Verdict {
    let endorsements = Endorsements {
        leaf: specimen.leaf.clone(),
        intermediate: specimen.intermediate.clone(),
        crl: specimen.crl.clone(),
    };
    let (roots, now) = (simulated_roots(), UnixTime(NOW_MS / 1000));
    verify(
        &specimen.evidence,
        &endorsements,
        &roots,
        now,
        policy,
        expected,
    )
}

fn simulated_roots() -> Roots {
    Roots::vendor().with_simulated(authority().roots())
}

/// Returns what evidence of a chip must carry; a report has no place for a nonce.
fn expected(chip: &Chip) -> Expected {
    let request = request();
    let nonce = request.nonce.to_vec();
    Expected {
        report_data: Rule::Exactly(request.user_data.to_vec()),
        nonce: chip.module_id().map_or(Rule::Any, |_| Rule::Exactly(nonce)),
    }
}

/// Returns a policy that names everything that a deployment would.
fn policy(chip: &Chip) -> Policy {
    let Launch {
        measurement,
        config_hash,
        ..
    } = request().launch;
    let module_id = chip.module_id().unwrap_or("none").to_owned();
    let instance = module_id
        .rsplit_once('-')
        .map_or("", |(instance, _)| instance)
        .to_owned();
    let pcrs = nitro_pcrs(&measurement, &config_hash, &instance).into_iter();
    Policy {
        simulated: SimulatedEvidence::Allow,
        binding: Demand::Required,
        snp: Platform::Accepted(SnpPolicy {
            products: vec![
                product(Product::Milan, [0, 4, 0, 27, 219]),
                product(Product::Genoa, [0, 10, 0, 27, 86]),
                product(Product::SienaBergamo, [0, 10, 0, 27, 25]),
                product(Product::Turin, [1, 1, 1, 4, 81]),
            ],
            measurement: Rule::Exactly(measurement),
            host_data: Rule::Exactly(config_hash),
            provisional_firmware: Permission::Refuse,
            reported_below_current: Permission::Refuse,
            vlek: Vlek::Refused,
            ..SnpPolicy::p0()
        }),
        nitro: Platform::Accepted(NitroPolicy {
            tier: Tier::Affirming,
            pcr_sets: vec![PcrSet(
                pcrs.map(|(index, value)| (index, Rule::Exactly(value)))
                    .collect(),
            )],
            module_id: Rule::Exactly(module_id),
            debug: Permission::Refuse,
            age: AgeLimit::Seconds(300),
            ahead_seconds_max: 60,
        }),
    }
}

fn product(product: Product, [fmc, bootloader, tee, snp, microcode]: [u8; 5]) -> ProductPolicy {
    let floor = TcbRules {
        fmc: if product == Product::Turin {
            Rule::AtLeast(fmc)
        } else {
            Rule::Any
        },
        bootloader: Rule::AtLeast(bootloader),
        tee: Rule::AtLeast(tee),
        snp: Rule::AtLeast(snp),
        microcode: Rule::AtLeast(microcode),
    };
    let floor = Floor {
        since: UnixTime(0),
        bulletins: vec![],
        reported: floor.clone(),
        committed: floor.clone(),
        launch: floor,
    };
    ProductPolicy {
        floors: Floors::Dated(vec![floor]),
        ..ProductPolicy::any(product)
    }
}

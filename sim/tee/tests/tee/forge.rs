//! The verifier against the forge: genuine simulated evidence passes, each fault is refused.

use boop_platform::RawEvidence;
use boop_tee::forge::{Fault, Forge, ForgeRequest};
use boop_tee::{Chip, ChipModel, Launch, nitro_pcrs};
use boop_verifier::{
    AgeLimit, Endorsements, Expected, NitroPolicy, Permission, Platform, Policy, Product,
    ProductPolicy, Reason, Roots, Rule, SimulatedEvidence, SnpPolicy, TcbRules, UnixTime, Verdict,
    Vlek, verify,
};

use crate::{NOW_MS, authority, chip};

const MODELS: [ChipModel; 3] = [ChipModel::GenoaV3, ChipModel::TurinV5, ChipModel::Nitro];

#[test]
fn verifier_accepts_genuine_evidence_of_every_model() {
    for model in MODELS {
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
    for model in MODELS {
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
fn verifier_refuses_every_fault_for_its_own_reason() {
    let forge = Forge::new(authority());
    for model in MODELS {
        let chip = chip(model);
        for fault in Fault::ALL.iter().filter(|fault| fault.applies_to(model)) {
            let evidence = forge.forge(&chip, *fault, &request()).unwrap();

            let verdict = judge(&chip, &evidence);

            let expected = match model {
                ChipModel::GenoaV3 | ChipModel::TurinV5 => snp_reasons(*fault),
                ChipModel::Nitro => nitro_reasons(*fault),
            };
            assert_eq!(verdict.reasons, expected, "{fault:?} on {model:?}");
            assert!(
                !verdict.accepted && !expected.is_empty(),
                "{fault:?} on {model:?}"
            );
        }
    }
}

/// Returns every reason that a report with this fault is refused for.
fn snp_reasons(fault: Fault) -> Vec<Reason> {
    use Reason as R;
    match fault {
        Fault::WrongRoot => vec![R::UntrustedRoot],
        Fault::SplicedChain => vec![R::ChainSignatureInvalid],
        Fault::SwappedKey | Fault::SignatureFlipped => vec![R::ReportSignatureInvalid],
        Fault::Expired | Fault::NotYetValid => vec![R::CertificateOutsideValidity],
        Fault::Truncated | Fault::TrailingByte => vec![R::MalformedReportLength],
        Fault::Debug => vec![R::PolicyDebugAllowed],
        Fault::WrongMeasurement => vec![R::MeasurementNotAllowed],
        Fault::WrongHostData => vec![R::HostDataNotAllowed],
        Fault::WrongReportData | Fault::ReplayedNonce => vec![R::ReportDataMismatch],
        Fault::WrongChip => vec![R::ChipIdDoesNotMatchCertificate],
        Fault::MigrationAgent => vec![R::PolicyMigrationAgentAllowed],
        Fault::OldFirmware => vec![
            R::ReportedTcbBelowMinimum,
            R::CommittedTcbBelowMinimum,
            R::LaunchTcbBelowMinimum,
        ],
        Fault::TcbMismatch => vec![
            R::ReportedTcbDoesNotMatchCertificate,
            R::ReportedTcbBelowMinimum,
            R::ReportedTcbBelowCurrent,
        ],
        Fault::MaskedChipId => vec![R::ChipIdMasked],
        Fault::WrongProduct => vec![R::ReportProductDoesNotMatchChain],
        Fault::Vmpl1 => vec![R::VmplNotZero],
        Fault::HostReport => vec![R::VmplNotAGuestVmpl],
        Fault::ReservedBits => vec![R::SignedReservedBytesNonzero],
        Fault::PolicyReservedBit => vec![R::PolicyReservedBits],
        Fault::UnknownVersion => vec![R::UnsupportedReportVersion],
        Fault::SigAlgo => vec![R::UnsupportedSignatureAlgo],
        Fault::SignaturePadding => vec![R::SignatureFieldReservedBytesNonzero],
        Fault::ZeroPcrs
        | Fault::MissingPcr
        | Fault::UnprotectedHeader
        | Fault::DuplicateKey
        | Fault::MissingNonce
        | Fault::AlgEs256
        | Fault::TimestampFuture
        | Fault::TimestampZero => vec![],
    }
}

/// Returns every reason that a document with this fault is refused for.
fn nitro_reasons(fault: Fault) -> Vec<Reason> {
    use Reason as R;
    match fault {
        Fault::WrongRoot => vec![R::UntrustedRoot],
        Fault::SplicedChain => vec![R::ChainSignatureInvalid],
        Fault::SwappedKey | Fault::SignatureFlipped => vec![R::SignatureInvalid],
        Fault::Expired | Fault::NotYetValid => {
            vec![
                R::CertificateOutsideValidity,
                R::TimestampOutsideLeafValidity,
            ]
        }
        Fault::Truncated => vec![R::CborMalformed],
        Fault::TrailingByte => vec![R::TrailingBytes],
        Fault::Debug => vec![R::DebugMode, R::PcrNotAllowed],
        Fault::WrongMeasurement | Fault::WrongHostData => vec![R::PcrNotAllowed],
        Fault::WrongReportData => vec![R::ReportDataMismatch],
        Fault::ReplayedNonce | Fault::MissingNonce => vec![R::NonceMismatch],
        Fault::WrongChip => vec![R::ModuleIdNotAllowed],
        Fault::ZeroPcrs => vec![R::Pcr0To2PartlyZero, R::PcrNotAllowed],
        Fault::MissingPcr => vec![R::Pcr0To2Missing, R::PcrNotAllowed],
        Fault::UnprotectedHeader => vec![R::UnprotectedHeaderNotEmpty],
        Fault::DuplicateKey => vec![R::PayloadDuplicateKey],
        Fault::AlgEs256 => vec![R::AlgorithmNotEs384],
        Fault::TimestampFuture => vec![R::TimestampInFuture],
        Fault::TimestampZero => vec![R::TimestampInvalid],
        Fault::MigrationAgent
        | Fault::OldFirmware
        | Fault::TcbMismatch
        | Fault::MaskedChipId
        | Fault::WrongProduct
        | Fault::Vmpl1
        | Fault::HostReport
        | Fault::ReservedBits
        | Fault::PolicyReservedBit
        | Fault::UnknownVersion
        | Fault::SigAlgo
        | Fault::SignaturePadding => vec![],
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
    judge_under(
        &Roots::vendor().with_simulated(authority().roots()),
        chip,
        evidence,
    )
}

fn judge_under(roots: &Roots, chip: &Chip, evidence: &RawEvidence) -> Verdict {
    let request = request();
    let endorsements = Endorsements {
        leaf: evidence.endorsements.first().cloned(),
        intermediate: evidence.endorsements.get(1).cloned(),
        crl: None,
    };
    let expected = Expected {
        report_data: Rule::Exactly(request.user_data),
        nonce: Rule::Exactly(request.nonce.to_vec()),
    };
    let now = UnixTime(NOW_MS / 1000);
    verify(
        &evidence.evidence,
        &endorsements,
        roots,
        now,
        &policy(chip),
        &expected,
    )
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
        snp: Platform::Accepted(SnpPolicy {
            products: vec![
                product(Product::Genoa, [0, 10, 0, 27, 86]),
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
            pcrs: pcrs
                .map(|(index, value)| (index, Rule::Exactly(value)))
                .collect(),
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
    ProductPolicy {
        reported_tcb: floor.clone(),
        committed_tcb: floor.clone(),
        launch_tcb: floor,
        ..ProductPolicy::any(product)
    }
}

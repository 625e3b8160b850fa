//! The keys of one custodian in KMS, without a network around it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

use boop_channel::setup::{Floor, SetupKey};
use boop_hsm::{
    CredentialsError, KeyName, KmsError, KmsToken, KmsTokenSettings, Recipient, Token, TokenError,
    VaultError,
};
use boop_tee::kms::KmsPolicy;
use boop_tee::{Authority, Chip, ChipModel, Launch};
use boop_verifier::Roots;
use boop_wire::release::{ReleaseContext, WrapMechanism};
use boop_wire::{InstanceId, NetworkId};
use boop_world::now_ms;

use super::service::{Service, account, write_credentials};
use super::{FIRST, KEY, PARTY};

const MEASUREMENT: [u8; 48] = [0x61; 48];

#[test]
fn a_data_key_comes_out_for_an_enclave_of_the_policy_alone() {
    let stage = Stage::begin();
    stage
        .service
        .kms()
        .create_key(FIRST, KmsPolicy::Enclave(MEASUREMENT));
    let token = KmsToken::create(stage.settings()).unwrap();
    token.prepare(&name(0), now_ms()).unwrap();
    let made = *stage.service.kms().made.last().unwrap();

    let setup = SetupKey::rsa3072().unwrap();
    let key = setup.public().spki().unwrap();
    let ask = |evidence: &[u8]| {
        let recipient = Recipient {
            setup: setup.public(),
            evidence,
        };
        token.wrap_data_key(0, &recipient, &context())
    };
    let released = ask(&document(&MEASUREMENT, Some(&key), 0)).unwrap();
    assert_eq!(released.mechanism, WrapMechanism::AwsKmsRecipient);
    let opened = setup.unwrap_key(&released, &context(), Floor::Sound);
    assert_eq!(*opened.unwrap(), made);
    let other = SetupKey::rsa3072().unwrap();
    assert!(
        other
            .unwrap_key(&released, &context(), Floor::Sound)
            .is_err()
    );

    let mut changed = document(&MEASUREMENT, Some(&key), 0);
    *changed.last_mut().unwrap() ^= 1;
    let document_refused = KmsError::Invalid {
        message: String::from("the attestation document"),
    };
    for (evidence, expected) in [
        (
            document(&[0x62; 48], Some(&key), 0),
            denied("kms:RecipientAttestation:PCR0"),
        ),
        (
            document(&MEASUREMENT, Some(&key), 10 * 60_000),
            document_refused.clone(),
        ),
        (document(&MEASUREMENT, None, 0), invalid("no public key")),
        (
            document(&MEASUREMENT, Some(&[1, 2]), 0),
            invalid("not an RSA key"),
        ),
        (changed, document_refused.clone()),
        (Vec::new(), document_refused),
    ] {
        assert_eq!(ask(&evidence), Err(VaultError::Kms(expected).into()));
    }
    let point = SetupKey::p256(&[7; 32]).unwrap();
    let refused = token.wrap_data_key(0, &Recipient::by_key(point.public()), &context());
    assert_eq!(refused, Err(TokenError::SetupKind));
}

#[test]
fn a_key_that_is_not_sound_makes_no_custodian() {
    let stage = Stage::begin();
    let refused = |stage: &Stage| KmsToken::create(stage.settings()).map(drop).unwrap_err();
    let unsound = |attribute| VaultError::UnsoundKey {
        epoch: 0,
        attribute,
    };

    assert_eq!(refused(&stage), VaultError::NoKey { epoch: 0 }.into());
    stage.service.kms().create_key(FIRST, KmsPolicy::Anybody);
    let open = unsound("opens without the evidence of an enclave");
    assert_eq!(refused(&stage), open.clone().into());
    let change = |field: fn(&mut boop_tee::kms::KmsKey)| {
        let mut kms = stage.service.kms();
        kms.create_key(FIRST, KmsPolicy::Nobody);
        field(kms.keys.get_mut(FIRST).unwrap());
    };
    change(|key| key.moves = true);
    let moves = unsound("lets its data keys be moved to other keys");
    assert_eq!(refused(&stage), moves.into());
    change(|key| key.multi_region = true);
    assert_eq!(
        refused(&stage),
        unsound("may be copied to other regions").into()
    );
    change(|key| key.origin = "EXTERNAL");
    assert_eq!(
        refused(&stage),
        unsound("was not made in an HSM of AWS").into()
    );
    change(|key| key.state = "PendingDeletion");
    assert_eq!(refused(&stage), VaultError::NoKey { epoch: 0 }.into());
    change(|key| key.state = "Disabled");
    let state = KmsError::KeyState {
        alias: String::from(FIRST),
        state: String::from("Disabled"),
    };
    assert_eq!(refused(&stage), VaultError::Kms(state).into());
    // Nothing was left behind by all of these.
    change(|_| {});
    let token = KmsToken::create(stage.settings()).unwrap();
    token.prepare(&name(0), now_ms()).unwrap();
    drop(token);
    // A policy that is opened later is found at the next start.
    stage.service.kms().keys.get_mut(FIRST).unwrap().policy = KmsPolicy::Anybody;
    let again = KmsToken::open(stage.settings()).map(drop);
    assert_eq!(again, Err(open.into()));
}

#[test]
fn what_kms_refuses_is_told_apart_and_loses_nothing() {
    let stage = Stage::begin();
    stage
        .service
        .kms()
        .create_key(FIRST, KmsPolicy::Enclave(MEASUREMENT));
    let token = KmsToken::create(stage.settings()).unwrap();
    token.prepare(&name(0), now_ms()).unwrap();
    let setup = SetupKey::rsa3072().unwrap();
    let key = setup.public().spki().unwrap();
    let release = || {
        let evidence = document(&MEASUREMENT, Some(&key), 0);
        let recipient = Recipient {
            setup: setup.public(),
            evidence: &evidence,
        };
        token.wrap_data_key(0, &recipient, &context()).map(drop)
    };
    let message = String::from("as the test wants it");
    let unauthenticated = |code: &str| KmsError::Unauthenticated {
        code: String::from(code),
    };
    for (fault, expected) in [
        ("AccessDeniedException", denied(&message)),
        (
            "ExpiredTokenException",
            unauthenticated("ExpiredTokenException"),
        ),
        ("ThrottlingException", KmsError::Throttled),
        ("InvalidCiphertextException", KmsError::Ciphertext),
        (
            "KMSInvalidStateException",
            KmsError::KeyState {
                alias: message.clone(),
                state: String::from("not in use"),
            },
        ),
        (
            "KMSInternalException",
            KmsError::Failed {
                code: String::from("KMSInternalException"),
                message,
            },
        ),
    ] {
        stage.service.kms().fault = Some(fault);
        assert_eq!(release(), Err(VaultError::Kms(expected).into()), "{fault}");
    }
    stage.service.kms().fault = None;
    assert_eq!(release(), Ok(()));

    let refused = |expected| assert_eq!(release(), Err(VaultError::Kms(expected).into()));
    let file = stage.folder.path().join("credentials.json");
    write_credentials(stage.folder.path(), &account("AKIDOTHER"));
    refused(unauthenticated("UnrecognizedClientException"));
    let mut wrong = account("AKIDEXAMPLE");
    wrong.secret_access_key.push('x');
    write_credentials(stage.folder.path(), &wrong);
    refused(unauthenticated("InvalidSignatureException"));
    fs::write(&file, "[default]\naws_access_key_id = AKIDEXAMPLE\n").unwrap();
    refused(CredentialsError::Malformed.into());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    refused(CredentialsError::LoosePermissions { mode: 0o644 }.into());
    fs::remove_file(&file).unwrap();
    refused(CredentialsError::Missing.into());
    // Renewed credentials count from the next request.
    stage.service.kms().set_account(account("AKIDRENEWED"));
    write_credentials(stage.folder.path(), &account("AKIDRENEWED"));
    assert_eq!(release(), Ok(()));
}

#[test]
fn settings_that_cannot_be_right_are_refused_before_anything_is_asked() {
    let stage = Stage::begin();
    let refused = |change: fn(&mut KmsTokenSettings)| {
        let mut settings = stage.settings();
        change(&mut settings);
        match KmsToken::create(settings).map(drop) {
            Err(TokenError::Vault(VaultError::Kms(error))) => error,
            other => panic!("{other:?}"),
        }
    };

    let endpoint = String::from("http://localhost:1");
    let expected = KmsError::Endpoint { endpoint };
    assert_eq!(
        refused(|to| to.kms.endpoint = String::from("http://localhost:1")),
        expected
    );
    let key = String::from("alias/boop");
    let expected = KmsError::KeyTemplate { key };
    assert_eq!(
        refused(|to| to.kms.key = String::from("alias/boop")),
        expected
    );
    let missing = refused(|to| to.kms.tls_roots = "/nowhere/roots.pem".into());
    assert!(matches!(missing, KmsError::Roots { .. }), "{missing:?}");
    let closed = refused(|to| to.kms.endpoint = String::from("https://localhost:1"));
    assert!(matches!(closed, KmsError::Unreachable(_)), "{closed:?}");
    assert_eq!(stage.service.kms().log, [""; 0]);
    // Another server than the one whose certificate is known.
    let stranger = Service::start(roots());
    let mut settings = stage.settings();
    settings.kms.endpoint = stranger.endpoint();
    let unknown = KmsToken::create(settings).map(drop).unwrap_err();
    assert!(unknown.to_string().contains("certificate"), "{unknown}");
}

#[test]
fn a_key_ends_with_its_epoch_and_is_not_replaced_before() {
    let stage = Stage::begin();
    let second = "alias/boop-2-1";
    for alias in [FIRST, second] {
        let policy = KmsPolicy::Enclave(MEASUREMENT);
        stage.service.kms().create_key(alias, policy);
    }
    let state = |alias: &str| stage.service.kms().keys[alias].state;
    let token = KmsToken::create(stage.settings()).unwrap();
    token.prepare(&name(0), now_ms()).unwrap();
    let moved = token.rotate(now_ms());
    assert_eq!(moved, Err(VaultError::Kms(KmsError::NotMoved).into()));

    token.prepare(&name(1), now_ms()).unwrap();
    token.destroy_before(1).unwrap();
    assert_eq!(
        [state(FIRST), state(second)],
        ["PendingDeletion", "Enabled"]
    );
    let setup = SetupKey::rsa3072().unwrap();
    let refused = token.wrap_data_key(0, &Recipient::by_key(setup.public()), &context());
    assert_eq!(refused, Err(TokenError::Destroyed { epoch: 0 }));
    // There is no key for the epoch after.
    let none = token.prepare(&name(2), now_ms());
    assert_eq!(none, Err(VaultError::NoKey { epoch: 2 }.into()));
    drop(token);
    // Another template is another place for keys.
    let mut settings = stage.settings();
    settings.kms.key = String::from("alias/other-{epoch}");
    let expected = String::from("eu-central-1/alias/boop-2-{epoch}");
    let other = KmsToken::open(settings).map(drop);
    assert_eq!(other, Err(TokenError::OtherToken { expected }));
}

/// A KMS and the folder of a custodian that is not there yet.
struct Stage {
    service: Service,
    folder: tempfile::TempDir,
}

impl Stage {
    fn begin() -> Self {
        let service = Service::start(roots());
        let folder = tempfile::tempdir().unwrap();
        service.write_files(folder.path());
        Self { service, folder }
    }

    fn settings(&self) -> KmsTokenSettings {
        KmsTokenSettings {
            kms: self.service.settings(self.folder.path(), KEY),
            state: self.folder.path().join("token-state"),
            party: PARTY,
            epoch: 0,
        }
    }
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::generate(now_ms()).unwrap())
}

fn roots() -> Roots {
    Roots::vendor().with_simulated(authority().roots())
}

/// Returns a document of a simulated Nitro module, this old.
fn document(measurement: &[u8; 48], public_key: Option<&[u8]>, age_ms: u64) -> Vec<u8> {
    static CHIP: OnceLock<Chip> = OnceLock::new();
    let chip = CHIP
        .get_or_init(|| Chip::provision(authority(), ChipModel::Nitro, "kms", now_ms()).unwrap());
    let launch = Launch {
        measurement: *measurement,
        config_hash: [2; 32],
        instance: [3; 32],
    };
    let at_ms = now_ms() - age_ms;
    let raw = match public_key {
        Some(key) => chip.attest_to(&launch, &[4; 64], &[5; 32], key, at_ms),
        None => chip.attest(&launch, &[4; 64], &[5; 32], at_ms),
    };
    raw.unwrap().evidence
}

fn name(epoch: u32) -> KeyName {
    KeyName::first(network(), PARTY, epoch)
}

fn network() -> NetworkId {
    NetworkId::new([9; 32])
}

fn context() -> ReleaseContext {
    ReleaseContext {
        network: network(),
        party: PARTY,
        epoch: 0,
        instance: InstanceId::new([3; 16]),
        lease: 1,
        anchor: None,
    }
}

fn denied(message: &str) -> KmsError {
    KmsError::AccessDenied {
        message: String::from(message),
    }
}

fn invalid(message: &str) -> KmsError {
    KmsError::Invalid {
        message: String::from(message),
    }
}

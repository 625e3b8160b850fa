//! Getting in: modules, labels, PINs.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::session::UserType;

use super::super::*;
use super::harness::{Kind, LABEL, PIN, Stage, initialize_arguments, on_each_module, pin};
use super::{context, name, setup_key};
use crate::token::PinError;

const WRONG: &str = "99999999";

#[test]
fn a_path_without_a_module_is_refused() {
    on_each_module(|stage| {
        for path in ["/nowhere/module.so", "/lib/x86_64-linux-gnu/libm.so.6"] {
            let mut settings = stage.settings();
            settings.module = PathBuf::from(path);
            let path = settings.module.clone();
            assert_eq!(
                Pkcs11Vault::probe(&settings),
                Err(VaultError::Module { path })
            );
        }
    });
}

#[test]
fn a_label_that_no_token_or_two_tokens_have_is_refused() {
    on_each_module(|stage| {
        let label = String::from(LABEL);
        let probe = || Pkcs11Vault::probe(&stage.settings()).map(drop);
        assert_eq!(
            probe(),
            Err(VaultError::NoToken {
                label: label.clone()
            })
        );
        stage.make_token();
        assert_eq!(probe(), Ok(()));
        stage.make_token();
        assert_eq!(probe(), Err(VaultError::SeveralTokens { label }));
    });
}

#[test]
fn a_token_without_a_user_is_refused() {
    on_each_module(|stage| {
        stage.with_module(|pkcs11| {
            stage.make_bare_token(pkcs11);
        });

        assert_eq!(
            Pkcs11Vault::probe(&stage.settings()),
            Err(VaultError::NoUserPin)
        );
    });
}

#[test]
fn a_pin_file_that_others_may_read_is_refused() {
    on_each_module(|stage| {
        stage.make_token();
        let settings = stage.settings();
        std::fs::set_permissions(&settings.pin_file, Permissions::from_mode(0o644)).unwrap();

        let refused = PinError::LoosePermissions { mode: 0o644 };
        assert_eq!(Pkcs11Vault::probe(&settings), Err(VaultError::Pin(refused)));
    });
}

#[test]
fn a_wrong_pin_is_given_once_until_another_is_there_or_an_operator_says_again() {
    on_each_module(|stage| {
        stage.make_token();
        let mut settings = stage.settings();
        let probe = |settings: &Pkcs11Settings| Pkcs11Vault::probe(settings).map(drop);
        stage.write_pin(WRONG);
        assert_eq!(probe(&settings), Err(VaultError::WrongPin));
        assert_eq!(probe(&settings), Err(VaultError::PinDoubted));

        // Times of files have the grain of the kernel's clock.
        std::thread::sleep(Duration::from_millis(50));
        stage.write_pin(PIN);

        if stage.kind == Kind::SoftHsm {
            // It says itself that the last login failed, and who knows whose.
            assert_eq!(probe(&settings), Err(VaultError::PinDoubted));
            settings.retry_after_wrong_pin = true;
        }
        assert_eq!(probe(&settings), Ok(()));
        settings.retry_after_wrong_pin = false;
        assert_eq!(probe(&settings), Ok(()));
    });
}

#[test]
fn a_pin_whose_refusal_could_not_be_noted_is_not_tried() {
    on_each_module(|stage| {
        stage.make_token();
        let settings = stage.settings();
        let note = settings.pin_file.with_added_extension("refused");
        std::fs::create_dir(&note).unwrap();
        // As old as the PIN, a folder in the note's place would count as a note.
        std::thread::sleep(Duration::from_millis(50));
        stage.write_pin(WRONG);

        let refused = PinError::Mark(ErrorKind::IsADirectory);
        assert_eq!(Pkcs11Vault::probe(&settings), Err(VaultError::Pin(refused)));

        // The token never heard it: SoftHSM2 says itself that a login failed.
        std::fs::remove_dir(&note).unwrap();
        stage.write_pin(PIN);
        assert_eq!(Pkcs11Vault::probe(&settings).map(drop), Ok(()));
    });
}

#[test]
fn an_operator_can_have_the_same_pin_tried_again() {
    on_each_module(|stage| {
        stage.make_token();
        let mut settings = stage.settings();
        crate::token::pin::mark_refused(&settings.pin_file).unwrap();
        let probe = |settings: &Pkcs11Settings| Pkcs11Vault::probe(settings).map(drop);
        assert_eq!(probe(&settings), Err(VaultError::PinDoubted));

        settings.retry_after_wrong_pin = true;

        assert_eq!(probe(&settings), Ok(()));
    });
}

#[test]
fn a_token_that_locks_is_left_alone() {
    on_each_module(|stage| {
        stage.make_token();
        let mut last = None;
        stage.with_module(|pkcs11| {
            let session = pkcs11.open_rw_session(stage.slot(pkcs11)).unwrap();
            for _ in 0..12 {
                last = session.login(UserType::User, Some(&pin(WRONG))).err();
            }
        });

        let mut settings = stage.settings();
        settings.retry_after_wrong_pin = true;
        let probed = Pkcs11Vault::probe(&settings).map(drop);

        match stage.kind {
            // It never locks.
            Kind::SoftHsm => {
                assert!(matches!(
                    last,
                    Some(Error::Pkcs11(RvError::PinIncorrect, _))
                ));
                assert_eq!(probed, Ok(()));
            }
            Kind::Kryoptic => assert_eq!(probed, Err(VaultError::PinLocked)),
        }
    });
}

#[test]
fn a_module_in_use_is_not_shared() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();

        assert_eq!(
            Pkcs11Vault::probe(&stage.settings()),
            Err(VaultError::ModuleInUse)
        );

        vault.create(&name(0)).unwrap();
    });
}

#[test]
fn a_lost_session_is_opened_anew() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        let stored = vault.create(&name(0)).unwrap();
        let setup = setup_key(vault.mechanism().setup_kind(), 7);
        let release = || {
            vault.release(
                &name(0),
                &stored,
                &Recipient::by_key(setup.public()),
                &context(1),
            )
        };

        for lose in [log_out, restart] {
            lose(stage);
            release().unwrap();
        }
    });
}

#[test]
fn a_pin_changed_underneath_is_tried_once_and_then_never() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        vault.create(&name(0)).unwrap();
        log_out(stage);
        stage.write_pin(WRONG);
        assert_eq!(vault.create(&name(1)), Err(VaultError::WrongPin));

        stage.write_pin(PIN);

        assert_eq!(vault.create(&name(1)), Err(VaultError::WrongPin));
    });
}

#[test]
fn a_token_that_is_pulled_out_is_gone_until_it_is_back() {
    on_each_module(|stage| {
        stage.make_token();
        let Some(server) = stage.serve() else { return };
        let vault = stage.open_apart();
        let use_it = || vault.with_session(|session| release::make_data_key(session).map(drop));
        assert_eq!(use_it(), Ok(()));

        drop(server);

        let label = String::from(LABEL);
        let gone = VaultError::TokenGone { label };
        assert_eq!(use_it(), Err(gone.clone()));
        assert_eq!(use_it(), Err(gone));
        let _server = stage.serve();
        assert_eq!(use_it(), Ok(()));
    });
}

/// Ends the login of the whole process behind the vault's back.
fn log_out(stage: &Stage) {
    let pkcs11 = stage.loaded();
    let session = pkcs11.open_ro_session(stage.slot(&pkcs11)).unwrap();
    session.logout().unwrap();
}

/// Ends all sessions of the process behind the vault's back.
fn restart(stage: &Stage) {
    let pkcs11: Pkcs11 = stage.loaded();
    pkcs11.clone().finalize().unwrap();
    pkcs11.initialize(initialize_arguments()).unwrap();
}

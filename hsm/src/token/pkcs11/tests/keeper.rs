//! The token of a custodian: what lies in the module and what lies beside it stay together.

use super::super::*;
use super::harness::{Kind, Stage, on_each_module};
use super::{context, name, setup_key};
use crate::token::{
    IdentityPlace, Pkcs11Token, Pkcs11TokenSettings, Token, TokenError, pkcs11::probe::Capability,
};
use boop_channel::setup::{Floor, SetupKey};
use boop_channel::verify_signature;

#[test]
fn identity_keys_and_leases_outlive_the_process() {
    on_each_module(|stage| {
        stage.make_token();
        let token = Pkcs11Token::create(settings(stage)).unwrap();
        token.prepare(&name(0), 5).unwrap();
        let (public, key) = (token.public_key(), key_of(&token));
        assert_eq!(token.raise_lease(0), Ok(1));
        drop(token);

        let token = Pkcs11Token::open(settings(stage)).unwrap();

        token.prepare(&name(0), 9).unwrap();
        assert_eq!(token.raise_lease(0), Ok(2));
        assert_eq!(key_of(&token), key);
        assert_eq!(token.public_key(), public);
        let signature = token.sign(b"bytes").unwrap();
        assert!(verify_signature(&public, b"bytes", &signature));
    });
}

#[test]
fn a_second_custodian_is_not_made_over_the_first_and_one_without_a_file_is_none() {
    on_each_module(|stage| {
        stage.make_token();
        let open = || Pkcs11Token::open(settings(stage)).map(drop);
        assert_eq!(open(), Err(TokenError::Missing));
        let public = Pkcs11Token::create(settings(stage)).unwrap().public_key();

        let again = Pkcs11Token::create(settings(stage)).map(drop);
        assert_eq!(again, Err(TokenError::Exists));

        // The file is lost: an identity in the token is found again, and no lease is.
        std::fs::remove_file(settings(stage).state).unwrap();
        assert_eq!(open(), Err(TokenError::Missing));
        let made = Pkcs11Token::create(settings(stage)).unwrap().public_key();
        assert_eq!(made == public, stage.kind == Kind::SoftHsm);
    });
}

#[test]
fn an_identity_that_a_token_cannot_hold_goes_nowhere_else_by_itself() {
    on_each_module(|stage| {
        stage.make_token();
        let mut settings = settings(stage);
        settings.identity = IdentityPlace::Token;
        let made = Pkcs11Token::create(settings.clone()).map(drop);
        if stage.kind == Kind::Kryoptic {
            let missing = VaultError::NotOffered(Capability::Ed25519);
            assert_eq!(made, Err(TokenError::Vault(missing)));
            return;
        }
        assert_eq!(made, Ok(()));
        settings.identity = IdentityPlace::File;
        let opened = Pkcs11Token::open(settings).map(drop);
        assert_eq!(opened, Err(TokenError::IdentityPlace));
    });
}

#[test]
fn a_key_encryption_key_left_by_a_crash_is_used() {
    on_each_module(|stage| {
        stage.make_token();
        let token = Pkcs11Token::create(settings(stage)).unwrap();
        drop(token);
        // The token made the key, and the file was not written.
        let vault = stage.open().unwrap();
        vault.create(&name(0)).unwrap();
        drop(vault);

        let token = Pkcs11Token::open(settings(stage)).unwrap();
        token.prepare(&name(0), 5).unwrap();

        assert_ne!(key_of(&token), [0; 32]);
    });
}

#[test]
fn rotation_keeps_the_data_key_and_destroys_what_wrapped_it() {
    on_each_module(|stage| {
        stage.make_token();
        let token = Pkcs11Token::create(settings(stage)).unwrap();
        token.prepare(&name(0), 5).unwrap();
        let key = key_of(&token);
        let old = std::fs::read(settings(stage).state).unwrap();

        assert_eq!(token.rotate(8), Ok(1));
        assert_eq!(key_of(&token), key);
        assert_eq!(token.rotate(9), Ok(1));
        drop(token);

        let status = Pkcs11Token::status(&settings(stage), 0).unwrap();
        let [kept] = status.keys.as_slice() else {
            panic!("{status:?}");
        };
        assert_eq!((kept.made_at_ms, kept.kek_made_at_ms), (5, 9));
        assert_eq!(kept.name.generation, 2);
        let token = Pkcs11Token::open(settings(stage)).unwrap();
        assert_eq!(key_of(&token), key);
        drop(token);
        // What was wrapped before opens no more.
        std::fs::write(settings(stage).state, old).unwrap();
        let token = Pkcs11Token::open(settings(stage)).unwrap();
        let lost = VaultError::NoKey { epoch: 0 };
        assert_eq!(released(&token).map(drop), Err(TokenError::Vault(lost)));
    });
}

#[test]
fn a_rotation_that_was_cut_short_is_made_good() {
    on_each_module(|stage| {
        stage.make_token();
        let token = Pkcs11Token::create(settings(stage)).unwrap();
        token.prepare(&name(0), 5).unwrap();
        let key = key_of(&token);
        drop(token);
        // Cut short before the file was written: a successor that nothing is wrapped by.
        let vault = stage.open().unwrap();
        let successor = KeyName {
            generation: 1,
            ..name(0)
        };
        vault.create(&successor).unwrap();
        drop(vault);
        let token = Pkcs11Token::open(settings(stage)).unwrap();
        assert_eq!(key_of(&token), key);
        assert_eq!(token.rotate(8), Ok(1));
        assert_eq!(key_of(&token), key);
        drop(token);

        // Cut short before the old key was destroyed.
        let token = Pkcs11Token::open(settings(stage)).unwrap();
        token.rotate_until_destruction(9).unwrap();
        drop(token);
        let vault = stage.open().unwrap();
        vault
            .with_session(|session| release::find_kek(session, &successor).map(drop))
            .unwrap();
        drop(vault);
        let token = Pkcs11Token::open(settings(stage)).unwrap();
        assert_eq!(key_of(&token), key);
        drop(token);
        let vault = stage.open().unwrap();
        assert_eq!(
            vault.destroy(&successor),
            Err(VaultError::NoKey { epoch: 0 })
        );
    });
}

#[test]
fn a_key_of_another_party_is_not_unwrapped() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        let ours = vault.create(&name(0)).unwrap();
        let other = KeyName {
            party: PartyIndex::ALL[2],
            ..name(0)
        };
        let theirs = vault.create(&other).unwrap();
        let setup = setup_key(vault.mechanism().setup_kind(), 7);
        let release = |stored: &StoredKey| {
            vault
                .release(&name(0), stored, setup.public(), &context(1))
                .map(drop)
        };

        assert_eq!(release(&ours), Ok(()));
        assert_eq!(release(&theirs), Err(VaultError::StoredKey));
    });
}

#[test]
fn a_file_of_another_token_is_refused() {
    on_each_module(|stage| {
        stage.make_token();
        drop(Pkcs11Token::create(settings(stage)).unwrap());
        let status = Pkcs11Token::status(&settings(stage), 0).unwrap();
        let mut tokens = std::fs::read_dir(stage.folder.join("tokens")).unwrap();
        let expected = status.findings.token.serial;
        while let Some(Ok(entry)) = tokens.next() {
            match entry.file_type().unwrap().is_dir() {
                true => std::fs::remove_dir_all(entry.path()).unwrap(),
                false => std::fs::remove_file(entry.path()).unwrap(),
            }
        }
        stage.make_token();

        let opened = Pkcs11Token::open(settings(stage)).map(drop);

        assert_eq!(opened, Err(TokenError::OtherToken { expected }));
    });
}

fn settings(stage: &Stage) -> Pkcs11TokenSettings {
    Pkcs11TokenSettings {
        pkcs11: stage.settings(),
        mechanism: stage.mechanism(),
        identity: match stage.kind {
            Kind::SoftHsm => IdentityPlace::Token,
            Kind::Kryoptic => IdentityPlace::File,
        },
        state: stage.folder.join("state"),
        party: PartyIndex::ALL[0],
    }
}

fn key_of(token: &Pkcs11Token) -> [u8; 32] {
    released(token).unwrap()
}

fn released(token: &Pkcs11Token) -> Result<[u8; 32], TokenError> {
    let setup: SetupKey = setup_key(token.mechanism().setup_kind(), 7);
    let wrapped = token.wrap_data_key(0, setup.public(), &context(1))?;
    let key = setup.unwrap_key(&wrapped, &context(1), Floor::Sound);
    Ok(*key.unwrap())
}

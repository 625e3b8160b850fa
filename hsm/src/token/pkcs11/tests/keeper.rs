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
fn when_an_epoch_is_over_its_keys_are_gone_from_the_token_and_later_ones_stay() {
    on_each_module(|stage| {
        let keys = keys_of_three_epochs(stage);
        let token = Pkcs11Token::open(settings(stage)).unwrap();

        token.destroy_before(2).unwrap();
        token.destroy_before(1).unwrap();

        assert_eq!(token.oldest_epoch(), 2);
        for epoch in [0, 1] {
            let over = TokenError::Destroyed { epoch };
            assert_eq!(token.prepare(&name(epoch), 9), Err(over.clone()));
            assert_eq!(released_of(&token, epoch), Err(over));
        }
        assert_eq!(released_of(&token, 2), Ok(keys[2]));
        drop(token);
        assert_eq!(held(stage), [false, false, false, true]);
    });
}

#[test]
fn an_end_of_an_epoch_that_was_cut_short_is_made_good_at_the_next_start() {
    on_each_module(|stage| {
        let keys = keys_of_three_epochs(stage);
        let state = std::fs::read(settings(stage).state).unwrap();
        let token = Pkcs11Token::open(settings(stage)).unwrap();
        token.destroy_before_until_destruction(1).unwrap();
        // From the note on nothing of it is released.
        let over = Err(TokenError::Destroyed { epoch: 0 });
        assert_eq!(released_of(&token, 0), over);
        drop(token);
        assert_eq!(held(stage), [true, false, true, true]);

        let token = Pkcs11Token::open(settings(stage)).unwrap();

        assert_eq!(released_of(&token, 0), over);
        for (epoch, key) in (1..).zip(&keys[1..]) {
            assert_eq!(released_of(&token, epoch), Ok(*key));
        }
        drop(token);
        assert_eq!(held(stage), [false, false, true, true]);
        // Nor does an older file bring it back.
        std::fs::write(settings(stage).state, state).unwrap();
        let token = Pkcs11Token::open(settings(stage)).unwrap();
        let gone = TokenError::Vault(VaultError::NoKey { epoch: 0 });
        assert_eq!(released_of(&token, 0), Err(gone));
    });
}

#[test]
fn a_key_that_a_rotation_left_goes_with_its_epoch() {
    on_each_module(|stage| {
        keys_of_three_epochs(stage);
        // Cut short after a successor was made, and before the file was written.
        let vault = stage.open().unwrap();
        let successor = KeyName {
            generation: 2,
            ..name(0)
        };
        vault.create(&successor).unwrap();
        drop(vault);

        let token = Pkcs11Token::open(settings(stage)).unwrap();
        token.destroy_before(1).unwrap();
        drop(token);

        let vault = stage.open().unwrap();
        assert_eq!(vault.keys_held(), Ok(2));
        let gone = Err(VaultError::NoKey { epoch: 0 });
        assert_eq!(vault.destroy(&successor), gone);
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
                .release(
                    &name(0),
                    stored,
                    &Recipient::by_key(setup.public()),
                    &context(1),
                )
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

pub(super) fn settings(stage: &Stage) -> Pkcs11TokenSettings {
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

/// Makes a token with the keys of epochs 0, rotated once, 1 and 2, and returns the data keys.
fn keys_of_three_epochs(stage: &Stage) -> [[u8; 32]; 3] {
    stage.make_token();
    let token = Pkcs11Token::create(settings(stage)).unwrap();
    token.prepare(&name(0), 5).unwrap();
    assert_eq!(token.rotate(6), Ok(1));
    for epoch in [1, 2] {
        token.prepare(&name(epoch), 7).unwrap();
    }
    [0, 1, 2].map(|epoch| released_of(&token, epoch).unwrap())
}

/// Looks in the token for the key-encryption keys of epoch 0, of its second and first generation,
/// and of epochs 1 and 2.
fn held(stage: &Stage) -> [bool; 4] {
    let second = KeyName {
        generation: 1,
        ..name(0)
    };
    let vault = stage.open().unwrap();
    let found = [second, name(0), name(1), name(2)].map(|name| {
        let keks = vault.with_session(|session| release::keks(session, &name));
        keks.unwrap().len() == 1
    });
    let held = found.iter().filter(|found| **found).count();
    assert_eq!(vault.keys_held(), Ok(held));
    found
}

fn key_of(token: &Pkcs11Token) -> [u8; 32] {
    released(token).unwrap()
}

pub(super) fn released_of(token: &Pkcs11Token, epoch: u32) -> Result<[u8; 32], TokenError> {
    let setup: SetupKey = setup_key(token.mechanism().setup_kind(), 7);
    let context = ReleaseContext {
        epoch,
        ..context(1)
    };
    let wrapped = token.wrap_data_key(epoch, &Recipient::by_key(setup.public()), &context)?;
    let key = setup.unwrap_key(&wrapped, &context, Floor::Sound);
    Ok(*key.unwrap())
}

fn released(token: &Pkcs11Token) -> Result<[u8; 32], TokenError> {
    released_of(token, 0)
}

//! What keys may and may not do.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::types::Ulong;

use super::super::*;
use super::harness::on_each_module;
use super::{context, name, setup_key};
use boop_channel::setup::{Floor, UnwrapError};
use boop_wire::release::SetupKind;

#[test]
fn a_released_key_opens_for_its_setup_key_alone() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        let stored = vault.create(&name(0)).unwrap();
        let kind = vault.mechanism().setup_kind();
        let [setup, other] = [7, 8].map(|seed| setup_key(kind, seed));
        let release = || {
            vault.release(
                &name(0),
                &stored,
                &Recipient::by_key(setup.public()),
                &context(1),
            )
        };

        let (first, second) = (release().unwrap(), release().unwrap());

        assert_eq!(first.mechanism, vault.mechanism());
        assert_ne!(first, second);
        let key = setup.unwrap_key(&first, &context(1), Floor::Sound).unwrap();
        assert_ne!(*key, [0; 32]);
        assert_eq!(
            setup
                .unwrap_key(&second, &context(1), Floor::Sound)
                .unwrap(),
            key
        );
        let opened = other.unwrap_key(&first, &context(1), Floor::Sound);
        assert_eq!(opened, Err(UnwrapError::Wrapped));
        let mut changed = first;
        changed.ciphertext[3] ^= 1;
        let opened = setup.unwrap_key(&changed, &context(1), Floor::Sound);
        assert_eq!(opened, Err(UnwrapError::Wrapped));
    });
}

#[test]
fn every_mechanism_of_a_module_releases_the_same_key() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        let stored = vault.create(&name(0)).unwrap();
        let digest = context_digest(&context(1));
        let works =
            |mechanism: &WrapMechanism| vault.findings().has(Capability::Release(*mechanism));
        let mut keys = Vec::new();
        for mechanism in WrapMechanism::OF_TOKENS.into_iter().filter(works) {
            let setup = setup_key(mechanism.setup_kind(), 7);
            let wrapped = vault.with_session(|session| {
                let kek = release::find_kek(session, &name(0))?;
                let key = release::restore(session, kek, &stored)?;
                release::wrap_to(session, mechanism, &key, setup.public(), &digest)
            });
            let wrapped = wrapped.unwrap();

            let key = setup.unwrap_key(&wrapped, &context(1), Floor::DangerAny);
            keys.push(*key.unwrap());

            let sound = setup.unwrap_key(&wrapped, &context(1), Floor::Sound);
            let elsewhere = setup.unwrap_key(&wrapped, &context(2), Floor::DangerAny);
            match mechanism {
                WrapMechanism::Hpke
                | WrapMechanism::RsaOaepSha256
                | WrapMechanism::EcdhX963Sha256 => {
                    assert!(sound.is_ok());
                    assert_eq!(elsewhere, Err(UnwrapError::Wrapped));
                }
                // The context is in the custodian's signature alone.
                WrapMechanism::EcdhPlain | WrapMechanism::AwsKmsRecipient => {
                    assert!(sound.is_ok() && elsewhere.is_ok());
                }
                WrapMechanism::DangerRsaOaepSha1 => {
                    assert_eq!(sound, Err(UnwrapError::Dangerous(mechanism)));
                    assert!(elsewhere.is_ok());
                }
            }
        }
        assert!(keys.len() >= 2, "{}", vault.findings());
        assert!(keys.iter().all(|key| *key == keys[0]));
    });
}

#[test]
fn a_key_outlives_the_process_that_made_it() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        let stored = vault.create(&name(0)).unwrap();
        let setup = setup_key(vault.mechanism().setup_kind(), 7);
        let open = |vault: &Pkcs11Vault| {
            let wrapped = vault.release(
                &name(0),
                &stored,
                &Recipient::by_key(setup.public()),
                &context(1),
            );
            *setup
                .unwrap_key(&wrapped.unwrap(), &context(1), Floor::Sound)
                .unwrap()
        };
        let key = open(&vault);
        drop(vault);

        let vault = stage.open().unwrap();

        assert_eq!(open(&vault), key);
    });
}

#[test]
fn a_stored_key_is_of_its_own_epoch_and_whole() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        let [first, second] = [0, 1].map(|epoch| vault.create(&name(epoch)).unwrap());
        let setup = setup_key(vault.mechanism().setup_kind(), 7);
        let release = |epoch, stored: &StoredKey| {
            vault
                .release(
                    &name(epoch),
                    stored,
                    &Recipient::by_key(setup.public()),
                    &context(1),
                )
                .map(drop)
        };
        let mut damaged = first.clone();
        damaged.0[39] ^= 0x80;

        assert_eq!(release(0, &first), Ok(()));
        assert_eq!(release(1, &second), Ok(()));
        assert_eq!(release(0, &second), Err(VaultError::StoredKey));
        assert_eq!(release(0, &damaged), Err(VaultError::StoredKey));
        assert_eq!(release(2, &first), Err(VaultError::NoKey { epoch: 2 }));
    });
}

#[test]
fn a_key_encryption_key_is_made_once_and_destroyed_for_good() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        let stored = vault.create(&name(4)).unwrap();
        let setup = setup_key(vault.mechanism().setup_kind(), 7);
        let release = || {
            vault.release(
                &name(4),
                &stored,
                &Recipient::by_key(setup.public()),
                &context(1),
            )
        };
        // Another data key under the same key-encryption key; the first opens as before.
        assert_ne!(vault.create(&name(4)).as_ref(), Ok(&stored));
        release().unwrap();

        vault.destroy(&name(4)).unwrap();

        assert_eq!(release(), Err(VaultError::NoKey { epoch: 4 }));
        assert_eq!(vault.destroy(&name(4)), Err(VaultError::NoKey { epoch: 4 }));
        vault.create(&name(4)).unwrap();
        assert_eq!(release(), Err(VaultError::StoredKey));
    });
}

#[test]
fn a_setup_key_of_another_kind_is_refused() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        let stored = vault.create(&name(0)).unwrap();
        let mechanism = vault.mechanism();
        let other = match mechanism.setup_kind() {
            SetupKind::P256 => SetupKind::Rsa3072,
            SetupKind::X25519 | SetupKind::Rsa3072 => SetupKind::P256,
        };
        let setup = setup_key(other, 7);

        let released = vault.release(
            &name(0),
            &stored,
            &Recipient::by_key(setup.public()),
            &context(1),
        );

        assert_eq!(released, Err(VaultError::SetupKind(mechanism)));
    });
}

#[test]
fn a_key_encryption_key_that_could_leave_is_not_used() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        let stored = vault.create(&name(0)).unwrap();
        let setup = setup_key(vault.mechanism().setup_kind(), 7);
        let cases = [
            (Attribute::Extractable(true), "extractable"),
            (Attribute::Decrypt(true), "used to decrypt"),
        ];
        for (epoch, (weakness, attribute)) in (7_u32..).zip(cases) {
            let planted = vault.with_session(|session| {
                let template = [
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Sensitive(true),
                    Attribute::Wrap(true),
                    Attribute::Unwrap(true),
                    Attribute::Encrypt(false),
                    Attribute::ValueLen(Ulong::new(32)),
                    Attribute::Id(name(epoch).id().as_bytes().to_vec()),
                    weakness.clone(),
                ];
                let other = match weakness {
                    Attribute::Extractable(_) => Attribute::Decrypt(false),
                    _ => Attribute::Extractable(false),
                };
                let template = [&template[..], &[other]].concat();
                session.generate_key(&Mechanism::AesKeyGen, &template)?;
                Ok(())
            });
            planted.unwrap();

            let released = vault.release(
                &name(epoch),
                &stored,
                &Recipient::by_key(setup.public()),
                &context(1),
            );

            assert_eq!(released, Err(VaultError::UnsoundKey { epoch, attribute }));
        }
    });
}

#[test]
fn the_token_itself_refuses_to_show_or_loosen_keys() {
    on_each_module(|stage| {
        stage.make_token();
        let vault = stage.open().unwrap();
        vault.create(&name(0)).unwrap();

        let loosened = vault.with_session(|session| {
            let kek = release::find_kek(session, &name(0))?;
            for loose in [Attribute::Extractable(true), Attribute::Sensitive(false)] {
                assert!(session.update_attributes(kek, &[loose]).is_err());
            }
            Ok(())
        });

        assert_eq!(loosened, Ok(()));
    });
}

//! Backup and recovery from one token into another.

mod scene;
mod serving;

use boop_wire::{NetworkId, PartyIndex};

use super::harness::on_each_module;
use super::keeper::released_of;
use super::name;
use crate::backup::{
    BACKUP_PURPOSE, BackupError, KEY_PURPOSE, LEASE_MARGIN, RestoreError, RestorePlan, Share,
    ShareError, SignedError, restore, sign,
};
use crate::register::Register;
use crate::token::{FileToken, Pkcs11Token, Pkcs11TokenSettings, Token, TokenError};
use scene::{HIGHEST_LEASE, MADE_AT_MS, Scene, anchor, deal, released, step};

#[test]
fn three_shares_bring_every_key_and_the_register_into_an_empty_token() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);

        let restored = scene.restore(&scene.shares[1..4]).unwrap();

        let keys = restored.brought_in.keys;
        let epochs: Vec<_> = keys.iter().map(|key| key.epoch).collect();
        assert_eq!(epochs, [0, 1]);
        for key in &keys {
            assert_eq!(restored.token.check(&name(key.epoch)), Ok(key.check));
        }
        assert_eq!(released(&restored.token), scene.keys);
        assert_ne!(restored.token.public_key(), scene.custodian);
        assert_eq!(restored.token.oldest_epoch(), 0);
        drop(restored.token);
        // All of it is on disk.
        let status = Pkcs11Token::status(&scene.spare(), 0).unwrap();
        let facts: Vec<_> = status.keys.iter().map(|k| (k.name, k.made_at_ms)).collect();
        assert_eq!(facts, [0, 1].map(|epoch| (name(epoch), MADE_AT_MS)));
        let token = Pkcs11Token::open(scene.spare()).unwrap();
        assert_eq!(released(&token), scene.keys);
        let lease = HIGHEST_LEASE + LEASE_MARGIN;
        assert_eq!(token.raise_lease(0), Ok(lease + 1));
        let register = Register::open(&scene.second_register).unwrap();
        let on_record = [0, 1].map(|epoch| register.newest(epoch).unwrap());
        assert_eq!(on_record, [(lease, Some(anchor())), (lease, None)]);
    });
}

#[test]
fn a_backup_says_what_would_be_lost() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let loss = |now: &Register| {
            let loss = scene.backup.loss(now);
            (loss.epochs, loss.records, loss.heads_not_guarded)
        };
        assert_eq!(loss(&scene.register), (vec![], 0, 0));

        scene.register.advance(&step(0, 5, Some(12), 15)).unwrap();
        scene.register.lease(2, 6, [4; 32]).unwrap();
        scene.register.advance(&step(2, 6, None, 7)).unwrap();

        assert_eq!(loss(&scene.register), (vec![2], 7, 3));
    });
}

#[test]
fn a_key_of_an_epoch_that_is_over_is_in_no_new_backup() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let token = Pkcs11Token::open(scene.old()).unwrap();
        token.destroy_before(1).unwrap();
        let (backup, file) = scene.make(&token).make().unwrap();
        drop(token);
        let epochs = |keys: &[crate::backup::BackedUpKey]| -> Vec<_> {
            keys.iter().map(|key| key.epoch).collect()
        };
        assert_eq!(epochs(&backup.keys), [1]);
        // The older one has it still, and so must be destroyed.
        assert_eq!(epochs(&scene.backup.keys), [0, 1]);

        let spare = scene.spare();
        let plan = scene.plan(&spare, &scene.shares);
        let restored = restore(&RestorePlan {
            file: &file,
            ..plan
        });

        let token = restored.unwrap().token;
        assert_eq!(token.oldest_epoch(), 1);
        let over = Err(TokenError::Destroyed { epoch: 0 });
        assert_eq!(token.prepare(&name(0), 9), over);
        assert_eq!(released_of(&token, 0), over.map(|()| [0; 32]));
        assert_eq!(released_of(&token, 1), Ok(scene.keys[1]));
    });
}

#[test]
fn nothing_is_restored_from_shares_that_are_not_enough() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let other = deal(9).shares;
        let mut wrong = scene.shares[..3].to_vec();
        wrong[2].number = 5;

        let refused = |shares: &[Share]| scene.restore(shares).unwrap_err();

        let error = RestoreError::Shares(ShareError::TooFew { found: 2 });
        assert_eq!(refused(&scene.shares[3..]), error);
        let error = RestoreError::Shares(ShareError::Wrong { number: 5 });
        assert_eq!(refused(&wrong), error);
        let error = RestoreError::Shares(ShareError::OtherKey { number: 1 });
        assert_eq!(refused(&other), error);
        scene.assert_nothing_came();
    });
}

#[test]
fn a_token_that_holds_keys_or_has_a_file_and_a_register_that_is_there_are_left_alone() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let into = |settings: &Pkcs11TokenSettings| {
            let error = restore(&scene.plan(settings, &scene.shares)).unwrap_err();
            assert!(!scene.second_register.exists());
            error
        };

        let exists = RestoreError::Token(TokenError::Exists);
        assert_eq!(into(&scene.old()), exists);
        let full = Pkcs11TokenSettings {
            state: stage.folder.join("state-3"),
            ..scene.old()
        };
        let not_empty = RestoreError::Token(TokenError::NotEmpty { keys: 3 });
        assert_eq!(into(&full), not_empty);
        assert!(!full.state.exists());

        drop(Register::open(&scene.second_register).unwrap());
        let register = Register::open(&scene.second_register).unwrap();
        register.lease(0, 1, [4; 32]).unwrap();
        let error = scene.restore(&scene.shares).unwrap_err();
        assert_eq!(error, RestoreError::RegisterExists);
    });
}

#[test]
fn a_changed_file_or_one_of_others_is_refused() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let spare = scene.spare();
        for at in (0..scene.file.len()).step_by(37) {
            let mut file = scene.file.clone();
            file[at] ^= 1;
            let plan = RestorePlan {
                file: &file,
                ..scene.plan(&spare, &scene.shares)
            };
            let error = restore(&plan).unwrap_err();
            assert!(
                matches!(error, RestoreError::File(_)),
                "byte {at}: {error:?}"
            );
        }
        let mut plan = scene.plan(&spare, &scene.shares);
        plan.custodian = [7; 32];
        let found = hex::encode(scene.custodian);
        let error = RestoreError::File(SignedError::OtherSigner { found });
        assert_eq!(restore(&plan).unwrap_err(), error);
        let mut other = scene.spare();
        other.party = PartyIndex::ALL[2];
        let found = PartyIndex::ALL[0];
        let error = restore(&scene.plan(&other, &scene.shares)).unwrap_err();
        assert_eq!(error, RestoreError::OtherParty { found });
        let mut plan = scene.plan(&spare, &scene.shares);
        plan.network = NetworkId::new([9; 32]);
        assert_eq!(restore(&plan).unwrap_err(), RestoreError::OtherNetwork);
        // The record of the backup key is no backup, though the same custodian signed it.
        let plan = RestorePlan {
            file: &scene.key_file,
            ..scene.plan(&spare, &scene.shares)
        };
        let error = restore(&plan).unwrap_err();
        assert_eq!(error, RestoreError::File(SignedError::Altered));
        scene.assert_nothing_came();
    });
}

#[test]
fn another_key_than_was_backed_up_is_noticed_and_taken_back() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let mut checks_exchanged = scene.backup.clone();
        let check = checks_exchanged.keys[0].check;
        checks_exchanged.keys[0].check = checks_exchanged.keys[1].check;
        let mut later_check = scene.backup.clone();
        later_check.keys[1].check = check;
        let mut epochs_exchanged = scene.backup.clone();
        epochs_exchanged.keys.swap(0, 1);
        epochs_exchanged.keys[0].epoch = 0;
        epochs_exchanged.keys[1].epoch = 1;
        for (backup, epoch) in [
            (checks_exchanged, 0),
            (later_check, 1),
            (epochs_exchanged, 0),
        ] {
            let signer = Pkcs11Token::open(scene.old()).unwrap();
            let file = sign(BACKUP_PURPOSE, &backup, &signer).unwrap();
            drop(signer);
            let spare = scene.spare();
            let plan = RestorePlan {
                file: &file,
                ..scene.plan(&spare, &scene.shares)
            };
            let error = RestoreError::KeyCheck { epoch };
            assert_eq!(restore(&plan).unwrap_err(), error);
        }
        scene.assert_nothing_came();
    });
}

#[test]
fn a_backup_is_made_to_a_key_of_the_ceremony_alone() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let stranger = FileToken::create(&stage.folder.join("stranger")).unwrap();
        let token = Pkcs11Token::open(scene.old()).unwrap();
        let make = |key_file: &[u8], network: NetworkId| {
            let mut make = scene.make(&token);
            (make.key_file, make.network) = (key_file, network);
            make.make().unwrap_err()
        };
        let ours = name(0).network;
        let dealt = deal(9);

        let foreign = sign(KEY_PURPOSE, &dealt.key, &stranger).unwrap();
        let found = hex::encode(stranger.public_key());
        let error = BackupError::Key(SignedError::OtherSigner { found });
        assert_eq!(make(&foreign, ours), error);
        let other_purpose = sign(BACKUP_PURPOSE, &dealt.key, &token).unwrap();
        let error = BackupError::Key(SignedError::Altered);
        assert_eq!(make(&other_purpose, ours), error);
        let other = NetworkId::new([9; 32]);
        assert_eq!(make(&scene.key_file, other), BackupError::OtherNetwork);
        let of = |network, party| {
            let mut key = dealt.key.clone();
            (key.network, key.party) = (network, party);
            sign(KEY_PURPOSE, &key, &token).unwrap()
        };
        let found = PartyIndex::ALL[1];
        let error = BackupError::OtherParty { found };
        assert_eq!(make(&of(ours, found), ours), error);
        // A network of which the token has no key.
        let party = name(0).party;
        assert_eq!(make(&of(other, party), other), BackupError::Nothing);
    });
}

//! Backup and recovery from one token into another.

use std::path::PathBuf;

use boop_wire::release::{Anchor, AnchorMove};
use boop_wire::{Digest, NetworkId, PartyIndex};

use super::super::*;
use super::harness::{Stage, on_each_module};
use super::{context, name, setup_key};
use crate::backup::{
    BACKUP_PURPOSE, Backup, BackupError, BackupKey, Dealing, Identity, KEY_PURPOSE, LEASE_MARGIN,
    MakeBackup, Recipient, RestoreError, RestorePlan, Restored, Share, ShareError, SignedError,
    restore, sign,
};
use crate::register::Register;
use crate::token::{FileToken, Token};
use boop_channel::setup::Floor;

const SPARE: &str = "boop spare";

#[test]
fn three_shares_bring_every_key_and_the_register_into_an_empty_token() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let released = scene.with_vault(&stage.settings(), |vault| {
            scene.release(vault, &scene.stored)
        });

        let restored = scene.restore(&scene.shares[1..4]).unwrap();

        let epochs: Vec<_> = restored.keys.iter().map(|key| key.epoch).collect();
        assert_eq!(epochs, [0, 1]);
        let stored: Vec<_> = restored.keys.iter().map(|k| (k.epoch, k.stored)).collect();
        assert_ne!(stored, scene.stored);
        let again = scene.with_vault(&scene.spare(), |vault| {
            for key in &restored.keys {
                assert_eq!(vault.check(&name(key.epoch), &key.stored), Ok(key.check));
            }
            scene.release(vault, &stored)
        });
        assert_eq!(again, released);
        let leases = restored.register.snapshot();
        let leases: Vec<_> = leases.values().map(|e| (e.lease, e.anchor)).collect();
        assert_eq!(
            leases,
            [(5 + LEASE_MARGIN, Some(anchor())), (1 + LEASE_MARGIN, None)]
        );
        assert!(scene.second_register.exists());
        let loss = |now: &Register| {
            let loss = scene.backup.loss(now);
            (loss.epochs, loss.records, loss.heads_not_guarded)
        };
        assert_eq!(loss(&scene.register), (vec![], 0, 0));
        scene.register.advance(&step(0, 5, Some(12), 15)).unwrap();
        scene.register.lease(2, 1, [4; 32]).unwrap();
        scene.register.advance(&step(2, 1, None, 7)).unwrap();
        assert_eq!(loss(&scene.register), (vec![2], 7, 3));
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
fn a_token_that_holds_keys_and_a_register_that_is_there_are_left_alone() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);

        let error = scene.with_vault(&stage.settings(), |vault| {
            scene.restore_into(vault).unwrap_err()
        });
        assert_eq!(error, RestoreError::NotEmpty { keys: 2 });

        std::fs::write(&scene.second_register, b"").unwrap();
        let error = scene.restore(&scene.shares).unwrap_err();
        assert_eq!(error, RestoreError::RegisterExists);
    });
}

#[test]
fn a_changed_file_or_one_of_others_is_refused() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        scene.with_vault(&scene.spare(), |vault| {
            for at in (0..scene.file.len()).step_by(37) {
                let mut file = scene.file.clone();
                file[at] ^= 1;
                let plan = RestorePlan {
                    file: &file,
                    ..scene.plan(vault, &scene.shares)
                };
                let error = restore(&plan).unwrap_err();
                assert!(
                    matches!(error, RestoreError::File(_)),
                    "byte {at}: {error:?}"
                );
            }
            let mut plan = scene.plan(vault, &scene.shares);
            plan.custodian = [7; 32];
            let found = hex::encode(scene.signer.public_key());
            let error = RestoreError::File(SignedError::OtherSigner { found });
            assert_eq!(restore(&plan).unwrap_err(), error);
            let mut plan = scene.plan(vault, &scene.shares);
            plan.party = PartyIndex::ALL[2];
            let found = PartyIndex::ALL[0];
            assert_eq!(
                restore(&plan).unwrap_err(),
                RestoreError::OtherParty { found }
            );
            let mut plan = scene.plan(vault, &scene.shares);
            plan.network = NetworkId::new([9; 32]);
            assert_eq!(restore(&plan).unwrap_err(), RestoreError::OtherNetwork);
            // The record of the backup key is no backup, though the same custodian signed it.
            let plan = RestorePlan {
                file: &scene.key_file,
                ..scene.plan(vault, &scene.shares)
            };
            let error = restore(&plan).unwrap_err();
            assert_eq!(error, RestoreError::File(SignedError::Altered));
        });
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
        scene.with_vault(&scene.spare(), |vault| {
            for (backup, epoch) in [
                (checks_exchanged, 0),
                (later_check, 1),
                (epochs_exchanged, 0),
            ] {
                let file = sign(BACKUP_PURPOSE, &backup, &scene.signer).unwrap();
                let plan = RestorePlan {
                    file: &file,
                    ..scene.plan(vault, &scene.shares)
                };
                assert_eq!(
                    restore(&plan).unwrap_err(),
                    RestoreError::KeyCheck { epoch }
                );
            }
        });
        scene.assert_nothing_came();
    });
}

#[test]
fn a_backup_is_made_to_a_key_of_the_ceremony_alone() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let stranger = FileToken::create(&stage.folder.join("stranger")).unwrap();
        let dealt = deal(9);
        let foreign = sign(KEY_PURPOSE, &dealt.key, &stranger).unwrap();
        let other_purpose = sign(BACKUP_PURPOSE, &dealt.key, &scene.signer).unwrap();
        scene.with_vault(&stage.settings(), |vault| {
            let refused = |change: &dyn Fn(&mut MakeBackup<'_>)| {
                let mut make = scene.make(vault);
                change(&mut make);
                make.make(&scene.signer).unwrap_err()
            };
            let stored = scene.stored.clone();
            let make = |key_file: &[u8]| {
                MakeBackup {
                    key_file,
                    stored: &stored,
                    ..scene.make(vault)
                }
                .make(&scene.signer)
                .unwrap_err()
            };
            let found = hex::encode(stranger.public_key());
            assert_eq!(
                make(&foreign),
                BackupError::Key(SignedError::OtherSigner { found })
            );
            assert_eq!(make(&other_purpose), BackupError::Key(SignedError::Altered));
            let network = NetworkId::new([9; 32]);
            assert_eq!(
                refused(&|make| make.network = network),
                BackupError::OtherNetwork
            );
            let found = PartyIndex::ALL[0];
            let party = PartyIndex::ALL[1];
            assert_eq!(
                refused(&|make| make.party = party),
                BackupError::OtherParty { found }
            );
            assert_eq!(refused(&|make| make.stored = &[]), BackupError::Nothing);
            let missing = [(7, scene.stored[0].1)];
            let make = MakeBackup {
                stored: &missing,
                ..scene.make(vault)
            };
            let error = BackupError::Vault(VaultError::NoKey { epoch: 7 });
            assert_eq!(make.make(&scene.signer).unwrap_err(), error);
        });
    });
}

/// A token with two epochs, its backup, and an empty token.
struct Scene<'a> {
    stage: &'a Stage,
    signer: FileToken,
    shares: Vec<Share>,
    key_file: Vec<u8>,
    register: Register,
    stored: Vec<(u32, StoredKey)>,
    backup: Backup,
    file: Vec<u8>,
    second_register: PathBuf,
}

impl<'a> Scene<'a> {
    fn new(stage: &'a Stage) -> Self {
        stage.make_token();
        stage.make_token_labelled(SPARE);
        let signer = FileToken::create(&stage.folder.join("identity")).unwrap();
        let register = Register::open(&stage.folder.join("register-1")).unwrap();
        register.lease(0, 5, [4; 32]).unwrap();
        register.lease(1, 1, [4; 32]).unwrap();
        register.advance(&step(0, 5, None, 12)).unwrap();
        let vault = stage.open().unwrap();
        let stored = [0, 1].map(|epoch| (epoch, vault.create(&name(epoch)).unwrap()));
        let Dealing { key, shares } = deal(1);
        let key_file = sign(KEY_PURPOSE, &key, &signer).unwrap();
        let make = MakeBackup {
            key_file: &key_file,
            network: name(0).network,
            party: name(0).party,
            vault: &vault,
            stored: &stored,
            register: &register,
            now_ms: 1,
        };
        let (backup, file) = make.make(&signer).unwrap();
        let reopened = Backup::open(&file, &signer.public_key());
        assert_eq!(reopened, Ok(backup.clone()));
        Self {
            stage,
            signer,
            shares,
            key_file,
            register,
            stored: stored.to_vec(),
            backup,
            file,
            second_register: stage.folder.join("register-2"),
        }
    }

    fn make<'b>(&'b self, vault: &'b Pkcs11Vault) -> MakeBackup<'b> {
        MakeBackup {
            key_file: &self.key_file,
            network: name(0).network,
            party: name(0).party,
            vault,
            stored: &self.stored,
            register: &self.register,
            now_ms: 1,
        }
    }

    fn spare(&self) -> Pkcs11Settings {
        Pkcs11Settings {
            label: String::from(SPARE),
            ..self.stage.settings()
        }
    }

    /// A module belongs to one vault at a time.
    fn with_vault<R>(&self, settings: &Pkcs11Settings, body: impl FnOnce(&Pkcs11Vault) -> R) -> R {
        body(&Pkcs11Vault::open(settings.clone(), self.stage.mechanism()).unwrap())
    }

    fn plan<'b>(&'b self, vault: &'b Pkcs11Vault, shares: &'b [Share]) -> RestorePlan<'b> {
        RestorePlan {
            file: &self.file,
            custodian: self.signer.public_key(),
            network: name(0).network,
            party: name(0).party,
            shares,
            vault,
            register: &self.second_register,
        }
    }

    fn restore(&self, shares: &[Share]) -> Result<Restored, RestoreError> {
        self.with_vault(&self.spare(), |vault| restore(&self.plan(vault, shares)))
    }

    fn restore_into(&self, vault: &Pkcs11Vault) -> Result<Restored, RestoreError> {
        restore(&self.plan(vault, &self.shares))
    }

    fn assert_nothing_came(&self) {
        let held = self.with_vault(&self.spare(), |vault| vault.keys_held());
        assert_eq!(held, Ok(0));
        assert!(!self.second_register.exists());
        assert!(self.restore(&self.shares).is_ok());
    }

    /// Returns the keys as an enclave gets them.
    fn release(&self, vault: &Pkcs11Vault, stored: &[(u32, StoredKey)]) -> Vec<[u8; 32]> {
        let setup = setup_key(vault.mechanism().setup_kind(), 7);
        let release = |(epoch, stored): &(u32, StoredKey)| {
            let wrapped = vault.release(&name(*epoch), stored, setup.public(), &context(1));
            let key = setup.unwrap_key(&wrapped.unwrap(), &context(1), Floor::Sound);
            *key.unwrap()
        };
        stored.iter().map(release).collect()
    }
}

fn deal(seed: u8) -> Dealing {
    let holders: Vec<Recipient> = (1..=5)
        .map(|holder| Identity::from_seed([holder; 32]).recipient())
        .collect();
    BackupKey::deal(name(0).network, name(0).party, &holders, [seed; 32]).unwrap()
}

fn anchor() -> Anchor {
    anchor_at(12)
}

fn anchor_at(version: u64) -> Anchor {
    Anchor {
        version,
        root: Digest::new([6; 32]),
    }
}

fn step(epoch: u32, lease: u64, from: Option<u64>, to: u64) -> AnchorMove {
    AnchorMove {
        network: name(0).network,
        party: name(0).party,
        epoch,
        lease,
        from: from.map(anchor_at),
        to: anchor_at(to),
    }
}

//! A token with keys of two epochs, its backup, and an empty token.

use std::path::PathBuf;

use boop_wire::release::{Anchor, AnchorMove};
use boop_wire::{Digest, NetworkId};

use super::super::super::*;
use super::super::harness::Stage;
use super::super::keeper::{released_of, settings};
use super::super::name;
use crate::backup::{
    Backup, BackupKey, Dealing, Identity, KEY_PURPOSE, MakeBackup, Recipient, RestoreError,
    RestorePlan, Restored, Share, restore, sign,
};
use crate::register::Register;
use crate::token::{Pkcs11Token, Pkcs11TokenSettings, Token};

const SPARE: &str = "boop spare";
/// When the data keys were made.
pub(super) const MADE_AT_MS: u64 = 5;
/// The last lease that the old token gave out; the register knows of an earlier one.
pub(super) const HIGHEST_LEASE: u64 = 7;

pub(super) struct Scene<'a> {
    pub(super) stage: &'a Stage,
    pub(super) custodian: [u8; 32],
    pub(super) shares: Vec<Share>,
    pub(super) key_file: Vec<u8>,
    pub(super) register: Register,
    /// The data keys of epochs 0 and 1, as an enclave gets them.
    pub(super) keys: Vec<[u8; 32]>,
    pub(super) backup: Backup,
    pub(super) file: Vec<u8>,
    pub(super) second_register: PathBuf,
}

impl<'a> Scene<'a> {
    pub(super) fn new(stage: &'a Stage) -> Self {
        stage.make_token();
        stage.make_token_labelled(SPARE);
        let register = Register::open(&stage.folder.join("register-1")).unwrap();
        register.lease(0, 5, [4; 32]).unwrap();
        register.lease(1, 6, [4; 32]).unwrap();
        register.advance(&step(0, 5, None, 12)).unwrap();
        let token = Pkcs11Token::create(settings(stage)).unwrap();
        token.prepare(&name(0), MADE_AT_MS).unwrap();
        // Epochs whose key-encryption keys are of different generations, and another network.
        assert_eq!(token.rotate(6), Ok(1));
        let mut elsewhere = name(0);
        elsewhere.network = NetworkId::new([2; 32]);
        for name in [name(1), elsewhere] {
            token.prepare(&name, MADE_AT_MS).unwrap();
        }
        let leases = (0..HIGHEST_LEASE).map(|_| token.raise_lease(0).unwrap());
        assert_eq!(leases.last(), Some(HIGHEST_LEASE));
        let Dealing { key, shares } = deal(1);
        let key_file = sign(KEY_PURPOSE, &key, &token).unwrap();
        let make = MakeBackup {
            key_file: &key_file,
            network: name(0).network,
            token: &token,
            register: &register,
            now_ms: 8,
        };
        let (backup, file) = make.make().unwrap();
        let reopened = Backup::open(&file, &token.public_key());
        assert_eq!(reopened, Ok(backup.clone()));
        let mut scene = Self {
            stage,
            custodian: token.public_key(),
            shares,
            key_file,
            register,
            keys: Vec::new(),
            backup,
            file,
            second_register: stage.folder.join("register-2"),
        };
        scene.keys = released(&token);
        scene
    }

    pub(super) fn make<'b>(&'b self, token: &'b Pkcs11Token) -> MakeBackup<'b> {
        MakeBackup {
            key_file: &self.key_file,
            network: name(0).network,
            token,
            register: &self.register,
            now_ms: 8,
        }
    }

    pub(super) fn old(&self) -> Pkcs11TokenSettings {
        settings(self.stage)
    }

    pub(super) fn spare(&self) -> Pkcs11TokenSettings {
        let mut spare = self.old();
        spare.pkcs11.label = String::from(SPARE);
        spare.state = self.stage.folder.join("state-2");
        spare
    }

    pub(super) fn plan<'b>(
        &'b self,
        token: &'b Pkcs11TokenSettings,
        shares: &'b [Share],
    ) -> RestorePlan<'b> {
        RestorePlan {
            file: &self.file,
            custodian: self.custodian,
            network: name(0).network,
            shares,
            token,
            lease_epoch: 0,
            register: &self.second_register,
            now_ms: 9,
        }
    }

    pub(super) fn restore(&self, shares: &[Share]) -> Result<Restored, RestoreError> {
        restore(&self.plan(&self.spare(), shares))
    }

    pub(super) fn assert_nothing_came(&self) {
        let spare = self.spare();
        let vault = Pkcs11Vault::open(spare.pkcs11, spare.mechanism).unwrap();
        assert_eq!(vault.keys_held(), Ok(0));
        drop(vault);
        assert!(!self.second_register.exists() && !spare.state.exists());
        assert!(self.restore(&self.shares).is_ok());
    }
}

/// Returns the keys of epochs 0 and 1 as an enclave gets them.
pub(super) fn released(token: &Pkcs11Token) -> Vec<[u8; 32]> {
    [0, 1]
        .map(|epoch| released_of(token, epoch).unwrap())
        .into()
}

pub(super) fn deal(seed: u8) -> Dealing {
    deal_in(name(0).network, seed)
}

pub(super) fn deal_in(network: NetworkId, seed: u8) -> Dealing {
    let holders: Vec<Recipient> = (1..=5)
        .map(|holder| Identity::from_seed([holder; 32]).recipient())
        .collect();
    BackupKey::deal(network, name(0).party, &holders, [seed; 32]).unwrap()
}

pub(super) fn anchor() -> Anchor {
    anchor_at(12)
}

fn anchor_at(version: u64) -> Anchor {
    Anchor {
        version,
        root: Digest::new([6; 32]),
    }
}

pub(super) fn step(epoch: u32, lease: u64, from: Option<u64>, to: u64) -> AnchorMove {
    AnchorMove {
        network: name(0).network,
        party: name(0).party,
        epoch,
        lease,
        from: from.map(anchor_at),
        to: anchor_at(to),
    }
}

//! A custodian that comes back from a backup serves again, and one that came back by half does
//! not.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use boop_channel::setup::{Floor, SetupKey, WrappedKey};
use boop_channel::verify_signature;
use boop_daemon::LiveTrust;
use boop_wire::codec::{plain_digest, to_canonical};
use boop_wire::manifest::Manifest;
use boop_wire::release::{
    Anchor, AnchorMove, ReleaseAnswer, ReleaseContext, ReleaseRequest, SignedAnchor,
};
use boop_wire::session::Signature;
use boop_wire::{Digest, Refusal};
use ed25519_dalek::{Signer, SigningKey};

use super::super::super::*;
use super::super::harness::on_each_module;
use super::super::keeper::settings;
use super::super::{name, setup_key};
use super::scene::{HIGHEST_LEASE, Scene, deal_in, released};
use crate::backup::{
    KEY_PURPOSE, LEASE_MARGIN, MakeBackup, RestorePlan, restore, restore_until_it_serves, sign,
};
use crate::testing::{NOW_MS, binding, manifest, trust_in};
use crate::token::{Pkcs11Token, RestoringToken, Token, TokenError};
use crate::{Audit, Conversation, Custody, CustodySettings, Records, Register};

#[test]
fn a_restored_custodian_releases_the_same_key_under_a_lease_above_every_earlier_one() {
    on_each_module(|stage| {
        stage.make_token();
        stage.make_token_labelled("boop spare");
        let register = |number: u8| stage.folder.join(format!("register-{number}"));
        let old = settings(stage);
        let mut spare = settings(stage);
        spare.pkcs11.label = String::from("boop spare");
        spare.state = stage.folder.join("state-2");
        let setup = setup_key(stage.mechanism().setup_kind(), 7);
        let token = Pkcs11Token::create(old.clone()).unwrap();
        let first = manifest(token.party(), token.public_key());
        let custodian = token.public_key();
        let custody = serve(token, &first, &register(1));
        let before = [(); 3].map(|()| grant(&custody, &first, &setup));
        let anchored = advance(&custody, &before[2].1, None, 3);
        assert!(matches!(anchored, ReleaseAnswer::Anchored { .. }));
        drop(custody);
        // The backup.
        let network = trust_in(&first).manifest().network();
        let dealing = deal_in(network, 1);
        let token = Pkcs11Token::open(old).unwrap();
        let make = MakeBackup {
            key_file: &sign(KEY_PURPOSE, &dealing.key, &token).unwrap(),
            network,
            token: &token,
            register: &Register::open(&register(1)).unwrap(),
            now_ms: NOW_MS,
        };
        let (_, file) = make.make().unwrap();
        drop(token);
        // What was given out since is not in it.
        let custody = serve(
            Pkcs11Token::open(settings(stage)).unwrap(),
            &first,
            &register(1),
        );
        let later = grant(&custody, &first, &setup);
        drop(custody);

        let restored = restore(&RestorePlan {
            file: &file,
            custodian,
            network,
            shares: &dealing.shares[..3],
            token: &spare,
            lease_epoch: 0,
            register: &register(2),
            now_ms: NOW_MS,
        });
        drop(restored.unwrap());
        let token = Pkcs11Token::open(spare).unwrap();
        let next = Manifest {
            version: 2,
            previous: Some(trust_in(&first).manifest().digest()),
            network: Some(network),
            ..manifest(token.party(), token.public_key())
        };
        let custody = serve(token, &next, &register(2));
        // Nobody who has an earlier lease puts a head on record.
        let fenced = advance(&custody, &later.1, later.1.anchor, 4);
        let refusal = Refusal::Stale;
        assert_eq!(fenced, ReleaseAnswer::Refused { refusal });
        let after = grant(&custody, &next, &setup);

        assert_eq!(after.0, before[0].0);
        assert_eq!(after.1.lease, before[2].1.lease + LEASE_MARGIN + 1);
        assert!(after.1.lease > later.1.lease);
        assert_eq!(after.1.anchor, Some(head(3)));
        let anchored = advance(&custody, &after.1, after.1.anchor, 4);
        assert!(matches!(anchored, ReleaseAnswer::Anchored { .. }));
    });
}

#[test]
fn a_restore_that_was_cut_short_serves_nobody_and_is_run_again() {
    on_each_module(|stage| {
        let scene = Scene::new(stage);
        let spare = scene.spare();
        let assert_of_no_use = || {
            let refused = Err(TokenError::Restoring);
            assert_eq!(Pkcs11Token::open(spare.clone()).map(drop), refused);
            assert_eq!(Pkcs11Token::status(&spare, 0).map(drop), refused);
            let made = Pkcs11Token::create(spare.clone()).map(drop);
            assert_eq!(made, Err(TokenError::Exists));
        };
        let names = || [0, 1].map(name).to_vec();
        let counter = (0, 1);

        // After the first key.
        drop(RestoringToken::begin(spare.clone(), names(), counter, 0).unwrap());
        let vault = Pkcs11Vault::open(spare.pkcs11.clone(), spare.mechanism).unwrap();
        vault.create(&name(0)).unwrap();
        drop(vault);
        assert_of_no_use();
        // Before the last step, twice.
        for _ in 0..2 {
            let plan = scene.plan(&spare, &scene.shares);
            let (token, _) = restore_until_it_serves(&plan).unwrap();
            drop(token);
            assert!(scene.second_register.exists());
            assert_of_no_use();
        }

        let restored = scene.restore(&scene.shares).unwrap();
        assert_eq!(released(&restored.token), scene.keys);
        let lease = HIGHEST_LEASE + LEASE_MARGIN + 1;
        assert_eq!(restored.token.raise_lease(0), Ok(lease));
        drop(restored);
        // What serves is never begun anew.
        let again = RestoringToken::begin(spare.clone(), names(), counter, 0).map(drop);
        assert_eq!(again, Err(TokenError::Exists));
    });
}

fn serve(token: Pkcs11Token, manifest: &Manifest, register: &Path) -> Arc<Custody> {
    let settings = CustodySettings {
        party: token.party(),
        epoch: 0,
        releases_per_minute: NonZeroU32::new(30).unwrap(),
    };
    let folder = tempfile::tempdir().unwrap();
    let records = Records {
        audit: Audit::open(&folder.path().join("audit")).unwrap(),
        register: Register::open(register).unwrap(),
        ledger: None,
    };
    Custody::new(
        settings,
        LiveTrust::fixed(trust_in(manifest)),
        Box::new(token),
        records,
    )
    .unwrap()
}

/// Releases the key to an enclave, and returns it with its context.
fn grant(custody: &Custody, manifest: &Manifest, setup: &SetupKey) -> ([u8; 32], ReleaseContext) {
    let public = setup.public().as_bytes();
    let mut bound = binding(&trust_in(manifest));
    bound.keys.setup = Some(plain_digest(public));
    bound.keys.identity = instance().verifying_key().to_bytes();
    let released = custody.grant(&bound, (public, &[]), 0, NOW_MS).unwrap();
    let entry = manifest.party(released.context.party).unwrap();
    let signed = released.signed_bytes();
    assert!(verify_signature(
        &entry.custodian,
        &signed,
        &released.signature
    ));
    let wrapped = WrappedKey {
        mechanism: released.mechanism,
        ephemeral: released.enc,
        ciphertext: released.ciphertext,
    };
    let key = setup.unwrap_key(&wrapped, &released.context, Floor::Sound);
    (*key.unwrap(), released.context)
}

/// Asks for a head to be put on record.
fn advance(
    custody: &Arc<Custody>,
    of: &ReleaseContext,
    from: Option<Anchor>,
    to: u8,
) -> ReleaseAnswer {
    let what = AnchorMove {
        network: of.network,
        party: of.party,
        epoch: of.epoch,
        lease: of.lease,
        from,
        to: head(to),
    };
    let signature = instance().sign(&what.asked_bytes()).to_bytes();
    let signature = Signature(signature);
    let request = ReleaseRequest::Anchor(SignedAnchor { what, signature });
    let mut conversation = Conversation::new(Arc::clone(custody));
    conversation.handle(&to_canonical(&request), [0x5a; 32], NOW_MS)
}

fn head(version: u8) -> Anchor {
    Anchor {
        version: version.into(),
        root: Digest::new([version; 32]),
    }
}

fn instance() -> SigningKey {
    SigningKey::from_bytes(&[8; 32])
}

//! Real tokens in software, SoftHSM2 and kryoptic, and everything that can go wrong with them.

mod approver;
mod backup;
mod canary;
mod harness;
mod keeper;
mod keys;
mod login;

use boop_wire::{InstanceId, NetworkId, PartyIndex};

use super::*;
use boop_channel::setup::SetupKey;
use boop_wire::release::SetupKind;
use harness::{Kind, on_each_module};

#[test]
fn the_probe_finds_what_each_module_can() {
    on_each_module(|stage| {
        stage.make_token();

        let findings = Pkcs11Vault::probe(&stage.settings()).unwrap();

        println!("{findings}");
        let can = |mechanism| findings.has(Capability::Release(mechanism));
        let (oaep, kdf) = match stage.kind {
            Kind::SoftHsm => (false, false),
            Kind::Kryoptic => (true, true),
        };
        assert_eq!(can(WrapMechanism::RsaOaepSha256), oaep);
        assert_eq!(can(WrapMechanism::EcdhX963Sha256), kdf);
        assert!(can(WrapMechanism::EcdhPlain));
        assert!(can(WrapMechanism::DangerRsaOaepSha1));
        let signs = findings.has(Capability::Ed25519);
        assert_eq!(signs, stage.kind == Kind::SoftHsm);
    });
}

#[test]
fn the_mechanism_that_was_named_is_used_or_none() {
    on_each_module(|stage| {
        stage.make_token();
        let mut settings = stage.settings();
        let open = |settings: &Pkcs11Settings, mechanism| {
            Pkcs11Vault::open(settings.clone(), mechanism).map(|vault| vault.mechanism())
        };
        for mechanism in [stage.mechanism(), WrapMechanism::EcdhPlain] {
            assert_eq!(open(&settings, mechanism), Ok(mechanism));
        }
        if stage.kind == Kind::SoftHsm {
            for mechanism in [WrapMechanism::RsaOaepSha256, WrapMechanism::EcdhX963Sha256] {
                let missing = Capability::Release(mechanism);
                assert_eq!(
                    open(&settings, mechanism),
                    Err(VaultError::NotOffered(missing))
                );
            }
        }
        let danger = WrapMechanism::DangerRsaOaepSha1;
        assert_eq!(open(&settings, danger), Err(VaultError::Dangerous(danger)));
        settings.danger_oaep_sha1 = true;
        assert_eq!(open(&settings, danger), Ok(danger));
    });
}

#[test]
fn the_strongest_mechanism_is_advised_and_the_dangerous_one_on_demand_alone() {
    let all = WrapMechanism::OF_TOKENS;
    assert!(all.is_sorted());
    for weakest in 0..all.len() {
        let found = findings(&all[weakest..], &BASICS);
        let strongest = Some(all[weakest]);
        assert_eq!(found.strongest(true), strongest);
        let sound = strongest.filter(|mechanism| !mechanism.is_dangerous());
        assert_eq!(found.strongest(false), sound);
    }
}

#[test]
fn a_token_that_does_not_guard_its_keys_is_not_used() {
    for missing in BASICS {
        let rest: Vec<_> = BASICS.into_iter().filter(|each| *each != missing).collect();

        assert_eq!(
            findings(&WrapMechanism::OF_TOKENS, &rest).strongest(true),
            None
        );
        let found = findings(&WrapMechanism::OF_TOKENS, &rest);
        for mechanism in WrapMechanism::OF_TOKENS {
            let refused = Err(VaultError::NotOffered(missing));
            assert_eq!(found.suffice(mechanism), refused);
        }
    }
}

const BASICS: [Capability; 3] = Capability::BASICS;

/// Returns the table of a token that can do this and nothing else.
fn findings(mechanisms: &[WrapMechanism], basics: &[Capability]) -> Findings {
    let can = |capability| {
        let mut releases = mechanisms.iter().map(|each| Capability::Release(*each));
        basics.contains(&capability) || releases.any(|each| each == capability)
    };
    let all = WrapMechanism::OF_TOKENS.map(Capability::Release);
    let table = BASICS.into_iter().chain(all).map(|capability| Finding {
        capability,
        outcome: can(capability)
            .then_some(())
            .ok_or_else(|| String::from("refused")),
    });
    Findings {
        token: TokenFacts {
            manufacturer: String::from("nobody"),
            model: String::from("table"),
            serial: String::from("0"),
            firmware: String::from("0.0"),
        },
        table: table.collect(),
    }
}

fn name(epoch: u32) -> KeyName {
    KeyName::first(NetworkId::new([1; 32]), PartyIndex::ALL[0], epoch)
}

fn context(lease: u64) -> ReleaseContext {
    ReleaseContext {
        network: NetworkId::new([1; 32]),
        party: PartyIndex::ALL[0],
        epoch: 0,
        instance: InstanceId::new([3; 16]),
        lease,
        anchor: None,
    }
}

fn setup_key(kind: SetupKind, seed: u8) -> SetupKey {
    match kind {
        SetupKind::X25519 => SetupKey::x25519(&[seed; 32]),
        SetupKind::P256 => SetupKey::p256(&[seed; 32]).unwrap(),
        SetupKind::Rsa3072 => SetupKey::rsa3072().unwrap(),
    }
}

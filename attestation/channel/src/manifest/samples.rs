//! Manifests and approvers for the tests of this folder.

use alloc::borrow::ToOwned as _;
use alloc::vec;
use alloc::vec::Vec;

use boop_wire::Digest;
use boop_wire::binding::{PlatformKind, Role};
use boop_wire::codec::{domain_separated, to_canonical};
use boop_wire::manifest::{
    Approval, ApproverEntry, ApproverKey, Approvers, LedgerEntry, Machine, Manifest, Measurement,
    PartyEntry, Release, SignedManifest, TcbFloor,
};
use ed25519_dalek::{Signer as _, SigningKey};

use super::Head;

/// When the genesis was made.
pub(crate) const CREATED_MS: u64 = 1_800_000_000_000;

/// A genesis that breaks no rule. Keys 0 to 2 are the operators', 3 signs releases, 4 reviews.
pub(crate) fn genesis() -> Manifest {
    let party = |operator: &str, platform, mark: u8| {
        PartyEntry::self_run(operator, machine(platform, mark), [mark + 100; 32])
    };
    let release =
        |role, platform, mark| Release::unlimited(role, platform, Measurement([mark; 48]));
    let parties = vec![
        party("alpha", PlatformKind::Snp, 1),
        party("beta", PlatformKind::Snp, 2),
        party("gamma", PlatformKind::Nitro, 3),
    ];
    let ledger = LedgerEntry {
        machine: machine(PlatformKind::Snp, 6),
        origin: "example.org/log".to_owned(),
        key: [106; 32],
    };
    let keys = [0, 1, 2, 3, 4].map(|index| key(index).verifying_key().to_bytes());
    Manifest {
        name: "a network".to_owned(),
        created_ms: CREATED_MS,
        gateways: vec![
            machine(PlatformKind::Snp, 4),
            machine(PlatformKind::Nitro, 5),
        ],
        releases: vec![
            release(Role::Party, PlatformKind::Snp, 11),
            release(Role::Party, PlatformKind::Nitro, 12),
        ],
        tcb_floors: vec![floor("Genoa"), floor("Turin")],
        ..Manifest::genesis(parties, ledger, ApproverEntry::least(keys))
    }
}

/// A floor with a different level for each component.
pub(crate) fn floor(product: &str) -> TcbFloor {
    TcbFloor {
        product: product.to_owned(),
        fmc: 1,
        bootloader: 10,
        tee: 2,
        snp: 25,
        microcode: 84,
    }
}

pub(crate) fn machine(platform: PlatformKind, mark: u8) -> Machine {
    let bytes = match platform {
        PlatformKind::Snp => 64,
        PlatformKind::Nitro => 48,
    };
    Machine {
        platform,
        chip: vec![mark; bytes],
        config: Digest::new([mark; 32]),
    }
}

/// The same rules as the next version.
pub(crate) fn followed(before: &SignedManifest) -> Manifest {
    let (head, manifest) = Head::read(before).expect("a sample has a good form");
    Manifest {
        version: head.version + 1,
        previous: Some(head.digest),
        network: Some(head.network),
        created_ms: manifest.created_ms + 1,
        ..manifest
    }
}

/// Puts the first `count` approvers' approvals on a manifest.
pub(crate) fn signed(manifest: &Manifest, count: u8) -> SignedManifest {
    let all: Vec<u8> = (0..count).collect();
    signed_by(manifest, &all)
}

/// Puts some approvers' approvals on a manifest.
pub(crate) fn signed_by(manifest: &Manifest, approvers: &[u8]) -> SignedManifest {
    let manifest = to_canonical(manifest);
    let bytes = domain_separated("manifest-approval", &manifest);
    let keys = approvers.iter().map(|index| key(*index));
    let approvals = keys.map(|key| Approval {
        key: key.verifying_key().to_bytes(),
        signature: key.sign(&bytes).to_bytes(),
    });
    SignedManifest {
        approvals: approvals.collect(),
        manifest,
    }
}

/// Three approvers.
pub(crate) fn approvers(needed: u8) -> Approvers {
    let keys = (0..3).map(|index| ApproverKey(key(index).verifying_key().to_bytes()));
    Approvers {
        keys: keys.collect(),
        needed,
    }
}

/// The key of an approver.
pub(crate) fn key(index: u8) -> SigningKey {
    SigningKey::from_bytes(&[index + 1; 32])
}

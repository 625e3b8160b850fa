//! Manifests and network files, good and bad.

use boop_channel::{LocalKeys, ManifestError};
use boop_wire::binding::PlatformKind;
use boop_wire::manifest::{Approval, ApproverEntry, LedgerEntry, Machine, Manifest, PartyEntry};

use super::*;

const NOW_MS: u64 = 1_800_000_000_000;

#[test]
fn an_approved_manifest_of_the_network_is_admitted_and_known_by_its_digest() {
    let signed = signed(&manifest(1, None));
    let trust = client(NetworkId::new(*signed.digest().as_bytes()));

    assert!(trust.admitted(signed.digest(), NOW_MS).is_none());
    let admitted = trust.admit(std::slice::from_ref(&signed), NOW_MS).unwrap();

    assert_eq!(admitted.manifest().digest(), signed.digest());
    assert!(trust.admitted(signed.digest(), NOW_MS).is_some());
}

#[test]
fn a_manifest_of_another_network_is_refused() {
    let signed = signed(&manifest(1, None));
    let found = NetworkId::new(*signed.digest().as_bytes());
    let expected = NetworkId::new([9; 32]);

    let refused = client(expected).admit(&[signed], NOW_MS).map(|_| ());

    assert_eq!(refused, Err(TrustError::OtherNetwork { found, expected }));
}

#[test]
fn a_manifest_without_approval_is_refused() {
    let mut signed = signed(&manifest(1, None));
    signed.approvals[0].signature[0] ^= 1;
    let trust = client(NetworkId::new(*signed.digest().as_bytes()));

    let refused = trust.admit(&[signed], NOW_MS).map(|_| ());

    let (found, needed) = (0, 1);
    let error = ManifestError::Approvals { found, needed };
    let error = ChainError::Refused { place: 1, error };
    assert_eq!(refused, Err(TrustError::Manifest(error)));
}

#[test]
fn a_manifest_of_a_simulated_network_needs_the_flag() {
    let mut manifest = manifest(1, None);
    manifest.simulated = true;
    let signed = signed(&manifest);
    let trust = client(NetworkId::new(*signed.digest().as_bytes()));

    let refused = trust.admit(&[signed], NOW_MS).map(|_| ());

    assert_eq!(refused, Err(TrustError::SimulatedNetwork));
}

#[test]
fn an_older_manifest_or_another_of_the_same_version_is_refused() {
    let network = NetworkId::new([7; 32]);
    let trust = client(network);
    let [two, three] = [2, 3].map(|version| signed(&manifest(version, Some(network))));
    let mut other = manifest(3, Some(network));
    other.name = "another".into();

    trust.admit(std::slice::from_ref(&three), NOW_MS).unwrap();

    assert_eq!(
        trust.admit(&[two], NOW_MS).map(|_| ()),
        Err(TrustError::RolledBack {
            found: 2,
            admitted: 3
        })
    );
    assert_eq!(
        trust.admit(&[signed(&other)], NOW_MS).map(|_| ()),
        Err(TrustError::RolledBack {
            found: 3,
            admitted: 3
        })
    );
    assert!(trust.admit(&[three], NOW_MS).is_ok());
}

#[test]
fn simulated_roots_and_the_flag_come_together_or_not_at_all() {
    let mut file: NetworkFile = toml::from_str(&file_text("")).unwrap();
    assert!(file.trust(false).is_ok());
    assert_eq!(file.trust(true).map(|_| ()), Err(TrustError::SimulatedFlag));

    file.danger_simulated = Some(SimulatedSettings {
        milan: None,
        genoa: Some("00".into()),
        turin: Some("01".into()),
        nitro: Some("02".into()),
    });
    assert_eq!(
        file.trust(false).map(|_| ()),
        Err(TrustError::SimulatedFlag)
    );
    assert!(file.trust(true).is_ok());
}

#[test]
fn a_network_file_with_an_unknown_key_or_a_bad_one_is_refused() {
    assert!(toml::from_str::<NetworkFile>(&file_text("surprise = 1")).is_err());

    let mut file: NetworkFile = toml::from_str(&file_text("")).unwrap();
    file.approvers[0].pop();
    let field = "approvers";
    assert_eq!(
        file.trust(false).map(|_| ()),
        Err(TrustError::Hex { field })
    );
}

#[test]
fn a_missing_network_file_is_named() {
    let path = Path::new("/nowhere/network.toml");

    let refused = NetworkFile::load(path);

    let kind = std::io::ErrorKind::NotFound;
    assert_eq!(
        refused,
        Err(TrustError::Read {
            path: path.into(),
            kind
        })
    );
}

fn file_text(more: &str) -> String {
    format!(
        "network_id = \"{}\"\napprovers = [\"{}\"]\napprovals_needed = 1\n\
         gateway = \"127.0.0.1:8443\"\n{more}\n",
        "07".repeat(32),
        "08".repeat(32)
    )
}

fn approver() -> LocalKeys {
    LocalKeys::generate(&mut |bytes| bytes.fill(6)).unwrap()
}

fn client(network: NetworkId) -> ClientTrust {
    let keys = vec![ApproverKey(approver().bound().identity)];
    ClientTrust::new(network, Approvers { keys, needed: 1 }, None)
}

fn signed(manifest: &Manifest) -> SignedManifest {
    let bytes = boop_wire::to_canonical(manifest);
    let keys = approver();
    SignedManifest {
        approvals: vec![Approval {
            key: keys.bound().identity,
            signature: keys.sign("manifest-approval", &bytes).0,
        }],
        manifest: bytes,
    }
}

fn manifest(version: u64, network: Option<NetworkId>) -> Manifest {
    let machine = Machine {
        platform: PlatformKind::Snp,
        chip: vec![1; 64],
        config: Digest::new([2; 32]),
    };
    let parties = [1, 2, 3].map(|mark| {
        let machine = match mark {
            1 => machine.clone(),
            2 => Machine {
                chip: vec![2; 64],
                ..machine.clone()
            },
            _ => Machine {
                platform: PlatformKind::Nitro,
                chip: vec![3; 48],
                ..machine.clone()
            },
        };
        PartyEntry::self_run(format!("operator {mark}"), machine, [mark; 32])
    });
    let ledger = LedgerEntry {
        machine: machine.clone(),
        origin: "log".into(),
        key: [5; 32],
    };
    let approvers = ApproverEntry::least([0x91, 0x92, 0x93, 0x94, 0x95].map(|byte| [byte; 32]));
    Manifest {
        version,
        previous: network.map(|_| Digest::new([4; 32])),
        network,
        name: "test".into(),
        gateways: vec![machine],
        evidence_age_max_s: 600,
        ..Manifest::genesis(parties.into(), ledger, approvers)
    }
}

//! A network without evidence, for the tests of this crate: a genuinely approved manifest.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use boop_channel::{Trust, VerifiedManifest};
use boop_daemon::LiveTrust;
use boop_verifier::{Roots, SimulatedEvidence};
use boop_wire::binding::{Binding, BoundKeys, PlatformKind, Purpose, Role};
use boop_wire::codec::{domain_separated, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::manifest::{
    Approval, ApproverEntry, ApproverKey, Approvers, LedgerEntry, Machine, Manifest, PartyEntry,
    SignedManifest,
};
use boop_wire::{Digest, InstanceId, PartyIndex};
use ed25519_dalek::{Signer, SigningKey};

use crate::blobs::BlobStore;
use crate::config::{EnclaveSettings, Plan};
use crate::host::Host;

/// The time at which everything in these tests happens.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

/// Returns the host of party 0 with `directory` for all its files.
pub(crate) fn host(directory: &Path, enclave: EnclaveSettings, custodian: &str) -> Arc<Host> {
    let [zero, one, two] = PartyIndex::ALL;
    let nowhere = String::from("127.0.0.1:1");
    let plan = Plan {
        party: zero,
        custodian: String::from(custodian),
        peers: [(one, nowhere.clone()), (two, nowhere)],
        enclave,
    };
    let blobs = BlobStore::open(&directory.join("blobs")).unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 7500));
    Host::new(plan, LiveTrust::fixed(trust()), blobs, listen, NOW_MS)
}

/// Returns settings of an enclave that nobody starts.
pub(crate) fn attached(directory: &Path) -> EnclaveSettings {
    EnclaveSettings::Attached {
        socket: directory.join("enclave.sock"),
        directory: directory.into(),
    }
}

pub(crate) fn trust() -> Trust {
    let approver = SigningKey::from_bytes(&[1; 32]);
    let bytes = to_canonical(&manifest());
    let signature = approver.sign(&domain_separated("manifest-approval", &bytes));
    let key = approver.verifying_key().to_bytes();
    let signed = SignedManifest {
        manifest: bytes,
        approvals: vec![Approval {
            key,
            signature: signature.to_bytes(),
        }],
    };
    let approvers = Approvers {
        keys: vec![ApproverKey(key)],
        needed: 1,
    };
    let verified = VerifiedManifest::verify(signed, &approvers).unwrap();
    Trust::new(
        Arc::new(verified),
        Arc::new(Roots::vendor()),
        SimulatedEvidence::Refuse,
    )
}

/// Returns the claims of a party's boot evidence.
pub(crate) fn binding(trust: &Trust, party: PartyIndex) -> Binding {
    Binding {
        purpose: Purpose::Boot,
        network: trust.manifest().network(),
        manifest: trust.manifest().digest(),
        role: Role::Party,
        party: Some(party),
        platform: PlatformKind::Snp,
        config: Digest::new([2; 32]),
        instance: InstanceId::new([3; 16]),
        lease: 0,
        keys: BoundKeys {
            identity: [4; 32],
            tls_spki: Digest::new([5; 32]),
            hpke: [6; 32],
            setup: None,
        },
        challenge: [0; 32],
        made_at_ms: NOW_MS,
        checkpoint: None,
    }
}

/// Returns a bundle with these claims and, for evidence, bytes that no chip made.
pub(crate) fn bundle(binding: &Binding) -> EvidenceBundle {
    EvidenceBundle {
        platform: PlatformKind::Snp,
        evidence: vec![0; 8],
        endorsements: Vec::new(),
        binding: to_canonical(binding),
    }
}

fn manifest() -> Manifest {
    let machine = |platform, chip: &[u8]| Machine {
        platform,
        chip: chip.to_vec(),
        config: Digest::new([2; 32]),
    };
    let snp = |mark| machine(PlatformKind::Snp, &[mark; 64]);
    let party =
        |mark, machine| PartyEntry::self_run(format!("operator {mark}"), machine, [mark; 32]);
    let nitro = machine(PlatformKind::Nitro, &[3; 48]);
    let parties = vec![party(1, snp(1)), party(2, snp(2)), party(3, nitro)];
    let ledger = LedgerEntry {
        machine: snp(9),
        origin: String::from("test/log"),
        key: [0; 32],
    };
    let approvers = ApproverEntry::least([0x91, 0x92, 0x93, 0x94, 0x95].map(|byte| [byte; 32]));
    Manifest {
        name: String::from("test"),
        evidence_age_max_s: 600,
        ..Manifest::genesis(parties, ledger, approvers)
    }
}

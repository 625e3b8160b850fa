//! A network without evidence, for the tests of this crate: a genuinely approved manifest that
//! names a genuine token.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use boop_channel::setup::WrappedKey;
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
use boop_wire::release::{ReleaseContext, WrapMechanism};
use boop_wire::session::Signature;
use boop_wire::{Digest, InstanceId, PartyIndex};
use ed25519_dalek::{Signer, SigningKey};
use tempfile::TempDir;

use crate::{
    Audit, Custody, CustodySettings, FileToken, KeyName, Ledger, Recipient, Records, Register,
    Token, TokenError,
};

/// The time at which everything in these tests happens.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

pub(crate) struct World {
    pub(crate) settings: CustodySettings,
    pub(crate) custodian_key: [u8; 32],
    directory: TempDir,
    custody: Mutex<Option<Arc<Custody>>>,
}

impl World {
    pub(crate) fn new(per_minute: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let token = FileToken::create(&directory.path().join("token")).unwrap();
        Self {
            settings: CustodySettings {
                party: PartyIndex::ALL[1],
                epoch: 0,
                releases_per_minute: NonZeroU32::new(per_minute).unwrap(),
            },
            custodian_key: token.public_key(),
            directory,
            custody: Mutex::new(None),
        }
    }

    /// Returns a custodian that reports to this ledger.
    pub(crate) fn custody_with(&self, ledger: Ledger) -> Arc<Custody> {
        let token = FileToken::open(&self.directory.path().join("token")).unwrap();
        let records = Records {
            ledger: Some(ledger),
            ..self.records()
        };
        Custody::new(
            self.settings,
            LiveTrust::fixed(self.trust()),
            Box::new(token),
            records,
        )
        .unwrap()
    }

    /// Returns the custodian; it is made once, since its token can be opened once.
    pub(crate) fn custody(&self) -> Arc<Custody> {
        let mut custody = self.custody.lock().unwrap();
        let made = custody.get_or_insert_with(|| {
            let token = FileToken::open(&self.directory.path().join("token")).unwrap();
            Custody::new(
                self.settings,
                LiveTrust::fixed(self.trust()),
                Box::new(token),
                self.records(),
            )
            .unwrap()
        });
        Arc::clone(made)
    }

    pub(crate) fn another_token(&self) -> FileToken {
        FileToken::create(&self.directory.path().join("another")).unwrap()
    }

    pub(crate) fn records(&self) -> Records {
        Records {
            audit: self.audit(),
            register: self.register(),
            ledger: None,
        }
    }

    pub(crate) fn audit(&self) -> Audit {
        Audit::open(&self.directory.path().join("audit.jsonl")).unwrap()
    }

    pub(crate) fn register(&self) -> Register {
        Register::open(&self.directory.path().join("register")).unwrap()
    }

    pub(crate) fn audit_lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.directory.path().join("audit.jsonl")).unwrap();
        text.lines().map(String::from).collect()
    }

    pub(crate) fn trust(&self) -> Trust {
        trust_in(&manifest(self.settings.party, self.custodian_key))
    }
}

/// A token in a file that says it wraps as AWS KMS does.
pub(crate) struct ReadsEvidence(pub(crate) FileToken);

impl Token for ReadsEvidence {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key()
    }

    fn mark(&self) -> u64 {
        self.0.mark()
    }

    fn note_mark(&self, mark: u64) -> Result<(), TokenError> {
        self.0.note_mark(mark)
    }

    fn raise_lease(&self, epoch: u32) -> Result<u64, TokenError> {
        self.0.raise_lease(epoch)
    }

    fn mechanism(&self) -> WrapMechanism {
        WrapMechanism::AwsKmsRecipient
    }

    fn prepare(&self, name: &KeyName, now_ms: u64) -> Result<(), TokenError> {
        self.0.prepare(name, now_ms)
    }

    fn wrap_data_key(
        &self,
        epoch: u32,
        recipient: &Recipient<'_>,
        context: &ReleaseContext,
    ) -> Result<WrappedKey, TokenError> {
        self.0.wrap_data_key(epoch, recipient, context)
    }

    fn oldest_epoch(&self) -> u32 {
        self.0.oldest_epoch()
    }

    fn destroy_before(&self, epoch: u32) -> Result<(), TokenError> {
        self.0.destroy_before(epoch)
    }

    fn sign(&self, bytes: &[u8]) -> Result<Signature, TokenError> {
        self.0.sign(bytes)
    }
}

/// Returns trust in a manifest that its approver signed.
pub(crate) fn trust_in(manifest: &Manifest) -> Trust {
    let approver = SigningKey::from_bytes(&[1; 32]);
    let bytes = to_canonical(manifest);
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

/// Returns the claims of a party that asks for its key with all but a challenge.
pub(crate) fn binding(trust: &Trust) -> Binding {
    Binding {
        purpose: Purpose::KeyRelease,
        network: trust.manifest().network(),
        manifest: trust.manifest().digest(),
        role: Role::Party,
        party: PartyIndex::new(1),
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

/// Returns the first manifest of a network in which a party has this custodian.
pub(crate) fn manifest(of: PartyIndex, custodian: [u8; 32]) -> Manifest {
    let machine = |platform, chip: &[u8]| Machine {
        platform,
        chip: chip.to_vec(),
        config: Digest::new([2; 32]),
    };
    let party = |party: PartyIndex| {
        let mark = party.get() + 1;
        let machine = match party == of.next() {
            true => machine(PlatformKind::Nitro, &[mark; 48]),
            false => machine(PlatformKind::Snp, &[mark; 64]),
        };
        let custodian = if party == of { custodian } else { [mark; 32] };
        PartyEntry::self_run(format!("operator {party}"), machine, custodian)
    };
    let ledger = LedgerEntry {
        machine: machine(PlatformKind::Snp, &[9; 64]),
        origin: String::from("test/log"),
        key: [0; 32],
    };
    let approvers = ApproverEntry::least([0x91, 0x92, 0x93, 0x94, 0x95].map(|byte| [byte; 32]));
    Manifest {
        name: String::from("test"),
        evidence_age_max_s: 600,
        ..Manifest::genesis(PartyIndex::ALL.map(party).to_vec(), ledger, approvers)
    }
}

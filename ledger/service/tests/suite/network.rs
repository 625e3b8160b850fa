//! A network of simulated chips: their evidence is signed for real, under roots of their own.

use std::sync::{Arc, LazyLock};

use boop_channel::{Local, LocalKeys, Trust, VerifiedManifest};
use boop_tee::{Authority, Chip, ChipModel, Launch};
use boop_verifier::{Roots, SimulatedEvidence};
use boop_wire::binding::{Binding, BoundKeys, PlatformKind, Purpose, Role};
use boop_wire::codec::domain_separated;
use boop_wire::evidence::{Certificate, EvidenceBundle};
use boop_wire::id::{Digest, InstanceId, PartyIndex};
use boop_wire::manifest::{
    Approval, ApproverEntry, ApproverKey, Approvers, LedgerEntry, Machine, Manifest, Measurement,
    PartyEntry, Release, SignedManifest, TcbFloor,
};
use boop_wire::to_canonical;
use ed25519_dalek::{Signer as _, SigningKey};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::support::{log_key, party_key};

const CONFIG: [u8; 32] = [2; 32];
const CODE: [u8; 48] = [1; 48];

/// The chips and their vendor.
pub(crate) struct Network {
    pub(crate) authority: Authority,
    pub(crate) now_ms: u64,
    chips: Vec<Chip>,
}

/// What the manifest says of the ledger.
#[derive(Clone)]
pub(crate) struct LedgerClaims {
    pub(crate) origin: String,
    pub(crate) key: [u8; 32],
    pub(crate) config: Digest,
    pub(crate) measurement: [u8; 48],
}

impl Default for LedgerClaims {
    fn default() -> Self {
        Self {
            origin: log_key().name().as_str().to_owned(),
            key: *log_key().public_key(),
            config: Digest::new(CONFIG),
            measurement: CODE,
        }
    }
}

/// Returns the network of this run of the tests.
pub(crate) fn network() -> &'static Network {
    static NETWORK: LazyLock<Network> = LazyLock::new(|| {
        let now_ms = boop_daemon::now_ms();
        let authority = Authority::generate(now_ms).unwrap();
        let models = [ChipModel::GenoaV3, ChipModel::TurinV5, ChipModel::Nitro];
        let chips = models
            .iter()
            .enumerate()
            .map(|(index, model)| provision(&authority, *model, index, now_ms))
            .collect();
        Network {
            authority,
            now_ms,
            chips,
        }
    });
    &NETWORK
}

impl Network {
    /// Returns another handle on the chip of the ledger's machine.
    pub(crate) fn ledger_chip(&self) -> Chip {
        provision(&self.authority, ChipModel::TurinV5, 1, self.now_ms)
    }

    /// Returns what a process of the network believes.
    pub(crate) fn trust(&self, ledger: &LedgerClaims) -> Arc<Trust> {
        self.trust_in(&self.signed(ledger))
    }

    /// Returns the verified manifest.
    pub(crate) fn manifest(&self, ledger: &LedgerClaims) -> VerifiedManifest {
        VerifiedManifest::verify(self.signed(ledger), &approvers()).unwrap()
    }

    /// Returns the approved manifest.
    pub(crate) fn signed(&self, ledger: &LedgerClaims) -> SignedManifest {
        approved(&self.rules(ledger), &[approver()])
    }

    /// Returns what a process believes under a later version.
    pub(crate) fn trust_in(&self, signed: &SignedManifest) -> Arc<Trust> {
        let roots = Roots::vendor().with_simulated(self.authority.roots());
        let manifest = VerifiedManifest::verify(signed.clone(), &approvers()).unwrap();
        let simulated = SimulatedEvidence::Allow;
        Arc::new(Trust::new(Arc::new(manifest), Arc::new(roots), simulated))
    }

    /// Returns boot evidence of each party over its key.
    pub(crate) fn parties(&self, trust: &Trust) -> Vec<EvidenceBundle> {
        let bundle = |party: PartyIndex| {
            let identity = party_key(party).verifying_key().to_bytes();
            self.party(trust, party, identity)
        };
        PartyIndex::ALL.map(bundle).to_vec()
    }

    /// Returns boot evidence of a party over an identity key.
    pub(crate) fn party(
        &self,
        trust: &Trust,
        party: PartyIndex,
        identity: [u8; 32],
    ) -> EvidenceBundle {
        let keys = BoundKeys {
            identity,
            tls_spki: Digest::new([3; 32]),
            hpke: [4; 32],
            setup: None,
        };
        let chip = &self.chips[party.as_usize()];
        self.bundle(trust, chip, (Role::Party, Some(party)), keys)
    }

    /// Returns what a process on the first machine brings to a session.
    pub(crate) fn local(&self, trust: &Arc<Trust>, role: Role) -> Local {
        println!("seed 5");
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let keys = LocalKeys::generate(&mut |bytes| random.fill_bytes(bytes)).unwrap();
        let party = (role == Role::Party).then_some(PartyIndex::ALL[0]);
        Local {
            evidence: self.bundle(trust, &self.chips[0], (role, party), keys.bound()),
            keys: Arc::new(keys),
            trust: Arc::clone(trust),
        }
    }

    fn bundle(
        &self,
        trust: &Trust,
        chip: &Chip,
        (role, party): (Role, Option<PartyIndex>),
        keys: BoundKeys,
    ) -> EvidenceBundle {
        let platform = platform(chip);
        let binding = Binding {
            purpose: Purpose::Boot,
            network: trust.manifest().network(),
            manifest: trust.manifest().digest(),
            role,
            party,
            platform,
            config: Digest::new(CONFIG),
            instance: InstanceId::new([6; 16]),
            lease: 0,
            keys,
            challenge: [0; 32],
            made_at_ms: self.now_ms,
            checkpoint: None,
        };
        let launch = Launch {
            measurement: CODE,
            config_hash: CONFIG,
            instance: [7; 32],
        };
        let raw = chip
            .attest(&launch, &binding.report_data(), &[0; 32], self.now_ms)
            .unwrap();
        EvidenceBundle {
            platform,
            evidence: raw.evidence,
            endorsements: raw.endorsements.into_iter().map(Certificate).collect(),
            binding: to_canonical(&binding),
        }
    }

    fn rules(&self, ledger: &LedgerClaims) -> Manifest {
        let machine = |chip: &Chip, config| Machine {
            platform: platform(chip),
            chip: chip.machine_id(),
            config,
        };
        let config = Digest::new(CONFIG);
        let party = |chip| PartyEntry::self_run("operator", machine(chip, config), custodian_key());
        let release = |role, platform, measurement| {
            Release::unlimited(role, platform, Measurement(measurement))
        };
        let entry = LedgerEntry {
            machine: machine(&self.chips[1], ledger.config),
            origin: ledger.origin.clone(),
            key: ledger.key,
        };
        let keys = operators().map(|key| key.verifying_key().to_bytes());
        let approvers = ApproverEntry::least(keys);
        Manifest {
            name: String::from("test"),
            simulated: true,
            gateways: vec![machine(&self.chips[0], config)],
            releases: vec![
                release(Role::Party, PlatformKind::Snp, CODE),
                release(Role::Party, PlatformKind::Nitro, CODE),
                release(Role::Gateway, PlatformKind::Snp, CODE),
                release(Role::Ledger, PlatformKind::Snp, ledger.measurement),
            ],
            tcb_floors: ["Genoa", "Turin"].map(floor).to_vec(),
            ..Manifest::genesis(self.chips.iter().map(party).collect(), entry, approvers)
        }
    }
}

/// Puts approvals on a manifest.
pub(crate) fn approved(manifest: &Manifest, by: &[SigningKey]) -> SignedManifest {
    let manifest = to_canonical(manifest);
    let bytes = domain_separated("manifest-approval", &manifest);
    let approvals = by.iter().map(|key| Approval {
        key: key.verifying_key().to_bytes(),
        signature: key.sign(&bytes).to_bytes(),
    });
    SignedManifest {
        approvals: approvals.collect(),
        manifest,
    }
}

/// Returns those whom the manifest names: three operators, a release signer, a reviewer.
pub(crate) fn operators() -> [SigningKey; 5] {
    [0x91, 0x92, 0x93, 0x94, 0x95].map(|byte| SigningKey::from_bytes(&[byte; 32]))
}

fn approvers() -> Approvers {
    Approvers {
        keys: vec![ApproverKey(approver().verifying_key().to_bytes())],
        needed: 1,
    }
}

/// Returns the key of every party's custodian.
pub(crate) fn custodian() -> SigningKey {
    SigningKey::from_bytes(&[12; 32])
}

fn custodian_key() -> [u8; 32] {
    custodian().verifying_key().to_bytes()
}

/// Returns the key that approves the manifest.
pub(crate) fn approver() -> SigningKey {
    SigningKey::from_bytes(&[11; 32])
}

fn provision(authority: &Authority, model: ChipModel, index: usize, now_ms: u64) -> Chip {
    Chip::provision(authority, model, &format!("machine {index}"), now_ms).unwrap()
}

fn platform(chip: &Chip) -> PlatformKind {
    match chip.model() {
        ChipModel::MilanV2
        | ChipModel::MilanV3
        | ChipModel::GenoaV3
        | ChipModel::GenoaV5
        | ChipModel::SienaBergamoV5
        | ChipModel::TurinV5 => PlatformKind::Snp,
        ChipModel::Nitro => PlatformKind::Nitro,
    }
}

fn floor(product: &str) -> TcbFloor {
    TcbFloor {
        product: product.to_owned(),
        fmc: 0,
        bootloader: 1,
        tee: 0,
        snp: 1,
        microcode: 1,
    }
}

//! A network's measured processes, with simulated chips that sign for them, and no processes.

use std::sync::{Arc, OnceLock};

use boop_channel::{Expectation, Local, LocalKeys, Trust, VerifiedManifest};
use boop_tee::{Authority, Chip, ChipModel, Launch};
use boop_verifier::{Roots, SimulatedEvidence};
use boop_wire::binding::{Binding, PlatformKind, Purpose, Role};
use boop_wire::codec::{domain_separated, plain_digest, to_canonical};
use boop_wire::evidence::{Certificate, EvidenceBundle};
use boop_wire::manifest::{
    Approval, ApproverEntry, ApproverKey, Approvers, Delays, LedgerEntry, Machine, Manifest,
    Measurement, PartyEntry, Release, SignedManifest, TcbFloor,
};
use boop_wire::{Digest, InstanceId, PartyIndex};
use ed25519_dalek::{Signer as _, SigningKey};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// When everything happens, Unix milliseconds.
pub(crate) const NOW_MS: u64 = 1_760_000_000_000;
/// Oldest evidence that the manifest lets pass, in seconds.
pub(crate) const AGE_MAX_S: u32 = 3_600;
/// What all keys follow from.
const SEED: u64 = 41;
/// PKCS#8 of an Ed25519 key is this, then the seed (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// Whoever approves: three operators, a release signer and a reviewer.
const APPROVERS: [u8; 5] = [0x91, 0x92, 0x93, 0x94, 0x95];
/// What every process is measured as.
pub(crate) const CODE: [u8; 48] = [0xc0; 48];

/// Simulated vendors and the chips of three machines, made once.
pub(crate) struct Hardware {
    pub(crate) authority: Authority,
    pub(crate) chips: [Chip; 3],
}

pub(crate) fn hardware() -> &'static Hardware {
    static HARDWARE: OnceLock<Hardware> = OnceLock::new();
    HARDWARE.get_or_init(|| {
        let authority = Authority::generate(NOW_MS).unwrap();
        let models = [ChipModel::GenoaV3, ChipModel::TurinV5, ChipModel::Nitro];
        let mut names = ["zero", "one", "two"].into_iter();
        let chips = models.map(|model| {
            Chip::provision(&authority, model, names.next().unwrap(), NOW_MS).unwrap()
        });
        Hardware { authority, chips }
    })
}

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) role: Role,
    pub(crate) party: Option<PartyIndex>,
}

pub(crate) const GATEWAY: Part = Part {
    role: Role::Gateway,
    party: None,
};
pub(crate) const LEDGER: Part = Part {
    role: Role::Ledger,
    party: None,
};

pub(crate) const fn party(index: usize) -> Part {
    Part {
        role: Role::Party,
        party: Some(PartyIndex::ALL[index]),
    }
}

impl Part {
    pub(crate) const fn expected(self) -> Expectation {
        Expectation::boot(self.role, self.party)
    }

    /// Returns the number of the machine that it runs on.
    fn machine(self) -> usize {
        match (self.role, self.party) {
            (Role::Party, Some(party)) => party.as_usize(),
            (Role::Ledger, _) => 1,
            _ => 0,
        }
    }

    fn config(self) -> Vec<u8> {
        format!("configuration of {self:?}").into_bytes()
    }
}

/// A network as a process of it believes in it.
pub(crate) fn trust(change: impl FnOnce(&mut Manifest)) -> Arc<Trust> {
    let mut manifest = manifest();
    change(&mut manifest);
    let signed = approved(&manifest, &[7]);
    let approvers = Approvers {
        keys: vec![ApproverKey(public(7))],
        needed: 1,
    };
    let manifest = VerifiedManifest::verify(signed, &approvers).unwrap();
    let roots = Roots::vendor().with_simulated(hardware().authority.roots());
    let simulated = SimulatedEvidence::Allow;
    Arc::new(Trust::new(Arc::new(manifest), Arc::new(roots), simulated))
}

/// The version that follows, approved by all whom the one before names.
pub(crate) fn successor(before: &Trust, change: impl FnOnce(&mut Manifest)) -> SignedManifest {
    let head = before.manifest().head();
    let mut next = Manifest {
        version: head.version + 1,
        previous: Some(head.digest),
        network: Some(head.network),
        created_ms: head.created_ms + 1,
        ..before.manifest().manifest().clone()
    };
    change(&mut next);
    approved(&next, &APPROVERS)
}

fn approved(manifest: &Manifest, keys: &[u8]) -> SignedManifest {
    let bytes = to_canonical(manifest);
    let message = domain_separated("manifest-approval", &bytes);
    let approval = |key: &u8| Approval {
        key: public(*key),
        signature: SigningKey::from_bytes(&[*key; 32])
            .sign(&message)
            .to_bytes(),
    };
    SignedManifest {
        approvals: keys.iter().map(approval).collect(),
        manifest: bytes,
    }
}

fn public(key: u8) -> [u8; 32] {
    SigningKey::from_bytes(&[key; 32])
        .verifying_key()
        .to_bytes()
}

fn manifest() -> Manifest {
    let machine = |part: Part| {
        let chip = &hardware().chips[part.machine()];
        Machine {
            platform: platform(chip),
            chip: chip.machine_id(),
            config: plain_digest(&part.config()),
        }
    };
    let entry = |index| {
        let operator = format!("operator {index}");
        PartyEntry::self_run(operator, machine(party(index)), [0; 32])
    };
    let release = |role, platform| Release::unlimited(role, platform, Measurement(CODE));
    let ledger = LedgerEntry {
        machine: machine(LEDGER),
        origin: "log".into(),
        key: [0; 32],
    };
    let approvers = ApproverEntry::least(APPROVERS.map(public));
    Manifest {
        name: "adversary".into(),
        simulated: true,
        gateways: vec![machine(GATEWAY)],
        releases: vec![
            release(Role::Party, PlatformKind::Snp),
            release(Role::Party, PlatformKind::Nitro),
            release(Role::Gateway, PlatformKind::Snp),
            release(Role::Ledger, PlatformKind::Snp),
        ],
        tcb_floors: vec![floor("Genoa"), floor("Turin")],
        delays: Delays::NONE,
        evidence_age_max_s: AGE_MAX_S,
        threshold: 20_000,
        ..Manifest::genesis([0, 1, 2].map(entry).into(), ledger, approvers)
    }
}

fn floor(product: &str) -> TcbFloor {
    TcbFloor {
        product: product.into(),
        fmc: 0,
        bootloader: 0,
        tee: 0,
        snp: 0,
        microcode: 0,
    }
}

const fn platform_of(model: ChipModel) -> PlatformKind {
    match model {
        ChipModel::MilanV2
        | ChipModel::MilanV3
        | ChipModel::GenoaV3
        | ChipModel::GenoaV5
        | ChipModel::SienaBergamoV5
        | ChipModel::TurinV5 => PlatformKind::Snp,
        ChipModel::Nitro => PlatformKind::Nitro,
    }
}

fn platform(chip: &Chip) -> PlatformKind {
    platform_of(chip.model())
}

/// A measured process: keys, and evidence of its machine's chip over them.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) keys: Arc<LocalKeys>,
    /// The TLS key as a thief would have it.
    pub(crate) tls_pkcs8: Vec<u8>,
    pub(crate) evidence: EvidenceBundle,
    pub(crate) trust: Arc<Trust>,
}

impl Actor {
    /// Plays a part as it should be played.
    pub(crate) fn new(part: Part, trust: &Arc<Trust>) -> Self {
        Self::with(part, trust, |_| {})
    }

    /// Plays a part with something changed in what the evidence vouches for.
    pub(crate) fn with(part: Part, trust: &Arc<Trust>, change: impl FnOnce(&mut Binding)) -> Self {
        let number = part.machine() as u64 * 8 + part.role as u64;
        let mut rng = ChaCha20Rng::seed_from_u64(SEED + number);
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let tls_pkcs8 = [&PKCS8_PREFIX[..], &seed[..]].concat();
        let mut random = |out: &mut [u8]| rng.fill_bytes(out);
        let keys = Arc::new(LocalKeys::with_tls_key(&tls_pkcs8, &mut random).unwrap());
        let mut binding = binding(part, trust, &keys);
        change(&mut binding);
        Self {
            keys,
            tls_pkcs8,
            evidence: attest(part, &binding),
            trust: Arc::clone(trust),
        }
    }

    pub(crate) fn local(&self) -> Local {
        Local {
            keys: Arc::clone(&self.keys),
            evidence: self.evidence.clone(),
            trust: Arc::clone(&self.trust),
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.evidence.binding_digest()
    }
}

fn binding(part: Part, trust: &Trust, keys: &LocalKeys) -> Binding {
    Binding {
        purpose: Purpose::Boot,
        network: trust.manifest().network(),
        manifest: trust.manifest().digest(),
        role: part.role,
        party: part.party,
        platform: platform(&hardware().chips[part.machine()]),
        config: plain_digest(&part.config()),
        instance: InstanceId::new([3; 16]),
        lease: 0,
        keys: keys.bound(),
        challenge: [0; 32],
        made_at_ms: NOW_MS,
        checkpoint: None,
    }
}

/// Has the part's chip sign a binding.
fn attest(part: Part, binding: &Binding) -> EvidenceBundle {
    let chip = &hardware().chips[part.machine()];
    let launch = Launch {
        measurement: CODE,
        config_hash: *plain_digest(&part.config()).as_bytes(),
        instance: [5; 32],
    };
    let raw = chip
        .attest(&launch, &binding.report_data(), &binding.challenge, NOW_MS)
        .unwrap();
    EvidenceBundle {
        platform: platform(chip),
        evidence: raw.evidence,
        endorsements: raw.endorsements.into_iter().map(Certificate).collect(),
        binding: to_canonical(binding),
    }
}

//! What the machines of a simulation have in common: vendors, chips, custodians, a manifest.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boop_abi::config::{PartyConfig, SimulatedRootSet};
use boop_channel::{LocalKeys, Trust, VerifiedManifest};
use boop_daemon::LiveTrust;
use boop_hsm::{Audit, Custody, CustodySettings, FileToken, Records, Register, Token};
use boop_tee::{Authority, Chip, ChipModel, Launch, trusted_roots};
use boop_verifier::Product;
use boop_wire::binding::{Binding, BoundKeys, PlatformKind, Purpose, Role};
use boop_wire::codec::{domain_separated, plain_digest, to_canonical};
use boop_wire::evidence::{Certificate, EvidenceBundle};
use boop_wire::manifest::{
    Approval, ApproverEntry, ApproverKey, Approvers, LedgerEntry, Machine, Manifest, Measurement,
    PartyEntry, Release, SignedManifest, TcbFloor,
};
use boop_wire::{Digest, InstanceId, PartyIndex};
use ed25519_dalek::{Signer, SigningKey};
use tempfile::TempDir;

/// When a network is made, Unix milliseconds.
pub const EPOCH_MS: u64 = 1_800_000_000_000;

const MODELS: [ChipModel; 3] = [ChipModel::GenoaV3, ChipModel::TurinV5, ChipModel::Nitro];
const MEASUREMENT: [u8; 48] = [0x42; 48];
const GATEWAY_CONFIG: &[u8] = b"gateway";

/// What a custodian has on its disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustodyFiles {
    /// The newest lease and heads on record.
    pub register: Vec<u8>,
    /// The keys, and the newest lease.
    pub token: Vec<u8>,
}

/// One approved network of simulated machines.
pub struct Network {
    /// The manifest that every enclave is given.
    pub signed: SignedManifest,
    /// The configuration of each party.
    pub configs: [Vec<u8>; 3],
    /// Each party's custodian.
    pub custodians: Vec<Arc<Custody>>,
    /// What gateways and custodians judge evidence by.
    pub trust: Arc<Trust>,
    /// The vendors' roots.
    pub roots: SimulatedRootSet,
    chips: [Arc<Chip>; 3],
    tokens: TempDir,
}

impl Network {
    /// Makes vendors, chips, tokens and a manifest that names them.
    pub fn generate() -> Self {
        Self::generate_with(None)
    }

    /// Makes a network in which the custodian of party 0 has this token.
    pub fn generate_with(given: Option<Box<dyn Token>>) -> Self {
        let authority = Authority::generate(EPOCH_MS).unwrap();
        let roots = root_set(&authority);
        let chips = MODELS.map(|model| {
            let name = format!("{model:?}");
            Arc::new(Chip::provision(&authority, model, &name, EPOCH_MS).unwrap())
        });
        let approvers = approvers();
        let configs = PartyIndex::ALL.map(|index| {
            to_canonical(&PartyConfig {
                index,
                platform: platform(index),
                approvers: approvers.clone(),
                simulated_roots: Some(roots.clone()),
            })
        });
        let tokens = tempfile::tempdir().unwrap();
        let keys = PartyIndex::ALL.map(|party| token(&tokens, party));
        let mut public = keys.each_ref().map(FileToken::public_key);
        if let Some(given) = &given {
            public[0] = given.public_key();
        }
        let manifest = manifest(&chips, &configs, public);
        let signed = approve(&manifest);
        drop(keys);
        let trust = trust_in(&signed, &roots);
        let mut given = given;
        let start = |party| match given.take() {
            Some(token) => custodian_of(tokens.path(), &trust, party, token),
            None => custodian(tokens.path(), &trust, party),
        };
        let custodians = PartyIndex::ALL.map(start).into();
        Self {
            trust,
            signed,
            configs,
            custodians,
            roots,
            chips,
            tokens,
        }
    }

    /// Brings the next version of the manifest into force, by which a party may have its store
    /// anew once more [REC-1].
    pub fn recovering(mut self, party: PartyIndex) -> Self {
        let head = self.trust.manifest().head();
        let mut next = Manifest {
            version: head.version + 1,
            previous: Some(head.digest),
            network: Some(head.network),
            created_ms: head.created_ms + 1,
            ..self.trust.manifest().manifest().clone()
        };
        next.parties[party.as_usize()].recoveries += 1;
        self.signed = approve(&next);
        self.trust = trust_in(&self.signed, &self.roots);
        self.custodians.clear();
        self.custodians = custodians(&self.tokens, &self.trust);
        self
    }

    /// Has the operators of all three begin empty registers: no head is on record.
    pub fn custodians_forget(&mut self) {
        self.custodians.clear();
        for party in PartyIndex::ALL {
            let register = register(self.tokens.path(), party);
            std::fs::remove_file(&register).unwrap();
            let token = open_token(self.tokens.path(), party);
            Register::begin(&register, token.mark()).unwrap();
        }
        self.custodians = custodians(&self.tokens, &self.trust);
    }

    /// Starts a copy of a party's custodian from the files that it has now: the two count leases
    /// each for itself.
    pub fn copy_of_custodian(&self, party: PartyIndex) -> Arc<Custody> {
        let folder = self.tokens.path().join(format!("copy-{party}"));
        std::fs::create_dir(&folder).unwrap();
        for name in ["token", "register"] {
            let name = format!("{name}-{party}");
            let from = self.tokens.path().join(&name);
            if from.exists() {
                std::fs::copy(from, folder.join(name)).unwrap();
            }
        }
        custodian(&folder, &self.trust, party)
    }

    /// Returns the folder in which custodians keep their tokens, registers and audits.
    pub fn custody_folder(&self) -> &Path {
        self.tokens.path()
    }

    /// Returns what the custodians have on their disks: register and token.
    pub fn custody_files(&self) -> [CustodyFiles; 3] {
        let read = |file| std::fs::read(file).unwrap();
        PartyIndex::ALL.map(|party| CustodyFiles {
            register: read(register(self.tokens.path(), party)),
            token: read(token_file(self.tokens.path(), party)),
        })
    }

    /// Starts the custodians again with these files on their disks.
    pub fn put_custody_files(&mut self, files: &[CustodyFiles; 3]) {
        self.custodians.clear();
        for (party, files) in PartyIndex::ALL.into_iter().zip(files) {
            std::fs::write(register(self.tokens.path(), party), &files.register).unwrap();
            std::fs::write(token_file(self.tokens.path(), party), &files.token).unwrap();
        }
        self.custodians = custodians(&self.tokens, &self.trust);
    }

    /// Returns what a party's custodian has written into its audit file.
    pub fn audit(&self, party: PartyIndex) -> String {
        let path = self.tokens.path().join(format!("audit-{party}"));
        std::fs::read_to_string(path).unwrap()
    }

    /// Returns the chip of a party's machine, and what it measured there.
    pub fn launched(&self, party: PartyIndex, life: u32) -> (Arc<Chip>, Launch) {
        let config = &self.configs[party.as_usize()];
        let chip = Arc::clone(&self.chips[party.as_usize()]);
        (chip, launch(config, life))
    }

    /// Makes a gateway's evidence over its keys, on the machine of party 0.
    pub fn gateway_evidence(&self, keys: &LocalKeys, now_ms: u64) -> EvidenceBundle {
        let binding = Binding {
            platform: PlatformKind::Snp,
            config: plain_digest(GATEWAY_CONFIG),
            instance: InstanceId::new([9; 16]),
            ..self.binding(Role::Gateway, keys.bound(), now_ms)
        };
        self.attested(PartyIndex::ALL[0], &launch(GATEWAY_CONFIG, 0), &binding)
    }

    /// Makes the evidence with which party 0 asks for its key, over a setup key's digest.
    pub fn release_evidence(
        &self,
        keys: BoundKeys,
        challenge: [u8; 32],
        now_ms: u64,
    ) -> EvidenceBundle {
        let [party, ..] = PartyIndex::ALL;
        let binding = Binding {
            purpose: Purpose::KeyRelease,
            party: Some(party),
            platform: platform(party),
            config: plain_digest(&self.configs[0]),
            instance: InstanceId::new([8; 16]),
            challenge,
            ..self.binding(Role::Party, keys, now_ms)
        };
        self.attested(party, &launch(&self.configs[0], 1), &binding)
    }

    fn binding(&self, role: Role, keys: BoundKeys, now_ms: u64) -> Binding {
        Binding {
            purpose: Purpose::Boot,
            network: self.trust.manifest().network(),
            manifest: self.trust.manifest().digest(),
            role,
            party: None,
            platform: PlatformKind::Snp,
            config: plain_digest(&[]),
            instance: InstanceId::new([0; 16]),
            lease: 0,
            keys,
            challenge: [0; 32],
            made_at_ms: now_ms,
            checkpoint: None,
        }
    }

    fn attested(&self, on: PartyIndex, launch: &Launch, binding: &Binding) -> EvidenceBundle {
        let data = binding.report_data();
        let chip = &self.chips[on.as_usize()];
        let raw = chip.attest(launch, &data, &binding.challenge, binding.made_at_ms);
        let raw = raw.unwrap();
        EvidenceBundle {
            platform: binding.platform,
            evidence: raw.evidence,
            endorsements: raw.endorsements.into_iter().map(Certificate).collect(),
            binding: to_canonical(binding),
        }
    }
}

fn launch(config: &[u8], life: u32) -> Launch {
    let mut instance = [0; 32];
    instance[..4].copy_from_slice(&life.to_le_bytes());
    Launch {
        measurement: MEASUREMENT,
        config_hash: *plain_digest(config).as_bytes(),
        instance,
    }
}

fn token(folder: &TempDir, party: PartyIndex) -> FileToken {
    FileToken::create(&token_file(folder.path(), party)).unwrap()
}

fn token_file(folder: &Path, party: PartyIndex) -> PathBuf {
    folder.join(format!("token-{party}"))
}

fn open_token(folder: &Path, party: PartyIndex) -> FileToken {
    FileToken::open(&token_file(folder, party)).unwrap()
}

fn register(folder: &Path, party: PartyIndex) -> PathBuf {
    folder.join(format!("register-{party}"))
}

/// Starts the custodians of the tokens in a folder.
fn custodians(folder: &TempDir, trust: &Trust) -> Vec<Arc<Custody>> {
    let start = |party| custodian(folder.path(), trust, party);
    PartyIndex::ALL.map(start).into()
}

fn custodian(folder: &Path, trust: &Trust, party: PartyIndex) -> Arc<Custody> {
    let token = open_token(folder, party);
    custodian_of(folder, trust, party, Box::new(token))
}

fn custodian_of(
    folder: &Path,
    trust: &Trust,
    party: PartyIndex,
    token: Box<dyn Token>,
) -> Arc<Custody> {
    let audit = Audit::open(&folder.join(format!("audit-{party}"))).unwrap();
    let register = Register::open(&register(folder, party)).unwrap();
    let (settings, trust) = (custody(party), trust.clone());
    let records = Records {
        audit,
        register,
        ledger: None,
    };
    Custody::new(settings, LiveTrust::fixed(trust), token, records).unwrap()
}

fn custody(party: PartyIndex) -> CustodySettings {
    CustodySettings {
        party,
        epoch: 0,
        releases_per_minute: NonZeroU32::new(10_000).unwrap(),
    }
}

fn platform(party: PartyIndex) -> PlatformKind {
    match MODELS[party.as_usize()] {
        ChipModel::Nitro => PlatformKind::Nitro,
        _ => PlatformKind::Snp,
    }
}

fn root_set(authority: &Authority) -> SimulatedRootSet {
    let roots = authority.roots();
    let of = |product: Product| {
        let found = roots.snp.iter().find(|(known, _)| *known == product);
        found.unwrap().1.clone()
    };
    SimulatedRootSet {
        genoa: of(Product::Genoa),
        turin: of(Product::Turin),
        nitro: roots.nitro[0].clone(),
    }
}

fn manifest(chips: &[Arc<Chip>; 3], configs: &[Vec<u8>; 3], custodians: [[u8; 32]; 3]) -> Manifest {
    let machine = |party: PartyIndex, config: &[u8]| Machine {
        platform: platform(party),
        chip: chips[party.as_usize()].machine_id(),
        config: plain_digest(config),
    };
    let [first, ..] = PartyIndex::ALL;
    let parties = PartyIndex::ALL.map(|party| {
        let (operator, index) = (format!("operator {party}"), party.as_usize());
        PartyEntry::self_run(operator, machine(party, &configs[index]), custodians[index])
    });
    let release = |role, platform| Release::unlimited(role, platform, Measurement(MEASUREMENT));
    let ledger = LedgerEntry {
        machine: machine(first, b"ledger"),
        origin: "simulation/ledger".to_owned(),
        key: [0; 32],
    };
    let approvers = ApproverEntry::least([0x91, 0x92, 0x93, 0x94, 0x95].map(|byte| [byte; 32]));
    Manifest {
        name: "simulation".to_owned(),
        simulated: true,
        gateways: vec![machine(first, GATEWAY_CONFIG)],
        releases: vec![
            release(Role::Party, PlatformKind::Snp),
            release(Role::Party, PlatformKind::Nitro),
            release(Role::Gateway, PlatformKind::Snp),
        ],
        tcb_floors: ["Genoa", "Turin"].map(lowest_floor).into(),
        ..Manifest::genesis(parties.into(), ledger, approvers)
    }
}

fn lowest_floor(product: &str) -> TcbFloor {
    TcbFloor {
        product: product.to_owned(),
        fmc: 0,
        bootloader: 0,
        tee: 0,
        snp: 0,
        microcode: 0,
    }
}

fn approver() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn approvers() -> Approvers {
    Approvers {
        keys: vec![ApproverKey(approver().verifying_key().to_bytes())],
        needed: 1,
    }
}

fn trust_in(signed: &SignedManifest, roots: &SimulatedRootSet) -> Arc<Trust> {
    let verified = VerifiedManifest::verify(signed.clone(), &approvers()).unwrap();
    let trusted = trusted_roots(Some(roots));
    let (verified, roots) = (Arc::new(verified), Arc::new(trusted.roots));
    Arc::new(Trust::new(verified, roots, trusted.simulated))
}

fn approve(manifest: &Manifest) -> SignedManifest {
    let approver = approver();
    let manifest = to_canonical(manifest);
    let signature = approver.sign(&domain_separated("manifest-approval", &manifest));
    SignedManifest {
        approvals: vec![Approval {
            key: approver.verifying_key().to_bytes(),
            signature: signature.to_bytes(),
        }],
        manifest,
    }
}

/// Returns the digest that boxes name the manifest by.
pub fn manifest_digest(network: &Network) -> Digest {
    network.trust.manifest().digest()
}

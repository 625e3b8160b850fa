//! The network manifest: who the parties are, which code may run where, and who said so.

mod governance;

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::binding::{PlatformKind, Role};
use crate::codec::{CodecError, domain_digest, sequence_from_canonical};
use crate::id::{Digest, NetworkId, PartyIndex};
use crate::template::THRESHOLD;

pub use governance::{ApproverEntry, ApproverKind, Delays, Thresholds};

/// Largest encoded manifest, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 64 * 1024;
/// Largest manifest with its approvals, in bytes.
pub const SIGNED_MANIFEST_BYTES_MAX: usize = MANIFEST_BYTES_MAX + 8 * 1024;
/// Most versions in one file or message.
pub const VERSIONS_MAX: usize = 64;
/// Most bytes of versions in one file or message.
pub const VERSIONS_BYTES_MAX: usize = 128 * 1024;

/// A launch measurement: SEV-SNP's MEASUREMENT or Nitro's PCR0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Measurement(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 48]);

impl core::fmt::Display for Measurement {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Code that may run in a role on a platform.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Release {
    /// In which role.
    #[n(0)]
    pub role: Role,
    /// On which hardware.
    #[n(1)]
    pub platform: PlatformKind,
    /// Its launch measurement.
    #[n(2)]
    pub measurement: Measurement,
    /// It may run from this moment on, in Unix milliseconds.
    #[n(3)]
    pub not_before_ms: u64,
    /// It may run until before this moment; without end if there is none.
    #[n(4)]
    pub not_after_ms: Option<u64>,
    /// Repository and commit that it was built from, for those who rebuild it.
    #[n(5)]
    pub source: String,
}

impl Release {
    /// Returns a release that may run at any time, of a source that it does not name.
    pub const fn unlimited(role: Role, platform: PlatformKind, measurement: Measurement) -> Self {
        Self {
            role,
            platform,
            measurement,
            not_before_ms: 0,
            not_after_ms: None,
            source: String::new(),
        }
    }

    /// Says whether it may run at a moment.
    pub fn may_run_at(&self, now_ms: u64) -> bool {
        now_ms >= self.not_before_ms && self.not_after_ms.is_none_or(|end| now_ms < end)
    }
}

/// The machine that a measured process runs on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Machine {
    /// The hardware.
    #[n(0)]
    pub platform: PlatformKind,
    /// SEV-SNP: the chip id, 64 bytes as in the report. Nitro: PCR4, the instance, 48 bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub chip: Vec<u8>,
    /// SHA-256 of the configuration.
    #[n(2)]
    pub config: Digest,
}

/// One of the three parties.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartyEntry {
    /// Who runs it.
    #[n(0)]
    pub operator: String,
    /// Where it runs.
    #[n(1)]
    pub machine: Machine,
    /// Ed25519 key of the custodian that keeps its key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub custodian: [u8; 32],
    /// In whose hands the machine is: who owns the cloud or the building.
    #[n(3)]
    pub physical_custodian: String,
    /// The cloud, if it is one that rents to everybody.
    #[n(4)]
    pub cloud: Option<Cloud>,
    /// Who administers the custodian's token.
    #[n(5)]
    pub hsm_administrator: String,
    /// How often the others were allowed to give it its store anew [REC-1].
    #[n(6)]
    pub recoveries: u32,
}

impl PartyEntry {
    /// Returns a party whose operator has the machine in a building of its own and administers
    /// its token itself.
    pub fn self_run(operator: impl Into<String>, machine: Machine, custodian: [u8; 32]) -> Self {
        let operator = operator.into();
        Self {
            physical_custodian: operator.clone(),
            hsm_administrator: operator.clone(),
            cloud: None,
            operator,
            machine,
            custodian,
            recoveries: 0,
        }
    }
}

/// A cloud that rents machines to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Cloud {
    /// Amazon Web Services, the only one that has Nitro enclaves.
    #[n(0)]
    Aws,
    /// Microsoft Azure.
    #[n(1)]
    Azure,
    /// Google Cloud.
    #[n(2)]
    Google,
    /// Any other; the physical custodian names it.
    #[n(3)]
    Other,
}

/// The ledger, and the key that signs its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LedgerEntry {
    /// Where it runs.
    #[n(0)]
    pub machine: Machine,
    /// The log's name: the first line of its checkpoints.
    #[n(1)]
    pub origin: String,
    /// Ed25519 key that signs checkpoints.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// Lowest firmware level of a product, by component.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TcbFloor {
    /// "Milan", "Genoa", "Turin".
    #[n(0)]
    pub product: String,
    /// Firmware management controller (Turin alone).
    #[n(1)]
    pub fmc: u8,
    /// Boot loader.
    #[n(2)]
    pub bootloader: u8,
    /// Trusted execution environment.
    #[n(3)]
    pub tee: u8,
    /// SNP firmware.
    #[n(4)]
    pub snp: u8,
    /// Microcode.
    #[n(5)]
    pub microcode: u8,
}

/// What is believed no more, whoever lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Revoked {
    /// Code.
    #[n(0)]
    pub measurements: Vec<Measurement>,
    /// Machines, by the id that evidence names them by.
    #[n(1)]
    pub chips: Vec<ChipId>,
}

/// The id of a machine, as in [`Machine::chip`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct ChipId(#[cbor(n(0), with = "minicbor::bytes")] pub Vec<u8>);

/// The rules of one network. Its first version names the network.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// 1 for the genesis, then one more each time.
    #[n(0)]
    pub version: u64,
    /// Digest of the version before.
    #[n(1)]
    pub previous: Option<Digest>,
    /// The genesis digest; none in the genesis itself.
    #[n(2)]
    pub network: Option<NetworkId>,
    /// For people.
    #[n(3)]
    pub name: String,
    /// Whether the network runs on simulated hardware. Shown wherever a claim is shown.
    #[n(4)]
    pub simulated: bool,
    /// The parties, in order; three.
    #[n(5)]
    pub parties: Vec<PartyEntry>,
    /// Machines that may be gateways.
    #[n(6)]
    pub gateways: Vec<Machine>,
    /// The ledger.
    #[n(7)]
    pub ledger: LedgerEntry,
    /// Code that may run.
    #[n(8)]
    pub releases: Vec<Release>,
    /// Lowest firmware by product; a product without a floor is refused.
    #[n(9)]
    pub tcb_floors: Vec<TcbFloor>,
    /// Oldest evidence that opens a session, in seconds.
    #[n(10)]
    pub evidence_age_max_s: u32,
    /// `A` of the match rule `65536 * dot > A * valid`.
    #[n(11)]
    pub threshold: u32,
    /// Lowest capture quality, 0 to 100.
    #[n(12)]
    pub quality_min: u8,
    /// What the matching is secure against.
    #[n(13)]
    pub matching: Matching,
    /// How exactly the match rule is computed.
    #[n(14)]
    pub profile: MatchProfile,
    /// When the version was made, in Unix milliseconds; delays count from here.
    #[n(15)]
    pub created_ms: u64,
    /// Who may approve the next version.
    #[n(16)]
    pub approvers: Vec<ApproverEntry>,
    /// How many of them must.
    #[n(17)]
    pub thresholds: Thresholds,
    /// How long the next version waits before it counts.
    #[n(18)]
    pub delays: Delays,
    /// What is believed no more.
    #[n(19)]
    pub revoked: Revoked,
    /// Processors that may have no floor.
    #[n(20)]
    pub banned_products: Vec<String>,
}

/// How exactly a pair of palms is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum MatchProfile {
    /// The rule itself, in scores of 32 bits.
    #[n(0)]
    Exact,
    /// Weights of cells in scores of 16 bits: half the bytes, and another decision on some pairs
    /// next to the cut.
    #[n(1)]
    Sixteen,
}

/// What the matching is secure against, when one party is corrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Matching {
    /// A party that follows the protocol and wants to know more.
    #[n(0)]
    SemiHonest,
    /// Also a party that deviates: the others abort before anything is opened.
    #[n(1)]
    Abort,
}

impl Manifest {
    /// Returns the genesis of a network with the limits that the design asks for, no gateway and
    /// no code: whoever makes a network fills in what it runs.
    pub fn genesis(
        parties: Vec<PartyEntry>,
        ledger: LedgerEntry,
        approvers: Vec<ApproverEntry>,
    ) -> Self {
        Self {
            version: 1,
            previous: None,
            network: None,
            name: String::new(),
            simulated: false,
            parties,
            gateways: Vec::new(),
            ledger,
            releases: Vec::new(),
            tcb_floors: Vec::new(),
            evidence_age_max_s: 60 * 60,
            threshold: THRESHOLD,
            quality_min: 80,
            matching: Matching::Abort,
            profile: MatchProfile::Exact,
            created_ms: 0,
            approvers,
            thresholds: Thresholds::DESIGN,
            delays: Delays::DESIGN,
            revoked: Revoked::default(),
            banned_products: Vec::new(),
        }
    }

    /// Returns the entry of a party.
    pub fn party(&self, index: PartyIndex) -> Option<&PartyEntry> {
        self.parties.get(index.as_usize())
    }
}

/// An approver's signature over a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Approval {
    /// The approver's Ed25519 key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// Over the manifest's bytes under the domain `manifest-approval`.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

/// A manifest's canonical bytes with the approvals they carry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedManifest {
    /// Canonical bytes of a [`Manifest`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub manifest: Vec<u8>,
    /// Signatures over them.
    #[n(1)]
    pub approvals: Vec<Approval>,
}

impl SignedManifest {
    /// Reads versions as files and messages have them: one after the other, oldest first.
    ///
    /// # Errors
    /// If they are not at least one and at most [`VERSIONS_MAX`], each canonical.
    pub fn versions(bytes: &[u8]) -> Result<Vec<Self>, CodecError> {
        if bytes.is_empty() {
            return Err(CodecError::Malformed);
        }
        if bytes.len() > VERSIONS_BYTES_MAX {
            let max = VERSIONS_BYTES_MAX;
            return Err(CodecError::TooLong { max });
        }
        sequence_from_canonical(bytes, SIGNED_MANIFEST_BYTES_MAX, VERSIONS_MAX)
    }

    /// Returns the digest by which bindings name the manifest.
    pub fn digest(&self) -> Digest {
        domain_digest("manifest", &self.manifest)
    }
}

/// Who may approve manifests. It comes with the configuration, never with the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Approvers {
    /// Ed25519 keys.
    #[n(0)]
    pub keys: Vec<ApproverKey>,
    /// How many of them must have signed.
    #[n(1)]
    pub needed: u8,
}

/// An approver's Ed25519 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct ApproverKey(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

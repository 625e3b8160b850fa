//! Sealed blobs of a party, written from the protocol's text [STO-1], [STO-2].

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use anyhow::anyhow;
use boop_abi::Slot;
use boop_channel::setup::{Floor, SetupKey};
use boop_hsm::{FileToken, Recipient, Token as _};
use boop_wire::codec::{digest_of, domain_separated, to_canonical};
use boop_wire::job::PalmSide;
use boop_wire::release::ReleaseContext;
use boop_wire::{Digest, InstanceId, NetworkId, PartyIndex, RequestId, UserId};
use hkdf::Hkdf;
use minicbor::Encode;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::layout::Layout;
use crate::provision::random;

/// The epoch of the data keys.
const EPOCH: u32 = 0;

/// What all three parties know of an enrolled palm.
#[derive(Debug, Clone, Encode)]
pub(super) struct Facts {
    #[n(0)]
    pub(super) user: UserId,
    #[n(1)]
    pub(super) side: PalmSide,
    #[n(2)]
    pub(super) request: RequestId,
    #[n(3)]
    pub(super) commitments: Digest,
    #[n(4)]
    pub(super) preface: Digest,
}

/// Number of records, the chain over them, and how many are durable at all three: all.
#[derive(Encode)]
pub(super) struct Head {
    #[n(0)]
    head: Version,
    #[n(1)]
    confirmed: u64,
}

#[derive(Encode)]
struct Version {
    #[n(0)]
    version: u64,
    #[n(1)]
    root: Digest,
}

#[derive(Encode)]
struct Header {
    #[n(0)]
    network: NetworkId,
    #[n(1)]
    party: PartyIndex,
    #[n(2)]
    epoch: u32,
    #[n(3)]
    slot: Slot,
}

#[derive(Encode)]
struct Record<'a> {
    #[n(0)]
    facts: &'a Facts,
    #[cbor(n(1), with = "minicbor::bytes")]
    share: &'a [u8],
}

/// A secret that a party keeps for a peer.
#[derive(Encode)]
struct Kept {
    #[n(0)]
    epoch: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    secret: [u8; 32],
    /// Recoveries that are over, and the newest lease that was seen: none yet.
    #[n(3)]
    restored: u32,
    #[n(4)]
    lease: u64,
}

#[derive(Encode)]
struct KeyInfo {
    #[n(0)]
    network: NetworkId,
    #[n(1)]
    party: PartyIndex,
    #[n(2)]
    epoch: u32,
}

/// Seals for one party's store.
pub(super) struct Sealer {
    released: Zeroizing<[u8; 32]>,
    /// The second secret, which the two peers keep.
    secret: Zeroizing<[u8; 32]>,
    key: Zeroizing<[u8; 32]>,
    network: NetworkId,
    party: PartyIndex,
    folder: PathBuf,
}

/// Returns the head over these records.
pub(super) fn head(records: impl Iterator<Item = Facts>) -> Head {
    #[derive(Encode)]
    struct Link {
        #[n(0)]
        before: Digest,
        #[n(1)]
        facts: Facts,
    }
    let genesis = (0, digest_of("vault-root", &0_u8));
    let (version, root) = records.fold(genesis, |(version, before), facts| {
        (
            version + 1,
            digest_of("vault-root", &Link { before, facts }),
        )
    });
    Head {
        head: Version { version, root },
        confirmed: version,
    }
}

impl Sealer {
    /// Asks the three tokens for the parties' data keys, as custodians do for attested parties.
    pub(super) fn all(layout: &Layout) -> anyhow::Result<[Self; PartyIndex::COUNT]> {
        let id = std::fs::read_to_string(layout.path("network-id"))?;
        let id: NetworkId = id.trim().parse().map_err(|_| anyhow!("the network's id"))?;
        let [zero, one, two] = PartyIndex::ALL.map(|party| Self::of(layout, id, party));
        Ok([zero?, one?, two?])
    }

    fn of(layout: &Layout, network: NetworkId, party: PartyIndex) -> anyhow::Result<Self> {
        let token = FileToken::open(&layout.machine(party, "token"))?;
        let setup = SetupKey::x25519(&random()?);
        let context = ReleaseContext {
            network,
            party,
            epoch: EPOCH,
            instance: InstanceId::new(random()?),
            lease: 0,
            anchor: None,
        };
        let wrapped = token.wrap_data_key(EPOCH, &Recipient::by_key(setup.public()), &context)?;
        let released = setup.unwrap_key(&wrapped, &context, Floor::Sound)?;
        let secret = Zeroizing::new(random()?);
        let info = KeyInfo {
            network,
            party,
            epoch: EPOCH,
        };
        Ok(Self {
            key: derive(&released, Some(&secret), "store-key", &info)?,
            released,
            secret,
            network,
            party,
            folder: layout.machine(party, "blobs"),
        })
    }

    /// Returns the folder of the store.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the record of a person, counted from 0.
    pub(super) fn write_record(
        &self,
        person: usize,
        facts: &Facts,
        share: &[u8],
        salt: &[u8; 32],
    ) -> anyhow::Result<()> {
        let slot = Slot(person as u64 + 1);
        self.write(slot, &to_canonical(&Record { facts, share }), salt)
    }

    /// Writes the head.
    pub(super) fn write_head(&self, head: &Head, salt: &[u8; 32]) -> anyhow::Result<()> {
        self.write(Slot(0), &to_canonical(head), salt)
    }

    /// Writes what this party keeps for its peers [KEY-5].
    pub(super) fn write_escrow(&self, all: &[Self], salt: &[u8; 32]) -> anyhow::Result<()> {
        let kept = |of: &Self| {
            (of.party != self.party).then(|| Kept {
                epoch: EPOCH,
                secret: *of.secret,
                restored: 0,
                lease: 0,
            })
        };
        let kept: Vec<Option<Kept>> = all.iter().map(kept).collect();
        let info = KeyInfo {
            network: self.network,
            party: self.party,
            epoch: EPOCH,
        };
        let key = derive(&self.released, None, "escrow-key", &info)?;
        self.write_under(&key, Slot(u64::MAX), &to_canonical(&kept), salt)
    }

    fn write(&self, slot: Slot, plaintext: &[u8], salt: &[u8; 32]) -> anyhow::Result<()> {
        self.write_under(&self.key, slot, plaintext, salt)
    }

    fn write_under(
        &self,
        under: &[u8; 32],
        slot: Slot,
        plaintext: &[u8],
        salt: &[u8; 32],
    ) -> anyhow::Result<()> {
        let header = Header {
            network: self.network,
            party: self.party,
            epoch: EPOCH,
            slot,
        };
        let header = domain_separated("vault-blob", &to_canonical(&header));
        let mut key = Zeroizing::new([0; 32]);
        let hkdf = Hkdf::<Sha256>::new(Some(salt), under);
        hkdf.expand(&header, &mut *key)
            .map_err(|_| anyhow!("a key's length"))?;
        let payload = Payload {
            msg: plaintext,
            aad: &header,
        };
        let sealed = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
            .encrypt(&Nonce::default(), payload)
            .map_err(|_| anyhow!("a palm does not seal"))?;
        let mut options = OpenOptions::new();
        let path = self.folder.join(format!("{:016x}", slot.0));
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&[&salt[..], &sealed].concat())?;
        Ok(())
    }
}

fn derive(
    released: &[u8; 32],
    second: Option<&[u8; 32]>,
    domain: &str,
    info: &KeyInfo,
) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    let hkdf = Hkdf::<Sha256>::new(second.map(|secret| &secret[..]), released);
    hkdf.expand(&domain_separated(domain, &to_canonical(info)), &mut *key)
        .map_err(|_| anyhow!("a key's length"))?;
    Ok(key)
}

//! Sealed stores made, and opened, with the protocol's text and tokens' files: for stores that
//! nobody has the time to enrol, and to see what is in them [KEY-5], [STO-1], [REF-3].

use std::path::Path;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use boop_abi::Slot;
use boop_wire::codec::{digest_of, domain_separated, from_canonical, to_canonical};
use boop_wire::job::PalmSide;
use boop_wire::{Digest, NetworkId, PartyIndex, RequestId, UserId};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;

use crate::simulation::machine::Disk;
use crate::simulation::network::Network;

type Bytes32 = [u8; 32];

/// Where a party keeps its peers' second secrets [KEY-5].
const ESCROW: Slot = Slot(u64::MAX);
const HEAD: Slot = Slot(0);
const SALT_BYTES: usize = 32;

#[derive(Encode)]
struct KeyInfo {
    #[n(0)]
    network: NetworkId,
    #[n(1)]
    party: PartyIndex,
    #[n(2)]
    epoch: u32,
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
    #[n(4)]
    refresh: Option<Digest>,
}

/// A token's file, as far as its keys need it.
#[derive(Decode)]
struct TokenFile {
    #[cbor(n(1), with = "minicbor::bytes")]
    root: Bytes32,
}

/// What a party keeps for a peer.
#[derive(Encode, Decode)]
pub struct Kept {
    #[n(0)]
    epoch: u32,
    /// The peer's second secret.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub secret: Bytes32,
    #[n(2)]
    next: Option<Nothing>,
    #[n(3)]
    restored: u32,
    #[n(4)]
    lease: u64,
}

/// What these stores do not have: a secret of the next epoch.
#[derive(Encode, Decode)]
pub enum Nothing {}

#[derive(Encode, Decode)]
struct Facts {
    #[n(0)]
    user: UserId,
    #[n(1)]
    side: PalmSide,
    #[n(2)]
    request: RequestId,
    #[n(3)]
    commitments: Digest,
    #[n(4)]
    preface: Digest,
}

#[derive(Encode)]
struct Link<'a> {
    #[n(0)]
    before: Digest,
    #[n(1)]
    facts: &'a Facts,
}

#[derive(Encode)]
struct SealedRecord<'a> {
    #[n(0)]
    facts: &'a Facts,
    #[cbor(n(1), with = "minicbor::bytes")]
    share: &'a [u8],
}

#[derive(Encode, Decode)]
struct StoredHead {
    #[n(0)]
    head: Head,
    #[n(1)]
    confirmed: u64,
    #[n(2)]
    origin: Option<Origin>,
}

#[derive(Encode, Decode)]
struct Origin {
    #[n(0)]
    refresh: Digest,
    #[n(1)]
    committed: bool,
}

#[derive(Decode)]
struct OpenedRecord {
    #[cbor(n(1), with = "minicbor::bytes")]
    share: Vec<u8>,
}

#[derive(Encode, Decode)]
struct Head {
    #[n(0)]
    version: u64,
    #[n(1)]
    root: Digest,
}

/// What the blobs of a store are bound to.
struct Place {
    network: NetworkId,
    party: PartyIndex,
    epoch: u32,
}

/// Seals the records of a party's store, one after the other, and then the head over them.
pub struct Sealing {
    place: Place,
    key: Bytes32,
    version: u64,
    root: Digest,
}

impl Sealing {
    /// Begins an empty store, with the tokens of a party and a peer, and what the peer's disk
    /// keeps.
    pub fn new(network: &Network, party: PartyIndex, peer: PartyIndex, disk: &Disk) -> Self {
        let (place, key) = key_of(network, (party, 0), peer, disk);
        Self {
            place,
            key,
            version: 0,
            root: digest_of("vault-root", &0_u8),
        }
    }

    /// Seals the next record: the blob, and where it belongs.
    pub fn record(&mut self, share: &[u8]) -> (Slot, Vec<u8>) {
        self.version += 1;
        let slot = Slot(self.version);
        let digest = digest_of("sealing", &self.version);
        let name = *digest.as_bytes().first_chunk().unwrap();
        let facts = Facts {
            user: UserId::new(name),
            side: PalmSide::Left,
            request: RequestId::new(name),
            commitments: digest,
            preface: digest,
        };
        let link = Link {
            before: self.root,
            facts: &facts,
        };
        self.root = digest_of("vault-root", &link);
        let plain = to_canonical(&SealedRecord {
            facts: &facts,
            share,
        });
        (slot, self.seal(slot, &plain))
    }

    /// Seals the head over all records so far.
    pub fn head(&self) -> (Slot, Vec<u8>) {
        let head = StoredHead {
            head: Head {
                version: self.version,
                root: self.root,
            },
            confirmed: self.version,
            origin: None,
        };
        (HEAD, self.seal(HEAD, &to_canonical(&head)))
    }

    fn seal(&self, slot: Slot, plain: &[u8]) -> Vec<u8> {
        let salt = *digest_of("sealing-salt", &(self.version, slot.0)).as_bytes();
        let aad = self.place.aad(slot, None);
        let payload = Payload {
            msg: plain,
            aad: &aad,
        };
        let sealed = cipher(&self.key, &aad, &salt).encrypt(&Nonce::default(), payload);
        [&salt[..], &sealed.unwrap()].concat()
    }
}

/// A party's store in an epoch, open to whoever has two tokens.
pub struct Unsealed<'a> {
    place: Place,
    key: Bytes32,
    refresh: Option<Digest>,
    disk: &'a Disk,
}

impl<'a> Unsealed<'a> {
    /// Opens the store of a party and epoch, with its token and that of a peer.
    pub fn new(
        network: &Network,
        (party, epoch): (PartyIndex, u32),
        peer: PartyIndex,
        disks: &'a [Disk; 3],
    ) -> Self {
        let [disk, peers] = [party, peer].map(|of| &disks[of.as_usize()]);
        let (place, key) = key_of(network, (party, epoch), peer, peers);
        let head = open(&key, &place.aad(HEAD, None), &disk[&place.slot(HEAD)]);
        let head: StoredHead = from_canonical(&head).unwrap();
        Self {
            place,
            key,
            refresh: head.origin.map(|origin| origin.refresh),
            disk,
        }
    }

    /// Returns the share in a record.
    pub fn share(&self, record: u64) -> Vec<u8> {
        let slot = Slot(record);
        let aad = self.place.aad(slot, self.refresh);
        let plain = open(&self.key, &aad, &self.disk[&self.place.slot(slot)]);
        let record: OpenedRecord = minicbor::decode(&plain).unwrap();
        record.share
    }
}

impl Place {
    /// Where the host keeps a blob [REF-3].
    fn slot(&self, slot: Slot) -> Slot {
        match slot {
            ESCROW => Slot(u64::MAX - u64::from(self.epoch)),
            Slot(number) => Slot((u64::from(self.epoch) << 32) | number),
        }
    }

    fn aad(&self, slot: Slot, refresh: Option<Digest>) -> Vec<u8> {
        let header = Header {
            network: self.network,
            party: self.party,
            epoch: self.epoch,
            slot,
            refresh,
        };
        domain_separated("vault-blob", &to_canonical(&header))
    }

    fn derive(&self, from: &Bytes32, salt: Option<&Bytes32>, domain: &str) -> Bytes32 {
        let info = to_canonical(&KeyInfo {
            network: self.network,
            party: self.party,
            epoch: self.epoch,
        });
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(salt.map(|salt| &salt[..]), from)
            .expand(&domain_separated(domain, &info), &mut key)
            .unwrap();
        key
    }

    /// The data key of the oldest epoch that a token has, which must be this one.
    fn data_key(&self, folder: &Path) -> Bytes32 {
        let file = std::fs::read(folder.join(format!("token-{}", self.party))).unwrap();
        let token: TokenFile = minicbor::decode(&file).unwrap();
        self.derive(&token.root, None, "data-key")
    }
}

fn key_of(
    network: &Network,
    (party, epoch): (PartyIndex, u32),
    peer: PartyIndex,
    disk: &Disk,
) -> (Place, Bytes32) {
    let place = |party| Place {
        network: network.trust.manifest().network(),
        party,
        epoch,
    };
    let (own, peer) = (place(party), place(peer));
    let escrow_key = peer.derive(&peer.data_key(network.custody_folder()), None, "escrow-key");
    let sealed = disk
        .get(&peer.slot(ESCROW))
        .expect("a peer keeps something");
    let kept = open(&escrow_key, &peer.aad(ESCROW, None), sealed);
    let kept: [Option<Kept>; 3] = from_canonical(&kept).unwrap();
    let kept = kept[party.as_usize()].as_ref();
    let secret = kept.expect("it keeps a secret of this party").secret;
    let data_key = own.data_key(network.custody_folder());
    let key = own.derive(&data_key, Some(&secret), "store-key");
    (own, key)
}

fn open(key: &Bytes32, aad: &[u8], blob: &[u8]) -> Vec<u8> {
    let (salt, msg) = blob.split_at(SALT_BYTES);
    let cipher = cipher(key, aad, salt);
    cipher
        .decrypt(&Nonce::default(), Payload { msg, aad })
        .unwrap()
}

fn cipher(key: &Bytes32, aad: &[u8], salt: &[u8]) -> Aes256Gcm {
    let mut blob_key = [0; 32];
    let hkdf = Hkdf::<Sha256>::new(Some(salt), key);
    hkdf.expand(aad, &mut blob_key).unwrap();
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(blob_key))
}

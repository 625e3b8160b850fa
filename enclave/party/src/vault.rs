//! The sealed store: what a party keeps, encrypted under a key that needs what its custodian
//! releases and what a peer keeps [STO-1], [STO-2], [KEY-5].
//!
//! The host holds numbered blobs. Blob 0 is the head (version and root), blob `n` the `n`-th
//! record. Each is AES-256-GCM under a key of its own, HKDF of the data key, the blob's place and
//! a fresh salt; its header is associated data, so a blob fits no other place, party or network.
//! The root chains over what all three parties know of a record, so equal stores have equal
//! roots.
//!
//! A refresh writes all records anew, for the next epoch [REF-3]. The blobs of two epochs stand
//! beside each other, and those of a refresh fit no other, also not one of the same epoch.

mod place;
mod reading;
mod renewal;
mod restored;

use alloc::vec;
use alloc::vec::Vec;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use boop_abi::Slot;
use boop_mpc::{Database, StoredShare};
use boop_wire::codec::{digest_of, domain_separated, from_canonical, to_canonical};
use boop_wire::job::PalmSide;
use boop_wire::{Digest, NetworkId, PartyIndex, Refusal, RequestId, UserId};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::limits::RECORDS_MAX;
use crate::secret::{Secret, derive};
pub(crate) use place::{EPOCH_MAX, place, placed};
pub(crate) use reading::Buffer;
pub(crate) use renewal::Renewal;

/// Bytes of the salt in front of each blob's ciphertext.
const SALT_BYTES: usize = 32;

/// The blob that holds the head.
pub(crate) const HEAD_SLOT: Slot = Slot(0);

/// The blob that holds what the party keeps for its peers, under a key of its own.
pub(crate) const ESCROW_SLOT: Slot = Slot(u64::MAX);

/// A blob that is not what was sealed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed blob is missing, of another place, or changed")]
pub(crate) struct DamagedBlob;

/// What all three parties know of an enrolled palm.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct RecordFacts {
    /// Whose palm.
    #[n(0)]
    pub(crate) user: UserId,
    /// Which hand.
    #[n(1)]
    pub(crate) side: PalmSide,
    /// The request that enrolled it.
    #[n(2)]
    pub(crate) request: RequestId,
    /// Digest of the commitments to the three shares as they came.
    #[n(3)]
    pub(crate) commitments: Digest,
    /// Digest of the preface of the job that enrolled it: a repeated attempt has another one, so
    /// that no share of one attempt passes for a share of the other.
    #[n(4)]
    pub(crate) preface: Digest,
}

/// A palm to be enrolled, or read back.
pub(crate) struct Record {
    pub(crate) facts: RecordFacts,
    pub(crate) share: StoredShare,
}

/// Number of records, and the chain over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Head {
    #[n(0)]
    pub(crate) version: u64,
    #[n(1)]
    pub(crate) root: Digest,
}

/// What the head's blob holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StoredHead {
    /// The head.
    #[n(0)]
    pub(crate) head: Head,
    /// The newest version that was durable at all three before anyone signed for it.
    #[n(1)]
    pub(crate) confirmed: u64,
    /// The refresh that made the epoch; the first epoch has none.
    #[n(2)]
    pub(crate) origin: Option<Origin>,
}

/// How an epoch came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Origin {
    /// Names the refresh, the same at all three.
    #[n(0)]
    pub(crate) refresh: Digest,
    /// Whether all three are known to have prepared it.
    #[n(1)]
    pub(crate) committed: bool,
}

#[derive(Encode, Decode)]
struct BlobHeader {
    #[n(0)]
    network: NetworkId,
    #[n(1)]
    party: PartyIndex,
    #[n(2)]
    epoch: u32,
    #[n(3)]
    slot: Slot,
    /// For a record, the refresh that made its epoch.
    #[n(4)]
    refresh: Option<Digest>,
}

#[derive(Encode, Decode)]
struct SealedRecord<'b> {
    #[n(0)]
    facts: RecordFacts,
    #[cbor(b(1), with = "minicbor::bytes")]
    share: &'b [u8],
}

/// Seals and opens blobs of one party and epoch.
pub(crate) struct Sealer {
    key: Zeroizing<[u8; 32]>,
    network: NetworkId,
    party: PartyIndex,
    epoch: u32,
    refresh: Option<Digest>,
}

impl Sealer {
    pub(crate) fn new(
        key: Zeroizing<[u8; 32]>,
        network: NetworkId,
        party: PartyIndex,
        epoch: u32,
    ) -> Self {
        Self {
            key,
            network,
            party,
            epoch,
            refresh: None,
        }
    }

    /// Seals and opens records of this refresh from now on.
    pub(crate) const fn bind(&mut self, refresh: Option<Digest>) {
        self.refresh = refresh;
    }

    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Opens and seals the store, whose key needs the second secret too [KEY-5].
    pub(crate) fn of_store(
        released: &[u8; 32],
        second: &Secret,
        network: NetworkId,
        party: PartyIndex,
        epoch: u32,
    ) -> Self {
        let key = derive(released, Some(second), network, party, epoch);
        Self::new(key, network, party, epoch)
    }

    /// Opens and seals what is kept for the peers.
    pub(crate) fn of_escrow(
        released: &[u8; 32],
        network: NetworkId,
        party: PartyIndex,
        epoch: u32,
    ) -> Self {
        let key = derive(released, None, network, party, epoch);
        Self::new(key, network, party, epoch)
    }

    /// Seals `plaintext` for `slot` under a fresh salt.
    pub(crate) fn seal(
        &self,
        slot: Slot,
        plaintext: &[u8],
        salt: [u8; SALT_BYTES],
    ) -> Result<Vec<u8>, DamagedBlob> {
        let header = self.header(slot);
        let payload = Payload {
            msg: plaintext,
            aad: &header,
        };
        let sealed = self
            .cipher(&header, &salt)
            .encrypt(&Nonce::default(), payload);
        let sealed = sealed.map_err(|_| DamagedBlob)?;
        Ok([&salt[..], &sealed].concat())
    }

    /// Opens what was sealed for `slot`.
    pub(crate) fn open(&self, slot: Slot, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, DamagedBlob> {
        let mut buffer = Buffer::default();
        self.open_on(&mut buffer, slot, blob)?;
        Ok(buffer.into_plaintext())
    }

    fn header(&self, slot: Slot) -> Vec<u8> {
        let header = BlobHeader {
            network: self.network,
            party: self.party,
            epoch: self.epoch,
            slot,
            refresh: self.refresh.filter(|_| slot != HEAD_SLOT),
        };
        domain_separated("vault-blob", &to_canonical(&header))
    }

    /// The key serves one salt, and so one message: the nonce may be zero.
    fn cipher(&self, header: &[u8], salt: &[u8; SALT_BYTES]) -> Aes256Gcm {
        let mut key = Zeroizing::new([0; 32]);
        let hkdf = Hkdf::<Sha256>::new(Some(salt), &*self.key);
        // 32 bytes are far below HKDF's limit of 255 hashes.
        let _ = hkdf.expand(header, &mut *key);
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
    }
}

/// The open store. The share of record `n` stands in slot `n` of the database.
pub(crate) struct Vault {
    sealer: Sealer,
    records: Vec<RecordFacts>,
    database: Database,
    roots: Vec<Digest>,
    confirmed: u64,
}

impl Vault {
    /// An empty store.
    pub(crate) fn empty(sealer: Sealer) -> Self {
        let roots = vec![genesis_root(&sealer)];
        Self {
            sealer,
            records: Vec::new(),
            database: Database::new(),
            roots,
            confirmed: 0,
        }
    }

    /// Notes how the epoch of this store came about, which the head tells; it is empty.
    pub(crate) fn begin(&mut self, origin: Option<Origin>) {
        self.sealer.bind(origin.map(|origin| origin.refresh));
        self.roots = vec![genesis_root(&self.sealer)];
    }

    /// Returns what the head's blob tells about the epoch.
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.sealer.refresh.map(|refresh| Origin {
            refresh,
            committed: true,
        })
    }

    pub(crate) const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    pub(crate) fn head(&self) -> Head {
        self.head_at(self.version())
    }

    /// Returns the head as it was at a version.
    pub(crate) fn head_at(&self, version: u64) -> Head {
        Head {
            version,
            root: self.root_at(version),
        }
    }

    /// Returns the newest version that is known to be durable at all three.
    pub(crate) const fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Notes that a version is durable at all three.
    pub(crate) const fn confirm(&mut self, version: u64) {
        self.confirmed = version;
    }

    pub(crate) fn version(&self) -> u64 {
        self.records.len() as u64
    }

    /// Returns the root after `version` records, or the genesis root if there never were as many.
    pub(crate) fn root_at(&self, version: u64) -> Digest {
        let index = usize::try_from(version).unwrap_or(usize::MAX);
        self.roots
            .get(index)
            .copied()
            .unwrap_or_else(|| genesis_root(&self.sealer))
    }

    pub(crate) fn records(&self) -> &[RecordFacts] {
        &self.records
    }

    /// Returns the shares as they were at a version; later changes do not reach the copy.
    pub(crate) fn database_at(&self, version: u64) -> Database {
        let slots = usize::try_from(version).unwrap_or(usize::MAX);
        self.database.first(slots)
    }

    /// Returns the slot of the next record, if there is room.
    pub(crate) fn next_slot(&self) -> Result<Slot, Refusal> {
        if self.version() >= RECORDS_MAX {
            return Err(Refusal::Busy);
        }
        Ok(Slot(self.version() + 1))
    }

    /// Returns the head as it will be once `facts` is the next record.
    pub(crate) fn head_with(&self, facts: &RecordFacts) -> Head {
        Head {
            version: self.version() + 1,
            root: next_root(self.head().root, facts),
        }
    }

    /// Adds a record that is durable.
    pub(crate) fn push(&mut self, record: Record) {
        self.extend(vec![record]);
    }

    /// Adds records that are durable. It is fastest with as many as are compared at once.
    pub(crate) fn extend(&mut self, records: Vec<Record>) {
        let mut shares = Vec::with_capacity(records.len());
        for Record { facts, share } in records {
            self.roots.push(next_root(self.head().root, &facts));
            self.records.push(facts);
            shares.push(share);
        }
        self.database.extend(&shares);
    }

    /// Takes back the newest record, unless it is confirmed.
    pub(crate) fn pop(&mut self) -> Option<Slot> {
        if self.version() <= self.confirmed {
            return None;
        }
        let slot = Slot(self.version());
        self.records.pop()?;
        self.database.pop();
        self.roots.pop();
        Some(slot)
    }

    /// Seals a record for its slot.
    pub(crate) fn seal_record(
        &self,
        slot: Slot,
        record: &Record,
        salt: [u8; SALT_BYTES],
    ) -> Result<Vec<u8>, DamagedBlob> {
        seal_record(&self.sealer, slot, record, salt)
    }

    /// Seals a head.
    pub(crate) fn seal_head(
        &self,
        head: Head,
        confirmed: u64,
        salt: [u8; SALT_BYTES],
    ) -> Result<Vec<u8>, DamagedBlob> {
        let origin = self.origin();
        let head = StoredHead {
            head,
            confirmed,
            origin,
        };
        seal_head(&self.sealer, head, salt)
    }
}

fn seal_record(
    sealer: &Sealer,
    slot: Slot,
    record: &Record,
    salt: [u8; SALT_BYTES],
) -> Result<Vec<u8>, DamagedBlob> {
    let share = record.share.to_bytes();
    let sealed = SealedRecord {
        facts: record.facts.clone(),
        share: &share,
    };
    let plaintext = Zeroizing::new(to_canonical(&sealed));
    sealer.seal(slot, &plaintext, salt)
}

/// Seals the head's blob.
pub(crate) fn seal_head(
    sealer: &Sealer,
    head: StoredHead,
    salt: [u8; SALT_BYTES],
) -> Result<Vec<u8>, DamagedBlob> {
    sealer.seal(HEAD_SLOT, &to_canonical(&head), salt)
}

/// Opens the head's blob.
pub(crate) fn open_head(sealer: &Sealer, blob: &[u8]) -> Result<StoredHead, DamagedBlob> {
    from_canonical(&sealer.open(HEAD_SLOT, blob)?).map_err(|_| DamagedBlob)
}

/// Where the chain begins: a refresh has a beginning of its own, so heads tell epochs apart.
fn genesis_root(sealer: &Sealer) -> Digest {
    match sealer.refresh {
        None => digest_of("vault-root", &0_u8),
        Some(refresh) => digest_of("vault-epoch", &(sealer.epoch, refresh)),
    }
}

fn next_root(root: Digest, facts: &RecordFacts) -> Digest {
    #[derive(Encode)]
    struct Link<'a> {
        #[n(0)]
        before: Digest,
        #[n(1)]
        facts: &'a RecordFacts,
    }
    digest_of(
        "vault-root",
        &Link {
            before: root,
            facts,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(party: u8) -> Sealer {
        let party = PartyIndex::new(party).unwrap();
        Sealer::new(Zeroizing::new([7; 32]), NetworkId::new([1; 32]), party, 0)
    }

    fn facts(number: u8) -> RecordFacts {
        RecordFacts {
            user: UserId::new([number; 16]),
            side: PalmSide::Left,
            request: RequestId::new([number; 16]),
            commitments: Digest::new([number; 32]),
            preface: Digest::new([number; 32]),
        }
    }

    #[test]
    fn a_blob_opens_in_its_own_place_alone() {
        let blob = sealer(0).seal(Slot(3), b"share", [9; 32]).unwrap();

        assert_eq!(&**sealer(0).open(Slot(3), &blob).unwrap(), b"share");
        assert_eq!(sealer(0).open(Slot(4), &blob).unwrap_err(), DamagedBlob);
        assert_eq!(sealer(1).open(Slot(3), &blob).unwrap_err(), DamagedBlob);
        for position in [0, SALT_BYTES, blob.len() - 1] {
            let mut changed = blob.clone();
            changed[position] ^= 1;
            assert_eq!(sealer(0).open(Slot(3), &changed).unwrap_err(), DamagedBlob);
        }
        assert_eq!(
            sealer(0).open(Slot(3), &blob[..10]).unwrap_err(),
            DamagedBlob
        );
    }

    #[test]
    fn the_root_tells_stores_of_equal_size_apart() {
        let genesis = Vault::empty(sealer(0));

        assert_eq!(genesis.head_with(&facts(1)), genesis.head_with(&facts(1)));
        assert_ne!(
            genesis.head_with(&facts(1)).root,
            genesis.head_with(&facts(2)).root
        );
        assert_eq!(genesis.head_with(&facts(1)).version, 1);
    }

    #[test]
    fn a_record_survives_sealing_and_can_be_taken_back() {
        let mut vault = Vault::empty(sealer(2));
        let share = StoredShare::from_bytes(&[5; boop_mpc::STORED_SHARE_BYTES]).unwrap();
        let record = Record {
            facts: facts(1),
            share,
        };
        let slot = vault.next_slot().unwrap();

        let blob = vault.seal_record(slot, &record, [4; 32]).unwrap();
        let opened = vault
            .open_record(&mut Buffer::default(), slot, &blob)
            .unwrap();
        let before = vault.head();
        vault.push(opened);

        assert_eq!(vault.records(), [facts(1)]);
        let kept = vault.database_at(1).get(0).unwrap();
        assert_eq!(*kept.to_bytes(), *record.share.to_bytes());
        assert_eq!(vault.pop(), Some(slot));
        assert_eq!(vault.head(), before);
    }

    #[test]
    fn a_confirmed_record_is_not_taken_back() {
        let mut vault = Vault::empty(sealer(2));
        let share = StoredShare::from_bytes(&[5; boop_mpc::STORED_SHARE_BYTES]).unwrap();
        vault.push(Record {
            facts: facts(1),
            share,
        });

        vault.confirm(1);

        assert_eq!(vault.pop(), None);
        assert_eq!(vault.version(), 1);
    }

    #[test]
    fn a_repeated_attempt_has_another_root() {
        let vault = Vault::empty(sealer(0));
        let again = RecordFacts {
            preface: Digest::new([9; 32]),
            ..facts(1)
        };

        assert_ne!(
            vault.head_with(&facts(1)).root,
            vault.head_with(&again).root
        );
    }
}

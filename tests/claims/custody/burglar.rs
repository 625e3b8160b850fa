//! Somebody with custodians' tokens and all hosts' blobs, and the protocol's text in hand.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use anyhow::{Context, Result, anyhow};
use boop_abi::Slot;
use boop_tests::simulation::machine::Disk;
use boop_tests::simulation::network::Network;
use boop_tests::simulation::sealing::Kept;
use boop_wire::codec::{domain_separated, from_canonical, to_canonical};
use boop_wire::{NetworkId, PartyIndex};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;

use super::day::{ESCROW, HEAD};

type Bytes32 = [u8; 32];

const EPOCH: u32 = 0;
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
}

/// A token's file, as far as a burglar needs it.
#[derive(Decode)]
struct TokenFile {
    #[cbor(n(1), with = "minicbor::bytes")]
    root: Bytes32,
}

/// What a burglar opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Loot {
    pub(crate) records: [usize; 3],
    pub(crate) heads: usize,
    pub(crate) escrows: usize,
}

/// Keys that the burglar has or found.
pub(crate) struct Burglar {
    network: NetworkId,
    /// Data keys, of the tokens in hand.
    pub(crate) data_keys: Vec<Bytes32>,
    /// Second secrets, out of what was opened.
    pub(crate) secrets: Vec<Bytes32>,
    /// Keys that opened something.
    pub(crate) opened_with: Vec<Bytes32>,
}

impl Burglar {
    /// Takes the tokens of these parties.
    pub(crate) fn with_tokens(network: &Network, parties: &[PartyIndex]) -> Result<Self> {
        let id = network.trust.manifest().network();
        let data_key = |party: &PartyIndex| {
            let path = network.custody_folder().join(format!("token-{party}"));
            let file = std::fs::read(path).context("a token")?;
            let token: TokenFile = minicbor::decode(&file).context("a token")?;
            derive(&token.root, None, "data-key", id, *party)
        };
        Ok(Self {
            network: id,
            data_keys: parties.iter().map(data_key).collect::<Result<_>>()?,
            secrets: Vec::new(),
            opened_with: Vec::new(),
        })
    }

    /// Tries every key that can be made of what is in hand on every blob, until nothing new opens.
    pub(crate) fn open(&mut self, disks: &[Disk; 3]) -> Result<Loot> {
        loop {
            let (loot, secrets) = self.try_all(disks)?;
            if secrets.iter().all(|secret| self.secrets.contains(secret)) {
                return Ok(loot);
            }
            self.secrets = secrets;
        }
    }

    fn try_all(&mut self, disks: &[Disk; 3]) -> Result<(Loot, Vec<Bytes32>)> {
        let (mut loot, mut secrets) = (Loot::default(), self.secrets.clone());
        for (party, disk) in PartyIndex::ALL.into_iter().zip(disks) {
            let keys = self.keys_for(party)?;
            for (slot, blob) in disk {
                let Some((key, plain)) = self.open_with_any(&keys, party, *slot, blob)? else {
                    continue;
                };
                if !self.opened_with.contains(&key) {
                    self.opened_with.push(key);
                }
                match *slot {
                    HEAD => loot.heads += 1,
                    ESCROW => {
                        loot.escrows += 1;
                        let kept: [Option<Kept>; 3] =
                            from_canonical(&plain).context("what is kept for peers")?;
                        secrets.extend(kept.into_iter().flatten().map(|kept| kept.secret));
                    }
                    Slot(_) => loot.records[party.as_usize()] += 1,
                }
            }
        }
        secrets.sort_unstable();
        secrets.dedup();
        Ok((loot, secrets))
    }

    /// Every key for a party's blobs: a data key itself, with no secret, with zeros, with each
    /// secret that was found.
    fn keys_for(&self, party: PartyIndex) -> Result<Vec<Bytes32>> {
        let mut keys = self.data_keys.clone();
        let (of, zeros) = (self.network, [0; 32]);
        for data_key in &self.data_keys {
            keys.push(derive(data_key, None, "escrow-key", of, party)?);
            keys.push(derive(data_key, None, "store-key", of, party)?);
            for secret in self.secrets.iter().chain([&zeros]) {
                keys.push(derive(data_key, Some(secret), "store-key", of, party)?);
            }
        }
        Ok(keys)
    }

    fn open_with_any(
        &self,
        keys: &[Bytes32],
        party: PartyIndex,
        slot: Slot,
        blob: &[u8],
    ) -> Result<Option<(Bytes32, Vec<u8>)>> {
        let header = to_canonical(&Header {
            network: self.network,
            party,
            epoch: EPOCH,
            slot,
        });
        let aad = domain_separated("vault-blob", &header);
        let Some((salt, msg)) = blob.split_at_checked(SALT_BYTES) else {
            return Ok(None);
        };
        for key in keys {
            let mut blob_key = [0; 32];
            let hkdf = Hkdf::<Sha256>::new(Some(salt), key);
            hkdf.expand(&aad, &mut blob_key)
                .map_err(|_| anyhow!("a key's length"))?;
            let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(blob_key));
            let payload = Payload { msg, aad: &aad };
            if let Ok(plain) = cipher.decrypt(&Nonce::default(), payload) {
                return Ok(Some((*key, plain)));
            }
        }
        Ok(None)
    }
}

fn derive(
    from: &Bytes32,
    salt: Option<&Bytes32>,
    domain: &str,
    network: NetworkId,
    party: PartyIndex,
) -> Result<Bytes32> {
    let info = to_canonical(&KeyInfo {
        network,
        party,
        epoch: EPOCH,
    });
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(salt.map(|salt| &salt[..]), from)
        .expand(&domain_separated(domain, &info), &mut key)
        .map_err(|_| anyhow!("a key's length"))?;
    Ok(key)
}

//! ML-DSA-44 cosignatures (C2SP tlog-cosignature, "ML-DSA-44 signed message"; FIPS 204).
//!
//! Unlike an Ed25519 cosignature, one of these commits to the name of its cosigner, and holds
//! against quantum computers. The module is behind the feature `ml-dsa`, which `boop-party` is
//! built without.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use ml_dsa::signature::Keypair as _;
use ml_dsa::{MlDsa44, Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::checkpoint::{Checkpoint, CheckpointParseError};
use crate::key::{KEY_ID_BYTES, KeyName};
use crate::note::{Note, NoteSignature};

/// Bytes of a public key.
pub const PUBLIC_KEY_BYTES: usize = 1312;
/// Bytes of a signature, without the time before it.
pub const SIGNATURE_BYTES: usize = 2420;

const KEY_TYPE: u8 = 0x06;
const LABEL: &[u8; 12] = b"subtree/v1\n\0";
const TIMESTAMP_BYTES: usize = 8;

/// Public key of a cosigner, under its name.
#[derive(Clone, PartialEq)]
pub struct MlDsaVerifierKey {
    name: KeyName,
    id: [u8; KEY_ID_BYTES],
    key: Box<VerifyingKey<MlDsa44>>,
}

/// Private key of a cosigner, under its name. Wiped when dropped; never printed.
pub struct MlDsaSignerKey {
    public: MlDsaVerifierKey,
    key: Box<SigningKey<MlDsa44>>,
}

/// Why a checkpoint does not count as cosigned by a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// The text of the note is no checkpoint.
    #[error("the cosigned text is no checkpoint")]
    Checkpoint(#[source] CheckpointParseError),
    /// The key's signature is wrong.
    #[error("the cosignature of key {0} is wrong")]
    BadSignature(KeyName),
    /// The key did not sign.
    #[error("key {0} did not cosign")]
    Unsigned(KeyName),
}

impl MlDsaVerifierKey {
    /// Builds a key from its parts; every string of this length is a key (FIPS 204 §7.2).
    pub fn new(name: KeyName, key: &[u8; PUBLIC_KEY_BYTES]) -> Self {
        Self::of(name, VerifyingKey::decode(key.into()))
    }

    /// Returns the name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Returns the key id: the start of `SHA-256(name || 0x0A || 0x06 || key)`.
    pub fn id(&self) -> [u8; KEY_ID_BYTES] {
        self.id
    }

    /// Returns the bytes of the key.
    pub fn public_key(&self) -> Vec<u8> {
        self.key.encode().to_vec()
    }

    /// Checks that this key cosigned the checkpoint in `note`; returns the time in seconds. Zero
    /// means that the cosigner does not say that it had seen no larger tree.
    ///
    /// # Errors
    /// When the text is no checkpoint, or the cosignature is missing or wrong.
    pub fn verify(&self, note: &Note) -> Result<u64, CosignatureError> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(CosignatureError::Checkpoint)?;
        let ours = |line: &&NoteSignature| line.name == self.name && line.id == self.id;
        let mut newest = None;
        for line in note.signatures().iter().filter(ours) {
            let time_s = self
                .time_of(&checkpoint, &line.bytes)
                .ok_or_else(|| CosignatureError::BadSignature(self.name.clone()))?;
            newest = newest.max(Some(time_s));
        }
        newest.ok_or_else(|| CosignatureError::Unsigned(self.name.clone()))
    }

    fn time_of(&self, checkpoint: &Checkpoint, bytes: &[u8]) -> Option<u64> {
        let (time, signature) = bytes.split_first_chunk::<TIMESTAMP_BYTES>()?;
        let time_s = u64::from_be_bytes(*time);
        i64::try_from(time_s).ok()?;
        let signature = Signature::<MlDsa44>::try_from(signature).ok()?;
        let message = message(&self.name, time_s, checkpoint);
        let valid = self.key.verify_with_context(&message, &[], &signature);
        valid.then_some(time_s)
    }

    fn of(name: KeyName, key: VerifyingKey<MlDsa44>) -> Self {
        let digest = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', KEY_TYPE])
            .chain_update(key.encode())
            .finalize();
        let id = [digest[0], digest[1], digest[2], digest[3]];
        let key = Box::new(key);
        Self { name, id, key }
    }
}

impl fmt::Debug for MlDsaVerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id);
        write!(f, "MlDsaVerifierKey({}+{id:08x})", self.name)
    }
}

impl MlDsaSignerKey {
    /// Builds the key of `seed`, which the caller draws from a good source and keeps secret.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        let key = Box::new(SigningKey::<MlDsa44>::from_seed(seed.into()));
        let public = MlDsaVerifierKey::of(name, key.verifying_key());
        Self { public, key }
    }

    /// Returns the public half.
    pub fn verifier(&self) -> &MlDsaVerifierKey {
        &self.public
    }

    /// Cosigns a checkpoint at a time, with the deterministic variant of FIPS 204 §5.2.
    pub fn cosign(&self, checkpoint: &Checkpoint, time_s: u64) -> NoteSignature {
        let message = message(&self.public.name, time_s, checkpoint);
        let signature = self
            .key
            .expanded_key()
            .sign_deterministic(&message, &[])
            .expect("an empty context is short enough");
        let mut bytes = Vec::from(time_s.to_be_bytes());
        bytes.extend_from_slice(&signature.encode());
        NoteSignature {
            name: self.public.name.clone(),
            id: self.public.id,
            bytes,
        }
    }
}

impl fmt::Debug for MlDsaSignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlDsaSignerKey({:?}, [secret])", self.public)
    }
}

/// Returns what is signed: `cosigned_message` of the C2SP text, for a whole tree.
fn message(cosigner: &KeyName, time_s: u64, checkpoint: &Checkpoint) -> Vec<u8> {
    let mut bytes = Vec::from(LABEL);
    push_name(&mut bytes, cosigner);
    bytes.extend_from_slice(&time_s.to_be_bytes());
    push_name(&mut bytes, &checkpoint.origin);
    bytes.extend_from_slice(&0_u64.to_be_bytes());
    bytes.extend_from_slice(&checkpoint.size.to_be_bytes());
    bytes.extend_from_slice(checkpoint.root.as_bytes());
    bytes
}

fn push_name(bytes: &mut Vec<u8>, name: &KeyName) {
    let name = name.as_str().as_bytes();
    bytes.push(u8::try_from(name.len()).expect("KEY_NAME_BYTES_MAX is 255"));
    bytes.extend_from_slice(name);
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::hash::Hash;
    use crate::key::{KeyType, SignerKey};

    #[test]
    fn the_signed_message_is_laid_out_as_the_text_says() {
        let built = message(&name("w"), 0x0102, &checkpoint(5));

        let mut expected = b"subtree/v1\n\0\x01w\0\0\0\0\0\0\x01\x02\x03log".to_vec();
        expected.extend([0; 8]);
        expected.extend([0, 0, 0, 0, 0, 0, 0, 5]);
        expected.extend([7; 32]);
        assert_eq!(built, expected);
    }

    #[test]
    fn a_cosigned_checkpoint_reads_back_and_tells_the_time() {
        let key = signer("w", 1);
        let note = cosigned(&key, &[9, 12, 3]);

        let read = Note::parse(&note.to_string()).unwrap();

        assert_eq!(read, note);
        assert_eq!(key.verifier().verify(&read), Ok(12));
        let bytes = &read.signatures()[1].bytes;
        assert_eq!(bytes.len(), TIMESTAMP_BYTES + SIGNATURE_BYTES);
    }

    #[test]
    fn a_key_made_from_its_bytes_is_the_same_key() {
        let key = signer("w", 1);
        let bytes = key.verifier().public_key().try_into().unwrap();

        let rebuilt = MlDsaVerifierKey::new(name("w"), &bytes);

        assert_eq!(&rebuilt, key.verifier());
        assert_eq!(rebuilt.verify(&cosigned(&key, &[1])), Ok(1));
        assert_ne!(MlDsaVerifierKey::new(name("x"), &bytes).id(), rebuilt.id());
    }

    #[test]
    fn a_checkpoint_that_the_key_did_not_cosign_is_refused() {
        let note = cosigned(&signer("w", 1), &[1]);

        for stranger in [signer("w", 2), signer("x", 1)] {
            let unsigned = CosignatureError::Unsigned(stranger.verifier().name().clone());
            assert_eq!(stranger.verifier().verify(&note), Err(unsigned));
        }
    }

    #[test]
    fn any_change_to_a_cosignature_or_what_it_covers_is_refused() {
        let key = signer("w", 1);
        let good = key.cosign(&checkpoint(5), 1);
        let judged = |size, change: &dyn Fn(&mut NoteSignature)| {
            let mut line = good.clone();
            change(&mut line);
            let mut note = Note::new(&checkpoint(size).text()).unwrap();
            note.add(line);
            key.verifier().verify(&note)
        };
        let bad = Err(CosignatureError::BadSignature(name("w")));

        assert_eq!(judged(5, &|_| {}), Ok(1));
        assert_eq!(judged(6, &|_| {}), bad);
        assert_eq!(judged(5, &|line| line.bytes[7] ^= 1), bad);
        assert_eq!(judged(5, &|line| line.bytes[8] ^= 1), bad);
        assert_eq!(judged(5, &|line| line.bytes.truncate(7)), bad);
        assert_eq!(judged(5, &|line| line.bytes.push(0)), bad);
    }

    #[test]
    fn a_time_beyond_the_signed_range_is_refused() {
        let key = signer("w", 1);

        let refused = key.verifier().verify(&cosigned(&key, &[1 << 63]));

        assert_eq!(refused, Err(CosignatureError::BadSignature(name("w"))));
    }

    #[test]
    fn a_text_that_is_no_checkpoint_is_refused() {
        let note = Note::new("log\n5\n").unwrap();

        let refused = signer("w", 1).verifier().verify(&note);

        let lines = CosignatureError::Checkpoint(CheckpointParseError::Lines);
        assert_eq!(refused, Err(lines));
    }

    #[test]
    fn a_signer_key_does_not_print_its_seed() {
        let printed = format!("{:?}", signer("w", 0xab));

        assert!(printed.ends_with(", [secret])") && !printed.contains("abab"));
    }

    /// The log signs, then `key` cosigns once for each time.
    fn cosigned(key: &MlDsaSignerKey, times_s: &[u64]) -> Note {
        let log = SignerKey::from_seed(name("log"), KeyType::Ed25519, &[3; 32]);
        let mut note = checkpoint(5).sign(&log);
        for time_s in times_s {
            note.add(key.cosign(&checkpoint(5), *time_s));
        }
        note
    }

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint {
            origin: name("log"),
            size,
            root: Hash([7; 32]),
        }
    }

    fn signer(cosigner: &str, seed: u8) -> MlDsaSignerKey {
        MlDsaSignerKey::from_seed(name(cosigner), &[seed; 32])
    }

    fn name(name: &str) -> KeyName {
        KeyName::new(name).unwrap()
    }
}

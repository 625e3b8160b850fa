//! Opening blob after blob in one place, without a copy of a share that is not needed [STO-1].

use alloc::vec::Vec;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Nonce, Tag};
use boop_abi::Slot;
use boop_mpc::StoredShare;
use zeroize::Zeroizing;

use super::{DamagedBlob, Record, SALT_BYTES, SealedRecord, Sealer, Vault};

/// Bytes of the tag behind each blob's ciphertext.
const TAG_BYTES: usize = 16;

/// Where blobs are decrypted, one after the other; it is wiped in the end.
#[derive(Default)]
pub(crate) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    pub(super) fn into_plaintext(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl Sealer {
    /// Opens what was sealed for `slot` where the blob before was opened. What is there after a
    /// failure is not to be used.
    pub(super) fn open_on<'b>(
        &self,
        buffer: &'b mut Buffer,
        slot: Slot,
        blob: &[u8],
    ) -> Result<&'b [u8], DamagedBlob> {
        let (salt, sealed) = blob.split_first_chunk::<SALT_BYTES>().ok_or(DamagedBlob)?;
        let (sealed, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(DamagedBlob)?;
        let header = self.header(slot);
        let Buffer(plaintext) = buffer;
        if plaintext.capacity() < sealed.len() {
            // A buffer that grows by itself would leave a copy behind.
            *plaintext = Zeroizing::new(Vec::with_capacity(sealed.len()));
        }
        plaintext.clear();
        plaintext.extend_from_slice(sealed);
        self.cipher(&header, salt)
            .decrypt_inout_detached(
                &Nonce::default(),
                &header,
                plaintext.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| DamagedBlob)?;
        Ok(plaintext)
    }
}

impl Vault {
    /// Opens the record of a slot.
    pub(crate) fn open_record(
        &self,
        buffer: &mut Buffer,
        slot: Slot,
        blob: &[u8],
    ) -> Result<Record, DamagedBlob> {
        let plaintext = self.sealer.open_on(buffer, slot, blob)?;
        let sealed: SealedRecord<'_> = minicbor::decode(plaintext).map_err(|_| DamagedBlob)?;
        if !sealed.is_encoded_as(plaintext) {
            return Err(DamagedBlob);
        }
        let share = StoredShare::from_bytes(sealed.share).map_err(|_| DamagedBlob)?;
        Ok(Record {
            facts: sealed.facts,
            share,
        })
    }
}

impl SealedRecord<'_> {
    /// Tells whether these bytes are its canonical encoding [ENC-1]. The share, which is last,
    /// has one encoding once its length has: it is not encoded again.
    fn is_encoded_as(&self, bytes: &[u8]) -> bool {
        let Some(split) = bytes.len().checked_sub(self.share.len()) else {
            return false;
        };
        let (front, share) = bytes.split_at(split);
        let mut encoder = minicbor::Encoder::new(Vec::new());
        let encoded = encoder
            .array(2)
            .and_then(|encoder| encoder.encode(&self.facts))
            .and_then(|encoder| encoder.bytes_len(self.share.len() as u64))
            .is_ok();
        encoded && encoder.writer()[..] == *front && core::ptr::eq(share, self.share)
    }
}

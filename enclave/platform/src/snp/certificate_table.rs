//! The certificate table that a SEV-SNP host hands to its guest.
//!
//! Entries of 24 bytes - GUID, offset, length, the numbers least significant byte first -
//! end with a zero entry; the certificates follow. Hosts in the field put DER there, or PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const ENTRY_BYTES: usize = 24;

/// The most entries that a table may hold.
const ENTRIES_MAX: usize = 16;

/// Endorsement key of one chip, 63da758d-e664-4564-adc5-f4b93be8accd.
pub(super) const VCEK: [u8; 16] =
    *b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd";

/// Endorsement key of a cloud, a8074bc2-a25a-483e-aae6-39c045a0b8a1.
const VLEK: [u8; 16] = *b"\xa8\x07\x4b\xc2\xa2\x5a\x48\x3e\xaa\xe6\x39\xc0\x45\xa0\xb8\xa1";

/// Issuer of endorsement keys, 4ab7b379-bbac-4fe4-a02f-05aef327c782.
pub(super) const ASK: [u8; 16] =
    *b"\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82";

/// The certificates of a host's table that a verifier has a use for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateTable {
    /// DER of the endorsement key: the chip's, or else the cloud's.
    pub leaf: Option<Vec<u8>>,
    /// DER of the certificate that issued it.
    pub intermediate: Option<Vec<u8>>,
}

/// Why a certificate table cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateTableError {
    /// The table ends before its zero entry, or has too many entries.
    #[error("the table has no end")]
    Unterminated,
    /// An entry points outside the table.
    #[error("an entry points outside the table")]
    OutOfBounds,
    /// Two entries carry the same kind of certificate.
    #[error("a certificate appears twice")]
    Duplicate,
    /// A certificate is neither DER nor PEM.
    #[error("a certificate is neither der nor pem")]
    Encoding,
}

impl CertificateTable {
    /// Reads a table; empty input is a host that supplies none.
    ///
    /// Roots and unknown entries are left out: a root from the host proves nothing.
    ///
    /// # Errors
    /// [`CertificateTableError`] names what is wrong with the table.
    pub fn parse(table: &[u8]) -> Result<Self, CertificateTableError> {
        let (mut vcek, mut vlek, mut intermediate) = (None, None, None);
        if table.is_empty() {
            return Ok(Self {
                leaf: None,
                intermediate: None,
            });
        }
        for entry in table.chunks_exact(ENTRY_BYTES).take(ENTRIES_MAX) {
            let (guid, offset, length) = split(entry);
            if guid == [0; 16] {
                return Ok(Self {
                    leaf: vcek.or(vlek),
                    intermediate,
                });
            }
            let place = match guid {
                VCEK => &mut vcek,
                VLEK => &mut vlek,
                ASK => &mut intermediate,
                _ => continue,
            };
            let bytes = offset
                .checked_add(length)
                .and_then(|end| table.get(offset..end));
            let der = to_der(bytes.ok_or(CertificateTableError::OutOfBounds)?)?;
            if place.replace(der).is_some() {
                return Err(CertificateTableError::Duplicate);
            }
        }
        Err(CertificateTableError::Unterminated)
    }

    /// Returns the leaf and then its issuer, as far as the host supplied them.
    #[must_use]
    pub fn into_endorsements(self) -> Vec<Vec<u8>> {
        self.leaf.into_iter().chain(self.intermediate).collect()
    }
}

fn split(entry: &[u8]) -> ([u8; 16], usize, usize) {
    let mut guid = [0; 16];
    let mut offset = [0; 4];
    let mut length = [0; 4];
    guid.copy_from_slice(&entry[..16]);
    offset.copy_from_slice(&entry[16..20]);
    length.copy_from_slice(&entry[20..24]);
    (
        guid,
        u32::from_le_bytes(offset) as usize,
        u32::from_le_bytes(length) as usize,
    )
}

fn to_der(bytes: &[u8]) -> Result<Vec<u8>, CertificateTableError> {
    if bytes.first() == Some(&0x30) {
        return Ok(bytes.to_vec());
    }
    let error = CertificateTableError::Encoding;
    let text = core::str::from_utf8(bytes)
        .map_err(|_| error)?
        .trim_matches(['\0', '\n', '\r', ' ']);
    let body: String = text
        .strip_prefix("-----BEGIN CERTIFICATE-----")
        .and_then(|text| text.strip_suffix("-----END CERTIFICATE-----"))
        .ok_or(error)?
        .split_ascii_whitespace()
        .collect();
    STANDARD.decode(body).map_err(|_| error)
}

/// Builds the table that a host would hand out, for the tests of both modules.
#[cfg(test)]
pub(super) fn build(entries: &[([u8; 16], &[u8])]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut offset = (entries.len() + 1) * ENTRY_BYTES;
    for (guid, bytes) in entries {
        table.extend_from_slice(guid);
        table.extend_from_slice(&u32::try_from(offset).unwrap().to_le_bytes());
        table.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
        offset += bytes.len();
    }
    table.extend_from_slice(&[0; ENTRY_BYTES]);
    entries
        .iter()
        .for_each(|(_, bytes)| table.extend_from_slice(bytes));
    table
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn leaf_and_issuer_are_found_whatever_their_order_and_the_root_is_left_out() {
        let ark = *b"\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae";
        let table = build(&[
            (ark, b"\x30root"),
            (ASK, b"\x30issuer"),
            (VCEK, b"\x30leaf"),
        ]);

        let endorsements = CertificateTable::parse(&table).unwrap().into_endorsements();

        assert_eq!(endorsements, [b"\x30leaf".to_vec(), b"\x30issuer".to_vec()]);
    }

    #[test]
    fn pem_entries_become_der() {
        let pem = b"-----BEGIN CERTIFICATE-----\nMAMC\nAQU=\n-----END CERTIFICATE-----\n\0";
        let table = build(&[(VLEK, pem)]);

        let parsed = CertificateTable::parse(&table);

        let leaf = Some(b"\x30\x03\x02\x01\x05".to_vec());
        assert_eq!(
            parsed,
            Ok(CertificateTable {
                leaf,
                intermediate: None
            })
        );
    }

    #[test]
    fn recorded_tables_of_two_hosts_hold_the_recorded_certificates() {
        let Some(vectors) = vectors() else { return };
        for case in ["milan-v5-vcek-a-gcp", "genoa-v3-vcek-b"] {
            let read = |file| std::fs::read(vectors.join(case).join(file)).unwrap();

            let table = CertificateTable::parse(&read("cert-table.bin")).unwrap();

            assert_eq!(table.leaf, Some(read("vek.der")), "{case}");
            let product = case.split('-').next().unwrap();
            let intermediate = std::fs::read(vectors.join(format!("roots/{product}-ask.der")));
            assert_eq!(table.intermediate, intermediate.ok(), "{case}");
        }
    }

    #[test]
    fn chips_key_goes_before_the_clouds() {
        let table = build(&[(VLEK, b"\x30cloud"), (VCEK, b"\x30chip")]);

        assert_eq!(
            CertificateTable::parse(&table).unwrap().leaf,
            Some(b"\x30chip".to_vec())
        );
    }

    #[test]
    fn empty_table_holds_nothing() {
        let nothing = CertificateTable {
            leaf: None,
            intermediate: None,
        };

        assert_eq!(CertificateTable::parse(&[]), Ok(nothing.clone()));
        assert_eq!(CertificateTable::parse(&build(&[])), Ok(nothing));
    }

    #[test]
    fn malformed_tables_are_refused() {
        let mut outside = build(&[(VCEK, b"\x30leaf")]);
        outside[20] = 0xff;
        let mut overflow = build(&[(VCEK, b"\x30leaf")]);
        overflow[16..24].fill(0xff);
        let unended = &build(&[(VCEK, b"\x30leaf")])[..ENTRY_BYTES * 2 - 1];
        let entries: Vec<_> = (0..17).map(|_| ([9; 16], &b"\x30"[..])).collect();

        let cases = [
            (outside.as_slice(), CertificateTableError::OutOfBounds),
            (&overflow, CertificateTableError::OutOfBounds),
            (&build(&entries), CertificateTableError::Unterminated),
            (
                &build(&[(ASK, b"\x30a"), (ASK, b"\x30b")]),
                CertificateTableError::Duplicate,
            ),
            (&build(&[(ASK, b"text")]), CertificateTableError::Encoding),
            (&build(&[(ASK, b"")]), CertificateTableError::Encoding),
        ];
        for (table, error) in cases {
            assert_eq!(CertificateTable::parse(table), Err(error));
        }
        let error = CertificateTable::parse(unended).err();
        assert_eq!(error, Some(CertificateTableError::OutOfBounds));
    }

    fn vectors() -> Option<PathBuf> {
        let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
        let folder = std::env::var_os("BOOP_VECTORS").map_or_else(beside, PathBuf::from);
        let folder = folder.join("attestation/snp");
        if folder.is_dir() {
            return Some(folder);
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is missing",
            folder.display()
        );
        std::eprintln!("the SEV-SNP vectors are not present; recorded tables are not read");
        None
    }
}

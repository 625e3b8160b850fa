//! The certificate table that an SEV-SNP host hands to its guest.
//!
//! Entries of 24 bytes - GUID, offset, length, the numbers least significant byte first -
//! end with a zero entry; the certificates follow. Hosts in the field put DER there, or PEM.
//! The host controls the table, so nothing in it is trusted: it only spares a download.

use alloc::{string::String, vec::Vec};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Report, SigningKey};
use crate::evidence::Endorsements;

const ENTRY_BYTES: usize = 24;

/// The most entries that a table may hold.
const ENTRIES_MAX: usize = 16;

/// Endorsement key of one chip, 63da758d-e664-4564-adc5-f4b93be8accd.
const VCEK: [u8; 16] = *b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd";

/// Endorsement key of a cloud, a8074bc2-a25a-483e-aae6-39c045a0b8a1.
const VLEK: [u8; 16] = *b"\xa8\x07\x4b\xc2\xa2\x5a\x48\x3e\xaa\xe6\x39\xc0\x45\xa0\xb8\xa1";

/// Issuer of endorsement keys, 4ab7b379-bbac-4fe4-a02f-05aef327c782.
const ASK: [u8; 16] = *b"\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82";

/// Root of a product, c0b406a4-a803-4952-9743-3fb6014cd0ae.
const ARK: [u8; 16] = *b"\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae";

/// Revocation list of a root, 92f81bc3-5811-4d3d-97ff-d19f88dc67ea.
const CRL: [u8; 16] = *b"\x92\xf8\x1b\xc3\x58\x11\x4d\x3d\x97\xff\xd1\x9f\x88\xdc\x67\xea";

/// What a host's table holds, as DER.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateTable {
    /// The key of the chip.
    pub vcek: Option<Vec<u8>>,
    /// The key of the cloud's fleet.
    pub vlek: Option<Vec<u8>>,
    /// The certificate that issued either.
    pub intermediate: Option<Vec<u8>>,
    /// The revocation list of the root.
    pub crl: Option<Vec<u8>>,
    /// Whether the host offered a root as well, which proves nothing and is left out.
    pub offers_root: bool,
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
    /// Reads a table; empty input is a host that supplies none. Unknown entries are left out.
    ///
    /// # Errors
    ///
    /// [`CertificateTableError`] names what is wrong with the table.
    pub fn parse(table: &[u8]) -> Result<Self, CertificateTableError> {
        let mut found = Self::default();
        if table.is_empty() {
            return Ok(found);
        }
        for entry in table.chunks_exact(ENTRY_BYTES).take(ENTRIES_MAX) {
            let (guid, offset, length) = split(entry);
            let place = match guid {
                VCEK => &mut found.vcek,
                VLEK => &mut found.vlek,
                ASK => &mut found.intermediate,
                CRL => &mut found.crl,
                ARK => {
                    found.offers_root = true;
                    continue;
                }
                _ if guid == [0; 16] => return Ok(found),
                _ => continue,
            };
            let bytes = offset
                .checked_add(length)
                .and_then(|end| table.get(offset..end))
                .ok_or(CertificateTableError::OutOfBounds)?;
            let der = certificate_to_der(bytes).ok_or(CertificateTableError::Encoding)?;
            if place.replace(der).is_some() {
                return Err(CertificateTableError::Duplicate);
            }
        }
        Err(CertificateTableError::Unterminated)
    }

    /// Gives what endorses a report: the key that it names, else the one that is there.
    #[must_use]
    pub fn endorsements_for(self, report: &Report) -> Endorsements {
        let leaf = match report.signing_key() {
            SigningKey::Vlek => self.vlek.or(self.vcek),
            SigningKey::Vcek | SigningKey::None | SigningKey::Reserved => self.vcek.or(self.vlek),
        };
        Endorsements {
            leaf,
            intermediate: self.intermediate,
            crl: self.crl,
        }
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

/// Gives the DER of a certificate or revocation list that comes as DER, or as the only block of
/// a PEM text.
pub fn certificate_to_der(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.first() == Some(&0x30) {
        return Some(bytes.to_vec());
    }
    let text = core::str::from_utf8(bytes).ok()?;
    let text = text.trim_matches(['\0', '\n', '\r', ' ']);
    let body = ["CERTIFICATE", "X509 CRL"].into_iter().find_map(|label| {
        text.strip_prefix("-----BEGIN ")?
            .strip_prefix(label)?
            .strip_prefix("-----")?
            .strip_suffix("-----")?
            .strip_suffix(label)?
            .strip_suffix("-----END ")
    })?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn each_certificate_finds_its_place_whatever_the_order_and_the_root_is_left_out() {
        let table = build(&[
            (ARK, b"\x30root"),
            (ASK, b"\x30issuer"),
            (CRL, b"\x30list"),
            (VLEK, b"\x30cloud"),
            (VCEK, b"\x30chip"),
            ([9; 16], b"whatever"),
        ]);

        let parsed = CertificateTable::parse(&table).unwrap();

        let expected = CertificateTable {
            vcek: Some(b"\x30chip".to_vec()),
            vlek: Some(b"\x30cloud".to_vec()),
            intermediate: Some(b"\x30issuer".to_vec()),
            crl: Some(b"\x30list".to_vec()),
            offers_root: true,
        };
        assert_eq!(parsed, expected);
    }

    #[test]
    fn the_report_says_which_key_endorses_it() {
        let table = build(&[(VLEK, b"\x30cloud"), (VCEK, b"\x30chip")]);
        let leaf = |key_info: u8| {
            let mut report = vec![0; crate::snp::REPORT_BYTES];
            report[0x48] = key_info;
            let report = Report::parse(&report).unwrap();
            let table = CertificateTable::parse(&table).unwrap();
            table.endorsements_for(&report).leaf
        };

        assert_eq!(leaf(0), Some(b"\x30chip".to_vec()));
        assert_eq!(leaf(1 << 2), Some(b"\x30cloud".to_vec()));
    }

    #[test]
    fn pem_entries_become_der() {
        let pem = b"-----BEGIN CERTIFICATE-----\nMAMC\nAQU=\n-----END CERTIFICATE-----\n\0";
        let table = build(&[(VLEK, pem)]);

        let parsed = CertificateTable::parse(&table).unwrap();

        assert_eq!(parsed.vlek, Some(b"\x30\x03\x02\x01\x05".to_vec()));
    }

    #[test]
    fn a_text_of_two_certificates_is_no_certificate() {
        let pem = "-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n";

        assert_eq!(certificate_to_der(pem.repeat(2).as_bytes()), None);
        assert!(certificate_to_der(pem.as_bytes()).is_some());
    }

    #[test]
    fn empty_table_holds_nothing() {
        let nothing = CertificateTable::default();

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

    /// Builds the table that a host would hand out.
    fn build(entries: &[([u8; 16], &[u8])]) -> Vec<u8> {
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
}

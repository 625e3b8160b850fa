//! SEV-SNP evidence: a report, and the host's certificates where it supplies them.
//!
//! - [`tsm`]: configfs-tsm, the report interface that kernels have had since 6.7.
//! - [`sev_guest`]: `/dev/sev-guest`, the older one, by `ioctl`.
//!
//! Both give the same bytes, and a function here checks both alike: length, and that the report
//! covers what was asked for. The certificate table is the host's, and nothing in it is
//! trusted: its entries only spare a download.

pub mod sev_guest;
pub mod tsm;

use boop_verifier::snp::{CertificateTable, Report};

pub use sev_guest::{SEV_GUEST_DEVICE, SevGuest};
pub use tsm::{TSM_REPORT_DIRECTORY, TsmReport};

use crate::{EvidenceKind, PlatformError, RawEvidence, USER_DATA_BYTES};

/// Length of a SEV-SNP report.
pub const REPORT_BYTES: usize = boop_verifier::snp::REPORT_BYTES;

const REPORT_DATA: core::ops::Range<usize> = 0x50..0x90;

/// What either interface gives.
#[derive(Debug)]
struct Answer {
    /// What should be a report.
    report: Vec<u8>,
    /// The host's certificate table; empty where it supplies none.
    table: Vec<u8>,
}

/// Makes evidence of an answer whose report is over `user_data`.
fn evidence(
    answer: Answer,
    user_data: &[u8; USER_DATA_BYTES],
) -> Result<RawEvidence, PlatformError> {
    let Answer { report, table } = answer;
    let parsed = Report::parse(&report).map_err(|_| PlatformError::ReportLength {
        bytes: report.len(),
    })?;
    if report.get(REPORT_DATA) != Some(user_data.as_slice()) {
        return Err(PlatformError::ReportData);
    }
    let found = CertificateTable::parse(&table)?.endorsements_for(&parsed);
    // An issuer without the key that it issued has no place of its own, and no use.
    let endorsements = found.leaf.map_or_else(Vec::new, |leaf| {
        [leaf].into_iter().chain(found.intermediate).collect()
    });
    Ok(RawEvidence {
        kind: EvidenceKind::Snp,
        evidence: report,
        endorsements,
    })
}

/// Reports and tables for the tests of both drivers.
#[cfg(test)]
mod samples {
    pub(super) const ASK: [u8; 16] =
        *b"\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82";
    pub(super) const VCEK: [u8; 16] =
        *b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd";
    const ENTRY_BYTES: usize = 24;

    pub(super) fn report(report_data: &[u8; 64]) -> Vec<u8> {
        let mut report = vec![0; super::REPORT_BYTES];
        report[super::REPORT_DATA].copy_from_slice(report_data);
        report[0x1a0..0x1e0].fill(0x5a);
        report
    }

    /// Builds the table that a host would hand out.
    pub(super) fn table(entries: &[([u8; 16], &[u8])]) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use boop_verifier::snp::CertificateTableError;

    use super::samples::{ASK, VCEK, report, table};
    use super::*;

    #[test]
    fn certificate_table_becomes_leaf_and_issuer() {
        let table = table(&[(ASK, b"\x30\x01\x02"), (VCEK, b"\x30\x01\x01")]);

        let evidence = evidence(answer(report(&[7; 64]), &table), &[7; 64]).unwrap();

        assert_eq!(evidence.kind, EvidenceKind::Snp);
        assert_eq!(evidence.evidence, report(&[7; 64]));
        assert_eq!(evidence.endorsements, [b"\x30\x01\x01", b"\x30\x01\x02"]);
    }

    #[test]
    fn issuer_without_a_leaf_is_left_out() {
        let table = table(&[(ASK, b"\x30\x01\x02")]);

        let evidence = evidence(answer(report(&[7; 64]), &table), &[7; 64]).unwrap();

        assert_eq!(evidence.endorsements, Vec::<Vec<u8>>::new());
    }

    #[test]
    fn report_over_other_data_is_refused() {
        let refused = evidence(answer(report(&[8; 64]), &[]), &[7; 64]);

        assert_eq!(refused, Err(PlatformError::ReportData));
    }

    #[test]
    fn report_of_another_length_is_refused() {
        let refused = evidence(answer(vec![0; 1183], &[]), &[0; 64]);

        assert_eq!(refused, Err(PlatformError::ReportLength { bytes: 1183 }));
    }

    #[test]
    fn malformed_certificate_table_is_refused() {
        let refused = evidence(answer(report(&[7; 64]), &[1; 23]), &[7; 64]);

        let error = CertificateTableError::Unterminated;
        assert_eq!(refused, Err(PlatformError::CertificateTable(error)));
    }

    fn answer(report: Vec<u8>, table: &[u8]) -> Answer {
        let table = table.to_vec();
        Answer { report, table }
    }
}

//! SEV-SNP evidence through configfs-tsm, the kernel's report interface.
//!
//! Under `/sys/kernel/config/tsm/report` a guest makes a directory; the kernel fills it with
//! files. Writing 64 bytes to `inblob` sets REPORT_DATA; reading `outblob` then gives the
//! report and `auxblob` the host's certificate table. The host controls that table, so
//! nothing in it is trusted here: its entries only spare a download.

mod certificate_table;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub use certificate_table::{CertificateTable, CertificateTableError};

use crate::{
    EvidenceKind, EvidenceSource, NONCE_BYTES, PlatformError, RawEvidence, USER_DATA_BYTES,
};

/// Where Linux shows configfs-tsm.
pub const TSM_REPORT_DIRECTORY: &str = "/sys/kernel/config/tsm/report";

/// Length of a SEV-SNP report.
pub const REPORT_BYTES: usize = 1184;

const REPORT_DATA: core::ops::Range<usize> = 0x50..0x90;
const FILE_BYTES_MAX: u64 = 65_536;

/// One entry of configfs-tsm, used for one report at a time.
#[derive(Debug)]
pub struct TsmReport {
    entry: PathBuf,
    turn: Mutex<()>,
}

impl TsmReport {
    /// Opens the entry `name` under `directory`, making it when it is not there.
    ///
    /// # Errors
    /// [`PlatformError::Io`] without configfs-tsm, [`PlatformError::WrongProvider`] when the
    /// kernel's reports are not those of SEV-SNP.
    pub fn open(directory: impl AsRef<Path>, name: &str) -> Result<Self, PlatformError> {
        let entry = directory.as_ref().join(name);
        match fs::create_dir(&entry) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(PlatformError::io("make a report entry")(error));
            }
            Ok(()) | Err(_) => {}
        }
        let report = Self {
            entry,
            turn: Mutex::new(()),
        };
        if report
            .read("provider", "read the report provider")?
            .trim_ascii()
            != b"sev_guest"
        {
            return Err(PlatformError::WrongProvider);
        }
        Ok(report)
    }

    fn read(&self, file: &str, step: &'static str) -> Result<Vec<u8>, PlatformError> {
        let mut bytes = Vec::new();
        File::open(self.entry.join(file))
            .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
            .map_err(PlatformError::io(step))?;
        Ok(bytes)
    }

    /// Sets REPORT_DATA: the kernel takes the whole value in a single write.
    fn write_inblob(&self, user_data: &[u8; USER_DATA_BYTES]) -> Result<(), PlatformError> {
        OpenOptions::new()
            .write(true)
            .open(self.entry.join("inblob"))
            .and_then(|mut file| file.write_all(user_data))
            .map_err(PlatformError::io("write the report data"))
    }

    /// Reads the host's certificates; a host that supplies none leaves the table empty.
    fn endorsements(&self) -> Result<Vec<Vec<u8>>, PlatformError> {
        let table = self.read("auxblob", "read the certificate table")?;
        Ok(CertificateTable::parse(&table)?.into_endorsements())
    }
}

impl EvidenceSource for TsmReport {
    fn attest(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        _nonce: &[u8; NONCE_BYTES],
    ) -> Result<RawEvidence, PlatformError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_inblob(user_data)?;
        let evidence = self.read("outblob", "read the report")?;
        if evidence.len() != REPORT_BYTES {
            return Err(PlatformError::ReportLength {
                bytes: evidence.len(),
            });
        }
        if evidence.get(REPORT_DATA) != Some(user_data.as_slice()) {
            return Err(PlatformError::ReportData);
        }
        let endorsements = self.endorsements()?;
        Ok(RawEvidence {
            kind: EvidenceKind::Snp,
            evidence,
            endorsements,
        })
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn report_is_read_with_the_hosts_certificates() {
        let tsm = tsm(b"sev_guest\n", &report(&[7; 64]), &[]);

        let evidence = open(&tsm).unwrap().attest(&[7; 64], &[0; 32]).unwrap();

        assert_eq!(evidence.kind, EvidenceKind::Snp);
        assert_eq!(evidence.evidence, report(&[7; 64]));
        assert_eq!(evidence.endorsements, Vec::<Vec<u8>>::new());
        assert_eq!(fs::read(tsm.path().join("boop/inblob")).unwrap(), [7; 64]);
    }

    #[test]
    fn certificate_table_becomes_leaf_and_issuer() {
        let table = certificate_table::build(&[
            (certificate_table::ASK, b"\x30\x01\x02"),
            (certificate_table::VCEK, b"\x30\x01\x01"),
        ]);
        let tsm = tsm(b"sev_guest", &report(&[7; 64]), &table);

        let evidence = open(&tsm).unwrap().attest(&[7; 64], &[0; 32]).unwrap();

        assert_eq!(evidence.endorsements, [b"\x30\x01\x01", b"\x30\x01\x02"]);
    }

    #[test]
    fn report_over_other_data_is_refused() {
        let tsm = tsm(b"sev_guest", &report(&[8; 64]), &[]);

        let answer = open(&tsm).unwrap().attest(&[7; 64], &[0; 32]);

        assert_eq!(answer, Err(PlatformError::ReportData));
    }

    #[test]
    fn report_of_another_length_is_refused() {
        let tsm = tsm(b"sev_guest", &[0; 1183], &[]);

        let answer = open(&tsm).unwrap().attest(&[0; 64], &[0; 32]);

        assert_eq!(answer, Err(PlatformError::ReportLength { bytes: 1183 }));
    }

    #[test]
    fn malformed_certificate_table_is_refused() {
        let tsm = tsm(b"sev_guest", &report(&[7; 64]), &[1; 23]);

        let answer = open(&tsm).unwrap().attest(&[7; 64], &[0; 32]);

        let error = CertificateTableError::Unterminated;
        assert_eq!(answer, Err(PlatformError::CertificateTable(error)));
    }

    #[test]
    fn other_provider_is_refused() {
        let tsm = tsm(b"tdx_guest\n", &[], &[]);

        assert_eq!(open(&tsm).err(), Some(PlatformError::WrongProvider));
    }

    #[test]
    fn kernel_without_the_interface_is_an_ordinary_error() {
        let directory = tempfile::tempdir().unwrap();

        let error = TsmReport::open(directory.path().join("none"), "boop").err();

        let kind = io::ErrorKind::NotFound;
        assert_eq!(
            error,
            Some(PlatformError::Io {
                step: "make a report entry",
                kind
            })
        );
    }

    fn open(tsm: &TempDir) -> Result<TsmReport, PlatformError> {
        TsmReport::open(tsm.path(), "boop")
    }

    fn report(report_data: &[u8; 64]) -> Vec<u8> {
        let mut report = vec![0x5a; REPORT_BYTES];
        report[REPORT_DATA].copy_from_slice(report_data);
        report
    }

    /// Lays out a directory as configfs-tsm does for one entry.
    fn tsm(provider: &[u8], outblob: &[u8], auxblob: &[u8]) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        let entry = directory.path().join("boop");
        fs::create_dir(&entry).unwrap();
        for (name, content) in [
            ("provider", provider),
            ("inblob", &[]),
            ("outblob", outblob),
            ("auxblob", auxblob),
        ] {
            fs::write(entry.join(name), content).unwrap();
        }
        directory
    }
}

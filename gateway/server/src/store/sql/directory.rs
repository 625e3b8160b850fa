//! Vendors and scanners.

use boop_wire::Digest;
use boop_wire::id::{ScannerId, TerminalId, VendorId};

use super::{SqlStore, digest, failed, is_unique_violation, name};
use crate::store::{DirectoryStore, Scanner, StoreError, Vendor};

const VENDORS: &str = "vendors";
const SCANNERS: &str = "scanners";

type VendorRow = (String, String, Vec<u8>);
type ScannerRow = (String, String, String, Vec<u8>);

impl DirectoryStore for SqlStore {
    async fn add_vendor(&self, vendor: &Vendor) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO vendors (id, name, key_sha256) VALUES ($1, $2, $3)")
            .bind(vendor.id.as_str())
            .bind(&vendor.name)
            .bind(&vendor.key.as_bytes()[..])
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn vendor(&self, id: &VendorId) -> Result<Option<Vendor>, StoreError> {
        let row: Option<VendorRow> = sqlx::query_as(
            "SELECT id, name, key_sha256 FROM vendors WHERE id = $1 AND NOT removed",
        )
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(vendor).transpose()
    }

    async fn vendor_of_key(&self, key: &Digest) -> Result<Option<Vendor>, StoreError> {
        let row: Option<VendorRow> = sqlx::query_as(
            "SELECT id, name, key_sha256 FROM vendors \
             WHERE key_sha256 = $1 AND NOT removed",
        )
        .bind(&key.as_bytes()[..])
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(vendor).transpose()
    }

    async fn add_scanner(&self, scanner: &Scanner) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "INSERT INTO scanners (id, vendor, terminal, key_sha256) VALUES ($1, $2, $3, $4)",
        )
        .bind(scanner.id.as_str())
        .bind(scanner.vendor.as_str())
        .bind(scanner.terminal.as_str())
        .bind(&scanner.key.as_bytes()[..])
        .execute(&self.writer)
        .await;
        match added {
            Ok(_) => Ok(true),
            Err(error) if is_unique_violation(&error) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    async fn scanner(&self, id: &ScannerId) -> Result<Option<Scanner>, StoreError> {
        let row: Option<ScannerRow> = sqlx::query_as(
            "SELECT id, vendor, terminal, key_sha256 FROM scanners \
             WHERE id = $1 AND NOT removed",
        )
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(scanner).transpose()
    }

    async fn scanner_of_key(&self, key: &Digest) -> Result<Option<Scanner>, StoreError> {
        let row: Option<ScannerRow> = sqlx::query_as(
            "SELECT id, vendor, terminal, key_sha256 FROM scanners \
             WHERE key_sha256 = $1 AND NOT removed",
        )
        .bind(&key.as_bytes()[..])
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(scanner).transpose()
    }

    async fn scanner_at(
        &self,
        vendor: &VendorId,
        terminal: &TerminalId,
    ) -> Result<Option<Scanner>, StoreError> {
        let row: Option<ScannerRow> = sqlx::query_as(
            "SELECT id, vendor, terminal, key_sha256 FROM scanners \
             WHERE vendor = $1 AND terminal = $2 AND NOT removed",
        )
        .bind(vendor.as_str())
        .bind(terminal.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(scanner).transpose()
    }

    async fn terminals(&self, vendor: &VendorId, max: u32) -> Result<Vec<TerminalId>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT terminal FROM scanners WHERE vendor = $1 AND NOT removed \
             ORDER BY terminal LIMIT $2",
        )
        .bind(vendor.as_str())
        .bind(i64::from(max))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter()
            .map(|(terminal,)| name(terminal, SCANNERS))
            .collect()
    }
}

fn vendor((id, shown, key): VendorRow) -> Result<Vendor, StoreError> {
    Ok(Vendor {
        id: name(&id, VENDORS)?,
        name: shown,
        key: digest(key, VENDORS)?,
    })
}

fn scanner((id, vendor, terminal, key): ScannerRow) -> Result<Scanner, StoreError> {
    Ok(Scanner {
        id: name(&id, SCANNERS)?,
        vendor: name(&vendor, SCANNERS)?,
        terminal: name(&terminal, SCANNERS)?,
        key: digest(key, SCANNERS)?,
    })
}

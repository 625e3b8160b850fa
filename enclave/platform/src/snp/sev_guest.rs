//! SEV-SNP evidence through `/dev/sev-guest`, the guest's own device.
//!
//! One `ioctl` carries a request to the AMD secure processor and brings back a response: a
//! status, a length, and the report. The *extended* request also brings the host's certificate
//! table, into room that the caller gives; a host whose table is larger says how much it wants.
//! A host that cannot serve the extended request is asked for the plain report.
//!
//! [`device`] is the edge to the kernel and [`status`] names the firmware's answers.

pub mod device;
pub mod status;

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use device::{Command, DeviceFile, Exchange, GuestDevice};
pub use status::FirmwareStatus;

use super::{Answer, REPORT_BYTES};
use crate::{EvidenceSource, NONCE_BYTES, PlatformError, RawEvidence, USER_DATA_BYTES};

/// Where Linux shows the guest's device.
pub const SEV_GUEST_DEVICE: &str = "/dev/sev-guest";

/// Room for the certificate table: as much as the kernel's driver takes (16 KiB).
pub const TABLE_BYTES: u32 = 0x4000;

/// The most room that a host's wish is granted, should a kernel take more.
pub const TABLE_BYTES_MAX: u32 = 0x10000;

/// How often a request is made that the host throttles.
pub const TRIES_MAX: u32 = 8;

/// How long a throttled request waits; the kernel has then waited by itself already.
const PAUSE: Duration = Duration::from_millis(250);

const PAGE_BYTES: u32 = 0x1000;
const STATUS: core::ops::Range<usize> = 0..4;
const LENGTH: core::ops::Range<usize> = 4..8;
const REPORT: usize = 32;

/// The host's half of `exitinfo2`: the room for certificates is too small.
const HOST_INVALID_LENGTH: u32 = 1;
/// The host's half of `exitinfo2`: too many requests.
const HOST_BUSY: u32 = 2;

/// Why the device gave no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SevGuestError {
    /// The secure processor refused the message.
    #[error("the secure processor refused the message: {0}")]
    Firmware(FirmwareStatus),
    /// The secure processor answered with an error instead of a report.
    #[error("the secure processor gave no report: {0}")]
    Report(FirmwareStatus),
    /// The host refused.
    #[error("the host refused with code {code}")]
    Host {
        /// The host's code, the upper half of `exitinfo2`.
        code: u32,
    },
    /// The host throttled every request.
    #[error("the host was busy {tries} times")]
    Busy {
        /// How often a report was asked for.
        tries: u32,
    },
    /// The host wants more room for its certificates than it gets.
    #[error("the host wants {bytes} bytes for its certificates")]
    TableLength {
        /// The length that the host wants.
        bytes: u32,
    },
}

/// The guest's device, used for one report at a time.
#[derive(Debug)]
pub struct SevGuest<D = DeviceFile> {
    device: D,
    turn: Mutex<()>,
}

impl SevGuest {
    /// Opens the device at `path`, usually [`SEV_GUEST_DEVICE`].
    ///
    /// # Errors
    /// [`PlatformError::Io`] outside a SEV-SNP guest.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PlatformError> {
        let device = DeviceFile::open(path.as_ref());
        let device = device.map_err(PlatformError::io("open the sev-guest device"))?;
        Ok(Self::new(device))
    }
}

impl<D: GuestDevice> SevGuest<D> {
    /// Takes an open device.
    pub const fn new(device: D) -> Self {
        Self {
            device,
            turn: Mutex::new(()),
        }
    }

    /// Returns the report and the host's table, with as much room as the host wants.
    fn extended(&self, user_data: &[u8; USER_DATA_BYTES]) -> Result<Answer, PlatformError> {
        let ask = |bytes| self.ask(&mut Exchange::extended_report(user_data, bytes));
        match ask(TABLE_BYTES) {
            Err(PlatformError::SevGuest(SevGuestError::TableLength { bytes }))
                if bytes > TABLE_BYTES
                    && bytes <= TABLE_BYTES_MAX
                    && bytes.is_multiple_of(PAGE_BYTES) =>
            {
                ask(bytes)
            }
            answer => answer,
        }
    }

    /// Makes a request until the host does not throttle it.
    fn ask(&self, exchange: &mut Exchange) -> Result<Answer, PlatformError> {
        for turn in 0..TRIES_MAX {
            if turn > 0 {
                self.device.pause(PAUSE);
            }
            exchange.exit_info = 0;
            let result = self.device.call(exchange);
            match judge(result, exchange) {
                Err(PlatformError::SevGuest(SevGuestError::Busy { .. })) => {}
                Err(error) => return Err(error),
                Ok(report) => {
                    let table = core::mem::take(&mut exchange.table);
                    return Ok(Answer { report, table });
                }
            }
        }
        Err(SevGuestError::Busy { tries: TRIES_MAX }.into())
    }
}

impl<D: GuestDevice> EvidenceSource for SevGuest<D> {
    fn attest(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        _nonce: &[u8; NONCE_BYTES],
    ) -> Result<RawEvidence, PlatformError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match self.extended(user_data) {
            // Certificates spare a download; a host that cannot hand them out is no obstacle.
            Err(PlatformError::SevGuest(
                SevGuestError::TableLength { .. } | SevGuestError::Host { .. },
            )) => self.ask(&mut Exchange::report(user_data))?,
            answer => answer?,
        };
        super::evidence(answer, user_data)
    }
}

/// Reads the three places where an answer can say no, from the outside in.
///
/// Some kernels since 5.19 report too small a table as success, so `exitinfo2` goes first.
fn judge(result: io::Result<()>, exchange: &Exchange) -> Result<Vec<u8>, PlatformError> {
    if !device::firmware_was_not_called(exchange.exit_info) {
        let (host, firmware) = halves(exchange.exit_info);
        match host {
            0 if firmware == 0 => {}
            0 => return Err(SevGuestError::Firmware(FirmwareStatus(firmware)).into()),
            HOST_INVALID_LENGTH if exchange.command == Command::ExtendedReport => {
                let bytes = exchange.table_bytes();
                return Err(SevGuestError::TableLength { bytes }.into());
            }
            HOST_BUSY => return Err(SevGuestError::Busy { tries: 1 }.into()),
            code => return Err(SevGuestError::Host { code }.into()),
        }
    }
    result.map_err(PlatformError::io("ask the sev-guest device"))?;
    let response = exchange.response.as_slice();
    let status = number(&response[STATUS]);
    if status != 0 {
        return Err(SevGuestError::Report(FirmwareStatus(status)).into());
    }
    let bytes = usize::try_from(number(&response[LENGTH])).unwrap_or(usize::MAX);
    if bytes != REPORT_BYTES {
        return Err(PlatformError::ReportLength { bytes });
    }
    Ok(response[REPORT..REPORT + REPORT_BYTES].to_vec())
}

/// Splits `exitinfo2` into what the host and what the firmware says.
fn halves(exit_info: u64) -> (u32, u32) {
    let bytes = exit_info.to_le_bytes();
    (number(&bytes[4..]), number(&bytes[..4]))
}

fn number(bytes: &[u8]) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(bytes);
    u32::from_le_bytes(four)
}

#[cfg(test)]
mod tests;

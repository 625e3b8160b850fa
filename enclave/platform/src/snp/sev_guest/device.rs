//! The edge to the kernel's driver: what `linux/sev-guest.h` lays out, and the `ioctl`.
//!
//! ```text
//! snp_guest_request_ioctl   0 msg_version u8 | 8 req_data | 16 resp_data | 24 exitinfo2
//! snp_report_req            0 user_data [64] | 64 vmpl u32 | 68 zero [28]
//! snp_ext_report_req        0 snp_report_req | 96 certs_address | 104 certs_len u32
//! snp_report_resp           0 data [4000]
//! ```
//!
//! An [`Exchange`] owns all the memory of one request, so that the real device and the one of
//! the tests see the same thing and only the real one handles addresses.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use rustix::ioctl::{Opcode, Updater, opcode};

use crate::USER_DATA_BYTES;

/// Length of a report request.
pub const REQUEST_BYTES: usize = 96;

/// Length of an extended report request.
pub const EXTENDED_REQUEST_BYTES: usize = 112;

/// Length of a response.
pub const RESPONSE_BYTES: usize = 4000;

/// `SNP_GET_REPORT`.
pub const GET_REPORT: Opcode = opcode::read_write::<GuestRequest>(b'S', 0);

/// `SNP_GET_EXT_REPORT`.
pub const GET_EXTENDED_REPORT: Opcode = opcode::read_write::<GuestRequest>(b'S', 2);

/// The version of the messages to the secure processor.
pub const MESSAGE_VERSION: u8 = 1;
const TABLE_ADDRESS: core::ops::Range<usize> = 96..104;
const TABLE_BYTES: core::ops::Range<usize> = 104..108;

/// What is asked of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// A report.
    Report,
    /// A report and the host's certificate table.
    ExtendedReport,
}

/// One request, and the room for its answer.
#[derive(Debug)]
pub struct Exchange {
    /// What is asked.
    pub command: Command,
    /// `struct snp_ext_report_req`, of which a plain request uses the first part. The driver
    /// writes it back when it wants more room.
    pub request: [u8; EXTENDED_REQUEST_BYTES],
    /// `struct snp_report_resp`.
    pub response: Box<[u8; RESPONSE_BYTES]>,
    /// Room for the certificate table, all zero: an empty table.
    pub table: Vec<u8>,
    /// `exitinfo2`: what firmware (lower half) and host (upper half) say.
    pub exit_info: u64,
}

impl Exchange {
    /// Asks for a report over `user_data`, at privilege level 0.
    #[must_use]
    pub fn report(user_data: &[u8; USER_DATA_BYTES]) -> Self {
        let mut request = [0; EXTENDED_REQUEST_BYTES];
        request[..USER_DATA_BYTES].copy_from_slice(user_data);
        Self {
            command: Command::Report,
            request,
            response: Box::new([0; RESPONSE_BYTES]),
            table: Vec::new(),
            exit_info: 0,
        }
    }

    /// Asks for the host's certificates too, with room for `table_bytes` of them.
    #[must_use]
    pub fn extended_report(user_data: &[u8; USER_DATA_BYTES], table_bytes: u32) -> Self {
        let mut exchange = Self::report(user_data);
        exchange.command = Command::ExtendedReport;
        exchange.request[TABLE_BYTES].copy_from_slice(&table_bytes.to_le_bytes());
        exchange.table = (0..table_bytes).map(|_| 0).collect();
        exchange
    }

    /// Returns the length of the certificate table that the request now names.
    #[must_use]
    pub fn table_bytes(&self) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.request[TABLE_BYTES]);
        u32::from_le_bytes(bytes)
    }
}

/// The device of a SEV-SNP guest: the kernel's, or a test's.
pub trait GuestDevice {
    /// Carries one request out, and fills in response, table and `exit_info`.
    ///
    /// # Errors
    /// As the kernel says; `exit_info` may say more.
    fn call(&self, exchange: &mut Exchange) -> io::Result<()>;

    /// Waits before a throttled request is made again.
    fn pause(&self, time: Duration);
}

/// Whether `exit_info` is what the kernel leaves when it called no firmware; its errors are then
/// its own. Older kernels leave 0xff.
pub(super) const fn firmware_was_not_called(exit_info: u64) -> bool {
    matches!(exit_info, u64::MAX | 0xffff_ffff | 0xff)
}

/// The kernel's device.
#[derive(Debug)]
pub struct DeviceFile(File);

impl DeviceFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }
}

impl GuestDevice for DeviceFile {
    #[expect(unsafe_code, reason = "the device answers nothing but this ioctl")]
    fn call(&self, exchange: &mut Exchange) -> io::Result<()> {
        let room = u32::try_from(exchange.table.len()).map_err(|_| ErrorKind::InvalidInput)?;
        if exchange.command == Command::ExtendedReport {
            let address = exchange.table.as_mut_ptr() as u64;
            exchange.request[TABLE_ADDRESS].copy_from_slice(&address.to_ne_bytes());
            exchange.request[TABLE_BYTES].copy_from_slice(&room.to_ne_bytes());
        }
        let mut argument = GuestRequest {
            message_version: MESSAGE_VERSION,
            request: exchange.request.as_mut_ptr() as u64,
            response: exchange.response.as_mut_ptr() as u64,
            exit_info: exchange.exit_info,
        };
        // SAFETY: both opcodes are the driver's and their argument is the structure of the type
        // given here. Its addresses are those of arrays that `exchange` owns, which stay in
        // place until the call returns: the driver reads the request and writes at most its
        // 112 bytes back, writes at most 4000 bytes of response, and writes at most as many
        // bytes of certificates as the request names, which was set above to the length of
        // `table`. A plain request is the first 96 bytes of the same array.
        // A device that is not the guest's refuses the opcode and touches nothing.
        let result = unsafe {
            match exchange.command {
                Command::Report => {
                    let command = Updater::<{ GET_REPORT }, _>::new(&mut argument);
                    rustix::ioctl::ioctl(&self.0, command)
                }
                Command::ExtendedReport => {
                    let command = Updater::<{ GET_EXTENDED_REPORT }, _>::new(&mut argument);
                    rustix::ioctl::ioctl(&self.0, command)
                }
            }
        };
        exchange.exit_info = argument.exit_info;
        Ok(result?)
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// The driver's argument, `struct snp_guest_request_ioctl`.
#[repr(C)]
pub(super) struct GuestRequest {
    pub(super) message_version: u8,
    pub(super) request: u64,
    pub(super) response: u64,
    pub(super) exit_info: u64,
}

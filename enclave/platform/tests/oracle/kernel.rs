//! The kernel's side of `/dev/sev-guest`, one to each thread, and the two functions of the C
//! library through which crate `sev` reaches it.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong};
use std::ptr;

use boop_platform::snp::sev_guest::device::{
    EXTENDED_REQUEST_BYTES, GET_EXTENDED_REPORT, GET_REPORT, REQUEST_BYTES, RESPONSE_BYTES,
};
use boop_platform::snp::sev_guest::{Command, Exchange};
use rustix::fs::{CWD, Mode, OFlags};

const DEVICE: &CStr = c"/dev/sev-guest";
const NULL_DEVICE: &CStr = c"/dev/null";
/// The most room for certificates that this kernel takes.
const TABLE_BYTES_MAX: usize = 0x10000;
const PAGE_BYTES: usize = 0x1000;
const INVALID_LENGTH: u64 = 1 << 32;
const EIO: c_int = 5;
const EINVAL: c_int = 22;
const ENOTTY: c_int = 25;

thread_local! {
    static INSTALLED: RefCell<Kernel> = RefCell::default();
}

/// A kernel with a host and a firmware behind it.
#[derive(Debug, Default)]
pub(crate) struct Kernel {
    /// The host's certificate table.
    pub(crate) table: Vec<u8>,
    /// What every call leaves in `exitinfo2`; anything but zero makes it fail.
    pub(crate) exit_info: u64,
    /// The status of every response.
    pub(crate) status: u32,
    /// What was asked by `ioctl` so far.
    pub(crate) asked: Vec<Asked>,
}

/// One request as it came.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) version: u32,
    pub(crate) command: Command,
    pub(crate) request: Vec<u8>,
}

impl Kernel {
    pub(crate) fn with_table(table: &[u8]) -> Self {
        Self {
            table: table.to_vec(),
            ..Self::default()
        }
    }

    /// Puts this kernel under the thread at hand.
    pub(crate) fn install(self) {
        INSTALLED.set(self);
    }
}

/// Returns the requests that came by `ioctl` since the kernel was installed.
pub(crate) fn taken() -> Vec<Asked> {
    INSTALLED.with_borrow_mut(|kernel| std::mem::take(&mut kernel.asked))
}

/// Returns the report that the firmware makes over `data`.
pub(crate) fn report(data: &[u8]) -> Vec<u8> {
    let mut report = vec![0; 1184];
    report[0x50..0x90].copy_from_slice(data);
    report
}

/// Does what `snp_guest_ioctl` of Linux does, up to the copies between address spaces.
pub(crate) fn serve(exchange: &mut Exchange) -> Result<(), c_int> {
    INSTALLED.with_borrow(|kernel| {
        if kernel.exit_info != 0 {
            exchange.exit_info = kernel.exit_info;
            return Err(EIO);
        }
        if exchange.command == Command::ExtendedReport {
            let room = exchange.table.len();
            if room > TABLE_BYTES_MAX || !room.is_multiple_of(PAGE_BYTES) {
                exchange.exit_info = u64::MAX;
                return Err(EINVAL);
            }
            if kernel.table.len() > room {
                let wanted = u32::try_from(kernel.table.len().next_multiple_of(PAGE_BYTES));
                exchange.request[104..108]
                    .copy_from_slice(&wanted.expect("a short table").to_le_bytes());
                exchange.exit_info = INVALID_LENGTH;
                return Err(EIO);
            }
            exchange.table[..kernel.table.len()].copy_from_slice(&kernel.table);
        }
        exchange.response[..4].copy_from_slice(&kernel.status.to_le_bytes());
        exchange.response[4..8].copy_from_slice(&1184_u32.to_le_bytes());
        exchange.response[32..1216].copy_from_slice(&report(&exchange.request[..64]));
        Ok(())
    })
}

/// Opens a file as the C library does, but for the device, in whose place it opens another.
#[expect(unsafe_code, reason = "stands in for a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: callers of `open64` give a string that ends in zero.
    let path = unsafe { CStr::from_ptr(path) };
    let path = if path == DEVICE { NULL_DEVICE } else { path };
    let flags = OFlags::from_bits_retain(flags.cast_unsigned());
    match rustix::fs::openat(CWD, path, flags, Mode::from_raw_mode(mode)) {
        Ok(file) => std::os::fd::IntoRawFd::into_raw_fd(file),
        Err(error) => fail(error.raw_os_error()),
    }
}

/// Carries out the two commands of the device, and no other.
#[expect(unsafe_code, reason = "stands in for a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(_file: c_int, command: c_ulong, argument: *mut u8) -> c_int {
    let command = match u32::try_from(command) {
        Ok(GET_REPORT) => Command::Report,
        Ok(GET_EXTENDED_REPORT) => Command::ExtendedReport,
        _ => return fail(ENOTTY),
    };
    // SAFETY: callers of these commands give a `struct snp_guest_request_ioctl` of 32 bytes
    // whose addresses point at a request and a response of the header's lengths. Nothing else
    // uses them until this function returns.
    unsafe { carry_out(command, argument) }
}

/// # Safety
/// `argument` must be valid for the driver, as it says above.
#[expect(
    unsafe_code,
    reason = "reads and writes as the kernel does, by address"
)]
unsafe fn carry_out(command: Command, argument: *mut u8) -> c_int {
    let request_bytes = match command {
        Command::Report => REQUEST_BYTES,
        Command::ExtendedReport => EXTENDED_REQUEST_BYTES,
    };
    // SAFETY: the caller vouches for the argument and the two addresses in it.
    let (version, request, response) = unsafe {
        let word = |offset| argument.add(offset).cast::<u64>().read();
        (
            argument.cast::<u32>().read(),
            ptr::with_exposed_provenance_mut::<u8>(length(word(8))),
            ptr::with_exposed_provenance_mut::<u8>(length(word(16))),
        )
    };
    let mut exchange = Exchange::report(&[0; 64]);
    exchange.command = command;
    // SAFETY: as above, and `request` of the exchange has room for either length.
    unsafe { request.copy_to(exchange.request.as_mut_ptr(), request_bytes) };
    INSTALLED.with_borrow_mut(|kernel| {
        kernel.asked.push(Asked {
            version,
            command,
            request: exchange.request[..request_bytes].to_vec(),
        });
    });
    exchange.table = vec![0; length(u64::from(exchange.table_bytes()))];
    let result = serve(&mut exchange);
    // SAFETY: as above; the address of the certificates is used only where there is room.
    unsafe {
        argument.add(24).cast::<u64>().write(exchange.exit_info);
        response.copy_from(exchange.response.as_ptr(), RESPONSE_BYTES);
        if command == Command::ExtendedReport {
            request
                .add(104)
                .copy_from(exchange.request[104..].as_ptr(), 4);
            let mut address = [0; size_of::<usize>()];
            address.copy_from_slice(&exchange.request[96..104]);
            let address = usize::from_ne_bytes(address);
            if result.is_ok() && !exchange.table.is_empty() {
                let certificates = ptr::with_exposed_provenance_mut::<u8>(address);
                certificates.copy_from(exchange.table.as_ptr(), exchange.table.len());
            }
        }
    }
    result.map_or_else(fail, |()| 0)
}

fn length(number: u64) -> usize {
    usize::try_from(number).expect("addresses have 64 bits here")
}

/// Ends a function of the C library with an error.
#[expect(unsafe_code, reason = "the C library keeps the error of the last call")]
fn fail(error: c_int) -> c_int {
    unsafe extern "C" {
        fn __errno_location() -> *mut c_int;
    }
    // SAFETY: the C library gives the address of this thread's own number.
    unsafe { __errno_location().write(error) };
    -1
}

//! The edge to the kernel's driver: one `ioctl` whose argument points at a CBOR request and at
//! room for the CBOR answer.
//!
//! ```text
//! nsm_msg   0 request iovec | 16 response iovec
//! iovec     0 address | 8 length
//! ```

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::ioctl::{Opcode, Updater, opcode};

/// Where Linux shows the security module.
pub const NSM_DEVICE: &str = "/dev/nsm";

/// The most bytes that the driver takes.
pub const REQUEST_BYTES_MAX: usize = 0x1000;

/// The most bytes that the driver returns.
pub const RESPONSE_BYTES_MAX: usize = 0x3000;

/// The driver's only command.
const NSM_REQUEST: Opcode = opcode::read_write::<NsmArgument>(0x0a, 0);

/// A Nitro security module: the kernel's, or a test's.
pub trait NsmDevice {
    /// Hands `request` to the module and returns its answer.
    ///
    /// # Errors
    /// As the kernel says.
    fn call(&self, request: &[u8]) -> io::Result<Vec<u8>>;
}

/// The kernel's device.
#[derive(Debug)]
pub struct DeviceFile(File);

impl DeviceFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let device = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self(device))
    }
}

impl NsmDevice for DeviceFile {
    #[expect(unsafe_code, reason = "the module answers nothing but this ioctl")]
    fn call(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        if request.len() > REQUEST_BYTES_MAX {
            return Err(ErrorKind::InvalidInput.into());
        }
        let mut response = vec![0; RESPONSE_BYTES_MAX];
        let mut argument = NsmArgument {
            request: Buffer {
                base: request.as_ptr().cast_mut().cast(),
                bytes: request.len(),
            },
            response: Buffer {
                base: response.as_mut_ptr().cast(),
                bytes: response.len(),
            },
        };
        // SAFETY: the opcode is that of the driver's only command, whose argument is the
        // structure of the type given here. The driver reads the first buffer, which it never
        // writes to, and writes at most the given length of the second. Both carry their true
        // lengths and stay in place until the call returns. A device that is not the module
        // refuses the opcode and touches nothing.
        unsafe {
            let command = Updater::<{ NSM_REQUEST }, NsmArgument>::new(&mut argument);
            rustix::ioctl::ioctl(&self.0, command)?;
        }
        response.truncate(argument.response.bytes);
        Ok(response)
    }
}

/// A buffer as the driver sees it, `struct iovec` of C.
#[repr(C)]
struct Buffer {
    base: *mut c_void,
    bytes: usize,
}

/// The driver's argument, `struct nsm_msg` of its header.
#[repr(C)]
struct NsmArgument {
    request: Buffer,
    response: Buffer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_number_is_the_drivers() {
        assert_eq!(NSM_REQUEST, 0xc020_0a00);
    }

    #[test]
    fn request_longer_than_the_driver_takes_is_refused_before_the_call() {
        let device = DeviceFile::open(Path::new("/dev/null")).unwrap();

        let error = device.call(&[0; REQUEST_BYTES_MAX + 1]).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.raw_os_error(), None, "the kernel was not asked");
    }
}

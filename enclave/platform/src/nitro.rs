//! Nitro Enclave evidence through `/dev/nsm`, the Nitro security module.
//!
//! The kernel driver takes one `ioctl` whose argument points at a CBOR request and at room for
//! the CBOR answer. The messages and their limits are tested; the `ioctl` itself needs a Nitro
//! Enclave and has not been run outside one.

mod message;

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::ioctl::{Opcode, Updater, opcode};

pub use message::NsmMessageError;

use crate::{
    EvidenceKind, EvidenceSource, NONCE_BYTES, PlatformError, RawEvidence, USER_DATA_BYTES,
};

/// Where Linux shows the security module.
pub const NSM_DEVICE: &str = "/dev/nsm";

/// The most bytes that the driver returns.
const RESPONSE_BYTES_MAX: usize = 0x3000;

const NSM_REQUEST: Opcode = opcode::read_write::<NsmArgument>(0x0a, 0);

/// An open Nitro security module.
#[derive(Debug)]
pub struct NitroModule {
    device: File,
}

impl NitroModule {
    /// Opens the device at `path`, usually [`NSM_DEVICE`].
    ///
    /// # Errors
    /// [`PlatformError::Io`] outside a Nitro Enclave.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PlatformError> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(PlatformError::io("open the nitro security module"))?;
        Ok(Self { device })
    }
}

impl EvidenceSource for NitroModule {
    fn attest(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<RawEvidence, PlatformError> {
        let request = message::attestation_request(user_data, nonce);
        let response = call(&self.device, request)
            .map_err(PlatformError::io("ask the nitro security module"))?;
        let evidence = message::document(&response)?;
        Ok(RawEvidence {
            kind: EvidenceKind::Nitro,
            evidence,
            endorsements: Vec::new(),
        })
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

/// Hands `request` to the driver and returns its answer.
#[expect(unsafe_code, reason = "the module answers nothing but this ioctl")]
fn call(device: &File, mut request: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut response = vec![0; RESPONSE_BYTES_MAX];
    let mut argument = NsmArgument {
        request: Buffer {
            base: request.as_mut_ptr().cast(),
            bytes: request.len(),
        },
        response: Buffer {
            base: response.as_mut_ptr().cast(),
            bytes: response.len(),
        },
    };
    // SAFETY: the opcode is that of the driver's only command, whose argument is the structure
    // of the type given here. Both buffers are vectors of this function, with their true
    // lengths, and stay in place until the call returns; the driver reads the first and writes
    // at most the given length of the second. A device that is not the module refuses the
    // opcode and touches nothing.
    unsafe {
        let command = Updater::<{ NSM_REQUEST }, NsmArgument>::new(&mut argument);
        rustix::ioctl::ioctl(device, command)?;
    }
    response.truncate(argument.response.bytes);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_without_the_module_is_an_ordinary_error() {
        let directory = tempfile::tempdir().unwrap();

        let error = NitroModule::open(directory.path().join("nsm")).err();

        let step = "open the nitro security module";
        assert_eq!(
            error,
            Some(PlatformError::Io {
                step,
                kind: io::ErrorKind::NotFound
            })
        );
    }

    #[test]
    fn device_that_is_not_the_module_refuses_the_command() {
        let module = NitroModule::open("/dev/null").unwrap();

        let answer = module.attest(&[1; 64], &[2; 32]);

        assert!(matches!(
            answer,
            Err(PlatformError::Io {
                step: "ask the nitro security module",
                ..
            })
        ));
    }

    #[test]
    fn command_number_is_the_drivers() {
        assert_eq!(NSM_REQUEST, 0xc020_0a00);
    }
}

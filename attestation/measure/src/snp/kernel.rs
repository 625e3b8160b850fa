//! The table of hashes by which a firmware knows the kernel that it may start.

use sha2::{Digest as _, Sha256};

use super::chain::PAGE_BYTES;
use super::firmware::guid;
use crate::Hex;

/// `9438d606-4f22-4cc9-b479-a793d411fd21`, as it lies in memory.
const TABLE: [u8; 16] = guid(0x9438_d606, 0x4f22, 0x4cc9, 0xb479_a793_d411_fd21);
/// `97d02dd8-bd20-4c94-aa78-e7714d36ab2a`.
const COMMAND_LINE: [u8; 16] = guid(0x97d0_2dd8, 0xbd20, 0x4c94, 0xaa78_e771_4d36_ab2a);
/// `44baf731-3a2f-4bd7-9af1-41e29169781d`.
const INITRD: [u8; 16] = guid(0x44ba_f731, 0x3a2f, 0x4bd7, 0x9af1_41e2_9169_781d);
/// `4de79437-abd2-427f-b835-d5b172d2045b`.
const KERNEL: [u8; 16] = guid(0x4de7_9437, 0xabd2, 0x427f, 0xb835_d5b1_72d2_045b);

/// GUID, length and hash.
const ENTRY_BYTES: u16 = 16 + 2 + 32;
/// Three entries after a GUID and a length.
const TABLE_BYTES: u16 = 16 + 2 + 3 * ENTRY_BYTES;
/// The table with its padding to a multiple of 16.
const PADDED_BYTES: usize = (TABLE_BYTES as usize).next_multiple_of(16);

/// SHA-256 of what a direct boot starts, as QEMU hashes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelHashes {
    /// Of the kernel's file.
    pub kernel: Hex<32>,
    /// Of the initrd's file; of nothing if there is none.
    pub initrd: Hex<32>,
    /// Of the command line and one zero byte.
    pub command_line: Hex<32>,
}

impl KernelHashes {
    /// Hashes the files. The command line is taken as it is: no blank is trimmed.
    pub fn of(kernel: &[u8], initrd: Option<&[u8]>, command_line: &str) -> Self {
        Self {
            kernel: Hex(Sha256::digest(kernel).into()),
            initrd: initrd
                .map_or_else(Self::no_initrd, |initrd| Hex(Sha256::digest(initrd).into())),
            command_line: Self::of_command_line(command_line),
        }
    }

    /// Returns the hash that stands for an absent initrd.
    pub fn no_initrd() -> Hex<32> {
        Hex(Sha256::digest([]).into())
    }

    /// Hashes a command line with the zero byte that ends it.
    pub fn of_command_line(text: &str) -> Hex<32> {
        let hash = Sha256::new().chain_update(text).chain_update([0]);
        Hex(hash.finalize().into())
    }

    /// Returns the table with its padding.
    pub(super) fn table(&self) -> [u8; PADDED_BYTES] {
        let entries = [
            (COMMAND_LINE, self.command_line),
            (INITRD, self.initrd),
            (KERNEL, self.kernel),
        ];
        let mut bytes = Vec::with_capacity(PADDED_BYTES);
        bytes.extend(TABLE);
        bytes.extend(TABLE_BYTES.to_le_bytes());
        for (guid, hash) in entries {
            bytes.extend(guid);
            bytes.extend(ENTRY_BYTES.to_le_bytes());
            bytes.extend(hash.0);
        }
        let mut table = [0; PADDED_BYTES];
        table[..bytes.len()].copy_from_slice(&bytes);
        table
    }

    /// Returns the page in which the table begins at an offset; `None` if it does not fit.
    pub(super) fn page(&self, offset: usize) -> Option<[u8; PAGE_BYTES]> {
        let mut page = [0; PAGE_BYTES];
        let place = page.get_mut(offset..)?.get_mut(..PADDED_BYTES)?;
        place.copy_from_slice(&self.table());
        Some(page)
    }
}

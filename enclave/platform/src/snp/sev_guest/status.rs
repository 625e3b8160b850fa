//! Names of the secure processor's status codes (SEV-SNP firmware ABI, table of status codes).

use core::fmt;

/// What the AMD secure processor says about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirmwareStatus(
    /// The firmware's code.
    pub u32,
);

impl FirmwareStatus {
    /// Returns the name of the status, if it is a known one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        let name = match self.0 {
            0x01 => "invalid platform state",
            0x02 => "invalid guest state",
            0x03 => "invalid configuration",
            0x04 => "buffer too small",
            0x05 => "platform already owned",
            0x06 => "invalid certificate",
            0x07 => "refused by the guest policy",
            0x08 => "guest inactive",
            0x09 => "invalid address",
            0x0a => "bad signature",
            0x0b => "bad measurement",
            0x0c => "address space already owned",
            0x0d => "invalid address space",
            0x0e => "write-back of caches required",
            0x0f => "flush of data fabric required",
            0x10 => "invalid guest handle",
            0x11 => "invalid command",
            0x12 => "guest active",
            0x13 => "hardware error, memory safe",
            0x14 => "hardware error, memory unsafe",
            0x15 => "unsupported",
            0x16 => "invalid parameter",
            0x17 => "out of resources",
            0x18 => "integrity check failed",
            0x19 => "invalid page size",
            0x1a => "invalid page state",
            0x1b => "invalid metadata entry",
            0x1c => "invalid page owner",
            0x1d => "message counter exhausted",
            0x1f => "ring buffer mode ended",
            0x20 => "reverse map must be initialised",
            0x21 => "security version too low",
            0x22 => "firmware version too low",
            0x23 => "shutdown required",
            0x24 => "update failed",
            0x25 => "committed firmware must be restored",
            0x26 => "reverse map initialisation failed",
            0x27 => "key invalid, absent or not allowed",
            _ => return None,
        };
        Some(name)
    }
}

impl fmt::Display for FirmwareStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name().unwrap_or("unknown status");
        write!(out, "{name} (0x{:02x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_prints_its_name_and_code() {
        assert_eq!(FirmwareStatus(0x16).to_string(), "invalid parameter (0x16)");
        assert_eq!(FirmwareStatus(0x99).to_string(), "unknown status (0x99)");
    }
}

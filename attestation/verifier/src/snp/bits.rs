//! The two bit fields of a report: what the host may do to the guest, and how the machine is set.

/// Bits of the guest policy: what the host may do to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestPolicy(pub u64);

impl GuestPolicy {
    /// Says whether a bit is set.
    pub fn bit(self, position: u32) -> bool {
        self.0
            .checked_shr(position)
            .is_some_and(|shifted| shifted & 1 == 1)
    }

    /// Two threads per core are allowed.
    pub fn smt_allowed(self) -> bool {
        self.bit(16)
    }

    /// Bit 17, which must be one.
    pub fn reserved_one(self) -> bool {
        self.bit(17)
    }

    /// A migration agent is allowed.
    pub fn migration_agent(self) -> bool {
        self.bit(18)
    }

    /// The host may read the memory.
    pub fn debug(self) -> bool {
        self.bit(19)
    }

    /// The guest runs on one socket.
    pub fn single_socket(self) -> bool {
        self.bit(20)
    }

    /// CXL devices are allowed.
    pub fn cxl_allowed(self) -> bool {
        self.bit(21)
    }

    /// AES-256 XTS is demanded.
    pub fn mem_aes_256_xts(self) -> bool {
        self.bit(22)
    }

    /// Power readings must be off.
    pub fn rapl_disabled(self) -> bool {
        self.bit(23)
    }

    /// Ciphertext hiding is demanded.
    pub fn ciphertext_hiding(self) -> bool {
        self.bit(24)
    }

    /// Swapping of pages must be off.
    pub fn page_swap_disabled(self) -> bool {
        self.bit(25)
    }

    /// Bits without a meaning.
    pub fn reserved_bits(self) -> u64 {
        self.0 >> 26
    }
}

/// Bits of the platform information: the state of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlatformInfo(pub u64);

impl PlatformInfo {
    /// Says whether a bit is set.
    pub fn bit(self, position: u32) -> bool {
        self.0
            .checked_shr(position)
            .is_some_and(|shifted| shifted & 1 == 1)
    }

    /// Two threads per core are on.
    pub fn smt_enabled(self) -> bool {
        self.bit(0)
    }

    /// Transparent memory encryption is on.
    pub fn tsme_enabled(self) -> bool {
        self.bit(1)
    }

    /// Error correcting memory is on.
    pub fn ecc_enabled(self) -> bool {
        self.bit(2)
    }

    /// Power readings are off.
    pub fn rapl_disabled(self) -> bool {
        self.bit(3)
    }

    /// Ciphertext hiding is on.
    pub fn ciphertext_hiding_enabled(self) -> bool {
        self.bit(4)
    }

    /// Memory was checked for aliases.
    pub fn alias_check_complete(self) -> bool {
        self.bit(5)
    }

    /// Bit 6, which Turin sets and whose meaning is not published.
    pub fn bit6(self) -> bool {
        self.bit(6)
    }

    /// Trusted input and output is on.
    pub fn tio_enabled(self) -> bool {
        self.bit(7)
    }

    /// Bits above those that are defined.
    pub fn unknown_bits(self) -> u64 {
        self.0 >> 8
    }
}

//! The chain of PAGE_INFO structures whose last link is the launch digest.

use sha2::{Digest as _, Sha384};

/// Bytes of a page.
pub(crate) const PAGE_BYTES: usize = 4096;
/// Bytes of a PAGE_INFO structure.
const PAGE_INFO_BYTES: u16 = 0x70;
/// Where the hardware says that a VMSA page lies: the last page below 2^48.
const VMSA_ADDRESS: u64 = 0xffff_ffff_f000;

/// What a page is for (SEV-SNP firmware ABI, table of PAGE_TYPE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageType {
    Normal = 1,
    Vmsa = 2,
    Zero = 3,
    Unmeasured = 4,
    Secrets = 5,
    Cpuid = 6,
}

/// The digest so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain(pub(crate) [u8; 48]);

impl Chain {
    pub(crate) const START: Self = Self([0; 48]);

    /// Adds pages with contents that count.
    pub(crate) fn normal_pages(&mut self, address: u64, pages: &[[u8; PAGE_BYTES]]) {
        let addresses = (address..).step_by(PAGE_BYTES);
        for (page, address) in pages.iter().zip(addresses) {
            self.link(PageType::Normal, address, &Sha384::digest(page).into());
        }
    }

    /// Adds a VMSA page by the SHA-384 of its contents.
    pub(crate) fn vmsa(&mut self, contents: &[u8; 48]) {
        self.link(PageType::Vmsa, VMSA_ADDRESS, contents);
    }

    /// Adds pages whose contents the hardware or the host fills in.
    pub(crate) fn empty_pages(&mut self, kind: PageType, address: u64, pages: u64) {
        let addresses = (address..).step_by(PAGE_BYTES);
        for (_, address) in (0..pages).zip(addresses) {
            self.link(kind, address, &[0; 48]);
        }
    }

    fn link(&mut self, kind: PageType, address: u64, contents: &[u8; 48]) {
        let mut hash = Sha384::new();
        hash.update(self.0);
        hash.update(contents);
        hash.update(PAGE_INFO_BYTES.to_le_bytes());
        // Page type; not the migration agent's; no permissions for VMPL 3, 2, 1; reserved.
        hash.update([kind as u8, 0, 0, 0, 0, 0]);
        hash.update(address.to_le_bytes());
        self.0 = hash.finalize().into();
    }
}

//! The first state of a processor as the hypervisor writes it: a VMSA page.
//!
//! Field offsets are those of AMD's Architecture Programmer's Manual, volume 2, table B-4; what is
//! not named here is zero.

use super::chain::PAGE_BYTES;
use super::cpu::{CpuSignature, Vmm};

/// Where the first processor begins.
pub(super) const FIRST_ADDRESS: u32 = 0xffff_fff0;

/// What of a processor's state differs from launch to launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FirstState {
    /// First instruction.
    pub(super) address: u32,
    pub(super) signature: CpuSignature,
    /// SEV_FEATURES.
    pub(super) guest_features: u64,
    pub(super) vmm: Vmm,
}

/// What hypervisors do not agree on.
struct Habits {
    code_attributes: u16,
    stack_attributes: u16,
    task_attributes: u16,
    page_attribute_table: u64,
    rdx: u64,
    mxcsr: u32,
    fpu_control: u16,
}

impl FirstState {
    /// Writes the page.
    pub(super) fn page(self) -> [u8; PAGE_BYTES] {
        let habits = self.habits();
        let mut page = Page([0; PAGE_BYTES]);
        let code_base = u64::from(self.address & 0xffff_0000);
        page.segment(0x00, Segment::real_mode(0x93));
        page.segment(
            0x10,
            Segment {
                selector: 0xf000,
                base: code_base,
                ..Segment::real_mode(habits.code_attributes)
            },
        );
        page.segment(0x20, Segment::real_mode(habits.stack_attributes));
        for data in [0x30, 0x40, 0x50] {
            page.segment(data, Segment::real_mode(0x93));
        }
        for (table, attributes) in [(0x60, 0), (0x70, 0x82), (0x80, 0)] {
            page.segment(table, Segment::real_mode(attributes));
        }
        page.segment(0x90, Segment::real_mode(habits.task_attributes));
        // KVM sets EFER.SVME and CR4.MCE for every guest.
        page.u64(0xd0, 0x1000); // EFER
        page.u64(0x148, 0x40); // CR4
        page.u64(0x158, 0x10); // CR0
        page.u64(0x160, 0x400); // DR7
        page.u64(0x168, 0xffff_0ff0); // DR6
        page.u64(0x170, 0x2); // RFLAGS
        page.u64(0x178, u64::from(self.address & 0xffff)); // RIP
        page.u64(0x268, habits.page_attribute_table);
        page.u64(0x310, habits.rdx);
        page.u64(0x3b0, self.guest_features);
        page.u64(0x3e8, 0x1); // XCR0
        page.put(0x408, &habits.mxcsr.to_le_bytes());
        page.put(0x410, &habits.fpu_control.to_le_bytes());
        page.0
    }

    fn habits(self) -> Habits {
        let qemu = Habits {
            code_attributes: 0x9b,
            stack_attributes: 0x93,
            task_attributes: 0x8b,
            page_attribute_table: 0x0007_0406_0007_0406,
            rdx: u64::from(self.signature.0),
            mxcsr: 0x1f80,
            fpu_control: 0x37f,
        };
        let is_first = self.address == FIRST_ADDRESS;
        let ec2 = |rdx| Habits {
            code_attributes: if is_first { 0x9a } else { 0x9b },
            stack_attributes: 0x92,
            task_attributes: 0x83,
            page_attribute_table: 0x0007_0406_0007_0406,
            rdx,
            mxcsr: 0,
            fpu_control: 0,
        };
        match self.vmm {
            Vmm::Qemu => qemu,
            Vmm::Ec2 => ec2(0x600),
            Vmm::Ec2Before202604 => ec2(0),
            Vmm::Gce => Habits {
                page_attribute_table: 0x0007_0106,
                rdx: 0x600,
                mxcsr: 0,
                fpu_control: 0,
                ..qemu
            },
        }
    }
}

/// A segment register.
struct Segment {
    selector: u16,
    attributes: u16,
    limit: u32,
    base: u64,
}

impl Segment {
    const fn real_mode(attributes: u16) -> Self {
        Self {
            selector: 0,
            attributes,
            limit: 0xffff,
            base: 0,
        }
    }
}

struct Page([u8; PAGE_BYTES]);

impl Page {
    fn segment(&mut self, at: usize, segment: Segment) {
        self.put(at, &segment.selector.to_le_bytes());
        self.put(at + 2, &segment.attributes.to_le_bytes());
        self.put(at + 4, &segment.limit.to_le_bytes());
        self.u64(at + 8, segment.base);
    }

    fn u64(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

//! The tables at the end of a firmware for SEV-SNP guests.

use boop_measure::snp::{CpuSignature, Firmware, Launch, Vmm};

const PAGE_BYTES: usize = 4096;
/// Firmware that asks for more memory is not measured, which would take too long.
const BYTES_MAX: u64 = 64 * 4096;

pub(crate) fn run(data: &[u8]) {
    if data.is_empty() {
        return;
    }
    // Firmware is whole pages, and its tables are at the end.
    let mut file = vec![0; data.len().next_multiple_of(PAGE_BYTES) - data.len()];
    file.extend_from_slice(data);
    let Ok(firmware) = Firmware::parse(&file) else {
        return;
    };
    assert_eq!(firmware.bytes, file.len() as u64);
    assert!(firmware.check().is_ok(), "what was read is sound");
    assert_eq!(Firmware::parse(&file).as_ref(), Ok(&firmware));
    let sections = firmware.sections.iter().flatten();
    let bytes: u64 = sections.map(|section| u64::from(section.bytes)).sum();
    if bytes > BYTES_MAX {
        return;
    }
    for vmm in Vmm::ALL {
        let launch = Launch {
            firmware: &firmware,
            kernel: None,
            vmm,
            vcpus: 2,
            signature: CpuSignature::of(25, 17, 1),
            guest_features: 1,
        };
        assert_eq!(launch.digest(), launch.digest());
    }
}

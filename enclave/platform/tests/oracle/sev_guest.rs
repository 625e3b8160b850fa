//! The same questions to both drivers.

use std::time::Duration;

use boop_platform::snp::sev_guest::device::MESSAGE_VERSION;
use boop_platform::snp::sev_guest::{
    Command, Exchange, FirmwareStatus, GuestDevice, SevGuest, SevGuestError,
};
use boop_platform::{EvidenceSource, PlatformError, RawEvidence};
use sev::error::{FirmwareError, UserApiError, VmmError};
use sev::firmware::guest::Firmware;
use sev::firmware::host::{CertTableEntry, CertType};

use crate::kernel::{self, Kernel};

const DATA: [u8; 64] = *b"sixty-four bytes, each another one than its neighbours: 01234567";

#[test]
fn both_ask_for_a_report_with_the_same_bytes() {
    Kernel::default().install();

    let report = theirs().get_report(None, Some(DATA), Some(0)).unwrap();

    let asked = kernel::taken();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].version, u32::from(MESSAGE_VERSION));
    assert_eq!(asked[0].command, Command::Report);
    assert_eq!(asked[0].request, Exchange::report(&DATA).request[..96]);
    assert_eq!(report, kernel::report(&DATA));
}

#[test]
fn both_ask_for_certificates_with_the_same_bytes_and_find_the_same() {
    for leaf_bytes in [4, 0x1000, 0x3f00, 0x4800, 0xf000] {
        let (leaf, issuer) = (vec![0x30; leaf_bytes], vec![0x30, 0x31]);
        let table = CertTableEntry::cert_table_to_vec_bytes(&[
            CertTableEntry::new(CertType::ASK, issuer.clone()),
            CertTableEntry::new(CertType::VCEK, leaf.clone()),
        ]);
        let table = table.unwrap();

        Kernel::with_table(&table).install();
        let (report, found) = theirs().get_ext_report(None, Some(DATA), Some(0)).unwrap();
        let asked = kernel::taken();
        Kernel::with_table(&table).install();
        let evidence = ours().unwrap();

        let found = found.unwrap();
        let data = |kind| {
            let mut entries = found.iter().filter(|entry| entry.cert_type == kind);
            entries.next().unwrap().data.clone()
        };
        assert_eq!(data(CertType::VCEK), leaf);
        assert_eq!(data(CertType::ASK), issuer);
        assert_eq!(evidence.endorsements, [leaf, issuer]);
        assert_eq!(evidence.evidence, report);
        let last = asked.last().unwrap();
        assert_eq!(last.version, u32::from(MESSAGE_VERSION));
        assert_eq!(last.command, Command::ExtendedReport);
        let room = u32::try_from(table.len().next_multiple_of(0x1000)).unwrap();
        let same = Exchange::extended_report(&DATA, room);
        // The address is the buffer's, and the structure ends in four bytes of padding.
        assert_eq!(last.request[..96], same.request[..96]);
        assert_eq!(last.request[104..108], same.request[104..108]);
    }
}

#[test]
fn both_tell_the_same_status_codes_apart() {
    // The crate's table ends one early: it calls 0x27 unknown.
    for code in 1..0x27 {
        let kernel = Kernel {
            exit_info: u64::from(code),
            ..Kernel::default()
        };
        kernel.install();

        let error = theirs().get_report(None, Some(DATA), Some(0)).unwrap_err();

        let UserApiError::FirmwareError(FirmwareError::KnownSevError(known)) = error else {
            panic!("{code:#x}: {error}");
        };
        let is_named = FirmwareStatus(code).name().is_some();
        assert_eq!(known as u32 == code, is_named, "{code:#x}");
        let firmware = SevGuestError::Firmware(FirmwareStatus(code));
        assert_eq!(ours(), Err(firmware.into()));
    }
    assert!(FirmwareStatus(0x27).name().is_some());
    assert_eq!(FirmwareStatus(0).name(), None);
    assert_eq!(FirmwareStatus(0x28).name(), None);
}

#[test]
fn both_read_the_status_of_a_response() {
    let kernel = Kernel {
        status: 0x16,
        ..Kernel::default()
    };
    kernel.install();

    let error = theirs().get_report(None, Some(DATA), Some(0)).unwrap_err();

    let UserApiError::FirmwareError(FirmwareError::KnownSevError(known)) = error else {
        panic!("{error}");
    };
    assert_eq!(known as u32, 0x16);
    let status = SevGuestError::Report(FirmwareStatus(0x16));
    assert_eq!(ours(), Err(status.into()));
}

#[test]
fn both_know_a_host_that_throttles() {
    let kernel = Kernel {
        exit_info: 2 << 32,
        ..Kernel::default()
    };
    kernel.install();

    let error = theirs().get_report(None, Some(DATA), Some(0)).unwrap_err();

    assert!(
        matches!(
            error,
            UserApiError::VmmError(VmmError::RateLimitRetryRequest)
        ),
        "{error}"
    );
    assert_eq!(ours(), Err(SevGuestError::Busy { tries: 8 }.into()));
}

/// The crate's driver.
fn theirs() -> Firmware {
    Firmware::open().expect("the device opens")
}

/// What our driver makes of the kernel that is installed.
fn ours() -> Result<RawEvidence, PlatformError> {
    SevGuest::new(Ours).attest(&DATA, &[0; 32])
}

/// The installed kernel as our driver sees it.
struct Ours;

impl GuestDevice for Ours {
    fn call(&self, exchange: &mut Exchange) -> std::io::Result<()> {
        kernel::serve(exchange).map_err(std::io::Error::from_raw_os_error)
    }

    fn pause(&self, _time: Duration) {}
}

//! The driver against a kernel, a host and a firmware of the tests.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::mem::{offset_of, size_of};

use super::*;
use crate::EvidenceKind;
use crate::snp::samples::{ASK, VCEK, report, table};

const BUSY: u64 = 2 << 32;
const INVALID_LENGTH: u64 = 1 << 32;

#[test]
fn report_comes_with_the_hosts_certificates_in_one_request() {
    let table = table(&[(ASK, b"\x30\x02"), (VCEK, b"\x30\x01")]);
    let guest = SevGuest::new(Kernel::with_table(&table));

    let evidence = guest.attest(&[7; 64], &[0; 32]).unwrap();

    assert_eq!(evidence.kind, EvidenceKind::Snp);
    assert_eq!(evidence.evidence, report(&[7; 64]));
    assert_eq!(evidence.endorsements, [b"\x30\x01", b"\x30\x02"]);
    assert_eq!(guest.device.asked(), [(Command::ExtendedReport, 0x4000)]);
}

#[test]
fn host_without_certificates_leaves_none() {
    let guest = SevGuest::new(Kernel::with_table(&[]));

    let evidence = guest.attest(&[7; 64], &[0; 32]).unwrap();

    assert_eq!(evidence.endorsements, Vec::<Vec<u8>>::new());
}

#[test]
fn requests_have_the_bytes_of_the_kernels_header() {
    let mut data = [0; 64];
    (0..).zip(&mut data).for_each(|(index, byte)| *byte = index);

    let plain = Exchange::report(&data);
    let extended = Exchange::extended_report(&data, 0x3000);

    assert_eq!(plain.request[..64], data);
    assert_eq!(plain.request[64..], [0; 48], "level 0 and nothing else");
    assert_eq!(extended.request[..64], data);
    assert_eq!(extended.request[64..104], [0; 40], "the address comes last");
    assert_eq!(extended.request[104..], [0, 0x30, 0, 0, 0, 0, 0, 0]);
    assert_eq!(extended.table, [0; 0x3000]);
}

/// The figures are those that a C compiler gives for `linux/sev-guest.h` of Linux 6.
#[test]
fn argument_is_laid_out_as_the_kernels_header_says() {
    assert_eq!(device::GET_REPORT, 0xc020_5300);
    assert_eq!(device::GET_EXTENDED_REPORT, 0xc020_5302);
    assert_eq!(size_of::<device::GuestRequest>(), 32);
    assert_eq!(offset_of!(device::GuestRequest, message_version), 0);
    assert_eq!(offset_of!(device::GuestRequest, request), 8);
    assert_eq!(offset_of!(device::GuestRequest, response), 16);
    assert_eq!(offset_of!(device::GuestRequest, exit_info), 24);
    assert_eq!(device::REQUEST_BYTES, 96);
    assert_eq!(device::EXTENDED_REQUEST_BYTES, 112);
    assert_eq!(device::RESPONSE_BYTES, 4000);
}

#[test]
fn host_that_wants_more_room_gets_it_whether_the_kernel_fails_or_not() {
    let large = table(&[(VCEK, &[0x30; 0x4800])]);
    for errno in [Some(ErrorKind::Other), None] {
        let kernel = Kernel::with_table(&large);
        *kernel.small_table_error.borrow_mut() = errno;
        let guest = SevGuest::new(kernel);

        let evidence = guest.attest(&[7; 64], &[0; 32]).unwrap();

        assert_eq!(evidence.endorsements, [[0x30; 0x4800]]);
        let asked = [0x4000, 0x5000].map(|bytes| (Command::ExtendedReport, bytes));
        assert_eq!(guest.device.asked(), asked);
    }
}

#[test]
fn host_that_wants_more_room_than_it_gets_is_asked_for_the_report_alone() {
    let guest = SevGuest::new(Kernel::with_table(&[1; 0x10001]));

    let evidence = guest.attest(&[7; 64], &[0; 32]).unwrap();

    assert_eq!(evidence.evidence, report(&[7; 64]));
    assert_eq!(evidence.endorsements, Vec::<Vec<u8>>::new());
    let asked = [(Command::ExtendedReport, 0x4000), (Command::Report, 0)];
    assert_eq!(guest.device.asked(), asked);
}

#[test]
fn host_that_changes_its_mind_about_the_room_is_asked_for_the_report_alone() {
    let kernel = Kernel::with_table(&[]);
    // The first wish is granted, and so is no second one, nor a strange one.
    kernel.answers([small_table(0x5000), small_table(0x6000), ok()]);
    let guest = SevGuest::new(kernel);

    guest.attest(&[7; 64], &[0; 32]).unwrap();

    let asked = [
        (Command::ExtendedReport, 0x4000),
        (Command::ExtendedReport, 0x5000),
        (Command::Report, 0),
    ];
    assert_eq!(guest.device.asked(), asked);
    for strange in [0, 0x4000, 0x4001, 0x5001, u32::MAX] {
        let kernel = Kernel::with_table(&[]);
        kernel.answers([small_table(strange), ok()]);
        let guest = SevGuest::new(kernel);
        guest.attest(&[7; 64], &[0; 32]).unwrap();
        let asked = [(Command::ExtendedReport, 0x4000), (Command::Report, 0)];
        assert_eq!(guest.device.asked(), asked, "{strange:#x}");
    }
}

#[test]
fn host_without_the_extended_request_is_asked_for_the_report_alone() {
    let kernel = Kernel::with_table(&[]);
    kernel.answers([exit(7 << 32), ok()]);
    let guest = SevGuest::new(kernel);

    let evidence = guest.attest(&[7; 64], &[0; 32]).unwrap();

    assert_eq!(evidence.evidence, report(&[7; 64]));
}

#[test]
fn host_that_refuses_both_requests_is_named_by_its_code() {
    for (code, exit_info) in [(7, 7 << 32), (1, INVALID_LENGTH)] {
        let kernel = Kernel::with_table(&[]);
        kernel.answers([exit(7 << 32), exit(exit_info)]);

        let answer = SevGuest::new(kernel).attest(&[7; 64], &[0; 32]);

        assert_eq!(answer, Err(SevGuestError::Host { code }.into()));
    }
}

#[test]
fn throttled_request_is_made_again_after_a_pause() {
    let kernel = Kernel::with_table(&[]);
    kernel.answers([exit(BUSY), exit(BUSY), ok()]);
    let guest = SevGuest::new(kernel);

    let evidence = guest.attest(&[7; 64], &[0; 32]).unwrap();

    assert_eq!(evidence.evidence, report(&[7; 64]));
    assert_eq!(*guest.device.paused.borrow(), PAUSE * 2);
}

#[test]
fn host_that_throttles_every_request_is_given_up() {
    let kernel = Kernel::with_table(&[]);
    kernel.answers((0..9).map(|_| exit(BUSY)));
    let guest = SevGuest::new(kernel);

    let answer = guest.attest(&[7; 64], &[0; 32]);

    assert_eq!(answer, Err(SevGuestError::Busy { tries: 8 }.into()));
    assert_eq!(guest.device.asked().len(), 8);
}

#[test]
fn firmwares_refusal_keeps_its_code_and_is_not_asked_again() {
    let kernel = Kernel::with_table(&[]);
    kernel.answers([exit(0x15)]);
    let guest = SevGuest::new(kernel);

    let answer = guest.attest(&[7; 64], &[0; 32]);

    let error = SevGuestError::Firmware(FirmwareStatus(0x15));
    assert_eq!(answer, Err(error.into()));
    assert_eq!(guest.device.asked().len(), 1);
}

#[test]
fn kernels_own_errors_are_told_apart_from_the_firmwares() {
    for untouched in [0, 0xff, 0xffff_ffff, u64::MAX] {
        let kernel = Kernel::with_table(&[]);
        kernel.answers([exit(untouched)]);

        let answer = SevGuest::new(kernel).attest(&[7; 64], &[0; 32]);

        let step = "ask the sev-guest device";
        let kind = ErrorKind::Other;
        assert_eq!(answer, Err(PlatformError::Io { step, kind }));
    }
}

#[test]
fn response_with_a_status_or_another_length_is_refused() {
    let report = SevGuestError::Report;
    for (status, length, error) in [
        (0x16, 0, report(FirmwareStatus(0x16)).into()),
        (0x27, 1184, report(FirmwareStatus(0x27)).into()),
        (0, 1183, PlatformError::ReportLength { bytes: 1183 }),
        (0, 0, PlatformError::ReportLength { bytes: 0 }),
        (0, 4000, PlatformError::ReportLength { bytes: 4000 }),
    ] {
        let kernel = Kernel::with_table(&[]);
        *kernel.header.borrow_mut() = (status, length);

        let answer = SevGuest::new(kernel).attest(&[7; 64], &[0; 32]);

        assert_eq!(answer, Err(error));
    }
}

#[test]
fn report_over_other_data_is_refused() {
    let kernel = Kernel::with_table(&[]);
    *kernel.other_data.borrow_mut() = true;

    let answer = SevGuest::new(kernel).attest(&[7; 64], &[0; 32]);

    assert_eq!(answer, Err(PlatformError::ReportData));
}

#[test]
fn machine_without_the_device_is_an_ordinary_error() {
    let directory = tempfile::tempdir().unwrap();

    let error = SevGuest::open(directory.path().join("sev-guest")).err();

    let step = "open the sev-guest device";
    let kind = ErrorKind::NotFound;
    assert_eq!(error, Some(PlatformError::Io { step, kind }));
}

#[test]
fn device_that_is_not_the_guests_refuses_the_command() {
    let guest = SevGuest::open("/dev/null").unwrap();

    let answer = guest.attest(&[7; 64], &[0; 32]);

    let refused = matches!(
        answer,
        Err(PlatformError::Io {
            step: "ask the sev-guest device",
            ..
        })
    );
    assert!(refused, "{answer:?}");
}

/// One answer of the kernel: how the call ends, `exitinfo2`, and the room that is wanted.
type Answer = (io::Result<()>, u64, Option<u32>);

fn ok() -> Answer {
    (Ok(()), 0, None)
}

fn exit(exit_info: u64) -> Answer {
    (Err(ErrorKind::Other.into()), exit_info, None)
}

fn small_table(bytes: u32) -> Answer {
    (Err(ErrorKind::Other.into()), INVALID_LENGTH, Some(bytes))
}

/// The kernel's driver, with the host and the firmware behind it.
struct Kernel {
    table: Vec<u8>,
    /// How the call ends when the room is too small; kernels differ.
    small_table_error: RefCell<Option<ErrorKind>>,
    /// Status and length that the firmware's response begins with.
    header: RefCell<(u32, u32)>,
    /// Whether the report covers something else.
    other_data: RefCell<bool>,
    /// What goes before the ordinary answer, the first one last.
    script: RefCell<Vec<Answer>>,
    asked: RefCell<Vec<(Command, u32)>>,
    paused: RefCell<Duration>,
}

impl Kernel {
    fn with_table(table: &[u8]) -> Self {
        Self {
            table: table.to_vec(),
            small_table_error: RefCell::new(Some(ErrorKind::Other)),
            header: RefCell::new((0, 1184)),
            other_data: RefCell::new(false),
            script: RefCell::default(),
            asked: RefCell::default(),
            paused: RefCell::default(),
        }
    }

    fn answers(&self, script: impl IntoIterator<Item = Answer>) {
        let mut script: Vec<_> = script.into_iter().collect();
        script.reverse();
        *self.script.borrow_mut() = script;
    }

    fn asked(&self) -> Vec<(Command, u32)> {
        self.asked.borrow().clone()
    }

    fn firmware(&self, exchange: &mut Exchange) {
        let (status, length) = *self.header.borrow();
        let mut data: [u8; 64] = exchange.request[..64].try_into().unwrap();
        data[0] ^= u8::from(*self.other_data.borrow());
        exchange.response[..4].copy_from_slice(&status.to_le_bytes());
        exchange.response[4..8].copy_from_slice(&length.to_le_bytes());
        exchange.response[32..1216].copy_from_slice(&report(&data));
    }
}

impl GuestDevice for Kernel {
    fn call(&self, exchange: &mut Exchange) -> io::Result<()> {
        let room = u32::try_from(exchange.table.len()).unwrap();
        assert_eq!(room, exchange.table_bytes(), "the room is as it says");
        assert_eq!(exchange.request[64..96], [0; 32], "privilege level 0");
        assert_eq!(exchange.exit_info, 0, "nothing is left from before");
        assert!(exchange.response.iter().all(|byte| *byte == 0));
        self.asked.borrow_mut().push((exchange.command, room));
        if let Some((result, exit_info, wanted)) = self.script.borrow_mut().pop() {
            exchange.exit_info = exit_info;
            if let Some(wanted) = wanted {
                exchange.request[104..108].copy_from_slice(&wanted.to_le_bytes());
            }
            if result.is_ok() {
                self.firmware(exchange);
            }
            return result;
        }
        let pages = u32::try_from(self.table.len().div_ceil(0x1000)).unwrap();
        if exchange.command == Command::ExtendedReport && pages * 0x1000 > room {
            exchange.exit_info = INVALID_LENGTH;
            exchange.request[104..108].copy_from_slice(&(pages * 0x1000).to_le_bytes());
            return self
                .small_table_error
                .borrow()
                .map_or(Ok(()), |kind| Err(kind.into()));
        }
        if exchange.command == Command::ExtendedReport {
            exchange.table[..self.table.len()].copy_from_slice(&self.table);
        }
        self.firmware(exchange);
        Ok(())
    }

    fn pause(&self, time: Duration) {
        *self.paused.borrow_mut() += time;
    }
}

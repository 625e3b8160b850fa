//! The driver against a kernel of the tests, and against a tree of plain files.

use std::cell::RefCell;
use std::collections::BTreeMap;

use boop_verifier::snp::CertificateTableError;

use super::*;
use crate::EvidenceKind;
use crate::snp::samples::{ASK, VCEK, report, table};

#[test]
fn report_is_read_with_the_hosts_certificates() {
    let kernel = Kernel {
        table: Some(table(&[(ASK, b"\x30\x02"), (VCEK, b"\x30\x01")])),
        ..Kernel::new()
    };

    let source = TsmReport::new(kernel).unwrap();
    let evidence = source.attest(&[7; 64], &[0; 32]).unwrap();

    assert_eq!(evidence.kind, EvidenceKind::Snp);
    assert_eq!(evidence.evidence, report(&[7; 64]));
    assert_eq!(evidence.endorsements, [b"\x30\x01", b"\x30\x02"]);
}

#[test]
fn entry_is_used_as_the_kernels_text_says_and_service_attributes_stay_untouched() {
    let source = TsmReport::new(Kernel::new()).unwrap();

    source.attest(&[7; 64], &[0; 32]).unwrap();

    let used = source.attributes.used.borrow();
    let expected = [
        "read provider",
        "read privlevel_floor",
        "read generation",
        "write privlevel 0",
        "write inblob of 64",
        "read outblob",
        "read auxblob",
        "read generation",
    ];
    assert_eq!(*used, expected);
}

#[test]
fn report_that_someone_else_wrote_into_is_asked_for_again() {
    for (intruder, moment) in [
        (Intruder::Data, "read outblob"),
        (Intruder::Data, "read auxblob"),
        (Intruder::SameData, "write inblob of 64"),
        (Intruder::Option, "write privlevel 0"),
    ] {
        let kernel = Kernel {
            intruder: RefCell::new(vec![(moment, intruder)]),
            ..Kernel::new()
        };

        let source = TsmReport::new(kernel).unwrap();
        let evidence = source.attest(&[7; 64], &[0; 32]).unwrap();

        assert_eq!(evidence.evidence, report(&[7; 64]), "{moment}");
        let used = source.attributes.used.borrow();
        let asked = used.iter().filter(|line| *line == "write inblob of 64");
        assert_eq!(asked.count(), 2, "{moment}");
    }
}

#[test]
fn entry_that_never_comes_to_rest_is_given_up() {
    let writes = (0..100).map(|_| ("read outblob", Intruder::Option));
    let kernel = Kernel {
        intruder: RefCell::new(writes.collect()),
        ..Kernel::new()
    };

    let source = TsmReport::new(kernel).unwrap();
    let answer = source.attest(&[7; 64], &[0; 32]);

    assert_eq!(answer, Err(PlatformError::Contended { tries: 8 }));
}

#[test]
fn counter_may_start_again_from_below() {
    let kernel = Kernel {
        generation: RefCell::new(i32::MAX),
        ..Kernel::new()
    };

    let source = TsmReport::new(kernel).unwrap();
    let answer = source.attest(&[7; 64], &[0; 32]);

    assert_eq!(answer.unwrap().evidence, report(&[7; 64]));
    assert_eq!(*source.attributes.generation.borrow(), i32::MIN + 1);
}

#[test]
fn kernel_without_optional_attributes_gives_a_report_alone() {
    let kernel = Kernel {
        floor: None,
        table: None,
        ..Kernel::new()
    };

    let source = TsmReport::new(kernel).unwrap();
    let evidence = source.attest(&[7; 64], &[0; 32]).unwrap();

    assert_eq!(evidence.evidence, report(&[7; 64]));
    assert_eq!(evidence.endorsements, Vec::<Vec<u8>>::new());
}

#[test]
fn guest_below_privilege_level_zero_is_refused() {
    let kernel = Kernel {
        floor: Some("2\n"),
        ..Kernel::new()
    };

    let error = TsmReport::new(kernel).err();

    assert_eq!(error, Some(PlatformError::PrivilegeLevel { floor: 2 }));
}

#[test]
fn level_that_is_no_number_is_refused() {
    let kernel = Kernel {
        floor: Some("low"),
        ..Kernel::new()
    };

    let error = TsmReport::new(kernel).err();

    assert_eq!(error, Some(malformed("read the privilege level")));
}

#[test]
fn other_provider_is_refused() {
    let kernel = Kernel {
        provider: "tdx_guest\n",
        ..Kernel::new()
    };

    let error = TsmReport::new(kernel).err();

    let provider = "tdx_guest".to_owned();
    assert_eq!(error, Some(PlatformError::WrongProvider { provider }));
}

#[test]
fn malformed_certificate_table_is_refused() {
    let kernel = Kernel {
        table: Some(vec![1; 23]),
        ..Kernel::new()
    };

    let answer = TsmReport::new(kernel).unwrap().attest(&[7; 64], &[0; 32]);

    let error = CertificateTableError::Unterminated;
    assert_eq!(answer, Err(PlatformError::CertificateTable(error)));
}

#[test]
fn tree_of_files_is_read_and_written_as_configfs_is() {
    let directory = tempfile::tempdir().unwrap();
    let entry = directory.path().join("boop");
    fs::create_dir(&entry).unwrap();
    for (name, content) in [
        ("provider", "sev_guest\n"),
        ("generation", "3\n"),
        ("inblob", ""),
        ("outblob", "report"),
    ] {
        fs::write(entry.join(name), content).unwrap();
    }

    let answer = TsmReport::open(directory.path(), "boop")
        .unwrap()
        .attest(&[7; 64], &[0; 32]);

    // Plain files do not count writes, so nobody seems to have written.
    assert_eq!(answer, Err(PlatformError::Contended { tries: 8 }));
    assert_eq!(fs::read(entry.join("inblob")).unwrap(), [7; 64]);
    assert!(!entry.join("privlevel").exists(), "attributes are not made");
}

#[test]
fn kernel_without_the_interface_is_an_ordinary_error() {
    let directory = tempfile::tempdir().unwrap();

    let error = TsmReport::open(directory.path().join("none"), "boop").err();

    let step = "make a report entry";
    let kind = ErrorKind::NotFound;
    assert_eq!(error, Some(PlatformError::Io { step, kind }));
}

/// What another user of the entry writes.
#[derive(Debug, Clone, Copy)]
enum Intruder {
    Data,
    SameData,
    Option,
}

/// The kernel's side of one entry.
struct Kernel {
    provider: &'static str,
    floor: Option<&'static str>,
    table: Option<Vec<u8>>,
    generation: RefCell<i32>,
    written: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Before or after which use someone else writes what, from the last one on.
    intruder: RefCell<Vec<(&'static str, Intruder)>>,
    used: RefCell<Vec<String>>,
}

impl Kernel {
    fn new() -> Self {
        Self {
            provider: "sev_guest\n",
            floor: Some("0\n"),
            table: Some(Vec::new()),
            generation: RefCell::new(41),
            written: RefCell::default(),
            intruder: RefCell::default(),
            used: RefCell::default(),
        }
    }

    fn count(&self) {
        let mut generation = self.generation.borrow_mut();
        *generation = generation.wrapping_add(1);
    }

    /// Notes a use, and lets the intruder write if this is the moment.
    fn note(&self, line: String) {
        let mut intruder = self.intruder.borrow_mut();
        if let Some((_, what)) = intruder.pop_if(|(moment, _)| *moment == line) {
            self.count();
            let data = match what {
                Intruder::Data => Some(vec![8; 64]),
                Intruder::SameData => Some(vec![7; 64]),
                Intruder::Option => None,
            };
            let mut written = self.written.borrow_mut();
            data.map(|data| written.insert("inblob".to_owned(), data));
        }
        self.used.borrow_mut().push(line);
    }
}

impl Attributes for Kernel {
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.note(format!("read {name}"));
        let found = match name {
            "provider" => Some(self.provider.into()),
            "privlevel_floor" => self.floor.map(Into::into),
            "generation" => Some(format!("{}\n", self.generation.borrow()).into()),
            "auxblob" => self.table.clone(),
            "outblob" => {
                let written = self.written.borrow();
                let data = written.get("inblob").ok_or(ErrorKind::InvalidInput)?;
                Some(report(data.as_slice().try_into().unwrap()))
            }
            other => panic!("{other} was read"),
        };
        Ok(found.ok_or(ErrorKind::NotFound)?)
    }

    fn write(&self, name: &str, value: &[u8]) -> io::Result<()> {
        match name {
            "inblob" => self.note(format!("write inblob of {}", value.len())),
            "privlevel" if self.floor.is_none() => return Err(ErrorKind::NotFound.into()),
            other => {
                let value = String::from_utf8_lossy(value);
                self.note(format!("write {other} {value}"));
            }
        }
        self.count();
        let mut written = self.written.borrow_mut();
        written.insert(name.to_owned(), value.to_vec());
        Ok(())
    }
}

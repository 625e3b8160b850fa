//! The driver against a module of the tests, which reads requests and writes answers with the
//! vendor's own library.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

use aws_nitro_enclaves_nsm_api::api;

use super::*;

const CONFIG: [u8; 32] = [7; 32];

#[test]
fn document_binds_what_was_asked_for() {
    let module = NitroModule::new(Module::new());

    let evidence = module.attest(&[1; 64], &[2; 32]).unwrap();

    assert_eq!(evidence.kind, EvidenceKind::Nitro);
    assert_eq!(evidence.evidence, [[1; 64].as_slice(), &[2; 32]].concat());
    assert_eq!(evidence.endorsements, Vec::<Vec<u8>>::new());
}

#[test]
fn every_refusal_of_the_module_is_handed_on() {
    use api::ErrorCode as Vendors;
    for (vendors, code) in [
        (Vendors::InvalidArgument, ErrorCode::InvalidArgument),
        (Vendors::InternalError, ErrorCode::InternalError),
    ] {
        let module = Module::new();
        module.answer(serde_cbor::to_vec(&api::Response::Error(vendors)).unwrap());

        let answer = NitroModule::new(module).attest(&[1; 64], &[2; 32]);

        assert_eq!(answer, Err(NsmMessageError::Refused { code }.into()));
    }
}

#[test]
fn answer_to_something_else_or_none_is_malformed() {
    let locked = serde_cbor::to_vec(&api::Response::LockPCR).unwrap();
    for bytes in [locked, vec![], vec![0xff; 12_288], vec![0; 20_000]] {
        let answer = |bytes: &[u8]| {
            let module = Module::new();
            module.answer(bytes.to_vec());
            NitroModule::new(module)
        };

        let malformed = PlatformError::Nsm(NsmMessageError::Malformed);
        let document = answer(&bytes).attest(&[1; 64], &[2; 32]);
        assert_eq!(document, Err(malformed.clone()));
        assert_eq!(answer(&bytes).describe(), Err(malformed.clone()));
        assert_eq!(answer(&bytes).register(0), Err(malformed));
    }
}

#[test]
fn driver_that_fails_is_an_ordinary_error() {
    let module = Module::new();
    *module.broken.borrow_mut() = true;

    let answer = NitroModule::new(module).attest(&[1; 64], &[2; 32]);

    let step = "ask the nitro security module";
    let kind = ErrorKind::TimedOut;
    assert_eq!(answer, Err(PlatformError::Io { step, kind }));
}

#[test]
fn module_says_what_it_is() {
    let description = NitroModule::new(Module::new()).describe().unwrap();

    let expected = ModuleDescription {
        version: [1, 0, 0],
        module_id: "i-1-enc2".to_owned(),
        registers: 32,
        locked: (0..16).collect(),
        digest: "SHA384".to_owned(),
    };
    assert_eq!(description, expected);
}

#[test]
fn register_is_extended_once_and_locked() {
    let module = NitroModule::new(Module::new());

    let value = module.extend_and_lock(16, &CONFIG).unwrap();

    // The digest was computed with another program.
    let expected = "5f07b4fb7ac61503";
    assert_eq!(hex(&value[..8]), expected);
    let state = module.register(16).unwrap();
    assert_eq!((state.locked, state.value), (true, value));
}

#[test]
fn program_that_starts_again_finds_the_register_as_it_left_it() {
    let module = NitroModule::new(Module::new());
    let first = module.extend_and_lock(16, &CONFIG).unwrap();

    let second = module.extend_and_lock(16, &CONFIG);
    let other = module.extend_and_lock(16, &[8; 32]);

    assert_eq!(second, Ok(first));
    assert_eq!(other, Err(RegisterError::Locked { index: 16 }.into()));
}

#[test]
fn register_that_someone_extended_before_is_refused() {
    let module = NitroModule::new(Module::new());
    let data = CONFIG.to_vec();
    let early = Request::ExtendRegister { index: 16, data };
    module.ask(&early).unwrap();

    let answer = module.extend_and_lock(16, &CONFIG);

    assert_eq!(answer, Err(RegisterError::Used { index: 16 }.into()));
}

#[test]
fn register_that_was_locked_empty_or_does_not_exist_is_refused() {
    let module = NitroModule::new(Module::new());

    let empty = module.extend_and_lock(3, &CONFIG);
    let absent = module.extend_and_lock(32, &CONFIG);

    assert_eq!(empty, Err(RegisterError::Locked { index: 3 }.into()));
    let code = ErrorCode::InvalidIndex;
    assert_eq!(absent, Err(NsmMessageError::Refused { code }.into()));
}

#[test]
fn module_that_extends_wrongly_or_does_not_lock_is_refused() {
    for fault in [Fault::ExtendsOther, Fault::DoesNotLock] {
        let mut module = Module::new();
        module.fault = fault;

        let answer = NitroModule::new(module).extend_and_lock(16, &CONFIG);

        assert_eq!(answer, Err(RegisterError::Value { index: 16 }.into()));
    }
}

#[test]
fn module_of_another_digest_is_refused() {
    let mut module = Module::new();
    module.digest = api::Digest::SHA512;

    let answer = NitroModule::new(module).extend_and_lock(16, &CONFIG);

    let digest = "SHA512".to_owned();
    assert_eq!(answer, Err(RegisterError::Digest { digest }.into()));
}

#[test]
fn machine_without_the_module_is_an_ordinary_error() {
    let directory = tempfile::tempdir().unwrap();

    let error = NitroModule::open(directory.path().join("nsm")).err();

    let step = "open the nitro security module";
    let kind = ErrorKind::NotFound;
    assert_eq!(error, Some(PlatformError::Io { step, kind }));
}

#[test]
fn device_that_is_not_the_module_refuses_the_command() {
    let module = NitroModule::open("/dev/null").unwrap();

    let answer = module.attest(&[1; 64], &[2; 32]);

    let refused = matches!(
        answer,
        Err(PlatformError::Io {
            step: "ask the nitro security module",
            ..
        })
    );
    assert!(refused, "{answer:?}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a module does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    ExtendsOther,
    DoesNotLock,
}

/// A module with 32 registers, the first 16 locked.
struct Module {
    digest: api::Digest,
    fault: Fault,
    registers: RefCell<BTreeMap<u16, [u8; 48]>>,
    locked: RefCell<BTreeSet<u16>>,
    /// What goes before the ordinary answer.
    scripted: RefCell<Option<Vec<u8>>>,
    broken: RefCell<bool>,
}

impl Module {
    fn new() -> Self {
        Self {
            digest: api::Digest::SHA384,
            fault: Fault::None,
            registers: RefCell::default(),
            locked: RefCell::new((0..16).collect()),
            scripted: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    fn answer(&self, bytes: Vec<u8>) {
        *self.scripted.borrow_mut() = Some(bytes);
    }

    fn value(&self, index: u16) -> [u8; 48] {
        let registers = self.registers.borrow();
        registers.get(&index).copied().unwrap_or([0; 48])
    }

    fn serve(&self, request: api::Request) -> api::Response {
        use api::{ErrorCode as Code, Response};
        let mut locked = self.locked.borrow_mut();
        match request {
            api::Request::DescribeNSM => Response::DescribeNSM {
                version_major: 1,
                version_minor: 0,
                version_patch: 0,
                module_id: "i-1-enc2".to_owned(),
                max_pcrs: 32,
                locked_pcrs: locked.clone(),
                digest: self.digest,
            },
            api::Request::DescribePCR { index }
            | api::Request::ExtendPCR { index, .. }
            | api::Request::LockPCR { index }
                if index >= 32 =>
            {
                Response::Error(Code::InvalidIndex)
            }
            api::Request::DescribePCR { index } => Response::DescribePCR {
                lock: locked.contains(&index),
                data: self.value(index).to_vec(),
            },
            api::Request::ExtendPCR { index, .. } | api::Request::LockPCR { index }
                if locked.contains(&index) =>
            {
                Response::Error(Code::ReadOnlyIndex)
            }
            api::Request::ExtendPCR { index, data } => {
                let mut hash = Sha384::new();
                hash.update(self.value(index));
                hash.update(&data);
                hash.update(match self.fault {
                    Fault::ExtendsOther => b"and more".as_slice(),
                    Fault::None | Fault::DoesNotLock => &[],
                });
                let value = hash.finalize().into();
                self.registers.borrow_mut().insert(index, value);
                let data = value.to_vec();
                Response::ExtendPCR { data }
            }
            api::Request::LockPCR { index } => {
                if self.fault != Fault::DoesNotLock {
                    locked.insert(index);
                }
                Response::LockPCR
            }
            api::Request::Attestation {
                user_data,
                nonce,
                public_key,
            } => {
                assert_eq!(public_key, None);
                let mut document = user_data.unwrap().into_vec();
                document.extend_from_slice(&nonce.unwrap());
                Response::Attestation { document }
            }
            other => panic!("{other:?} was asked"),
        }
    }
}

impl NsmDevice for Module {
    fn call(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        if *self.broken.borrow() {
            return Err(ErrorKind::TimedOut.into());
        }
        let request: api::Request = serde_cbor::from_slice(request).unwrap();
        if let Some(scripted) = self.scripted.borrow_mut().take() {
            return Ok(scripted);
        }
        Ok(serde_cbor::to_vec(&self.serve(request)).unwrap())
    }
}

//! The configuration in the register of a module that the tests play, with the vendor's library.

use std::cell::RefCell;
use std::io;

use aws_nitro_enclaves_nsm_api::api::{Digest, ErrorCode, Request, Response};
use boop_platform::nitro::RegisterError;
use sha2::{Digest as _, Sha256, Sha384};

use super::*;

const CONFIG: &[u8] = b"a party's configuration";

#[test]
fn locked_register_is_what_the_manifests_policy_demands() {
    let module = NitroModule::new(Module::default());

    vouch_for_config(&module, CONFIG).unwrap();

    let state = module.register(16).unwrap();
    // [EVI-2]: extended once from zero with SHA-256 of the configuration, and locked.
    let config = Sha256::digest(CONFIG);
    let expected = Sha384::digest([[0; 48].as_slice(), &config].concat());
    assert_eq!(state.value.as_slice(), expected.as_slice());
    assert!(state.locked);
}

#[test]
fn process_that_starts_again_needs_the_same_configuration() {
    let module = NitroModule::new(Module::default());
    vouch_for_config(&module, CONFIG).unwrap();

    let same = vouch_for_config(&module, CONFIG);
    let other = vouch_for_config(&module, b"another configuration");

    assert_eq!(same, Ok(()));
    assert_eq!(other, Err(RegisterError::Locked { index: 16 }.into()));
}

/// A module with one register, the sixteenth.
struct Module(RefCell<(bool, Vec<u8>)>);

impl Default for Module {
    fn default() -> Self {
        Self(RefCell::new((false, vec![0; 48])))
    }
}

impl NsmDevice for Module {
    fn call(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let (locked, value) = &mut *self.0.borrow_mut();
        let response = match serde_cbor::from_slice(request).unwrap() {
            Request::DescribeNSM => Response::DescribeNSM {
                version_major: 1,
                version_minor: 0,
                version_patch: 0,
                module_id: "i-1-enc2".to_owned(),
                max_pcrs: 32,
                locked_pcrs: (0..16).collect(),
                digest: Digest::SHA384,
            },
            Request::DescribePCR { index: 16 } => Response::DescribePCR {
                lock: *locked,
                data: value.clone(),
            },
            Request::ExtendPCR { index: 16, .. } if *locked => {
                Response::Error(ErrorCode::ReadOnlyIndex)
            }
            Request::ExtendPCR { index: 16, data } => {
                *value = Sha384::digest([value.as_slice(), &data].concat()).to_vec();
                Response::ExtendPCR {
                    data: value.clone(),
                }
            }
            Request::LockPCR { index: 16 } => {
                *locked = true;
                Response::LockPCR
            }
            other => panic!("{other:?} was asked"),
        };
        Ok(serde_cbor::to_vec(&response).unwrap())
    }
}

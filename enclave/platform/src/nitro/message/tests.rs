//! The messages, byte for byte those of the vendor's own library.

use aws_nitro_enclaves_nsm_api::api;
use serde_bytes::ByteBuf;

use super::*;

#[test]
fn requests_have_the_bytes_that_the_vendors_library_writes() {
    let attest = |user_data: &[u8], nonce: &[u8], key: Option<&[u8]>| Request::Attest {
        user_data: user_data.to_vec(),
        nonce: nonce.to_vec(),
        public_key: key.map(<[u8]>::to_vec),
    };
    let vendors_attest =
        |user_data: &[u8], nonce: &[u8], key: Option<&[u8]>| api::Request::Attestation {
            user_data: Some(ByteBuf::from(user_data)),
            nonce: Some(ByteBuf::from(nonce)),
            public_key: key.map(ByteBuf::from),
        };
    let key = Some([5; 422].as_slice());
    let data = vec![7; 32];
    let mut cases = vec![
        (
            attest(&[1; 64], &[2; 32], None),
            vendors_attest(&[1; 64], &[2; 32], None),
        ),
        (
            attest(&[1; 64], &[2; 32], key),
            vendors_attest(&[1; 64], &[2; 32], key),
        ),
        (
            attest(&[], &[9; 300], None),
            vendors_attest(&[], &[9; 300], None),
        ),
        (Request::DescribeModule, api::Request::DescribeNSM),
    ];
    for index in [0, 16, 23, 24, 255, 256, u16::MAX] {
        let data = data.clone();
        cases.extend([
            (
                Request::DescribeRegister { index },
                api::Request::DescribePCR { index },
            ),
            (
                Request::LockRegister { index },
                api::Request::LockPCR { index },
            ),
            (
                Request::ExtendRegister {
                    index,
                    data: data.clone(),
                },
                api::Request::ExtendPCR { index, data },
            ),
        ]);
    }

    for (ours, vendors) in cases {
        let vendors = serde_cbor::to_vec(&vendors).unwrap();
        assert_eq!(ours.to_bytes(), vendors, "{ours:?}");
    }
}

#[test]
fn responses_that_the_vendors_library_writes_are_read() {
    let document = vec![0xd2; 5000];
    let value = [3; REGISTER_BYTES];
    let data = value.to_vec();
    let register = |locked| Response::Register(RegisterState { locked, value });
    let cases = [
        (
            api::Response::Attestation {
                document: document.clone(),
            },
            Response::Document(document),
        ),
        (
            api::Response::DescribePCR {
                lock: true,
                data: data.clone(),
            },
            register(true),
        ),
        (
            api::Response::DescribePCR {
                lock: false,
                data: data.clone(),
            },
            register(false),
        ),
        (
            api::Response::ExtendPCR { data },
            Response::Extended { value },
        ),
        (api::Response::LockPCR, Response::Locked),
        (vendors_module(), Response::Module(module())),
    ];

    for (vendors, ours) in cases {
        let bytes = serde_cbor::to_vec(&vendors).unwrap();
        assert_eq!(Response::from_bytes(&bytes), Ok(ours));
    }
}

#[test]
fn every_error_code_of_the_vendors_library_has_its_name() {
    use api::ErrorCode as Vendors;
    let cases = [
        (Vendors::InvalidArgument, ErrorCode::InvalidArgument),
        (Vendors::InvalidIndex, ErrorCode::InvalidIndex),
        (Vendors::InvalidResponse, ErrorCode::InvalidResponse),
        (Vendors::ReadOnlyIndex, ErrorCode::ReadOnlyIndex),
        (Vendors::InvalidOperation, ErrorCode::InvalidOperation),
        (Vendors::BufferTooSmall, ErrorCode::BufferTooSmall),
        (Vendors::InputTooLarge, ErrorCode::InputTooLarge),
        (Vendors::InternalError, ErrorCode::InternalError),
        (Vendors::Success, ErrorCode::Other("Success".to_owned())),
    ];

    for (vendors, code) in cases {
        let bytes = serde_cbor::to_vec(&api::Response::Error(vendors)).unwrap();
        let refused = NsmMessageError::Refused { code };
        assert_eq!(Response::from_bytes(&bytes), Err(refused));
    }
}

#[test]
fn malformed_answers_are_refused() {
    let cases: [&[u8]; 16] = [
        b"",
        b"\xa0",
        b"\xa2",
        b"\xbf\xff",
        b"\x67LockPCR\x00",
        b"\x68LockPCRs",
        b"\x6bDescribeNSM",
        b"\xa1\x65Error\x01",
        b"\xa1\x6bAttestation\xa1\x68document\x43ab",
        b"\xa1\x6bAttestation\xa1\x68document\x43abc\x00",
        b"\xa1\x6bAttestation\xa1\x64deed\x43abc",
        b"\xa1\x6bAttestation\xa2\x68document\x43abc\x64deed\x00",
        b"\xa1\x69ExtendPCR\xa1\x64data\x43abc",
        b"\xa1\x6bDescribePCR\xa2\x64lock\x01\x64data\x43abc",
        b"\xa1\x6bDescribeNSM\xa0",
        b"\xa1\x63Foo\x43abc",
    ];
    for answer in cases {
        let answer = Response::from_bytes(answer);
        assert_eq!(answer, Err(NsmMessageError::Malformed));
    }
}

#[test]
fn answer_that_ends_early_is_malformed_wherever_it_ends() {
    let bytes = serde_cbor::to_vec(&vendors_module()).unwrap();

    for end in 0..bytes.len() {
        let answer = Response::from_bytes(&bytes[..end]);
        assert_eq!(answer, Err(NsmMessageError::Malformed), "{end}");
    }
}

fn vendors_module() -> api::Response {
    api::Response::DescribeNSM {
        version_major: 1,
        version_minor: 2,
        version_patch: 3,
        module_id: "i-1-enc2".to_owned(),
        max_pcrs: 32,
        locked_pcrs: (0..16).collect(),
        digest: api::Digest::SHA384,
    }
}

fn module() -> ModuleDescription {
    ModuleDescription {
        version: [1, 2, 3],
        module_id: "i-1-enc2".to_owned(),
        registers: 32,
        locked: (0..16).collect(),
        digest: "SHA384".to_owned(),
    }
}

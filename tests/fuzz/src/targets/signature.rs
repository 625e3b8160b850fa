//! The two implementations of the signature checks, held against each other.
//!
//! An input is a byte that names the check, a key and a signature, each with two bytes of length
//! before it, and the message, which is the rest.

use boop_verifier::{AwsLc, Crypto, P384Signature, RustCrypto};

pub(crate) fn run(data: &[u8]) {
    let Some(input) = Input::read(data) else {
        return;
    };
    let (left, right) = (input.verify(&AwsLc), input.verify(&RustCrypto));
    assert_eq!(left, right, "two implementations disagree");
}

struct Input<'a> {
    check: u8,
    key: &'a [u8],
    signature: &'a [u8],
    message: &'a [u8],
}

impl<'a> Input<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (check, rest) = data.split_first()?;
        let (key, rest) = part(rest)?;
        let (signature, message) = part(rest)?;
        Some(Self {
            check: *check,
            key,
            signature,
            message,
        })
    }

    fn verify(&self, crypto: &impl Crypto) -> bool {
        let Self {
            key,
            signature,
            message,
            ..
        } = *self;
        match self.check % 3 {
            0 => crypto.verify_p384(key, message, P384Signature::Fixed(signature)),
            1 => crypto.verify_p384(key, message, P384Signature::Asn1(signature)),
            _ => crypto.verify_pss_sha384(key, message, signature),
        }
    }
}

fn part(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_at_checked(2)?;
    let length = u16::from_be_bytes(length.try_into().ok()?);
    rest.split_at_checked(usize::from(length))
}

//! Envelopes of OpenSSL, and what becomes of them when something is changed.

use alloc::vec;

use aws_lc_rs::rsa::PrivateDecryptingKey;

use super::*;

const DEFINITE: &[u8] = include_bytes!("../../testdata/cms-definite.der");
const IN_PIECES: &[u8] = include_bytes!("../../testdata/cms-indefinite.der");
const RECIPIENT: &[u8] = include_bytes!("../../testdata/cms-key.pk8");

#[test]
fn envelopes_of_another_implementation_open_whatever_their_lengths() {
    let private = recipient();
    for envelope in [DEFINITE, IN_PIECES] {
        let key = Enveloped::parse(envelope).unwrap().open(&private).unwrap();
        assert_eq!(
            *key,
            core::array::from_fn(|place| u8::try_from(place).unwrap())
        );
    }
}

#[test]
fn a_change_gives_no_key_or_stands_beside_it_or_in_what_cbc_does_not_protect() {
    let private = recipient();
    let whole: [u8; DATA_KEY_BYTES] = core::array::from_fn(|place| u8::try_from(place).unwrap());
    let mut ways = 0;
    for envelope in [DEFINITE, IN_PIECES] {
        for place in 0..envelope.len() {
            for bit in [0, 7] {
                let mut changed = envelope.to_vec();
                changed[place] ^= 1 << bit;
                let opened = Enveloped::parse(&changed).map(|read| read.open(&private));
                let Ok(Some(key)) = opened else { continue };
                // What names the recipient and what CBC cannot notice; the signature over all of
                // it, by the custodian, is checked before.
                let honest = Enveloped::parse(envelope).unwrap();
                let read = Enveloped::parse(&changed).unwrap();
                let in_the_blocks = read.iv != honest.iv || read.ciphertext != honest.ciphertext;
                assert!(*key == whole || in_the_blocks, "{place}");
                ways += usize::from(*key == whole);
            }
        }
    }
    // Key ids of 20 bytes, and the 43 bytes of parameters that OAEP is tried without.
    assert!(ways <= 2 * 2 * (20 + 45), "{ways}");
}

#[test]
fn an_envelope_that_is_cut_short_or_too_long_is_none() {
    for envelope in [DEFINITE, IN_PIECES] {
        for length in 0..envelope.len() {
            assert_eq!(Enveloped::parse(&envelope[..length]), Err(NotEnveloped));
        }
        let more = [envelope, &[0]].concat();
        assert_eq!(Enveloped::parse(&more), Err(NotEnveloped));
    }
    let long = vec![SEQUENCE; ENVELOPED_BYTES_MAX + 1];
    assert_eq!(Enveloped::parse(&long), Err(NotEnveloped));
}

#[test]
fn lengths_have_one_form() {
    let read = |bytes: &[u8]| Reader { rest: bytes }.bytes(OCTETS).map(<[u8]>::to_vec);

    assert_eq!(read(&[OCTETS, 1, 7]), Ok(vec![7]));
    for longer in [
        &[OCTETS, 0x81, 1, 7][..],
        &[OCTETS, 0x82, 0, 1, 7],
        &[OCTETS, 0x83, 0, 0, 1, 7],
        &[OCTETS, INDEFINITE, 7, 0, 0],
        &[OCTETS, 2, 7],
        &[OCTETS],
        &[],
    ] {
        assert_eq!(read(longer), Err(NotEnveloped), "{longer:?}");
    }
}

fn recipient() -> OaepPrivateDecryptingKey {
    let private = PrivateDecryptingKey::from_pkcs8(RECIPIENT).unwrap();
    OaepPrivateDecryptingKey::new(private).unwrap()
}

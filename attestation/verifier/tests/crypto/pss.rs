//! Signatures and keys of RSA.

use crate::encoding::{add, integer, sequence};
use crate::genuine::{CHANGED_CHECKS, Genuine, genuine_pss};
use crate::random::Random;

#[test]
fn both_implementations_agree_on_changed_pss_checks() {
    let Some(genuine) = genuine_pss() else { return };
    let seed = 0x0b00_95ee_d000_0004;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    assert!(genuine.verify_pss());
    for round in 0..CHANGED_CHECKS {
        let mut changed = genuine.clone();
        match round % 3 {
            0 => random.change(&mut changed.key),
            1 => random.change(&mut changed.message),
            _ => random.change(&mut changed.fixed),
        }

        assert!(!changed.verify_pss(), "round {round}");
    }
}

#[test]
fn both_implementations_agree_on_every_form_of_an_rsa_key_and_signature() {
    let Some(genuine) = genuine_pss() else { return };
    let modulus = &genuine.key[8..8 + 513];
    assert_eq!(modulus[0], 0, "a modulus of 4096 bits has a sign byte");
    let key = |modulus: &[u8], exponent: &[u8]| Genuine {
        key: sequence(&[&integer(modulus), &integer(exponent)]),
        ..genuine.clone()
    };
    let exponent = &[1, 0, 1][..];
    assert!(key(modulus, exponent).verify_pss());

    let above = add(&genuine.fixed, &modulus[1..]);
    let mut short = genuine.clone();
    short.fixed.remove(0);
    let mut long = genuine.clone();
    long.fixed.insert(0, 0);
    let mut other = genuine.clone();
    other.fixed = above;
    let mut trailing = genuine.clone();
    trailing.key.push(0);
    let even: Vec<u8> = [&modulus[..512], &[modulus[512] & 0xfe]].concat();
    for changed in [
        short,
        long,
        other,
        trailing,
        key(&[&[0], modulus].concat(), exponent),
        key(&modulus[1..], exponent),
        key(&modulus[..512], exponent),
        key(&even, exponent),
        key(modulus, &[0, 1, 0, 1]),
        key(modulus, &[3]),
        key(modulus, &[1]),
        key(modulus, &[]),
        key(modulus, &[1, 0, 0, 0, 0, 0, 0, 1]),
        Genuine {
            key: sequence(&[&integer(modulus)]),
            ..genuine.clone()
        },
        Genuine {
            fixed: vec![0; 512],
            ..genuine.clone()
        },
        Genuine {
            fixed: vec![],
            ..genuine.clone()
        },
    ] {
        assert!(!changed.verify_pss());
    }
}

//! Signatures and keys of P-384.

use crate::encoding::{ORDER, add, indefinite, integer, long_form, positive, sequence, subtract};
use crate::genuine::{CHANGED_CHECKS, Genuine, genuine_p384};
use crate::random::Random;

#[test]
fn both_implementations_agree_on_every_form_of_a_p384_signature() {
    let Some(genuine) = genuine_p384() else {
        return;
    };
    let (r, s) = genuine.fixed.split_at(48);
    let negated = subtract(&ORDER, s);
    let above = |scalar: &[u8]| add(scalar, &ORDER);

    assert!(genuine.verify(&genuine.der(r, s)));
    assert!(genuine.verify(&genuine.der(r, &negated)), "s has two signs");
    for (name, der) in [
        ("r is zero", genuine.der(&[0; 48], s)),
        ("s is zero", genuine.der(r, &[0; 48])),
        ("r is the order", genuine.der(&ORDER, s)),
        ("s is the order", genuine.der(r, &ORDER)),
        ("r is above the order", genuine.der(&above(r), s)),
        ("s is above the order", genuine.der(r, &above(s))),
        (
            "r has a leading zero",
            sequence(&[&integer(&[&[0, 0], r].concat()), &positive(s)]),
        ),
        (
            "s has a leading zero",
            sequence(&[&positive(r), &integer(&[&[0, 0], s].concat())]),
        ),
        (
            "r is negative",
            sequence(&[&integer(&[&[0x80], r].concat()), &positive(s)]),
        ),
        ("integers are empty", sequence(&[&[2, 0], &[2, 0]])),
        ("an integer is missing", sequence(&[&positive(r)])),
        (
            "a third integer",
            sequence(&[&positive(r), &positive(s), &positive(s)]),
        ),
        (
            "a byte after the end",
            [genuine.der(r, s), vec![0]].concat(),
        ),
        ("a long form of length", long_form(&genuine.der(r, s))),
        ("an indefinite length", indefinite(&genuine.der(r, s))),
        (
            "a set",
            [vec![0x31], genuine.der(r, s)[1..].to_vec()].concat(),
        ),
        ("nothing", vec![]),
    ] {
        assert!(!genuine.verify(&der), "{name}");
    }
}

#[test]
fn both_implementations_agree_on_every_form_of_a_fixed_p384_signature() {
    let Some(genuine) = genuine_p384() else {
        return;
    };
    let (r, s) = genuine.fixed.split_at(48);
    let fixed = |r: &[u8], s: &[u8]| genuine.verify_fixed(&[r, s].concat());

    assert!(fixed(r, s));
    assert!(fixed(r, &subtract(&ORDER, s)), "s has two signs");
    for (r, s) in [
        (&[0; 48][..], s),
        (r, &[0; 48][..]),
        (&ORDER[..], s),
        (r, &ORDER[..]),
        (&[0xff; 48][..], s),
        (r, &s[1..]),
        (&[], &[]),
    ] {
        assert!(!fixed(r, s));
    }
    assert!(!fixed(r, &[s, &[0]].concat()));
}

#[test]
fn both_implementations_agree_on_every_form_of_a_p384_key() {
    let Some(genuine) = genuine_p384() else {
        return;
    };
    let point = &genuine.key;
    let parity = 2 + (point[96] & 1);
    let compressed = [&[parity], &point[1..49]].concat();
    let hybrid = [&[parity + 4], &point[1..]].concat();
    let mut off_curve = point.clone();
    off_curve[96] ^= 1;
    let with_key = |key: Vec<u8>| Genuine {
        key,
        ..genuine.clone()
    };

    for key in [
        compressed,
        hybrid,
        off_curve,
        vec![0],
        vec![],
        vec![4; 97],
        {
            let mut infinity = vec![0; 97];
            infinity[0] = 4;
            infinity
        },
    ] {
        assert!(
            !with_key(key.clone()).verify_fixed(&genuine.fixed),
            "{key:x?}"
        );
    }
}

#[test]
fn both_implementations_agree_on_changed_p384_checks() {
    let Some(genuine) = genuine_p384() else {
        return;
    };
    let seed = 0x0b00_95ee_d000_0003;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    let (r, s) = genuine.fixed.split_at(48);
    let der = genuine.der(r, s);
    for round in 0..CHANGED_CHECKS {
        let (mut changed, mut der) = (genuine.clone(), der.clone());
        match round % 4 {
            0 => random.change(&mut changed.key),
            1 => random.change(&mut changed.message),
            2 => random.change(&mut changed.fixed),
            _ => random.change(&mut der),
        }

        assert!(!(changed.verify_fixed(&changed.fixed) && changed.verify(&der)));
    }
}

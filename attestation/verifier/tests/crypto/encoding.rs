//! Numbers and DER, also as they must not be.

/// The order of P-384, big-endian.
pub(crate) const ORDER: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];

pub(crate) fn integer(content: &[u8]) -> Vec<u8> {
    tagged(2, content)
}

/// The shortest integer of a number.
pub(crate) fn positive(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros.min(number.len() - 1)..];
    match number[0] & 0x80 {
        0 => integer(number),
        _ => integer(&[&[0], number].concat()),
    }
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("short").to_be_bytes();
    let head = match content.len() {
        0..=0x7f => vec![tag, length[1]],
        0x80..=0xff => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [&head, content].concat()
}

/// The same with more bytes of length than are needed.
pub(crate) fn long_form(der: &[u8]) -> Vec<u8> {
    [&[der[0], 0x81, der[1]], &der[2..]].concat()
}

pub(crate) fn indefinite(der: &[u8]) -> Vec<u8> {
    [&[der[0], 0x80], &der[2..], &[0, 0]].concat()
}

pub(crate) fn subtract(from: &[u8], number: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let digits = from.iter().zip(number).rev().map(|(from, number)| {
        let digit = i16::from(*from) - i16::from(*number) - borrow;
        borrow = i16::from(digit < 0);
        digit.to_le_bytes()[0]
    });
    let mut digits: Vec<u8> = digits.collect();
    digits.reverse();
    digits
}

/// The sum with a byte more in front when it is needed.
pub(crate) fn add(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let digits = one.iter().zip(other).rev().map(|(one, other)| {
        let [digit, over] = (u16::from(*one) + u16::from(*other) + carry).to_le_bytes();
        carry = u16::from(over);
        digit
    });
    let mut digits: Vec<u8> = digits.collect();
    if carry == 1 {
        digits.push(1);
    }
    digits.reverse();
    digits
}

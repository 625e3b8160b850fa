//! The two implementations of the signature checks give the same verdict, whatever they are
//! given, and a chain that was followed once gives the verdict of the certificates it is made of.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use boop_verifier::{
    AwsLc, Crypto, Endorsements, Evidence, Expected, P384Signature, Policy, Product, Reason, Roots,
    RustCrypto, SimulatedEvidence, SimulatedRoots, UnixTime, Verdict, appraise, parse, snp,
    snp::VerifiedChain, verify, verify_with,
};
use serde_json::Value;

/// Pieces of evidence with random bytes changed, per platform.
const CHANGED_EVIDENCE: usize = 400;
/// Signatures, keys and messages with random bytes changed, per kind of check.
const CHANGED_CHECKS: usize = 1500;
/// The order of P-384, big-endian.
const ORDER: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];

#[test]
fn both_implementations_give_every_vector_the_same_verdict() {
    for kind in ["snp", "nitro"] {
        let Some(cases) = cases(kind) else { return };
        for case in &cases {
            assert_eq!(
                case.verdict(&AwsLc),
                case.verdict(&RustCrypto),
                "{}",
                case.id
            );
        }
        println!("{kind}: {} cases, both alike", cases.len());
    }
}

#[test]
fn both_implementations_give_changed_evidence_the_same_verdict() {
    let seed = 0x0b00_95ee_d000_0002;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    for kind in ["snp", "nitro"] {
        let Some(cases) = cases(kind) else { return };
        for _ in 0..CHANGED_EVIDENCE {
            let mut case = cases[random.below(cases.len())].clone();
            let parts = [
                Some(&mut case.evidence),
                case.endorsements.leaf.as_mut(),
                case.endorsements.intermediate.as_mut(),
                case.endorsements.crl.as_mut(),
            ];
            let mut parts: Vec<_> = parts.into_iter().flatten().collect();
            let part = random.below(parts.len());
            random.change(parts[part]);

            assert_eq!(
                case.verdict(&AwsLc),
                case.verdict(&RustCrypto),
                "{}",
                case.id
            );
        }
    }
}

#[test]
fn a_chain_followed_once_gives_the_verdict_of_its_certificates() {
    let Some(cases) = cases("snp") else { return };
    let mut kept = 0;
    for case in &cases {
        let full = case.verdict(&AwsLc);
        match VerifiedChain::follow(&case.endorsements, &case.roots) {
            Ok(chain) => {
                kept += 1;
                assert!(chain.is_of(&case.endorsements));
                assert_eq!(case.verdict_under(&chain), full, "{}", case.id);
                for now in [UnixTime(0), UnixTime(u64::MAX)] {
                    let mut other = case.clone();
                    other.now = now;
                    let full = other.verdict(&AwsLc);
                    assert_eq!(other.verdict_under(&chain), full, "{}", case.id);
                }
            }
            Err(error) => {
                assert!(!full.accepted, "{}", case.id);
                if let Ok(Evidence::Snp(_)) = parse(&case.evidence) {
                    let stated = |reason| full.reasons.contains(reason);
                    assert!(error.reasons.iter().all(stated), "{}: {error}", case.id);
                }
            }
        }
    }
    println!("{kept} of {} chains can be kept", cases.len());
    assert!(kept > 30, "{kept}");
}

#[test]
fn a_chain_followed_once_serves_other_reports_of_the_same_chip_alone() {
    let Some(cases) = cases("snp") else { return };
    let of = |id: &str| cases.iter().find(|case| case.id == id).expect("case");
    let (own, other) = (of("genoa-v3-vcek-a-aci"), of("genoa-v3-vcek-b"));
    let chain = VerifiedChain::follow(&own.endorsements, &own.roots).expect("genuine chain");

    assert!(own.verdict_under(&chain).accepted);
    assert!(!chain.is_of(&other.endorsements));
    let refused = other.verdict_under(&chain);
    assert!(refused.reasons.contains(&Reason::ReportSignatureInvalid));
    assert!(!refused.authentic);
}

#[test]
fn a_chain_without_a_pinned_root_cannot_be_kept() {
    let Some(cases) = cases("snp") else { return };
    let case = cases.iter().find(|case| case.id == "genoa-v3-vcek-a-aci");
    let case = case.expect("vectors have the case");
    let follow = |endorsements: &Endorsements, roots: &Roots| {
        VerifiedChain::follow(endorsements, roots).map_err(|error| error.reasons)
    };

    let untrusted = follow(&case.endorsements, &Roots::empty());
    let missing = follow(&Endorsements::default(), &case.roots);

    assert_eq!(untrusted, Err(vec![Reason::UntrustedRoot]));
    assert_eq!(missing, Err(vec![Reason::EndorsementKeyMissing]));
}

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

/// A signature with its key and message.
#[derive(Clone)]
struct Genuine {
    key: Vec<u8>,
    message: Vec<u8>,
    fixed: Vec<u8>,
}

impl Genuine {
    /// Checks with both, which must agree.
    fn verify(&self, der: &[u8]) -> bool {
        self.p384(P384Signature::Asn1(der))
    }

    fn verify_fixed(&self, fixed: &[u8]) -> bool {
        self.p384(P384Signature::Fixed(fixed))
    }

    fn p384(&self, signature: P384Signature<'_>) -> bool {
        let one = AwsLc.verify_p384(&self.key, &self.message, signature);
        let other = RustCrypto.verify_p384(&self.key, &self.message, signature);
        assert_eq!(one, other, "key {:x?} {signature:x?}", self.key);
        one
    }

    fn verify_pss(&self) -> bool {
        let one = AwsLc.verify_pss_sha384(&self.key, &self.message, &self.fixed);
        let other = RustCrypto.verify_pss_sha384(&self.key, &self.message, &self.fixed);
        assert_eq!(one, other, "key {:x?} {:x?}", self.key, self.fixed);
        one
    }

    fn der(&self, r: &[u8], s: &[u8]) -> Vec<u8> {
        sequence(&[&positive(r), &positive(s)])
    }
}

/// The signature of a genuine report.
fn genuine_p384() -> Option<Genuine> {
    let folder = vectors()?.join("snp/genoa-v3-vcek-a-aci");
    let leaf = fs::read(folder.join("vek.der")).expect("case has a certificate");
    let report = fs::read(folder.join("report.bin")).expect("case has a report");
    let place = leaf
        .windows(5)
        .position(|bytes| bytes == [3, 0x62, 0, 4, leaf_x(&leaf)]);
    let place = place.expect("a point that is not compressed") + 3;
    let scalar = |at: usize| report[at..at + 48].iter().rev().copied();
    Some(Genuine {
        key: leaf[place..place + 97].to_vec(),
        message: report[..0x2a0].to_vec(),
        fixed: scalar(0x2a0).chain(scalar(0x2e8)).collect(),
    })
}

/// First byte of the point's coordinate in a leaf.
fn leaf_x(leaf: &[u8]) -> u8 {
    let head = leaf.windows(4).position(|bytes| bytes == [3, 0x62, 0, 4]);
    leaf[head.expect("leaf has a point") + 4]
}

/// The signature of a genuine intermediate.
fn genuine_pss() -> Option<Genuine> {
    let roots = vectors()?.join("snp/roots");
    let root = fs::read(roots.join("genoa-ark.der")).expect("root is there");
    let child = fs::read(roots.join("genoa-ask.der")).expect("intermediate is there");
    let key = root
        .windows(9)
        .position(|bytes| bytes[..5] == [0x30, 0x82, 2, 0x0a, 2] && bytes[5..] == [0x82, 2, 1, 0]);
    let key = key.expect("root has a key of 4096 bits");
    let length = usize::from(child[6]) << 8 | usize::from(child[7]);
    Some(Genuine {
        key: root[key..key + 4 + 0x20a].to_vec(),
        message: child[4..8 + length].to_vec(),
        fixed: child[child.len() - 512..].to_vec(),
    })
}

fn integer(content: &[u8]) -> Vec<u8> {
    tagged(2, content)
}

/// The shortest integer of a number.
fn positive(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros.min(number.len() - 1)..];
    match number[0] & 0x80 {
        0 => integer(number),
        _ => integer(&[&[0], number].concat()),
    }
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("short").to_be_bytes();
    let head = match content.len() {
        0..=0x7f => vec![tag, length[1]],
        0x80..=0xff => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [&head, content].concat()
}

/// The same with more bytes of length than are needed.
fn long_form(der: &[u8]) -> Vec<u8> {
    [&[der[0], 0x81, der[1]], &der[2..]].concat()
}

fn indefinite(der: &[u8]) -> Vec<u8> {
    [&[der[0], 0x80], &der[2..], &[0, 0]].concat()
}

fn subtract(from: &[u8], number: &[u8]) -> Vec<u8> {
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
fn add(one: &[u8], other: &[u8]) -> Vec<u8> {
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

/// One folder of the vectors with everything that its verification needs.
#[derive(Clone)]
struct Case {
    id: String,
    evidence: Vec<u8>,
    endorsements: Endorsements,
    roots: Roots,
    now: UnixTime,
    policy: Policy,
}

impl Case {
    fn verdict(&self, crypto: &impl Crypto) -> Verdict {
        verify_with(
            crypto,
            &self.evidence,
            &self.endorsements,
            &self.roots,
            self.now,
            &self.policy,
            &Expected::nothing(),
        )
    }

    fn verdict_under(&self, chain: &VerifiedChain) -> Verdict {
        match snp::Report::parse(&self.evidence) {
            Ok(report) => {
                let authenticated = chain.authenticate(&report, self.now);
                appraise(&authenticated, &self.policy, &Expected::nothing())
            }
            // Nothing of a chain is looked at.
            Err(_) => verify(
                &self.evidence,
                &Endorsements::default(),
                &self.roots,
                self.now,
                &self.policy,
                &Expected::nothing(),
            ),
        }
    }
}

fn cases(kind: &str) -> Option<Vec<Case>> {
    let folder = vectors()?.join(kind);
    let index = fs::read(folder.join("index.json")).expect("vectors have an index");
    let index: Value = serde_json::from_slice(&index).expect("index is json");
    let ids = index.as_array().expect("index is a list").iter();
    let cases = ids.map(|entry| case(&folder, entry["id"].as_str().expect("a case has an id")));
    Some(cases.collect())
}

fn case(folder: &Path, id: &str) -> Case {
    let own = folder.join(id);
    let stated = fs::read(own.join("expected.json")).expect("a case says what it expects");
    let stated: Value = serde_json::from_slice(&stated).expect("expected is json");
    let file = |field: &str| {
        let name = stated[field].as_str()?;
        Some(fs::read(own.join(name)).expect("a named file exists"))
    };
    let evidence = file("report").or_else(|| file("document"));
    let synthetic = ["trusted_roots", "trusted_root"].map(|field| &stated[field]);
    let synthetic = synthetic.iter().any(|text| {
        let text = text.as_str().unwrap_or_default();
        text.contains("configure as trusted")
    });
    let mut policy = Policy::p0();
    let mut roots = Roots::vendor();
    if synthetic {
        policy.simulated = SimulatedEvidence::Allow;
        roots = roots.with_simulated(synthetic_roots(folder));
    }
    Case {
        id: id.to_owned(),
        evidence: evidence.expect("a case has evidence"),
        endorsements: Endorsements {
            leaf: file("endorsement_key"),
            intermediate: file("intermediate"),
            crl: file("crl"),
        },
        roots,
        now: UnixTime(unix_seconds(stated["verify_time"].as_str())),
        policy,
    }
}

fn synthetic_roots(folder: &Path) -> SimulatedRoots {
    let read = |name: &str| fs::read(folder.join("roots").join(name)).ok();
    let products = [
        (Product::Milan, "synthetic/milan-ark.der"),
        (Product::Genoa, "synthetic/genoa-ark.der"),
        (Product::Turin, "synthetic/turin-ark.der"),
    ];
    let snp = products.into_iter();
    SimulatedRoots {
        snp: snp
            .filter_map(|(product, name)| Some((product, read(name)?)))
            .collect(),
        nitro: read("synthetic-root.der").into_iter().collect(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the vectors are is a matter of the machine"
)]
fn vectors() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = env::var("BOOP_VECTORS")
        .map_or(beside, PathBuf::from)
        .join("attestation");
    let found = folder.is_dir();
    assert!(found || env::var("CI").is_err(), "CI runs with the vectors");
    if !found {
        println!("attestation vectors are not here: nothing was compared");
    }
    found.then_some(folder)
}

/// Seconds since 1970 of a time such as `2026-06-01T12:00:30Z`, or of that day without one.
fn unix_seconds(text: Option<&str>) -> u64 {
    let text = text.unwrap_or("2026-06-01T00:00:00Z");
    let numbers: Vec<u64> = text
        .split(|character: char| !character.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().expect("digits are a number"))
        .collect();
    let [year, month, day, hour, minute, second] =
        numbers.try_into().expect("a time has six numbers");
    // Days since 1970 in the proleptic Gregorian calendar, years counted from March.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    (days - 719_469) * 86_400 + hour * 3_600 + minute * 60 + second
}

/// A small generator (xorshift), enough to pick places and values.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("limit fits");
        usize::try_from(self.next() % limit).expect("a small number fits")
    }

    /// Changes a few bytes, and now and then the length.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                return;
            }
            let place = self.below(bytes.len());
            let value = self.next().to_le_bytes()[0];
            match self.below(16) {
                0 => bytes.insert(place, value),
                1 => drop(bytes.remove(place)),
                _ => bytes[place] = bytes[place].wrapping_add(value | 1),
            }
        }
    }
}

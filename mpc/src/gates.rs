//! What the parties will have to prove of a run: one kind of statement for every message that is
//! computed from secrets [MPC-40].
//!
//! For each bit position, the party that sent a message (the prover) claims
//!
//! ```text
//!   (a0 AND b0) XOR (a1 AND b1)  =  c_next XOR c_previous
//! ```
//!
//! where the next party knows `a` and `c_next`, the previous one `b` and `c_previous`, and the
//! prover both `a` and `b`. A party plays all three parts at once, in three different proofs.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::ZeroizeOnDrop;

use crate::wipe::wipe;

/// A party's parts in the three proofs of a run, which wipe themselves.
#[derive(Default)]
pub(crate) struct Gates {
    /// What this party proves.
    pub(crate) own: ProverLog,
    /// What the previous party proves; this one is its next.
    pub(crate) of_previous: VerifierLog,
    /// What the next party proves; this one is its previous.
    pub(crate) of_next: VerifierLog,
}

/// What a prover knows of its statements.
#[derive(Default)]
pub(crate) struct ProverLog {
    pub(crate) a: [Vec<u64>; 2],
    pub(crate) b: [Vec<u64>; 2],
}

/// What a verifier knows of a prover's statements: a at the next party, b at the previous one.
#[derive(Default)]
pub(crate) struct VerifierLog {
    pub(crate) side: [Vec<u64>; 2],
    pub(crate) claim: Vec<u64>,
}

/// One party's part in an addition `w = a + b` of bit-sliced values, `rows` slices of equal
/// length: the prover knows a, b and w's shares, the next party a and its share of w, the
/// previous one b and its share of w [MPC-46].
pub(crate) enum Addition<'a> {
    Prover {
        a: &'a [u64],
        b: &'a [u64],
        w_next: &'a [u64],
        w_previous: &'a [u64],
    },
    Next {
        a: &'a [u64],
        w: &'a [u64],
    },
    Previous {
        b: &'a [u64],
        w: &'a [u64],
    },
}

/// How many words a party notes in each of the three proofs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Words {
    pub(crate) own: usize,
    pub(crate) of_previous: usize,
    pub(crate) of_next: usize,
}

impl Words {
    /// Adds other words.
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            own: self.own + other.own,
            of_previous: self.of_previous + other.of_previous,
            of_next: self.of_next + other.of_next,
        }
    }
}

impl Gates {
    /// Returns how many words are noted.
    pub(crate) fn lengths(&self) -> Words {
        Words {
            own: self.own.a[0].len(),
            of_previous: self.of_previous.claim.len(),
            of_next: self.of_next.claim.len(),
        }
    }

    /// Makes room for so many more words, so that they are not moved while they are noted: that
    /// takes time, and leaves a copy behind.
    pub(crate) fn reserve(&mut self, words: Words) {
        for vector in self.own.vectors() {
            vector.reserve_exact(words.own);
        }
        let logs = [&mut self.of_previous, &mut self.of_next];
        for (log, words) in logs.into_iter().zip([words.of_previous, words.of_next]) {
            for vector in log.vectors() {
                vector.reserve_exact(words);
            }
        }
    }

    /// Appends what another lane has noted, for which room was made.
    pub(crate) fn append(&mut self, other: &Self) {
        let room = self.own.a[0].capacity() - self.own.a[0].len();
        debug_assert!(room >= other.own.a[0].len(), "a log that does not move");
        for side in 0..2 {
            self.own.a[side].extend_from_slice(&other.own.a[side]);
            self.own.b[side].extend_from_slice(&other.own.b[side]);
        }
        self.of_previous.append(&other.of_previous);
        self.of_next.append(&other.of_next);
    }

    /// Notes an addition of values with `bits` slices.
    ///
    /// The carries are linear in what is known: with p = a XOR w_next and q = b XOR w_previous,
    /// the carry into a bit is p XOR q, and the carry out of it differs from the one in by
    /// `(w_next XOR q)(w_previous XOR p)`.
    pub(crate) fn note_addition(&mut self, bits: usize, addition: &Addition<'_>) {
        match *addition {
            Addition::Prover {
                a,
                b,
                w_next,
                w_previous,
            } => {
                let (p, q) = (xor(a, w_next), xor(b, w_previous));
                let words = p.len() / bits;
                let lower = ..p.len() - words;
                let blank = vec![0; words];
                let log = &mut self.own;
                for target in log.a.iter_mut().chain(&mut log.b) {
                    target.extend_from_slice(&blank);
                }
                log.a[0].extend_from_slice(&w_next[lower]);
                log.b[0].extend_from_slice(&w_previous[lower]);
                log.a[1].extend_from_slice(&p[lower]);
                log.b[1].extend_from_slice(&q[lower]);
            }
            Addition::Next { a, w } => {
                let p = xor(a, w);
                self.of_previous.note_carries(bits, w, &p);
            }
            Addition::Previous { b, w } => {
                let q = xor(b, w);
                self.of_next.note_carries(bits, w, &q);
            }
        }
    }
}

impl ProverLog {
    /// Returns the vectors of the statements.
    pub(crate) fn vectors(&mut self) -> impl Iterator<Item = &mut Vec<u64>> {
        self.a.iter_mut().chain(&mut self.b)
    }
}

impl VerifierLog {
    /// Returns the vectors of one side and of the claims.
    pub(crate) fn vectors(&mut self) -> impl Iterator<Item = &mut Vec<u64>> {
        self.side.iter_mut().chain([&mut self.claim])
    }

    fn append(&mut self, other: &Self) {
        for side in 0..2 {
            self.side[side].extend_from_slice(&other.side[side]);
        }
        self.claim.extend_from_slice(&other.claim);
    }

    /// Notes one side's carries: no carry into the lowest bit, then one statement a bit.
    fn note_carries(&mut self, bits: usize, w: &[u64], half: &[u64]) {
        let words = half.len() / bits;
        let lower = half.len() - words;
        let blank = vec![0; words];
        for (side, values) in self.side.iter_mut().zip([w, half]) {
            side.extend_from_slice(&blank);
            side.extend_from_slice(&values[..lower]);
        }
        self.claim.extend_from_slice(&half[..words]);
        let carries = half[words..].iter().zip(&half[..lower]).zip(&w[..lower]);
        self.claim
            .extend(carries.map(|((out, into), w)| out ^ into ^ (w & into)));
    }
}

impl Drop for ProverLog {
    fn drop(&mut self) {
        self.vectors().for_each(|words| wipe(words));
    }
}

impl Drop for VerifierLog {
    fn drop(&mut self) {
        self.vectors().for_each(|words| wipe(words));
    }
}

impl ZeroizeOnDrop for ProverLog {}
impl ZeroizeOnDrop for VerifierLog {}
impl ZeroizeOnDrop for Gates {}

fn xor(a: &[u64], b: &[u64]) -> Vec<u64> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

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
//! prover both `a` and `b`. A party plays all three parts at once, in three different proofs: the
//! words it computed with stand in two of them, and are kept once.

mod noted;

use alloc::sync::Arc;
use alloc::vec;

use zeroize::ZeroizeOnDrop;

pub(crate) use self::noted::Noted;
use crate::bits::BitShare;
use crate::wipe::Wiping;

/// Words that several proofs speak of.
pub(crate) type Words = Arc<Wiping<u64>>;

/// A party's parts in the three proofs of a run.
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
    pub(crate) a: [Noted; 2],
    pub(crate) b: [Noted; 2],
}

/// What a verifier knows of a prover's statements: a at the next party, b at the previous one.
#[derive(Default)]
pub(crate) struct VerifierLog {
    pub(crate) side: [Noted; 2],
    pub(crate) claim: Noted,
}

/// One party's part in an addition `w = a + b` of bit-sliced values, `rows` slices of equal
/// length: the prover knows a, b and w's shares, the next party a and its share of w, the
/// previous one b and its share of w [MPC-46].
pub(crate) enum Addition {
    Prover {
        a: Wiping<u64>,
        b: Wiping<u64>,
        w_next: Words,
        w_previous: Words,
    },
    Next {
        a: Wiping<u64>,
        w: Words,
    },
    Previous {
        b: Wiping<u64>,
        w: Words,
    },
}

/// What the parties next to a sender know of the AND that it sent its summand of.
pub(crate) struct Claims {
    /// Of this party's statement about what the previous one sent.
    pub(crate) of_previous: Wiping<u64>,
    /// Of this party's statement about what the next one sent.
    pub(crate) of_next: Wiping<u64>,
}

impl Gates {
    /// Appends what another lane has noted.
    pub(crate) fn append(&mut self, other: Self) {
        for side in 0..2 {
            let (a, b) = (&other.own.a[side], &other.own.b[side]);
            self.own.a[side].append(a);
            self.own.b[side].append(b);
        }
        self.of_previous.append(&other.of_previous);
        self.of_next.append(&other.of_next);
    }

    /// Notes the AND of two shares of which all three parties sent their summands.
    pub(crate) fn note_and(&mut self, x: BitShare, y: BitShare, claims: Claims) {
        let ([x_next, x_previous], [y_next, y_previous]) = (x.into_words(), y.into_words());
        let (own, log) = (&mut self.own, &mut self.of_previous);
        own.a[0].push(&x_next);
        own.a[1].push(&y_next);
        own.b[0].push(&y_previous);
        own.b[1].push(&x_previous);
        log.side[0].push(&x_previous);
        log.side[1].push(&y_previous);
        log.claim.push(&Arc::new(claims.of_previous));
        let log = &mut self.of_next;
        log.side[0].push(&y_next);
        log.side[1].push(&x_next);
        log.claim.push(&Arc::new(claims.of_next));
    }

    /// Notes an addition of values with `bits` slices.
    ///
    /// The carries are linear in what is known: with p = a XOR w_next and q = b XOR w_previous,
    /// the carry into a bit is p XOR q, and the carry out of it differs from the one in by
    /// `(w_next XOR q)(w_previous XOR p)`. Into the lowest bit nothing is carried.
    pub(crate) fn note_addition(&mut self, bits: usize, addition: Addition) {
        match addition {
            Addition::Prover {
                a: mut p,
                b: mut q,
                w_next,
                w_previous,
            } => {
                xor_into(&mut p, &w_next);
                xor_into(&mut q, &w_previous);
                let words = p.len() / bits;
                let lower = 0..p.len() - words;
                let blank = Arc::new(vec![0; words].into());
                let log = &mut self.own;
                let known = [w_next, Arc::new(p), w_previous, Arc::new(q)];
                for (target, values) in log.a.iter_mut().chain(&mut log.b).zip(&known) {
                    target.push(&blank);
                    target.push_range(values, lower.clone());
                }
            }
            Addition::Next { a: mut p, w } => {
                xor_into(&mut p, &w);
                self.of_previous.note_carries(bits, w, p);
            }
            Addition::Previous { b: mut q, w } => {
                xor_into(&mut q, &w);
                self.of_next.note_carries(bits, w, q);
            }
        }
    }
}

impl VerifierLog {
    fn append(&mut self, other: &Self) {
        for side in 0..2 {
            self.side[side].append(&other.side[side]);
        }
        self.claim.append(&other.claim);
    }

    /// Notes one side's carries: no carry into the lowest bit, then one statement a bit.
    fn note_carries(&mut self, bits: usize, w: Words, half: Wiping<u64>) {
        let words = half.len() / bits;
        let lower = half.len() - words;
        let mut claim: Wiping<u64> = vec![0; half.len()].into();
        claim[..words].copy_from_slice(&half[..words]);
        let carries = half[words..].iter().zip(&half[..lower]).zip(&w[..lower]);
        for (claim, ((out, into), w)) in claim[words..].iter_mut().zip(carries) {
            *claim = out ^ into ^ (w & into);
        }
        self.claim.push(&Arc::new(claim));
        let blank = Arc::new(vec![0; words].into());
        for (side, values) in self.side.iter_mut().zip([w, Arc::new(half)]) {
            side.push(&blank);
            side.push_range(&values, 0..lower);
        }
    }
}

impl ZeroizeOnDrop for Gates {}

fn xor_into(target: &mut [u64], other: &[u64]) {
    debug_assert_eq!(target.len(), other.len(), "vectors of one shape");
    target.iter_mut().zip(other).for_each(|(t, o)| *t ^= o);
}

//! The proofs between three parties, honest and not.

use alloc::sync::Arc;
use std::vec;

use boop_wire::id::PartyIndex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::*;
use crate::gates::{Noted, ProverLog, VerifierLog, Words};
use crate::job::{Counters, Job};
use crate::local::{Envelope, Outcome, run_through};
use crate::step::HEADER_BYTES;
use crate::testing::{contexts, seeded, words};

/// Long enough for two halvings.
const LONG: [usize; 3] = [3_000, 2_800, 2_900];

type Verdict = Result<(), MpcError>;

#[test]
fn statements_that_hold_are_accepted_by_everybody() {
    let mut rng = seeded(40);
    let lengths = [
        [1, 0, 0],
        [1, 1, 1],
        [63, 64, 1],
        [64, 127, 128],
        [128, 129, 0],
        [1_000, 1_024, 999],
        [10_000, 1, 9_999],
        // Seven halvings lead to an odd number of places.
        [1_025 * 128, 1, 70_000],
    ];
    for lengths in lengths {
        let gates = random_gates(&mut rng, lengths);
        assert!(all_hold(&gates));

        let outcome = prove(&mut rng, gates, |_| {});

        assert_eq!(outcome.results, accepted(), "{lengths:?} words");
    }
}

#[test]
fn every_kernel_proves_the_same() {
    let sent: Vec<Vec<Envelope>> = Kernel::all()
        .into_iter()
        .map(|kernel| {
            let mut rng = seeded(41);
            let gates = random_gates(&mut rng, [700, 800, 600]);
            let mut sent = Vec::new();
            let listen = |envelope: &mut Envelope| sent.push(envelope.clone());
            let outcome = prove_with(kernel, &mut rng, gates, listen, Ok);
            assert_eq!(outcome.results, accepted());
            sent
        })
        .collect();

    assert!(sent.iter().all(|messages| *messages == sent[0]));
}

#[test]
fn nothing_is_said_when_there_is_nothing_to_prove() {
    let mut rng = seeded(42);
    let gates = random_gates(&mut rng, [0, 0, 0]);

    let outcome = prove(&mut rng, gates, |_| {});

    assert_eq!(outcome.results, accepted());
    assert_eq!(outcome.counters, [Counters::default(); 3]);
}

#[test]
fn one_wrong_bit_of_a_message_is_noticed_by_the_party_next_to_its_sender_alone() {
    let mut rng = seeded(43);
    for prover in PartyIndex::ALL {
        for verifier in [prover.next(), prover.previous()] {
            let mut gates = random_gates(&mut rng, [200, 250, 150]);
            let claim = &mut log(&mut gates, prover, verifier).claim;
            flip(&mut rng, claim);
            assert!(!all_hold(&gates));

            let outcome = prove(&mut rng, gates, |_| {});

            assert_eq!(outcome.results, rejected(prover));
        }
    }
}

#[test]
fn a_prover_that_computes_with_other_shares_is_noticed() {
    let mut rng = seeded(44);
    for prover in PartyIndex::ALL {
        for (side, verifier) in [(0, prover.next()), (1, prover.next())] {
            // Where the other factor is set, the bit makes a difference.
            let mut gates = random_gates(&mut rng, [130, 150, 140]);
            let own = &mut gates[prover.as_usize()].own;
            let factor = own.b[side].to_vec();
            let place = factor.iter().position(|word| word & 1 == 1).unwrap();
            own.a[side].change(|words| words[place] ^= 1);
            let theirs = &mut log(&mut gates, prover, verifier).side[side];
            theirs.change(|words| words[place] ^= 1);
            assert!(!all_hold(&gates));

            let outcome = prove(&mut rng, gates, |_| {});

            assert_eq!(outcome.results, rejected(prover));
        }
    }
}

#[test]
fn a_prover_and_a_verifier_that_disagree_about_a_share_are_noticed() {
    let mut rng = seeded(45);
    for prover in PartyIndex::ALL {
        for verifier in [prover.next(), prover.previous()] {
            for side in 0..2 {
                let mut gates = random_gates(&mut rng, [130, 150, 140]);
                flip(&mut rng, &mut log(&mut gates, prover, verifier).side[side]);

                let outcome = prove(&mut rng, gates, |_| {});

                assert_eq!(outcome.results, rejected(prover));
            }
        }
    }
}

#[test]
fn a_thousand_single_wrong_bits_are_all_noticed() {
    let mut rng = seeded(46);
    for _ in 0..1_000 {
        let prover = PartyIndex::ALL[below(&mut rng, 3)];
        let verifier = [prover.next(), prover.previous()][below(&mut rng, 2)];
        let mut gates = random_gates(&mut rng, [3, 5, 4]);
        flip(&mut rng, &mut log(&mut gates, prover, verifier).claim);

        let outcome = prove(&mut rng, gates, |_| {});

        assert_eq!(outcome.results, rejected(prover));
    }
}

#[test]
fn two_wrong_bits_of_the_same_place_do_not_cancel_between_provers() {
    let mut rng = seeded(47);
    let mut gates = random_gates(&mut rng, [10, 10, 10]);
    let [zero, one, two] = PartyIndex::ALL;
    let change = |words: &mut [u64]| words[4] ^= 8;
    log(&mut gates, zero, one).claim.change(change);
    log(&mut gates, one, two).claim.change(change);

    let outcome = prove(&mut rng, gates, |_| {});

    let rejections = [zero, one].map(|prover| Some(Ok(Err(MpcError::ProofRejected { prover }))));
    assert_eq!(outcome.results[1..], rejections);
    assert_eq!(outcome.results[0], Some(Ok(Ok(()))));
}

#[test]
fn a_false_value_coefficient_or_end_is_noticed_by_the_party_next_to_the_prover() {
    let mut rng = seeded(48);
    let transcript = transcript(&mut rng, LONG);
    let mut seen = [0; 2];
    for (number, envelope) in transcript.iter().enumerate() {
        let step = envelope.bytes[0];
        let prover = if step == Step::Proof.tag() {
            seen[0] += 1;
            envelope.from
        } else if step == Step::ProofEnd.tag() {
            seen[1] += 1;
            envelope.from.next()
        } else {
            continue;
        };
        let gates = random_gates(&mut rng, LONG);

        let outcome = prove(&mut rng.clone(), gates, flip_in(&mut rng, number));

        assert_eq!(outcome.results, rejected(prover), "message {number}");
    }
    // The rows' values, those of two halvings, the coefficients.
    assert_eq!(seen, [3 * 4, 3]);
}

#[test]
fn a_false_challenge_is_noticed_before_the_proof_ends() {
    let mut rng = seeded(49);
    let transcript = transcript(&mut rng, LONG);
    let mut seen = 0;
    for (number, envelope) in transcript.iter().enumerate() {
        let prover = if envelope.bytes[0] == Step::Repeat.tag() {
            envelope.from
        } else if envelope.bytes[0] == Step::Challenge.tag() {
            envelope.to
        } else {
            continue;
        };
        seen += 1;
        let gates = random_gates(&mut rng, LONG);
        let mut ends = Vec::new();
        let mut flip = flip_in(&mut rng, number);

        let network = |envelope: &mut Envelope| {
            flip(envelope);
            if envelope.bytes[0] == Step::ProofEnd.tag() {
                ends.push(envelope.from);
            }
        };
        let outcome = prove_with(
            Kernel::best(),
            &mut rng.clone(),
            gates,
            network,
            |verdict| verdict,
        );

        let noticed_by = prover.previous();
        let rejection = Some(Err(MpcError::ChallengesDiffer { prover }));
        assert_eq!(outcome.results[noticed_by.as_usize()], rejection);
        assert!(!ends.contains(&noticed_by), "the differences stay secret");
    }
    // Weights, the rows' point, two halvings, and these challenges repeated.
    assert_eq!(seen, 3 * 5);
}

#[test]
fn a_false_challenge_convinces_nobody_of_a_false_statement() {
    let mut rng = seeded(50);
    let transcript = transcript(&mut rng, LONG);
    for (number, envelope) in transcript.iter().enumerate() {
        if envelope.bytes[0] != Step::Challenge.tag() {
            continue;
        }
        let prover = envelope.to;
        let mut gates = random_gates(&mut rng, LONG);
        flip(&mut rng, &mut log(&mut gates, prover, prover.next()).claim);

        let outcome = prove(&mut rng.clone(), gates, flip_in(&mut rng, number));

        let next = outcome.results[prover.next().as_usize()].clone();
        assert_ne!(next, Some(Ok(Ok(()))), "message {number}");
    }
}

#[test]
fn what_is_said_depends_on_the_longest_log_alone() {
    let mut rng = seeded(51);
    for words in [1, 128, 129, 1_000, 5_000] {
        let shapes: Vec<_> = [[words, 0, 0], [1, words, 7], [words, words, words]]
            .into_iter()
            .map(|lengths| {
                let said = transcript(&mut rng, lengths);
                let shape = |e: &Envelope| (e.from, e.to, e.bytes[0], e.bytes.len());
                said.iter().map(shape).collect::<Vec<_>>()
            })
            .collect();

        assert_eq!(shapes[0], shapes[1]);
        assert_eq!(shapes[0], shapes[2]);
        assert_eq!(shapes[0].len(), 3 * messages(words));
    }
}

#[test]
fn no_word_of_a_transcript_is_said_twice() {
    let mut rng = seeded(52);
    let said = transcript(&mut rng, LONG);
    let masked = |e: &&Envelope| e.bytes[0] == Step::ProofEnd.tag() || e.to == e.from.next();

    let mut words: Vec<u64> = said
        .iter()
        .filter(masked)
        .flat_map(|envelope| to_words(&envelope.bytes[HEADER_BYTES..]))
        .collect();

    let count = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), count, "zeros or unmasked values");
}

/// Checks all statements of three parties in the clear.
fn all_hold(gates: &[Gates; 3]) -> bool {
    PartyIndex::ALL.iter().all(|prover| {
        let own = &gates[prover.as_usize()].own;
        let next = &gates[prover.next().as_usize()].of_previous;
        let previous = &gates[prover.previous().as_usize()].of_next;
        let known = |sides: &[Noted; 2]| sides.each_ref().map(Noted::to_vec);
        let (a, b) = (known(&own.a), known(&own.b));
        let claims = [&next.claim, &previous.claim].map(Noted::to_vec);
        let agree = a == known(&next.side) && b == known(&previous.side);
        let holds = |i: usize| {
            let sum = (a[0][i] & b[0][i]) ^ (a[1][i] & b[1][i]);
            sum == claims[0][i] ^ claims[1][i]
        };
        agree && (0..a[0].len()).all(holds)
    })
}

/// Makes statements that hold, so many words a prover.
fn random_gates(rng: &mut ChaCha8Rng, lengths: [usize; 3]) -> [Gates; 3] {
    let mut gates = [(); 3].map(|()| Gates::default());
    for (prover, length) in PartyIndex::ALL.into_iter().zip(lengths) {
        let mut side = || [words(rng, length), words(rng, length)];
        let (a, b) = (side(), side());
        let claim = words(rng, length);
        let rest = (0..length).map(|i| (a[0][i] & b[0][i]) ^ (a[1][i] & b[1][i]) ^ claim[i]);
        let rest = rest.collect();
        gates[prover.next().as_usize()].of_previous = VerifierLog {
            side: a.clone().map(|words| in_parts(rng, words)),
            claim: in_parts(rng, claim),
        };
        gates[prover.previous().as_usize()].of_next = VerifierLog {
            side: b.clone().map(|words| in_parts(rng, words)),
            claim: in_parts(rng, rest),
        };
        gates[prover.as_usize()].own = ProverLog {
            a: a.map(|words| in_parts(rng, words)),
            b: b.map(|words| in_parts(rng, words)),
        };
    }
    gates
}

/// Notes words in parts of any length.
fn in_parts(rng: &mut ChaCha8Rng, words: Vec<u64>) -> Noted {
    let (mut noted, mut first) = (Noted::default(), 0);
    let shared: Words = Arc::new(words.into());
    while first < shared.len() {
        let left = shared.len() - first;
        let words = below(rng, left.min(500) + 1);
        noted.push_range(&shared, first..first + words);
        first += words;
    }
    noted
}

/// Runs the proofs, each party's verdict in the end being its result.
fn prove(
    rng: &mut ChaCha8Rng,
    gates: [Gates; 3],
    network: impl FnMut(&mut Envelope),
) -> Outcome<Verdict> {
    prove_with(Kernel::best(), rng, gates, network, Ok)
}

/// Runs the proofs and makes a result of each party's verdict.
fn prove_with<T>(
    kernel: Kernel,
    rng: &mut ChaCha8Rng,
    gates: [Gates; 3],
    mut network: impl FnMut(&mut Envelope),
    result: fn(Verdict) -> Result<T, MpcError>,
) -> Outcome<T> {
    let mut gates = gates.into_iter();
    let jobs = contexts(rng).map(|mut context| {
        let gates = gates.next().unwrap();
        Job::new(context.me(), move |mut channel| async move {
            result(verify(&mut context, &mut channel, kernel, gates).await)
        })
    });
    run_through(jobs, |mut envelope| {
        network(&mut envelope);
        vec![envelope]
    })
}

/// Returns all messages of an honest run.
fn transcript(rng: &mut ChaCha8Rng, lengths: [usize; 3]) -> Vec<Envelope> {
    let gates = random_gates(rng, lengths);
    let mut said = Vec::new();
    let outcome = prove(rng, gates, |envelope| said.push(envelope.clone()));
    assert_eq!(outcome.results, accepted());
    said
}

/// Flips a random bit of the payload of one message.
fn flip_in(rng: &mut ChaCha8Rng, number: usize) -> impl FnMut(&mut Envelope) + use<> {
    let random = rng.next_u64();
    let mut passed = 0;
    move |envelope| {
        if passed == number {
            let payload = &mut envelope.bytes[HEADER_BYTES..];
            let bit = usize::try_from(random >> 32).unwrap() % (8 * payload.len());
            payload[bit / 8] ^= 1 << (bit % 8);
        }
        passed += 1;
    }
}

/// What one party sends in proofs of so many words.
fn messages(words: usize) -> usize {
    let mut places = 128 * words.div_ceil(128);
    let mut halvings = 0;
    while places > 1_024 {
        places = places.div_ceil(2);
        halvings += 1;
    }
    // Weights; two messages for the rows and for each halving; coefficients, challenges, end.
    1 + 2 * (1 + halvings) + 3
}

fn log(gates: &mut [Gates; 3], prover: PartyIndex, verifier: PartyIndex) -> &mut VerifierLog {
    let gates = &mut gates[verifier.as_usize()];
    if verifier == prover.next() {
        &mut gates.of_previous
    } else {
        &mut gates.of_next
    }
}

fn accepted() -> [Option<Result<Verdict, MpcError>>; 3] {
    [const { Some(Ok(Ok(()))) }; 3]
}

/// The party next to the prover rejects its proof, and nobody anything else.
fn rejected(prover: PartyIndex) -> [Option<Result<Verdict, MpcError>>; 3] {
    let mut results = accepted();
    results[prover.next().as_usize()] = Some(Ok(Err(MpcError::ProofRejected { prover })));
    results
}

fn flip(rng: &mut ChaCha8Rng, noted: &mut Noted) {
    let place = below(rng, noted.len());
    let bit = below(rng, 64);
    noted.change(|words| words[place] ^= 1 << bit);
}

fn below(rng: &mut ChaCha8Rng, limit: usize) -> usize {
    usize::try_from(rng.next_u64() >> 32).unwrap() % limit
}

//! In a run that is secure with abort, a party that deviates is noticed before anything is
//! opened [MPC-40], [MPC-50]; without the proofs it would not be.

use std::collections::BTreeMap;

use boop_mpc::local::{Envelope, Outcome, run_through};
use boop_mpc::{
    Database, Job, MpcError, Rule, SEED_BYTES, Security, ShareInput, SharedPalm, Step, StoredShare,
};
use boop_wire::id::PartyIndex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::support::{
    HEADER_BYTES, Shares, World, accept_jobs, enrol, finish, full_palm, full_template,
    identify_jobs, record, seeded, session_jobs, shares_of, step_of,
};

#[test]
fn a_message_with_another_payload_aborts_before_anything_is_opened() {
    let mut scene = Scene::new(1);
    let (_, stale) = record(scene.session());
    for messages in kinds(&stale) {
        for lie in LIES {
            let chosen = &messages[scene.any(messages.len())];
            let (from, step, to) = (chosen.from, step_of(&chosen.bytes), chosen.to);
            let (outcome, opened) = scene.session_with(chosen, lie);

            let what = format!("{lie:?} of {step:?} from {from} to {to}");
            for result in outcome.results.iter().flatten() {
                let right = result.as_ref().is_ok_and(|found| *found == HIT_AND_MISS);
                assert!(right || result.is_err(), "{what}: {:?}", outcome.results);
            }
            let found = |party: PartyIndex| outcome.results[party.as_usize()].as_ref();
            let deserved = deserved(chosen);
            if let Some((at, error)) = &deserved {
                assert_eq!(found(*at), Some(&Err(error.clone())), "{what}");
            }
            if !matches!(step, Step::Open | Step::OpenHash) {
                let results = &outcome.results;
                assert!(!opened, "{what}");
                assert!(results.iter().flatten().all(Result::is_err), "{what}");
                let noticed = from.others().into_iter().filter_map(found);
                assert!(noticed.into_iter().any(is_rejection), "{what}: {results:?}");
            }
        }
    }
}

#[test]
fn a_falsified_bit_changes_the_result_unnoticed_unless_it_is_proved() {
    let mut scene = Scene::new(2);
    let palm = scene.palm();
    for (liar, security) in PartyIndex::ALL
        .into_iter()
        .flat_map(|liar| [(liar, Security::SemiHonest), (liar, Security::Abort)])
    {
        let jobs = identify_jobs(&mut scene.rng, &palm, &scene.world, Rule::PALM, security);
        let mut levels = 0;

        // The liar stands by what it said: the last AND of the alignments, then its opening.
        let outcome = run_through(jobs, |mut envelope| {
            let step = step_of(&envelope.bytes);
            let own = envelope.from == liar;
            levels += usize::from(own && step == Step::Alignments);
            let last = step == Step::Alignments && levels == 5;
            if own && (last || step == Step::Open) {
                envelope.bytes[HEADER_BYTES] ^= 0b10;
            }
            vec![envelope]
        });

        let [next, previous] =
            [liar.next(), liar.previous()].map(|party| outcome.results[party.as_usize()].clone());
        match security {
            Security::SemiHonest => {
                assert_eq!(next, Some(Ok(vec![true, true])));
                assert_eq!(previous, Some(Ok(vec![true, true])));
            }
            Security::Abort => {
                let prover = liar;
                assert_eq!(next, Some(Err(MpcError::ProofRejected { prover })));
                assert_eq!(previous, None);
            }
        }
    }
}

#[test]
fn a_product_of_another_share_changes_the_result_unnoticed_unless_it_is_audited() {
    let mut scene = Scene::new(3);
    let palm = scene.palm();
    for liar in PartyIndex::ALL {
        let honest = scene.world.databases[liar.as_usize()].get(1).unwrap();
        let stale = scene.earlier[liar.as_usize()].clone();
        // One unit of the mask and of the code each change products by what the query holds.
        for share in [
            stale,
            with_one_added(&honest, 0),
            with_one_added(&honest, 28_000),
        ] {
            // The liar's database has the slots that its audit covers.
            let mut world = scene.world.clone();
            let mut database = Database::new();
            database.push(&world.databases[liar.as_usize()].get(0).unwrap());
            database.push(&share);
            world.databases[liar.as_usize()] = database;

            let unaudited = Security::SemiHonest;
            let jobs = identify_jobs(&mut scene.rng, &palm, &world, Rule::PALM, unaudited);
            let (unaudited, _) = record(jobs);
            let jobs = identify_jobs(&mut scene.rng, &palm, &world, Rule::PALM, Security::Abort);
            let (audited, transcript) = record(jobs);

            assert_eq!(
                unaudited.results,
                [(); 3].map(|()| Some(Ok(vec![true, true])))
            );
            for honest in liar.others() {
                let rejected = Some(Err(MpcError::AuditRejected { party: liar }));
                assert_eq!(audited.results[honest.as_usize()], rejected);
            }
            assert!(!transcript.iter().any(opens));
        }
    }
}

#[test]
fn a_party_that_starts_from_other_bits_than_the_client_sent_is_noticed() {
    let mut scene = Scene::new(4);
    let honest = scene.inputs.clone();
    // Behind the salt of the component that parties 0 and 1 have; in the seeds of the others.
    let firsts = [1 + SEED_BYTES, 1, 1];
    for (liar, last) in PartyIndex::ALL
        .into_iter()
        .flat_map(|liar| [(liar, false), (liar, true)])
    {
        let mut bytes = honest[liar.as_usize()].to_bytes();
        let byte = if last {
            bytes.len() - 1
        } else {
            firsts[liar.as_usize()]
        };
        bytes[byte] ^= 1;
        scene.inputs = honest.clone();
        scene.inputs[liar.as_usize()] = ShareInput::from_bytes(&bytes).unwrap();

        let (outcome, transcript) = record(scene.session());

        let noticed = liar
            .others()
            .map(|party| &outcome.results[party.as_usize()]);
        assert!(
            noticed.into_iter().flatten().any(is_rejection),
            "{liar}, byte {byte}"
        );
        assert!(outcome.results.iter().flatten().all(Result::is_err));
        assert!(!transcript.iter().any(opens));
    }
}

#[test]
fn after_an_abort_the_databases_are_as_before_and_a_retry_with_fresh_seeds_succeeds() {
    let mut scene = Scene::new(5);
    let (_, transcript) = record(scene.session());
    let all = |world: &World| {
        let slots = (0..2).flat_map(|slot| world.databases.iter().map(move |d| d.get(slot)));
        slots
            .map(|share| share.unwrap().to_bytes().to_vec())
            .collect::<Vec<_>>()
    };
    let before = all(&scene.world);
    for step in [
        Step::Blank,
        Step::Carry,
        Step::Proof,
        Step::AuditHash,
        Step::Open,
    ] {
        let chosen = transcript
            .iter()
            .find(|e| step_of(&e.bytes) == step)
            .unwrap();

        let (aborted, _) = scene.session_with(&chosen.clone(), Lie::Flipped);
        let (retried, _) = record(scene.session());

        assert!(
            aborted.results.iter().flatten().any(Result::is_err),
            "{step:?}"
        );
        assert_eq!(
            retried.results,
            [(); 3].map(|()| Some(Ok(HIT_AND_MISS.to_vec())))
        );
        assert_eq!(all(&scene.world), before);
    }
}

#[test]
fn a_lie_while_audits_are_prepared_is_noticed() {
    let mut scene = Scene::new(6);
    let (_, stale) = record(scene.world.audit_jobs(&mut scene.rng));
    for messages in kinds(&stale) {
        let chosen = &messages[scene.any(messages.len())];
        let (from, step, to) = (chosen.from, step_of(&chosen.bytes), chosen.to);
        for lie in LIES {
            let jobs = scene.world.audit_jobs(&mut scene.rng);
            let (outcome, _) = run_lying(&mut scene.rng, jobs, chosen, lie);

            let what = format!("{lie:?} of {step:?} from {from} to {to}");
            let noticed = from
                .others()
                .map(|honest| &outcome.results[honest.as_usize()]);
            assert!(
                noticed.into_iter().flatten().any(is_rejection),
                "{what}: {:?}",
                outcome.results
            );
        }
    }
}

/// How a payload differs from what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// One bit is flipped.
    Flipped,
    /// One is added to a word.
    Added,
    /// It is that of an earlier run.
    Stale,
}

const LIES: [Lie; 3] = [Lie::Flipped, Lie::Added, Lie::Stale];

/// Returns which party should notice that a message is a lie, and as what. For scores that are
/// passed on it depends on the parties' roles who notices first.
fn deserved(lie: &Envelope) -> Option<(PartyIndex, MpcError)> {
    let (from, to) = (lie.from, lie.to);
    match step_of(&lie.bytes) {
        Step::Blank
        | Step::Deal
        | Step::Inject
        | Step::Summand
        | Step::Carry
        | Step::Alignments
        | Step::Proof => Some((from.next(), MpcError::ProofRejected { prover: from })),
        Step::ProofEnd => {
            let prover = to.previous();
            Some((to, MpcError::ProofRejected { prover }))
        }
        Step::Challenge => Some((to.previous(), MpcError::ChallengesDiffer { prover: to })),
        Step::Repeat => Some((to, MpcError::ChallengesDiffer { prover: from })),
        Step::AuditHash => {
            let party = PartyIndex::ALL
                .into_iter()
                .find(|p| *p != from && *p != to)?;
            Some((to, MpcError::AuditRejected { party }))
        }
        Step::Open | Step::OpenHash => Some((to, MpcError::InconsistentOpening)),
        _ => None,
    }
}

impl Lie {
    /// Changes a message, given the same one of an earlier run.
    fn tell(self, rng: &mut ChaCha8Rng, message: &mut [u8], stale: &[u8]) {
        assert_eq!(message[..HEADER_BYTES], stale[..HEADER_BYTES]);
        // Some scores belong to lanes of a tile that hold nothing, and mean nothing.
        let scores = matches!(step_of(message), Step::Rescore | Step::AuditScore);
        let end = if scores {
            HEADER_BYTES + 4
        } else {
            message.len()
        };
        let payload = &mut message[HEADER_BYTES..end];
        let mut any = |below: usize| usize::try_from(rng.next_u32()).unwrap() % below;
        match self {
            Self::Flipped => payload[any(payload.len())] ^= 1 << any(8),
            Self::Added => {
                let words = payload.as_chunks_mut::<4>().0;
                let word = &mut words[any(words.len())];
                *word = u32::from_le_bytes(*word).wrapping_add(1).to_le_bytes();
            }
            Self::Stale => payload.copy_from_slice(&stale[HEADER_BYTES..end]),
        }
    }
}

/// Runs jobs in which one message of an earlier run is told otherwise, and tells whether
/// anybody sent a share of the result.
fn run_lying<T>(
    rng: &mut ChaCha8Rng,
    jobs: [Job<'_, T>; 3],
    chosen: &Envelope,
    lie: Lie,
) -> (Outcome<T>, bool) {
    let way = (chosen.from, chosen.to);
    let (mut lies, mut opened) = (0, false);
    let outcome = run_through(jobs, |mut envelope| {
        opened |= opens(&envelope);
        let header = envelope.bytes[..HEADER_BYTES] == chosen.bytes[..HEADER_BYTES];
        if header && (envelope.from, envelope.to) == way {
            lie.tell(rng, &mut envelope.bytes, &chosen.bytes);
            lies += 1;
        }
        vec![envelope]
    });
    assert_eq!(lies, 1);
    (outcome, opened)
}

/// Collects the messages that carry something, by sender, step and receiver.
fn kinds(transcript: &[Envelope]) -> Vec<Vec<Envelope>> {
    let mut kinds: BTreeMap<_, Vec<Envelope>> = BTreeMap::new();
    for envelope in transcript.iter().filter(|e| e.bytes.len() > HEADER_BYTES) {
        let kind = (envelope.from, envelope.bytes[0], envelope.to);
        kinds.entry(kind).or_default().push(envelope.clone());
    }
    kinds.into_values().collect()
}

fn is_rejection<T>(result: &Result<T, MpcError>) -> bool {
    let error = result.as_ref().err();
    matches!(
        error,
        Some(
            MpcError::ProofRejected { .. }
                | MpcError::ChallengesDiffer { .. }
                | MpcError::AuditRejected { .. }
        )
    )
}

fn opens(envelope: &Envelope) -> bool {
    step_of(&envelope.bytes) == Step::Open
}

/// Returns a share that differs in one byte.
fn with_one_added(share: &StoredShare, byte: usize) -> StoredShare {
    let mut bytes = share.to_bytes();
    bytes[byte] = bytes[byte].wrapping_add(1);
    StoredShare::from_bytes(&bytes).unwrap()
}

const HIT_AND_MISS: [bool; 2] = [true, false];

/// Parties with two slots, the first of which a capture matches.
struct Scene {
    rng: ChaCha8Rng,
    inputs: [ShareInput; 3],
    world: World,
    /// What was once in the second slot.
    earlier: Shares,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut rng = seeded(seed);
        let palm = full_palm(&mut rng);
        let [miss, other] = [(); 2].map(|()| full_template(&mut rng));
        let world = World::enrolling(&mut rng, &[palm.0[0].clone(), miss]);
        let inputs = shares_of(&mut rng, &palm);
        let earlier = enrol(&mut rng, &other);
        Self {
            rng,
            inputs,
            world,
            earlier,
        }
    }

    fn any(&mut self, below: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % below
    }

    fn palm(&mut self) -> [SharedPalm; 3] {
        let jobs = accept_jobs(&mut self.rng, &self.inputs, Security::SemiHonest);
        finish(jobs)
    }

    fn session(&mut self) -> [Job<'static, Vec<bool>>; 3] {
        let (inputs, world) = (&self.inputs, &self.world);
        session_jobs(&mut self.rng, inputs, world, Rule::PALM, Security::Abort)
    }

    /// Runs a session with a lie, and tells whether anything was opened.
    fn session_with(&mut self, chosen: &Envelope, lie: Lie) -> (Outcome<Vec<bool>>, bool) {
        let jobs = self.session();
        run_lying(&mut self.rng, jobs, chosen, lie)
    }
}

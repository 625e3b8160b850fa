//! Every kind of message, of every sender, shortened, lost, repeated, misplaced: its receiver
//! ends with the error that it deserves, or waits where it was lost, and nobody ends with a
//! wrong result [MPC-4].

use std::collections::BTreeMap;

use boop_mpc::local::{Envelope, run_through};
use boop_mpc::{Job, MpcError, Rule, Security, ShareInput};
use boop_wire::id::PartyIndex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::support::{
    HEADER_BYTES, World, full_palm, full_template, record, seeded, session_jobs, shares_of, step_of,
};

#[test]
fn a_misshaped_message_is_refused_by_its_receiver_as_it_deserves() {
    every_kind_of_message_misshaped(Scene::new(1), Security::SemiHonest);
}

#[test]
fn a_misshaped_message_of_a_run_with_proofs_is_refused_by_its_receiver_as_it_deserves() {
    every_kind_of_message_misshaped(Scene::new(2), Security::Abort);
}

/// Lets half of the faults strike each kind of message; the same kinds on other ways, between
/// other parties, meet the other half.
fn every_kind_of_message_misshaped(mut scene: Scene, security: Security) {
    let (_, transcript) = record(scene.jobs(security));
    let kinds = one_of_each_kind(&mut scene.rng, &transcript);
    for (index, turn) in kinds.into_iter().zip(0..) {
        for fault in FAULTS.into_iter().skip(turn % 2).step_by(2) {
            let ended = scene.run_with(security, index, fault);

            let original = &transcript[index];
            let expected = fault.deserves(&transcript, index);
            let receiver = original.to.as_usize();
            let what = format!("{security:?} {fault:?} of {}: {ended:?}", name(original));
            assert!(expected.allows(ended[receiver].as_ref()), "{what}");
            for (party, result) in ended.iter().enumerate() {
                let fine = matches!(result, None | Some(Ok(_)));
                assert!(fine || party == receiver, "{what}");
                let found = result.as_ref().and_then(|result| result.as_ref().ok());
                assert!(found.is_none_or(|found| *found == [true, false]), "{what}");
            }
        }
    }
}

/// What goes wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Emptied,
    Shortened,
    Lengthened,
    OtherStep,
    OtherNumber,
    OtherLane,
    Lost,
    Twice,
    /// It arrives behind the one that follows.
    Late,
    /// The one before it arrives in its place.
    Replayed,
}

const FAULTS: [Fault; 10] = [
    Fault::Emptied,
    Fault::Shortened,
    Fault::Lengthened,
    Fault::OtherStep,
    Fault::OtherNumber,
    Fault::OtherLane,
    Fault::Lost,
    Fault::Twice,
    Fault::Late,
    Fault::Replayed,
];

/// What may become of the receiver.
#[derive(Debug)]
enum Verdict {
    /// This error.
    Error(MpcError),
    /// This error; or nothing, where the sender waits for the receiver before it comes to that.
    ErrorOrSilence(MpcError),
    /// It waits for ever.
    Silence,
    /// A message too many.
    Surplus(PartyIndex),
    /// Nothing happened.
    Success,
}

impl Verdict {
    fn allows(&self, result: Option<&Result<Vec<bool>, MpcError>>) -> bool {
        match (self, result) {
            (Self::Error(error) | Self::ErrorOrSilence(error), Some(Err(found))) => error == found,
            (Self::Silence | Self::ErrorOrSilence(_), None) => true,
            (Self::Success, Some(Ok(_))) => true,
            (Self::Surplus(from), Some(Err(found))) => {
                *found == MpcError::SurplusMessage { from: *from } || *found == MpcError::Finished
            }
            (
                Self::Error(_)
                | Self::ErrorOrSilence(_)
                | Self::Silence
                | Self::Surplus(_)
                | Self::Success,
                _,
            ) => false,
        }
    }
}

impl Fault {
    /// Returns what arrives instead of a message, after `before` on the same way, and whether
    /// the message itself waits for the next one.
    fn strike(self, message: &Envelope, before: Option<&Envelope>) -> (Vec<Envelope>, bool) {
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut message = message.clone();
            change(&mut message.bytes);
            vec![message]
        };
        let arrives = match self {
            Self::Emptied => changed(&Vec::clear),
            Self::Shortened => changed(&|bytes| bytes.truncate(bytes.len() - 1)),
            Self::Lengthened => changed(&|bytes| bytes.push(0)),
            Self::OtherStep => changed(&|bytes| bytes[0] = 0xee),
            Self::OtherNumber => changed(&|bytes| bytes[HEADER_BYTES - 1] ^= 1),
            Self::OtherLane => changed(&|bytes| bytes[4] ^= 0x40),
            Self::Lost | Self::Late => vec![],
            Self::Twice => vec![message.clone(), message.clone()],
            Self::Replayed => vec![before.unwrap_or(message).clone()],
        };
        (arrives, self == Self::Late)
    }

    /// Returns what the receiver of message `index` should make of it: what arrives is compared
    /// with what would have arrived on the same way, message by message.
    fn deserves(self, transcript: &[Envelope], index: usize) -> Verdict {
        let way = way(&transcript[index]);
        let on_way = |envelope: &&Envelope| self::way(envelope) == way;
        let original: Vec<_> = transcript.iter().filter(on_way).cloned().collect();
        let at = transcript[..index].iter().filter(on_way).count();
        let (arrives, late) = self.strike(&original[at], original[..at].last());
        let mut altered = original.clone();
        altered.splice(at..=at, arrives.into_iter().filter(|e| self::way(e) == way));
        if late && at < altered.len() {
            altered.insert(at + 1, original[at].clone());
        }
        let from = way.0;
        let different = original
            .iter()
            .zip(&altered)
            .find_map(|(expected, found)| refusal(from, &expected.bytes, &found.bytes));
        let waits = matches!(self, Self::Lost | Self::Late | Self::OtherLane);
        match different {
            Some(error) if waits => Verdict::ErrorOrSilence(error),
            Some(error) => Verdict::Error(error),
            None if altered.len() < original.len() => Verdict::Silence,
            None if altered.len() > original.len() => Verdict::Surplus(from),
            None => Verdict::Success,
        }
    }
}

/// Returns how a party that expects one message refuses another.
fn refusal(from: PartyIndex, expected: &[u8], found: &[u8]) -> Option<MpcError> {
    if expected.len() != found.len() {
        let (expected, found) = (expected.len(), found.len());
        return Some(MpcError::WrongLength {
            from,
            expected,
            found,
        });
    }
    if expected[0] != found[0] {
        let (expected, found) = (step_of(expected), found[0]);
        return Some(MpcError::UnexpectedStep {
            from,
            expected,
            found,
        });
    }
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes[5..HEADER_BYTES].try_into().unwrap());
    let (expected, found) = (number(expected), number(found));
    (expected != found).then_some(MpcError::OutOfOrder {
        from,
        expected,
        found,
    })
}

/// The way of a message: sender, receiver and lane. What is too short to tell is in lane 0.
fn way(envelope: &Envelope) -> (PartyIndex, PartyIndex, u32) {
    let lane = envelope
        .bytes
        .get(1..5)
        .filter(|_| envelope.bytes.len() >= HEADER_BYTES);
    let lane = lane.map_or(0, |lane| u32::from_le_bytes(lane.try_into().unwrap()));
    (envelope.from, envelope.to, lane)
}

/// Chooses a message of each step on each way.
fn one_of_each_kind(rng: &mut ChaCha8Rng, transcript: &[Envelope]) -> Vec<usize> {
    let mut kinds: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, envelope) in transcript.iter().enumerate() {
        let kind = (way(envelope), envelope.bytes[0]);
        kinds.entry(kind).or_default().push(index);
    }
    let chosen = kinds.into_values().map(|all| {
        let any = usize::try_from(rng.next_u32()).unwrap();
        all[any % all.len()]
    });
    chosen.collect()
}

fn name(envelope: &Envelope) -> String {
    let (step, number) = (step_of(&envelope.bytes), &envelope.bytes[5..7]);
    format!(
        "{step:?} {number:?} from {} to {}",
        envelope.from, envelope.to
    )
}

/// Parties with two slots, the first of which a capture matches.
struct Scene {
    rng: ChaCha8Rng,
    inputs: [ShareInput; 3],
    world: World,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut rng = seeded(seed);
        let palm = full_palm(&mut rng);
        let miss = full_template(&mut rng);
        let world = World::enrolling(&mut rng, &[palm.0[0].clone(), miss]);
        let inputs = shares_of(&mut rng, &palm);
        Self { rng, inputs, world }
    }

    fn jobs(&mut self, security: Security) -> [Job<'static, Vec<bool>>; 3] {
        session_jobs(
            &mut self.rng,
            &self.inputs,
            &self.world,
            Rule::PALM,
            security,
        )
    }

    /// Runs a search in which a fault strikes one message.
    fn run_with(
        &mut self,
        security: Security,
        index: usize,
        fault: Fault,
    ) -> [Option<Result<Vec<bool>, MpcError>>; 3] {
        let mut delivered: Vec<Envelope> = Vec::new();
        let mut held: Option<Envelope> = None;
        let outcome = run_through(self.jobs(security), |envelope| {
            let mut arrives = vec![envelope.clone()];
            if delivered.len() == index {
                let before = delivered.iter().rfind(|d| way(d) == way(&envelope));
                let (instead, late) = fault.strike(&envelope, before);
                arrives = instead;
                held = late.then(|| envelope.clone());
            } else if let Some(late) = held.take_if(|late| way(late) == way(&envelope)) {
                arrives.push(late);
            }
            delivered.push(envelope);
            arrives
        });
        outcome.results
    }
}

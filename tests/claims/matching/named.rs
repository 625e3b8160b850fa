//! Whoever deviates is named by a replay of the parties' records, and nobody else is [MPC-6].

use anyhow::{Context as _, Result};
use boop_mpc::local::Envelope;
use boop_mpc::{Database, MpcError, Step};
use boop_wire::id::PartyIndex;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::claim::Claim;
use crate::matching::judge::{Verdict, judge};
use crate::matching::record::{End, Heard, Record, run_recorded};
use crate::matching::scene::{EXTENTS, Extent, HIT_AND_MISS, Kind, Lie, Scene, opens};
use crate::matching::world::{HEADER_BYTES, World, any, is_step, on_all_cores, seeded};

/// Has every party deviate in every message and in what it computes with, and asks the judge.
pub(super) fn claim(quick: bool) -> Result<Claim> {
    let mut rng = seeded(SEED);
    let scene = Scene::new(&mut rng)?;
    let kinds = scene.kinds(&mut rng)?;
    let runs: Vec<_> = deviations(&kinds, quick).zip(SEED + 1..).collect();
    let trials = on_all_cores(runs, |((kind, deviation), seed)| {
        trial(&scene, kind, deviation, seed)
    })?;
    let extents = EXTENTS
        .into_iter()
        .cycle()
        .take(if quick { 3 } else { 300 });
    let honest = on_all_cores(extents.zip(SEED..), |(extent, seed)| {
        Ok(honest(&scene, extent, seed))
    })?;
    let count = |holds: fn(&Trial) -> bool| trials.iter().filter(|trial| holds(trial)).count();
    let count_honest = |holds: fn(&Honest) -> bool| honest.iter().filter(|h| holds(h)).count();
    let named = count(|trial| trial.named);
    let [denied, paired] = [
        count(|t| t.denial.is_some()),
        count(|t| t.denial == Some(true)),
    ];
    let [no_output, kept] = [count(|t| t.no_output), count(|t| t.transcripts_kept)];
    let cleared = count_honest(|honest| honest.cleared);
    let [unsigned, accused] = [count_honest(|h| h.unsigned), count_honest(|h| h.accused)];
    let held = named == trials.len() && no_output == trials.len() && kept == trials.len();
    Ok(Claim {
        id: "the-party-that-deviates-is-named".into(),
        claim: "a replay of the parties' records names the one that deviated, and no other".into(),
        held: held && denied > 0 && paired == denied && cleared == honest.len(),
        control: [unsigned, accused] == [honest.len(); 2],
        summary: format!(
            "runs {}, kinds of message {}, named {named}, no output of the lie {no_output}; \
             where the liar denies, it and who heard it are named: {paired} of {denied}; \
             honest runs {}, nobody named {cleared}; records altered later: seen {unsigned}, \
             and if signed again, accused {accused}",
            trials.len(),
            kinds.len(),
            honest.len(),
        ),
        figures: json!({
            "seed": SEED,
            "runs": trials.len(),
            "kinds_of_message": kinds.len(),
            "deviations": DEVIATIONS.map(|deviation| format!("{deviation:?}")),
            "named_exactly": named,
            "no_output_of_the_lie": no_output,
            "denied": denied,
            "denied_and_the_pair_named": paired,
            "transcripts_of_the_jobs_are_those_of_the_records": kept,
            "errors_alone_accuse_the_liar": count(|trial| trial.accused == Some(true)),
            "errors_alone_accuse_another": count(|trial| trial.accused == Some(false)),
            "honest_runs": honest.len(),
            "honest_runs_in_which_nobody_is_named": cleared,
            "control_records_altered_after_they_were_signed_seen": unsigned,
            "control_records_altered_and_signed_again_owner_accused": accused,
        }),
    })
}

/// How a party deviates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deviation {
    /// A payload is another one.
    Payload(Lie),
    /// A message is sent twice.
    Twice,
    /// The last byte of a message is missing.
    Shortened,
    /// From a message on it sends nothing, and says that the next party's proof failed.
    FalseAlarm,
    /// It computes with a share that it does not store.
    OtherShare,
}

const DEVIATIONS: [Deviation; 7] = [
    Deviation::Payload(Lie::Flipped),
    Deviation::Payload(Lie::Added),
    Deviation::Payload(Lie::Stale),
    Deviation::Twice,
    Deviation::Shortened,
    Deviation::FalseAlarm,
    Deviation::OtherShare,
];

/// Pairs every kind of message with every deviation that it can suffer, again and again. The
/// longer a run, the fewer; a sample has one deviation of each kind of message in a long one.
fn deviations(kinds: &[Kind], quick: bool) -> impl Iterator<Item = (&Kind, Deviation)> {
    kinds.iter().enumerate().flat_map(move |(index, kind)| {
        let suffered = suffered(kind);
        let (skipped, taken) = match kind.extent {
            Extent::Search if quick => (0, suffered.len()),
            Extent::Session | Extent::FirstJob if quick => (index % suffered.len(), 1),
            Extent::Search => (0, 40 * suffered.len()),
            Extent::Session => (0, 20 * suffered.len()),
            Extent::FirstJob => (0, 5 * suffered.len()),
        };
        let again = suffered.into_iter().cycle().skip(skipped).take(taken);
        again.map(move |deviation| (kind, deviation))
    })
}

fn suffered(kind: &Kind) -> Vec<Deviation> {
    let suffers = |deviation: &Deviation| match deviation {
        Deviation::Payload(_) => kind.messages[0].bytes.len() > HEADER_BYTES,
        Deviation::Twice | Deviation::Shortened | Deviation::FalseAlarm => true,
        // The message that says what it computed.
        Deviation::OtherShare => is_step(&kind.messages[0], Step::Rescore),
    };
    DEVIATIONS.into_iter().filter(suffers).collect()
}

/// What came of one run with a deviation.
struct Trial {
    named: bool,
    /// Whether the judge is left with the liar and who heard it, if the liar denies what was
    /// heard.
    denial: Option<bool>,
    no_output: bool,
    transcripts_kept: bool,
    /// Whether the honest parties' errors accuse the liar; nothing if they accuse nobody.
    accused: Option<bool>,
}

fn trial(scene: &Scene, kind: &Kind, deviation: Deviation, seed: u64) -> Result<Trial> {
    let mut rng = seeded(seed);
    let chosen = &kind.messages[any(&mut rng, kind.messages.len())];
    let liar = chosen.from;
    let start = rng.clone();
    let honest_jobs = || scene.jobs(&mut start.clone(), kind.extent);
    let jobs = match deviation {
        Deviation::OtherShare => {
            with_other_share(scene, liar)?.jobs(&mut start.clone(), kind.extent)
        }
        _ => honest_jobs(),
    };
    let mut opened = false;
    let (mut records, kept) = run_recorded(jobs, Some(liar), {
        let mut deviate = deviating(&mut rng, chosen, deviation);
        let opened = &mut opened;
        move |envelope| {
            let said = deviate(envelope);
            *opened |= said.iter().any(opens);
            said
        }
    });
    let own_end = records[liar.as_usize()].end.clone();
    if deviation == Deviation::FalseAlarm {
        let prover = liar.next();
        records[liar.as_usize()].end = Some(Err(MpcError::ProofRejected { prover }));
    }
    let verdict = judge(honest_jobs(), &records);
    let honest = liar
        .others()
        .map(|party| records[party.as_usize()].end.clone());
    let deniable = matches!(deviation, Deviation::Payload(_) | Deviation::Shortened);
    let denial = deniable.then(|| {
        let liars = &mut records[liar.as_usize()];
        liars.said.clone_from(&liars.due);
        liars.end = own_end;
        liars.signed = liars.commitments();
        judge(honest_jobs(), &records) == Verdict::Pair(liar, chosen.to)
    });
    let receiver = records[chosen.to.as_usize()].end.as_ref();
    Ok(Trial {
        named: verdict == Verdict::Named(liar),
        denial,
        no_output: no_output(deviation, chosen, receiver, &honest, opened),
        transcripts_kept: kept,
        accused: accused(&honest, liar),
    })
}

/// Tells whether no honest party ended with a result to which the deviation contributed.
fn no_output(
    deviation: Deviation,
    chosen: &Envelope,
    receiver: Option<&End>,
    honest: &[Option<End>; 2],
    opened: bool,
) -> bool {
    let none_wrong = honest
        .iter()
        .flatten()
        .flatten()
        .all(|found| *found == HIT_AND_MISS);
    let none = honest.iter().flatten().all(Result::is_err);
    let refused = matches!(receiver, Some(Err(_)));
    none_wrong
        && match deviation {
            Deviation::Payload(_) if opens(chosen) => refused,
            Deviation::Payload(_) | Deviation::OtherShare => none && !opened,
            Deviation::Shortened => refused,
            // What was said is right, though said too often, or not at all.
            Deviation::Twice | Deviation::FalseAlarm => true,
        }
}

/// Returns what a party says instead of what its job asks for.
fn deviating<'a>(
    rng: &'a mut ChaCha8Rng,
    chosen: &'a Envelope,
    deviation: Deviation,
) -> impl FnMut(Envelope) -> Vec<Envelope> + 'a {
    let mut silent = false;
    move |mut envelope| {
        let same_way = (envelope.from, envelope.to) == (chosen.from, chosen.to);
        let same = same_way && envelope.bytes[..HEADER_BYTES] == chosen.bytes[..HEADER_BYTES];
        silent |= same && deviation == Deviation::FalseAlarm;
        match deviation {
            Deviation::Payload(lie) if same => {
                lie.tell(rng, &mut envelope.bytes, &chosen.bytes);
                vec![envelope]
            }
            Deviation::Twice if same => vec![envelope.clone(), envelope],
            Deviation::Shortened if same => {
                envelope.bytes.pop();
                vec![envelope]
            }
            Deviation::FalseAlarm if silent && envelope.from == chosen.from => vec![],
            _ => vec![envelope],
        }
    }
}

/// Returns a scene in which one party has in its second slot what it has in its first.
fn with_other_share(scene: &Scene, liar: PartyIndex) -> Result<Scene> {
    let mut other = scene.clone();
    let World { databases, .. } = &mut other.world;
    let first = databases[liar.as_usize()].get(0);
    let first = first.context("there is no first slot")?;
    // A new database has never changed a slot, as the audit expects.
    let mut database = Database::new();
    database.push(&first);
    database.push(&first);
    databases[liar.as_usize()] = database;
    Ok(other)
}

/// Tells whom the errors of the honest parties accuse, without a judge.
fn accused(honest: &[Option<End>; 2], liar: PartyIndex) -> Option<bool> {
    let errors = honest.iter().flatten().filter_map(|end| end.as_ref().err());
    let accused: Vec<_> = errors.filter_map(MpcError::accused).collect();
    (!accused.is_empty()).then(|| accused.iter().all(|accused| *accused == liar))
}

/// What came of one honest run.
struct Honest {
    cleared: bool,
    /// A record altered after it was signed is seen not to be the one that was signed.
    unsigned: bool,
    /// If it is signed again, its owner is named, alone or as one of two.
    accused: bool,
}

fn honest(scene: &Scene, extent: Extent, seed: u64) -> Honest {
    let mut rng = seeded(seed);
    let start = rng.clone();
    let jobs = || scene.jobs(&mut start.clone(), extent);
    let (records, kept) = run_recorded(jobs(), None, |envelope| vec![envelope]);
    let cleared = kept && judge(jobs(), &records) == Verdict::Nobody;

    let mut altered = records;
    let owner = PartyIndex::ALL[any(&mut rng, PartyIndex::COUNT)];
    let record = &mut altered[owner.as_usize()];
    alter(&mut rng, record);
    let unsigned = judge(jobs(), &altered) == Verdict::NotSigned(owner);
    let record = &mut altered[owner.as_usize()];
    record.signed = record.commitments();
    let accused = match judge(jobs(), &altered) {
        Verdict::Nobody | Verdict::NotSigned(_) => false,
        Verdict::Named(named) => named == owner,
        Verdict::Pair(one, other) => [one, other].contains(&owner),
    };
    Honest {
        cleared,
        unsigned,
        accused,
    }
}

/// Flips a bit of a message that a record says was said, or heard.
fn alter(rng: &mut ChaCha8Rng, record: &mut Record) {
    let said = record.said.iter_mut().map(|(_, bytes)| bytes);
    let heard = record.heard.iter_mut().filter_map(|heard| match heard {
        Heard::Message(_, bytes) => Some(bytes),
        Heard::Computed(_) => None,
    });
    let mut all: Vec<_> = said.chain(heard).collect();
    let message = any(rng, all.len());
    let bit = any(rng, 8 * all[message].len());
    all[message][bit / 8] ^= 1 << (bit % 8);
}

const SEED: u64 = 7_000_000;

//! What people do in a simulation, and what must be true of every answer.

mod cloning;
mod replacing;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use boop_channel::verify_signature;
use boop_wire::job::{Decision, Outcome, PartyAnswer, PartyResult, Subject, pairwise_id};
use boop_wire::{PartyIndex, Refusal, RequestId, UserId};
use rand_chacha::rand_core::Rng;

use crate::simulation::captures::{Palm, capture_for, entrance};
use crate::simulation::machine::Disk;
use crate::simulation::network::Network;
use crate::simulation::world::{Traffic, World};

pub use cloning::Cloned;

const PEOPLE: usize = 5;
/// Captures in the course of a story.
const CAPTURES: usize = 14;
/// Longest time for an answer: as long as any deadline of a party.
const PATIENCE_MS: u64 = 40_000;
/// Longest time that somebody waits for a network that does not serve.
const SHELTER_MS: u64 = 5_000;
/// Captures until everybody must have an answer, when nobody disturbs.
const ATTEMPTS: usize = 3;
/// Longest time after which a network that nobody disturbs must serve.
const RECOVERY_MS: u64 = 60_000;
/// That time grows by so much with each record that was there before the story.
const RECOVERY_MS_A_RECORD: u64 = 10;

/// Power cuts before a network in bad weather serves for the first time.
const STORMY_STARTS: usize = 6;

/// Whether hosts misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They do not.
    Calm,
    /// They do, and machines lose power.
    Storm,
}

/// What came of a story.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Decisions that parties signed.
    pub decided: u64,
    /// Refusals of parties.
    pub refused: u64,
    /// Captures that not everybody answered.
    pub unanswered: u64,
    /// Pieces of streams that met with something.
    pub faults: u64,
    /// Times that a machine lost power.
    pub crashes: u64,
    /// Jobs that all three stated.
    pub jobs_done: u64,
    /// Jobs that all three stated, and that failed at one at least.
    pub jobs_failed: u64,
}

impl Tally {
    /// Adds what came of another story.
    pub fn add(&mut self, other: &Self) {
        self.decided += other.decided;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.faults += other.faults;
        self.crashes += other.crashes;
        self.jobs_done += other.jobs_done;
        self.jobs_failed += other.jobs_failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} decided, {} refused, {} unanswered; {} faults, {} crashes; ",
            self.decided, self.refused, self.unanswered, self.faults, self.crashes
        )?;
        let Self {
            jobs_done: done,
            jobs_failed: failed,
            ..
        } = self;
        write!(f, "{done} jobs done, {failed} failed")
    }
}

/// What is known of somebody's enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Enrolled {
    Never,
    /// Asked for, and nobody signed it yet.
    Perhaps,
    Surely,
}

struct Person {
    user: UserId,
    palm: Palm,
    enrolled: Enrolled,
}

/// A capture that was submitted.
struct Asked {
    person: usize,
    subject: Subject,
    /// What was known of the person then.
    known: Enrolled,
    /// The keys of the instances that were asked: of each party, then of a second instance.
    keys: Vec<[u8; 32]>,
    answers: Vec<Option<PartyResult>>,
    outcome: Option<Outcome>,
    since_ms: u64,
}

/// What is left of a story.
pub struct Left {
    people: Vec<Person>,
    /// What is on the disk of each machine.
    pub disks: [Disk; 3],
}

/// A network, its people, and everything that was asked.
pub struct Story<'a> {
    network: &'a Network,
    world: World<'a>,
    weather: Weather,
    people: Vec<Person>,
    asked: BTreeMap<RequestId, Asked>,
    tally: Tally,
    /// One capture in so many comes with a refresh; 0 for none.
    refreshes: u32,
    recovery_ms: u64,
    /// Every reason for which a capture was turned down.
    refusals: BTreeSet<Refusal>,
    /// Which machine's enclave signed a decision.
    decided: Vec<(RequestId, usize)>,
}

impl<'a> Story<'a> {
    /// A story that follows from a seed.
    pub fn new(network: &'a Network, seed: u64, weather: Weather) -> Self {
        println!("story {seed}, {weather:?}");
        Self::over(network, World::new(network, seed), weather)
    }

    /// A story in a world that is there.
    pub fn over(network: &'a Network, mut world: World<'a>, weather: Weather) -> Self {
        let people = (0..PEOPLE).map(|index| Person {
            user: UserId::new([u8::try_from(index).unwrap() + 1; 16]),
            palm: Palm::new(&mut world.rng),
            enrolled: Enrolled::Never,
        });
        let people = people.collect();
        Self {
            network,
            world,
            weather,
            people,
            asked: BTreeMap::new(),
            tally: Tally::default(),
            refreshes: 0,
            recovery_ms: RECOVERY_MS,
            refusals: BTreeSet::new(),
            decided: Vec::new(),
        }
    }

    /// Ends, and leaves people and disks behind.
    pub fn leave(mut self) -> Left {
        self.happens();
        Left {
            people: self.people,
            disks: self.world.machines.map(|machine| machine.disk),
        }
    }

    /// A story with the people and disks of an earlier one.
    pub fn after(left: Left, network: &'a Network, seed: u64, weather: Weather) -> Self {
        println!("story {seed}, {weather:?}, after another");
        let mut story = Self::over(network, World::new(network, seed), weather);
        story.people = left.people;
        for (machine, disk) in story.world.machines.iter_mut().zip(left.disks) {
            machine.disk = disk;
        }
        story
    }

    /// Has somebody listen to every frame between enclaves and hosts.
    pub fn overheard(mut self) -> Self {
        self.world.overheard = Some(Vec::new());
        self
    }

    /// Has hosts misbehave before the network serves for the first time, too.
    pub fn in_bad_weather_from_the_start(mut self) -> Self {
        self.world.rarity = 150;
        for _ in 0..STORMY_STARTS {
            let pause = self.world.upto(3_000);
            self.pass(pause);
            let machine = usize::try_from(self.world.upto(3)).unwrap();
            self.world.crash(machine, false);
        }
        self
    }

    /// Has an operator ask for a refresh now and then.
    pub fn with_refreshes(mut self) -> Self {
        self.refreshes = 3;
        self
    }

    /// Gives parties that have so many records already the time that opening them takes.
    pub fn with_records(mut self, records: u64) -> Self {
        self.recovery_ms += records * RECOVERY_MS_A_RECORD;
        self
    }

    /// Lets the story happen, then calm return, and asks for everybody once more.
    pub fn run(mut self) -> Tally {
        self.happens();
        let mischief = self.world.mischief;
        (self.tally.faults, self.tally.crashes) = (mischief.faults, mischief.crashes);
        let statements = &self.world.statements;
        (self.tally.jobs_done, self.tally.jobs_failed) = (statements.done, statements.failed);
        self.tally
    }

    /// Lets the story happen and returns the world that it leaves behind.
    pub fn world_after(mut self) -> World<'a> {
        self.happens();
        self.world
    }

    /// Lets the story happen.
    pub fn happens(&mut self) {
        self.settle();
        for number in 0..CAPTURES {
            if number == CAPTURES / 4 {
                self.world.remember();
            }
            if self.weather == Weather::Storm {
                self.blow();
            }
            if self.refreshes > 0 && self.world.upto(self.refreshes) == 0 {
                self.world.ask_for_refresh();
            }
            self.somebody_comes();
            let pause = match self.weather {
                Weather::Calm => 3_000,
                Weather::Storm => self.world.upto(1_500),
            };
            self.pass(pause);
            self.shelter();
        }
        self.world.rarity = 0;
        self.pass(PATIENCE_MS);
        self.tally.unanswered += u64::try_from(self.asked.len()).unwrap();
        self.asked.clear();
        self.settle();
        self.everybody_comes();
        assert!(
            self.world.all_told_prepared(),
            "a party serves everybody and never said that it is prepared"
        );
    }

    /// Changes the weather, and cuts the power of a machine now and then.
    fn blow(&mut self) {
        self.world.rarity = [0, 2_000, 500, 150][usize::try_from(self.world.upto(4)).unwrap()];
        if self.world.upto(6) == 0 {
            let machine = usize::try_from(self.world.upto(3)).unwrap();
            let silently = self.world.upto(2) == 0;
            self.world.crash(machine, silently);
        }
    }

    /// Waits for the network as long as people do.
    fn shelter(&mut self) {
        let until_ms = self.world.now_ms() + SHELTER_MS;
        while !self.world.serves() && self.world.now_ms() < until_ms {
            self.pass(50);
        }
    }

    /// Waits until the network serves.
    fn settle(&mut self) {
        let until_ms = self.world.now_ms() + self.recovery_ms;
        while !self.world.serves() {
            let late = self.world.now_ms() >= until_ms;
            assert!(!late, "does not serve: {}", self.world.describe());
            self.pass(50);
        }
    }

    fn somebody_comes(&mut self) {
        let person = usize::try_from(self.world.rng.next_u64() % 5).unwrap();
        let enrols = self.people[person].enrolled != Enrolled::Surely && self.world.upto(3) > 0;
        let again = self.people[person].enrolled == Enrolled::Surely && self.world.upto(6) == 0;
        let subject = if enrols {
            let user = self.people[person].user;
            Subject::Enrol { user }
        } else if again {
            // The palm has an owner; nobody else may have it.
            let user = UserId::new([0xee; 16]);
            Subject::Enrol { user }
        } else {
            Subject::Identify(entrance(self.world.now_ms()))
        };
        self.ask(person, subject);
    }

    /// Lets a story happen, and then refreshes on, which a machine without power interrupts at
    /// another moment each time: whoever was enrolled is recognised afterwards.
    pub fn interrupted(mut self, moments: impl Iterator<Item = (u64, u32)>) -> World<'a> {
        self.happens();
        for (pause_ms, machines) in moments {
            self.world.ask_for_refresh();
            self.pass(pause_ms);
            for machine in (0..3).filter(|machine| machines >> machine & 1 == 1) {
                self.world.crash(machine, false);
            }
            self.settle();
        }
        self.everybody_comes();
        self.world
    }

    /// Lets a story happen, refreshes once without a fault, and has everybody recognised.
    pub fn refreshed(mut self) -> World<'a> {
        self.happens();
        self.refreshes_once();
        self.world_with_everybody()
    }

    /// Has an operator refresh, and returns when it is over; the traffic is that of the refresh.
    pub fn refreshes_once(&mut self) {
        let before = self.world.epochs();
        self.world.traffic = Traffic::default();
        self.world.ask_for_refresh();
        let until_ms = self.world.now_ms() + self.recovery_ms;
        while self.world.epochs() != before.each_ref().map(|held| vec![held[0] + 1]) {
            let late = self.world.now_ms() >= until_ms;
            assert!(!late, "{before:?}, then {:?}", self.world.epochs());
            self.pass(50);
        }
    }

    /// Returns the world once everybody was recognised in it.
    pub fn world_with_everybody(mut self) -> World<'a> {
        let traffic = self.world.traffic;
        self.settle();
        self.everybody_comes();
        self.world.traffic = traffic;
        self.world
    }

    /// Has everybody recognised, if need be at a later attempt: that a byte was lost may
    /// show at the next one only.
    fn everybody_comes(&mut self) {
        for person in 0..PEOPLE {
            let answered = (0..ATTEMPTS).any(|_| {
                let before = self.tally.decided;
                self.settle();
                let subject = Subject::Identify(entrance(self.world.now_ms()));
                self.ask(person, subject);
                self.pass(PATIENCE_MS);
                self.tally.decided == before + 3
            });
            assert!(answered, "nobody disturbs, and somebody is not answered");
        }
    }

    fn ask(&mut self, person: usize, subject: Subject) {
        let Some(keys) = self.world.keys() else {
            return;
        };
        let to = PartyIndex::ALL.map(|party| (party, keys[party.as_usize()]));
        let to: Vec<_> = to.into_iter().chain(self.world.twin_at_door()).collect();
        let now_ms = self.world.now_ms();
        let Person { palm, enrolled, .. } = &mut self.people[person];
        let known = *enrolled;
        let rng = &mut self.world.rng;
        let calls = capture_for(self.network, rng, palm, &subject, &to, now_ms);
        if matches!(subject, Subject::Enrol { .. }) {
            *enrolled = known.max(Enrolled::Perhaps);
        }
        let asked = Asked {
            person,
            subject,
            known,
            keys: to.iter().map(|(_, keys)| keys.identity).collect(),
            answers: vec![None; to.len()],
            outcome: None,
            since_ms: now_ms,
        };
        self.asked.insert(calls[0].request, asked);
        self.world.submit(&calls);
    }

    fn pass(&mut self, span_ms: u64) {
        let until_ms = self.world.now_ms() + span_ms;
        while self.world.now_ms() < until_ms {
            let step = (until_ms - self.world.now_ms()).min(50);
            self.world.pass(step);
            for (machine, answer) in self.world.take_answers() {
                self.hear(machine, answer);
            }
        }
        let now_ms = self.world.now_ms();
        let late = |asked: &Asked| now_ms > asked.since_ms + PATIENCE_MS;
        let before = self.asked.len();
        self.asked.retain(|_, asked| !late(asked));
        self.tally.unanswered += u64::try_from(before - self.asked.len()).unwrap();
    }

    /// Checks an answer of a machine's enclave against what is true.
    fn hear(&mut self, machine: usize, answer: PartyAnswer) {
        let party = self.world.party_of(machine);
        let Some(asked) = self.asked.get_mut(&answer.request) else {
            return;
        };
        let earlier = asked.answers[machine].replace(answer.result.clone());
        assert_eq!(earlier, None, "party {party} answers twice");
        let person = &mut self.people[asked.person];
        match answer.result {
            PartyResult::Refused(_) => self.tally.refused += 1,
            PartyResult::Decided { outcome, user } => {
                self.tally.decided += 1;
                self.decided.push((answer.request, machine));
                let bytes = outcome.outcome.signed_bytes(party);
                assert!(
                    verify_signature(&asked.keys[machine], &bytes, &outcome.signature),
                    "party {party} did not sign"
                );
                let first = asked.outcome.get_or_insert_with(|| outcome.outcome.clone());
                assert_eq!(*first, outcome.outcome, "two parties sign two things");
                assert_eq!(outcome.outcome.subject, asked.subject.digest());
                check(asked, person, &outcome.outcome.decision, user);
            }
        }
        if asked.answers.iter().all(Option::is_some) {
            self.refusals.extend(refused_with(&asked.answers));
            self.asked.remove(&answer.request);
        }
    }
}

/// Returns what a gateway makes of refusals that a retry may change [LIF-2].
fn refused_with(answers: &[Option<PartyResult>]) -> Option<Refusal> {
    let refusals = answers.iter().flatten().filter_map(|answer| match answer {
        PartyResult::Refused(refusal) => Some(*refusal),
        PartyResult::Decided { .. } => None,
    });
    let refusals: BTreeSet<Refusal> = refusals.collect();
    let draining = refusals.get(&Refusal::Draining);
    draining.or_else(|| refusals.first()).copied()
}

/// Tells whether a decision can be true of this person, and notes what it says.
fn check(asked: &Asked, person: &mut Person, decision: &Decision, user: Option<UserId>) {
    let known = asked.known;
    match (&asked.subject, decision) {
        (Subject::Enrol { user: wanted }, Decision::Enrolled { user }) => {
            assert_eq!(wanted, user, "somebody else was enrolled");
            assert_eq!(*user, person.user, "a palm was given to a second user");
            person.enrolled = Enrolled::Surely;
        }
        (Subject::Enrol { .. }, Decision::AlreadyEnrolled) => {
            // A capture that came before this one may have been the one.
            assert_ne!(person.enrolled, Enrolled::Never, "a new palm is known");
            person.enrolled = Enrolled::Surely;
        }
        (Subject::Identify(context), Decision::Matched { who, .. }) => {
            assert_ne!(person.enrolled, Enrolled::Never, "a stranger is recognised");
            assert_eq!(user, Some(person.user), "taken for somebody else");
            assert_eq!(*who, pairwise_id(person.user, &context.vendor));
            person.enrolled = Enrolled::Surely;
        }
        (Subject::Identify(_), Decision::NotMatched) => {
            assert_ne!(known, Enrolled::Surely, "an enrolled palm was forgotten");
        }
        (subject, decision) => panic!("{decision:?} is no answer to {subject:?}"),
    }
}

//! The world between the parties: a queue of events in time, and hosts that do as the seed says.

mod streams;
pub(crate) mod twin;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use boop_abi::{Check, Event as Told, FromHost, Phase, Slot, StreamId, ToHost};
use boop_party::Computed;
use boop_wire::codec::to_canonical;
use boop_wire::job::{PartyAnswer, PartyCall};
use boop_wire::{PartyIndex, Refusal};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::simulation::door::{Door, PartyKeys};
use crate::simulation::machine::{Clock, Disk, Hardware, Machine};
use crate::simulation::network::{CustodyFiles, EPOCH_MS, Network};
use crate::simulation::pipes::{End, Pipe};
use crate::simulation::statements::Statements;

const TICK_MS: u64 = 50;
const REOPEN_MS: u64 = 100;

/// What is going to happen.
enum Event {
    Start(usize),
    Tick {
        machine: usize,
        life: u32,
    },
    /// A stream reaches the machine it was opened to.
    Arrives {
        pipe: usize,
    },
    Bytes {
        pipe: usize,
        end: usize,
        bytes: Vec<u8>,
    },
    Closes {
        pipe: usize,
        end: usize,
    },
    Frame {
        machine: usize,
        life: u32,
        frame: FromHost,
    },
    /// A write reaches the disk, and the enclave is told.
    Durable {
        machine: usize,
        life: u32,
        slot: Slot,
        bytes: Option<Vec<u8>>,
    },
    Computed {
        machine: usize,
        life: u32,
        computed: Computed,
    },
    OpenDoor(usize),
}

/// What happened to the hosts so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mischief {
    /// Pieces of streams that met with something.
    pub faults: u64,
    /// Times that a machine lost power.
    pub crashes: u64,
    /// Streams that a party ended because its far end has an old lease.
    pub fenced: u64,
}

/// What went from the enclaves to hosts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Bytes of blobs to write.
    pub written: u64,
    /// Bytes on streams.
    pub sent: u64,
}

/// Three machines, a gateway, and what is between them.
pub struct World<'a> {
    network: &'a Network,
    clock: Clock,
    /// Where everything that is drawn comes from.
    pub rng: ChaCha8Rng,
    events: BTreeMap<(u64, u64), Event>,
    serial: u64,
    /// The machine of each party.
    pub machines: [Machine; 3],
    /// A second instance of a party, on a machine of its own.
    twin: Option<Machine>,
    twin_favoured: bool,
    pipes: Vec<Pipe>,
    /// The pipe and end of each stream of an enclave.
    streams: BTreeMap<(usize, StreamId), (usize, usize)>,
    door: Door,
    answers: Vec<(usize, PartyAnswer)>,
    /// What the parties signed about their jobs.
    pub statements: Statements,
    /// One piece in so many meets with something; 0 for none.
    pub rarity: u32,
    /// What hosts did so far.
    pub mischief: Mischief,
    /// What went from the enclaves to hosts so far.
    pub traffic: Traffic,
    /// Whether disks may be such that a party gives up.
    pub disks_lie: bool,
    /// What was on the disks at some earlier time.
    pub yesterday: Option<[Disk; 3]>,
    /// What custodians had on record at that time.
    pub yesterday_on_record: Option<[CustodyFiles; 3]>,
    /// Every frame between enclaves and hosts, if somebody listens.
    pub overheard: Option<Vec<u8>>,
}

impl<'a> World<'a> {
    /// Builds a world that begins at its own hour, so that custodians see time pass.
    pub fn new(network: &'a Network, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut world = Self {
            network,
            clock: Rc::new(Cell::new(EPOCH_MS + seed * 3_600_000)),
            events: BTreeMap::new(),
            serial: 0,
            machines: PartyIndex::ALL.map(|party| Machine::new(network, party)),
            twin: None,
            twin_favoured: false,
            pipes: Vec::new(),
            streams: BTreeMap::new(),
            door: Door::new(&mut rng),
            rng,
            answers: Vec::new(),
            statements: Statements::default(),
            rarity: 0,
            mischief: Mischief::default(),
            traffic: Traffic::default(),
            disks_lie: false,
            yesterday: None,
            yesterday_on_record: None,
            overheard: None,
        };
        for index in 0..3 {
            let pause = world.upto(500);
            world.at(pause, Event::Start(index));
            world.at(pause, Event::OpenDoor(index));
        }
        world
    }

    /// Returns the time, Unix milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.clock.get()
    }

    /// Draws a number below `end`.
    pub fn upto(&mut self, end: u32) -> u64 {
        u64::from(self.rng.next_u32() % end)
    }

    fn at(&mut self, pause_ms: u64, event: Event) {
        self.when(self.now_ms() + pause_ms, event);
    }

    fn when(&mut self, at_ms: u64, event: Event) {
        self.serial += 1;
        self.events.insert((at_ms, self.serial), event);
    }

    /// Lets everything happen that is due in the next so many milliseconds.
    pub fn pass(&mut self, span_ms: u64) {
        let until_ms = self.now_ms() + span_ms;
        while let Some(entry) = self.events.first_entry().filter(|e| e.key().0 <= until_ms) {
            let ((at_ms, _), event) = entry.remove_entry();
            self.clock.set(at_ms);
            self.happens(event);
        }
        self.clock.set(until_ms);
    }

    /// Takes the answers that came since.
    pub fn take_answers(&mut self) -> Vec<(usize, PartyAnswer)> {
        std::mem::take(&mut self.answers)
    }

    /// Remembers what is on the disks now, and on record.
    pub fn remember(&mut self) {
        let disks = self.machines.each_ref().map(|machine| machine.disk.clone());
        self.yesterday = Some(disks);
        self.yesterday_on_record = Some(self.network.custody_files());
    }

    /// Tells whether all parties serve and the door has a session with each.
    pub fn serves(&self) -> bool {
        let serving = |machine: &Machine| machine.phase == Phase::Serving && machine.ready;
        self.machines.iter().all(serving) && self.keys().is_some()
    }

    /// Tells whether each party said to the door that all its records are prepared.
    pub fn all_told_prepared(&self) -> bool {
        let mut told = self.door.progress.iter().take(self.machines.len());
        told.all(|one| one.is_some_and(|one| one.done == one.of))
    }

    /// Tells how far everybody is, for a failure.
    pub fn describe(&self) -> String {
        let machine = |machine: &Machine| {
            let sessions = self.door.keys_of(machine.party.as_usize()).is_some();
            let (phase, life) = (machine.phase, machine.life);
            format!("{} {phase:?} life {life}, door {sessions}", machine.party)
        };
        let mut text: Vec<String> = self.machines.iter().map(machine).collect();
        for ((machine, stream), (pipe, _)) in &self.streams {
            text.push(format!("{machine}:{} {:?}", stream.0, self.pipes[*pipe]));
        }
        text.join("\n")
    }

    /// Returns the keys of the parties, once the door has a session with each.
    pub fn keys(&self) -> Option<[PartyKeys; 3]> {
        let [a, b, c] = [0, 1, 2].map(|party| self.door.keys_of(party));
        Some([a?, b?, c?])
    }

    /// Sends a call to each party, and to a second instance, none of them at the same moment.
    pub fn submit(&mut self, calls: &[PartyCall]) {
        for (machine, call) in calls.iter().enumerate() {
            let now_ms = self.now_ms();
            if let Some((pipe, bytes)) = self.door.call(machine, call, now_ms) {
                self.carry(pipe, 1, &bytes);
            }
        }
    }

    /// Returns the epochs of which there are heads on each disk.
    pub fn epochs(&self) -> [Vec<u64>; 3] {
        let heads = |machine: &Machine| {
            let slots = machine.disk.keys().map(|slot| slot.0);
            let heads = slots.filter(|slot| slot.trailing_zeros() >= 32);
            heads.map(|slot| slot >> 32).collect()
        };
        self.machines.each_ref().map(heads)
    }

    /// Has an operator ask party 0 for a refresh.
    pub fn ask_for_refresh(&mut self) {
        self.soon(0, FromHost::Refresh);
    }

    /// Cuts the power of a machine, and starts it again some time later. Silently, nobody at the
    /// other ends of its streams is told.
    pub fn crash(&mut self, index: usize, silently: bool) {
        self.mischief.crashes += 1;
        self.replace_after(index, silently);
    }

    /// Cuts the power of a machine until [`Self::power_on`].
    pub fn power_off(&mut self, index: usize) {
        self.cut_power(index, false);
    }

    /// Starts a machine that has no power.
    pub fn power_on(&mut self, index: usize) {
        self.at(0, Event::Start(index));
    }

    /// Asks a party to leave.
    pub fn drain(&mut self, index: usize) {
        self.soon(index, FromHost::Drain);
    }

    /// Stops a machine and has another instance start some time later.
    fn replace_after(&mut self, index: usize, silently: bool) {
        self.cut_power(index, silently);
        let pause = 100 + self.upto(2_000);
        self.at(pause, Event::Start(index));
    }

    fn cut_power(&mut self, index: usize, silently: bool) {
        self.machine(index).stop();
        let (gone, kept): (BTreeMap<_, _>, _) = std::mem::take(&mut self.streams)
            .into_iter()
            .partition(|((machine, _), _)| *machine == index);
        self.streams = kept;
        for (pipe, end) in gone.into_values() {
            let door = matches!(self.pipes[pipe].ends[1 - end], End::Door { .. });
            if !silently || door {
                self.cut(pipe, end);
            }
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Start(index) if self.machine(index).enclave.is_some() => {}
            Event::Start(index) => {
                let (clock, seed) = (Rc::clone(&self.clock), self.rng.next_u64());
                let network = self.network;
                let outputs = self.machine(index).start(network, &clock, seed);
                let life = self.machine(index).life;
                self.at(
                    TICK_MS,
                    Event::Tick {
                        machine: index,
                        life,
                    },
                );
                self.follow(index, outputs);
            }
            Event::Tick { machine, life } => {
                let now_ms = self.now_ms();
                if let Some(pipe) = self.door.silent(machine, now_ms) {
                    self.cut(pipe, 0);
                }
                if self.with(machine, life, |enclave| enclave.tick(now_ms)) {
                    self.at(TICK_MS, Event::Tick { machine, life });
                }
            }
            Event::Arrives { pipe } => self.arrives(pipe),
            Event::Bytes { pipe, end, bytes } => self.bytes(pipe, end, bytes),
            Event::Closes { pipe, end } => self.closes(pipe, end),
            Event::Frame {
                machine,
                life,
                frame,
            } => {
                self.tell(machine, life, frame);
            }
            Event::Durable {
                machine,
                life,
                slot,
                bytes,
            } => {
                self.machine(machine).keep(slot, bytes);
                self.tell(machine, life, FromHost::BlobDone { slot });
            }
            Event::Computed {
                machine,
                life,
                computed,
            } => {
                let now_ms = self.now_ms();
                self.with(machine, life, |enclave| enclave.computed(now_ms, computed));
            }
            Event::OpenDoor(party) => self.open_door(party),
        }
    }

    fn tell(&mut self, machine: usize, life: u32, frame: FromHost) {
        let now_ms = self.now_ms();
        if let Some(overheard) = &mut self.overheard {
            overheard.extend(to_canonical(&frame));
        }
        self.with(machine, life, |enclave| enclave.handle(now_ms, frame));
    }

    /// Does something with an enclave and what follows from it; false if that life is over.
    fn with(
        &mut self,
        index: usize,
        life: u32,
        act: impl FnOnce(&mut boop_party::Party<Hardware>) -> Vec<ToHost>,
    ) -> bool {
        let machine = self.machine(index);
        if machine.life != life {
            return false;
        }
        let Some(enclave) = machine.enclave.as_mut() else {
            return false;
        };
        let outputs = act(enclave);
        let computations = enclave.take_computations();
        for computation in computations {
            let computed = computation.run();
            let pause = 1 + self.upto(20);
            self.at(
                pause,
                Event::Computed {
                    machine: index,
                    life,
                    computed,
                },
            );
        }
        self.follow(index, outputs);
        true
    }

    fn follow(&mut self, index: usize, outputs: Vec<ToHost>) {
        for output in outputs {
            if let Some(overheard) = &mut self.overheard {
                overheard.extend(to_canonical(&output));
            }
            match output {
                ToHost::Evidence(bytes) => self.statements.know(index, &bytes),
                ToHost::OpenStream { stream, to } => self.open_stream(index, stream, to),
                ToHost::StreamData { stream, bytes } => {
                    self.traffic.sent += bytes.len() as u64;
                    self.stream_data(index, stream, &bytes);
                }
                ToHost::CloseStream { stream } => {
                    if let Some((pipe, end)) = self.streams.remove(&(index, stream)) {
                        self.cut(pipe, end);
                    }
                }
                ToHost::BlobGet { slot } => {
                    let bytes = self.machine(index).blob(slot);
                    self.soon(index, FromHost::Blob { slot, bytes });
                }
                ToHost::BlobPut { slot, bytes } => {
                    self.traffic.written += bytes.len() as u64;
                    self.write(index, slot, Some(bytes));
                }
                ToHost::BlobDelete { slot } => self.write(index, slot, None),
                ToHost::Event(told) => self.told(index, told),
                ToHost::Statement(bytes) => {
                    let party = self.party_of(index);
                    self.statements.hear(index, party, &bytes);
                }
            }
        }
    }

    fn told(&mut self, index: usize, told: Told) {
        match told {
            Told::Phase(Phase::Stopped(refusal)) => {
                assert!(
                    self.disks_lie,
                    "party {index} gave up its own state: {refusal}"
                );
                self.machine(index).stopped = Some(refusal);
            }
            Told::Phase(phase) => {
                let machine = self.machine(index);
                // Each enclave begins its life anew; within one life no step is left out.
                let step = machine.phase.step(phase);
                assert!(phase == Phase::Booted || step.is_ok(), "{step:?}");
                machine.phase = phase;
                if phase == Phase::Retired {
                    self.replace_after(index, false);
                }
            }
            Told::Ready(ready) => self.machine(index).ready = ready,
            // While the three form, one may begin before another has the same view.
            Told::CheckFailed { check, .. } if check != Check::Preface => {
                panic!("nobody deviates, and {check:?} failed")
            }
            Told::SessionRefused {
                refusal: Refusal::Stale,
                ..
            } => self.mischief.fenced += 1,
            Told::JobRefused(refusal) => self.machine(index).refused = Some(refusal),
            Told::CheckFailed { .. }
            | Told::SessionRefused { .. }
            | Told::JobDone { .. }
            | Told::ManifestTaken { .. }
            | Told::ManifestRefused(_)
            | Told::Progress { .. } => {}
        }
    }

    fn soon(&mut self, machine: usize, frame: FromHost) {
        let (pause, life) = (self.upto(3), self.machine(machine).life);
        self.at(
            pause,
            Event::Frame {
                machine,
                life,
                frame,
            },
        );
    }

    fn write(&mut self, machine: usize, slot: Slot, bytes: Option<Vec<u8>>) {
        let (pause, life) = (1 + self.upto(30), self.machine(machine).life);
        self.at(
            pause,
            Event::Durable {
                machine,
                life,
                slot,
                bytes,
            },
        );
    }
}

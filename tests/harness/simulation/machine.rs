//! One party's machine: the enclave, its chip, its disk, its custodian.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use boop_abi::{FromHost, Phase, Slot, StreamId, ToHost};
use boop_hsm::{Conversation, Custody};
use boop_party::{Party, Platform, PlatformFailure, RawEvidence};
use boop_tee::{Chip, Launch, trusted_roots};
use boop_wire::binding::PlatformKind;
use boop_wire::codec::to_canonical;
use boop_wire::frame::{FrameBuffer, put_frame};
use boop_wire::release::RELEASE_BYTES_MAX;
use boop_wire::{PartyIndex, Refusal};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::simulation::network::Network;

/// The clock that everything in a simulation reads, Unix milliseconds.
pub type Clock = Rc<Cell<u64>>;

/// Machines of a world: one of each party, and one for a second instance of a party.
pub const MACHINES_MAX: usize = 4;

/// The blobs on a machine's disk.
pub type Disk = BTreeMap<Slot, Vec<u8>>;

/// The lives of a second machine are numbered from here.
const TWIN_LIVES: u32 = 1 << 16;

/// A simulated chip under the enclave, with randomness of the seed.
pub struct Hardware {
    chip: Arc<Chip>,
    launch: Launch,
    clock: Clock,
    rng: ChaCha8Rng,
}

impl Platform for Hardware {
    fn attest(
        &mut self,
        report_data: &[u8; 64],
        challenge: &[u8; 32],
    ) -> Result<RawEvidence, PlatformFailure> {
        let raw = self
            .chip
            .attest(&self.launch, report_data, challenge, self.clock.get())
            .map_err(|_| PlatformFailure)?;
        Ok(RawEvidence {
            platform: if raw.endorsements.is_empty() {
                PlatformKind::Nitro
            } else {
                PlatformKind::Snp
            },
            evidence: raw.evidence,
            endorsements: raw.endorsements,
        })
    }

    fn random(&mut self, out: &mut [u8]) -> Result<(), PlatformFailure> {
        self.rng.fill_bytes(out);
        Ok(())
    }
}

/// A machine; the enclave is there while it has power.
pub struct Machine {
    /// Whose machine it is.
    pub party: PartyIndex,
    /// The enclave, while there is power.
    pub enclave: Option<Party<Hardware>>,
    /// The phase that the enclave told last.
    pub phase: Phase,
    /// Whether it takes calls while it serves.
    pub ready: bool,
    /// Why the enclave's life ended, if it ended itself.
    pub stopped: Option<Refusal>,
    /// Why the enclave refused work last, in this life.
    pub refused: Option<Refusal>,
    /// Counts the enclave's lives: what was on its way to an earlier one does not arrive.
    pub life: u32,
    /// What the host keeps.
    pub disk: Disk,
    /// The folder of the records, if they are too many to hold in memory.
    pub shelf: Option<PathBuf>,
    /// Blobs that the host read from the shelf.
    pub taken: u64,
    next_stream: u32,
    custody: Arc<Custody>,
    release: Option<(StreamId, Conversation, FrameBuffer)>,
}

impl Machine {
    /// A machine without power, with an empty disk.
    pub fn new(network: &Network, party: PartyIndex) -> Self {
        Self {
            party,
            enclave: None,
            phase: Phase::Booted,
            ready: true,
            stopped: None,
            refused: None,
            life: 0,
            disk: BTreeMap::new(),
            shelf: None,
            taken: 0,
            next_stream: 2,
            custody: Arc::clone(&network.custodians[party.as_usize()]),
            release: None,
        }
    }

    /// A machine for a second instance of a party, from a copy of its disk.
    pub fn twin(of: &Self, custody: Option<Arc<Custody>>) -> Self {
        Self {
            party: of.party,
            enclave: None,
            phase: Phase::Booted,
            ready: true,
            stopped: None,
            refused: None,
            life: TWIN_LIVES,
            disk: of.disk.clone(),
            shelf: None,
            taken: 0,
            next_stream: 2,
            custody: custody.unwrap_or_else(|| Arc::clone(&of.custody)),
            release: None,
        }
    }

    /// Starts an enclave and returns what it and its manifest led to.
    pub fn start(&mut self, network: &Network, clock: &Clock, seed: u64) -> Vec<ToHost> {
        self.life += 1;
        self.stopped = None;
        self.refused = None;
        self.ready = true;
        self.next_stream = 2;
        let (chip, launch) = network.launched(self.party, self.life);
        let hardware = Hardware {
            chip,
            launch,
            clock: Rc::clone(clock),
            rng: ChaCha8Rng::seed_from_u64(seed),
        };
        let config = &network.configs[self.party.as_usize()];
        let roots = trusted_roots(Some(&network.roots));
        let mut enclave = Party::boot(hardware, config, roots, clock.get()).unwrap();
        let manifest = FromHost::Manifest(to_canonical(&network.signed));
        let outputs = enclave.handle(clock.get(), manifest);
        self.enclave = Some(enclave);
        outputs
    }

    /// Reads a blob for the enclave.
    pub fn blob(&mut self, slot: Slot) -> Option<Vec<u8>> {
        if let Some(bytes) = self.disk.get(&slot) {
            return Some(bytes.clone());
        }
        let file = self.shelf.as_ref()?.join(shelf_name(slot));
        let bytes = std::fs::read(file).ok()?;
        self.taken += 1;
        Some(bytes)
    }

    /// Puts what the enclave writes, or has removed, on the disk.
    pub fn keep(&mut self, slot: Slot, bytes: Option<Vec<u8>>) {
        let file = self.shelf.as_ref().filter(|_| is_record(slot));
        match (file.map(|shelf| shelf.join(shelf_name(slot))), bytes) {
            (Some(file), Some(bytes)) => std::fs::write(file, bytes).unwrap(),
            // One that is not there is removed already.
            (Some(file), None) => drop(std::fs::remove_file(file)),
            (None, Some(bytes)) => drop(self.disk.insert(slot, bytes)),
            (None, None) => drop(self.disk.remove(&slot)),
        }
    }

    /// Cuts the power: whatever is not on the disk is gone.
    pub fn stop(&mut self) {
        self.enclave = None;
        self.release = None;
        self.phase = Phase::Booted;
    }

    /// Returns the number of the next stream that the host opens.
    pub fn host_stream(&mut self) -> StreamId {
        let stream = StreamId(self.next_stream);
        self.next_stream += 2;
        stream
    }

    /// Opens a conversation with the custodian.
    pub fn call_custodian(&mut self, stream: StreamId) {
        let conversation = Conversation::new(Arc::clone(&self.custody));
        self.release = Some((stream, conversation, FrameBuffer::new(RELEASE_BYTES_MAX)));
    }

    /// Gives the custodian bytes of its stream, if this is it, and returns its answer.
    pub fn custodian_hears(
        &mut self,
        stream: StreamId,
        bytes: &[u8],
        fresh: [u8; 32],
        now_ms: u64,
    ) -> Option<Vec<u8>> {
        let (_, conversation, frames) = self.release.as_mut().filter(|(on, ..)| *on == stream)?;
        frames.push(bytes);
        let mut answers = Vec::new();
        while let Some(frame) = frames.take().unwrap() {
            let answer = conversation.handle(&frame, fresh, now_ms);
            put_frame(&mut answers, &to_canonical(&answer), RELEASE_BYTES_MAX).unwrap();
        }
        Some(answers)
    }
}

/// Tells whether a slot is neither a head nor that of the peers' secrets [KEY-5], [REF-3].
fn is_record(slot: Slot) -> bool {
    let (epoch, number) = (slot.0 >> 32, slot.0 & 0xffff_ffff);
    number != 0 && epoch != 0xffff_ffff
}

/// Returns the name of a blob's file on a shelf, which is that of a host's store.
pub fn shelf_name(slot: Slot) -> String {
    format!("{:016x}", slot.0)
}

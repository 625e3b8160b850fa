//! The party as a whole: its life from boot to stop, and where each frame of the host goes.

mod anchor;
mod epoch;
mod escrow;
mod evidence;
mod leaving;
mod opening;
mod restoring;
mod retire;
mod store;
mod streams;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_abi::config::{CONFIG_BYTES_MAX, PartyConfig};
use boop_abi::{Event, FarEnd, FromHost, Phase, Slot, StreamId, ToHost};
use boop_channel::setup::Floor;
use boop_channel::{KeyError, Local, LocalKeys, Trust};
use boop_mpc::{Kernel, Task, TaskResult};
use boop_verifier::{Roots, SimulatedEvidence};
use boop_wire::codec::{CodecError, from_canonical_max, plain_digest};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::job::Progress;
use boop_wire::{Digest, InstanceId, Refusal};

use crate::limits::{CUSTODIAN_MS_MAX, RELEASE_RETRY_MS, RELINK_MS};
use crate::link::Link;
use crate::peers::Peers;
use crate::platform::{Platform, PlatformFailure};
use crate::release::{Epoch, Release};
use crate::vault::Vault;
use crate::work::Work;
use anchor::Anchors;
use epoch::Epochs;
use escrow::{Escrow, Keyed};
use leaving::Leaving;
use opening::Opening;
use restoring::{Helping, Lost};

/// Why a party did not boot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootError {
    /// The configuration is not a party's.
    #[error("the configuration does not decode")]
    Config(#[from] CodecError),
    /// The configuration has simulated roots and this binary knows none, or the reverse.
    #[error("the configuration and this binary disagree about simulated hardware")]
    Simulated,
    /// The platform gave no randomness.
    #[error("no randomness")]
    Platform(#[from] PlatformFailure),
    /// A key just made cannot be used.
    #[error("a key cannot be used")]
    Key(#[from] KeyError),
}

/// Whose evidence a binary may believe at all. The measured binary passes the vendors' roots.
#[derive(Debug, Clone)]
pub struct TrustedRoots {
    /// The roots.
    pub roots: Roots,
    /// Whether some of them are simulated, as the configuration must say too.
    pub simulated: SimulatedEvidence,
}

/// What the party knows once it has a manifest.
pub(crate) struct Network {
    pub(crate) trust: Arc<Trust>,
    pub(crate) bundle: EvidenceBundle,
    /// The version of the manifest that it names.
    shown: Digest,
    made_at_ms: u64,
}

/// The sealed store on its way.
pub(crate) enum Store {
    /// There is no key.
    Locked,
    /// There is the custodian's key, and not yet the secret that a peer keeps.
    Keyed(Keyed),
    /// Blobs are being read.
    Opening(Opening),
    /// It is gone, and the peers give it anew.
    Lost(Lost),
    /// Everything is in memory.
    Open(Vault),
}

/// One party.
pub struct Party<P> {
    pub(crate) platform: P,
    pub(crate) config: PartyConfig,
    config_digest: Digest,
    roots: TrustedRoots,
    pub(crate) keys: Arc<LocalKeys>,
    instance: InstanceId,
    lease: u64,
    phase: Phase,
    /// Whether calls are taken: while it serves, and the three are together.
    pub(crate) ready: bool,
    pub(crate) leaving: Leaving,
    pub(crate) network: Option<Network>,
    release: Option<(StreamId, Release)>,
    release_after_ms: u64,
    pub(crate) store: Store,
    /// What is kept for the peers, once it is read.
    escrow: Option<Escrow>,
    /// What this party does for a peer that lost its store.
    helping: Option<Helping>,
    anchors: Anchors,
    pub(crate) epochs: Epochs,
    pub(crate) writes: BTreeSet<Slot>,
    pub(crate) peers: Peers,
    relink_after_ms: u64,
    pub(crate) gateways: BTreeMap<StreamId, Link>,
    /// How far the store is read or prepared, as it was told last.
    pub(crate) progress: Option<Progress>,
    pub(crate) work: Work,
    next_stream: u32,
    newest_host_stream: u32,
    pub(crate) now_ms: u64,
    pub(crate) out: Vec<ToHost>,
    pub(crate) kernel: Kernel,
    pub(crate) computations: Vec<Computation>,
}

/// Work of a job that needs nothing but time: a driver may do it on any thread.
#[derive(Debug)]
pub struct Computation {
    pub(crate) session: u64,
    pub(crate) job: u64,
    pub(crate) task: Task,
}

/// What a [`Computation`] came to.
#[derive(Debug)]
pub struct Computed {
    session: u64,
    job: u64,
    result: TaskResult,
}

impl Computation {
    /// Does the work.
    pub fn run(self) -> Computed {
        Computed {
            session: self.session,
            job: self.job,
            result: self.task.run(),
        }
    }
}

impl<P: Platform> Party<P> {
    /// Reads the configuration and makes keys. `roots` are those the binary was built to believe.
    ///
    /// # Errors
    /// If the configuration is not one, or the platform gives no randomness.
    pub fn boot(
        mut platform: P,
        config: &[u8],
        roots: TrustedRoots,
        now_ms: u64,
    ) -> Result<Self, BootError> {
        let config_digest = plain_digest(config);
        let config: PartyConfig = from_canonical_max(config, CONFIG_BYTES_MAX)?;
        let simulated = matches!(roots.simulated, SimulatedEvidence::Allow);
        if simulated != config.simulated_roots.is_some() {
            return Err(BootError::Simulated);
        }
        let keys = make_keys(&mut platform)?;
        let mut instance = [0; 16];
        platform.random(&mut instance)?;
        let me = config.index;
        Ok(Self {
            platform,
            config,
            config_digest,
            roots,
            keys: Arc::new(keys),
            instance: InstanceId::new(instance),
            lease: 0,
            phase: Phase::Booted,
            ready: false,
            leaving: Leaving::default(),
            network: None,
            release: None,
            release_after_ms: 0,
            store: Store::Locked,
            escrow: None,
            helping: None,
            anchors: Anchors::default(),
            epochs: Epochs::default(),
            writes: BTreeSet::new(),
            peers: Peers::new(me),
            relink_after_ms: 0,
            gateways: BTreeMap::new(),
            progress: None,
            work: Work::default(),
            next_stream: 1,
            newest_host_stream: 0,
            now_ms,
            kernel: Kernel::best(),
            computations: Vec::new(),
            out: alloc::vec![ToHost::Event(Event::Phase(Phase::Booted))],
        })
    }

    /// Returns the work that running jobs wait for; each comes back by [`Self::computed`].
    pub fn take_computations(&mut self) -> Vec<Computation> {
        core::mem::take(&mut self.computations)
    }

    /// Takes the result of a computation at `now_ms` and returns the frames for the host.
    pub fn computed(&mut self, now_ms: u64, computed: Computed) -> Vec<ToHost> {
        self.now_ms = now_ms;
        if !self.phase.is_over() {
            self.job_computed(computed.session, computed.job, computed.result);
        }
        core::mem::take(&mut self.out)
    }

    /// Takes a frame of the host at `now_ms` and returns the frames for it.
    pub fn handle(&mut self, now_ms: u64, frame: FromHost) -> Vec<ToHost> {
        self.now_ms = now_ms;
        if !self.phase.is_over() {
            match frame {
                FromHost::Manifest(bytes) => self.take_manifest(&bytes),
                FromHost::StreamOpened { stream, from } => self.stream_opened(stream, from),
                FromHost::StreamData { stream, bytes } => self.stream_data(stream, &bytes),
                FromHost::StreamClosed { stream } => self.stream_closed(stream),
                FromHost::Blob { slot, bytes } => self.blob_read(slot, bytes.as_deref()),
                FromHost::BlobDone { slot } => self.blob_done(slot),
                FromHost::Refresh => self.refresh_wanted(),
                FromHost::Drain => self.drain(),
            }
        }
        core::mem::take(&mut self.out)
    }

    /// Lets time pass; the driver calls it every 50 milliseconds or so.
    pub fn tick(&mut self, now_ms: u64) -> Vec<ToHost> {
        self.now_ms = now_ms;
        if !self.phase.is_over() {
            self.renew_evidence();
            self.ask_for_key();
            self.close_late_streams();
            self.keep_alive();
            self.open_links();
            self.renew_epoch();
            self.end_old_epoch();
            self.anchor_store();
            self.check_deadlines();
            self.review_leaving();
        }
        core::mem::take(&mut self.out)
    }

    /// Returns where the party is in its life.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes a step of its life. One that there is not ends it; a life that is over stays so.
    pub(crate) fn enter(&mut self, phase: Phase) {
        if self.phase.is_over() {
            return;
        }
        let stopped = Phase::Stopped(Refusal::Internal);
        self.phase = self.phase.step(phase).unwrap_or(stopped);
        self.out.push(ToHost::Event(Event::Phase(self.phase)));
    }

    /// Ends the party's life: something of its own is not as it must be.
    pub(crate) fn stop(&mut self, refusal: Refusal) {
        self.enter(Phase::Stopped(refusal));
    }

    /// Draws randomness, or stops.
    pub(crate) fn random(&mut self) -> Option<[u8; 32]> {
        let mut bytes = [0; 32];
        match self.platform.random(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(PlatformFailure) => {
                self.stop(Refusal::Internal);
                None
            }
        }
    }

    /// Returns what the party brings to a session.
    pub(crate) fn local(&self) -> Option<Local> {
        let network = self.network.as_ref()?;
        Some(Local {
            keys: Arc::clone(&self.keys),
            evidence: network.bundle.clone(),
            trust: Arc::clone(&network.trust),
        })
    }

    fn ask_for_key(&mut self) {
        if let Some((stream, _)) = self.release
            && self.now_ms >= self.release_after_ms + CUSTODIAN_MS_MAX
        {
            self.release = None;
            self.refuse_stream(stream, Refusal::DeadlineExceeded);
        }
        let due = matches!(self.store, Store::Locked) || self.epochs.needs_key();
        if !due || self.release.is_some() || self.now_ms < self.release_after_ms {
            return;
        }
        let Some(expected) = self.expected_release() else {
            return;
        };
        let Some(seed) = self.random() else { return };
        self.release_after_ms = self.now_ms + RELEASE_RETRY_MS;
        let release = Release::new(&seed, expected);
        let stream = self.open_stream(FarEnd::Custodian);
        match release.begin() {
            Ok(bytes) => {
                self.out.push(ToHost::StreamData { stream, bytes });
                self.release = Some((stream, release));
            }
            Err(refusal) => self.stop(refusal),
        }
    }

    fn expected_release(&self) -> Option<crate::release::Expected> {
        let manifest = self.network.as_ref()?.trust.manifest();
        Some(crate::release::Expected {
            network: manifest.network(),
            party: self.config.index,
            instance: self.instance,
            custodian: manifest.manifest().party(self.config.index)?.custodian,
            floor: if manifest.manifest().simulated {
                Floor::DangerAny
            } else {
                Floor::Sound
            },
            epoch: match self.store {
                Store::Locked => Epoch::Present,
                Store::Keyed(_) | Store::Lost(_) | Store::Opening(_) | Store::Open(_) => {
                    Epoch::Next(self.epochs.upcoming())
                }
            },
        })
    }

    fn open_links(&mut self) {
        if self.escrow.is_none() || self.now_ms < self.relink_after_ms {
            return;
        }
        self.relink_after_ms = self.now_ms + RELINK_MS;
        for party in self.config.index.others() {
            if party > self.config.index && !self.peers.has_link(party) {
                self.open_link(party);
            }
        }
    }

    pub(crate) fn open_stream(&mut self, to: FarEnd) -> StreamId {
        let stream = StreamId(self.next_stream);
        self.next_stream += 2;
        self.out.push(ToHost::OpenStream { stream, to });
        stream
    }
}

fn make_keys<P: Platform>(platform: &mut P) -> Result<LocalKeys, BootError> {
    let mut failed = None;
    let mut random = |out: &mut [u8]| {
        if let Err(failure) = platform.random(out) {
            failed = Some(failure);
        }
    };
    let keys = LocalKeys::generate(&mut random)?;
    match failed {
        Some(failure) => Err(failure.into()),
        None => Ok(keys),
    }
}

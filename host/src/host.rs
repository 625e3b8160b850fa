//! What the parts of a host share: the plan, whom it believes, the enclave's newest evidence, and
//! the door to the enclave that runs now.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boop_abi::FarEnd;
use boop_channel::Judged;
use boop_daemon::LiveTrust;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::{InstanceId, PartyIndex, Refusal};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::blobs::BlobStore;
use crate::config::Plan;
use crate::event::{Code, Event};
use crate::relay::Fuse;
use crate::statements::StatementLog;
use crate::status::StatusBoard;

/// One host.
#[derive(Debug)]
pub struct Host {
    pub(crate) plan: Plan,
    pub(crate) fuse: Fuse,
    pub(crate) blobs: Arc<BlobStore>,
    pub(crate) status: StatusBoard,
    pub(crate) statements: StatementLog,
    /// An operator wants the records refreshed.
    pub(crate) refresh: Notify,
    evidence: Mutex<Option<EvidenceBundle>>,
    door: Mutex<Option<Door>>,
    /// The instance that each party last proved to be.
    instances: Mutex<[Option<InstanceId>; PartyIndex::COUNT]>,
}

/// Where connections from outside are handed to the enclave that runs now.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) attachments: mpsc::Sender<Attachment>,
    pub(crate) places: Arc<Semaphore>,
}

/// A connection whose caller was judged, with its place among the streams.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) socket: TcpStream,
    pub(crate) from: FarEnd,
    pub(crate) place: OwnedSemaphorePermit,
}

impl Host {
    /// Puts a host together that listens at `listen`, and writes its first status.
    pub fn new(
        plan: Plan,
        trust: Arc<LiveTrust>,
        blobs: BlobStore,
        listen: SocketAddr,
        now_ms: u64,
    ) -> Arc<Self> {
        let party = plan.party;
        let statements = StatementLog::new(plan.enclave.directory());
        let status = StatusBoard::new(plan.enclave.directory(), party, listen, now_ms);
        Arc::new(Self {
            fuse: Fuse { trust, party },
            plan,
            blobs: Arc::new(blobs),
            status,
            statements,
            refresh: Notify::new(),
            evidence: Mutex::new(None),
            door: Mutex::new(None),
            instances: Mutex::new([None; PartyIndex::COUNT]),
        })
    }

    /// Has the enclave refresh all records, if it runs and is party 0.
    pub fn ask_for_refresh(&self) {
        self.refresh.notify_one();
    }

    pub(crate) fn evidence(&self) -> Option<EvidenceBundle> {
        lock(&self.evidence).clone()
    }

    pub(crate) fn keep_evidence(&self, bundle: Option<EvidenceBundle>) {
        if let Err(error) = self.statements.vouch(bundle.as_ref()) {
            self.log(&Code::StatementNotKept.event().detail(error));
        }
        *lock(&self.evidence) = bundle;
    }

    pub(crate) fn door(&self) -> Option<Door> {
        lock(&self.door).clone()
    }

    pub(crate) fn set_door(&self, door: Option<Door>) {
        *lock(&self.door) = door;
    }

    /// Notes who a party proved to be; true if it was another instance before.
    pub(crate) fn meet(&self, judged: &Judged) -> bool {
        let Some(party) = judged.binding.party else {
            return false;
        };
        let mut instances = lock(&self.instances);
        let before = instances[party.as_usize()].replace(judged.binding.instance);
        before.is_some_and(|before| before != judged.binding.instance)
    }

    pub(crate) fn log(&self, event: &Event) {
        event.log(self.plan.party);
    }

    /// Logs a refusal and notes it in the status.
    pub(crate) fn refused(
        &self,
        event: Event,
        far_end: Option<FarEnd>,
        refusal: Refusal,
        reason: String,
        now_ms: u64,
    ) {
        self.log(&event.refusal(refusal).detail(&reason));
        self.status.refused(far_end, refusal, reason, now_ms);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

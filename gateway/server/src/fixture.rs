//! What the tests of this crate share: parties that sign with real keys, a ledger that keeps
//! books in memory, and a gateway around them. Only unit tests see this; the real ones are in
//! `party_link` and `ledger_link`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::{Extension, Router};
use boop_bridge::{Hub, Limits};
use boop_channel::{LocalKeys, sign_reference, sign_statement};
use boop_wire::binding::{Binding, PlatformKind, Purpose, Role};
use boop_wire::codec::{plain_digest, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::job::{
    AgreedOutcome, AuthContext, Capture, ContextKind, Outcome, PalmSide, SealedBox, Subject,
};
use boop_wire::ledger::Currency;
use boop_wire::reference::{ContextReference, SignedReference};
use boop_wire::session::{ProofStatement, Signature};
use boop_wire::{Digest, InstanceId, NetworkId, RequestId, UserId};

use tokio::sync::watch;

use crate::admission::Admission;
use crate::app::{App, Identity, Network};
use crate::config::{Checked, LimitSettings};
use crate::intrusion::Intrusion;
use crate::known::KnownKeys;
use crate::locks::{KeyedLocks, Work};
use crate::oauth::{Names, Nonces};
use crate::public_key::PublicKey;
use crate::revocation::Revocations;
use crate::serve::Connection;
use crate::store::{
    AnyStore, DirectoryStore as _, Holder, Scanner, Session, UserStore as _, Vendor,
};
use crate::submission::Agreed;
use crate::validation::GoodCapture;
use crate::wakeups::Wakeups;

mod ledger;
mod parties;

pub(crate) use ledger::FakeLedger;
pub(crate) use parties::{FakeParties, PartySigner, Plan, matched_for};

pub(crate) const NETWORK: NetworkId = NetworkId::new([3; 32]);
pub(crate) const MANIFEST: Digest = Digest::new([4; 32]);
/// The user whose palm matches.
pub(crate) const USER: UserId = UserId::new([1; 16]);
pub(crate) const ISSUER: &str = "https://gateway.test";
pub(crate) const MUTUAL: &str = "https://mutual.gateway.test";
pub(crate) const ADMIN_TOKEN: &str = "administrator";
pub(crate) const API_KEY: &str = "sk_test_vendor";
pub(crate) const SCANNER_KEY: &str = "pk_test_scanner";
pub(crate) const SESSION_TOKEN: &str = "session-token";

pub(crate) const fn network() -> NetworkId {
    NETWORK
}

/// A gateway without sockets.
pub(crate) struct Gateway {
    pub(crate) app: Arc<App>,
    pub(crate) parties: Arc<FakeParties>,
    pub(crate) ledger: Arc<FakeLedger>,
    pub(crate) keys: Arc<FakeIdentity>,
    folder: tempfile::TempDir,
}

impl Gateway {
    /// Starts a gateway with one vendor, one scanner and one user that is not enrolled, and room
    /// for many requests.
    pub(crate) async fn start() -> Self {
        Self::with(LimitSettings {
            scale: 100,
            ..LimitSettings::default()
        })
        .await
    }

    pub(crate) async fn with(limits: LimitSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gateway = Self::over(folder, limits).await;
        fill(&gateway.app).await;
        gateway
    }

    /// Returns another process over the same store.
    pub(crate) async fn restarted(self) -> Self {
        let limits = self.app.settings.limits;
        self.app.store.close().await;
        Self::over(self.folder, limits).await
    }

    /// Returns the database's files.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        files
            .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
            .collect()
    }

    async fn over(folder: tempfile::TempDir, limits: LimitSettings) -> Self {
        let file = folder.path().join("gateway.db");
        let store = AnyStore::open(file.to_str().unwrap()).await.unwrap();
        let parties = Arc::new(FakeParties::new());
        let ledger = Arc::new(FakeLedger::default());
        let keys = Arc::new(FakeIdentity::new());
        let app = App {
            store,
            parties: Arc::clone(&parties) as _,
            ledger: Arc::clone(&ledger) as _,
            hub: Hub::new(Limits::default()),
            identity: Arc::clone(&keys) as _,
            network: Network {
                id: NETWORK,
                simulated: true,
                quality_min: 80,
            },
            settings: Checked {
                admin_token: plain_digest(ADMIN_TOKEN.as_bytes()),
                currency: Currency::new("EUR").unwrap(),
                deadline_ms: 200,
                limits,
            },
            now_ms: boop_daemon::now_ms,
            locks: KeyedLocks::default(),
            work: Arc::new(Work::default()),
            leaving: watch::channel(false).0,
            admission: Admission::new(limits.scale),
            intrusion: Intrusion::new(&[6; 32], boop_daemon::now_ms()),
            own: Holder([1; 16]),
            known: KnownKeys::default(),
            revocations: Revocations::default(),
            wakeups: Wakeups::default(),
            names: Names {
                issuer: ISSUER.into(),
                mutual: Some(MUTUAL.into()),
            },
            nonces: Nonces::new(&[8; 32]),
            public: PublicKey::generate(&["localhost".into()], boop_daemon::now_ms()).unwrap(),
        };
        Self {
            app: Arc::new(app),
            parties,
            ledger,
            keys,
            folder,
        }
    }

    /// Returns the router as the accept loop would call it.
    pub(crate) fn router(&self) -> Router {
        self.router_from(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Does the same for a connection from somewhere.
    pub(crate) fn router_from(&self, address: IpAddr) -> Router {
        crate::rest::router(Arc::clone(&self.app)).layer(Extension(Connection {
            exporter: [9; 32],
            address,
            certificate: None,
            place: None,
        }))
    }
}

async fn fill(app: &App) {
    app.store.add_vendor(&vendor()).await.unwrap();
    app.store.add_scanner(&scanner()).await.unwrap();
    let session = Session {
        token: plain_digest(SESSION_TOKEN.as_bytes()),
        user: USER,
        expires_at_ms: app.now() + 60_000,
        used: false,
    };
    app.store.add_user(&session).await.unwrap();
}

pub(crate) fn vendor() -> Vendor {
    Vendor {
        id: "ven_1".parse().unwrap(),
        name: "Shop".into(),
        key: plain_digest(API_KEY.as_bytes()),
    }
}

pub(crate) fn scanner() -> Scanner {
    Scanner {
        id: "scn_1".parse().unwrap(),
        vendor: vendor().id,
        terminal: "till-1".parse().unwrap(),
        key: plain_digest(SCANNER_KEY.as_bytes()),
    }
}

/// An identity with real keys and evidence that nobody judges here.
pub(crate) struct FakeIdentity {
    keys: LocalKeys,
}

impl FakeIdentity {
    fn new() -> Self {
        Self {
            keys: LocalKeys::generate(&mut |bytes| bytes.fill(5)).unwrap(),
        }
    }

    pub(crate) fn identity(&self) -> [u8; 32] {
        self.keys.bound().identity
    }
}

impl Identity for FakeIdentity {
    fn bundle(&self) -> EvidenceBundle {
        bundle(Role::Gateway, self.keys.bound().identity)
    }

    fn versions(&self) -> Vec<u8> {
        b"manifest".into()
    }

    fn sign(&self, statement: &ProofStatement) -> Signature {
        sign_statement(&self.keys, statement)
    }

    fn sign_reference(&self, reference: ContextReference) -> SignedReference {
        sign_reference(&self.keys, reference)
    }
}

/// Returns a bundle that names an identity key.
pub(crate) fn bundle(role: Role, identity: [u8; 32]) -> EvidenceBundle {
    let binding = Binding {
        purpose: Purpose::Boot,
        network: NETWORK,
        manifest: MANIFEST,
        role,
        party: None,
        platform: PlatformKind::Snp,
        config: Digest::new([0; 32]),
        instance: InstanceId::new([0; 16]),
        lease: 0,
        keys: boop_wire::binding::BoundKeys {
            identity,
            tls_spki: Digest::new([0; 32]),
            hpke: [0; 32],
            setup: None,
        },
        challenge: [0; 32],
        made_at_ms: 0,
        checkpoint: None,
    };
    EvidenceBundle {
        platform: PlatformKind::Snp,
        evidence: vec![1, 2, 3],
        endorsements: Vec::new(),
        binding: to_canonical(&binding),
    }
}

/// Returns a payment context of five euros at the one terminal.
pub(crate) fn context(name: &str) -> AuthContext {
    AuthContext {
        vendor: "ven_1".parse().unwrap(),
        context: name.parse().unwrap(),
        terminal: "till-1".parse().unwrap(),
        kind: ContextKind::Payment {
            amount: 500,
            currency: Currency::new("EUR").unwrap(),
        },
        payee: "Shop".into(),
        attributes_required: Vec::new(),
        attributes_optional: Vec::new(),
        expires_at_ms: 1_000_000,
    }
}

/// Returns a capture that the gateway takes; only parties could open its boxes.
pub(crate) fn capture(request: u8) -> Capture {
    Capture {
        request: RequestId::new([request; 16]),
        side: PalmSide::Left,
        expires_at_ms: boop_daemon::now_ms() + 60_000,
        quality: 90,
        boxes: vec![
            SealedBox {
                enc: [0; 32],
                ciphertext: vec![1]
            };
            3
        ],
    }
}

pub(crate) fn good_capture(request: u8) -> GoodCapture {
    let capture = capture(request);
    let boxes = capture.boxes.clone().try_into().unwrap();
    GoodCapture { capture, boxes }
}

/// Returns what the parties agreed on about a subject: a match, for the one vendor.
pub(crate) fn agreed_on(subject: &Subject) -> Agreed {
    let signers = PartySigner::all();
    let outcome = Outcome {
        network: NETWORK,
        request: RequestId::new([7; 16]),
        subject: subject.digest(),
        decision: matched_for(USER, &vendor().id),
        searched: 1,
    };
    Agreed {
        parties: signers
            .iter()
            .map(|signer| bundle(Role::Party, signer.identity()))
            .collect(),
        outcome: AgreedOutcome {
            signatures: signers.iter().map(|signer| signer.sign(&outcome)).collect(),
            outcome,
        },
        user: Some(USER),
    }
}

//! A ledger with a clock that the test moves, and requests to send to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use boop_channel::Trust;
use boop_daemon::LiveTrust;
use boop_proof::key::KeyType;
use boop_proof::{Checkpoint, Hash, KeyName, SignerKey, VerifierKey, leaf_hash, verify_inclusion};
use boop_service::authority::{Asked, Authority};
use boop_service::environment::{EntropyError, Environment};
use boop_service::ledger::OpenError;
use boop_service::store::sqlite::SqliteStore;
use boop_service::writer::WriterError;
use boop_service::{Ledger, LedgerParts};
use boop_wire::Refusal;
use boop_wire::id::{Digest, NetworkId, PartyIndex, RequestId, TransactionId, UserId, VendorId};
use boop_wire::job::{
    AgreedOutcome, AuthContext, ContextKind, Decision, Outcome, PalmSide, Subject, pairwise_id,
};
use boop_wire::ledger::{
    Credit, Currency, Detail, LedgerRequest, LedgerResponse, Payment, Receipt, user_account,
    vendor_account,
};
use boop_wire::session::Signature;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::network::{LedgerClaims, network};

/// Where the clock starts.
pub(crate) const START_MS: u64 = 1_000_000;

const NETWORK: NetworkId = NetworkId::new([7; 32]);
pub(crate) const LOG_SEED: [u8; 32] = [42; 32];

/// A clock that the test moves, and salts that never repeat.
#[derive(Debug)]
pub(crate) struct TestEnvironment {
    pub(crate) now_ms: AtomicU64,
    salts: AtomicU64,
}

/// A running ledger.
pub(crate) struct Running {
    pub(crate) ledger: Ledger<SqliteStore>,
    pub(crate) store: SqliteStore,
    pub(crate) environment: Arc<TestEnvironment>,
    writer: JoinHandle<Result<(), WriterError>>,
}

impl Environment for TestEnvironment {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn salt(&self) -> Result<[u8; 32], EntropyError> {
        let count = self.salts.fetch_add(1, Ordering::Relaxed);
        Ok(Sha256::digest(count.to_be_bytes()).into())
    }
}

impl Running {
    /// Stops as a process does that is told to: the queue is emptied, the file is closed.
    pub(crate) async fn stop(self) {
        drop(self.ledger);
        self.writer.await.unwrap().unwrap();
        self.store.close().await;
    }

    /// Stops as a process does that is killed: whatever is under way stays undone.
    pub(crate) async fn kill(self) {
        self.writer.abort();
        assert!(self.writer.await.is_err_and(|error| error.is_cancelled()));
    }

    pub(crate) async fn receipt(&self, request: LedgerRequest) -> Receipt {
        match self.ledger.handle(request).await {
            LedgerResponse::Recorded(receipt) => receipt,
            other => panic!("expected a receipt, got {other:?}"),
        }
    }

    pub(crate) async fn refusal(&self, request: LedgerRequest) -> Refusal {
        match self.ledger.handle(request).await {
            LedgerResponse::Refused(refusal) => refusal,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    /// Returns available and posted.
    pub(crate) async fn balance(&self, user: UserId) -> (i64, i64) {
        let request = LedgerRequest::Balance {
            account: user_account(user),
            currency: euro(),
        };
        match self.ledger.handle(request).await {
            LedgerResponse::Balance { available, posted } => (available, posted),
            other => panic!("expected a balance, got {other:?}"),
        }
    }
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) async fn start(folder: &Path) -> Running {
    open(folder, log_signer()).await.unwrap()
}

pub(crate) async fn open(folder: &Path, signer: SignerKey) -> Result<Running, OpenError> {
    let authority = Authority::new(NETWORK);
    for party in PartyIndex::ALL {
        authority.admit(party, party_key(party).verifying_key());
    }
    let trust = network().trust(&LedgerClaims::default());
    open_with(folder, signer, authority, trust).await
}

/// Starts a ledger that knows no party, and believes what `trust` says.
pub(crate) async fn start_unacquainted(folder: &Path, trust: Arc<Trust>) -> Running {
    let authority = Authority::new(NETWORK);
    open_with(folder, log_signer(), authority, trust)
        .await
        .unwrap()
}

async fn open_with(
    folder: &Path,
    signer: SignerKey,
    authority: Authority,
    trust: Arc<Trust>,
) -> Result<Running, OpenError> {
    let store = SqliteStore::open(&folder.join("ledger.sqlite"))
        .await
        .unwrap();
    let (now_ms, salts) = (AtomicU64::new(START_MS), AtomicU64::new(0));
    let environment = Arc::new(TestEnvironment { now_ms, salts });
    let parts = LedgerParts {
        store: store.clone(),
        signer,
        authority: Arc::new(authority),
        trust: LiveTrust::fixed((*trust).clone()),
        environment: environment.clone(),
        simulated: true,
    };
    let (ledger, writer) = Ledger::open(parts).await?;
    Ok(Running {
        ledger,
        store,
        environment,
        writer: tokio::spawn(writer.run()),
    })
}

pub(crate) fn log_signer() -> SignerKey {
    SignerKey::from_seed(
        KeyName::new("example.com/log").unwrap(),
        KeyType::Ed25519,
        &LOG_SEED,
    )
}

pub(crate) fn log_key() -> VerifierKey {
    log_signer().verifier().clone()
}

/// Checks all that a receipt claims, and returns the checkpoint.
pub(crate) fn verified(receipt: &Receipt) -> Checkpoint {
    let checkpoint = Checkpoint::open(&receipt.checkpoint, &log_key()).unwrap();
    let proof: Vec<Hash> = receipt
        .proof
        .iter()
        .map(|hash| Hash(*hash.as_bytes()))
        .collect();
    let leaf = leaf_hash(&receipt.entry.leaf());
    verify_inclusion(
        &leaf,
        receipt.index,
        checkpoint.size,
        &proof,
        &checkpoint.root,
    )
    .unwrap();
    assert_eq!(receipt.opening.commitment(), receipt.entry.commitment);
    assert_eq!(receipt.opening.detail.kind(), receipt.entry.kind);
    checkpoint
}

pub(crate) fn user(number: u8) -> UserId {
    UserId::new([number; 16])
}

pub(crate) fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

pub(crate) fn record(number: u64) -> LedgerRequest {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let detail = Detail::Registration {
        user: user(1),
        outcome: Digest::new(id),
    };
    LedgerRequest::Record {
        id: Digest::new(id),
        detail,
    }
}

pub(crate) fn credit(number: u8, user: UserId, amount: u64) -> LedgerRequest {
    let transaction = TransactionId::new([number; 32]);
    let account = user_account(user);
    LedgerRequest::Credit(Credit {
        transaction,
        account,
        amount,
        currency: euro(),
    })
}

pub(crate) fn pay(context: &str, user: UserId, amount: u64) -> LedgerRequest {
    pay_as(asked(context, user, amount))
}

/// Returns the request for what is asked.
pub(crate) fn pay_as(asked: Asked) -> LedgerRequest {
    let Asked {
        payment,
        outcome,
        context,
        user,
    } = asked;
    LedgerRequest::Pay {
        payment,
        outcome,
        context,
        user,
    }
}

/// Returns a payment, the outcome that authorises it, and what the parties were asked.
pub(crate) fn asked(context: &str, user: UserId, amount: u64) -> Asked {
    let vendor: VendorId = "ven_1".parse().unwrap();
    let who = pairwise_id(user, &vendor);
    let decision = Decision::Matched {
        who,
        side: PalmSide::Left,
    };
    let request = RequestId::new([1; 16]);
    let asked = AuthContext {
        vendor: vendor.clone(),
        context: context.parse().unwrap(),
        terminal: "ter_1".parse().unwrap(),
        kind: ContextKind::Payment {
            amount,
            currency: euro(),
        },
        payee: String::from("A shop"),
        attributes_required: Vec::new(),
        attributes_optional: Vec::new(),
        expires_at_ms: START_MS,
    };
    let subject = Subject::Identify(asked.clone()).digest();
    let outcome = Outcome {
        network: NETWORK,
        request,
        subject,
        decision,
        searched: 3,
    };
    let signatures = PartyIndex::ALL.map(|party| {
        Signature(
            party_key(party)
                .sign(&outcome.signed_bytes(party))
                .to_bytes(),
        )
    });
    let transaction = Sha256::new()
        .chain_update(vendor.as_str())
        .chain_update(context);
    let payment = Payment {
        transaction: TransactionId::new(transaction.finalize().into()),
        payee: vendor_account(&vendor),
        vendor,
        context: context.parse().unwrap(),
        payer: who,
        amount,
        currency: euro(),
        outcome: outcome.digest(),
    };
    Asked {
        payment,
        outcome: AgreedOutcome {
            outcome,
            signatures: signatures.to_vec(),
        },
        context: asked,
        user,
    }
}

pub(crate) fn party_key(party: PartyIndex) -> SigningKey {
    SigningKey::from_bytes(&[1 + party.get(); 32])
}

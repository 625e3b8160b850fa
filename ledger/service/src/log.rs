//! The log in memory: the tree, and the newest checkpoint that is durable.
//!
//! The writer extends the tree first, makes entries and checkpoint durable, and then publishes.
//! Whoever reads sees the tree at the size of the published checkpoint and never beyond.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use boop_proof::hash::HASH_BYTES;
use boop_proof::tree::TreeError;
use boop_proof::{Checkpoint, Hash, Note, ProofText, SignerKey, Tree, VerifierKey, leaf_hash};
use boop_wire::codec::from_canonical;
use boop_wire::id::Digest;
use boop_wire::ledger::{Entry, Receipt};

use crate::store::{EntryStore, LedgerStore, Session, StoreError, StoredEntry};

const PAGE: u32 = 4_096;
/// Levels of the tree that a level of tiles spans.
const TILE_HEIGHT: u32 = 8;

/// The tree and its newest checkpoint.
#[derive(Debug)]
pub struct Log {
    key: VerifierKey,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    tree: Tree,
    size: u64,
    note: Note,
}

/// Why the log in the store cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// There are entries and no checkpoint over them.
    #[error("the store has {entries} entries and no checkpoint")]
    NoCheckpoint {
        /// How many entries there are.
        entries: u64,
    },
    /// The stored checkpoint is not one of this log under this key.
    #[error("the stored checkpoint was not signed by this log's key: {0}")]
    Checkpoint(String),
    /// The stored checkpoint has another size than the log.
    #[error("the stored checkpoint covers {checkpoint} entries and the store has {entries}")]
    Size {
        /// Size in the checkpoint.
        checkpoint: u64,
        /// Entries in the store.
        entries: u64,
    },
    /// The entries do not hash to the root of the stored checkpoint.
    #[error("the entries hash to root {entries} and the stored checkpoint says {checkpoint}")]
    Root {
        /// Root in the checkpoint.
        checkpoint: Hash,
        /// Root over the entries.
        entries: Hash,
    },
    /// The newest leaf does not read as an entry.
    #[error("the newest leaf is not an entry")]
    Leaf,
}

impl Log {
    /// Rebuilds the tree from the store and compares it with the stored checkpoint; signs the
    /// checkpoint of an empty log when the store is new. Returns the time of the newest entry too.
    ///
    /// # Errors
    /// [`RebuildError`] if the store is not an unbroken log under this key.
    pub async fn rebuild<S: LedgerStore>(
        store: &S,
        signer: &SignerKey,
    ) -> Result<(Self, u64), RebuildError> {
        let mut session = store.write().await.map_err(RebuildError::Store)?;
        let (tree, newest) = grow(&mut session).await?;
        let key = signer.verifier().clone();
        let note = match session.checkpoint().await.map_err(RebuildError::Store)? {
            Some(note) => opened(&note, &key, &tree)?,
            None if tree.size() == 0 => {
                let note = checkpoint_of(&key, &tree).sign(signer);
                let stored = session.put_checkpoint(&note.to_string()).await;
                stored.map_err(RebuildError::Store)?;
                note
            }
            None => {
                return Err(RebuildError::NoCheckpoint {
                    entries: tree.size(),
                });
            }
        };
        session.commit().await.map_err(RebuildError::Store)?;
        let state = RwLock::new(State {
            size: tree.size(),
            tree,
            note,
        });
        Ok((Self { key, state }, newest))
    }

    /// Returns the key that checkpoints are signed with.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Returns the number of published entries.
    pub fn size(&self) -> u64 {
        self.read().size
    }

    /// Returns the newest signed checkpoint.
    pub fn checkpoint(&self) -> String {
        self.read().note.to_string()
    }

    /// Proves an entry against the newest checkpoint, as a C2SP tlog-proof.
    ///
    /// # Errors
    /// When the log has no such entry.
    pub fn proof_text(&self, index: u64) -> Result<ProofText, TreeError> {
        let state = self.read();
        let path = state.tree.inclusion_proof(index, state.size)?;
        Ok(ProofText {
            extra: None,
            index,
            path,
            checkpoint: state.note.clone(),
        })
    }

    /// Proves that the log of `from` entries is a prefix of that of `to`.
    ///
    /// # Errors
    /// When `from` is zero or above `to`, or `to` is not published.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, TreeError> {
        let state = self.read();
        if to > state.size {
            return Err(TreeError::SizeBeyondTree {
                asked: to,
                size: state.size,
            });
        }
        state.tree.consistency_proof(from, to)
    }

    /// Returns the hashes of a tile, one after the other, if all of them are published.
    pub fn tile(&self, level: u8, start: u64, width: u16) -> Option<Vec<u8>> {
        let state = self.read();
        let height = u32::from(level) * TILE_HEIGHT;
        let end = start.checked_add(u64::from(width))?;
        if end > state.size.checked_shr(height)? {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::from(width) * HASH_BYTES);
        for index in start..end {
            bytes.extend_from_slice(state.tree.node(height, index)?.as_bytes());
        }
        Some(bytes)
    }

    /// Gives a stored entry its proof against the newest checkpoint.
    ///
    /// # Errors
    /// When the entry is not published.
    pub fn receipt(&self, stored: &StoredEntry) -> Result<Receipt, TreeError> {
        let proof = self.proof_text(stored.index)?;
        Ok(Receipt {
            entry: stored.entry.clone(),
            opening: stored.opening.clone(),
            index: stored.index,
            proof: proof
                .path
                .iter()
                .map(|hash| Digest::new(*hash.as_bytes()))
                .collect(),
            checkpoint: proof.checkpoint.to_string(),
        })
    }

    /// Returns the index that the next entry will have.
    pub(crate) fn next_index(&self) -> u64 {
        self.read().tree.size()
    }

    /// Appends a leaf that nobody sees yet.
    pub(crate) fn extend(&self, entry: &Entry) {
        self.write().tree.append(leaf_hash(&entry.leaf()));
    }

    /// Tells whether leaves wait to be published.
    pub(crate) fn has_unpublished(&self) -> bool {
        let state = self.read();
        state.tree.size() > state.size
    }

    /// Signs the checkpoint over every leaf, published or not.
    pub(crate) fn sign_next(&self, signer: &SignerKey) -> Note {
        checkpoint_of(&self.key, &self.read().tree).sign(signer)
    }

    /// Shows the leaves that `note` covers, which are durable now.
    pub(crate) fn publish(&self, note: Note) {
        let mut state = self.write();
        state.size = state.tree.size();
        state.note = note;
    }

    /// Takes back the leaves that were not published.
    pub(crate) fn withdraw(&self) {
        let mut state = self.write();
        let size = state.size;
        state.tree.truncate(size);
    }

    // No one panics while holding the lock, so a poisoned one still guards a whole state.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn grow<S: EntryStore>(session: &mut S) -> Result<(Tree, u64), RebuildError> {
    let mut tree = Tree::new();
    let mut newest = None;
    loop {
        let leaves = session
            .leaves(tree.size(), PAGE)
            .await
            .map_err(RebuildError::Store)?;
        if leaves.is_empty() {
            break;
        }
        for leaf in &leaves {
            tree.append(leaf_hash(leaf));
        }
        newest = leaves.into_iter().next_back();
    }
    let time_ms = match newest {
        None => 0,
        Some(leaf) => {
            let entry: Entry = from_canonical(&leaf).map_err(|_| RebuildError::Leaf)?;
            entry.time_ms
        }
    };
    Ok((tree, time_ms))
}

fn opened(note: &str, key: &VerifierKey, tree: &Tree) -> Result<Note, RebuildError> {
    let refused = |error: String| RebuildError::Checkpoint(error);
    let note = Note::parse(note).map_err(|error| refused(error.to_string()))?;
    let checkpoint =
        Checkpoint::open_note(&note, key).map_err(|error| refused(error.to_string()))?;
    if checkpoint.size != tree.size() {
        let (checkpoint, entries) = (checkpoint.size, tree.size());
        return Err(RebuildError::Size {
            checkpoint,
            entries,
        });
    }
    if checkpoint.root != tree.root() {
        let (checkpoint, entries) = (checkpoint.root, tree.root());
        return Err(RebuildError::Root {
            checkpoint,
            entries,
        });
    }
    Ok(note)
}

fn checkpoint_of(key: &VerifierKey, tree: &Tree) -> Checkpoint {
    Checkpoint {
        origin: key.name().clone(),
        size: tree.size(),
        root: tree.root(),
    }
}

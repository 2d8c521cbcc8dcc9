//! The durable store: an append-only log per project, with checkpoints.
//!
//! Owns what survives everything. Never decides what is true when it and the hot store disagree; that is `recovery`. Called by autosave
//! and by the opening of a room.
//!
//! The contract, which `conformance` holds every backend to:
//!
//! - An entry is stored only if no entry starts at its `from` ([`DurableStore::append`]): compare-and-append is the fence between
//!   two writers. Entries never change.
//! - When `append` returns [`Appended::Stored`], the entry survives a kill -9 and a power cut.
//! - Reads see everything that was stored before they began. An error is an error, never an empty project.
//! - The pointer to the newest checkpoint only moves forwards.
//! - A project's record is replaced only by who knows its version ([`DurableStore::put_record`]), and stays for ever. Its versions are 1, 2, 3
//!   and so on. It needs no log and belongs to none: a project that has nothing else is an empty one, and is not listed.
//! - What stands in an item is `layout`'s business: a backend stores and returns bodies, and reads no more than their keys.
//!
//! Reading a project is `load`, making its log shorter is `checkpoint`; both know only the trait, and so do `survey` and
//! `verify`, which look at a project without changing it.

pub mod checkpoint;
pub mod coalesce;
#[cfg(test)]
mod conformance;
pub mod dynamodb;
pub mod layout;
pub mod load;
pub mod measured;
pub mod memory;
pub mod postgres;
pub mod retention;
pub mod sqlite;
pub mod survey;
pub mod verify;

use crate::ids::{Cid, CommitId, Epoch, NodeId, ProjectId, Seq};
use crate::protocol::commit::Commit;
use async_trait::async_trait;
use bytes::Bytes;

/// Why the durable store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DurableError {
    /// It does not answer, or refuses for now: try again later. Nothing is known about the outcome of a write.
    #[error("the durable store is unavailable: {0}")]
    Unavailable(String),
    /// What it holds cannot be trusted; says which project and item. Trying again will not help.
    #[error("stored data of project {project} is corrupt: {item}: {why}")]
    Corrupt {
        /// The project.
        project: ProjectId,
        /// Which item of it.
        item: String,
        /// What is wrong.
        why: String,
    },
    /// Written by a newer version of this program.
    #[error(
        "the store has format {found}, this version reads up to {known}: start the newer version, or restore an older copy"
    )]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The newest format that this build knows.
        known: u32,
    },
}

/// The epoch of a deleted project: the last there is, so that nothing comes after it. Its one entry is the tombstone; a checkpoint of nothing then stands in
/// for that and for all before it.
pub const DELETED: Epoch = (1 << 53) - 1;

/// Largest entry that [`Entry::cut`] makes, in bytes before compression: an item of DynamoDB ends at 400 KB.
pub const ENTRY_BYTES: usize = 350_000;

/// A run of consecutive commits: the unit of appending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Lineage of the hot state that these commits belong to.
    pub epoch: Epoch,
    /// Whether the epoch is sequenced on the durable store itself.
    pub direct: bool,
    /// Seq of the first commit.
    pub from: Seq,
    /// Commit id at `from − 1`; [`CommitId::NONE`] when `from` is 1.
    pub prev: CommitId,
    /// The commits; never empty.
    pub commits: Vec<Commit>,
    /// When it was made, in ms since 1970.
    pub at_ms: u64,
}

impl Entry {
    /// Seq of the last commit.
    #[must_use]
    pub fn to(&self) -> Seq {
        self.from + self.commits.len() as Seq - 1
    }

    /// Commit id of the last commit.
    #[must_use]
    pub fn last_id(&self) -> CommitId {
        self.commits.last().map_or(self.prev, |c| c.id)
    }

    /// The same commits as entries of at most [`ENTRY_BYTES`] each (one commit alone may be larger), to be appended in this order.
    #[must_use]
    pub fn cut(self) -> Vec<Self> {
        let head = Self { commits: Vec::new(), ..self };
        let mut entries: Vec<Self> = Vec::with_capacity(1);
        let mut size = 0;
        for commit in self.commits {
            let weight = layout::weight(&commit);
            match entries.last_mut() {
                Some(last) if size + weight <= ENTRY_BYTES => {
                    size += weight;
                    last.commits.push(commit);
                }
                last => {
                    let (from, prev) = last.map_or((head.from, head.prev), |e| (e.to() + 1, e.last_id()));
                    size = weight;
                    entries.push(Self { from, prev, commits: vec![commit], ..head });
                }
            }
        }
        entries
    }
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is stored and survives everything.
    Stored,
    /// An entry that starts at this seq is there already: somebody else's, or this very one. Read the tail to know. Also when the log
    /// or a checkpoint already reaches beyond this seq (the entry that stood there may have been truncated).
    Conflict,
}

/// What the durable store knows of a client: the last batch that it has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientRecord {
    /// The highest cid.
    pub cid: Cid,
    /// Its seq.
    pub seq: Seq,
    /// Digest of that batch's ops; 0 when it was a void.
    pub digest: u64,
    /// When its entry was made, in ms since 1970.
    pub at_ms: u64,
}

/// The newest checkpoint: the whole state at `seq`, in `chunks` chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// Epoch of the entry that `seq` is in.
    pub epoch: Epoch,
    /// Whether that epoch was direct.
    pub direct: bool,
    /// The state is that after this commit.
    pub seq: Seq,
    /// Commit id at `seq`.
    pub id: CommitId,
    /// Random name of this building of the checkpoint; two nodes may build one for the same seq.
    pub build: u64,
    /// Number of chunks.
    pub chunks: u32,
    /// Number of objects in them, quarantined ones included.
    pub objects: u64,
    /// Number of client records in them.
    pub clients: u64,
    /// Loads read the entries that start at this seq, at most `seq` + 1, or later. What lies between it and `seq` is not needed for the
    /// state; it lets a room answer with deltas right after a restart, if it has not been truncated. At most the start of the entry that
    /// `seq` is in, if `seq` is not the last of it.
    pub recent: Seq,
    /// When it was made, in ms since 1970.
    pub at_ms: u64,
}

/// A small document of a project that is not part of its canvas: what its rights are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How often it has been stored.
    pub version: u64,
    /// Its bytes, which mean nothing to the store; at most [`RECORD_BYTES`].
    pub body: Bytes,
}

/// Largest body of a record, in bytes. Whoever makes one sees to it: an item of DynamoDB ends at 400 KB.
pub const RECORD_BYTES: usize = 256 << 10;

/// What a node says of itself where all nodes can read it, also while the hot store is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeReport {
    /// Which node.
    pub node: NodeId,
    /// How often it has reported: one that stands still is a node that is gone, whatever its clock says.
    pub count: u64,
    /// Whether it reaches the hot store.
    pub reaches_hot: bool,
    /// When it was made, in ms since 1970 by the node's clock: only to clear away reports that nobody needs any more.
    pub at_ms: u64,
}

/// Reports older than this, in ms, may be cleared away.
pub const REPORT_MS: u64 = 60 * 60 * 1000;

/// A durable store. See the module for the contract.
#[async_trait]
pub trait DurableStore: Send + Sync + 'static {
    /// Stores the entry if none starts at its `from`, none reaches beyond it and no checkpoint covers it. An entry made by somebody who
    /// did not know the tail may leave a hole; `load` finds it.
    ///
    /// # Errors
    /// [`DurableError::Unavailable`]: the outcome is unknown; read the tail.
    async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError>;

    /// The entries that start at `from` or later, in order.
    ///
    /// # Errors
    /// Any [`DurableError`]; a hole is not looked for here but in `load`.
    async fn entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError>;

    /// The pointer to the newest checkpoint.
    ///
    /// # Errors
    /// Any [`DurableError`].
    async fn pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError>;

    /// The chunks of the checkpoint that `pointer` names, in order, as they were written.
    ///
    /// # Errors
    /// Any [`DurableError`]; [`DurableError::Corrupt`] when one is missing.
    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError>;

    /// Stores chunks and then moves the pointer to them, unless it is already at or beyond that seq. The checkpoint that the pointer left stays as a
    /// version until it is forgotten.
    ///
    /// # Errors
    /// Any [`DurableError`]; the old pointer then still holds, or, after [`DurableError::Unavailable`], perhaps the new one.
    async fn checkpoint(&self, project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<(), DurableError>;

    /// The checkpoints that are kept, oldest first; the last is the one that the pointer names.
    ///
    /// # Errors
    /// Any [`DurableError`].
    async fn versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError>;

    /// Removes a checkpoint that is no longer the newest, with its chunks. The newest stays whatever is asked.
    ///
    /// # Errors
    /// Any [`DurableError`].
    async fn forget(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError>;

    /// Removes entries that the checkpoint covers (`to` ≤ the pointer's seq) and that were made before `before_ms`. Returns how many.
    ///
    /// # Errors
    /// Any [`DurableError`].
    async fn truncate(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError>;

    /// The project's record as it is now; `None` when none was ever stored.
    ///
    /// # Errors
    /// Any [`DurableError`]: then it is not known whether there is one.
    async fn record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError>;

    /// Stores `body` as version `version + 1`, if the version stored is `version` (0: there is none). False when somebody else was first. What is
    /// stored survives a kill -9 and a power cut.
    ///
    /// # Errors
    /// [`DurableError::Unavailable`]: the outcome is unknown; read it again. Any other [`DurableError`].
    async fn put_record(&self, project: &ProjectId, version: u64, body: &Bytes) -> Result<bool, DurableError>;

    /// Every project that has entries or a checkpoint, in the order of their ids; not one that has only a record.
    ///
    /// # Errors
    /// Any [`DurableError`].
    async fn list(&self) -> Result<Vec<ProjectId>, DurableError>;

    /// The random name of the deployment that this store belongs to; `fresh` becomes it when there is none. A hot store that belongs to another
    /// deployment must not be used with it.
    ///
    /// # Errors
    /// [`DurableError::Unavailable`].
    async fn deployment(&self, fresh: &str) -> Result<String, DurableError>;

    /// Stores a node's report in place of its last one, and returns the last one of every node, its own included.
    ///
    /// # Errors
    /// [`DurableError::Unavailable`].
    async fn report(&self, report: &NodeReport) -> Result<Vec<NodeReport>, DurableError>;

    /// Finishes what was accepted; later calls may be refused as [`DurableError::Unavailable`].
    async fn close(&self) {}
}

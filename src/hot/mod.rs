//! The hot store: where batches are ordered.
//!
//! Owns seq, the cid table, the log above the watermark and the dirty mark of every project. Never knows a session, a socket or the durable
//! store. Called by rooms (commit, load) and autosave (log, mark saved).
//!
//! The contract, held by the tests of every implementation: a [`Call`] is checked whole before anything of it is stored, and applies whole or not at all; seq has no holes; per client
//! cids have no holes; the watermark only moves forwards; the log keeps everything above the watermark.

pub mod memory;

use crate::ids::{Author, Cid, CommitId, Epoch, Position, ProjectId, Seq};
use crate::project::apply::Effect;
use crate::project::canvas::Canvas;
use crate::protocol::commit::Commit;
use async_trait::async_trait;
use std::collections::HashMap;

/// Most batches in one call.
pub const CALL_BATCHES: usize = 64;

/// A batch that a room has computed and now proposes.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The commit that it is to become.
    pub commit: Commit,
    /// What it does to the objects; empty for a refusal.
    pub effects: Vec<Effect>,
}

/// Up to [`CALL_BATCHES`] proposals that follow the room's position.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where the room stands: the proposals were computed on this history.
    pub position: Position,
    /// In order; the first is to take `position.seq + 1`.
    pub proposals: Vec<Proposal>,
}

/// The answer to a call.
#[derive(Debug, Clone)]
pub enum Reply {
    /// All are commits now, with the seqs that follow the room's position.
    Accepted,
    /// Others were first: here is what the room missed. Nothing was stored; apply these and compute anew.
    Stale(Vec<Commit>),
    /// A client's counter does not fit: the proposal's index and the last cid that the store has. Nothing was stored.
    Cid {
        /// Index in the call.
        index: usize,
        /// The highest cid of that client.
        last: Cid,
    },
    /// The room's history is not the store's. Nothing was stored.
    Mismatch(Mismatch),
}

/// How a room's history differs from the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// The store has nothing of this project: install it first.
    Empty,
    /// Another epoch.
    Epoch(Epoch),
    /// Another commit at the room's seq, or a shorter history.
    Fork,
    /// The store's log starts above the room's position.
    Trimmed,
}

/// The last batch of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientState {
    /// Its counter.
    pub cid: Cid,
    /// Its seq.
    pub seq: Seq,
    /// Digest of its ops; 0 for a void.
    pub digest: u64,
}

/// The cid table of a project.
pub type Clients = HashMap<Author, ClientState>;

/// The whole hot state of a project.
#[derive(Debug, Clone)]
pub struct HotState {
    /// Where it stands.
    pub position: Position,
    /// Its objects.
    pub canvas: Canvas,
    /// The last batch of each client.
    pub clients: Clients,
    /// Highest position known to be durable.
    pub saved: Position,
    /// The log that is kept, oldest first; the last is the commit at `position`. It reaches down to `saved` at least.
    pub log: Vec<Commit>,
    /// Commit id before the first of `log`.
    pub before: CommitId,
}

impl HotState {
    /// The state of a project that nobody has ever changed.
    #[must_use]
    pub fn start() -> Self {
        Self {
            position: Position::START,
            canvas: Canvas::new(),
            clients: Clients::new(),
            saved: Position::START,
            log: Vec::new(),
            before: CommitId::NONE,
        }
    }
}

/// What autosave reads in one atomic step.
#[derive(Debug, Clone)]
pub struct HotLog {
    /// Where the store stands.
    pub position: Position,
    /// Commits after the seq that was asked for, and the id at that seq (`None`: the log starts above it, or ends below).
    pub after: Option<(CommitId, Vec<Commit>)>,
}

/// Why the hot store did not do what it was asked; nothing is known about the outcome of a write.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the hot store is unavailable: {0}")]
pub struct HotError(pub String);

/// A hot store. See the module for the contract.
#[async_trait]
pub trait HotStore: Send + Sync + 'static {
    /// Checks and stores a call, marks the project dirty and publishes the commits.
    ///
    /// # Errors
    /// [`HotError`]: the outcome is unknown.
    async fn commit(&self, project: &ProjectId, call: Call) -> Result<Reply, HotError>;

    /// The whole state; `None` when the store has nothing of the project.
    ///
    /// # Errors
    /// [`HotError`].
    async fn load(&self, project: &ProjectId) -> Result<Option<HotState>, HotError>;

    /// Puts a state in place, if the store has nothing of the project or an older epoch. Returns whether it did.
    ///
    /// # Errors
    /// [`HotError`].
    async fn install(&self, project: &ProjectId, state: HotState) -> Result<bool, HotError>;

    /// The log after `seq`; `None` when the store has nothing of the project.
    ///
    /// # Errors
    /// [`HotError`].
    async fn log_after(&self, project: &ProjectId, seq: Seq) -> Result<Option<HotLog>, HotError>;

    /// Moves the watermark up to `position`, if that is on this history, and publishes it. Returns whether it is on it.
    ///
    /// # Errors
    /// [`HotError`].
    async fn mark_saved(&self, project: &ProjectId, position: Position) -> Result<bool, HotError>;

    /// Forgets a project that stands at `position` with everything saved. Returns whether it did.
    ///
    /// # Errors
    /// [`HotError`].
    async fn forget(&self, project: &ProjectId, position: Position) -> Result<bool, HotError>;

    /// Forgets a project whose lineage the durable store has ended, whatever it holds.
    ///
    /// # Errors
    /// [`HotError`].
    async fn discard(&self, project: &ProjectId, epoch: Epoch) -> Result<(), HotError>;

    /// Projects with commits above the watermark.
    ///
    /// # Errors
    /// [`HotError`].
    async fn dirty(&self) -> Result<Vec<ProjectId>, HotError>;

    /// Waits until a project has become dirty since the last call.
    async fn dirtied(&self);
}

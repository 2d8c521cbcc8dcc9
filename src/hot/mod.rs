//! The hot store: where batches are ordered.
//!
//! Owns seq, the cid table, the log above the watermark and the dirty mark of every project. Never knows a session, a socket or the durable
//! store. Called by rooms (commit, load, verify), heal (freeze, install) and autosave (log, mark saved).
//!
//! The contract, held by the `conformance` suite of every implementation:
//!
//! - A [`Call`] is checked whole before anything of it is stored, and applies whole or not at all. Seq has no holes, nor have the cids of a client.
//! - A call of a room that others have overtaken is accepted if nothing that it touches has changed since; the room is told what it missed.
//! - The watermark only moves forwards; the log keeps everything above it.
//! - An operation that failed as [`HotError::Unavailable`] may still have been done, or be done later. Repeating it is safe: the position and the
//!   counters make a second run harmless.

mod call;
#[cfg(test)]
mod conformance;
pub mod log;
pub mod memory;
pub mod redis;
pub(crate) mod unsaved;

pub use call::{CALL_BATCHES, Call, Proposal, Touched};

use crate::ids::{Author, Cid, CommitId, Epoch, Position, ProjectId, Seq};
use crate::project::canvas::Canvas;
use crate::protocol::commit::Commit;
use async_trait::async_trait;
use log::Log;
use std::collections::HashMap;
use std::time::Duration;

/// Most commits that a reply carries, rounded up to whole calls; whoever missed more asks again.
pub const MISSED: usize = 1_024;

/// The answer to a call.
#[derive(Debug, Clone)]
pub enum Reply {
    /// All are commits now.
    Accepted {
        /// Seq of the first.
        first: Seq,
        /// Others' commits between the room's position and `first`, none of which touched what the call touches.
        missed: Vec<Commit>,
    },
    /// Others were first: here is what the room missed, or the beginning of it. Nothing was stored; apply these and compute anew.
    Stale(Vec<Commit>),
    /// A client's counter does not fit, though the room has missed nothing: the proposal's index and the last cid that the store has. Nothing was
    /// stored.
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
    /// The store has nothing of this project, or not all of it: install it first.
    Empty,
    /// Another epoch.
    Epoch(Epoch),
    /// Another commit at the room's seq, or a shorter history.
    Fork,
    /// The store's log starts above the room's position.
    Trimmed,
    /// A heal is at work: ask again soon.
    Frozen,
}

/// What the store says to a room that asks whether it is up to date.
#[derive(Debug, Clone)]
pub enum Verified {
    /// The room is on the store's history.
    Same {
        /// Seq of the store's last commit.
        head: Seq,
        /// Highest position known to be durable.
        saved: Position,
        /// What the room missed, or the beginning of it.
        missed: Vec<Commit>,
    },
    /// It is not.
    Mismatch(Mismatch),
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
    /// The log that is kept. It reaches down to `saved` at least.
    pub log: Log,
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
            log: Log::new(0, CommitId::NONE, Vec::new()),
        }
    }
}

/// What autosave reads in one atomic step.
#[derive(Debug, Clone)]
pub struct HotLog {
    /// Where the store stands.
    pub position: Position,
    /// Highest position that it was told is durable.
    pub saved: Position,
    /// Commits after the seq that was asked for, or the beginning of them, and the id at that seq (`None`: the log starts above it, or ends below).
    pub after: Option<(CommitId, Vec<Commit>)>,
}

impl HotLog {
    /// Where [`HotStore::unsaved_after`] begins for who knows that the durable log reached to `known`: there, or at the watermark if that is higher.
    #[must_use]
    pub fn unsaved_from(&self, known: Position) -> Position {
        let is_ahead = self.saved.epoch == self.position.epoch && self.saved.seq > known.seq;
        if is_ahead && known.epoch == self.saved.epoch { self.saved } else { known }
    }
}

/// What became of an attempt to stop a project's hot lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freeze {
    /// There is nothing to stop.
    Empty,
    /// Somebody else has stopped it, and their lease runs.
    Busy,
    /// It stands still here for as long as the lease runs.
    Frozen(Position),
}

/// What a state is installed over: if the store has anything else by then, it is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Nothing.
    Empty,
    /// The lineage that was frozen with this token, still at this position.
    Frozen {
        /// The token of the freeze.
        token: u64,
        /// Where it stood.
        position: Position,
    },
}

/// A project with commits above the watermark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirty {
    /// Which.
    pub project: ProjectId,
    /// Somebody wants it durable at once.
    pub urgent: bool,
    /// How long ago the oldest of these commits was accepted, or a little less.
    pub age: Duration,
}

/// Why the hot store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HotError {
    /// It does not answer. Nothing is known about the outcome of a write.
    #[error("the hot store is unavailable: {0}")]
    Unavailable(String),
    /// It refuses, for now: it is full, read-only, or this node may not. Nothing was done.
    #[error("the hot store refuses: {0}")]
    Refused(String),
}

/// A hot store. See the module for the contract. Every operation may fail as [`HotError`].
#[async_trait]
pub trait HotStore: Send + Sync + 'static {
    /// Checks and stores a call, marks the project dirty and publishes the commits.
    async fn commit(&self, project: &ProjectId, call: &Call) -> Result<Reply, HotError>;

    /// What a room at `position` has missed, if it is on the store's history.
    async fn verify(&self, project: &ProjectId, position: Position) -> Result<Verified, HotError>;

    /// The whole state; `None` when the store has nothing of the project, or not all of it.
    async fn load(&self, project: &ProjectId) -> Result<Option<HotState>, HotError>;

    /// Stops the project's lineage for `lease`, or renews the lease of the same token: no call is accepted meanwhile.
    async fn freeze(&self, project: &ProjectId, token: u64, lease: Duration) -> Result<Freeze, HotError>;

    /// Puts a state in place, if the store still has what it is put over, and publishes the epoch. Returns whether it did.
    async fn install(&self, project: &ProjectId, state: HotState, over: Over) -> Result<bool, HotError>;

    /// The log after `seq`, about `bytes` of it and one commit at least; `None` when the store has nothing of the project.
    async fn log_after(&self, project: &ProjectId, seq: Seq, bytes: usize) -> Result<Option<HotLog>, HotError>;

    /// The same without what is saved: the log after the watermark if that is above `seq` ([`HotLog::unsaved_from`]). For who knows that the durable log
    /// reached to `seq` at least.
    async fn unsaved_after(&self, project: &ProjectId, seq: Seq, bytes: usize) -> Result<Option<HotLog>, HotError>;

    /// Moves the watermark up to `position`, if that is on this history, and publishes it. Returns whether it is on it.
    async fn mark_saved(&self, project: &ProjectId, position: Position) -> Result<bool, HotError>;

    /// A room has heard that all is saved up to `seq` of its history: what this node has left of it nobody need save any more.
    fn heard_saved(&self, _project: &ProjectId, _seq: Seq) {}

    /// Nobody on this node needs the project, which stands at `position` with everything saved: the store may forget it, at once or in time.
    async fn forget(&self, project: &ProjectId, position: Position) -> Result<(), HotError>;

    /// Lets go of a project, whatever of it is saved: it was deleted. Rooms that go on with it find that the store has nothing of it.
    async fn erase(&self, project: &ProjectId) -> Result<(), HotError>;

    /// Projects with commits above the watermark: those that this node has changed, or, with `all`, those that any node ever left.
    async fn dirty(&self, all: bool) -> Result<Vec<Dirty>, HotError>;

    /// Waits until a project has become dirty here since the last call.
    async fn dirtied(&self);

    /// Claims the right to save a project for `lease`; zero gives it back. Returns false when another node has it: then nothing has changed. It only
    /// avoids waste: two that both save do no harm.
    async fn claim(&self, project: &ProjectId, lease: Duration) -> Result<bool, HotError>;

    /// The keys of a project and their bytes, where they lie outside of this process.
    async fn sizes(&self, _project: &ProjectId) -> Result<Vec<(String, u64)>, HotError> {
        Ok(Vec::new())
    }

    /// Whether the store answers at all; one in this process always does.
    async fn answers(&self) -> Result<(), HotError> {
        Ok(())
    }

    /// A number that rises whenever the store may have become another (a connection was lost and made anew); `None` when it lives in this
    /// process, and a room need never ask whether it is up to date.
    fn lives(&self) -> Option<u64> {
        None
    }
}

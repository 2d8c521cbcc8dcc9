//! The fan-out: carries commits and watermarks from the hot store to the rooms that have the project open.
//!
//! Owns subscriptions. Promises order per project but not delivery: a room that misses an event sees the hole in seq and reads
//! the log. Called by the hot store (publish) and by rooms (subscribe).

pub mod local;

use crate::ids::{CommitId, Epoch, Position, ProjectId, Seq};
use crate::protocol::commit::Commit;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What rooms hear.
#[derive(Debug, Clone)]
pub enum Event {
    /// Commits with consecutive seqs.
    Commits {
        /// Their lineage.
        epoch: Epoch,
        /// Seq of the first.
        first: Seq,
        /// Commit id before the first.
        previous: CommitId,
        /// The commits, shared by all who hear of them.
        commits: Arc<[Commit]>,
    },
    /// Everything up to here is durable, on this history.
    Saved(Position),
    /// The durable store has ended this lineage: whoever serves it starts over from there.
    Ended {
        /// The lineage that ended.
        epoch: Epoch,
    },
}

/// A subscription; dropping it ends it.
pub type Subscription = mpsc::UnboundedReceiver<Event>;

/// A carrier of events. Publishing never waits.
pub trait Fanout: Send + Sync + 'static {
    /// Hands an event to every subscriber of the project.
    fn publish(&self, project: &ProjectId, event: Event);

    /// Hears of the project from now on. Whoever subscribes must keep reading: the queue is as long as the reader is behind, and is bounded by the commits
    /// that the room itself admits.
    fn subscribe(&self, project: &ProjectId) -> Subscription;

    /// Forgets subscriptions of the project that were dropped.
    fn prune(&self, project: &ProjectId);
}

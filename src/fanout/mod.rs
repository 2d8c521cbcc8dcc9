//! The fan-out: carries commits, watermarks and presence between the rooms that have a project open.
//!
//! Owns subscriptions. Promises neither delivery nor, when events are published apart from the hot store, their order: a room that misses an event
//! sees the hole in seq, or asks the hot store now and then, and reads the log. What a node publishes comes back to its own rooms too, except
//! presence, beats and broadcasts, which they know. Called by the hot store, by presence and by who changes rights (publish) and by rooms
//! (subscribe).

#[cfg(test)]
mod conformance;
pub mod echoes;
pub mod local;
pub mod redis;
pub mod wire;

use crate::ids::{Epoch, NodeId, Position, ProjectId, SessionId};
use crate::protocol::message::{PresenceEntry, To};
use crate::protocol::run::Run;
use crate::protocol::value::Value;
use async_trait::async_trait;
use smol_str::SmolStr;
use tokio::sync::mpsc;

/// What rooms hear.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Commits with consecutive seqs.
    Commits(Run),
    /// Everything up to here is durable, on this history.
    Saved(Position),
    /// The hot store has the project in a new lineage.
    Began {
        /// The lineage that began.
        epoch: Epoch,
    },
    /// Presence of another node's sessions has changed.
    Presence {
        /// Which node.
        node: NodeId,
        /// Number of this news: that node's in this project are numbered without holes.
        n: u64,
        /// Who changed, as in a presence message.
        sessions: Vec<PresenceEntry>,
    },
    /// Another node is alive, and these are its sessions in the project.
    Beat {
        /// Which node.
        node: NodeId,
        /// Number of the last news before this. The keys of presence are at least as new.
        n: u64,
        /// All of them.
        sessions: Vec<SessionId>,
    },
    /// Another node's session passes something on.
    Broadcast {
        /// Which node.
        node: NodeId,
        /// From whom.
        from: SessionId,
        /// What it is about.
        topic: SmolStr,
        /// Anything.
        data: Value,
        /// To whom.
        to: To,
    },
    /// The project's rights have changed: their record has at least this version.
    Rights {
        /// The version.
        version: u64,
    },
    /// The connection that events come by was lost and is there again: anything may have been missed.
    Gap,
}

/// A subscription; dropping it ends it.
pub type Subscription = mpsc::UnboundedReceiver<Event>;

/// A carrier of events. Publishing never waits.
#[async_trait]
pub trait Fanout: Send + Sync + 'static {
    /// Hands an event to every subscriber of the project.
    fn publish(&self, project: &ProjectId, event: Event);

    /// Hears of the project from when this returns on; while the carrier cannot be reached, from when it can again, and hears of a gap then. Whoever subscribes must keep reading: the queue is as long as the reader is behind, and is
    /// bounded by the commits that rooms admit.
    ///
    /// # Errors
    /// A sentence, when the carrier does not allow it.
    async fn subscribe(&self, project: &ProjectId) -> Result<Subscription, String>;

    /// Forgets subscriptions of the project that were dropped; to be called when one is.
    fn prune(&self, project: &ProjectId);
}

//! Presence: the short-lived state of sessions, in a room and across nodes.
//!
//! Owns who is there and their fields. Never delays a commit. The roster and what is known of other nodes are pure; the port carries news between
//! nodes and keeps the keys that prove a session alive. Called by the room.
//!
//! The port promises little: news may be lost, or come twice. What heals it is the beat, which names all sessions of a node: a reader that does not
//! know one of them reads it, and lets go of those that are not named. A node whose beats stop is gone after [`SILENT_NODE`]; a session whose node
//! cannot say goodbye is gone after [`TTL`] in any case.

pub mod cursor;
pub mod local;
mod pace;
pub mod redis;
pub mod remote;
pub mod roster;

use crate::ids::{NodeId, ProjectId, SessionId};
use crate::protocol::message::{PresenceEntry, To, Who};
use crate::protocol::value::Value;
use async_trait::async_trait;
use smol_str::SmolStr;
use std::time::Duration;

/// A session is never shown longer than this after its last proof of life.
pub const TTL: Duration = Duration::from_secs(30);
/// How often a node says that it is alive in a project.
pub const BEAT: Duration = Duration::from_secs(2);
/// A node that has not been heard of for so long is gone, its sessions with it.
pub const SILENT_NODE: Duration = Duration::from_secs(7);

/// The number of no session.
const NOBODY: SessionId = 0;

/// A session of this node, as the others may need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alive {
    /// Who it is and all its fields.
    pub entry: PresenceEntry,
    /// Its last proof of life, in ms since 1970.
    pub seen_ms: u64,
}

/// What carries presence to other nodes. Nothing here waits but the read.
#[async_trait]
pub trait Presence: Send + Sync + 'static {
    /// Which node this is.
    fn node(&self) -> NodeId;

    /// Whether there may be other nodes: if not, nobody need be told.
    fn is_shared(&self) -> bool;

    /// Tells the other nodes what has changed of this node's sessions: new ones with `who`, left ones without `fields`.
    fn tell(&self, project: &ProjectId, news: Vec<PresenceEntry>);

    /// Tells the other nodes that a bot has left, whichever of them shows it: news of who it is, without fields.
    fn tell_bot_left(&self, project: &ProjectId, who: Who) {
        if self.is_shared() {
            self.tell(project, vec![PresenceEntry { session: NOBODY, fields: None, who: Some(who) }]);
        }
    }

    /// Says that this node is alive in the project and which sessions it has there, and keeps their keys until [`TTL`] after each was seen.
    fn beat(&self, project: &ProjectId, sessions: Vec<Alive>);

    /// Passes a session's event on to the sessions of other nodes.
    fn broadcast(&self, project: &ProjectId, from: SessionId, topic: SmolStr, data: Value, to: To);

    /// The sessions of other nodes that are alive in the project: all, or those of `only`.
    ///
    /// # Errors
    /// A sentence, when the carrier cannot be reached.
    async fn read(
        &self,
        project: &ProjectId,
        only: Option<Vec<SessionId>>,
    ) -> Result<Vec<(NodeId, PresenceEntry)>, String>;

    /// Completes when everything told so far is written, or was tried: for a node that stops after its sessions have left.
    async fn flush(&self) {}
}

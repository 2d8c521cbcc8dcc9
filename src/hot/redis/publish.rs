//! Who publishes events.

use crate::fanout::{Event, Fanout, wire};
use crate::ids::ProjectId;
use std::sync::Arc;

/// Who publishes events.
#[derive(Clone)]
pub enum Publish {
    /// The scripts, in the same step: data and routing are one Redis.
    ByScript,
    /// This node, after the answer: routing is another Redis. Events may come late or in another order.
    ByNode(Arc<dyn Fanout>),
}

impl Publish {
    pub(super) fn is_by_script(&self) -> bool {
        matches!(self, Self::ByScript)
    }

    /// An event for a script to publish, or nothing when the node does.
    pub(super) fn payload(&self, event: &Event) -> Vec<u8> {
        // What scripts publish does not say when.
        wire::encode(event, 0).filter(|_| self.is_by_script()).unwrap_or_default()
    }

    /// Publishes, unless a script has.
    pub(super) fn by_node(&self, project: &ProjectId, event: impl FnOnce() -> Event) {
        if let Self::ByNode(fanout) = self {
            fanout.publish(project, event());
        }
    }
}

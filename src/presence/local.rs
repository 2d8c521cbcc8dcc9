//! Presence of an embedded node: there are no others.

use super::{Alive, Presence};
use crate::ids::{NodeId, ProjectId, SessionId};
use crate::protocol::message::{PresenceEntry, To};
use crate::protocol::value::Value;
use async_trait::async_trait;
use smol_str::SmolStr;

/// Tells nobody.
#[derive(Debug, Default)]
pub struct LocalPresence;

#[async_trait]
impl Presence for LocalPresence {
    fn node(&self) -> NodeId {
        0
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn tell(&self, _project: &ProjectId, _news: Vec<PresenceEntry>) {}

    fn beat(&self, _project: &ProjectId, _sessions: Vec<Alive>) {}

    fn broadcast(&self, _: &ProjectId, _: SessionId, _: SmolStr, _: Value, _: To) {}

    async fn read(
        &self,
        _project: &ProjectId,
        _only: Option<Vec<SessionId>>,
    ) -> Result<Vec<(NodeId, PresenceEntry)>, String> {
        Ok(Vec::new())
    }
}

//! The same suite on the shards of a Cluster, and what lies where.

use super::board::Board;
use crate::fanout::Event;
use crate::hot::conformance::world::{put, start};
use crate::hot::conformance::{Backend, suite};
use crate::hot::redis::{KEPT, Publish};
use crate::hot::{Call, HotStore, Over, Reply};
use crate::ids::ProjectId;
use crate::link::testing::shared_cluster;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// A store in a Cluster of three masters.
struct Sharded(Board);

impl Backend for Sharded {
    async fn new() -> Self {
        let cluster = shared_cluster().await;
        Self(Board::on(&cluster.masters, &cluster.url()).await)
    }

    fn store(&self) -> Arc<dyn HotStore> {
        self.0.store()
    }

    async fn listen(&self, project: &ProjectId) -> UnboundedReceiver<Event> {
        self.0.listen(project).await
    }
}

suite!(Sharded);

#[tokio::test]
async fn each_project_lies_in_one_slot_and_all_masters_have_some() {
    let Sharded(board) = Sharded::new().await;
    let projects = (0..24).map(|n| ProjectId::parse(&format!("project-{n}")).expect("id"));
    let projects: BTreeSet<_> = projects.map(|id| id.as_str().to_owned()).collect();
    for name in &projects {
        let project = ProjectId::parse(name).expect("id");
        assert_eq!(board.hot.install(&project, start(1), Over::Empty).await, Ok(true));
        let call = Call { position: start(1).position, proposals: vec![put(1, 1, "a", None)], urgent: false };
        let reply = board.hot.commit(&project, &call).await;
        assert!(matches!(reply, Ok(Reply::Accepted { .. })), "{reply:?}");
    }
    // Another node asks all masters.
    let dirty = board.node(2, Publish::ByScript, KEPT).dirty(true).await.expect("it answers");
    assert_eq!(dirty.iter().map(|dirty| dirty.project.as_str().to_owned()).collect::<BTreeSet<_>>(), projects);
    let cluster = shared_cluster().await;
    for master in &cluster.masters {
        let there = |name: &String| !master.keys(&format!("{}:*:{name}:*", board.keys.prefix())).is_empty();
        let (some, rest): (Vec<_>, Vec<_>) = projects.iter().partition(|name| there(name));
        assert!(!some.is_empty() && !rest.is_empty(), "{some:?}");
    }
    for name in &projects {
        let keys = cluster.keys(&format!("{}:*:{name}:*", board.keys.prefix()));
        let slots: BTreeSet<_> = keys.iter().map(|key| cluster.masters[0].cli(&["CLUSTER", "KEYSLOT", key])).collect();
        assert_eq!((keys.len(), slots.len()), (5, 1), "{keys:?}");
    }
}

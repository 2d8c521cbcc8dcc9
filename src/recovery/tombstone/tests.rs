use super::*;
use crate::durable::load::load;
use crate::durable::memory::MemoryStore;
use crate::fanout::local::LocalFanout;
use crate::hot::memory::MemoryHot;
use crate::hot::{HotState, Over};
use crate::ids::Author;
use crate::recovery::direct::{self, Went};
use crate::recovery::lineage::{Begun, heal, install};
use crate::recovery::replica::Replica;
use std::sync::Arc;

fn project() -> ProjectId {
    ProjectId::parse("board").expect("id")
}

fn both() -> Both {
    Both { hot: Arc::new(MemoryHot::new(Arc::new(LocalFanout::default()))), durable: Arc::new(MemoryStore::new()) }
}

fn commit(cid: u64) -> Commit {
    let origin = Origin::Client { author: Author([1; 8]), cid, digest: 1 };
    Commit { id: CommitId::random(&mut rand::rng()), origin, outcome: Outcome::Changed(Changes::none()) }
}

/// Whatever a node may try with a project that it had open: it stays deleted.
async fn assert_gone(stores: &Both) {
    let begun = heal(&project(), stores, 1, &[commit(1)]).await;
    assert!(matches!(begun, Begun::Deleted), "{begun:?}");
    let begun = install(&project(), stores, &Replica::new(HotState::start())).await;
    assert!(matches!(begun, Begun::Deleted), "{begun:?}");
    let went = direct::go(&project(), &*stores.durable, &[commit(1)], None).await;
    assert!(matches!(went, Went::Deleted), "{went:?}");
    let loaded = load(&*stores.durable, &project()).await.expect("whole");
    assert!(loaded.tail().is_deleted() && loaded.clients.is_empty());
}

async fn delete(stores: &Both) {
    let tombstone = end(&project(), stores).await.expect("ended");
    erase(&project(), stores, &tombstone).await.expect("erased");
}

#[tokio::test]
async fn a_deleted_project_has_no_lineage_any_more() {
    let stores = both();
    let begun = install(&project(), &stores, &Replica::new(HotState::start())).await;
    let Begun::Yes(state) = begun else { panic!("installed, not {begun:?}") };
    delete(&stores).await;
    assert_gone(&stores).await;
    // A copy of the hot state comes back, as after a failover of Redis.
    let installed = stores.hot.install(&project(), *state, Over::Empty).await;
    assert_eq!(installed, Ok(true), "the hot store had forgotten it");
    let begun = heal(&project(), &stores, 9, &[]).await;
    assert!(matches!(begun, Begun::Deleted), "{begun:?}");
    stores.hot.erase(&project()).await.expect("erased");
    assert!(stores.hot.load(&project()).await.expect("it answers").is_none());
}

#[tokio::test]
async fn what_nobody_ever_changed_can_be_deleted_too_and_twice() {
    let stores = both();
    for _ in 0..2 {
        delete(&stores).await;
        assert_gone(&stores).await;
    }
    assert_eq!(stores.durable.list().await.expect("a list"), [project()]);
}

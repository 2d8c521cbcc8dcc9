//! A server that is full, scripts that are gone, stored bytes that others have spoilt.

use super::board::Board;
use crate::fanout::local::LocalFanout;
use crate::fanout::{Event, Fanout as _};
use crate::hot::conformance::Backend as _;
use crate::hot::conformance::world::{World, id, project, put, start, void};
use crate::hot::redis::{KEPT, Publish};
use crate::hot::{Call, Freeze, HotError, HotStore as _, Over, Reply};
use crate::link::testing::redis::{Conf, Redis};
use crate::project::canvas::View as _;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn scripts_that_are_gone_are_loaded_again() {
    // A server of its own: a flush between the loading and the call of another test's script would be told as an outage.
    let server = Redis::start().await;
    let board = Board::at(&server).await;
    let mut world = World::begin(&board).await;
    for cid in 1..4 {
        board.ask::<String>("SCRIPT FLUSH").await;
        world.commit(vec![void(1, cid)]).await;
        board.ask::<String>("SCRIPT FLUSH").await;
        assert!(world.saved(world.head).await);
    }
}

#[tokio::test]
async fn a_full_server_takes_no_calls_and_can_still_be_saved() {
    let server = Redis::start().await;
    let board = Board::at(&server).await;
    let mut world = World::begin(&board).await;
    let first = world.commit(vec![put(1, 1, "a", None)]).await;
    world.commit(vec![void(1, 2)]).await;
    board.ask::<String>("CONFIG SET maxmemory 1").await;
    let call = Call { position: world.head, proposals: vec![void(1, 3)], urgent: false };
    let refused = board.hot.commit(&project(), &call).await;
    assert!(matches!(&refused, Err(HotError::Refused(why)) if why.contains("maxmemory")), "{refused:?}");
    let installed = board.hot.install(&project(), start(2), Over::Empty).await;
    assert!(matches!(installed, Err(HotError::Refused(_))), "{installed:?}");
    assert_eq!(world.load().await.position, world.head);
    let minute = Duration::from_secs(60);
    assert_eq!(board.hot.freeze(&project(), 1, minute).await, Ok(Freeze::Frozen(world.head)));
    assert_eq!(board.hot.claim(&project(), minute).await, Ok(true));
    assert!(world.saved(first).await && world.saved(world.head).await);
    assert_eq!(world.load().await.saved, world.head);
}

#[tokio::test]
async fn a_server_that_takes_no_writes_says_so() {
    let server = Redis::with(Conf::default().line("min-replicas-to-write 1")).await;
    let board = Board::at(&server).await;
    let installed = board.hot.install(&project(), start(2), Over::Empty).await;
    assert!(matches!(&installed, Err(HotError::Refused(why)) if why.contains("master")), "{installed:?}");
    assert!(board.hot.load(&project()).await.expect("it answers").is_none());
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_and_the_mark_stays() {
    let server = Redis::start().await;
    let board = Board::at(&server).await;
    let mut world = World::begin(&board).await;
    world.commit(vec![void(1, 1)]).await;
    drop(server);
    let call = Call { position: world.head, proposals: vec![void(1, 2)], urgent: true };
    let answer = board.hot.commit(&project(), &call).await;
    assert!(matches!(answer, Err(HotError::Unavailable(_))), "{answer:?}");
    assert!(board.hot.load(&project()).await.is_err(), "an outage is not an empty project");
    assert!(board.hot.dirty(true).await.is_err());
    let dirty = board.hot.dirty(false).await.expect("known here");
    assert!(dirty[0].urgent, "it may have been stored");
}

#[tokio::test]
async fn a_spoilt_object_is_set_aside_and_a_spoilt_log_is_an_error() {
    let board = Board::new().await;
    let mut world = World::begin(&board).await;
    let before = world.head;
    world.commit(vec![put(1, 1, "a", None), put(1, 2, "b", None)]).await;
    let [objects, clients, _, log] = board.state_keys();
    board.ask::<i64>(&format!("HSET {objects} a spoilt")).await;
    let state = world.load().await;
    assert!(state.canvas.object(&id("b")).is_some() && state.canvas.object(&id("a")).is_none());
    let aside: Vec<_> = state.canvas.quarantined().map(|(id, raw)| (id.clone(), raw.to_vec())).collect();
    assert_eq!(aside, [(id("a"), b"spoilt".to_vec())]);
    board.ask::<String>(&format!("XADD {log} 3 r spoilt")).await;
    let refused = |error: Option<HotError>| matches!(error, Some(HotError::Refused(why)) if why.contains("log entry"));
    assert!(refused(board.hot.load(&project()).await.err()));
    board.ask::<i64>(&format!("XDEL {log} 3-0 2-0")).await;
    assert!(board.hot.load(&project()).await.is_err(), "a hole");
    let stale = world.call(before, vec![void(2, 1)]).await;
    assert!(matches!(stale, Reply::Mismatch(_)), "{stale:?}");
    board.ask::<i64>(&format!("HSET {clients} spoilt x")).await;
    assert!(board.hot.load(&project()).await.is_err());
}

#[tokio::test]
async fn a_node_publishes_when_routing_is_another_redis() {
    let board = Board::new().await;
    let fanout = Arc::new(LocalFanout::default());
    let mut events = fanout.subscribe(&project()).await.expect("local");
    let node = board.node(2, Publish::ByNode(fanout), KEPT);
    let mut by_script = board.listen(&project()).await;
    assert_eq!(node.install(&project(), start(1), Over::Empty).await, Ok(true));
    let start = start(1).position;
    let (first, second) = (void(1, 1), put(2, 1, "a", None));
    let ids = [first.commit.id, second.commit.id];
    for proposals in [vec![first], vec![second]] {
        // The second is overtaken: what is published has the seq that it got.
        let reply = node.commit(&project(), &Call { position: start, proposals, urgent: false }).await;
        assert!(matches!(reply, Ok(Reply::Accepted { .. })), "{reply:?}");
    }
    let position = crate::ids::Position { epoch: 1, seq: 2, id: ids[1] };
    assert_eq!(node.mark_saved(&project(), position).await, Ok(true));
    assert_eq!(events.recv().await, Some(Event::Began { epoch: 1 }));
    for (seq, previous) in [(1, start.id), (2, ids[0])] {
        let Some(Event::Commits(run)) = events.recv().await else { panic!("commits") };
        assert_eq!(
            (run.first, run.previous, run.commits[0].id),
            (seq, previous, ids[usize::try_from(seq).expect("small") - 1])
        );
    }
    assert_eq!(events.recv().await, Some(Event::Saved(position)));
    assert!(by_script.try_recv().is_err());
}

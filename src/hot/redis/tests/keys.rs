//! Which keys there are, and for how long.

use super::board::Board;
use crate::fanout::echoes::Echoes;
use crate::hot::conformance::Backend as _;
use crate::hot::conformance::marks::age;
use crate::hot::conformance::world::{World, project, put, start, void};
use crate::hot::redis::{KEPT, Publish};
use crate::hot::{Call, HotStore as _, Mismatch, Over, Reply, Verified};
use crate::ids::Position;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn what_is_unsaved_never_expires_and_what_is_saved_expires_at_once() {
    let board = Board::new().await;
    let mut world = World::begin(&board).await;
    for cid in 1..4 {
        assert_eq!(board.expiry().await.len(), 1, "all at one time");
        assert!(board.expiry().await[0] > 0);
        assert_eq!(board.all_keys().await.len(), 4, "no mark");
        let first = world.commit(vec![put(1, 2 * cid - 1, "a", (2 * cid).checked_sub(3))]).await;
        world.commit(vec![void(1, 2 * cid)]).await;
        assert_eq!(board.expiry().await, [-1]);
        assert!(world.saved(first).await);
        assert_eq!(board.expiry().await, [-1], "not all of it is saved");
        assert_eq!(board.all_keys().await.len(), 6, "and the two marks");
        for key in board.all_keys().await {
            assert_eq!(board.ask::<i64>(&format!("PTTL {key}")).await, -1, "{key}");
        }
        assert!(world.saved(world.head).await);
    }
}

impl Board {
    /// The different times at which the keys of the state expire.
    async fn expiry(&self) -> Vec<i64> {
        let mut times = Vec::new();
        for key in self.state_keys() {
            times.push(self.ask(&format!("PEXPIRETIME {key}")).await);
        }
        times.dedup();
        times
    }
}

#[tokio::test]
async fn nothing_is_left_after_a_while() {
    let board = Board::new().await;
    let hot = board.node(1, Publish::ByScript, Duration::from_millis(30));
    assert_eq!(hot.install(&project(), start(1), Over::Empty).await, Ok(true));
    let gone = async {
        while !board.all_keys().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("all keys expire");
    assert!(hot.load(&project()).await.expect("it answers").is_none());
    assert_eq!(hot.install(&project(), start(2), Over::Empty).await, Ok(true));
}

#[tokio::test]
async fn a_look_makes_no_keys() {
    let board = Board::new().await;
    let (hot, project) = (&board.hot, project());
    hot.verify(&project, Position::START).await.expect("it answers");
    hot.load(&project).await.expect("it answers");
    hot.log_after(&project, 0, 9).await.expect("it answers");
    hot.dirty(true).await.expect("it answers");
    hot.freeze(&project, 1, Duration::from_secs(9)).await.expect("it answers");
    hot.mark_saved(&project, Position::START).await.expect("it answers");
    hot.claim(&project, Duration::ZERO).await.expect("it answers");
    assert_eq!(board.all_keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_install_leaves_nothing() {
    let board = Board::new().await;
    let world = World::begin(&board).await;
    assert_eq!(world.hot.install(&project(), start(2), Over::Empty).await, Ok(false));
    assert_eq!(board.all_keys().await.len(), 4);
}

#[tokio::test]
async fn half_a_state_is_none() {
    let board = Board::new().await;
    for lost in 0..4 {
        let mut world = World::begin(&board).await;
        let before = world.commit(vec![put(1, 1, "a", None)]).await;
        world.commit(vec![put(1, 2, "b", None)]).await;
        board.ask::<i64>(&format!("DEL {}", board.state_keys()[lost])).await;
        for position in [before, world.head] {
            let reply = world.call(position, vec![put(2, 1, "c", None)]).await;
            assert!(matches!(reply, Reply::Mismatch(Mismatch::Empty)), "{lost}: {reply:?}");
            let verified = world.hot.verify(&project(), position).await.expect("it answers");
            assert!(matches!(verified, Verified::Mismatch(Mismatch::Empty)), "{lost}");
        }
        assert_eq!(board.ask::<i64>(&format!("EXISTS {}", board.state_keys()[lost])).await, 0, "not made by half");
        assert!(world.hot.load(&project()).await.expect("it answers").is_none());
        assert_eq!(board.hot.dirty(true).await.expect("it answers").len(), 1);
        assert!(world.hot.log_after(&project(), 0, 9).await.expect("it answers").is_none());
        assert_eq!(board.hot.dirty(true).await, Ok(vec![]), "nobody need come back for it");
        assert!(!world.saved(world.head).await);
        // What is left is replaced by the next state, or by none.
        assert_eq!(world.hot.install(&project(), start(2), Over::Empty).await, Ok(true));
        assert_eq!(world.load().await.position.epoch, 2);
        board.lose().await;
        assert!(world.hot.log_after(&project(), 0, 9).await.expect("it answers").is_none());
        assert!(board.all_keys().await.is_empty());
    }
}

#[tokio::test]
async fn what_is_left_unsaved_is_found_by_another_node() {
    let board = Board::new().await;
    let mut world = World::begin(&board).await;
    world.commit(vec![void(1, 1)]).await;
    let other = board.node(2, Publish::ByScript, KEPT);
    assert_eq!(other.dirty(false).await, Ok(vec![]));
    assert_eq!(other.dirty(true).await.expect("it answers").len(), 1);
    let minute = Duration::from_secs(60);
    assert_eq!(other.claim(&project(), minute).await, Ok(true));
    assert_eq!(board.hot.claim(&project(), minute).await, Ok(false));
    assert_eq!(board.hot.claim(&project(), Duration::ZERO).await, Ok(false), "it is not ours to give back");
    assert_eq!(other.claim(&project(), Duration::ZERO).await, Ok(true));
    assert_eq!(board.hot.claim(&project(), minute).await, Ok(true));
    assert!(other.mark_saved(&project(), world.head).await.expect("it answers"));
    assert_eq!(other.dirty(true).await, Ok(vec![]));
}

#[tokio::test]
async fn what_it_has_the_answer_to_is_noted_for_the_fan_out() {
    let board = Board::new().await;
    let world = World::begin(&board).await;
    let echoes = Arc::new(Echoes::default());
    let noting = board.node(1, Publish::ByScript, KEPT).with_echoes(echoes.clone());
    let call = || Call { position: world.head, proposals: vec![void(1, 1)], urgent: false };
    let (taken, refused) = (call(), call());
    assert!(matches!(noting.commit(&project(), &taken).await, Ok(Reply::Accepted { .. })));
    assert!(echoes.knows(taken.proposals[0].commit.id));
    // Its cid is taken by now.
    assert!(matches!(noting.commit(&project(), &refused).await, Ok(Reply::Stale(_))));
    assert!(!echoes.knows(refused.proposals[0].commit.id));
}

#[tokio::test]
async fn another_node_is_told_how_old_it_is() {
    let board = Board::new().await;
    let mut world = World::begin(&board).await;
    let other = board.node(2, Publish::ByScript, KEPT);
    let began = Instant::now();
    let first = world.fill(1, 1).await;
    while age(&other, true).await < Duration::from_millis(30) {
        assert!(began.elapsed() < Duration::from_secs(10), "it grows");
    }
    let looked = Instant::now();
    world.hot.log_after(&project(), 0, 0).await.expect("it answers");
    world.fill(1, 1).await;
    assert!(world.saved(first[0]).await);
    let rounded = Duration::from_millis(2);
    assert!(age(&other, true).await <= looked.elapsed() + rounded, "what is left came after the look");
}

//! How a store tells its history from a room's.

use super::Backend;
use super::world::{World, commit_id, project, start, void};
use crate::hot::log::Log;
use crate::hot::{Call, Freeze, HotState, Mismatch, Over, Reply, Verified};
use crate::ids::{CommitId, Position};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3_600);

/// What the store says to a room there that commits and to one that looks; both must be the same.
async fn mismatch(world: &World, position: Position) -> Option<Mismatch> {
    let said = match world.call(position, vec![void(77, 2)]).await {
        Reply::Mismatch(mismatch) => Some(mismatch),
        Reply::Stale(_) | Reply::Cid { .. } => None,
        Reply::Accepted { .. } => panic!("the counter does not fit"),
    };
    let looked = match world.hot.verify(&project(), position).await.expect("it answers") {
        Verified::Mismatch(mismatch) => Some(mismatch),
        Verified::Same { .. } => None,
    };
    assert_eq!(said, looked);
    said
}

pub(in crate::hot) async fn nothing_is_told_from_something(backend: &impl Backend) {
    let hot = backend.store();
    let call = Call { position: Position::START, proposals: vec![void(1, 1)], urgent: true };
    let reply = hot.commit(&project(), &call).await.expect("it answers");
    assert!(matches!(reply, Reply::Mismatch(Mismatch::Empty)), "{reply:?}");
    let verified = hot.verify(&project(), Position::START).await.expect("it answers");
    assert!(matches!(verified, Verified::Mismatch(Mismatch::Empty)));
    assert!(hot.load(&project()).await.expect("it answers").is_none());
    assert!(hot.log_after(&project(), 0, 1).await.expect("it answers").is_none());
    assert_eq!(hot.freeze(&project(), 1, LONG).await, Ok(Freeze::Empty));
    assert_eq!(hot.mark_saved(&project(), Position::START).await, Ok(false));
    let over = Over::Frozen { token: 1, position: Position::START };
    assert_eq!(hot.install(&project(), HotState::start(), over).await, Ok(false));
    assert!(hot.load(&project()).await.expect("it answers").is_none(), "a look makes nothing");
    assert_eq!(hot.dirty(true).await, Ok(vec![]));
}

pub(in crate::hot) async fn another_history_is_told_apart(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    world.commit(vec![void(1, 1), void(1, 2), void(1, 3)]).await;
    world.commit(vec![void(1, 4)]).await;
    let log = world.load().await.log;
    for seq in 0..=4 {
        let position = Position { epoch: 1, seq, id: log.id_at(seq).expect("in the log") };
        assert_eq!(mismatch(&world, position).await, None, "{seq}");
        let fork = Position { id: CommitId([9; 8]), ..position };
        assert_eq!(mismatch(&world, fork).await, Some(Mismatch::Fork), "{seq}");
        let epoch = Position { epoch: 2, ..position };
        assert_eq!(mismatch(&world, epoch).await, Some(Mismatch::Epoch(1)));
    }
    let ahead = Position { seq: 5, ..world.head };
    assert_eq!(mismatch(&world, ahead).await, Some(Mismatch::Fork));
}

pub(in crate::hot) async fn a_log_that_starts_above_says_so(backend: &impl Backend) {
    let position = Position { epoch: 3, seq: 100, id: commit_id() };
    let state = HotState { position, saved: position, log: Log::new(100, position.id, Vec::new()), ..start(3) };
    let mut world = World::of(backend, state).await;
    let below = Position { seq: 99, ..position };
    assert_eq!(mismatch(&world, below).await, Some(Mismatch::Trimmed));
    assert_eq!(mismatch(&world, position).await, None);
    world.commit(vec![void(1, 1), void(1, 2)]).await;
    assert_eq!(mismatch(&world, below).await, Some(Mismatch::Trimmed));
    assert_eq!(mismatch(&world, position).await, None);
    assert_eq!(mismatch(&world, Position { id: commit_id(), ..position }).await, Some(Mismatch::Fork));
    assert!(world.hot.log_after(&project(), 99, 1).await.expect("it answers").is_some_and(|log| log.after.is_none()));
}

pub(in crate::hot) async fn a_frozen_lineage_takes_no_calls(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    world.commit(vec![void(1, 1)]).await;
    let freeze = |token, lease| {
        let hot = world.hot.clone();
        async move { hot.freeze(&project(), token, lease).await }
    };
    assert_eq!(freeze(u64::MAX, LONG).await, Ok(Freeze::Frozen(world.head)));
    assert_eq!(freeze(2, LONG).await, Ok(Freeze::Busy));
    assert_eq!(freeze(u64::MAX, LONG).await, Ok(Freeze::Frozen(world.head)), "renewed");
    assert_eq!(mismatch(&world, world.head).await, Some(Mismatch::Frozen));
    assert_eq!(mismatch(&world, Position { id: commit_id(), ..world.head }).await, Some(Mismatch::Frozen));
    let newer = Position { epoch: 2, ..world.head };
    assert_eq!(mismatch(&world, newer).await, Some(Mismatch::Epoch(1)), "the epoch is said first");
    assert!(world.saved(world.head).await, "what is there can be saved");
    assert!(world.hot.log_after(&project(), 0, 9).await.expect("it answers").is_some());
}

pub(in crate::hot) async fn a_lease_ends(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let lease = Duration::from_millis(20);
    assert_eq!(world.hot.freeze(&project(), 1, lease).await, Ok(Freeze::Frozen(world.head)));
    // One question at a time: the lease may end between two.
    while let Verified::Mismatch(mismatch) = world.hot.verify(&project(), world.head).await.expect("it answers") {
        assert_eq!(mismatch, Mismatch::Frozen);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(
        world.hot.freeze(&project(), 2, Duration::ZERO).await,
        Ok(Freeze::Frozen(world.head)),
        "nobody holds it"
    );
    world.commit(vec![void(1, 1)]).await;
}

pub(in crate::hot) async fn a_look_says_what_was_missed(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let start = world.head;
    let filled = world.fill(1_100, 50).await;
    assert!(world.saved(filled[9]).await);
    for (position, missed) in
        [(start, 1_024), (filled[0], 1_024), (filled[80], 1_019), (filled[1_098], 1), (world.head, 0)]
    {
        let verified = world.hot.verify(&project(), position).await.expect("it answers");
        let Verified::Same { head, saved, missed: commits } = verified else { panic!("{verified:?}") };
        assert_eq!((head, saved, commits.len()), (1_100, filled[9], missed));
        let first = usize::try_from(position.seq).expect("small");
        assert!(commits.iter().zip(&filled[first..]).all(|(commit, position)| commit.id == position.id));
    }
}

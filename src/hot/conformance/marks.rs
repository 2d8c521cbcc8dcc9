//! The watermark, dirty marks, claims and events.

use super::Backend;
use super::world::{World, commit_id, project, put, start, void};
use crate::fanout::Event;
use crate::hot::log::KEPT_SAVED;
use crate::hot::{CALL_BATCHES, Call, Dirty, Mismatch, Over, Verified};
use crate::ids::Position;
use std::time::Duration;

pub(in crate::hot) async fn a_watermark_stands_within_a_call_and_moves_forwards(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let beginning = world.head;
    let filled = world.fill(10, 4).await;
    for _ in 0..3 {
        world.events.recv().await;
    }
    for position in [
        Position { id: commit_id(), ..filled[4] },
        Position { epoch: 2, ..filled[4] },
        Position { seq: 11, ..filled[9] },
        Position { id: commit_id(), ..filled[9] },
    ] {
        assert!(!world.saved(position).await, "{position:?}");
    }
    for (position, mark) in
        [(filled[4], 4), (filled[2], 4), (filled[4], 4), (beginning, 4), (filled[7], 7), (filled[9], 9)]
    {
        assert!(world.saved(position).await);
        assert_eq!(world.load().await.saved, filled[mark]);
    }
    for mark in [4, 7, 9] {
        assert_eq!(world.events.recv().await, Some(Event::Saved(filled[mark])));
    }
}

pub(in crate::hot) async fn a_mark_stays_until_all_is_saved(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    assert_eq!(world.hot.dirty(true).await, Ok(vec![]));
    let filled = world.fill(3, 2).await;
    world.hot.dirtied().await;
    let mark = [Dirty { project: project(), urgent: false }];
    assert!(world.saved(filled[0]).await);
    for all in [false, true] {
        assert_eq!(world.hot.dirty(all).await.expect("it answers"), mark);
    }
    assert!(world.saved(filled[2]).await);
    for all in [false, true] {
        assert_eq!(world.hot.dirty(all).await, Ok(vec![]));
    }
    world.fill(1, 1).await;
    assert_eq!(world.hot.dirty(true).await.expect("it answers"), mark);
    // What was saved before says nothing about what came after.
    assert!(world.saved(filled[2]).await);
    assert_eq!(world.hot.dirty(true).await.expect("it answers"), mark);
}

pub(in crate::hot) async fn urgent_marks_stay_urgent(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    for (cid, urgent) in [(1, true), (2, false)] {
        let call = Call { position: world.head, proposals: vec![void(1, cid)], urgent };
        world.hot.commit(&project(), &call).await.expect("it answers");
        world.head = call.run().end();
    }
    assert_eq!(world.hot.dirty(false).await, Ok(vec![Dirty { project: project(), urgent: true }]));
    assert!(world.saved(world.head).await);
    world.commit(vec![void(1, 3)]).await;
    assert_eq!(world.hot.dirty(false).await, Ok(vec![Dirty { project: project(), urgent: false }]));
}

pub(in crate::hot) async fn the_log_keeps_what_is_unsaved_and_some_of_the_rest(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let beginning = world.head;
    let filled = world.fill(2 * KEPT_SAVED, CALL_BATCHES - 1).await;
    assert!(world.saved(filled[0]).await);
    let whole = world.load().await.log;
    assert_eq!((whole.base(), whole.iter().len()), (0, 2 * KEPT_SAVED), "nothing that is unsaved goes");
    assert!(world.saved(world.head).await);
    let log = world.load().await.log;
    let kept = log.iter().len();
    assert!((KEPT_SAVED..KEPT_SAVED + CALL_BATCHES).contains(&kept), "{kept}");
    assert!(log.iter().eq(whole.after(log.base())));
    assert_eq!(Some(log.before()), whole.id_at(log.base()));
    let base = filled[usize::try_from(log.base()).expect("small") - 1];
    assert_eq!(base.id, log.before());
    for (position, want) in [(beginning, true), (filled[0], true), (base, false)] {
        let verified = world.hot.verify(&project(), position).await.expect("it answers");
        assert_eq!(matches!(verified, Verified::Mismatch(Mismatch::Trimmed)), want, "{position:?}");
    }
}

pub(in crate::hot) async fn events_come_in_order_and_once(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let a = world.commit(vec![put(1, 1, "a", None), void(2, 1)]).await;
    // Refused: nobody hears of it.
    world.call(a, vec![void(2, 5)]).await;
    let b = world.commit(vec![void(1, 2)]).await;
    assert!(world.saved(a).await && world.saved(a).await);
    assert!(world.saved(b).await);
    world.hot.freeze(&project(), 1, Duration::from_secs(60)).await.expect("it answers");
    let over = Over::Frozen { token: 1, position: b };
    assert_eq!(world.hot.install(&project(), start(2), over).await, Ok(true));
    world.hot.discard(&project(), 2).await.expect("it answers");
    for (first, previous, end) in [(1, start(1).position, a), (3, a, b)] {
        let Some(Event::Commits(run)) = world.events.recv().await else { panic!("commits") };
        assert_eq!((run.first, run.previous, run.end()), (first, previous.id, end));
    }
    for event in [Event::Saved(a), Event::Saved(b), Event::Began { epoch: 2 }, Event::Ended { epoch: 2 }] {
        assert_eq!(world.events.recv().await, Some(event));
    }
    assert!(world.events.try_recv().is_err());
}

pub(in crate::hot) async fn a_claim_is_given_back(backend: &impl Backend) {
    let hot = backend.store();
    for lease in [60, 60] {
        assert_eq!(hot.claim(&project(), Duration::from_secs(lease)).await, Ok(true), "mine, and still mine");
    }
    for why in ["it was ours", "nobody has it"] {
        assert_eq!(hot.claim(&project(), Duration::ZERO).await, Ok(true), "{why}");
    }
    assert_eq!(hot.claim(&project(), Duration::from_secs(60)).await, Ok(true));
}

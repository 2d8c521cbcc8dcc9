//! The watermark, dirty marks, claims and events.

use super::Backend;
use super::world::{World, commit_id, id, nothing, project, props, put, start, void};
use crate::fanout::Event;
use crate::hot::log::{KEPT_BYTES, KEPT_SAVED};
use crate::hot::{CALL_BATCHES, Call, Dirty, HotError, HotStore, Mismatch, Over, Verified};
use crate::ids::{Position, ProjectId};
use crate::protocol::change::{Change, Changes};
use crate::protocol::commit::Outcome;
use std::time::Duration;
use tokio::time::Instant;

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

/// Which projects are marked, and which of them urgently.
pub(in crate::hot) fn marked(dirty: Result<Vec<Dirty>, HotError>) -> Vec<(ProjectId, bool)> {
    dirty.expect("it answers").into_iter().map(|dirty| (dirty.project, dirty.urgent)).collect()
}

pub(in crate::hot) async fn a_mark_stays_until_all_is_saved(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    assert_eq!(marked(world.hot.dirty(true).await), []);
    let filled = world.fill(3, 2).await;
    world.hot.dirtied().await;
    let mark = [(project(), false)];
    assert!(world.saved(filled[0]).await);
    for all in [false, true] {
        assert_eq!(marked(world.hot.dirty(all).await), mark);
    }
    assert!(world.saved(filled[2]).await);
    for all in [false, true] {
        assert_eq!(marked(world.hot.dirty(all).await), []);
    }
    world.fill(1, 1).await;
    assert_eq!(marked(world.hot.dirty(true).await), mark);
    // What was saved before says nothing about what came after.
    assert!(world.saved(filled[2]).await);
    assert_eq!(marked(world.hot.dirty(true).await), mark);
}

/// How long the oldest unsaved commit has waited.
pub(in crate::hot) async fn age(hot: &dyn HotStore, all: bool) -> Duration {
    hot.dirty(all).await.expect("it answers").iter().map(|dirty| dirty.age).max().unwrap_or_default()
}

pub(in crate::hot) async fn the_age_is_that_of_what_is_unsaved(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let began = Instant::now();
    let first = world.fill(2, 1).await;
    let old = Duration::from_millis(20);
    while age(&*world.hot, true).await < old {
        assert!(began.elapsed() < Duration::from_secs(10), "it grows");
        tokio::task::yield_now().await;
    }
    assert!(world.saved(first[0]).await);
    assert!(age(&*world.hot, false).await >= old, "the other is as old");
    let looked = Instant::now();
    world.hot.log_after(&project(), 1, 0).await.expect("it answers");
    world.fill(1, 1).await;
    assert!(world.saved(first[1]).await);
    assert!(age(&*world.hot, false).await <= looked.elapsed(), "what is left came after the look");
    assert!(world.saved(world.head).await);
    assert_eq!(age(&*world.hot, true).await, Duration::ZERO);
}

pub(in crate::hot) async fn urgent_marks_stay_urgent(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    for (cid, urgent) in [(1, true), (2, false)] {
        let call = Call { position: world.head, proposals: vec![void(1, cid)], urgent };
        world.hot.commit(&project(), &call).await.expect("it answers");
        world.head = call.run().end();
    }
    let urgent = [(project(), true)];
    assert_eq!(marked(world.hot.dirty(false).await), urgent);
    // Also over a heal that could not save it.
    world.hot.freeze(&project(), 1, Duration::from_secs(60)).await.expect("it answers");
    let (mut state, over) = (world.load().await, Over::Frozen { token: 1, position: world.head });
    (state.position.epoch, world.head.epoch) = (2, 2);
    assert_eq!(world.hot.install(&project(), state, over).await, Ok(true));
    assert_eq!(marked(world.hot.dirty(false).await), urgent);
    // Until somebody looks, who then saves it.
    world.hot.log_after(&project(), 0, 0).await.expect("it answers");
    assert_eq!(marked(world.hot.dirty(false).await), [(project(), false)]);
    assert!(world.saved(world.head).await);
    world.commit(vec![void(1, 3)]).await;
    assert_eq!(marked(world.hot.dirty(false).await), [(project(), false)]);
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

pub(in crate::hot) async fn large_commits_are_kept_by_their_bytes(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let large = props(&format!(r#"{{"text":"{}"}}"#, "x".repeat(100_000)));
    let changes = Changes::encode(&[Change::Put { id: id("a"), props: large }]);
    let mut all = Vec::new();
    for cid in 1..=100 {
        all.push(world.commit(vec![nothing(1, cid, Outcome::Changed(changes.clone()))]).await);
    }
    // Ten are saved, and those that are not take more than what would be kept.
    assert!(world.saved(all[9]).await);
    let log = world.load().await.log;
    assert!(log.bytes() > 2 * KEPT_BYTES && log.base() <= 10);
    assert!(log.after(10).map(|commit| commit.id).eq(all[10..].iter().map(|at| at.id)), "nothing that is unsaved goes");
    assert!(world.saved(all[99]).await);
    let log = world.load().await.log;
    // A store may measure what it really takes, and a few entries only.
    assert!((KEPT_BYTES / 2..KEPT_BYTES * 5 / 4).contains(&log.bytes()), "{}", log.bytes());
    let base = all[usize::try_from(log.base()).expect("small") - 1];
    assert_eq!(base.id, log.before());
    assert!(
        log.iter().map(|commit| commit.id).eq(all[usize::try_from(base.seq).expect("small")..].iter().map(|at| at.id))
    );
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
    for (first, previous, end) in [(1, start(1).position, a), (3, a, b)] {
        let Some(Event::Commits(run)) = world.events.recv().await else { panic!("commits") };
        assert_eq!((run.first, run.previous, run.end()), (first, previous.id, end));
    }
    for event in [Event::Saved(a), Event::Saved(b), Event::Began { epoch: 2 }] {
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

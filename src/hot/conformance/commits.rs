//! What becomes of calls.

use super::Backend;
use super::world::{World, author, commit_id, id, project, put, remove, void};
use crate::fanout::Event;
use crate::hot::{CALL_BATCHES, ClientState, MISSED, Proposal, Reply};
use crate::ids::ObjectId;
use crate::project::apply::Effect;
use crate::project::canvas::View as _;
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::props::Props;

pub(in crate::hot) async fn a_call_is_stored_whole_or_not_at_all(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let start = world.head;
    let hole = world.call(start, vec![put(1, 1, "a", None), put(1, 3, "b", None)]).await;
    assert!(matches!(hole, Reply::Cid { index: 1, last: 1 }), "{hole:?}");
    let state = world.load().await;
    assert_eq!((state.position, state.canvas.len(), state.clients.len()), (start, 0, 0));
    let end = world.commit(vec![put(1, 1, "a", None), put(1, 2, "b", None), remove(1, 3, "a", Some(1))]).await;
    let state = world.load().await;
    assert_eq!((state.position, state.canvas.len(), state.log.iter().len()), (end, 1, 3));
    assert_eq!(state.canvas.object(&id("b")).map(|object| object.rev), Some(2));
    assert_eq!(state.clients[&author(1)], ClientState { cid: 3, seq: 3, digest: u64::MAX - 3 });
}

pub(in crate::hot) async fn a_counter_that_does_not_fit_is_named(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    world.commit(vec![void(1, 1), void(2, 1), void(1, 2)]).await;
    for (cids, index, last) in [
        (&[(1, 4)][..], 0, 2),
        (&[(1, 2)], 0, 2),
        (&[(1, 0)], 0, 2),
        (&[(3, 2)], 0, 0),
        (&[(3, 0)], 0, 0),
        (&[(1, 3), (2, 3)], 1, 1),
        (&[(1, 3), (2, 2), (1, 5), (3, 9)], 2, 3),
        (&[(1, 3), (2, 9), (1, 5)], 1, 1),
        (&[(3, 1), (3, 1)], 1, 1),
    ] {
        let proposals = cids.iter().map(|&(by, cid)| void(by, cid)).collect();
        let reply = world.call(world.head, proposals).await;
        assert!(matches!(reply, Reply::Cid { index: i, last: l } if (i, l) == (index, last)), "{cids:?}: {reply:?}");
    }
    world.commit(vec![void(2, 2), void(3, 1), void(1, 3), void(3, 2)]).await;
}

pub(in crate::hot) async fn a_room_that_was_overtaken_is_told_what_it_missed(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let before = world.commit(vec![put(1, 1, "a", None), put(1, 2, "b", None)]).await;
    let theirs = [put(2, 1, "c", None), put(2, 2, "b", Some(2)), void(3, 1)];
    let ids: Vec<_> = theirs.iter().map(|proposal| proposal.commit.id).collect();
    world.commit(theirs[..1].to_vec()).await;
    let head = world.commit(theirs[1..].to_vec()).await;
    let mine = vec![put(1, 3, "a", Some(1)), put(4, 1, "d", None), remove(1, 4, "d", Some(4))];
    let last = mine[2].commit.id;
    let reply = world.call(before, mine).await;
    let Reply::Accepted { first, missed } = reply else { panic!("{reply:?}") };
    assert_eq!((first, missed.iter().map(|commit| commit.id).collect::<Vec<_>>()), (6, ids));
    let state = world.load().await;
    assert_eq!((state.position.seq, state.position.id), (8, last));
    assert_eq!(state.canvas.object(&id("a")).map(|object| object.rev), Some(6));
    assert!(state.canvas.object(&id("d")).is_none());
    assert_eq!((state.clients[&author(1)].seq, state.clients[&author(4)].seq), (8, 7));
    for _ in 0..3 {
        world.events.recv().await;
    }
    let Some(Event::Commits(run)) = world.events.recv().await else { panic!("commits") };
    assert_eq!((run.first, run.previous, run.end()), (6, head.id, state.position));
    // From within their second call.
    let within = crate::ids::Position { seq: 4, id: theirs[1].commit.id, ..before };
    let reply = world.call(within, vec![put(5, 1, "e", None)]).await;
    assert!(matches!(&reply, Reply::Accepted { first: 9, missed } if missed.len() == 4), "{reply:?}");
}

pub(in crate::hot) async fn what_was_touched_meanwhile_makes_a_call_stale(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let before = world.commit(vec![put(1, 1, "a", None), put(1, 2, "b", None)]).await;
    world.commit(vec![put(2, 1, "a", Some(1)), put(2, 2, "new", None), remove(2, 3, "b", Some(2))]).await;
    let looked = Proposal { absent: vec![id("new")], ..void(1, 3) };
    let not_looked = Proposal { absent: vec![id("other")], ..void(1, 3) };
    for (name, proposals) in [
        ("changed", vec![put(1, 3, "a", Some(1))]),
        ("changed, second of two", vec![put(1, 3, "x", None), put(1, 4, "a", Some(1))]),
        ("removed", vec![put(1, 3, "b", Some(2))]),
        ("removed, and removed", vec![remove(1, 3, "b", Some(2))]),
        ("appeared", vec![put(1, 3, "new", None)]),
        ("appeared where one looked", vec![looked]),
        ("the head", vec![Proposal { at_head: true, ..void(1, 3) }]),
        ("a counter", vec![void(1, 4)]),
        ("a counter within", vec![void(1, 3), void(1, 5)]),
    ] {
        let reply = world.call(before, proposals).await;
        assert!(matches!(&reply, Reply::Stale(missed) if missed.len() == 3), "{name}: {reply:?}");
    }
    assert_eq!(world.load().await.position, world.head);
    let reply = world.call(before, vec![not_looked]).await;
    assert!(matches!(reply, Reply::Accepted { first: 6, .. }), "{reply:?}");
}

pub(in crate::hot) async fn whoever_is_far_behind_asks_again(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let start = world.head;
    let filled = world.fill(MISSED + 70, CALL_BATCHES).await;
    let reply = world.call(start, vec![void(1, 1)]).await;
    let Reply::Stale(missed) = reply else { panic!("{reply:?}") };
    let ids: Vec<_> = missed.iter().map(|commit| commit.id).collect();
    assert_eq!(ids, filled[..MISSED].iter().map(|position| position.id).collect::<Vec<_>>());
    let edge = filled[69];
    let reply = world.call(edge, vec![void(1, 1)]).await;
    assert!(matches!(&reply, Reply::Accepted { missed, .. } if missed.len() == MISSED), "just near enough");
}

pub(in crate::hot) async fn a_call_that_is_repeated_is_stored_once(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let start = world.head;
    let call = vec![put(1, 1, "a", None), void(1, 2)];
    world.commit(call.clone()).await;
    let again = world.call(start, call.clone()).await;
    assert!(matches!(&again, Reply::Stale(missed) if missed[0] == call[0].commit && missed.len() == 2), "{again:?}");
    let again = world.call(world.head, call).await;
    assert!(matches!(again, Reply::Cid { index: 0, last: 2 }), "{again:?}");
    assert_eq!(world.load().await.position, world.head);
}

/// More objects than a script may name in one command.
pub(in crate::hot) async fn a_large_call_is_stored_whole(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let ids: Vec<ObjectId> = (0..9_000).map(|n| id(&format!("o{n}"))).collect();
    let before = world.head;
    let effects = |base: Option<u64>, props: Option<Props>| -> Vec<Effect> {
        ids.iter().map(|id| Effect { id: id.clone(), base_rev: base, props: props.clone() }).collect()
    };
    let by = |cid| Origin::Client { author: author(1), cid, digest: 0 };
    let proposal = |cid, effects| {
        let commit = Commit { id: commit_id(), origin: by(cid), outcome: Outcome::Changed(Changes::none()) };
        Proposal { commit, effects, absent: Vec::new(), at_head: false }
    };
    world.commit(vec![void(2, 1)]).await;
    // Overtaken, so that all are looked at.
    let reply = world.call(before, vec![proposal(1, effects(None, Some(Props::empty())))]).await;
    assert!(matches!(reply, Reply::Accepted { first: 2, .. }), "{reply:?}");
    let state = world.load().await;
    assert_eq!(state.canvas.len(), ids.len());
    assert!(state.canvas.iter().all(|(_, object)| object.rev == 2));
    let reply = world.call(before, vec![proposal(2, effects(None, None))]).await;
    assert!(matches!(reply, Reply::Stale(_)), "{reply:?}");
    let reply = world.call(state.position, vec![proposal(2, effects(Some(2), None))]).await;
    assert!(matches!(reply, Reply::Accepted { first: 3, .. }), "{reply:?}");
    assert!(world.load().await.canvas.is_empty());
}

pub(in crate::hot) async fn a_refusal_takes_its_counter(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let seal = Commit { id: commit_id(), origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) };
    let seal = Proposal { commit: seal, effects: Vec::new(), absent: Vec::new(), at_head: true };
    world.commit(vec![seal, void(1, 1)]).await;
    let state = world.load().await;
    assert_eq!((state.clients.len(), state.clients[&author(1)].seq, state.log.iter().len()), (1, 2, 2));
    let dirty = world.hot.dirty(true).await.expect("it answers");
    assert!(dirty.iter().any(|dirty| dirty.project == project()));
}

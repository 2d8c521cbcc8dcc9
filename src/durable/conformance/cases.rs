//! What a sound store does.

use super::Backend;
use super::world::{World, project};
use crate::durable::checkpoint::checkpoint_if_due;
use crate::durable::load::{Tail, load, since, tail};
use crate::durable::{Appended, DurableStore, NodeReport};
use crate::ids::{Position, ProjectId, Seq};
use crate::project::canvas::View as _;

pub(in crate::durable) async fn an_entry_is_stored_once(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(1));
    let mine = world.entry(3);
    let theirs = World::new(2).entry(2);
    assert_eq!(store.append(&project(), &mine).await.expect("append"), Appended::Stored);
    for entry in [&theirs, &mine] {
        assert_eq!(store.append(&project(), entry).await.expect("append"), Appended::Conflict);
    }
    assert_eq!(store.entries(&project(), 0).await.expect("entries"), [mine]);
}

pub(in crate::durable) async fn two_appends_at_once_have_one_winner(backend: &impl Backend) {
    let store = backend.store();
    let racers: Vec<_> = (0..8)
        .map(|seed| {
            let (store, entry) = (store.clone(), World::new(seed).entry(2));
            tokio::spawn(async move { (store.append(&project(), &entry).await.expect("append"), entry) })
        })
        .collect();
    let mut winners = Vec::new();
    for racer in racers {
        let (appended, entry) = racer.await.expect("no panic");
        if appended == Appended::Stored {
            winners.push(entry);
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.entries(&project(), 1).await.expect("entries"), winners);
}

pub(in crate::durable) async fn what_is_behind_the_log_conflicts(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(3));
    store.append(&project(), &world.entry(5)).await.expect("append");
    let mut inside = World::new(4).entry(9);
    inside.from = 3;
    assert_eq!(store.append(&project(), &inside).await.expect("append"), Appended::Conflict);
    world.checkpointed(&*store).await;
    store.truncate(&project(), u64::MAX).await.expect("truncate");
    let stale = World::new(4).entry(1);
    assert_eq!(store.append(&project(), &stale).await.expect("append"), Appended::Conflict);
}

pub(in crate::durable) async fn entries_come_in_order(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(5));
    let entries: Vec<_> = (0..300).map(|n| world.entry(1 + n % 3)).collect();
    for entry in &entries {
        store.append(&project(), entry).await.expect("append");
    }
    assert_eq!(store.entries(&project(), 1).await.expect("entries"), entries);
    let from = entries[200].from;
    assert_eq!(store.entries(&project(), from).await.expect("entries"), entries[200..]);
    assert_eq!(store.entries(&project(), world.position.seq + 1).await.expect("entries"), []);
    let other = ProjectId::parse("p2").expect("id");
    assert_eq!(store.entries(&other, 1).await.expect("entries"), []);
}

pub(in crate::durable) async fn nothing_stored_is_an_empty_project(backend: &impl Backend) {
    let store = backend.store();
    let loaded = load(&*store, &project()).await.expect("load");
    assert_eq!((loaded.position, loaded.canvas.len(), loaded.checkpoint_seq), (Position::START, 0, 0));
    assert_eq!(loaded.tail(), Tail::START);
    assert_eq!(tail(&*store, &project(), &Tail::START).await.expect("tail"), Tail::START);
    assert_eq!(store.pointer(&project()).await.expect("pointer"), None);
    assert_eq!(checkpoint_if_due(&*store, &project(), 9, 0, 1).await.expect("checkpoint").made, None);
}

pub(in crate::durable) async fn a_tail_follows_the_log(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(6));
    let mut known = Tail::START;
    for round in 0..6 {
        if round == 3 {
            world.checkpointed(&*store).await;
        }
        world.grow(&*store, 3).await;
        let new = since(&*store, &project(), &known).await.expect("since").expect("still there");
        assert_eq!(new.0.first().map(|e| e.from), Some(known.position.seq + 1));
        known = tail(&*store, &project(), &known).await.expect("tail");
        assert_eq!((known, known.position), (new.1, world.position));
        assert_eq!(load(&*store, &project()).await.expect("load").tail(), known);
        assert_eq!(tail(&*store, &project(), &Tail::START).await.expect("tail").position, world.position);
    }
    let stale = known;
    world.checkpointed(&*store).await;
    store.truncate(&project(), u64::MAX).await.expect("truncate");
    assert!(since(&*store, &project(), &stale).await.expect("since").is_none());
    let bare = tail(&*store, &project(), &stale).await.expect("tail");
    assert_eq!((bare.position, bare.entry), (world.position, 0));
    let again = since(&*store, &project(), &bare).await.expect("since");
    assert_eq!(again, Some((vec![], bare)));
    world.grow(&*store, 2).await;
    assert_eq!(tail(&*store, &project(), &bare).await.expect("tail").position, world.position);
}

pub(super) async fn assert_loads(store: &dyn DurableStore, world: &World) {
    let loaded = load(store, &world.project).await.expect("load");
    assert_eq!(loaded.position, world.position);
    assert_eq!(loaded.canvas, world.canvas);
    assert_eq!(loaded.clients, world.clients);
    let recent: Vec<_> = loaded.recent.iter().cloned().collect();
    assert!(world.log.ends_with(&recent), "recent commits are the newest ones");
    assert!(loaded.checkpoint_seq + recent.len() as Seq >= loaded.position.seq, "none is missing");
}

pub(in crate::durable) async fn what_is_loaded_is_what_was_absorbed(backend: &impl Backend) {
    let store = backend.store();
    for seed in 10..14 {
        let mut world = World::new(seed);
        world.project = ProjectId::parse(&format!("p{seed}")).expect("id");
        for _ in 0..3 {
            world.grow(&*store, 12).await;
            assert_loads(&*store, &world).await;
            world.checkpointed(&*store).await;
            assert_loads(&*store, &world).await;
        }
        store.truncate(&world.project, u64::MAX).await.expect("truncate");
        assert_loads(&*store, &world).await;
        world.grow(&*store, 2).await;
        assert_loads(&*store, &world).await;
    }
}

pub(in crate::durable) async fn projects_are_listed(backend: &impl Backend) {
    let store = backend.store();
    assert_eq!(store.list().await.expect("list"), []);
    let names = ["B", "a", "a-1", "z"].map(|name| ProjectId::parse(name).expect("id"));
    for project in names.iter().rev() {
        let mut world = World::new(1);
        world.project = project.clone();
        world.grow(&*store, 3).await;
    }
    let mut world = World::new(1);
    world.project = ProjectId::parse("zz").expect("id");
    world.checkpointed(&*store).await;
    store.truncate(&world.project, u64::MAX).await.expect("truncate");
    let listed = store.list().await.expect("list");
    assert_eq!(listed, [&names[..], &[world.project]].concat());
}

pub(in crate::durable) async fn a_deployment_has_one_name(backend: &impl Backend) {
    let store = backend.store();
    assert_eq!(store.deployment("first").await.expect("it answers"), "first");
    assert_eq!(store.deployment("second").await.expect("it answers"), "first");
}

pub(in crate::durable) async fn nodes_read_each_others_reports(backend: &impl Backend) {
    let store = backend.store();
    let report = |node, count, reaches_hot, at_ms| NodeReport { node, count, reaches_hot, at_ms };
    let one = report(u64::MAX, 1, true, 1_000_000);
    assert_eq!(store.report(&one).await.expect("stored"), [one]);
    let other = report(2, 1, false, 1_000_500);
    let mut both = store.report(&other).await.expect("stored");
    both.sort_by_key(|report| report.node);
    assert_eq!(both, [other, one]);
    let again = report(2, 2, true, 1_000_900);
    let mut both = store.report(&again).await.expect("stored");
    both.sort_by_key(|report| report.node);
    assert_eq!(both, [again, one], "a node's last report stands");
}

//! Cases about records.

use super::cases::assert_loads;
use super::world::{World, project};
use super::{Backend, Item};
use crate::durable::load::load;
use crate::durable::{DurableError, DurableStore, RECORD_BYTES, Record};
use crate::ids::{Position, ProjectId};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::sync::Arc;

fn body(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn named(name: &str) -> ProjectId {
    ProjectId::parse(name).expect("id")
}

/// Puts a record and expects this answer.
async fn put(store: &dyn DurableStore, version: u64, text: &'static str, done: bool) {
    let answer = store.put_record(&project(), version, &body(text)).await.expect("put");
    assert_eq!(answer, done, "{text:?} after version {version}");
}

async fn read(store: &dyn DurableStore, project: &ProjectId) -> Option<(u64, Bytes)> {
    store.record(project).await.expect("record").map(|Record { version, body }| (version, body))
}

async fn assert_is(store: &dyn DurableStore, version: u64, text: &'static str) {
    assert_eq!(read(store, &project()).await, Some((version, body(text))));
}

pub(in crate::durable) async fn no_record_is_none(backend: &impl Backend) {
    let store = backend.store();
    assert_eq!(read(&*store, &project()).await, None);
    put(&*store, 1, "nobody can have read version 1", false).await;
    assert_eq!(read(&*store, &project()).await, None);
    World::new(30).grow(&*store, 3).await;
    assert_eq!(read(&*store, &project()).await, None, "a log is no record");
}

pub(in crate::durable) async fn a_record_is_what_was_put_last(backend: &impl Backend) {
    let store = backend.store();
    for (version, text) in ["first", "", "third", "third"].into_iter().enumerate() {
        put(&*store, version as u64, text, true).await;
        assert_is(&*store, version as u64 + 1, text).await;
    }
}

pub(in crate::durable) async fn a_record_is_replaced_only_by_who_knows_it(backend: &impl Backend) {
    let store = backend.store();
    for version in 0..3 {
        put(&*store, version, "mine", true).await;
    }
    for version in [0, 1, 2, 4, 5, 1 << 40] {
        put(&*store, version, "theirs", false).await;
        // The very same bytes are no excuse.
        put(&*store, version, "mine", false).await;
        assert_is(&*store, 3, "mine").await;
    }
    put(&*store, 3, "theirs", true).await;
    assert_is(&*store, 4, "theirs").await;
}

pub(in crate::durable) async fn two_that_put_a_record_at_once_have_one_winner(backend: &impl Backend) {
    let (first, second) = (backend.store(), backend.reopened().await);
    for version in 0..12 {
        // Every other time all of them want to put the same.
        let bodies: Vec<Bytes> = (0..8).map(|n| Bytes::from(vec![if version % 2 == 0 { n } else { 99 }])).collect();
        let racers = bodies.iter().zip([&first, &second].into_iter().cycle()).map(|(body, store)| {
            let (store, body): (Arc<dyn DurableStore>, Bytes) = (store.clone(), body.clone());
            tokio::spawn(
                async move { store.put_record(&project(), version, &body).await.expect("put").then_some(body) },
            )
        });
        let mut winners = Vec::new();
        for racer in racers.collect::<Vec<_>>() {
            winners.extend(racer.await.expect("no panic"));
        }
        assert_eq!(winners.len(), 1, "after version {version}");
        assert_eq!(read(&*first, &project()).await, winners.pop().map(|body| (version + 1, body)));
    }
}

pub(in crate::durable) async fn a_record_outlives_its_store(backend: &impl Backend) {
    put(&*backend.store(), 0, "first", true).await;
    put(&*backend.store(), 1, "second", true).await;
    let reopened = backend.reopened().await;
    assert_is(&*reopened, 2, "second").await;
    put(&*reopened, 0, "as if there were none", false).await;
    put(&*reopened, 2, "third", true).await;
    assert_is(&*backend.store(), 3, "third").await;
}

pub(in crate::durable) async fn records_of_projects_do_not_mix(backend: &impl Backend) {
    let store = backend.store();
    let names = ["B", "a", "a-1", "b"].map(named);
    for (n, project) in names.iter().enumerate() {
        for version in 0..=n as u64 {
            let mine = Bytes::from(format!("{project} {version}"));
            assert!(store.put_record(project, version, &mine).await.expect("put"));
        }
    }
    for (n, project) in names.iter().enumerate() {
        let mine = Bytes::from(format!("{project} {n}"));
        assert_eq!(read(&*store, project).await, Some((n as u64 + 1, mine)));
    }
    assert_eq!(read(&*store, &named("A")).await, None);
}

pub(in crate::durable) async fn a_record_is_not_the_project(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(31));
    put(&*store, 0, "mine", true).await;
    assert_eq!(store.list().await.expect("list"), [], "it has a record and no canvas");
    assert_eq!(load(&*store, &project()).await.expect("load").position, Position::START);
    world.grow(&*store, 3).await;
    assert_eq!(store.list().await.expect("list"), [project()]);
    world.checkpointed(&*store).await;
    store.truncate(&project(), u64::MAX).await.expect("truncate");
    assert_loads(&*store, &world).await;
    put(&*store, 1, "mine still", true).await;
    assert_is(&*store, 2, "mine still").await;
    assert_loads(&*store, &world).await;
}

pub(in crate::durable) async fn a_large_record_is_whole(backend: &impl Backend) {
    let (store, mut rng) = (backend.store(), StdRng::seed_from_u64(32));
    // What cannot be compressed, and what can.
    let noise: Bytes = (0..RECORD_BYTES).map(|_| rng.random::<u8>()).collect();
    let large = [noise, Bytes::from(vec![7; RECORD_BYTES])];
    for (version, body) in (0..).zip(&large) {
        assert!(store.put_record(&project(), version, body).await.expect("put"));
        assert_eq!(read(&*store, &project()).await, Some((version + 1, body.clone())));
    }
    put(&*store, 2, "small", true).await;
    assert_is(&*store, 3, "small").await;
}

/// Whatever byte is wrong, nobody has other rights for it, and nobody takes it for a project without rights.
pub(in crate::durable) async fn a_damaged_record_is_not_none(backend: &impl Backend) {
    let store = backend.store();
    put(&*store, 0, "mine", true).await;
    for at in 0..40 {
        let flip = |mut bytes: Vec<u8>| {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x11;
            }
            Some(bytes)
        };
        backend.replace(&project(), Item::Record, &flip);
        match store.record(&project()).await {
            Ok(found) => assert_eq!(found, Some(Record { version: 1, body: body("mine") }), "byte {at}"),
            Err(DurableError::Corrupt { item, .. }) => assert_eq!(item, "record", "byte {at}"),
            Err(error) => assert!(matches!(error, DurableError::NewerFormat { .. }), "byte {at}: {error}"),
        }
        backend.replace(&project(), Item::Record, &flip);
    }
    assert_is(&*store, 1, "mine").await;
    let old = std::cell::RefCell::new(None);
    backend.replace(&project(), Item::Record, &|bytes| {
        old.replace(Some(bytes.clone()));
        Some(bytes)
    });
    put(&*store, 1, "mine no more", true).await;
    backend.replace(&project(), Item::Record, &|_| old.take());
    let read = store.record(&project()).await;
    assert!(matches!(read, Err(DurableError::Corrupt { .. })), "the bytes of an older version: {read:?}");
}

pub(in crate::durable) async fn a_record_of_a_newer_format_is_refused(backend: &impl Backend) {
    let store = backend.store();
    put(&*store, 0, "mine", true).await;
    backend.replace(&project(), Item::Record, &|mut bytes| {
        bytes[1] = 2;
        Some(bytes)
    });
    let refused = store.record(&project()).await;
    assert!(matches!(refused, Err(DurableError::NewerFormat { found: 2, known: 1 })), "{refused:?}");
}

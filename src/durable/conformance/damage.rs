//! What a store and a load do about stored bytes that are wrong.

use super::world::{World, project};
use super::{Backend, Item};
use crate::durable::layout::chunk;
use crate::durable::load::load;
use crate::durable::{DurableError, DurableStore};
use crate::ids::ObjectId;
use crate::project::canvas::View as _;
use crate::protocol::change::{Change, Changes};
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::props::Props;

/// Flips a bit in the last byte.
fn flip_last(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    *bytes.last_mut()? ^= 1;
    Some(bytes)
}

/// The item that a load names as corrupt.
async fn corrupt_item(store: &dyn DurableStore) -> String {
    match load(store, &project()).await {
        Err(DurableError::Corrupt { item, .. }) => item,
        other => panic!("corrupt, not {other:?}"),
    }
}

/// Damages the value of the object `o1` inside its chunk.
fn damage_o1(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let mut bytes = bytes;
    let at = bytes.windows(3).position(|w| w == [0xa2, b'o', b'1'])?;
    // id, rev, a sum of 9 bytes, the head of the bin: its first byte is the head of the props' map.
    let bin = at + 3 + bytes[at..].iter().position(|b| *b == 0xcf)? - 3 + 9;
    bytes[bin + 2] = 0xc1;
    Some(bytes)
}

/// A project with a checkpoint that has `o1` and others, and its log truncated.
async fn checkpointed(store: &dyn DurableStore) -> (World, ObjectId) {
    let mut world = World::new(20);
    let id = ObjectId::parse("o1").expect("id");
    let put = put(&mut world, &id);
    store.append(&project(), &world.entry_of(vec![put])).await.expect("append");
    world.checkpointed(store).await;
    store.truncate(&project(), u64::MAX).await.expect("truncate");
    (world, id)
}

fn put(world: &mut World, id: &ObjectId) -> Commit {
    let change = Change::Put { id: id.clone(), props: Props::from_pairs(&[("name", &[0xa3, b'o', b'n', b'e'])]) };
    Commit {
        id: crate::ids::CommitId([u8::try_from(world.log.len() % 250).expect("below 250") + 1; 8]),
        origin: Origin::Server,
        outcome: Outcome::Changed(Changes::encode(&[change])),
    }
}

pub(in crate::durable) async fn one_damaged_object_is_set_aside(backend: &impl Backend) {
    let store = backend.store();
    let (mut world, id) = checkpointed(&*store).await;
    backend.replace(&project(), Item::Chunk(0), &damage_o1);
    let loaded = load(&*store, &project()).await.expect("the rest opens");
    assert!(loaded.canvas.is_quarantined(&id) && loaded.canvas.object(&id).is_none());
    assert_eq!(loaded.canvas.len(), world.canvas.len() - 1);
    let aside: Vec<_> = loaded.canvas.quarantined().map(|(i, raw)| (i.clone(), raw.clone())).collect();
    world.checkpointed(&*store).await;
    let next = load(&*store, &project()).await.expect("load");
    assert_eq!(next.checkpoint_seq, world.position.seq);
    assert_eq!(
        next.canvas.quarantined().map(|(i, raw)| (i.clone(), raw.clone())).collect::<Vec<_>>(),
        aside,
        "carried into the next checkpoint as it was"
    );
}

pub(in crate::durable) async fn a_put_makes_a_damaged_object_whole(backend: &impl Backend) {
    let store = backend.store();
    let (mut world, id) = checkpointed(&*store).await;
    let put = put(&mut world, &id);
    store.append(&project(), &world.entry_of(vec![put])).await.expect("append");
    backend.replace(&project(), Item::Chunk(0), &damage_o1);
    assert_eq!(load(&*store, &project()).await.expect("load").canvas, world.canvas);
}

pub(in crate::durable) async fn a_wrong_checksum_is_corrupt(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(21));
    store.append(&project(), &world.entry(2)).await.expect("append");
    let third = world.entry(4);
    store.append(&project(), &third).await.expect("append");
    backend.replace(&project(), Item::Entry(3), &flip_last);
    assert_eq!(corrupt_item(&*store).await, "entry 3");
    let read = store.entries(&project(), 1).await;
    assert!(matches!(read, Err(DurableError::Corrupt { item, .. }) if item == "entry 3"));
}

pub(in crate::durable) async fn a_hole_is_corrupt(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(22));
    for _ in 0..3 {
        store.append(&project(), &world.entry(2)).await.expect("append");
    }
    backend.replace(&project(), Item::Entry(3), &|_| None);
    assert_eq!(corrupt_item(&*store).await, "entry 5");
    backend.replace(&project(), Item::Entry(1), &|_| None);
    assert_eq!(corrupt_item(&*store).await, "entry 5", "a log never begins above 1 without a checkpoint");
}

pub(in crate::durable) async fn a_foreign_link_is_corrupt(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(23));
    store.append(&project(), &world.entry(2)).await.expect("append");
    let mut foreign = world.entry(1);
    foreign.prev.0[0] ^= 1;
    store.append(&project(), &foreign).await.expect("append");
    assert_eq!(corrupt_item(&*store).await, "entry 3");
}

pub(in crate::durable) async fn epochs_never_fall(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(24));
    world.position.epoch = 7;
    store.append(&project(), &world.entry(2)).await.expect("append");
    world.position.epoch = 6;
    store.append(&project(), &world.entry(2)).await.expect("append");
    assert_eq!(corrupt_item(&*store).await, "entry 3");
}

pub(in crate::durable) async fn a_missing_chunk_is_corrupt(backend: &impl Backend) {
    let store = backend.store();
    checkpointed(&*store).await;
    backend.replace(&project(), Item::Chunk(0), &|_| None);
    assert!(corrupt_item(&*store).await.starts_with("chunk "));
}

pub(in crate::durable) async fn damaged_clients_are_corrupt(backend: &impl Backend) {
    let store = backend.store();
    checkpointed(&*store).await;
    let pointer = store.pointer(&project()).await.expect("pointer").expect("made");
    let last = pointer.chunks as usize - 1;
    backend.replace(&project(), Item::Chunk(last), &flip_last);
    assert_eq!(corrupt_item(&*store).await, format!("chunk {last} of the checkpoint at {}", pointer.seq));
}

pub(in crate::durable) async fn a_newer_format_is_refused(backend: &impl Backend) {
    let store = backend.store();
    let (mut world, _) = checkpointed(&*store).await;
    store.append(&project(), &world.entry(1)).await.expect("append");
    let newer = |mut bytes: Vec<u8>| {
        bytes[1] = 2;
        Some(bytes)
    };
    let older = |mut bytes: Vec<u8>| {
        bytes[1] = 1;
        Some(bytes)
    };
    for item in [Item::Entry(world.position.seq), Item::Pointer, Item::Chunk(0)] {
        backend.replace(&project(), item, &newer);
        let refused = load(&*store, &project()).await;
        assert!(matches!(refused, Err(DurableError::NewerFormat { found: 2, known: 1 })), "{item:?}");
        backend.replace(&project(), item, &older);
    }
    load(&*store, &project()).await.expect("whole again");
}

/// Whatever byte is wrong: the load fails, or the object is set aside, or nothing has changed.
pub(in crate::durable) async fn every_flipped_byte_is_found(backend: &impl Backend) {
    let store = backend.store();
    let (mut world, _) = checkpointed(&*store).await;
    world.grow(&*store, 1).await;
    let entry = store.pointer(&project()).await.expect("pointer").expect("made").seq + 1;
    for item in [Item::Entry(entry), Item::Pointer, Item::Chunk(0)] {
        for at in (0..120).chain([5_000, chunk::CHUNK_BYTES / 4]) {
            let flip = |mut bytes: Vec<u8>| {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 0x11;
                }
                Some(bytes)
            };
            backend.replace(&project(), item, &flip);
            if let Ok(loaded) = load(&*store, &project()).await {
                let missing = world.canvas.iter().filter(|(id, o)| loaded.canvas.object(id) != Some(*o));
                let aside = loaded.canvas.quarantined().len();
                assert!(missing.count() <= aside, "byte {at} of {item:?}");
                assert_eq!((loaded.position, &loaded.clients), (world.position, &world.clients));
            }
            backend.replace(&project(), item, &flip);
        }
    }
}

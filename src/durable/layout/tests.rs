//! Round trips and the few things that the conformance suite cannot reach.

use super::*;
use crate::durable::Record;
use crate::ids::{Author, ObjectId};
use crate::project::canvas::{Canvas, Object};
use crate::protocol::change::Changes;
use crate::protocol::commit::Origin;
use crate::protocol::props::Props;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::HashMap;

fn project() -> ProjectId {
    ProjectId::parse("p").expect("id")
}

fn commit(n: u8, size: usize) -> Commit {
    let mut raw = Vec::new();
    pack::bin(&mut raw, &vec![n; size]);
    let put = crate::protocol::change::Change::Put {
        id: ObjectId::parse("a").expect("id"),
        props: Props::from_pairs(&[("x", &raw)]),
    };
    Commit {
        id: CommitId([n; 8]),
        origin: Origin::Client { author: Author([n; 8]), cid: u64::MAX - u64::from(n), digest: u64::MAX },
        outcome: Outcome::Changed(Changes::encode(&[put])),
    }
}

fn entry(commits: Vec<Commit>) -> Entry {
    Entry { epoch: 3, direct: true, from: 7, prev: CommitId([9; 8]), commits, at_ms: 1 << 41 }
}

#[test]
fn entries_are_compressed_when_it_pays() {
    let small = entry(vec![commit(1, 10)]);
    assert!(encode_entry(&small).len() > 60);
    let large = entry(vec![commit(1, 10_000)]);
    let bytes = encode_entry(&large);
    assert!(bytes.len() < 1_000, "{}", bytes.len());
    for entry in [small, large] {
        assert_eq!(decode_entry(&project(), 7, &encode_entry(&entry)).expect("sound"), entry);
        assert!(decode_entry(&project(), 8, &encode_entry(&entry)).is_err(), "under another key");
    }
}

#[test]
fn a_long_run_is_cut_into_linked_entries() {
    let whole = entry((0..40).map(|n| commit(n, 40_000)).collect());
    let cut = whole.clone().cut();
    assert_eq!(cut.len(), 5);
    let mut at = (whole.from, whole.prev);
    for entry in &cut {
        assert_eq!((entry.from, entry.prev), at);
        assert!(entry.commits.iter().map(weight).sum::<usize>() <= crate::durable::ENTRY_BYTES);
        at = (entry.to() + 1, entry.last_id());
    }
    assert_eq!(cut.into_iter().flat_map(|e| e.commits).collect::<Vec<_>>(), whole.commits);
}

#[test]
fn what_updates_have_merged_beyond_any_frame_is_sound() {
    let mut list = Vec::new();
    pack::array(&mut list, 50_000);
    list.resize(list.len() + 50_000, 0xc0);
    let id = ObjectId::parse("a").expect("id");
    let props = Props::from_pairs(&[("a", &list), ("b", &list), ("c", &list)]);
    let mut canvas = Canvas::new();
    canvas.set(id, Some(Object { rev: 1, props }));
    let mut read = chunk::Unpacked::default();
    for bytes in chunk::encode(&canvas, &HashMap::new()) {
        chunk::decode(&project(), 1, 0, &bytes, &mut read).expect("sound");
    }
    assert!(read.aside.is_empty());
    assert_eq!(read.objects.first().map(|(_, o)| o), canvas.iter().next().map(|(_, o)| o));
}

#[test]
fn chunks_are_full_but_not_large() {
    let mut canvas = Canvas::new();
    for n in 0..3_000 {
        let mut raw = Vec::new();
        pack::bin(&mut raw, &[7; 300]);
        let props = Props::from_pairs(&[("x", &raw)]);
        canvas.set(ObjectId::parse(&format!("o{n}")).expect("id"), Some(Object { rev: n, props }));
    }
    canvas.quarantine(ObjectId::parse("q").expect("id"), Bytes::from_static(&[1, 2]));
    let chunks = chunk::encode(&canvas, &HashMap::new());
    assert_eq!(chunks.len(), 4);
    assert!(chunks[..3].iter().all(|c| c.len() > 260_000 && c.len() < 263_000));
    let mut read = chunk::Unpacked::default();
    for (n, bytes) in chunks.iter().enumerate() {
        chunk::decode(&project(), 1, n, bytes, &mut read).expect("sound");
    }
    assert_eq!((read.objects.len(), read.aside.len()), (3_000, 1));
}

proptest! {
    #[test]
    fn garbage_is_never_sound_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode_entry(&project(), 1, &bytes).is_err());
        prop_assert!(decode_pointer(&project(), &bytes).is_err());
        let _ = chunk::decode(&project(), 1, 0, &bytes, &mut chunk::Unpacked::default());
    }
}

#[test]
fn a_record_is_read_as_the_version_that_it_is() {
    for body in [&b""[..], b"rights", &[7; 100_000]] {
        let stored = record::encode(3, body);
        let whole = Record { version: 3, body: Bytes::copy_from_slice(body) };
        assert_eq!(record::decode(&project(), 3, &stored).expect("sound"), whole);
        let other = record::decode(&project(), 4, &stored);
        assert!(matches!(other, Err(DurableError::Corrupt { why, .. }) if why.contains("version 3")));
        assert!(record::decode(&project(), 3, &stored[..stored.len() - 1]).is_err(), "cut short");
    }
}

//! What no other store has: parts, drafts, the look behind a put, an item's own format.

use super::dynamodb_faults::{DynamoFaults, Faults};
use super::*;
use crate::durable::checkpoint::checkpoint_if_due;
use crate::durable::load::load;
use crate::ids::{CommitId, ObjectId, Position};
use crate::protocol::change::{Change, Changes};
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::pack;
use crate::protocol::props::Props;
use ends::Moment;
use item::{CHUNK_PARTS, SEQ};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::time::Duration;

fn project() -> ProjectId {
    ProjectId::parse("p").expect("an id")
}

/// The next entry, of one commit with so many bytes that cannot be compressed.
fn next(after: &Position, bytes: usize) -> Entry {
    let mut rng = StdRng::seed_from_u64(after.seq);
    let raw: Vec<u8> = (0..bytes).map(|_| rng.random()).collect();
    let mut data = Vec::new();
    pack::bin(&mut data, &raw);
    let put = Change::Put { id: ObjectId::parse("o").expect("an id"), props: Props::from_pairs(&[("data", &data)]) };
    let commits = vec![Commit {
        id: CommitId::random(&mut rng),
        origin: Origin::Server,
        outcome: Outcome::Changed(Changes::encode(&[put])),
    }];
    Entry { epoch: 1, direct: false, from: after.seq + 1, prev: after.id, commits, at_ms: after.seq + 1 }
}

fn end(entry: &Entry) -> Position {
    Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() }
}

/// Appends so many entries of so many bytes.
async fn grow(store: &DynamoStore, mut position: Position, entries: usize, bytes: usize) -> Position {
    for _ in 0..entries {
        let entry = next(&position, bytes);
        assert_eq!(store.append(&project(), &entry).await.expect("append"), Appended::Stored);
        position = end(&entry);
    }
    position
}

/// Makes a checkpoint, which must be due.
async fn due_checkpoint(store: &DynamoStore) {
    let look = checkpoint_if_due(store, &project(), 100, u64::MAX, 1).await.expect("checkpoint");
    look.made.expect("it was due");
}

/// All keys that are in the table, behind the store's back.
async fn keys(store: &DynamoStore) -> Vec<String> {
    let scan = store.table.client.scan().table_name(TABLE).projection_expression("pk, sk").send().await.expect("scan");
    assert!(scan.last_evaluated_key.is_none(), "a page is enough");
    let text = |item: &Item| format!("{} {}", item.get_text(item::PK).unwrap_or_default(), item.sk());
    scan.items.unwrap_or_default().into_iter().map(|item| text(&Item(item))).collect()
}

#[tokio::test]
async fn an_entry_larger_than_an_item_is_whole_and_goes_whole() {
    let backend = InTable::new().await;
    let large = next(&Position::START, 1_000_000);
    assert_eq!(backend.store.append(&project(), &large).await.expect("append"), Appended::Stored);
    assert_eq!(backend.store.append(&project(), &large).await.expect("append"), Appended::Conflict);
    let mut other = large.clone();
    other.commits[0].id = CommitId([7; 8]);
    // The same commits in other bytes, as two nodes that save at once may write them.
    let mut twin = large.clone();
    twin.at_ms += 1;
    let store = over(&backend.database.endpoint);
    for late in [&other, &twin] {
        // It has looked when nothing was there yet.
        store.ends.learn(&project(), 0, Moment::now());
        assert_eq!(store.append(&project(), late).await.expect("append"), Appended::Conflict);
    }
    assert_eq!(backend.store.entries(&project(), 1).await.expect("entries"), std::slice::from_ref(&large));
    let count = |keys: &[String]| keys.iter().filter(|key| key.starts_with("part#")).count();
    assert_eq!(count(&keys(&backend.store).await), 2, "those of the loser are gone");
    grow(&backend.store, end(&large), 1, 1_000_000).await;
    due_checkpoint(&backend.store).await;
    assert_eq!(backend.store.truncate(&project(), u64::MAX).await.expect("truncate"), 2);
    let left = keys(&backend.store).await;
    assert!(count(&left) == 0 && !left.iter().any(|key| key.starts_with("log#")), "{left:?}");
    assert_eq!(load(&*backend.store, &project()).await.expect("load").position.seq, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_comes_after_its_place_was_truncated_does_not_count() {
    let backend = InTable::new().await;
    let layer = DynamoFaults::start(&backend.database.endpoint).await;
    let mut slow = over(layer.url());
    // What it sees at the log's end is past as soon as it has seen it.
    slow.ends = Ends::new(Duration::ZERO);
    let first = grow(&backend.store, Position::START, 1, 100_000).await;
    layer.set(Faults { held: 1.0, held_for: Duration::from_secs(1), only: &["PutItem"], ..Faults::default() });
    let mut late = next(&first, 10);
    late.commits[0].id = CommitId([7; 8]);
    let appending = tokio::spawn(async move { slow.append(&project(), &late).await });
    process::soon("its put", || layer.count("held") > 0).await;
    grow(&backend.store, first, 4, 100_000).await;
    due_checkpoint(&backend.store).await;
    backend.store.truncate(&project(), u64::MAX).await.expect("truncate");
    assert_eq!(backend.store.entries(&project(), 1).await.expect("entries"), [], "all is truncated");
    assert_eq!(appending.await.expect("no panic").expect("it answers"), Appended::Conflict);
    assert_eq!(backend.store.entries(&project(), 1).await.expect("entries"), [], "it was taken back");
}

#[tokio::test]
async fn what_a_dead_node_left_of_a_checkpoint_is_cleared() {
    let backend = InTable::new().await;
    let table = &backend.store.table;
    let left = |build, made| async move {
        let name = Name { seq: 2, build };
        let chunk = Item::new(&Key::new(name.chunk(&project(), 0), item::part(0))).bytes(BODY, b"left");
        table.put("a test", &chunk).await.expect("written");
        let draft = Item::new(&name.draft(&project())).text(CHUNK_PARTS, "1").number(SEQ, 2);
        table.put("a test", &draft.number(MADE_MS, made)).await.expect("written");
    };
    left(7, 1_000).await;
    left(8, clock::now_ms()).await;
    grow(&backend.store, Position::START, 4, 100_000).await;
    due_checkpoint(&backend.store).await;
    let keys = keys(&backend.store).await;
    let has = |build: u64| keys.iter().filter(|key| key.contains(&format!("#{build:016x}"))).count();
    assert_eq!((has(7), has(8)), (0, 2), "a draft that is young may be somebody's: {keys:?}");
    assert!(load(&*backend.store, &project()).await.is_ok());
}

#[tokio::test]
async fn an_item_of_a_newer_format_is_refused() {
    let backend = InTable::new().await;
    assert_eq!(backend.store.deployment("mine").await.expect("it answers"), "mine");
    let key = Key::new(DEPLOYMENT, DEPLOYMENT);
    let newer = Item::new(&key).number("fmt", 2).text(LABEL, "theirs");
    backend.store.table.put("a test", &newer).await.expect("written");
    let read = backend.store.table.get("a test", &key).await;
    assert!(matches!(read, Err(DurableError::NewerFormat { found: 2, known: 1 })), "{read:?}");
    let named = backend.store.deployment("mine").await;
    assert!(matches!(named, Err(DurableError::NewerFormat { found: 2, known: 1 })), "{named:?}");
}

#[tokio::test]
async fn a_report_expires_and_a_log_entry_does_not() {
    let backend = InTable::new().await;
    let report = NodeReport { node: 5, count: 1, reaches_hot: true, at_ms: clock::now_ms() };
    backend.store.report(&report).await.expect("stored");
    let item = backend.store.table.get("a test", &item::node(5)).await.expect("read").expect("there");
    let expires = item.get_number(EXPIRES).expect("it expires");
    let now = clock::now_ms() / 1_000;
    assert!((now + 3_600..now + 10_000).contains(&expires), "in seconds: {expires}");
    grow(&backend.store, Position::START, 1, 10).await;
    let entry = backend.store.table.get("a test", &item::entry(&project(), 1)).await.expect("read").expect("there");
    assert_eq!(entry.get_number(EXPIRES), None);
}

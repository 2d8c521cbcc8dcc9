//! SQLite in addition to the suite: files, processes, speed.

mod records;

use super::super::conformance::{Backend, Item, suite};
use super::super::load::load;
use super::*;
use crate::ids::{CommitId, Position};
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};
use std::time::Instant;
use tempfile::TempDir;

struct InFile {
    directory: TempDir,
    store: Arc<SqliteStore>,
}

impl Backend for InFile {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let store = SqliteStore::open(directory.path().join("c.db")).expect("open");
        Self { directory, store: Arc::new(store) }
    }

    fn store(&self) -> Arc<dyn DurableStore> {
        self.store.clone()
    }

    async fn reopened(&self) -> Arc<dyn DurableStore> {
        Arc::new(SqliteStore::open(self.directory.path().join("c.db")).expect("open again"))
    }

    fn replace(&self, project: &ProjectId, item: Item, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>) {
        let db = open::writing(&self.directory.path().join("c.db")).expect("open");
        let (table, rest) = match item {
            Item::Entry(from) => ("log", format!("from_seq = {from}")),
            Item::Pointer => ("pointer", "true".to_owned()),
            Item::Chunk(n) => ("chunk", format!("n = {n}")),
            Item::Record => ("record", "true".to_owned()),
        };
        let those = format!("{table} WHERE project = '{project}' AND {rest}");
        let body = db.query_row(&format!("SELECT body FROM {those}"), [], |row| row.get(0)).expect("the item is there");
        let changed = match change(body) {
            Some(body) => {
                let update = those.replacen(" WHERE", " SET body = ?1 WHERE", 1);
                db.execute(&format!("UPDATE {update}"), [body])
            }
            None => db.execute(&format!("DELETE FROM {those}"), []),
        };
        assert_eq!(changed.expect("changed"), 1);
    }
}

suite!(InFile);

fn project(n: usize) -> ProjectId {
    ProjectId::parse(&format!("p{n}")).expect("id")
}

/// An entry of one small commit after `position`.
fn next(position: &Position) -> Entry {
    Entry {
        epoch: 1,
        direct: false,
        from: position.seq + 1,
        prev: position.id,
        commits: vec![Commit {
            id: CommitId((position.seq + 1).to_be_bytes()),
            origin: Origin::Server,
            outcome: Outcome::Changed(Changes::none()),
        }],
        at_ms: 1,
    }
}

async fn append(store: &SqliteStore, project: &ProjectId, entries: u64) {
    let mut position = load(store, project).await.expect("load").position;
    for _ in 0..entries {
        let entry = next(&position);
        assert_eq!(store.append(project, &entry).await.expect("append"), Appended::Stored);
        position = Position { epoch: 1, seq: entry.to(), id: entry.last_id() };
    }
}

#[tokio::test]
async fn what_was_stored_is_there_after_reopening() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("new/and/deeper/c.db");
    let store = SqliteStore::open(&path).expect("open");
    append(&store, &project(0), 3).await;
    drop(store);
    let store = SqliteStore::open(&path).expect("open again");
    append(&store, &project(0), 2).await;
    store.close().await;
    let refused = store.append(&project(0), &next(&Position::START)).await;
    assert!(matches!(refused, Err(DurableError::Unavailable(_))), "closed");
    assert!(matches!(store.list().await, Err(DurableError::Unavailable(_))), "closed");
    let store = SqliteStore::open(&path).expect("open again");
    assert_eq!(load(&store, &project(0)).await.expect("load").position.seq, 5);
}

#[tokio::test]
async fn accepted_writes_are_finished_when_the_store_closes() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("c.db");
    let store = Arc::new(SqliteStore::open(&path).expect("open"));
    let writers: Vec<_> = (0..50)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.append(&project(n), &next(&Position::START)).await.is_ok() })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    let mut stored = 0;
    for writer in writers {
        stored += usize::from(writer.await.expect("no panic"));
    }
    let reopened = SqliteStore::open(&path).expect("open again");
    assert_eq!(reopened.list().await.expect("list").len(), stored);
}

#[tokio::test]
async fn two_stores_share_one_file() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("c.db");
    let stores = [(); 2].map(|()| Arc::new(SqliteStore::open(&path).expect("open")));
    let mut racers = Vec::new();
    for (n, store) in stores.iter().enumerate() {
        let store = store.clone();
        racers.push(tokio::spawn(async move {
            append(&store, &project(n), 30).await;
            store.append(&project(9), &next(&Position::START)).await.expect("append")
        }));
    }
    let mut won = 0;
    for racer in racers {
        won += usize::from(racer.await.expect("no panic") == Appended::Stored);
    }
    assert_eq!(won, 1);
    for (n, store) in stores.iter().rev().enumerate() {
        assert_eq!(load(&**store, &project(n)).await.expect("load").position.seq, 30);
    }
}

#[tokio::test]
async fn a_failed_write_undoes_no_other() {
    let backend = InFile::new().await;
    let store = &backend.store;
    let unlucky = project(0);
    let bad = store.write(&unlucky, |db| {
        db.execute("INSERT INTO pointer VALUES ('p0', 1, 1, x'00')", [])?;
        db.execute("INSERT INTO nowhere VALUES (1)", [])
    });
    let entry = next(&Position::START);
    let names = [project(1), project(2)];
    let (first, bad, second) = tokio::join!(store.append(&names[0], &entry), bad, store.append(&names[1], &entry));
    assert!(matches!(bad, Err(DurableError::Unavailable(why)) if why.contains("nowhere")));
    assert_eq!((first.expect("append"), second.expect("append")), (Appended::Stored, Appended::Stored));
    assert_eq!(store.list().await.expect("list"), names);
}

#[tokio::test]
async fn when_the_transaction_is_lost_nothing_is_stored() {
    let backend = InFile::new().await;
    let store = &backend.store;
    let names = [project(1), project(2)];
    let entry = next(&Position::START);
    // The writer is held up until the three wait for it, so that one transaction takes them all.
    let (held, is_held) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let busy = store.write(&names[0], move |_| {
        let _ = (held.send(()), released.recv());
        Ok(())
    });
    let lose = store.write(&names[0], |db| db.execute_batch("ROLLBACK"));
    let together = async {
        is_held.await.expect("the writer is busy");
        tokio::join!(store.append(&names[0], &entry), lose, store.append(&names[1], &entry), async {
            drop(release);
        })
    };
    let (busy, (first, lost, second, ())) = tokio::join!(busy, together);
    busy.expect("it does nothing");
    let unavailable = |e: Option<DurableError>| matches!(e, Some(DurableError::Unavailable(_)));
    assert!(unavailable(first.err()) && unavailable(lost.err()) && unavailable(second.err()));
    assert_eq!(store.list().await.expect("list"), []);
    append(store, &names[1], 2).await;
}

#[tokio::test]
async fn a_commit_waits_for_the_disk() {
    let backend = InFile::new().await;
    let any = project(0);
    let set = backend.store.write(&any, |db| {
        let synchronous: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        Ok((synchronous, mode))
    });
    assert_eq!(set.await.expect("read"), (2, "wal".to_owned()), "2 is FULL");
}

#[test]
fn files_that_cannot_be_used_say_why() {
    let directory = tempfile::tempdir().expect("directory");
    let path = |name: &str| directory.path().join(name);
    let refused = |name: &str| SqliteStore::open(path(name)).expect_err("refused").to_string();

    std::fs::write(path("notes.txt"), "x".repeat(5_000)).expect("write");
    assert!(refused("notes.txt").ends_with("is not a database: choose another path, or restore the file from a copy"));
    assert!(refused("notes.txt/c.db").contains("cannot be made"), "{}", refused("notes.txt/c.db"));
    assert!(refused("").contains("cannot be opened for writing"), "{}", refused(""));

    let theirs = Connection::open(path("theirs.db")).expect("open");
    theirs.execute_batch("CREATE TABLE t (x)").expect("their table");
    assert!(refused("theirs.db").contains("of another program"));
    let mode: String = theirs.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("mode");
    assert_eq!(mode, "delete", "another program's file is left as it was");

    drop(SqliteStore::open(path("newer.db")).expect("open"));
    let newer = Connection::open(path("newer.db")).expect("open");
    newer.pragma_update(None, "user_version", 7).expect("set");
    assert!(refused("newer.db").contains("has format 7, this version reads up to 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it alone"]
#[expect(clippy::print_stdout, reason = "its figures are what it is for")]
async fn appends_per_second() {
    for projects in [1, 8, 64] {
        let backend = InFile::new().await;
        let each = 4_096 / projects as u64;
        let began = Instant::now();
        let writers: Vec<_> = (0..projects)
            .map(|n| {
                let store = backend.store.clone();
                tokio::spawn(async move { append(&store, &project(n), each).await })
            })
            .collect();
        for writer in writers {
            writer.await.expect("no panic");
        }
        let took = began.elapsed();
        println!("{projects} projects: {:.0} appends/s", 4_096.0 / took.as_secs_f64());
    }
}

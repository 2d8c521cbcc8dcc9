//! Postgres in addition to the suite: servers that are killed, several nodes, speed.

mod behind;
mod records;
mod speed;
mod trouble;

use super::super::conformance::{Backend, Item, suite};
use super::super::load::load;
use super::*;
use crate::ids::{CommitId, Position};
use crate::link::testing::{process, tls};
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};
use behind::Behind;
use process::soon;
use server::Postgres;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

#[path = "../../../tests/support/postgres.rs"]
#[allow(dead_code, unreachable_pub, reason = "the whole-program tests have the same")]
mod server;
/// One server for all tests of this process that can share it: each has a database of its own.
async fn shared() -> &'static Postgres {
    static POSTGRES: OnceCell<Postgres> = OnceCell::const_new();
    POSTGRES.get_or_init(Postgres::start).await
}

/// A fresh database on a server, and where it is.
async fn fresh(postgres: &Postgres) -> (String, Target) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("db{}", COUNT.fetch_add(1, Ordering::Relaxed));
    postgres.database(&name).await;
    let target = Target::parse(&postgres.url(&name)).expect("a URL");
    (name, target)
}

struct OnServer {
    store: Arc<PostgresStore>,
    target: Target,
    behind: Behind,
}

impl Backend for OnServer {
    async fn new() -> Self {
        let server = shared().await;
        let (database, target) = fresh(server).await;
        let store = Arc::new(PostgresStore::open(&target).await.expect("open"));
        Self { store, target, behind: Behind::new(server, &database) }
    }

    fn store(&self) -> Arc<dyn DurableStore> {
        self.store.clone()
    }

    async fn reopened(&self) -> Arc<dyn DurableStore> {
        Arc::new(PostgresStore::open(&self.target).await.expect("open again"))
    }

    fn replace(&self, project: &ProjectId, item: Item, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>) {
        let (table, rest) = match item {
            Item::Entry(from) => ("log", format!("from_seq = {from}")),
            Item::Pointer => ("pointer", "true".to_owned()),
            Item::Chunk(n) => ("chunk", format!("n = {n}")),
            Item::Record => ("record", "true".to_owned()),
        };
        let those = format!("collabcanvas.{table} WHERE project = '{project}' AND {rest}");
        let client = self.behind.client();
        let select = format!("SELECT body FROM {those}");
        let row = self.behind.run(client.query_one(&select, &[])).expect("the item is there");
        let changed = match change(row.get(0)) {
            Some(body) => {
                let update = format!("UPDATE {}", those.replacen(" WHERE", " SET body = $1 WHERE", 1));
                self.behind.run(async move { client.execute(&update, &[&body]).await })
            }
            None => self.behind.run(client.execute(&format!("DELETE FROM {those}"), &[])),
        };
        assert_eq!(changed.expect("changed"), 1);
    }
}

suite!(OnServer);

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

fn after(entry: &Entry) -> Position {
    Position { epoch: 1, seq: entry.to(), id: entry.last_id() }
}

async fn append(store: &PostgresStore, project: &ProjectId, entries: u64) {
    let mut position = load(store, project).await.expect("load").position;
    for _ in 0..entries {
        let entry = next(&position);
        assert_eq!(store.append(project, &entry).await.expect("append"), Appended::Stored);
        position = after(&entry);
    }
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_kill() {
    let mut postgres = Postgres::start().await;
    let (_, target) = fresh(&postgres).await;
    let store = PostgresStore::open(&target).await.expect("open");
    let mut position = Position::START;
    for round in 0..3 {
        let mut stored = 0;
        while stored < 20 {
            let entry = next(&position);
            match store.append(&project(0), &entry).await {
                Ok(Appended::Stored) => stored += 1,
                // The connection was not back yet; what became of it is settled by reading.
                Err(DurableError::Unavailable(_)) => {
                    position = soon_loaded(&store, &project(0)).await;
                    continue;
                }
                other => panic!("{other:?}"),
            }
            position = after(&entry);
        }
        postgres.restart().await;
        let found = soon_loaded(&store, &project(0)).await;
        assert_eq!(found, position, "round {round}");
    }
}

/// What a project has come to, once it can be read.
async fn soon_loaded(store: &PostgresStore, project: &ProjectId) -> Position {
    let until = Instant::now() + process::PATIENCE;
    loop {
        match load(store, project).await {
            Ok(loaded) => return loaded.position,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_go_on_when_the_server_is_killed_under_them() {
    let mut postgres = Postgres::start().await;
    let (_, target) = fresh(&postgres).await;
    let store = Arc::new(PostgresStore::open(&target).await.expect("open"));
    let all = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let (store, all) = (store.clone(), all.clone());
            tokio::spawn(async move {
                let (mut position, mut told) = (Position::START, 0);
                while told < 150 {
                    let entry = next(&position);
                    match store.append(&project(n), &entry).await {
                        Ok(Appended::Stored) => {
                            told += 1;
                            all.fetch_add(1, Ordering::Relaxed);
                            position = after(&entry);
                        }
                        Ok(Appended::Conflict) => panic!("nobody else writes p{n}, and nothing is sent twice"),
                        Err(_) => {
                            let found = soon_loaded(&store, &project(n)).await;
                            assert!(found.seq >= position.seq, "what was stored is there");
                            assert!(found.seq <= entry.to(), "nothing is stored twice");
                            position = found;
                        }
                    }
                }
            })
        })
        .collect();
    for round in 1..=2 {
        soon("some entries", || all.load(Ordering::Relaxed) > round * 500).await;
        postgres.restart().await;
    }
    for writer in writers {
        writer.await.expect("no panic");
    }
}

#[tokio::test]
async fn an_append_without_an_answer_is_settled_by_reading() {
    let postgres = shared().await;
    let (name, target) = fresh(postgres).await;
    let store = Arc::new(PostgresStore::open(&target).await.expect("open"));
    let (mine, other) = (next(&Position::START), Entry { at_ms: 2, ..next(&Position::START) });
    let found = [(0, None), (1, Some(&mine)), (2, Some(&other))];
    for (n, there) in found {
        let client = postgres.control(&name).await.expect("it answers");
        // The append waits for the table until its session is ended, and so does the reading that settles it.
        client.batch_execute("SET search_path = collabcanvas; BEGIN; LOCK TABLE log").await.expect("begun");
        let (appends, entry) = (store.clone(), mine.clone());
        let appending = tokio::spawn(async move { appends.append(&project(n), &entry).await });
        if let Some(entry) = there {
            let log = "INSERT INTO log VALUES ($1, 1, 1, 1, 1, $2)";
            client.execute(log, &[&project(n).as_str(), &layout::encode_entry(entry)]).await.expect("made");
        }
        let end =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'";
        process::until("a waiting append", process::PATIENCE, async || {
            !client.query(end, &[&name]).await.expect("it answers").is_empty()
        })
        .await;
        client.batch_execute(if there.is_some() { "COMMIT" } else { "ROLLBACK" }).await.expect("ended");
        match (n, appending.await.expect("no panic")) {
            (0, Err(DurableError::Unavailable(why))) => assert!(why.contains("not known yet"), "{why}"),
            (1, Ok(Appended::Stored)) | (2, Ok(Appended::Conflict)) => {}
            (n, other) => panic!("{n}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_append_at_once_leave_no_hole_and_no_overlap() {
    let (_, target) = fresh(shared().await).await;
    let mut racers = Vec::new();
    for node in 0..3_u8 {
        let store = PostgresStore::open(&target).await.expect("open");
        racers.push(tokio::spawn(async move {
            let mut won = 0;
            while won < 40 {
                let mut position = load(&store, &project(0)).await.expect("the log is whole").position;
                // Of different lengths, so that the starts differ as well.
                let mut entry = next(&position);
                while entry.commits.len() <= usize::from(node) {
                    position = after(&entry);
                    entry.commits.push(next(&position).commits[0].clone());
                }
                entry.commits[0].id = CommitId([node + 1, won, 0, 0, 0, 0, 0, 0]);
                won += u8::from(store.append(&project(0), &entry).await.expect("append") == Appended::Stored);
            }
        }));
    }
    for racer in racers {
        racer.await.expect("no panic");
    }
    let store = PostgresStore::open_to_read(&target).await.expect("open");
    assert_eq!(load(&store, &project(0)).await.expect("load").position.seq, 40 * (1 + 2 + 3));
}

#[tokio::test]
async fn accepted_writes_are_finished_when_the_store_closes() {
    let backend = OnServer::new().await;
    let writers: Vec<_> = (0..50)
        .map(|n| {
            let store = backend.store.clone();
            tokio::spawn(async move { store.append(&project(n), &next(&Position::START)).await.is_ok() })
        })
        .collect();
    tokio::task::yield_now().await;
    backend.store.close().await;
    let mut stored = 0;
    for writer in writers {
        stored += usize::from(writer.await.expect("no panic"));
    }
    assert_eq!(backend.store.list().await.expect("list").len(), stored);
    let refused = backend.store.append(&project(99), &next(&Position::START)).await;
    assert!(matches!(refused, Err(DurableError::Unavailable(_))), "closed");
}

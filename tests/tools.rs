//! `collabcanvas inspect` and `collabcanvas verify` on what real nodes have stored, sound and damaged.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

use collabcanvas::protocol::Encoding::MessagePack;
use loadtest::client::Client;
use rusqlite::Connection;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::nodes::Nodes;
use support::peers::{Node, send};
use support::postgres::Postgres;
use support::process::{PATIENCE, until};
use support::redis::Redis;
use support::server::Setup;

/// Large enough that a dozen updates are worth a checkpoint.
const TEXT: usize = 30_000;

/// What a run of the program came to.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the program.
fn run(args: &[&str], env: &[(&str, &str)]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_collabcanvas"))
        .args(args)
        .env_remove("COLLAB_DATA_DIR")
        .env_remove("COLLAB_DURABLE_URL")
        .env_remove("COLLAB_REDIS_URL")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the program can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

fn on(data: &Path, args: &[&str]) -> Ran {
    run(args, &[("COLLAB_DATA_DIR", &data.display().to_string())])
}

/// Puts ten large objects, round after round.
async fn draw(client: &mut Client, rounds: usize) {
    let text = "x".repeat(TEXT);
    for n in 0..rounds * 10 {
        let id = format!("o{:02}", n % 10);
        let create = format!(r#"[{{"op":"create","id":"{id}","props":{{"n":{n},"text":"{text}"}}}}]"#);
        let update = format!(r#"[{{"op":"update","id":"{id}","set":{{"n":{n},"text":"{n}{text}"}}}}]"#);
        assert_eq!(
            send(client, if client.core.replica().0.contains_key(&id[..]) { &update } else { &create }).await,
            None
        );
    }
}

/// Seq of the newest checkpoint; 0 when there is none.
fn newest(found: &Value) -> u64 {
    let all = found["checkpoints"].as_array().and_then(|all| all.last());
    all.and_then(|checkpoint| checkpoint["seq"].as_u64()).unwrap_or(0)
}

/// Waits until a node has made a checkpoint beyond this seq.
async fn checkpointed(data: &Path, project: &str, beyond: u64) {
    until("a checkpoint", PATIENCE, async || newest(&on(data, &["inspect", project, "--json"]).json()) > beyond).await;
}

/// A stopped node's directory, with projects of several checkpoints. Of those made in one hour only the newest is kept.
async fn filled(projects: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let node = Node::start();
    for project in projects {
        let mut client = node.join(project, MessagePack).await;
        draw(&mut client, 2).await;
        checkpointed(node.data.path(), project, 0).await;
        let first = newest(&on(node.data.path(), &["inspect", project, "--json"]).json());
        draw(&mut client, 2).await;
        checkpointed(node.data.path(), project, first).await;
    }
    let Node { server, data, .. } = node;
    server.kill();
    let database = data.path().join("collabcanvas.db");
    (data, database)
}

/// Changes what a column holds, behind everybody's back.
fn change(database: &Path, those: &str, change: impl Fn(&mut Vec<u8>)) {
    let db = Connection::open(database).expect("it is a database");
    let select = format!("SELECT body FROM {those} LIMIT 1");
    let mut body: Vec<u8> = db.query_row(&select, [], |row| row.get(0)).expect("it is there");
    change(&mut body);
    let update = format!("UPDATE {}", those.replacen(" WHERE", " SET body = ?1 WHERE", 1));
    assert_eq!(db.execute(&update, [body]).expect("it can be written"), 1);
}

fn remove(database: &Path, those: &str) {
    let db = Connection::open(database).expect("it is a database");
    assert!(db.execute(&format!("DELETE FROM {those}"), []).expect("it can be written") > 0);
}

/// The first chunk of objects of the newest checkpoint.
fn newest_chunk(project: &str) -> String {
    format!(
        "chunk WHERE project = '{project}' AND n = 0 AND seq = (SELECT seq FROM pointer WHERE project = '{project}')"
    )
}

#[tokio::test]
async fn a_running_node_s_projects_are_seen_and_equal() {
    let node = Node::start();
    let mut client = node.join("board", MessagePack).await;
    draw(&mut client, 3).await;
    checkpointed(node.data.path(), "board", 0).await;
    let seq = client.core.position().expect("it has one").seq;
    let found = on(node.data.path(), &["inspect", "board", "--json"]);
    assert_eq!(found.code, Some(0), "{found:?}");
    let found = found.json();
    assert_eq!((found["tail"]["seq"].as_u64(), found["watermark"].as_u64()), (Some(seq), Some(seq)));
    assert_eq!((found["objects"].as_u64(), found["clients"].as_u64()), (Some(10), Some(1)));
    assert_eq!((found["log"]["first"].as_u64(), found["log"]["last"].as_u64()), (Some(1), Some(seq)));
    assert_eq!(found["log"]["epochs"].as_array().map(Vec::len), Some(1));
    let table = on(node.data.path(), &["inspect", "board"]);
    assert!(table.out.contains(&format!("tail         seq {seq}")) && table.out.contains("checkpoints"), "{table:?}");

    let equal = on(node.data.path(), &["verify", "board"]);
    assert_eq!(equal.code, Some(0), "{equal:?}");
    assert!(equal.out.starts_with("board: equal: the checkpoint at "), "{equal:?}");
    assert!(equal.out.contains("the first one on"), "{equal:?}");
    // The node does not mind.
    assert_eq!(send(&mut client, r#"[{"op":"delete","id":"o01"}]"#).await, None);
}

#[tokio::test]
async fn what_is_not_there_is_no_success_and_stays_away() {
    let data = tempfile::tempdir().expect("a temporary directory");
    for command in ["inspect", "verify"] {
        let ran = on(data.path(), &[command, "board"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains("it is not there"), "{ran:?}");
    }
    assert_eq!(std::fs::read_dir(data.path()).expect("it is there").count(), 0, "nothing is made");
    let node = Node::start();
    for (command, says) in [("inspect", "nothing is stored under this name"), ("verify", "nothing is stored")] {
        let ran = on(node.data.path(), &[command, "typo"]);
        assert!(ran.code == Some(2) && ran.out.contains(says), "{ran:?}");
    }
    let none = on(node.data.path(), &["verify", "--all"]);
    assert!(none.code == Some(0) && none.out.starts_with("0 projects"), "{none:?}");
    let wrong = on(node.data.path(), &["verify", "a/b"]);
    assert!(wrong.code == Some(2) && wrong.err.contains("a/b"), "{wrong:?}");
    let memory = run(&["verify", "--all"], &[("COLLAB_DURABLE_URL", "memory:")]);
    assert!(memory.code == Some(2) && memory.err.contains("nothing to look at"), "{memory:?}");
}

#[tokio::test]
async fn damage_is_named_and_does_not_stop_the_others() {
    let projects = ["byte", "entry", "gone", "newer", "sound"];
    let (data, database) = filled(&projects).await;
    let all = on(data.path(), &["verify", "--all"]);
    assert_eq!(all.code, Some(0), "{all:?}");
    assert!(
        all.out.ends_with("5 projects: 5 equal, 0 different, 0 with nothing to compare, 0 could not be read\n"),
        "{all:?}"
    );

    // A byte of an object's text: its record is set aside by a load, while the log still knows it.
    change(&database, &newest_chunk("byte"), |body| {
        let at = body.windows(4).position(|window| window == b"\xa3o05").expect("it is there");
        body[at + 1_000] ^= 0x55;
    });
    let byte = on(data.path(), &["verify", "byte"]);
    assert_eq!(byte.code, Some(1), "{byte:?}");
    assert!(byte.out.contains("DIFFERENT") && byte.out.contains("object o05: it cannot be read"), "{byte:?}");
    let seen = on(data.path(), &["inspect", "byte", "--json"]).json();
    assert_eq!(seen["quarantined"][0].as_str(), Some("o05"));

    change(&database, "log WHERE project = 'entry' AND from_seq = 1", |body| {
        let middle = body.len() / 2;
        body[middle] ^= 0x55;
    });
    remove(&database, &newest_chunk("gone"));
    change(&database, "pointer WHERE project = 'newer'", |body| body[1] = 2);
    let all = on(data.path(), &["verify", "--all", "--json"]);
    assert_eq!(all.code, Some(2), "{all:?}");
    let lines: Vec<Value> = all.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let told: Vec<_> = lines.iter().map(|line| (line["project"].as_str(), line["result"].as_str())).collect();
    let results = ["different", "unreadable", "unreadable", "unreadable", "equal"];
    assert_eq!(told, projects.iter().zip(results).map(|(p, r)| (Some(*p), Some(r))).collect::<Vec<_>>());
    let why = |n: usize| lines[n]["why"].as_str().unwrap_or_default().to_owned();
    assert!(why(1).contains("project entry") && why(1).contains("entry 1:"), "{}", why(1));
    assert!(why(2).contains("project gone") && why(2).contains("chunk "), "{}", why(2));
    assert!(why(3).contains("format 2"), "{}", why(3));
    let damaged = on(data.path(), &["inspect", "entry"]);
    assert_eq!(damaged.code, Some(2), "{damaged:?}");
    assert!(damaged.out.contains("PROBLEM") && damaged.out.contains("entry 1"), "{damaged:?}");
    assert!(damaged.out.contains("seq "), "the rest is shown: {damaged:?}");
}

#[tokio::test]
async fn where_the_log_is_gone_an_older_version_or_nothing_is_compared() {
    let (data, database) = filled(&["board"]).await;
    // Kept for a while, as if it had been made on another day.
    let db = Connection::open(&database).expect("it is a database");
    db.execute_batch("CREATE TABLE v AS SELECT * FROM version; CREATE TABLE c AS SELECT * FROM chunk").expect("copied");
    let older = newest(&on(data.path(), &["inspect", "board", "--json"]).json());
    let node = Setup::new(data.path()).start();
    let id = "another-page-of-the-test";
    let mut client = Client::new(&node.url, "board", id, MessagePack, loadtest::history::Keep::Whole);
    client.connect().await.expect("the node is there");
    support::peers::synced(&mut client).await;
    draw(&mut client, 2).await;
    checkpointed(data.path(), "board", older).await;
    node.kill();
    let ran = on(data.path(), &["verify", "board"]);
    assert!(ran.code == Some(0) && ran.out.contains("the first one on"), "{ran:?}");

    db.execute_batch("INSERT OR IGNORE INTO version SELECT * FROM v; INSERT OR IGNORE INTO chunk SELECT * FROM c")
        .expect("copied");
    remove(&database, &format!("log WHERE project = 'board' AND to_seq <= {older}"));
    let ran = on(data.path(), &["verify", "board"]);
    assert!(ran.code == Some(0) && ran.out.contains(&format!("the version at {older} with ")), "{ran:?}");
    remove(&database, "log WHERE project = 'board' AND to_seq <= (SELECT seq FROM pointer WHERE project = 'board')");
    let ran = on(data.path(), &["verify", "board", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.json()["result"].as_str(), Some("not_compared"));
    assert!(ran.json()["why"].as_str().is_some_and(|why| why.contains("has been removed")), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_on_postgres_and_redis_are_looked_at_too() {
    let (redis, postgres) = (Redis::start().await, Postgres::start().await);
    postgres.database("canvas").await;
    let (hot, durable) = (redis.url(), postgres.url("canvas"));
    let nodes = Nodes::start(2, &hot, &[("COLLAB_DURABLE_URL", &durable)]);
    let mut clients = Vec::new();
    for n in 0..2 {
        let keep = loadtest::history::Keep::Whole;
        let mut client = Client::new(nodes.url(n), "board", format!("client-{n:016}"), MessagePack, keep);
        client.connect().await.expect("the node is there");
        support::peers::synced(&mut client).await;
        clients.push(client);
    }
    draw(&mut clients[0], 2).await;
    assert_eq!(send(&mut clients[1], r#"[{"op":"create","id":"x","props":{}}]"#).await, None);
    let env: &[(&str, &str)] = &[("COLLAB_DURABLE_URL", &durable), ("COLLAB_REDIS_URL", &hot)];
    until("everything to be saved", PATIENCE, async || {
        let found = run(&["inspect", "board", "--json"], env).json();
        found["objects"].as_u64() == Some(11) && newest(&found) > 0 && found["watermark"] == found["tail"]["seq"]
    })
    .await;
    let found = run(&["inspect", "board", "--json"], env);
    assert!(
        found.json()["redis"].as_str().is_some_and(|text| text.starts_with("it is on the same history")),
        "{found:?}"
    );
    // A Redis that has nothing of it is told so, and is not changed by the question.
    let other = Redis::start().await;
    let asked = run(&["inspect", "board"], &[("COLLAB_DURABLE_URL", &durable), ("COLLAB_REDIS_URL", &other.url())]);
    assert!(asked.code == Some(0) && asked.out.contains("redis        it has nothing of this project"), "{asked:?}");
    assert_eq!(other.keys("*"), [""; 0]);
    let equal = run(&["verify", "--all"], &[("COLLAB_DURABLE_URL", &durable)]);
    assert!(equal.code == Some(0) && equal.out.contains("board: equal"), "{equal:?}");
    let refused = run(&["verify", "--all"], &[("COLLAB_DURABLE_URL", &durable.replace("canvas", "nowhere"))]);
    assert!(refused.code == Some(2) && refused.err.contains("CREATE DATABASE"), "{refused:?}");
    assert!(!refused.err.contains(support::postgres::PASSWORD), "{refused:?}");
}

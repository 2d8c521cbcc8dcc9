//! Starting: what a node refuses to start with, and how it bears damaged data.

use crate::support::http;
use crate::support::peers::{Node, send};
use crate::support::server::Setup;
use collabcanvas::durable::DurableStore as _;
use collabcanvas::durable::checkpoint::checkpoint_if_due;
use collabcanvas::durable::sqlite::SqliteStore;
use collabcanvas::ids::ProjectId;
use collabcanvas::protocol::Encoding::{Json, MessagePack};
use loadtest::say;
use rusqlite::Connection;
use std::path::Path;

/// Starts a node that must not start, and returns its sentence.
async fn refuses(setup: &Setup) -> String {
    let mut server = setup.spawn();
    let status = server.exit().await;
    assert_eq!(status.code(), Some(1), "{}", server.said());
    server.line("collabcanvas: ")
}

fn database(directory: &Path) -> std::path::PathBuf {
    directory.join("collabcanvas.db")
}

#[tokio::test]
async fn a_data_directory_that_is_a_file_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("data");
    std::fs::write(&file, "not a directory").expect("it can be written");
    for path in [file.clone(), file.join("below")] {
        let sentence = refuses(&Setup::new(&path)).await;
        assert!(sentence.contains("data directory") && sentence.contains("COLLAB_DATA_DIR"), "{sentence}");
    }
}

#[tokio::test]
async fn a_data_directory_in_use_is_refused() {
    let node = Node::start();
    let sentence = refuses(&node.setup).await;
    assert!(sentence.contains("in use by another node"), "{sentence}");
    // The first one is not disturbed.
    let mut client = node.join("p", MessagePack).await;
    assert_eq!(send(&mut client, r#"[{"op":"create","id":"a"}]"#).await, None);
}

#[tokio::test]
async fn a_file_in_use_is_refused_and_its_neighbour_is_not() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let on = |name: &str| Setup::new(directory.path()).in_file(&directory.path().join(name));
    let _first = on("one.db").start();
    let sentence = refuses(&on("one.db")).await;
    assert!(sentence.contains("in use by another node") && sentence.contains("COLLAB_DURABLE_URL"), "{sentence}");
    let _neighbour = on("two.db").start();
}

#[tokio::test]
async fn a_port_in_use_is_refused() {
    let node = Node::start();
    let other = tempfile::tempdir().expect("a temporary directory");
    let setup = Setup::new(other.path()).with("COLLAB_LISTEN", node.server.address());
    let sentence = refuses(&setup).await;
    assert!(sentence.contains("cannot listen") && sentence.contains("COLLAB_LISTEN"), "{sentence}");
}

#[tokio::test]
async fn a_database_that_is_none_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let text = "this is somebody's diary\n".repeat(1_000);
    std::fs::write(database(directory.path()), &text).expect("it can be written");
    let sentence = refuses(&Setup::new(directory.path())).await;
    assert!(sentence.contains("is not a database"), "{sentence}");
    let left = std::fs::read_to_string(database(directory.path())).expect("it is there");
    assert_eq!(left, text);
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let node = Node::start();
    let Node { server, setup, data } = node;
    server.kill();
    let db = Connection::open(database(data.path())).expect("it is a database");
    db.pragma_update(None, "user_version", 4_000).expect("it can be set");
    drop(db);
    let sentence = refuses(&setup).await;
    assert!(sentence.contains("4000") && sentence.contains("newer version"), "{sentence}");
}

#[tokio::test]
async fn a_bad_configuration_is_refused_whole() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let setup = Setup::new(directory.path()).with("COLLAB_LISTEN", "here").with("COLLAB_SILENCE_SECONDS", "0");
    let mut server = setup.spawn();
    assert_eq!(server.exit().await.code(), Some(1));
    let said = server.line("COLLAB_SILENCE_SECONDS");
    assert!(server.count("COLLAB_LISTEN") > 0, "{said} {}", server.said());
}

/// Makes a project of several objects, stops the node and returns its parts.
async fn filled() -> (Setup, tempfile::TempDir) {
    let node = Node::start();
    for project in ["damaged", "sound"] {
        let mut client = node.join(project, MessagePack).await;
        let text = "x".repeat(30_000);
        for n in 0..20 {
            let create = format!(r#"[{{"op":"create","id":"o{n:02}","props":{{"n":{n},"text":"{text}"}}}}]"#);
            assert_eq!(send(&mut client, &create).await, None);
        }
    }
    let Node { server, setup, data } = node;
    server.kill();
    (setup, data)
}

/// Damages the middle of the last log entry: the one that every load reads, whatever a checkpoint covers.
fn damage_last_entry(database: &Path) {
    let db = Connection::open(database).expect("it is a database");
    let select = "SELECT from_seq, body FROM log WHERE project = 'damaged' ORDER BY from_seq DESC LIMIT 1";
    let row = db.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (seq, mut body): (u64, Vec<u8>) = row.expect("it is there");
    let middle = body.len() / 2;
    body[middle] ^= 0x55;
    let update = "UPDATE log SET body = ?2 WHERE project = 'damaged' AND from_seq = ?1";
    assert_eq!(db.execute(update, (seq, body)).expect("it can be written"), 1);
}

/// Damages an object's text in the chunk that holds it.
fn damage_object(database: &Path, id: &str) {
    let db = Connection::open(database).expect("it is a database");
    let select = "SELECT rowid, body FROM chunk WHERE project = 'damaged' AND instr(body, ?1) > 0";
    let name = [&[0xa0 + u8::try_from(id.len()).expect("short")], id.as_bytes()].concat();
    let row = db.query_row(select, [&name], |row| Ok((row.get(0)?, row.get(1)?)));
    let (row, mut body): (i64, Vec<u8>) = row.expect("a chunk holds it");
    let at = body.windows(name.len()).position(|window| window == name);
    body[at.expect("it is there") + 1_000] ^= 0x55;
    let update = "UPDATE chunk SET body = ?2 WHERE rowid = ?1";
    assert_eq!(db.execute(update, (row, body)).expect("it can be written"), 1);
}

#[tokio::test]
async fn a_damaged_log_is_never_an_empty_project() {
    let (setup, data) = filled().await;
    damage_last_entry(&database(data.path()));
    let server = setup.start();
    let node = Node { server, setup, data };
    for encoding in [MessagePack, Json] {
        let mut raw = node.raw("damaged", encoding).await;
        raw.send(say::hello("c", None, 0)).await;
        raw.is_closed(4503).await;
    }
    let mut other = node.join("sound", MessagePack).await;
    assert_eq!(other.core.replica().0.len(), 20);
    assert_eq!(send(&mut other, r#"[{"op":"delete","id":"o01"}]"#).await, None);
    let (_, metrics) = http::get(&node.server.admin, "/metrics").await;
    assert!(metrics.contains("collab_room_open_failures_total 2\n"), "{metrics}");
}

#[tokio::test]
async fn a_damaged_object_is_set_aside_and_the_rest_opens() {
    let (setup, data) = filled().await;
    let store = SqliteStore::open(database(data.path())).expect("it is sound");
    let project = ProjectId::parse("damaged").expect("a project id");
    // The node may have made one already.
    checkpoint_if_due(&store, &project, 1, 1 << 40, 7).await.expect("it can be made");
    assert!(store.pointer(&project).await.expect("it is sound").is_some(), "the log is not large enough");
    store.close().await;
    damage_object(&database(data.path()), "o05");
    let server = setup.start();
    let node = Node { server, setup, data };
    let mut client = node.join("damaged", MessagePack).await;
    assert_eq!(client.core.replica().0.len(), 19);
    let (_, metrics) = http::get(&node.server.admin, "/metrics").await;
    assert!(metrics.contains("collab_quarantined_objects_total 1\n"), "{metrics}");
    // The project goes on; only that object does not.
    assert_eq!(send(&mut client, r#"[{"op":"update","id":"o01","set":{"n":0}}]"#).await, None);
    assert!(!client.core.replica().0.contains_key("o05"));
    let update = r#"[{"op":"update","id":"o05","set":{"n":0}}]"#;
    assert_eq!(send(&mut client, update).await.as_deref(), Some("quarantined"));
    assert_eq!(send(&mut client, r#"[{"op":"delete","id":"o02"}]"#).await, None);
}

//! A master, a replica and a sentinel.

use crate::commands::command;
use crate::server::{Redis, eventually, free_port, target};
use crate::subscriptions::{Ear, publish};
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::check::{self, Role};
use collabcanvas::link::{Link, LinkError};

struct Group {
    master: Redis,
    replica: Redis,
    sentinel: Redis,
    _files: tempfile::TempDir,
}

async fn group() -> Group {
    let master = Redis::start(&[]).await;
    let of = format!("127.0.0.1 {}", master.port);
    let replica = Redis::start(&["--replicaof", &of]).await;
    eventually("the replica follows", || async {
        replica.cli(&["INFO", "replication"]).contains("master_link_status:up")
    })
    .await;
    let files = tempfile::tempdir().expect("a directory");
    let (file, port) = (files.path().join("sentinel.conf"), free_port());
    let lines = format!(
        "port {port}\nsentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n",
        master.port
    );
    std::fs::write(&file, lines).expect("written");
    let sentinel = Redis::start_at(port, &[&file.display().to_string(), "--sentinel"]).await;
    eventually("the sentinel sees the replica", || async {
        sentinel.cli(&["SENTINEL", "REPLICAS", "main"]).contains("127.0.0.1")
    })
    .await;
    Group { master, replica, sentinel, _files: files }
}

#[tokio::test]
async fn a_failover_is_followed() {
    let group = group().await;
    // The first sentinel of the URL is not there.
    let url = target(&format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/main", group.sentinel.port));
    let link = Link::open(&url).await.expect("found");
    check::check(&link, &Keyspace::default(), Role::Data, None).await.expect("good");
    let mut ear = Ear::open(&url).await;
    ear.subscribed("a").await;
    let _: () = link.query(&command(&["SET", "k", "1"])).await.expect("set");
    eventually("a failover begins", || async { group.sentinel.cli(&["SENTINEL", "FAILOVER", "main"]).contains("OK") })
        .await;
    eventually("the replica is the master", || async { group.replica.cli(&["ROLE"]).starts_with("master") }).await;
    eventually("the old master follows", || async { group.master.cli(&["ROLE"]).starts_with("slave") }).await;
    eventually("writes work again", || async { link.query::<()>(&command(&["SET", "k", "2"])).await.is_ok() }).await;
    assert_eq!(group.replica.cli(&["GET", "k"]).trim(), "2");
    assert!(link.lives() >= 2);
    ear.hears_a_gap().await;
    publish(&link, "a", "1").await;
    ear.hears_at_last("a", "1").await;
    assert!(group.replica.cli(&["PUBSUB", "SHARDCHANNELS"]).contains('a'));
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows_and_a_missing_password_are_said() {
    let (files, port) = (tempfile::tempdir().expect("a directory"), free_port());
    let file = files.path().join("sentinel.conf");
    std::fs::write(&file, format!("port {port}\nrequirepass c4n4ry\n")).expect("written");
    let _sentinel = Redis::start_at(port, &[&file.display().to_string(), "--sentinel"]).await;
    let url = |options: &str| target(&format!("redis+sentinel://127.0.0.1:{port}/other{options}"));
    let error = Link::open(&url("?sentinel_password=c4n4ry")).await.expect_err("unknown");
    assert!(matches!(&error, LinkError::Unavailable(text) if text.contains("knows no master")), "{error}");
    for options in ["", "?sentinel_password=c4n4ry2"] {
        let error = check::open(&url(options), Role::Data).await.expect_err("not let in").to_string();
        assert!(error.contains("?sentinel_password=") && !error.contains("c4n4ry"), "{error}");
    }
}

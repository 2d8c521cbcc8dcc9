//! A master, a replica and the sentinels that watch them.

use crate::commands::command;
use crate::subscriptions::{Ear, publish};
use crate::support::process::{PATIENCE, until};
use crate::support::sentinel::{Sentinel, Watcher};
use crate::target;
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::check::{self, Role};
use collabcanvas::link::{Link, LinkError};

#[tokio::test]
async fn a_failover_is_followed() {
    let group = Sentinel::start().await;
    // The first sentinel of the URL is not there.
    let url = target(&group.url().replace("://", "://127.0.0.1:1,"));
    let link = Link::open(&url).await.expect("found");
    check::check(&link, &Keyspace::default(), Role::Data, None).await.expect("good");
    let mut ear = Ear::open(&url).await;
    ear.subscribed("a").await;
    let _: () = link.query(&command(&["SET", "k", "1"])).await.expect("set");
    group.failover().await;
    let [old, new] = &group.servers;
    until("the old master follows", PATIENCE, async || !old.is_master()).await;
    until("writes work again", PATIENCE, async || link.query::<()>(&command(&["SET", "k", "2"])).await.is_ok()).await;
    assert_eq!(new.cli(&["GET", "k"]), "2");
    assert!(link.lives() >= 2);
    ear.hears_a_gap().await;
    publish(&link, "a", "1").await;
    ear.hears_at_last("a", "1").await;
    assert!(new.cli(&["PUBSUB", "SHARDCHANNELS"]).contains('a'));
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows_and_a_missing_password_are_said() {
    let sentinel = Watcher::start(&"a".repeat(40), "requirepass c4n4ry\n").await;
    let url = |options: &str| target(&format!("redis+sentinel://127.0.0.1:{}/other{options}", sentinel.port));
    let error = Link::open(&url("?sentinel_password=c4n4ry")).await.expect_err("unknown");
    assert!(matches!(&error, LinkError::Unavailable(text) if text.contains("knows no master")), "{error}");
    for options in ["", "?sentinel_password=c4n4ry2"] {
        let error = check::open(&url(options), Role::Data).await.expect_err("not let in").to_string();
        assert!(error.contains("?sentinel_password=") && !error.contains("c4n4ry"), "{error}");
    }
}

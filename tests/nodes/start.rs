//! Starting on Redis: what a node refuses, in one sentence that says what to change, and the ways to Redis that work.

use crate::converge::converge;
use crate::support::actor::{Habits, WINDOW};
use crate::support::crowd::Crowd;
use crate::support::judge::{Hot, agreed};
use crate::support::nodes::{Nodes, setup};
use crate::support::process::free_port;
use crate::support::redis::{Conf, Redis};
use crate::support::sentinel::Sentinel;
use crate::support::server::Setup;
use crate::support::tls::Certs;
use crate::{alone, beside_others};
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::Target;
use collabcanvas::link::check::{Role, acl};
use std::time::Duration;

/// Clients, and how long they edit, where only the way to Redis is new.
const SMALL: (usize, Duration) = (9, Duration::from_secs(2));

/// A user of this name who may do what the checks at start ask for and nothing else.
fn user(name: &str) -> String {
    let target = Target::parse("redis://localhost").expect("a URL");
    format!("{name} on >pass {}", acl(&target, &Keyspace::default(), Role::Data))
}

/// Starts a node that must not start: its sentence, which names what to change and none of what it holds secret.
async fn refuses(setup: &Setup, names: &[&str]) -> String {
    let mut server = setup.spawn();
    let status = server.exit().await;
    assert_eq!(status.code(), Some(1), "{}", server.said());
    let sentence = server.line("collabcanvas: ");
    for name in names {
        let said = server.said();
        assert!(said.contains(name), "no {name:?} in:\n{said}");
        assert!(!said.contains("sesame"), "a password was printed:\n{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    sentence
}

/// The same on this Redis.
async fn refuses_on(redis: &str, names: &[&str]) {
    let data = tempfile::tempdir().expect("a temporary directory");
    refuses(&setup(redis, &data.path().join("shared.db"), &[]), names).await;
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_refused() {
    let _others = beside_others().await;
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    refuses_on(&nobody, &["COLLAB_REDIS_URL"]).await;
    refuses_on(
        &nobody.replace("redis://", "redis+sentinel://:sesame@").replace("127.0.0.1", "localhost"),
        &["COLLAB_REDIS_URL"],
    )
    .await;
    refuses_on("http://127.0.0.1:6379", &["COLLAB_REDIS_URL", "redis://"]).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_printed() {
    let _others = beside_others().await;
    let redis = Redis::with(Conf::default().with_password("right").with_acl(&[&user("canvas")])).await;
    refuses_on(&redis.url_as("default", "sesame"), &["COLLAB_REDIS_URL", "password"]).await;
    refuses_on(&redis.url_as("nobody", "sesame"), &["COLLAB_REDIS_URL", "password"]).await;
    refuses_on(&format!("redis://{}", redis.address()), &["COLLAB_REDIS_URL", "password"]).await;
}

#[tokio::test]
async fn a_redis_that_removes_unsaved_work_is_refused() {
    let _others = beside_others().await;
    let redis = Redis::with(Conf::default().maxmemory(64 << 20, "allkeys-lru")).await;
    refuses_on(&redis.url(), &["COLLAB_REDIS_URL", "maxmemory-policy", "noeviction"]).await;
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let _nodes = Nodes::start(1, &redis.url(), &[]);
}

#[tokio::test]
async fn a_replica_is_refused() {
    let _others = beside_others().await;
    let master = Redis::start().await;
    let replica = Redis::with(Conf::default().replica_of(&master)).await;
    replica.synced().await;
    refuses_on(&replica.url(), &["COLLAB_REDIS_URL", "master"]).await;
}

#[tokio::test]
async fn a_user_who_may_too_little_is_refused_and_told_what_is_missing() {
    let _others = beside_others().await;
    let users = [
        &format!("{} -@scripting", user("noscripts")) as &str,
        &format!("{} -@stream", user("nostreams")),
        &user("nochannels").replace("&collab:*", ""),
        &user("elsewhere").replace("~collab:*", "~else:*"),
    ];
    let redis = Redis::with(Conf::default().with_acl(&users)).await;
    for (user, missing) in
        [("noscripts", "+evalsha"), ("nostreams", "+xadd"), ("nochannels", "&collab:"), ("elsewhere", "~collab:")]
    {
        refuses_on(&redis.url_as(user, "pass"), &["COLLAB_REDIS_URL", "ACL", missing]).await;
    }
}

#[tokio::test]
async fn settings_that_cannot_work_together_are_refused() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let data = tempfile::tempdir().expect("a temporary directory");
    let alone = Setup::new(data.path()).with("COLLAB_REDIS_URL", &redis.url());
    refuses(&alone, &["COLLAB_REDIS_URL", "COLLAB_DURABLE_URL"]).await;
    let shared = |env| setup(&redis.url(), &data.path().join("shared.db"), env);
    refuses(&shared(&[("COLLAB_KEY_PREFIX", "a:b")]), &["COLLAB_KEY_PREFIX"]).await;
    refuses(&shared(&[("COLLAB_DURABLE_URL", "memory:")]), &["COLLAB_REDIS_URL", "COLLAB_DURABLE_URL"]).await;
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    refuses(&shared(&[("COLLAB_REDIS_ROUTING_URL", nobody.as_str())]), &["COLLAB_REDIS_ROUTING_URL"]).await;
}

#[tokio::test]
async fn another_deployment_s_redis_is_refused() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let first = Nodes::start(1, &redis.url(), &[]);
    refuses_on(&redis.url(), &["COLLAB_REDIS_URL", "COLLAB_KEY_PREFIX", "deployment"]).await;
    drop(first);
}

/// Events that were sent over this Redis, from scripts too.
fn publishes(redis: &Redis) -> u64 {
    let stats = redis.info("commandstats");
    let calls = ["cmdstat_publish", "cmdstat_spublish"].into_iter().filter_map(|name| {
        let calls = stats.get(name)?.split(',').next()?.strip_prefix("calls=")?;
        calls.parse::<u64>().ok()
    });
    calls.sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_may_have_a_redis_of_their_own() {
    let _alone = alone().await;
    let (data, routing) = (Redis::start().await, Redis::start().await);
    converge(&data.url(), SMALL.0, SMALL.1, &[("COLLAB_REDIS_ROUTING_URL", &routing.url())]).await;
    let (few, many) = (publishes(&data), publishes(&routing));
    // A node that starts may try whether it may.
    assert!(few <= 3 && many > 20, "{few} events over the data's Redis, {many} over their own");
    assert_eq!(routing.keys("collab:*:objects"), [""; 0], "no object lies with the events");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_may_be_encrypted_and_know_its_users() {
    let _alone = alone().await;
    let certs = Certs::new();
    let redis = Redis::with(Conf::default().with_tls(&certs).with_acl(&["default off", &user("canvas")])).await;
    refuses_on(&format!("rediss://canvas:pass@{}", redis.address()), &["COLLAB_REDIS_URL", "certificate"]).await;
    refuses_on(&format!("redis://canvas:pass@{}", redis.address()), &["COLLAB_REDIS_URL", "rediss"]).await;
    converge(&redis.url_as("canvas", "pass"), SMALL.0, SMALL.1, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_lead_to_the_next_master() {
    let _alone = alone().await;
    let mut sentinel = Sentinel::start().await;
    let mut nodes = Nodes::start(3, &sentinel.url(), &[]);
    let before = nodes.pids();
    let mut crowd = Crowd::new(Habits::steady("board", Duration::from_millis(400)));
    (0..3).for_each(|n| crowd.join(nodes.url(n), 3));
    crowd.goes_on(3, Duration::from_secs(10)).await;
    sentinel.kill_master().await;
    crowd.goes_on(WINDOW + 2, Duration::from_secs(20)).await;
    let mut actors = crowd.finish().await;
    assert_eq!(nodes.pids(), before, "a node has ended");
    agreed(&mut nodes, "board", &mut actors, Hot::Lost).await;
    let kept = sentinel.master().keys("collab:*:board:objects");
    assert!(!kept.is_empty(), "the new master has the project");
}

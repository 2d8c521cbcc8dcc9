//! A Cluster of three masters and a replica.

use crate::subscriptions::{Ear, publish};
use crate::support::cluster::Cluster;
use crate::support::process::{PATIENCE, until};
use crate::target;
use collabcanvas::ids::ProjectId;
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::check::{self, Role};
use collabcanvas::link::{Invocation, Link, Target};
use redis::{Script, pipe};

/// Three masters and a fourth node that follows the first; the way to them leads over the others.
async fn cluster() -> (Cluster, Target) {
    let cluster = Cluster::with_replica().await;
    let [_, b, c] = &cluster.masters[..] else { panic!("three masters") };
    let url = target(&format!("redis+cluster://{},{}", b.address(), c.address()));
    (cluster, url)
}

/// Enough projects that each master has some.
fn projects() -> Vec<ProjectId> {
    (0..24).map(|n| ProjectId::parse(&format!("project-{n}")).expect("valid")).collect()
}

async fn all_work(link: &Link, keys: &Keyspace) -> bool {
    let script = Script::new("redis.call('SET', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[2])");
    for project in projects() {
        let mut call = Invocation::new(&script, &[keys.dirty(&project), keys.dirty(&project)]);
        call.arg("1");
        if link.script::<String>(&call).await.is_err() {
            return false;
        }
    }
    true
}

async fn all_are_heard(link: &Link, ear: &mut Ear, keys: &Keyspace, payload: &str) {
    for project in projects() {
        publish(link, &keys.channel(&project), payload).await;
        ear.hears_at_last(&keys.channel(&project), payload).await;
    }
}

#[tokio::test]
async fn shards_are_used_killed_and_replaced() {
    let (Cluster { mut masters, replicas }, url) = cluster().await;
    let keys = Keyspace::default();
    let link = Link::open(&url).await.expect("there");
    check::check(&link, &keys, Role::Data, None).await.expect("good");
    assert!(all_work(&link, &keys).await);
    for project in projects() {
        let mut both = pipe();
        both.atomic().hset(keys.meta(&project), "f", 1).ignore().hget(keys.meta(&project), "f");
        assert_eq!(link.pipeline::<(u64,)>(&both).await, Ok((1,)));
    }
    let mut ear = Ear::open(&url).await;
    projects().iter().for_each(|project| ear.subscriber.subscribe(&keys.channel(project)));
    for project in projects() {
        ear.subscribed(&keys.channel(&project)).await;
    }
    all_are_heard(&link, &mut ear, &keys, "1").await;

    for node in &masters {
        assert_eq!(node.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).trim(), "1");
        ear.hears_a_gap().await;
    }
    all_are_heard(&link, &mut ear, &keys, "2").await;

    let lives = link.lives();
    for node in &masters {
        node.cli(&["SCRIPT", "FLUSH"]);
        node.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    }
    until("all shards work", PATIENCE, async || all_work(&link, &keys).await).await;
    assert!(link.lives() > lives);

    // The replica takes over from a dead master.
    let lives = link.lives();
    masters[0].kill();
    until("the replica is a master", PATIENCE, async || replicas[0].cli(&["ROLE"]).starts_with("master")).await;
    until("all shards work", PATIENCE, async || all_work(&link, &keys).await).await;
    assert!(link.lives() > lives);
    ear.hears_a_gap().await;
    for project in projects() {
        ear.subscribed(&keys.channel(&project)).await;
    }
    all_are_heard(&link, &mut ear, &keys, "3").await;
}

#[tokio::test]
async fn a_slot_that_moves_and_a_master_that_hangs_are_followed() {
    let (Cluster { masters, replicas }, url) = cluster().await;
    let keys = Keyspace::default();
    let link = Link::open(&url).await.expect("there");
    let mut ear = Ear::open(&url).await;
    for project in projects() {
        ear.subscribed(&keys.channel(&project)).await;
    }
    // A slot without keys goes from the second to the third master; the second ends the subscriptions by itself.
    let there = masters[1].cli(&["PUBSUB", "SHARDCHANNELS"]);
    let moving = there.lines().next().expect("some channel");
    let slot = masters[1].cli(&["CLUSTER", "KEYSLOT", moving]);
    let id = masters[2].cli(&["CLUSTER", "MYID"]);
    for node in [&masters[2], &masters[1], &masters[0]] {
        assert_eq!(node.cli(&["CLUSTER", "SETSLOT", slot.trim(), "NODE", id.trim()]).trim(), "OK");
    }
    ear.hears_a_gap().await;
    until("subscribed there", PATIENCE, async || masters[2].cli(&["PUBSUB", "SHARDCHANNELS"]).contains(moving)).await;
    ear.subscribed(moving).await;
    publish(&link, moving, "moved").await;
    ear.hears_at_last(moving, "moved").await;

    masters[0].stop();
    // Its connections stay open, and it does not say MOVED.
    until("all shards work", PATIENCE, async || all_work(&link, &keys).await).await;
    assert!(replicas[0].cli(&["ROLE"]).starts_with("master"));
    ear.hears_a_gap().await;
    for project in projects() {
        ear.subscribed(&keys.channel(&project)).await;
    }
    all_are_heard(&link, &mut ear, &keys, "1").await;
    masters[0].cont();
    until("it follows", PATIENCE, async || masters[0].cli(&["ROLE"]).starts_with("slave")).await;
    until("all shards work", PATIENCE, async || all_work(&link, &keys).await).await;
    all_are_heard(&link, &mut ear, &keys, "2").await;
}

//! A Cluster of three masters and a replica.

use crate::server::{Redis, cli, eventually, target};
use crate::subscriptions::{Ear, publish};
use collabcanvas::ids::ProjectId;
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::check::{self, Role};
use collabcanvas::link::{Link, Target};
use redis::{Script, pipe};

struct Cluster {
    nodes: Vec<Redis>,
    url: Target,
}

/// Three masters, and a fourth node that follows the first.
async fn cluster() -> Cluster {
    let mut nodes = Vec::new();
    for _ in 0..4 {
        let arguments =
            ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0"];
        nodes.push(Redis::start(&arguments).await);
    }
    let addresses: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let [a, b, c, _] = &addresses[..] else { panic!("four nodes") };
    let said = cli(&["--cluster", "create", a, b, c, "--cluster-yes"]);
    assert!(said.contains("All 16384 slots covered"), "{said}");
    let (first, last) = (&nodes[0], &nodes[3]);
    last.cli(&["CLUSTER", "MEET", "127.0.0.1", &first.port.to_string()]);
    let id = first.cli(&["CLUSTER", "MYID"]);
    eventually("the replica is taken", || async { last.cli(&["CLUSTER", "REPLICATE", id.trim()]).contains("OK") })
        .await;
    eventually("the replica follows", || async {
        last.cli(&["INFO", "replication"]).contains("master_link_status:up")
    })
    .await;
    for node in &nodes {
        eventually("all know all", || async { node.cli(&["CLUSTER", "INFO"]).contains("cluster_known_nodes:4") }).await;
        eventually("all is well", || async { node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok") }).await;
    }
    let url = target(&format!("redis+cluster://{b},{c}"));
    Cluster { nodes, url }
}

/// Enough projects that each master has some.
fn projects() -> Vec<ProjectId> {
    (0..24).map(|n| ProjectId::parse(&format!("project-{n}")).expect("valid")).collect()
}

async fn all_work(link: &Link, keys: &Keyspace) -> bool {
    let script = Script::new("redis.call('SET', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[2])");
    for project in projects() {
        let mut call = script.prepare_invoke();
        call.key(keys.dirty(&project)).key(keys.dirty(&project)).arg("1");
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
    let Cluster { mut nodes, url } = cluster().await;
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

    for node in &nodes[..3] {
        assert_eq!(node.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).trim(), "1");
        ear.hears_a_gap().await;
    }
    all_are_heard(&link, &mut ear, &keys, "2").await;

    let lives = link.lives();
    for node in &nodes[..3] {
        node.cli(&["SCRIPT", "FLUSH"]);
        node.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    }
    eventually("all shards work", || all_work(&link, &keys)).await;
    assert!(link.lives() > lives);

    // The replica takes over from a dead master.
    let lives = link.lives();
    nodes[0].kill();
    eventually("the replica is a master", || async { nodes[3].cli(&["ROLE"]).starts_with("master") }).await;
    eventually("all shards work", || all_work(&link, &keys)).await;
    assert!(link.lives() > lives);
    ear.hears_a_gap().await;
    for project in projects() {
        ear.subscribed(&keys.channel(&project)).await;
    }
    all_are_heard(&link, &mut ear, &keys, "3").await;
}

#[tokio::test]
async fn a_slot_that_moves_and_a_master_that_hangs_are_followed() {
    let Cluster { nodes, url } = cluster().await;
    let keys = Keyspace::default();
    let link = Link::open(&url).await.expect("there");
    let mut ear = Ear::open(&url).await;
    for project in projects() {
        ear.subscribed(&keys.channel(&project)).await;
    }
    // A slot without keys goes from the second to the third master; the second ends the subscriptions by itself.
    let there = nodes[1].cli(&["PUBSUB", "SHARDCHANNELS"]);
    let moving = there.lines().next().expect("some channel");
    let slot = nodes[1].cli(&["CLUSTER", "KEYSLOT", moving]);
    let id = nodes[2].cli(&["CLUSTER", "MYID"]);
    for node in [&nodes[2], &nodes[1], &nodes[0]] {
        assert_eq!(node.cli(&["CLUSTER", "SETSLOT", slot.trim(), "NODE", id.trim()]).trim(), "OK");
    }
    ear.hears_a_gap().await;
    eventually("subscribed there", || async { nodes[2].cli(&["PUBSUB", "SHARDCHANNELS"]).contains(moving) }).await;
    ear.subscribed(moving).await;
    publish(&link, moving, "moved").await;
    ear.hears_at_last(moving, "moved").await;

    nodes[0].signal("STOP");
    // Its connections stay open, and it does not say MOVED.
    eventually("all shards work", || all_work(&link, &keys)).await;
    assert!(nodes[3].cli(&["ROLE"]).starts_with("master"));
    ear.hears_a_gap().await;
    for project in projects() {
        ear.subscribed(&keys.channel(&project)).await;
    }
    all_are_heard(&link, &mut ear, &keys, "1").await;
    nodes[0].signal("CONT");
    eventually("it follows", || async { nodes[0].cli(&["ROLE"]).starts_with("slave") }).await;
    eventually("all shards work", || all_work(&link, &keys)).await;
    all_are_heard(&link, &mut ear, &keys, "2").await;
}

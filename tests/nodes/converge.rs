//! Sixty clients of one project behind a proxy, on three nodes: whatever they do, and wherever they come back, all end with the same.

use crate::alone;
use crate::support::actor::Habits;
use crate::support::cluster::Cluster;
use crate::support::crowd::Crowd;
use crate::support::haproxy::HaProxy;
use crate::support::judge::{Hot, agreed};
use crate::support::nodes::Nodes;
use crate::support::redis::Redis;
use std::time::Duration;

/// Clients.
const CLIENTS: usize = 60;
/// How long they edit.
const EDITING: Duration = Duration::from_secs(5);

/// Lets clients edit on three nodes behind a proxy.
pub(crate) async fn converge(redis: &str, clients: usize, editing: Duration, env: &[(&str, &str)]) {
    let mut nodes = Nodes::start(3, redis, env);
    let haproxy = HaProxy::start(&nodes.addresses()).await;
    let habits = Habits { restless: 8, mistakes: true, ..Habits::steady("board", Duration::from_millis(600)) };
    let mut crowd = Crowd::new(habits);
    crowd.join(&haproxy.url, clients);
    tokio::time::sleep(editing).await;
    crowd.goes_on(1, Duration::from_secs(10)).await;
    let before = nodes.pids();
    let mut actors = crowd.finish().await;
    assert_eq!(actors.len(), clients);
    assert!(actors.iter().any(|actor| actor.client.core.history.welcomes > 1), "nobody has come back");
    assert_eq!(nodes.pids(), before);
    agreed(&mut nodes, "board", &mut actors, Hot::Kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_three_nodes_end_equal() {
    let _alone = alone().await;
    let redis = Redis::start().await;
    converge(&redis.url(), CLIENTS, EDITING, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_three_nodes_on_a_cluster_end_equal() {
    let _alone = alone().await;
    let cluster = Cluster::start().await;
    converge(&cluster.url(), CLIENTS, EDITING, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_takes_nothing_with_it() {
    let _alone = alone().await;
    let redis = Redis::start().await;
    let mut nodes = Nodes::start(3, &redis.url(), &[]);
    let haproxy = HaProxy::start(&nodes.addresses()).await;
    let mut crowd = Crowd::new(Habits::steady("board", Duration::from_millis(200)));
    crowd.join(&haproxy.url, 18);
    crowd.goes_on(3, Duration::from_secs(10)).await;
    for n in 0..2 {
        nodes.kill(n);
        crowd.goes_on(3, Duration::from_secs(10)).await;
        nodes.restart(n);
        haproxy.has_up(3).await;
    }
    let mut actors = crowd.finish().await;
    agreed(&mut nodes, "board", &mut actors, Hot::Kept).await;
}

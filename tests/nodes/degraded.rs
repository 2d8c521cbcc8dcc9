//! Redis is away for longer than a moment: editing goes on, on the durable store, clients are told, and whatever Redis comes back with, everybody agrees.

use crate::alone;
use crate::support::actor::{Habits, WINDOW};
use crate::support::crowd::Crowd;
use crate::support::http;
use crate::support::judge::{Hot, agreed};
use crate::support::nodes::Nodes;
use crate::support::process::until;
use crate::support::proxy::Proxy;
use crate::support::redis::{Conf, Redis};
use std::time::Duration;

const CLIENTS: usize = 5;
/// How long it may take until everybody is answered again.
const RECOVERY: Duration = Duration::from_secs(15);
/// How long editing may stand still when Redis goes away.
const STANDSTILL: Duration = Duration::from_secs(8);

/// Lets clients edit on three nodes while Redis is away, until it comes back in some way.
async fn goes_on_without(conf: Conf, back: impl AsyncFnOnce(&mut Redis)) {
    let _alone = alone().await;
    let mut redis = Redis::with(conf).await;
    let mut nodes = Nodes::start(3, &redis.url(), &[]);
    let mut crowd = Crowd::new(Habits::steady("board", Duration::from_millis(150)));
    (0..nodes.count()).for_each(|n| crowd.join(nodes.url(n), CLIENTS));
    crowd.goes_on(5, RECOVERY).await;
    redis.kill();
    // More than can have been under way: so many answers come from the durable store.
    crowd.goes_on(2 * WINDOW, STANDSTILL).await;
    assert!(crowd.told().for_now.contains_key("degraded"), "clients are told: {:?}", *crowd.told());
    back(&mut redis).await;
    crowd.goes_on(2 * WINDOW, RECOVERY).await;
    let mut actors = crowd.finish().await;
    agreed(&mut nodes, "board", &mut actors, Hot::Lost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_empty() {
    goes_on_without(Conf::default(), async |redis| redis.restart_empty().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_whole() {
    goes_on_without(Conf::default().with_data_kept(), async |redis| redis.restart().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_alone_is_cut_off_leaves_its_projects_to_others() {
    let _alone = alone().await;
    let redis = Redis::start().await;
    let proxy = Proxy::start(&redis.address()).await;
    let (direct, by_proxy) = (redis.url(), proxy.in_url(&redis.url(), &redis.address()));
    let mut nodes = Nodes::with(&[direct.clone(), direct, by_proxy], &[]);
    let mut crowd = Crowd::new(Habits::steady("board", Duration::from_millis(150)));
    (0..nodes.count()).for_each(|n| crowd.join(nodes.url(n), CLIENTS));
    crowd.goes_on(5, RECOVERY).await;
    proxy.refuse(true);
    proxy.cut();
    let admin = nodes.node(2).admin.clone();
    let is = async |status| http::get(&admin, "/readyz").await.0 == status;
    until("the node says that it is not ready", RECOVERY, async || is(503).await).await;
    proxy.refuse(false);
    until("the node is ready again", RECOVERY, async || is(200).await).await;
    crowd.goes_on(2 * WINDOW, RECOVERY).await;
    let mut actors = crowd.finish().await;
    agreed(&mut nodes, "board", &mut actors, Hot::Lost).await;
}

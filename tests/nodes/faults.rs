//! What happens to Redis under load: wiped, killed, hung, disconnected, full, read-only. The nodes stay up, clients are told, and
//! afterwards everybody agrees and every acked batch is there.

use crate::alone;
use crate::support::actor::{Habits, WINDOW};
use crate::support::crowd::Crowd;
use crate::support::judge::{Hot, agreed};
use crate::support::nodes::Nodes;
use crate::support::process::free_port;
use crate::support::redis::Redis;
use std::time::Duration;

/// Clients of each node.
const CLIENTS: usize = 5;
/// How long it may take until everybody is answered again.
const RECOVERY: Duration = Duration::from_secs(15);
/// How long a client may be left in the dark.
const TELLING: Duration = Duration::from_secs(6);

/// Lets clients edit on three nodes while something happens to Redis.
async fn bears(hot: Hot, fault: impl AsyncFnOnce(&mut Redis, &mut Crowd)) {
    let _alone = alone().await;
    let mut redis = Redis::start().await;
    let mut nodes = Nodes::start(3, &redis.url(), &[]);
    let before = nodes.pids();
    let mut crowd = Crowd::new(Habits::steady("board", Duration::from_millis(150)));
    (0..nodes.count()).for_each(|n| crowd.join(nodes.url(n), CLIENTS));
    crowd.goes_on(5, RECOVERY).await;
    fault(&mut redis, &mut crowd).await;
    // More than can have been under way: so many answers come from afterwards.
    crowd.goes_on(WINDOW + 2, RECOVERY).await;
    let mut actors = crowd.finish().await;
    assert_eq!(nodes.pids(), before, "a node has ended");
    agreed(&mut nodes, "board", &mut actors, hot).await;
}

async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_redis() {
    bears(Hot::Lost, async |redis, crowd| {
        redis.cli(&["FLUSHALL"]);
        crowd.goes_on(WINDOW + 2, RECOVERY).await;
        redis.cli(&["FLUSHALL"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_that_comes_back_empty() {
    bears(Hot::Lost, async |redis, crowd| {
        redis.kill();
        crowd.hears_of_trouble(TELLING).await;
        pause(1_000).await;
        redis.restart_empty().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_replaced_in_a_moment() {
    bears(Hot::Lost, async |redis, _| redis.restart_empty().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs() {
    bears(Hot::Lost, async |redis, crowd| {
        redis.stop();
        crowd.hears_of_trouble(TELLING).await;
        pause(6_000).await;
        redis.cont();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_killed() {
    bears(Hot::Kept, async |redis, crowd| {
        for _ in 0..5 {
            assert!(redis.query::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]) >= 3, "each node has a connection");
            pause(400).await;
        }
        crowd.goes_on(1, RECOVERY).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_are_forgotten() {
    bears(Hot::Kept, async |redis, crowd| {
        for _ in 0..5 {
            redis.cli(&["SCRIPT", "FLUSH"]);
            crowd.goes_on(1, RECOVERY).await;
        }
        let told = crowd.told();
        assert!(told.for_now.is_empty() && told.ended.is_empty(), "nobody should notice: {:?}", *told);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis() {
    bears(Hot::Kept, async |redis, crowd| {
        redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
        crowd.hears_of_trouble(TELLING).await;
        pause(1_000).await;
        {
            let told = crowd.told();
            let known = ["unavailable", "overloaded", "degraded"];
            assert!(told.for_now.keys().all(|code| known.contains(&code.as_str())), "{:?}", *told);
            assert!(told.ended.is_empty(), "a full Redis is no reason to disconnect anybody: {:?}", *told);
        }
        redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_takes_no_writes_for_a_while() {
    bears(Hot::Kept, async |redis, crowd| {
        // The replica of a master that cannot be reached keeps what it has.
        redis.cli(&["REPLICAOF", "127.0.0.1", &free_port().to_string()]);
        crowd.hears_of_trouble(TELLING).await;
        // Well within the grace: nobody goes on without it.
        pause(300).await;
        redis.cli(&["REPLICAOF", "NO", "ONE"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_the_replica_of_an_empty_one() {
    let other = Redis::start().await;
    bears(Hot::Lost, async |redis, crowd| {
        // The way in which a test's own user is known at the other.
        redis.cli(&["CONFIG", "SET", "masteruser", "control"]);
        redis.cli(&["CONFIG", "SET", "masterauth", "control"]);
        redis.cli(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
        redis.synced().await;
        crowd.hears_of_trouble(TELLING).await;
        redis.cli(&["REPLICAOF", "NO", "ONE"]);
    })
    .await;
}

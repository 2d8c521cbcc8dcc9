//! Subscriptions that die again and again: nobody misses a commit for long, not even the last one of a burst.

use crate::alone;
use crate::support::actor::Habits;
use crate::support::crowd::Crowd;
use crate::support::judge::{Hot, agreed, slowest};
use crate::support::nodes::Nodes;
use crate::support::peers::send;
use crate::support::redis::Redis;
use collabcanvas::protocol::Encoding;
use loadtest::core::Core;
use std::time::Duration;

/// How often the subscriptions are killed under load.
const KILLS: usize = 4;
/// Time between two kills.
const BETWEEN: Duration = Duration::from_secs(3);
/// How long a commit may take to anybody after its author's ack.
const CATCH_UP: Duration = Duration::from_secs(2);

/// Kills all subscriptions and returns how many there were.
fn kill_subscriptions(redis: &Redis) -> u64 {
    redis.query(&["CLIENT", "KILL", "TYPE", "pubsub"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_subscriptions_delay_nothing_by_more_than_two_seconds() {
    let _alone = alone().await;
    let redis = Redis::start().await;
    let mut nodes = Nodes::start(3, &redis.url(), &[]);
    let before = nodes.pids();
    let mut crowd = Crowd::new(Habits::steady("board", Duration::from_millis(200)));
    (0..3).for_each(|n| crowd.join(nodes.url(n), 6));
    crowd.goes_on(3, Duration::from_secs(10)).await;
    for _ in 0..KILLS {
        tokio::time::sleep(BETWEEN).await;
        assert!(kill_subscriptions(&redis) >= 3, "each node subscribes");
    }
    crowd.goes_on(3, CATCH_UP * 2).await;
    // Beyond the last commit nothing shows a client that it misses one: all must come by themselves.
    crowd.rest();
    tokio::time::sleep(CATCH_UP).await;
    let mut actors = crowd.finish().await;
    assert_eq!(nodes.pids(), before);
    let truth = agreed(&mut nodes, "board", &mut actors, Hot::Kept).await;
    let (slowest, measured) = slowest(&actors, &truth);
    assert!(slowest < CATCH_UP, "a commit came {slowest:?} after its ack");
    assert!(measured > 1_000, "only {measured} deliveries were measured");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_event_of_a_burst_arrives_though_nobody_subscribes() {
    let _alone = alone().await;
    let redis = Redis::start().await;
    let nodes = Nodes::start(3, &redis.url(), &[]);
    let mut clients = Vec::new();
    for n in 0..3 {
        clients.push(nodes.join(n, "board", Encoding::MessagePack).await);
    }
    for round in 0..6 {
        let author = round % 3;
        let burst = format!(r#"[{{"op":"create","id":"burst-{round}","props":{{"n":1}}}}]"#);
        assert_eq!(send(&mut clients[author], &burst).await, None);
        assert!(kill_subscriptions(&redis) >= 3, "each node subscribes");
        let last = format!(r#"[{{"op":"create","id":"last-{round}","props":{{"n":1}}}}]"#);
        assert_eq!(send(&mut clients[author], &last).await, None);
        let id = format!("last-{round}");
        let arrived = |core: &Core| core.replica().0.contains_key(id.as_str());
        let everybody = clients.iter_mut().map(|client| client.until("the last event", CATCH_UP, arrived));
        for arrived in futures_util::future::join_all(everybody).await {
            arrived.expect("it arrives");
        }
        // The next kill is to meet subscriptions that are there again.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    for client in &clients {
        assert_eq!(client.core.history.welcomes, 1, "nobody was disconnected");
    }
}

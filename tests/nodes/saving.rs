//! Who saves what several nodes have changed.

use crate::beside_others;
use crate::support::nodes::Nodes;
use crate::support::peers::send;
use crate::support::redis::Redis;
use collabcanvas::protocol::Encoding;
use loadtest::ask;
use std::time::{Duration, Instant};

/// How long clients of both nodes edit, and how often each.
const EDITS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(40));
/// Saves in a second, at most: one comes 320 ms after the first unsaved change at the earliest, whoever made that, and some are begun before it is heard
/// that another node was first. When each node saves for itself there are 4.6.
const SAVES: f64 = 1.25 / 0.32;

/// What all nodes together have counted under this name.
async fn sum(nodes: &Nodes, name: &str) -> f64 {
    let mut sum = 0.0;
    for n in 0..nodes.count() {
        let text = ask::metrics(&nodes.node(n).admin).await.expect("it tells");
        let values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok());
        sum += values.sum::<f64>();
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_has_saved_no_other_saves() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let mut nodes = Nodes::start(2, &redis.url(), &[]);
    let mut clients =
        [nodes.join(0, "board", Encoding::MessagePack).await, nodes.join(1, "board", Encoding::MessagePack).await];
    for (n, client) in clients.iter_mut().enumerate() {
        let create = format!(r#"[{{"op":"create","id":"o{n}","props":{{"x":0}}}}]"#);
        assert_eq!(send(client, &create).await, None);
    }
    let (began, mut sent) = (Instant::now(), 0_u64);
    while began.elapsed() < EDITS.0 {
        sent += 1;
        for (n, client) in clients.iter_mut().enumerate() {
            let update = format!(r#"[{{"op":"update","id":"o{n}","set":{{"x":{sent}}}}}]"#);
            assert_eq!(send(client, &update).await, None);
        }
        tokio::time::sleep(EDITS.1).await;
    }
    let (entries, conflicts) =
        (sum(&nodes, "collab_saved_entries_total").await, sum(&nodes, "collab_save_conflicts_total").await);
    let saves = SAVES * began.elapsed().as_secs_f64();
    assert!(entries <= saves, "{entries} entries, {conflicts} of the appends in vain, for {sent} changes at each node");
    assert!(conflicts <= entries / 4.0, "{conflicts} appends in vain beside {entries} entries");
    // The commits and the marker with which the lineage begins.
    assert_eq!(nodes.truth("board").await.log.len() as u64, 1 + 2 + 2 * sent);
}

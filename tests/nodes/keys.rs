//! What lies in Redis: how much, for how long, and under whose name.

use crate::beside_others;
use crate::support::nodes::{Nodes, join};
use crate::support::peers::send;
use crate::support::process::until;
use crate::support::redis::Redis;
use collabcanvas::protocol::Encoding;
use loadtest::core::Core;
use std::time::{Duration, Instant};

/// Rectangles that are weighed.
const RECTANGLES: usize = 2_000;
/// Bytes that one may take, everything included.
const RECTANGLE_BYTES: u64 = 260;
/// The keys that hold what must not be lost.
const KEEPERS: [&str; 5] = ["objects", "meta", "log", "clients", "dirty"];
/// Each key that matches and its time to live, all of the same moment.
const TTLS: &str = "local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  found[#found + 1] = key .. ' ' .. redis.call('PTTL', key)
end
return found";

/// A rectangle of ten properties.
fn rectangle(n: usize) -> String {
    let (x, y) = (n as f64 * 1.37 + 0.5, n as f64 * 0.73 + 0.25);
    format!(
        r##"{{"op":"create","id":"obj-{n:05}","props":{{"type":"rectangle","x":{x:?},"y":{y:?},"width":120,"height":80,"angle":0,"strokeColor":"#1e1e1e","backgroundColor":"#3b82f6","strokeWidth":2,"opacity":100}}}}"##
    )
}

/// The keys of a project and their times to live, in ms; -1: for ever.
fn ttls(redis: &Redis, project: &str) -> Vec<(String, i64)> {
    let found: Vec<String> = redis.query(&["EVAL", TTLS, "0", &format!("*:{project}:*")]);
    let pairs = found.iter().filter_map(|line| line.rsplit_once(' '));
    pairs.map(|(key, ttl)| (key.to_owned(), ttl.parse().expect("a number"))).collect()
}

fn last_part(key: &str) -> &str {
    key.rsplit(':').next().unwrap_or_default()
}

/// Whether the client has everything saved.
fn saved(core: &Core) -> bool {
    core.open_batches() == (0, 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rectangle_takes_few_bytes() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let nodes = Nodes::start(1, &redis.url(), &[]);
    let mut client = nodes.join(0, "board", Encoding::MessagePack).await;
    let all: Vec<_> = (0..RECTANGLES).map(rectangle).collect();
    for some in all.chunks(200) {
        assert_eq!(send(&mut client, &format!("[{}]", some.join(","))).await, None);
    }
    // One property of each changes, as it does when people move things.
    for some in (0..RECTANGLES).collect::<Vec<_>>().chunks(200) {
        let moves: Vec<_> =
            some.iter().map(|n| format!(r#"{{"op":"update","id":"obj-{n:05}","set":{{"x":1.5}}}}"#)).collect();
        assert_eq!(send(&mut client, &format!("[{}]", moves.join(","))).await, None);
    }
    let keys = redis.keys("collab:*:board:objects");
    let [objects] = &keys[..] else { panic!("one hash of objects, not {keys:?}") };
    let count: u64 = redis.query(&["HLEN", objects]);
    assert!(count >= RECTANGLES as u64, "{count}");
    let bytes: u64 = redis.query(&["MEMORY", "USAGE", objects, "SAMPLES", "0"]);
    assert!(bytes / RECTANGLES as u64 <= RECTANGLE_BYTES, "{} bytes a rectangle", bytes / RECTANGLES as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_expires_while_it_is_not_saved() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let nodes = Nodes::start(2, &redis.url(), &[("COLLAB_HOT_EXPIRY_SECONDS", "3")]);
    let mut client = nodes.join(0, "board", Encoding::MessagePack).await;
    let mut dirty_seen = 0;
    for n in 0..20 {
        client.submit(loadtest::say::from_json(&format!("[{}]", rectangle(n))));
        let deadline = Instant::now() + Duration::from_secs(5);
        while !saved(&client.core) {
            // Between any two messages, so that moments before and after saving are met.
            let _ = tokio::time::timeout(Duration::from_millis(5), client.next()).await;
            assert!(Instant::now() < deadline, "it is not saved");
            let keys = ttls(&redis, "board");
            if keys.iter().any(|(key, _)| last_part(key) == "dirty") {
                dirty_seen += 1;
                for (key, ttl) in keys.iter().filter(|(key, _)| KEEPERS.contains(&last_part(key))) {
                    assert_eq!(*ttl, -1, "{key} expires while the project is dirty");
                }
            }
        }
        // The time between two edits of a person: saved keys may have got their expiry meanwhile.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(dirty_seen > 5, "the project was met dirty {dirty_seen} times only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_project_leaves_nothing_and_comes_back() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let env = [("COLLAB_HOT_EXPIRY_SECONDS", "2"), ("COLLAB_IDLE_SECONDS", "1")];
    let nodes = Nodes::start(2, &redis.url(), &env);
    let mut clients =
        vec![nodes.join(0, "board", Encoding::MessagePack).await, nodes.join(1, "board", Encoding::Json).await];
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(send(client, &format!("[{}]", rectangle(n))).await, None);
        client.until("the saving", Duration::from_secs(10), saved).await.expect("it is saved");
    }
    assert!(redis.keys("collab:*:board:*").iter().any(|key| last_part(key) == "objects"));
    for mut client in clients {
        client.close().await;
    }
    let left =
        || redis.keys("collab:*").into_iter().filter(|key| key.contains(":board:") && !key.contains(":session:"));
    until("the expiry of all keys", Duration::from_secs(12), async || left().next().is_none()).await;
    let again = nodes.join(0, "board", Encoding::MessagePack).await;
    assert_eq!(again.core.replica().0.len(), 2, "the project is in the durable store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployments_with_prefixes_of_their_own_never_meet() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let here = Nodes::start(1, &redis.url(), &[("COLLAB_KEY_PREFIX", "here")]);
    let there = Nodes::start(1, &redis.url(), &[("COLLAB_KEY_PREFIX", "there")]);
    let mut clients =
        [here.join(0, "board", Encoding::MessagePack).await, there.join(0, "board", Encoding::MessagePack).await];
    for n in 0..10 {
        for (side, client) in clients.iter_mut().enumerate() {
            assert_eq!(send(client, &format!("[{}]", rectangle(side * 100 + n))).await, None);
        }
    }
    for client in &mut clients {
        client.until("the saving", Duration::from_secs(10), saved).await.expect("it is saved");
    }
    for (side, nodes) in [&here, &there].into_iter().enumerate() {
        let fresh = join(nodes.url(0), "board", Encoding::Json).await;
        let wanted: Vec<_> = (0..10).map(|n| format!("obj-{:05}", side * 100 + n)).collect();
        let ids: Vec<_> = fresh.core.replica().0.keys().map(ToString::to_string).collect();
        assert_eq!(ids, wanted);
    }
    let strangers: Vec<_> =
        redis.keys("*").into_iter().filter(|key| !key.starts_with("here:") && !key.starts_with("there:")).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

//! Histories that end, and stores that forget: sessions get the new one whole, an old copy is not believed, and waiting costs nothing.

use crate::beside_others;
use crate::support::nodes::Nodes;
use crate::support::peers::{agree, send};
use crate::support::process::until;
use crate::support::redis::Redis;
use collabcanvas::protocol::Encoding;
use loadtest::client::Client;
use loadtest::core::Core;
use loadtest::say;
use std::time::Duration;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a room may cost that somebody only looks at, for each second that passes.
const IDLE_CPU: f64 = 0.15;

fn saved(core: &Core) -> bool {
    core.open_batches() == (0, 0)
}

async fn is_saved(client: &mut Client) {
    client.until("the saving", PATIENCE, saved).await.expect("it is saved");
}

async fn create(client: &mut Client, id: &str) {
    assert_eq!(send(client, &format!(r#"[{{"op":"create","id":"{id}","props":{{"n":0}}}}]"#)).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_follow_into_another_history_with_the_whole_of_it() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let nodes = Nodes::start(2, &redis.url(), &[]);
    let mut one = nodes.join(0, "board", Encoding::MessagePack).await;
    let mut beside = nodes.join(0, "board", Encoding::Json).await;
    let mut other = nodes.join(1, "board", Encoding::MessagePack).await;
    create(&mut one, "a").await;
    create(&mut other, "b").await;
    // So much that no snapshot of when they joined is of use any more.
    let text = "x".repeat(4_096);
    for n in 0..60 {
        let ops = format!(r#"[{{"op":"update","id":"a","set":{{"n":{n},"text":"{text}"}}}}]"#);
        assert_eq!(send(&mut one, &ops).await, None);
    }
    for round in 0..3 {
        is_saved(&mut one).await;
        // Both nodes have commits that are nowhere else when Redis forgets everything.
        for n in 0..40 {
            one.submit(say::from_json(&format!(r#"[{{"op":"increment","id":"a","prop":"n","by":{n}}}]"#)));
            other.submit(say::from_json(&format!(r#"[{{"op":"increment","id":"b","prop":"n","by":{n}}}]"#)));
        }
        let answered = |core: &Core| core.open_batches().1 == 0;
        let (mine, theirs) =
            tokio::join!(one.until("the answers", PATIENCE, answered), other.until("the answers", PATIENCE, answered));
        mine.and(theirs).expect("they are answered");
        redis.cli(&["FLUSHALL"]);
        create(&mut one, &format!("c{round}")).await;
        create(&mut other, &format!("d{round}")).await;
        is_saved(&mut other).await;
    }
    let mut fresh = nodes.join(1, "board", Encoding::MessagePack).await;
    for client in [&mut one, &mut beside, &mut other] {
        agree(client, &mut fresh).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_came_back_from_an_old_copy_is_not_believed() {
    let _others = beside_others().await;
    let mut redis = Redis::start().await;
    let mut nodes = Nodes::start(2, &redis.url(), &[]);
    let mut client = nodes.join(0, "board", Encoding::MessagePack).await;
    create(&mut client, "old").await;
    is_saved(&mut client).await;
    redis.cli(&["SAVE"]);
    create(&mut client, "new").await;
    is_saved(&mut client).await;
    (0..nodes.count()).for_each(|n| nodes.kill(n));
    redis.kill();
    redis.restart().await;
    (0..nodes.count()).for_each(|n| nodes.restart(n));
    let mut looker = nodes.join(1, "board", Encoding::MessagePack).await;
    assert_eq!(looker.core.replica().0.len(), 2, "what was saved is there");
    let mut writer = nodes.join(0, "board", Encoding::MessagePack).await;
    create(&mut writer, "newer").await;
    agree(&mut looker, &mut writer).await;
    assert_eq!(looker.core.replica().0.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_ends_when_redis_has_become_another_s() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let mut nodes = Nodes::start(1, &redis.url(), &[]);
    redis.cli(&["SET", "collab:deployment", "somebody-else"]);
    until("the end of the node", PATIENCE, async || nodes.pids() == [None]).await;
}

/// Processor time that a process has used, in seconds.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    ticks as f64 / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_where_nothing_happens_costs_nothing() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let mut nodes = Nodes::start(1, &redis.url(), &[]);
    let mut writer = nodes.join(0, "written", Encoding::MessagePack).await;
    create(&mut writer, "a").await;
    is_saved(&mut writer).await;
    let _looker = nodes.join(0, "looked-at", Encoding::MessagePack).await;
    let pid = nodes.pids()[0].expect("it runs");
    let before = cpu(pid);
    // Two verifications of each room come and go.
    let time = Duration::from_secs(5);
    tokio::time::sleep(time).await;
    let used = (cpu(pid) - before) / time.as_secs_f64();
    assert!(used < IDLE_CPU, "{used:.2} s of processor time a second");
}

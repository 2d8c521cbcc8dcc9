//! Readers that cannot keep up: brought back or closed, never silently skipped.

use crate::support::peers::{Bystanders, Node, agree, send_raw, synced};
use crate::support::process::PATIENCE;
use crate::support::server::Setup;
use bytes::Bytes;
use collabcanvas::protocol::Encoding::{self, Json, MessagePack};
use collabcanvas::protocol::pack;
use loadtest::client::Client;
use loadtest::say;
use rand::RngExt as _;

/// Size of a large commit, in bytes.
const LARGE: usize = 200_000;
/// Large commits: far more than the buffers of both systems and the outbox hold together.
const COMMITS: usize = 150;

/// Ops that set one of ten objects to something that does not compress. In JSON it is six times as large.
fn large(n: usize) -> Bytes {
    let mut ops = vec![0x91, 0x83];
    let id = format!("o{}", n % 10);
    for text in ["op", "update", "id", &id, "set"] {
        pack::str(&mut ops, text);
    }
    pack::map(&mut ops, 1);
    pack::str(&mut ops, "text");
    let mut rng = rand::rng();
    let text: String = (0..LARGE).map(|_| char::from(rng.random_range(1..31_u8))).collect();
    pack::str(&mut ops, &text);
    ops.into()
}

pub(crate) async fn write(writer: &mut Client) {
    for n in 0..10 {
        let create = say::from_json(&format!(r#"[{{"op":"create","id":"o{n}"}}]"#));
        assert_eq!(send_raw(writer, create).await, None);
    }
    for n in 0..COMMITS {
        assert_eq!(send_raw(writer, large(n)).await, None);
    }
}

pub(crate) async fn overflows(node: &Node) -> u64 {
    let (_, metrics) = crate::support::http::get(&node.server.admin, "/metrics").await;
    let line = metrics.lines().find_map(|l| l.strip_prefix("collab_outbox_overflows_total "));
    line.and_then(|count| count.parse().ok()).expect("the metric is there")
}

async fn is_brought_back(encoding: Encoding) {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut slow = node.join("p", encoding).await;
    let mut writer = node.join("p", MessagePack).await;
    // Meanwhile nobody polls the slow one, nor the bystanders.
    write(&mut writer).await;
    assert!(overflows(&node).await > 0, "nobody fell behind: the test is too small");
    // A commit out of place would be a violation and end this.
    agree(&mut slow, &mut writer).await;
    assert!(slow.core.history.welcomes > 1, "it was brought back by a welcome");
    // And from there on it is as good as anybody.
    let create = say::from_json(r#"[{"op":"create","id":"after"}]"#);
    assert_eq!(send_raw(&mut slow, create).await, None);
    agree(&mut slow, &mut writer).await;
    drop(node.join("p", encoding).await);
    let mut fresh = node.join("p", encoding).await;
    agree(&mut fresh, &mut slow).await;
    bystanders.have_caught_up().await;
}

#[tokio::test]
async fn a_reader_that_stops_for_a_while_is_brought_back() {
    is_brought_back(MessagePack).await;
}

#[tokio::test]
async fn a_json_reader_that_stops_for_a_while_is_brought_back() {
    is_brought_back(Json).await;
}

#[tokio::test]
async fn a_reader_that_stops_for_good_is_closed_and_may_come_back() {
    let node =
        Node::with(|setup: Setup| setup.with("COLLAB_HEARTBEAT_SECONDS", "1").with("COLLAB_SILENCE_SECONDS", "2"));
    let mut slow = node.join("p", MessagePack).await;
    let mut writer = node.join("p", MessagePack).await;
    write(&mut writer).await;
    let closed = async {
        // It reads nothing, so it does not answer pings either: whichever is noticed first.
        loop {
            let (_, metrics) = crate::support::http::get(&node.server.admin, "/metrics").await;
            if metrics.contains("collab_connections 1\n") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = writer.until("the end", PATIENCE, |_| false) => panic!("{ended:?}"),
        () = closed => {}
    }
    // What was on its way is whole and in order, then the connection is over.
    let ended = slow.until("the end", PATIENCE, |_| false).await;
    assert!(!matches!(ended, Err(loadtest::client::Ended::Violation(_))), "{ended:?}");
    slow.connect().await.expect("the server is there");
    synced(&mut slow).await;
    agree(&mut slow, &mut writer).await;
}

//! Stopping: softly at the first signal, at once at the second.

use crate::support::http;
use crate::support::peers::{Node, agree};
use crate::support::process::PATIENCE;
use crate::support::server::Setup;
use crate::support::truth::Truth;
use collabcanvas::protocol::Encoding::{Json, MessagePack};
use loadtest::client::{Client, Ended};
use loadtest::core::Core;
use loadtest::say;
use loadtest::wire::Message;
use std::time::{Duration, Instant};

/// Far below the 20 s of the grace period.
const SOON: Duration = Duration::from_secs(8);

/// Works until the socket is closed: whether a `goaway` came before, and the close.
async fn work(client: &mut Client, name: &str) -> (bool, Ended) {
    let (mut warned, mut made) = (false, 0);
    loop {
        while !warned && client.core.open_batches().1 < 4 {
            made += 1;
            let create = format!(r#"[{{"op":"create","id":"{name}-{made}","props":{{"n":{made}}}}}]"#);
            client.submit(say::from_json(&create));
        }
        match tokio::time::timeout(PATIENCE, client.next()).await.expect("the server ends it") {
            Ok(Message::Goaway(reason, from, to)) => {
                assert!(!reason.is_empty() && from < to);
                warned = true;
            }
            Ok(_) => {}
            Err(ended) => return (warned, ended),
        }
    }
}

#[tokio::test]
async fn sigterm_says_goodbye_saves_and_succeeds() {
    let mut node = Node::with(Setup::on_fixed_port);
    let mut one = node.join("p", MessagePack).await;
    let mut two = node.join("p", Json).await;
    let server = &node.server;
    let stopping = async {
        while http::get(&server.admin, "/readyz").await.0 != 200 {}
        server.signal("TERM");
        Instant::now()
    };
    let (first, second, signalled) = tokio::join!(work(&mut one, "one"), work(&mut two, "two"), stopping);
    for (warned, ended) in [first, second] {
        assert!(warned, "no goaway came");
        assert!(matches!(ended, Ended::Closed(1012, ref text) if text.len() > 10), "{ended}");
    }
    let status = node.server.exit().await;
    assert_eq!(status.code(), Some(0), "{}", node.server.said());
    assert!(signalled.elapsed() < SOON, "it took {:?}", signalled.elapsed());
    let truth = Truth::read(&node.data.path().join("collabcanvas.db"), "p").await;
    truth.check(&one.core.history);
    truth.check(&two.core.history);
    assert_eq!(truth.replica.difference(&truth.loaded), None);
    // Whoever comes back sends what was not acked, and goes on.
    node.server = node.setup.start();
    for client in [&mut one, &mut two] {
        client.connect().await.expect("the node is back");
        // What the first node had saved, the welcome says; the commits themselves come after it.
        let done = |core: &Core| core.open_batches() == (0, 0) && core.is_synced();
        let saved = client.until("all acks", PATIENCE, done);
        saved.await.expect("everything is taken");
    }
    agree(&mut one, &mut two).await;
    let made = one.core.history.sent.len() + two.core.history.sent.len();
    assert_eq!(one.core.replica().0.len(), made);
}

/// A client that does not read, with more on its way to it than all buffers hold.
async fn stuck(node: &Node) -> crate::support::peers::Raw {
    let stuck = node.raw_joined("p", MessagePack).await;
    let mut writer = node.join("p", MessagePack).await;
    let text = "x".repeat(200_000);
    writer.submit(say::from_json(r#"[{"op":"create","id":"a"}]"#));
    for _ in 0..100 {
        let ops = format!(r#"[{{"op":"update","id":"a","set":{{"text":"{text}"}}}}]"#);
        writer.submit(say::from_json(&ops));
    }
    let acked = writer.until("the acks", PATIENCE, |core| core.open_batches() == (0, 0));
    acked.await.expect("the writer is not held up");
    stuck
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let mut node = Node::start();
    let _stuck = stuck(&node).await;
    let signalled = Instant::now();
    node.server.signal("TERM");
    let status = node.server.exit().await;
    assert_eq!(status.code(), Some(0), "{}", node.server.said());
    assert!(signalled.elapsed() < SOON, "it took {:?}", signalled.elapsed());
}

#[tokio::test]
async fn a_second_signal_is_at_once() {
    let mut node = Node::start();
    let _stuck = stuck(&node).await;
    let mut witness = node.join("p", MessagePack).await;
    node.server.signal("TERM");
    let ended = witness.until("the close", PATIENCE, |_| false).await;
    assert!(matches!(ended, Err(Ended::Closed(1012, _))), "{ended:?}");
    // The stuck one has 2 s from the first signal on: the node is still there.
    node.server.signal("INT");
    let second = Instant::now();
    let status = node.server.exit().await;
    assert_eq!(status.code(), Some(1), "{}", node.server.said());
    assert!(second.elapsed() < Duration::from_millis(1_500), "it took {:?}", second.elapsed());
    assert_eq!(node.server.count("stopping at once"), 1);
}

#[tokio::test]
async fn a_stopping_node_is_alive_but_not_ready() {
    let mut node = Node::start();
    let (server, admin) = (&node.server, &node.server.admin);
    for (path, word) in [("/livez", "alive"), ("/readyz", "ready")] {
        let (status, body) = http::get(admin, path).await;
        assert!(status == 200 && body.contains(word), "{path}: {status} {body}");
    }
    let (status, metrics) = http::get(admin, "/metrics").await;
    assert_eq!(status, 200);
    for name in ["collab_sessions 0", "collab_rooms 0", "collab_commits_total 0", "collab_quarantined_objects_total 0"]
    {
        assert!(metrics.lines().any(|line| line == name), "{name} is not there from the start");
    }
    let (status, body) = http::get(server.address(), "/metrics").await;
    assert_eq!(status, 404, "clients must not see the metrics: {body}");
    let _stuck = stuck(&node).await;
    let mut witness = node.join("p", MessagePack).await;
    node.server.signal("TERM");
    let ended = witness.until("the close", PATIENCE, |_| false).await;
    assert!(matches!(ended, Err(Ended::Closed(1012, _))), "{ended:?}");
    let (status, body) = http::get(&node.server.admin, "/readyz").await;
    assert!(status == 503 && body.contains("stopping"), "{status} {body}");
    assert_eq!(http::get(&node.server.admin, "/livez").await.0, 200);
    assert_eq!(node.server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn many_clients_are_told_one_after_another_and_work_until_then() {
    const CLIENTS: usize = 100;
    let mut node = Node::start();
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        clients.push(node.join(if n % 2 == 0 { "p" } else { "q" }, MessagePack).await);
    }
    node.server.signal("TERM");
    let signalled = Instant::now();
    let working = clients.iter_mut().enumerate().map(|(n, client)| async move {
        let (warned, ended) = work(client, &format!("c{n}")).await;
        assert!(warned && matches!(ended, Ended::Closed(1012, _)), "{ended}");
        (signalled.elapsed(), client.core.history.acked.len())
    });
    let mut ends = futures_util::future::join_all(working).await;
    ends.sort_unstable();
    // A hundred in half a second.
    let (first, last) = (ends[CLIENTS / 10].0, ends[CLIENTS - 1].0);
    assert!(last - first > Duration::from_millis(250), "all went at once: from {first:?} to {last:?}");
    assert!(ends.iter().filter(|(_, acked)| *acked > 0).count() > CLIENTS / 2, "nobody could work meanwhile");
    assert_eq!(node.server.exit().await.code(), Some(0), "{}", node.server.said());
}

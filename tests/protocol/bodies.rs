//! How large a request may be, and how long it may take.

use crate::support::http;
use crate::support::peers::{Node, within};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const BOT: &str = "/v1/projects/p/presence/b";
/// Heads and bodies have 10 s each.
const SLOWEST: Duration = Duration::from_secs(16);

/// Sends this, then a byte now and then, until the connection ends: what was answered, and after what time.
async fn drip(node: &Node, begin: &str, then: &[u8]) -> (String, Duration) {
    let mut stream = TcpStream::connect(node.server.address()).await.expect("the server listens");
    stream.write_all(begin.as_bytes()).await.expect("the server reads");
    let (mut from, mut to) = stream.into_split();
    let started = Instant::now();
    let mut answer = Vec::new();
    let dripping = async {
        let mut due = tokio::time::interval(Duration::from_millis(500));
        loop {
            due.tick().await;
            if to.write_all(then).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let reading = async {
        tokio::select! {
            _ = from.read_to_end(&mut answer) => {}
            () = dripping => {}
        }
    };
    within(SLOWEST, reading).await;
    (String::from_utf8_lossy(&answer).into_owned(), started.elapsed())
}

#[tokio::test]
async fn who_is_slow_is_ended_in_time() {
    let node = Node::start();
    let host = node.server.address();
    let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ");
    let body = format!("PUT {BOT} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n");
    let chunked = format!("PUT {BOT} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let idle = format!("GET /v1/nothing HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let (slow_head, slow_body, slow_chunks, idle) = tokio::join!(
        drip(&node, &head, b"x"),
        drip(&node, &body, b"x"),
        drip(&node, &chunked, b"1\r\nx\r\n"),
        drip(&node, &idle, b""),
    );
    for (answer, took) in [&slow_head, &slow_body, &slow_chunks, &idle] {
        assert!(*took > Duration::from_secs(8), "{took:?}: {answer}");
    }
    for (answer, _) in [slow_body, slow_chunks] {
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("within 10 seconds"), "{answer}");
    }
    assert!(idle.0.starts_with("HTTP/1.1 404"), "{}", idle.0);
}

#[tokio::test]
async fn what_is_too_large_is_told_so() {
    let node = Node::start();
    let address = node.server.address();
    let large = "x".repeat(300_000);
    let (status, why) = http::send("PUT", address, BOT, &large).await;
    assert!(status == 413 && why.contains("262144 bytes"), "{status} {why}");
    let chunked = format!(
        "PUT {BOT} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    let answer = http::raw(address, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("262144 bytes"), "{answer}");
    let (_, metrics) = http::get(&node.server.admin, "/metrics").await;
    assert!(metrics.contains("collab_limits_hit_total{limit=\"body\"} 2"), "{metrics}");
}

#[tokio::test]
async fn a_head_has_a_bound() {
    let node = Node::start();
    let address = node.server.address();
    for headers in [format!("X-Long: {}\r\n", "x".repeat(20 << 10)), "X-Many: x\r\n".repeat(65)] {
        let answer = http::raw(address, &format!("GET / HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer:.200}");
    }
    let long = format!("Authorization: Bearer {}\r\n", "x".repeat(10 << 10));
    let head = format!("GET /v1/nothing HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{long}\r\n");
    assert!(http::raw(address, &head).await.starts_with("HTTP/1.1 404"));
}

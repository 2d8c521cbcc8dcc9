//! How many may come: from one address, through a proxy, to one node. Linux only: there the whole of 127.0.0.0/8 is this machine.
#![cfg(target_os = "linux")]

use crate::support::http;
use crate::support::peers::{Node, within};
use crate::support::process::PATIENCE;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Addresses of clients.
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ANA: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const BEN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

fn node(limits: &str, trusted: &str) -> Node {
    Node::with(|setup| setup.with("COLLAB_LIMITS", limits).with("COLLAB_TRUSTED_PROXIES", trusted))
}

async fn connect(from: Ipv4Addr, node: &Node) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("it is an address of this machine");
    let address = node.server.address().parse().expect("an address");
    socket.connect(address).await.expect("the server listens")
}

async fn read(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // One that is reset after the answer has given it all the same.
    let _ = within(PATIENCE, stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Asks for a page: the whole answer.
async fn get(from: Ipv4Addr, node: &Node, headers: &str) -> String {
    let mut stream = connect(from, node).await;
    let host = node.server.address();
    let head = format!("GET /v1/nothing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    // Who is turned away may be so before this.
    let _ = stream.write_all(head.as_bytes()).await;
    read(stream).await
}

/// Opens a WebSocket.
async fn open(from: Ipv4Addr, node: &Node, headers: &str) -> TcpStream {
    let mut stream = connect(from, node).await;
    let head = format!(
        "GET /v1/shared HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: collabcanvas.v1.shared\r\n{headers}\r\n",
        node.server.address()
    );
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("the server answers");
    assert_eq!(&status, b"HTTP/1.1 101");
    stream
}

fn is_there(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 404")
}

fn is_turned_away(answer: &str) -> bool {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let head = head.to_ascii_lowercase();
    head.starts_with("http/1.1 429") && head.contains("\r\nretry-after: 5") && body.contains("COLLAB_TRUSTED_PROXIES")
}

/// Waits until somebody is let in again.
async fn comes_in(from: Ipv4Addr, node: &Node, headers: &str) {
    within(PATIENCE, async { while !is_there(&get(from, node, headers).await) {} }).await;
}

async fn metric(node: &Node, limit: &str) -> u64 {
    let (_, metrics) = http::get(&node.server.admin, "/metrics").await;
    let name = format!("collab_limits_hit_total{{limit=\"{limit}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).expect("the metric is there")
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let node = node("connections_per_ip=2", "");
    assert_eq!(metric(&node, "connections_per_ip").await, 0);
    let (one, two) = (connect(ANA, &node).await, connect(ANA, &node).await);
    let answer = get(ANA, &node, "").await;
    assert!(is_turned_away(&answer), "{answer}");
    let answer = get(BEN, &node, "").await;
    assert!(is_there(&answer), "another address: {answer}");
    assert!(metric(&node, "connections_per_ip").await > 0);
    drop(one);
    comes_in(ANA, &node, "").await;
    drop(two);
}

#[tokio::test]
async fn a_websocket_keeps_its_place() {
    let node = node("connections_per_ip=1", "");
    let socket = open(ANA, &node, "").await;
    for _ in 0..3 {
        let answer = get(ANA, &node, "").await;
        assert!(is_turned_away(&answer), "{answer}");
    }
    drop(socket);
    comes_in(ANA, &node, "").await;
}

#[tokio::test]
async fn a_full_node_lets_others_wait() {
    let node = node("connections=2", "");
    let (one, _two) = (open(ANA, &node, "").await, open(BEN, &node, "").await);
    let waiting = get(HERE, &node, "");
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(300), waiting.as_mut()).await;
    assert!(early.is_err(), "{early:?}");
    drop(one);
    let answer = waiting.await;
    assert!(is_there(&answer), "{answer}");
}

#[tokio::test]
async fn connections_that_come_too_fast_wait() {
    let node = node("accepts_per_second=5", "");
    let started = std::time::Instant::now();
    for _ in 0..7 {
        assert!(is_there(&get(ANA, &node, "").await));
    }
    assert!(started.elapsed() > Duration::from_millis(350), "two of them are beyond a burst of five");
    assert!(metric(&node, "accepts").await >= 2);
}

#[tokio::test]
async fn clients_of_a_trusted_proxy_are_counted_each() {
    let node = node("connections_per_ip=1", "127.0.0.1, 10.0.0.0/8");
    let ana = open(HERE, &node, "X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\n").await;
    for spoofed in ["203.0.113.77, 198.51.100.1", "198.51.100.1, 10.1.2.3", "198.51.100.1:4711"] {
        let answer = get(HERE, &node, &format!("X-Forwarded-For: {spoofed}\r\n")).await;
        assert!(is_turned_away(&answer), "{spoofed}: {answer}");
    }
    let _ben = open(HERE, &node, "X-Forwarded-For: 198.51.100.2\r\n").await;
    // The proxy itself, which asks for nobody, is not counted.
    let _idle = [open(HERE, &node, "").await, open(HERE, &node, "").await];
    drop(ana);
    comes_in(HERE, &node, "X-Forwarded-For: 198.51.100.1\r\n").await;
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let node = node("connections_per_ip=1", "127.0.0.9");
    let _socket = open(ANA, &node, "X-Forwarded-For: 198.51.100.1\r\n").await;
    let answer = get(ANA, &node, "X-Forwarded-For: 198.51.100.2\r\n").await;
    assert!(is_turned_away(&answer), "{answer}");
    let answer = get(BEN, &node, "X-Forwarded-For: 127.0.0.2\r\n").await;
    assert!(is_there(&answer), "{answer}");
}

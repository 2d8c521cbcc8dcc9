//! Before the first message: the request, the upgrade, the hello.

use crate::support::http;
use crate::support::peers::{Bystanders, Node, within};
use collabcanvas::protocol::Encoding;
use futures_util::SinkExt as _;
use loadtest::say;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;

const OURS: &str = "Sec-WebSocket-Protocol: collabcanvas.v1.msgpack\r\n";

#[tokio::test]
async fn bad_upgrades_are_refused_with_a_sentence() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let foreign = format!("{OURS}Origin: https://evil.example\r\n");
    for (headers, status, word) in [
        ("", 400, "subprotocol"),
        ("Sec-WebSocket-Protocol: chat, collabcanvas.v2.msgpack\r\n", 400, "subprotocol"),
        (&foreign, 403, "origin"),
    ] {
        let (found, body) = http::refused_upgrade(node.server.address(), "/v1/projects/p/ws", headers).await;
        assert_eq!(found, status, "{headers}: {body}");
        assert!(body.contains(word) && body.len() > 20, "{headers}: {body}");
    }
    let (status, body) = http::get(node.server.address(), "/v1/projects/p/ws").await;
    assert_eq!(status, 400, "{body}");
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn the_own_origin_is_let_in() {
    let node = Node::start();
    let address = node.server.address();
    let head = format!(
        "GET /v1/projects/p/ws HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{OURS}\r\n"
    );
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("the server answers");
    assert_eq!(&answer, b"HTTP/1.1 101");
}

#[tokio::test]
async fn bad_project_ids_are_closed_where_a_browser_can_see_it() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    for project in ["a%20b", "%C3%A4", "a.b", "a%2Fb", &"x".repeat(65)] {
        let mut raw = node.raw(project, Encoding::MessagePack).await;
        raw.is_closed(4404).await;
    }
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn bad_hellos_are_closed_each_with_its_code() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    for (hello, code) in [
        (r#"{"t":"ping","n":1}"#, 4400),
        (r#"{"t":"batch","cid":1,"ops":[]}"#, 4400),
        (r#"{"t":"hello","v":[2,9],"client":"c"}"#, 4406),
        (r#"{"t":"hello","v":[0,0],"client":"c"}"#, 4406),
        (r#"{"t":"hello","v":1,"client":"c"}"#, 4400),
        (r#"{"t":"hello","v":[1,1]}"#, 4400),
        (r#"{"t":"hello","v":[1,1],"client":"a b"}"#, 4400),
        (r#"{"t":"hello","v":[1,1],"client":""}"#, 4400),
        (r#"{"t":"hello","v":[1,1],"client":"c","saved":9007199254740992}"#, 4400),
        (r#"{"t":"hello","v":[1,1],"client":"c","saved":-1}"#, 4400),
    ] {
        for encoding in [Encoding::MessagePack, Encoding::Json] {
            let mut raw = node.raw("p", encoding).await;
            raw.send_json(hello).await;
            raw.is_closed(code).await;
        }
    }
    let mut twice = node.raw_joined("p", Encoding::Json).await;
    twice.send(say::hello("again", None, 0)).await;
    twice.is_closed(4400).await;
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn who_says_nothing_is_closed_in_time() {
    let node = Node::start();
    let started = Instant::now();
    let mut silent = node.raw("p", Encoding::MessagePack).await;
    // Half a request head, the oldest way to hold a server's connections.
    let mut half = TcpStream::connect(node.server.address()).await.expect("the server listens");
    half.write_all(b"GET /v1/projects/p/ws HTTP/1.1\r\nHost: x\r\nX-").await.expect("it reads");
    within(Duration::from_secs(8), silent.is_closed(4408)).await;
    assert!(started.elapsed() > Duration::from_secs(4), "the hello has 5 s");
    let mut rest = Vec::new();
    let ended = within(Duration::from_secs(15), half.read_to_end(&mut rest)).await;
    assert!(ended.is_err() || rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
}

/// A socket that always has something to read must not keep its deadline away, nor fill the server with answers that it does not take.
#[tokio::test]
async fn who_pings_instead_of_saying_hello_is_closed_in_time() {
    let node = Node::start();
    let mut raw = node.raw("p", Encoding::MessagePack).await;
    let pinging = async {
        let ping = || Frame::Ping(vec![0; 100].into());
        while raw.socket.feed(ping()).await.is_ok() && raw.socket.flush().await.is_ok() {}
    };
    within(Duration::from_secs(12), pinging).await;
}

//! What attackers do, all at once, each from an address of its own.

use collabcanvas::protocol::Encoding;
use futures_util::{SinkExt as _, StreamExt as _};
use loadtest::say;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{interval, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;

/// Everything, until the process is killed.
pub(crate) async fn all(target: &str) {
    let target: SocketAddr = target.parse().expect("an address");
    for n in 0..2_000_u16 {
        tokio::spawn(half_open(target, 2 + (n % 4) as u8));
    }
    for n in 0..500_u16 {
        tokio::spawn(slowloris(target, 6 + (n % 4) as u8));
    }
    for n in 0..20 {
        tokio::spawn(junk(target, 20 + n));
    }
    for n in 0..5 {
        tokio::spawn(oversized(target, 50));
        tokio::spawn(deep(target, 51));
        tokio::spawn(flood(target, 52 + n));
        tokio::spawn(slow_reader(target, 60));
    }
    tokio::spawn(crowd(target, 70));
    sleep(Duration::from_secs(600)).await;
}

/// A connection from 127.0.0.`host`, when one can be had.
async fn connect(target: SocketAddr, host: u8) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).ok()?;
    socket.connect(target).await.ok()
}

/// A WebSocket of a project.
async fn open(target: SocketAddr, host: u8, project: &str) -> Option<WebSocketStream<TcpStream>> {
    let stream = connect(target, host).await?;
    let mut request = format!("ws://{target}/v1/projects/{project}/ws").into_client_request().ok()?;
    let protocol = HeaderValue::from_static(Encoding::MessagePack.subprotocol());
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    Some(tokio_tungstenite::client_async(request, stream).await.ok()?.0)
}

/// One that has said hello.
async fn joined(target: SocketAddr, host: u8, project: &str) -> Option<WebSocketStream<TcpStream>> {
    let mut socket = open(target, host, project).await?;
    let id = format!("hostile-{:016x}", rand::random::<u64>());
    socket.send(Message::Binary(say::hello(&id, None, 0).into())).await.ok()?;
    Some(socket)
}

/// Connects and says nothing, again and again.
async fn half_open(target: SocketAddr, host: u8) {
    loop {
        if let Some(mut stream) = connect(target, host).await {
            let _ = stream.read(&mut [0; 1]).await;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// A request's head, a byte a second.
async fn slowloris(target: SocketAddr, host: u8) {
    loop {
        let Some(mut stream) = connect(target, host).await else {
            sleep(Duration::from_secs(1)).await;
            continue;
        };
        for byte in b"GET /v1/projects/p/ws HTTP/1.1\r\nHost: example\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// A hello of junk: twenty of these make five hundred a second, ten thousand in a round.
async fn junk(target: SocketAddr, host: u8) {
    let mut pace = interval(Duration::from_millis(40));
    loop {
        pace.tick().await;
        let Some(mut socket) = open(target, host, "junk").await else { continue };
        let junk: Vec<u8> = (0..64).map(|_| rand::random()).collect();
        let _ = socket.send(Message::Binary(junk.into())).await;
        let _ = tokio::time::timeout(Duration::from_millis(200), socket.next()).await;
    }
}

/// Messages over the limit.
async fn oversized(target: SocketAddr, host: u8) {
    loop {
        if let Some(mut socket) = joined(target, host, "oversized").await {
            let _ = socket.send(Message::Binary(vec![0x81; 3 << 20].into())).await;
            while socket.next().await.is_some_and(|message| message.is_ok()) {}
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Messages that nest ten thousand deep, and some of half a megabyte of empty maps.
async fn deep(target: SocketAddr, host: u8) {
    loop {
        for message in [vec![0x91; 10_000], vec![0x80; 512 << 10]] {
            if let Some(mut socket) = joined(target, host, "deep").await {
                let _ = socket.send(Message::Binary(message.into())).await;
                while socket.next().await.is_some_and(|message| message.is_ok()) {}
            }
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Batches, presence and pings as fast as they are taken.
async fn flood(target: SocketAddr, host: u8) {
    loop {
        let Some(socket) = joined(target, host, "flood").await else {
            sleep(Duration::from_secs(1)).await;
            continue;
        };
        let (mut sink, mut stream) = socket.split();
        let reading = tokio::spawn(async move { while stream.next().await.is_some_and(|message| message.is_ok()) {} });
        let ops = say::from_json(r#"[{"op":"create","id":"x","props":{"n":1}}]"#);
        let presence = say::from_json(r#"{"t":"presence","set":{"cursor":[1,2]}}"#);
        let ping = say::from_json(r#"{"t":"ping","n":1}"#);
        for cid in 1.. {
            let batch = Message::Binary(say::batch(cid, &ops).into());
            let sent = async {
                sink.feed(batch).await?;
                sink.feed(Message::Binary(presence.clone())).await?;
                sink.send(Message::Binary(ping.clone())).await
            };
            if sent.await.is_err() {
                break;
            }
        }
        reading.abort();
    }
}

/// Reads a kilobyte a second of a project where much happens.
async fn slow_reader(target: SocketAddr, host: u8) {
    loop {
        if let Some(socket) = joined(target, host, "honest-0").await {
            let mut stream = socket.into_inner();
            while stream.read(&mut [0; 1_024]).await.is_ok_and(|read| read > 0) {
                sleep(Duration::from_secs(1)).await;
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Five thousand connections from one address.
async fn crowd(target: SocketAddr, host: u8) {
    let mut held = Vec::new();
    loop {
        for _ in 0..200 {
            held.extend(connect(target, host).await);
        }
        if held.len() > 5_000 {
            held.drain(..2_500);
        }
        sleep(Duration::from_millis(500)).await;
    }
}

//! The smallest HTTP client that can ask for a page and for an upgrade.

use super::process::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends a request head and returns the whole answer; the server closes the connection.
pub async fn raw(address: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A connection that is reset after the answer has given it all the same.
    let _ = read.expect("the server ends the connection in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Asks for a page: status and body.
pub async fn get(address: &str, path: &str) -> (u16, String) {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    parse(&raw(address, &head).await)
}

/// Sends a request with a body: status and body of the answer.
pub async fn send(method: &str, address: &str, path: &str, body: &str) -> (u16, String) {
    send_with(method, address, path, "", body).await
}

/// The same with further header lines.
pub async fn send_with(method: &str, address: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    parse(&raw(address, &head).await)
}

/// Asks for an upgrade that must be refused, with further header lines: status and body.
pub async fn refused_upgrade(address: &str, path: &str, headers: &str) -> (u16, String) {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    parse(&raw(address, &head).await)
}

fn parse(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

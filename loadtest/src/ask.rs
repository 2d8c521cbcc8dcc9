//! Asking a server on TCP something, and reading until it closes: a node's metrics, what Redis says of itself.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What somebody says to a request until it closes.
///
/// # Errors
/// A sentence that names the address.
pub async fn ask(address: &str, request: &str) -> Result<String, String> {
    let talk = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    let talked = tokio::time::timeout(PATIENCE, talk).await;
    let talked = talked.map_err(|_| format!("it does not answer within {PATIENCE:?}"));
    talked.and_then(|talked| talked.map_err(|e| e.to_string())).map_err(|e| format!("{address} tells nothing: {e}"))
}

/// The metrics of a node, by its admin address.
///
/// # Errors
/// A sentence that names the address.
pub async fn metrics(node: &str) -> Result<String, String> {
    let answer = ask(node, &format!("GET /metrics HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n\r\n")).await?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(answer) } else { Err(format!("{node} has no /metrics")) }
}

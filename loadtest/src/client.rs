//! A [`Core`] on a WebSocket.

use super::core::{Core, Violation};
use super::history::Keep;
use super::wire::Message as ServerMessage;
use bytes::Bytes;
use collabcanvas::protocol::Encoding;
use futures_util::{Sink, SinkExt as _, Stream};
use rand::RngExt as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The first bound of the random time before another try.
const RETRY_FROM: Duration = Duration::from_millis(20);
/// The last one.
const RETRY_TO: Duration = Duration::from_secs(1);
/// Bytes of a connection's read buffer.
const BUFFER: usize = 8 << 10;

/// A client's socket.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The server closed: code and text.
    #[error("the server closed the socket: {0} {1}")]
    Closed(u16, String),
    /// The connection broke, or none could be made.
    #[error("the connection failed: {0}")]
    Broken(String),
    /// The server is wrong.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// Nothing came in time.
    #[error("{0} did not come within {1:?}")]
    TimedOut(&'static str, Duration),
}

/// The address of a project's socket.
#[must_use]
pub fn address(server: &str, project: &str) -> String {
    format!("{}/v1/projects/{project}/ws", server.trim_end_matches('/'))
}

/// Opens a socket with the subprotocol of an encoding.
///
/// # Errors
/// [`Ended::Broken`].
pub async fn open(address: &str, encoding: Encoding) -> Result<Socket, Ended> {
    let broken = |e: &dyn std::fmt::Display| Ended::Broken(e.to_string());
    let mut request = address.into_client_request().map_err(|e| broken(&e))?;
    let protocol = HeaderValue::from_static(encoding.subprotocol());
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    match tokio_tungstenite::connect_async_with_config(request, Some(small()), true).await {
        Ok((socket, _)) => Ok(socket),
        // The server says why, in a sentence.
        Err(Error::Http(answer)) => {
            let why = String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default());
            Err(Ended::Broken(format!("{}: {}", answer.status(), why.trim())))
        }
        Err(error) => Err(broken(&error)),
    }
}

/// The library's own read buffer of 128 KiB is filled with zeros at each read, which cost a thousand clients an eighth of their time.
fn small() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(BUFFER)
}

/// A client of one project.
pub struct Client {
    /// What it knows and what it has lived through.
    pub core: Core,
    address: String,
    socket: Option<Socket>,
    unflushed: bool,
    /// Bytes of all messages that came.
    pub received: u64,
}

impl Client {
    /// A client that is not connected. `server` is like `ws://127.0.0.1:8080`.
    #[must_use]
    pub fn new(server: &str, project: &str, client: impl Into<String>, encoding: Encoding, keep: Keep) -> Self {
        Self {
            core: Core::new(client, encoding, keep),
            address: address(server, project),
            socket: None,
            unflushed: false,
            received: 0,
        }
    }

    /// Connects and says hello; what the client holds and what is not saved is kept from the session before.
    ///
    /// # Errors
    /// [`Ended::Broken`].
    pub async fn connect(&mut self) -> Result<(), Ended> {
        self.socket = None;
        let socket = open(&self.address, self.core.encoding()).await?;
        self.socket = Some(socket);
        self.core.begin();
        Ok(())
    }

    /// Connects, again and again until it works, with a random pause in between.
    ///
    /// # Errors
    /// [`Ended`] of the last try when `within` is over.
    pub async fn reconnect(&mut self, within: Duration) -> Result<(), Ended> {
        let until = Instant::now() + within;
        let mut bound = RETRY_FROM;
        loop {
            match self.connect().await {
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => {
                    let pause = bound.mul_f64(rand::rng().random_range(0.0..1.0));
                    tokio::time::sleep(pause).await;
                    bound = (bound * 2).min(RETRY_TO);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Goes to another server at the next connection.
    pub fn go_to(&mut self, server: &str, project: &str) {
        self.address = address(server, project);
    }

    /// Hands a batch in; it travels when [`Client::next`] or [`Client::flush`] is awaited.
    pub fn submit(&mut self, ops: impl Into<Bytes>) -> u64 {
        self.core.submit(Instant::now(), ops.into())
    }

    /// Drops the connection without a word.
    pub fn cut(&mut self) {
        self.socket = None;
    }

    /// Closes as a good client does.
    pub async fn close(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            // The server may have gone first.
            let _ = socket.close(None).await;
        }
    }

    /// Sends all that waits.
    ///
    /// # Errors
    /// [`Ended::Broken`].
    pub async fn flush(&mut self) -> Result<(), Ended> {
        poll_fn(|cx| self.poll_send(cx)).await
    }

    /// The next message, after it was applied; meanwhile everything that waits is sent. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Ended`].
    pub async fn next(&mut self) -> Result<ServerMessage, Ended> {
        loop {
            let wake = self.core.wake_at();
            let frame = tokio::select! {
                frame = poll_fn(|cx| self.poll_frame(cx)) => frame?,
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now).into()), if wake.is_some() => {
                    self.core.wake(Instant::now());
                    continue;
                }
            };
            self.received += frame.len() as u64;
            return Ok(self.core.hear(Instant::now(), &frame)?);
        }
    }

    /// Listens until something holds, for a while at most.
    ///
    /// # Errors
    /// [`Ended`]; `what` names what did not come.
    pub async fn until(
        &mut self,
        what: &'static str,
        within: Duration,
        mut holds: impl FnMut(&Core) -> bool,
    ) -> Result<(), Ended> {
        let deadline = Instant::now() + within;
        while !holds(&self.core) {
            match tokio::time::timeout_at(deadline.into(), self.next()).await {
                Ok(message) => drop(message?),
                Err(_) => return Err(Ended::TimedOut(what, within)),
            }
        }
        Ok(())
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(Ended::Broken("not connected".to_owned())));
        };
        let broken = |e: Error| Ended::Broken(e.to_string());
        loop {
            if Pin::new(&mut *socket).poll_ready(cx).map_err(broken)?.is_pending() {
                return Poll::Pending;
            }
            let Some(frame) = self.core.take_out() else { break };
            let message = match self.core.encoding() {
                Encoding::MessagePack => Message::Binary(frame),
                Encoding::Json => Message::Text(Utf8Bytes::try_from(frame).unwrap_or_default()),
            };
            socket.start_send_unpin(message).map_err(broken)?;
            self.unflushed = true;
        }
        if self.unflushed {
            if Pin::new(socket).poll_flush(cx).map_err(broken)?.is_pending() {
                return Poll::Pending;
            }
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Ended>> {
        // Even when nothing can be written there may be something to read, a close among it.
        let sent = self.poll_send(cx);
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(Ended::Broken("not connected".to_owned())));
        };
        loop {
            let broken = |why: String| Poll::Ready(Err(Ended::Broken(why)));
            return match Pin::new(&mut *socket).poll_next(cx) {
                Poll::Ready(Some(Ok(Message::Binary(frame)))) => Poll::Ready(Ok(frame)),
                Poll::Ready(Some(Ok(Message::Text(text)))) => Poll::Ready(Ok(text.into())),
                Poll::Ready(Some(Ok(Message::Close(frame)))) => {
                    let (code, text) = frame.map_or((1005, String::new()), |f| (f.code.into(), f.reason.to_string()));
                    Poll::Ready(Err(Ended::Closed(code, text)))
                }
                Poll::Ready(Some(Ok(_))) => continue,
                Poll::Ready(Some(Err(error))) => broken(error.to_string()),
                Poll::Ready(None) => broken("the socket has ended".to_owned()),
                Poll::Pending => match sent {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    _ => Poll::Pending,
                },
            };
        }
    }
}

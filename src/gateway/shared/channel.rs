//! A channel: a session, and the way of its messages to and from the shared socket.
//!
//! Owns the far end of the session's connection, on which it is the WebSocket's client. Each direction moves by itself, so that a browser that does not
//! read hinders nobody who writes, and the other way round.

use super::super::crowd::Guard;
use super::frame::{self, Closed};
use super::loopback;
use super::queue::{self, Receiver, Sender};
use crate::metrics;
use crate::protocol::close::Close;
use crate::session::{self, Session};
use futures_util::StreamExt as _;
use futures_util::stream::{SplitSink, SplitStream};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Messages that may wait for one session.
const WAITING: usize = 1_024;
/// How long the other channels wait for a session that does not take what is sent to it. That a session is slow for a moment is common, when a
/// browser sends many large batches; that it takes nothing at all happens while its project cannot be loaded.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of the buffers of the inner connection.
const READ_BYTES: usize = 4 << 10;
const WRITE_BYTES: usize = 16 << 10;

type Inner = WebSocketStream<TcpStream>;

/// What a channel's session is, and what is held as long as it lives: the node, and a place among the connections of its client's address.
pub(super) struct Opening {
    pub(super) session: Session,
    pub(super) alive: (watch::Receiver<()>, Option<Guard>),
}

/// What the reader of the shared socket holds of a channel.
pub(super) struct Channel {
    to_session: Sender,
    /// Ends the channel; taken when the client or we have closed it.
    end: Option<oneshot::Sender<Closed>>,
}

/// The part of a channel that runs by itself.
pub(super) struct Relay {
    number: u32,
    from_client: Receiver,
    end: oneshot::Receiver<Closed>,
    to_client: Sender,
    /// How long the end of a session is waited for.
    closing: Duration,
}

/// A channel of this number. It waits for its session with so many bytes at most.
pub(super) fn new(number: u32, bytes: usize, to_client: Sender, closing: Duration) -> (Channel, Relay) {
    let (to_session, from_client) = queue::new(WAITING, bytes);
    let (end, ended) = oneshot::channel();
    (Channel { to_session, end: Some(end) }, Relay { number, from_client, end: ended, to_client, closing })
}

impl Channel {
    /// Whether its number is free again.
    pub(super) fn has_ended(&self) -> bool {
        self.to_session.is_gone()
    }

    /// Passes a message on to the session. One that has not taken it in time loses its channel: else the others would wait as long.
    pub(super) async fn pass(&mut self, message: Message) {
        // Nothing comes after a close.
        let Some(end) = self.end.take() else { return };
        let is_close = message.is_close();
        match tokio::time::timeout(PATIENCE, self.to_session.send(message)).await {
            Ok(_) if is_close => drop(end),
            Ok(_) => self.end = Some(end),
            Err(_) => {
                metrics::close(Close::Slow);
                let _ = end.send(Closed::because(Close::Slow, "the session does not take what it is sent"));
            }
        }
    }
}

impl Relay {
    /// Runs a channel to its end, which the client is told of.
    pub(super) async fn run(mut self, opening: Result<Opening, Closed>) {
        let closed = match opening {
            Ok(opening) => self.open(opening).await,
            Err(refused) => refused,
        };
        // Now the number is free: the client may use it again as soon as it hears of this.
        let Self { number, from_client, to_client, .. } = self;
        drop(from_client);
        let _ = to_client.send(frame::closed(number, &closed)).await;
    }

    async fn open(&mut self, Opening { session, alive }: Opening) -> Closed {
        let (near, far) = match loopback::pair().await {
            Ok(ends) => ends,
            Err(error) => {
                tracing::warn!(%error, "a channel could not be opened");
                metrics::close(Close::Internal);
                return Closed::because(Close::Internal, "the server has no connection left");
            }
        };
        let opened = frame::opened(self.number, session.encoding.subprotocol());
        // It ends when its connection does, and must not be cut off before that.
        tokio::spawn(async move {
            session::run(session, far, Vec::new()).await;
            drop(alive);
        });
        let _ = self.to_client.send(opened).await;
        self.relay(near).await
    }

    /// Moves messages both ways until the session has ended.
    async fn relay(&mut self, near: TcpStream) -> Closed {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(WRITE_BYTES)
            .max_message_size(None)
            .max_frame_size(None);
        let inner = WebSocketStream::from_raw_socket(near, Role::Client, Some(config)).await;
        let (to_session, from_session) = inner.split();
        tokio::select! {
            closed = outwards(self.number, from_session, &self.to_client, self.closing) => closed,
            () = inwards(&mut self.from_client, to_session, self.closing) => Closed::silently(),
            Ok(closed) = &mut self.end => closed,
        }
    }
}

/// From the session to the client, until the session has ended: how it closed.
async fn outwards(number: u32, mut from_session: SplitStream<Inner>, to_client: &Sender, closing: Duration) -> Closed {
    let close = loop {
        let message = match from_session.next().await {
            Some(Ok(Message::Binary(payload))) => frame::binary(number, &payload),
            Some(Ok(Message::Text(payload))) => frame::text_message(number, &payload),
            Some(Ok(Message::Close(close))) => break close,
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => return Closed::silently(),
        };
        let _ = to_client.send(message).await;
    };
    // Our answer goes out while we listen; the session has ended when its connection does.
    let answered = async { while let Some(Ok(_)) = from_session.next().await {} };
    let _ = tokio::time::timeout(closing, answered).await;
    Closed::by_session(close)
}

/// From the client to the session. Returns when a session that was asked to close has not done so in time.
async fn inwards(from_client: &mut Receiver, mut to_session: SplitSink<Inner, Message>, closing: Duration) {
    while let Some(item) = from_client.next().await {
        match from_client.write(item, &mut to_session).await {
            Ok(false) => {}
            Ok(true) => return tokio::time::sleep(closing).await,
            // The other direction knows why.
            Err(_) => break,
        }
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const CLOSING: Duration = Duration::from_secs(2);
    const BYTES: usize = 1_000;

    /// A channel to a session that a test plays.
    struct Stage {
        channel: Channel,
        session: Inner,
        to_client: Receiver,
        relay: tokio::task::JoinHandle<Closed>,
    }

    async fn stage() -> Stage {
        let (out, to_client) = queue::new(8, 1 << 20);
        let (channel, mut relay) = new(7, BYTES, out, CLOSING);
        let (near, far) = loopback::pair().await.expect("there are ports");
        let session = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
        let relay = tokio::spawn(async move { relay.relay(near).await });
        Stage { channel, session, to_client, relay }
    }

    #[tokio::test]
    async fn a_session_that_takes_nothing_loses_its_channel_and_holds_nobody_up_for_long() {
        let Stage { mut channel, session, relay, .. } = stage().await;
        let started = tokio::time::Instant::now();
        let large = Message::Binary(Bytes::from(vec![0; 100_000]));
        while channel.end.is_some() {
            channel.pass(large.clone()).await;
        }
        assert!(started.elapsed() < PATIENCE * 3, "what is waited for has a bound");
        assert_eq!(relay.await.expect("no panic").code, Close::Slow.code());
        assert!(channel.has_ended());
        channel.pass(large).await;
        drop(session);
    }

    #[tokio::test]
    async fn a_session_that_is_only_slow_gets_everything_in_order() {
        let Stage { mut channel, mut session, relay, to_client: _heard } = stage().await;
        let taking = tokio::spawn(async move {
            let mut sizes = Vec::new();
            while let Some(Ok(Message::Binary(message))) = session.next().await {
                sizes.push(message.len());
                tokio::task::yield_now().await;
            }
            sizes
        });
        let sizes: Vec<usize> = (0..200).map(|n| n * 7_919 % 100_000).collect();
        for size in &sizes {
            channel.pass(Message::Binary(vec![0; *size].into())).await;
            assert!(channel.end.is_some(), "it was patient");
        }
        channel.pass(Message::Close(None)).await;
        assert_eq!(taking.await.expect("no panic"), sizes);
        assert!(relay.await.is_ok());
    }

    #[tokio::test]
    async fn a_connection_that_ends_without_a_word_is_told_as_such() {
        let Stage { session, relay, .. } = stage().await;
        drop(session);
        assert_eq!(relay.await.expect("no panic"), Closed::silently());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_does_not_answer_a_close_is_given_up() {
        let Stage { mut channel, session, relay, .. } = stage().await;
        channel.pass(Message::Close(None)).await;
        assert_eq!(relay.await.expect("no panic"), Closed::silently());
        drop(session);
    }
}

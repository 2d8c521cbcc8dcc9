//! Both directions of one WebSocket in one place, so that neither outlives or blocks the other.

use crate::hub::outbox::{Next, Outbox};
use crate::protocol::Encoding;
use crate::protocol::close::Close;
use crate::protocol::message::Frame;
use bytes::Bytes;
use futures_util::{Sink, Stream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};

/// What happened on a socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A message in the session's encoding.
    Frame(Bytes),
    /// A sign of life.
    Pong,
    /// A message of the wrong kind for the encoding, or no sound WebSocket message at all.
    WrongKind,
    /// A message over the limit.
    TooLarge,
    /// Everything that was queued is on its way, after the outbox had overflowed.
    CaughtUp,
    /// Our close frame, with this reason, is on its way.
    Closing(Close),
    /// The socket has ended.
    Gone,
}

/// A WebSocket and what it owes its client.
pub(super) struct Socket<S> {
    stream: WebSocketStream<S>,
    encoding: Encoding,
    /// Frames are written that are not flushed yet; since when nothing could be.
    unflushed: Option<Instant>,
    /// The last frame did not fit whole into the system's buffer: no further one is taken before it does.
    blocked: bool,
    ping: bool,
    closing: bool,
    /// What came could not be read: nothing more is, while our close is on its way. To drop the socket at once could destroy it.
    broken: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) fn new(stream: WebSocketStream<S>, encoding: Encoding) -> Self {
        Self { stream, encoding, unflushed: None, blocked: false, ping: false, closing: false, broken: false }
    }

    /// Sends a ping at the next occasion.
    pub(super) fn ping(&mut self) {
        self.ping = true;
    }

    /// How long the client has not taken a byte that waits for it.
    pub(super) fn stalled(&self, now: Instant) -> Duration {
        self.unflushed.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Moves frames out as long as the socket takes them, then listens.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, outbox: &Outbox) -> Poll<Heard> {
        match self.poll_write(cx, outbox) {
            Ok(Some(heard)) => return Poll::Ready(heard),
            Ok(None) => {}
            Err(_) => return Poll::Ready(Heard::Gone),
        }
        self.poll_read(cx)
    }

    /// Writes all that can be written and flushes once.
    fn poll_write(&mut self, cx: &mut Context<'_>, outbox: &Outbox) -> Result<Option<Heard>, Error> {
        let mut closing = None;
        while !self.closing {
            if Pin::new(&mut self.stream).poll_ready(cx)?.is_pending() {
                self.unflushed.get_or_insert_with(Instant::now);
                self.blocked = true;
                return Ok(None);
            }
            if std::mem::take(&mut self.blocked) {
                // The client has taken bytes: it is slow and not stuck, however much there is still to send.
                self.unflushed = None;
            }
            let message = if std::mem::take(&mut self.ping) {
                Message::Ping(Bytes::new())
            } else {
                match outbox.poll_next(cx) {
                    Poll::Ready(Next::Frame(frame)) => self.message(frame),
                    Poll::Ready(Next::Close(close, text)) => {
                        self.closing = true;
                        closing = Some(Heard::Closing(close));
                        close_message(close, &text)
                    }
                    Poll::Pending => break,
                }
            };
            Pin::new(&mut self.stream).start_send(message)?;
            self.unflushed.get_or_insert_with(Instant::now);
        }
        if self.unflushed.is_some() && Pin::new(&mut self.stream).poll_flush(cx)?.is_ready() {
            self.unflushed = None;
        }
        if closing.is_none() && self.unflushed.is_none() && outbox.take_overflow() {
            return Ok(Some(Heard::CaughtUp));
        }
        Ok(closing)
    }

    fn message(&self, frame: Frame) -> Message {
        match self.encoding {
            Encoding::MessagePack => Message::Binary(frame),
            Encoding::Json => Message::Text(Utf8Bytes::try_from(frame).unwrap_or_default()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        if self.broken {
            return Poll::Pending;
        }
        Poll::Ready(match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
            Some(Ok(Message::Binary(frame))) if self.encoding == Encoding::MessagePack => Heard::Frame(frame),
            Some(Ok(Message::Text(text))) if self.encoding == Encoding::Json => Heard::Frame(text.into()),
            Some(Ok(Message::Binary(_) | Message::Text(_))) => Heard::WrongKind,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_))) => Heard::Pong,
            Some(Err(Error::Capacity(_))) => {
                self.broken = true;
                Heard::TooLarge
            }
            Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => Heard::Gone,
            Some(Err(Error::Protocol(_) | Error::Utf8(_))) => {
                self.broken = true;
                Heard::WrongKind
            }
            Some(Err(_)) | None => Heard::Gone,
        })
    }
}

/// The longest text of a close frame, in bytes: a control frame has 125 in all.
const CLOSE_TEXT: usize = 123;

fn close_message(close: Close, text: &str) -> Message {
    let mut end = text.len().min(CLOSE_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Message::Close(Some(CloseFrame { code: CloseCode::from(close.code()), reason: text[..end].into() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;
    use futures_util::future::poll_immediate;
    use std::future::poll_fn;
    use tokio_tungstenite::tungstenite::protocol::Role;

    #[tokio::test]
    async fn a_reader_who_takes_some_is_slow_and_not_stalled() {
        let (ours, theirs) = tokio::io::duplex(1 << 10);
        let stream = WebSocketStream::from_raw_socket(ours, Role::Server, None).await;
        let mut socket = Socket::new(stream, Encoding::MessagePack);
        let mut client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        let outbox = Outbox::default();
        outbox.replace_bulk((0..100).map(|_| Bytes::from(vec![0; 400 << 10])));
        for _ in 0..5 {
            let before = Instant::now();
            // The client takes a frame: it must be waited for from here on at the earliest.
            let taken = async {
                loop {
                    assert!(poll_immediate(poll_fn(|cx| socket.poll(cx, &outbox))).await.is_none());
                    if let Some(message) = poll_immediate(client.next()).await {
                        return message;
                    }
                    // Else the runtime would let neither end go on.
                    tokio::task::yield_now().await;
                }
            };
            assert!(taken.await.is_some_and(|message| message.is_ok()));
            assert!(poll_immediate(poll_fn(|cx| socket.poll(cx, &outbox))).await.is_none());
            let now = Instant::now();
            assert!(socket.stalled(now) <= now - before, "stalled for longer than it was blocked");
        }
    }
}

//! Both directions of one WebSocket in one place, so that neither outlives or blocks the other.
//!
//! Reads through the WebSocket library. Writes go by the session's outbox, which has the connection's other half: the room's frames are written
//! already, and what the library has to say (pongs, the close) joins their queue.

use crate::hub::outbox::{Due, Outbox, Wire};
use crate::protocol::Encoding;
use crate::protocol::close::Close;
use crate::protocol::frame::Frame;
use bytes::Bytes;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, WebSocket};

/// Bytes that one read takes at most, and what an idle connection keeps for it.
const READ_BYTES: usize = 1 << 10;

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

/// The half of a TCP connection that an outbox writes to.
struct Half(OwnedWriteHalf);

impl Wire for Half {
    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match parts {
            [one] => self.0.try_write(one),
            several => self.0.try_write_vectored(several),
        }
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_ref().poll_write_ready(cx)
    }
}

/// The connection as the WebSocket library sees it.
struct Line {
    half: OwnedReadHalf,
    /// The task that reads.
    reader: Waker,
    outbox: Arc<Outbox>,
    /// Something was written.
    wrote: bool,
}

impl Read for Line {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut bytes = ReadBuf::new(bytes);
        match Pin::new(&mut self.half).poll_read(&mut Context::from_waker(&self.reader), &mut bytes) {
            Poll::Ready(read) => read.map(|()| bytes.filled().len()),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.push_control(Frame::written(bytes));
        self.wrote = true;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A WebSocket and what it owes its client.
pub(super) struct Socket {
    websocket: WebSocket<Line>,
    outbox: Arc<Outbox>,
    encoding: Encoding,
    /// What came could not be read: nothing more is, while our close is on its way. To drop the socket at once could destroy it.
    broken: bool,
}

impl Socket {
    /// The socket of a connection of which `read` was read after the upgrade, and the outbox that writes to it.
    pub(super) fn new(
        connection: TcpStream,
        read: Vec<u8>,
        encoding: Encoding,
        frame_bytes: usize,
    ) -> (Self, Arc<Outbox>) {
        let (half, write_half) = connection.into_split();
        let outbox = Arc::new(Outbox::new(Box::new(Half(write_half))));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(frame_bytes))
            .max_frame_size(Some(frame_bytes));
        let line = Line { half, reader: Waker::noop().clone(), outbox: outbox.clone(), wrote: false };
        let websocket = WebSocket::from_partially_read(line, read, Role::Server, Some(config));
        (Self { websocket, outbox: outbox.clone(), encoding, broken: false }, outbox)
    }

    /// Moves frames out as long as the socket takes them, then listens, if it is to: what is not read waits in the client's network.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, listens: bool) -> Poll<Heard> {
        loop {
            match self.outbox.poll_send(cx) {
                Poll::Ready(Due::CaughtUp) => return Poll::Ready(Heard::CaughtUp),
                Poll::Ready(Due::Close(close, text)) => {
                    // The client may have closed first: then there is nothing more to say.
                    let _ = self.websocket.send(close_message(close, &text));
                    return Poll::Ready(Heard::Closing(close));
                }
                Poll::Ready(Due::Broken) => return Poll::Ready(Heard::Gone),
                Poll::Pending => {}
            }
            let heard = if listens { self.poll_read(cx) } else { Poll::Pending };
            if heard.is_ready() || !std::mem::take(&mut self.websocket.get_mut().wrote) {
                return heard;
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        if self.broken {
            return Poll::Pending;
        }
        self.websocket.get_mut().reader.clone_from(cx.waker());
        Poll::Ready(match self.websocket.read() {
            Ok(Message::Binary(frame)) if self.encoding == Encoding::MessagePack => Heard::Frame(frame),
            Ok(Message::Text(text)) if self.encoding == Encoding::Json => Heard::Frame(text.into()),
            Ok(Message::Binary(_) | Message::Text(_)) => Heard::WrongKind,
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => Heard::Pong,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
            Err(Error::Capacity(_)) => {
                self.broken = true;
                Heard::TooLarge
            }
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Heard::Gone,
            Err(Error::Protocol(_) | Error::Utf8(_)) => {
                self.broken = true;
                Heard::WrongKind
            }
            Err(_) => Heard::Gone,
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The answer to a close, if there was one. The room may hold the outbox a little longer.
        self.outbox.flush();
        self.outbox.disconnect();
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

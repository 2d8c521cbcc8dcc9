//! An encoded message as it goes over a WebSocket: its header and its payload, in one piece.
//!
//! A server's frames are not masked, so that the same bytes are right for everybody: they are made once and shared by all outboxes that they go to.

use super::Encoding;
use bytes::Bytes;

/// The longest header of a frame without a mask, in bytes.
const LONGEST_HEADER: usize = 10;
/// First bytes: a whole text, binary and ping message (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// An encoded message. Cloning it copies nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Bytes,
    header: u8,
}

impl Frame {
    /// A message in this encoding.
    #[must_use]
    pub fn new(payload: &[u8], encoding: Encoding) -> Self {
        let kind = if encoding == Encoding::Json { TEXT } else { BINARY };
        Self::build(kind, payload)
    }

    /// A ping without a payload.
    #[must_use]
    pub fn ping() -> Self {
        Self { bytes: Bytes::from_static(&[PING, 0]), header: 2 }
    }

    /// Frames that somebody else has written, headers and all.
    #[must_use]
    pub fn written(bytes: &[u8]) -> Self {
        Self { bytes: Bytes::copy_from_slice(bytes), header: 0 }
    }

    /// Whether it is the answer to a ping, and nothing else.
    #[must_use]
    pub fn is_pong(&self) -> bool {
        matches!(self.bytes[..], [PONG, length, ..] if self.bytes.len() == 2 + usize::from(length))
    }

    fn build(kind: u8, payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(payload.len() + LONGEST_HEADER);
        bytes.push(kind);
        let header = match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(length @ 0..126), _) => {
                bytes.push(length);
                2
            }
            (_, Ok(length)) => {
                bytes.push(126);
                bytes.extend_from_slice(&length.to_be_bytes());
                4
            }
            _ => {
                bytes.push(127);
                bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes());
                10
            }
        };
        bytes.extend_from_slice(payload);
        Self { bytes: bytes.into(), header }
    }

    /// What goes over the socket.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.header.into()..]
    }

    /// Length of [`Self::bytes`].
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "none is empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

    fn read(frame: &Frame) -> Message {
        let stream = std::io::Cursor::new(frame.bytes().to_vec());
        WebSocket::from_raw_socket(stream, Role::Client, None).read().expect("a sound frame")
    }

    #[test]
    fn frames_of_every_length_are_read_by_a_websocket() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 200_000] {
            let payload = vec![b'x'; length];
            let frame = Frame::new(&payload, Encoding::MessagePack);
            assert_eq!(frame.payload(), payload);
            assert_eq!(read(&frame), Message::Binary(payload.clone().into()));
            let text = String::from_utf8(payload).expect("ASCII");
            assert_eq!(read(&Frame::new(text.as_bytes(), Encoding::Json)), Message::Text(text.into()));
        }
    }

    #[test]
    fn a_ping_is_one_and_what_was_written_stays_as_it_is() {
        assert_eq!(read(&Frame::ping()), Message::Ping(Bytes::new()));
        let frame = Frame::new(b"abc", Encoding::MessagePack);
        assert_eq!(Frame::written(frame.bytes()).bytes(), frame.bytes());
    }
}

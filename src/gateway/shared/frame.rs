//! The frames of a shared socket: a kind, a channel's number, a payload. Pure.

use crate::protocol::close::Close;
use bytes::{BufMut as _, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::tungstenite::{Utf8Bytes, protocol::frame::coding::CloseCode};

/// Bytes before the payload.
pub(super) const HEAD: usize = 5;
/// The longest reason that a close frame of a session's own connection has place for, in bytes.
const REASON: usize = 123;
/// What stands for a close frame without a code, and for none at all.
const NO_CODE: u16 = 1005;
const NO_CLOSE: u16 = 1006;

/// What a client asks of a channel.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Open it.
    Open {
        /// The project's id, as the client has it.
        project: String,
        /// Subprotocols, in the client's order.
        offered: String,
    },
    /// Pass this on: binary, text or close.
    Pass(Message),
}

/// Why a channel ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// A WebSocket close code.
    pub code: u16,
    /// A sentence, or nothing.
    pub reason: Utf8Bytes,
}

impl Closed {
    /// For a reason of ours.
    pub(super) fn because(close: Close, reason: &'static str) -> Self {
        Self { code: close.code(), reason: Utf8Bytes::from_static(reason) }
    }

    /// As the session said.
    pub fn by_session(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(CloseFrame { code, reason }) => Self { code: code.into(), reason },
            None => Self { code: NO_CODE, reason: Utf8Bytes::default() },
        }
    }

    /// Without a word.
    pub(super) fn silently() -> Self {
        Self { code: NO_CLOSE, reason: Utf8Bytes::default() }
    }
}

/// A client's frame.
///
/// # Errors
/// A sentence for the client's developer.
pub fn read(frame: &Bytes) -> Result<(u32, Asked), &'static str> {
    let Some((&[kind, a, b, c, d], _)) = frame.split_first_chunk::<HEAD>() else {
        return Err("a frame has a kind, four bytes of a channel's number, and a payload");
    };
    let payload = frame.slice(HEAD..);
    let asked = match kind {
        b'o' => {
            let payload = text(payload)?;
            let (project, offered) = payload.split_once(' ').unwrap_or((&payload, ""));
            Asked::Open { project: project.to_owned(), offered: offered.to_owned() }
        }
        b'b' => Asked::Pass(Message::Binary(payload)),
        b't' => Asked::Pass(Message::Text(text(payload)?)),
        b'c' => Asked::Pass(Message::Close(close(&payload)?)),
        _ => return Err("the kinds of frames are o, b, t and c"),
    };
    Ok((u32::from_be_bytes([a, b, c, d]), asked))
}

fn text(payload: Bytes) -> Result<Utf8Bytes, &'static str> {
    Utf8Bytes::try_from(payload).map_err(|_| "the payload of o and t, and the reason of c, are UTF-8")
}

fn close(payload: &Bytes) -> Result<Option<CloseFrame>, &'static str> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((code, _)) = payload.split_first_chunk::<2>() else {
        return Err("the payload of c is nothing, or a code of two bytes and a reason");
    };
    let reason = text(payload.slice(2..))?;
    let reason = if reason.len() > REASON { reason[..reason.floor_char_boundary(REASON)].into() } else { reason };
    Ok(Some(CloseFrame { code: CloseCode::from(u16::from_be_bytes(*code)), reason }))
}

fn write(kind: u8, channel: u32, payload: &[&[u8]]) -> Message {
    let mut frame = BytesMut::with_capacity(HEAD + payload.iter().map(|part| part.len()).sum::<usize>());
    frame.put_u8(kind);
    frame.put_u32(channel);
    payload.iter().for_each(|part| frame.put_slice(part));
    Message::Binary(frame.freeze())
}

/// The channel is open.
pub(super) fn opened(channel: u32, subprotocol: &str) -> Message {
    write(b'o', channel, &[subprotocol.as_bytes()])
}

/// A binary message of the session's.
pub fn binary(channel: u32, payload: &[u8]) -> Message {
    write(b'b', channel, &[payload])
}

/// A text message of the session's.
pub fn text_message(channel: u32, payload: &str) -> Message {
    write(b't', channel, &[payload.as_bytes()])
}

/// The channel is closed.
pub fn closed(channel: u32, closed: &Closed) -> Message {
    write(b'c', channel, &[&closed.code.to_be_bytes(), closed.reason.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_slice(frame: &[u8]) -> Result<(u32, Asked), &'static str> {
        read(&Bytes::copy_from_slice(frame))
    }

    fn open(project: &str, offered: &str) -> Asked {
        Asked::Open { project: project.to_owned(), offered: offered.to_owned() }
    }

    fn close_of(code: u16, reason: &str) -> Asked {
        Asked::Pass(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })))
    }

    #[test]
    fn a_clients_frames_are_read() {
        for (frame, channel, asked) in [
            (&b"o\0\0\0\x01p collabcanvas.v1.json"[..], 1, open("p", "collabcanvas.v1.json")),
            (b"o\xff\xff\xff\xffp a, b", u32::MAX, open("p", "a, b")),
            (b"o\0\0\0\0p", 0, open("p", "")),
            (b"o\0\0\0\0", 0, open("", "")),
            (b"b\x01\x02\x03\x04\x80\xff", 0x0102_0304, Asked::Pass(Message::binary(&b"\x80\xff"[..]))),
            (b"b\0\0\0\0", 0, Asked::Pass(Message::binary(&b""[..]))),
            (b"t\0\0\0\0{}", 0, Asked::Pass(Message::text("{}"))),
            (b"c\0\0\0\0", 0, Asked::Pass(Message::Close(None))),
            (b"c\0\0\0\0\x03\xe8", 0, close_of(1000, "")),
            (b"c\0\0\0\0\x0f\xa0bye", 0, close_of(4000, "bye")),
        ] {
            assert_eq!(read_slice(frame), Ok((channel, asked)), "{frame:?}");
        }
    }

    #[test]
    fn what_is_no_frame_is_told_why() {
        for (frame, word) in [
            (&b""[..], "channel"),
            (b"b\0\0\0", "channel"),
            (b"x\0\0\0\0", "kinds"),
            (b"\0\0\0\0\0", "kinds"),
            (b"o\0\0\0\0\xff", "UTF-8"),
            (b"t\0\0\0\0\xff", "UTF-8"),
            (b"c\0\0\0\0\x03", "two bytes"),
            (b"c\0\0\0\0\x03\xe8\xff", "UTF-8"),
        ] {
            let why = read_slice(frame).expect_err("no frame");
            assert!(why.contains(word), "{frame:?}: {why}");
            assert!(why.len() <= REASON, "it must fit a close frame: {why}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let frame = [&b"c\0\0\0\0\x03\xe8"[..], "ä".repeat(100).as_bytes()].concat();
        assert_eq!(read_slice(&frame), Ok((0, close_of(1000, &"ä".repeat(61)))));
    }

    #[test]
    fn the_servers_frames_are_written() {
        let full = Closed::because(Close::ProjectFull, "why");
        for (message, frame) in [
            (opened(1, "sub"), &b"o\0\0\0\x01sub"[..]),
            (binary(0x0102_0304, b"\xff"), b"b\x01\x02\x03\x04\xff"),
            (text_message(2, "{}"), b"t\0\0\0\x02{}"),
            (closed(3, &full), b"c\0\0\0\x03\x11\x3dwhy"),
            (closed(3, &Closed::silently()), b"c\0\0\0\x03\x03\xee"),
            (closed(3, &Closed::by_session(None)), b"c\0\0\0\x03\x03\xed"),
        ] {
            assert_eq!(message, Message::binary(frame));
        }
    }
}

//! WebSocket frames (RFC 6455, section 5.2), as far as a client needs them that reads in place. Pure.

/// A continuation, text, binary, close, ping or pong frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A further part of a message.
    Continuation,
    /// A message of text, or its first part.
    Text,
    /// A binary message, or its first part.
    Binary,
    /// The end.
    Close,
    /// Wants a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

/// What the generator's clients write; the numbers are those of the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// A whole binary message.
    Binary = 2,
    /// The end.
    Close = 8,
    /// The answer to a ping.
    Pong = 10,
}

/// A frame in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// Whether it ends its message.
    pub last: bool,
    /// What it carries.
    pub payload: &'a [u8],
    /// Bytes of all of it, the header included.
    pub length: usize,
}

/// What no server sends: a masked frame, an unknown kind, a length beyond reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no frame of a WebSocket server: {0}")]
pub struct NoFrame(&'static str);

/// Most bytes that one frame may carry.
const MOST: u64 = 64 << 20;

/// The first frame of a buffer; `None` when it is not complete yet.
///
/// # Errors
/// [`NoFrame`].
pub fn first(buffer: &[u8]) -> Result<Option<Frame<'_>>, NoFrame> {
    let &[start, second, ref rest @ ..] = buffer else { return Ok(None) };
    let kind = match start & 0x7f {
        0 => Kind::Continuation,
        1 => Kind::Text,
        2 => Kind::Binary,
        8 => Kind::Close,
        9 => Kind::Ping,
        10 => Kind::Pong,
        _ => return Err(NoFrame("an unknown kind, or an extension that was not asked for")),
    };
    if second & 0x80 != 0 {
        return Err(NoFrame("it is masked"));
    }
    let (header, length) = match (second, rest) {
        (126, &[a, b, ..]) => (4, u64::from(u16::from_be_bytes([a, b]))),
        (127, &[a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h])),
        (126 | 127, _) => return Ok(None),
        (short, _) => (2, u64::from(short)),
    };
    let length = usize::try_from(length).ok().filter(|_| length <= MOST).ok_or(NoFrame("it is too long"))?;
    let Some(payload) = buffer.get(header..header + length) else { return Ok(None) };
    Ok(Some(Frame { kind, last: start & 0x80 != 0, payload, length: header + length }))
}

/// Appends a whole message of a client, masked.
pub fn write(out: &mut Vec<u8>, kind: Written, mask: [u8; 4], payload: &[u8]) {
    out.push(0x80 | kind as u8);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => out.push(0x80 | length),
        (_, Ok(length)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_all_lengths_are_read() {
        for length in [0_usize, 1, 125, 126, 65_535, 65_536] {
            let mut frame = vec![0x82];
            match length {
                ..126 => frame.push(u8::try_from(length).expect("small")),
                126..65_536 => {
                    frame.push(126);
                    frame.extend(u16::try_from(length).expect("it fits").to_be_bytes());
                }
                _ => {
                    frame.push(127);
                    frame.extend((length as u64).to_be_bytes());
                }
            }
            frame.extend(std::iter::repeat_n(7, length));
            let whole = frame.len();
            for cut in [0, 1, 3, whole - 1].into_iter().filter(|cut| *cut < whole) {
                assert_eq!(first(&frame[..cut]), Ok(None), "{cut} of {whole} bytes");
            }
            frame.push(0x81);
            let read = first(&frame).expect("sound").expect("complete");
            assert_eq!((read.kind, read.last, read.payload.len(), read.length), (Kind::Binary, true, length, whole));
        }
    }

    #[test]
    fn what_no_server_sends_is_refused() {
        assert!(first(&[0x82, 0x81, 0, 0, 0, 0, 0]).is_err(), "masked");
        assert!(first(&[0xc2, 0x01, 0]).is_err(), "compressed");
        assert!(first(&[0x83, 0x01, 0]).is_err(), "unknown");
        assert!(first(&[0x82, 127, 255, 0, 0, 0, 0, 0, 0, 0]).is_err(), "too long");
        assert_eq!(first(&[0x02, 0x00]).expect("sound").map(|f| f.last), Some(false));
    }

    #[test]
    fn what_a_client_writes_is_masked() {
        let mut out = Vec::new();
        write(&mut out, Written::Binary, [1, 2, 3, 4], b"hello");
        assert_eq!(out[..6], [0x82, 0x85, 1, 2, 3, 4]);
        assert_eq!(out[6..], [b'h' ^ 1, b'e' ^ 2, b'l' ^ 3, b'l' ^ 4, b'o' ^ 1]);
        for (length, header) in [(125, 6), (126, 8), (65_535, 8), (65_536, 14)] {
            let mut out = Vec::new();
            write(&mut out, Written::Binary, [0; 4], &vec![0; length]);
            assert_eq!(out.len(), length + header);
        }
        let first = |kind| {
            let mut out = Vec::new();
            write(&mut out, kind, [0; 4], b"");
            out[0]
        };
        assert_eq!([Written::Binary, Written::Close, Written::Pong].map(first), [0x82, 0x88, 0x8a]);
    }
}

//! What a client says, written as MessagePack; JSON is transcoded from that.

use super::wire::Position;
use bytes::Bytes;
use collabcanvas::protocol::short::FEATURE;
use collabcanvas::protocol::{Encoding, json, pack};

/// A list of ops (or any other value) from JSON text.
///
/// # Panics
/// When the text is not JSON: it is a literal of a test.
#[must_use]
pub fn from_json(text: &str) -> Bytes {
    json::from_json(text).expect("the caller writes JSON").into()
}

/// A frame in the session's encoding.
///
/// # Panics
/// When `packed` is not MessagePack.
#[must_use]
pub fn frame(packed: Vec<u8>, encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::MessagePack => packed.into(),
        Encoding::Json => json::to_json(&packed).expect("we packed it").into(),
    }
}

/// `hello`.
#[must_use]
pub fn hello(client: &str, position: Option<&Position>, saved: u64) -> Vec<u8> {
    let mut out = Vec::new();
    pack::map(&mut out, 5 + usize::from(position.is_some()));
    text(&mut out, "t", "hello");
    pack::str(&mut out, "v");
    pack::array(&mut out, 2);
    pack::uint(&mut out, 1);
    pack::uint(&mut out, 1);
    pack::str(&mut out, "features");
    pack::array(&mut out, 1);
    pack::str(&mut out, FEATURE);
    text(&mut out, "client", client);
    uint(&mut out, "saved", saved);
    if let Some(position) = position {
        pack::str(&mut out, "position");
        pack::map(&mut out, 3);
        uint(&mut out, "epoch", position.epoch);
        uint(&mut out, "seq", position.seq);
        text(&mut out, "id", &position.id);
    }
    out
}

/// `batch` with ops, a MessagePack list.
#[must_use]
pub fn batch(cid: u64, ops: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ops.len() + 32);
    pack::map(&mut out, 3);
    text(&mut out, "t", "batch");
    uint(&mut out, "cid", cid);
    pack::str(&mut out, "ops");
    out.extend_from_slice(ops);
    out
}

/// `batch` that resends a refusal.
#[must_use]
pub fn void(cid: u64, code: &str) -> Vec<u8> {
    let mut out = Vec::new();
    pack::map(&mut out, 3);
    text(&mut out, "t", "batch");
    uint(&mut out, "cid", cid);
    text(&mut out, "void", code);
    out
}

fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    pack::str(out, key);
    pack::str(out, value);
}

fn uint(out: &mut Vec<u8>, key: &str, value: u64) {
    pack::str(out, key);
    pack::uint(out, value);
}

//! Messages of the server as MessagePack; `json` makes their JSON twin from that.

use super::commit::Commit;
use super::frame::Frame;
use super::json;
use super::message::{PresenceEntry, ServerMessage, WireObject};
use super::refusal::Refusal;
use super::{Encoding, pack};
use crate::ids::{Cid, ObjectId, Seq};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write as _;

/// Below this a chunk is not worth compressing, in bytes.
const DEFLATE_FROM: usize = 512;

/// A message under construction: a map whose pairs are counted as they come.
struct Map {
    out: Vec<u8>,
    pairs: u8,
}

impl Map {
    fn message(t: &str) -> Self {
        let mut map = Self { out: vec![0x80], pairs: 0 };
        pack::str(map.key("t"), t);
        map
    }

    /// Starts a pair; the caller writes one value into what is returned.
    fn key(&mut self, name: &str) -> &mut Vec<u8> {
        self.pairs += 1;
        debug_assert!(self.pairs < 16, "the head is a one-byte map head");
        pack::str(&mut self.out, name);
        &mut self.out
    }

    fn finish(mut self) -> Vec<u8> {
        self.out[0] = 0x80 | self.pairs;
        self.out
    }
}

/// Encodes a message.
#[must_use]
pub fn message(message: &ServerMessage, encoding: Encoding) -> Frame {
    in_encoding(&message_pack(message), encoding)
}

/// Turns MessagePack bytes of ours into a frame of the session's encoding.
fn in_encoding(packed: &[u8], encoding: Encoding) -> Frame {
    match encoding {
        Encoding::MessagePack => Frame::new(packed, encoding),
        Encoding::Json => {
            let text = json::to_json(packed).expect("what we packed is sound");
            Frame::new(text.as_bytes(), encoding)
        }
    }
}

fn message_pack(message: &ServerMessage) -> Vec<u8> {
    match message {
        ServerMessage::Welcome(welcome) => rmp_serde::to_vec_named(welcome).expect("a welcome is plain data"),
        ServerMessage::Commits { seq, commits } => {
            let mut bodies = Vec::new();
            commits.iter().for_each(|c| c.encode_for_clients(&mut bodies));
            commits_pack(*seq, commits.last(), commits.len(), &bodies)
        }
        ServerMessage::Ack { cid, seq, gone } => ack(*cid, *seq, gone),
        ServerMessage::Reject { cid, refusal, current, retry_ms } => reject(*cid, refusal, current.as_ref(), *retry_ms),
        ServerMessage::Gap { expected } => numbers("gap", &[("expected", *expected)]),
        ServerMessage::Saved { cid, seq } => numbers("saved", &[("cid", *cid), ("seq", *seq)]),
        ServerMessage::Presence { full, sessions } => presence(*full, sessions),
        ServerMessage::Broadcast { from, topic, data } => {
            let mut map = Map::message("broadcast");
            pack::uint(map.key("from"), *from);
            pack::str(map.key("topic"), topic);
            map.key("data").extend_from_slice(data.as_bytes());
            map.finish()
        }
        ServerMessage::Pong { n, seq } => numbers("pong", &[("n", *n), ("seq", *seq)]),
        ServerMessage::Mode(mode) => {
            let mut map = Map::message("mode");
            let name = if matches!(mode, super::message::Mode::Normal) { "normal" } else { "degraded" };
            pack::str(map.key("mode"), name);
            map.finish()
        }
        ServerMessage::Pace(ms) => perhaps("pace", "presence_ms", ms.map(u64::from)),
        ServerMessage::Token(ms) => perhaps("token", "expires_ms", *ms),
        ServerMessage::Permission(role) => {
            let mut map = Map::message("permission");
            pack::str(map.key("role"), role.as_str());
            map.finish()
        }
        ServerMessage::Error { code, message } => {
            let mut map = Map::message("error");
            pack::str(map.key("code"), code);
            pack::str(map.key("message"), message);
            map.finish()
        }
        ServerMessage::Goaway { reason, reconnect_ms } => {
            let mut map = Map::message("goaway");
            pack::str(map.key("reason"), reason);
            let out = map.key("reconnect_ms");
            pack::array(out, 2);
            pack::uint(out, reconnect_ms.0.into());
            pack::uint(out, reconnect_ms.1.into());
            map.finish()
        }
    }
}

/// A message of one number, or nil.
fn perhaps(t: &str, key: &'static str, value: Option<u64>) -> Vec<u8> {
    let mut map = Map::message(t);
    let out = map.key(key);
    match value {
        Some(value) => pack::uint(out, value),
        None => pack::nil(out),
    }
    map.finish()
}

/// A message of nothing but numbers.
fn numbers(t: &str, pairs: &[(&'static str, u64)]) -> Vec<u8> {
    let mut map = Map::message(t);
    pairs.iter().for_each(|(key, value)| pack::uint(map.key(key), *value));
    map.finish()
}

fn commits_pack(seq: Seq, last: Option<&Commit>, count: usize, bodies: &[u8]) -> Vec<u8> {
    let mut map = Map::message("commits");
    pack::uint(map.key("seq"), seq);
    let id = last.map_or(crate::ids::CommitId::NONE, |c| c.id);
    pack::str(map.key("id"), &id.text());
    let out = map.key("commits");
    pack::array(out, count);
    out.extend_from_slice(bodies);
    map.finish()
}

/// A `commits` message straight from commits that are kept elsewhere.
#[must_use]
pub fn commits<'a>(seq: Seq, list: impl ExactSizeIterator<Item = &'a Commit>, encoding: Encoding) -> Frame {
    let (mut bodies, count, mut last) = (Vec::new(), list.len(), None);
    for commit in list {
        commit.encode_for_clients(&mut bodies);
        last = Some(commit);
    }
    in_encoding(&commits_pack(seq, last, count, &bodies), encoding)
}

fn ack(cid: Cid, seq: Seq, gone: &[(Cid, Vec<ObjectId>)]) -> Vec<u8> {
    let mut map = Map::message("ack");
    pack::uint(map.key("cid"), cid);
    pack::uint(map.key("seq"), seq);
    if !gone.is_empty() {
        let out = map.key("gone");
        pack::array(out, gone.len());
        for (cid, ids) in gone {
            pack::array(out, 2);
            pack::uint(out, *cid);
            pack::array(out, ids.len());
            ids.iter().for_each(|id| pack::str(out, id.as_str()));
        }
    }
    map.finish()
}

fn reject(cid: Cid, refusal: &Refusal, current: Option<&WireObject>, retry_ms: Option<u32>) -> Vec<u8> {
    let mut map = Map::message("reject");
    pack::uint(map.key("cid"), cid);
    pack::str(map.key("kind"), refusal.code.kind().as_str());
    pack::str(map.key("code"), refusal.code.as_str());
    pack::str(map.key("message"), &refusal.message);
    if let Some(op) = refusal.op {
        pack::uint(map.key("op"), op as u64);
    }
    if let Some(id) = &refusal.id {
        pack::str(map.key("id"), id.as_str());
        let out = map.key("current");
        match current {
            Some(current) => object(out, current),
            None => pack::nil(out),
        }
    }
    if let Some(by) = refusal.by {
        pack::str(map.key("by"), &by.text());
    }
    if let Some(ms) = retry_ms {
        pack::uint(map.key("retry_ms"), ms.into());
    }
    map.finish()
}

fn object(out: &mut Vec<u8>, object: &WireObject) {
    pack::array(out, 3);
    pack::str(out, object.id.as_str());
    pack::uint(out, object.rev);
    out.extend_from_slice(object.props.as_bytes());
}

fn presence(full: bool, sessions: &[PresenceEntry]) -> Vec<u8> {
    let mut map = Map::message("presence");
    if full {
        pack::bool(map.key("full"), true);
    }
    let out = map.key("sessions");
    pack::array(out, sessions.len());
    sessions.iter().for_each(|entry| entry.pack(out));
    map.finish()
}

/// Encodes one snapshot chunk; compressed when the encoding can and it pays.
#[must_use]
pub fn snapshot<'a>(
    n: usize,
    last: bool,
    objects: impl ExactSizeIterator<Item = (&'a ObjectId, Seq, &'a super::props::Props)>,
    encoding: Encoding,
) -> Frame {
    let mut list = Vec::with_capacity(super::limits::CHUNK_BYTES + 1024);
    pack::array(&mut list, objects.len());
    for (id, rev, props) in objects {
        pack::array(&mut list, 3);
        pack::str(&mut list, id.as_str());
        pack::uint(&mut list, rev);
        list.extend_from_slice(props.as_bytes());
    }
    let mut map = Map::message("snapshot");
    pack::uint(map.key("n"), n as u64);
    pack::bool(map.key("last"), last);
    match deflated(&list, encoding) {
        Some(small) => pack::bin(map.key("deflate"), &small),
        None => map.key("objects").extend_from_slice(&list),
    }
    in_encoding(&map.finish(), encoding)
}

/// The list compressed, when the encoding can carry it and it saves a tenth at least.
fn deflated(list: &[u8], encoding: Encoding) -> Option<Vec<u8>> {
    if encoding == Encoding::Json || list.len() < DEFLATE_FROM {
        return None;
    }
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(list.len() / 4), Compression::fast());
    encoder.write_all(list).ok()?;
    let small = encoder.finish().ok()?;
    (small.len() < list.len() / 10 * 9).then_some(small)
}

//! Messages of a client, from bytes to types: everything is checked here, once.
//!
//! Two kinds of wrong are kept apart. A frame that is not a message at all is [`Unreadable`] and ends the session. A batch that can be
//! read but holds an invalid op is a message like any other, whose body says what is wrong: it is refused and the session goes on.

mod ops;

use super::limits::{FRAME_DEPTH, FRAME_VALUES, Limits, TOPIC_BYTES};
use super::message::{ClientMessage, Credentials, Hello, To};
use super::op::{Batch, Body};
use super::props::Props;
use super::refusal::Code;
use super::scan::{self, Malformed};
use super::secret::Secret;
use super::unpack::Reader;
use super::value::{self, Value};
use super::{Encoding, json, short};
use crate::ids::{CommitId, Position};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

/// A frame that is not a message of this protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl From<Malformed> for Unreadable {
    fn from(error: Malformed) -> Self {
        Self(format!("{error}; send one sound message per WebSocket frame"))
    }
}

/// Cids stay below it, so that every language counts them exactly.
const END_OF_CIDS: u64 = 1 << 53;

/// Features that a client may name in hello and this build knows.
const FEATURES: [&str; 1] = [short::FEATURE];

/// The pairs of a map whose keys mean something, each value as its raw bytes.
struct Fields<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> Fields<'a> {
    /// Reads a map. What is ignored takes no room, and of a key that comes again only the first is kept: a megabyte of two-byte pairs would
    /// become tens of megabytes.
    fn read(raw: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(raw);
        let pairs = reader.map()?;
        let mut fields: Vec<(&str, &[u8])> = Vec::with_capacity(pairs.min(8));
        for _ in 0..pairs {
            let (key, raw) = (reader.str()?, reader.raw()?);
            if is_key(key) && !value::is_nil(raw) && !fields.iter().any(|(known, _)| *known == key) {
                fields.push((key, raw));
            }
        }
        Ok(Self(fields))
    }

    /// The value of a key; nil counts as absent.
    fn get(&self, key: &str) -> Option<&'a [u8]> {
        debug_assert!(is_key(key), "the key {key:?} is not read");
        self.0.iter().find(|(known, _)| *known == key).map(|(_, raw)| *raw)
    }

    fn need(&self, key: &'static str) -> Result<&'a [u8], Unreadable> {
        self.get(key).ok_or_else(|| Unreadable(format!("the message has no key {key:?}")))
    }

    fn uint(&self, key: &'static str) -> Result<u64, Unreadable> {
        let read = Reader::new(self.need(key)?).uint();
        read.map_err(|_| Unreadable(format!("the key {key:?} must be an integer from zero up")))
    }

    fn text(&self, key: &'static str) -> Result<&'a str, Unreadable> {
        value::text(self.need(key)?).ok_or_else(|| Unreadable(format!("the key {key:?} must be text")))
    }
}

/// Whether a key means something in some message or op.
fn is_key(key: &str) -> bool {
    let of_hello = matches!(key, "t" | "v" | "features" | "client" | "position" | "saved" | "presence");
    let of_access = matches!(key, "token" | "password");
    let of_position = matches!(key, "epoch" | "seq" | "id");
    let of_message = matches!(key, "cid" | "ops" | "void" | "durable" | "set" | "topic" | "data" | "to" | "n");
    let of_op = matches!(key, "op" | "props" | "unset" | "prop" | "by" | "ttl_ms" | "if_rev" | "if_absent");
    of_hello || of_access || of_position || of_message || of_op
}

/// Reads one WebSocket message.
///
/// # Errors
/// [`Unreadable`] with a sentence for the client's developer.
pub fn client_message(frame: &[u8], encoding: Encoding, limits: &Limits) -> Result<ClientMessage, Unreadable> {
    match encoding {
        Encoding::MessagePack => packed(frame, limits),
        Encoding::Json => {
            let text = std::str::from_utf8(frame).map_err(|_| Unreadable("a JSON message must be UTF-8".to_owned()))?;
            let frame = json::from_json(text).map_err(|e| Unreadable(format!("the message is not JSON: {e}")))?;
            packed(&frame, limits)
        }
    }
}

fn packed(frame: &[u8], limits: &Limits) -> Result<ClientMessage, Unreadable> {
    scan::check(frame, FRAME_DEPTH, FRAME_VALUES)?;
    let fields = Fields::read(frame)?;
    match fields.text("t")? {
        "hello" => hello(&fields, limits).map(ClientMessage::Hello),
        "batch" => batch(&fields, limits).map(ClientMessage::Batch),
        "presence" => {
            let set = Props::parse(fields.need("set")?, limits.value_depth as usize);
            set.map(ClientMessage::Presence).map_err(|e| Unreadable(format!("presence fields: {e}")))
        }
        "broadcast" => broadcast(&fields, limits),
        "token" => {
            let shown = credentials(&fields)?;
            shown
                .token
                .is_some()
                .then_some(ClientMessage::Token(shown))
                .ok_or_else(|| Unreadable("the message has no key \"token\"".to_owned()))
        }
        "ping" => Ok(ClientMessage::Ping(fields.uint("n")?)),
        other => Err(Unreadable(format!("unknown message type {:?}", other.chars().take(32).collect::<String>()))),
    }
}

fn hello(fields: &Fields<'_>, limits: &Limits) -> Result<Hello, Unreadable> {
    let presence = match fields.get("presence") {
        Some(raw) => Props::parse(raw, limits.value_depth as usize)
            .map_err(|e| Unreadable(format!("the key \"presence\" of hello: {e}")))?,
        None => Props::empty(),
    };
    let wrong = |key: &str, what: &str| Unreadable(format!("the key {key:?} of hello must be {what}"));
    Ok(Hello {
        versions: versions(fields.need("v")?).ok_or_else(|| wrong("v", "the lowest and the highest version"))?,
        features: match fields.get("features") {
            Some(raw) => features(raw).map_err(|_| wrong("features", "a list of names"))?,
            None => Vec::new(),
        },
        client: fields.text("client")?.to_owned(),
        credentials: credentials(fields)?,
        position: fields.get("position").map(position).transpose()?.flatten(),
        saved: match fields.get("saved").map(|_| fields.uint("saved")).transpose()?.unwrap_or(0) {
            cid @ ..END_OF_CIDS => cid,
            _ => return Err(Unreadable("the key \"saved\" of hello: a cid is below 2^53".to_owned())),
        },
        presence,
    })
}

fn credentials(fields: &Fields<'_>) -> Result<Credentials, Unreadable> {
    let secret = |key| fields.get(key).map(|_| fields.text(key).map(Secret::from)).transpose();
    Ok(Credentials { token: secret("token")?, password: secret("password")? })
}

fn versions(raw: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader::new(raw);
    let parts = reader.array().ok()?;
    let mut version = || u32::try_from(reader.uint().ok()?).ok();
    if parts == 2 { Some((version()?, version()?)) } else { None }
}

/// The features that this build knows: a client may name any number of others.
fn features(raw: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut reader = Reader::new(raw);
    let mut known: Vec<String> = Vec::new();
    for _ in 0..reader.array()? {
        let name = reader.str()?;
        if FEATURES.contains(&name) && !known.iter().any(|known| known == name) {
            known.push(name.to_owned());
        }
    }
    Ok(known)
}

/// A position; `None` when its id is none that a server gives.
fn position(raw: &[u8]) -> Result<Option<Position>, Unreadable> {
    let fields = Fields::read(raw)?;
    let (epoch, seq, id) = (fields.uint("epoch")?, fields.uint("seq")?, CommitId::parse(fields.text("id")?));
    Ok(id.map(|id| Position { epoch, seq, id }))
}

fn broadcast(fields: &Fields<'_>, limits: &Limits) -> Result<ClientMessage, Unreadable> {
    let topic = fields.text("topic")?;
    if topic.is_empty() || topic.len() > TOPIC_BYTES {
        return Err(Unreadable(format!("a broadcast's topic must have 1 to {TOPIC_BYTES} bytes")));
    }
    let raw = fields.get("data").unwrap_or(&[0xc0]);
    let data = Value::new(Bytes::copy_from_slice(raw), limits.value_depth as usize)?;
    let to = fields.get("to").map_or(Some(To::All), To::read);
    let to = to.ok_or_else(|| Unreadable("the key \"to\" must be a session's number or a user's id".to_owned()))?;
    Ok(ClientMessage::Broadcast { topic: topic.into(), data, to })
}

fn batch(fields: &Fields<'_>, limits: &Limits) -> Result<Batch, Unreadable> {
    let cid = fields.uint("cid")?;
    if cid == 0 || cid >= END_OF_CIDS {
        return Err(Unreadable("a cid counts from 1 up, below 2^53".to_owned()));
    }
    let durable = fields.get("durable").is_some_and(|raw| raw == [0xc3]);
    if fields.get("void").is_some() {
        let code = Code::parse(fields.text("void")?);
        return Ok(Batch { cid, body: Body::Void(code), durable, digest: 0 });
    }
    let raw = fields.need("ops")?;
    let body = ops::ops(raw, limits)?.map_or_else(Body::Invalid, Body::Ops);
    Ok(Batch { cid, body, durable, digest: xxh3_64(raw) })
}

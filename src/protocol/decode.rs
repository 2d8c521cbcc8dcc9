//! Messages of a client, from bytes to types: everything is checked here, once.
//!
//! Two kinds of wrong are kept apart. A frame that is not a message at all is [`Unreadable`] and ends the session. A batch that can be
//! read but holds an invalid op is a message like any other, whose body says what is wrong: it is refused and the session goes on.

mod ops;

use super::limits::{FRAME_DEPTH, FRAME_VALUES, Limits, TOPIC_BYTES};
use super::message::{ClientMessage, Credentials, Hello, To, WirePosition};
use super::op::{Batch, Body};
use super::props::Props;
use super::refusal::Code;
use super::scan::{self, Malformed};
use super::secret::Secret;
use super::unpack::Reader;
use super::value::{self, Value};
use super::{Encoding, json};
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

/// The pairs of a map, each value as its raw bytes.
struct Fields<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> Fields<'a> {
    fn read(raw: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(raw);
        let pairs = reader.map()?;
        (0..pairs).map(|_| Ok((reader.str()?, reader.raw()?))).collect::<Result<_, _>>().map(Self)
    }

    /// The value of a key; nil counts as absent.
    fn get(&self, key: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(k, raw)| *k == key && !value::is_nil(raw)).map(|(_, raw)| *raw)
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
    let read =
        |key: &'static str| move |e: rmp_serde::decode::Error| Unreadable(format!("the key {key:?} of hello: {e}"));
    let position = match fields.get("position") {
        Some(raw) => rmp_serde::from_slice::<WirePosition>(raw).map_err(read("position"))?.parse(),
        None => None,
    };
    let presence = match fields.get("presence") {
        Some(raw) => Props::parse(raw, limits.value_depth as usize)
            .map_err(|e| Unreadable(format!("the key \"presence\" of hello: {e}")))?,
        None => Props::empty(),
    };
    Ok(Hello {
        versions: rmp_serde::from_slice(fields.need("v")?).map_err(read("v"))?,
        features: fields.get("features").map_or(Ok(Vec::new()), rmp_serde::from_slice).map_err(read("features"))?,
        client: fields.text("client")?.to_owned(),
        credentials: credentials(fields)?,
        position,
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

fn broadcast(fields: &Fields<'_>, limits: &Limits) -> Result<ClientMessage, Unreadable> {
    let topic = fields.text("topic")?;
    if topic.is_empty() || topic.len() > TOPIC_BYTES {
        return Err(Unreadable(format!("a broadcast's topic must have 1 to {TOPIC_BYTES} bytes")));
    }
    let raw = fields.0.iter().find(|(k, _)| *k == "data").map_or(&[0xc0][..], |(_, raw)| *raw);
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

//! What a server says, read from MessagePack; a JSON message is transcoded first.

use super::map::Map;
pub use super::unreadable::Unreadable;
use bytes::Bytes;
use collabcanvas::protocol::unpack::Reader;
use collabcanvas::protocol::{Encoding, json};
use flate2::read::DeflateDecoder;
use smol_str::SmolStr;
use std::io::Read as _;

/// Properties: names and raw MessagePack values, in the order in which they came.
pub type Fields = Vec<(SmolStr, Bytes)>;

/// Most bytes that one snapshot chunk may unpack to.
const CHUNK_MOST: u64 = 64 << 20;

/// Where a history stands, as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Lineage.
    pub epoch: u64,
    /// Seq of the last commit.
    pub seq: u64,
    /// Commit id at `seq`.
    pub id: SmolStr,
}

/// The answer to hello, and the start of every later resync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// This session's number.
    pub session: u64,
    /// How commits name this client.
    pub author: SmolStr,
    /// What this client may do.
    pub role: SmolStr,
    /// Where the sync leads to.
    pub position: Position,
    /// The project is durable up to here.
    pub saved_seq: u64,
    /// The highest cid that the server has of this client.
    pub last: u64,
    /// The highest durable one.
    pub saved: u64,
    /// Whether a snapshot follows; else a delta.
    pub snapshot: bool,
    /// Batches that may be unanswered.
    pub unacked_batches: u64,
}

/// One object of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its id.
    pub id: SmolStr,
    /// Seq of its last change.
    pub rev: u64,
    /// Its properties.
    pub props: Fields,
}

/// What a commit did to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is now this.
    Put(SmolStr, Fields),
    /// These properties are now this, those are gone.
    Set(SmolStr, Fields, Vec<SmolStr>),
    /// It is gone.
    Delete(SmolStr),
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Whose; empty for the server's own.
    pub author: SmolStr,
    /// The author's counter.
    pub cid: u64,
    /// What it did.
    pub changes: Vec<Change>,
    /// The code, when it records a refusal.
    pub refused: Option<SmolStr>,
}

/// A refused batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Which batch.
    pub cid: u64,
    /// `final`, `temporary` or `forbidden`.
    pub kind: SmolStr,
    /// The code.
    pub code: SmolStr,
    /// A sentence.
    pub message: String,
    /// Index of the op.
    pub op: Option<u64>,
    /// What the op's object is now, if the message says so and it exists.
    pub current: Option<Object>,
    /// When to send it again, in ms.
    pub retry_ms: Option<u64>,
}

/// One session's line in a presence message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Whose.
    pub session: u64,
    /// The fields that changed; `None` when it has left.
    pub fields: Option<Fields>,
    /// Its author, when it is new.
    pub author: Option<SmolStr>,
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// See [`Welcome`].
    Welcome(Box<Welcome>),
    /// A chunk: its number, whether it is the last, its objects.
    Snapshot(u64, bool, Vec<Object>),
    /// Commits from this seq on; the id is the last one's.
    Commits(u64, SmolStr, Vec<Commit>),
    /// Every batch up to this cid is answered: cid, seq, objects that were gone.
    Ack(u64, u64, Vec<(u64, Vec<SmolStr>)>),
    /// See [`Reject`].
    Reject(Box<Reject>),
    /// Resend from this cid.
    Gap(u64),
    /// Durable: this client's cid, the project's seq.
    Saved(u64, u64),
    /// Whether this is everybody, and who.
    Presence(bool, Vec<Present>),
    /// From which session, about what, what.
    Broadcast(u64, SmolStr, Bytes),
    /// The ping's number and the project's seq.
    Pong(u64, u64),
    /// How often presence is wanted, in ms; `None` while nobody else is there.
    Pace(Option<u64>),
    /// `normal` or `degraded`.
    Mode(SmolStr),
    /// The new role.
    Permission(SmolStr),
    /// In how many ms access ends; `None`: never.
    Token(Option<u64>),
    /// A code and a sentence.
    Error(SmolStr, String),
    /// Why, and when to come back, in ms.
    Goaway(SmolStr, u64, u64),
    /// What the numbers of short frames stand for; see [`crate::short`].
    Names,
}

/// Reads one WebSocket message.
///
/// # Errors
/// [`Unreadable`].
pub fn read(frame: &[u8], encoding: Encoding) -> Result<Message, Unreadable> {
    match encoding {
        Encoding::MessagePack => packed(frame),
        Encoding::Json => {
            let text = std::str::from_utf8(frame).map_err(|e| Unreadable::new(e.to_string()))?;
            packed(&json::from_json(text).map_err(|e| Unreadable::new(e.to_string()))?)
        }
    }
}

fn packed(frame: &[u8]) -> Result<Message, Unreadable> {
    let map = Map::read(frame)?;
    Ok(match map.text("t")?.as_str() {
        "welcome" => Message::Welcome(Box::new(welcome(&map)?)),
        "snapshot" => Message::Snapshot(map.uint("n")?, map.get("last")?.bool()?, chunk(&map)?),
        "commits" => {
            let commits = list(&mut map.get("commits")?, commit)?;
            Message::Commits(map.uint("seq")?, map.text("id")?, commits)
        }
        "ack" => {
            let gone = map.find("gone").map(|mut r| list(&mut r, gone)).transpose()?;
            Message::Ack(map.uint("cid")?, map.uint("seq")?, gone.unwrap_or_default())
        }
        "reject" => Message::Reject(Box::new(reject(&map)?)),
        "gap" => Message::Gap(map.uint("expected")?),
        "saved" => Message::Saved(map.uint("cid")?, map.uint("seq")?),
        "presence" => {
            let full = map.find("full").map(|mut r| r.bool()).transpose()?;
            Message::Presence(full == Some(true), list(&mut map.get("sessions")?, present)?)
        }
        "broadcast" => {
            let data = Bytes::copy_from_slice(map.get("data")?.raw()?);
            Message::Broadcast(map.uint("from")?, map.text("topic")?, data)
        }
        "pong" => Message::Pong(map.uint("n")?, map.uint("seq")?),
        "pace" => Message::Pace(perhaps(map.get("presence_ms")?)?),
        "token" => Message::Token(perhaps(map.get("expires_ms")?)?),
        "mode" => Message::Mode(map.text("mode")?),
        "permission" => Message::Permission(map.text("role")?),
        "error" => Message::Error(map.text("code")?, map.text("message")?.into()),
        "goaway" => {
            let mut range = map.get("reconnect_ms")?;
            range.array()?;
            Message::Goaway(map.text("reason")?, range.uint()?, range.uint()?)
        }
        other => return Err(Unreadable::new(format!("unknown type {other:?}"))),
    })
}

/// A number or nil.
fn perhaps(mut reader: Reader<'_>) -> Result<Option<u64>, Unreadable> {
    Ok(if reader.nil() { None } else { Some(reader.uint()?) })
}

pub(crate) fn list<T>(
    reader: &mut Reader<'_>,
    item: impl Fn(&mut Reader<'_>) -> Result<T, Unreadable>,
) -> Result<Vec<T>, Unreadable> {
    (0..reader.array()?).map(|_| item(reader)).collect()
}

fn name(reader: &mut Reader<'_>) -> Result<SmolStr, Unreadable> {
    Ok(reader.str()?.into())
}

/// Reads a map of properties.
///
/// # Errors
/// [`Unreadable`].
pub fn fields(reader: &mut Reader<'_>) -> Result<Fields, Unreadable> {
    let pairs = reader.map()?;
    (0..pairs).map(|_| Ok((name(reader)?, Bytes::copy_from_slice(reader.raw()?)))).collect()
}

fn welcome(map: &Map<'_>) -> Result<Welcome, Unreadable> {
    let position = Map::read(map.get("position")?.raw()?)?;
    let limits = Map::read(map.get("limits")?.raw()?)?;
    Ok(Welcome {
        session: map.uint("session")?,
        author: map.text("author")?,
        role: map.text("role")?,
        position: Position { epoch: position.uint("epoch")?, seq: position.uint("seq")?, id: position.text("id")? },
        saved_seq: map.uint("saved_seq")?,
        last: map.uint("last")?,
        saved: map.uint("saved")?,
        snapshot: map.text("sync")? == "snapshot",
        unacked_batches: limits.uint("unacked_batches")?,
    })
}

fn chunk(map: &Map<'_>) -> Result<Vec<Object>, Unreadable> {
    let Some(mut packed) = map.find("deflate") else {
        return list(&mut map.get("objects")?, object);
    };
    let mut raw = Vec::new();
    let inflated = DeflateDecoder::new(packed.bin()?).take(CHUNK_MOST).read_to_end(&mut raw);
    inflated.map_err(|e| Unreadable::new(format!("a chunk does not inflate: {e}")))?;
    list(&mut Reader::new(&raw), object)
}

fn object(reader: &mut Reader<'_>) -> Result<Object, Unreadable> {
    reader.array()?;
    Ok(Object { id: name(reader)?, rev: reader.uint()?, props: fields(reader)? })
}

fn commit(reader: &mut Reader<'_>) -> Result<Commit, Unreadable> {
    let parts = reader.array()?;
    Ok(Commit {
        author: name(reader)?,
        cid: reader.uint()?,
        changes: list(reader, change)?,
        refused: (parts > 3).then(|| name(reader)).transpose()?,
    })
}

/// Reads one change, as it stands in a commit.
///
/// # Errors
/// [`Unreadable`].
pub fn change(reader: &mut Reader<'_>) -> Result<Change, Unreadable> {
    let parts = reader.array()?;
    let kind = reader.str()?;
    change_of(kind, parts, reader)
}

/// Reads what follows the kind of a change.
pub(crate) fn change_of(kind: &str, parts: usize, reader: &mut Reader<'_>) -> Result<Change, Unreadable> {
    let id = name(reader)?;
    match (kind, parts) {
        ("put", 3) => Ok(Change::Put(id, fields(reader)?)),
        ("set", 3) => Ok(Change::Set(id, fields(reader)?, Vec::new())),
        ("set", 4) => Ok(Change::Set(id, fields(reader)?, list(reader, name)?)),
        ("del", 2) => Ok(Change::Delete(id)),
        _ => Err(Unreadable::new(format!("unknown change {kind:?} of {parts} parts"))),
    }
}

fn gone(reader: &mut Reader<'_>) -> Result<(u64, Vec<SmolStr>), Unreadable> {
    reader.array()?;
    Ok((reader.uint()?, list(reader, name)?))
}

fn reject(map: &Map<'_>) -> Result<Reject, Unreadable> {
    let current = map.find("current").filter(|r| !r.clone().nil());
    Ok(Reject {
        cid: map.uint("cid")?,
        kind: map.text("kind")?,
        code: map.text("code")?,
        message: map.text("message")?.into(),
        op: map.find("op").map(|mut r| r.uint()).transpose()?,
        current: current.map(|mut r| object(&mut r)).transpose()?,
        retry_ms: map.find("retry_ms").map(|mut r| r.uint()).transpose()?,
    })
}

fn present(reader: &mut Reader<'_>) -> Result<Present, Unreadable> {
    let parts = reader.array()?;
    let session = reader.uint()?;
    let left = reader.nil();
    let fields = (!left).then(|| fields(reader)).transpose()?;
    let who = (parts > 2).then(|| Map::read(reader.raw()?)).transpose()?;
    let author = who.map(|who| who.text("author")).transpose()?;
    Ok(Present { session, fields, author })
}

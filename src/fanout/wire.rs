//! Events as they travel between nodes: pure.
//!
//! The first byte is the kind. Numbers of fixed places are 8 bytes, big-endian:
//!
//! | kind | then | who publishes it |
//! |---|---|---|
//! | `C` | a packed [`Run`], which says when it was sent | the commit script |
//! | `S` | epoch, seq, commit id: [`Event::Saved`] | a script |
//! | `L` | epoch: [`Event::Began`] | a script |
//! | `R` | version: [`Event::Rights`] | a node, which hears it itself too |
//! | `P` | node, sent (µs since 1970), then n, and the entries as on the client's wire; one with who it is but without fields is a bot that has left, whichever node shows it | a node |
//! | `B` | node, sent, then n, and the sessions | a node |
//! | `X` | node, sent, then from, topic, to (a session, a user, or nil), and the data byte for byte | a node |
//!
//! What follows the fixed places of `P`, `B` and `X` is MessagePack, one value after the other. A kind that is not here comes from a newer node.

use super::Event;
use crate::ids::{CommitId, NodeId, Position};
use crate::protocol::commit;
use crate::protocol::limits::{FRAME_DEPTH, TOPIC_BYTES};
use crate::protocol::message::{PresenceEntry, To};
use crate::protocol::pack;
use crate::protocol::presence;
use crate::protocol::props::InvalidProps;
use crate::protocol::run::{self, Run};
use crate::protocol::scan::Malformed;
use crate::protocol::unpack::Reader;
use crate::protocol::value::Value;
use bytes::Bytes;

/// No run is larger: 64 batches that each replace objects many times their size.
const RUN_BYTES: usize = 256 << 20;
/// Nothing else is larger: all sessions of a crowded room at once.
const OTHER_BYTES: usize = 16 << 20;

/// The smallest line of presence, in bytes.
const LINE_LEAST: usize = 3;

/// Why bytes are no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// An event of a newer node: to be passed over.
    #[error("an event of the unknown kind {0}")]
    Unknown(u8),
    /// It is broken.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its commits are broken.
    #[error(transparent)]
    Run(#[from] commit::Unreadable),
    /// Its presence fields are broken.
    #[error(transparent)]
    Props(#[from] InvalidProps),
    /// It is too large.
    #[error("an event of {0} bytes")]
    Size(usize),
}

/// Writes an event; `None` for a [`Event::Gap`], which does not travel.
#[must_use]
pub fn encode(event: &Event, sent_us: u64) -> Option<Vec<u8>> {
    Some(match event {
        Event::Commits(run) => run.pack(sent_us),
        Event::Saved(position) => fixed(b'S', &[position.epoch, position.seq, u64::from_be_bytes(position.id.0)]),
        Event::Began { epoch } => fixed(b'L', &[*epoch]),
        Event::Rights { version } => fixed(b'R', &[*version]),
        Event::Presence { node, n, sessions } => {
            let mut out = fixed(b'P', &[*node, sent_us]);
            pack::uint(&mut out, *n);
            pack::array(&mut out, sessions.len());
            sessions.iter().for_each(|entry| entry.pack(&mut out));
            out
        }
        Event::Beat { node, n, sessions } => {
            let mut out = fixed(b'B', &[*node, sent_us]);
            pack::uint(&mut out, *n);
            pack::array(&mut out, sessions.len());
            sessions.iter().for_each(|session| pack::uint(&mut out, *session));
            out
        }
        Event::Broadcast { node, from, topic, data, to } => {
            let mut out = fixed(b'X', &[*node, sent_us]);
            pack::uint(&mut out, *from);
            pack::str(&mut out, topic);
            to.pack(&mut out);
            out.extend_from_slice(data.as_bytes());
            out
        }
        Event::Gap => return None,
    })
}

fn fixed(kind: u8, numbers: &[u64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + 8 * numbers.len());
    out.push(kind);
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
    out
}

/// Takes the next number of a fixed place.
fn number(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let (first, rest) = bytes.split_first_chunk::<8>().ok_or(Malformed::Truncated)?;
    *bytes = rest;
    Ok(u64::from_be_bytes(*first))
}

/// The node that published presence, a beat or a broadcast: what that node knows itself it need not read.
#[must_use]
pub fn node_of(bytes: &[u8]) -> Option<NodeId> {
    let (kind, mut rest) = bytes.split_first()?;
    matches!(kind, b'P' | b'B' | b'X').then(|| number(&mut rest).ok())?
}

/// Reads an event, and when it was sent, in µs since 1970, if it says so.
///
/// # Errors
/// [`Unreadable`] when it is none.
pub fn decode(bytes: &[u8]) -> Result<(Event, Option<u64>), Unreadable> {
    let (kind, mut rest) = bytes.split_first().ok_or(Malformed::Truncated)?;
    let rest = &mut rest;
    let most = if *kind == run::KIND { RUN_BYTES } else { OTHER_BYTES };
    if bytes.len() > most {
        return Err(Unreadable::Size(bytes.len()));
    }
    let event = match kind {
        &run::KIND => {
            let (run, sent_us) = Run::read(bytes)?;
            return Ok((Event::Commits(run), Some(sent_us)));
        }
        b'S' => {
            let (epoch, seq) = (number(rest)?, number(rest)?);
            Event::Saved(Position { epoch, seq, id: CommitId(number(rest)?.to_be_bytes()) })
        }
        b'L' => Event::Began { epoch: number(rest)? },
        b'R' => Event::Rights { version: number(rest)? },
        b'P' | b'B' | b'X' => {
            let (node, sent_us) = (number(rest)?, number(rest)?);
            let event = by_node(*kind, node, &mut Reader::new(rest))?;
            return Ok((event, Some(sent_us)));
        }
        kind => return Err(Unreadable::Unknown(*kind)),
    };
    if rest.is_empty() { Ok((event, None)) } else { Err(Malformed::Trailing.into()) }
}

/// Reads a list whose members take so many bytes at least. It gets its room at once: by growing, it would take three times as much for a moment.
fn list<'a, T, E: From<Malformed>>(
    reader: &mut Reader<'a>,
    least: usize,
    read: impl Fn(&mut Reader<'a>) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let count = reader.array()?;
    let mut list = Vec::with_capacity(count.min(reader.left() / least));
    for _ in 0..count {
        list.push(read(reader)?);
    }
    Ok(list)
}

/// Reads what only nodes publish.
fn by_node(kind: u8, node: NodeId, reader: &mut Reader<'_>) -> Result<Event, Unreadable> {
    let event = match kind {
        b'P' => {
            let n = reader.uint()?;
            Event::Presence { node, n, sessions: list(reader, LINE_LEAST, PresenceEntry::read)? }
        }
        b'B' => {
            let n = reader.uint()?;
            Event::Beat { node, n, sessions: list(reader, 1, presence::session)? }
        }
        _ => {
            let (from, topic) = (presence::session(reader)?, reader.str()?);
            if topic.len() > TOPIC_BYTES {
                return Err(Malformed::Expected("a topic").into());
            }
            let to = To::read(reader.raw()?).ok_or(Malformed::Expected("a session or a user"))?;
            let data = Value::new(Bytes::copy_from_slice(reader.raw()?), FRAME_DEPTH)?;
            Event::Broadcast { node, from, topic: topic.into(), data, to }
        }
    };
    if reader.is_empty() { Ok(event) } else { Err(Malformed::Trailing.into()) }
}

#[cfg(test)]
mod tests;

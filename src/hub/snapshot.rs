//! Encoded snapshots: made once, off the room's task, for everybody who joins in the next while.

use crate::ids::{ObjectId, Position};
use crate::project::canvas::{Canvas, Object};
use crate::protocol::frame::Frame;
use crate::protocol::limits::CHUNK_BYTES;
use crate::protocol::{Encoding, encode};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A whole state, encoded.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The state is that after this commit.
    pub position: Position,
    /// The chunks, in order.
    pub chunks: Arc<[Frame]>,
    /// Size of all chunks.
    pub bytes: usize,
}

/// Encodes a canvas into chunks. Takes about a second for 50 MB: not for an async task.
#[must_use]
pub fn encode(position: Position, canvas: &Canvas, encoding: Encoding) -> Snapshot {
    let mut objects: Vec<(&ObjectId, &Object)> = canvas.iter().collect();
    // Neighbours in the order of ids tend to be alike, which compresses better; and equal states give equal snapshots.
    objects.sort_unstable_by_key(|(id, _)| *id);
    let mut chunks = Vec::new();
    let mut rest = &objects[..];
    loop {
        let (chunk, after) = rest.split_at(chunk_length(rest));
        let list = chunk.iter().map(|(id, object)| (*id, object.rev, &object.props));
        chunks.push(encode::snapshot(chunks.len(), after.is_empty(), list, encoding));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let bytes = chunks.iter().map(Frame::len).sum();
    Snapshot { position, chunks: chunks.into(), bytes }
}

/// How many objects fill a chunk: one at least.
fn chunk_length(objects: &[(&ObjectId, &Object)]) -> usize {
    let mut bytes = 0;
    let full = objects.iter().position(|(id, object)| {
        bytes += id.as_str().len() + object.props.size() + 10;
        bytes > CHUNK_BYTES
    });
    full.map_or(objects.len(), |n| n.max(1))
}

/// The newest snapshot of each encoding, and which are being made.
#[derive(Debug, Default)]
pub struct Snapshots {
    ready: HashMap<Encoding, Snapshot>,
    making: HashSet<Encoding>,
}

impl Snapshots {
    /// The newest one.
    #[must_use]
    pub fn get(&self, encoding: Encoding) -> Option<&Snapshot> {
        self.ready.get(&encoding)
    }

    /// Notes that one is being made; false when one already is.
    pub fn begin(&mut self, encoding: Encoding) -> bool {
        self.making.insert(encoding)
    }

    /// One has been made.
    pub fn done(&mut self, encoding: Encoding, snapshot: Snapshot) {
        self.making.remove(&encoding);
        self.ready.insert(encoding, snapshot);
    }
}

//! The limits that `welcome` announces and the decoder and the room hold.

use serde::{Deserialize, Serialize};

/// Deepest nesting of a whole frame. More than a value's 32 and the containers around it, so that a value that is too deep is refused and the
/// session goes on; deeper frames are not read at all.
pub const FRAME_DEPTH: usize = 64;
/// Most MessagePack values in one frame; 64 KiB of empty maps must not become megabytes of work.
pub const FRAME_VALUES: usize = 131_072;
/// Longest property name, in bytes.
pub const PROPERTY_NAME_BYTES: usize = 128;
/// Most properties of an object, or of one change of it: finding one among them is a walk.
pub const PROPERTIES: usize = 1_024;
/// Longest order key, in characters.
pub const ORDER_KEY_CHARS: usize = 256;
/// Longest chain of parents.
pub const PARENT_CHAIN: usize = 1_000;
/// Longest topic of a broadcast, in bytes.
pub const TOPIC_BYTES: usize = 64;
/// Uncompressed size at which a snapshot chunk is full, in bytes.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// What a client may send and a project may hold; the defaults are those of `PROTOCOL.md` §8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
pub struct Limits {
    /// A message from a client, in bytes.
    pub frame_bytes: u32,
    /// Ops of a batch.
    pub batch_ops: u32,
    /// Ops of a batch encoded as MessagePack, in bytes.
    pub batch_bytes: u32,
    /// One object's props, in bytes.
    pub object_bytes: u32,
    /// Objects of a project.
    pub objects: u32,
    /// All props of a project, in bytes.
    pub project_bytes: u32,
    /// Nesting of a value, its outermost container included.
    pub value_depth: u32,
    /// Presence of a session, in bytes.
    pub presence_bytes: u32,
    /// Data of a broadcast, in bytes.
    pub broadcast_bytes: u32,
    /// Batches of a session that are not answered yet.
    pub unacked_batches: u32,
    /// How long a lease lasts unless it is renewed, in ms.
    pub lease_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 1 << 20,
            batch_ops: 500,
            batch_bytes: 256 << 10,
            object_bytes: 256 << 10,
            objects: 50_000,
            project_bytes: 50 << 20,
            value_depth: 32,
            presence_bytes: 2 << 10,
            broadcast_bytes: 8 << 10,
            unacked_batches: 256,
            lease_ms: 60_000,
        }
    }
}

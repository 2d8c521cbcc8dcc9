//! Items: their keys, and what stands in them besides a body.
//!
//! Owns every key and attribute name of the table. Never sends anything.
//!
//! | partition key | sort key | what |
//! |---|---|---|
//! | `log#PROJECT` | first seq, 20 digits | an entry, or its first part |
//! | `part#PROJECT#SEQ#SUM` | number | a further part of an entry |
//! | `meta#PROJECT` | `pointer` | the pointer |
//! | `meta#PROJECT` | `version#SEQ#BUILD` | a checkpoint that is kept |
//! | `meta#PROJECT` | `draft#SEQ#BUILD` | a checkpoint whose chunks are being written or removed |
//! | `ckpt#PROJECT#SEQ#BUILD#N` | number | a part of chunk N: a partition for each chunk, so that writes spread |
//! | `record#PROJECT` | `record` | the record: apart from the log, which is written much more often |
//! | `index#SHARD` | project | that the project is there |
//! | `node` | node | a node's report |
//! | `deployment` | `deployment` | the deployment's name |

use crate::durable::Pointer;
use crate::durable::layout::FORMAT;
use crate::ids::{NodeId, ProjectId, Seq};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// The partition key.
pub(super) const PK: &str = "pk";
/// The sort key.
pub(super) const SK: &str = "sk";
/// When an item may go by itself, in seconds since 1970: the attribute that the table's time to live is set to.
pub(super) const EXPIRES: &str = "expires";
/// The bytes.
pub(super) const BODY: &str = "body";
/// The format of the item.
const FMT: &str = "fmt";
/// Of an entry: its last seq.
pub(super) const END_SEQ: &str = "end_seq";
/// Of an entry: its last commit id.
pub(super) const LAST_ID: &str = "last_id";
/// When an entry, a draft or a report was made, in ms since 1970.
pub(super) const MADE_MS: &str = "made_ms";
/// Of the first part of something: how many there are.
pub(super) const PARTS: &str = "parts";
/// Of an entry with further parts: their name.
pub(super) const REST: &str = "rest";
/// Of an entry: bytes of its body.
pub(super) const BYTES: &str = "bytes_stored";
/// Of a pointer, a version or a draft: the checkpoint's seq.
pub(super) const SEQ: &str = "ckpt_seq";
/// Of a version or a draft: parts of each chunk.
pub(super) const CHUNK_PARTS: &str = "chunk_parts";
/// Of a record: how often it has been stored.
pub(super) const RECORD_VERSION: &str = "record_version";
/// Of a record: a random name of the put that stored it. Two may want to store the same bytes.
pub(super) const PUT_ID: &str = "put_id";
/// Of the deployment: its name.
pub(super) const LABEL: &str = "label";
/// Of a report: its count.
pub(super) const COUNT: &str = "report_count";
/// Of a report: whether the node reaches the hot store.
pub(super) const REACHES_HOT: &str = "reaches_hot";

pub(super) const POINTER: &str = "pointer";
pub(super) const VERSION: &str = "version#";
pub(super) const DRAFT: &str = "draft#";
pub(super) const NODE: &str = "node";
pub(super) const DEPLOYMENT: &str = "deployment";
/// Partitions of the list of projects: each takes a thousand new projects a second.
pub(super) const SHARDS: u64 = 8;
/// Bytes of a part: an item ends at 400 KB, its keys and numbers included.
pub(super) const PART_BYTES: usize = 384_000;

/// Partition and sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    pub(super) fn attributes(&self) -> HashMap<String, AttributeValue> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        HashMap::from([(PK.to_owned(), text(&self.pk)), (SK.to_owned(), text(&self.sk))])
    }
}

pub(super) fn log(project: &ProjectId) -> String {
    format!("log#{project}")
}

/// Seqs as sort keys: their order as text is that as numbers.
pub(super) fn padded(seq: Seq) -> String {
    format!("{seq:020}")
}

pub(super) fn entry(project: &ProjectId, from: Seq) -> Key {
    Key::new(log(project), padded(from))
}

/// The further parts of an entry, by the name that [`super::rest`] gives them.
pub(super) fn entry_parts(project: &ProjectId, from: Seq, name: &str) -> String {
    format!("part#{project}#{}#{name}", padded(from))
}

pub(super) fn meta(project: &ProjectId) -> String {
    format!("meta#{project}")
}

pub(super) fn record(project: &ProjectId) -> Key {
    Key::new(format!("record#{project}"), "record")
}

pub(super) fn part(n: usize) -> String {
    format!("{n:04}")
}

pub(super) fn index(project: &ProjectId) -> Key {
    Key::new(shard(xxh3_64(project.as_str().as_bytes()) % SHARDS), project.as_str())
}

pub(super) fn shard(n: u64) -> String {
    format!("index#{n}")
}

pub(super) fn node(node: NodeId) -> Key {
    Key::new(NODE, format!("{node:016x}"))
}

/// Seq and build of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) seq: Seq,
    pub(super) build: u64,
}

impl From<&Pointer> for Name {
    fn from(pointer: &Pointer) -> Self {
        Self { seq: pointer.seq, build: pointer.build }
    }
}

impl Name {
    fn text(self) -> String {
        format!("{}#{:016x}", padded(self.seq), self.build)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (seq, build) = text.split_once('#')?;
        Some(Self { seq: seq.parse().ok()?, build: u64::from_str_radix(build, 16).ok()? })
    }

    pub(super) fn version(self, project: &ProjectId) -> Key {
        Key::new(meta(project), format!("{VERSION}{}", self.text()))
    }

    pub(super) fn draft(self, project: &ProjectId) -> Key {
        Key::new(meta(project), format!("{DRAFT}{}", self.text()))
    }

    pub(super) fn chunk(self, project: &ProjectId, n: usize) -> String {
        format!("ckpt#{project}#{}#{n:05}", self.text())
    }
}

/// An item, to be written or as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item(pub(super) HashMap<String, AttributeValue>);

impl Item {
    pub(super) fn new(key: &Key) -> Self {
        Self(key.attributes()).number(FMT, FORMAT.into())
    }

    fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(super) fn number(self, name: &str, number: u64) -> Self {
        self.with(name, AttributeValue::N(number.to_string()))
    }

    pub(super) fn text(self, name: &str, text: impl Into<String>) -> Self {
        self.with(name, AttributeValue::S(text.into()))
    }

    pub(super) fn flag(self, name: &str, flag: bool) -> Self {
        self.with(name, AttributeValue::Bool(flag))
    }

    pub(super) fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        self.with(name, AttributeValue::B(Blob::new(bytes)))
    }

    pub(super) fn get_number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_n().ok()?.parse().ok()
    }

    pub(super) fn get_text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    pub(super) fn get_flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool().ok().copied()
    }

    pub(super) fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name)?.as_b().ok().map(AsRef::as_ref)
    }

    pub(super) fn sk(&self) -> &str {
        self.get_text(SK).unwrap_or_default()
    }

    /// The format that it says it has; 0 when it says none.
    pub(super) fn format(&self) -> u32 {
        u32::try_from(self.get_number(FMT).unwrap_or_default()).unwrap_or(u32::MAX)
    }

    /// Its size as DynamoDB bills it, about.
    pub(super) fn size(&self) -> usize {
        60 + self.0.keys().map(String::len).sum::<usize>() + self.get_bytes(BODY).map_or(0, <[u8]>::len)
    }
}

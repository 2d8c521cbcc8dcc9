//! Bytes at rest: entries, pointers and (in `chunk`) checkpoints.
//!
//! Owns what every backend stores in its bodies, so that all of them hold the same bytes, and tells sound ones from damaged ones. Never
//! does I/O. Called by the backends and, for chunks, by `load` and `checkpoint`.
//!
//! Every item starts with [`FORMAT`]. An entry, a pointer, a record and a client table are *sealed*: `[format, deflated, size, sum, body]`, where
//! `sum` is XXH3-64 of `body` as it stands and `size` that of the body once inflated.
//!
//! - Entry body: `[epoch, direct, from, prev, at, [commit …]]`; a commit is `[id, author, cid, digest, outcome]`, or `[id, outcome]` when
//!   the server made it. An outcome is the changes as bin, or the code of a refusal as text.
//! - Pointer body: `[epoch, direct, seq, id, build, chunks, objects, clients, recent, at]`.
//! - Record body: `[version, bytes]`.

pub mod chunk;
pub mod record;

use super::{DurableError, Entry, Pointer};
use crate::ids::{CommitId, ProjectId, Seq};
use crate::protocol::commit::{Commit, Outcome, Unreadable};
use crate::protocol::pack;
use crate::protocol::scan::Malformed;
use crate::protocol::unpack::Reader;
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use std::borrow::Cow;
use std::io::Read as _;
use xxhash_rust::xxh3::xxh3_64;

/// The format that this build writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Bodies up to this size, in bytes, are not worth compressing: DynamoDB charges a kibibyte for them anyway, and to clear the compressor's tables
/// costs more than everything else about a small entry.
const DEFLATE_FROM: usize = 1_024;
/// Bytes of a commit at rest besides its changes, about.
const COMMIT_BYTES: usize = 40;
/// The smallest commit at rest, in bytes.
const COMMIT_LEAST: usize = 12;

/// Why a stored item cannot be used; [`Unsound::of`] adds whose and which.
#[derive(Debug)]
enum Unsound {
    Newer(u32),
    Wrong(String),
}

impl Unsound {
    fn of(self, project: &ProjectId, item: String) -> DurableError {
        match self {
            Self::Newer(found) => DurableError::NewerFormat { found, known: FORMAT },
            Self::Wrong(why) => corrupt(project, item, why),
        }
    }
}

impl From<Malformed> for Unsound {
    fn from(error: Malformed) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl From<Unreadable> for Unsound {
    fn from(error: Unreadable) -> Self {
        Self::Wrong(error.to_string())
    }
}

/// The error for an item of a project that cannot be trusted.
pub(super) fn corrupt(project: &ProjectId, item: impl Into<String>, why: impl Into<String>) -> DurableError {
    DurableError::Corrupt { project: project.clone(), item: item.into(), why: why.into() }
}

/// How errors and logs name the entry that starts at `from`.
#[must_use]
pub fn entry_name(from: Seq) -> String {
    format!("entry {from}")
}

/// How errors and logs name chunk `n`, counted from 0, of the checkpoint at `seq`.
#[must_use]
pub fn chunk_name(seq: Seq, n: usize) -> String {
    format!("chunk {n} of the checkpoint at {seq}")
}

/// Size of a commit at rest before compression, in bytes, about.
#[must_use]
pub fn weight(commit: &Commit) -> usize {
    COMMIT_BYTES
        + match &commit.outcome {
            Outcome::Changed(changes) => changes.as_bytes().len(),
            Outcome::Refused(code) => code.as_str().len(),
        }
}

/// Encodes an entry.
#[must_use]
pub fn encode_entry(entry: &Entry) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + entry.commits.iter().map(weight).sum::<usize>());
    pack::array(&mut body, 6);
    pack::uint(&mut body, entry.epoch);
    pack::bool(&mut body, entry.direct);
    pack::uint(&mut body, entry.from);
    pack::bin(&mut body, &entry.prev.0);
    pack::uint(&mut body, entry.at_ms);
    pack::array(&mut body, entry.commits.len());
    for commit in &entry.commits {
        commit.pack(&mut body);
    }
    seal(&body)
}

/// Decodes the entry that is stored under `from`.
///
/// # Errors
/// [`DurableError::Corrupt`] when anything about it is wrong, also when it says that it starts elsewhere;
/// [`DurableError::NewerFormat`].
pub fn decode_entry(project: &ProjectId, from: Seq, stored: &[u8]) -> Result<Entry, DurableError> {
    read_entry(from, stored).map_err(|e| e.of(project, entry_name(from)))
}

/// Encodes a pointer.
#[must_use]
pub fn encode_pointer(pointer: &Pointer) -> Vec<u8> {
    let mut body = Vec::with_capacity(96);
    pack::array(&mut body, 10);
    pack::uint(&mut body, pointer.epoch);
    pack::bool(&mut body, pointer.direct);
    pack::uint(&mut body, pointer.seq);
    pack::bin(&mut body, &pointer.id.0);
    pack::uint(&mut body, pointer.build);
    pack::uint(&mut body, pointer.chunks.into());
    pack::uint(&mut body, pointer.objects);
    pack::uint(&mut body, pointer.clients);
    pack::uint(&mut body, pointer.recent);
    pack::uint(&mut body, pointer.at_ms);
    seal(&body)
}

/// Decodes a project's pointer.
///
/// # Errors
/// [`DurableError::Corrupt`] when anything about it is wrong; [`DurableError::NewerFormat`].
pub fn decode_pointer(project: &ProjectId, stored: &[u8]) -> Result<Pointer, DurableError> {
    read_pointer(stored).map_err(|e| e.of(project, "pointer".to_owned()))
}

fn read_entry(from: Seq, stored: &[u8]) -> Result<Entry, Unsound> {
    let body = unseal(stored)?;
    let mut reader = Reader::new(&body);
    expect_parts(reader.array()?, 6)?;
    let mut entry = Entry {
        epoch: reader.uint()?,
        direct: reader.bool()?,
        from: reader.uint()?,
        prev: CommitId(reader.bin8()?),
        at_ms: reader.uint()?,
        commits: Vec::new(),
    };
    let count = reader.array()?;
    entry.commits.reserve(count.min(reader.left() / COMMIT_LEAST));
    for _ in 0..count {
        entry.commits.push(Commit::read(&mut reader)?);
    }
    expect_end(&reader)?;
    if entry.from != from {
        return Err(Unsound::Wrong(format!("it says that it starts at {}", entry.from)));
    }
    if entry.commits.is_empty() || from == 0 || from.checked_add(count as u64).is_none() {
        return Err(Unsound::Wrong("it has no commits, or no place".to_owned()));
    }
    Ok(entry)
}

fn read_pointer(stored: &[u8]) -> Result<Pointer, Unsound> {
    let body = unseal(stored)?;
    let mut reader = Reader::new(&body);
    expect_parts(reader.array()?, 10)?;
    let pointer = Pointer {
        epoch: reader.uint()?,
        direct: reader.bool()?,
        seq: reader.uint()?,
        id: CommitId(reader.bin8()?),
        build: reader.uint()?,
        chunks: u32::try_from(reader.uint()?).map_err(|_| Unsound::Wrong("too many chunks".to_owned()))?,
        objects: reader.uint()?,
        clients: reader.uint()?,
        recent: reader.uint()?,
        at_ms: reader.uint()?,
    };
    expect_end(&reader)?;
    Ok(pointer)
}

fn expect_parts(found: usize, wanted: usize) -> Result<(), Unsound> {
    if found == wanted { Ok(()) } else { Err(Unsound::Wrong(format!("{found} parts instead of {wanted}"))) }
}

fn expect_end(reader: &Reader<'_>) -> Result<(), Unsound> {
    if reader.is_empty() { Ok(()) } else { Err(Malformed::Trailing.into()) }
}

/// Reads the format, the first thing in every item: what follows means nothing to us when it is newer.
fn expect_format(reader: &mut Reader<'_>) -> Result<(), Unsound> {
    match u32::try_from(reader.uint()?).unwrap_or(u32::MAX) {
        0 => Err(Unsound::Wrong("format 0".to_owned())),
        found if found > FORMAT => Err(Unsound::Newer(found)),
        _ => Ok(()),
    }
}

/// Puts a body into its envelope, compressed when that saves a tenth.
fn seal(body: &[u8]) -> Vec<u8> {
    let deflated = deflate(body);
    let stored = deflated.as_deref().unwrap_or(body);
    let mut out = Vec::with_capacity(stored.len() + 32);
    pack::array(&mut out, 5);
    pack::uint(&mut out, FORMAT.into());
    pack::bool(&mut out, deflated.is_some());
    pack::uint(&mut out, body.len() as u64);
    pack::uint(&mut out, xxh3_64(stored));
    pack::bin(&mut out, stored);
    out
}

fn deflate(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() <= DEFLATE_FROM {
        return None;
    }
    let mut out = Vec::with_capacity(body.len() / 2);
    DeflateEncoder::new(body, Compression::fast())
        .read_to_end(&mut out)
        .expect("compressing from memory into memory cannot fail");
    (out.len() <= body.len() - body.len() / 10).then_some(out)
}

/// Takes a body out of its envelope; the checksum is looked at before anything is inflated.
fn unseal(stored: &[u8]) -> Result<Cow<'_, [u8]>, Unsound> {
    let mut reader = Reader::new(stored);
    let parts = reader.array()?;
    expect_format(&mut reader)?;
    expect_parts(parts, 5)?;
    let deflated = reader.bool()?;
    let size = reader.uint()?;
    let sum = reader.uint()?;
    let body = reader.bin()?;
    expect_end(&reader)?;
    if xxh3_64(body) != sum {
        return Err(Unsound::Wrong("the checksum is wrong".to_owned()));
    }
    let body = if deflated {
        let mut out = Vec::new();
        DeflateDecoder::new(body)
            .take(size.saturating_add(1))
            .read_to_end(&mut out)
            .map_err(|e| Unsound::Wrong(format!("it cannot be inflated: {e}")))?;
        Cow::Owned(out)
    } else {
        Cow::Borrowed(body)
    };
    if body.len() as u64 == size {
        Ok(body)
    } else {
        Err(Unsound::Wrong(format!("{} bytes instead of {size}", body.len())))
    }
}

#[cfg(test)]
mod tests;

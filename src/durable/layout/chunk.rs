//! Checkpoint chunks: the whole state of a project, in pieces of about [`CHUNK_BYTES`].
//!
//! Owns how one damaged object is kept from taking its project with it. Never decides whether a checkpoint may be trusted as a whole;
//! that is `load`, by the numbers in the pointer. Called by `load` and `checkpoint`.
//!
//! A chunk is `[format, 0, [record …]]` with objects or `[format, 1, envelope …]` with client records. An object's record is
//! `[id, rev, sum, props]`: `sum` covers all of it, `props` is bin, so that the next record is found whatever these bytes are. A record
//! that is already set aside is `[id, raw]`. Chunks are not compressed: a damaged byte stays one damaged byte.

use super::{FORMAT, Unsound, chunk_name, expect_end, expect_format, expect_parts, seal, unseal};
use crate::durable::{ClientRecord, DurableError};
use crate::ids::{Author, ObjectId, ProjectId, Seq};
use crate::project::canvas::{Canvas, Object};
use crate::protocol::limits::FRAME_DEPTH;
use crate::protocol::pack;
use crate::protocol::props::Props;
use crate::protocol::unpack::Reader;
use bytes::Bytes;
use std::collections::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Size at which a chunk is full, in bytes; one with a single large object may be larger.
pub const CHUNK_BYTES: usize = 256 * 1024;
/// Size of a client's record, in bytes, about.
pub const CLIENT_BYTES: usize = 40;
/// Client records of a chunk.
const CLIENTS_PER_CHUNK: usize = CHUNK_BYTES / CLIENT_BYTES;

const OBJECTS: u64 = 0;
const CLIENTS: u64 = 1;

/// What a checkpoint's chunks hold.
#[derive(Debug, Default)]
pub struct Unpacked {
    /// The objects that can be read.
    pub objects: Vec<(ObjectId, Object)>,
    /// Records of objects that cannot be read, with the id if that much can be; else under a name made from the bytes.
    pub aside: Vec<(ObjectId, Bytes)>,
    /// The last batch of each client.
    pub clients: HashMap<Author, ClientRecord>,
}

/// Encodes a state as chunks, in the order of object ids.
#[must_use]
pub fn encode(canvas: &Canvas, clients: &HashMap<Author, ClientRecord>) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let mut records = Vec::new();
    let mut count = 0;
    let mut add = |record: &[u8]| {
        if count > 0 && records.len() + record.len() > CHUNK_BYTES {
            chunks.push(objects_chunk(count, &records));
            records.clear();
            count = 0;
        }
        records.extend_from_slice(record);
        count += 1;
    };
    let mut objects: Vec<_> = canvas.iter().collect();
    objects.sort_unstable_by_key(|(id, _)| *id);
    let mut record = Vec::new();
    for (id, object) in objects {
        record.clear();
        encode_object(&mut record, id, object);
        add(&record);
    }
    for (id, raw) in canvas.quarantined() {
        record.clear();
        pack::array(&mut record, 2);
        pack::str(&mut record, id.as_str());
        pack::bin(&mut record, raw);
        add(&record);
    }
    if count > 0 {
        chunks.push(objects_chunk(count, &records));
    }
    let mut clients: Vec<_> = clients.iter().collect();
    clients.sort_unstable_by_key(|(author, _)| **author);
    chunks.extend(clients.chunks(CLIENTS_PER_CHUNK).map(clients_chunk));
    chunks
}

/// Adds what chunk `n` of the checkpoint at `seq` holds to `state`.
///
/// # Errors
/// [`DurableError::Corrupt`] when its records cannot be told apart, or when client records are damaged: without them a batch could be
/// applied twice. [`DurableError::NewerFormat`].
pub fn decode(project: &ProjectId, seq: Seq, n: usize, chunk: &[u8], state: &mut Unpacked) -> Result<(), DurableError> {
    read(chunk, state).map_err(|e| e.of(project, chunk_name(seq, n)))
}

fn objects_chunk(count: usize, records: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(records.len() + 8);
    pack::array(&mut out, 3);
    pack::uint(&mut out, FORMAT.into());
    pack::uint(&mut out, OBJECTS);
    pack::array(&mut out, count);
    out.extend_from_slice(records);
    out.into()
}

fn clients_chunk(clients: &[(&Author, &ClientRecord)]) -> Bytes {
    let mut body = Vec::with_capacity(clients.len() * CLIENT_BYTES);
    pack::array(&mut body, clients.len());
    for (author, record) in clients {
        pack::array(&mut body, 5);
        pack::bin(&mut body, &author.0);
        pack::uint(&mut body, record.cid);
        pack::uint(&mut body, record.seq);
        pack::uint(&mut body, record.digest);
        pack::uint(&mut body, record.at_ms);
    }
    let mut out = Vec::with_capacity(body.len() + 40);
    pack::array(&mut out, 3);
    pack::uint(&mut out, FORMAT.into());
    pack::uint(&mut out, CLIENTS);
    pack::bin(&mut out, &seal(&body));
    out.into()
}

fn read(chunk: &[u8], state: &mut Unpacked) -> Result<(), Unsound> {
    let mut reader = Reader::new(chunk);
    let parts = reader.array()?;
    expect_format(&mut reader)?;
    expect_parts(parts, 3)?;
    match reader.uint()? {
        OBJECTS => {
            for _ in 0..reader.array()? {
                let raw = reader.raw()?;
                match read_record(raw) {
                    Ok(Record::Sound(id, object)) => state.objects.push((id, object)),
                    Ok(Record::Aside(id, raw)) => state.aside.push((id, Bytes::copy_from_slice(raw))),
                    Err(_) => state.aside.push((name_of(raw), Bytes::copy_from_slice(raw))),
                }
            }
        }
        CLIENTS => read_clients(&unseal(reader.bin()?)?, &mut state.clients)?,
        kind => return Err(Unsound::Wrong(format!("a chunk of kind {kind}"))),
    }
    expect_end(&reader)
}

fn read_clients(body: &[u8], clients: &mut HashMap<Author, ClientRecord>) -> Result<(), Unsound> {
    let mut reader = Reader::new(body);
    for _ in 0..reader.array()? {
        expect_parts(reader.array()?, 5)?;
        let author = Author(reader.bin8()?);
        let record =
            ClientRecord { cid: reader.uint()?, seq: reader.uint()?, digest: reader.uint()?, at_ms: reader.uint()? };
        clients.insert(author, record);
    }
    expect_end(&reader)
}

enum Record<'a> {
    Sound(ObjectId, Object),
    /// Set aside when an earlier checkpoint was read.
    Aside(ObjectId, &'a [u8]),
}

fn encode_object(out: &mut Vec<u8>, id: &ObjectId, object: &Object) {
    let props = object.props.as_bytes();
    pack::array(out, 4);
    pack::str(out, id.as_str());
    pack::uint(out, object.rev);
    pack::uint(out, object_sum(id, object.rev, props));
    pack::bin(out, props);
}

fn object_sum(id: &ObjectId, rev: Seq, props: &[u8]) -> u64 {
    xxh3_64_with_seed(props, xxh3_64_with_seed(id.as_str().as_bytes(), rev))
}

fn read_record(raw: &[u8]) -> Result<Record<'_>, Unsound> {
    let mut reader = Reader::new(raw);
    let parts = reader.array()?;
    let id = read_id(&mut reader)?;
    if parts == 2 {
        return Ok(Record::Aside(id, reader.bin()?));
    }
    expect_parts(parts, 4)?;
    let rev = reader.uint()?;
    let sum = reader.uint()?;
    let props = reader.bin()?;
    if sum != object_sum(&id, rev, props) {
        return Err(Unsound::Wrong("the checksum is wrong".to_owned()));
    }
    let props = Props::parse(props, FRAME_DEPTH - 1).map_err(|e| Unsound::Wrong(e.to_string()))?;
    Ok(Record::Sound(id, Object { rev, props }))
}

fn read_id(reader: &mut Reader<'_>) -> Result<ObjectId, Unsound> {
    ObjectId::parse(reader.str()?).map_err(|e| Unsound::Wrong(e.to_string()))
}

/// The id of a damaged record, or a name made from its bytes when not even that can be read.
fn name_of(raw: &[u8]) -> ObjectId {
    let mut reader = Reader::new(raw);
    let id = reader.array().map_err(Unsound::from).and_then(|_| read_id(&mut reader));
    id.unwrap_or_else(|_| made_name(raw))
}

/// A name for a damaged record that cannot have its own.
#[must_use]
pub fn made_name(raw: &[u8]) -> ObjectId {
    ObjectId::parse(&format!("damaged-{:016x}", xxh3_64(raw))).expect("letters, digits and a hyphen are an id")
}

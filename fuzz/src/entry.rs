//! What stands in the durable store: entries, pointers, the chunks of checkpoints.

use super::board::Board;
use super::dice::Dice;
use collabcanvas::durable::layout::{self, chunk};
use collabcanvas::durable::{ClientRecord, DurableError, Entry, Pointer};
use collabcanvas::ids::{Author, CommitId, ProjectId};
use collabcanvas::project::canvas::{Canvas, View as _};
use collabcanvas::protocol::pack;
use collabcanvas::protocol::unpack::Reader;
use flate2::Compression;
use flate2::read::DeflateEncoder;
use std::collections::HashMap;
use std::io::Read as _;
use xxhash_rust::xxh3::xxh3_64;

/// The first byte says what the rest is; a checksum that no mutation would find is put around what needs one.
pub(crate) fn check(data: &[u8]) {
    let mut dice = Dice::new(data);
    let kind = dice.below(8);
    let rest = dice.rest();
    match kind {
        0 => {
            entry(rest, 1);
            pointer(rest);
            objects(rest);
        }
        1 => entry(&sealed(rest), first_seq(rest)),
        2 => entry(&deflated(rest), first_seq(rest)),
        3 => pointer(&sealed(rest)),
        4 => objects(&chunk_of(1, |out| pack::bin(out, &sealed(rest)))),
        5 => objects(&chunk_of(0, |out| out.extend_from_slice(rest))),
        6 => any_pointer(&mut dice),
        _ => any_state(&mut dice),
    }
}

fn project() -> ProjectId {
    ProjectId::parse("p").expect("an id")
}

/// An error is a sentence, however large the item is.
fn told<T>(result: Result<T, DurableError>) -> Option<T> {
    result.inspect_err(|error| assert!(error.to_string().len() < 1_024, "an error that grows with the item")).ok()
}

fn entry(stored: &[u8], from: u64) {
    let Some(entry) = told(layout::decode_entry(&project(), from, stored)) else { return };
    is_kept(&entry);
    let commits = entry.commits.clone();
    let cut: Vec<_> = entry.cut().into_iter().flat_map(|entry| entry.commits).collect();
    assert_eq!(cut, commits);
}

/// What is written is read.
fn is_kept(entry: &Entry) {
    let again = layout::decode_entry(&project(), entry.from, &layout::encode_entry(entry));
    assert_eq!(&again.expect("we wrote it"), entry);
    assert_eq!(entry.to() - entry.from + 1, entry.commits.len() as u64);
}

fn pointer(stored: &[u8]) {
    if let Some(pointer) = told(layout::decode_pointer(&project(), stored)) {
        let again = layout::decode_pointer(&project(), &layout::encode_pointer(&pointer));
        assert_eq!(again.expect("we wrote it"), pointer);
    }
}

/// Whatever a chunk holds, what is read of it is there after it was written and read once more.
fn objects(stored: &[u8]) {
    let mut state = chunk::Unpacked::default();
    if told(chunk::decode(&project(), 1, 0, stored, &mut state)).is_none() {
        return;
    }
    let chunk::Unpacked { objects, aside, clients } = state;
    let mut canvas = Canvas::new();
    objects.into_iter().for_each(|(id, object)| canvas.set(id, Some(object)));
    aside.into_iter().for_each(|(id, raw)| canvas.quarantine(id, raw));
    let read = written(&canvas, &clients);
    assert_eq!((read.0, read.1), (canvas, clients));
}

type State = (Canvas, HashMap<Author, ClientRecord>);

fn written(canvas: &Canvas, clients: &HashMap<Author, ClientRecord>) -> State {
    let mut state = chunk::Unpacked::default();
    for (n, stored) in chunk::encode(canvas, clients).iter().enumerate() {
        chunk::decode(&project(), 1, n, stored, &mut state).expect("we wrote it");
    }
    let mut canvas = Canvas::new();
    state.objects.into_iter().for_each(|(id, object)| canvas.set(id, Some(object)));
    state.aside.into_iter().for_each(|(id, raw)| canvas.quarantine(id, raw));
    (canvas, state.clients)
}

/// The first seq that an entry's body names.
fn first_seq(body: &[u8]) -> u64 {
    let mut reader = Reader::new(body);
    let seq = reader.array().and_then(|_| reader.uint()).and_then(|_| reader.bool()).and_then(|_| reader.uint());
    seq.unwrap_or(1)
}

fn envelope(deflated: bool, size: usize, stored: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    pack::array(&mut out, 5);
    pack::uint(&mut out, layout::FORMAT.into());
    pack::bool(&mut out, deflated);
    pack::uint(&mut out, size as u64);
    pack::uint(&mut out, xxh3_64(stored));
    pack::bin(&mut out, stored);
    out
}

fn sealed(body: &[u8]) -> Vec<u8> {
    envelope(false, body.len(), body)
}

/// Compressed; or, when the body begins like no body does, what was to be inflated as it stands.
fn deflated(body: &[u8]) -> Vec<u8> {
    if body.first() == Some(&0xc1) {
        return envelope(true, body.len(), &body[1..]);
    }
    let mut small = Vec::new();
    DeflateEncoder::new(body, Compression::fast()).read_to_end(&mut small).expect("from memory into memory");
    envelope(true, body.len(), &small)
}

fn chunk_of(kind: u64, content: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    pack::array(&mut out, 3);
    pack::uint(&mut out, layout::FORMAT.into());
    pack::uint(&mut out, kind);
    content(&mut out);
    out
}

fn number(dice: &mut Dice<'_>) -> u64 {
    let bytes = dice.take(8);
    bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

fn any_pointer(dice: &mut Dice<'_>) {
    let pointer = Pointer {
        epoch: number(dice),
        direct: dice.below(2) == 1,
        seq: number(dice),
        id: CommitId(number(dice).to_be_bytes()),
        build: number(dice),
        chunks: dice.byte().into(),
        objects: number(dice),
        clients: number(dice),
        recent: number(dice),
        at_ms: number(dice),
    };
    let stored = layout::encode_pointer(&pointer);
    assert_eq!(layout::decode_pointer(&project(), &stored).expect("we wrote it"), pointer);
    if let Some(read) = told(layout::decode_pointer(&project(), &flipped(&stored, dice))) {
        assert_eq!(read, pointer, "a wrong byte is seen, or means nothing");
    }
}

/// A wrong byte somewhere.
fn flipped(stored: &[u8], dice: &mut Dice<'_>) -> Vec<u8> {
    let mut stored = stored.to_vec();
    let at = (dice.below(256) * 256 + dice.below(256)) % stored.len();
    stored[at] ^= dice.byte();
    stored
}

/// The log and a checkpoint of any project are read as they were written; a wrong byte in them is seen, and of a checkpoint's objects takes none
/// but its own.
fn any_state(dice: &mut Dice<'_>) {
    let mut board = Board::new(false);
    (0..dice.below(6)).for_each(|_| board.batch(dice));
    if !board.commits.is_empty() {
        let (epoch, direct) = (number(dice), dice.below(2) == 1);
        let commits = board.commits.clone();
        let entry = Entry { epoch, direct, from: 1, prev: CommitId::NONE, commits, at_ms: number(dice) };
        is_kept(&entry);
        let stored = flipped(&layout::encode_entry(&entry), dice);
        if let Some(read) = told(layout::decode_entry(&project(), 1, &stored)) {
            assert_eq!(read, entry, "a wrong byte is seen, or means nothing");
        }
    }
    let record = |dice: &mut Dice<'_>| ClientRecord {
        cid: number(dice),
        seq: number(dice),
        digest: number(dice),
        at_ms: number(dice),
    };
    let clients = dice.list(3, |dice| (Author(number(dice).to_be_bytes()), record(dice))).into_iter().collect();
    assert_eq!(written(&board.canvas, &clients), (board.canvas.clone(), clients.clone()));
    for stored in chunk::encode(&board.canvas, &clients) {
        let mut read = chunk::Unpacked::default();
        if told(chunk::decode(&project(), 1, 0, &flipped(&stored, dice), &mut read)).is_some() {
            let kept = read.objects.iter().all(|(id, object)| board.canvas.object(id) == Some(object));
            assert!(kept && read.clients.iter().all(|(author, record)| clients.get(author) == Some(record)));
        }
    }
}

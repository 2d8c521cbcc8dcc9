//! What decoding costs in memory: at its peak at most 16 times the input, whatever a client sends. The same for what nodes and stores say, with one
//! exception that is named below.

use bytes::Bytes;
use collabcanvas::durable::layout::{self, chunk};
use collabcanvas::fanout::wire;
use collabcanvas::gateway::shared_frame;
use collabcanvas::ids::ProjectId;
use collabcanvas::protocol::decode::client_message;
use collabcanvas::protocol::limits::Limits;
use collabcanvas::protocol::{Encoding, pack};
use peak_alloc::PeakAlloc;
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
/// The counter counts for the whole process: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Peak memory may be so many times the input.
const TIMES: usize = 16;
/// The exception: a session of which another node says nothing but its number takes three bytes there and eighty here.
const LINE_TIMES: usize = 28;
const SIZES: [usize; 3] = [64 << 10, 256 << 10, 1 << 20];

/// Asserts that decoding stays below the limit. What it leaves behind counts, the input does not.
fn is_cheap<T>(name: &str, input: &[u8], decode: impl FnOnce(&[u8]) -> T) {
    is_within(TIMES, name, input, decode);
}

fn is_within<T>(times: usize, name: &str, input: &[u8], decode: impl FnOnce(&[u8]) -> T) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let decoded = decode(input);
    let peak = MEMORY.peak_usage().saturating_sub(before);
    drop(decoded);
    let length = input.len();
    assert!(peak <= times * length, "{name}: {peak} bytes for {length} of input, {} times", peak / length);
}

/// `unit` as often as it fits into `size`, behind `head` and before `tail`.
fn filled(head: &[u8], unit: &[u8], tail: &[u8], size: usize) -> Vec<u8> {
    let times = (size - head.len() - tail.len()) / unit.len();
    [head, &unit.repeat(times), tail].concat()
}

fn packed(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// A map with these keys: each with one raw value.
fn map(pairs: &[(&str, &[u8])]) -> Vec<u8> {
    packed(|out| {
        pack::map(out, pairs.len());
        for (key, raw) in pairs {
            pack::str(out, key);
            out.extend_from_slice(raw);
        }
    })
}

fn text(text: &str) -> Vec<u8> {
    packed(|out| pack::str(out, text))
}

/// A list, or pairs of a map, of so many of these.
fn container(head: u8, count: usize, unit: &[u8]) -> Vec<u8> {
    let count = u32::try_from(count).expect("few");
    [&[head][..], &count.to_be_bytes(), &unit.repeat(count as usize)].concat()
}

const LIST: u8 = 0xdd;
const MAP: u8 = 0xdf;

/// Frames of about this size that are made to cost much.
fn frames(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let of = |kind: &str, key: &str, raw: &[u8]| map(&[("t", &text(kind)), ("cid", &[1]), (key, raw)]);
    let list = |unit: &[u8]| container(LIST, size / unit.len(), unit);
    let pairs = |unit: &[u8]| container(MAP, size / unit.len(), unit);
    let controls = text(&"\u{1}".repeat(size));
    let hello =
        |key: &str, raw: &[u8]| map(&[("t", &text("hello")), ("v", &[0x92, 1, 1]), ("client", &text("c")), (key, raw)]);
    let op = |key: &str, raw: &[u8]| {
        let op = map(&[("op", &text("update")), ("id", &text("a")), (key, raw)]);
        of("batch", "ops", &[&[0x91][..], &op].concat())
    };
    let typed = |unit: &[u8]| {
        let mut frame = vec![MAP];
        frame.extend_from_slice(&u32::try_from(size / unit.len() + 1).expect("few").to_be_bytes());
        frame.extend_from_slice(&text("t"));
        frame.extend_from_slice(&text("ping"));
        frame.extend_from_slice(&unit.repeat(size / unit.len()));
        frame
    };
    vec![
        ("empty maps", list(&[0x80])),
        ("empty maps in an op", op("set", &list(&[0x80]))),
        ("empty maps as ops", of("batch", "ops", &list(&[0x80]))),
        ("nested lists", vec![0x91; size]),
        ("nested maps", [0x81, 0xa0].repeat(size / 2)),
        ("a list that promises more", [&[LIST, 0xff, 0xff, 0xff, 0xff][..], &vec![0; size]].concat()),
        ("a map that promises more", [&[MAP, 0xff, 0xff, 0xff, 0xff][..], &vec![0xa0; size]].concat()),
        ("a text that promises more", [&[0xdb, 0xff, 0xff, 0xff, 0xff][..], &vec![b'x'; size]].concat()),
        ("keys that mean nothing", typed(&[0xa0, 0xc0])),
        ("one key again and again", typed(&[0xa1, b'n', 5])),
        ("props with one name", op("set", &pairs(&[0xa1, b'x', 1]))),
        ("names", op("unset", &list(&[0xa0]))),
        ("features", hello("features", &list(&[0xa0]))),
        ("known features", hello("features", &list(&text("short")))),
        ("controls for a position", hello("position", &controls)),
        ("controls for features", hello("features", &controls)),
        ("controls for a token", hello("token", &controls)),
        ("controls for versions", map(&[("t", &text("hello")), ("v", &controls)])),
        ("controls for a type", map(&[("t", &controls)])),
        ("controls for a client", map(&[("t", &text("hello")), ("v", &[0x92, 1, 1]), ("client", &controls)])),
        ("controls for a code", of("batch", "void", &controls)),
        ("controls for an op", of("batch", "ops", &[&[0x91][..], &map(&[("op", &controls)])].concat())),
        ("controls for a name", op("set", &[&[0x81][..], &controls, &[1]].concat())),
        ("controls for presence", of("presence", "set", &[&[0x81][..], &controls, &[1]].concat())),
        ("controls for a topic", of("broadcast", "topic", &controls)),
        ("a large value", op("set", &[&[0x81, 0xa1, b'x'][..], &controls].concat())),
        ("a large broadcast", map(&[("t", &text("broadcast")), ("topic", &text("t")), ("data", &list(&[0xc0]))])),
        ("garbage", filled(&[], &[0xc1], &[], size)),
    ]
}

/// Texts of about this size that are made to cost much.
fn texts(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let of = |head: &str, unit: &str, tail: &str| filled(head.as_bytes(), unit.as_bytes(), tail.as_bytes(), size);
    vec![
        ("empty maps", of("[{}", ",{}", "]")),
        ("numbers", of("[0", ",0", "]")),
        ("floats", of("[1e9", ",1e9", "]")),
        ("nested lists", of("", "[", "")),
        ("nested lists, closed", ["[".repeat(size / 2), "]".repeat(size / 2)].concat().into_bytes()),
        ("nested maps", of("", r#"{"":"#, "")),
        ("escapes", of("\"", r"\u0001", "\"")),
        ("escaped quotes", of("\"", "\\\"", "\"")),
        ("text", of("\"", "x", "\"")),
        ("a text that does not end", of("\"", r"\n", "")),
        ("escapes in keys", of("{\"", r"\t", "\":1}")),
        ("one key again and again", of(r#"{"t":"ping","n":1"#, r#","n":1"#, "}")),
        ("keys that mean nothing", of(r#"{"t":"ping","n":1"#, r#","":0"#, "}")),
        ("small escapes of MessagePack", of(r#"[{"$mp":"wA=="}"#, r#",{"$mp":"wA=="}"#, "]")),
        ("an escape of MessagePack", of(r#"{"$mp":""#, "gICA", "\"}")),
        ("nested escapes", of("", r#"{"$mp":"#, "")),
        ("deep and large", of(&"[".repeat(100), "0,", &format!("0{}", "]".repeat(100)))),
        ("features", of(r#"{"t":"hello","v":[1,1],"client":"c","features":[""#, r#"",""#, "\"]}")),
        ("controls for versions", of(r#"{"t":"hello","client":"c","v":""#, r"\u0001", "\"}")),
        ("props with one name", of(r#"{"t":"presence","set":{"x":1"#, r#","x":1"#, "}}")),
        ("a batch", of(r#"{"t":"batch","cid":1,"ops":[{"op":"create","id":"a","props":{"x":[0"#, ",0", "]}}]}")),
        ("garbage", of("", "?", "")),
    ]
}

#[test]
fn a_clients_frames() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let limits = Limits::default();
    for size in SIZES {
        for (name, frame) in frames(size) {
            is_cheap(name, &frame, |frame| client_message(frame, Encoding::MessagePack, &limits));
            let shared = [&b"b\0\0\0\x01"[..], &frame].concat().into();
            is_cheap(name, &frame, |_| shared_frame::read(&shared));
        }
        for (name, text) in texts(size) {
            is_cheap(name, &text, |text| client_message(text, Encoding::Json, &limits));
        }
        for kind in [b'o', b't', b'c'] {
            let frame = Bytes::from(filled(&[kind, 0, 0, 0, 1], "ä ".as_bytes(), &[], size));
            is_cheap("a shared frame", &frame, |_| shared_frame::read(&frame));
        }
    }
}

/// What stands behind the fixed places of an event.
fn event(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&[kind][..], &[0; 16], rest].concat()
}

/// A run of so many commits, each of these bytes.
fn run(count: usize, commit: &[u8]) -> Vec<u8> {
    let mut out = vec![b'C'];
    out.resize(33, 0);
    out.extend_from_slice(&u32::try_from(count).expect("few").to_be_bytes());
    out.resize(out.len() + 8 * count, 1);
    out.extend(commit.repeat(count));
    out
}

/// A commit of the server's with these changes.
fn commit(changes: &[u8]) -> Vec<u8> {
    [&[0x92, 0xc4, 8][..], &[1; 8], &packed(|out| pack::bin(out, changes))].concat()
}

fn changes(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let list = |unit: &[u8]| container(LIST, size / unit.len(), unit);
    let set = |names: &[u8]| [&[0x91, 0x94][..], &text("set"), &text("a"), &[0x80], names].concat();
    let put = |props: &[u8]| [&[0x91, 0x93][..], &text("put"), &text("a"), props].concat();
    vec![
        ("removals", list(&[&[0x92][..], &text("del"), &text("a")].concat())),
        ("empty objects", list(&[&[0x93][..], &text("put"), &text("a"), &[0x80]].concat())),
        ("names", set(&list(&[0xa1, b'x']))),
        ("empty names", set(&list(&[0xa0]))),
        ("more names than there are", set(&[LIST, 0xff, 0xff, 0xff, 0xff])),
        ("an object of one name", put(&container(MAP, size / 3, &[0xa1, b'x', 1]))),
        ("empty lists", list(&[0x90])),
        ("a large kind", [&[0x91, 0x92][..], &text(&"\u{1}".repeat(size)), &text("a")].concat()),
    ]
}

#[test]
fn events_of_other_nodes() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for size in SIZES {
        let small = commit(&[0x90]);
        let mut events = vec![
            ("small commits", run(size / (small.len() + 8), &small)),
            ("ids without commits", run(size / 8, &[])),
            ("a beat", event(b'B', &[&[1][..], &container(LIST, size, &[7])].concat())),
            ("a beat that promises more", event(b'B', &[1, LIST, 0xff, 0xff, 0xff, 0xff])),
            ("presence that promises more", event(b'P', &[1, LIST, 0xff, 0xff, 0xff, 0xff])),
        ];
        events.extend(changes(size).into_iter().map(|(name, changes)| (name, run(1, &commit(&changes)))));
        for (name, event) in events {
            is_cheap(name, &event, wire::decode);
        }
        let lines = event(b'P', &[&[1][..], &container(LIST, size / 3, &[0x92, 7, 0xc0])].concat());
        is_within(LINE_TIMES, "lines of presence", &lines, wire::decode);
    }
}

fn sealed(body: &[u8]) -> Vec<u8> {
    packed(|out| {
        pack::array(out, 5);
        pack::uint(out, layout::FORMAT.into());
        pack::bool(out, false);
        pack::uint(out, body.len() as u64);
        pack::uint(out, xxh3_64(body));
        pack::bin(out, body);
    })
}

#[test]
fn stored_items() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let project = ProjectId::parse("p").expect("an id");
    let head = [&[0x96, 1, 0xc2, 1, 0xc4, 8][..], &[9; 8], &[1]].concat();
    for size in SIZES {
        let small = commit(&[0x90]);
        let entry = |commits: &[u8]| sealed(&[&head[..], commits].concat());
        let mut entries = vec![("small commits", entry(&container(LIST, size / small.len(), &small)))];
        entries.push((
            "more commits than there are",
            entry(&[&[LIST, 0xff, 0xff, 0xff, 0xff][..], &vec![0; size]].concat()),
        ));
        let one = |changes: &[u8]| entry(&[&[0x91][..], &commit(changes)].concat());
        entries.extend(changes(size).into_iter().map(|(name, changes)| (name, one(&changes))));
        for (name, stored) in entries {
            is_cheap(name, &stored, |stored| layout::decode_entry(&project, 1, stored));
        }
        let client = |n: u64| [&[0x95, 0xc4, 8][..], &n.to_be_bytes(), &[1, 1, 1, 1]].concat();
        let count = u32::try_from(size / client(0).len()).expect("few");
        let clients: Vec<u8> = (0..count.into()).flat_map(client).collect();
        let clients = sealed(&[&[LIST][..], &count.to_be_bytes(), &clients].concat());
        let objects = [&[0x93, 1, 0][..], &container(LIST, size / 40, &text(&"x".repeat(38)))].concat();
        for (name, stored) in [
            ("client records", [&[0x93, 1, 1][..], &packed(|out| pack::bin(out, &clients))].concat()),
            ("damaged records", objects),
            (
                "more records than there are",
                [&[0x93, 1, 0, LIST, 0xff, 0xff, 0xff, 0xff][..], &vec![0xc1; size]].concat(),
            ),
        ] {
            is_cheap(name, &stored, |stored| chunk::decode(&project, 1, 0, stored, &mut chunk::Unpacked::default()));
        }
    }
}

//! Where fuzzing begins: the golden frames, and for every target inputs that reach each of its parts.

use collabcanvas::durable::layout::{encode_entry, encode_pointer};
use collabcanvas::durable::{Entry, Pointer};
use collabcanvas::fanout::{Event, wire};
use collabcanvas::ids::{Author, CommitId, ObjectId, Position};
use collabcanvas::protocol::change::{Change, Changes};
use collabcanvas::protocol::commit::{Commit, Origin, Outcome};
use collabcanvas::protocol::message::{PresenceEntry, Role, To, Who};
use collabcanvas::protocol::props::Props;
use collabcanvas::protocol::refusal::Code;
use collabcanvas::protocol::run::Run;
use collabcanvas::protocol::unpack::Reader;
use collabcanvas::protocol::value::Value;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value as Json;

/// Inputs for a target.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "batch" => (0..24).map(|n| noise(n, 40 + 20 * usize::from(n))).chain([chained()]).collect(),
        "snapshot" => {
            let garbage: Vec<_> = golden("server").into_iter().flat_map(|(packed, text)| [packed, text]).collect();
            let garbage = garbage.into_iter().map(|frame| [vec![0; 8], frame].concat());
            (0..16).map(|n| noise(n, 30 + 20 * usize::from(n))).chain(garbage).collect()
        }
        "frame_msgpack" => golden("client").into_iter().map(|(packed, _)| packed).collect(),
        "frame_json" => golden("client").into_iter().map(|(_, text)| text).chain(texts()).collect(),
        "event" => events().iter().map(|event| wire::encode(event, 7).expect("it travels")).collect(),
        "entry" => stored(),
        "shared_frame" => [
            &b"o\0\0\0\x01p collabcanvas.v1.json"[..],
            b"o\xff\xff\xff\xffp a, b",
            b"o\0\0\0\0",
            b"b\x01\x02\x03\x04\x80\xff",
            b"t\0\0\0\0{}",
            b"c\0\0\0\0",
            b"c\0\0\0\0\x03\xe8bye",
            &[&b"c\0\0\0\0\x0f\xa0"[..], "\u{e9}".repeat(70).as_bytes()].concat(),
        ]
        .map(<[u8]>::to_vec)
        .into(),
        other => panic!("no seeds for {other}"),
    }
}

fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::rngs::StdRng::seed_from_u64(seed.into()).fill_bytes(&mut bytes);
    bytes
}

/// A batch that makes the long chain longer than it may be.
fn chained() -> Vec<u8> {
    [&[255, 0, 1][..], &noise(99, 200)].concat()
}

/// What a side sends in `tests/golden/frames.json`: as MessagePack and as JSON.
fn golden(from: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows: Vec<Json> = serde_json::from_str(include_str!("../golden/frames.json")).expect("the golden file");
    let of = |row: &Json| {
        let hex = row["msgpack"].as_str().expect("hex");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        ((0..hex.len()).step_by(2).map(byte).collect(), row["json"].to_string().into_bytes())
    };
    rows.iter().filter(|row| row["from"] == from).map(of).collect()
}

fn texts() -> Vec<Vec<u8>> {
    [
        r#"{"t":"ping","n":{"$mp":"zf//"}}"#,
        r#"{"t":"batch","cid":1,"ops":[{"op":"create","id":"a","props":{"a":{"$mp":"xAMBAgM="},"b":"\ud83d\ude00\u0000","c":[1e300,-0,-0.0,18446744073709551616]}}]}"#,
        r#"{"t":"batch","cid":2,"ops":[{"op":"lease","id":"a","ttl_ms":5},{"op":"release","id":"a","token":1}]}"#,
        r#"{"t":"batch","cid":2,"ops":[{"op":"increment","id":"a b","prop":"$lease","by":"1"}]}"#,
        r#"{"t":"broadcast","topic":"x","to":"user","data":{"$mp":{"$mp":"pHdBPT0="}}}"#,
        r#"{"t":"presence","set":{"a":1,"a":2}}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn props() -> Props {
    Props::from_pairs(&[("x", &[1]), ("text", &[0xa2, b'h', b'i']), ("list", &[0x92, 0xc0, 0x80])])
}

fn commits() -> Vec<Commit> {
    let origin = Origin::Client { author: Author([7; 8]), cid: 3, digest: u64::MAX };
    let id = |text: &str| ObjectId::parse(text).expect("an id");
    let changes = [
        Change::Put { id: id("a"), props: props() },
        Change::Set { id: id("b"), set: props(), unset: vec!["y".into()] },
        Change::Delete { id: id("c") },
    ];
    vec![
        Commit { id: CommitId([1; 8]), origin, outcome: Outcome::Changed(Changes::encode(&changes)) },
        Commit { id: CommitId([2; 8]), origin, outcome: Outcome::Refused(Code::Exists) },
        Commit { id: CommitId([3; 8]), origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) },
    ]
}

fn events() -> Vec<Event> {
    let who = Who { author: Author([7; 8]), user: "u".into(), role: Role::Editor };
    let entry = |session, fields, who| PresenceEntry { session, fields, who };
    let broadcast = |to| {
        let data = Value::new(vec![0x91, 0xc0].into(), 4).expect("sound");
        Event::Broadcast { node: 1, from: 2, topic: "t".into(), data, to }
    };
    vec![
        Event::Commits(Run { epoch: 1, first: 5, previous: CommitId([9; 8]), commits: commits().into() }),
        Event::Saved(Position { epoch: 1, seq: 5, id: CommitId([9; 8]) }),
        Event::Began { epoch: 2 },
        Event::Presence {
            node: 1,
            n: 3,
            sessions: vec![entry(7, Some(props()), Some(who)), entry(8, Some(props()), None), entry(9, None, None)],
        },
        Event::Beat { node: 1, n: 3, sessions: vec![7, 1 << 52] },
        broadcast(To::All),
        broadcast(To::Session(9)),
        broadcast(To::User("u".into())),
    ]
}

/// Stored items, each behind the byte that says what it is; of sealed ones the body alone.
fn stored() -> Vec<Vec<u8>> {
    let entry = Entry { epoch: 3, direct: true, from: 1, prev: CommitId([9; 8]), commits: commits(), at_ms: 1 << 41 };
    let pointer = Pointer {
        epoch: 3,
        direct: false,
        seq: 9,
        id: CommitId([9; 8]),
        build: u64::MAX,
        chunks: 2,
        objects: 5,
        clients: 1,
        recent: 3,
        at_ms: 1 << 41,
    };
    let (entry, pointer) = (encode_entry(&entry), encode_pointer(&pointer));
    let clients = [&[0x91, 0x95, 0xc4, 8][..], &[7; 8], &[3, 4, 5, 6]].concat();
    let records = [&[0x93, 0x92, 0xa1, b'a', 0xc4, 1, 9][..], &[0x94, 0xa1, b'b', 1, 2, 0xc4, 1, 0x80, 0xc0]].concat();
    let parts = [
        (0, entry.clone()),
        (0, pointer.clone()),
        (1, body(&entry)),
        (2, body(&entry)),
        (2, vec![0xc1, 0x63, 0, 0]),
        (3, body(&pointer)),
        (4, clients),
        (5, records),
        (6, noise(1, 90)),
    ];
    let parts = parts.into_iter().map(|(kind, rest)| [vec![kind], rest].concat());
    parts.chain((0..12).map(|n| [vec![7], noise(n, 60 + 20 * usize::from(n))].concat())).collect()
}

/// What an envelope holds that is not compressed.
fn body(stored: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(stored);
    let parts = reader.array().expect("an envelope");
    for _ in 1..parts {
        reader.raw().expect("a part");
    }
    reader.bin().expect("the body").to_vec()
}

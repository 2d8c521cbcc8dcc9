//! The golden frames: what travels, byte for byte, in both encodings. The SDK's tests read the same file.
//!
//! After a deliberate change of the protocol, `GOLDEN=write cargo test --test golden` writes the files anew; read the difference before
//! committing it.

use collabcanvas::ids::{Author, ClientId, CommitId, ObjectId, Position};
use collabcanvas::protocol::change::{Change, Changes};
use collabcanvas::protocol::commit::{Commit, Origin, Outcome};
use collabcanvas::protocol::message::{Mode, PresenceEntry, Role, ServerMessage, Sync, Welcome, Who, WireObject};
use collabcanvas::protocol::props::Props;
use collabcanvas::protocol::refusal::{Code, Refusal};
use collabcanvas::protocol::value::Value;
use collabcanvas::protocol::{Encoding, decode, encode, json, limits::Limits};
use serde_json::{Value as Json, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/frames.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect()
}

fn props(json: &str) -> Props {
    Props::parse(&json::from_json(json).expect("JSON"), 32).expect("props")
}

fn object_id(text: &str) -> ObjectId {
    ObjectId::parse(text).expect("id")
}

fn author() -> Author {
    Author::of("anonymous", &ClientId::parse("golden").expect("id"))
}

fn commits() -> Vec<Commit> {
    let id = |n| CommitId([n; 8]);
    let client = |cid| Origin::Client {
        author: author(),
        cid,
        digest: 7,
    };
    let changes = [
        Change::Put {
            id: object_id("r1"),
            props: props(r#"{"type":"rect","x":10,"y":-0.0,"bin":{"$mp":"xAMBAgM="}}"#),
        },
        Change::Set {
            id: object_id("n2"),
            set: props(r#"{"text":"hi"}"#),
            unset: vec!["color".into()],
        },
        Change::Set {
            id: object_id("n3"),
            set: props(r#"{"n":{"$mp":"zwAgAAAAAAAB"}}"#),
            unset: vec![],
        },
        Change::Delete { id: object_id("o3") },
    ];
    vec![
        Commit {
            id: id(1),
            origin: client(8),
            outcome: Outcome::Changed(Changes::encode(&changes)),
        },
        Commit {
            id: id(2),
            origin: client(9),
            outcome: Outcome::Refused(Code::Exists),
        },
        Commit {
            id: id(3),
            origin: Origin::Server,
            outcome: Outcome::Changed(Changes::none()),
        },
    ]
}

fn welcome() -> Welcome {
    Welcome {
        t: "welcome",
        v: 1,
        features: vec![],
        session: 4_503_599_627_370_497,
        author: author().text().to_string(),
        user: "anonymous".to_owned(),
        role: Role::Editor,
        position: Position {
            epoch: 3,
            seq: 41,
            id: CommitId([9; 8]),
        }
        .into(),
        saved_seq: 40,
        last: 7,
        saved: 6,
        sync: Sync::Snapshot,
        mode: Mode::Normal,
        limits: Limits::default(),
        heartbeat_ms: 10_000,
        timeout_ms: 25_000,
    }
}

/// Every kind of message that a server sends.
fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    let object = WireObject {
        id: object_id("r1"),
        rev: 12,
        props: props(r#"{"x":1}"#),
    };
    let who = Who {
        author: author(),
        user: "anonymous".into(),
        role: Role::Editor,
    };
    let exists = Refusal::new(Code::Exists, "an object of this id exists")
        .at(1)
        .about(&object_id("r1"));
    let entry = |session, fields: Option<&str>, who: Option<&Who>| PresenceEntry {
        session,
        fields: fields.map(props),
        who: who.cloned(),
    };
    vec![
        ("welcome", ServerMessage::Welcome(Box::new(welcome()))),
        (
            "commits",
            ServerMessage::Commits {
                seq: 41,
                commits: commits(),
            },
        ),
        (
            "ack",
            ServerMessage::Ack {
                cid: 8,
                seq: 41,
                gone: vec![],
            },
        ),
        (
            "ack with gone",
            ServerMessage::Ack {
                cid: 9,
                seq: 42,
                gone: vec![(8, vec![object_id("o3")])],
            },
        ),
        (
            "reject",
            ServerMessage::Reject {
                cid: 9,
                refusal: exists,
                current: Some(object),
                retry_ms: None,
            },
        ),
        (
            "reject for now",
            ServerMessage::Reject {
                cid: 10,
                refusal: Refusal::new(Code::Overloaded, "too much in flight"),
                current: None,
                retry_ms: Some(250),
            },
        ),
        ("gap", ServerMessage::Gap { expected: 4 }),
        ("saved", ServerMessage::Saved { cid: 8, seq: 300 }),
        (
            "presence",
            ServerMessage::Presence {
                full: false,
                sessions: vec![
                    entry(7, Some(r#"{"cursor":[1.5,20],"selection":null}"#), None),
                    entry(70_000, None, None),
                ],
            },
        ),
        (
            "everybody's presence",
            ServerMessage::Presence {
                full: true,
                sessions: vec![entry(7, Some(r#"{"name":"Ana"}"#), Some(&who))],
            },
        ),
        (
            "broadcast",
            ServerMessage::Broadcast {
                from: 7,
                topic: "reaction".into(),
                data: Value::new(vec![0xa4, 0xf0, 0x9f, 0x8e, 0x89].into(), 32).expect("text"),
            },
        ),
        ("pong", ServerMessage::Pong { n: 5, seq: 41 }),
        ("mode", ServerMessage::Mode(Mode::Degraded)),
        ("permission", ServerMessage::Permission(Role::Viewer)),
        (
            "error",
            ServerMessage::Error {
                code: "malformed".into(),
                message: "the message has no key \"t\"".into(),
            },
        ),
        (
            "goaway",
            ServerMessage::Goaway {
                reason: "restart".into(),
                reconnect_ms: (0, 2_000),
            },
        ),
    ]
}

/// What clients send, as JSON; its MessagePack form is the transcoded one.
fn client_messages() -> Vec<(&'static str, Json)> {
    vec![
        (
            "hello",
            json!({"t": "hello", "v": [1, 1], "client": "lq2-abcdefghijklmnop"}),
        ),
        (
            "hello with everything",
            json!({"t": "hello", "v": [1, 3], "features": ["x"], "client": "c", "token": "secret",
                "position": {"epoch": 3, "seq": 41, "id": "CQkJCQkJCQk"}, "presence": {"name": "Ana"}}),
        ),
        (
            "batch",
            json!({"t": "batch", "cid": 8, "durable": true, "ops": [
                {"op": "create", "id": "r1", "props": {"type": "rect", "x": 10, "y": 0.5, "bin": {"$mp": "xAMBAgM="}, "e": {}, "l": []}},
                {"op": "update", "id": "n2", "set": {"text": "h\u{e9}\u{1F389}"}, "unset": ["color"], "if_rev": 3},
                {"op": "update", "id": "n2", "set": {"lock": true}, "if_absent": ["lock"]},
                {"op": "delete", "id": "o3"},
                {"op": "increment", "id": "r1", "prop": "x", "by": -2}]}),
        ),
        ("void batch", json!({"t": "batch", "cid": 9, "void": "exists"})),
        (
            "presence",
            json!({"t": "presence", "set": {"cursor": [1.5, 20], "selection": null}}),
        ),
        (
            "broadcast",
            json!({"t": "broadcast", "topic": "reaction", "data": {"k": [1]}}),
        ),
        (
            "broadcast to one",
            json!({"t": "broadcast", "topic": "hi", "data": null, "to": 7}),
        ),
        ("ping", json!({"t": "ping", "n": 5})),
    ]
}

fn snapshots() -> Vec<(&'static str, Vec<u8>, String)> {
    let (a, b) = (object_id("a"), object_id("b"));
    let (first, second) = (props(r#"{"x":1}"#), props("{}"));
    let list = || [(&a, 4, &first), (&b, 7, &second)].into_iter();
    let frame = |encoding| encode::snapshot(0, true, list(), encoding).to_vec();
    let json = String::from_utf8(frame(Encoding::Json)).expect("UTF-8");
    vec![("snapshot", frame(Encoding::MessagePack), json)]
}

/// All frames as the golden file holds them.
fn frames() -> Vec<Json> {
    let row = |name: &str, from: &str, packed: &[u8], text: &str| {
        let json: Json = serde_json::from_str(text).expect("JSON");
        json!({"name": name, "from": from, "json": json, "msgpack": hex(packed)})
    };
    let mut rows = Vec::new();
    for (name, message) in client_messages() {
        let text = message.to_string();
        rows.push(row(name, "client", &json::from_json(&text).expect("JSON"), &text));
    }
    for (name, message) in server_messages() {
        let text = encode::message(&message, Encoding::Json);
        let packed = encode::message(&message, Encoding::MessagePack);
        rows.push(row(name, "server", &packed, std::str::from_utf8(&text).expect("UTF-8")));
    }
    for (name, packed, text) in snapshots() {
        rows.push(row(name, "server", &packed, &text));
    }
    rows
}

#[test]
fn what_is_sent_is_what_the_golden_file_says() {
    let ours = frames();
    if std::env::var_os("GOLDEN").is_some_and(|v| v == "write") {
        let lines: Vec<_> = ours.iter().map(ToString::to_string).collect();
        std::fs::write(FILE, format!("[\n{}\n]\n", lines.join(",\n"))).expect("writable");
    }
    let golden: Vec<Json> =
        serde_json::from_str(&std::fs::read_to_string(FILE).expect("the golden file")).expect("JSON");
    for (ours, golden) in ours.iter().zip(&golden) {
        assert_eq!(ours, golden);
    }
    assert_eq!(ours.len(), golden.len());
}

#[test]
fn client_frames_mean_the_same_in_both_encodings() {
    let golden: Vec<Json> = serde_json::from_str(include_str!("golden/frames.json")).expect("JSON");
    let client: Vec<_> = golden.iter().filter(|row| row["from"] == "client").collect();
    assert!(client.len() >= 8);
    for row in client {
        let packed = unhex(row["msgpack"].as_str().expect("hex"));
        let limits = Limits::default();
        let a = decode::client_message(&packed, Encoding::MessagePack, &limits).expect("readable");
        let b = decode::client_message(row["json"].to_string().as_bytes(), Encoding::Json, &limits).expect("readable");
        // The digest is over bytes, and serde_json sorts a map's keys when it prints one; everything else is equal.
        assert_eq!(
            without_digest(format!("{a:?}")),
            without_digest(format!("{b:?}")),
            "{}",
            row["name"]
        );
    }
}

fn without_digest(mut debug: String) -> String {
    if let Some(at) = debug.find("digest: ") {
        let end = debug[at..].find(',').map_or(debug.len(), |n| at + n);
        debug.replace_range(at..end, "");
    }
    debug
}

//! One message of every kind, with values that are easy to get wrong.

use collabcanvas::ids::{Author, ClientId, CommitId, ObjectId, Position};
use collabcanvas::protocol::change::{Change, Changes};
use collabcanvas::protocol::commit::{Commit, Origin, Outcome};
use collabcanvas::protocol::message::{Mode, PresenceEntry, Role, ServerMessage, Sync, Welcome, Who, WireObject};
use collabcanvas::protocol::props::Props;
use collabcanvas::protocol::refusal::{Code, Refusal};
use collabcanvas::protocol::value::Value;
use collabcanvas::protocol::{Encoding, encode, json, limits::Limits};
use serde_json::{Value as Json, json};

pub(crate) fn props(json: &str) -> Props {
    Props::parse(&json::from_json(json).expect("JSON"), 32).expect("props")
}

fn object_id(text: &str) -> ObjectId {
    ObjectId::parse(text).expect("id")
}

pub(crate) fn author() -> Author {
    Author::of("anonymous", &ClientId::parse("golden").expect("id"))
}

pub(crate) fn commits() -> Vec<Commit> {
    let id = |n| CommitId([n; 8]);
    let client = |cid| Origin::Client { author: author(), cid, digest: 7 };
    let changes = [
        Change::Put {
            id: object_id("r1"),
            props: props(r#"{"type":"rect","x":10,"y":-0.0,"bin":{"$mp":"xAMBAgM="}}"#),
        },
        Change::Set { id: object_id("n2"), set: props(r#"{"text":"hi"}"#), unset: vec!["color".into()] },
        Change::Set { id: object_id("n3"), set: props(r#"{"n":{"$mp":"zwAgAAAAAAAB"}}"#), unset: vec![] },
        Change::Delete { id: object_id("o3") },
    ];
    vec![
        Commit { id: id(1), origin: client(8), outcome: Outcome::Changed(Changes::encode(&changes)) },
        Commit { id: id(2), origin: client(9), outcome: Outcome::Refused(Code::Exists) },
        Commit { id: id(3), origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) },
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
        position: Position { epoch: 3, seq: 41, id: CommitId([9; 8]) }.into(),
        saved_seq: 40,
        last: 7,
        saved: 6,
        sync: Sync::Snapshot,
        mode: Mode::Normal,
        now_ms: 1_780_000_000_000,
        limits: Limits::default(),
        heartbeat_ms: 10_000,
        timeout_ms: 25_000,
    }
}

/// Every kind of message that a server sends.
pub(crate) fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    let object = WireObject { id: object_id("r1"), rev: 12, props: props(r#"{"x":1}"#) };
    let exists = Refusal::new(Code::Exists, "an object of this id exists").at(1).about(&object_id("r1"));
    let leased = Refusal::new(Code::Leased, "the object is leased to another").at(0).about(&object_id("n2"));
    let leased = Refusal { by: Some(author()), ..leased };
    vec![
        ("welcome", ServerMessage::Welcome(Box::new(welcome()))),
        ("commits", ServerMessage::Commits { seq: 41, commits: commits() }),
        ("ack", ServerMessage::Ack { cid: 8, seq: 41, gone: vec![] }),
        ("ack with gone", ServerMessage::Ack { cid: 9, seq: 42, gone: vec![(8, vec![object_id("o3")])] }),
        ("reject", ServerMessage::Reject { cid: 9, refusal: exists, current: Some(object), retry_ms: None }),
        (
            "reject of a leased object",
            ServerMessage::Reject { cid: 11, refusal: leased, current: None, retry_ms: None },
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
    ]
}

/// The smaller messages.
pub(crate) fn other_messages() -> Vec<(&'static str, ServerMessage)> {
    let who = Who { author: author(), user: "anonymous".into(), role: Role::Editor };
    let entry = |session, fields: Option<&str>, who: Option<&Who>| PresenceEntry {
        session,
        fields: fields.map(props),
        who: who.cloned(),
    };
    vec![
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
            ServerMessage::Presence { full: true, sessions: vec![entry(7, Some(r#"{"name":"Ana"}"#), Some(&who))] },
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
        ("token ends", ServerMessage::Token(Some(60_000))),
        ("token for ever", ServerMessage::Token(None)),
        ("error", ServerMessage::Error { code: "malformed".into(), message: "the message has no key \"t\"".into() }),
        ("goaway", ServerMessage::Goaway { reason: "restart".into(), reconnect_ms: (0, 2_000) }),
    ]
}

/// What clients send, as JSON; its MessagePack form is the transcoded one.
pub(crate) fn client_messages() -> Vec<(&'static str, Json)> {
    vec![
        ("hello", json!({"t": "hello", "v": [1, 1], "client": "lq2-abcdefghijklmnop"})),
        (
            "hello with everything",
            json!({"t": "hello", "v": [1, 3], "features": ["x"], "client": "c", "token": "secret", "password": "pass",
                "position": {"epoch": 3, "seq": 41, "id": "CQkJCQkJCQk"}, "saved": 7, "presence": {"name": "Ana"}}),
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
        ("presence", json!({"t": "presence", "set": {"cursor": [1.5, 20], "selection": null}})),
        ("broadcast", json!({"t": "broadcast", "topic": "reaction", "data": {"k": [1]}})),
        ("broadcast to one", json!({"t": "broadcast", "topic": "hi", "data": null, "to": 7})),
        ("token", json!({"t": "token", "token": "secret"})),
        ("ping", json!({"t": "ping", "n": 5})),
    ]
}

pub(crate) fn snapshots() -> Vec<(&'static str, Vec<u8>, String)> {
    let (a, b) = (object_id("a"), object_id("b"));
    let (first, second) = (props(r#"{"x":1}"#), props("{}"));
    let list = || [(&a, 4, &first), (&b, 7, &second)].into_iter();
    let frame = |encoding| encode::snapshot(0, true, list(), encoding).payload().to_vec();
    let json = String::from_utf8(frame(Encoding::Json)).expect("UTF-8");
    vec![("snapshot", frame(Encoding::MessagePack), json)]
}

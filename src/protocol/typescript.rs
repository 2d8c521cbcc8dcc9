//! The TypeScript types of the protocol, made from these Rust types and the plain ones beside them.
//!
//! Messages that carry raw values are written by hand in `encode` and read by hand in `decode`; their shapes stand here once more, as
//! types, and the golden frames hold shapes and bytes together: every frame must read as one of these, without an unknown key.
//! After a deliberate change, `GOLDEN=write cargo test typescript` writes the file anew.

#![expect(dead_code, reason = "only the shapes count")]

use super::limits::Limits;
use super::message::{Mode, Role, Sync, Welcome, WirePosition};
use super::refusal::{Code, Kind};
use serde::Deserialize;
use ts_rs::{Config, TS};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/client-demo/sdk/src/generated/protocol.ts");

/// A number that every language holds exactly: below 2^53.
type Count = f64;
type Json = serde_json::Value;

/// Properties by name.
#[derive(Deserialize, TS)]
#[ts(type = "Record<string, Value>")]
struct Props(serde_json::Map<String, Json>);

macro_rules! shapes {
    ($($item:item)*) => { $(
        #[derive(Deserialize, TS)]
        $item
    )* };
}

shapes! {
    /// An object as it travels: id, rev, props.
    struct WireObject(String, Count, Props);

    /// One op of a batch.
    #[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
    enum Op {
        Create { id: String, #[ts(optional)] props: Option<Props>, #[ts(optional)] if_absent: Option<Vec<String>> },
        Update {
            id: String,
            #[ts(optional)] set: Option<Props>,
            #[ts(optional)] unset: Option<Vec<String>>,
            #[ts(optional)] if_rev: Option<Count>,
            #[ts(optional)] if_absent: Option<Vec<String>>,
            #[ts(optional)] token: Option<Count>,
        },
        Delete {
            id: String,
            #[ts(optional)] if_rev: Option<Count>,
            #[ts(optional)] if_absent: Option<Vec<String>>,
            #[ts(optional)] token: Option<Count>,
        },
        Increment {
            id: String,
            prop: String,
            #[ts(type = "number | bigint")] by: Json,
            #[ts(optional)] if_rev: Option<Count>,
            #[ts(optional)] if_absent: Option<Vec<String>>,
            #[ts(optional)] token: Option<Count>,
        },
        Lease {
            id: String,
            #[ts(optional)] ttl_ms: Option<Count>,
            #[ts(optional)] if_rev: Option<Count>,
            #[ts(optional)] if_absent: Option<Vec<String>>,
            #[ts(optional)] token: Option<Count>,
        },
        Release {
            id: String,
            #[ts(optional)] if_rev: Option<Count>,
            #[ts(optional)] if_absent: Option<Vec<String>>,
            #[ts(optional)] token: Option<Count>,
        },
    }

    #[serde(rename_all = "snake_case")]
    enum PutKind { Put }

    #[serde(rename_all = "snake_case")]
    enum SetKind { Set }

    #[serde(rename_all = "snake_case")]
    enum DelKind { Del }

    /// The change of one object: kind, id, props, removed names.
    #[serde(untagged)]
    enum Change {
        SetAndUnset(SetKind, String, Props, Vec<String>),
        Set(SetKind, String, Props),
        Put(PutKind, String, Props),
        Delete(DelKind, String),
    }

    /// A commit: author, cid, changes, and the code when it records a refusal.
    #[serde(untagged)]
    enum Commit {
        Refused(String, Count, Vec<Change>, #[ts(as = "Code")] String),
        Changed(String, Count, Vec<Change>),
    }

    /// Who a session is.
    #[serde(deny_unknown_fields)]
    struct Who { author: String, user: String, role: Role }

    /// A session's presence: number, fields (null: it has left), and who it is when the receiver has not seen it before.
    #[serde(untagged)]
    enum PresenceEntry {
        New(Count, Props, Who),
        Known(Count, Option<Props>),
    }

    /// What a client says.
    #[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
    enum ClientMessage {
        Hello {
            #[ts(type = "[min: number, max: number]")] v: (u32, u32),
            #[ts(optional)] features: Option<Vec<String>>,
            client: String,
            #[ts(optional)] token: Option<String>,
            #[ts(optional)] password: Option<String>,
            #[ts(optional)] position: Option<WirePosition>,
            #[ts(optional)] saved: Option<Count>,
            #[ts(optional)] presence: Option<Props>,
        },
        Batch {
            cid: Count,
            #[ts(optional)] ops: Option<Vec<Op>>,
            #[ts(optional)] void: Option<String>,
            #[ts(optional)] durable: Option<bool>,
        },
        Presence { set: Props },
        Broadcast { topic: String, #[ts(type = "Value")] data: Json, #[ts(optional, type = "number | string")] to: Option<Json> },
        Token { token: String, #[ts(optional)] password: Option<String> },
        Ping { n: Count },
    }

    /// What a client hears, besides `Welcome`.
    #[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
    enum Heard {
        Snapshot {
            n: Count,
            last: bool,
            #[ts(optional)] objects: Option<Vec<WireObject>>,
            #[ts(optional, type = "Uint8Array")] deflate: Option<Json>,
        },
        Commits { seq: Count, id: String, commits: Vec<Commit> },
        Ack { cid: Count, seq: Count, #[ts(optional)] gone: Option<Vec<(Count, Vec<String>)>> },
        Reject {
            cid: Count,
            #[ts(as = "Kind")] kind: String,
            #[ts(as = "Code")] code: String,
            message: String,
            #[ts(optional)] op: Option<Count>,
            #[ts(optional)] id: Option<String>,
            #[serde(default)] #[ts(optional = nullable)] current: Option<WireObject>,
            #[ts(optional)] by: Option<String>,
            #[ts(optional)] retry_ms: Option<Count>,
        },
        Gap { expected: Count },
        Saved { cid: Count, seq: Count },
        Presence { #[ts(optional)] full: Option<bool>, sessions: Vec<PresenceEntry> },
        Broadcast { from: Count, topic: String, #[ts(type = "Value")] data: Json },
        Pong { n: Count, seq: Count },
        Pace { presence_ms: Option<Count> },
        Mode { mode: Mode },
        Permission { role: Role },
        Token { expires_ms: Option<Count> },
        Error { code: String, message: String },
        Goaway { reason: String, #[ts(type = "[min: number, max: number]")] reconnect_ms: (u32, u32) },
    }
}

fn file() -> String {
    let config = Config::default();
    let declarations = [
        WirePosition::decl(&config),
        Role::decl(&config),
        Mode::decl(&config),
        Sync::decl(&config),
        Limits::decl(&config),
        Code::decl(&config),
        Kind::decl(&config),
        WireObject::decl(&config),
        Op::decl(&config),
        PutKind::decl(&config),
        SetKind::decl(&config),
        DelKind::decl(&config),
        Change::decl(&config),
        Commit::decl(&config),
        Who::decl(&config),
        PresenceEntry::decl(&config),
        Welcome::decl(&config),
        ClientMessage::decl(&config),
        Heard::decl(&config),
    ];
    let mut text = String::from(
        "// Made from the Rust types of the protocol by `GOLDEN=write cargo test typescript`. Do not edit.\nimport type { Value } from '../value.js';\n\n",
    );
    for declaration in declarations {
        text += &format!("export {}\n\n", declaration.replace(", }", " }").replace("Props", "Record<string, Value>"));
    }
    text + "export type ServerMessage = Welcome | Heard;\n"
}

#[test]
fn the_generated_types_are_current() {
    let ours = file();
    if std::env::var_os("GOLDEN").is_some_and(|v| v == "write") {
        std::fs::write(FILE, &ours).expect("the folder exists");
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        committed == ours,
        "the protocol's TypeScript types are not current: run `GOLDEN=write cargo test typescript`"
    );
}

#[test]
fn every_golden_frame_has_one_of_the_shapes() {
    let golden: Vec<Json> = serde_json::from_str(include_str!("../../tests/golden/frames.json")).expect("JSON");
    for row in golden {
        let frame = row["json"].clone();
        let read = match (row["from"].as_str(), frame["t"].as_str()) {
            (_, Some("welcome")) => continue,
            (Some("client"), _) => serde_json::from_value::<ClientMessage>(frame).map(|_| ()),
            _ => serde_json::from_value::<Heard>(frame).map(|_| ()),
        };
        assert!(read.is_ok(), "{}: {read:?}", row["name"]);
    }
}

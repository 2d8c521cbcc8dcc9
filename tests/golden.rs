//! The golden frames: what travels, byte for byte, in both encodings. The SDK's tests read the same file.
//!
//! After a deliberate change of the protocol, `GOLDEN=write cargo test --test golden` writes the files anew; read the difference before
//! committing it.

#[path = "golden/samples.rs"]
mod samples;
#[path = "golden/short.rs"]
mod short;

use collabcanvas::protocol::{Encoding, decode, encode, json, limits::Limits};
use serde_json::{Value as Json, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/frames.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex")).collect()
}

/// All frames as the golden file holds them.
fn frames() -> Vec<Json> {
    let row = |name: &str, from: &str, packed: &[u8], text: &str| {
        let json: Json = serde_json::from_str(text).expect("JSON");
        json!({"name": name, "from": from, "json": json, "msgpack": hex(packed)})
    };
    let mut rows = Vec::new();
    for (name, message) in samples::client_messages() {
        let text = message.to_string();
        rows.push(row(name, "client", &json::from_json(&text).expect("JSON"), &text));
    }
    for (name, message) in samples::server_messages().into_iter().chain(samples::other_messages()) {
        let text = encode::message(&message, Encoding::Json);
        let packed = encode::message(&message, Encoding::MessagePack);
        rows.push(row(name, "server", packed.payload(), std::str::from_utf8(text.payload()).expect("UTF-8")));
    }
    for (name, packed, text) in samples::snapshots() {
        rows.push(row(name, "server", &packed, &text));
    }
    rows
}

#[test]
fn what_is_sent_is_what_the_golden_file_says() {
    is_golden(FILE, &frames());
}

/// Compares with a golden file, or writes it.
fn is_golden(file: &str, ours: &[Json]) {
    if std::env::var_os("GOLDEN").is_some_and(|v| v == "write") {
        let lines: Vec<_> = ours.iter().map(ToString::to_string).collect();
        std::fs::write(file, format!("[\n{}\n]\n", lines.join(",\n"))).expect("writable");
    }
    let golden: Vec<Json> =
        serde_json::from_str(&std::fs::read_to_string(file).expect("the golden file")).expect("JSON");
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
        assert_eq!(without_digest(format!("{a:?}")), without_digest(format!("{b:?}")), "{}", row["name"]);
    }
}

fn without_digest(mut debug: String) -> String {
    if let Some(at) = debug.find("digest: ") {
        let end = debug[at..].find(',').map_or(debug.len(), |n| at + n);
        debug.replace_range(at..end, "");
    }
    debug
}

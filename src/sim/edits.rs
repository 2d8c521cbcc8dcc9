//! What simulated people do.

use crate::chance;
use bytes::Bytes;
use rand::RngExt as _;

/// Objects that everybody works on.
const OBJECTS: u32 = 5;

/// A batch of one to three ops on a few shared objects. `name` and `n` make its values tell whose they are.
pub(super) fn batch(name: &str, n: u64, rev: u64) -> Bytes {
    let count = if chance::rng().random_bool(0.8) { 1 } else { chance::rng().random_range(2..4) };
    let ops: Vec<String> = (0..count).map(|_| op(name, n, rev)).collect();
    loadtest::say::from_json(&format!("[{}]", ops.join(",")))
}

fn object() -> String {
    format!("o{}", chance::rng().random_range(0..OBJECTS))
}

fn op(name: &str, n: u64, rev: u64) -> String {
    let (id, value) = (object(), format!("{name}-{n}"));
    match chance::rng().random_range(0..20) {
        0..6 => format!(r#"{{"op":"create","id":"{id}","props":{{"by":"{value}","n":0,"z":"a{n}1"}}}}"#),
        6..11 => format!(r#"{{"op":"update","id":"{id}","set":{{"by":"{value}","{name}":{n}}},"unset":["gone"]}}"#),
        11..14 => format!(r#"{{"op":"increment","id":"{id}","prop":"n","by":1}}"#),
        14..16 => format!(r#"{{"op":"delete","id":"{id}"}}"#),
        16 => format!(r#"{{"op":"update","id":"{id}","set":{{"parent":"{}"}}}}"#, object()),
        17 => format!(r#"{{"op":"update","id":"{id}","set":{{"by":"{value}"}},"if_rev":{rev}}}"#),
        18 => format!(r#"{{"op":"update","id":"{id}","set":{{"{name}":1}},"if_absent":["{name}"]}}"#),
        _ => format!(r#"{{"op":"create","id":"{name}-{n}","props":{{"type":"note","by":"{value}"}}}}"#),
    }
}

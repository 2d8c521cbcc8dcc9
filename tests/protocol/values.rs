//! Values come back byte for byte, in both encodings, through commits, the disk and snapshots.

use crate::support::peers::{Node, send_raw};
use bytes::Bytes;
use collabcanvas::protocol::Encoding::{self, Json, MessagePack};
use collabcanvas::protocol::pack;
use loadtest::client::Client;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// Generated objects, on top of the written ones.
const GENERATED: usize = 40;

/// Every kind of value that has ever been spoilt by something on such a way.
fn known() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = vec![
        vec![0xc0],
        vec![0xc2],
        vec![0xc3],
        vec![0x80],
        vec![0x90],
        vec![0xa0],
        vec![0xc4, 0],
        vec![0xc4, 3, 0, 0xff, 0x80],
        vec![0xd4, 5, 1],
        vec![0xd6, 0xff, 1, 2, 3, 4],
        vec![0xc7, 3, 0x7f, 1, 2, 3],
        vec![0xc7, 0, 1],
        // 2^53 + 1, u64::MAX, i64::MIN, −1, 2^53 − 1
        vec![0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1],
        vec![0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
        vec![0xd3, 128, 0, 0, 0, 0, 0, 0, 0],
        vec![0xff],
        vec![0xcf, 0, 0x1f, 255, 255, 255, 255, 255, 255],
        // 32-bit floats, NaN with a payload, infinities
        vec![0xca, 0x3f, 0x80, 0, 0],
        vec![0xca, 0x80, 0, 0, 0],
        vec![0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 1, 2],
        vec![0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0],
        // Longer forms than the shortest: integer, text, list, map, bin
        vec![0xcc, 5],
        vec![0xcd, 0, 5],
        vec![0xd0, 5],
        vec![0xd2, 0xff, 0xff, 0xff, 0xff],
        vec![0xd9, 1, b'x'],
        vec![0xdb, 0, 0, 0, 1, b'x'],
        vec![0xdc, 0, 1, 7],
        vec![0xde, 0, 1, 0xa1, b'k', 7],
        vec![0xc5, 0, 1, 9],
        // Text that is not UTF-8, keys that are not text or come twice, the escape itself
        vec![0xa2, 0xc3, 0x28],
        vec![0x81, 1, 2],
        vec![0x81, 0x90, 0xc0],
        vec![0x82, 0xa1, b'a', 1, 0xa1, b'a', 2],
        vec![0x81, 0xa3, b'$', b'm', b'p', 0xa4, b'w', b'A', b'=', b'='],
        vec![0x82, 0xa3, b'$', b'm', b'p', 1, 0xa1, b'b', 2],
        // As deep as allowed
        [&[0x91; 31][..], &[0x90]].concat(),
    ];
    for float in [0.0, -0.0, 1.0, 0.1, 1e300, f64::MIN_POSITIVE, 5e-324, f64::MAX] {
        let mut raw = Vec::new();
        pack::float(&mut raw, float);
        values.push(raw);
    }
    for text in ["\0", "é🎉", "\u{202e}\u{feff}\u{fffd}", "\"\\\n\u{7f}\u{2028}", "a\u{301}", "👩‍👩‍👧‍👦"]
    {
        let mut raw = Vec::new();
        pack::str(&mut raw, text);
        values.push(raw);
    }
    values
}

/// Any value, in any form of its head.
fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(|n| [&[0xcf][..], &n.to_be_bytes()].concat()),
        any::<i16>().prop_map(|n| [&[0xd1][..], &n.to_be_bytes()].concat()),
        any::<i64>().prop_map(|n| packed(|out| pack::int(out, n))),
        any::<u64>().prop_map(|bits| [&[0xcb][..], &bits.to_be_bytes()].concat()),
        any::<u32>().prop_map(|bits| [&[0xca][..], &bits.to_be_bytes()].concat()),
        any::<String>().prop_map(|text| packed(|out| pack::str(out, &text))),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| packed(|out| pack::bin(out, &bytes))),
        any::<(i8, u8)>().prop_map(|(kind, byte)| vec![0xd4, kind.to_be_bytes()[0], byte]),
        Just(vec![0xc0]),
        any::<bool>().prop_map(|b| vec![0xc2 + u8::from(b)]),
    ];
    leaf.prop_recursive(5, 48, 8, |inner| {
        let pair = (any::<String>(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(|list| {
                let mut raw = packed(|out| pack::array(out, list.len()));
                raw.extend(list.concat());
                raw
            }),
            prop::collection::vec(pair, 0..8).prop_map(|pairs| {
                let mut raw = packed(|out| pack::map(out, pairs.len()));
                for (key, value) in pairs {
                    pack::str(&mut raw, &key);
                    raw.extend(value);
                }
                raw
            }),
            // A list with the longest head that there is.
            inner.prop_map(|one| [&[0xdd, 0, 0, 0, 1][..], &one].concat()),
        ]
    })
}

fn packed(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// One op on an object with one property.
fn op(kind: &str, id: &str, key: &str, value: &[u8]) -> Vec<u8> {
    let mut raw = vec![0x91, 0x83];
    for text in ["op", kind, "id", id, key] {
        pack::str(&mut raw, text);
    }
    pack::map(&mut raw, 1);
    pack::str(&mut raw, "value");
    raw.extend_from_slice(value);
    raw
}

fn value_of<'a>(client: &'a Client, id: &str) -> Option<&'a Bytes> {
    client.core.replica().0.get(id)?.props.get("value")
}

/// Checks that a client has every value, as a created and as an updated one.
fn has_all(client: &Client, encoding: Encoding, values: &[Vec<u8>]) {
    for (n, value) in values.iter().enumerate() {
        for id in [format!("c{n}"), format!("u{n}")] {
            let found = value_of(client, &id).map(|raw| &raw[..]);
            assert_eq!(found, Some(&value[..]), "{id} in {encoding:?}");
        }
    }
}

#[tokio::test]
async fn values_survive_commits_the_disk_and_snapshots() {
    let mut values = known();
    let mut runner = TestRunner::deterministic();
    let strategy = any_value();
    values.extend((0..GENERATED).map(|_| strategy.new_tree(&mut runner).expect("a value").current()));
    for writes in [MessagePack, Json] {
        let node = Node::start();
        let mut readers = [node.join("p", MessagePack).await, node.join("p", Json).await];
        let mut writer = node.join("p", writes).await;
        for (n, value) in values.iter().enumerate() {
            let (created, updated) = (format!("c{n}"), format!("u{n}"));
            writer.submit(op("create", &created, "props", value));
            writer.submit(op("create", &updated, "props", &[0xc0]));
            writer.submit(op("update", &updated, "set", value));
        }
        assert_eq!(send_raw(&mut writer, op("create", "last", "props", &[1]).into()).await, None);
        assert!(writer.core.history.rejected.is_empty(), "{:?}", writer.core.history.rejected);
        has_all(&writer, writes, &values);
        for reader in &mut readers {
            let encoding = reader.core.encoding();
            let came = reader
                .until("all values", crate::support::process::PATIENCE, |core| core.replica().0.contains_key("last"));
            came.await.expect("commits come");
            has_all(reader, encoding, &values);
        }
        let node = node.restart();
        for encoding in [MessagePack, Json] {
            let fresh = node.join("p", encoding).await;
            assert!(fresh.core.welcome().is_some_and(|w| w.snapshot));
            has_all(&fresh, encoding, &values);
        }
    }
}

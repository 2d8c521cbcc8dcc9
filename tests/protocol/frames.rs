//! Messages that cannot be read end their session, and nobody else's.

use crate::support::peers::{Bystanders, Node};
use collabcanvas::protocol::Encoding::{self, Json, MessagePack};
use loadtest::say;
use tokio_tungstenite::tungstenite::Message as Frame;

/// A ping with a further key that has this value.
fn ping_with(value: &[u8]) -> Vec<u8> {
    let ping = [0x83, 0xa1, b't', 0xa4, b'p', b'i', b'n', b'g', 0xa1, b'n', 1, 0xa1, b'x'];
    [&ping[..], value].concat()
}

fn binary(bytes: impl Into<Vec<u8>>) -> Frame {
    Frame::Binary(bytes.into().into())
}

#[tokio::test]
async fn unreadable_messages_close_their_session_only() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let many = [&[0xdd, 0, 3, 0, 0][..], &[1; 3 << 16]].concat();
    let deep = [&[0x91; 2_000][..], &[1]].concat();
    let cases: Vec<(Encoding, Frame)> = vec![
        (MessagePack, binary([0xc1])),
        (MessagePack, binary([])),
        (MessagePack, binary([0x82, 0xa1, b't'])),
        (MessagePack, binary([0xdf, 0xff, 0xff, 0xff, 0xff])),
        (MessagePack, binary([0x93, 1, 2, 3])),
        (MessagePack, binary(ping_with(&deep))),
        (MessagePack, binary(ping_with(&many))),
        (MessagePack, binary(say::from_json(r#"{"t":"jump"}"#))),
        (MessagePack, binary(say::from_json(r#"{"n":1}"#))),
        (MessagePack, binary(say::from_json(r#"{"t":"batch","cid":0,"ops":[]}"#))),
        (MessagePack, binary(say::from_json(r#"{"t":"batch","cid":1,"ops":{}}"#))),
        (MessagePack, Frame::text(r#"{"t":"ping","n":1}"#)),
        (Json, binary(say::from_json(r#"{"t":"ping","n":1}"#))),
        (Json, Frame::text("{")),
        (Json, Frame::text("")),
        (Json, Frame::text("[".repeat(100_000))),
        (Json, Frame::text(r#"{"t":"ping","n":1} {}"#)),
        (Json, Frame::text(r#"{"t":"ping","n":{"$mp":"?"}}"#)),
        (Json, Frame::text(r#"{"t":"jump"}"#)),
        (Json, Frame::text(r#"{"t":"broadcast","topic":"","data":1}"#)),
    ];
    for (encoding, frame) in cases {
        let mut raw = node.raw_joined("p", encoding).await;
        raw.send_frame(frame).await;
        raw.is_closed(4400).await;
    }
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn oversized_messages_are_closed_as_such() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    for (encoding, frame) in
        [(MessagePack, binary(vec![0; (1 << 20) + 1])), (Json, Frame::text(" ".repeat((1 << 20) + 1)))]
    {
        let mut raw = node.raw_joined("p", encoding).await;
        raw.send_frame(frame).await;
        raw.is_closed(1009).await;
    }
    bystanders.are_undisturbed().await;
}

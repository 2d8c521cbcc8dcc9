//! Coming back: deltas, snapshots, another history, the same client id twice, silence.

use crate::support::peers::{Bystanders, Node, agree, send, synced};
use crate::support::process::PATIENCE;
use collabcanvas::protocol::Encoding::{Json, MessagePack};
use loadtest::client::Ended;
use loadtest::say;
use loadtest::wire::{Message, Position};

#[tokio::test]
async fn with_a_position_comes_a_delta_and_without_one_a_snapshot() {
    let node = Node::start();
    for (project, encoding) in [("p", MessagePack), ("q", Json)] {
        let mut writer = node.join(project, MessagePack).await;
        assert_eq!(send(&mut writer, r#"[{"op":"create","id":"a"}]"#).await, None);
        let mut reader = node.join(project, encoding).await;
        assert!(reader.core.welcome().is_some_and(|w| w.snapshot));
        reader.cut();
        for n in 0..300 {
            let update = format!(r#"[{{"op":"update","id":"a","set":{{"n":{n}}}}}]"#);
            assert_eq!(send(&mut writer, &update).await, None);
        }
        reader.connect().await.expect("the server is there");
        synced(&mut reader).await;
        assert!(reader.core.welcome().is_some_and(|w| !w.snapshot), "it held a position");
        agree(&mut reader, &mut writer).await;
        // At the head there is nothing to send.
        reader.connect().await.expect("the server is there");
        synced(&mut reader).await;
        assert!(reader.core.welcome().is_some_and(|w| !w.snapshot));
        agree(&mut reader, &mut writer).await;
    }
}

/// In JSON a delta can be many times larger than what decides whether there is one, and larger than an outbox.
#[tokio::test]
async fn a_delta_that_is_large_only_in_json_comes_whole() {
    let node = Node::start();
    let mut writer = node.join("p", MessagePack).await;
    let mut reader = node.join("p", Json).await;
    reader.cut();
    let text = r"\u0001".repeat(1_400);
    writer.submit(say::from_json(r#"[{"op":"create","id":"a"}]"#));
    for _ in 0..300 {
        let ops = format!(r#"[{{"op":"update","id":"a","set":{{"text":"{text}"}}}}]"#);
        assert_eq!(send(&mut writer, &ops).await, None);
    }
    reader.connect().await.expect("the server is there");
    synced(&mut reader).await;
    assert!(reader.core.welcome().is_some_and(|w| !w.snapshot), "it held a position");
    agree(&mut reader, &mut writer).await;
    assert_eq!(send(&mut reader, r#"[{"op":"delete","id":"a"}]"#).await, None);
    assert_eq!(reader.core.history.welcomes, 2, "one of each connection");
}

#[tokio::test]
async fn a_delta_is_still_there_after_a_restart() {
    let node = Node::start();
    let mut writer = node.join("p", MessagePack).await;
    assert_eq!(send(&mut writer, r#"[{"op":"create","id":"a"}]"#).await, None);
    let held = writer.core.position().expect("synced").clone();
    assert_eq!(send(&mut writer, r#"[{"op":"update","id":"a","set":{"x":1}}]"#).await, None);
    let node = node.restart();
    let (_raw, welcome) = node.raw_hello("p", "other", Some(&held), MessagePack).await;
    let Message::Welcome(welcome) = welcome else { unreachable!("raw_hello has checked") };
    assert!(!welcome.snapshot && welcome.position.seq == held.seq + 1, "{welcome:?}");
}

#[tokio::test]
async fn a_position_of_another_history_gets_a_snapshot() {
    let node = Node::start();
    let mut writer = node.join("p", MessagePack).await;
    assert_eq!(send(&mut writer, r#"[{"op":"create","id":"a"}]"#).await, None);
    let at = writer.core.position().expect("synced").clone();
    let other = Position { id: "AAAAAAAAAAE".into(), ..at.clone() };
    let ahead = Position { seq: at.seq + 100, ..at.clone() };
    let far = Position { seq: u64::MAX, ..at.clone() };
    let unreadable = Position { id: "?".into(), ..at };
    for (n, position) in [other, ahead, far, unreadable].iter().enumerate() {
        let (mut raw, welcome) = node.raw_hello("p", &format!("c{n}"), Some(position), Json).await;
        let Message::Welcome(welcome) = welcome else { unreachable!("raw_hello has checked") };
        assert!(welcome.snapshot, "{position:?}");
        let objects = raw.until(|message| match message {
            Message::Snapshot(0, true, objects) => Some(objects.len()),
            _ => None,
        });
        assert_eq!(objects.await, 1);
    }
}

#[tokio::test]
async fn the_second_session_of_a_client_id_takes_over() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut first = node.join_as("p", "same", MessagePack).await;
    assert_eq!(send(&mut first, r#"[{"op":"create","id":"a"}]"#).await, None);
    let second = node.join_as("p", "same", Json).await;
    assert_eq!(second.core.welcome().map(|w| w.last), Some(1));
    let ended = first.until("the close", PATIENCE, |_| false).await;
    assert!(matches!(ended, Err(Ended::Closed(4409, ref text)) if text.len() > 10), "{ended:?}");
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn silence_ends_a_session() {
    let fast = |setup: crate::support::server::Setup| {
        setup.with("COLLAB_HEARTBEAT_SECONDS", "1").with("COLLAB_SILENCE_SECONDS", "2")
    };
    let node = Node::with(fast);
    // Who reads answers pings, and lives on through any time without a word of its own.
    let mut alive = node.join("p", MessagePack).await;
    let silent = node.raw_joined("p", MessagePack).await;
    let metrics = || crate::support::http::get(&node.server.admin, "/metrics");
    let closed = async {
        while !metrics().await.1.contains(r#"collab_closes_total{reason="silent"} 1"#) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = alive.until("the end", PATIENCE, |_| false) => panic!("{ended:?}"),
        () = closed => {}
    }
    let mut silent = silent;
    silent.is_closed(4410).await;
    assert_eq!(send(&mut alive, r#"[{"op":"create","id":"a"}]"#).await, None);
    assert_eq!(alive.core.history.welcomes, 1);
}

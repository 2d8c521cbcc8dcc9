//! Batches: every refusal with its code, the counter, repeats, holes, voids.

use crate::support::peers::{Bystanders, Node, Raw, agree, send, send_raw, synced};
use collabcanvas::protocol::Encoding::{Json, MessagePack};
use collabcanvas::protocol::pack;
use loadtest::say;
use loadtest::wire::{Message, Reject};

/// Sends a batch and returns what is said about it.
async fn answer(raw: &mut Raw, cid: u64, ops: &str) -> Result<u64, Reject> {
    raw.send(say::batch(cid, &say::from_json(ops))).await;
    raw.until(|message| match message {
        Message::Ack(acked, seq, _) if acked >= cid => Some(Ok(seq)),
        Message::Reject(reject) if reject.cid == cid => Some(Err(*reject)),
        _ => None,
    })
    .await
}

fn update(set: &str) -> String {
    format!(r#"[{{"op":"update","id":"a","set":{set}}}]"#)
}

/// Ops that are refused, and the code.
fn refused() -> Vec<(String, &'static str)> {
    let plain = |ops: &str, code| (ops.to_owned(), code);
    let many = vec![r#"{"op":"delete","id":"x"}"#; 501].join(",");
    let deep = "[".repeat(33) + &"]".repeat(33);
    vec![
        plain(r#"[{"op":"create","id":"a","props":{}}]"#, "exists"),
        plain(r#"[{"op":"update","id":"a","if_rev":1,"set":{"x":1}}]"#, "precondition"),
        plain(r#"[{"op":"update","id":"none","if_rev":1,"set":{"x":1}}]"#, "precondition"),
        plain(r#"[{"op":"update","id":"a","if_absent":["text"],"set":{"x":1}}]"#, "precondition"),
        plain(r#"[{"op":"increment","id":"a","prop":"text","by":1}]"#, "not_a_number"),
        plain(r#"[{"op":"increment","id":"a","prop":"n","by":"1"}]"#, "not_a_number"),
        plain(r#"[{"op":"increment","id":"a","prop":"big","by":1}]"#, "overflow"),
        plain(r#"[{"op":"jump","id":"a"}]"#, "invalid_op"),
        plain(r#"[{"op":"create","id":"n","if_rev":1}]"#, "invalid_op"),
        plain(r#"[{"op":"delete"}]"#, "invalid_op"),
        plain("[7]", "invalid_op"),
        plain("[]", "invalid_op"),
        plain(r#"[{"op":"delete","id":"a b"}]"#, "invalid_id"),
        plain(r#"[{"op":"delete","id":""}]"#, "invalid_id"),
        (format!(r#"[{{"op":"delete","id":"{}"}}]"#, "x".repeat(65)), "invalid_id"),
        (update(r#"{"x":1,"x":2}"#), "invalid_property"),
        (update(r#"{"":1}"#), "invalid_property"),
        (update(&format!(r#"{{"{}":1}}"#, "x".repeat(129))), "invalid_property"),
        (update("[]"), "invalid_property"),
        (update(r#"{"type":7}"#), "invalid_property"),
        (update(r#"{"parent":"a b"}"#), "invalid_property"),
        (update(r#"{"parent":7}"#), "invalid_property"),
        (update(&format!(r#"{{"x":{deep}}}"#)), "invalid_property"),
        plain(r#"[{"op":"update","id":"a","set":{"x":1},"unset":["x"]}]"#, "invalid_property"),
        (update(r#"{"z":"a00"}"#), "invalid_order_key"),
        (update(r#"{"z":""}"#), "invalid_order_key"),
        (update(r#"{"z":7}"#), "invalid_order_key"),
        (update(r#"{"parent":"a"}"#), "cycle"),
        (update(r#"{"parent":"b"}"#), "cycle"),
        (format!("[{many}]"), "batch_too_large"),
        (update(&format!(r#"{{"x":"{}"}}"#, "x".repeat(256 << 10))), "batch_too_large"),
        // The whole batch is refused for one op of it, whichever.
        plain(r#"[{"op":"create","id":"c"},{"op":"create","id":"a"}]"#, "exists"),
    ]
}

#[tokio::test]
async fn every_refusal_has_its_code_and_uses_up_its_cid() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    for encoding in [MessagePack, Json] {
        let mut client = node.join("p", encoding).await;
        let create = r#"[{"op":"create","id":"a","props":{"text":"t","n":1,"big":{"$mp":"z///////////"}}},
            {"op":"create","id":"b","props":{"parent":"a"}}]"#;
        if encoding == MessagePack {
            assert_eq!(send(&mut client, create).await, None);
        }
        for (ops, code) in refused() {
            let start = &ops[..ops.len().min(100)];
            assert_eq!(send(&mut client, &ops).await.as_deref(), Some(code), "{start}");
        }
        assert_eq!(send(&mut client, &update(r#"{"n":2}"#)).await, None);
        let count = refused().len();
        assert_eq!(client.core.history.rejected.len(), count);
        assert!(!client.core.replica().0.contains_key("c"), "a refused batch changes nothing");
    }
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn a_refusal_says_what_where_and_what_is_there_now() {
    let node = Node::start();
    let mut raw = node.raw_joined("p", MessagePack).await;
    let first = answer(&mut raw, 1, r#"[{"op":"create","id":"a","props":{"x":1}}]"#).await;
    let seq = first.expect("accepted");
    let ops = r#"[{"op":"create","id":"b"},{"op":"create","id":"a"}]"#;
    let reject = answer(&mut raw, 2, ops).await.expect_err("it exists");
    assert_eq!((reject.kind.as_str(), reject.code.as_str(), reject.op), ("final", "exists", Some(1)));
    assert!(reject.message.len() > 10, "{}", reject.message);
    let current = reject.current.expect("it exists");
    assert_eq!((current.id.as_str(), current.rev), ("a", seq));
    // Whoever was refused may go on, and may resend the refusal as such.
    raw.send(say::void(2, "exists")).await;
    let again = raw.until(|m| match m {
        Message::Reject(reject) => Some((reject.cid, reject.code)),
        _ => None,
    });
    assert_eq!(again.await, (2, "exists".into()));
    answer(&mut raw, 3, r#"[{"op":"delete","id":"a"}]"#).await.expect("the counter goes on");
}

#[tokio::test]
async fn ops_on_missing_objects_are_skipped_and_named() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut client = node.join("p", MessagePack).await;
    let ops = r#"[{"op":"create","id":"a"},{"op":"update","id":"no1","set":{"x":1}},{"op":"delete","id":"no2"},
        {"op":"increment","id":"no3","prop":"x","by":1},{"op":"update","id":"a","set":{"x":1}}]"#;
    assert_eq!(send(&mut client, ops).await, None);
    let gone = client.core.history.gone.get(&1).map(|ids| ids.join(" "));
    assert_eq!(gone.as_deref(), Some("no1 no2 no3"));
    assert!(client.core.replica().0["a"].props.contains_key("x"));
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn repeats_are_acked_again_and_applied_once() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut raw = node.raw_joined("p", MessagePack).await;
    let count = r#"[{"op":"increment","id":"a","prop":"n","by":1}]"#;
    let first = answer(&mut raw, 1, r#"[{"op":"create","id":"a"}]"#).await.expect("accepted");
    let seq = answer(&mut raw, 2, count).await.expect("accepted");
    for _ in 0..3 {
        assert_eq!(answer(&mut raw, 2, count).await, Ok(seq));
    }
    // An older one, too.
    assert_eq!(answer(&mut raw, 1, r#"[{"op":"create","id":"a"}]"#).await, Ok(first));
    let fresh = node.join("p", Json).await;
    assert_eq!(fresh.core.replica().0["a"].props["n"].as_ref(), [1]);
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn a_repeat_with_other_ops_is_somebody_else() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut raw = node.raw_joined("p", Json).await;
    answer(&mut raw, 1, r#"[{"op":"create","id":"a"}]"#).await.expect("accepted");
    raw.send(say::batch(1, &say::from_json(r#"[{"op":"create","id":"b"}]"#))).await;
    raw.is_closed(4411).await;
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn a_hole_is_named_and_can_be_filled() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut raw = node.raw_joined("p", MessagePack).await;
    for cid in [2, 5] {
        raw.send(say::batch(cid, &say::from_json(r#"[{"op":"delete","id":"x"}]"#))).await;
        let gap = raw.until(|m| match m {
            Message::Gap(expected) => Some(expected),
            Message::Ack(..) => panic!("acked over a hole"),
            _ => None,
        });
        assert_eq!(gap.await, 1);
    }
    answer(&mut raw, 1, r#"[{"op":"create","id":"a"}]"#).await.expect("accepted");
    answer(&mut raw, 2, r#"[{"op":"delete","id":"a"}]"#).await.expect("accepted");
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn more_than_may_be_unanswered_is_put_off_and_nothing_is_lost() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut client = node.join("p", MessagePack).await;
    let mut raw = node.raw_joined("p", MessagePack).await;
    let ops = say::from_json(r#"[{"op":"delete","id":"x"}]"#);
    for cid in 1..=2_000 {
        raw.send(say::batch(cid, &ops)).await;
        client.submit(ops.clone());
    }
    // The raw one does not wait: what is too much is refused for the time being, the first of it at a cid that continues.
    let mut answered = 0;
    let refused = loop {
        match raw.next().await.expect("the session goes on") {
            Message::Ack(cid, ..) => answered = cid,
            Message::Reject(reject) => break Some(*reject),
            _ => {}
        }
        if answered == 2_000 {
            break None;
        }
    };
    if let Some(reject) = refused {
        assert_eq!((reject.kind.as_str(), reject.code.as_str()), ("temporary", "overloaded"));
        assert!(reject.retry_ms.is_some_and(|ms| ms > 0));
    }
    assert_eq!(send_raw(&mut client, ops).await, None);
    assert_eq!(client.core.history.acked.len(), 2_001);
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn both_encodings_agree() {
    let node = Node::start();
    let mut packed = node.join("p", MessagePack).await;
    let mut json = node.join("p", Json).await;
    for n in 0..20 {
        let create = format!(r#"[{{"op":"create","id":"m{n}","props":{{"n":{n},"f":{n}.5,"l":[1,{{"a":null}}]}}}}]"#);
        assert_eq!(send(&mut packed, &create).await, None);
        let create = format!(r#"[{{"op":"create","id":"j{n}","props":{{"b":{{"$mp":"xAMBAgM="}},"t":"é🎉"}}}}]"#);
        assert_eq!(send(&mut json, &create).await, None);
        let update = format!(r#"[{{"op":"update","id":"m{n}","set":{{"f":-0.0}},"unset":["l"]}}]"#);
        assert_eq!(send(&mut json, &update).await, None);
    }
    agree(&mut packed, &mut json).await;
    for encoding in [MessagePack, Json] {
        agree(&mut node.join("p", encoding).await, &mut packed).await;
    }
}

/// Two batches with nearly as many values as a frame may have, in one message: together they have more.
#[tokio::test]
async fn batches_of_very_many_values_reach_json_clients() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut late = node.join("p", Json).await;
    late.cut();
    let mut clients = [node.join("p", MessagePack).await, node.join("p", MessagePack).await];
    for (number, client) in clients.iter_mut().enumerate() {
        let mut ops = say::from_json(&format!(r#"[{{"op":"create","id":"v{number}","props":{{"l":[]}}}}]"#)).to_vec();
        ops.pop();
        pack::array(&mut ops, 100_000);
        ops.extend(vec![1; 100_000]);
        client.submit(ops);
        client.flush().await.expect("it is sent");
    }
    for client in &mut clients {
        let ops = say::from_json(r#"[{"op":"delete","id":"x"}]"#);
        assert_eq!(send_raw(client, ops).await, None);
    }
    late.connect().await.expect("the server is there");
    synced(&mut late).await;
    assert!(late.core.welcome().is_some_and(|w| !w.snapshot), "both come in one delta");
    let fresh = node.join("p", Json).await;
    for client in [&late, &fresh] {
        assert_eq!(client.core.replica().0["v1"].props["l"].len(), 100_005);
    }
    bystanders.are_undisturbed().await;
}

use super::*;
use crate::ids::Author;
use crate::project::canvas::Canvas;
use crate::protocol::Encoding;
use crate::protocol::decode::client_message;
use crate::protocol::message::ClientMessage;
use crate::protocol::op::Body;

fn ops(json: &str) -> Vec<Op> {
    let frame = format!(r#"{{"t":"batch","cid":1,"ops":{json}}}"#);
    match client_message(frame.as_bytes(), Encoding::Json, &Limits::default()) {
        Ok(ClientMessage::Batch(batch)) => match batch.body {
            Body::Ops(ops) => ops,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn by(client: u8, now_ms: u64) -> Maker {
    Maker { author: Some(Author([client; 8])), now_ms }
}

fn ann(now_ms: u64) -> Maker {
    by(1, now_ms)
}

struct Board {
    canvas: Canvas,
    seq: Seq,
    limits: Limits,
    maker: Maker,
}

impl Board {
    fn new() -> Self {
        Self { canvas: Canvas::new(), seq: 0, limits: Limits::default(), maker: ann(0) }
    }

    fn with(json: &str) -> Self {
        let mut board = Self::new();
        board.run(json).expect("the set-up is valid");
        board
    }

    fn run(&mut self, json: &str) -> Result<Effects, Code> {
        let effects =
            apply(&self.canvas, &ops(json), self.seq + 1, self.maker, &self.limits).map_err(|refusal| refusal.code)?;
        self.seq += 1;
        self.canvas.absorb(effects.changes.clone(), self.seq);
        Ok(effects)
    }

    fn show(&self, id: &str) -> String {
        let object = self.canvas.object(&ObjectId::parse(id).expect("id"));
        object.map_or("absent".to_owned(), |o| format!("{} {:?}", o.rev, o.props))
    }
}

#[test]
fn single_properties_change_and_the_rest_stays() {
    let mut board = Board::with(r#"[{"op":"create","id":"a","props":{"x":1,"y":2,"c":"red"}}]"#);
    board.run(r#"[{"op":"update","id":"a","set":{"x":5},"unset":["c","never"]}]"#).expect("valid");
    assert_eq!(board.show("a"), r#"2 {"y":2,"x":5}"#, "in the order in which they were last set");
    board.run(r#"[{"op":"delete","id":"a"}]"#).expect("valid");
    assert_eq!(board.show("a"), "absent");
    board.run(r#"[{"op":"create","id":"a"}]"#).expect("a deleted id may be created again");
}

#[test]
fn delete_wins_and_the_author_is_told() {
    let mut board = Board::with(r#"[{"op":"create","id":"a"},{"op":"delete","id":"a"}]"#);
    let late = r#"[{"op":"update","id":"a","set":{"x":1}},{"op":"create","id":"b"},{"op":"delete","id":"c"}]"#;
    let effects = board.run(late).expect("valid");
    assert_eq!(format!("{:?}", effects.gone), r#"["a", "c"]"#);
    assert_eq!((board.show("a"), board.show("b")), ("absent".to_owned(), "2 {}".to_owned()));
}

#[test]
fn a_batch_applies_whole_or_not_at_all() {
    let mut board = Board::with(r#"[{"op":"create","id":"a","props":{"n":1}}]"#);
    let both = r#"[{"op":"update","id":"a","set":{"n":2}},{"op":"create","id":"a"}]"#;
    assert_eq!(board.run(both), Err(Code::Exists));
    assert_eq!(board.show("a"), r#"1 {"n":1}"#);
    let refusal = apply(&board.canvas, &ops(both), 2, board.maker, &board.limits).expect_err("exists");
    assert_eq!((refusal.op, refusal.id.map(|id| id.to_string())), (Some(1), Some("a".to_owned())));
}

#[test]
fn preconditions_hold_or_refuse() {
    let mut board = Board::with(r#"[{"op":"create","id":"a","props":{"n":1}}]"#);
    assert_eq!(board.run(r#"[{"op":"update","id":"a","set":{"n":2},"if_rev":9}]"#), Err(Code::Precondition));
    assert_eq!(board.run(r#"[{"op":"delete","id":"zz","if_rev":1}]"#), Err(Code::Precondition));
    assert_eq!(board.run(r#"[{"op":"update","id":"a","set":{"n":2},"if_absent":["n"]}]"#), Err(Code::Precondition));
    board.run(r#"[{"op":"update","id":"a","set":{"o":2},"if_absent":["o"],"if_rev":1}]"#).expect("both hold");
    assert_eq!(board.show("a"), r#"2 {"n":1,"o":2}"#);
}

#[test]
fn if_rev_never_holds_for_what_the_same_batch_has_changed() {
    let mut board = Board::with(r#"[{"op":"create","id":"a"}]"#);
    // The rev that this very commit gives: a client could guess it.
    let guessed = r#"[{"op":"update","id":"a","set":{"x":1}},{"op":"update","id":"a","set":{"y":1},"if_rev":2}]"#;
    assert_eq!(board.run(guessed), Err(Code::Precondition));
    let known = r#"[{"op":"update","id":"a","set":{"x":1}},{"op":"update","id":"a","set":{"y":1},"if_rev":1}]"#;
    assert_eq!(board.run(known), Err(Code::Precondition));
}

#[test]
fn increments_leave_resulting_values() {
    let mut board = Board::with(r#"[{"op":"create","id":"a","props":{"n":1,"t":"x","m":18446744073709551615}}]"#);
    let effects = board
        .run(r#"[{"op":"increment","id":"a","prop":"n","by":2},{"op":"increment","id":"a","prop":"new","by":-1.5}]"#);
    assert!(
        matches!(&effects.expect("valid").changes[0], Change::Set { set, .. } if format!("{set:?}") == r#"{"n":3}"#)
    );
    assert!(board.show("a").ends_with(r#""new":-1.5}"#));
    assert_eq!(board.run(r#"[{"op":"increment","id":"a","prop":"t","by":1}]"#), Err(Code::NotANumber));
    assert_eq!(board.run(r#"[{"op":"increment","id":"a","prop":"m","by":1}]"#), Err(Code::Overflow));
    assert_eq!(board.run(r#"[{"op":"increment","id":"a","prop":"z","by":1}]"#), Err(Code::InvalidOrderKey));
}

#[test]
fn parents_never_lead_back() {
    let mut board = Board::with(
        r#"[{"op":"create","id":"a","props":{"parent":"b"}},{"op":"create","id":"b","props":{"parent":"c"}}]"#,
    );
    assert_eq!(board.run(r#"[{"op":"create","id":"c","props":{"parent":"a"}}]"#), Err(Code::Cycle));
    assert_eq!(board.run(r#"[{"op":"update","id":"b","set":{"parent":"b"}}]"#), Err(Code::Cycle));
    let swap = r#"[{"op":"update","id":"b","set":{"parent":"a"}},{"op":"update","id":"a","set":{"parent":null}}]"#;
    board.run(swap).expect("what counts is the state after the batch");
    assert_eq!(board.run(r#"[{"op":"update","id":"a","set":{"parent":"b"}}]"#), Err(Code::Cycle));
}

#[test]
fn a_chain_of_parents_has_an_end() {
    let mut board = Board::with(r#"[{"op":"create","id":"o0"}]"#);
    for i in 1..=PARENT_CHAIN {
        let parent = i - 1;
        let refused = board.run(&format!(r#"[{{"op":"create","id":"o{i}","props":{{"parent":"o{parent}"}}}}]"#)).err();
        assert_eq!(refused, (i == PARENT_CHAIN).then_some(Code::TooDeep), "{i}");
    }
}

#[test]
fn known_properties_are_checked() {
    let mut board = Board::new();
    for (props, code) in [
        (r#"{"type":1}"#, Code::InvalidProperty),
        (r#"{"parent":"a b"}"#, Code::InvalidProperty),
        (r#"{"z":"a00"}"#, Code::InvalidOrderKey),
        (r#"{"z":null}"#, Code::InvalidOrderKey),
    ] {
        assert_eq!(board.run(&format!(r#"[{{"op":"create","id":"a","props":{props}}}]"#)), Err(code), "{props}");
    }
    board.run(r#"[{"op":"create","id":"a","props":{"type":"t","parent":null,"z":"a0"}}]"#).expect("valid");
}

#[test]
fn limits_refuse_growth_only() {
    let mut board = Board::with(r#"[{"op":"create","id":"a","props":{"t":"0123456789"}},{"op":"create","id":"b"}]"#);
    board.limits = Limits { objects: 1, project_bytes: 10, object_bytes: 30, ..Limits::default() };
    assert_eq!(board.run(r#"[{"op":"create","id":"c"}]"#), Err(Code::TooManyObjects));
    assert_eq!(board.run(r#"[{"op":"update","id":"a","set":{"u":"0"}}]"#), Err(Code::ProjectTooLarge));
    assert_eq!(
        board.run(r#"[{"op":"update","id":"a","set":{"u":"01234567890123456789"}}]"#),
        Err(Code::ObjectTooLarge)
    );
    board.run(r#"[{"op":"update","id":"a","set":{"t":"012345678"}}]"#).expect("it shrinks");
    board.run(r#"[{"op":"delete","id":"b"}]"#).expect("it shrinks");
}

#[test]
fn quarantined_ids_are_refused() {
    let mut board = Board::new();
    board.canvas.quarantine(ObjectId::parse("bad").expect("id"), bytes::Bytes::from_static(b"?"));
    assert_eq!(board.run(r#"[{"op":"create","id":"bad"}]"#), Err(Code::Quarantined));
}

#[test]
fn effects_name_the_rev_that_they_were_computed_from() {
    let mut board = Board::with(r#"[{"op":"create","id":"a"}]"#);
    let mut effects =
        board.run(r#"[{"op":"update","id":"a","set":{"x":1}},{"op":"create","id":"b"}]"#).expect("valid").objects;
    effects.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(effects.iter().map(|e| e.base_rev).collect::<Vec<_>>(), [Some(1), None]);
}

#[test]
fn what_was_made_so_is_made_so_again_as_far_as_it_still_can_be() {
    let put = |id: &str, parent: &str| Change::Put {
        id: ObjectId::parse(id).expect("id"),
        props: Props::parse(
            &crate::protocol::json::from_json(&format!(r#"{{"parent":"{parent}"}}"#)).expect("JSON"),
            8,
        )
        .expect("props"),
    };
    let set = |id: &str, json: &str| Change::Set {
        id: ObjectId::parse(id).expect("id"),
        set: Props::parse(&crate::protocol::json::from_json(json).expect("JSON"), 8).expect("props"),
        unset: Vec::new(),
    };
    let board = Board::with(r#"[{"op":"create","id":"a"},{"op":"create","id":"b","props":{"parent":"a"}}]"#);
    let changes = vec![set("gone", r#"{"x":1}"#), set("a", r#"{"parent":"b"}"#), set("b", r#"{"x":2}"#), put("c", "b")];
    let effects = reapply(&board.canvas, changes, 9);
    assert_eq!(effects.gone.iter().map(ObjectId::as_str).collect::<Vec<_>>(), ["gone", "a"], "gone, and a circle");
    let mut made: Vec<_> = effects.objects.iter().map(|e| e.base_rev).collect();
    made.sort_unstable();
    assert_eq!((effects.changes.len(), made), (2, vec![None, Some(1)]));
}

#[test]
fn a_lease_keeps_others_off_until_it_is_over_or_released() {
    let mut board = Board::with(r#"[{"op":"create","id":"a"},{"op":"create","id":"b"}]"#);
    let mut run = |maker, json: &str| {
        board.maker = maker;
        board.run(json).map(|_| ())
    };
    let (lease, touch) = (r#"[{"op":"lease","id":"a","ttl_ms":1000}]"#, r#"[{"op":"update","id":"a","set":{"x":1}}]"#);
    let bob = |now_ms| by(2, now_ms);
    assert_eq!(run(ann(0), lease), Ok(()));
    for op in [r#""update""#, r#""delete""#, r#""increment","prop":"n","by":1"#, r#""lease""#, r#""release""#] {
        assert_eq!(run(bob(999), &format!(r#"[{{"op":{op},"id":"a"}}]"#)), Err(Code::Leased), "{op}");
    }
    assert_eq!(run(bob(500), r#"[{"op":"update","id":"b"}]"#), Ok(()), "another object is free");
    assert_eq!(run(ann(500), touch), Ok(()));
    assert_eq!(run(ann(900), lease), Ok(()), "renewed");
    assert_eq!(run(bob(1_899), touch), Err(Code::Leased));
    assert_eq!(run(bob(1_900), touch), Ok(()), "it is over");
    assert_eq!(run(bob(2_000), lease), Ok(()));
    assert_eq!(run(ann(2_001), touch), Err(Code::Leased));
    assert_eq!(run(bob(2_001), r#"[{"op":"release","id":"a"}]"#), Ok(()));
    assert_eq!(run(ann(2_002), touch), Ok(()));
    let server = Maker { author: None, now_ms: 0 };
    assert_eq!(run(ann(3_000), lease), Ok(()));
    assert_eq!(run(server, touch), Ok(()), "no lease stops the server");
}

#[test]
fn a_token_tells_a_lease_from_a_later_one() {
    let mut board = Board::with(r#"[{"op":"create","id":"a"}]"#);
    let lease = r#"[{"op":"lease","id":"a","ttl_ms":1000}]"#;
    let with = |token| format!(r#"[{{"op":"update","id":"a","set":{{"x":1}},"token":{token}}}]"#);
    board.run(lease).expect("free");
    board.maker = ann(500);
    board.run(lease).expect("renewed");
    board.run(&with(2)).expect("the token of the first stays");
    board.maker = ann(1_500);
    assert_eq!(board.run(&with(2)), Err(Code::Precondition), "the lease is over, though nobody has taken it since");
    board.run(lease).expect("taken anew");
    assert_eq!(board.run(&with(2)), Err(Code::Precondition));
    board.run(&with(5)).expect("the token is the seq of the commit that took it");
    let bob = Board { maker: by(2, 1_600), ..board };
    let refusal = apply(&bob.canvas, &ops(&with(5)), 9, bob.maker, &bob.limits).expect_err("leased");
    assert_eq!((refusal.code, refusal.by), (Code::Leased, Some(Author([1; 8]))), "a token is no key");
}

#[test]
fn nobody_writes_the_lease_property_but_by_lease_and_release() {
    for op in [
        r#"{"op":"create","id":"a","props":{"$lease":1}}"#,
        r#"{"op":"update","id":"a","set":{"$lease":1}}"#,
        r#"{"op":"update","id":"a","unset":["$lease"]}"#,
        r#"{"op":"increment","id":"a","prop":"$lease","by":1}"#,
    ] {
        let frame = format!(r#"{{"t":"batch","cid":1,"ops":[{op}]}}"#);
        let Ok(ClientMessage::Batch(batch)) = client_message(frame.as_bytes(), Encoding::Json, &Limits::default())
        else {
            panic!("{op} is a batch");
        };
        assert!(matches!(&batch.body, Body::Invalid(r) if r.code == Code::InvalidProperty), "{op}: {:?}", batch.body);
    }
}

/// The largest batch of names to be looked for in the largest object: a walk for each took seconds, and with them everybody's room.
#[test]
fn a_batch_of_nothing_but_names_is_soon_done() {
    let names = |letter: char| (0..1_000).map(|n| format!("\"{letter}{n}\"")).collect::<Vec<_>>();
    let props = names('p').iter().map(|name| format!("{name}:1")).collect::<Vec<_>>().join(",");
    let mut board = Board::with(&format!(r#"[{{"op":"create","id":"a","props":{{{props}}}}}]"#));
    let update = format!(
        r#"{{"op":"update","id":"a","unset":[{}],"if_absent":[{}]}}"#,
        names('x').join(","),
        names('y').join(",")
    );
    let batch = format!("[{}]", vec![update; 24].join(","));
    let start = tokio::time::Instant::now();
    board.run(&batch).expect("nothing is in the way");
    assert!(start.elapsed() < std::time::Duration::from_secs(1), "{:?}", start.elapsed());
}

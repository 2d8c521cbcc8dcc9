//! Presence and broadcast: who is there, who moved, who left, what is passed on.

use crate::support::peers::{Bystanders, Node, Raw, within};
use collabcanvas::protocol::Encoding::{self, Json, MessagePack};
use loadtest::say;
use loadtest::wire::{Fields, Message, Present};
use std::collections::BTreeMap;
use std::time::Duration;

/// What others do is seen within this time.
pub(crate) const SOON: Duration = Duration::from_secs(1);

/// A raw client and its session.
pub(crate) async fn join(node: &Node, id: &str, encoding: Encoding) -> (Raw, u64) {
    let (raw, welcome) = node.raw_hello("p", id, None, encoding).await;
    let Message::Welcome(welcome) = welcome else { unreachable!("raw_hello has checked") };
    (raw, welcome.session)
}

/// Listens until presence says this of a session; fields that were seen before count.
pub(crate) async fn sees(raw: &mut Raw, session: u64, what: impl Fn(Option<&BTreeMap<String, Vec<u8>>>) -> bool) {
    let mut known: Option<BTreeMap<String, Vec<u8>>> = None;
    let seen = raw.until(|message| {
        let Message::Presence(full, sessions) = message else {
            return None;
        };
        if full {
            known = None;
        }
        for Present { fields, .. } in sessions.into_iter().filter(|p| p.session == session) {
            known = fields.map(|fields| merge(known.take().unwrap_or_default(), &fields));
        }
        what(known.as_ref()).then_some(())
    });
    within(SOON, seen).await;
}

fn merge(mut known: BTreeMap<String, Vec<u8>>, fields: &Fields) -> BTreeMap<String, Vec<u8>> {
    for (name, raw) in fields {
        if raw[..] == [0xc0] {
            known.remove(name.as_str());
        } else {
            known.insert(name.to_string(), raw.to_vec());
        }
    }
    known
}

#[tokio::test]
async fn others_see_who_comes_moves_and_leaves() {
    let node = Node::start();
    for encoding in [MessagePack, Json] {
        let (mut one, _) = join(&node, "one", encoding).await;
        let (mut other, session) = join(&node, "other", Json).await;
        sees(&mut one, session, |fields| fields.is_some()).await;
        other.send_json(r#"{"t":"presence","set":{"cursor":[1,2],"name":"Ana"}}"#).await;
        let both = |f: Option<&BTreeMap<_, _>>| f.is_some_and(|f| f.contains_key("cursor") && f.contains_key("name"));
        sees(&mut one, session, both).await;
        other.send_json(r#"{"t":"presence","set":{"cursor":null}}"#).await;
        sees(&mut one, session, |f| f.is_some_and(|f| !f.contains_key("cursor"))).await;
        drop(other);
        sees(&mut one, session, |fields| fields.is_none()).await;
    }
}

#[tokio::test]
async fn who_comes_is_told_of_everybody_and_brings_its_fields() {
    let node = Node::start();
    let (mut one, first) = join(&node, "one", MessagePack).await;
    one.send_json(r#"{"t":"presence","set":{"color":"red"}}"#).await;
    sees(&mut one, first, |f| f.is_some_and(|f| f.contains_key("color"))).await;
    let mut other = node.raw("p", Json).await;
    other.send_json(r#"{"t":"hello","v":[1,1],"client":"other","presence":{"name":"Bo"}}"#).await;
    let everybody = other.until(|message| match message {
        Message::Presence(true, sessions) => Some(sessions),
        _ => None,
    });
    let everybody = within(SOON, everybody).await;
    assert!(everybody.iter().all(|p| p.author.is_some()));
    let fields = |p: &Present| p.fields.iter().flatten().map(|(n, _)| n.to_string()).collect::<Vec<_>>();
    assert!(everybody.iter().any(|p| p.session == first && fields(p) == ["color"]));
    assert!(everybody.iter().any(|p| fields(p) == ["name"]));
}

#[tokio::test]
async fn too_much_presence_is_refused_and_the_session_goes_on() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    for encoding in [MessagePack, Json] {
        let mut raw = node.raw_joined("p", encoding).await;
        let large = "x".repeat(2_100);
        raw.send_json(&format!(r#"{{"t":"presence","set":{{"data":"{large}"}}}}"#)).await;
        let error = raw.until(|message| match message {
            Message::Error(code, text) => Some((code, text)),
            _ => None,
        });
        let (code, text) = within(SOON, error).await;
        assert!(code == "presence_too_large" && text.len() > 10, "{code} {text}");
        raw.send_json(r#"{"t":"ping","n":7}"#).await;
        let pong = raw.until(|message| match message {
            Message::Pong(n, _) => Some(n),
            _ => None,
        });
        assert_eq!(within(SOON, pong).await, 7);
    }
    bystanders.are_undisturbed().await;
}

async fn hears(raw: &mut Raw) -> (u64, String, Vec<u8>) {
    let heard = raw.until(|message| match message {
        Message::Broadcast(from, topic, data) => Some((from, topic.to_string(), data.to_vec())),
        _ => None,
    });
    within(SOON, heard).await
}

#[tokio::test]
async fn broadcasts_go_to_all_others_or_to_one() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let (mut one, from) = join(&node, "one", MessagePack).await;
    let (mut two, _) = join(&node, "two", Json).await;
    let (mut three, third) = join(&node, "three", MessagePack).await;
    one.send_json(r#"{"t":"broadcast","topic":"hi","data":[1]}"#).await;
    let expected = (from, "hi".to_owned(), vec![0x91, 1]);
    assert_eq!(hears(&mut two).await, expected);
    assert_eq!(hears(&mut three).await, expected);
    one.send_json(&format!(r#"{{"t":"broadcast","topic":"you","data":null,"to":{third}}}"#)).await;
    one.send_json(r#"{"t":"broadcast","topic":"end","data":2}"#).await;
    assert_eq!(hears(&mut three).await.1, "you");
    assert_eq!(hears(&mut three).await.1, "end");
    // Nobody else hears what was for one; and nobody hears oneself.
    assert_eq!(hears(&mut two).await.1, "end");
    two.send(say::from_json(r#"{"t":"broadcast","topic":"back","data":0}"#).into()).await;
    assert_eq!(hears(&mut one).await.1, "back");
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn too_large_a_broadcast_is_malformed() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut raw = node.raw_joined("p", MessagePack).await;
    let large = "x".repeat(8_200);
    raw.send_json(&format!(r#"{{"t":"broadcast","topic":"t","data":"{large}"}}"#)).await;
    raw.is_closed(4400).await;
    bystanders.are_undisturbed().await;
}

/// The next pace that the server tells.
async fn paced(raw: &mut Raw) -> Option<u64> {
    let pace = raw.until(|message| match message {
        Message::Pace(ms) => Some(ms),
        _ => None,
    });
    within(SOON, pace).await
}

#[tokio::test]
async fn the_server_says_how_often_it_wants_presence() {
    let node = Node::start();
    let (mut one, _) = join(&node, "one", MessagePack).await;
    assert_eq!(paced(&mut one).await, None, "nobody is there to hear it");
    let (other, session) = join(&node, "other", Json).await;
    assert_eq!(paced(&mut one).await, Some(16));
    drop(other);
    sees(&mut one, session, |fields| fields.is_none()).await;
    assert_eq!(paced(&mut one).await, None);
}

#[tokio::test]
async fn a_broadcast_to_a_user_goes_to_their_sessions() {
    let node = Node::start();
    let (mut one, from) = join(&node, "one", MessagePack).await;
    let (mut two, _) = join(&node, "two", MessagePack).await;
    one.send_json(r#"{"t":"broadcast","topic":"nobody","data":1,"to":"eve"}"#).await;
    one.send_json(r#"{"t":"broadcast","topic":"all","data":1,"to":"anonymous"}"#).await;
    assert_eq!(hears(&mut two).await, (from, "all".to_owned(), vec![1]));
}

#[tokio::test]
async fn the_ways_of_two_cursors_in_one_tick_are_joined() {
    let node = Node::start();
    let (mut one, _) = join(&node, "one", MessagePack).await;
    let (mut other, session) = join(&node, "other", MessagePack).await;
    // Until some two updates fall into one tick.
    for t in (0..2_000).step_by(2) {
        other.send_json(&format!(r#"{{"t":"presence","set":{{"cursor":[{t}.0,0.0,{t}]}}}}"#)).await;
        other.send_json(&format!(r#"{{"t":"presence","set":{{"cursor":[{t}.5,0.0,{}]}}}}"#, t + 1)).await;
        let told = one.until(|message| match message {
            Message::Presence(_, sessions) => {
                let mine = sessions.into_iter().find(|p| p.session == session)?;
                mine.fields
                    .and_then(|fields| fields.iter().find(|(name, _)| *name == "cursor").map(|(_, raw)| raw.to_vec()))
            }
            _ => None,
        });
        let cursor = within(SOON, told).await;
        if cursor == say::from_json(&format!("[{t}.5,0.0,{},1,4,0]", t + 1)).to_vec() {
            return;
        }
    }
    panic!("no two updates were joined");
}

#[tokio::test]
async fn in_a_crowd_far_cursors_come_rarely_and_near_ones_at_once() {
    let node = Node::start();
    let mut crowd = Vec::new();
    for n in 0..14 {
        crowd.push(join(&node, &format!("c{n}"), MessagePack).await);
    }
    let mut one = node.raw("p", MessagePack).await;
    let hello = r#"{"t":"hello","v":[1,1],"client":"one","features":["short"],"presence":{"viewport":[0,0,100,100]}}"#;
    one.send_json(hello).await;
    let (mut stayer, near_session) = crowd.pop().expect("there are some");
    let (mut rover, far_session) = crowd.pop().expect("there are some");
    // What everybody is told of a newcomer is over.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (mut near, mut far) = (0, 0);
    for step in 0..100 {
        stayer.send_json(&format!(r#"{{"t":"presence","set":{{"cursor":[50,{step}]}}}}"#)).await;
        rover.send_json(&format!(r#"{{"t":"presence","set":{{"cursor":[5000,{step}]}}}}"#)).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    stayer.send_json(r#"{"t":"broadcast","topic":"end","data":0}"#).await;
    let end = one.until(|message| {
        match message {
            Message::Presence(false, sessions) => {
                for present in sessions.into_iter().filter(|p| p.fields.as_ref().is_some_and(has_cursor)) {
                    near += usize::from(present.session == near_session);
                    far += usize::from(present.session == far_session);
                }
            }
            Message::Broadcast(..) => return Some(()),
            _ => {}
        }
        None
    });
    within(Duration::from_secs(5), end).await;
    assert!(near >= 50, "of 100 near ones {near} came");
    assert!((1..=8).contains(&far), "in three seconds {far} far ones came");
}

fn has_cursor(fields: &Fields) -> bool {
    fields.iter().any(|(name, _)| *name == "cursor")
}

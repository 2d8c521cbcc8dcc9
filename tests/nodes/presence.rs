//! Who is there, across nodes: people appear, move and leave at once, those of a killed node soon, and nobody flickers.

use crate::beside_others;
use crate::support::http;
use crate::support::nodes::Nodes;
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::roster::Watcher;
use loadtest::say;
use std::time::Duration;

/// How long anything may take that happens at once.
const SOON: Duration = Duration::from_secs(2);
/// How long the people of a killed node may still be shown.
const GHOSTS: Duration = Duration::from_secs(10);
/// So that a silent client is noticed in a short test.
const QUICK: &[(&str, &str)] = &[("COLLAB_HEARTBEAT_SECONDS", "1"), ("COLLAB_SILENCE_SECONDS", "3")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_move_and_go_across_nodes() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let nodes = Nodes::start(2, &redis.url(), &[]);
    let mut ana = Watcher::join(nodes.url(0), "board", "ana").await;
    let mut ben = Watcher::join(nodes.url(1), "board", "ben").await;
    let (a, b) = (ana.session(), ben.session());
    assert_ne!(a, b, "session numbers are unique across nodes");
    ana.sees("ben", SOON, |there, _| there.contains_key(&b)).await;
    ben.sees("ana, who was there before", SOON, |there, _| {
        there.get(&a).is_some_and(|seen| seen.fields.contains_key("name"))
    })
    .await;
    assert_eq!(ben.name_of(a), Some(&say::from_json("\"ana\"")[..]));
    assert_eq!(ben.there[&a].author, ana.client.core.history.author);
    for x in 0..5 {
        ana.set(&format!(r#"{{"cursor":[{x},7]}}"#)).await;
        let cursor = say::from_json(&format!("[{x},7]"));
        ben.sees("ana's cursor", SOON, |there, _| there[&a].fields.get("cursor") == Some(&cursor)).await;
    }
    ana.set(r#"{"cursor":null}"#).await;
    ben.sees("no cursor", SOON, |there, _| !there[&a].fields.contains_key("cursor")).await;
    ana.client.close().await;
    ben.sees("ana's leave", SOON, |there, _| !there.contains_key(&a)).await;
    assert!(ben.there.contains_key(&b));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_is_taken_away_by_any_node_and_may_come_back() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let nodes = Nodes::start(3, &redis.url(), &[]);
    let mut ana = Watcher::join(nodes.url(0), "board", "ana").await;
    let mut ben = Watcher::join(nodes.url(1), "board", "ben").await;
    ben.sees("ana", SOON, |there, _| there.len() == 2).await;
    let bot = async |method: &str, node: usize| {
        let body = if method == "PUT" { r#"{"fields":{"name":"Importer"}}"# } else { "" };
        let answer = http::send(method, nodes.node(node).address(), "/v1/projects/board/presence/importer", body).await;
        assert_eq!(answer, (204, String::new()), "{method} at node {node}");
    };
    // The third node has nobody there: no room of it is open before the last turn.
    for (shown, gone) in [(0, 1), (1, 0), (0, 2), (1, 2), (2, 0)] {
        bot("PUT", shown).await;
        for watcher in [&mut ana, &mut ben] {
            watcher.sees("the bot", SOON, |there, _| there.len() == 3).await;
        }
        bot("DELETE", gone).await;
        for watcher in [&mut ana, &mut ben] {
            watcher.sees("the bot's leave", SOON, |there, _| there.len() == 2).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_people_of_a_killed_node_disappear() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let mut nodes = Nodes::start(2, &redis.url(), &[]);
    let mut ana = Watcher::join(nodes.url(0), "board", "ana").await;
    let ben = Watcher::join(nodes.url(1), "board", "ben").await;
    let b = ben.session();
    ana.sees("ben", SOON, |there, _| there.contains_key(&b)).await;
    nodes.kill(1);
    ana.sees("ben's leave", GHOSTS, |there, _| !there.contains_key(&b)).await;
    // Whoever comes now does not see him either.
    nodes.restart(1);
    let eve = Watcher::join(nodes.url(1), "board", "eve").await;
    assert!(!eve.there.contains_key(&b), "{:?}", eve.there);
    let e = eve.session();
    ana.sees("eve", SOON, |there, _| there.contains_key(&e)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_leave_does_not_remove_who_is_back() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let nodes = Nodes::start(3, &redis.url(), QUICK);
    let mut eve = Watcher::join(nodes.url(2), "board", "eve").await;
    // Her way to the first node hangs, and she takes another: the first notices only after a while.
    let proxy = Proxy::start(nodes.node(0).address()).await;
    let way = format!("ws://{}", proxy.address);
    let before = Watcher::join_as(&way, "board", "ana-page-0123456789", "ana").await;
    let old = before.session();
    eve.sees("ana", SOON, |there, _| there.contains_key(&old)).await;
    proxy.pause(true);
    let mut ana = Watcher::join_as(nodes.url(1), "board", "ana-page-0123456789", "ana").await;
    let new = ana.session();
    assert_ne!(old, new);
    let named = |there: &std::collections::BTreeMap<u64, crate::support::roster::Seen>| {
        there.get(&new).is_some_and(|seen| seen.fields.contains_key("name"))
    };
    eve.sees("ana again", SOON, |there, _| named(there)).await;
    let watch = async {
        eve.sees("the leave of her old session", GHOSTS, |there, _| !there.contains_key(&old)).await;
        eve.listens(SOON).await;
    };
    // Meanwhile she answers pings.
    tokio::join!(watch, ana.listens(GHOSTS));
    assert!(named(&eve.there), "{:?}", eve.there);
    assert!(!eve.moves.contains(&(new, false)), "she flickered: {:?}", eve.moves);
    assert!(ana.there.contains_key(&new));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_tab_that_only_answers_pings_stays() {
    let _others = beside_others().await;
    let redis = Redis::start().await;
    let nodes = Nodes::start(2, &redis.url(), QUICK);
    let mut ana = Watcher::join(nodes.url(0), "board", "ana").await;
    let mut hidden = Watcher::join(nodes.url(1), "board", "hidden").await;
    let h = hidden.session();
    ana.sees("the hidden tab", SOON, |there, _| there.contains_key(&h)).await;
    let time = Duration::from_secs(15);
    tokio::join!(ana.listens(time), hidden.listens(time));
    assert!(ana.there.contains_key(&h), "{:?}", ana.there);
    assert!(ana.moves.iter().all(|(_, came)| *came), "somebody flickered: {:?}", ana.moves);
    assert!(hidden.moves.iter().all(|(_, came)| *came), "somebody flickered: {:?}", hidden.moves);
}

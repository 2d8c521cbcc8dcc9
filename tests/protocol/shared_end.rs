//! Shared sockets that are refused, or that end: each in its way, and their sessions with them.

use crate::presence::{join, sees};
use crate::support::http;
use crate::support::peers::{Bystanders, Node, Raw, within};
use crate::support::process::{PATIENCE, until};
use crate::support::server::Setup;
use crate::support::shared::{Said, Shared, Tabs};
use collabcanvas::protocol::Encoding::{Json, MessagePack};
use loadtest::client::Ended;
use loadtest::wire::Message;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message as Frame;

#[tokio::test]
async fn bad_upgrades_are_refused_with_a_sentence() {
    let node = Node::start();
    let address = node.server.address();
    let ours = "Sec-WebSocket-Protocol: collabcanvas.v1.shared\r\n";
    let foreign = format!("{ours}Origin: https://evil.example\r\n");
    for (headers, status, word) in [
        ("", 400, "collabcanvas.v1.shared"),
        ("Sec-WebSocket-Protocol: collabcanvas.v1.msgpack, collabcanvas.v1.json\r\n", 400, "collabcanvas.v1.shared"),
        (&foreign, 403, "origin"),
    ] {
        let (found, body) = http::refused_upgrade(address, "/v1/shared", headers).await;
        assert_eq!(found, status, "{headers}: {body}");
        assert!(body.contains(word) && body.len() > 20, "{headers}: {body}");
    }
    let (status, body) = http::get(address, "/v1/shared").await;
    assert_eq!(status, 400, "{body}");
}

#[tokio::test]
async fn what_is_no_frame_closes_the_socket_and_its_sessions_only() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let (mut other, _) = join(&node, "other", MessagePack).await;
    for frame in [
        Frame::binary(&b""[..]),
        Frame::binary(&b"b\0\0\0"[..]),
        Frame::binary(&b"x\0\0\0\x01"[..]),
        Frame::binary(&b"t\0\0\0\x01\xff"[..]),
        Frame::binary(&b"c\0\0\0\x01\x03"[..]),
        Frame::binary(&b"o\0\0\0\x01p collabcanvas.v1.json"[..]),
        Frame::text("{}"),
    ] {
        let mut tabs = Tabs::connect(&node).await;
        tabs.join(1, "p", Json).await;
        let session = session(&tabs, 1);
        sees(&mut other, session, |fields| fields.is_some()).await;
        tabs.shared.send_frame(frame.clone()).await;
        assert_eq!(within(PATIENCE, tabs.shared.ends()).await, 4400, "{frame:?}");
        sees(&mut other, session, |fields| fields.is_none()).await;
    }
    bystanders.are_undisturbed().await;
}

fn session(tabs: &Tabs, channel: u32) -> u64 {
    tabs.tab(channel).core.welcome().expect("it is synced").session
}

/// Listens until all of these sessions have come, or have left. Of one that leaves before others heard of it, they never hear.
async fn all(raw: &mut Raw, there: bool, mut sessions: BTreeSet<u64>) {
    let told = raw.until(|message| {
        if let Message::Presence(_, entries) = message {
            for entry in entries.iter().filter(|entry| entry.fields.is_some() == there) {
                sessions.remove(&entry.session);
            }
        }
        sessions.is_empty().then_some(())
    });
    within(PATIENCE, told).await;
}

#[tokio::test]
async fn with_a_socket_that_breaks_all_its_sessions_leave() {
    let node = Node::start();
    let (mut other, _) = join(&node, "other", Json).await;
    let mut tabs = Tabs::connect(&node).await;
    for channel in 0..8 {
        tabs.join(channel, "p", if channel % 2 == 0 { MessagePack } else { Json }).await;
    }
    let sessions: BTreeSet<u64> = (0..8).map(|channel| session(&tabs, channel)).collect();
    assert_eq!(sessions.len(), 8);
    all(&mut other, true, sessions.clone()).await;
    let cut = Instant::now();
    drop(tabs);
    all(&mut other, false, sessions).await;
    assert!(cut.elapsed() < Duration::from_secs(2), "it took {:?}", cut.elapsed());
    let gone = async || http::get(&node.server.admin, "/metrics").await.1.contains("collab_shared_sockets 0\n");
    until("the end of the shared socket", PATIENCE, gone).await;
}

#[tokio::test]
async fn a_browser_that_is_not_heard_loses_its_sessions_and_one_that_answers_pings_does_not() {
    let node =
        Node::with(|setup: Setup| setup.with("COLLAB_HEARTBEAT_SECONDS", "1").with("COLLAB_SILENCE_SECONDS", "2"));
    let (mut other, _) = join(&node, "other", MessagePack).await;
    let (mut dead, mut alive) = (Tabs::connect(&node).await, Tabs::connect(&node).await);
    for tabs in [&mut dead, &mut alive] {
        tabs.join(1, "p", MessagePack).await;
        tabs.join(2, "p", Json).await;
    }
    let sessions: BTreeSet<u64> = [session(&dead, 1), session(&dead, 2)].into();
    all(&mut other, true, sessions.clone()).await;
    // Nobody polls the dead one, so it does not answer. The other one is only polled.
    let listening = async {
        loop {
            alive.step().await.expect("it answers pings");
        }
    };
    tokio::select! {
        () = all(&mut other, false, sessions) => {}
        () = listening => {}
    }
    alive.works(1, r#"[{"op":"create","id":"alive"}]"#).await;
    assert_eq!((alive.tab(1).core.history.welcomes, alive.tab(2).core.history.welcomes), (1, 1));
    assert_eq!(within(PATIENCE, dead.shared.ends()).await, 4410);
}

#[tokio::test]
async fn a_socket_without_a_channel_is_closed_in_time() {
    let node = Node::start();
    let never = async {
        let started = Instant::now();
        let mut shared = Shared::connect(&node).await;
        assert_eq!(shared.ends().await, 4408);
        assert!(started.elapsed() > Duration::from_secs(4), "it has 5 s");
    };
    let no_more = async {
        let mut shared = Shared::connect(&node).await;
        shared.open(1, "p", Json).await;
        assert_eq!(shared.next_of(1).await, Said::Opened("collabcanvas.v1.json".to_owned()));
        // Its session has as long for its hello.
        assert_eq!(shared.is_closed(1).await.0, 4408);
        let ended = Instant::now();
        assert_eq!(shared.ends().await, 4408);
        assert!(ended.elapsed() > Duration::from_secs(4), "it has 5 s once more");
    };
    within(Duration::from_secs(20), async { tokio::join!(never, no_more) }).await;
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let node = Node::start();
    let (mut other, _) = join(&node, "other", Json).await;
    let mut tabs = Tabs::connect(&node).await;
    tabs.join(1, "p", MessagePack).await;
    let session = session(&tabs, 1);
    sees(&mut other, session, |fields| fields.is_some()).await;
    tabs.shared.socket.close(None).await.expect("it is open");
    sees(&mut other, session, |fields| fields.is_none()).await;
    let ended = loop {
        if let Err(ended) = tabs.step().await {
            break ended;
        }
    };
    assert!(matches!(ended, Ended::Closed(1005, _)), "{ended}");
}

#[tokio::test]
async fn a_node_that_stops_says_so_in_each_channel() {
    let mut node = Node::start();
    let mut tabs = Tabs::connect(&node).await;
    for (channel, project, encoding) in [(1, "a", MessagePack), (2, "a", Json), (3, "b", Json)] {
        tabs.join(channel, project, encoding).await;
    }
    let signalled = Instant::now();
    node.server.signal("TERM");
    tabs.until("the closes", |tabs| (1..=3).all(|channel| tabs.tab(channel).closed.is_some())).await;
    for channel in 1..=3 {
        let tab = tabs.tab(channel);
        assert!(tab.warned, "no goaway came in {channel}");
        assert!(matches!(tab.closed, Some((1012, ref why)) if why.len() > 10), "{:?}", tab.closed);
    }
    assert_eq!(within(PATIENCE, tabs.shared.ends()).await, 1012);
    let status = node.server.exit().await;
    assert_eq!(status.code(), Some(0), "{}", node.server.said());
    assert!(signalled.elapsed() < Duration::from_secs(8), "it took {:?}", signalled.elapsed());
}

#[tokio::test]
async fn a_node_that_stops_is_not_held_up_by_a_browser_that_does_not_read() {
    let mut node = Node::start();
    let mut writer = node.join("p", MessagePack).await;
    let mut tabs = Tabs::connect(&node).await;
    tabs.join(1, "p", Json).await;
    crate::slow::write(&mut writer).await;
    let signalled = Instant::now();
    node.server.signal("TERM");
    let ended = writer.until("the end", PATIENCE, |_| false).await;
    assert!(matches!(ended, Err(Ended::Closed(1012, _))), "{ended:?}");
    let status = node.server.exit().await;
    assert_eq!(status.code(), Some(0), "{}", node.server.said());
    assert!(signalled.elapsed() < Duration::from_secs(15), "it took {:?}", signalled.elapsed());
    drop(tabs);
}

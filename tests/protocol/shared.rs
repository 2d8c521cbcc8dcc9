//! Channels of a shared socket: each is a session like any other, and no other's business.

use crate::slow::{overflows, write};
use crate::support::http;
use crate::support::peers::{Bystanders, Node, agree, send, within};
use crate::support::process::{PATIENCE, until};
use crate::support::shared::{Said, Shared, Tabs};
use collabcanvas::protocol::Encoding::{Json, MessagePack};
use loadtest::client::Client;
use loadtest::say;

/// The limit of a message, in bytes.
const FRAME: usize = 1 << 20;

/// Waits until a client on a channel is where another is, and compares them.
async fn follows(tabs: &mut Tabs, channel: u32, other: &Client) {
    let seq = other.core.position().map_or(0, |p| p.seq);
    let there = |tabs: &Tabs| {
        let core = &tabs.tab(channel).core;
        core.is_synced() && core.position().is_some_and(|p| p.seq >= seq)
    };
    tabs.until("the other's commits", there).await;
    assert_eq!(tabs.tab(channel).core.replica().difference(other.core.replica()), None);
}

#[tokio::test]
async fn channels_are_sessions_of_their_own() {
    let node = Node::start();
    let mut alone = [node.join("a", MessagePack).await, node.join("b", Json).await];
    let mut tabs = Tabs::connect(&node).await;
    let channels = [(1, "a", MessagePack), (u32::MAX, "a", Json), (0, "b", MessagePack), (0x0102_0304, "b", Json)];
    for (channel, project, encoding) in channels {
        tabs.join(channel, project, encoding).await;
    }
    // All at once: none waits for another's answer.
    for (channel, project, _) in channels {
        for n in 0..20 {
            tabs.submit(channel, &format!(r#"[{{"op":"create","id":"{project}-{channel}-{n}","props":{{"n":{n}}}}}]"#));
        }
    }
    let answered = |tabs: &Tabs| channels.iter().all(|(channel, ..)| tabs.tab(*channel).core.open_batches().1 == 0);
    tabs.until("all answers", answered).await;
    for (client, project) in alone.iter_mut().zip(["a", "b"]) {
        let create = format!(r#"[{{"op":"create","id":"{project}-alone"}}]"#);
        assert_eq!(send(client, &create).await, None);
        let objects = &client.core.replica().0;
        assert_eq!(objects.len(), 41, "two channels made twenty each");
        assert!(objects.keys().all(|id| id.starts_with(project)), "nothing of the other project came: {objects:?}");
    }
    for (channel, project, _) in channels {
        follows(&mut tabs, channel, &alone[usize::from(project == "b")]).await;
        let history = &tabs.tab(channel).core.history;
        assert_eq!((history.welcomes, history.acked.len(), history.rejected.len()), (1, 20, 0));
    }
}

#[tokio::test]
async fn a_channel_that_is_closed_leaves_the_others_and_its_number() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "a").await;
    let mut tabs = Tabs::connect(&node).await;
    for (channel, project) in [(1, "a"), (2, "a"), (3, "b")] {
        tabs.join(channel, project, MessagePack).await;
    }
    tabs.shared.send(b'c', 2, b"\x0f\xa0bye").await;
    // What crosses the close is passed over, as is what is for channels that never were.
    tabs.shared.send(b'b', 2, b"\xc1").await;
    tabs.shared.send(b'c', 2, b"").await;
    tabs.shared.send(b't', 77, b"?").await;
    tabs.until("the close", |tabs| tabs.tab(2).closed.is_some()).await;
    assert_eq!(tabs.tab(2).closed, Some((4000, "bye".to_owned())));
    tabs.works(1, r#"[{"op":"create","id":"after"}]"#).await;
    tabs.works(3, r#"[{"op":"create","id":"after"}]"#).await;
    tabs.join(2, "b", Json).await;
    tabs.works(2, r#"[{"op":"create","id":"again"}]"#).await;
    for (channel, wanted) in [(1, (1, false)), (3, (1, true))] {
        let there = |tabs: &Tabs| {
            let core = &tabs.tab(channel).core;
            (core.history.welcomes, core.replica().0.contains_key("again")) == wanted
        };
        tabs.until("nothing but the commit", there).await;
    }
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn closes_of_sessions_arrive_with_code_and_reason() {
    let node = Node::start();
    let mut shared = Shared::connect(&node).await;
    shared.open(1, "a.b", MessagePack).await;
    assert_eq!(shared.next_of(1).await, Said::Opened("collabcanvas.v1.msgpack".to_owned()));
    let (code, reason) = shared.is_closed(1).await;
    assert_eq!(code, 4404);
    assert!(reason.contains("project id"), "{reason}");
    shared.open(1, "p", Json).await;
    assert_eq!(shared.next_of(1).await, Said::Opened("collabcanvas.v1.json".to_owned()));
    shared.send(b'b', 1, b"binary is not of this subprotocol").await;
    assert_eq!(shared.is_closed(1).await.0, 4400);
    // Without a code, and with one that may not travel.
    for (close, code) in [(&b""[..], 1005), (b"\x03\xee", 1002)] {
        shared.open(1, "p", Json).await;
        shared.send(b'c', 1, close).await;
        assert_eq!(shared.is_closed(1).await.0, code);
    }
    for offered in ["p collabcanvas.v2.json", "p collabcanvas.v1.shared", "p ", "p"] {
        shared.send(b'o', 1, offered.as_bytes()).await;
        let said = shared.next_of(1).await;
        assert!(matches!(said, Said::Closed(4400, ref why) if why.contains("subprotocol")), "{said:?}");
    }
    shared.send(b'o', 1, b"p chat, collabcanvas.v1.json, collabcanvas.v1.msgpack").await;
    assert_eq!(shared.next_of(1).await, Said::Opened("collabcanvas.v1.json".to_owned()));
    assert_eq!(shared.is_closed(1).await.0, 4408, "the hello has its time here, too");
}

#[tokio::test]
async fn a_socket_has_so_many_channels() {
    let node = Node::start();
    let mut shared = Shared::connect(&node).await;
    for channel in 0..64 {
        shared.open(channel, "p", MessagePack).await;
        assert!(matches!(shared.next_of(channel).await, Said::Opened(_)));
        shared.send(b'b', channel, &say::hello(&format!("client-{channel}"), None, 0)).await;
    }
    shared.open(64, "p", MessagePack).await;
    let said = shared.next_of(64).await;
    assert!(matches!(said, Said::Closed(4413, ref why) if why.len() > 10), "{said:?}");
    shared.send(b'c', 5, b"\x03\xe8").await;
    assert_eq!(shared.is_closed(5).await, (1000, String::new()));
    shared.open(64, "p", MessagePack).await;
    assert!(matches!(shared.next_of(64).await, Said::Opened(_)), "there is a place again");
    let (_, metrics) = http::get(&node.server.admin, "/metrics").await;
    for line in ["collab_shared_sockets 1\n", "collab_connections 64\n"] {
        assert!(metrics.contains(line), "{line}");
    }
}

#[tokio::test]
async fn a_channel_counts_as_a_connection_of_its_address() {
    let node = Node::with(|setup| setup.with("COLLAB_LIMITS", "connections_per_ip=3"));
    let mut shared = Shared::connect(&node).await;
    for channel in 0..2 {
        shared.open(channel, "p", MessagePack).await;
        assert!(matches!(shared.next_of(channel).await, Said::Opened(_)), "the socket and two channels");
    }
    shared.open(2, "p", MessagePack).await;
    let said = shared.next_of(2).await;
    assert!(matches!(said, Said::Closed(4429, ref why) if why.len() > 10), "{said:?}");
    shared.send(b'c', 0, b"\x03\xe8").await;
    shared.is_closed(0).await;
    // The client hears of the end before the session has given its place back.
    until("there is a place again", PATIENCE, async || {
        shared.open(2, "p", MessagePack).await;
        matches!(shared.next_of(2).await, Said::Opened(_))
    })
    .await;
}

#[tokio::test]
async fn messages_have_the_same_limit_as_elsewhere() {
    let node = Node::start();
    let mut tabs = Tabs::connect(&node).await;
    tabs.join(1, "p", Json).await;
    let ping = r#"{"t":"ping","n":7}"#;
    let largest = format!("{ping}{}", " ".repeat(FRAME - ping.len()));
    tabs.shared.send(b't', 1, largest.as_bytes()).await;
    let pong = async {
        loop {
            if matches!(tabs.shared.next_of(1).await, Said::Message(m, true) if m.windows(4).any(|w| w == b"pong")) {
                return;
            }
        }
    };
    within(PATIENCE, pong).await;
    tabs.shared.send(b't', 1, format!("{largest} ").as_bytes()).await;
    assert_eq!(tabs.shared.ends().await, 1009);
}

#[tokio::test]
async fn a_browser_that_stops_reading_for_a_while_is_brought_back() {
    let node = Node::start();
    let mut writer = node.join("p", MessagePack).await;
    let mut tabs = Tabs::connect(&node).await;
    for (channel, project, encoding) in [(1, "p", MessagePack), (2, "p", Json), (3, "quiet", MessagePack)] {
        tabs.join(channel, project, encoding).await;
    }
    // Meanwhile nobody polls the shared socket.
    write(&mut writer).await;
    assert!(overflows(&node).await > 0, "nobody fell behind: the test is too small");
    for channel in [1, 2] {
        // A commit out of place would be a violation and end this.
        follows(&mut tabs, channel, &writer).await;
        let tab = tabs.tab(channel);
        assert!(tab.core.history.welcomes > 1 && tab.closed.is_none(), "it was brought back by a welcome");
    }
    for channel in [1, 2] {
        tabs.works(channel, &format!(r#"[{{"op":"create","id":"after-{channel}"}}]"#)).await;
    }
    tabs.works(3, r#"[{"op":"create","id":"after"}]"#).await;
    assert_eq!(tabs.tab(3).core.history.welcomes, 1, "it had no part in this");
    let mut fresh = node.join("p", MessagePack).await;
    agree(&mut fresh, &mut writer).await;
    follows(&mut tabs, 1, &fresh).await;
    follows(&mut tabs, 2, &fresh).await;
}

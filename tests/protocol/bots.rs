//! Presence of bots, which are shown through the server's HTTP side.

use crate::presence::{SOON, join, sees};
use crate::support::http;
use crate::support::peers::{Node, Raw, within};
use collabcanvas::protocol::Encoding::MessagePack;
use loadtest::say;
use loadtest::wire::{Fields, Message};

async fn bot(node: &Node, method: &str, name: &str, body: &str) -> (u16, String) {
    http::send(method, node.server.address(), &format!("/v1/projects/p/presence/{name}"), body).await
}

/// Listens until somebody comes with such fields; returns the number of their session.
async fn comes(raw: &mut Raw, is_wanted: impl Fn(&Fields) -> bool) -> u64 {
    let found = raw.until(|message| match message {
        Message::Presence(false, sessions) => {
            sessions.into_iter().find(|p| p.author.is_some() && p.fields.as_ref().is_some_and(&is_wanted))
        }
        _ => None,
    });
    within(SOON, found).await.session
}

#[tokio::test]
async fn a_bot_shows_itself_over_http_for_as_long_as_it_says() {
    let node = Node::start();
    let (mut one, _) = join(&node, "one", MessagePack).await;
    let put = bot(&node, "PUT", "importer", r#"{"fields":{"name":"Importer","cursor":[1,2]},"ttl_ms":60000}"#).await;
    assert_eq!(put, (204, String::new()));
    let first =
        comes(&mut one, |f| f.iter().any(|(n, raw)| *n == "name" && raw[..] == say::from_json("\"Importer\"")[..]));
    let session = first.await;
    assert_eq!(bot(&node, "PUT", "importer", r#"{"fields":{"status":"idle"},"ttl_ms":300}"#).await.0, 204);
    sees(&mut one, session, |f| f.is_some_and(|f| f.contains_key("status"))).await;
    // Its time is over.
    sees(&mut one, session, |f| f.is_none()).await;
    assert_eq!(bot(&node, "PUT", "importer", "{}").await.0, 204);
    let session = comes(&mut one, |_| true).await;
    assert_eq!(bot(&node, "DELETE", "importer", "").await.0, 204);
    sees(&mut one, session, |f| f.is_none()).await;
}

#[tokio::test]
async fn a_bot_that_is_none_is_told_why() {
    let node = Node::start();
    let large = format!(r#"{{"fields":{{"data":"{}"}}}}"#, "x".repeat(2_100));
    for (name, body, status) in [
        ("b", "", 400),
        ("b", "[]", 400),
        ("b", r#"{"fields":[]}"#, 400),
        ("b", r#"{"colour":"red"}"#, 400),
        ("b", r#"{"ttl_ms":0}"#, 400),
        ("b", r#"{"ttl_ms":300001}"#, 400),
        ("b%20c", "{}", 400),
        ("b", large.as_str(), 400),
    ] {
        let (found, why) = bot(&node, "PUT", name, body).await;
        assert!(found == status && why.len() > 10, "{name} {body:.40}: {found} {why}");
    }
    let huge = "x".repeat(20_000);
    assert_eq!(bot(&node, "PUT", "b", &huge).await.0, 413);
    for n in 0..100 {
        assert_eq!(bot(&node, "PUT", &format!("b{n}"), "{}").await.0, 204);
    }
    assert_eq!(bot(&node, "PUT", "b100", "{}").await.0, 429);
    assert_eq!(bot(&node, "PUT", "b99", "{}").await.0, 204, "those that are there may go on");
}

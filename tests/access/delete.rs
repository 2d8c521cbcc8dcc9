//! Projects that are deleted, by their owners and by the operator.

use super::people::{API_KEY, SECRET, ask, create, ends, guard, hello, joined, token};
use crate::support::http;
use crate::support::nodes::Nodes;
use crate::support::peers::Node;
use crate::support::redis::Redis;
use collabcanvas::durable::DurableStore as _;
use collabcanvas::durable::load::load;
use collabcanvas::durable::sqlite::SqliteStore;
use collabcanvas::ids::ProjectId;
use loadtest::wire::Message;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long it may take until everybody is gone.
const REACH: Duration = Duration::from_secs(2);
const ADMIN_TOKEN: &str = "canary-of-the-admin-token-0123456789";
const PROJECT: &str = "/v1/projects/p";

/// Whoever knocks at a deleted project is told so, whatever they have.
async fn assert_gone(url: &str) {
    for role in ["owner", "editor"] {
        let token = token("ana", &json!({"p": role}), 60);
        let mut late = hello(url, "p", "ana", Some(&token), None).await;
        assert_eq!(ends(&mut late).await, (4403, "deleted".to_owned()), "{role}");
        let (status, answer) = ask(url, "GET", "/v1/projects/p/members", Some(&token), &Value::Null).await;
        assert_eq!(status, 410, "{role}: {answer}");
    }
    let (status, _) = ask(url, "PUT", "/v1/projects/p/members/eve", Some(API_KEY), &json!({"role": "owner"})).await;
    assert_eq!(status, 410, "not even a back end brings it back");
}

#[tokio::test]
async fn a_deleted_project_is_gone_from_every_node_and_stays_so() {
    let redis = Redis::start().await;
    let (keys, api) = (format!("secret:{SECRET}"), format!("shop={API_KEY}"));
    let mut nodes = Nodes::start(2, &redis.url(), &[("COLLAB_AUTH_KEYS", &keys), ("COLLAB_API_KEYS", &api)]);
    let (mut ana, _) = joined(nodes.url(0), "p", "ana", &json!({"p": "owner"})).await;
    let (mut ed, _) = joined(nodes.url(1), "p", "ed", &json!({"p": "editor"})).await;
    assert_eq!(create(&mut ed, 1, "a").await, None);
    let editor = token("ed", &json!({"p": "editor"}), 60);
    let owner = token("ana", &json!({"p": "owner"}), 60);
    assert_eq!(ask(nodes.url(0), "DELETE", PROJECT, Some(&editor), &Value::Null).await.0, 403);
    // Somebody writes while it goes: what is late must not bring it back.
    for cid in 2..40 {
        let id = format!("o{cid}");
        ed.send_json(&json!({"t": "batch", "cid": cid, "ops": [{"op": "create", "id": id}]}).to_string()).await;
    }
    let asked = Instant::now();
    let (status, answer) = ask(nodes.url(0), "DELETE", PROJECT, Some(&owner), &Value::Null).await;
    assert_eq!(status, 204, "{answer}");
    for gone in [&mut ana, &mut ed] {
        assert_eq!(ends(gone).await, (4403, "deleted".to_owned()));
        assert!(asked.elapsed() < REACH, "{:?}", asked.elapsed());
    }
    assert_gone(nodes.url(0)).await;
    assert_gone(nodes.url(1)).await;
    assert_eq!(ask(nodes.url(1), "DELETE", PROJECT, Some(&owner), &Value::Null).await.0, 204, "asked again");
    let (_, metrics) = http::get(&nodes.node(1).admin, "/metrics").await;
    assert!(metrics.contains("collab_damaged_projects 0\n"), "{metrics}");
    nodes.kill(0);
    nodes.restart(0);
    assert_gone(nodes.url(0)).await;
    nodes.stop().await;
    let store = SqliteStore::open(nodes.database()).expect("the database is sound");
    let project = ProjectId::parse("p").expect("an id");
    let loaded = load(&store, &project).await.expect("whole");
    assert!(loaded.tail().is_deleted() && loaded.canvas.iter().len() == 0, "{:?}", loaded.tail());
    assert_eq!(store.entries(&project, 1).await.expect("the log"), Vec::new(), "nothing of it is left");
}

#[tokio::test]
async fn the_operator_has_what_owners_have_on_the_admin_listener() {
    let node = Node::with(|setup| guard(setup).with("COLLAB_ADMIN_TOKEN", ADMIN_TOKEN));
    let admin = format!("ws://{}", node.server.admin);
    let (mut ana, _) = joined(&node.server.url, "p", "ana", &json!({"p": "owner"})).await;
    for wrong in [None, Some(API_KEY)] {
        assert_eq!(ask(&admin, "GET", "/v1/projects/p/sessions", wrong, &Value::Null).await.0, 401, "{wrong:?}");
    }
    let (status, body) = ask(&admin, "GET", "/v1/projects/p/sessions", Some(ADMIN_TOKEN), &Value::Null).await;
    assert!(status == 200 && body.contains("\"ana\""), "{status} {body}");
    let frozen = json!({"frozen": true});
    assert_eq!(ask(&admin, "PUT", "/v1/projects/p/frozen", Some(ADMIN_TOKEN), &frozen).await.0, 204);
    let role = ana.until(|message| match message {
        Message::Permission(role) => Some(role.to_string()),
        _ => None,
    });
    assert_eq!(role.await, "viewer");
    let tickets = ask(&admin, "POST", "/v1/tickets", Some(ADMIN_TOKEN), &Value::Null).await;
    assert_eq!(tickets.0, 404, "tickets are for clients: {}", tickets.1);
    assert_eq!(ask(&admin, "DELETE", PROJECT, Some(ADMIN_TOKEN), &Value::Null).await.0, 204);
    assert_eq!(ends(&mut ana).await, (4403, "deleted".to_owned()));
    assert_gone(&node.server.url).await;
    let client = ask(&node.server.url, "GET", "/v1/projects/q/sessions", Some(ADMIN_TOKEN), &Value::Null).await;
    assert_eq!(client.0, 401, "the admin token is none for clients: {}", client.1);
}

#[tokio::test]
async fn without_an_admin_token_no_page_of_a_browser_may_what_programs_of_this_machine_may() {
    let node = Node::start();
    let frozen = r#"{"frozen": true}"#;
    for (header, status) in [
        ("Origin: https://evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
        ("X-Forwarded-For: 10.0.0.1\r\n", 403),
        ("", 204),
    ] {
        let answer = http::send_with("PUT", &node.server.admin, "/v1/projects/p/frozen", header, frozen).await;
        assert_eq!(answer.0, status, "{header}: {}", answer.1);
    }
}

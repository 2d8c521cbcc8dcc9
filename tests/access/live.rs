//! Rights that change while a session is open, on whatever node it is.

use super::people::{API_KEY, SECRET, ask, create, ends, guarded, hello, joined, now_s, signed, token, welcomed};
use crate::support::nodes::Nodes;
use crate::support::peers::Raw;
use crate::support::redis::Redis;
use loadtest::wire::Message;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a revocation may take to reach the last byte.
const REACH: Duration = Duration::from_secs(2);

async fn permission(raw: &mut Raw) -> String {
    raw.until(|message| match message {
        Message::Permission(role) => Some(role.to_string()),
        _ => None,
    })
    .await
}

fn cluster(redis: &Redis) -> Nodes {
    let keys = format!("secret:{SECRET}");
    let api = format!("shop={API_KEY}");
    Nodes::start(2, &redis.url(), &[("COLLAB_AUTH_KEYS", &keys), ("COLLAB_API_KEYS", &api)])
}

#[tokio::test]
async fn a_revoked_user_is_gone_from_another_node_within_two_seconds() {
    let redis = Redis::start().await;
    let nodes = cluster(&redis);
    let projects = json!({"p": "editor"});
    let (mut eve, _) = joined(nodes.url(1), "p", "eve", &projects).await;
    let (mut ana, _) = joined(nodes.url(1), "p", "ana", &projects).await;
    assert_eq!(create(&mut eve, 1, "a").await, None);
    for (revoke, code) in [(json!({"user": "eve"}), 4401), (json!({"all": true}), 4401)] {
        let asked = Instant::now();
        let (status, body) = ask(nodes.url(0), "POST", "/v1/projects/p/revoke", Some(API_KEY), &revoke).await;
        assert_eq!(status, 204, "{body}");
        let gone = if revoke == json!({"user": "eve"}) { &mut eve } else { &mut ana };
        assert_eq!(ends(gone).await, (code, "token_revoked".to_owned()), "{revoke}");
        assert!(asked.elapsed() < REACH, "{revoke}: {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn a_shut_out_user_a_session_and_a_link_are_gone_from_another_node() {
    let redis = Redis::start().await;
    let nodes = cluster(&redis);
    let (_, body) = ask(nodes.url(0), "POST", "/v1/projects/p/links", Some(API_KEY), &json!({"role": "editor"})).await;
    let made: Value = serde_json::from_str(&body).expect("JSON");
    let mut guest = hello(nodes.url(1), "p", "guest", made["link"].as_str(), None).await;
    assert_eq!(welcomed(&mut guest).await, "editor");
    let projects = json!({"p": "editor"});
    let (mut eve, _) = joined(nodes.url(1), "p", "eve", &projects).await;
    let asked = Instant::now();
    assert_eq!(
        ask(nodes.url(0), "POST", "/v1/projects/p/revoke", Some(API_KEY), &json!({"link": made["id"]})).await.0,
        204
    );
    assert_eq!(ends(&mut guest).await.0, 4403);
    assert_eq!(
        ask(nodes.url(0), "PUT", "/v1/projects/p/members/eve", Some(API_KEY), &json!({"role": null})).await.0,
        204
    );
    assert_eq!(ends(&mut eve).await.0, 4403);
    assert!(asked.elapsed() < 2 * REACH, "{:?}", asked.elapsed());
    let token = token("eve", &projects, 60);
    let mut again = hello(nodes.url(0), "p", "eve", Some(&token), None).await;
    assert_eq!(ends(&mut again).await.0, 4403, "whatever her token says");
}

/// A node hears of changes while it has the project open; what it knows of one that it has not must not let anybody in for long.
#[tokio::test]
async fn what_a_node_knew_before_it_opened_a_project_lets_nobody_stay() {
    let redis = Redis::start().await;
    let nodes = cluster(&redis);
    let stranger = token("stranger", &json!({"q": "editor"}), 60);
    let mut refused = hello(nodes.url(1), "p", "stranger", Some(&stranger), None).await;
    assert_eq!(ends(&mut refused).await.0, 4403, "node 1 has read the record now");
    let shut_out = json!({"role": null});
    assert_eq!(ask(nodes.url(0), "PUT", "/v1/projects/p/members/eve", Some(API_KEY), &shut_out).await.0, 204);
    let came = Instant::now();
    let good = token("eve", &json!({"p": "editor"}), 60);
    let mut eve = hello(nodes.url(1), "p", "eve", Some(&good), None).await;
    assert_eq!(ends(&mut eve).await.0, 4403);
    assert!(came.elapsed() < REACH, "{:?}", came.elapsed());
}

#[tokio::test]
async fn a_replayed_ticket_is_refused_by_every_node() {
    let redis = Redis::start().await;
    let nodes = cluster(&redis);
    let token = token("ana", &json!({"p": "editor"}), 60);
    let (_, body) = ask(nodes.url(0), "POST", "/v1/tickets", Some(&token), &Value::Null).await;
    let made: Value = serde_json::from_str(&body).expect("JSON");
    let ticket = made["ticket"].as_str();
    let mut first = hello(nodes.url(1), "p", "ana", ticket, None).await;
    assert_eq!(welcomed(&mut first).await, "editor");
    for n in 0..2 {
        let mut again = hello(nodes.url(n), "p", "ana", ticket, None).await;
        assert_eq!(ends(&mut again).await, (4401, "ticket_used".to_owned()));
    }
}

#[tokio::test]
async fn a_new_role_holds_at_once_and_is_told() {
    let node = guarded();
    let url = &node.server.url;
    let (mut ed, _) = joined(url, "p", "ed", &json!({"p": "editor"})).await;
    assert_eq!(create(&mut ed, 1, "a").await, None);
    let put =
        async |role: Value| ask(url, "PUT", "/v1/projects/p/members/ed", Some(API_KEY), &json!({"role": role})).await.0;
    assert_eq!(put(json!("viewer")).await, 204);
    assert_eq!(permission(&mut ed).await, "viewer");
    assert_eq!(create(&mut ed, 2, "b").await.as_deref(), Some("forbidden"));
    assert_eq!(put(json!("editor")).await, 204);
    assert_eq!(permission(&mut ed).await, "editor");
    assert_eq!(create(&mut ed, 2, "b").await, None, "the cid was not used up");
}

#[tokio::test]
async fn in_a_frozen_project_even_owners_only_look() {
    let node = guarded();
    let url = &node.server.url;
    let owner = token("ana", &json!({"p": "owner"}), 60);
    let (mut ana, role) = joined(url, "p", "ana", &json!({"p": "owner"})).await;
    assert_eq!(role, "owner");
    let freeze =
        async |frozen: bool| ask(url, "PUT", "/v1/projects/p/frozen", Some(&owner), &json!({"frozen": frozen})).await.0;
    assert_eq!(freeze(true).await, 204);
    assert_eq!(permission(&mut ana).await, "viewer");
    assert_eq!(create(&mut ana, 1, "a").await.as_deref(), Some("forbidden"));
    let (_, newcomer) = joined(url, "p", "ben", &json!({"p": "editor"})).await;
    assert_eq!(newcomer, "viewer");
    assert_eq!(freeze(false).await, 204);
    assert_eq!(permission(&mut ana).await, "owner");
    assert_eq!(create(&mut ana, 1, "a").await, None);
}

#[tokio::test]
async fn a_token_is_asked_for_anew_and_ends_the_session_when_none_comes() {
    let node = guarded();
    let url = &node.server.url;
    let projects = json!({"p": "editor"});
    // The server's clock may differ from an issuer's by 30 s: that much longer is a token good.
    let short = token("ana", &projects, 2);
    let mut ana = hello(url, "p", "ana", Some(&short), None).await;
    assert_eq!(welcomed(&mut ana).await, "editor");
    let ends_in = |message| match message {
        Message::Token(ms) => Some(ms),
        _ => None,
    };
    let warned = ana.until(ends_in).await.expect("an end");
    assert!(warned <= 60_000, "{warned}");
    for (other, code) in [(token("eve", &projects, 600), "token_user"), ("nonsense".to_owned(), "token_malformed")] {
        ana.send_json(&json!({"t": "token", "token": other}).to_string()).await;
        let told = ana.until(|message| match message {
            Message::Error(code, _) => Some(code.to_string()),
            _ => None,
        });
        assert_eq!(told.await, code, "the session goes on");
    }
    ana.send_json(&json!({"t": "token", "token": token("ana", &projects, 600)}).to_string()).await;
    let renewed = ana.until(ends_in).await.expect("an end");
    assert!(renewed > 500_000, "{renewed}");
    assert_eq!(create(&mut ana, 1, "a").await, None);
    ana.send_json(&json!({"t": "token", "token": token("ana", &json!({"p": "viewer"}), 600)}).to_string()).await;
    assert_eq!(permission(&mut ana).await, "viewer", "a new token may say less");
    // Expired for all but the leeway.
    let claims = json!({"sub": "ben", "iat": now_s() - 60, "exp": now_s() - 24, "projects": projects});
    let late = signed(&json!({"alg": "HS256"}), &claims, SECRET);
    let mut ben = hello(url, "p", "ben", Some(&late), None).await;
    assert_eq!(welcomed(&mut ben).await, "editor");
    assert_eq!(ends(&mut ben).await, (4401, "unauthenticated".to_owned()));
}

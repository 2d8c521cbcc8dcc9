//! Tokens, tickets and share links at the hello.

use super::people::{API_KEY, SECRET, ask, create, ends, guarded, hello, joined, now_s, signed, token, welcomed};
use serde_json::{Value, json};

#[tokio::test]
async fn each_wrong_token_is_told_apart_and_closes_so_that_a_new_one_is_fetched() {
    let node = guarded();
    let claims = |changes: Value| {
        let mut claims = json!({"sub": "ana", "iat": now_s(), "exp": now_s() + 60, "projects": {"p": "editor"}});
        changes.as_object().expect("a map").iter().for_each(|(key, value)| claims[key] = value.clone());
        claims
    };
    let hs256 = json!({"alg": "HS256"});
    for (token, code) in [
        (None, "token_needed"),
        (Some("nonsense".to_owned()), "token_malformed"),
        (Some(signed(&hs256, &claims(json!({})), "another secret, as long as it should be")), "token_signature"),
        (Some(signed(&json!({"alg": "none"}), &claims(json!({})), SECRET)), "token_malformed"),
        (Some(signed(&json!({"alg": "RS256"}), &claims(json!({})), SECRET)), "token_key"),
        (Some(signed(&json!({"alg": "HS256", "kid": "k9"}), &claims(json!({})), SECRET)), "token_key"),
        (Some(signed(&hs256, &claims(json!({"exp": now_s() - 60})), SECRET)), "token_expired"),
        (Some(signed(&hs256, &claims(json!({"nbf": now_s() + 600})), SECRET)), "token_early"),
        (Some(signed(&hs256, &claims(json!({"aud": "shop"})), SECRET)), "token_audience"),
        (Some(signed(&hs256, &claims(json!({"sub": "bot:x"})), SECRET)), "token_user"),
        (Some("ticket.invented".to_owned()), "ticket_used"),
        (Some("link.a.b".to_owned()), "link_invalid"),
    ] {
        let mut raw = hello(&node.server.url, "p", "ana", token.as_deref(), None).await;
        assert_eq!(ends(&mut raw).await, (4401, code.to_owned()), "{token:?}");
    }
    let (_, role) = joined(&node.server.url, "p", "ana", &json!({"p": "editor"})).await;
    assert_eq!(role, "editor");
}

#[tokio::test]
async fn a_token_for_one_project_opens_no_other() {
    let node = guarded();
    let token = token("ana", &json!({"mine": "owner"}), 60);
    let mut other = hello(&node.server.url, "theirs", "ana", Some(&token), None).await;
    assert_eq!(ends(&mut other).await, (4403, "forbidden".to_owned()));
    let (status, body) =
        ask(&node.server.url, "PUT", "/v1/projects/theirs/frozen", Some(&token), &json!({"frozen": true})).await;
    assert_eq!(status, 403, "{body}");
}

#[tokio::test]
async fn viewers_and_commenters_do_not_edit() {
    let node = guarded();
    let (mut editor, _) = joined(&node.server.url, "p", "ed", &json!({"p": "editor"})).await;
    assert_eq!(create(&mut editor, 1, "a").await, None);
    for role in ["viewer", "commenter"] {
        let (mut raw, told) = joined(&node.server.url, "p", role, &json!({"*": role})).await;
        assert_eq!(told, role);
        assert_eq!(create(&mut raw, 1, "b").await.as_deref(), Some("forbidden"), "{role}");
    }
    assert_eq!(create(&mut editor, 2, "b").await, None, "nobody has created it");
}

#[tokio::test]
async fn a_ticket_lets_in_once() {
    let node = guarded();
    let token = token("ana", &json!({"p": "editor"}), 60);
    let (status, body) = ask(&node.server.url, "POST", "/v1/tickets", Some(&token), &Value::Null).await;
    assert_eq!(status, 200, "{body}");
    let made: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(made["ttl_ms"], 30_000);
    let ticket = made["ticket"].as_str().expect("text");
    let mut first = hello(&node.server.url, "p", "ana", Some(ticket), None).await;
    assert_eq!(welcomed(&mut first).await, "editor");
    let mut second = hello(&node.server.url, "p", "ana", Some(ticket), None).await;
    assert_eq!(ends(&mut second).await, (4401, "ticket_used".to_owned()));
}

#[tokio::test]
async fn a_back_end_gets_tickets_for_its_users() {
    let node = guarded();
    let wanted = json!({"user": "ben", "projects": {"p": "viewer"}, "session_ms": 60_000});
    let (status, body) = ask(&node.server.url, "POST", "/v1/tickets", Some(API_KEY), &wanted).await;
    assert_eq!(status, 200, "{body}");
    let made: Value = serde_json::from_str(&body).expect("JSON");
    let mut ben = hello(&node.server.url, "p", "ben", made["ticket"].as_str(), None).await;
    assert_eq!(welcomed(&mut ben).await, "viewer");
    let (status, _) = ask(&node.server.url, "POST", "/v1/tickets", Some(API_KEY), &Value::Null).await;
    assert_eq!(status, 400, "for whom?");
    let token = token("ana", &json!({"p": "owner"}), 60);
    let (status, _) = ask(&node.server.url, "POST", "/v1/tickets", Some(&token), &wanted).await;
    assert_eq!(status, 403, "not for others");
}

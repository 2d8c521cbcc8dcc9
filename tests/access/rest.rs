//! What owners and back ends ask over HTTP.

use super::people::{API_KEY, ask, create, ends, guarded, hello, joined, token, welcomed};
use serde_json::{Value, json};

#[tokio::test]
async fn only_owners_and_back_ends_may_change_rights() {
    let node = guarded();
    let url = &node.server.url;
    let owner = token("ana", &json!({"p": "owner"}), 60);
    let editor = token("ed", &json!({"p": "editor"}), 60);
    for (method, path, body) in [
        ("GET", "/v1/projects/p/links", Value::Null),
        ("POST", "/v1/projects/p/links", json!({"role": "viewer"})),
        ("DELETE", "/v1/projects/p/links/x", Value::Null),
        ("GET", "/v1/projects/p/members", Value::Null),
        ("PUT", "/v1/projects/p/members/ben", json!({"role": "viewer"})),
        ("DELETE", "/v1/projects/p/members/ben", Value::Null),
        ("PUT", "/v1/projects/p/frozen", json!({"frozen": false})),
        ("POST", "/v1/projects/p/revoke", json!({"user": "eve"})),
        ("GET", "/v1/projects/p/sessions", Value::Null),
    ] {
        for (bearer, wanted) in
            [(None, 401..=401), (Some(&editor[..]), 403..=403), (Some(&owner), 200..=204), (Some(API_KEY), 200..=204)]
        {
            let (status, answer) = ask(url, method, path, bearer, &body).await;
            assert!(wanted.contains(&status), "{method} {path} as {bearer:?}: {status} {answer}");
            assert!(status < 400 || answer.len() > 20, "a sentence: {answer}");
        }
    }
    let (status, answer) = ask(url, "PUT", "/v1/projects/p/members/ben", Some(&owner), &json!({"role": "admin"})).await;
    assert!(status == 400 && answer.contains("editor"), "{status} {answer}");
    let (status, _) = ask(url, "DELETE", "/v1/projects/p/sessions/7", Some(&owner), &Value::Null).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_link_lets_in_until_it_is_revoked() {
    let node = guarded();
    let url = &node.server.url;
    let wanted = json!({"role": "commenter", "password": "open sesame"});
    let (status, body) = ask(url, "POST", "/v1/projects/p/links", Some(API_KEY), &wanted).await;
    assert_eq!(status, 200, "{body}");
    let made: Value = serde_json::from_str(&body).expect("JSON");
    let link = made["link"].as_str().expect("text");
    for (password, code) in [(None, "password_needed"), (Some("shut"), "password_wrong")] {
        let mut guest = hello(url, "p", "guest", Some(link), password).await;
        assert_eq!(ends(&mut guest).await, (4401, code.to_owned()));
    }
    let mut guest = hello(url, "p", "guest", Some(link), Some("open sesame")).await;
    assert_eq!(welcomed(&mut guest).await, "commenter");
    let (_, listed) = ask(url, "GET", "/v1/projects/p/links", Some(API_KEY), &Value::Null).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["links"][0]["has_password"], true, "{listed}");
    assert!(!listed.to_string().contains(link), "a link is told once");
    let path = format!("/v1/projects/p/links/{}", made["id"].as_str().expect("text"));
    assert_eq!(ask(url, "DELETE", &path, Some(API_KEY), &Value::Null).await.0, 204);
    assert_eq!(ends(&mut guest).await, (4403, "forbidden".to_owned()));
    let mut again = hello(url, "p", "guest", Some(link), Some("open sesame")).await;
    assert_eq!(ends(&mut again).await, (4401, "link_invalid".to_owned()));
}

#[tokio::test]
async fn a_link_ends_for_those_who_came_by_it() {
    let node = guarded();
    let url = &node.server.url;
    let wanted = json!({"role": "editor", "ttl_ms": 5_000});
    let (_, body) = ask(url, "POST", "/v1/projects/p/links", Some(API_KEY), &wanted).await;
    let made: Value = serde_json::from_str(&body).expect("JSON");
    let link = made["link"].as_str().expect("text");
    let mut guest = hello(url, "p", "guest", Some(link), None).await;
    assert_eq!(welcomed(&mut guest).await, "editor");
    assert_eq!(create(&mut guest, 1, "a").await, None);
    assert_eq!(ends(&mut guest).await.0, 4401);
    let mut late = hello(url, "p", "guest", Some(link), None).await;
    assert_eq!(ends(&mut late).await, (4401, "link_expired".to_owned()));
}

#[tokio::test]
async fn who_is_sent_away_does_not_come_back_with_the_same_client_id() {
    let node = guarded();
    let url = &node.server.url;
    let (mut eve, _) = joined(url, "p", "eve", &json!({"p": "editor"})).await;
    let (_, listed) = ask(url, "GET", "/v1/projects/p/sessions", Some(API_KEY), &Value::Null).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["sessions"][0]["user"], "eve", "{listed}");
    let path = format!("/v1/projects/p/sessions/{}", listed["sessions"][0]["session"]);
    assert_eq!(ask(url, "DELETE", &path, Some(API_KEY), &Value::Null).await.0, 204);
    assert_eq!(ends(&mut eve).await, (4403, "forbidden".to_owned()));
    let (_, role) = joined(url, "p", "eve", &json!({"p": "editor"})).await;
    assert_eq!(role, "editor", "another page of the same user may come");
}

//! No secret is ever in a log or a metric.

use super::people::{API_KEY, SECRET, ask, ends, guard, hello, token, welcomed};
use crate::support::http;
use crate::support::peers::Node;
use serde_json::{Value, json};

#[tokio::test]
async fn logs_and_metrics_hold_no_secret() {
    let node = Node::with(|setup| guard(setup).with("COLLAB_LOG", "trace").with("COLLAB_LOG_FORMAT", "json"));
    let url = &node.server.url;
    let good = token("ana", &json!({"p": "owner"}), 60);
    let expired = token("ana", &json!({"p": "owner"}), 0).replace('.', ".canary-of-a-broken-token");
    let mut ana = hello(url, "p", "ana", Some(&good), None).await;
    welcomed(&mut ana).await;
    let (_, body) = ask(url, "POST", "/v1/tickets", Some(&good), &Value::Null).await;
    let ticket: Value = serde_json::from_str(&body).expect("JSON");
    let password = "canary-of-a-password";
    let (_, body) =
        ask(url, "POST", "/v1/projects/p/links", Some(API_KEY), &json!({"role": "viewer", "password": password})).await;
    let link: Value = serde_json::from_str(&body).expect("JSON");
    let (ticket, link) = (ticket["ticket"].as_str().expect("text"), link["link"].as_str().expect("text"));
    let wrong = format!("{password}-wrong");
    for (shown, password) in
        [(ticket, None), (ticket, None), (link, Some(&wrong[..])), (link, Some(password)), (&expired, None)]
    {
        let mut raw = hello(url, "p", "x", Some(shown), password).await;
        let _ = raw.next().await;
    }
    let mut eve = hello(url, "p", "eve", Some(&expired), None).await;
    assert_eq!(ends(&mut eve).await.0, 4401);
    ask(url, "GET", "/v1/projects/p/links", Some(&expired), &Value::Null).await;
    let (_, metrics) = http::get(&node.server.admin, "/metrics").await;
    assert!(metrics.contains("collab_auth_failures_total{reason=\"password_wrong\"} 1"), "{metrics}");
    let said = node.server.said();
    assert!(said.contains("closing a session"), "the log says something at all");
    let signature = |token: &str| token.rsplit('.').next().expect("a part").to_owned();
    for secret in [SECRET, API_KEY, "canary-of", &good, &signature(&good), ticket, link, &signature(link)] {
        assert!(!said.contains(secret), "the log holds {secret}");
        assert!(!metrics.contains(secret), "the metrics hold {secret}");
    }
}

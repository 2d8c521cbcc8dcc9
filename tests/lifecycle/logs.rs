//! Log lines for machines: what happened in a session or a request says in which.

use crate::support::http;
use crate::support::peers::Node;
use crate::support::process::{PATIENCE, until};
use collabcanvas::protocol::Encoding::MessagePack;
use serde_json::Value;

/// The lines that are JSON, as a node has written them so far.
fn lines(node: &Node) -> Vec<Value> {
    node.server.said().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// A line with this message.
async fn line(node: &Node, message: &str) -> Value {
    let find = || lines(node).into_iter().find(|line| line["fields"]["message"] == message);
    until(message, PATIENCE, async || find().is_some()).await;
    find().expect("it is there")
}

#[tokio::test]
async fn a_line_of_a_session_names_its_request_project_and_session() {
    let node = Node::with(|setup| setup.with("COLLAB_LOG_FORMAT", "json").with("COLLAB_LOG", "debug"));
    let mut client = node.raw_joined("board", MessagePack).await;
    client.send(vec![0xc1]).await;
    let closing = line(&node, "closing a session").await;
    let said = &closing["fields"];
    assert_eq!(said["project"], "board", "{closing}");
    assert!(said["session"].as_u64().is_some_and(|session| session > 0), "{closing}");
    assert!(said["request"].as_str().is_some_and(|request| request.len() == 16), "{closing}");
    assert_eq!(said["reason"], "malformed");
}

#[tokio::test]
async fn a_request_has_a_name_which_its_answer_says() {
    let node = Node::start();
    let address = node.server.address();
    let head = |more: &str| {
        format!("GET /v1/projects/p/members HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more}\r\n")
    };
    let named = |answer: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix("x-request-id: "));
        line.map(str::to_owned).unwrap_or_else(|| panic!("no name in {answer}"))
    };
    let mine = http::raw(address, &head("X-Request-Id: mine-1\r\n")).await;
    assert_eq!(named(&mine), "mine-1");
    let first = named(&http::raw(address, &head("")).await);
    let second = named(&http::raw(address, &head("X-Request-Id: no good\r\n")).await);
    assert!(first.len() == 16 && second.len() == 16 && first != second);
}

//! A node without keys: for development, on loopback alone.

use super::people::{ends, hello, welcomed};
use crate::support::peers::Node;
use crate::support::server::{Setup, program};
use std::process::Command;

#[tokio::test]
async fn everybody_edits_and_tokens_can_be_tried() {
    let node = Node::start();
    let mut anonymous = hello(&node.server.url, "p", "x", None, None).await;
    assert_eq!(welcomed(&mut anonymous).await, "editor");
    let made = |flags: &[&str]| {
        let output = Command::new(program()).args(["token", "--user", "ana"]).args(flags).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    };
    let data = node.data.path().display().to_string();
    let token = made(&["--project", "p=viewer", "--ttl", "1m", "--data-dir", &data]);
    let mut ana = hello(&node.server.url, "p", "ana", Some(&token), None).await;
    assert_eq!(welcomed(&mut ana).await, "viewer");
    let secret = format!("secret:{}", "x".repeat(32));
    let foreign = made(&["--project", "p=viewer", "--auth-keys", &secret]);
    let mut eve = hello(&node.server.url, "p", "eve", Some(&foreign), None).await;
    assert_eq!(ends(&mut eve).await, (4401, "token_signature".to_owned()), "a wrong token is not none");
    let node = node.restart();
    let mut again = hello(&node.server.url, "p", "ana", Some(&token), None).await;
    assert_eq!(welcomed(&mut again).await, "viewer", "the key stays");
}

#[tokio::test]
async fn it_does_not_listen_where_others_are() {
    let data = tempfile::tempdir().expect("a directory");
    let mut server = Setup::new(data.path()).with("COLLAB_LISTEN", "0.0.0.0:0").spawn();
    assert!(!server.exit().await.success());
    assert!(server.said().contains("COLLAB_AUTH_KEYS"), "{}", server.said());
}

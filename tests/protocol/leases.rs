//! Leases: who alone may change an object, and when that is over.

use crate::support::peers::{Bystanders, Node, agree, send};
use collabcanvas::protocol::Encoding::{Json, MessagePack};
use std::time::Duration;

const CREATE: &str = r#"[{"op":"create","id":"a","props":{"n":1}}]"#;
const LEASE: &str = r#"[{"op":"lease","id":"a","ttl_ms":60000}]"#;
const TOUCH: &str = r#"[{"op":"increment","id":"a","prop":"n","by":1}]"#;

fn refused(code: &str) -> Option<String> {
    Some(code.to_owned())
}

#[tokio::test]
async fn what_is_leased_to_one_is_refused_to_others() {
    let node = Node::start();
    let mut bystanders = Bystanders::join(&node, "p").await;
    let mut ana = node.join("p", MessagePack).await;
    let mut ben = node.join("p", Json).await;
    assert_eq!(send(&mut ana, CREATE).await, None);
    assert_eq!(send(&mut ana, LEASE).await, None);
    agree(&mut ana, &mut ben).await;
    assert_eq!(send(&mut ben, TOUCH).await, refused("leased"));
    assert_eq!(send(&mut ben, LEASE).await, refused("leased"));
    assert_eq!(send(&mut ana, TOUCH).await, None);
    assert_eq!(send(&mut ana, r#"[{"op":"release","id":"a"}]"#).await, None);
    assert_eq!(send(&mut ben, TOUCH).await, None);
    agree(&mut ana, &mut ben).await;
    bystanders.are_undisturbed().await;
}

#[tokio::test]
async fn a_lease_ends_with_its_time_and_with_its_session() {
    let node = Node::start();
    let mut ana = node.join("p", MessagePack).await;
    let mut ben = node.join("p", MessagePack).await;
    assert_eq!(send(&mut ana, CREATE).await, None);
    assert_eq!(send(&mut ana, r#"[{"op":"lease","id":"a","ttl_ms":500}]"#).await, None);
    assert_eq!(send(&mut ben, TOUCH).await, refused("leased"));
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(send(&mut ben, TOUCH).await, None);
    assert_eq!(send(&mut ana, LEASE).await, None);
    assert_eq!(send(&mut ben, TOUCH).await, refused("leased"));
    ana.close().await;
    // The server releases it as soon as it knows.
    let until = tokio::time::Instant::now() + Duration::from_secs(5);
    while send(&mut ben, TOUCH).await.is_some() {
        assert!(tokio::time::Instant::now() < until, "still leased");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_lease_survives_the_death_of_the_server() {
    let node = Node::start();
    let mut ana = node.join("p", MessagePack).await;
    assert_eq!(send(&mut ana, CREATE).await, None);
    assert_eq!(send(&mut ana, LEASE).await, None);
    let node = node.restart();
    let mut ben = node.join("p", MessagePack).await;
    assert_eq!(send(&mut ben, TOUCH).await, refused("leased"), "the embedded server has saved what it had acked");
}

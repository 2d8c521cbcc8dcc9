//! What the admin listener tells of a node, and lets its operator change while it runs.

use crate::support::http;
use crate::support::nodes::Nodes;
use crate::support::peers::{Node, send};
use crate::support::process::{PATIENCE, until};
use crate::support::redis::Redis;
use collabcanvas::link::check;
use collabcanvas::protocol::Encoding::MessagePack;
use serde_json::Value;

async fn read(admin: &str, path: &str) -> (u16, Value) {
    let (status, body) = http::get(admin, path).await;
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")))
}

/// The value of a metric, whose name may have labels.
async fn metric(admin: &str, name: &str) -> f64 {
    let (_, metrics) = http::get(admin, "/metrics").await;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not among\n{metrics}")).parse().expect("a number")
}

#[tokio::test]
async fn a_node_says_how_it_is_and_what_it_rests_on() {
    let node = Node::start();
    let (status, health) = read(&node.server.admin, "/healthz").await;
    assert_eq!((status, health["status"].as_str()), (200, Some("ready")));
    for store in ["hot", "durable"] {
        assert_eq!(health[store]["is_up"], true, "{health}");
        assert!(health[store]["latency_ms"].as_f64().is_some_and(|ms| ms < 2_000.0), "{health}");
    }
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_node_whose_redis_is_away_serves_and_says_so() {
    let mut redis = Redis::start().await;
    let nodes = Nodes::start(1, &redis.url(), &[]);
    let admin = nodes.node(0).admin.clone();
    assert_eq!(read(&admin, "/healthz").await.1["status"], "ready");
    until("Redis says what it uses", PATIENCE, async || metric(&admin, "collab_redis_memory_bytes").await > 0.0).await;
    assert!(metric(&admin, "collab_redis_command_seconds_count").await > 0.0);
    redis.kill();
    let degraded = async || {
        let (status, health) = read(&admin, "/healthz").await;
        status == 200 && health["status"] == "degraded" && health["hot"]["is_up"] == false
    };
    until("it is degraded", PATIENCE, degraded).await;
    assert_eq!(http::get(&admin, "/readyz").await.0, 200);
}

#[tokio::test]
async fn a_user_of_redis_with_the_rights_that_are_needed_is_enough_to_be_well() {
    let redis = Redis::start().await;
    let target = collabcanvas::link::Target::parse(&redis.url()).expect("a URL");
    let rules = check::acl(&target, &collabcanvas::keyspace::Keyspace::default(), check::Role::Data);
    let rules: Vec<&str> = rules.split(' ').collect();
    redis.cli(&[&["ACL", "SETUSER", "least", "reset", "on", ">pass"], &rules[..]].concat());
    let nodes = Nodes::start(1, &redis.url_as("least", "pass"), &[]);
    let (_, health) = read(&nodes.node(0).admin, "/healthz").await;
    assert_eq!(health["status"], "ready", "{health}");
}

#[tokio::test]
async fn the_projects_that_take_most_are_listed() {
    let node = Node::start();
    let mut busy = node.join("busy", MessagePack).await;
    let mut quiet = [node.join("quiet", MessagePack).await, node.join("quiet", MessagePack).await];
    for n in 0..20 {
        let create = format!(r#"[{{"op":"create","id":"o{n}","props":{{"n":{n}}}}}]"#);
        assert_eq!(send(&mut busy, &create).await, None);
    }
    let large = format!(r#"[{{"op":"create","id":"a","props":{{"text":"{}"}}}}]"#, "x".repeat(10_000));
    assert_eq!(send(&mut quiet[0], &large).await, None);
    let first = async |by: &str| {
        let (status, list) = read(&node.server.admin, &format!("/debug/projects?by={by}&top=1")).await;
        let projects = list["projects"].as_array().cloned().unwrap_or_default();
        assert!(status == 200 && projects.len() <= 1, "{list}");
        projects.first().cloned().unwrap_or_default()
    };
    until("the rooms were asked", PATIENCE, async || first("bytes").await["project"] == "quiet").await;
    assert_eq!(first("sessions").await["project"], "quiet");
    let (_, all) = read(&node.server.admin, "/debug/projects").await;
    let busy = all["projects"].as_array().expect("a list").iter().find(|p| p["project"] == "busy").expect("it is open");
    assert_eq!(
        (&busy["objects"], &busy["sessions"], &busy["mode"]),
        (&20.into(), &1.into(), &"normal".into()),
        "{busy}"
    );
    assert_eq!(http::get(&node.server.admin, "/debug/projects?by=luck").await.0, 400);
    let name = r#"collab_ops_total{kind="create",result="accepted"}"#;
    assert_eq!(metric(&node.server.admin, name).await, 21.0);
    assert_eq!(metric(&node.server.admin, "collab_ack_seconds_count").await, 21.0);
}

#[tokio::test]
async fn what_is_logged_can_be_changed_while_a_node_runs() {
    let node = Node::start();
    let admin = &node.server.admin;
    assert_eq!(http::get(admin, "/log").await, (200, "info\n".to_owned()));
    let (status, why) = http::send("PUT", admin, "/log", "collabcanvas=loud").await;
    assert!(status == 400 && why.contains("debug"), "{status} {why}");
    drop(node.raw("p", MessagePack).await);
    assert_eq!(node.server.count("DEBUG"), 0);
    assert_eq!(http::send("PUT", admin, "/log", "collabcanvas=debug").await.0, 200);
    assert_eq!(http::get(admin, "/log").await.1, "collabcanvas=debug\n");
    let mut wrong = node.raw("p", MessagePack).await;
    wrong.send_json(r#"{"t":"ping","n":1}"#).await;
    until("it is logged", PATIENCE, async || node.server.count("DEBUG") > 0).await;
}

#[tokio::test]
async fn every_metric_is_there_from_the_start_and_says_what_it_is() {
    let node = Node::start();
    let (_, metrics) = http::get(&node.server.admin, "/metrics").await;
    for line in metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().expect("a name");
        assert!(name.starts_with("collab_") || name.starts_with("process_"), "{line}");
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!([name, family].iter().any(|name| metrics.contains(&format!("# HELP {name} "))), "{line} has no words");
        assert!(!line.contains("project=") && !line.contains("user="), "{line}");
    }
    for name in
        ["collab_build_info{", "process_resident_memory_bytes ", "collab_ack_seconds_count 0", "collab_call_batches_"]
    {
        assert!(metrics.lines().any(|line| line.starts_with(name)), "{name} is not there:\n{metrics}");
    }
}

//! How long it takes until work is durable on DynamoDB, and what that costs.

use super::start::node;
use super::support::dynamodb::DynamoDb;
use super::support::redis::Redis;
use collabcanvas::protocol::Encoding;
use loadtest::load::{self, Plan, Report};
use std::time::Duration;

const TABLE: &str = "canvas";
/// What each client does in a second.
const RATE: f64 = 5.0;

/// Clients that move rectangles on one node, on a Redis and a table of its own.
async fn worked(projects: usize, clients: usize, time: Duration) -> Report {
    let (database, redis) = (DynamoDb::with_table(TABLE), Redis::start().await);
    let data = tempfile::tempdir().expect("a directory");
    let server = node(&redis, data.path(), &database.url(TABLE)).start();
    let plan = Plan {
        urls: vec![server.url.clone()],
        projects,
        clients,
        rate: RATE,
        time,
        encoding: Encoding::MessagePack,
        objects: 200,
        metrics: vec![server.admin.clone()],
    };
    load::run(plan, |_, _, _| {}).await.expect("everything is answered")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saving_writes_a_fraction_of_an_item_per_object() {
    let report = worked(2, 20, Duration::from_secs(4)).await;
    assert!(report.losses.is_none(), "{}", report.losses);
    assert_eq!(report.saves.len() as u64, report.sent, "each is told to be durable");
    let cost = report.cost.expect("the node was asked");
    assert!(cost.commits > 0.0 && cost.entries > 0.0, "{cost:?}");
    assert!(cost.units > 0.0 && cost.units <= cost.objects / 5.0, "{cost}");
}

/// `cargo test --release --test dynamodb -- pace --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it alone, and optimised"]
#[expect(clippy::print_stderr, reason = "it measures")]
async fn a_thousand_clients_are_durable_within_600_ms() {
    let number = |name: &str, default: usize| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number of clients or seconds"))
    };
    let clients = number("PACE_CLIENTS", 1_000);
    let time = Duration::from_secs(number("PACE_SECONDS", 20) as u64);
    let report = worked(clients.div_ceil(10), clients, time).await;
    let cost = report.cost.as_ref().expect("the node was asked");
    eprintln!("{clients} clients, {} ops in {:?}", report.sent, report.took);
    eprintln!(
        "batch to ack     {}\nsend to delivery {}\nsend to durable  {}",
        report.acks, report.deliveries, report.saves
    );
    eprintln!("saving: {cost}\nlosses: {}", report.losses);
    assert!(report.losses.is_none());
    assert!(cost.units <= cost.objects / 5.0, "{cost}");
    let [p95, p99] = report.saves.percentiles([950, 990]);
    assert!(p95 <= Duration::from_millis(600) && p99 <= Duration::from_secs(1), "p95 {p95:?}, p99 {p99:?}");
}

//! Nodes on Redis and DynamoDB, through the fault layer: what was saved is what a node without a Redis of its past reads.

use super::start::node;
use super::support::dynamodb::{DynamoDb, url};
use super::support::dynamodb_faults::{DynamoFaults, Faults};
use super::support::http;
use super::support::peers::{agree, synced};
use super::support::process::{PATIENCE, until};
use super::support::redis::Redis;
use super::support::server::Server;
use collabcanvas::protocol::Encoding;
use loadtest::client::Client;
use loadtest::core::Core;
use loadtest::history::Keep;
use loadtest::say;
use std::time::Duration;

const TABLE: &str = "canvas";

async fn join(server: &Server, id: &str) -> Client {
    let mut client = Client::new(&server.url, "p", id, Encoding::MessagePack, Keep::Whole);
    client.connect().await.expect("the node is there");
    synced(&mut client).await;
    client
}

fn is_saved(core: &Core) -> bool {
    core.open_batches() == (0, 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_saved_outlives_nodes_and_redis_in_bad_weather() {
    let database = DynamoDb::with_table(TABLE);
    let layer = DynamoFaults::start(&database.endpoint).await;
    let (redis, data) = (Redis::start().await, tempfile::tempdir().expect("a directory"));
    let url = url(layer.url(), TABLE);
    let nodes = [(); 2].map(|()| node(&redis, data.path(), &url).start());
    let (mut one, mut other) = (join(&nodes[0], "client-one-00000").await, join(&nodes[1], "client-two-00000").await);
    layer.set(Faults {
        seed: 3,
        throttled: 0.1,
        failed_after: 0.1,
        cut_after: 0.1,
        late: Duration::from_millis(20),
        ..Faults::default()
    });
    for n in 0..30 {
        for (client, name) in [(&mut one, "a"), (&mut other, "b")] {
            let ops = format!(r#"[{{"op":"create","id":"{name}{n}","props":{{"n":{n}}}}}]"#);
            client.submit(say::from_json(&ops));
        }
        one.until("an answer", PATIENCE, |core| core.open_batches().1 == 0).await.expect("it is accepted");
        other.until("an answer", PATIENCE, |core| core.open_batches().1 == 0).await.expect("it is accepted");
    }
    one.until("the saving", PATIENCE, is_saved).await.expect("it is saved");
    other.until("the saving", PATIENCE, is_saved).await.expect("it is saved");
    agree(&mut one, &mut other).await;
    layer.calm();
    let (_, metrics) = http::get(&nodes[0].admin, "/metrics").await;
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or_else(|| panic!("no {name} in {metrics}"))
    };
    assert!(value("collab_durable_read_units_total") > 0.0);
    nodes.into_iter().for_each(Server::kill);
    drop(redis);

    let empty = Redis::start().await;
    let later = node(&empty, data.path(), &url).start();
    let reader = join(&later, "client-three-000").await;
    assert_eq!(reader.core.replica().0.len(), 60);
    assert_eq!(reader.core.replica().difference(one.core.replica()), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_stay_ready_while_the_table_is_away_for_all_of_them() {
    let database = DynamoDb::with_table(TABLE);
    let layer = DynamoFaults::start(&database.endpoint).await;
    let (redis, data) = (Redis::start().await, tempfile::tempdir().expect("a directory"));
    let server = node(&redis, data.path(), &url(layer.url(), TABLE)).start();
    let is = async |status: &str| {
        let (code, health) = http::get(&server.admin, "/healthz").await;
        code == 200 && health.contains(&format!(r#""status":"{status}""#))
    };
    assert!(is("ready").await);
    layer.set(Faults { away: true, ..Faults::default() });
    until("it says that nothing is saved", PATIENCE, async || is("degraded").await).await;
    assert_eq!(http::get(&server.admin, "/readyz").await.0, 200, "an orchestrator must not replace every node for it");
    layer.calm();
    until("all is well", PATIENCE, async || is("ready").await).await;
}

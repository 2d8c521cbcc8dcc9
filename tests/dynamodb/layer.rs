//! The fault layer by itself: each fate is what it says.

use super::support::dynamodb::{DynamoDb, client};
use super::support::dynamodb_faults::{DynamoFaults, Faults};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use std::time::{Duration, Instant};

const TABLE: &str = "canvas";
/// How long the client waits for an answer.
const ATTEMPT: Duration = Duration::from_millis(500);

async fn put(client: &Client, n: u32) -> Result<(), String> {
    let key = AttributeValue::S(n.to_string());
    let put = client.put_item().table_name(TABLE).item("pk", key.clone()).item("sk", key);
    let put = put.condition_expression("attribute_not_exists(pk)").send().await;
    put.map(drop).map_err(|error| format!("{:?}", error.into_source().expect("it has one")))
}

async fn is_there(client: &Client, n: u32) -> bool {
    let key = AttributeValue::S(n.to_string());
    let get = client.get_item().table_name(TABLE).key("pk", key.clone()).key("sk", key).consistent_read(true);
    get.send().await.expect("it answers").item.is_some()
}

/// A stand-in with a layer before it, a client through the layer and one past it.
async fn layered() -> (DynamoDb, DynamoFaults, Client, Client) {
    let database = DynamoDb::with_table(TABLE);
    let layer = DynamoFaults::start(&database.endpoint).await;
    let (through, past) = (client(layer.url(), ATTEMPT), client(&database.endpoint, ATTEMPT));
    (database, layer, through, past)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fate_is_what_it_says() {
    let (_database, layer, through, past) = layered().await;
    put(&through, 0).await.expect("nothing happens by itself");
    let faults = Faults { throttled: 1.0, ..Faults::default() };
    layer.set(faults);
    assert!(put(&through, 1).await.expect_err("throttled").contains("ProvisionedThroughputExceeded"));
    layer.set(Faults { failed: 1.0, ..Faults::default() });
    assert!(put(&through, 2).await.expect_err("failed").contains("InternalServerError"));
    layer.set(Faults { away: true, ..Faults::default() });
    put(&through, 3).await.expect_err("away");
    layer.set(Faults { failed_after: 1.0, ..Faults::default() });
    assert!(put(&through, 4).await.expect_err("failed").contains("InternalServerError"));
    layer.set(Faults { cut_after: 1.0, ..Faults::default() });
    put(&through, 5).await.expect_err("no answer");
    layer.set(Faults { hung_after: 1.0, only: &["PutItem"], ..Faults::default() });
    let began = Instant::now();
    put(&through, 6).await.expect_err("no answer");
    assert!(began.elapsed() >= Duration::from_millis(400), "the connection stays open");
    assert!(is_there(&through, 6).await, "another operation passes");
    layer.calm();
    put(&through, 7).await.expect("all is well again");
    for (n, there) in [(0, true), (1, false), (2, false), (3, false), (4, true), (5, true), (7, true)] {
        assert_eq!(is_there(&past, n).await, there, "{n}");
    }
    assert_eq!((layer.count("PutItem"), layer.count("cut after")), (7, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_up_is_done_after_its_sender_has_gone() {
    let (_database, layer, through, past) = layered().await;
    layer.set(Faults { held: 1.0, held_for: Duration::from_millis(900), ..Faults::default() });
    put(&through, 1).await.expect_err("it waits for less");
    assert!(!is_there(&past, 1).await);
    let until = Instant::now() + Duration::from_secs(10);
    while !is_there(&past, 1).await {
        assert!(Instant::now() < until, "it is done in the end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_batch_comes_back() {
    let (_database, layer, through, past) = layered().await;
    layer.set(Faults { unprocessed: 1.0, ..Faults::default() });
    let write = |n: u32| {
        let key = AttributeValue::S(n.to_string());
        let put = PutRequest::builder().item("pk", key.clone()).item("sk", key).build().expect("whole");
        WriteRequest::builder().put_request(put).build()
    };
    let batch = through.batch_write_item().request_items(TABLE, (0..5).map(write).collect());
    let answer = batch.send().await.expect("it answers");
    assert_eq!(answer.unprocessed_items.expect("some")[TABLE].len(), 2);
    for n in 0..5 {
        assert_eq!(is_there(&past, n).await, n < 3, "{n}");
    }
}

//! Puts of records whose answers are lost.

use super::dynamodb_faults::{DynamoFaults, Faults};
use super::*;
use std::time::Duration;

const MINE: Bytes = Bytes::from_static(b"mine");

fn project() -> ProjectId {
    ProjectId::parse("p").expect("an id")
}

/// Half of the puts are done and not answered.
fn lossy(seed: u64) -> Faults {
    Faults { seed, failed_after: 0.3, cut_after: 0.2, only: &["PutItem"], ..Faults::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_whose_answer_was_lost_knows_itself() {
    let backend = InTable::new().await;
    let layer = DynamoFaults::start(&backend.database.endpoint).await;
    layer.set(lossy(1));
    let store = over(layer.url());
    for version in 0..40 {
        assert!(store.put_record(&project(), version, &MINE).await.expect("put"), "after version {version}");
        assert!(!store.put_record(&project(), version, &MINE).await.expect("put"), "the same once more");
    }
    assert!(layer.count("failed after") > 5 && layer.count("cut after") > 5);
    let record = backend.store.record(&project()).await.expect("record").expect("it is there");
    assert_eq!((record.version, record.body), (40, MINE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_put_the_same_one_wins_though_answers_are_lost() {
    let backend = InTable::new().await;
    let layer = DynamoFaults::start(&backend.database.endpoint).await;
    layer.set(lossy(2));
    let nodes = [over(layer.url()), over(layer.url())];
    for version in 0..40 {
        let put = async |node: &DynamoStore| node.put_record(&project(), version, &MINE).await;
        let (one, other) = tokio::join!(put(&nodes[0]), put(&nodes[1]));
        assert!(one.expect("put") != other.expect("put"), "one of them after version {version}");
    }
    assert!(layer.count("failed after") > 5 && layer.count("cut after") > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_replaced_before_it_was_known_to_be_stored_is_not_known() {
    let backend = InTable::new().await;
    let layer = DynamoFaults::start(&backend.database.endpoint).await;
    layer.set(Faults { failed_after: 1.0, only: &["PutItem"], ..Faults::default() });
    let slow = over(layer.url());
    let putting = tokio::spawn(async move { slow.put_record(&project(), 0, &MINE).await });
    process::until("a put without an answer", process::PATIENCE, async || {
        backend.store.record(&project()).await.expect("record").is_some()
    })
    .await;
    assert!(backend.store.put_record(&project(), 1, &MINE).await.expect("put"), "who has read it replaces it");
    layer.calm();
    let answer = putting.await.expect("no panic");
    assert!(matches!(&answer, Err(DurableError::Unavailable(why)) if why.contains("not known")), "{answer:?}");
}

#[tokio::test]
async fn a_table_that_does_not_answer_has_no_say_on_whether_there_is_a_record() {
    let backend = InTable::new().await;
    assert!(backend.store.put_record(&project(), 0, &MINE).await.expect("put"));
    let layer = DynamoFaults::start(&backend.database.endpoint).await;
    let mut store = over(layer.url());
    store.table.patience.total = Duration::from_millis(300);
    layer.set(Faults { away: true, ..Faults::default() });
    let read = store.record(&project()).await;
    assert!(matches!(read, Err(DurableError::Unavailable(_))), "{read:?}");
    let put = store.put_record(&project(), 1, &MINE).await;
    assert!(matches!(put, Err(DurableError::Unavailable(_))), "{put:?}");
    let key = item::record(&project());
    let bare = Item::new(&key).number(item::RECORD_VERSION, 1);
    backend.store.table.put("a test", &bare).await.expect("written");
    let read = backend.store.record(&project()).await;
    assert!(matches!(&read, Err(DurableError::Corrupt { why, .. }) if why.contains("body")), "{read:?}");
}

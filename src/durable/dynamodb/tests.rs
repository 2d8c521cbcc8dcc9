//! DynamoDB in addition to the suite: what only it does.

mod apart;
#[path = "../../../tests/support/dynamodb_answers.rs"]
#[allow(unreachable_pub, reason = "other tests use it too")]
mod dynamodb_answers;
#[path = "../../../tests/support/dynamodb_faults.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod dynamodb_faults;
#[path = "../../../tests/support/dynamodb.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod local;
mod official;
mod records;

use super::super::conformance::{Backend, Item as Stored, suite};
use super::item::{BODY, Name, POINTER};
use super::*;
use crate::link::testing::process;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use local::DynamoDb;
use std::sync::Arc;

const TABLE: &str = "canvas";

/// A store on a table of a stand-in, which goes with it.
struct InTable {
    store: Arc<DynamoStore>,
    database: DynamoDb,
}

fn place(endpoint: &str) -> Place {
    Place::parse(&local::url(endpoint, TABLE)).expect("valid")
}

fn over(endpoint: &str) -> DynamoStore {
    let patience = Patience::default();
    DynamoStore::over(local::client(endpoint, patience.attempt), &place(endpoint), patience)
}

impl Backend for InTable {
    async fn new() -> Self {
        let database = DynamoDb::with_table(TABLE);
        Self { store: Arc::new(over(&database.endpoint)), database }
    }

    fn store(&self) -> Arc<dyn DurableStore> {
        self.store.clone()
    }

    async fn reopened(&self) -> Arc<dyn DurableStore> {
        Arc::new(over(&self.database.endpoint))
    }

    fn replace(&self, project: &ProjectId, item: Stored, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>) {
        replace_in(|| over(&self.database.endpoint), project, item, change);
    }
}

/// Changes an item behind the back of a store, by stores of its own.
fn replace_in(
    store: impl Fn() -> DynamoStore,
    project: &ProjectId,
    item: Stored,
    change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>,
) {
    let (reading, writing) = (store(), store());
    let (key, mut found) = alone(read_stored(&reading, project, item));
    let changed = change(found.get_bytes(BODY).expect("it has a body").to_vec());
    alone(async {
        match changed {
            Some(body) => {
                found.0.insert(BODY.to_owned(), AttributeValue::B(Blob::new(body)));
                writing.table.put("a test", &found).await.expect("written");
            }
            None => writing.table.delete("a test", &key, None).await.expect("removed"),
        }
    });
}

/// Runs something on a thread and a runtime of its own: the test's may not wait.
fn alone<T: Send>(future: impl Future<Output = T> + Send) -> T {
    let run =
        || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future);
    std::thread::scope(|scope| scope.spawn(run).join().expect("no panic"))
}

async fn read_stored(store: &DynamoStore, project: &ProjectId, item: Stored) -> (Key, Item) {
    let pointer = Key::new(item::meta(project), POINTER);
    let key = match item {
        Stored::Entry(from) => item::entry(project, from),
        Stored::Pointer => pointer,
        Stored::Record => item::record(project),
        Stored::Chunk(n) => {
            let versions = Query::new(item::meta(project), Range::With(item::VERSION));
            let versions = store.table.query("a test", &versions).await.expect("read");
            let newest = versions.last().expect("there is a checkpoint").sk().trim_start_matches(item::VERSION);
            Key::new(Name::parse(newest).expect("a name").chunk(project, n), item::part(0))
        }
    };
    let found = store.table.get("a test", &key).await.expect("read");
    (key, found.expect("the item is there"))
}

suite!(InTable);

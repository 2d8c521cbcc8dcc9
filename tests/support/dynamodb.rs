//! A DynamoDB in this process, in memory, on a port of its own: it speaks the API, so that stores and whole nodes can be pointed at it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use dynoxide::Database;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// The region that URLs name; the stand-in knows none.
pub const REGION: &str = "eu-central-1";
/// What a process must have in its environment to be let in: any credentials do.
pub const CREDENTIALS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

/// A table as `collabcanvas setup` makes it.
const TABLE: &str = r#"{
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "BillingMode": "PAY_PER_REQUEST"
}"#;

/// A running one. What it holds is gone when it is dropped.
#[derive(Debug)]
pub struct DynamoDb {
    /// Where it listens, as `http://host:port`.
    pub endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DynamoDb {
    /// Starts an empty one.
    pub fn start() -> Self {
        Self::over(Database::memory().expect("memory is there"))
    }

    /// Starts one that has a table.
    pub fn with_table(name: &str) -> Self {
        let database = Database::memory().expect("memory is there");
        let mut table: serde_json::Value = serde_json::from_str(TABLE).expect("it is JSON");
        table["TableName"] = name.into();
        let request = serde_json::from_value(table).expect("it is a request");
        database.create_table(request).expect("the table is made");
        Self::over(database)
    }

    /// On a thread and a runtime of its own: it blocks while it works.
    fn over(database: Database) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, address) = std::sync::mpsc::channel();
        let serve = async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            bound.send(listener.local_addr().expect("bound")).expect("the starter waits");
            tokio::select! {
                () = dynoxide::server::serve_on(listener, database) => {}
                _ = stopped => {}
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let thread = std::thread::Builder::new().name("dynamodb".to_owned()).spawn(move || runtime.block_on(serve));
        let thread = thread.expect("a thread can be started");
        let endpoint = format!("http://{}", address.recv().expect("it listens"));
        Self { endpoint, stop: Some(stop), thread: Some(thread) }
    }

    /// The URL of a table of it, for `COLLAB_DURABLE_URL`.
    pub fn url(&self, table: &str) -> String {
        url(&self.endpoint, table)
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The URL of a table behind any endpoint, for `COLLAB_DURABLE_URL`.
pub fn url(endpoint: &str, table: &str) -> String {
    format!("dynamodb://{table}?region={REGION}&endpoint={endpoint}")
}

/// A client of an endpoint that waits so long for an answer and asks once.
pub fn client(endpoint: &str, attempt: Duration) -> Client {
    let [(_, key), (_, secret)] = CREDENTIALS;
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new(key, secret, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(attempt).build())
        .build();
    Client::from_conf(config)
}

//! The suite on Amazon's own stand-in, as a second opinion. `make dynamodb-local` fetches it; without it these tests say that they are skipped.

use super::super::setup;
use super::process::{PATIENCE, Process, free_port};
use super::*;
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Between two looks whether it listens.
const LOOK: Duration = Duration::from_millis(50);

/// The running stand-in, for all tests of this process: starting it takes seconds.
struct Running {
    endpoint: String,
    _process: Process,
    _directory: tempfile::TempDir,
}

/// `None` when it cannot be had, which is said once.
fn running() -> Option<&'static Running> {
    static RUNNING: OnceLock<Option<Running>> = OnceLock::new();
    RUNNING.get_or_init(start).as_ref()
}

fn start() -> Option<Running> {
    let jars = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/dynamodb-local");
    let java = std::process::Command::new("java").arg("-version").output();
    if !jars.join("complete").exists() || !java.is_ok_and(|java| java.status.success()) {
        // Past the test harness, which keeps what is printed to itself.
        let said = b"SKIPPED: the durable store's suite on DynamoDB Local; `make dynamodb-local` fetches it\n";
        std::io::stderr().write_all(said).expect("the standard error is there");
        return None;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (port, jars) = (free_port(), jars.display().to_string());
    let (path, classes) = (format!("-Djava.library.path={jars}"), format!("{jars}/*"));
    let (main, number) = ("com.amazonaws.services.dynamodbv2.local.main.ServerRunner", port.to_string());
    let args = ["-Xmx512m", &path, "-cp", &classes, main, "-inMemory", "-disableTelemetry", "-port", &number];
    let mut process = Process::start("java", &args, directory.path());
    let until = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(process.runs() && Instant::now() < until, "DynamoDB Local does not listen: {}", process.said());
        std::thread::park_timeout(LOOK);
    }
    Some(Running { endpoint: format!("http://127.0.0.1:{port}"), _process: process, _directory: directory })
}

/// A store on a table of its own.
struct InOfficial {
    store: Arc<DynamoStore>,
}

/// A store by itself: its connections belong to the runtime that uses it first.
fn over(place: &Place) -> DynamoStore {
    let (endpoint, patience) = (place.endpoint.as_deref().expect("it has one"), Patience::default());
    DynamoStore::over(local::client(endpoint, patience.attempt), place, patience)
}

impl Backend for InOfficial {
    fn is_there() -> bool {
        running().is_some()
    }

    async fn new() -> Self {
        static TABLES: AtomicUsize = AtomicUsize::new(0);
        let table = format!("canvas-{}", TABLES.fetch_add(1, Ordering::Relaxed));
        let endpoint = &running().expect("it was asked for").endpoint;
        let place = Place::parse(&local::url(endpoint, &table)).expect("valid");
        alone(async {
            let patience = Patience::default();
            let made = setup::over(local::client(endpoint, patience.attempt), &place, patience, &mut |_| {}).await;
            made.expect("the table is made");
        });
        Self { store: Arc::new(over(&place)) }
    }

    fn store(&self) -> Arc<dyn DurableStore> {
        self.store.clone()
    }

    async fn reopened(&self) -> Arc<dyn DurableStore> {
        Arc::new(over(&self.store.table.place))
    }

    fn replace(&self, project: &ProjectId, item: Stored, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>) {
        replace_in(|| over(&self.store.table.place), project, item, change);
    }
}

suite!(InOfficial);

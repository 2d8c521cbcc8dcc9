//! The durable store of a storm, and what happens to it: `STORM_DURABLE` chooses it.

use crate::plan::{DurableFault, Misery};
use crate::support::dynamodb::{CREDENTIALS, DynamoDb, client, url};
use crate::support::dynamodb_faults::{DynamoFaults, Faults};
use crate::support::server::{Setup, program};
use collabcanvas::durable::DurableStore;
use collabcanvas::durable::dynamodb::{DynamoStore, Patience, Place};
use collabcanvas::durable::sqlite::SqliteStore;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The table of a storm.
const TABLE: &str = "storm";

/// The store.
pub(crate) enum Store {
    /// A DynamoDB in this process, behind a layer that does what networks and clouds do.
    Dynamo(DynamoDb, DynamoFaults),
    /// A file that all nodes share. Whatever is to happen to it, it does not take writes for that long.
    Sqlite(PathBuf),
}

impl Store {
    /// Starts the one that is asked for.
    pub(crate) async fn start(kind: &str, directory: &Path) -> Self {
        match kind {
            "dynamodb" => {
                let database = DynamoDb::with_table(TABLE);
                let layer = DynamoFaults::start(&database.endpoint).await;
                Self::Dynamo(database, layer)
            }
            "sqlite" => Self::Sqlite(directory.join("durable.db")),
            other => panic!("STORM_DURABLE={other}: dynamodb and sqlite are known"),
        }
    }

    /// A node's setup with this store, behind all faults.
    pub(crate) fn given_to(&self, setup: Setup) -> Setup {
        match self {
            Self::Dynamo(_, layer) => {
                let setup = setup.stored_in(&url(layer.url(), TABLE));
                CREDENTIALS.iter().fold(setup, |setup, (name, value)| setup.with(name, value))
            }
            Self::Sqlite(path) => setup.in_file(path),
        }
    }

    /// Lets it happen, and ends it.
    pub(crate) async fn suffer(&self, fault: &DurableFault) {
        match self {
            Self::Dynamo(_, layer) => {
                layer.set(faults(fault));
                tokio::time::sleep(fault.time).await;
                layer.calm();
            }
            Self::Sqlite(path) => {
                let held = lock(path).expect("the file can be locked");
                // Short enough that writers get through by waiting, where it is not to be away.
                let part = if matches!(fault.misery, Misery::Slow | Misery::Throttled) { 4 } else { 1 };
                tokio::time::sleep(fault.time / part).await;
                drop(held);
            }
        }
    }

    /// The store itself, past all faults.
    pub(crate) fn open(&self) -> Box<dyn DurableStore> {
        match self {
            Self::Dynamo(database, _) => {
                let place = Place::parse(&database.url(TABLE)).expect("a URL of ours");
                let client = client(&database.endpoint, Duration::from_secs(10));
                Box::new(DynamoStore::over(client, &place, Patience::default()))
            }
            Self::Sqlite(path) => Box::new(SqliteStore::open(path).expect("the database is sound")),
        }
    }

    /// Has the program itself verify every project, when it can: whether it is content, and what it says.
    pub(crate) async fn verify(&self) -> Option<(bool, String)> {
        let known = Command::new(program()).arg("help").output().expect("the program can be run");
        if !String::from_utf8_lossy(&known.stdout).contains("verify") {
            return None;
        }
        let url = match self {
            Self::Dynamo(database, _) => database.url(TABLE),
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
        };
        let mut command = Command::new(program());
        command.args(["verify", "--all"]).env("COLLAB_DURABLE_URL", url).envs(CREDENTIALS).stdin(Stdio::null());
        let ran = tokio::task::spawn_blocking(move || command.output()).await.expect("it is not aborted");
        let ran = ran.expect("the program can be run");
        let said = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Some((ran.status.success(), said))
    }
}

/// What the layer does in each case.
fn faults(fault: &DurableFault) -> Faults {
    let seed = fault.time.as_millis().try_into().unwrap_or(0);
    let none = Faults { seed, ..Faults::default() };
    match fault.misery {
        Misery::Throttled => Faults { throttled: 0.7, ..none },
        Misery::Slow => {
            Faults { late: Duration::from_millis(1_500), held: 0.2, held_for: Duration::from_secs(2), ..none }
        }
        Misery::Unanswered => Faults { failed_after: 0.2, cut_after: 0.3, hung_after: 0.1, ..none },
        Misery::Unprocessed => Faults { unprocessed: 1.0, failed: 0.3, ..none },
        Misery::Away => Faults { away: true, ..none },
    }
}

/// Takes the file's only right to write.
fn lock(path: &Path) -> rusqlite::Result<Connection> {
    let held = Connection::open(path)?;
    held.busy_timeout(Duration::from_secs(5))?;
    held.execute_batch("BEGIN IMMEDIATE")?;
    Ok(held)
}

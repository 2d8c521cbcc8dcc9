//! Opening a connection: whose tables they are, of which format, and with which settings.
//!
//! Owns the schema and the settings of every session. Never changes tables that are not ours. Called whenever a connection is made.

use super::super::layout::FORMAT;
use super::line::{ANSWER, Wire};
use super::tls;
use super::trouble::Trouble;
use super::url::Target;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Name of the lock under which the tables are made: "CLLB", 1.
const MAKING: i64 = 0x434c_4c42_0000_0001;

/// Every name is then one of ours. A statement that waits, for a lock or for anything, ends before we stop waiting for it, so that one whose
/// outcome is not known does not come to life later. A session whose node is gone ends soon.
const SESSION: &str = "
    SET search_path = collabcanvas, pg_catalog;
    SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET statement_timeout = '15s';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '15s';
    SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 3;
    SET tcp_keepalives_count = 3;
    SET client_min_messages = warning;";
/// A commit is answered when it is on disk, and on the standby servers if the administrator has named any, whatever else the user's or the
/// database's settings say. `remote_apply` waits for more and is left alone.
const WRITING: &str = "
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') <> 'remote_apply'";
const READING: &str = "SET default_transaction_read_only = on";

const SCHEMA: &str = "
    CREATE SCHEMA collabcanvas;
    CREATE TABLE collabcanvas.format (one int PRIMARY KEY CHECK (one = 1), number int NOT NULL);
    CREATE TABLE collabcanvas.log (
        project text COLLATE \"C\" NOT NULL, from_seq int8 NOT NULL, to_seq int8 NOT NULL,
        epoch int8 NOT NULL, at_ms int8 NOT NULL, body bytea NOT NULL,
        PRIMARY KEY (project, from_seq));
    CREATE TABLE collabcanvas.head (
        project text COLLATE \"C\" PRIMARY KEY, from_seq int8 NOT NULL, to_seq int8 NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE collabcanvas.chunk (
        project text COLLATE \"C\" NOT NULL, seq int8 NOT NULL, build int8 NOT NULL, n int8 NOT NULL, body bytea NOT NULL,
        PRIMARY KEY (project, seq, build, n));
    CREATE TABLE collabcanvas.pointer (
        project text COLLATE \"C\" PRIMARY KEY, seq int8 NOT NULL, build int8 NOT NULL, body bytea NOT NULL);
    CREATE TABLE collabcanvas.version (
        project text COLLATE \"C\" NOT NULL, seq int8 NOT NULL, build int8 NOT NULL, body bytea NOT NULL,
        PRIMARY KEY (project, seq, build));
    CREATE TABLE collabcanvas.deployment (one int PRIMARY KEY CHECK (one = 1), name text NOT NULL);
    CREATE TABLE collabcanvas.node (
        node int8 PRIMARY KEY, count int8 NOT NULL, reaches_hot bool NOT NULL, at_ms int8 NOT NULL);
    ALTER TABLE collabcanvas.log ALTER body SET STORAGE EXTERNAL;";

/// The table that is there when all of [`SCHEMA`] is.
const FIRST: &str = "format";
/// What databases that were made earlier lack, and how it is made.
const LATER: [(&str, &str); 1] = [(
    "record",
    "CREATE TABLE collabcanvas.record (project text COLLATE \"C\" PRIMARY KEY, version int8 NOT NULL, body bytea NOT NULL)",
)];

/// Looks into the catalog's tables: functions such as `to_regclass` would not see what another session has just made.
const MADE: &str = "
    SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'collabcanvas' AND c.relname = $1";

/// How connections are opened.
pub(super) struct Opening {
    pub(super) target: Target,
    tls: MakeRustlsConnect,
    /// Whether nothing is to be changed: then a standby will do.
    pub(super) read_only: bool,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.target)
    }
}

impl Opening {
    pub(super) fn new(mut target: Target, read_only: bool) -> Result<Self, Trouble> {
        let tls = tls::connector(&target.tls).map_err(Trouble::undone)?;
        if !read_only {
            target.config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(Self { target, tls, read_only })
    }
}

/// Opens a connection. The task ends, with the reason, when the connection does.
pub(super) async fn connect(opening: &Arc<Opening>) -> Result<(Arc<Wire>, JoinHandle<String>), Trouble> {
    let target = &opening.target;
    let Ok(opened) = timeout(ANSWER, target.config.connect(opening.tls.clone())).await else {
        return Err(Trouble::unknown(format!("{target} does not answer; check whether it is the right host and port")));
    };
    let (client, connection) = opened.map_err(|error| Trouble::of(&error, target))?;
    let named = target.to_string();
    let runs = tokio::spawn(async move {
        match connection.await {
            Ok(()) => format!("{named} closed it"),
            Err(error) => error.to_string(),
        }
    });
    let wire = Wire::new(client, opening.clone(), runs.abort_handle());
    wire.run(SESSION).await?;
    wire.run(if opening.read_only { READING } else { WRITING }).await?;
    Ok((Arc::new(wire), runs))
}

/// Makes the tables that are not there, and looks at their format.
pub(super) async fn prepare(wire: &Wire, opening: &Opening) -> Result<(), Trouble> {
    if !is_made(wire, FIRST).await? {
        if opening.read_only {
            return Err(Trouble::undone(format!("{} holds nothing of CollabCanvas", opening.target)));
        }
        let format = format!("INSERT INTO collabcanvas.format (one, number) VALUES (1, {FORMAT})");
        make(wire, FIRST, &[SCHEMA, &format].concat()).await?;
    }
    let row = wire.query("SELECT number FROM format", &[]).await?;
    let found = row.first().map_or(0, |row| row.get::<_, i32>(0));
    let found = u32::try_from(found).unwrap_or_default();
    if found > FORMAT {
        return Err(Trouble::newer(found));
    }
    for (table, script) in LATER {
        // Asked first: who may only use the tables is refused also the making of one that is there.
        if !opening.read_only && !is_made(wire, table).await? {
            make(wire, table, script).await?;
        }
    }
    let set = wire.query("SELECT current_setting('fsync')", &[]).await?;
    if set.first().is_some_and(|row| row.get::<_, &str>(0) == "off") {
        tracing::warn!(target = %opening.target, "fsync is off on the server: a power cut loses what was saved");
    }
    Ok(())
}

async fn is_made(wire: &Wire, table: &str) -> Result<bool, Trouble> {
    if wire.query(MADE, &[&table]).await?.is_empty() {
        return Ok(false);
    }
    // A commit is seen a moment before other sessions are told to forget what they know of names, and lets its locks go afterwards.
    wire.query("SELECT pg_advisory_xact_lock_shared($1)", &[&MAKING]).await?;
    Ok(true)
}

/// Runs a script that makes a table, all of it or nothing.
async fn make(wire: &Wire, table: &str, script: &str) -> Result<(), Trouble> {
    let made = make_once(wire, table, script).await;
    if made.is_err() {
        // It may be that no transaction is open any more; the first error is the one that counts.
        let _ = wire.run("ROLLBACK").await;
    }
    made
}

/// Several nodes may start at the same time: the first makes the tables, the others find them.
async fn make_once(wire: &Wire, table: &str, script: &str) -> Result<(), Trouble> {
    wire.run("BEGIN").await?;
    wire.query("SELECT pg_advisory_xact_lock($1)", &[&MAKING]).await?;
    if !is_made(wire, table).await? {
        wire.run(script).await?;
    }
    wire.run("COMMIT").await
}

//! Opening the database file: whose it is, of which format, and with which settings.
//!
//! Owns the schema. Never changes a file that is not ours. Called once when a store is opened, and for each reading connection.

use super::super::layout::FORMAT;
use super::super::{NodeReport, REPORT_MS};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// "CLLB" in the file's header, so that `file` and we can tell what it is.
const APPLICATION: i64 = 0x434c_4c42;
/// How long a writer waits for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);
/// How long to wait between two tries of what does not wait by itself.
const PAUSE: Duration = Duration::from_millis(10);

/// FULL: a COMMIT returns when the log is on disk. A page that changes with each COMMIT goes from the log into the file once in 8,192 pages of log, 32 MiB;
/// the log's file is cut back to 64 MiB when it has been larger. Up to 16 MiB of pages are kept in memory: the last ones of some thousand projects.
const SETTINGS: &str = "
    PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
    PRAGMA wal_autocheckpoint = 8192; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;";

const SCHEMA: &str = "
    CREATE TABLE log (
        project TEXT NOT NULL, from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL,
        epoch INTEGER NOT NULL, at_ms INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (project, from_seq)) WITHOUT ROWID;
    CREATE TABLE chunk (
        project TEXT NOT NULL, seq INTEGER NOT NULL, build INTEGER NOT NULL, n INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (project, seq, build, n));
    CREATE TABLE pointer (
        project TEXT NOT NULL PRIMARY KEY, seq INTEGER NOT NULL, build INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;";

/// What files that were made earlier may lack.
const LATER: &str = "
    CREATE TABLE IF NOT EXISTS deployment (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS version (
        project TEXT NOT NULL, seq INTEGER NOT NULL, build INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (project, seq, build)) WITHOUT ROWID;
    INSERT OR IGNORE INTO version SELECT project, seq, build, body FROM pointer;
    CREATE TABLE IF NOT EXISTS node (
        node INTEGER PRIMARY KEY, count INTEGER NOT NULL, reaches_hot INTEGER NOT NULL, at_ms INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS record (project TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, body BLOB NOT NULL)";

/// Why a database file cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its directory is not there and cannot be made.
    #[error("the directory {path} cannot be made ({why}): make it, or choose another that this user may write")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// It, or its directory, cannot be written.
    #[error(
        "the database {path} cannot be opened for writing ({why}): let this user write it and its directory, or choose another path"
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// It is something else than an SQLite database, or a badly damaged one.
    #[error("{path} is not a database: choose another path, or restore the file from a copy")]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// It is another program's database.
    #[error("{path} is a database of another program: choose another path")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer version of this program.
    #[error(
        "{path} has format {found}, this version reads up to {known}: start the newer version, or restore an older copy"
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: i64,
        /// The newest format that this build knows.
        known: u32,
    },
    /// Another process keeps it locked.
    #[error("the database {path} is locked by another process ({why}): stop that process and start again")]
    Busy {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// Anything else.
    #[error("the database {path} cannot be opened: {why}")]
    Other {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl OpenError {
    fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, why) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::NotADatabase { path },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::NotWritable { path, why }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path, why },
            _ => Self::Other { path, why },
        }
    }
}

/// Opens the connection that writes; makes the file and its directory when they are not there.
pub(super) fn writing(path: &Path) -> Result<Connection, OpenError> {
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        make_directory(parent).map_err(|why| OpenError::Directory { path: parent.to_owned(), why })?;
    }
    let failed = |e: rusqlite::Error| OpenError::of(path, &e);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(failed)?;
    db.busy_timeout(BUSY).map_err(failed)?;
    // Looked at before anything is set: WAL is written into the file's header.
    is_made(&db, path)?;
    let mode = write_ahead(&db).map_err(failed)?;
    if mode != "wal" {
        let why = format!("its journal mode stays {mode}: put it on a local disk");
        return Err(OpenError::Other { path: path.to_owned(), why });
    }
    db.execute_batch(SETTINGS).map_err(failed)?;
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Looked at again: another process may have made the tables meanwhile.
    if !is_made(&change, path)? {
        change.execute_batch(SCHEMA).map_err(failed)?;
        change.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
        change.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
    }
    change.execute_batch(LATER).map_err(failed)?;
    change.commit().map_err(failed)?;
    Ok(db)
}

/// The name of the deployment; `fresh` becomes it when there is none.
pub(super) fn deployment(db: &Connection, fresh: &str) -> rusqlite::Result<String> {
    db.execute("INSERT INTO deployment (one, name) VALUES (1, ?1) ON CONFLICT DO NOTHING", [fresh])?;
    db.query_row("SELECT name FROM deployment", [], |row| row.get(0))
}

/// Stores a node's report, and reads all of them.
pub(super) fn report(db: &Connection, report: NodeReport) -> rusqlite::Result<Vec<NodeReport>> {
    let sql = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    db.execute("DELETE FROM node WHERE at_ms < ?1", [sql(report.at_ms.saturating_sub(REPORT_MS))])?;
    db.execute(
        "INSERT OR REPLACE INTO node (node, count, reaches_hot, at_ms) VALUES (?1, ?2, ?3, ?4)",
        params![report.node.cast_signed(), sql(report.count), report.reaches_hot, sql(report.at_ms)],
    )?;
    let mut all = db.prepare_cached("SELECT node, count, reaches_hot, at_ms FROM node ORDER BY node")?;
    let read = |row: &Row<'_>| {
        Ok(NodeReport {
            node: row.get::<_, i64>(0)?.cast_unsigned(),
            count: row.get::<_, i64>(1)?.cast_unsigned(),
            reaches_hot: row.get(2)?,
            at_ms: row.get::<_, i64>(3)?.cast_unsigned(),
        })
    };
    all.query_map([], read)?.collect()
}

/// Opens a connection that reads.
pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(BUSY)?;
    Ok(db)
}

/// The same for a file of which nothing is known yet: it must be there, and ours.
pub(super) fn to_look_at(path: &Path) -> Result<Connection, OpenError> {
    let missing = |why: String| OpenError::Other { path: path.to_owned(), why };
    if !path.exists() {
        return Err(missing("it is not there; name another by COLLAB_DATA_DIR or COLLAB_DURABLE_URL".to_owned()));
    }
    let db = reading(path).map_err(|error| OpenError::of(path, &error))?;
    if !is_made(&db, path)? {
        return Err(missing("it holds nothing of CollabCanvas".to_owned()));
    }
    Ok(db)
}

/// Makes a directory and what is above it. The names of new ones are brought to disk: what is in a directory that a power cut takes is
/// gone as well.
fn make_directory(path: &Path) -> std::io::Result<()> {
    let new: Vec<_> = path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
    std::fs::create_dir_all(path)?;
    for above in new.iter().filter_map(|p| p.parent()) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        std::fs::File::open(above)?.sync_all()?;
    }
    Ok(())
}

/// Whether our tables are there; an error when the file is not ours or of a newer format.
fn is_made(db: &Connection, path: &Path) -> Result<bool, OpenError> {
    let number = |query: &str| db.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(|e| OpenError::of(path, &e));
    let application = number("PRAGMA application_id")?;
    let found = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let path = path.to_owned();
    match application {
        0 if tables == 0 && found == 0 => Ok(false),
        APPLICATION if found > FORMAT.into() => Err(OpenError::NewerFormat { path, found, known: FORMAT }),
        APPLICATION => Ok(true),
        _ => Err(OpenError::Foreign { path }),
    }
}

/// Sets the write-ahead log and returns the mode that holds now. SQLite does not wait by itself when another process does the same.
#[expect(clippy::disallowed_methods, reason = "a node that opens its database has nothing else to do yet")]
fn write_ahead(db: &Connection) -> rusqlite::Result<String> {
    let until = Instant::now() + BUSY;
    loop {
        match db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                std::thread::sleep(PAUSE);
            }
            answer => return answer,
        }
    }
}

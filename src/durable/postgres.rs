//! The durable store in a Postgres database, for those who have no AWS.
//!
//! Owns which connection a statement takes: appends have two of their own, so that they never wait behind a checkpoint or a
//! load. All of them come back by themselves. Never opens a body; that is `layout`. Called through [`DurableStore`].
//!
//! - Every statement is a transaction of its own, in READ COMMITTED, and correct for itself: there is nothing between two of them.
//! - `synchronous_commit` is on whatever the server's settings say; what a failover may lose is the server's business: with standby servers
//!   that may be promoted, `synchronous_standby_names` must name them.
//! - A pooler between us and the server must keep a session for each connection (PgBouncer: `pool_mode = session`).

mod append;
mod line;
mod open;
mod records;
mod sole;
mod statements;
mod tls;
mod trouble;
mod url;

pub use url::{Target, UrlError};

use super::layout::{self, chunk_name, corrupt};
use super::{Appended, DurableError, DurableStore, Entry, NodeReport, Pointer, REPORT_MS, Record};
use crate::ids::{ProjectId, Seq};
use append::Appender;
use async_trait::async_trait;
use bytes::Bytes;
use line::{Line, Params};
use open::Opening;
use statements::{
    CHUNKS, CLEAR_REPORTS, DEPLOYMENT, ENTRIES, FORGET, LIST, MOVE_POINTER, NAME_DEPLOYMENT, POINTER, PUT_CHUNKS,
    REPORT, REPORTS, SWEEP, TRUNCATE, VERSIONS,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinHandle;
use tokio_postgres::Row;
use trouble::Trouble;

/// Connections that append.
const WRITERS: usize = 2;
/// Connections for everything else.
const OTHERS: usize = 2;
/// Chunks written or removed by one statement, a MiB.
const CHUNKS_AT_ONCE: usize = 4;
/// Entries removed by one statement.
const ENTRIES_AT_ONCE: i64 = 256;

/// Why the database cannot be used: a sentence that says what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(String);

impl From<Trouble> for OpenError {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.why)
    }
}

/// A durable store in a Postgres database.
#[derive(Debug)]
pub struct PostgresStore {
    appender: Appender,
    others: Vec<Line>,
    turn: AtomicUsize,
    opening: Arc<Opening>,
}

impl PostgresStore {
    /// Connects, and makes the tables if they are not there.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn open(target: &Target) -> Result<Self, OpenError> {
        Self::connect(target, WRITERS, OTHERS).await
    }

    /// Connects to what is there, also to a standby: nothing is made, and every write is refused.
    ///
    /// # Errors
    /// [`OpenError`], also when there are no tables.
    pub async fn open_to_read(target: &Target) -> Result<Self, OpenError> {
        Self::connect(target, 0, 1).await
    }

    async fn connect(target: &Target, writers: usize, others: usize) -> Result<Self, OpenError> {
        let opening = Arc::new(Opening::new(target.clone(), writers == 0)?);
        let mut lines = Vec::new();
        for n in 0..writers + others {
            let line = Line::open(&opening).await?;
            if n == 0 {
                open::prepare(&*line.wire().await?, &opening).await?;
            }
            lines.push(line);
        }
        let others = lines.split_off(writers);
        Ok(Self { appender: Appender::start(&lines), others, turn: AtomicUsize::new(0), opening })
    }

    /// Makes the database this node's own, as a node without Redis needs it. The task ends with a sentence when the right was lost to
    /// another node.
    ///
    /// # Errors
    /// [`OpenError`] when another node has it.
    pub async fn alone(&self) -> Result<JoinHandle<String>, OpenError> {
        Ok(sole::take(&self.opening).await?)
    }

    /// The line whose turn it is.
    fn line(&self) -> &Line {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        &self.others[turn % self.others.len()]
    }

    async fn query(&self, text: &'static str, params: Params<'_>) -> Result<Vec<Row>, Trouble> {
        self.line().wire().await?.query(text, params).await
    }

    async fn execute(&self, text: &'static str, params: Params<'_>) -> Result<u64, Trouble> {
        self.line().wire().await?.execute(text, params).await
    }

    /// Removes chunks that nothing names any more, a few at a time. What cannot be removed goes with the next checkpoint.
    async fn sweep(&self, project: &ProjectId) {
        loop {
            match self.execute(SWEEP, &[&project.as_str(), &sql(CHUNKS_AT_ONCE as u64)]).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(trouble) => {
                    tracing::warn!(%project, error = trouble.why, "chunks of an old checkpoint could not be removed");
                    return;
                }
            }
        }
    }
}

/// Numbers as Postgres holds them: none of ours comes near 2^63.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The project that a row begins with. An id that is not one was not written by us; nobody could open it either.
fn project_of(row: &Row) -> Option<ProjectId> {
    let name: &str = row.get(0);
    let parsed = ProjectId::parse(name);
    if parsed.is_err() {
        tracing::error!(name, "the database holds a project whose id is not one");
    }
    parsed.ok()
}

fn node_report(row: &Row) -> NodeReport {
    let number = |n| row.get::<_, i64>(n).cast_unsigned();
    NodeReport { node: number(0), count: number(1), reaches_hot: row.get(2), at_ms: number(3) }
}

#[async_trait]
impl DurableStore for PostgresStore {
    async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        self.appender.append(project, entry).await
    }

    async fn entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError> {
        let rows = self.query(ENTRIES, &[&project.as_str(), &sql(from)]).await;
        let rows = rows.map_err(|trouble| trouble.of_project(project))?;
        rows.iter()
            .map(|row| layout::decode_entry(project, row.get::<_, i64>(0).cast_unsigned(), row.get::<_, &[u8]>(1)))
            .collect()
    }

    async fn pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError> {
        let rows = self.query(POINTER, &[&project.as_str()]).await.map_err(|trouble| trouble.of_project(project))?;
        rows.first().map(|row| layout::decode_pointer(project, row.get::<_, &[u8]>(0))).transpose()
    }

    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        let key: Params<'_> = &[&project.as_str(), &sql(pointer.seq), &pointer.build.cast_signed()];
        let rows = self.query(CHUNKS, key).await.map_err(|trouble| trouble.of_project(project))?;
        if rows.len() != pointer.chunks as usize {
            let why = format!("there are {} chunks instead of {}", rows.len(), pointer.chunks);
            return Err(corrupt(project, chunk_name(pointer.seq, rows.len()), why));
        }
        Ok(rows.iter().map(|row| Bytes::copy_from_slice(row.get::<_, &[u8]>(0))).collect())
    }

    async fn checkpoint(&self, project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<(), DurableError> {
        let failed = |trouble: Trouble| trouble.of_project(project);
        let (name, seq, build) = (project.as_str(), sql(pointer.seq), pointer.build.cast_signed());
        for (n, some) in chunks.chunks(CHUNKS_AT_ONCE).enumerate() {
            let numbers: Vec<i64> = (n * CHUNKS_AT_ONCE..).take(some.len()).map(|n| sql(n as u64)).collect();
            let bodies: Vec<&[u8]> = some.iter().map(|chunk| &chunk[..]).collect();
            self.execute(PUT_CHUNKS, &[&name, &seq, &build, &numbers, &bodies]).await.map_err(failed)?;
        }
        let body = layout::encode_pointer(pointer);
        self.execute(MOVE_POINTER, &[&name, &seq, &build, &body]).await.map_err(failed)?;
        self.sweep(project).await;
        Ok(())
    }

    async fn versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError> {
        let rows = self.query(VERSIONS, &[&project.as_str()]).await.map_err(|trouble| trouble.of_project(project))?;
        rows.iter().map(|row| layout::decode_pointer(project, row.get::<_, &[u8]>(0))).collect()
    }

    async fn forget(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError> {
        let key: Params<'_> = &[&project.as_str(), &sql(version.seq), &version.build.cast_signed()];
        self.execute(FORGET, key).await.map_err(|trouble| trouble.of_project(project))?;
        self.sweep(project).await;
        Ok(())
    }

    async fn truncate(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError> {
        let mut removed = 0;
        loop {
            let params: Params<'_> = &[&project.as_str(), &sql(before_ms), &ENTRIES_AT_ONCE];
            match self.execute(TRUNCATE, params).await.map_err(|trouble| trouble.of_project(project))? {
                0 => return Ok(removed),
                some => removed += some,
            }
        }
    }

    async fn record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        self.read_record(project).await
    }

    async fn put_record(&self, project: &ProjectId, version: u64, body: &Bytes) -> Result<bool, DurableError> {
        self.write_record(project, version, body).await
    }

    async fn list(&self) -> Result<Vec<ProjectId>, DurableError> {
        let rows = self.query(LIST, &[]).await.map_err(Trouble::plain)?;
        Ok(rows.iter().filter_map(project_of).collect())
    }

    async fn deployment(&self, fresh: &str) -> Result<String, DurableError> {
        self.execute(NAME_DEPLOYMENT, &[&fresh]).await.map_err(Trouble::plain)?;
        let rows = self.query(DEPLOYMENT, &[]).await.map_err(Trouble::plain)?;
        let name = rows.first().map(|row| row.get(0));
        name.ok_or_else(|| DurableError::Unavailable("the deployment's name has just been removed".to_owned()))
    }

    async fn report(&self, report: &NodeReport) -> Result<Vec<NodeReport>, DurableError> {
        let old = sql(report.at_ms.saturating_sub(REPORT_MS));
        self.execute(CLEAR_REPORTS, &[&old]).await.map_err(Trouble::plain)?;
        let own: Params<'_> =
            &[&report.node.cast_signed(), &report.count.cast_signed(), &report.reaches_hot, &sql(report.at_ms)];
        self.execute(REPORT, own).await.map_err(Trouble::plain)?;
        let rows = self.query(REPORTS, &[]).await.map_err(Trouble::plain)?;
        Ok(rows.iter().map(node_report).collect())
    }

    /// Finishes what was accepted; later appends are refused.
    async fn close(&self) {
        self.appender.close().await;
    }
}

#[cfg(test)]
mod tests;

//! The durable store in one SQLite file: the embedded default.
//!
//! Owns the tables and who may touch them: one writer thread, which commits once for all that is waiting, and a few connections that
//! only read. The file may be shared by several processes of one host. Never opens a body; that is `layout`. Called through
//! [`DurableStore`].

mod open;
mod readers;
mod records;
mod statements;
mod writer;

pub use open::OpenError;

use super::layout::{self, chunk_name, corrupt};
use super::load::off_thread;
use super::{Appended, DurableError, DurableStore, Entry, NodeReport, Pointer, Record};
use crate::ids::{ProjectId, Seq};
use async_trait::async_trait;
use bytes::Bytes;
use readers::Readers;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use statements::{
    APPEND, CHUNKS, ENTRIES, FORGET, KEEP_VERSION, LIST, MOVE_POINTER, PUT_CHUNK, SWEEP, TRUNCATE, VERSIONS,
};
use std::path::Path;
use std::sync::Arc;
use writer::{Trouble, Writer};

/// Chunks written or removed per transaction, a MiB, so that appends never wait for a whole checkpoint.
const CHUNKS_AT_ONCE: usize = 4;
/// Entries removed per transaction, for the same reason.
const ENTRIES_AT_ONCE: i64 = 256;

/// A durable store in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
}

impl SqliteStore {
    /// Opens the database file, and makes it and its directory if they are not there. Blocks for a few disk accesses.
    ///
    /// # Errors
    /// [`OpenError`], each with what to do about it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let writer = Writer::start(open::writing(path)?).map_err(|source| OpenError::Other {
            path: path.to_owned(),
            why: format!("no thread for writing: {source}"),
        })?;
        Ok(Self { writer, readers: Arc::new(Readers::new(path)) })
    }

    /// Opens a database file that is there, also one that a node has in use. Nothing is made, and every write is refused.
    ///
    /// # Errors
    /// [`OpenError`], each with what to do about it.
    pub fn open_to_read(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let readers = Readers::new(path);
        readers.give_back(open::to_look_at(path)?);
        Ok(Self { writer: Writer::closed(), readers: Arc::new(readers) })
    }

    async fn write<T: Send + 'static>(
        &self,
        project: &ProjectId,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DurableError> {
        self.writer.write(work).await.map_err(|trouble| trouble.of(project))
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, DurableError> + Send + 'static,
    ) -> Result<T, DurableError> {
        let permit = self.readers.permit().await;
        let Ok(permit) = permit else {
            return Err(DurableError::Unavailable("the database is closed".to_owned()));
        };
        let readers = self.readers.clone();
        off_thread(move || {
            // Held here and not by the caller, who may stop waiting while the connection is still busy.
            let _permit = permit;
            let db = readers.take()?;
            let answer = work(&db);
            if !matches!(answer, Err(DurableError::Unavailable(_))) {
                readers.give_back(db);
            }
            answer
        })
        .await?
    }
}

impl SqliteStore {
    /// Removes chunks that nothing names any more, a few at a time. What cannot be removed goes with the next checkpoint.
    async fn sweep(&self, project: &ProjectId) {
        loop {
            let name = project.clone();
            let swept = self.write(project, move |db| {
                db.prepare_cached(SWEEP)?.execute(params![name.as_str(), sql(CHUNKS_AT_ONCE as u64)])
            });
            match swept.await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%project, %error, "chunks of an old checkpoint could not be removed");
                    return;
                }
            }
        }
    }
}

/// Numbers as SQLite holds them: none of ours comes near 2^63.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Runs a query and collects what `pick` makes of each row.
fn rows<T>(
    db: &Connection,
    project: &ProjectId,
    query: &str,
    params: impl rusqlite::Params,
    pick: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, DurableError> {
    let collect = || -> rusqlite::Result<Vec<T>> { db.prepare_cached(query)?.query_map(params, pick)?.collect() };
    collect().map_err(|e| Trouble::from(e).of(project))
}

#[async_trait]
impl DurableStore for SqliteStore {
    /// Finishes what was accepted and closes the file; later calls are refused as [`DurableError::Unavailable`]. A store that is dropped
    /// finishes as well, but nobody waits for it.
    async fn close(&self) {
        self.writer.close().await;
        self.readers.close();
    }

    async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        let body = layout::encode_entry(entry);
        let (from, to) = (sql(entry.from), sql(entry.to()));
        let (epoch, at_ms) = (sql(entry.epoch), sql(entry.at_ms));
        let name = project.clone();
        let inserted = self.writer.write_one(move |db| {
            db.prepare_cached(APPEND)?.execute(params![name.as_str(), from, to, epoch, at_ms, body])
        });
        Ok(match inserted.await.map_err(|trouble| trouble.of(project))? {
            0 => Appended::Conflict,
            _ => Appended::Stored,
        })
    }

    async fn entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError> {
        let project = project.clone();
        self.read(move |db| {
            let found = rows(db, &project, ENTRIES, params![project.as_str(), sql(from)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            found.iter().map(|(from, body)| layout::decode_entry(&project, from.cast_unsigned(), body)).collect()
        })
        .await
    }

    async fn pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError> {
        let project = project.clone();
        self.read(move |db| {
            let body = db
                .prepare_cached("SELECT body FROM pointer WHERE project = ?1")
                .and_then(|mut q| q.query_row([project.as_str()], |row| row.get::<_, Vec<u8>>(0)).optional())
                .map_err(|e| Trouble::from(e).of(&project))?;
            body.map(|body| layout::decode_pointer(&project, &body)).transpose()
        })
        .await
    }

    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        let project = project.clone();
        let (seq, build, wanted) = (pointer.seq, pointer.build, pointer.chunks as usize);
        self.read(move |db| {
            let key = params![project.as_str(), sql(seq), build.cast_signed()];
            let chunks = rows(db, &project, CHUNKS, key, |row| row.get::<_, Vec<u8>>(0).map(Bytes::from))?;
            if chunks.len() == wanted {
                Ok(chunks)
            } else {
                let why = format!("there are {} chunks instead of {wanted}", chunks.len());
                Err(corrupt(&project, chunk_name(seq, chunks.len()), why))
            }
        })
        .await
    }

    async fn checkpoint(&self, project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<(), DurableError> {
        let (seq, build) = (sql(pointer.seq), pointer.build.cast_signed());
        for (n, some) in chunks.chunks(CHUNKS_AT_ONCE).enumerate() {
            let (name, some) = (project.clone(), some.to_vec());
            let put = self.write(project, move |db| {
                let mut put = db.prepare_cached(PUT_CHUNK)?;
                for (n, chunk) in (n * CHUNKS_AT_ONCE..).zip(&some) {
                    put.execute(params![name.as_str(), seq, build, sql(n as u64), &chunk[..]])?;
                }
                Ok(())
            });
            put.await?;
        }
        let (name, body) = (project.clone(), layout::encode_pointer(pointer));
        let moved = self.write(project, move |db| {
            let moved = db.prepare_cached(MOVE_POINTER)?.execute(params![name.as_str(), seq, build, body])?;
            if moved > 0 {
                db.prepare_cached(KEEP_VERSION)?.execute(params![name.as_str(), seq, build, body])?;
            }
            Ok(())
        });
        moved.await?;
        self.sweep(project).await;
        Ok(())
    }

    async fn versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError> {
        let project = project.clone();
        self.read(move |db| {
            let found = rows(db, &project, VERSIONS, [project.as_str()], |row| row.get::<_, Vec<u8>>(0))?;
            found.iter().map(|body| layout::decode_pointer(&project, body)).collect()
        })
        .await
    }

    async fn forget(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError> {
        let (name, seq, build) = (project.clone(), sql(version.seq), version.build.cast_signed());
        let forgotten =
            self.write(project, move |db| db.prepare_cached(FORGET)?.execute(params![name.as_str(), seq, build]));
        forgotten.await?;
        self.sweep(project).await;
        Ok(())
    }

    async fn report(&self, report: &NodeReport) -> Result<Vec<NodeReport>, DurableError> {
        let report = *report;
        let stored = self.writer.write(move |db| open::report(db, report)).await;
        stored.map_err(|trouble| DurableError::Unavailable(trouble.why))
    }

    async fn deployment(&self, fresh: &str) -> Result<String, DurableError> {
        let fresh = fresh.to_owned();
        let name = self.writer.write(move |db| open::deployment(db, &fresh)).await;
        name.map_err(|trouble| DurableError::Unavailable(trouble.why))
    }

    async fn truncate(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError> {
        let mut removed = 0;
        loop {
            let name = project.clone();
            let some = self.write(project, move |db| {
                db.prepare_cached(TRUNCATE)?.execute(params![name.as_str(), sql(before_ms), ENTRIES_AT_ONCE])
            });
            match some.await? {
                0 => return Ok(removed),
                some => removed += some as u64,
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
        self.read(|db| {
            let names = || -> rusqlite::Result<Vec<String>> {
                db.prepare_cached(LIST)?.query_map([], |row| row.get(0))?.collect()
            };
            let names = names().map_err(|e| DurableError::Unavailable(Trouble::from(e).why))?;
            Ok(names.iter().filter_map(|name| named(name)).collect())
        })
        .await
    }
}

/// A stored project's id. One that is not an id was not written by us; nobody could open it either.
fn named(name: &str) -> Option<ProjectId> {
    ProjectId::parse(name)
        .inspect_err(|_| tracing::error!(name, "the database holds a project whose id is not one"))
        .ok()
}

#[cfg(test)]
mod tests;

//! The connections that only read.
//!
//! Owns how many there are and which are idle. Called by the store.

use super::super::DurableError;
use super::open;
use super::writer::Trouble;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Connections that read at the same time: more only queue for the same disk.
const READERS: usize = 4;

/// Connections for reading, opened when first needed.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()), permits: Arc::new(Semaphore::new(READERS)) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to use one of them; an error when the store is closed.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.permits.clone().acquire_owned().await
    }

    pub(super) fn take(&self) -> Result<Connection, DurableError> {
        if let Some(db) = self.lock().pop() {
            return Ok(db);
        }
        open::reading(&self.path).map_err(|e| DurableError::Unavailable(Trouble::from(e).why))
    }

    pub(super) fn give_back(&self, db: Connection) {
        self.lock().push(db);
    }

    /// Gives nobody any more.
    pub(super) fn close(&self) {
        self.permits.close();
        self.lock().clear();
    }
}

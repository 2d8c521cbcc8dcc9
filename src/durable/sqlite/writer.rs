//! The one thread that writes.
//!
//! Owns the writing connection and the transactions: everything that waits goes into one, and is answered after its COMMIT. Never
//! reads for anybody. Called by the store.

use super::super::DurableError;
use super::super::layout::corrupt;
use super::super::load::off_thread;
use crate::ids::ProjectId;
use rusqlite::{Connection, ErrorCode};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Writes that wait for the thread; whoever comes then waits before the queue. Also the most that one COMMIT carries.
const QUEUE: usize = 256;
/// A thread that has committed a moment ago leaves those who come together so long to come: a COMMIT costs about as much for one write as for twenty.
const GATHER: Duration = Duration::from_micros(500);
/// How long ago a moment is.
const BUSY: Duration = Duration::from_millis(10);

/// Why SQLite did not do something.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// Whether the file is damaged; else trying again may help.
    pub(super) corrupt: bool,
    /// A sentence about it.
    pub(super) why: String,
}

impl Trouble {
    /// The same, as what became of a project.
    pub(super) fn of(self, project: &ProjectId) -> DurableError {
        if self.corrupt { corrupt(project, "database file", self.why) } else { DurableError::Unavailable(self.why) }
    }

    fn closed() -> Self {
        Self { corrupt: false, why: "the database is closed".to_owned() }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let why = match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                format!("another process holds the database file too long: {error}")
            }
            Some(ErrorCode::DiskFull) => format!("the disk is full: {error}"),
            Some(ErrorCode::ReadOnly) => format!("the database file cannot be written: {error}"),
            _ => error.to_string(),
        };
        let corrupt = matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            || matches!(error, rusqlite::Error::InvalidColumnType(..));
        Self { corrupt, why }
    }
}

/// Tells a waiting caller what became of its write, once it is known whether the COMMIT held.
type Answer = Box<dyn FnOnce(Result<(), Trouble>) + Send>;
/// A write: gets the connection inside a transaction, or why there is none.
type Job = Box<dyn FnOnce(Result<&Connection, Trouble>) -> Answer + Send>;

/// The writing thread, from outside. It ends when this is dropped, after what it has accepted.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(db: Connection) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || run(&db, queue))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// One that refuses everything.
    pub(super) fn closed() -> Self {
        Self { jobs: Mutex::new(None), thread: Mutex::new(None) }
    }

    /// Runs `work` in the next transaction. When this returns, it is on disk, or it is not there, or, after an error of the COMMIT, that
    /// is not known. A failure of one write undoes no other.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.write_one(|db| apart(db, work)).await
    }

    /// The same for a single statement, which undoes itself when it fails.
    pub(super) async fn write_one<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |db| {
            let done = db.and_then(|db| work(db).map_err(Trouble::from));
            Box::new(move |committed| {
                // Nobody listens any more when the caller was cancelled; the write stands all the same.
                let _ = reply.send(committed.and(done));
            })
        });
        jobs.ok_or_else(Trouble::closed)?.send(job).await.map_err(|_| Trouble::closed())?;
        answer.await.map_err(|_| Trouble::closed())?
    }

    /// Takes no more writes and waits for those accepted.
    pub(super) async fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let ended = off_thread(move || thread.join()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::error!("the writing thread of the database did not end well");
            }
        }
    }
}

fn run(db: &Connection, mut queue: mpsc::Receiver<Job>) {
    let mut waiting = Vec::with_capacity(QUEUE);
    let mut committed: Option<Instant> = None;
    while queue.blocking_recv_many(&mut waiting, QUEUE) > 0 {
        if committed.is_some_and(|at| at.elapsed() < BUSY) {
            gather();
            while waiting.len() < QUEUE
                && let Ok(job) = queue.try_recv()
            {
                waiting.push(job);
            }
        }
        commit(db, waiting.drain(..));
        committed = Some(Instant::now());
    }
}

#[expect(clippy::disallowed_methods, reason = "the thread is no runtime's: nothing else waits for it")]
fn gather() {
    std::thread::sleep(GATHER);
}

/// One transaction for all jobs. IMMEDIATE, so that waiting for another process happens here and not in the middle.
fn commit(db: &Connection, jobs: impl Iterator<Item = Job>) {
    let begun = execute(db, "BEGIN IMMEDIATE").map_err(Trouble::from);
    let answers: Vec<Answer> = jobs.map(|job| job(begun.clone().and_then(|()| within(db)))).collect();
    let committed = if begun.is_ok() { execute(db, "COMMIT").map_err(Trouble::from) } else { Ok(()) };
    if committed.is_err()
        && !db.is_autocommit()
        && let Err(error) = execute(db, "ROLLBACK")
    {
        tracing::error!(%error, "a failed transaction could not be rolled back");
    }
    for answer in answers {
        answer(committed.clone());
    }
}

/// The connection, if its transaction still stands. SQLite gives one up by itself when the disk is full or fails; a write after that
/// would be committed by itself, although its caller is told that nothing was.
fn within(db: &Connection) -> Result<&Connection, Trouble> {
    if db.is_autocommit() {
        return Err(Trouble {
            corrupt: false,
            why: "the transaction was given up because of another write".to_owned(),
        });
    }
    Ok(db)
}

/// Runs one job so that its failure undoes its own work only.
fn apart<T>(db: &Connection, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    execute(db, "SAVEPOINT job")?;
    let done = work(db);
    if done.is_err() {
        // When SQLite has given up the whole transaction there is no savepoint any more; the COMMIT will say so.
        let _ = execute(db, "ROLLBACK TO job");
    }
    let released = execute(db, "RELEASE job");
    done.and_then(|value| released.map(|()| value))
}

fn execute(db: &Connection, statement: &str) -> rusqlite::Result<()> {
    db.prepare_cached(statement)?.execute([]).map(drop)
}

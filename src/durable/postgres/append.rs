//! Appending: everything that waits goes into one statement, so that projects share commits.
//!
//! Owns the fence and what is said when an answer did not come. Never sends an append twice: it is settled by reading its key. Called by
//! the store.

use super::super::{Appended, DurableError, Entry, layout};
use super::line::Line;
use super::trouble::{Kind, Trouble};
use super::{project_of, sql};
use crate::ids::ProjectId;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Appends that wait for a writer; whoever comes then waits before the queue.
const QUEUE: usize = 256;
/// Most appends of one statement.
const AT_ONCE: usize = 64;
/// Bytes after which a statement takes no more.
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;
/// How long a connection is waited for to learn what became of an append.
const SETTLE: Duration = Duration::from_secs(3);

/// `head` has one row for each project, with the last seq that an entry or a checkpoint reaches. Changing it is the fence: another session
/// that appends to the same project waits for the row, and then sees it as it is. In the order of the projects, so that two nodes never
/// wait for each other.
const APPEND: &str = "
    WITH asked AS (
        SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::bytea[])
            AS a (project, from_seq, to_seq, epoch, at_ms, body)),
    moved AS (
        INSERT INTO head (project, from_seq, to_seq)
        SELECT project, from_seq, to_seq FROM asked ORDER BY project COLLATE \"C\"
        ON CONFLICT (project) DO UPDATE SET from_seq = excluded.from_seq, to_seq = excluded.to_seq
        WHERE head.to_seq < excluded.from_seq
        RETURNING project)
    INSERT INTO log (project, from_seq, to_seq, epoch, at_ms, body)
    SELECT a.project, a.from_seq, a.to_seq, a.epoch, a.at_ms, a.body FROM asked a JOIN moved m ON m.project = a.project
    RETURNING project";
const STORED: &str = "SELECT body FROM log WHERE project = $1 AND from_seq = $2";

/// An entry that somebody wants stored.
#[derive(Debug)]
struct Asked {
    project: ProjectId,
    from: i64,
    to: i64,
    epoch: i64,
    at_ms: i64,
    body: Vec<u8>,
    reply: oneshot::Sender<Result<Appended, Trouble>>,
}

/// The writers, from outside. They end when this is dropped, after what they have accepted.
#[derive(Debug)]
pub(super) struct Appender {
    queues: Mutex<Vec<mpsc::Sender<Asked>>>,
    writers: Mutex<Vec<JoinHandle<()>>>,
}

impl Appender {
    /// One writer for each connection.
    pub(super) fn start(lines: &[Line]) -> Self {
        let (mut queues, mut writers) = (Vec::new(), Vec::new());
        for line in lines {
            let (queue, asked) = mpsc::channel(QUEUE);
            queues.push(queue);
            writers.push(tokio::spawn(write(line.clone(), asked)));
        }
        Self { queues: Mutex::new(queues), writers: Mutex::new(writers) }
    }

    pub(super) async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked {
            project: project.clone(),
            from: sql(entry.from),
            to: sql(entry.to()),
            epoch: sql(entry.epoch),
            at_ms: sql(entry.at_ms),
            body: layout::encode_entry(entry),
            reply,
        };
        let closed = || DurableError::Unavailable("the connection to Postgres is closed".to_owned());
        let queue = self.queue_of(project).ok_or_else(closed)?;
        queue.send(asked).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?.map_err(|trouble| trouble.of_project(project))
    }

    /// A project always has the same writer, so that its appends never meet on two connections.
    fn queue_of(&self, project: &ProjectId) -> Option<mpsc::Sender<Asked>> {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hasher = DefaultHasher::new();
        project.hash(&mut hasher);
        let n = hasher.finish().checked_rem(queues.len() as u64)?;
        queues.get(usize::try_from(n).ok()?).cloned()
    }

    /// Takes no more and waits for what was accepted.
    pub(super) async fn close(&self) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let writers = std::mem::take(&mut *self.writers.lock().unwrap_or_else(PoisonError::into_inner));
        for writer in writers {
            if writer.await.is_err() {
                tracing::error!("a writer of the durable store did not end well");
            }
        }
    }
}

async fn write(line: Line, mut queue: mpsc::Receiver<Asked>) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match queue.recv().await {
                Some(asked) => waiting.push_back(asked),
                None => return,
            }
        }
        while waiting.len() < QUEUE
            && let Ok(asked) = queue.try_recv()
        {
            waiting.push_back(asked);
        }
        store(&line, next(&mut waiting)).await;
    }
}

/// Takes what the next statement carries: of each project one, for a row can be changed once by a statement.
fn next(waiting: &mut VecDeque<Asked>) -> Vec<Asked> {
    let (mut some, mut rest, mut bytes) = (Vec::new(), VecDeque::new(), 0);
    let mut taken = HashSet::new();
    for asked in waiting.drain(..) {
        let fits = some.len() < AT_ONCE && (some.is_empty() || bytes + asked.body.len() <= BYTES_AT_ONCE);
        if taken.insert(asked.project.clone()) && fits {
            bytes += asked.body.len();
            some.push(asked);
        } else {
            rest.push_back(asked);
        }
    }
    *waiting = rest;
    some
}

/// Stores them and answers everybody.
async fn store(line: &Line, batch: Vec<Asked>) {
    let done = insert(line, &batch).await;
    match done {
        Ok(stored) => {
            for asked in batch {
                let appended = if stored.contains(&asked.project) { Appended::Stored } else { Appended::Conflict };
                answer(asked, Ok(appended));
            }
        }
        Err(Trouble { kind: Kind::Unknown, why, .. }) => settle(line, batch, &why).await,
        // What is wrong with one of them is no reason to refuse the others.
        Err(Trouble { reconnect: false, .. }) if batch.len() > 1 => {
            for asked in batch {
                Box::pin(store(line, vec![asked])).await;
            }
        }
        Err(trouble) => {
            for asked in batch {
                answer(asked, if trouble.kind == Kind::Taken { Ok(Appended::Conflict) } else { Err(trouble.clone()) });
            }
        }
    }
}

async fn insert(line: &Line, batch: &[Asked]) -> Result<HashSet<ProjectId>, Trouble> {
    let wire = line.wire().await?;
    let numbers = |of: fn(&Asked) -> i64| batch.iter().map(of).collect::<Vec<i64>>();
    let projects: Vec<&str> = batch.iter().map(|asked| asked.project.as_str()).collect();
    let bodies: Vec<&[u8]> = batch.iter().map(|asked| &asked.body[..]).collect();
    let rows = wire
        .query(
            APPEND,
            &[
                &projects,
                &numbers(|asked| asked.from),
                &numbers(|asked| asked.to),
                &numbers(|asked| asked.epoch),
                &numbers(|asked| asked.at_ms),
                &bodies,
            ],
        )
        .await?;
    Ok(rows.iter().filter_map(project_of).collect())
}

/// Looks what became of appends whose answer did not come. What is not there may still come to be there: a server that we do not reach may
/// be about to commit it.
async fn settle(line: &Line, batch: Vec<Asked>, why: &str) {
    let wire = line.wire_within(SETTLE).await;
    for asked in batch {
        let unknown = || Trouble::unknown(format!("{why}; whether the entry was stored is not known yet"));
        let found = match &wire {
            Ok(wire) => wire.query(STORED, &[&asked.project.as_str(), &asked.from]).await,
            Err(_) => Err(unknown()),
        };
        let settled = match found {
            Ok(rows) => match rows.first().map(|row| row.get::<_, &[u8]>(0) == asked.body) {
                Some(true) => Ok(Appended::Stored),
                Some(false) => Ok(Appended::Conflict),
                None => Err(unknown()),
            },
            Err(_) => Err(unknown()),
        };
        answer(asked, settled);
    }
}

fn answer(asked: Asked, settled: Result<Appended, Trouble>) {
    // Nobody listens any more when the caller was cancelled; what is stored stands all the same.
    let _ = asked.reply.send(settled);
}

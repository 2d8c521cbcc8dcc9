//! Reading a project from the durable store, and asking for no more than its tail.
//!
//! Owns the check that what is stored is one history: no hole, every entry linked to the one before, epochs that never fall. Never
//! repairs and never guesses: what does not fit is [`DurableError::Corrupt`] and names the item. Called by the opening of a room, by
//! autosave, by heal and by `checkpoint`.

mod assemble;
mod tail;

pub use tail::Tail;

use super::layout;
use super::{ClientRecord, DurableError, DurableStore, Entry, Pointer};
use crate::ids::{Author, Position, ProjectId, Seq};
use crate::mechanism::{Mechanism, on};
use crate::project::canvas::Canvas;
use crate::protocol::commit::Commit;
use assemble::Parts;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};

/// Most commits that [`Loaded::recent`] holds.
pub const RECENT_COMMITS: usize = 4_096;
/// How often a load begins again because the checkpoint moved; each time means that a whole checkpoint was made meanwhile.
const TRIES: usize = 8;
/// More bytes than this are decoded off the async threads: about a millisecond's work.
pub(super) const INLINE_BYTES: usize = 256 * 1024;

/// A project as the durable store has it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Where the log ends; [`Position::START`] when nothing is stored.
    pub position: Position,
    /// Whether its epoch is sequenced on the durable store itself.
    pub direct: bool,
    /// Seq at which the last entry starts; 0 as in [`Tail::entry`].
    pub entry: Seq,
    /// The state there.
    pub canvas: Canvas,
    /// The last batch of each client.
    pub clients: HashMap<Author, ClientRecord>,
    /// The newest commits, without holes up to `position`, at most [`RECENT_COMMITS`]: for deltas.
    pub recent: VecDeque<(Seq, Commit)>,
    /// Size of the commits after the checkpoint before compression, in bytes, about.
    pub log_bytes: u64,
    /// Seq of the checkpoint; 0 when there is none.
    pub checkpoint_seq: Seq,
    /// Size of the state in bytes, about.
    pub state_bytes: u64,
}

impl Loaded {
    /// A project without anything, whose log ends here.
    pub(super) fn nothing(tail: &Tail) -> Self {
        Self {
            position: tail.position,
            direct: tail.direct,
            entry: tail.entry,
            canvas: Canvas::new(),
            clients: HashMap::new(),
            recent: VecDeque::new(),
            log_bytes: 0,
            checkpoint_seq: 0,
            state_bytes: 0,
        }
    }

    /// Where the log ends, as [`tail()`] and [`since`] take it.
    #[must_use]
    pub fn tail(&self) -> Tail {
        Tail { position: self.position, direct: self.direct, entry: self.entry }
    }
}

/// Reads a project. One that has nothing stored is empty at [`Position::START`]: that is a fact, not an error.
///
/// # Errors
/// [`DurableError::Corrupt`] when what is stored is not one whole history; [`DurableError::Unavailable`], also when the checkpoint
/// moved again and again meanwhile; [`DurableError::NewerFormat`].
pub async fn load(store: &dyn DurableStore, project: &ProjectId) -> Result<Loaded, DurableError> {
    let mut reading = Reading::begin(store, project).await?;
    loop {
        let answer = attempt(store, project, reading.pointer.as_ref()).await;
        if let Some(loaded) = reading.settle(answer).await? {
            return Ok(loaded);
        }
    }
}

async fn attempt(
    store: &dyn DurableStore,
    project: &ProjectId,
    pointer: Option<&Pointer>,
) -> Result<Loaded, DurableError> {
    let chunks = match pointer {
        Some(pointer) => store.chunks(project, pointer).await?,
        None => Vec::new(),
    };
    let parts = Parts {
        project: project.clone(),
        entries: store.entries(project, first_seq(pointer)).await?,
        pointer: pointer.cloned(),
        chunks,
    };
    if parts.bytes() <= INLINE_BYTES {
        return parts.assemble();
    }
    off_thread(move || parts.assemble()).await?
}

/// Where the log ends, given what was known of it before: one read, of the last entry, as long as nobody else has appended.
///
/// It may answer a lower seq than `known`: then the store has been restored from an older copy.
///
/// # Errors
/// As [`load`].
pub async fn tail(store: &dyn DurableStore, project: &ProjectId, known: &Tail) -> Result<Tail, DurableError> {
    // Of a project that nothing is known of, the first entry is no better to begin with than the pointer.
    if *known != Tail::START
        && let Some((_, tail)) = since(store, project, known).await?
    {
        return Ok(tail);
    }
    Ok(whole_tail(store, project).await?.0)
}

/// Where the log ends, when nothing is known of it, and its size since the checkpoint before compression, in bytes, about.
///
/// # Errors
/// As [`load`].
pub async fn whole_tail(store: &dyn DurableStore, project: &ProjectId) -> Result<(Tail, u64), DurableError> {
    let mut reading = Reading::begin(store, project).await?;
    loop {
        let entries = store.entries(project, first_seq(reading.pointer.as_ref())).await;
        let mut tail = reading.pointer.as_ref().map_or(Tail::START, Tail::of_pointer);
        let answer = entries.and_then(|entries| {
            let (first, inside) = follow(project, &mut tail, &entries)?;
            let after = entries[first..].iter().flat_map(|entry| &entry.commits).skip(inside);
            Ok((tail, after.map(|commit| layout::weight(commit) as u64).sum()))
        });
        if let Some(read) = reading.settle(answer).await? {
            return Ok(read);
        }
    }
}

/// The entries after a known tail, and the tail now. `None` when the store does not have the entry that ended at `known`, or not as it
/// was known: it, or what came after it, has been truncated, or the store was restored from an older copy. Only [`load`] helps then.
///
/// # Errors
/// As [`load`].
pub async fn since(
    store: &dyn DurableStore,
    project: &ProjectId,
    known: &Tail,
) -> Result<Option<(Vec<Entry>, Tail)>, DurableError> {
    let mut entries;
    if known.entry > 0 {
        entries = store.entries(project, known.entry).await?;
        let same =
            |e: &Entry| e.from == known.entry && e.to() == known.position.seq && e.last_id() == known.position.id;
        if !entries.first().is_some_and(same) {
            return Ok(None);
        }
        entries.remove(0);
    } else {
        entries = store.entries(project, known.position.seq + 1).await?;
        // Read after the entries: while it stands there, none of them has been truncated.
        let pointer = store.pointer(project).await?;
        if pointer.as_ref().map_or(Tail::START, Tail::of_pointer) != *known {
            return Ok(None);
        }
    }
    let mut tail = *known;
    // What does not link may only have been truncated in between; a load tells that from damage.
    let linked = entries.iter().all(|entry| tail.advance(project, entry, 0).is_ok());
    Ok(linked.then_some((entries, tail)))
}

/// Seq from which on the log is read.
fn first_seq(pointer: Option<&Pointer>) -> Seq {
    pointer.map_or(1, |p| p.recent)
}

/// The project that a checkpoint, or nothing, and these entries make. CPU only.
pub(super) fn rebuild(
    project: &ProjectId,
    checkpoint: Option<(Pointer, Vec<Bytes>)>,
    entries: Vec<Entry>,
) -> Result<Loaded, DurableError> {
    let (pointer, chunks) = checkpoint.unzip();
    Parts { project: project.clone(), pointer, chunks: chunks.unwrap_or_default(), entries }.assemble()
}

/// A reading of several items, which is believed, errors included, only if the pointer is still the same afterwards.
pub(super) struct Reading<'a> {
    store: &'a dyn DurableStore,
    project: &'a ProjectId,
    pub(super) pointer: Option<Pointer>,
    tries: usize,
}

impl<'a> Reading<'a> {
    pub(super) async fn begin(store: &'a dyn DurableStore, project: &'a ProjectId) -> Result<Self, DurableError> {
        Ok(Self { store, project, pointer: store.pointer(project).await?, tries: TRIES })
    }

    /// The answer if it may be believed; `None` when it must be read again.
    pub(super) async fn settle<T>(&mut self, answer: Result<T, DurableError>) -> Result<Option<T>, DurableError> {
        if let Err(DurableError::Unavailable(_) | DurableError::NewerFormat { .. }) = answer {
            return answer.map(Some);
        }
        let now = self.store.pointer(self.project).await?;
        if now == self.pointer || !on(Mechanism::Reptr) {
            return answer.map(Some);
        }
        self.pointer = now;
        self.tries -= 1;
        if self.tries > 0 {
            return Ok(None);
        }
        Err(DurableError::Unavailable(format!(
            "the checkpoint of project {} moved {TRIES} times while it was read",
            self.project
        )))
    }
}

/// Runs CPU-heavy work where it does not hold up the async threads.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DurableError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => Ok(value),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(DurableError::Unavailable("this node is shutting down".to_owned())),
        },
    }
}

/// Follows the log from `tail` on. Returns the index of the first entry that is not wholly behind it, and how many of that entry's
/// commits are.
fn follow(project: &ProjectId, tail: &mut Tail, entries: &[Entry]) -> Result<(usize, usize), DurableError> {
    let start = tail.position.seq;
    let first = entries.partition_point(|e| e.to() <= start);
    if let Some(last) = first.checked_sub(1).map(|i| &entries[i])
        && last.to() == start
        && last.last_id() == tail.position.id
    {
        tail.entry = last.from;
    }
    let mut inside = 0;
    for (n, entry) in entries[first..].iter().enumerate() {
        let skip =
            if n == 0 { usize::try_from((start + 1).saturating_sub(entry.from)).unwrap_or(usize::MAX) } else { 0 };
        inside = inside.max(skip);
        tail.advance(project, entry, skip)?;
    }
    Ok((first, inside))
}

//! Saves one project until nothing is left to save.

use crate::clock;
use crate::durable::checkpoint::{LOG_BYTES, Look};
use crate::durable::coalesce::{Coalesced, coalesce};
use crate::durable::load::{Tail, off_thread, tail, whole_tail};
use crate::durable::{Appended, DurableError, DurableStore, ENTRY_BYTES, Entry, layout};
use crate::hot::{HotError, HotStore};
use crate::ids::{Epoch, Position, ProjectId};
use crate::mechanism::{Mechanism, on};
use crate::metrics;
use crate::recovery::lineage::{Begun, Both, heal};
use crate::recovery::tail::{Step, step};
use dashmap::DashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a tail that was read or written here is believed without reading it again. Entries are truncated a day after they are covered at the
/// earliest, so that nobody can have written and removed an entry in this time.
const TAIL_BELIEVED: Duration = Duration::from_secs(60);
/// How long a node that has died keeps others from saving in its place.
const CLAIM: Duration = Duration::from_secs(3);
/// Entries that one run of a saver appends at most: then others have their turn, a checkpoint among them.
const RUN_ENTRIES: u32 = 64;
/// Tails that are remembered; of more, those that are believed no longer are forgotten.
const TAILS: usize = 4_096;
/// Larger entries are coalesced off the async threads: about a millisecond's work.
const INLINE_BYTES: usize = 64 * 1024;

/// What is known of the durable tails of projects that were saved lately.
pub(super) type Tails = Arc<DashMap<ProjectId, Known>>;

/// A tail and when it was learnt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    tail: Tail,
    at: Instant,
    /// Whether nothing has happened since that makes it doubtful.
    is_believed: bool,
    /// Bytes in the log since the last checkpoint, as far as this node has seen them.
    bytes: u64,
    /// With so many it is time to look whether a checkpoint is due. A look reads the whole project, so that each that finds none doubles it.
    look_at: u64,
}

/// How a run of a saver has ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// All that was there is durable, or enough for one run.
    Saved,
    /// The same, and so much was written that a checkpoint may be due.
    LookForCheckpoint,
    /// Another node does it.
    SavedElsewhere,
    /// It could not be saved, or not all of it.
    Failed(DurableError),
}

/// Saves one project.
pub(super) struct Saver {
    pub(super) project: ProjectId,
    /// Not to be left to another node.
    pub(super) urgent: bool,
    pub(super) hot: Arc<dyn HotStore>,
    pub(super) durable: Arc<dyn DurableStore>,
    pub(super) tails: Tails,
}

impl Saver {
    /// Saves what there is, once.
    pub(super) async fn run(self) -> Ended {
        let saved = match self.hot.claim(&self.project, CLAIM).await {
            Ok(false) if !self.urgent => return Ended::SavedElsewhere,
            Ok(claimed) => self.save_with(claimed).await,
            // A store that takes no writes can still be read, and what it has is all the more worth saving.
            Err(HotError::Refused(_)) => self.save_with(false).await,
            Err(error) => Err(unavailable(error)),
        };
        match saved {
            Ok(()) if self.look() => Ended::LookForCheckpoint,
            Ok(()) => Ended::Saved,
            Err(error) => {
                metrics::save_failed();
                self.doubt();
                Ended::Failed(error)
            }
        }
    }

    /// Saves, and gives a claim back. One that is not given back ends by itself.
    async fn save_with(&self, claimed: bool) -> Result<(), DurableError> {
        let saved = self.save().await;
        if claimed {
            let _ = self.hot.claim(&self.project, Duration::ZERO).await;
        }
        saved
    }

    /// Appends all that the hot store has above the durable tail.
    async fn save(&self) -> Result<(), DurableError> {
        let mut read = None;
        for _ in 0..RUN_ENTRIES {
            let (tail, is_fresh) = match read.take() {
                Some(tail) => (tail, true),
                None => self.tail().await?,
            };
            let (seq, bytes) = (tail.position.seq, ENTRY_BYTES);
            let log = if is_fresh {
                self.hot.log_after(&self.project, seq, bytes).await
            } else {
                self.hot.unsaved_after(&self.project, seq, bytes).await
            };
            let Some(log) = log.map_err(unavailable)? else { return Ok(()) };
            // What others have saved meanwhile is as far as the watermark. Only what was read just now cannot be behind it: then something is wrong.
            let from = if is_fresh { tail.position } else { log.unsaved_from(tail.position) };
            let next = match step(from, &log, clock::now_ms()) {
                // An append would find out if that is not so. Where there is none, the durable log is asked.
                Step::Mark(position) if position != tail.position => Step::Again,
                next => next,
            };
            match next {
                Step::Mark(position) => return self.mark(position).await,
                Step::Append(entry) => {
                    if let Some(position) = self.append(entry).await? {
                        self.mark(position).await?;
                        if position.seq == log.position.seq {
                            // What came meanwhile has marked the project again.
                            return Ok(());
                        }
                    }
                }
                Step::Again => {
                    self.doubt();
                    let (fresh, _) = self.tail().await?;
                    if is_fresh && fresh == tail {
                        return Err(DurableError::Unavailable("its log ends before the hot one begins".to_owned()));
                    }
                    read = Some(fresh);
                }
                Step::Ended if !on(Mechanism::Finish) => return Ok(()),
                Step::Ended => {
                    metrics::fenced();
                    tracing::warn!(project = %self.project, "the durable log has a newer lineage");
                    return self.heal(log.position.epoch).await;
                }
                Step::Forked => {
                    tracing::warn!(project = %self.project, "the hot state came back from an old copy");
                    return self.heal(log.position.epoch).await;
                }
            }
        }
        // Still dirty: the next run goes on.
        Ok(())
    }

    /// Appends an entry. Returns where the log ends then; `None` when there is another in its place: somebody else's, or this one, answered late. The tail
    /// tells.
    async fn append(&self, entry: Entry) -> Result<Option<Position>, DurableError> {
        let position = Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() };
        let tail = Tail { position, direct: entry.direct, entry: entry.from };
        let Coalesced { entry, objects, left_out } = if weight(&entry) <= INLINE_BYTES as u64 {
            coalesce(entry)
        } else {
            off_thread(move || coalesce(entry)).await?
        };
        let started = Instant::now();
        match self.durable.append(&self.project, &entry).await? {
            Appended::Stored => {
                let bytes = weight(&entry);
                metrics::saved(started.elapsed(), entry.commits.len() as u64, objects, bytes, left_out);
                self.know(tail, bytes);
                Ok(Some(position))
            }
            Appended::Conflict => {
                metrics::save_conflict();
                self.doubt();
                Ok(None)
            }
        }
    }

    /// Tells the hot store how far it is. One that takes no writes is told another time.
    async fn mark(&self, position: Position) -> Result<(), DurableError> {
        match self.hot.mark_saved(&self.project, position).await {
            Ok(_) | Err(HotError::Refused(_)) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Begins a new lineage, with what the hot one, `epoch` or older, has beyond the durable log. Rooms hear of it and propose what only they have.
    async fn heal(&self, epoch: Epoch) -> Result<(), DurableError> {
        self.tails.remove(&self.project);
        let both = Both { hot: self.hot.clone(), durable: self.durable.clone() };
        match heal(&self.project, &both, epoch, &[]).await {
            Begun::Yes(_) => Ok(()),
            // Whoever deleted it may not have come so far.
            Begun::Deleted => self.hot.erase(&self.project).await.map_err(unavailable),
            Begun::NotNow(why) | Begun::Sealed(_, why) => Err(DurableError::Unavailable(why)),
        }
    }

    /// Where the durable log ends, and whether that was read just now.
    async fn tail(&self) -> Result<(Tail, bool), DurableError> {
        let known = self.tails.get(&self.project).map(|known| *known);
        let (tail, bytes) = match known {
            Some(known) if known.is_believed && known.at.elapsed() < TAIL_BELIEVED => return Ok((known.tail, false)),
            Some(known) => (tail(&*self.durable, &self.project, &known.tail).await?, 0),
            // What others have written counts, too, or a log that many nodes write would outgrow every bound.
            None => whole_tail(&*self.durable, &self.project).await?,
        };
        self.know(tail, bytes);
        Ok((tail, true))
    }

    fn know(&self, tail: Tail, bytes: u64) {
        let fresh = Known { tail, at: Instant::now(), is_believed: true, bytes: 0, look_at: LOG_BYTES };
        let mut known = self.tails.entry(self.project.clone()).or_insert(fresh);
        *known = Known { tail, at: Instant::now(), is_believed: true, bytes: known.bytes + bytes, ..*known };
    }

    /// The tail that is known may be wrong: it is read before the next use.
    fn doubt(&self) {
        if let Some(mut known) = self.tails.get_mut(&self.project) {
            known.is_believed = false;
        }
    }

    /// Whether it is time to look if a checkpoint is due.
    fn look(&self) -> bool {
        if self.tails.len() > TAILS {
            self.tails.retain(|_, known| known.at.elapsed() < TAIL_BELIEVED);
        }
        let Some(mut known) = self.tails.get_mut(&self.project) else { return false };
        let look = known.bytes >= known.look_at;
        if look {
            known.look_at *= 2;
        }
        look
    }
}

/// Size of an entry before compression, in bytes, about.
fn weight(entry: &Entry) -> u64 {
    entry.commits.iter().map(|commit| layout::weight(commit) as u64).sum()
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn unavailable(error: HotError) -> DurableError {
    DurableError::Unavailable(error.to_string())
}

/// Bytes in the log since the last checkpoint, as far as this node has seen them.
pub(super) fn logged(tails: &Tails, project: &ProjectId) -> u64 {
    tails.get(project).map_or(0, |known| known.bytes)
}

/// The log was looked at, at a time when `before` bytes of it were known. The next look is worth while when it may have outgrown the state.
pub(super) fn looked_at(tails: &Tails, project: &ProjectId, before: u64, look: &Look) {
    if let Some(mut known) = tails.get_mut(project) {
        known.bytes = known.bytes.saturating_sub(before) + look.log_bytes;
        known.look_at = look.state_bytes.max(LOG_BYTES);
    }
}

//! Saves one project until nothing is left to save.

use crate::clock;
use crate::durable::load::{Tail, tail};
use crate::durable::{Appended, DurableError, DurableStore};
use crate::hot::HotStore;
use crate::ids::{Position, ProjectId};
use crate::metrics;
use crate::recovery::tail::{Step, step};
use dashmap::DashMap;
use rand::RngExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a tail that was read or written here is believed without reading it again. Entries are truncated a day after they are covered at the
/// earliest, so that nobody can have written and removed an entry in this time.
const TAIL_BELIEVED: Duration = Duration::from_secs(60);
/// First pause after the store did not answer.
const RETRY_FROM: Duration = Duration::from_millis(100);
/// Longest pause.
const RETRY_TO: Duration = Duration::from_secs(5);
/// Entries that are appended between two looks at whether a checkpoint is due.
const CHECKPOINT_LOOK: u32 = 64;

/// What is known of the durable tails of projects that were saved lately.
pub(super) type Tails = Arc<DashMap<ProjectId, Known>>;

/// A tail and when it was learnt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    tail: Tail,
    at: Instant,
    /// Entries appended since the last look at whether a checkpoint is due.
    appended: u32,
}

/// Saves one project.
pub(super) struct Saver {
    pub(super) project: ProjectId,
    pub(super) hot: Arc<dyn HotStore>,
    pub(super) durable: Arc<dyn DurableStore>,
    pub(super) tails: Tails,
}

impl Saver {
    /// Runs until the project is saved, however long the store is away. Returns whether it is time to look if a checkpoint is due.
    pub(super) async fn run(self) -> bool {
        let mut pause = RETRY_FROM;
        loop {
            match self.save().await {
                Ok(()) => return self.look(),
                Err(error) => {
                    metrics::save_failed();
                    tracing::warn!(project = %self.project, %error, ?pause, "saving failed and is tried again");
                    self.tails.remove(&self.project);
                    let jitter = rand::rng().random_range(0.5..1.0);
                    tokio::time::sleep(pause.mul_f64(jitter)).await;
                    pause = (pause * 2).min(RETRY_TO);
                }
            }
        }
    }

    /// Appends all that the hot store has above the durable tail.
    async fn save(&self) -> Result<(), DurableError> {
        let unavailable = |error: crate::hot::HotError| DurableError::Unavailable(error.to_string());
        loop {
            let tail = self.tail().await?;
            let Some(log) = self.hot.log_after(&self.project, tail.position.seq).await.map_err(unavailable)? else {
                return Ok(());
            };
            match step(tail.position, &log, clock::now_ms()) {
                Step::Mark(position) => {
                    self.hot.mark_saved(&self.project, position).await.map_err(unavailable)?;
                    return Ok(());
                }
                Step::Append(entry) => {
                    let started = Instant::now();
                    let position = Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() };
                    let tail = Tail { position, direct: entry.direct, entry: entry.from };
                    match self.durable.append(&self.project, &entry).await? {
                        Appended::Stored => {
                            metrics::saved(started.elapsed(), entry.commits.len());
                            self.know(tail, true);
                            self.hot.mark_saved(&self.project, position).await.map_err(unavailable)?;
                        }
                        // Somebody else's, or ours that was answered late: the tail tells.
                        Appended::Conflict => {
                            metrics::save_conflict();
                            self.tails.remove(&self.project);
                        }
                    }
                }
                Step::Again => {
                    self.tails.remove(&self.project);
                    let fresh = self.tail().await?;
                    if fresh == tail {
                        return Err(DurableError::Unavailable("its log ends before the hot one begins".to_owned()));
                    }
                }
                Step::Ended => {
                    tracing::warn!(project = %self.project, "another node has taken the project over");
                    self.tails.remove(&self.project);
                    return self.hot.discard(&self.project, log.position.epoch).await.map_err(unavailable);
                }
            }
        }
    }

    async fn tail(&self) -> Result<Tail, DurableError> {
        let known = self.tails.get(&self.project).map(|known| *known);
        if let Some(known) = known.filter(|known| known.at.elapsed() < TAIL_BELIEVED) {
            return Ok(known.tail);
        }
        let tail = tail(&*self.durable, &self.project, &known.map_or(Tail::START, |known| known.tail)).await?;
        self.know(tail, false);
        Ok(tail)
    }

    fn know(&self, tail: Tail, appended: bool) {
        let mut known =
            self.tails.entry(self.project.clone()).or_insert(Known { tail, at: Instant::now(), appended: 0 });
        known.tail = tail;
        known.at = Instant::now();
        known.appended += u32::from(appended);
    }

    /// Whether it is time to look if a checkpoint is due.
    fn look(&self) -> bool {
        let Some(mut known) = self.tails.get_mut(&self.project) else {
            return false;
        };
        let look = known.appended >= CHECKPOINT_LOOK;
        if look {
            known.appended = 0;
        }
        look
    }
}

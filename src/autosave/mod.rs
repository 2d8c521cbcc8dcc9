//! Autosave: brings what the hot store accepted into the durable store, and tells how far it is.
//!
//! Owns the way from the dirty mark to the watermark, and checkpoints. Needs no room: it saves what any node left behind. Never
//! decides whose history is right; `recovery` does. Started by `app`.

mod agenda;
mod jobs;
mod saver;

use crate::chance;
use crate::clock;
use crate::durable::checkpoint::checkpoint_if_due;
use crate::durable::{DurableError, DurableStore};
use crate::hot::{Dirty, HotError, HotStore};
use crate::ids::ProjectId;
use crate::metrics;
use agenda::{Agenda, Trouble, Turn};
use jobs::Jobs;
use rand::RngExt as _;
use saver::{Ended, Saver, Tails, logged, looked_at};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Projects that are saved at the same time. A save takes the durable store's answer, 5 to 10 ms, and three of the hot store's: so many make some
/// 20,000 saves a second, ten times what a node's projects can need, and are no more than so many requests in flight. Stores that want fewer queue them.
const SAVERS: usize = 256;
/// Checkpoints that are made at the same time: each holds a whole project, of the size that limits allow, twice.
const CHECKPOINTS: usize = 2;
/// The least that is left between two looks at what is dirty.
const GLANCE: Duration = Duration::from_millis(5);
/// How often the age of what is unsaved is told.
const TELL: Duration = Duration::from_secs(1);

/// When projects are saved.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// So long after the first unsaved commit, less up to a fifth at random, unless somebody wants it durable at once.
    pub after: Duration,
    /// How often to look for what other nodes have left unsaved; `None` when there are no others.
    pub scan: Option<Duration>,
}

impl Pace {
    /// At once, and there are no others: for a hot store that dies with its node.
    pub const AT_ONCE: Self = Self { after: Duration::ZERO, scan: None };
    /// For a hot store that nodes share.
    pub const SHARED: Self = Self { after: Duration::from_millis(400), scan: Some(Duration::from_secs(5)) };

    /// How long to leave between two looks at what is dirty. With thousands of commits a second, not after each: a COMMIT costs about as much for one
    /// entry as for twenty. What comes alone does not wait.
    fn glance(self) -> Duration {
        (self.after / 50).max(GLANCE)
    }
}

/// Saves every dirty project until dropped.
pub struct Autosave {
    hot: Arc<dyn HotStore>,
    durable: Arc<dyn DurableStore>,
    /// How long history is kept.
    history: Duration,
    pace: Pace,
    agenda: Agenda,
    savers: Jobs<Ended>,
    checkpoints: Jobs<()>,
    /// The question what any node has left, one at a time.
    scans: JoinSet<Result<Vec<Dirty>, HotError>>,
    tails: Tails,
}

impl Autosave {
    /// An autosave between these two stores, which keeps history for so long.
    #[must_use]
    pub fn new(hot: Arc<dyn HotStore>, durable: Arc<dyn DurableStore>, history: Duration, pace: Pace) -> Self {
        Self {
            hot,
            durable,
            history,
            pace,
            agenda: Agenda::new(pace, chance::rng().random()),
            savers: Jobs::new(SAVERS),
            checkpoints: Jobs::new(CHECKPOINTS),
            scans: JoinSet::new(),
            tails: Tails::default(),
        }
    }

    /// Runs for ever.
    pub async fn run(mut self) {
        let mut scan_at = self.pace.scan.map(|_| Instant::now());
        let (mut looked, mut look_at) = (Instant::now(), Some(Instant::now()));
        let mut tell_at = Instant::now();
        loop {
            let now = Instant::now();
            if scan_at.is_some_and(|at| at <= now) {
                scan_at = self.pace.scan.map(|every| now + jittered(every));
                self.scan();
            }
            if look_at.is_some_and(|at| at <= now) {
                (looked, look_at) = (now, None);
                self.look().await;
            }
            self.start_due();
            if tell_at <= now {
                tell_at = now + TELL;
                metrics::unsaved(self.agenda.oldest(now), self.agenda.damaged());
            }
            let hot = self.hot.clone();
            // What is due and cannot be started yet is started when a job has ended.
            let due = self.agenda.next().filter(|_| !self.savers.is_full());
            let next = due.into_iter().chain(scan_at).chain(look_at).fold(tell_at, Instant::min);
            // In this order: none of them comes so often that it keeps the others from their turn, and a simulated world stays repeatable.
            tokio::select! {
                biased;
                Some((project, ended)) = self.savers.ended() => {
                    self.ended(&project, ended);
                    look_at = Some(looked + self.pace.glance());
                }
                Some(_) = self.checkpoints.ended() => {}
                Some(Ok(left)) = self.scans.join_next() => match left {
                    Ok(left) => self.agenda.adopt(Instant::now(), left),
                    Err(error) => tracing::warn!(%error, "autosave cannot read what other nodes have left"),
                },
                () = hot.dirtied(), if look_at.is_none() => look_at = Some(looked + self.pace.glance()),
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    /// Notes what this node has left unsaved.
    async fn look(&mut self) {
        match self.hot.dirty(false).await {
            Ok(dirty) => self.agenda.note(Instant::now(), dirty),
            Err(error) => tracing::warn!(%error, "autosave cannot read what is dirty"),
        }
    }

    /// Asks what any node has left unsaved. Whoever changed it saves it, as a rule, while this goes on saving other projects.
    fn scan(&mut self) {
        if self.scans.is_empty() {
            let hot = self.hot.clone();
            self.scans.spawn(async move { hot.dirty(true).await });
        }
    }

    /// Starts savers for projects that are due, as many as may run.
    fn start_due(&mut self) {
        while !self.savers.is_full() {
            let Some(Turn { project, urgent }) = self.agenda.take(Instant::now()) else { return };
            let (hot, durable, tails) = (self.hot.clone(), self.durable.clone(), self.tails.clone());
            self.savers.start(&project, |project| Saver { project, urgent, hot, durable, tails }.run());
        }
    }

    fn ended(&mut self, project: &ProjectId, ended: Option<Ended>) {
        let now = Instant::now();
        let (trouble, error) = match ended {
            Some(Ended::Saved) => return self.agenda.ended(now, project, None),
            Some(Ended::LookForCheckpoint) => {
                self.start_checkpoint(project);
                return self.agenda.ended(now, project, None);
            }
            Some(Ended::SavedElsewhere) => return self.agenda.ended(now, project, Some(Trouble::Elsewhere)),
            Some(Ended::Failed(error @ DurableError::Unavailable(_))) => (Trouble::Unavailable, error.to_string()),
            Some(Ended::Failed(error)) => (Trouble::Damaged, error.to_string()),
            None => (Trouble::Unavailable, "the saver has panicked".to_owned()),
        };
        self.agenda.ended(now, project, Some(trouble));
        let tries = self.agenda.tries(project);
        // Less and less often: a store that is away fails every project every few seconds.
        if tries & (tries + 1) == 0 {
            match trouble {
                Trouble::Damaged => {
                    tracing::error!(%project, error, tries, "the project cannot be saved until what is stored of it is repaired");
                }
                _ => tracing::warn!(%project, error, tries, "saving failed and is tried again"),
            }
        }
    }

    fn start_checkpoint(&mut self, project: &ProjectId) {
        let (durable, history, tails) = (self.durable.clone(), self.history, self.tails.clone());
        self.checkpoints.start(project, |project| async move {
            let history = u64::try_from(history.as_millis()).unwrap_or(u64::MAX);
            let (build, before) = (chance::rng().random(), logged(&tails, &project));
            match checkpoint_if_due(&*durable, &project, clock::now_ms(), history, build).await {
                Ok(look) => {
                    looked_at(&tails, &project, before, &look);
                    if let Some(seq) = look.made {
                        metrics::checkpoint(look.written);
                        tracing::info!(%project, seq, bytes = look.written, "checkpoint written");
                    }
                }
                // What is saved stays saved; the next look, when the log is twice as long, tries again.
                Err(error) => {
                    metrics::checkpoint_failed();
                    tracing::warn!(%project, %error, "no checkpoint could be written");
                }
            }
        });
    }
}

/// A duration less up to a fifth of it, so that nodes and projects do not do everything at the same time.
fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(chance::rng().random_range(0.8..1.0))
}

#[cfg(test)]
mod tests;

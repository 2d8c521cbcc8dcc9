//! Autosave: brings what the hot store accepted into the durable store, and tells how far it is.
//!
//! Owns the way from the dirty mark to the watermark, and checkpoints. Needs no room: it saves what any node left behind. Never
//! decides whose history is right; `recovery` does. Started by `app`.

mod jobs;
mod saver;

use crate::clock;
use crate::durable::DurableStore;
use crate::durable::checkpoint::checkpoint_if_due;
use crate::hot::HotStore;
use crate::ids::ProjectId;
use jobs::Jobs;
use rand::RngExt as _;
use saver::{Ended, Saver, Tails, checkpointed};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Projects that are saved at the same time. The store's writer commits once for all of them.
const SAVERS: usize = 256;
/// Checkpoints that are made at the same time: each reads and writes a whole project.
const CHECKPOINTS: usize = 2;

/// When to look again at a project that another node is saving.
const ELSEWHERE: Duration = Duration::from_millis(250);

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
    pub const SHARED: Self = Self { after: Duration::from_millis(500), scan: Some(Duration::from_secs(5)) };
}

/// A project that is known to be dirty.
#[derive(Debug, Clone, Copy)]
struct Due {
    /// When it is to be saved.
    at: Instant,
    /// Somebody wants it durable at once, whoever else is at it.
    urgent: bool,
}

impl Due {
    fn after(pause: Duration) -> Self {
        Self { at: Instant::now() + jittered(pause), urgent: false }
    }
}

/// Saves every dirty project until dropped.
pub struct Autosave {
    hot: Arc<dyn HotStore>,
    durable: Arc<dyn DurableStore>,
    /// How long entries are kept after a checkpoint covers them.
    log_retention: Duration,
    pace: Pace,
    due: HashMap<ProjectId, Due>,
    savers: Jobs<Ended>,
    checkpoints: Jobs<()>,
    tails: Tails,
}

impl Autosave {
    /// An autosave between these two stores.
    #[must_use]
    pub fn new(hot: Arc<dyn HotStore>, durable: Arc<dyn DurableStore>, log_retention: Duration, pace: Pace) -> Self {
        Self {
            hot,
            durable,
            log_retention,
            pace,
            due: HashMap::new(),
            savers: Jobs::new(SAVERS),
            checkpoints: Jobs::new(CHECKPOINTS),
            tails: Tails::default(),
        }
    }

    /// Runs for ever.
    pub async fn run(mut self) {
        let mut scan_at = self.pace.scan.map(|_| Instant::now());
        loop {
            let scan = scan_at.is_some_and(|at| Instant::now() >= at);
            if scan {
                scan_at = self.pace.scan.map(|every| Instant::now() + jittered(every));
            }
            self.look(scan).await;
            let now = Instant::now();
            self.start_due(now);
            let hot = self.hot.clone();
            // What is due and cannot be started yet is tried again when a job has ended.
            let next = self.due.values().map(|due| due.at).filter(|at| *at > now).chain(scan_at).min();
            tokio::select! {
                () = hot.dirtied() => {}
                () = until(next) => {}
                Some((project, ended)) = self.savers.ended() => match ended {
                    Some(Ended::LookForCheckpoint) => self.start_checkpoint(&project),
                    Some(Ended::SavedElsewhere) => drop(self.due.insert(project, Due::after(ELSEWHERE))),
                    Some(Ended::Saved) | None => {}
                },
                Some(_) = self.checkpoints.ended() => {}
            }
        }
    }

    /// Notes what has become dirty, here or, with `scan`, anywhere.
    async fn look(&mut self, scan: bool) {
        let now = Instant::now();
        match self.hot.dirty(false).await {
            Ok(dirty) => dirty.into_iter().for_each(|dirty| {
                let due = self.due.entry(dirty.project).or_insert_with(|| Due::after(self.pace.after));
                if dirty.urgent {
                    *due = Due { at: now, urgent: true };
                }
            }),
            Err(error) => tracing::warn!(%error, "autosave cannot read what is dirty"),
        }
        if let Some(every) = self.pace.scan.filter(|_| scan) {
            match self.hot.dirty(true).await {
                // Whoever changed it saves it, as a rule.
                Ok(dirty) => dirty.into_iter().for_each(|dirty| {
                    self.due.entry(dirty.project).or_insert_with(|| Due::after(every / 2));
                }),
                Err(error) => tracing::warn!(%error, "autosave cannot read what other nodes have left"),
            }
        }
    }

    /// Starts a saver for every project that is due and has none.
    fn start_due(&mut self, now: Instant) {
        let savers = &mut self.savers;
        let (hot, durable, tails) = (&self.hot, &self.durable, &self.tails);
        self.due.retain(|project, due| {
            let (hot, durable, tails, urgent) = (hot.clone(), durable.clone(), tails.clone(), due.urgent);
            let saver = |project| Saver { project, urgent, hot, durable, tails };
            now < due.at || !savers.start(project, |project| saver(project).run())
        });
    }

    fn start_checkpoint(&mut self, project: &ProjectId) {
        let (durable, retention, tails) = (self.durable.clone(), self.log_retention, self.tails.clone());
        self.checkpoints.start(project, |project| async move {
            let retention = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
            let build = rand::rng().random();
            match checkpoint_if_due(&*durable, &project, clock::now_ms(), retention, build).await {
                Ok(Some(seq)) => {
                    checkpointed(&tails, &project);
                    tracing::info!(%project, seq, "checkpoint written");
                }
                Ok(None) => {}
                // What is saved stays saved; the next look tries again.
                Err(error) => tracing::warn!(%project, %error, "no checkpoint could be written"),
            }
        });
    }
}

/// A duration less up to a fifth of it, so that nodes and projects do not do everything at the same time.
fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(rand::rng().random_range(0.8..1.0))
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

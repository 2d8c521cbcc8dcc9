//! Autosave: brings what the hot store accepted into the durable store, and tells how far it is.
//!
//! Owns the way from the dirty mark to the watermark, and checkpoints. Needs no room: it saves what any node left behind. Never
//! decides whose history is right; `recovery` does. Started by `app`.

mod jobs;
mod saver;

use crate::clock;
use crate::durable::DurableStore;
use crate::durable::checkpoint::checkpoint_if_due;
use crate::hot::{Dirty, HotStore};
use crate::ids::ProjectId;
use jobs::Jobs;
use rand::RngExt as _;
use saver::{Saver, Tails, checkpointed};
use std::sync::Arc;
use std::time::Duration;

/// Projects that are saved at the same time. The store's writer commits once for all of them.
const SAVERS: usize = 256;
/// Checkpoints that are made at the same time: each reads and writes a whole project.
const CHECKPOINTS: usize = 2;

/// Saves every dirty project until dropped.
pub struct Autosave {
    hot: Arc<dyn HotStore>,
    durable: Arc<dyn DurableStore>,
    /// How long entries are kept after a checkpoint covers them.
    log_retention: Duration,
    savers: Jobs<bool>,
    checkpoints: Jobs<()>,
    tails: Tails,
}

impl Autosave {
    /// An autosave between these two stores.
    #[must_use]
    pub fn new(hot: Arc<dyn HotStore>, durable: Arc<dyn DurableStore>, log_retention: Duration) -> Self {
        Self {
            hot,
            durable,
            log_retention,
            savers: Jobs::new(SAVERS),
            checkpoints: Jobs::new(CHECKPOINTS),
            tails: Tails::default(),
        }
    }

    /// Runs for ever.
    pub async fn run(mut self) {
        loop {
            self.start_due().await;
            let hot = self.hot.clone();
            tokio::select! {
                () = hot.dirtied() => {}
                Some((project, look)) = self.savers.ended() => {
                    if look == Some(true) {
                        self.start_checkpoint(&project);
                    }
                }
                Some(_) = self.checkpoints.ended() => {}
            }
        }
    }

    /// Starts a saver for every dirty project that has none.
    async fn start_due(&mut self) {
        let dirty = match self.hot.dirty(true).await {
            Ok(dirty) => dirty,
            Err(error) => return tracing::warn!(%error, "autosave cannot read what is dirty"),
        };
        for Dirty { project, .. } in dirty {
            let (hot, durable, tails) = (self.hot.clone(), self.durable.clone(), self.tails.clone());
            self.savers.start(&project, |project| Saver { project, hot, durable, tails }.run());
        }
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

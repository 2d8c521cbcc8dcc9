//! Where logs ended when this node last looked.
//!
//! Owns how long that may be believed. Never reads anything. Called by `log`.

use crate::clock;
use crate::ids::{ProjectId, Seq};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long an end is believed. Entries are never removed younger than [`super::log::YOUNGEST_MS`], so that in this time nobody can have
/// written one behind that end and removed it again.
pub(super) const BELIEVED: Duration = Duration::from_secs(60);
/// Ends that are remembered; of more, those that are believed no longer are forgotten.
const ENDS: usize = 8_192;

/// A moment by two clocks: one stands still while a machine sleeps, the other one may be set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    at: Instant,
    wall_ms: u64,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { at: Instant::now(), wall_ms: clock::now_ms() }
    }

    fn age(self) -> Duration {
        let wall = Duration::from_millis(clock::now_ms().saturating_sub(self.wall_ms));
        self.at.elapsed().max(wall)
    }
}

/// Ends of logs, each with the moment before which it was read or written.
#[derive(Debug)]
pub(super) struct Ends {
    believed: Duration,
    ends: Mutex<HashMap<ProjectId, (Seq, Moment)>>,
}

impl Ends {
    /// Nothing is known yet; what will be is believed for so long.
    pub(super) fn new(believed: Duration) -> Self {
        Self { believed, ends: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProjectId, (Seq, Moment)>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a moment is too long ago for what was seen then to be believed.
    pub(super) fn is_past(&self, moment: Moment) -> bool {
        moment.age() >= self.believed
    }

    /// When a log was known to end at this seq, if that may still be believed.
    pub(super) fn known(&self, project: &ProjectId, seq: Seq) -> Option<Moment> {
        let (end, moment) = *self.lock().get(project)?;
        (end == seq && !self.is_past(moment)).then_some(moment)
    }

    pub(super) fn learn(&self, project: &ProjectId, end: Seq, moment: Moment) {
        let mut ends = self.lock();
        if ends.len() >= ENDS {
            ends.retain(|_, (_, moment)| !self.is_past(*moment));
        }
        if ends.len() < ENDS || ends.contains_key(project) {
            ends.insert(project.clone(), (end, moment));
        }
    }

    pub(super) fn forget(&self, project: &ProjectId) {
        self.lock().remove(project);
    }
}

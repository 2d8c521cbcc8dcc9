//! Where logs ended when this node last looked.
//!
//! Owns how long that may be believed. Never reads anything. Called by `log`.

use crate::clock;
use crate::ids::{ProjectId, Seq};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long an end is believed. Entries are never removed younger than [`super::log::YOUNGEST_MS`], so that in this time nobody can have
/// written one behind that end and removed it again.
const BELIEVED: Duration = Duration::from_secs(60);
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

    /// Whether it is too long ago to be believed.
    pub(super) fn is_past(self) -> bool {
        let wall = Duration::from_millis(clock::now_ms().saturating_sub(self.wall_ms));
        self.at.elapsed().max(wall) >= BELIEVED
    }
}

/// Ends of logs, each with the moment before which it was read or written.
#[derive(Debug, Default)]
pub(super) struct Ends(Mutex<HashMap<ProjectId, (Seq, Moment)>>);

impl Ends {
    /// When a log was known to end at this seq, if that may still be believed.
    pub(super) fn known(&self, project: &ProjectId, seq: Seq) -> Option<Moment> {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (end, moment) = *ends.get(project)?;
        (end == seq && !moment.is_past()).then_some(moment)
    }

    pub(super) fn learn(&self, project: &ProjectId, end: Seq, moment: Moment) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() >= ENDS {
            ends.retain(|_, (_, moment)| !moment.is_past());
        }
        if ends.len() < ENDS || ends.contains_key(project) {
            ends.insert(project.clone(), (end, moment));
        }
    }

    pub(super) fn forget(&self, project: &ProjectId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(project);
    }
}

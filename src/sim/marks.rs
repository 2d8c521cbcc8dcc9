//! What a simulated node has left unsaved, as the real way to Redis keeps it: it dies with the node.

use crate::hot::Dirty;
use crate::hot::unsaved::Left;
use crate::ids::{ProjectId, Seq};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// A project with unsaved commits, or commits whose outcome is not known.
#[derive(Debug)]
struct Mark {
    urgent: bool,
    /// How often it was set.
    times: u64,
    since: Instant,
    left: Left,
}

/// All of them.
#[derive(Default)]
pub(super) struct Marks {
    projects: Mutex<BTreeMap<ProjectId, Mark>>,
    dirtied: Notify,
}

impl Marks {
    fn projects(&self) -> MutexGuard<'_, BTreeMap<ProjectId, Mark>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, project: &ProjectId, urgent: bool, seq: Seq) {
        let mut projects = self.projects();
        let now = Instant::now();
        let fresh = Mark { urgent: false, times: 0, since: now, left: Left::default() };
        let mark = projects.entry(project.clone()).or_insert(fresh);
        mark.urgent |= urgent;
        mark.times += 1;
        mark.left.add(seq, now);
        drop(projects);
        self.dirtied.notify_one();
    }

    /// A saver looks at it.
    pub(super) fn looked_at(&self, project: &ProjectId) {
        if let Some(mark) = self.projects().get_mut(project) {
            mark.urgent = false;
        }
    }

    /// What was the oldest is saved.
    pub(super) fn begin_again(&self, project: &ProjectId, seq: Seq) {
        if let Some(mark) = self.projects().get_mut(project) {
            mark.since = Instant::now();
            mark.left.saved(seq);
        }
    }

    /// Some node has saved everything up to `seq`.
    pub(super) fn heard(&self, project: &ProjectId, seq: Seq) {
        let mut projects = self.projects();
        let Some(mark) = projects.get_mut(project) else { return };
        match mark.left.saved(seq) {
            Some(oldest) => mark.since = mark.since.max(oldest),
            None => drop(projects.remove(project)),
        }
        drop(projects);
        self.dirtied.notify_one();
    }

    pub(super) fn times(&self, project: &ProjectId) -> u64 {
        self.projects().get(project).map_or(0, |mark| mark.times)
    }

    /// All was saved when it had been set so often.
    pub(super) fn clear(&self, project: &ProjectId, times: u64) {
        let mut projects = self.projects();
        if projects.get(project).is_some_and(|mark| mark.times == times) {
            projects.remove(project);
        }
    }

    /// These, and what others have left.
    pub(super) fn list(&self, others: Vec<Dirty>) -> Vec<Dirty> {
        let mut all: BTreeMap<_, _> = others.into_iter().map(|dirty| (dirty.project.clone(), dirty)).collect();
        for (project, mark) in self.projects().iter() {
            let own = Dirty { project: project.clone(), urgent: mark.urgent, age: mark.since.elapsed() };
            all.insert(project.clone(), own);
        }
        all.into_values().collect()
    }

    pub(super) async fn dirtied(&self) {
        self.dirtied.notified().await;
    }
}

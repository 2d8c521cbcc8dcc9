//! What a simulated node has left unsaved, as the real way to Redis keeps it: it dies with the node.

use crate::hot::Dirty;
use crate::ids::ProjectId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// A project with unsaved commits, or commits whose outcome is not known.
#[derive(Debug, Clone, Copy)]
struct Mark {
    urgent: bool,
    /// How often it was set.
    times: u64,
    since: Instant,
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

    pub(super) fn set(&self, project: &ProjectId, urgent: bool) {
        let mut projects = self.projects();
        let fresh = Mark { urgent: false, times: 0, since: Instant::now() };
        let mark = projects.entry(project.clone()).or_insert(fresh);
        mark.urgent |= urgent;
        mark.times += 1;
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
    pub(super) fn begin_again(&self, project: &ProjectId) {
        if let Some(mark) = self.projects().get_mut(project) {
            mark.since = Instant::now();
        }
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

//! What the simulated world does to a Redis, which the store in memory stands for there, and nobody does to a store in one's own process.

use super::MemoryHot;
use crate::ids::{Position, ProjectId};

impl MemoryHot {
    /// Forgets everything.
    pub(crate) fn wipe(&self) {
        self.projects.clear();
        self.dirty.clear();
    }

    /// Forgets one project, saved or not.
    pub(crate) fn evict(&self, project: &ProjectId) {
        self.projects.remove(project);
    }

    /// Becomes what the other is.
    pub(crate) fn copy_from(&self, other: &Self) {
        self.wipe();
        for hot in &other.projects {
            self.projects.insert(hot.key().clone(), hot.value().clone());
        }
        for dirty in &other.dirty {
            self.dirty.insert(dirty.key().clone(), *dirty.value());
        }
    }

    /// Keeps no more than so many saved commits, as a Redis would that is short of memory.
    pub(crate) fn keep_saved(&self, project: &ProjectId, keeps: usize) {
        if let Some(mut hot) = self.projects.get_mut(project) {
            let saved = hot.saved.seq;
            hot.log.trim(saved, keeps);
        }
    }

    /// Where the project stands, and up to where it is known to be saved.
    pub(crate) fn stands(&self, project: &ProjectId) -> Option<(Position, Position)> {
        self.projects.get(project).map(|hot| (hot.position, hot.saved))
    }
}

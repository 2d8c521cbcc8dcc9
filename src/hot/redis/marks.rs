//! The projects that this node has left unsaved: what autosave asks for most of the time, without a word to Redis.

use crate::hot::Dirty;
use crate::ids::{Epoch, ProjectId, Seq};
use dashmap::DashMap;
use std::collections::HashMap;
use tokio::sync::Notify;

/// Up to where this node knows that a project has commits.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    urgent: bool,
    upto: (Epoch, Seq),
}

/// Marks, one per project.
#[derive(Default)]
pub(super) struct Marks {
    projects: DashMap<ProjectId, Mark>,
    dirtied: Notify,
}

impl Marks {
    /// There are commits up to `seq`.
    pub(super) fn set(&self, project: &ProjectId, epoch: Epoch, seq: Seq, urgent: bool) {
        let mut mark = self.projects.entry(project.clone()).or_default();
        mark.urgent |= urgent;
        mark.upto = mark.upto.max((epoch, seq));
        drop(mark);
        self.dirtied.notify_one();
    }

    /// All is saved up to `seq`. A commit whose answer came meanwhile is above it, and its mark stays.
    pub(super) fn clear(&self, project: &ProjectId, epoch: Epoch, seq: Seq) {
        self.projects.remove_if(project, |_, mark| mark.upto <= (epoch, seq));
    }

    /// The store has nothing of the project, or nothing up to this epoch.
    pub(super) fn forget(&self, project: &ProjectId, epoch: Epoch) {
        self.projects.remove_if(project, |_, mark| mark.upto.0 <= epoch);
    }

    /// These, and what other nodes left.
    pub(super) fn list(&self, others: impl IntoIterator<Item = ProjectId>) -> Vec<Dirty> {
        let mut all: HashMap<ProjectId, bool> = others.into_iter().map(|project| (project, false)).collect();
        all.extend(self.projects.iter().map(|mark| (mark.key().clone(), mark.urgent)));
        all.into_iter().map(|(project, urgent)| Dirty { project, urgent }).collect()
    }

    /// Waits until something was marked since the last call.
    pub(super) async fn changed(&self) {
        self.dirtied.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_above_what_is_saved_stays() {
        let (marks, project) = (Marks::default(), ProjectId::parse("p").expect("id"));
        marks.set(&project, 1, 7, true);
        marks.clear(&project, 1, 6);
        assert_eq!(marks.list([project.clone()]), [Dirty { project: project.clone(), urgent: true }]);
        marks.clear(&project, 1, 7);
        assert!(marks.list([]).is_empty());
        marks.set(&project, 2, 1, false);
        marks.forget(&project, 1);
        assert_eq!(marks.list([]).len(), 1);
    }
}

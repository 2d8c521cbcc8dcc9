//! The projects that this node has left unsaved: what autosave asks for most of the time, without a word to Redis.

use crate::hot::Dirty;
use crate::ids::ProjectId;
use dashmap::DashMap;
use std::collections::HashMap;
use tokio::sync::Notify;

/// A project that may have unsaved commits.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// Somebody wants it durable at once, and no saver has looked since.
    urgent: bool,
    /// How often it was set: who clears it must have looked after the last time.
    times: u64,
}

/// Marks, one per project.
#[derive(Default)]
pub(super) struct Marks {
    projects: DashMap<ProjectId, Mark>,
    dirtied: Notify,
}

impl Marks {
    /// There are commits, or may be: a call that was not answered.
    pub(super) fn set(&self, project: &ProjectId, urgent: bool) {
        let mut mark = self.projects.entry(project.clone()).or_default();
        mark.urgent |= urgent;
        mark.times += 1;
        drop(mark);
        self.dirtied.notify_one();
    }

    /// A saver looks at the project: nobody need hurry it any more.
    pub(super) fn looked_at(&self, project: &ProjectId) {
        if let Some(mut mark) = self.projects.get_mut(project) {
            mark.urgent = false;
        }
    }

    /// To be asked before the store is, for [`Marks::clear`].
    pub(super) fn times(&self, project: &ProjectId) -> u64 {
        self.projects.get(project).map_or(0, |mark| mark.times)
    }

    /// The store has said that nothing is unsaved. A commit whose answer came since stays marked.
    pub(super) fn clear(&self, project: &ProjectId, times: u64) {
        self.projects.remove_if(project, |_, mark| mark.times == times);
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
    fn what_was_marked_since_the_look_stays() {
        let (marks, project) = (Marks::default(), ProjectId::parse("p").expect("id"));
        marks.set(&project, true);
        let before = marks.times(&project);
        assert_eq!(marks.list([project.clone()]), [Dirty { project: project.clone(), urgent: true }]);
        marks.looked_at(&project);
        assert_eq!(marks.list([]), [Dirty { project: project.clone(), urgent: false }]);
        marks.set(&project, false);
        marks.clear(&project, before);
        assert_eq!(marks.list([]).len(), 1);
        marks.clear(&project, marks.times(&project));
        assert!(marks.list([]).is_empty());
    }
}

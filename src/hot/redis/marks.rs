//! The projects that this node has left unsaved: what autosave asks for most of the time, without a word to Redis.

use crate::hot::Dirty;
use crate::hot::unsaved::Unsaved;
use crate::ids::{ProjectId, Seq};
use dashmap::DashMap;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A project that may have unsaved commits.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// Somebody wants it durable at once, and no saver has looked since.
    urgent: bool,
    /// How often it was set: who clears it must have looked after the last time.
    times: u64,
    unsaved: Unsaved,
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
        let fresh = || Mark { urgent: false, times: 0, unsaved: Unsaved::since(Instant::now()) };
        let mut mark = self.projects.entry(project.clone()).or_insert_with(fresh);
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

    /// A saver that began to look at this time has seen this head.
    pub(super) fn seen(&self, project: &ProjectId, looked: Instant, head: Seq) {
        if let Some(mut mark) = self.projects.get_mut(project) {
            mark.unsaved.seen(looked, head);
        }
    }

    /// How long ago a saver looked, if everything that it saw lies at or below `seq`.
    pub(super) fn seen_before(&self, project: &ProjectId, seq: Seq) -> Option<Duration> {
        self.projects.get(project)?.unsaved.all_seen_by(seq).map(|looked| looked.elapsed())
    }

    /// Everything up to `seq` is saved, and there is more.
    pub(super) fn saved(&self, project: &ProjectId, seq: Seq) {
        if let Some(mut mark) = self.projects.get_mut(project) {
            mark.unsaved.saved(seq);
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

    /// These, and what other nodes left, with its age.
    pub(super) fn list(&self, others: impl IntoIterator<Item = (ProjectId, Duration)>) -> Vec<Dirty> {
        let now = Instant::now();
        let mut all: HashMap<_, _> = others.into_iter().map(|(project, age)| (project, (false, age))).collect();
        all.extend(self.projects.iter().map(|mark| (mark.key().clone(), (mark.urgent, mark.unsaved.age(now)))));
        all.into_iter().map(|(project, (urgent, age))| Dirty { project, urgent, age }).collect()
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
        let listed = |others| {
            let all: Vec<Dirty> = marks.list(others);
            all.into_iter().map(|dirty| (dirty.project, dirty.urgent)).collect::<Vec<_>>()
        };
        assert_eq!(listed(vec![(project.clone(), Duration::ZERO)]), [(project.clone(), true)]);
        marks.looked_at(&project);
        assert_eq!(listed(vec![]), [(project.clone(), false)]);
        marks.set(&project, false);
        marks.clear(&project, before);
        assert_eq!(marks.list([]).len(), 1);
        marks.clear(&project, marks.times(&project));
        assert!(marks.list([]).is_empty());
    }
}

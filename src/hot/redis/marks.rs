//! The projects that this node has left unsaved: what autosave asks for most of the time, without a word to Redis.

use crate::hot::Dirty;
use crate::hot::unsaved::{Left, Unsaved};
use crate::ids::{ProjectId, Seq};
use dashmap::{DashMap, Entry};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A project that may have unsaved commits.
#[derive(Debug)]
struct Mark {
    /// Somebody wants it durable at once, and no saver has looked since.
    urgent: bool,
    /// How often it was set: who clears it must have looked after the last time.
    times: u64,
    unsaved: Unsaved,
    /// This node's part of it.
    left: Left,
}

/// Marks, one per project.
#[derive(Default)]
pub(super) struct Marks {
    projects: DashMap<ProjectId, Mark>,
    dirtied: Notify,
}

impl Marks {
    /// There are commits up to `seq`, or may be: [`Seq::MAX`] after a call that was not answered.
    pub(super) fn set(&self, project: &ProjectId, urgent: bool, seq: Seq) {
        let now = Instant::now();
        let fresh = || Mark { urgent: false, times: 0, unsaved: Unsaved::since(now), left: Left::default() };
        let mut mark = self.projects.entry(project.clone()).or_insert_with(fresh);
        mark.urgent |= urgent;
        mark.times += 1;
        mark.left.add(seq, now);
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
            mark.left.saved(seq);
        }
    }

    /// Some node has saved everything up to `seq`. What others have done since is theirs to save.
    pub(super) fn heard(&self, project: &ProjectId, seq: Seq) {
        let Entry::Occupied(mut mark) = self.projects.entry(project.clone()) else { return };
        match mark.get_mut().left.saved(seq) {
            Some(oldest) => mark.get_mut().unsaved.younger(oldest),
            None => drop(mark.remove()),
        }
        self.dirtied.notify_one();
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
        marks.set(&project, true, 1);
        let before = marks.times(&project);
        let listed = |others| {
            let all: Vec<Dirty> = marks.list(others);
            all.into_iter().map(|dirty| (dirty.project, dirty.urgent)).collect::<Vec<_>>()
        };
        assert_eq!(listed(vec![(project.clone(), Duration::ZERO)]), [(project.clone(), true)]);
        marks.looked_at(&project);
        assert_eq!(listed(vec![]), [(project.clone(), false)]);
        marks.set(&project, false, 2);
        marks.clear(&project, before);
        assert_eq!(marks.list([]).len(), 1);
        marks.clear(&project, marks.times(&project));
        assert!(marks.list([]).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_node_has_saved_is_marked_no_more() {
        let (marks, project) = (Marks::default(), ProjectId::parse("p").expect("id"));
        let pass = |ms| tokio::time::advance(Duration::from_millis(ms));
        let ages = || marks.list([]).iter().map(|dirty| dirty.age).collect::<Vec<_>>();
        for seq in [3, 5, 9] {
            marks.set(&project, false, seq);
            pass(100).await;
        }
        marks.heard(&project, 2);
        assert_eq!(ages(), [Duration::from_millis(300)]);
        marks.heard(&project, 7);
        assert_eq!(ages(), [Duration::from_millis(100)], "only the last is left");
        marks.heard(&project, 9);
        assert!(ages().is_empty());
        marks.set(&project, false, Seq::MAX);
        marks.heard(&project, 20);
        assert_eq!(ages().len(), 1, "nobody knows whether it was stored");
    }
}

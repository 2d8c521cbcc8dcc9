//! Which presence keys this node has, what must be done to them, and how its news are numbered. Pure.
//!
//! It coalesces: whatever happens while a write is under way is one write afterwards. So it is no larger than the sessions of this node, and those
//! that have left and whose keys could not be removed.

use crate::ids::{ProjectId, SessionId};
use crate::presence::Alive;
use crate::protocol::message::PresenceEntry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most sessions that wait for their keys to be removed: those beyond expire by themselves.
const GONE: usize = 16_384;

/// All projects in which this node has sessions.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    projects: HashMap<ProjectId, Here>,
    /// Projects with something to write.
    due: BTreeSet<ProjectId>,
    /// Sessions that have left and have keys.
    gone: HashMap<ProjectId, BTreeSet<SessionId>>,
    gone_count: usize,
    /// No news has a higher number. A project that comes back goes on from here, so that its numbers never fall.
    highest: u64,
}

/// This node's sessions in a project.
#[derive(Debug)]
struct Here {
    /// Number of the last news.
    n: u64,
    sessions: BTreeMap<SessionId, Mine>,
    /// Whether a beat is due.
    beat: bool,
}

#[derive(Debug)]
struct Mine {
    entry: PresenceEntry,
    seen_ms: u64,
    since_ms: u64,
    /// What its key says; `None` when it must be written.
    written: Option<PresenceEntry>,
}

/// A key to write.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Write {
    pub(super) entry: PresenceEntry,
    pub(super) seen_ms: u64,
    pub(super) since_ms: u64,
    /// Whether the session's other key must be written too.
    pub(super) is_new: bool,
}

/// What to do for a project, and what to say then.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Work {
    pub(super) project: ProjectId,
    pub(super) write: Vec<Write>,
    /// Keys that are as they should be, and when their sessions were seen.
    pub(super) keep: Vec<(SessionId, u64)>,
    pub(super) remove: Vec<SessionId>,
    /// All sessions of this node in the project.
    pub(super) all: Vec<SessionId>,
    /// The number that the beat has, if one is due.
    pub(super) beat: Option<u64>,
}

impl Ledger {
    fn here(&mut self, project: &ProjectId) -> &mut Here {
        let n = self.highest;
        self.projects.entry(project.clone()).or_insert_with(|| Here { n, sessions: BTreeMap::new(), beat: false })
    }

    /// News is told; returns its number.
    pub(super) fn tell(&mut self, project: &ProjectId, news: &[PresenceEntry], now_ms: u64) -> u64 {
        let here = self.here(project);
        here.n += 1;
        let n = here.n;
        let (mut left, mut is_due) = (Vec::new(), false);
        for entry in news {
            match (&entry.fields, here.sessions.get_mut(&entry.session)) {
                (None, _) => left.extend(here.sessions.remove(&entry.session).map(|_| entry.session)),
                (Some(fields), Some(mine)) if entry.who.is_none() => {
                    // A beat later is soon enough for the key.
                    mine.entry.fields = mine.entry.fields.as_ref().map(|old| old.patched(fields));
                }
                (Some(_), None) if entry.who.is_some() => {
                    here.sessions.insert(entry.session, Mine::new(entry.clone(), now_ms));
                    is_due = true;
                }
                // A beat was first to tell of it; or it is nobody's.
                (Some(_), _) => {}
            }
        }
        // One in which nobody is left is taken, and forgotten with that.
        is_due |= here.sessions.is_empty();
        self.highest = self.highest.max(n);
        self.leave(project, left);
        if is_due {
            self.due.insert(project.clone());
        }
        n
    }

    /// These are all sessions in the project.
    pub(super) fn beat(&mut self, project: &ProjectId, sessions: Vec<Alive>, now_ms: u64) {
        if sessions.is_empty() && !self.projects.contains_key(project) {
            return;
        }
        let here = self.here(project);
        here.beat = true;
        let mut old = std::mem::take(&mut here.sessions);
        for Alive { entry, seen_ms } in sessions {
            let mine = old.remove(&entry.session).unwrap_or_else(|| Mine::new(entry.clone(), now_ms));
            here.sessions.insert(entry.session, Mine { entry, seen_ms, ..mine });
        }
        self.due.insert(project.clone());
        self.leave(project, old.into_keys().collect());
    }

    fn leave(&mut self, project: &ProjectId, sessions: Vec<SessionId>) {
        for session in sessions {
            if self.gone_count < GONE && self.gone.entry(project.clone()).or_default().insert(session) {
                self.gone_count += 1;
            }
            self.due.insert(project.clone());
        }
    }

    /// Takes everything that is to be done; it counts as done until [`Self::failed`].
    pub(super) fn take(&mut self) -> Vec<Work> {
        let mut due = std::mem::take(&mut self.due);
        due.extend(self.gone.keys().cloned());
        self.gone_count = 0;
        let mut gone = std::mem::take(&mut self.gone);
        let works = due.into_iter().map(|project| {
            let remove = gone.remove(&project).unwrap_or_default().into_iter().collect();
            self.work(project, remove)
        });
        works.collect()
    }

    fn work(&mut self, project: ProjectId, remove: Vec<SessionId>) -> Work {
        let (mut write, mut keep, mut all, mut beat) = (Vec::new(), Vec::new(), Vec::new(), None);
        if let Some(here) = self.projects.get_mut(&project) {
            beat = std::mem::take(&mut here.beat).then_some(here.n);
            for (session, mine) in &mut here.sessions {
                all.push(*session);
                let is_new = mine.written.is_none();
                if is_new || (beat.is_some() && mine.written.as_ref() != Some(&mine.entry)) {
                    let entry = mine.entry.clone();
                    mine.written = Some(entry.clone());
                    write.push(Write { entry, seen_ms: mine.seen_ms, since_ms: mine.since_ms, is_new });
                } else if beat.is_some() {
                    keep.push((*session, mine.seen_ms));
                }
            }
            if all.is_empty() {
                self.projects.remove(&project);
            }
        }
        Work { project, write, keep, remove, all, beat }
    }

    /// Nobody knows whether that was done: it is to be done again, with the next beat.
    pub(super) fn failed(&mut self, work: &Work) {
        self.lost(&work.project, work.write.iter().map(|write| write.entry.session));
        self.lost(&work.project, work.keep.iter().map(|(session, _)| *session));
        let is_due = self.due.contains(&work.project);
        self.leave(&work.project, work.remove.clone());
        if !is_due {
            self.due.remove(&work.project);
        }
    }

    /// The keys of these sessions are not there.
    pub(super) fn lost(&mut self, project: &ProjectId, sessions: impl Iterator<Item = SessionId>) {
        let Some(here) = self.projects.get_mut(project) else { return };
        for session in sessions {
            if let Some(mine) = here.sessions.get_mut(&session) {
                mine.written = None;
            }
        }
    }
}

impl Mine {
    fn new(entry: PresenceEntry, now_ms: u64) -> Self {
        Self { entry, seen_ms: now_ms, since_ms: now_ms, written: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Author;
    use crate::protocol::json::from_json;
    use crate::protocol::message::{Role, Who};
    use crate::protocol::props::Props;

    fn entry(session: SessionId, json: &str, is_new: bool) -> PresenceEntry {
        let fields = (json != "left").then(|| Props::parse(&from_json(json).expect("JSON"), 32).expect("props"));
        let who = is_new.then(|| Who { author: Author([1; 8]), user: "u".into(), role: Role::Editor });
        PresenceEntry { session, fields, who }
    }

    fn alive(session: SessionId, json: &str, seen_ms: u64) -> Alive {
        Alive { entry: entry(session, json, true), seen_ms }
    }

    fn p() -> ProjectId {
        ProjectId::parse("p").expect("id")
    }

    /// What is written, kept and removed; and the beat.
    type Taken = (Vec<SessionId>, Vec<SessionId>, Vec<SessionId>, Option<u64>);

    fn taken(ledger: &mut Ledger) -> Vec<Taken> {
        let works = ledger.take().into_iter();
        let write = |w: &Work| w.write.iter().map(|w| w.entry.session).collect();
        works.map(|w| (write(&w), w.keep.iter().map(|(s, _)| *s).collect(), w.remove, w.beat)).collect()
    }

    #[test]
    fn joins_and_leaves_are_written_at_once_and_moves_with_the_beat() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.tell(&p(), &[entry(1, "{}", true), entry(2, "{}", true)], 5), 1);
        assert_eq!(taken(&mut ledger), [(vec![1, 2], vec![], vec![], None)]);
        assert_eq!(ledger.tell(&p(), &[entry(1, r#"{"a":1}"#, false)], 6), 2);
        assert!(taken(&mut ledger).is_empty());
        ledger.beat(&p(), vec![alive(1, r#"{"a":1}"#, 7), alive(2, "{}", 8)], 9);
        assert_eq!(taken(&mut ledger), [(vec![1], vec![2], vec![], Some(2))]);
        ledger.tell(&p(), &[entry(1, "left", false)], 10);
        assert_eq!(taken(&mut ledger), [(vec![], vec![], vec![1], None)]);
        // The beat makes good what was not told.
        ledger.beat(&p(), vec![alive(3, "{}", 11)], 11);
        assert_eq!(taken(&mut ledger), [(vec![3], vec![], vec![2], Some(3))]);
        ledger.beat(&p(), vec![], 12);
        assert_eq!(taken(&mut ledger), [(vec![], vec![], vec![3], Some(3))]);
        ledger.beat(&p(), vec![], 13);
        assert!(taken(&mut ledger).is_empty() && ledger.projects.is_empty());
    }

    #[test]
    fn who_came_and_went_is_only_removed() {
        let mut ledger = Ledger::default();
        ledger.tell(&p(), &[entry(1, "{}", true)], 1);
        ledger.tell(&p(), &[entry(1, "left", false)], 1);
        assert_eq!(taken(&mut ledger), [(vec![], vec![], vec![1], None)]);
        assert!(ledger.projects.is_empty());
        // Numbers go on, whatever was forgotten.
        assert_eq!(ledger.tell(&p(), &[entry(2, "{}", true)], 1), 3);
    }

    #[test]
    fn a_project_without_sessions_of_ours_is_forgotten_once_its_news_is_told() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.tell(&p(), &[entry(0, "left", true)], 1), 1);
        assert_eq!(taken(&mut ledger), [(vec![], vec![], vec![], None)]);
        assert!(ledger.projects.is_empty());
    }

    #[test]
    fn what_failed_is_done_again_with_the_next_beat() {
        let mut ledger = Ledger::default();
        ledger.tell(&p(), &[entry(1, "{}", true), entry(2, "{}", true)], 1);
        ledger.tell(&p(), &[entry(1, "left", false)], 1);
        let works = ledger.take();
        ledger.failed(&works[0]);
        assert!(ledger.due.is_empty());
        ledger.beat(&p(), vec![alive(2, "{}", 1)], 1);
        assert_eq!(taken(&mut ledger), [(vec![2], vec![], vec![1], Some(2))]);
        ledger.beat(&p(), vec![alive(2, "{}", 1)], 1);
        assert_eq!(taken(&mut ledger), [(vec![], vec![2], vec![], Some(2))]);
        ledger.lost(&p(), std::iter::once(2));
        ledger.beat(&p(), vec![alive(2, "{}", 1)], 1);
        assert_eq!(taken(&mut ledger), [(vec![2], vec![], vec![], Some(2))]);
    }

    #[test]
    fn those_that_wait_to_be_removed_are_bounded() {
        let mut ledger = Ledger::default();
        let all: Vec<_> = (0..GONE as u64 + 9).map(|session| alive(session, "{}", 1)).collect();
        ledger.beat(&p(), all, 1);
        ledger.beat(&p(), vec![], 1);
        assert_eq!(ledger.take()[0].remove.len(), GONE);
    }
}
